/** POST /api/v1: the operator API (mesos.md §4). Each call is one line here; what it shows is made in views. */
import { answerFormat, type MasterCall, type MasterResponse, type MediaFormat, MessageError, mediaTypes, uuidText } from '@pronoia/mesos';
import type { Logger, Verbosity } from '@pronoia/server';
import type { FastifyInstance } from 'fastify';
import { buildInfo } from './build-info.ts';
import { type Conductor, encodeAs } from './conductor.ts';
import { maintenanceStatus } from './maintenance.ts';
import type { OperatorWrite } from './message.ts';
import type { FormOperation } from './operations.ts';
import { quotaInfo } from './quota-calls.ts';
import { bodyRefusal, readBody } from './request-body.ts';
import { openStream, refuse, respondBody, respondBuffers, respondEmpty } from './respond.ts';
import { addRoute } from './routes.ts';
import { type Authorize, allowAll } from './security/acls.ts';
import { principalOf } from './security/authentication.ts';
import { operatorFault } from './security/rights.ts';
import { type Viewer, visibleState } from './security/visible.ts';
import { inSlices, SharedAnswer } from './slices.ts';
import { metricsSnapshot, type RegistrarFacts } from './snapshot.ts';
import type { MasterState } from './state.ts';
import type { Timing } from './timing.ts';
import { getAgents, getExecutors, getFrameworks, getOperations, getRoles } from './views/operator-views.ts';
import { responsePieces } from './views/state-text.ts';

export interface OperatorApiOptions {
  readonly log: Logger;
  readonly random: () => number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly authorize: Authorize;
  readonly verbosity: Verbosity;
  readonly registrar: () => RegistrarFacts;
  /** As given on the command line, for GET_FLAGS. */
  readonly flags: Readonly<Record<string, string>>;
}

type AnswerOptions = OperatorApiOptions & { readonly timings: readonly Timing[]; readonly viewer: Viewer };

export function addOperatorApi(app: FastifyInstance, conductor: Conductor, options: OperatorApiOptions): void {
  const shared = new Map<string, SharedAnswer>();
  const sharedAnswer = (type: 'GET_STATE' | 'GET_TASKS', format: MediaFormat): SharedAnswer => {
    const key = `${type} ${format}`;
    const known = shared.get(key);
    if (known !== undefined) return known;
    const made = new SharedAnswer(() => responsePieces(conductor.state, type, format), options.monotonic);
    shared.set(key, made);
    return made;
  };
  addRoute(app, 'POST', '/api/v1', (request, reply) => {
    const viewer = { authorize: options.authorize, principal: principalOf(request) };
    const wrong = bodyRefusal(request);
    if (wrong !== undefined) return refuse(reply, wrong.status, wrong.message);
    let call: MasterCall;
    try {
      call = readBody(request, 'MasterCall');
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return refuse(reply, error.kind === 'no_type' ? 501 : 400, `Failed to parse body into master::Call: ${error.message}`);
    }
    const format = answerFormat(request.raw.rawHeaders);
    if (format === undefined) return refuse(reply, 406, `Expecting 'Accept' to allow ${mediaTypes.json} or ${mediaTypes.protobuf}`);
    const denied = operatorFault(conductor.state, call, viewer);
    if (denied !== undefined) return refuse(reply, 403, denied);
    if (call.type === 'SUBSCRIBE') {
      const streamId = uuidText(options.random);
      const sink = openStream(
        reply,
        format,
        {},
        {
          closed: () => conductor.operatorClosed(streamId),
          overflow: (backlogBytes) =>
            options.log.warn({ streamId, backlogBytes }, 'An operator does not read its events; closing its stream'),
        },
      );
      conductor.attachOperator(streamId, sink, viewer);
      conductor.dispatch({ kind: 'operator_subscribe', streamId });
      return reply;
    }
    if (call.type === 'TEARDOWN') {
      const { value } = call.teardown.framework_id;
      if (!conductor.state.frameworks.has(value)) return refuse(reply, 400, `No framework found with ID ${value}`);
      conductor.dispatch({ kind: 'teardown', frameworkId: value });
      return respondEmpty(reply, 200);
    }
    if (call.type === 'GET_METRICS' && call.get_metrics === undefined) return refuse(reply, 400, "Expecting 'get_metrics' to be present");
    // Nothing of the master's is attached to its file space: it logs to its standard error (mesos.md §6.5).
    if (call.type === 'LIST_FILES') return refuse(reply, 404, `'${call.list_files.path}' is not found`);
    if (call.type === 'READ_FILE') return refuse(reply, 404, `'${call.read_file.path}' is not found`);
    if (call.type === 'SET_LOGGING_LEVEL') {
      const { level, duration } = call.set_logging_level;
      options.verbosity.set(level, Number(duration.nanoseconds) / 1e6);
      return respondEmpty(reply, 200);
    }
    const operation = formOperation(call);
    if (operation !== undefined) {
      const { status, message } = conductor.convert(operation.agentId, operation.operation, viewer.principal);
      return status === 202 ? respondEmpty(reply, 202) : refuse(reply, status, message);
    }
    if (isWrite(call)) {
      return conductor
        .ask(call)
        .then(({ status, message }) => (status === 200 ? respondEmpty(reply, 200) : refuse(reply, status, message)));
    }
    if (call.type === 'GET_STATE' || call.type === 'GET_TASKS') {
      const { type } = call;
      const making =
        options.authorize === allowAll
          ? sharedAnswer(type, format).get()
          : inSlices(responsePieces(visibleState(conductor.state, viewer), type, format), options.monotonic);
      return making.then((buffers) => respondBuffers(request, reply, buffers, mediaTypes[format]));
    }
    const response = answer(visibleState(conductor.state, viewer), call, { ...options, timings: conductor.timings, viewer });
    if (response === undefined) return refuse(reply, 501, `not implemented yet: ${call.type}`);
    return respondBody(request, reply, encodeAs(format, 'MasterResponse', response), mediaTypes[format]);
  });
}

