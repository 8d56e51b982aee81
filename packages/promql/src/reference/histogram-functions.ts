/** histogram_quantile and its like at one step, over classic buckets and native histograms (promql.md §9.10, §9.11). */
import { type FloatHistogram, formatGoFloat, formatOpenMetricsFloat, type Labels, quoteGo } from '@pronoia/model';
import type { CallExpr, Expr } from '../syntax/ast.ts';
import { type Bucket, isCustom, listBuckets } from '../value/histogram-buckets.ts';
import { add, type Compensated } from './floats.ts';
import { type Context, nameless, type Sample, sampleOf, type Vector, withoutMetadata } from './sample.ts';

/** One value of each native histogram. */
export function mapHistograms(context: Context, vector: Vector, f: (h: FloatHistogram) => number): Sample[] {
  return vector.flatMap(({ labels, histogram, rank }) => {
    if (histogram === undefined) return [];
    const name = context.delayedNames ? labels : labels.without(new Set(['__name__']));
    return [sampleOf(name, true, f(histogram), rank)];
  });
}

export const statFunctions: Readonly<Record<string, (h: FloatHistogram) => number>> = {
  histogram_count: (h) => h.count,
  histogram_sum: (h) => h.sum,
  histogram_avg: (h) => h.sum / h.count,
  histogram_stdvar: variance,
  histogram_stddev: (h) => Math.sqrt(variance(h)),
};

function variance(h: FloatHistogram): number {
  const mean = h.sum / h.count;
  const [sum, c] = listBuckets(h)
    .filter(({ count }) => count !== 0)
    .map(({ count, lower, upper, isZero }) => {
      const geometric = Math.sign(upper + lower) * Math.sqrt(lower * upper);
      const middle = isCustom(h) ? (lower + upper) / 2 : isZero ? 0 : geometric;
      return count * (middle - mean) * (middle - mean);
    })
    .reduce(add, [0, 0] as Compensated);
  return (sum + c) / h.count;
}

// Groups

interface ClassicBucket {
  readonly upper: number;
  readonly count: number;
}

interface Group {
  readonly labels: Labels;
  readonly rank: number;
  readonly buckets: ClassicBucket[];
  native: FloatHistogram | undefined;
}

function parseBound(text: string): number | undefined {
  const word = /^([+-]?)(?:inf(?:inity)?)$/i.exec(text);
  if (word !== null) return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : undefined;
}

/** ` for metric name "x"`, while there are names. */
function ofName({ delayedNames }: Context, labels: Labels): string {
  const name = labels.get('__name__');
  return delayedNames && name !== '' ? ` for metric name ${quoteGo(name)}` : '';
}

function groupsOf(context: Context, vectorArg: Expr, vector: Vector): Group[] {
  const { annotations } = context;
  const groups = new Map<string, Group>();
  for (const { labels, value, histogram, rank } of vector) {
    const upper = parseBound(labels.get('le'));
    if (histogram === undefined && upper === undefined) {
      const le = quoteGo(labels.get('le'));
      annotations.warn(`bucket label "le" is missing or has a malformed value of ${le}${ofName(context, labels)}`, vectorArg.span);
      continue;
    }
    const identity = histogram === undefined ? labels.without(new Set(['le'])) : labels;
    const kept = context.delayedNames ? identity : withoutMetadata(identity);
    const group: Group = groups.get(kept.key()) ?? { labels: kept, rank, buckets: [], native: undefined };
    groups.set(kept.key(), group);
    if (histogram !== undefined) group.native = histogram;
    else group.buckets.push({ upper: upper as number, count: value });
  }
  return [...groups.values()].filter((group) => {
    if (group.native === undefined || group.buckets.length === 0) return true;
    annotations.warn(`vector contains a mix of classic and native histograms${ofName(context, group.labels)}`, vectorArg.span);
    return false;
  });
}

// Quantiles

function warnOfQuantile({ annotations }: Context, q: number, arg: Expr): void {
  if (!(q >= 0 && q <= 1)) annotations.warn(`quantile value should be between 0 and 1, got ${formatGoFloat(q)}`, arg.span);
}

export function histogramQuantile(context: Context, call: CallExpr, q: number, vector: Vector, tMs: number): Sample[] {
  const [quantileArg, vectorArg] = call.args as [Expr, Expr];
  warnOfQuantile(context, q, quantileArg);
  return groupsOf(context, vectorArg, vector).map((group) =>
    sampleOf(nameless(context, group.labels), true, quantileOfGroup(context, group, q, vectorArg, tMs), group.rank),
  );
}

