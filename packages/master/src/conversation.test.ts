/**
 * Whole conversations over HTTP, in JSON and in protobuf: every call of the scheduler API and every event, then every call of the operator API.
 * What is said is written once, as JSON; in protobuf the same messages travel as bytes.
 */
import { request } from 'node:http';
import {
  AGENT_PROTOCOL_PATH,
  decodeJson,
  decodeProtobuf,
  encodeProtobuf,
  type MessageByName,
  type MessageName,
  RecordDecoder,
} from '@pronoia/mesos';
import { ManualClock, type Running } from '@pronoia/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { start } from './app.ts';

type Format = 'json' | 'protobuf';
type Json = Readonly<Record<string, unknown>>;
const types = { json: 'application/json', protobuf: 'application/x-protobuf' } as const;

let master: Running;
let clock: ManualClock;
const hangUps: (() => void)[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  master = await start({ registry: 'in_memory', port: 0 }, { clock });
});
afterEach(async () => {
  for (const hangUp of hangUps.splice(0)) hangUp();
  await master.stop();
});

function send(format: Format, path: string, name: MessageName | undefined, message: Json, headers: Readonly<Record<string, string>> = {}) {
  const text = JSON.stringify(message);
  const body = format === 'json' || name === undefined ? Buffer.from(text) : encodeProtobuf(name, decodeJson(name, text));
  const type = name === undefined ? types.json : types[format];
  return new Promise<{ status: number; id: string; body: Promise<Buffer>; onData: (take: (chunk: Buffer) => void) => void }>(
    (resolve, reject) => {
      const call = request(
        master.url + path,
        { method: 'POST', headers: { 'content-type': type, accept: type, 'content-length': body.length, ...headers } },
        (response) => {
          hangUps.push(() => call.destroy());
          response.on('error', () => {});
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          resolve({
            status: response.statusCode ?? 0,
            id: String(response.headers['mesos-stream-id']),
            body: new Promise((done) => void response.on('end', () => done(Buffer.concat(parts)))),
            onData: (take) => {
              for (const part of parts) take(part);
              response.on('data', take);
            },
          });
        },
      );
      call.on('error', reject);
      call.end(body);
    },
  );
}

const read = <N extends MessageName>(format: Format, name: N, bytes: Buffer): MessageByName[N] =>
  format === 'json' ? decodeJson(name, bytes.toString()) : decodeProtobuf(name, bytes);

/** A stream of events: the next of a type, whatever comes between. */
class Events {
  readonly id: string;
  readonly seen: Json[] = [];
  #taken = 0;

  constructor(format: Format, name: MessageName | undefined, stream: Awaited<ReturnType<typeof send>>) {
    this.id = stream.id;
    const decoder = new RecordDecoder();
    stream.onData((chunk) => {
      for (const record of decoder.decode(chunk))
        this.seen.push((name === undefined ? JSON.parse(record.toString()) : read(format, name, record)) as unknown as Json);
    });
  }

