import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AGENT_PROTOCOL_PATH, decodeProtobuf, encodeProtobuf, encodeRecord, RecordDecoder, type SchedulerEvent } from '@pronoia/mesos';
import { ManualClock, type Running } from '@pronoia/server';
import { assertSurvivesRandomRequests } from '@pronoia/server/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { start } from './app.ts';

let master: Running;
let clock: ManualClock;
const streams: Stream[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  master = await start({ registry: 'in_memory', port: 0 }, { clock });
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.hangUp();
  await master.stop();
});

/** Sockets and disks take real time, which no clock of ours can move. */
const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

type Json = Readonly<Record<string, unknown>>;

async function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(master.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const get = async (path: string): Promise<Json> => (await (await fetch(master.url + path)).json()) as Json;

/** An open answer: its chunks as they arrived, each of which must be one record. */
class Stream {
  readonly chunks: string[] = [];
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  isEnded = false;
  readonly #hangUp: () => void;
  #taken = 0;

  constructor(status: number, headers: Readonly<Record<string, string | string[] | undefined>>, hangUp: () => void) {
    this.status = status;
    this.headers = headers;
    this.#hangUp = hangUp;
    streams.push(this);
  }

  get id(): string {
    return String(this.headers['mesos-stream-id']);
  }

  hangUp(): void {
    this.#hangUp();
  }

  /** The next record, once it is there. */
  async next(): Promise<{ type: string } & Json> {
    for (let i = 0; i < 5000 && this.chunks.length <= this.#taken; i++) await aMoment();
    const chunk = this.chunks[this.#taken++];
    if (chunk === undefined) throw new Error('no record came');
    const records = new RecordDecoder().decode(Buffer.from(chunk));
    if (records.length !== 1) throw new Error(`a chunk held ${records.length} records`);
    return JSON.parse((records[0] as Buffer).toString('utf8')) as { type: string } & Json;
  }

  async ended(): Promise<void> {
    for (let i = 0; i < 5000 && !this.isEnded; i++) await aMoment();
    if (!this.isEnded) throw new Error('the stream did not end');
  }
}

/** node:http hands out HTTP chunks as they were sent; fetch would join them. */
function open(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const call = request(master.url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      const stream = new Stream(response.statusCode ?? 0, response.headers, () => call.destroy());
      // Agents are ours and take any cut; everybody else is promised one record a chunk.
      const decoder = new RecordDecoder();
      response.on('data', (chunk: Buffer) => {
        if (path !== AGENT_PROTOCOL_PATH) stream.chunks.push(chunk.toString('utf8'));
        else for (const record of decoder.decode(chunk)) stream.chunks.push(encodeRecord(record).toString('utf8'));
      });
      response.on('error', () => {});
      response.on('close', () => {
        stream.isEnded = true;
      });
      resolve(stream);
    });
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
}

const info = { user: 'root', name: 'test' };
const subscribe = (extra: object = {}): Promise<Stream> =>
  open('/api/v1/scheduler', { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, ...extra } } });

const scalar = (name: string, value: number): object => ({ name, type: 'SCALAR', scalar: { value } });
const registerAgent = (features: readonly string[] = []): Promise<Stream> =>
  open(AGENT_PROTOCOL_PATH, {
    type: 'REGISTER',
    features,
    agent_info: { hostname: 'h', port: 5051 },
    version: '1.11.0',
    resources: [
      scalar('cpus', 4),
      scalar('mem', 1024),
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 32000 }] } },
    ],
  });

const valueOf = (value: unknown): string => (value as { value: string }).value;

