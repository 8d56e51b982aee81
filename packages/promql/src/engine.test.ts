import { Registry } from '@pronoia/client';
import { Labels, type Queryable } from '@pronoia/model';
import { describe, expect, test } from 'vitest';
import { Engine, type EngineOptions } from './engine.ts';
import { MemoryStorage } from './promqltest/index.ts';
import { QueryError } from './query-error.ts';
import { QueryMetrics } from './query-metrics.ts';
import type { QueryResult } from './value/query-result.ts';

/** `up{i="0"…}`: one sample each 10 s from 0, value i + t in seconds. */
function storageOf(series: number, samples: number): MemoryStorage {
  const storage = new MemoryStorage();
  for (let i = 0; i < series; i++) {
    const labels = Labels.from({ __name__: 'up', i: String(i), parity: i % 2 === 0 ? 'even' : 'odd' });
    storage.append(
      labels,
      Array.from({ length: samples }, (_, k) => ({ tMs: k * 10_000, value: i + k * 10 })),
    );
  }
  return storage;
}

/** A text of an answer that fits on a line. */
function show({ value }: QueryResult): string {
  switch (value.kind) {
    case 'scalar':
    case 'string':
      return `${value.value}`;
    case 'vector':
      return value.samples.map(({ labels, value: v }) => `${labels.toString()} ${v}`).join('; ');
    case 'matrix':
      return value.series
        .map(
          ({ labels, times, values }) =>
            `${labels.toString()} ${Array.from(values, (v, i) => `${v}@${(times[i] as number) / 1000}`).join(' ')}`,
        )
        .join('; ');
  }
}

async function errorOf(query: Promise<unknown>): Promise<QueryError> {
  try {
    await query;
  } catch (cause) {
    if (cause instanceof QueryError) return cause;
    throw cause;
  }
  throw new Error('the query succeeded');
}

const small = storageOf(2, 7);

describe('an instant query', () => {
  test.each([
    ['1 + 2 * 3', '7'],
    ['"text"', 'text'],
    ['up', 'up{i="0", parity="even"} 60; up{i="1", parity="odd"} 61'],
    ['up{i="1"} offset 30s', 'up{i="1", parity="odd"} 31'],
    ['up{i="1"} @ 20', 'up{i="1", parity="odd"} 21'],
    ['sum(up)', '{} 121'],
    ['sum by (parity) (up)', '{parity="even"} 60; {parity="odd"} 61'],
    ['rate(up[1m])', '{i="0", parity="even"} 1; {i="1", parity="odd"} 1'],
    ['up - on(i) up offset 10s', '{i="0"} 10; {i="1"} 10'],
    ['up > 60', 'up{i="1", parity="odd"} 61'],
    ['up{i="0"}[25s]', 'up{i="0", parity="even"} 40@40 50@50 60@60'],
    ['max_over_time(up{i="0"}[30s:5s])', '{i="0", parity="even"} 60'],
    ['nothing', ''],
    ['absent(nothing{a="b"})', '{a="b"} 1'],
    ['topk(1, up)', 'up{i="1", parity="odd"} 61'],
  ])('%s', async (query, expected) => {
    expect(show(await new Engine().instant(small, query, 60_000))).toBe(expected);
  });

  test('a left-open window leaves out the sample at its start', async () => {
    expect(show(await new Engine().instant(small, 'count_over_time(up{i="0"}[20s])', 60_000))).toBe('{i="0", parity="even"} 2');
    expect(show(await new Engine({ lookbackMs: 10_000 }).instant(small, 'up{i="0"}', 70_000))).toBe('');
  });
});

describe('a range query', () => {
  test('has a sample at every step at which there is a value, ordered by labels', async () => {
    expect(show(await new Engine().range(small, '-up{i="0"}', 0, 20_000, 10_000))).toBe('{i="0", parity="even"} 0@0 -10@10 -20@20');
    expect(show(await new Engine().range(small, 'time()', 0, 20_000, 10_000))).toBe('{} 0@0 10@10 20@20');
    const { value } = await new Engine().range(small, 'sort_desc(up)', 0, 20_000, 10_000);
    expect(value.kind === 'matrix' && value.series.map(({ labels }) => labels.get('i'))).toEqual(['0', '1']);
  });

  test.each(['up[5m]', '"text"'])('of %s is refused', async (query) => {
    const error = await errorOf(new Engine().range(small, query, 0, 10_000, 10_000));
    expect(error.errorType).toBe('bad_data');
    expect(error.message).toMatch(/^invalid expression type "(range vector|string)" for range query, must be Scalar or instant Vector$/);
  });
});

describe('errors', () => {
  test.each([
    ['up +', 'bad_data', 400, '1:5: parse error: unexpected end of input'],
    [
      'up + on() up{i="0"}',
      'execution',
      422,
      'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
    ],
    [
      'up * on() up',
      'execution',
      422,
      'found duplicate series for the match group {} on the right hand-side of the operation: [{__name__="up", i="0", parity="even"}, {__name__="up", i="1", parity="odd"}];many-to-many matching not allowed: matching labels must be unique on one side',
    ],
    [
      'label_replace(up, "i", "x", "", "") - 1 or on() label_replace(up, "parity", "x", "i", "(")',
      'execution',
      422,
      'invalid regular expression in label_replace(): (',
    ],
  ])('%s', async (query, type, status, message) => {
    const error = await errorOf(new Engine().instant(small, query, 60_000));
    expect([error.errorType, error.status, error.message]).toEqual([type, status, message]);
  });

  test('a storage that fails is an internal error', async () => {
    const broken: Queryable = {
      querier: () => ({ ...small.querier(0, 0), select: () => Promise.reject(new Error('disk on fire')) }),
    };
    const error = await errorOf(new Engine().instant(broken, 'up', 0));
    expect([error.errorType, error.message]).toEqual(['internal', 'expanding series: disk on fire']);
  });
});

