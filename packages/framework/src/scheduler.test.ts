import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeRecord, type TaskStatus } from '@pronoia/mesos';
import { afterEach, describe, expect, it } from 'vitest';
import type { SchedulerClock } from './clock.ts';
import { createScheduler, type Scheduler, type SchedulerOptions } from './scheduler.ts';

/** Stands still until moved; timers fire in order of due time. */
class TestClock implements SchedulerClock {
  #nowMs = 1_000_000;
  #timers: { dueMs: number; run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const until = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.dueMs <= until).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = due.dueMs;
      due.run();
    }
    this.#nowMs = until;
  }
}

type Call = Readonly<Record<string, unknown>> & { type: string };

/** Answers SUBSCRIBE with a stream that the test feeds, and records the other calls. */
class FakeMaster {
  readonly calls: { call: Call; streamId: string | undefined }[] = [];
  readonly streams: ServerResponse[] = [];
  readonly subscriptions: Call[] = [];
  /** What the next requests are answered in place of the usual. */
  readonly refusals: { status: number; text: string; location?: string }[] = [];
  readonly #server: Server;
  url = '';
  /** Takes calls and never answers. */
  isHanging = false;
  hung = 0;
  closesOnTeardown = false;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  send(event: object, stream = this.streams.at(-1)): void {
    stream?.write(encodeRecord(JSON.stringify(event)));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString('utf8');
    const call = (body === '' ? { type: 'GET' } : JSON.parse(body)) as Call;
    if (call.type === 'SUBSCRIBE') this.subscriptions.push(call);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      response.writeHead(refusal.status, refusal.location === undefined ? {} : { location: refusal.location });
      response.end(refusal.text);
      return;
    }
    if (this.isHanging) {
      this.hung++;
      return;
    }
    if (call.type !== 'SUBSCRIBE') {
      this.calls.push({ call, streamId: request.headers['mesos-stream-id'] as string | undefined });
      if (call.type === 'TEARDOWN' && this.closesOnTeardown) this.streams.at(-1)?.end();
      response.writeHead(202).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'mesos-stream-id': `stream-${this.subscriptions.length}` });
    this.streams.push(response);
    this.send({
      type: 'SUBSCRIBED',
      subscribed: {
        framework_id: { value: 'f-1' },
        heartbeat_interval_seconds: 15,
        master_info: { id: 'm', ip: 0, port: 1, hostname: 'h' },
      },
    });
    this.send({ type: 'HEARTBEAT' });
  }
}

const masters: FakeMaster[] = [];
const schedulers: Scheduler[] = [];

afterEach(async () => {
  for (const scheduler of schedulers.splice(0)) await scheduler.stop();
  for (const master of masters.splice(0)) await master.stop();
});

async function newMaster(): Promise<FakeMaster> {
  const master = await new FakeMaster().start();
  masters.push(master);
  return master;
}