  async next(type: string): Promise<Json> {
    for (let i = 0; i < 4000; i++) {
      for (; this.#taken < this.seen.length; this.#taken++) {
        if (this.seen[this.#taken]?.['type'] !== type) continue;
        const event = this.seen[this.#taken++] as Json;
        return event[type.toLowerCase()] === undefined ? event : (event[type.toLowerCase()] as Json);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`no ${type} came, but ${this.seen.map((event) => String(event['type'])).join()}`);
  }
}

const scalar = (name: string, value: number, extra: Json = {}): Json => ({ name, type: 'SCALAR', scalar: { value }, ...extra });
const uuid = Buffer.alloc(16, 7).toString('base64');
const valueOf = (id: unknown): string => (id as { value: string }).value;

describe.each(['json', 'protobuf'] as const)('in %s', (format) => {
  it('a scheduler says every call and hears every event', async () => {
    const agentStream = await send('json', AGENT_PROTOCOL_PATH, undefined, {
      type: 'REGISTER',
      features: ['CHECKPOINTED_RESOURCES', 'TASK_GROUPS'],
      agent_info: { hostname: 'h', port: 5051 },
      version: '1.11.0',
      resources: [scalar('cpus', 4), scalar('mem', 1024), scalar('disk', 1000)],
    });
    const agent = new Events('json', undefined, agentStream);
    const report = (message: Json) => send('json', AGENT_PROTOCOL_PATH, undefined, message, { 'mesos-stream-id': agent.id });
    const agentId = { value: valueOf(((await agent.next('REGISTERED')) as { agent_id: unknown }).agent_id) };

    const info = {
      user: 'www',
      name: 'talker',
      roles: ['eng'],
      failover_timeout: 60,
      capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }],
    };
    const subscribe = { type: 'SUBSCRIBE', subscribe: { framework_info: info } };
    const events = new Events(format, 'SchedulerEvent', await send(format, '/api/v1/scheduler', 'SchedulerCall', subscribe));
    const frameworkId = ((await events.next('SUBSCRIBED')) as { framework_id: { value: string } }).framework_id;
    await events.next('HEARTBEAT');
    const offer = async (): Promise<Json> => ((await events.next('OFFERS')) as { offers: Json[] }).offers[0] as Json;
    const said: string[] = ['SUBSCRIBE'];
    const call = async (type: string, body?: Json, status = 202): Promise<void> => {
      said.push(type);
      const message = { type, framework_id: frameworkId, ...(body === undefined ? {} : { [type.toLowerCase()]: body }) };
      const answer = await send(format, '/api/v1/scheduler', 'SchedulerCall', message, { 'mesos-stream-id': events.id });
      expect([type, answer.status, (await answer.body).toString()]).toEqual([type, status, '']);
    };

    await call('DECLINE', { offer_ids: [(await offer())['id']], filters: { refuse_seconds: 1000 } });
    await call('SUPPRESS', { roles: ['eng'] });
    await call('REVIVE');
    await call('REQUEST', { requests: [{ resources: [scalar('cpus', 1)] }] });
    const disk = { reservations: [{ type: 'DYNAMIC', role: 'eng' }] };
    const volume = { ...disk, disk: { persistence: { id: 'v' }, volume: { container_path: 'data', mode: 'RW' } } };
    const task = (id: string): Json => ({
      name: id,
      task_id: { value: id },
      agent_id: agentId,
      resources: [scalar('cpus', 0.5)],
      command: { value: 'x' },
    });
    const executor = {
      type: 'DEFAULT',
      executor_id: { value: 'e' },
      resources: [scalar('cpus', 0.1), scalar('mem', 32), scalar('disk', 10)],
    };
    await call('ACCEPT', {
      offer_ids: [(await offer())['id']],
      operations: [
        { type: 'RESERVE', id: { value: 'op1' }, reserve: { resources: [scalar('disk', 100, disk)] } },
        { type: 'CREATE', create: { volumes: [scalar('disk', 40, volume)] } },
        { type: 'GROW_VOLUME', grow_volume: { volume: scalar('disk', 40, volume), addition: scalar('disk', 20, disk) } },
        { type: 'SHRINK_VOLUME', shrink_volume: { volume: scalar('disk', 60, volume), subtract: { value: 10 } } },
        { type: 'DESTROY', destroy: { volumes: [scalar('disk', 50, volume)] } },
        { type: 'UNRESERVE', unreserve: { resources: [scalar('disk', 100, disk)] } },
        { type: 'LAUNCH', launch: { task_infos: [task('t1')] } },
        { type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks: [task('g1'), task('g2')] } } },
        { type: 'CREATE_DISK', id: { value: 'op2' }, create_disk: { source: scalar('disk', 1), target_type: 'MOUNT' } },
      ],
      filters: { refuse_seconds: 0 },
    });
    const operation = (await events.next('UPDATE_OPERATION_STATUS')) as { status: { state: string; uuid: { value: string } } };
    expect(operation.status).toMatchObject({ operation_id: { value: 'op1' }, state: 'OPERATION_FINISHED' });
    await call('ACKNOWLEDGE_OPERATION_STATUS', { agent_id: agentId, operation_id: { value: 'op1' }, uuid: operation.status.uuid.value });
    expect(((await events.next('UPDATE_OPERATION_STATUS')) as Json)['status']).toMatchObject({
      operation_id: { value: 'op2' },
      state: 'OPERATION_ERROR',
    });
    await call('RECONCILE_OPERATIONS', { operations: [{ operation_id: { value: 'op1' } }] });
    expect(((await events.next('UPDATE_OPERATION_STATUS')) as Json)['status']).not.toHaveProperty('uuid');

    await agent.next('RUN_TASK');
    await agent.next('RUN_TASK_GROUP');
    const status = { task_id: { value: 't1' }, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid, timestamp: 5 };
    await report({ type: 'UPDATE', framework_id: frameworkId, status, latest_state: 'TASK_RUNNING' });
    expect(((await events.next('UPDATE')) as { status: Json }).status).toMatchObject({ ...status, agent_id: agentId });
    await call('ACKNOWLEDGE', { agent_id: agentId, task_id: { value: 't1' }, uuid });
    expect(await agent.next('ACKNOWLEDGE')).toMatchObject({ uuid });
    await call('RECONCILE', { tasks: [{ task_id: { value: 't1' } }, { task_id: { value: 'nowhere' }, agent_id: { value: 'gone' } }] });
    for (const [id, state] of [
      ['t1', 'TASK_RUNNING'],
      ['nowhere', 'TASK_UNKNOWN'],
    ])
      expect(((await events.next('UPDATE')) as { status: Json }).status).toMatchObject({
        task_id: { value: id },
        state,
        reason: 'REASON_RECONCILIATION',
      });
    await call('KILL', { task_id: { value: 't1' }, kill_policy: { grace_period: { nanoseconds: 5_000_000_000 } } });
    expect(await agent.next('KILL_TASK')).toMatchObject({ kill_policy: { grace_period: { nanoseconds: 5_000_000_000 } } });
    await call('MESSAGE', { agent_id: agentId, executor_id: { value: 'e' }, data: 'aGVsbG8=' });
    expect(await agent.next('FRAMEWORK_MESSAGE')).toMatchObject({ data: 'aGVsbG8=' });
    await report({ type: 'EXECUTOR_MESSAGE', framework_id: frameworkId, executor_id: { value: 'e' }, data: 'd29ybGQ=' });
    expect(await events.next('MESSAGE')).toMatchObject({ agent_id: agentId, data: 'd29ybGQ=' });
    await call('SHUTDOWN', { executor_id: { value: 'e' }, agent_id: agentId });
    await agent.next('SHUTDOWN_EXECUTOR');
    await report({ type: 'EXECUTOR_EXITED', framework_id: frameworkId, executor_id: { value: 'e' }, status: 9 });
    expect(await events.next('FAILURE')).toMatchObject({ agent_id: agentId, executor_id: { value: 'e' }, status: 9 });

    await call('UPDATE_FRAMEWORK', { framework_info: { ...info, id: frameworkId, name: 'renamed' } }, 200);
    const operate = (message: Json) => send('json', '/api/v1', 'MasterCall', message);
    const window = { machine_ids: [{ hostname: 'h' }], unavailability: { start: { nanoseconds: 1 } } };
    const schedule = (windows: Json[]): Json => ({
      type: 'UPDATE_MAINTENANCE_SCHEDULE',
      update_maintenance_schedule: { schedule: { windows } },
    });
    expect((await operate(schedule([window]))).status).toBe(200);
    await events.next('RESCIND');
    await clock.advance(1000);
    const inverse = async (): Promise<Json> =>
      ((await events.next('INVERSE_OFFERS')) as { inverse_offers: Json[] }).inverse_offers[0] as Json;
    await call('ACCEPT_INVERSE_OFFERS', { inverse_offer_ids: [(await inverse())['id']], filters: { refuse_seconds: 1 } });
    await clock.advance(3000);
    await call('DECLINE_INVERSE_OFFERS', { inverse_offer_ids: [(await inverse())['id']], filters: { refuse_seconds: 1 } });
    await clock.advance(3000);
    await inverse();
    expect((await operate(schedule([]))).status).toBe(200);
    await events.next('RESCIND_INVERSE_OFFER');
    const second = { ...subscribe, framework_id: frameworkId, subscribe: { framework_info: { ...info, id: frameworkId } } };
    const after = new Events(format, 'SchedulerEvent', await send(format, '/api/v1/scheduler', 'SchedulerCall', second));
    expect(await events.next('ERROR')).toEqual({ message: 'Framework failed over' });
    await after.next('SUBSCRIBED');
    said.push('TEARDOWN');
    const teardown = { type: 'TEARDOWN', framework_id: frameworkId };
    expect((await send(format, '/api/v1/scheduler', 'SchedulerCall', teardown, { 'mesos-stream-id': after.id })).status).toBe(202);

    expect(new Set(said)).toEqual(new Set(schedulerCalls));
    expect(new Set(events.seen.map((event) => event['type']))).toEqual(new Set(schedulerEvents));
  });

  const idle: readonly [call: Json, status: number][] = [
    [{ type: 'GET_HEALTH' }, 200],
    [{ type: 'GET_FLAGS' }, 200],
    [{ type: 'GET_VERSION' }, 200],
    [{ type: 'GET_METRICS', get_metrics: { timeout: { nanoseconds: 1 } } }, 200],
    [{ type: 'GET_LOGGING_LEVEL' }, 200],
    [{ type: 'SET_LOGGING_LEVEL', set_logging_level: { level: 1, duration: { nanoseconds: 1000 } } }, 200],
    [{ type: 'LIST_FILES', list_files: { path: '/master/log' } }, 404],
    [{ type: 'READ_FILE', read_file: { path: '/master/log', offset: 0 } }, 404],
    [{ type: 'GET_STATE' }, 200],
    [{ type: 'GET_AGENTS' }, 200],
    [{ type: 'GET_FRAMEWORKS' }, 200],
    [{ type: 'GET_EXECUTORS' }, 200],
    [{ type: 'GET_OPERATIONS' }, 200],
    [{ type: 'GET_TASKS' }, 200],
    [{ type: 'GET_ROLES' }, 200],
    [{ type: 'GET_WEIGHTS' }, 200],
    [{ type: 'GET_MASTER' }, 200],
    [{ type: 'GET_MAINTENANCE_STATUS' }, 200],
    [{ type: 'GET_MAINTENANCE_SCHEDULE' }, 200],
    [{ type: 'GET_QUOTA' }, 200],
    [{ type: 'UPDATE_WEIGHTS', update_weights: { weight_infos: [{ role: 'eng', weight: 2 }] } }, 200],
    [{ type: 'UPDATE_QUOTA', update_quota: { force: true, quota_configs: [{ role: 'eng', limits: { cpus: { value: 4 } } }] } }, 200],
    [{ type: 'SET_QUOTA', set_quota: { quota_request: { force: true, role: 'ops', guarantee: [scalar('cpus', 1)] } } }, 200],
    [{ type: 'REMOVE_QUOTA', remove_quota: { role: 'nobody' } }, 400],
    [{ type: 'UPDATE_MAINTENANCE_SCHEDULE', update_maintenance_schedule: { schedule: {} } }, 200],
    [{ type: 'START_MAINTENANCE', start_maintenance: { machines: [{ hostname: 'x' }] } }, 400],
    [{ type: 'STOP_MAINTENANCE', stop_maintenance: { machines: [{ hostname: 'x' }] } }, 400],
    [{ type: 'RESERVE_RESOURCES', reserve_resources: { agent_id: { value: 'x' }, resources: [scalar('cpus', 1)] } }, 400],
    [{ type: 'UNRESERVE_RESOURCES', unreserve_resources: { agent_id: { value: 'x' }, resources: [scalar('cpus', 1)] } }, 400],
    [{ type: 'CREATE_VOLUMES', create_volumes: { agent_id: { value: 'x' }, volumes: [scalar('disk', 1)] } }, 400],
    [{ type: 'DESTROY_VOLUMES', destroy_volumes: { agent_id: { value: 'x' }, volumes: [scalar('disk', 1)] } }, 400],
    [{ type: 'GROW_VOLUME', grow_volume: { agent_id: { value: 'x' }, volume: scalar('disk', 1), addition: scalar('disk', 1) } }, 400],
    [{ type: 'SHRINK_VOLUME', shrink_volume: { agent_id: { value: 'x' }, volume: scalar('disk', 1), subtract: { value: 1 } } }, 400],
    [{ type: 'TEARDOWN', teardown: { framework_id: { value: 'x' } } }, 400],
    [{ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: 'x' } } }, 400],
    [{ type: 'DEACTIVATE_AGENT', deactivate_agent: { agent_id: { value: 'x' } } }, 400],
    [{ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id: { value: 'x' } } }, 400],
    [{ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'x' } } }, 404],
  ];
  it('an operator says every call', async () => {
    for (const [message, status] of idle) {
      const answer = await send(format, '/api/v1', 'MasterCall', message);
      const body = await answer.body;
      const isShown = status === 200 && String(message['type']).startsWith('GET_');
      const told = isShown ? read(format, 'MasterResponse', body).type : body.length > 0;
      expect([message['type'], answer.status, told]).toEqual([message['type'], status, isShown ? message['type'] : status !== 200]);
    }
  });

  it('an operator is told of everything', async () => {
    const events = new Events(format, 'MasterEvent', await send(format, '/api/v1', 'MasterCall', { type: 'SUBSCRIBE' }));
    expect(await events.next('SUBSCRIBED')).toMatchObject({ heartbeat_interval_seconds: 15 });
    await events.next('HEARTBEAT');
  });
});

const schedulerCalls = [
  'SUBSCRIBE',
  'TEARDOWN',
  'ACCEPT',
  'DECLINE',
  'ACCEPT_INVERSE_OFFERS',
  'DECLINE_INVERSE_OFFERS',
  'REVIVE',
  'SUPPRESS',
  'KILL',
  'SHUTDOWN',
  'ACKNOWLEDGE',
  'ACKNOWLEDGE_OPERATION_STATUS',
  'RECONCILE',
  'RECONCILE_OPERATIONS',
  'MESSAGE',
  'REQUEST',
  'UPDATE_FRAMEWORK',
];
const schedulerEvents = [
  'SUBSCRIBED',
  'HEARTBEAT',
  'OFFERS',
  'INVERSE_OFFERS',
  'RESCIND',
  'RESCIND_INVERSE_OFFER',
  'UPDATE',
  'UPDATE_OPERATION_STATUS',
  'MESSAGE',
  'FAILURE',
  'ERROR',
];
