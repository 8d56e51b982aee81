/** Random data and random queries over it, for the comparison of the evaluators in tests and in long runs (`npm run fuzz -- promql`). */
import { deepStrictEqual } from 'node:assert';
import { type FloatHistogram, Labels } from '@pronoia/model';
import fc from 'fast-check';
import { Engine, type Feature } from '../engine.ts';
import { MemoryStorage, type StoredSample } from '../promqltest/index.ts';
import { QueryError } from '../query-error.ts';
import { histogramText } from '../value/histogram-text.ts';
import type { QueryResult } from '../value/query-result.ts';

export const features: readonly Feature[] = [
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
];

// Data

const value = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 20 }) },
  fc.constantFrom(-1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300),
);
const sample = fc.oneof(
  { weight: 12, arbitrary: value },
  { weight: 1, arbitrary: fc.constant('stale' as const) },
  { weight: 2, arbitrary: fc.constant('gap' as const) },
);
const counts = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 });
const hint = fc.constantFrom('unknown' as const, 'unknown' as const, 'reset' as const, 'gauge' as const);
const histogram = fc
  .record({
    counts,
    offset: fc.integer({ min: -2, max: 2 }),
    zeroCount: fc.integer({ min: 0, max: 3 }),
    sum: value,
    hint,
    kind: fc.integer({ min: 0, max: 9 }),
  })
  .map((parts): FloatHistogram => {
    const isCustom = parts.kind === 0;
    const zeroCount = isCustom ? 0 : parts.zeroCount;
    return {
      counterResetHint: parts.hint,
      schema: isCustom ? -53 : parts.kind < 3 ? 1 : 0,
      zeroThreshold: isCustom ? 0 : 0.001,
      zeroCount,
      count: parts.counts.reduce((sum, count) => sum + count, zeroCount),
      sum: parts.sum,
      positiveSpans: [{ offset: isCustom ? 0 : parts.offset, length: parts.counts.length }],
      positiveBuckets: Float64Array.from(parts.counts),
      negativeSpans: [],
      negativeBuckets: new Float64Array(0),
      customValues: isCustom ? [1, 2, 3, 5] : [],
    };
  });
const seriesOf = <T>(item: fc.Arbitrary<T>) =>
  fc.record({ values: fc.array(item, { maxLength: 25 }), phaseMs: fc.constantFrom(0, 0, 0, 3000) });
const seriesData = seriesOf(sample);
const histogramData = seriesOf(
  fc.oneof({ weight: 12, arbitrary: histogram }, { weight: 1, arbitrary: sample }, { weight: 1, arbitrary: fc.constant('gap' as const) }),
);

/** Of one series each; see `identities`. */
export const data = fc.tuple(
  seriesData,
  seriesData,
  seriesData,
  seriesData,
  seriesData,
  seriesData,
  histogramData,
  histogramData,
  seriesData,
  seriesData,
  seriesData,
);

const identities = [
  { __name__: 'a_total', x: '1', y: '1' },
  { __name__: 'a_total', x: '1', y: '2' },
  { __name__: 'a_total', x: '2', y: '1' },
  { __name__: 'b', x: '1', y: '1' },
  { __name__: 'b', x: '2', y: '1' },
  { __name__: 'b', x: '2', y: '2', z: '3' },
  { __name__: 'h', x: '1', y: '1' },
  { __name__: 'h', x: '2', y: '1' },
  { __name__: 'c_bucket', x: '1', le: '1' },
  { __name__: 'c_bucket', x: '1', le: '2' },
  { __name__: 'c_bucket', x: '1', le: '+Inf' },
];

interface SeriesData {
  readonly values: readonly (number | 'stale' | 'gap' | FloatHistogram)[];
  readonly phaseMs: number;
}

export function storageOf(list: readonly SeriesData[]): MemoryStorage {
  const storage = new MemoryStorage();
  list.forEach(({ values, phaseMs }, i) => {
    const samples: StoredSample[] = [];
    values.forEach((v, k) => {
      const tMs = k * 15_000 + phaseMs;
      if (v === 'stale') samples.push({ tMs, value: 0, stale: true });
      else if (typeof v === 'number') samples.push({ tMs, value: v });
      else if (v !== 'gap') samples.push({ tMs, value: 0, histogram: v });
    });
    storage.append(Labels.from(identities[i] as Record<string, string>), samples);
  });
  return storage;
}

