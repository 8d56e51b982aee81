/** Adding, scaling and comparing native histograms (promql.md §8.2–8.6). Nothing here changes its arguments. */
import type { FloatHistogram } from '@pronoia/model';
import { exponentialBound, fold, type IndexedBuckets, isCustom, reduceSchema, unfold } from './histogram-buckets.ts';

/** Exponential with custom buckets: there is no sum. */
export class IncompatibleSchemas extends Error {}

export interface Combined {
  readonly histogram: FloatHistogram;
  /** A counter reset met a certain non-reset. */
  readonly hintsCollide: boolean;
  /** Custom bounds differed. */
  readonly boundsReconciled: boolean;
}

type Hint = FloatHistogram['counterResetHint'];

/** `a + b` or `a − b`. Not compacted further than the merge needs. Throws IncompatibleSchemas. */
export function combine(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combined {
  const aligned = align(a, b);
  const [x, y] = [aligned.a, aligned.b];
  const { hint, collide } = combineHints(a.counterResetHint, b.counterResetHint);
  const positive = fold(merge(positiveOf(x), positiveOf(y), sign));
  const negative = fold(merge(negativeOf(x), negativeOf(y), sign));
  const histogram: FloatHistogram = {
    counterResetHint: hint,
    schema: x.schema,
    zeroThreshold: x.zeroThreshold,
    zeroCount: x.zeroCount + sign * y.zeroCount,
    count: x.count + sign * y.count,
    sum: x.sum + sign * y.sum,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
    customValues: x.customValues,
  };
  return { histogram, hintsCollide: collide, boundsReconciled: aligned.boundsReconciled };
}

/** Both at one schema, one zero threshold, the same custom bounds. Throws IncompatibleSchemas. */
export function align(a: FloatHistogram, b: FloatHistogram): { a: FloatHistogram; b: FloatHistogram; boundsReconciled: boolean } {
  if (isCustom(a) !== isCustom(b)) throw new IncompatibleSchemas();
  if (isCustom(a)) {
    if (sameBounds(a.customValues, b.customValues)) return { a, b, boundsReconciled: false };
    const other = new Set(b.customValues);
    const bounds = a.customValues.filter((bound) => other.has(bound));
    return { a: rebucket(a, bounds), b: rebucket(b, bounds), boundsReconciled: true };
  }
  let [x, y] = [a, b];
  while (x.zeroThreshold !== y.zeroThreshold) {
    if (x.zeroThreshold > y.zeroThreshold) y = widenZeroBucket(y, x.zeroThreshold);
    if (y.zeroThreshold > x.zeroThreshold) x = widenZeroBucket(x, y.zeroThreshold);
  }
  const schema = Math.min(x.schema, y.schema);
  return { a: reduceSchema(x, schema), b: reduceSchema(y, schema), boundsReconciled: false };
}

/** Raises the zero threshold; if it falls into a populated bucket, to that bucket's far bound. */
export function widenZeroBucket(h: FloatHistogram, threshold: number): FloatHistogram {
  const positive = positiveOf(h);
  const negative = negativeOf(h);
  let limit = threshold;
  let zeroCount = h.zeroCount;
  for (;;) {
    zeroCount = h.zeroCount;
    let raised = false;
    for (const side of [positive, negative]) {
      for (let i = 0; i < side.indexes.length; i++) {
        const index = side.indexes[i] as number;
        const count = side.counts[i] as number;
        if (exponentialBound(index - 1, h.schema) >= limit) break;
        zeroCount += count;
        const upper = exponentialBound(index, h.schema);
        if (upper > limit) {
          if (count !== 0) {
            limit = upper;
            raised = side === negative;
          }
          break;
        }
      }
      if (raised) break;
    }
    if (!raised) break;
  }
  const outside = (side: IndexedBuckets): IndexedBuckets => {
    const first = side.indexes.findIndex((index) => exponentialBound(index - 1, h.schema) >= limit);
    return first < 0 ? { indexes: [], counts: [] } : { indexes: side.indexes.slice(first), counts: side.counts.slice(first) };
  };
  const p = fold(outside(positive));
  const n = fold(outside(negative));
  return {
    ...h,
    zeroThreshold: limit,
    zeroCount,
    positiveSpans: p.spans,
    positiveBuckets: p.buckets,
    negativeSpans: n.spans,
    negativeBuckets: n.buckets,
  };
}

/** Each bucket goes to the first of the new bounds that is not below its own, else to +Inf. */
function rebucket(h: FloatHistogram, bounds: readonly number[]): FloatHistogram {
  const { indexes, counts } = positiveOf(h);
  const sums = new Float64Array(bounds.length + 1);
  let target = 0;
  for (let i = 0; i < indexes.length; i++) {
    const upper = h.customValues[indexes[i] as number] ?? Number.POSITIVE_INFINITY;
    while (target < bounds.length && (bounds[target] as number) < upper) target++;
    sums[target] = (sums[target] as number) + (counts[i] as number);
  }
  const { spans, buckets } = fold({ indexes: Array.from(sums, (_, i) => i), counts: Array.from(sums) });
  return { ...h, customValues: bounds, positiveSpans: spans, positiveBuckets: buckets };
}

function merge(a: IndexedBuckets, b: IndexedBuckets, sign: 1 | -1): IndexedBuckets {
  const merged: IndexedBuckets = { indexes: [], counts: [] };
  let i = 0;
  let j = 0;
  while (i < a.indexes.length || j < b.indexes.length) {
    const x = a.indexes[i] ?? Number.POSITIVE_INFINITY;
    const y = b.indexes[j] ?? Number.POSITIVE_INFINITY;
    merged.indexes.push(Math.min(x, y));
    const left = x <= y ? (a.counts[i++] as number) : 0;
    const right = y <= x ? (b.counts[j++] as number) : 0;
    merged.counts.push(left + sign * right);
  }
  return merged;
}

export function combineHints(a: Hint, b: Hint): { hint: Hint; collide: boolean } {
  if (a === b) return { hint: a, collide: false };
  if (a === 'gauge' || b === 'gauge') return { hint: 'gauge', collide: false };
  if (a === 'unknown' || b === 'unknown') return { hint: 'unknown', collide: false };
  return { hint: 'unknown', collide: true };
}

export function withHint(h: FloatHistogram, counterResetHint: Hint): FloatHistogram {
  return h.counterResetHint === counterResetHint ? h : { ...h, counterResetHint };
}

/** Dividing is `scale(h, 1 / d, d)`-free: the quotient of each part is taken, as rounding wants it. */
export function scale(h: FloatHistogram, factor: number): FloatHistogram {
  return mapParts(h, (part) => part * factor, factor < 0 ? 'gauge' : h.counterResetHint);
}

export function divide(h: FloatHistogram, divisor: number): FloatHistogram {
  const divided = mapParts(h, (part) => part / divisor, divisor < 0 ? 'gauge' : h.counterResetHint);
  if (divisor !== 0) return divided;
  const none = { positiveSpans: [], positiveBuckets: new Float64Array(0), negativeSpans: [], negativeBuckets: new Float64Array(0) };
  return { ...divided, ...none };
}

function mapParts(h: FloatHistogram, f: (part: number) => number, counterResetHint: Hint): FloatHistogram {
  return {
    ...h,
    counterResetHint,
    zeroCount: f(h.zeroCount),
    count: f(h.count),
    sum: f(h.sum),
    positiveBuckets: h.positiveBuckets.map(f),
    negativeBuckets: h.negativeBuckets.map(f),
  };
}

/** Whether `current` cannot follow `previous` without a counter reset between them (promql.md §8.5). */
export function detectsReset(current: FloatHistogram, previous: FloatHistogram): boolean {
  if (current.counterResetHint === 'reset') return true;
  if (current.counterResetHint === 'not_reset') return false;
  if (current.count < previous.count) return true;
  if (isCustom(current)) {
    if (!isCustom(previous)) return true;
    const { a, b } = align(current, previous);
    return anyDecrease(positiveOf(a), positiveOf(b));
  }
  if (isCustom(previous)) return true;
  if (current.schema > previous.schema) return true;
  if (current.zeroThreshold < previous.zeroThreshold) return true;
  let earlier = previous;
  if (current.zeroThreshold > previous.zeroThreshold) {
    earlier = widenZeroBucket(previous, current.zeroThreshold);
    if (earlier.zeroThreshold !== current.zeroThreshold) return true;
  }
  if (current.zeroCount < earlier.zeroCount) return true;
  earlier = reduceSchema(earlier, current.schema);
  return anyDecrease(positiveOf(current), positiveOf(earlier)) || anyDecrease(negativeOf(current), negativeOf(earlier));
}

function anyDecrease(current: IndexedBuckets, previous: IndexedBuckets): boolean {
  const now = new Map(current.indexes.map((index, i) => [index, current.counts[i] as number]));
  return previous.indexes.some((index, i) => {
    const before = previous.counts[i] as number;
    return before !== 0 && (now.get(index) ?? 0) < before;
  });
}

/** Equality of data and layout; the hint does not count. */
export function equalHistograms(a: FloatHistogram, b: FloatHistogram): boolean {
  if (a.schema !== b.schema || !Object.is(a.count, b.count) || !Object.is(a.sum, b.sum)) return false;
  if (isCustom(a) ? !sameBounds(a.customValues, b.customValues) : a.zeroThreshold !== b.zeroThreshold) return false;
  if (!Object.is(a.zeroCount, b.zeroCount)) return false;
  return sameBuckets(positiveOf(a), positiveOf(b)) && sameBuckets(negativeOf(a), negativeOf(b));
}

function sameBuckets(a: IndexedBuckets, b: IndexedBuckets): boolean {
  if (a.indexes.length !== b.indexes.length) return false;
  return a.indexes.every((index, i) => index === b.indexes[i] && Object.is(a.counts[i], b.counts[i]));
}

function sameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i]);
}

/** Whether any part is infinite: then a mean must be taken another way. */
export function hasInfinity(h: FloatHistogram): boolean {
  const infinite = (v: number): boolean => v === Number.POSITIVE_INFINITY || v === Number.NEGATIVE_INFINITY;
  return [h.zeroCount, h.count, h.sum].some(infinite) || h.positiveBuckets.some(infinite) || h.negativeBuckets.some(infinite);
}

export function positiveOf(h: FloatHistogram): IndexedBuckets {
  return unfold(h.positiveSpans, h.positiveBuckets);
}

export function negativeOf(h: FloatHistogram): IndexedBuckets {
  return unfold(h.negativeSpans, h.negativeBuckets);
}

/** How many samples it counts for in the limits (promql.md §4.3). */
export function sampleWeight(h: FloatHistogram): number {
  const parts = h.positiveSpans.length + h.negativeSpans.length + h.positiveBuckets.length + h.negativeBuckets.length;
  return Math.trunc((168 + 8 * (parts + h.customValues.length) + 8) / 16);
}
