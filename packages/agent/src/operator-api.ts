/** POST /api/v1: bytes judged in the original's order, one call made, its answer written (mesos.md §1.3, 5). */
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import {
  type AgentCall,
  accepts,
  answerFormat,
  decodeJson,
  decodeProtobuf,
  encodeJson,
  encodeProtobuf,
  formatOf,
  lastHeader,
  type MediaFormat,
  MessageError,
  mediaTypes,
  recordType,
} from '@pronoia/mesos';
import { type Clock, CodedError } from '@pronoia/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from './errors.ts';
import { answerCall, type OperatorDeps } from './operator.ts';
import type { LaunchRequest } from './operator-containers.ts';
import { type RecordStyle, streamOutput, takeInput } from './process-io.ts';
import { refuse } from './refuse.ts';

export interface OperatorApiDeps extends OperatorDeps {
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

/** Own scope: the body is read as bytes and judged here, because the order of refusals is part of the API. */
export function addOperatorApi(app: FastifyInstance, deps: OperatorApiDeps): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(recordType, (_request, body, parsed) => parsed(null, body));
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    for (const path of ['/api/v1', '/api/v1/', '/api/v1/operator']) {
      for (const prefix of ['', '/slave(1)', '/slave']) {
        scope.post(prefix + path, async (request, reply) => {
          try {
            return await answer(request, reply, deps);
          } catch (error) {
            if (error instanceof MessageError)
              return refuse(reply, error.kind === 'no_type' ? 501 : 400, `Failed to parse body: ${error.message}`);
            if (error instanceof CodedError) return refuse(reply, error.status, error.message);
            throw error;
          }
        });
      }
    }
    done();
  });
}

async function answer(request: FastifyRequest, reply: FastifyReply, deps: OperatorApiDeps): Promise<FastifyReply> {
  const type = request.headers['content-type'];
  if (type === undefined) return refuse(reply, 400, "Expecting 'Content-Type' to be present");
  const messageType = lastHeader(request.raw.rawHeaders, 'message-content-type');
  if (type === recordType) {
    if (messageType === undefined) return refuse(reply, 400, "Expecting 'Message-Content-Type' to be set for streaming requests");
    const format = formatOf(messageType);
    if (format === undefined) return refuse(reply, 415, `'Message-Content-Type' must be ${mediaTypes.json} or ${mediaTypes.protobuf}`);
    if (!(request.body instanceof Readable)) throw errors.fail('bad_call', { reason: 'Expecting a body' });
    await takeInput(request.body, format, (id) => {
      const found = deps.operatorContainers.find(id);
      return found?.executor === undefined ? undefined : found.container;
    });
    return reply.code(200).send();
  }
  const format = formatOf(type);
  if (format === undefined)
    return refuse(reply, 415, `Expecting 'Content-Type' of ${mediaTypes.json}, ${mediaTypes.protobuf} or ${recordType}`);
  if (messageType !== undefined) return refuse(reply, 415, "'Message-Content-Type' is for streaming requests only");
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const call = format === 'json' ? decodeJson('AgentCall', body) : decodeProtobuf('AgentCall', body);
  if (call.type === 'LAUNCH_NESTED_CONTAINER_SESSION' || call.type === 'ATTACH_CONTAINER_OUTPUT') return stream(call, request, reply, deps);
  if (call.type === 'ATTACH_CONTAINER_INPUT')
    return refuse(reply, 415, `ATTACH_CONTAINER_INPUT is streamed: expecting 'Content-Type' of ${recordType}`);
  const wanted = answerFormat(request.raw.rawHeaders);
  if (wanted === undefined) return refuse(reply, 406, `Expecting 'Accept' to allow ${mediaTypes.json} or ${mediaTypes.protobuf}`);
  const status = await act(call, deps);
  // No body and no Content-Type: some clients take the header for a body to come (mesos.md §1.2).
  if (status !== undefined) return reply.code(status).send();
  const response = await answerCall(call, deps);
  const bytes = wanted === 'json' ? Buffer.from(encodeJson('AgentResponse', response)) : encodeProtobuf('AgentResponse', response);
  return reply.header('content-type', mediaTypes[wanted]).send(bytes);
}

