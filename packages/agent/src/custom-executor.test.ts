import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ExecutorInfo, FrameworkInfo, TaskInfo } from '@pronoia/mesos';
import { decodeProtobuf, encodeProtobuf, RecordDecoder } from '@pronoia/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, cpus, framework, mem, task, untilTrue } from '../test/bed.ts';
import { readProcess } from './processes.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await Bed.make();
});
afterEach(() => bed.close());

const program = join(import.meta.dirname, '../test/executor.mjs');
const executor = (id = 'E1', more: Partial<ExecutorInfo> = {}): ExecutorInfo => ({
  executor_id: { value: id },
  framework_id: { value: 'F1' },
  command: { value: `exec ${process.execPath} ${program}` },
  resources: [cpus(0.1), mem(32)],
  name: 'the executor',
  ...more,
});
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const job = (id: string, data = 'hold', info: ExecutorInfo = executor()): TaskInfo =>
  task({ task_id: { value: id }, executor: info, data: base64(data) });
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
};
const call = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/api/v1/executor`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
const ids = (executorId = 'E1'): object => ({ framework_id: { value: 'F1' }, executor_id: { value: executorId } });

describe('an executor of a framework', () => {
  it('is launched with its first task, runs several, and its words arrive as they are', async () => {
    await bed.open();
    bed.launch(framework(), job('t1'), job('t2', 'finish'));
    const running = await bed.running('t1');
    expect(running).toMatchObject({
      source: 'SOURCE_EXECUTOR',
      message: 'from the executor',
      executor_id: { value: 'E1' },
      agent_id: { value: 'M-S0' },
    });
    expect(running.container_status?.executor_pid).toBeGreaterThan(0);
    expect(await bed.final('t2')).toMatchObject({ state: 'TASK_FINISHED', data: base64('result') });
    bed.launch(framework(), job('t3', 'finish'));
    await bed.final('t3');
    expect(bed.text('E1').match(/SUBSCRIBED/g)?.length).toBe(1);
    expect(bed.text('E1').match(/^launch t\d/gm)).toEqual(['launch t1', 'launch t2', 'launch t3']);
    bed.kill('t1');
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_KILLED', source: 'SOURCE_EXECUTOR' });
  });

  it('finds its world in its environment', async () => {
    const agent = await bed.open({ executor_shutdown_grace_period: 90_000 });
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: `env > env; exec ${process.execPath} ${program}` } })));
    await bed.running('t1');
    const environment = new Map(
      bed
        .text('E1', 'env')
        .split('\n')
        .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(Object.fromEntries([...environment].filter(([name]) => /^(MESOS|LIBPROCESS)_/.test(name)))).toMatchObject({
      MESOS_FRAMEWORK_ID: 'F1',
      MESOS_EXECUTOR_ID: 'E1',
      MESOS_SLAVE_ID: 'M-S0',
      MESOS_SLAVE_PID: `slave(1)@127.0.0.1:${agent.port}`,
      MESOS_AGENT_ENDPOINT: `127.0.0.1:${agent.port}`,
      MESOS_DIRECTORY: expect.stringMatching(/executors\/E1\/runs\/[0-9a-f-]{36}$/) as string,
      MESOS_SANDBOX: expect.stringMatching(/executors\/E1\/runs\/[0-9a-f-]{36}$/) as string,
      MESOS_CHECKPOINT: '1',
      MESOS_HTTP_COMMAND_EXECUTOR: '0',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '1.5mins',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
      LIBPROCESS_PORT: '0',
    });
    expect(environment.get('MESOS_EXECUTOR_AUTHENTICATION_TOKEN')).toBeUndefined();
  });

  it('and its framework talk both ways', async () => {
    await bed.open();
    bed.launch(framework(), job('t1', 'echo'));
    const said = await bed.master.until((message) => (message.type === 'EXECUTOR_MESSAGE' ? message : undefined));
    expect(said).toMatchObject({ framework_id: { value: 'F1' }, executor_id: { value: 'E1' }, data: base64('hello') });
    bed.master.send({ type: 'FRAMEWORK_MESSAGE', framework_id: { value: 'F1' }, executor_id: { value: 'E1' }, data: base64('and back') });
    await bed.master.until((message) => (message.type === 'EXECUTOR_MESSAGE' && message.data === base64('and back') ? message : undefined));
  });

  it('that ends takes its tasks along, and the master hears how it ended', async () => {
    await bed.open();
    bed.launch(framework(), job('t1'), job('t2', 'die'));
    for (const id of ['t1', 't2'])
      expect(await bed.final(id)).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED', source: 'SOURCE_AGENT' });
    const exited = await bed.master.until((message) => (message.type === 'EXECUTOR_EXITED' ? message : undefined));
    expect(exited).toMatchObject({ executor_id: { value: 'E1' }, status: 7 << 8 });
  });

  it('that cannot be launched fails its task', async () => {
    await bed.open();
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: 'true', uris: [{ value: '/no/such/file' }] } })));
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
    await bed.master.until((message) => (message.type === 'EXECUTOR_EXITED' ? message : undefined));
  });

  it('that does not subscribe in time is ended', async () => {
    await bed.open({ executor_registration_timeout: 300 });
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: 'exec sleep 1000' } })));
    expect(await bed.final('t1')).toMatchObject({
      state: 'TASK_FAILED',
      reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
      message: 'Executor did not register within 300ms',
    });
  });

  it('never hears of a task that was killed before it came, and is shut down when there is no other', async () => {
    await bed.open();
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: `sleep 0.5; exec ${process.execPath} ${program}` } })));
    bed.kill('t1');
    expect(await bed.final('t1')).toMatchObject({
      state: 'TASK_KILLED',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
      source: 'SOURCE_AGENT',
    });
    await bed.master.until((message) => (message.type === 'EXECUTOR_EXITED' ? message : undefined));
    expect(bed.text('E1')).toBe('subscribed 200\nSUBSCRIBED\nSHUTDOWN\n');
  });

  it('is told to shut down, and killed when it does not', async () => {
    await bed.open();
    const stubborn = executor('E2', {
      shutdown_grace_period: { nanoseconds: 300_000_000 },
      command: { value: `trap '' TERM; ${process.execPath} ${program}; sleep 1000` },
    });
    bed.launch(framework(), job('t1'), job('t2', 'hold', stubborn));
    const pid = (await bed.running('t2')).container_status?.executor_pid as number;
    await bed.running('t1');
    for (const value of ['E1', 'E2']) bed.master.send({ type: 'SHUTDOWN_EXECUTOR', framework_id: { value: 'F1' }, executor_id: { value } });
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED' });
    await bed.final('t2');
    expect(bed.text('E1')).toMatch(/SHUTDOWN\n$/);
    expect(readProcess(pid)).toBeUndefined();
  });

  it('takes a task group as one event', async () => {
    await bed.open();
    const info = executor('E1', { type: 'CUSTOM' });
    bed.launchGroup(framework(), info, job('t1', 'finish', info), job('t2', 'finish', info));
    await bed.final('t1');
    await bed.final('t2');
    expect(bed.text('E1').match(/LAUNCH_GROUP/g)?.length).toBe(1);
  });

  it('gets no new tasks while it is ending', async () => {
    await bed.open();
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: `${process.execPath} ${program}; sleep 2` } })));
    await bed.running('t1');
    bed.master.send({ type: 'SHUTDOWN_EXECUTOR', framework_id: { value: 'F1' }, executor_id: { value: 'E1' } });
    bed.launch(framework(), job('t2'));
    expect(await bed.final('t2')).toMatchObject({ state: 'TASK_DROPPED', reason: 'REASON_EXECUTOR_TERMINATED' });
  });

  it('written in Python is served as well', async () => {
    const script = join(bed.workDir, 'executor.py');
    writeFileSync(
      script,
      `import json, os, uuid, base64, http.client