export function histogramQuantiles(
  context: Context,
  call: CallExpr,
  label: string,
  qs: readonly number[],
  vector: Vector,
  tMs: number,
): Sample[] {
  const [vectorArg, , ...quantileArgs] = call.args as [Expr, Expr, ...Expr[]];
  qs.forEach((q, i) => {
    warnOfQuantile(context, q, quantileArgs[i] as Expr);
  });
  return groupsOf(context, vectorArg, vector).flatMap((group) =>
    qs.map((q) => {
      const labels = nameless(context, group.labels).with(label, formatOpenMetricsFloat(q));
      return sampleOf(labels, true, quantileOfGroup(context, group, q, vectorArg, tMs), group.rank);
    }),
  );
}

function quantileOfGroup(context: Context, group: Group, q: number, vectorArg: Expr, tMs: number): number {
  const { annotations } = context;
  const info = (text: string): void => annotations.info(text + ofName(context, group.labels), vectorArg.span);
  if (group.native !== undefined) return nativeQuantile(q, group.native, info);
  return classicQuantile(q, group.buckets, (min, max, diff) => {
    const url = 'https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile';
    const text = `input to histogram_quantile needed to be fixed for monotonicity (see ${url})${ofName(context, group.labels)}`;
    annotations.monotonicityInfo(text, vectorArg.span, tMs, min, max, diff);
  });
}

/** Ascending; counts of equal bounds added. */
function sorted(buckets: readonly ClassicBucket[]): ClassicBucket[] {
  const bounds = [...new Set(buckets.map(({ upper }) => upper))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return bounds.map((upper) => ({
    upper,
    count: buckets.filter((bucket) => Object.is(bucket.upper, upper) || bucket.upper === upper).reduce((sum, { count }) => sum + count, 0),
  }));
}

/** The numbered steps of promql.md §9.10. */
function classicQuantile(q: number, list: readonly ClassicBucket[], forced: (min: number, max: number, diff: number) => void): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const buckets = sorted(list);
  if (buckets.at(-1)?.upper !== Number.POSITIVE_INFINITY) return Number.NaN;

  const mended: { upper: number; diff: number }[] = [];
  const counts = [(buckets[0] as ClassicBucket).count];
  for (const { upper, count } of buckets.slice(1)) {
    const previous = counts.at(-1) as number;
    const isNearly = count !== previous && Math.abs(count - previous) / (Math.abs(count) + Math.abs(previous)) < 1e-12;
    if (count < previous && !isNearly) mended.push({ upper, diff: previous - count });
    counts.push(isNearly || count < previous ? previous : count);
  }
  if (mended.length > 0) {
    const uppers = mended.map(({ upper }) => upper);
    forced(Math.min(...uppers), Math.max(...uppers), Math.max(...mended.map(({ diff }) => diff)));
  }

  const total = counts.at(-1) as number;
  if (buckets.length < 2 || total === 0) return Number.NaN;
  const rank = q * total;
  const found = counts.slice(0, -1).findIndex((count) => count >= rank);
  const upperOf = (i: number): number => (buckets[i] as ClassicBucket).upper;
  if (found < 0) return upperOf(buckets.length - 2);
  const upper = upperOf(found);
  if (found === 0 && upper <= 0) return upper;
  const lower = found === 0 ? 0 : upperOf(found - 1);
  const below = found === 0 ? 0 : (counts[found - 1] as number);
  return lower + (upper - lower) * ((rank - below) / ((counts[found] as number) - below));
}

/** If all observations that may be in the zero bucket are of one sign, it reaches only to 0. */
function withZeroBucketCut(h: FloatHistogram): Bucket[] {
  return listBuckets(h).map((bucket) => {
    if (!bucket.isZero) return bucket;
    const [negative, positive] = [h.negativeBuckets.length > 0, h.positiveBuckets.length > 0];
    if (positive && !negative) return { ...bucket, lower: 0 };
    return negative && !positive ? { ...bucket, upper: 0 } : bucket;
  });
}

const countIn = (buckets: readonly Bucket[]): number => buckets.reduce((sum, { count }) => sum + count, 0);

