import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ExecutorCall, type ExecutorEvent, encodeRecord } from '@pronoia/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExecutor, type Executor } from './executor.ts';

/** An agent as an executor sees it. */
let server: Server;
let stream: ServerResponse | undefined;
let calls: ExecutorCall[];
let executor: Executor | undefined;
let isRefusing: boolean;

beforeEach(async () => {
  calls = [];
  stream = undefined;
  isRefusing = false;
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const call = JSON.parse(Buffer.concat(parts).toString()) as ExecutorCall;
      if (isRefusing) return void response.writeHead(503).end('recovering');
      calls.push(call);
      if (call.type !== 'SUBSCRIBE') return void response.writeHead(202).end();
      stream = response;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  executor?.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const tell = (event: ExecutorEvent): void => void stream?.write(encodeRecord(JSON.stringify(event)));
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  MESOS_AGENT_ENDPOINT: `127.0.0.1:${(server.address() as AddressInfo).port}`,
  MESOS_EXECUTOR_ID: 'E1',
  MESOS_FRAMEWORK_ID: 'F1',
  MESOS_CHECKPOINT: '1',
  MESOS_SUBSCRIPTION_BACKOFF_MAX: '20ms',
  ...more,
});
const until = async <T>(look: () => T | undefined): Promise<T> => {
  for (let i = 0; i < 1_000; i++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not seen: ${look.toString()}`);
};
const launch = (id: string): ExecutorEvent => ({
  type: 'LAUNCH',
  launch: { task: { name: id, task_id: { value: id }, agent_id: { value: 'S1' } } },
});
const states = (): string[] => calls.flatMap((call) => (call.type === 'UPDATE' ? [call.update.status.state] : []));
const handlers = { launch: (): undefined => undefined, kill: (): undefined => undefined, shutdown: (): undefined => undefined };

describe('an executor', () => {
  it('gets tasks, kills and messages, and its updates arrive in order', async () => {
    const heard: unknown[] = [];
    const made = createExecutor({
      environment: environment(),
      handlers: {
        launch: (tasks) => {
          for (const task of tasks) for (const state of ['TASK_STARTING', 'TASK_RUNNING'] as const) made.update(task.task_id.value, state);
        },
        kill: (id) => made.update(id, 'TASK_KILLED', { message: 'as told' }),
        message: (data) => heard.push(Buffer.from(data).toString()),
        shutdown: () => heard.push('shutdown'),
      },
    });
    executor = made;
    await until(() => stream);
    tell(launch('t1'));
    tell({ type: 'KILL', kill: { task_id: { value: 't1' } } });
    tell({ type: 'MESSAGE', message: { data: Buffer.from('hello').toString('base64') } });
    tell({ type: 'SHUTDOWN' });
    await until(() => (states().length === 3 ? true : undefined));
    expect(states()).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLED']);
    await made.message(Buffer.from('back'));
    expect(calls.at(-1)).toMatchObject({ type: 'MESSAGE', message: { data: Buffer.from('back').toString('base64') } });
    expect(heard).toEqual(['hello', 'shutdown']);
  });

  it('comes back to an agent that was away, and tells what was not confirmed', async () => {
    const heard: string[] = [];
    const made = createExecutor({
      environment: environment(),
      handlers: {
        ...handlers,
        launch: ([task]) => void heard.push(task?.task_id.value ?? ''),
        message: (data) => void heard.push(Buffer.from(data).toString()),
      },
    });
    executor = made;
    await until(() => stream);
    tell(launch('t1'));
    tell(launch('t2'));
    await until(() => heard[1]);
    made.update('t1', 'TASK_RUNNING');
    const first = await until(() => calls.find((call) => call.type === 'UPDATE'));
    const uuid = first.type === 'UPDATE' ? (first.update.status.uuid ?? '') : '';
    tell({ type: 'ACKNOWLEDGED', acknowledged: { task_id: { value: 't1' }, uuid } });
    tell({ type: 'MESSAGE', message: { data: Buffer.from('confirmed').toString('base64') } });
    await until(() => heard[2]);
    isRefusing = true;
    stream?.destroy();
    made.update('t1', 'TASK_FINISHED');
    calls.length = 0;
    isRefusing = false;
    const again = await until(() => calls.find((call) => call.type === 'SUBSCRIBE'));
    const { unacknowledged_tasks, unacknowledged_updates } = again.type === 'SUBSCRIBE' ? (again.subscribe ?? {}) : {};
    const told = [...(unacknowledged_updates ?? []).map(({ status }) => status.state), ...states()];
    expect(unacknowledged_tasks?.map((task) => task.task_id.value)).toEqual(['t2']);
    expect(told).toContain('TASK_FINISHED');
  });

  it('without checkpointing ends with its agent', async () => {
    const made = createExecutor({ environment: environment({ MESOS_CHECKPOINT: '0' }), handlers });
    await until(() => stream);
    stream?.destroy();
    expect(await made.ended).toMatch(/the agent is gone/);
  });

  it('gives an agent up after the recovery timeout', async () => {
    const made = createExecutor({ environment: environment({ MESOS_RECOVERY_TIMEOUT: '100ms' }), handlers });
    await until(() => stream);
    isRefusing = true;
    stream?.destroy();
    expect(await made.ended).toMatch(/did not come back: recovering/);
  });

  it('that nobody launched says so', () => {
    expect(() => createExecutor({ environment: {}, handlers })).toThrow(/MESOS_AGENT_ENDPOINT is not set/);
  });
});