async function until(what: string, check: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (check()) return;
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never: ${what}`);
}

interface Seen {
  readonly log: string[];
  readonly clock: TestClock;
  readonly scheduler: Scheduler;
}

function run(master: string | readonly string[], options: Partial<SchedulerOptions> = {}): Seen {
  const log: string[] = [];
  const clock = new TestClock();
  const scheduler = createScheduler({
    master,
    info: { user: 'u', name: 'test' },
    clock,
    random: () => 1,
    ...options,
    handlers: {
      subscribed: ({ frameworkId, isAgain }) => void log.push(`subscribed ${frameworkId}${isAgain ? ' again' : ''}`),
      offers: (offers) => void log.push(`offers ${offers.map((offer) => offer.id.value).join()}`),
      update: (status) => void log.push(`update ${status.task_id.value} ${status.state}`),
      rescinded: (id) => void log.push(`rescinded ${id.value}`),
      message: ({ data }) => void log.push(`message ${data}`),
      failure: ({ agent_id }) => void log.push(`failure ${agent_id?.value}`),
      disconnected: () => void log.push('disconnected'),
      masterLost: ({ forMs }) => void log.push(`master lost for ${forMs / 1000} s`),
      error: (message) => void log.push(`error ${message}`),
      ...options.handlers,
    },
  });
  schedulers.push(scheduler);
  return { log, clock, scheduler };
}

const status = (task: string, uuid: string | undefined): TaskStatus => ({
  task_id: { value: task },
  state: 'TASK_RUNNING',
  agent_id: { value: 'a-1' },
  ...(uuid === undefined ? {} : { uuid }),
});
const uuid = (byte: number): string => Buffer.alloc(16, byte).toString('base64');

describe('a scheduler of several masters', () => {
  it('leaves a leader that fell silent when another master names a new one, and stays when none does', async () => {
    const [old, other, next] = [await newMaster(), await newMaster(), await newMaster()];
    const { log, clock } = run([old.url, other.url, next.url], { leaderCheckMs: 5000, backoffMs: 1 });
    await until('subscribed', () => log.length === 1);
    // Whoever is asked for the way names the leader that it knows: first ours (by the name it has in its MasterInfo), then another.
    other.refusals.push({ status: 307, text: '', location: '//h:1' }, { status: 503, text: '' });
    next.refusals.push({ status: 503, text: '' });
    clock.advance(5000);
    await until('asked once', () => other.refusals.length === 1);
    await until('armed again', () => clock.pending >= 2);
    clock.advance(5000);
    await until('asked twice', () => other.refusals.length === 0 && next.refusals.length === 0);
    await until('armed again', () => clock.pending >= 2);
    expect(log).toEqual(['subscribed f-1']);
    other.refusals.push({ status: 307, text: '', location: next.url.slice(5) });
    clock.advance(5000);
    await until('disconnected', () => log.length === 2);
    clock.advance(100);
    await until('subscribed again', () => log.length === 3);
    // Straight to the one that was named.
    expect([log, next.streams.length, other.subscriptions.length]).toEqual([
      ['subscribed f-1', 'disconnected', 'subscribed f-1 again'],
      1,
      0,
    ]);
  });
});

describe('a scheduler', () => {
  it('subscribes, and hands every event to its handler in order', async () => {
    const master = await newMaster();
    const { log } = run(master.url);
    await until('subscribed', () => log.length === 1);
    expect(master.subscriptions[0]).toMatchObject({ subscribe: { framework_info: { user: 'u', name: 'test' } } });
    expect(master.subscriptions[0]).not.toHaveProperty('framework_id');
    master.send({
      type: 'OFFERS',
      offers: { offers: [{ id: { value: 'o1' }, framework_id: { value: 'f-1' }, agent_id: { value: 'a' }, hostname: 'h' }] },
    });
    master.send({ type: 'RESCIND', rescind: { offer_id: { value: 'o1' } } });
    master.send({ type: 'NEXT_YEARS_EVENT', next: {} });
    master.send({ type: 'MESSAGE', message: { agent_id: { value: 'a' }, executor_id: { value: 'e' }, data: 'AAAA' } });
    master.send({ type: 'FAILURE', failure: { agent_id: { value: 'a' } } });
    await until('all came', () => log.length === 5);
    expect(log).toEqual(['subscribed f-1', 'offers o1', 'rescinded o1', 'message AAAA', 'failure a']);
  });

  it('acknowledges an update when its handler has returned, and only what asks for it', async () => {
    const master = await newMaster();
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const seen: string[] = [];
    const { scheduler } = run(master.url, {
      handlers: {
        offers: () => {},
        error: () => {},
        update: async (update) => {
          seen.push(update.task_id.value);
          await gate;
        },
      },
    });
    await until('subscribed', () => scheduler.isSubscribed);
    master.send({ type: 'UPDATE', update: { status: status('t1', uuid(1)) } });
    master.send({ type: 'UPDATE', update: { status: status('t2', undefined) } });
    await until('first handler runs', () => seen.length === 1);
    expect(master.calls).toHaveLength(0);
    release();
    await until('acknowledged', () => master.calls.length === 1 && seen.length === 2);
    expect(master.calls[0]).toMatchObject({
      streamId: 'stream-1',
      call: {
        type: 'ACKNOWLEDGE',
        framework_id: { value: 'f-1' },
        acknowledge: { uuid: uuid(1), task_id: { value: 't1' }, agent_id: { value: 'a-1' } },
      },
    });
  });

  it('does not acknowledge an update whose handler failed', async () => {
    const master = await newMaster();
    const errors: unknown[] = [];
    const { scheduler } = run(master.url, {
      onHandlerError: (error) => void errors.push(error),
      handlers: {
        offers: () => {},
        error: () => {},
        update: () => {
          throw new Error('disk full');
        },
      },
    });
    await until('subscribed', () => scheduler.isSubscribed);
    master.send({ type: 'UPDATE', update: { status: status('t1', uuid(1)) } });
    await until('failed', () => errors.length === 1);
    await scheduler.revive();
    expect(master.calls.map(({ call }) => call.type)).toEqual(['REVIVE']);
  });

  it('leaves acknowledging to its owner when asked to', async () => {
    const master = await newMaster();
    const { log, scheduler } = run(master.url, { acknowledge: 'explicit' });
    await until('subscribed', () => scheduler.isSubscribed);
    master.send({ type: 'UPDATE', update: { status: status('t1', uuid(1)) } });
    await until('handled', () => log.includes('update t1 TASK_RUNNING'));
    await scheduler.acknowledge(status('t1', uuid(1)));
    expect(master.calls.map(({ call }) => call.type)).toEqual(['ACKNOWLEDGE']);
  });

  it('sends its calls one after the other, with the stream’s id', async () => {
    const master = await newMaster();
    const { scheduler } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed);
    await Promise.all([
      scheduler.accept([{ value: 'o1' }], [{ type: 'LAUNCH', launch: { task_infos: [] } }], { refuse_seconds: 1 }),
      scheduler.decline([{ value: 'o2' }]),
      scheduler.kill({ value: 't1' }, { agentId: { value: 'a' } }),
      scheduler.suppress(['eng']),
      scheduler.reconcile([{ task_id: { value: 't1' } }]),
      scheduler.message({ value: 'a' }, { value: 'e' }, Buffer.from('hi')),
    ]);
    expect(master.calls.map(({ call }) => call.type)).toEqual(['ACCEPT', 'DECLINE', 'KILL', 'SUPPRESS', 'RECONCILE', 'MESSAGE']);
    expect(new Set(master.calls.map(({ streamId }) => streamId))).toEqual(new Set(['stream-1']));
    expect(master.calls[5]?.call).toMatchObject({ message: { data: 'aGk=' } });
  });

  it('tells why a call was refused, and does not send one while it is not subscribed', async () => {
    const master = await newMaster();
    const { scheduler } = run(master.url);
    await expect(scheduler.revive()).rejects.toMatchObject({ code: 'not_subscribed' });
    await until('subscribed', () => scheduler.isSubscribed);
    master.refusals.push({ status: 400, text: 'no such role' });
    await expect(scheduler.revive()).rejects.toMatchObject({
      code: 'refused',
      status: 400,
      message: 'REVIVE was refused with 400: no such role',
    });
  });

  it('subscribes again under its id when the stream breaks', async () => {
    const master = await newMaster();
    const { log, clock, scheduler } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed);
    master.streams[0]?.destroy();
    await until('noticed', () => log.includes('disconnected'));
    expect(scheduler.isSubscribed).toBe(false);
    clock.advance(250);
    await until('again', () => log.includes('subscribed f-1 again'));
    expect(master.subscriptions[1]).toMatchObject({
      framework_id: { value: 'f-1' },
      subscribe: { framework_info: { id: { value: 'f-1' }, name: 'test' } },
    });
    await scheduler.revive();
    expect(master.calls[0]?.streamId).toBe('stream-2');
  });

  it('takes 45 seconds of silence for a broken stream', async () => {
    const master = await newMaster();
    const { log, clock, scheduler } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed && log.length === 1);
    clock.advance(44_000);
    master.send({ type: 'OFFERS', offers: {} });
    await until('offers', () => log.length === 2);
    clock.advance(44_999);
    expect(scheduler.isSubscribed).toBe(true);
    clock.advance(1);
    await until('noticed', () => log.includes('disconnected'));
  });

  it('waits longer between attempts, tries every master, and tells when none was there for long', async () => {
    const dead = await newMaster();
    const alive = await newMaster();
    await dead.stop();
    alive.refusals.push(...Array.from({ length: 3 }, () => ({ status: 503, text: 'no leader' })));
    const { log, clock, scheduler } = run([dead.url, alive.url], { masterLostAfterMs: 1000 });
    for (let i = 0; i < 400 && !scheduler.isSubscribed; i++) {
      clock.advance(200);
      await new Promise<void>((resolve) => setTimeout(resolve, 2));
    }
    await until('subscribed', () => log.includes('subscribed f-1'));
    expect(alive.subscriptions).toHaveLength(4);
    expect(log[0]).toBe('master lost for 1 s');
    expect(log.filter((line) => line.startsWith('master lost'))).toHaveLength(1);
  });

  it('follows a master that points at the leader', async () => {
    const follower = await newMaster();
    const leader = await newMaster();
    follower.refusals.push({ status: 307, text: '', location: `//${new URL(leader.url).host}/api/v1/scheduler` });
    const { scheduler } = run(follower.url);
    await until('subscribed', () => scheduler.isSubscribed);
    await scheduler.revive();
    expect(leader.calls.map(({ call }) => call.type)).toEqual(['REVIVE']);
    expect(follower.calls).toHaveLength(0);
  });

  it.each([
    [
      'an ERROR event',
      (master: FakeMaster) => master.send({ type: 'ERROR', error: { message: 'Framework failed over' } }),
      'error Framework failed over',
    ],
  ])('ends for good after %s', async (_what, act, line) => {
    const master = await newMaster();
    const { log, scheduler } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed);
    act(master);
    await scheduler.ended;
    await until('told', () => log.includes(line));
    await expect(scheduler.revive()).rejects.toMatchObject({ code: 'not_subscribed' });
  });

  it('ends for good when SUBSCRIBE is refused', async () => {
    const master = await newMaster();
    master.refusals.push({ status: 400, text: 'bad info' });
    const { log, scheduler } = run(master.url);
    await scheduler.ended;
    await until('told', () => log.length === 1);
    expect(log[0]).toBe(`error SUBSCRIBE was refused by ${master.url} with 400: bad info`);
  });

  it('tears down: the call is sent, then all is over', async () => {
    const master = await newMaster();
    const { scheduler, log } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed);
    master.closesOnTeardown = true;
    await scheduler.teardown();
    expect(log).toEqual(['subscribed f-1']);
    expect(master.calls.map(({ call }) => call.type)).toEqual(['TEARDOWN']);
    await scheduler.ended;
  });

  it('stops although the master does not answer', async () => {
    const master = await newMaster();
    const { scheduler, clock } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed);
    master.isHanging = true;
    const call = scheduler.revive();
    const stopped = scheduler.stop();
    await until('asked', () => master.hung === 1);
    clock.advance(2000);
    await stopped;
    await expect(call).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('treats a stream that is not RecordIO as broken', async () => {
    const master = await newMaster();
    const { log, scheduler } = run(master.url);
    await until('subscribed', () => scheduler.isSubscribed);
    master.streams[0]?.write('hello');
    await until('noticed', () => log.includes('disconnected'));
  });

  it('takes over a framework whose id it is given', async () => {
    const master = await newMaster();
    const { scheduler } = run(master.url, { info: { user: 'u', name: 'test', id: { value: 'old-1' } } });
    expect(scheduler.frameworkId).toBe('old-1');
    await until('subscribed', () => scheduler.isSubscribed);
    expect(master.subscriptions[0]).toMatchObject({ framework_id: { value: 'old-1' } });
  });
});