describe('limits', () => {
  const wide = storageOf(50, 100);
  const run = (options: EngineOptions, query = 'up'): Promise<QueryResult> => new Engine(options).range(wide, query, 0, 990_000, 10_000);

  test('a query that would hold too many samples ends, and the next one works', async () => {
    const engine = new Engine({ maxSamples: 1000 });
    const error = await errorOf(engine.range(wide, '{__name__=~".+"}', 0, 990_000, 10_000));
    expect(error.message).toBe('query processing would load too many samples into memory in query execution');
    expect(error.errorType).toBe('execution');
    await expect(engine.instant(wide, 'sum(up)', 990_000)).resolves.toBeDefined();
  });

  test('a subquery of absurdly many steps ends before it takes memory', async () => {
    const error = await errorOf(new Engine({ maxSamples: 100_000 }).instant(wide, 'sum_over_time(vector(1)[100y:1ms])', 0));
    expect(error.errorType).toBe('execution');
  });

  test('samples held at a time are counted once', async () => {
    const { stats } = await run({}, 'sum(up)');
    expect(stats.samples.samplesRead).toBe(5000);
    expect(stats.samples.peakSamples).toBeGreaterThanOrEqual(5000);
    expect(stats.samples.peakSamples).toBeLessThan(6000);
  });

  test('a limit cuts series and says so', async () => {
    const { value, warnings } = await new Engine().instant(wide, 'up', 0, { limit: 3 });
    expect(value.kind === 'vector' && value.samples.length).toBe(3);
    expect(warnings).toEqual(['results truncated due to limit']);
  });

  test('time runs out', async () => {
    let now = 0;
    const error = await errorOf(new Engine({ timeoutMs: 50, now: () => (now += 10) }).range(wide, 'sum(up)', 0, 990_000, 10_000));
    expect([error.errorType, error.status]).toEqual(['timeout', 503]);
  });

  test('queries beyond the limit wait in line', async () => {
    const engine = new Engine({ maxConcurrency: 1 });
    const order: string[] = [];
    const queries = ['a', 'b', 'c'].map((name) => engine.range(wide, 'sum(up)', 0, 990_000, 10_000).then(() => order.push(name)));
    await Promise.all(queries);
    expect(order).toEqual(['a', 'b', 'c']);
    const waiting = new AbortController();
    const first = engine.range(wide, 'sum(up)', 0, 990_000, 10_000);
    const second = errorOf(engine.instant(wide, 'up', 0, {}, waiting.signal));
    waiting.abort();
    expect((await second).errorType).toBe('canceled');
    await first;
  });
});

describe('a heavy query', () => {
  const long = storageOf(4, 5000);

  test('lets the event loop turn, and ends when it is cancelled then', async () => {
    const stop = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      turns++;
      if (turns === 5) stop.abort();
    }, 1);
    const query = new Engine({ maxSamples: 1e9 }).range(long, 'stdvar_over_time(up[10h])', 0, 50_000_000, 5000, {}, stop.signal);
    const error = await errorOf(query);
    clearInterval(timer);
    expect([error.errorType, error.status]).toEqual(['canceled', 499]);
    expect(turns).toBeLessThan(10);
  });
});

describe('names', () => {
  const two = new MemoryStorage();
  for (const name of ['a_total', 'b_total']) {
    two.append(Labels.from({ __name__: name, x: '1' }), [
      { tMs: 0, value: 1 },
      { tMs: 10_000, value: 2 },
    ]);
  }

  test('two series that differ by name only collide once the name is dropped', async () => {
    const query = 'rate({__name__=~"a_total|b_total"}[1m])';
    expect((await errorOf(new Engine().instant(two, query, 10_000))).message).toBe('vector cannot contain metrics with the same labelset');
    const delayed = new Engine({ enabledFeatures: ['promql-delayed-name-removal'] });
    expect(show(await delayed.instant(two, `sum(${query})`, 10_000))).toBe('{} 0.05');
  });
});

describe('what is measured', () => {
  test('samples are counted for each step when asked for, subqueries apart', async () => {
    const engine = new Engine({ enabledFeatures: ['promql-per-step-stats'] });
    const { stats } = await engine.range(small, 'sum(count_over_time(up[25s])) + sum(up)', 10_000, 30_000, 10_000, { perStepStats: true });
    expect(stats.samples.totalQueryableSamplesPerStep).toEqual([
      [10_000, 6],
      [20_000, 8],
      [30_000, 8],
    ]);
    expect(stats.samples.totalQueryableSamples).toBe(22);
    const silent = await new Engine().range(small, 'up', 10_000, 30_000, 10_000, { perStepStats: true });
    expect(silent.stats.samples.totalQueryableSamplesPerStep).toBeUndefined();
  });

  test('an engine tells a registry about its queries', async () => {
    const registry = new Registry();
    const engine = new Engine({ metrics: new QueryMetrics(registry), maxConcurrency: 7 });
    await engine.instant(small, 'sum(up)', 60_000);
    const text = await registry.metrics();
    expect(text).toContain('prometheus_engine_queries 0');
    expect(text).toContain('prometheus_engine_queries_concurrent_max 7');
    expect(text).toContain('prometheus_engine_query_samples_total 2');
    expect(text).toMatch(/prometheus_engine_query_duration_seconds_count\{slice="inner_eval"\} 1/);
  });
});
