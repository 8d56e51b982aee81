/** Quantiles, fractions and spread of native histograms (promql.md §9.11). */
import type { FloatHistogram } from '@pronoia/model';
import { type Bucket, isCustom, listBuckets } from '../value/histogram-buckets.ts';
import { CompensatedSum } from './compensated.ts';

export interface NativeAnswer {
  readonly value: number;
  readonly info: string | undefined;
}

const answer = (value: number, info?: string): NativeAnswer => ({ value, info });

/** With the zero bucket cut to the side on which there are observations. */
function bucketsOf(h: FloatHistogram): Bucket[] {
  const list = listBuckets(h);
  const at = list.findIndex((bucket) => bucket.isZero);
  if (at < 0) return list;
  const zero = list[at] as Bucket;
  const hasNegative = h.negativeBuckets.length > 0;
  const hasPositive = h.positiveBuckets.length > 0;
  if (hasPositive && !hasNegative) list[at] = { ...zero, lower: 0 };
  else if (hasNegative && !hasPositive) list[at] = { ...zero, upper: 0 };
  return list;
}

const total = (list: readonly Bucket[]): number => list.reduce((sum, bucket) => sum + bucket.count, 0);

export function histogramQuantile(q: number, h: FloatHistogram): NativeAnswer {
  if (q < 0) return answer(Number.NEGATIVE_INFINITY);
  if (q > 1) return answer(Number.POSITIVE_INFINITY);
  if (h.count === 0 || Number.isNaN(q)) return answer(Number.NaN);
  const list = bucketsOf(h);
  const hasNaN = Number.isNaN(h.sum);
  const forward = hasNaN || q < 0.5;
  const ordered = forward ? list : [...list].reverse();
  const rank = forward ? q * h.count : (1 - q) * h.count;
  let cumulative = 0;
  let bucket: Bucket | undefined;
  for (const candidate of ordered) {
    if (candidate.count === 0) continue;
    bucket = candidate;
    cumulative += candidate.count;
    if (cumulative >= rank) break;
  }
  if (bucket === undefined) return answer(Number.NaN);
  let { lower, upper } = bucket;
  if (isCustom(h) && lower === Number.NEGATIVE_INFINITY) {
    if (upper <= 0) return answer(upper);
    lower = 0;
  } else if (isCustom(h) && upper === Number.POSITIVE_INFINITY) return answer(lower);
  let info: string | undefined;
  if (cumulative > h.count) cumulative = h.count;
  if (cumulative < rank) {
    if (hasNaN) return answer(Number.NaN, 'input to histogram_quantile has NaN observations, result is NaN');
    return answer(upper);
  }
  if (hasNaN && total(list) < h.count) info = 'input to histogram_quantile has NaN observations, result is skewed higher';
  const inside = forward ? rank - (cumulative - bucket.count) : cumulative - rank;
  const fraction = inside / bucket.count;
  if (isCustom(h) || bucket.isZero) return answer(lower + (upper - lower) * fraction, info);
  return answer(logBetween(lower, upper, fraction), info);
}

function logBetween(lower: number, upper: number, fraction: number): number {
  if (lower >= 0) {
    const [l, u] = [Math.log2(lower), Math.log2(upper)];
    return 2 ** (l + (u - l) * fraction);
  }
  const [l, u] = [Math.log2(-lower), Math.log2(-upper)];
  return -(2 ** (u + (l - u) * (1 - fraction)));
}

export function histogramFraction(lower: number, upper: number, h: FloatHistogram): NativeAnswer {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return answer(Number.NaN);
  const list = bucketsOf(h);
  const counted = total(list);
  const info =
    Number.isNaN(h.sum) && counted < h.count
      ? 'input to histogram_fraction has NaN observations, which are excluded from all fractions'
      : undefined;
  if (lower >= upper) return answer(0, info);
  // Buckets may hold less than count says when observations were NaN.
  const all = info === undefined ? h.count : counted;
  const rank = (bound: number): number => {
    let below = 0;
    for (const bucket of list) {
      if (bound < bucket.upper) return bound <= bucket.lower && !customFirst(h, bucket) ? below : below + partBelow(h, bucket, bound);
      below += bucket.count;
    }
    return bound === Number.POSITIVE_INFINITY ? all : Math.min(below, all);
  };
  return answer((rank(upper) - rank(lower)) / h.count, info);
}

function customFirst(h: FloatHistogram, bucket: Bucket): boolean {
  return isCustom(h) && bucket.lower === Number.NEGATIVE_INFINITY;
}

function partBelow(h: FloatHistogram, bucket: Bucket, bound: number): number {
  let { lower } = bucket;
  const { upper, count } = bucket;
  if (customFirst(h, bucket)) {
    if (bound === Number.NEGATIVE_INFINITY) return 0;
    if (upper <= 0) return count;
    lower = 0;
    if (bound <= 0) return 0;
  }
  if (isCustom(h) && upper === Number.POSITIVE_INFINITY) return 0;
  if (isCustom(h) || bucket.isZero) return (count * (bound - lower)) / (upper - lower);
  if (lower >= 0) {
    const [l, u] = [Math.log2(lower), Math.log2(upper)];
    return (count * (Math.log2(bound) - l)) / (u - l);
  }
  const [l, u] = [Math.log2(-lower), Math.log2(-upper)];
  return count * (1 - (Math.log2(-bound) - u) / (l - u));
}

export function histogramVariance(h: FloatHistogram): number {
  const mean = h.sum / h.count;
  const sum = new CompensatedSum();
  for (const bucket of listBuckets(h)) {
    if (bucket.count === 0) continue;
    let middle: number;
    if (isCustom(h)) middle = (bucket.lower + bucket.upper) / 2;
    else if (bucket.isZero) middle = 0;
    else middle = bucket.lower < 0 ? -Math.sqrt(bucket.lower * bucket.upper) : Math.sqrt(bucket.lower * bucket.upper);
    const delta = middle - mean;
    sum.add(bucket.count * delta * delta);
  }
  return sum.total / h.count;
}
