import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeProtobuf, encodeProtobuf } from '@pronoia/mesos';
import { assertSurvivesRandomRequests } from '@pronoia/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningAgent, start } from './app.ts';

let agent: RunningAgent;
let workDir: string;

beforeAll(async () => {
  workDir = mkdtempSync(join(tmpdir(), 'agent-routes-'));
  // Nobody answers there: an agent without a master serves all the same.
  agent = await start({
    master: '127.0.0.1:1',
    work_dir: workDir,
    port: 0,
    resources: 'cpus:4;mem:1024;disk:100;ports:[31000-31010]',
    attributes: 'rack:r1;level:3',
  });
});
afterAll(async () => {
  await agent.stopWithTasks();
  rmSync(workDir, { recursive: true });
});

const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(agent.url + path, init);
const call = (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Response> =>
  get('/api/v1', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers });

describe('the endpoints', () => {
  it.each(['', '/slave(1)', '/slave%281%29'])('are served under %j', async (prefix) => {
    for (const path of [
      '/state',
      '/containers',
      '/monitor/statistics',
      '/flags',
      '/health',
      '/version',
      '/metrics/snapshot',
      '/system/stats.json',
    ]) {
      expect([path, (await get(prefix + path)).status]).toEqual([path, 200]);
    }
  });

  it('/state has the fields that Mesos tools read', async () => {
    const state = (await (await get('/state')).json()) as Record<string, unknown>;
    expect(state).toMatchObject({
      id: '',
      hostname: '127.0.0.1',
      pid: `slave(1)@127.0.0.1:${agent.port}`,
      resources: { cpus: 4, gpus: 0, mem: 1024, disk: 100, ports: '[31000-31010]' },
      attributes: { rack: 'r1', level: 3 },
      frameworks: [],
      completed_frameworks: [],
      flags: { work_dir: workDir },
    });
    expect(state['version']).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('speak JSONP, but only to a function name', async () => {
    const answer = await get('/state?jsonp=show.it');
    expect(answer.headers.get('content-type')).toMatch('text/javascript');
    expect(await answer.text()).toMatch(/^show\.it\(\{.*\}\)$/s);
    expect((await get('/state?jsonp=alert(1)//')).status).toBe(400);
  });

  it('/metrics/snapshot has every name that mesos_exporter asks for', async () => {
    const values = (await (await get('/metrics/snapshot')).json()) as Record<string, number>;
    for (const name of [
      'slave/cpus_total',
      'slave/mem_percent',
      'slave/registered',
      'slave/uptime_secs',
      'slave/tasks_running',
      'slave/tasks_finished',
      'slave/executors_terminated',
      'slave/recovery_errors',
      'system/load_1min',
      'system/mem_free_bytes',
      'containerizer/mesos/container_destroy_errors',
    ]) {
      expect([name, typeof values[name]]).toEqual([name, 'number']);
    }
    expect(values['slave/cpus_total']).toBe(4);
  });

  it.each([
    ['/containers?container_id=a&framework_id=b', 400],
    ['/containers?executor_id=a', 400],
    ['/containers?container_id=a&container_id=b', 400],
    ['/files/browse', 400],
    ['/files/read?path=/etc/passwd', 404],
    ['/files/read?path=/etc/passwd&offset=x', 400],
    ['/files/read?path=/etc/passwd&offset=-2', 400],
    ['/files/download?path=../../etc/passwd', 404],
    ['/nothing', 404],
  ])('%s is answered %d with a reason', async (path, status) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect((await answer.text()).length).toBeGreaterThan(5);
  });
});

describe('the operator API', () => {
  it.each([
    ['GET_HEALTH', { get_health: { healthy: true } }],
    ['GET_VERSION', { get_version: { version_info: { version: '1.11.0' } } }],
    [
      'GET_FLAGS',
      { get_flags: { flags: expect.arrayContaining([{ name: 'work_dir', value: expect.any(String) as string }]) as unknown[] } },
    ],
    ['GET_STATE', { get_state: { get_tasks: {}, get_executors: {}, get_frameworks: {} } }],
    ['GET_CONTAINERS', {}],
    ['GET_TASKS', {}],
    ['GET_FRAMEWORKS', {}],
    ['GET_EXECUTORS', {}],
    ['GET_AGENT', { get_agent: { agent_info: { hostname: '127.0.0.1' } } }],
  ])('answers %s', async (type, expected) => {
    const answer = await call({ type });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await answer.json()).toMatchObject({ type, ...expected });
  });

  it('GET_METRICS gives the snapshot', async () => {
    const answer = (await (await call({ type: 'GET_METRICS', get_metrics: {} })).json()) as {
      get_metrics: { metrics: { name: string; value: number }[] };
    };
    expect(answer.get_metrics.metrics).toContainEqual({ name: 'slave/cpus_total', value: 4 });
  });

  it.each([
    ['not JSON', '{', {}, 400],
    ['no type', {}, {}, 501],
    ['an unknown type', { type: 'NEVER_HEARD_OF' }, {}, 501],
    ['what it never does', { type: 'PRUNE_IMAGES' }, {}, 501],
    ['metrics without their part', { type: 'GET_METRICS' }, {}, 400],
    ['an answer that nobody can write', { type: 'GET_HEALTH' }, { accept: 'text/html' }, 406],
    ['a stream without the type of its messages', '', { 'content-type': 'application/recordio' }, 400],
    ['a stream of an unknown type', '', { 'content-type': 'application/recordio', 'message-content-type': 'text/plain' }, 415],
    ['the type of messages where there is no stream', { type: 'GET_HEALTH' }, { 'message-content-type': 'application/json' }, 415],
    ['to wait for nothing', { type: 'WAIT_CONTAINER', wait_container: { container_id: { value: 'x' } } }, {}, 404],
    ['to kill nothing', { type: 'KILL_CONTAINER', kill_container: { container_id: { value: 'x' } } }, {}, 404],
    [
      'a nested container in nothing',
      {
        type: 'LAUNCH_NESTED_CONTAINER',
        launch_nested_container: { container_id: { value: 'x', parent: { value: 'y' } }, command: { value: 'true' } },
      },
      {},
      404,
    ],
    [
      'a container id with a dot',
      { type: 'LAUNCH_CONTAINER', launch_container: { container_id: { value: 'a.b' }, command: { value: 'true' } } },
      {},
      400,
    ],
    ['a missing sub-message', { type: 'READ_FILE' }, {}, 400],
    ['a file outside', { type: 'READ_FILE', read_file: { path: '/etc/passwd', offset: 0 } }, {}, 404],
    ['another media type', { type: 'GET_HEALTH' }, { 'content-type': 'text/plain' }, 415],
  ])('refuses %s', async (_name, body, headers, status) => {
    const answer = await call(body, { 'content-type': 'application/json', ...headers });
    expect(answer.status).toBe(status);
    expect((await answer.text()).length).toBeGreaterThan(5);
  });

  it('sets the logging level for a while', async () => {
    const set = { type: 'SET_LOGGING_LEVEL', set_logging_level: { level: 2, duration: { nanoseconds: 60_000_000_000 } } };
    const answer = await call(set);
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, null, '']);
    expect(await (await call({ type: 'GET_LOGGING_LEVEL' })).json()).toMatchObject({ get_logging_level: { level: 2 } });
    expect((await get('/logging/toggle?level=0&duration=1mins')).status).toBe(200);
    expect(await (await get('/logging/toggle')).text()).toBe('0\n');
    for (const wrong of ['level=1', 'duration=1mins', 'level=-1&duration=1mins', 'level=1&duration=soon'])
      expect([wrong, (await get(`/logging/toggle?${wrong}`)).status]).toEqual([wrong, 400]);
  });

  it('answers in protobuf too', async () => {
    const headers = { 'content-type': 'application/x-protobuf', accept: 'application/x-protobuf' };
    const body = new Uint8Array(encodeProtobuf('AgentCall', { type: 'GET_AGENT' }));
    const answer = await get('/api/v1/operator', { method: 'POST', body, headers });
    expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
    expect(decodeProtobuf('AgentResponse', new Uint8Array(await answer.arrayBuffer()))).toMatchObject({
      type: 'GET_AGENT',
      get_agent: { agent_info: { hostname: '127.0.0.1' } },
    });
  });

  it('refuses another method', async () => {
    expect((await get('/api/v1')).status).toBe(405);
  });
});

it('no request stops the agent', async () => {
  await assertSurvivesRandomRequests(agent.url, [
    'GET /state',
    'GET /containers',
    'GET /monitor/statistics',
    'GET /files/browse',
    'GET /files/read',
    'GET /files/download',
    'GET /metrics/snapshot',
    'POST /api/v1',
    'POST /slave(1)/api/v1',
    'POST /api/v1/executor',
    'GET /logging/toggle',
    'GET /files/debug',
  ]);
});
