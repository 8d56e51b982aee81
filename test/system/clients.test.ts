/** Clients that others wrote, unchanged, against a real master and a real agent. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Pronoia, processesOf, until } from './pronoia.ts';

let folder: string;
let master: Pronoia;
let agent: Pronoia;
let address: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-clients-'));
  master = new Pronoia(folder, 'master', '--port=0', `--work_dir=${join(folder, 'master')}`);
  address = (await master.printed(/address=(\S+)/))[1] as string;
  const resources = '--resources=cpus:4;mem:4096;disk:4096;ports:[31000-31009,31020-31029]';
  agent = new Pronoia(folder, 'agent', `--master=${address}`, '--port=0', `--work_dir=${join(folder, 'agent')}`, resources);
  await agent.printed(/address=(\S+)/);
});

afterAll(async () => {
  for (const one of [agent, master]) {
    one.child.kill('SIGTERM');
    await one.exit;
  }
  for (const pid of processesOf(folder)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const python = '/usr/bin/python3';
if (!existsSync(python)) process.stderr.write(`SKIPPING the Python client: ${python} is missing\n`);

it.skipIf(!existsSync(python))('a scheduler in plain Python lives its whole life, and operates', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(python, [join(import.meta.dirname, 'clients/scheduler.py'), address], { timeout: 50_000 });
  const seen = JSON.parse(stdout) as Record<string, unknown> & { events: string[]; operator: string[]; states: Record<string, string[]> };
  const ran = ['TASK_STARTING', 'TASK_RUNNING'];
  expect(seen.events.slice(0, 3)).toEqual(['SUBSCRIBED', 'HEARTBEAT', 'OFFERS']);
  expect(seen.states['short']?.filter((state) => !ran.includes(state))).toEqual(['TASK_FINISHED']);
  expect(seen.states['long']?.filter((state) => !ran.includes(state))).toEqual(['TASK_KILLED']);
  expect(seen).toMatchObject({
    heartbeat: 15,
    reconciled: ['long', 'TASK_RUNNING', false],
    frameworks: ['python'],
    agents: 1,
    healthy: true,
    version: '1.11.0',
    weights: 200,
    teardown: 200,
  });
  for (const type of ['HEARTBEAT', 'FRAMEWORK_ADDED', 'TASK_ADDED', 'TASK_UPDATED', 'FRAMEWORK_REMOVED'])
    expect(seen.operator).toContain(type);
});

/** What we use of the package, which brings no types. */
interface MesosFramework {
  Scheduler: new (
    options: object,
  ) => {
    on(event: string, listener: (value: never) => void): void;
    subscribe(): void;
    kill(taskId: string, agentId: string): void;
    reconcile(taskId: string, agentId: string): void;
    teardown(): void;
    launchedTasks: { taskId: string; runtimeInfo: { agentId: string; state: string; network: { ip: string; ports: number[] } } }[];
  };
  Mesos: { getMesos(): { CommandInfo: new (...fields: unknown[]) => object } };
}

it('npm mesos-framework runs tasks through their whole cycle', { timeout: 60_000 }, async () => {
  const require = createRequire(import.meta.url);
  const { Scheduler, Mesos } = require('mesos-framework') as MesosFramework;
  const { CommandInfo } = Mesos.getMesos();
  const [host, port] = address.split(':');
  const task = (command: string, instances: number, priority: number): object => ({
    priority,
    instances,
    commandInfo: new CommandInfo(null, null, true, command, null, null),
    resources: { cpus: 0.2, mem: 32, ports: 2, disk: 0 },
  });
  const scheduler = new Scheduler({
    masterUrl: host,
    port,
    frameworkName: 'npm client',
    masterConnectionTimeout: 60,
    restartStates: ['TASK_FAILED'],
    logging: { path: folder, fileName: 'npm.log', level: 'error' },
    tasks: {
      short: task('exit 0', 2, 1),
      long: task('exec sleep 600', 2, 2),
      flaky: task('exit 1', 1, 3),
    },
  });
  const states = new Map<string, string[]>();
  const faults: unknown[] = [];
  const calls: string[] = [];
  scheduler.on('error', (error) => void faults.push(error));
  for (const event of ['sent_accept', 'sent_acknowledge', 'sent_kill', 'sent_reconcile', 'sent_teardown'])
    scheduler.on(event, () => void calls.push(event));
  scheduler.on('update', ({ status }: { status: { task_id: { value: string }; state: string } }) => {
    const seen = states.get(status.task_id.value) ?? [];
    states.set(status.task_id.value, seen);
    if (!seen.includes(status.state)) seen.push(status.state);
  });
  const of = (name: string, state: string): string[] =>
    [...states].filter(([id, seen]) => id.includes(`.${name}-`) && seen.includes(state)).map(([id]) => id);
  const subscribed = new Promise<void>((resolve) => scheduler.on('subscribed', () => resolve()));
  scheduler.subscribe();
  await subscribed;

  await until('two tasks end by themselves', async () => of('short', 'TASK_FINISHED').length === 2);
  await until('two tasks run', async () => of('long', 'TASK_RUNNING').length === 2);
  await until('a task that fails is started again', async () => of('flaky', 'TASK_FAILED').length >= 2);

  const victim = scheduler.launchedTasks.find((one) => one.taskId === of('long', 'TASK_RUNNING')[0]);
  expect(victim?.runtimeInfo.network.ip).toBe('127.0.0.1');
  expect(victim?.runtimeInfo.network.ports).toHaveLength(2);
  scheduler.reconcile(victim?.taskId ?? '', victim?.runtimeInfo.agentId ?? '');
  scheduler.kill(victim?.taskId ?? '', victim?.runtimeInfo.agentId ?? '');
  await until('the killed one is dead', async () => of('long', 'TASK_KILLED').length === 1);
  const { frameworks } = (await (await fetch(`http://${address}/frameworks`)).json()) as {
    frameworks: { name: string; tasks: unknown[] }[];
  };
  expect(frameworks.map((one) => one.name)).toEqual(['npm-client']);

  scheduler.teardown();
  await until('the framework is gone', async () => {
    const after = (await (await fetch(`http://${address}/frameworks`)).json()) as {
      frameworks: unknown[];
      completed_frameworks: { name: string }[];
    };
    return after.frameworks.length === 0 && after.completed_frameworks.some((one) => one.name === 'npm-client');
  });
  for (const event of ['sent_accept', 'sent_acknowledge', 'sent_kill', 'sent_reconcile', 'sent_teardown']) expect(calls).toContain(event);
  // The end of the stream, which it asked for itself, is an error to it.
  expect(
    faults.filter((fault) => !/Long-running connection was closed/.test(JSON.stringify((fault as { message?: string }).message))),
  ).toEqual([]);
});
