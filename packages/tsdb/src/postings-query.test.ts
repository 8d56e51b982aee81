import { createMatcher, Labels, type Matcher } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Head } from './head/head.ts';
import { HeadIndex } from './head/head-querier.ts';
import { Postings } from './head/postings.ts';
import { intersect, lowerBound, selectPostings, union, without } from './postings-query.ts';

const ids = fc.uniqueArray(fc.nat({ max: 300 }), { maxLength: 200 }).map((list) => Uint32Array.from(list).sort());

describe('lists of ids', () => {
  it('are combined as sets are', () => {
    fc.assert(
      fc.property(ids, ids, ids, (a, b, c) => {
        const inB = new Set(b);
        expect(Array.from(intersect(a, b))).toEqual(Array.from(a).filter((id) => inB.has(id)));
        expect(Array.from(without(a, b))).toEqual(Array.from(a).filter((id) => !inB.has(id)));
        expect(Array.from(union([a, b, c]))).toEqual([...new Set([...a, ...b, ...c])].sort((x, y) => x - y));
      }),
    );
  });

  it('of very different lengths are searched, not walked', () => {
    const long = Uint32Array.from({ length: 10_000 }, (_, i) => i * 3);
    expect(Array.from(intersect(Uint32Array.of(0, 4, 2999 * 3, 29_997, 40_000), long))).toEqual([0, 2999 * 3, 29_997]);
    expect([lowerBound(long, 0), lowerBound(long, 1), lowerBound(long, 29_997), lowerBound(long, 29_998), lowerBound(long, 7, 2)]).toEqual([
      0, 1, 9999, 10_000, 3,
    ]);
  });
});

describe('the postings of the head', () => {
  it('hold what was added, for pairs of any number and lists of any length', () => {
    const postings = new Postings();
    const expected = new Map<string, number[]>();
    for (let slot = 0; slot < 5000; slot++) {
      for (const [name, value] of [
        [1, 7],
        [2, slot % 3],
        [3, slot % 700],
        [4, slot],
      ] as const) {
        postings.add(name, value, slot);
        const key = `${name} ${value}`;
        const list = expected.get(key);
        if (list === undefined) expected.set(key, [slot]);
        else list.push(slot);
      }
    }
    expect(postings.size).toBe(expected.size);
    for (const [key, list] of expected) {
      const [name, value] = key.split(' ').map(Number) as [number, number];
      expect(Array.from(postings.get(name, value))).toEqual(list);
    }
    expect(postings.get(9, 9).length).toBe(0);
    expect(postings.values(2)).toEqual([0, 1, 2]);
  });

  it('answer matchers as a look at every series would', () => {
    const label = fc.record({ a: fc.constantFrom('', '1', '2', 'x1'), b: fc.constantFrom('', '1', 'yes'), c: fc.constantFrom('', 'ü') });
    const matcher = fc
      .tuple(
        fc.constantFrom('=', '!=', '=~', '!~'),
        fc.constantFrom('a', 'b', 'c', 'none'),
        fc.constantFrom('', '1', '1|2', '.*', '.+', 'x.*', '[12]|', 'yes|.*1', '\\d+', 'ü'),
      )
      .map(([type, name, value]) => createMatcher(type as Matcher['type'], name, value));
    fc.assert(
      fc.property(fc.array(label, { maxLength: 30 }), fc.array(matcher, { minLength: 1, maxLength: 3 }), (records, matchers) => {
        const head = new Head({ chunkRangeMs: 1000, samplesPerChunk: 120 });
        for (const record of records) head.getOrCreate(Labels.from({ __name__: 'm', ...record }));
        const found = selectPostings(new HeadIndex(head), matchers);
        const expected: number[] = [];
        for (let slot = 0; slot < head.seriesCount; slot++) {
          const labels = head.series.labels(slot);
          if (matchers.every((one) => one.matches(labels.get(one.name)))) expected.push(slot);
        }
        expect(Array.from(found)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('removing series', () => {
  it('keeps the others, their labels, their order and their lists', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 50 }), { minLength: 1, maxLength: 80 }), fc.nat({ max: 60 }), async (values, mintMs) => {
        const head = new Head({ chunkRangeMs: 1000, samplesPerChunk: 120 });
        const kept = new Map<number, string>();
        for (const [i, value] of values.entries()) {
          const slot = head.getOrCreate(Labels.from({ __name__: 'm', i: String(i), v: String(value) })) as number;
          head.append(slot, value, 0, i);
          if (value >= mintMs) kept.set(head.series.ref(slot), String(head.series.labels(slot)));
        }
        const removed = await head.truncate(mintMs, () => new Set());
        expect(removed.length).toBe(values.length - kept.size);
        expect(head.seriesCount).toBe(kept.size);
        for (const [ref, text] of kept) {
          const slot = head.series.slotOf(ref);
          expect(String(head.series.labels(slot))).toBe(text);
          expect(head.series.find(head.series.labels(slot))).toBe(slot);
        }
        for (const ref of removed) expect(head.series.slotOf(ref)).toBe(-1);
        const all = selectPostings(new HeadIndex(head), [createMatcher('=', '__name__', 'm')]);
        const sorted = Array.from(head.order.sort(all), (slot) => head.series.labels(slot));
        expect(sorted).toEqual([...sorted].sort((x, y) => Labels.compare(x, y)));
        expect(sorted.length).toBe(kept.size);
      }),
    );
  });
});