/** Reservations and volumes, which a framework would change in an offer, on an agent. */
function formOperation(call: MasterCall): { readonly agentId: string; readonly operation: FormOperation } | undefined {
  if (call.type === 'RESERVE_RESOURCES')
    return { agentId: call.reserve_resources.agent_id.value, operation: { type: 'RESERVE', reserve: call.reserve_resources } };
  if (call.type === 'UNRESERVE_RESOURCES')
    return { agentId: call.unreserve_resources.agent_id.value, operation: { type: 'UNRESERVE', unreserve: call.unreserve_resources } };
  if (call.type === 'CREATE_VOLUMES')
    return { agentId: call.create_volumes.agent_id.value, operation: { type: 'CREATE', create: call.create_volumes } };
  if (call.type === 'DESTROY_VOLUMES')
    return { agentId: call.destroy_volumes.agent_id.value, operation: { type: 'DESTROY', destroy: call.destroy_volumes } };
  if (call.type === 'GROW_VOLUME')
    return { agentId: call.grow_volume.agent_id?.value ?? '', operation: { type: 'GROW_VOLUME', grow_volume: call.grow_volume } };
  if (call.type === 'SHRINK_VOLUME')
    return { agentId: call.shrink_volume.agent_id?.value ?? '', operation: { type: 'SHRINK_VOLUME', shrink_volume: call.shrink_volume } };
  return undefined;
}

const writes: readonly string[] = [
  'UPDATE_WEIGHTS',
  'UPDATE_QUOTA',
  'SET_QUOTA',
  'REMOVE_QUOTA',
  'UPDATE_MAINTENANCE_SCHEDULE',
  'START_MAINTENANCE',
  'STOP_MAINTENANCE',
  'DRAIN_AGENT',
  'DEACTIVATE_AGENT',
  'REACTIVATE_AGENT',
  'MARK_AGENT_GONE',
] satisfies OperatorWrite['type'][];

const isWrite = (call: MasterCall): call is OperatorWrite => writes.includes(call.type);

