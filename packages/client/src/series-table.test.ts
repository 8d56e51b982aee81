import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Counter } from './counter.ts';
import type { LabelValues } from './family.ts';
import { Gauge } from './gauge.ts';
import { Histogram } from './histogram.ts';
import { Registry } from './registry.ts';

const help = 'Help.';

/** The same for the same labels in any order. */
function keyOf(labels: object): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function values(metric: Counter | Gauge): Promise<Record<string, number>> {
  const { values: all } = await metric.get();
  return Object.fromEntries(all.map(({ labels, value }) => [keyOf(labels), value]));
}

describe('a table of series', () => {
  it('holds what a plain map would hold, under any order of recordings, removals and resets', async () => {
    const labels = fc.record({ a: fc.constantFrom('x', 'y', 'z', ''), b: fc.integer({ min: 0, max: 40 }) }, { requiredKeys: [] });
    const step = fc.oneof(
      { weight: 20, arbitrary: fc.record({ kind: fc.constantFrom('inc', 'handle'), labels, value: fc.integer({ min: 0, max: 9 }) }) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('remove'), labels, value: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('reset', 'read'), labels, value: fc.constant(0) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        const gauge = new Gauge({ name: 'g', help, labelNames: ['a', 'b'], registers: [] });
        const handles = new Map<string, ReturnType<typeof gauge.labels>>();
        const oracle = new Map<string, number>();
        const oracleValues = () => Object.fromEntries(oracle);
        const reads: [read: object, expected: object][] = [];
        for (const { kind, labels: given, value } of steps) {
          const defined = given as LabelValues<'a' | 'b'>;
          const key = keyOf(given);
          if (kind === 'remove') {
            gauge.remove(defined);
            oracle.delete(key);
          } else if (kind === 'reset') {
            gauge.reset();
            oracle.clear();
          } else if (kind === 'read') reads.push([await values(gauge), oracleValues()]);
          else {
            if (kind === 'inc') gauge.inc(defined, value);
            else {
              const handle = handles.get(key) ?? gauge.labels(defined);
              handles.set(key, handle);
              handle.inc(value);
            }
            oracle.set(key, (oracle.get(key) ?? 0) + value);
          }
        }
        reads.push([await values(gauge), oracleValues()]);
        for (const [read, expected] of reads) expect(read).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps series apart whose labels are swapped, missing or concatenate to the same text', async () => {
    const counter = new Counter({ name: 'c', help, labelNames: ['a', 'b'], registers: [] });
    for (const labels of [{ a: '1', b: '2' }, { a: '2', b: '1' }, { a: '12' }, { b: '12' }, { a: '1,b:2' }, { a: '1' }, {}])
      counter.inc(labels);
    expect(Object.keys(await values(counter))).toHaveLength(7);
  });

  it('takes a number and its text, and the labels in any order, for the same series', async () => {
    const counter = new Counter({ name: 'c', help, labelNames: ['a', 'b'], registers: [] });
    counter.inc({ a: 1, b: 'x' });
    counter.inc({ b: 'x', a: '1' });
    counter.labels('1', 'x').inc();
    expect(Object.values(await values(counter))).toEqual([3]);
  });

  it('finds a hundred thousand series again', () => {
    const counter = new Counter({ name: 'c', help, labelNames: ['a', 'b', 'c'], registers: [] });
    const add = () => {
      for (let i = 0; i < 100_000; i++) counter.inc({ a: i & 7, b: (i >> 3) % 500, c: i });
    };
    add();
    add();
    expect(counter.series.live).toBe(100_000);
    expect(new Set(counter.series.values.subarray(0, 100_000))).toEqual(new Set([2]));
  });
});

describe('maxSeries', () => {
  it('ends ever new label values in a counted drop', async () => {
    const registry = new Registry();
    const counter = new Counter({ name: 'c_total', help, labelNames: ['user'], maxSeries: 100, registers: [registry] });
    const late = counter.labels('user-500');
    for (let i = 0; i < 1000; i++) counter.inc({ user: `user-${i}` });
    late.inc();
    counter.inc({ user: 'user-7' });
    expect(counter.series.live).toBe(100);
    expect(counter.series.dictionaries[0]?.size).toBe(100);
    const text = await registry.metrics();
    expect(text).toContain('c_total{user="user-7"} 2\n');
    expect(text).toContain('# TYPE metrics_dropped_total counter\nmetrics_dropped_total{metric="c_total"} 901\n');
  });

  it('has room again after a removal', async () => {
    const gauge = new Gauge({ name: 'g', help, labelNames: ['a'], maxSeries: 1, registers: [] });
    gauge.set({ a: 1 }, 1);
    const second = gauge.labels('2');
    second.set(2);
    gauge.remove('1');
    second.set(3);
    expect(await values(gauge)).toEqual({ '[["a","2"]]': 3 });
  });

  it('must be a positive number', () => {
    expect(() => new Gauge({ name: 'g', help, maxSeries: 0, registers: [] })).toThrow('maxSeries must be a positive number, not 0');
  });
});

describe('ttlSeconds', () => {
  beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => {
    vi.useRealTimers();
  });

  it('forgets series that nobody recorded to, and starts them anew at zero', async () => {
    const counter = new Counter({ name: 'c', help, labelNames: ['a'], ttlSeconds: 60, registers: [] });
    const kept = counter.labels('kept');
    kept.inc();
    counter.inc({ a: 'left' });
    for (let seconds = 0; seconds < 120; seconds += 30) {
      await counter.get();
      vi.advanceTimersByTime(30_000);
      kept.inc();
    }
    expect(await values(counter)).toEqual({ '[["a","kept"]]': 5 });
    counter.inc({ a: 'left' });
    expect((await values(counter))['[["a","left"]]']).toBe(1);
  });

  it('bounds the memory of ever new label values even if nobody scrapes', () => {
    const histogram = new Histogram({ name: 'h', help, labelNames: ['user'], ttlSeconds: 10, registers: [] });
    for (let i = 0; i < 20_000; i++) {
      vi.advanceTimersByTime(10);
      histogram.observe({ user: `user-${i}` }, 1);
    }
    expect(histogram.series.live).toBeLessThan(2500);
    expect(histogram.series.dictionaries[0]?.size).toBeLessThan(10_000);
  });

  it('makes room for new series in a full table', () => {
    const gauge = new Gauge({ name: 'g', help, labelNames: ['a'], maxSeries: 10, ttlSeconds: 60, registers: [] });
    for (let i = 0; i < 20; i++) gauge.set({ a: i }, i);
    expect(gauge.series.dropped).toBe(10);
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(40_000);
      gauge.set({ a: 'new' }, 1);
    }
    expect(gauge.series.live).toBe(1);
  });
});