describe('the scheduler API over HTTP', () => {
  it('answers SUBSCRIBE with a stream: its id, SUBSCRIBED, a heartbeat, and one more every 15 s', async () => {
    const stream = await subscribe();
    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toBe('application/json');
    expect(stream.headers['transfer-encoding']).toBe('chunked');
    expect(stream.id).toMatch(/^[0-9a-f-]{36}$/);
    const first = (await stream.next()) as { type: string; subscribed: Json };
    expect(first.type).toBe('SUBSCRIBED');
    expect(stream.chunks[0]).toContain('"heartbeat_interval_seconds":15.0');
    expect(first.subscribed['master_info']).toMatchObject({ version: '1.11.0', port: master.port, hostname: '127.0.0.1' });
    expect(await stream.next()).toEqual({ type: 'HEARTBEAT' });
    await clock.advance(15_000);
    expect(await stream.next()).toEqual({ type: 'HEARTBEAT' });
  });

  it('keeps the stream open although the client asks to close the connection after the answer', async () => {
    const stream = await open('/api/v1/scheduler', { type: 'SUBSCRIBE', subscribe: { framework_info: info } }, { connection: 'close' });
    await stream.next();
    await stream.next();
    await clock.advance(15_000);
    expect(await stream.next()).toEqual({ type: 'HEARTBEAT' });
  });

  it('reads a request full of nulls', async () => {
    const stream = await open('/api/v1/scheduler', {
      type: 'SUBSCRIBE',
      framework_id: null,
      subscribe: {
        framework_info: { ...info, id: null, role: '*', roles: null, capabilities: null, failover_timeout: '10', labels: null },
        suppressed_roles: null,
      },
    });
    expect((await stream.next()).type).toBe('SUBSCRIBED');
  });

  it('runs a task from offer to end', async () => {
    const agent = await registerAgent();
    expect((await agent.next()).type).toBe('REGISTERED');
    expect((await agent.next()).type).toBe('PING');
    expect((await post(AGENT_PROTOCOL_PATH, { type: 'PONG' }, { 'mesos-stream-id': agent.id })).status).toBe(202);
    const stream = await subscribe();
    const { subscribed } = (await stream.next()) as unknown as { subscribed: { framework_id: object } };
    await stream.next();
    const { offers } = (await stream.next()) as unknown as {
      offers: { offers: { id: object; agent_id: object; resources: object[]; url: object; allocation_info?: object }[] };
    };
    const offer = offers.offers[0];
    expect(offer).toMatchObject({ hostname: 'h', url: { scheme: 'http', address: { ip: '127.0.0.1', port: 5051 }, path: '/slave(1)' } });
    expect(offer?.allocation_info).toBeUndefined();
    expect(offer?.resources[0]).toEqual({ name: 'cpus', type: 'SCALAR', scalar: { value: 4 }, role: '*' });

    const headers = { 'mesos-stream-id': stream.id };
    const accepted = await post(
      '/api/v1/scheduler',
      {
        framework_id: subscribed.framework_id,
        type: 'ACCEPT',
        accept: {
          offer_ids: [offer?.id],
          operations: [
            {
              type: 'LAUNCH',
              launch: {
                task_infos: [
                  {
                    name: 'n',
                    task_id: { value: 't1' },
                    agent_id: offer?.agent_id,
                    resources: [
                      scalar('cpus', 1),
                      {
                        name: 'ports',
                        type: 'RANGES',
                        ranges: {
                          range: [
                            { begin: 31001, end: 31001 },
                            { begin: 31000, end: 31000 },
                          ],
                        },
                      },
                    ],
                    command: { value: 'sleep 1' },
                    labels: { labels: [{ key: 'k', value: 'v' }] },
                  },
                ],
              },
            },
          ],
        },
      },
      headers,
    );
    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('content-type')).toBeNull();
    expect(accepted.headers.get('content-length')).toBe('0');
    const run = (await agent.next()) as unknown as { type: string; run_task: { task: { resources: object[] } } };
    expect(run.type).toBe('RUN_TASK');
    expect(run.run_task.task.resources[0]).toMatchObject({ name: 'cpus', allocation_info: { role: '*' } });

    const uuid = Buffer.alloc(16, 7).toString('base64');
    await post(
      AGENT_PROTOCOL_PATH,
      {
        type: 'UPDATE',
        framework_id: subscribed.framework_id,
        latest_state: 'TASK_FINISHED',
        status: { task_id: { value: 't1' }, state: 'TASK_FINISHED', source: 'SOURCE_EXECUTOR', uuid, data: 'AA==', timestamp: 12 },
      },
      { 'mesos-stream-id': agent.id },
    );
    expect(await stream.next()).toMatchObject({ type: 'UPDATE', update: { status: { state: 'TASK_FINISHED', uuid, data: 'AA==' } } });
    const acknowledge = { agent_id: offer?.agent_id, task_id: { value: 't1' }, uuid };
    expect(
      (await post('/api/v1/scheduler', { framework_id: subscribed.framework_id, type: 'ACKNOWLEDGE', acknowledge }, headers)).status,
    ).toBe(202);
    expect(await agent.next()).toMatchObject({ type: 'ACKNOWLEDGE', task_id: { value: 't1' }, uuid });

    const { tasks } = (await get('/master/tasks')) as unknown as { tasks: Json[] };
    expect(tasks).toMatchObject([
      {
        id: 't1',
        state: 'TASK_FINISHED',
        executor_id: '',
        role: '*',
        labels: [{ key: 'k', value: 'v' }],
        resources: { cpus: 1, ports: '[31000-31001]' },
      },
    ]);
    const state = (await get('/master/state')) as unknown as {
      frameworks: { completed_tasks: Json[]; tasks: Json[] }[];
      leader_info: Json;
    };
    expect(state.frameworks[0]?.completed_tasks[0]?.['statuses']).toEqual([{ state: 'TASK_FINISHED', timestamp: 12 }]);
    expect(state.frameworks[0]?.tasks).toEqual([]);
    expect(state.leader_info).toMatchObject({ port: master.port, hostname: '127.0.0.1' });
  });

  const body = JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info: info } });
  const refusals: readonly [what: string, init: RequestInit, status: number, text: RegExp][] = [
    ['another method', { method: 'GET' }, 405, /POST/],
    ['no content type', { method: 'POST', body: Buffer.from(body) }, 400, /Content-Type/],
    ['a charset', { method: 'POST', headers: { 'content-type': 'application/json; charset=utf-8' }, body }, 415, /charset/],
    ['text', { method: 'POST', headers: { 'content-type': 'text/plain' }, body }, 415, /text\/plain/],
    ['broken JSON', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }, 400, /not JSON/],
    ['no type', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }, 501, /type/],
    ['an unknown type', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"type":"DANCE"}' }, 501, /DANCE/],
    ['a missing part', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"type":"ACCEPT"}' }, 400, /accept/],
    [
      'a missing user',
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x"}}}',
      },
      400,
      /user/,
    ],
    [
      'an unknown framework',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"type":"REVIVE","framework_id":{"value":"x"}}' },
      400,
      /cannot be found/,
    ],
    [
      'a stream id on SUBSCRIBE',
      { method: 'POST', headers: { 'content-type': 'application/json', 'mesos-stream-id': 'x' }, body },
      400,
      /should not include/,
    ],
    ['an unacceptable type', { method: 'POST', headers: { 'content-type': 'application/json', accept: 'text/html' }, body }, 406, /Accept/],
  ];
  it.each(refusals)('refuses %s', async (_what, init, status, text) => {
    const response = await fetch(`${master.url}/api/v1/scheduler`, init);
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(text);
    expect(response.headers.get('allow')).toBe(status === 405 ? 'POST' : null);
  });

  it('checks the stream of a call: 400 without, 400 with another, 403 when there is none', async () => {
    const stream = await subscribe({ failover_timeout: 60 });
    const { subscribed } = (await stream.next()) as unknown as { subscribed: { framework_id: { value: string } } };
    const call = { framework_id: subscribed.framework_id, type: 'REVIVE' };
    expect((await post('/api/v1/scheduler', call)).status).toBe(400);
    expect((await post('/api/v1/scheduler', call, { 'mesos-stream-id': 'x' })).status).toBe(400);
    expect((await post('/api/v1/scheduler', call, { 'mesos-stream-id': stream.id })).status).toBe(202);
    stream.hangUp();
    for (let i = 0; i < 200 && ((await get('/state')) as { frameworks: { connected: boolean }[] }).frameworks[0]?.connected !== false; i++);
    const refused = await post('/api/v1/scheduler', call, { 'mesos-stream-id': stream.id });
    expect(refused.status).toBe(403);
    expect(await refused.text()).toBe('Framework is not subscribed');
  });

  it('ends the older stream with an ERROR when a second instance subscribes', async () => {
    const first = await subscribe();
    const { subscribed } = (await first.next()) as unknown as { subscribed: { framework_id: object } };
    await first.next();
    const second = await open('/api/v1/scheduler', {
      type: 'SUBSCRIBE',
      framework_id: subscribed.framework_id,
      subscribe: { framework_info: { ...info, id: subscribed.framework_id } },
    });
    expect(await first.next()).toEqual({ type: 'ERROR', error: { message: 'Framework failed over' } });
    await first.ended();
    expect((await second.next()).type).toBe('SUBSCRIBED');
    expect(second.id).not.toBe(first.id);
  });

  it('tells a bad description on the stream, and ends it', async () => {
    const stream = await subscribe({ role: 'a b' });
    expect(stream.status).toBe(200);
    expect((await stream.next()).type).toBe('ERROR');
    await stream.ended();
  });

  it('the last of two Accept lines wins', async () => {
    const sendTwo = (first: string, second: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const call = request(`${master.url}/api/v1/scheduler`, { method: 'POST' }, (response) => {
          resolve(response.statusCode ?? 0);
          call.destroy();
        });
        call.on('error', (error) => (call.destroyed ? undefined : reject(error)));
        call.setHeader('content-type', 'application/json');
        call.setHeader('accept', [first, second]);
        call.end(body);
      });
    expect(await sendTwo('text/html', 'application/json')).toBe(200);
    expect(await sendTwo('application/json', 'text/html')).toBe(406);
  });
});