// Queries

const selector = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('a_total', 'b', 'a_total{x="1"}', 'b{y!="2"}', 'a_total{y="2"}', 'none') },
  { weight: 1, arbitrary: fc.constantFrom('h', 'h{x="1"}', 'c_bucket', '{x=~"1|2"}', '{__name__=~"a_total|b"}') },
);
const offset = fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(' offset 20s', ' offset -1m', ' @ 100', ' @ end()'));
const range = fc.constantFrom('20s', '1m', '100s', '5m', '1ms');
const grouping = fc.constantFrom('', ' by (x)', ' by (x, y)', ' without (y)', ' by (none)');
const perSeries = fc.constantFrom(
  ...'rate increase delta irate idelta changes resets deriv sum_over_time avg_over_time min_over_time max_over_time'.split(' '),
  ...'count_over_time last_over_time first_over_time present_over_time stddev_over_time absent_over_time mad_over_time'.split(' '),
  ...'ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time stdvar_over_time'.split(' '),
);
const extended = fc.oneof(
  fc.constantFrom('rate anchored', 'increase anchored', 'delta anchored', 'changes anchored', 'resets anchored'),
  fc.constantFrom('rate smoothed', 'increase smoothed', 'delta smoothed'),
);
const fill = fc.constantFrom(' fill (0)', ' fill_left (1)', ' fill_right (2)', ' fill_left (1) fill_right (2)');
const scalar = fc.constantFrom('2', '0.5', '-1', 'scalar(a_total{y="2"})', 'time()', 'NaN');
const arithmetic = fc.constantFrom('+', '-', '*', '/', '%', '^', '>', '<=', '== bool', '!=', 'atan2');
const on = fc.constantFrom('', '', ' on (x, y)', ' ignoring (z)', ' on (x) group_left ()', ' on (x, y) group_right (z)');

export const { query } = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.tuple(selector, offset).map((parts) => parts.join('')),
    fc.tuple(perSeries, selector, range, offset).map(([f, s, r, o]) => `${f}(${s}[${r}]${o})`),
    fc.tuple(scalar, selector, range).map(([q, s, r]) => `quantile_over_time(${q}, ${s}[${r}])`),
    fc.tuple(selector, range, scalar).map(([s, r, d]) => `predict_linear(${s}[${r}], ${d})`),
    fc
      .tuple(fc.constantFrom('sum', 'avg', 'count', 'min', 'max', 'stddev', 'stdvar', 'group'), grouping, tie('query'))
      .map(([op, by, q]) => `${op}${by} (${q})`),
    fc
      .tuple(fc.constantFrom('topk', 'bottomk', 'limitk', 'quantile'), grouping, scalar, tie('query'))
      .map(([op, by, k, q]) => `${op}${by} (${k}, ${q})`),
    fc.tuple(tie('query'), arithmetic, on, tie('query')).map(([l, op, match, r]) => `(${l}) ${op}${match} (${r})`),
    fc
      .tuple(tie('query'), fc.constantFrom('and', 'or', 'unless'), fc.constantFrom('', ' on (x)'), tie('query'))
      .map(([l, op, match, r]) => `(${l}) ${op}${match} (${r})`),
    fc.tuple(tie('query'), arithmetic, scalar).map(([q, op, s]) => `(${q}) ${op} ${s}`),
    fc.tuple(scalar, arithmetic, tie('query')).map(([s, op, q]) => `${s} ${op} (${q})`),
    fc
      .tuple(
        fc.constantFrom(...'abs ceil sgn absent timestamp hour - sqrt sort histogram_count histogram_avg histogram_stddev'.split(' ')),
        tie('query'),
      )
      .map(([f, q]) => `${f}(${q})`),
    fc
      .tuple(perSeries, tie('query'), range, fc.constantFrom('', '15s', '40s'), offset)
      .map(([f, q, r, s, o]) => `${f}((${q})[${r}:${s}]${o})`),
    fc.tuple(extended, selector, range, offset).map(([f, s, r, o]) => `${f.split(' ')[0]}(${s}[${r}] ${f.split(' ')[1]}${o})`),
    fc.tuple(selector, offset).map(([s, o]) => `${s} smoothed${o}`),
    fc
      .tuple(tie('query'), arithmetic, fc.constantFrom('', ' on (x, y)', ' ignoring (z)'), fill, tie('query'))
      .map(([l, op, match, f, r]) => `(${l}) ${op}${match}${f} (${r})`),
    fc.tuple(scalar, tie('query')).map(([q, v]) => `histogram_quantile(${q}, ${v})`),
    fc.tuple(scalar, scalar, tie('query')).map(([l, u, v]) => `histogram_fraction(${l}, ${u}, ${v})`),
    fc.tuple(scalar, scalar, tie('query')).map(([l, u, v]) => `clamp(${v}, ${l}, ${u})`),
    fc.tuple(scalar, tie('query')).map(([q, v]) => `histogram_quantiles(${v}, "q", 0.5, ${q})`),
    fc.tuple(tie('query'), fc.constantFrom('</', '>/'), scalar).map(([v, op, x]) => `(${v}) ${op} ${x}`),
    fc.tuple(grouping, tie('query')).map(([by, v]) => `count_values${by} ("v", ${v})`),
    fc.tuple(scalar, tie('query')).map(([r, v]) => `limit_ratio(${r}, ${v})`),
    tie('query').map((q) => `info(${q}, {__name__="b", z=~".*"})`),
    tie('query').map((q) => `label_replace(${q}, "z", "$1", "y", "(.*)")`),
  ),
}));

