export {
  AGENT_PROTOCOL_PATH,
  type AgentFeature,
  type AgentTasks,
  type AgentToMaster,
  type MasterToAgent,
  type RunTask,
  type RunTaskGroup,
} from './agent-protocol.ts';
export type { MessageName } from './descriptor.ts';
export { agentId, containerIdFault, formatUuid, frameworkId, idFault, offerId, uuidBase64, uuidBytes, uuidText } from './ids.ts';
export { decodeJson, encodeJson, formatDouble, MessageError, parseJson, readMessage } from './json.ts';
export { accepts, answerFormat, formatOf, lastHeader, type MediaFormat, mediaTypes, recordType } from './media.ts';
export type { MessageByName } from './message-table.ts';
export type * from './messages.ts';
export { decodeProtobuf, encodeProtobuf } from './protobuf.ts';
export { countRanges, formatRanges, type Ranges } from './ranges.ts';
export { encodeRecord, RecordDecoder, type RecordDecoderOptions, RecordError } from './recordio.ts';
export { reservationRole, withBothSpellings, withReservationStack, withRole } from './reservation.ts';
export { parseAttributes, parseResources, ResourceTextError, resourceFault } from './resource-text.ts';
export { fromMilli, type Quantities, Resources, toMilli } from './resources.ts';
export { ancestorsOf, defaultRole, isStrictDescendant, roleFault, topLevelRole } from './roles.ts';
export { isTerminal, taskStates } from './task-state.ts';