describe('protobuf over HTTP', () => {
  const proto = { 'content-type': 'application/x-protobuf', accept: 'application/x-protobuf' };

  it('speaks to schedulers', async () => {
    const call = encodeProtobuf('SchedulerCall', { type: 'SUBSCRIBE', subscribe: { framework_info: info } });
    const response = await fetch(`${master.url}/api/v1/scheduler`, { method: 'POST', headers: proto, body: call });
    expect(response.headers.get('content-type')).toBe('application/x-protobuf');
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new RecordDecoder();
    const events: SchedulerEvent[] = [];
    while (events.length < 2) {
      const { value } = await reader.read();
      for (const record of decoder.decode(value ?? new Uint8Array())) events.push(decodeProtobuf('SchedulerEvent', record));
    }
    expect(events).toMatchObject([
      { type: 'SUBSCRIBED', subscribed: { heartbeat_interval_seconds: 15, master_info: { version: '1.11.0' } } },
      { type: 'HEARTBEAT' },
    ]);
    const id = (events[0] as Extract<SchedulerEvent, { type: 'SUBSCRIBED' }>).subscribed.framework_id;
    const revive = await fetch(`${master.url}/api/v1/scheduler`, {
      method: 'POST',
      headers: { ...proto, 'mesos-stream-id': response.headers.get('mesos-stream-id') ?? '' },
      body: encodeProtobuf('SchedulerCall', { type: 'REVIVE', framework_id: id }),
    });
    expect(revive.status).toBe(202);
    await reader.cancel();
  });

  it('speaks to operators, each in the format that it accepts', async () => {
    const ask = (accept: string): Promise<Response> =>
      fetch(`${master.url}/api/v1`, {
        method: 'POST',
        headers: { ...proto, accept },
        body: encodeProtobuf('MasterCall', { type: 'GET_VERSION' }),
      });
    const binary = await ask('application/x-protobuf');
    expect(decodeProtobuf('MasterResponse', new Uint8Array(await binary.arrayBuffer()))).toMatchObject({
      type: 'GET_VERSION',
      get_version: { version_info: { version: '1.11.0' } },
    });
    expect((await ask('*/*')).headers.get('content-type')).toBe('application/json');
    expect((await ask('application/x-protobuf, application/json')).headers.get('content-type')).toBe('application/json');
    expect((await ask('text/html')).status).toBe(406);
  });

  it('refuses what is not protobuf', async () => {
    const response = await fetch(`${master.url}/api/v1/scheduler`, { method: 'POST', headers: proto, body: Buffer.from('{}') });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/not protobuf/);
  });
});