host = os.environ['MESOS_AGENT_ENDPOINT']
ids = {'executor_id': {'value': os.environ['MESOS_EXECUTOR_ID']}, 'framework_id': {'value': os.environ['MESOS_FRAMEWORK_ID']}}
headers = {'Content-Type': 'application/json', 'Accept': 'application/json'}
events = http.client.HTTPConnection(host)
events.request('POST', '/api/v1/executor', json.dumps(dict(ids, type='SUBSCRIBE', subscribe={})), headers)
stream = events.getresponse()
calls = http.client.HTTPConnection(host)
def update(task, state):
    status = dict(task_id=task['task_id'], state=state, source='SOURCE_EXECUTOR', uuid=base64.b64encode(uuid.uuid4().bytes).decode())
    calls.request('POST', '/api/v1/executor', json.dumps(dict(ids, type='UPDATE', update={'status': status})), headers)
    answer = calls.getresponse(); answer.read(); assert answer.status == 202, answer.status
while True:
    length = int(stream.readline())
    event = json.loads(stream.read(length))
    if event['type'] == 'LAUNCH':
        update(event['launch']['task'], 'TASK_RUNNING'); update(event['launch']['task'], 'TASK_FINISHED')
    if event['type'] == 'SHUTDOWN': break
`,
    );
    if (spawnSync('/usr/bin/python3', ['--version']).status !== 0) throw new Error('this test needs /usr/bin/python3');
    await bed.open();
    bed.launch(framework(), job('t1', '', executor('E1', { command: { value: `exec /usr/bin/python3 ${script}` } })));
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(bed.states('t1')).toEqual(['TASK_RUNNING', 'TASK_FINISHED']);
  });
});

describe('after a restart of the agent', () => {
  const restart = async (options: { recovery?: Partial<FrameworkInfo> } = {}): Promise<void> => {
    const port = await freePort();
    const first = await bed.open({ port });
    bed.launch(framework('F1', options.recovery), job('t1'));
    await bed.running('t1');
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open({ port, executor_reregistration_timeout: 3_000 });
  };

  it('an executor comes back with its tasks, before the master hears of them', async () => {
    await restart();
    const hello = await bed.master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
    expect(hello.held.executors.map(({ executor_info }) => executor_info.executor_id.value)).toEqual(['E1']);
    expect(hello.held.tasks.map((held) => [held.task_id.value, held.state])).toEqual([['t1', 'TASK_RUNNING']]);
    bed.launch(framework(), job('t2', 'finish'));
    await bed.final('t2');
    bed.kill('t1');
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_KILLED' });
    expect(bed.text('E1').match(/SUBSCRIBED/g)?.length).toBe(2);
  });

  it('an executor that does not come back is ended, and its tasks are gone', async () => {
    const first = await bed.open();
    bed.launch(framework(), job('t1'));
    const pid = (await bed.running('t1')).container_status?.executor_pid as number;
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open({ executor_reregistration_timeout: 200 }); // on another port, where the executor does not look
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_GONE', reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT' });
    expect(readProcess(pid)).toBeUndefined();
  });

  it('an executor of a framework without checkpointing is ended', async () => {
    const first = await bed.open();
    bed.launch(framework('F1', { checkpoint: false }), job('t1', 'hold', executor('E1', { command: { value: 'exec sleep 1000' } })));
    const find = (): string => join(bed.workDir, 'meta/slaves/M-S0/frameworks/F1/executors/E1/runs/latest/pids/forked.pid');
    await untilTrue(() => existsSync(find()));
    const pid = Number(readFileSync(find(), 'utf8'));
    await first.stop();
    await bed.open();
    await untilTrue(() => readProcess(pid) === undefined);
  });

  it('completed tasks of a live executor, and what is over, are still shown', async () => {
    const port = await freePort();
    const first = await bed.open({ port });
    bed.launch(framework(), job('t1'), job('t2', 'finish'), task({ task_id: { value: 'c1' }, command: { value: 'true' } }));
    await Promise.all([bed.running('t1'), bed.final('t2'), bed.final('c1')]);
    const shown = async (url: string): Promise<unknown> => {
      type Tasks = { id: string }[];
      type Shown = {
        frameworks: {
          executors: { id: string; tasks: Tasks; completed_tasks: Tasks }[];
          completed_executors: { completed_tasks: Tasks }[];
        }[];
      };
      const { frameworks } = (await (await fetch(`${url}/state`)).json()) as Shown;
      const list = (tasks: Tasks): string[] => tasks.map(({ id }) => id);
      return frameworks.map(({ executors, completed_executors }) => [
        executors.map((one) => [one.id, list(one.tasks), list(one.completed_tasks)]),
        completed_executors.map((one) => list(one.completed_tasks)),
      ]);
    };
    const expected = [[[['E1', ['t1'], ['t2']]], [['c1']]]];
    await untilTrue(async () => JSON.stringify(await shown(first.url)) === JSON.stringify(expected));
    await first.stop();
    const second = await bed.open({ port, executor_reregistration_timeout: 3_000 });
    expect(await shown(second.url)).toEqual(expected);
  });
});

describe('the executor API', () => {
  it('refuses in the original order', async () => {
    const agent = await bed.open();
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: 'exec sleep 1000' } })));
    await untilTrue(() => existsSync(bed.sandbox('E1')));
    const uuid = Buffer.alloc(16, 1).toString('base64');
    const status = { task_id: { value: 't1' }, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid };
    const update = (more: object): object => ({ ...ids(), type: 'UPDATE', update: { status: { ...status, ...more } } });
    const rows: [unknown, number, Record<string, string>?][] = [
      ['{', 400],
      [{ type: 'SUBSCRIBE' }, 400],
      [{ ...ids(), type: 'SUBSCRIBE', subscribe: {} }, 415, { 'content-type': 'application/json; charset=utf-8' }],
      [{ ...ids() }, 501],
      [{ framework_id: { value: 'F9' }, executor_id: { value: 'E1' }, type: 'SUBSCRIBE', subscribe: {} }, 400],
      [{ ...ids('E9'), type: 'SUBSCRIBE', subscribe: {} }, 400],
      [{ ...ids(), type: 'SUBSCRIBE', subscribe: {} }, 406, { accept: 'text/html' }],
      // Some clients leave the sub-message out: it is read, and refused for another reason.
      [{ ...ids(), type: 'SUBSCRIBE' }, 406, { accept: 'text/html' }],
      [update({ uuid: 'AAAA' }), 400],
      [update({ source: 'SOURCE_AGENT' }), 400],
      [update({ state: 'TASK_STAGING' }), 400],
      [update({ executor_id: { value: 'other' } }), 400],
      [update({ check_status: { type: 'TCP' } }), 400],
      [update({}), 403],
      [{ ...ids(), type: 'MESSAGE', message: { data: 'AAAA' } }, 403],
      [{ ...ids(), type: 'HEARTBEAT' }, 202],
    ];
    for (const [body, expected, headers] of rows) {
      const answer = await call(agent.url, body, headers);
      expect([JSON.stringify(body), answer.status]).toEqual([JSON.stringify(body), expected]);
    }
    expect((await fetch(`${agent.url}/api/v1/executor`)).status).toBe(405);
  });

  it('speaks protobuf in both directions', async () => {
    const agent = await bed.open();
    bed.launch(framework(), job('t1', 'hold', executor('E1', { command: { value: 'exec sleep 1000' } })));
    await untilTrue(() => existsSync(bed.sandbox('E1')));
    const id = { framework_id: { value: 'F1' }, executor_id: { value: 'E1' } };
    const post = (body: Buffer): Promise<Response> =>
      fetch(`${agent.url}/slave(1)/api/v1/executor`, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'content-type': 'application/x-protobuf', accept: 'application/x-protobuf' },
      });
    const stream = await post(encodeProtobuf('ExecutorCall', { ...id, type: 'SUBSCRIBE', subscribe: {} }));
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'application/x-protobuf']);
    const events: unknown[] = [];
    const decoder = new RecordDecoder();
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const readUntil = async (count: number): Promise<void> => {
      while (events.length < count) {
        const { value } = await reader.read();
        for (const record of decoder.decode(value as Uint8Array)) events.push(decodeProtobuf('ExecutorEvent', record));
      }
    };
    await readUntil(2);
    expect(events).toMatchObject([
      { type: 'SUBSCRIBED', subscribed: { executor_info: { executor_id: { value: 'E1' } }, agent_info: { id: { value: 'M-S0' } } } },
      { type: 'LAUNCH', launch: { task: { task_id: { value: 't1' }, data: base64('hold') } } },
    ]);
    const uuid = Buffer.alloc(16, 7).toString('base64');
    const status = { task_id: { value: 't1' }, state: 'TASK_FINISHED', source: 'SOURCE_EXECUTOR', uuid } as const;
    expect((await post(encodeProtobuf('ExecutorCall', { ...id, type: 'UPDATE', update: { status } }))).status).toBe(202);
    await readUntil(3);
    expect(events[2]).toMatchObject({ type: 'ACKNOWLEDGED', acknowledged: { task_id: { value: 't1' }, uuid } });
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FINISHED', uuid });
    await reader.cancel();
  });

  it('lets in only whom the agent launched, when told to ask', async () => {
    const key = join(bed.workDir, 'key');
    writeFileSync(key, 'secret\n');
    const agent = await bed.open({ authenticate_http_executors: true, jwt_secret_key: key });
    bed.launch(
      framework(),
      job('t1'),
      job('t2', 'hold', executor('E2', { command: { value: 'echo $MESOS_EXECUTOR_AUTHENTICATION_TOKEN > token; exec sleep 1000' } })),
    );
    await bed.running('t1');
    await untilTrue(() => bed.text('E2', 'token').endsWith('\n'));
    const body = { ...ids(), type: 'SUBSCRIBE', subscribe: {} };
    const nobody = await call(agent.url, body);
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="mesos-agent-executor"']);
    expect((await call(agent.url, body, { authorization: 'Bearer a.b.c' })).status).toBe(401);
    // A good token of another executor.
    expect((await call(agent.url, body, { authorization: `Bearer ${bed.text('E2', 'token').trim()}` })).status).toBe(403);
  });
});
