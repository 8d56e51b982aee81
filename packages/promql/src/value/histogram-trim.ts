/** Cutting a native histogram at a value (promql.md §8.7): `h </ x` keeps what is at most x, `h >/ x` what is at least x. */
import type { FloatHistogram } from '@pronoia/model';
import { compact, exponentialBound, isCustom, positiveLower, positiveUpper, unfold } from './histogram-buckets.ts';

interface Part {
  readonly kept: number;
  /** Where the kept observations are taken to be on average. */
  readonly middle: number;
}

export function trimHistogram(h: FloatHistogram, x: number, keepBelow: boolean): FloatHistogram {
  const custom = isCustom(h);
  let trimmed = false;
  let count = 0;
  let sum = 0;
  const take = (lower: number, upper: number, n: number, linear: boolean): number => {
    const part = cut(lower, upper, n, x, keepBelow, linear, custom);
    trimmed ||= part.kept !== n;
    count += part.kept;
    if (part.kept !== 0) sum += part.middle * part.kept;
    return part.kept;
  };
  const positive = unfold(h.positiveSpans, h.positiveBuckets);
  const negative = unfold(h.negativeSpans, h.negativeBuckets);
  const positiveBuckets = Float64Array.from(positive.indexes, (index, i) =>
    take(positiveLower(h, index), positiveUpper(h, index), positive.counts[i] as number, custom),
  );
  const negativeBuckets = Float64Array.from(negative.indexes, (index, i) =>
    take(-exponentialBound(index, h.schema), -exponentialBound(index - 1, h.schema), negative.counts[i] as number, false),
  );
  let { zeroCount } = h;
  if (!custom && zeroCount !== 0) {
    const hasPositive = positive.counts.some((n) => n !== 0);
    const hasNegative = negative.counts.some((n) => n !== 0);
    const lower = hasPositive && !hasNegative ? 0 : -h.zeroThreshold;
    const upper = hasNegative && !hasPositive ? 0 : h.zeroThreshold;
    zeroCount = take(lower, upper, zeroCount, true);
  }
  if (!trimmed) return compact(h);
  return compact({ ...h, count, sum, zeroCount, positiveBuckets, negativeBuckets });
}

function cut(lower: number, upper: number, n: number, x: number, keepBelow: boolean, linear: boolean, custom: boolean): Part {
  if (n === 0) return { kept: 0, middle: 0 };
  const all = (): Part => ({ kept: n, middle: middleOf(lower, upper, linear) });
  const none: Part = { kept: 0, middle: 0 };
  if (custom && lower === Number.NEGATIVE_INFINITY) return cutFirst(upper, n, x, keepBelow);
  if (custom && upper === Number.POSITIVE_INFINITY) {
    if (keepBelow) return x === Number.POSITIVE_INFINITY ? all() : none;
    return lower >= x ? all() : { kept: n, middle: x };
  }
  if (keepBelow ? upper <= x : lower >= x) return all();
  if (keepBelow ? lower >= x : upper <= x) return none;
  const below = linear ? (x - lower) / (upper - lower) : logFraction(lower, upper, x);
  if (Number.isNaN(below)) return none;
  return keepBelow
    ? { kept: n * below, middle: middleOf(lower, x, linear) }
    : { kept: n * (1 - below), middle: middleOf(x, upper, linear) };
}

/** The bucket (−Inf, b]. Positive observations are taken to start at 0. */
function cutFirst(b: number, n: number, x: number, keepBelow: boolean): Part {
  const none: Part = { kept: 0, middle: 0 };
  // The only bucket of all: nothing is known about where its observations are.
  if (b === Number.POSITIVE_INFINITY)
    return x === (keepBelow ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY) ? { kept: n, middle: 0 } : none;
  if (keepBelow) {
    if (x >= b) return { kept: n, middle: b > 0 ? b / 2 : b };
    if (b <= 0) return { kept: n, middle: x };
    return x > 0 ? { kept: (n * x) / b, middle: x / 2 } : none;
  }
  if (x === Number.NEGATIVE_INFINITY) return { kept: n, middle: b > 0 ? b / 2 : b };
  if (x >= 0 && b > x) return { kept: n * (1 - x / b), middle: (x + b) / 2 };
  return none;
}

function logFraction(lower: number, upper: number, x: number): number {
  if (lower < 0) return 1 - logFraction(-upper, -lower, -x);
  const [l, u] = [Math.log2(lower), Math.log2(upper)];
  return (Math.log2(x) - l) / (u - l);
}

function middleOf(lower: number, upper: number, linear: boolean): number {
  if (lower === Number.NEGATIVE_INFINITY) return upper > 0 ? upper / 2 : upper;
  if (upper === Number.POSITIVE_INFINITY) return lower;
  if (linear) return (lower + upper) / 2;
  return lower < 0 ? -Math.sqrt(lower * upper) : Math.sqrt(lower * upper);
}