describe('agents over HTTP', () => {
  it('refuses reports on unknown streams', async () => {
    const response = await post(AGENT_PROTOCOL_PATH, { type: 'PONG' }, { 'mesos-stream-id': 'x' });
    expect(response.status).toBe(400);
  });

  it('shows an agent as the legacy endpoints do', async () => {
    const agent = await registerAgent();
    const welcome = (await agent.next()) as unknown as { agent_id: object; ping_timeout_seconds: number };
    expect(welcome.ping_timeout_seconds).toBe(75);
    const { slaves } = (await get('/slaves')) as unknown as { slaves: Json[] };
    expect(slaves[0]).toMatchObject({
      id: valueOf(welcome.agent_id),
      hostname: 'h',
      port: 5051,
      pid: 'slave(1)@127.0.0.1:5051',
      active: true,
      resources: { cpus: 4, gpus: 0, mem: 1024, disk: 0, ports: '[31000-32000]' },
      unreserved_resources_full: [
        { name: 'cpus', role: '*' },
        { name: 'mem', role: '*' },
        { name: 'ports', role: '*' },
      ],
    });
    agent.hangUp();
    for (let i = 0; i < 200 && ((await get('/slaves')) as { slaves: { active: boolean }[] }).slaves[0]?.active === true; i++);
    expect(await get('/metrics/snapshot')).toMatchObject({
      'master/slaves_connected': 0,
      'master/slaves_disconnected': 1,
      'master/slaves_inactive': 1,
    });
  });
});

