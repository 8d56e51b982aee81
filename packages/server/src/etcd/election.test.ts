import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, ManualClock, systemClock } from '../clock.ts';
import { EtcdClient } from './client.ts';
import { Election, type ElectionOptions, type Leader, type Term } from './election.ts';
import { type EtcdCluster, etcdIsHere, startEtcd } from './testing.ts';

/** Resolves as soon as the getter gives something, looked at after each turn of the loop. */
async function until<T>(get: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = get();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The host's clock, whose monotonic reading and timers can be pushed ahead: what a stopped process sees when it wakes. */
class PushedClock implements Clock {
  readonly manual = new ManualClock(0);
  now = (): number => systemClock.now();
  monotonic = (): number => this.manual.monotonic();
  setTimer: Clock['setTimer'] = (delayMs, run) => this.manual.setTimer(delayMs, run);
}

describe.skipIf(!etcdIsHere('elections'))('an election', () => {
  let etcd: EtcdCluster;
  const elections: Election[] = [];
  const clients: EtcdClient[] = [];
  let key = '';
  let number = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());
  afterEach(async () => {
    for (const election of elections.splice(0)) await election.stop();
    for (const client of clients.splice(0)) client.close();
  });

  function stand(candidate: string | undefined, options: Partial<ElectionOptions> = {}) {
    const client = options.client ?? new EtcdClient({ endpoints: etcd.endpoints });
    if (options.client === undefined) clients.push(client);
    const terms: Term[] = [];
    const leaders: (string | undefined)[] = [];
    const election = new Election({
      client,
      key,
      ...(candidate === undefined ? {} : { candidate: () => candidate }),
      onElected: (term) => void terms.push(term),
      onLeader: (leader: Leader | undefined) => void leaders.push(leader?.value),
      ...options,
    });
    elections.push(election);
    election.start();
    return { election, client, terms, leaders };
  }

  it('has one leader, whom all know, and another at once when that one steps down', async () => {
    key = `e/${number++}`;
    const a = stand('a');
    const first = await until(() => a.terms[0]);
    const b = stand('b');
    const observer = stand(undefined);
    await until(() => b.leaders.includes('a') && observer.leaders.includes('a'));
    expect([a.election.term?.isLeader, b.election.term]).toEqual([true, undefined]);
    await a.election.stop();
    const second = await until(() => b.terms[0]);
    await until(() => observer.leaders.at(-1) === 'b');
    expect([first.isLeader, second.isLeader, second.createRevision > first.createRevision]).toEqual([false, true, true]);
    expect([a.leaders, b.leaders]).toEqual([
      [undefined, 'a', undefined],
      ['a', undefined, 'b'],
    ]);
  });

  it('elects another when the leader falls silent, after its lease and not before its doubt', async () => {
    key = `e/${number++}`;
    const clock = new PushedClock();
    const a = stand('a', { clock, ttlSeconds: 1 });
    const first = await until(() => a.terms[0]);
    const b = stand('b', { ttlSeconds: 1 });
    // a's clock stands still: it never renews, as a stopped process.
    const second = await until(() => b.terms[0]);
    expect(second.isLeader).toBe(true);
    // Woken: what its clock says makes it doubt at once, before any timer has run.
    await clock.manual.advance(0);
    (clock as { monotonic: () => number }).monotonic = () => 60_000;
    expect([first.isLeader, a.election.term]).toEqual([false, undefined]);
  });

  it('fences off the write of a leader that does not know yet that it was replaced', async () => {
    key = `e/${number++}`;
    const clock = new PushedClock();
    const a = stand('a', { clock, ttlSeconds: 1 });
    const first = await until(() => a.terms[0]);
    await first.txn([{ put: `${key}/data`, value: 'of a' }]);
    const b = stand('b');
    const second = await until(() => b.terms[0]);
    expect(first.isLeader).toBe(true); // its clock stands still: it has no reason to doubt
    await expect(first.txn([{ put: `${key}/data`, value: 'late' }])).rejects.toMatchObject({ code: 'not_leader' });
    expect([first.isLeader, first.ended.aborted]).toEqual([false, true]);
    await second.txn([{ put: `${key}/more`, value: 'of b' }]);
    expect((await b.client.get(`${key}/data`))?.value.toString()).toBe('of a');
  });

  it('tells a comparison of the caller that failed from a lost term', async () => {
    key = `e/${number++}`;
    const a = stand('a');
    const term = await until(() => a.terms[0]);
    const compare = [{ key: `${key}/x`, createRevision: 5 }];
    expect((await term.txn([{ put: `${key}/x`, value: '1' }], compare)).succeeded).toBe(false);
    expect(term.isLeader).toBe(true);
  });

  it('ends the term on time when etcd does not answer, though the call for renewal hangs', async () => {
    key = `e/${number++}`;
    const own = await startEtcd();
    try {
      const clock = new PushedClock();
      const client = new EtcdClient({ endpoints: own.endpoints, clock, timeoutMs: 60_000 });
      clients.push(client);
      const a = stand('a', { client, clock, ttlSeconds: 10 });
      const term = await until(() => a.terms[0]);
      own.members[0]?.signal('SIGSTOP');
      // A signal takes a moment to arrive; a renewal that is still answered would be right to prolong the term.
      const answers = (): Promise<boolean> =>
        fetch(`${own.endpoints[0]}/health`, { signal: AbortSignal.timeout(200) }).then(
          () => true,
          () => false,
        );
      while (await answers());
      await clock.manual.advance(7_999);
      expect(term.ended.aborted).toBe(false);
      await clock.manual.advance(1);
      expect([term.ended.aborted, (term.ended.reason as Error).message, a.leaders]).toEqual([
        true,
        'the lease could not be renewed in time',
        [undefined, 'a', undefined],
      ]);
      client.close();
    } finally {
      await own.stop();
    }
  });

  it('stands again after its key was deleted by hand', async () => {
    key = `e/${number++}`;
    const a = stand('a', { ttlSeconds: 1 });
    const first = await until(() => a.terms[0]);
    const { revision } = await a.client.delete(key);
    await expect(first.txn([{ put: `${key}/x`, value: '1' }])).rejects.toMatchObject({ code: 'not_leader' });
    const second = await until(() => a.terms[1]);
    expect(second.createRevision).toBeGreaterThan(revision);
  });
});