function show(result: QueryResult): string[] {
  const { value: v } = result;
  const number = (x: number): string => (Object.is(x, -0) ? '0' : String(x));
  const text = (h: FloatHistogram): string => `${histogramText(h)} ${h.counterResetHint}`;
  if (v.kind === 'matrix') {
    return v.series.flatMap(({ labels, times, values, histogramTimes, histograms }) => [
      ...Array.from(values, (x, i) => `${labels.toString()} ${number(x)}@${times[i]}`),
      ...histograms.map((h, i) => `${labels.toString()} ${text(h)}@${histogramTimes[i]}`),
    ]);
  }
  if (v.kind === 'vector')
    return v.samples.map(({ labels, value: x, histogram: h }) => `${labels.toString()} ${h === undefined ? number(x) : text(h)}@${v.tMs}`);
  return [`${v.kind} ${v.value}`];
}

export async function outcome(run: Promise<QueryResult>): Promise<{ lines: string[] } | { error: string }> {
  try {
    const result = await run;
    return { lines: [...show(result), ...[...result.warnings, ...result.infos].sort()] };
  } catch (cause) {
    if (cause instanceof QueryError) return { error: cause.message };
    throw cause;
  }
}

/** The columnar evaluator gives what the reference gives, with its fast paths and without them; names dropped at once or late. */
export function evaluatorsAgree(): fc.IAsyncProperty<unknown> {
  const enginesOf = (enabledFeatures: readonly Feature[]): Engine[] =>
    (['reference', 'columnar', 'unhurried'] as const).map((evaluator) => new Engine({ enabledFeatures, lookbackMs: 60_000, evaluator }));
  const [atOnce, late] = [enginesOf(features), enginesOf([...features, 'promql-delayed-name-removal'])];
  return fc.asyncProperty(data, query, fc.constantFrom(7000, 15_000, 60_000), fc.boolean(), async (list, text, stepMs, isLate) => {
    const storage = storageOf(list);
    const outcomes = (isLate ? late : atOnce).map((engine) => outcome(engine.range(storage, text, 0, 300_000, stepMs)));
    const [expected, columnar, unhurried] = await Promise.all(outcomes);
    deepStrictEqual({ text, ...columnar }, { text, ...expected });
    deepStrictEqual({ text, ...unhurried }, { text, ...expected });
  });
}
