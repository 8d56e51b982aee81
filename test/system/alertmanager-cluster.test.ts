/**
 * Three alertmanagers as one, real processes: the member that sends is killed, stopped, or cut off while alerts stream in. No
 * notification may be lost; those that came twice are counted, and so is the time until another member sends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type EtcdCluster, etcdIsHere, startEtcd } from '@pronoia/server/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const built = new URL('../../packages/alertmanager/dist/index.js', import.meta.url);
/** What the issue promises. */
const takeOverLimitMs = 2000;
const groupWaitMs = 100;

interface Told {
  readonly n: string;
  readonly sender: string;
  readonly atMs: number;
}

/** Takes notifications, each after a while, so that there always are some under way. */
class Receiver {
  readonly told: Told[] = [];
  readonly #server: HttpServer;
  answerMs = 60;

  constructor() {
    this.#server = createHttpServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { externalURL, groupLabels } = JSON.parse(Buffer.concat(parts).toString()) as {
          externalURL: string;
          groupLabels: { n: string };
        };
        this.told.push({ n: groupLabels.n, sender: externalURL.slice('http://'.length), atMs: performance.now() });
        setTimeout(() => response.end(), this.answerMs);
      });
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Stands before a member's cluster port and knows who calls, by the name in the greeting. */
class Gate {
  readonly #server: Server;
  readonly #pairs = new Map<Socket, { readonly inner: Socket; caller: string }>();
  readonly shut = new Set<string>();
  targetPort = 0;
  port = 0;

  constructor() {
    this.#server = createServer((outer) => {
      const inner = connect({ host: '127.0.0.1', port: this.targetPort });
      this.#pairs.set(outer, { inner, caller: '' });
      outer.once('data', (first: Buffer) => {
        const caller = /"name":"(\w+)"/.exec(first.toString('latin1'))?.[1] ?? '';
        if (this.shut.has(caller)) return outer.destroy();
        this.#pairs.set(outer, { inner, caller });
        inner.write(first);
        outer.pipe(inner);
        return undefined;
      });
      inner.pipe(outer);
      for (const socket of [outer, inner]) socket.on('error', () => {});
      outer.on('close', () => {
        inner.destroy();
        this.#pairs.delete(outer);
      });
      inner.on('close', () => outer.destroy());
    });
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  cut(...callers: string[]): void {
    for (const caller of callers) this.shut.add(caller);
    for (const [outer, { caller }] of this.#pairs) if (this.shut.has(caller)) outer.destroy();
  }

  heal(): void {
    this.shut.clear();
  }

  close(): void {
    for (const outer of this.#pairs.keys()) outer.destroy();
    this.#server.close();
  }
}

interface Member {
  readonly name: string;
  readonly child: ChildProcess;
  readonly url: string;
  readonly gate: Gate;
  readonly output: string[];
}

let folder: string;
let receiver: Receiver;
let members: Member[];

beforeAll(() => {
  if (!existsSync(built)) throw new Error('packages/alertmanager/dist is missing; run npm run build');
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-cluster-'));
  receiver = new Receiver();
  const url = await receiver.open();
  writeFileSync(
    join(folder, 'am.yml'),
    `route: { receiver: hook, group_by: [n], group_wait: ${groupWaitMs}ms, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: '${url}' }] }]`,
  );
  const gates = [new Gate(), new Gate(), new Gate()];
  await Promise.all(gates.map((gate) => gate.open()));
  members = await Promise.all(gates.map((gate, i) => startMember(`m${i}`, gate, gates)));
  await Promise.all(
    members.map((member) => until(async () => (await peersOf(member)).length === 3, 10_000, 'three members see each other')),
  );
}, 30_000);

afterEach(async () => {
  const ended = members.map(({ child }) =>
    (child.exitCode ?? child.signalCode) === null ? new Promise((resolve) => child.once('exit', resolve)) : undefined,
  );
  for (const { child, gate } of members) {
    child.kill('SIGKILL');
    gate.close();
  }
  await Promise.all(ended.filter((one) => one !== undefined));
  receiver.close();
  rmSync(folder, { recursive: true });
});

afterAll(() => {
  for (const line of report) process.stderr.write(`${line}\n`);
});

const report: string[] = [];
let etcdUrl: string | undefined;

async function startMember(name: string, gate: Gate, gates: readonly Gate[]): Promise<Member> {
  const output: string[] = [];
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { main } from ${JSON.stringify(built.href)}; await main(process.argv.slice(1));`,
      '--',
      `--config.file=${join(folder, 'am.yml')}`,
      `--storage.path=${join(folder, name)}`,
      '--web.listen-address=127.0.0.1:0',
      `--web.external-url=http://${name}`,
      '--cluster.listen-address=127.0.0.1:0',
      `--cluster.advertise-address=127.0.0.1:${gate.port}`,
      `--cluster.peer-name=${name}`,
      '--cluster.settle-timeout=5s',
      // What one drill has told, the next has not.
      ...(etcdUrl === undefined ? [] : [`--cluster.etcd=${etcdUrl}/${basename(folder)}`]),
      ...gates.map(({ port }) => `--cluster.peer=127.0.0.1:${port}`),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const find = async (pattern: RegExp): Promise<string> => {
    let found: string | undefined;
    await until(() => (found = pattern.exec(output.join(''))?.[1]) !== undefined, 15_000, `${name} prints ${pattern}`);
    return found as string;
  };
  gate.targetPort = Number(await find(/Cluster listens.* address=127\.0\.0\.1:(\d+)/));
  const url = `http://${await find(/Listening on.* address=(\S+)/)}`;
  return { name, child, url, gate, output };
}

async function until(isTrue: () => boolean | Promise<boolean>, limitMs: number, what: string): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs)
      throw new Error(
        `not within ${limitMs} ms: ${what}\n${members.map(({ name, output }) => `--- ${name}\n${output.join('')}`).join('')}`,
      );
    await wait(20);
  }
}