function nativeQuantile(q: number, h: FloatHistogram, info: (text: string) => void): number {
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  if (h.count === 0 || Number.isNaN(q)) return Number.NaN;
  const hasNaN = Number.isNaN(h.sum);
  const upwards = hasNaN || q < 0.5;
  const populated = withZeroBucketCut(h).filter(({ count }) => count !== 0);
  if (!upwards) populated.reverse();
  if (populated.length === 0) return Number.NaN;
  const rank = (upwards ? q : 1 - q) * h.count;
  let found = populated.findIndex((_, i) => countIn(populated.slice(0, i + 1)) >= rank);
  const isShort = found < 0;
  if (isShort) found = populated.length - 1;
  const bucket = populated[found] as Bucket;
  let { lower } = bucket;
  const { upper } = bucket;
  if (isCustom(h)) {
    if (lower === Number.NEGATIVE_INFINITY) {
      if (upper <= 0) return upper;
      lower = 0;
    } else if (upper === Number.POSITIVE_INFINITY) return lower;
  }
  const cumulative = Math.min(countIn(populated.slice(0, found + 1)), h.count);
  if (cumulative < rank) {
    if (!hasNaN) return upper;
    info('input to histogram_quantile has NaN observations, result is NaN');
    return Number.NaN;
  }
  if (hasNaN && countIn(populated) < h.count) info('input to histogram_quantile has NaN observations, result is skewed higher');
  const fraction = (upwards ? rank - (cumulative - bucket.count) : cumulative - rank) / bucket.count;
  if (isCustom(h) || bucket.isZero) return lower + (upper - lower) * fraction;
  if (lower >= 0) return 2 ** (Math.log2(lower) + (Math.log2(upper) - Math.log2(lower)) * fraction);
  return -(2 ** (Math.log2(-upper) + (Math.log2(-lower) - Math.log2(-upper)) * (1 - fraction)));
}

// Fractions

export function histogramFraction(context: Context, call: CallExpr, lower: number, upper: number, vector: Vector): Sample[] {
  const vectorArg = call.args[2] as Expr;
  return groupsOf(context, vectorArg, vector).map((group) => {
    const info = (text: string): void => context.annotations.info(text + ofName(context, group.labels), vectorArg.span);
    const value =
      group.native === undefined ? classicFraction(lower, upper, group.buckets) : nativeFraction(lower, upper, group.native, info);
    return sampleOf(nameless(context, group.labels), true, value, group.rank);
  });
}

function classicFraction(lower: number, upper: number, list: readonly ClassicBucket[]): number {
  const buckets = sorted(list);
  const last = buckets.at(-1);
  if (last?.upper !== Number.POSITIVE_INFINITY || last.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const rank = (bound: number): number => {
    const i = buckets.findIndex((bucket) => bound < bucket.upper);
    if (i < 0) return last.count;
    const { upper: to, count } = buckets[i] as ClassicBucket;
    const from = i > 0 ? (buckets[i - 1] as ClassicBucket).upper : to > 0 ? 0 : Number.NEGATIVE_INFINITY;
    const below = i > 0 ? (buckets[i - 1] as ClassicBucket).count : 0;
    if (bound <= from) return below;
    if (from === Number.NEGATIVE_INFINITY) return count;
    return to === Number.POSITIVE_INFINITY ? below : below + (count - below) * ((bound - from) / (to - from));
  };
  return (rank(upper) - rank(lower)) / last.count;
}

function nativeFraction(lower: number, upper: number, h: FloatHistogram, info: (text: string) => void): number {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  const buckets = withZeroBucketCut(h);
  const counted = countIn(buckets);
  const excludesNaN = Number.isNaN(h.sum) && counted < h.count;
  if (excludesNaN) info('input to histogram_fraction has NaN observations, which are excluded from all fractions');
  if (lower >= upper) return 0;
  const all = excludesNaN ? counted : h.count;
  const rank = (bound: number): number => {
    if (bound === Number.POSITIVE_INFINITY) return all;
    const i = buckets.findIndex((bucket) => bound < bucket.upper);
    if (i < 0) return Math.min(counted, all);
    return countIn(buckets.slice(0, i)) + countBelow(h, buckets[i] as Bucket, bound);
  };
  return (rank(upper) - rank(lower)) / h.count;
}

/** How many of the bucket's observations are taken to be below `bound`, which is below its upper bound. */
function countBelow(h: FloatHistogram, { lower, upper, count, isZero }: Bucket, bound: number): number {
  if (isCustom(h)) {
    if (lower === Number.NEGATIVE_INFINITY) {
      if (bound === Number.NEGATIVE_INFINITY) return 0;
      if (upper <= 0) return count;
      return bound <= 0 ? 0 : (count * bound) / upper;
    }
    if (upper === Number.POSITIVE_INFINITY) return 0;
  }
  if (bound <= lower) return 0;
  if (isCustom(h) || isZero) return (count * (bound - lower)) / (upper - lower);
  const [l, u, b] = [lower, upper, bound].map((v) => Math.log2(Math.abs(v))) as [number, number, number];
  return lower >= 0 ? (count * (b - l)) / (u - l) : count * (1 - (b - u) / (l - u));
}
