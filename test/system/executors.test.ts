/** Executors of a framework's own, task groups and volumes, through a real master and a real agent that is killed on the way. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScheduler, type Scheduler } from '@pronoia/framework';
import type { ExecutorInfo, Offer, OfferOperation, Resource, TaskInfo, TaskStatus } from '@pronoia/mesos';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Pronoia, processesOf, until } from './pronoia.ts';

let folder: string;
let master: Pronoia;
let agent: Pronoia;
let address: string;
let agentPort: number;
let scheduler: Scheduler;
let offers: Offer[] = [];
const statuses: TaskStatus[] = [];
const messages: string[] = [];
const ended: string[] = [];

const startAgent = (): Pronoia =>
  new Pronoia(
    folder,
    'agent',
    `--master=${address}`,
    `--port=${agentPort}`,
    `--work_dir=${join(folder, 'agent')}`,
    '--resources=cpus:4;mem:2048;disk:2048;ports:[31000-31009]',
    '--executor_reregistration_timeout=10secs',
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-executors-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  agentPort = (probe.address() as { port: number }).port;
  await new Promise((resolve) => probe.close(resolve));
  master = new Pronoia(folder, 'master', '--port=0', `--work_dir=${join(folder, 'master')}`);
  address = (await master.printed(/address=(\S+)/))[1] as string;
  agent = startAgent();
  await agent.printed(/address=(\S+)/);
  scheduler = createScheduler({
    master: `http://${address}`,
    info: {
      user: '',
      name: 'executors',
      checkpoint: true,
      failover_timeout: 60,
      roles: ['eng'],
      capabilities: [
        { type: 'MULTI_ROLE' },
        { type: 'RESERVATION_REFINEMENT' },
        { type: 'PARTITION_AWARE' },
        { type: 'TASK_KILLING_STATE' },
      ],
    },
    handlers: {
      offers(more) {
        offers.push(...more);
      },
      rescinded(id) {
        offers = offers.filter((offer) => offer.id.value !== id.value);
      },
      update(status) {
        statuses.push(status);
      },
      message({ data }) {
        messages.push(Buffer.from(data, 'base64').toString());
      },
      failure({ executor_id, status }) {
        if (executor_id !== undefined) ended.push(`${executor_id.value} ${status}`);
      },
      disconnected() {
        offers = [];
      },
      error(message) {
        throw new Error(message);
      },
    },
  });
});

afterAll(async () => {
  await scheduler.teardown();
  for (const one of [agent, master]) {
    one.child.kill('SIGTERM');
    await one.exit;
  }
  for (const pid of processesOf(folder)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const scalar = (name: string, value: number, more: Partial<Resource> = {}): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  ...more,
});
const small = [scalar('cpus', 0.1), scalar('mem', 32)];
const accept = async (make: (offer: Offer) => OfferOperation[]): Promise<void> => {
  const offer = await until('an offer', () => Promise.resolve(offers.shift()));
  await scheduler.accept([offer.id], make(offer), { refuse_seconds: 0 });
};
const task = (offer: Offer, id: string, more: Partial<TaskInfo>): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: offer.agent_id,
  resources: small,
  ...more,
});
const seen = (id: string, state: string): Promise<TaskStatus> =>
  until(`${id} to be ${state}`, () => Promise.resolve(statuses.find((status) => status.task_id.value === id && status.state === state)));
const executor = (): ExecutorInfo => ({
  executor_id: { value: 'E1' },
  framework_id: { value: scheduler.frameworkId ?? '' },
  command: { value: `exec ${process.execPath} ${join(import.meta.dirname, '../../packages/agent/test/executor.mjs')}` },
  resources: small,
});
const base64 = (text: string): string => Buffer.from(text).toString('base64');

it('executors, groups and volumes survive kill -9 of the agent', { timeout: 120_000 }, async () => {
  // 1. Two tasks share an executor, which talks with its framework.
  await accept((offer) => [
    {
      type: 'LAUNCH',
      launch: {
        task_infos: [
          task(offer, 'held', { executor: executor(), data: base64('hold') }),
          task(offer, 'said', { executor: executor(), data: base64('echo') }),
        ],
      },
    },
  ]);
  const held = await seen('held', 'TASK_RUNNING');
  await until('the executor to say something', () => Promise.resolve(messages.includes('hello')));
  await scheduler.message(held.agent_id as never, { value: 'E1' }, Buffer.from('and back'));
  await until('its answer', () => Promise.resolve(messages.includes('and back')));

  // 2. A group, one of whose tasks is checked.
  const health_check = { type: 'COMMAND' as const, command: { value: 'true' }, delay_seconds: 0, interval_seconds: 1 };
  const group: ExecutorInfo = {
    executor_id: { value: 'G1' },
    type: 'DEFAULT',
    resources: [...small, scalar('disk', 10)],
  };
  await accept((offer) => [
    {
      type: 'LAUNCH_GROUP',
      launch_group: {
        executor: group,
        task_group: {
          tasks: [
            task(offer, 'a', { command: { value: 'exec sleep 1000' }, health_check }),
            task(offer, 'b', { command: { value: 'exec sleep 1000' } }),
          ],
        },
      },
    },
  ]);
  await seen('b', 'TASK_RUNNING');
  await until('a to be healthy', () => Promise.resolve(statuses.some((status) => status.task_id.value === 'a' && status.healthy === true)));

  // 3. A volume is made and written.
  const reservations = [{ type: 'DYNAMIC' as const, role: 'eng' }];
  const reserved = scalar('disk', 100, { reservations });
  const volume = { ...reserved, disk: { persistence: { id: 'v1' }, volume: { container_path: 'data', mode: 'RW' as const } } };
  await accept((offer) => [
    { type: 'RESERVE', reserve: { resources: [reserved] } },
    { type: 'CREATE', create: { volumes: [volume] } },
    {
      type: 'LAUNCH',
      launch: { task_infos: [task(offer, 'writer', { command: { value: 'echo kept > data/file' }, resources: [...small, volume] })] },
    },
  ]);
  await seen('writer', 'TASK_FINISHED');

  // 4. The agent is killed, and another takes over.
  agent.child.kill('SIGKILL');
  await agent.exit;
  offers = [];
  agent = startAgent();
  await agent.printed(/address=(\S+)/);
  await accept((offer) => [
    {
      type: 'LAUNCH',
      launch: { task_infos: [task(offer, 'late', { executor: executor(), data: base64('finish') })] },
    },
  ]);
  expect(await seen('late', 'TASK_FINISHED')).toMatchObject({ data: base64('result') });
  // The volume is offered again, with what was in it.
  const hasVolume = (offer: Offer): boolean => (offer.resources ?? []).some(({ disk }) => disk?.persistence?.id === 'v1');
  await until('the volume to be offered', () => Promise.resolve(offers.some(hasVolume)));
  offers = offers.filter(hasVolume);
  await accept((offer) => [
    {
      type: 'LAUNCH',
      launch: { task_infos: [task(offer, 'reader', { command: { value: 'grep kept data/file' }, resources: [...small, volume] })] },
    },
  ]);
  await seen('reader', 'TASK_FINISHED');

  // 5. Everything ends, each as it should.
  await scheduler.kill({ value: 'held' });
  expect(await seen('held', 'TASK_KILLED')).toMatchObject({ source: 'SOURCE_EXECUTOR' });
  await scheduler.kill({ value: 'a' });
  await Promise.all([seen('a', 'TASK_KILLED'), seen('b', 'TASK_KILLED')]);
  await until('the end of the group', () => Promise.resolve(ended.includes('G1 0')));
  await scheduler.shutdown({ value: 'E1' }, held.agent_id as never);
  await until('the end of the executor', () => Promise.resolve(ended.includes('E1 0')));
  await seen('said', 'TASK_FAILED'); // its executor has ended
  offers = offers.filter(hasVolume);
  await accept(() => [{ type: 'DESTROY', destroy: { volumes: [volume] } }]);
  await until('the volume to be deleted', () => Promise.resolve(!existsSync(join(folder, 'agent/volumes/roles/eng/v1'))));
});