async function peersOf({ url }: Member): Promise<string[]> {
  const answer = await fetch(`${url}/api/v2/status`).catch(() => undefined);
  if (answer === undefined) return [];
  const { cluster } = (await answer.json()) as { cluster: { status: string; peers: { name: string }[] } };
  return cluster.status === 'ready' ? cluster.peers.map(({ name }) => name) : [];
}

async function metric({ url }: Member, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function post({ url }: Member, n: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels: { alertname: 'Drill', n } }]),
    signal: AbortSignal.timeout(1000),
  }).catch(() => undefined);
  return answer?.status === 200;
}

/** Alerts one after the other, each to the next member that takes it, while `event` happens in the middle. Returns what was accepted. */
async function stream(count: number, event: () => void): Promise<string[]> {
  const accepted: string[] = [];
  for (let i = 0; i < count; i++) {
    if (i === count / 2) event();
    const n = String(i);
    const order = [...members.slice(i % 3), ...members.slice(0, i % 3)];
    for (const member of order) {
      if ((member.child.exitCode ?? member.child.signalCode) !== null || stopped.has(member)) continue;
      if (await post(member, n)) {
        accepted.push(n);
        acceptedAtMs.set(n, performance.now());
        break;
      }
    }
    await wait(15);
  }
  return accepted;
}

/** Whose notification is under way. */
function sender(): Member {
  return members.find(({ name }) => name === receiver.told.at(-1)?.sender) as Member;
}

const stopped = new Set<Member>();
const acceptedAtMs = new Map<string, number>();

function timesTold(n: string): number {
  return receiver.told.filter((one) => one.n === n).length;
}

async function allTold(accepted: readonly string[], limitMs: number): Promise<void> {
  await until(
    () => accepted.every((n) => timesTold(n) > 0),
    limitMs,
    `all of ${accepted.length} are told; missing: ${accepted.filter((n) => timesTold(n) === 0).join(' ')}`,
  );
}

function duplicates(accepted: readonly string[]): number {
  return accepted.reduce((sum, n) => sum + Math.max(0, timesTold(n) - 1), 0);
}

/** How long the slowest of these waited for its notification, beyond the group's own wait; at most since the moment. */
function longestWaitMs(accepted: readonly string[], atMs: number): number {
  const waits = accepted.map((n) => {
    const toldAtMs = receiver.told.find((one) => one.n === n)?.atMs ?? Number.POSITIVE_INFINITY;
    return toldAtMs - Math.max(atMs, (acceptedAtMs.get(n) as number) + groupWaitMs);
  });
  return Math.round(Math.max(...waits));
}

/** Everybody else from one member, both ways. */
function cutOff(victim: Member): void {
  const others = members.filter((member) => member !== victim);
  victim.gate.cut(...others.map(({ name }) => name));
  for (const { gate } of others) gate.cut(victim.name);
}

