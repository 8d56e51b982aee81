/**
 * Three masters, an etcd of three, an agent and a framework, all as a user runs them: the leader is killed, stopped, and cut off its
 * etcd; what runs goes on, and each time somebody leads again. The times are printed: they are what an operator waits.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createScheduler, type Scheduler } from '../../packages/framework/src/index.ts';
import type { Offer, TaskState } from '../../packages/mesos/src/index.ts';
import { type EtcdCluster, etcdIsHere, startEtcd } from '../../packages/server/src/testing.ts';
import { Pronoia, processesOf, until } from './pronoia.ts';

const sessionSeconds = 3;

interface Master {
  readonly process: Pronoia;
  readonly url: string;
}

describe.skipIf(!etcdIsHere('high availability'))('three masters with a three-member etcd', () => {
  let folder: string;
  let etcd: EtcdCluster;
  let masters: Master[];
  let agent: Pronoia;
  let scheduler: Scheduler;
  const states = new Map<string, TaskState[]>();
  const offers: Offer[] = [];
  let subscriptions = 0;

  async function startMaster(name: string): Promise<Master> {
    const process = new Pronoia(
      folder,
      'master',
      '--port=0',
      `--work_dir=${join(folder, name)}`,
      `--etcd=${etcd.endpoints.join()}/ha`,
      `--etcd_session_timeout=${sessionSeconds}secs`,
      '--quorum=2',
      '--allocation_interval=200ms',
    );
    const found = await process.printed(/address=(\S+)/);
    return { process, url: `http://${found[1]}` };
  }

  const leaderOf = async (some: readonly Master[]): Promise<Master | undefined> => {
    for (const master of some) {
      const answer = await fetch(`${master.url}/state`, { redirect: 'manual', signal: AbortSignal.timeout(500) }).catch(() => undefined);
      if (answer?.status === 200) return master;
    }
    return undefined;
  };

  async function launch(id: string): Promise<void> {
    const offer = await until('an offer', async () => offers.shift());
    const task = {
      name: id,
      task_id: { value: id },
      agent_id: offer.agent_id,
      resources: [
        { name: 'cpus', type: 'SCALAR' as const, scalar: { value: 0.1 } },
        { name: 'mem', type: 'SCALAR' as const, scalar: { value: 32 } },
      ],
      command: { value: 'exec sleep 600' },
    };
    await scheduler.accept([offer.id], [{ type: 'LAUNCH', launch: { task_infos: [task] } }], { refuse_seconds: 0 });
    await until(`${id} runs`, async () => states.get(id)?.includes('TASK_RUNNING'));
  }

  /** From the fault on: when somebody leads, agent and framework are back, and when the next task runs. */
  async function recovery(others: readonly Master[], task: string): Promise<Master> {
    const sinceMs = performance.now();
    const since = (): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
    const before = subscriptions;
    offers.length = 0;
    const leader = await until('a new leader', () => leaderOf(others));
    const led = since();
    await until('the agent is back', async () => {
      const { slaves } = (await (await fetch(`${leader.url}/slaves`)).json()) as { slaves: { active: boolean }[] };
      return slaves.some((one) => one.active);
    });
    const agentBack = since();
    await until('the framework is back', async () => subscriptions > before);
    const frameworkBack = since();
    await launch(task);
    process.stderr.write(
      `recovery (lease ${sessionSeconds} s): leader ${led}, agent ${agentBack}, framework ${frameworkBack}, next task runs ${since()}\n`,
    );
    return leader;
  }

  const running = async (leader: Master): Promise<string[]> => {
    const { tasks } = (await (await fetch(`${leader.url}/tasks?limit=-1`)).json()) as { tasks: { id: string; state: string }[] };
    return tasks
      .filter((task) => task.state === 'TASK_RUNNING')
      .map((task) => task.id)
      .sort();
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pronoia-ha-'));
    etcd = await startEtcd(3);
    masters = await Promise.all(['m0', 'm1', 'm2'].map(startMaster));
    const members = etcd.endpoints.map((endpoint) => endpoint.slice('http://'.length)).join();
    agent = new Pronoia(
      folder,
      'agent',
      `--master=etcd://${members}/ha`,
      '--port=0',
      `--work_dir=${join(folder, 'agent')}`,
      '--resources=cpus:4;mem:4096',
    );
    states.clear();
    offers.length = 0;
    subscriptions = 0;
    scheduler = createScheduler({
      master: masters.map((master) => master.url),
      info: { user: 'root', name: 'ha', failover_timeout: 600, checkpoint: true, capabilities: [{ type: 'PARTITION_AWARE' }] },
      backoffMs: 100,
      leaderCheckMs: 500,
      handlers: {
        subscribed: () => void subscriptions++,
        offers: (some) => void offers.push(...some),
        update: (status) => void states.set(status.task_id.value, [...(states.get(status.task_id.value) ?? []), status.state]),
        disconnected: () => void offers.splice(0),
        error: (message) => {
          throw new Error(message);
        },
      },
    });
  });

  afterEach(async () => {
    await scheduler.stop();
    for (const one of [...masters.map((master) => master.process), agent]) {
      one.child.kill('SIGCONT');
      one.child.kill('SIGKILL');
    }
    await etcd.stop();
    for (const pid of processesOf(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('goes on when the leader is killed, stopped, or cut off from its etcd', { timeout: 120_000 }, async () => {
    const first = await until('a leader', () => leaderOf(masters));
    await launch('t1');

    first.process.child.kill('SIGKILL');
    const second = await recovery(
      masters.filter((one) => one !== first),
      't2',
    );
    expect(await running(second)).toEqual(['t1', 't2']);

    // Stopped, it keeps its connections and says nothing; woken, it must not go on as if it led.
    masters[masters.indexOf(first)] = await startMaster('m3');
    second.process.child.kill('SIGSTOP');
    const third = await recovery(
      masters.filter((one) => one !== second),
      't3',
    );
    second.process.child.kill('SIGCONT');
    const moved = await until('the woken one sends its clients on', async () => {
      const answer = await fetch(`${second.url}/state`, { redirect: 'manual' });
      return answer.status === 307 ? answer.headers.get('location') : undefined;
    });
    expect(moved).toBe(`//${new URL(third.url).host}/state`);
    expect(await running(third)).toEqual(['t1', 't2', 't3']);

    // No etcd at all: nobody may lead, and what runs goes on; then etcd comes back.
    for (const member of etcd.members) member.signal('SIGSTOP');
    await until('nobody leads', async () => (await leaderOf(masters)) === undefined);
    for (const member of etcd.members) member.signal('SIGCONT');
    const fourth = await recovery(masters, 't4');
    expect(await running(fourth)).toEqual(['t1', 't2', 't3', 't4']);
    expect([...states].map(([id, seen]) => [id, seen.filter((state) => state !== 'TASK_RUNNING' && state !== 'TASK_STARTING')])).toEqual(
      ['t1', 't2', 't3', 't4'].map((id) => [id, []]),
    );
  });
});