/** The calls that do something and say only whether they did. Undefined: it is another call. */
async function act(call: AgentCall, { operatorContainers, verbosity }: OperatorApiDeps): Promise<number | undefined> {
  const launch = async (request: LaunchRequest): Promise<number> => {
    try {
      return (await operatorContainers.launch(request)) ? 200 : 202;
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw errors.fail('bad_call', { reason: `Failed to launch container: ${(error as Error).message}` }, error);
    }
  };
  if (call.type === 'SET_LOGGING_LEVEL') {
    const { level, duration } = call.set_logging_level;
    if (level < 0 || Number(duration.nanoseconds) < 0) throw errors.fail('bad_call', { reason: 'level and duration must not be negative' });
    verbosity.set(level, Number(duration.nanoseconds) / 1e6);
    return 200;
  }
  if (call.type === 'LAUNCH_NESTED_CONTAINER') {
    if (call.launch_nested_container.container_id.parent === undefined)
      throw errors.fail('bad_call', { reason: "Expecting 'container_id.parent' to be present" });
    return launch(call.launch_nested_container);
  }
  if (call.type === 'LAUNCH_CONTAINER') return launch(call.launch_container);
  if (call.type === 'KILL_NESTED_CONTAINER' || call.type === 'KILL_CONTAINER') {
    const { container_id, signal } = call.type === 'KILL_CONTAINER' ? call.kill_container : call.kill_nested_container;
    operatorContainers.kill(container_id, signalOf(signal));
    return 200;
  }
  if (call.type === 'REMOVE_NESTED_CONTAINER' || call.type === 'REMOVE_CONTAINER') {
    operatorContainers.remove((call.type === 'REMOVE_CONTAINER' ? call.remove_container : call.remove_nested_container).container_id);
    return 200;
  }
  return undefined;
}

function signalOf(number = 9): NodeJS.Signals {
  const found = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  if (found === undefined) throw errors.fail('bad_call', { reason: `there is no signal ${number}` });
  return found as NodeJS.Signals;
}

type StreamCall = Extract<AgentCall, { type: 'LAUNCH_NESTED_CONTAINER_SESSION' | 'ATTACH_CONTAINER_OUTPUT' }>;

async function stream(call: StreamCall, request: FastifyRequest, reply: FastifyReply, deps: OperatorApiDeps): Promise<FastifyReply> {
  const { operatorContainers, clock, heartbeatMs } = deps;
  const style = recordStyle(request.raw.rawHeaders);
  if (typeof style === 'string') return refuse(reply, 406, style);
  if (call.type === 'ATTACH_CONTAINER_OUTPUT') {
    const { container_id } = call.attach_container_output;
    const found = operatorContainers.find(container_id);
    if (found?.executor === undefined || found.container === undefined) throw errors.fail('unknown_container', { id: container_id.value });
    return streamOutput(reply, found.container, style, { clock, heartbeatMs, onClosed: () => undefined });
  }
  const { container_id } = call.launch_nested_container_session;
  if (container_id.parent === undefined) throw errors.fail('bad_call', { reason: "Expecting 'container_id.parent' to be present" });
  let isNew: boolean;
  try {
    isNew = await operatorContainers.launch(call.launch_nested_container_session, true);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw errors.fail('bad_call', { reason: `Failed to launch container: ${(error as Error).message}` }, error);
  }
  if (!isNew) throw errors.fail('bad_call', { reason: `container ${container_id.value} is there already` });
  const container = operatorContainers.find(container_id)?.container;
  if (container === undefined) throw errors.fail('unknown_container', { id: container_id.value });
  return streamOutput(reply, container, style, { clock, heartbeatMs, onClosed: () => container.kill(0) });
}

/** JSON and protobuf go before recordio; with them 'Message-Accept' makes no sense. A text says why nothing will do. */
function recordStyle(rawHeaders: readonly string[]): RecordStyle | string {
  const accept = lastHeader(rawHeaders, 'accept');
  const messageAccept = lastHeader(rawHeaders, 'message-accept');
  const format: MediaFormat | undefined = answerFormat(rawHeaders);
  if (format !== undefined) {
    return messageAccept === undefined ? { format, isRecordio: false } : `'Message-Accept' needs an 'Accept' of ${recordType} alone`;
  }
  if (!accepts(accept, recordType)) return `Expecting 'Accept' to allow ${mediaTypes.json}, ${mediaTypes.protobuf} or ${recordType}`;
  if (accepts(messageAccept, mediaTypes.json)) return { format: 'json', isRecordio: true };
  if (accepts(messageAccept, mediaTypes.protobuf)) return { format: 'protobuf', isRecordio: true };
  return `Expecting 'Message-Accept' to allow ${mediaTypes.json} or ${mediaTypes.protobuf}`;
}