describe('of three members', () => {
  it('one sends each notification, and silences are everybody’s', async () => {
    const accepted = await stream(30, () => {});
    await allTold(accepted, 5000);
    expect([accepted.length, duplicates(accepted)]).toEqual([30, 0]);
    expect(new Set(receiver.told.map(({ sender }) => sender)).size).toBe(3);
    const [first, second] = members as [Member, Member];
    const now = Date.now();
    await fetch(`${first.url}/api/v2/silences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        matchers: [{ name: 'n', value: 'quiet', isRegex: false }],
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + 60_000).toISOString(),
        createdBy: 'drill',
        comment: 'c',
      }),
    });
    await until(
      async () => ((await (await fetch(`${second.url}/api/v2/silences`)).json()) as unknown[]).length === 1,
      2000,
      'the silence is everywhere',
    );
    await post(second, 'quiet');
    await post(second, 'loud');
    await allTold(['loud'], 5000);
    expect(timesTold('quiet')).toBe(0);
  }, 20_000);

  it('one is killed in mid-flight: nothing is lost, and others send within two seconds', async () => {
    let killedAtMs = 0;
    receiver.answerMs = 150;
    const accepted = await stream(120, () => {
      sender().child.kill('SIGKILL');
      killedAtMs = performance.now();
    });
    await allTold(accepted, 6000);
    const waitedMs = longestWaitMs(accepted, killedAtMs);
    report.push(
      `cluster drill, kill -9: ${accepted.length} accepted, 0 lost, ${duplicates(accepted)} told twice, taken over within ${waitedMs} ms`,
    );
    expect(accepted).toHaveLength(120);
    expect(waitedMs).toBeLessThan(takeOverLimitMs);
  }, 30_000);

  it('one is stopped in mid-flight and wakes again: nothing is lost, and it does not repeat what others told meanwhile', async () => {
    let stoppedAtMs = 0;
    let victim = members[0] as Member;
    receiver.answerMs = 150;
    const accepted = await stream(120, () => {
      victim = sender();
      victim.child.kill('SIGSTOP');
      stopped.add(victim);
      stoppedAtMs = performance.now();
    });
    await allTold(accepted, 6000);
    const waitedMs = longestWaitMs(accepted, stoppedAtMs);
    victim.child.kill('SIGCONT');
    stopped.delete(victim);
    await until(async () => (await peersOf(victim)).length === 3, 5000, 'the victim is back');
    const more = await stream(20, () => {});
    await allTold(more, 5000);
    await wait(2500);
    report.push(
      `cluster drill, SIGSTOP: ${accepted.length} accepted, 0 lost, ${duplicates(accepted)} told twice, taken over within ${waitedMs} ms`,
    );
    expect(accepted).toHaveLength(120);
    expect(waitedMs).toBeLessThan(takeOverLimitMs);
    // What was on the wire when it was stopped, and no more.
    expect(duplicates(accepted)).toBeLessThanOrEqual(10);
  }, 40_000);

  it('one is cut off: nothing is lost, whichever side took the alert; what both sides told is counted when they meet again', async () => {
    const accepted = await stream(120, () => cutOff(members[0] as Member));
    await allTold(accepted, 6000);
    // Until the last has noticed whom it does not see, and told in that one's place.
    await wait(2500);
    const twice = duplicates(accepted);
    for (const { gate } of members) gate.heal();
    await until(
      async () => (await Promise.all(members.map(peersOf))).every(({ length }) => length === 3),
      10_000,
      'all see each other again',
    );
    await wait(2500);
    const counted = (
      await Promise.all(members.map((member) => metric(member, 'alertmanager_cluster_duplicate_notifications_total')))
    ).reduce((a, b) => a + b, 0);
    report.push(
      `cluster drill, cut: ${accepted.length} accepted, 0 lost, ${twice} told twice during the cut, ${duplicates(accepted)} in all, ${counted} counted by the members`,
    );
    expect(accepted).toHaveLength(120);
    // Meeting again is no reason to tell again.
    expect(duplicates(accepted)).toBe(twice);
    expect(counted).toBe(twice);
  }, 40_000);
});

describe.skipIf(!etcdIsHere('a cluster of alertmanagers with etcd'))('of three members with etcd', () => {
  let etcd: EtcdCluster;

  beforeAll(async () => {
    etcd = await startEtcd();
    etcdUrl = etcd.endpoints.join(',');
  });

  afterAll(async () => {
    etcdUrl = undefined;
    await etcd.stop();
  });

  it('one is cut off from the others, not from etcd: nothing is lost, and nothing told twice', async () => {
    const accepted = await stream(120, () => cutOff(members[0] as Member));
    await allTold(accepted, 6000);
    await wait(2500);
    report.push(`cluster drill, cut with etcd: ${accepted.length} accepted, 0 lost, ${duplicates(accepted)} told twice`);
    expect([accepted.length, duplicates(accepted)]).toEqual([120, 0]);
  }, 40_000);

  it('one is killed in mid-flight: nothing is lost, and others send within two seconds but what it had claimed', async () => {
    let killedAtMs = 0;
    receiver.answerMs = 150;
    const accepted = await stream(120, () => {
      sender().child.kill('SIGKILL');
      killedAtMs = performance.now();
    });
    await allTold(accepted, 6000);
    report.push(
      `cluster drill, kill -9 with etcd: ${accepted.length} accepted, 0 lost, ${duplicates(accepted)} told twice, taken over within ${longestWaitMs(accepted, killedAtMs)} ms`,
    );
    expect(accepted).toHaveLength(120);
  }, 30_000);

  it('etcd itself is gone: the members go on by what they know of each other', async () => {
    const [member] = etcd.members;
    const accepted = await stream(60, () => member?.signal('SIGKILL'));
    await allTold(accepted, 8000);
    report.push(`cluster drill, etcd killed: ${accepted.length} accepted, 0 lost, ${duplicates(accepted)} told twice`);
    expect([accepted.length, duplicates(accepted)]).toEqual([60, 0]);
  }, 30_000);
});
