import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Acknowledgements } from '../acknowledgement.ts';
import { Alert, momentAt } from '../alert.ts';
import { AlertStore } from '../alert-store.ts';
import { AlertMatcher } from '../matcher.ts';
import { type LogEntry, NotificationLog } from '../nflog.ts';
import { Silences } from '../silence.ts';
import { ReplicatedState, type StateMessage } from './state.ts';

const nowMs = 1_800_000_000_000;

function member(self: string, file?: string) {
  const silences = new Silences({ retentionMs: 3_600_000, maxSilences: 0, maxBytes: 0 });
  const notificationLog = new NotificationLog(file);
  const acknowledgements = new Acknowledgements();
  const store = new AlertStore();
  const duplicates: string[] = [];
  const unwritten: string[] = [];
  const state = new ReplicatedState({
    silences,
    acknowledgements,
    notificationLog,
    store,
    now: () => nowMs,
    self,
    onDuplicate: ({ groupKey }, other) => duplicates.push(`${groupKey} ${other}`),
    onRecord: () => {},
    onUnwritten: (error) => unwritten.push(error.code),
  });
  return { silences, acknowledgements, notificationLog, store, state, duplicates, unwritten };
}

type Member = ReturnType<typeof member>;

function read(json: string): StateMessage {
  return JSON.parse(json) as StateMessage;
}

/** All that `from` has and `to` lacks. Returns how many messages it took. */
async function send(from: Member, to: Member): Promise<number> {
  let count = 0;
  for await (const message of from.state.differing(await to.state.digest())) {
    to.state.merge(read(message));
    count++;
  }
  return count;
}

function entry(groupKey: string, timestampMs: number, firing: bigint[]): LogEntry {
  return {
    groupKey,
    receiver: 'r',
    integration: 'webhook',
    index: 0,
    timestampMs,
    firing,
    resolved: [],
    receiverData: {},
    expiresAtMs: nowMs + 1000,
  };
}

function alert(n: number, startsAtMs: number, endsAtMs: number): Alert {
  return new Alert({
    labels: Labels.from({ alertname: 'A', n: String(n) }),
    annotations: Labels.from({ text: 'x "y"' }),
    startsAt: { ...momentAt(startsAtMs), nanoseconds: 5 },
    endsAt: momentAt(endsAtMs),
    generatorUrl: 'http://x/"',
    updatedAt: momentAt(startsAtMs),
    isTimeout: false,
  });
}

describe('shared state', () => {
  it('is the same everywhere after each has sent the other what differs, and then nothing differs', async () => {
    const action = fc.record({ where: fc.nat(1), what: fc.nat(4), n: fc.nat(30), time: fc.nat(1000) });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const both = [member('a'), member('b')] as const;
        for (const { where, what, n, time } of actions) {
          const one = both[where as 0 | 1];
          if (what === 0) one.store.put([alert(n, nowMs - 5000, nowMs + 1000 + time)], nowMs);
          else if (what === 1) one.notificationLog.record(entry(`g${n}`, nowMs - time, [BigInt(n)]));
          else if (what === 2) {
            const [fingerprint, atMs] = [String(n), nowMs - time];
            one.acknowledgements.set({ fingerprint, by: `on ${where}`, comment: '', atMs, startsAtMs: atMs });
          } else if (what === 3) one.acknowledgements.withdraw(String(n), nowMs - time);
          else {
            const matchers = [new AlertMatcher('=', 'n', String(n))];
            one.silences.set(
              { matchers, startsAtMs: nowMs, endsAtMs: nowMs + 9000 + time, createdBy: 'c', comment: '', annotations: {} },
              nowMs + time,
            );
          }
        }
        await send(both[0], both[1]);
        await send(both[1], both[0]);
        const view = ({ silences, acknowledgements, notificationLog, store }: Member) => ({
          silences: [...silences.all()].map(({ id, updatedAtMs }) => `${id} ${updatedAtMs}`).sort(),
          acknowledgements: [...acknowledgements.all()].sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)),
          entries: [...notificationLog.entries()].map(({ groupKey, timestampMs }) => `${groupKey} ${timestampMs}`).sort(),
          alerts: [...store.sorted()].map((one) => [
            one.fingerprint,
            one.startsAt,
            one.endsAt.unixMs,
            one.annotationsJson,
            one.generatorUrl,
          ]),
        });
        expect(view(both[0])).toEqual(view(both[1]));
        expect([await send(both[0], both[1]), await send(both[1], both[0])]).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['neither knew the other’s', 0, 0, [1n], 1],
    ['the second knew the first', 0, nowMs - 100, [1n], 0],
    ['they told different alerts', 0, 0, [2n], 0],
  ] as readonly [string, number, number, bigint[], number][])(
    'a notification sent twice is counted by the earlier sender: %s',
    (_title, firstPrior, secondPrior, firing, count) => {
      const lateMs = nowMs - 50;
      const [first, second] = [member('a'), member('b')];
      const early = entry('g', nowMs - 100, [1n]);
      first.state.sent(early, firstPrior);
      first.notificationLog.record(early);
      const late = entry('g', lateMs, firing);
      second.state.sent(late, secondPrior);
      const message = second.state.recordMessage(late);
      second.notificationLog.record(late);
      first.state.merge(read(message));
      first.state.merge(read(message));
      second.state.merge(read(message));
      expect([first.duplicates.length, second.duplicates.length]).toEqual([count, 0]);
      expect(first.notificationLog.get(late)?.timestampMs).toBe(lateMs);
    },
  );

  it('of one millisecond by two senders is compared, counted once, and ends as one', async () => {
    const [first, second] = [member('a'), member('b')];
    for (const { state, notificationLog } of [first, second]) {
      const told = entry('g', nowMs - 100, [1n]);
      state.sent(told, 0);
      notificationLog.record(told);
    }
    expect(await first.state.digest()).not.toEqual(await second.state.digest());
    for (const [from, to] of [
      [first, second],
      [second, first],
    ] as const) {
      for await (const message of from.state.differing(await to.state.digest())) to.state.merge(read(message));
    }
    expect(await first.state.digest()).toEqual(await second.state.digest());
    expect(first.duplicates.length + second.duplicates.length).toBe(1);
  });

  it('is taken though the disk does not, and said so', () => {
    const folder = mkdtempSync(join(tmpdir(), 'state-'));
    const [from, to] = [member('a'), member('b', join(folder, 'nflog'))];
    // As if the disk were gone: nothing can be appended.
    to.notificationLog.close();
    const told = entry('g', nowMs, [1n]);
    from.state.sent(told, 0);
    to.state.merge(read(from.state.recordMessage(told)));
    expect([to.unwritten, to.notificationLog.get(told)?.firing]).toEqual([['state_not_written'], [1n]]);
    rmSync(folder, { recursive: true });
  });

  it('an alert that is over is not brought to a member that never had it', async () => {
    const [a, b] = [member('a'), member('b')];
    a.store.put([alert(1, nowMs - 5000, nowMs - 10), alert(2, nowMs - 5000, nowMs + 10)], nowMs);
    await send(a, b);
    expect([...b.store.all()].map(({ labels }) => labels.get('n'))).toEqual(['2']);
  });
});