describe('the operator API', () => {
  const calls = [
    'GET_HEALTH',
    'GET_FLAGS',
    'GET_VERSION',
    'GET_LOGGING_LEVEL',
    'GET_STATE',
    'GET_AGENTS',
    'GET_FRAMEWORKS',
    'GET_EXECUTORS',
    'GET_OPERATIONS',
    'GET_TASKS',
    'GET_ROLES',
    'GET_WEIGHTS',
    'GET_MASTER',
    'GET_MAINTENANCE_STATUS',
    'GET_MAINTENANCE_SCHEDULE',
    'GET_QUOTA',
  ];
  it.each(calls)('%s answers with its own part', async (type) => {
    const response = await post('/api/v1/operator', { type });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = (await response.json()) as Json;
    expect(Object.keys(answer)).toEqual(['type', type.toLowerCase()]);
  });

  it('says what is not there', async () => {
    const status = async (call: object): Promise<number> => (await post('/api/v1', call)).status;
    expect(await status({ type: 'LIST_FILES', list_files: { path: '/master/log' } })).toBe(404);
    expect(await status({ type: 'READ_FILE', read_file: { path: '/master/log', offset: 0 } })).toBe(404);
    expect(await status({ type: 'READ_FILE' })).toBe(400);
    expect(await status({ type: 'DRAIN_AGENT', drain_agent: { agent_id: { value: 'x' } } })).toBe(400);
    expect(await status({ type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id: { value: 'x' } } })).toBe(404);
    expect(await status({ type: 'UPDATE_WEIGHTS', update_weights: { weight_infos: [{ role: 'eng', weight: 2 }] } })).toBe(200);
  });

  it('keeps empty lists in its answers, and carries a length', async () => {
    const response = await post('/api/v1', { type: 'GET_AGENTS' });
    expect(await response.text()).toBe('{"type":"GET_AGENTS","get_agents":{"agents":[],"recovered_agents":[]}}');
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(0);
  });

  it('GET_METRICS takes a timeout and gives every name', async () => {
    const response = await post('/api/v1', { type: 'GET_METRICS', get_metrics: { timeout: { nanoseconds: 5_000_000_000 } } });
    const { get_metrics } = (await response.json()) as { get_metrics: { metrics: { name: string; value: number }[] } };
    const names = new Map(get_metrics.metrics.map(({ name, value }) => [name, value]));
    for (const name of [
      'master/uptime_secs',
      'master/cpus_total',
      'master/tasks_finished',
      'master/messages_kill_task',
      'system/load_1min',
    ]) {
      expect([name, names.has(name)]).toEqual([name, true]);
    }
    expect((await post('/api/v1', { type: 'GET_METRICS' })).status).toBe(400);
  });

  it('streams events', async () => {
    const operator = await open('/api/v1', { type: 'SUBSCRIBE' });
    expect(operator.headers['mesos-stream-id']).toBeUndefined();
    expect((await operator.next()).type).toBe('SUBSCRIBED');
    expect((await operator.next()).type).toBe('HEARTBEAT');
    await registerAgent();
    expect(await operator.next()).toMatchObject({
      type: 'AGENT_ADDED',
      agent_added: { agent: { agent_info: { hostname: 'h' }, active: true } },
    });
    const stream = await subscribe();
    expect(await operator.next()).toMatchObject({
      type: 'FRAMEWORK_ADDED',
      framework_added: { framework: { framework_info: { name: 'test' } } },
    });
    stream.hangUp();
    expect((await operator.next()).type).toBe('FRAMEWORK_UPDATED');
    await clock.advance(0);
    expect((await operator.next()).type).toBe('FRAMEWORK_REMOVED');
  });

  it('tears a framework down, by call and by form', async () => {
    const first = await subscribe();
    const id = valueOf(((await first.next()) as unknown as { subscribed: { framework_id: object } }).subscribed.framework_id);
    expect((await post('/api/v1', { type: 'TEARDOWN', teardown: { framework_id: { value: 'x' } } })).status).toBe(400);
    expect((await post('/api/v1', { type: 'TEARDOWN', teardown: { framework_id: { value: id } } })).status).toBe(200);
    await first.next();
    await first.ended();
    const second = await subscribe();
    const other = valueOf(((await second.next()) as unknown as { subscribed: { framework_id: object } }).subscribed.framework_id);
    const form = await post('/master/teardown', `frameworkId=${other}`, { 'content-type': 'application/x-www-form-urlencoded' });
    expect(form.status).toBe(200);
    expect(((await get('/frameworks')) as { completed_frameworks: Json[] }).completed_frameworks).toHaveLength(2);
  });
});

