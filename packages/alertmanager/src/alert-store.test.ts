import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Alert, momentAt } from './alert.ts';
import { AlertStore } from './alert-store.ts';

function alert(
  labels: Record<string, string>,
  startsAtMs: number,
  endsAtMs: number,
  options: { updatedAtMs?: number; isTimeout?: boolean; text?: string } = {},
): Alert {
  return new Alert({
    labels: Labels.from(labels),
    annotations: Labels.from({ text: options.text ?? '' }),
    startsAt: momentAt(startsAtMs),
    endsAt: momentAt(endsAtMs),
    generatorUrl: '',
    updatedAt: momentAt(options.updatedAtMs ?? startsAtMs),
    isTimeout: options.isTimeout ?? false,
  });
}

/** [startsAt, endsAt, isTimeout] of the known, of the newer, and of what is kept; now is 100. */
const merges: readonly (readonly [
  title: string,
  known: [number, number, boolean],
  newer: [number, number, boolean],
  kept: [number, number],
])[] = [
  ['a repeated firing alert keeps its start and takes the new end', [10, 200, false], [50, 300, false], [10, 300]],
  ['a guessed end gives way to a shorter one', [10, 400, true], [50, 200, false], [10, 200]],
  ['a told end stays when it is later', [10, 400, false], [50, 300, false], [10, 400]],
  ['an end that has come counts at once', [10, 400, false], [50, 90, false], [10, 90]],
  ['of two ends in the past the later counts', [10, 95, false], [20, 90, false], [10, 95]],
  ['spans that do not touch are two stories', [10, 40, false], [80, 300, false], [80, 300]],
];

describe('the store', () => {
  it.each(merges)('%s', (_title, [s1, e1, t1], [s2, e2, t2], kept) => {
    const store = new AlertStore();
    store.put([alert({ a: 'b' }, s1, e1, { updatedAtMs: 1, isTimeout: t1, text: 'old' })], 100);
    store.put([alert({ a: 'b' }, s2, e2, { updatedAtMs: 2, isTimeout: t2, text: 'new' })], 100);
    const [one] = store.all();
    expect([one?.startsAt.unixMs, one?.endsAt.unixMs, one?.annotations.get('text')]).toEqual([...kept, 'new']);
  });

  it('drops what is over the limit of a name, and makes room when alerts end', () => {
    const store = new AlertStore({ perNameLimit: 2 });
    const three = [1, 2, 3].map((n) => alert({ alertname: 'x', n: String(n) }, 10, 50));
    expect(store.put(three, 20)).toBe(1);
    expect(store.put([alert({ alertname: 'y' }, 10, 50), three[0] as Alert], 20)).toBe(0);
    store.collectGarbage(60);
    expect([store.size, store.put([three[2] as Alert], 20)]).toEqual([0, 0]);
  });

  it('tells subscribers of the merged alert, until they leave', () => {
    const store = new AlertStore();
    const seen: number[] = [];
    const leave = store.subscribe(({ startsAt }) => seen.push(startsAt.unixMs));
    store.put([alert({ a: 'b' }, 10, 200)], 100);
    store.put([alert({ a: 'b' }, 20, 300)], 100);
    leave();
    store.put([alert({ a: 'b' }, 5, 300)], 100);
    expect(seen).toEqual([10, 10]);
  });

  it('is in order of fingerprints whatever comes and goes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ n: fc.nat(20), endsAtMs: fc.nat(100), look: fc.boolean(), collect: fc.boolean() }), { maxLength: 40 }),
        (actions) => {
          const store = new AlertStore();
          for (const { n, endsAtMs, look, collect } of actions) {
            store.put([alert({ n: String(n) }, 0, endsAtMs)], 50);
            if (look) store.sorted().next();
            if (collect) store.collectGarbage(50);
          }
          expect([...store.sorted()]).toEqual([...store.all()].sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)));
        },
      ),
    );
  });
});