function answer(state: MasterState, call: MasterCall, options: AnswerOptions): MasterResponse | undefined {
  const mayView = (action: 'view_roles' | 'get_quotas', role: string): boolean =>
    options.viewer.authorize(action, options.viewer.principal, role);
  switch (call.type) {
    case 'GET_HEALTH':
      return { type: 'GET_HEALTH', get_health: { healthy: true } };
    case 'GET_FLAGS':
      return { type: 'GET_FLAGS', get_flags: { flags: Object.entries(options.flags).map(([name, value]) => ({ name, value })) } };
    case 'GET_VERSION':
      return { type: 'GET_VERSION', get_version: { version_info: buildInfo } };
    case 'GET_METRICS':
      return {
        type: 'GET_METRICS',
        get_metrics: {
          metrics: Object.entries(
            metricsSnapshot(state, options.now(), {
              timings: options.timings,
              registrar: options.registrar(),
            }),
          ).map(([name, value]) => ({ name, value })),
        },
      };
    case 'GET_LOGGING_LEVEL':
      return { type: 'GET_LOGGING_LEVEL', get_logging_level: { level: options.verbosity.level } };
    case 'GET_AGENTS':
      return { type: 'GET_AGENTS', get_agents: getAgents(state) };
    case 'GET_FRAMEWORKS':
      return { type: 'GET_FRAMEWORKS', get_frameworks: getFrameworks(state) };
    case 'GET_EXECUTORS':
      return { type: 'GET_EXECUTORS', get_executors: getExecutors(state) };
    case 'GET_OPERATIONS':
      return { type: 'GET_OPERATIONS', get_operations: { operations: getOperations(state) } };
    case 'GET_ROLES': {
      const { roles = [] } = getRoles(state);
      return { type: 'GET_ROLES', get_roles: { roles: roles.filter(({ name }) => mayView('view_roles', name)) } };
    }
    case 'GET_WEIGHTS':
      return {
        type: 'GET_WEIGHTS',
        get_weights: {
          weight_infos: [...state.weights].filter(([role]) => mayView('view_roles', role)).map(([role, weight]) => ({ role, weight })),
        },
      };
    case 'GET_MASTER':
      return {
        type: 'GET_MASTER',
        get_master: { master_info: state.info, start_time: state.startedMs / 1000, elected_time: state.electedMs / 1000 },
      };
    case 'GET_MAINTENANCE_STATUS':
      return { type: 'GET_MAINTENANCE_STATUS', get_maintenance_status: { status: maintenanceStatus(state) } };
    case 'GET_MAINTENANCE_SCHEDULE':
      return { type: 'GET_MAINTENANCE_SCHEDULE', get_maintenance_schedule: { schedule: state.schedule } };
    case 'GET_QUOTA': {
      const configs = [...state.quotas.values()].filter(({ role }) => mayView('get_quotas', role));
      return { type: 'GET_QUOTA', get_quota: { status: { infos: configs.map(quotaInfo), configs } } };
    }
    case 'GET_STATE':
    case 'GET_TASKS':
    case 'SUBSCRIBE':
    case 'TEARDOWN':
    case 'SET_LOGGING_LEVEL':
    case 'LIST_FILES':
    case 'READ_FILE':
    case 'UPDATE_WEIGHTS':
    case 'RESERVE_RESOURCES':
    case 'UNRESERVE_RESOURCES':
    case 'CREATE_VOLUMES':
    case 'DESTROY_VOLUMES':
    case 'GROW_VOLUME':
    case 'SHRINK_VOLUME':
    case 'UPDATE_MAINTENANCE_SCHEDULE':
    case 'START_MAINTENANCE':
    case 'STOP_MAINTENANCE':
    case 'DRAIN_AGENT':
    case 'DEACTIVATE_AGENT':
    case 'REACTIVATE_AGENT':
    case 'UPDATE_QUOTA':
    case 'SET_QUOTA':
    case 'REMOVE_QUOTA':
    case 'MARK_AGENT_GONE':
      return undefined;
  }
}