describe('legacy endpoints', () => {
  it.each([
    '/state',
    '/state-summary',
    '/slaves',
    '/frameworks',
    '/tasks',
    '/roles',
    '/weights',
    '/quota',
    '/flags',
    '/version',
    '/metrics/snapshot',
  ])('%s answers, under /master too, and with a trailing slash', async (path) => {
    for (const url of [path, `/master${path}`, `/master${path}/`, `${path}/more`]) {
      const response = await fetch(master.url + url);
      expect([url, response.status]).toEqual([url, 200]);
      await response.json();
    }
  });

  it('shows a change of state at once, and the same text while nothing changes', async () => {
    const names = async (): Promise<unknown> =>
      ((await get('/state')) as { frameworks: { name: string }[] }).frameworks.map(({ name }) => name);
    expect(await names()).toEqual([]);
    await clock.advance(5000);
    expect(await names()).toEqual([]);
    expect(await get('/metrics/snapshot')).toMatchObject({ 'master/http_cache_hits': 1, 'allocator/mesos/allocation_run_ms/count': 6 });
    const stream = await subscribe();
    expect(await names()).toEqual(['test']);
    const agent = await registerAgent();
    await agent.next();
    expect(((await get('/state')) as { slaves: Json[] }).slaves).toHaveLength(1);
    await stream.next();
  });

  it('answers /health without a body and /redirect with the leader', async () => {
    const health = await fetch(`${master.url}/master/health`);
    expect([health.status, await health.text()]).toEqual([200, '']);
    const redirect = await fetch(`${master.url}/redirect`, { redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([307, `//127.0.0.1:${master.port}`]);
    expect((await fetch(`${master.url}/state.json`)).status).toBe(404);
  });

  it('wraps JSONP and compresses large answers', async () => {
    const wrapped = await fetch(`${master.url}/version?jsonp=cb`);
    expect(wrapped.headers.get('content-type')).toBe('text/javascript');
    expect(await wrapped.text()).toMatch(/^cb\(\{.*\}\)$/);
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      request(`${master.url}/metrics/snapshot`, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
        expect(response.headers['content-encoding']).toBe('gzip');
        expect(Number(response.headers['content-length'])).toBeGreaterThan(0);
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts)));
      })
        .on('error', reject)
        .end();
    });
    expect(JSON.parse(gunzipSync(bytes).toString())).toHaveProperty('master/elected', 1);
  });

  it.each([
    ['/tasks?limit=x', 400],
    ['/tasks?limit=-2', 400],
    ['/tasks?offset=-1', 400],
    ['/tasks?limit=-1&order=asc', 200],
    ['/files/browse', 400],
    ['/files/read?path=/master/log', 404],
    ['/files/debug', 200],
  ])('%s: %i', async (path, status) => {
    expect((await fetch(master.url + path)).status).toBe(status);
  });

  it('serves Prometheus metrics with labels', async () => {
    await registerAgent();
    const text = await (await fetch(`${master.url}/metrics`)).text();
    expect(text).toMatch(/^mesos_master_slaves_state\{state="connected"\} 1$/m);
    expect(text).toMatch(/^mesos_master_resources\{resource="cpus",type="total"\} 4$/m);
  });
});

describe('legacy endpoints that change something', () => {
  const send = async (method: string, path: string, body?: string): Promise<readonly [status: number, text: string]> => {
    const response = await fetch(master.url + path, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
    });
    return [response.status, await response.text()];
  };

  it('sets and removes quota', async () => {
    const quota = JSON.stringify({ role: 'eng', force: true, guarantee: [scalar('cpus', 1)] });
    expect(await send('POST', '/quota', quota)).toEqual([200, '']);
    expect(await get('/quota')).toMatchObject({
      configs: [{ role: 'eng', guarantees: { cpus: { value: 1 } }, limits: { cpus: { value: 1 } } }],
    });
    expect((await send('POST', '/master/quota', quota))[0]).toBe(400);
    expect((await send('DELETE', '/master/quota/eng'))[0]).toBe(200);
    expect((await send('DELETE', '/quota/eng'))[0]).toBe(400);
    expect((await send('POST', '/quota', '{'))[0]).toBe(400);
  });

  it('sets weights', async () => {
    expect((await send('PUT', '/weights', '[{"role":"eng","weight":2.5}]'))[0]).toBe(200);
    expect(await get('/weights')).toEqual([{ role: 'eng', weight: 2.5 }]);
    expect((await send('PUT', '/weights', '{}'))[0]).toBe(400);
  });

  it('keeps a maintenance schedule, takes machines down and up', async () => {
    const schedule = JSON.stringify({ windows: [{ machine_ids: [{ hostname: 'h' }], unavailability: { start: { nanoseconds: 1 } } }] });
    expect((await send('POST', '/maintenance/schedule', schedule))[0]).toBe(200);
    expect(await get('/maintenance/status')).toMatchObject({ draining_machines: [{ id: { hostname: 'h' } }], down_machines: [] });
    expect((await send('POST', '/machine/down', '[{"hostname":"h"}]'))[0]).toBe(200);
    const agent = await registerAgent();
    expect((await agent.next()).type).toBe('SHUTDOWN');
    expect((await send('POST', '/machine/up', '[{"hostname":"h"}]'))[0]).toBe(200);
    expect(await get('/maintenance/schedule')).toEqual({ windows: [] });
    expect((await send('POST', '/machine/up', '[{"hostname":"h"}]'))[0]).toBe(400);
  });

  it('reserves on an agent that can keep it', async () => {
    const agent = await registerAgent(['CHECKPOINTED_RESOURCES']);
    const id = valueOf(((await agent.next()) as unknown as { agent_id: object }).agent_id);
    const reserved = JSON.stringify([{ ...scalar('cpus', 1), role: 'eng', reservation: {} }]);
    const form = `slaveId=${id}&resources=${encodeURIComponent(reserved)}`;
    expect((await send('POST', '/reserve', form))[0]).toBe(202);
    await agent.next();
    expect(await agent.next()).toMatchObject({ type: 'CHECKPOINT_RESOURCES' });
    expect(await get('/slaves')).toMatchObject({
      slaves: [{ reserved_resources: { eng: { cpus: 1 } }, unreserved_resources: { cpus: 3 } }],
    });
    expect((await send('POST', '/unreserve', form))[0]).toBe(202);
    expect((await send('POST', '/unreserve', form))[0]).toBe(409);
    expect((await send('POST', '/reserve', 'resources=[]'))[0]).toBe(400);
    expect((await send('POST', '/reserve', 'slaveId=x&resources=[]'))[0]).toBe(400);
  });
});

it('survives whatever is sent to it', async () => {
  await assertSurvivesRandomRequests(
    master.url,
    [
      'POST /api/v1/scheduler',
      'POST /api/v1',
      `POST ${AGENT_PROTOCOL_PATH}`,
      'POST /teardown',
      'POST /reserve',
      'POST /create-volumes',
      'POST /quota',
      'DELETE /quota/:role',
      'PUT /weights',
      'POST /maintenance/schedule',
      'POST /machine/down',
      'GET /state',
      'GET /tasks',
      'GET /slaves',
      'GET /frameworks',
      'GET /roles',
      'GET /metrics/snapshot',
    ],
    { runs: 15 },
  );
});

it('offers only agents of hosts in the whitelist, and takes offers back when a host leaves it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pronoia-whitelist-'));
  const whitelist = join(folder, 'hosts');
  await writeFile(whitelist, 'h\n');
  const before = master;
  master = await start({ registry: 'in_memory', port: 0, whitelist }, { clock });
  await before.stop();
  await registerAgent();
  const scheduler = await subscribe();
  while ((await scheduler.next()).type !== 'OFFERS');
  await writeFile(whitelist, 'other\n');
  await clock.advance(5000);
  while ((await scheduler.next()).type !== 'RESCIND');
  await clock.advance(5000);
  expect((await get('/slaves'))['slaves']).toMatchObject([{ offered_resources: { cpus: 0 } }]);
  await writeFile(whitelist, '*');
  await clock.advance(5000);
  while ((await scheduler.next()).type !== 'OFFERS');
  await rm(folder, { recursive: true });
});

it('explains in sentences', async () => {
  expect((await fetch(`${master.url}/explain`)).status).toBe(400);
  expect((await fetch(`${master.url}/explain?framework=x`)).status).toBe(404);
  expect((await fetch(`${master.url}/explain?task=x`)).status).toBe(404);
  const stream = await subscribe();
  await stream.next();
  const sentences = async (query: string): Promise<readonly string[]> => {
    const { explanations } = (await get(`/explain?${query}`)) as unknown as { explanations: { sentences: string[] }[] };
    return explanations.flatMap((explanation) => explanation.sentences);
  };
  expect(await sentences('framework=test')).toEqual(['No agent is registered.']);
  await registerAgent();
  for (let i = 0; i < 5000 && (await sentences('framework=test'))[0]?.startsWith('It has 1') !== true; i++);
  expect(await sentences('framework=test')).toEqual([
    'It has 1 unanswered offers, the oldest for 0 s.',
    'Role *: on 1 agent nothing is free that the role may use: all is used, offered to others or reserved.',
  ]);
});

it('remembers a framework after a restart, and for how long its scheduler may be away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'master-'));
  try {
    await master.stop();
    master = await start({ work_dir: folder, port: 0 }, { clock });
    const stream = await subscribe({ failover_timeout: 3600 });
    const id = valueOf(((await stream.next()) as unknown as { subscribed: { framework_id: object } }).subscribed.framework_id);
    stream.hangUp();
    await master.stop();
    master = await start({ work_dir: folder, port: 0 }, { clock });
    const frameworks = async (): Promise<Json[]> => (await get('/frameworks'))['frameworks'] as Json[];
    expect(await frameworks()).toMatchObject([{ id, name: 'test', recovered: true, connected: false }]);
    await clock.advance(3_599_000);
    expect(await frameworks()).toHaveLength(1);
    await clock.advance(1000);
    expect(await frameworks()).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('remembers its agents after a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'master-'));
  try {
    const first = await start({ work_dir: folder, port: 0 }, { clock });
    await master.stop();
    master = first;
    const agent = await registerAgent();
    const id = valueOf(((await agent.next()) as unknown as { agent_id: object }).agent_id);
    agent.hangUp();
    await first.stop();
    master = await start({ work_dir: folder, port: 0 }, { clock });
    const { recovered_slaves } = (await get('/slaves')) as unknown as { recovered_slaves: Json[] };
    expect(recovered_slaves).toMatchObject([{ id, hostname: 'h' }]);
    await clock.advance(600_000);
    expect(await get('/metrics/snapshot')).toMatchObject({ 'master/slaves_unreachable': 1, 'master/recovery_slave_removals': 1 });
  } finally {
    await rm(folder, { recursive: true });
  }
});
