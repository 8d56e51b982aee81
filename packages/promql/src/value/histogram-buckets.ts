/**
 * Buckets of native histograms by absolute index (promql.md §8.1): spans unfolded to two parallel lists, and back. Bounds of
 * exponential buckets: bucket i covers (2^((i−1)·2^−schema), 2^(i·2^−schema)].
 */
import type { FloatHistogram, Span } from '@pronoia/model';

const customSchema = -53;
export const isCustom = (h: FloatHistogram): boolean => h.schema === customSchema;

/** Ascending by index. */
export interface IndexedBuckets {
  readonly indexes: number[];
  readonly counts: number[];
}

export function unfold(spans: readonly Span[], buckets: ArrayLike<number>): IndexedBuckets {
  const indexes: number[] = [];
  const counts: number[] = [];
  let index = 0;
  let at = 0;
  for (const span of spans) {
    index += span.offset;
    for (let i = 0; i < span.length; i++) {
      indexes.push(index++);
      counts.push(buckets[at++] ?? 0);
    }
  }
  return { indexes, counts };
}

/** Without the empty buckets: the compact form. */
export function fold({ indexes, counts }: IndexedBuckets): { spans: Span[]; buckets: Float64Array } {
  const spans: { offset: number; length: number }[] = [];
  const kept: number[] = [];
  let next = 0;
  for (let i = 0; i < indexes.length; i++) {
    if (counts[i] === 0) continue;
    const index = indexes[i] as number;
    const last = spans.at(-1);
    if (last === undefined || index !== next) spans.push({ offset: index - next, length: 1 });
    else last.length++;
    next = index + 1;
    kept.push(counts[i] as number);
  }
  return { spans, buckets: Float64Array.from(kept) };
}

/** Drops empty buckets and joins spans. */
export function compact(h: FloatHistogram): FloatHistogram {
  const positive = fold(unfold(h.positiveSpans, h.positiveBuckets));
  const negative = fold(unfold(h.negativeSpans, h.negativeBuckets));
  return {
    ...h,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  };
}

/** Upper bound of a positive exponential bucket. The last finite one is MaxFloat64, the one behind it +Inf. */
export function exponentialBound(index: number, schema: number): number {
  const exponent = schema < 0 ? index * 2 ** -schema : index / 2 ** schema;
  if (exponent === 1024) return Number.MAX_VALUE;
  return 2 ** exponent;
}

/** Joins 2^d neighbours. */
export function reduceIndexes({ indexes, counts }: IndexedBuckets, d: number): IndexedBuckets {
  const reduced: IndexedBuckets = { indexes: [], counts: [] };
  for (let i = 0; i < indexes.length; i++) {
    const index = (((indexes[i] as number) - 1) >> d) + 1;
    const last = reduced.indexes.length - 1;
    if (reduced.indexes[last] === index) reduced.counts[last] = (reduced.counts[last] as number) + (counts[i] as number);
    else {
      reduced.indexes.push(index);
      reduced.counts.push(counts[i] as number);
    }
  }
  return reduced;
}

export function reduceSchema(h: FloatHistogram, schema: number): FloatHistogram {
  if (h.schema === schema) return h;
  const positive = fold(reduceIndexes(unfold(h.positiveSpans, h.positiveBuckets), h.schema - schema));
  const negative = fold(reduceIndexes(unfold(h.negativeSpans, h.negativeBuckets), h.schema - schema));
  return {
    ...h,
    schema,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  };
}

export interface Bucket {
  readonly lower: number;
  readonly upper: number;
  readonly lowerInclusive: boolean;
  readonly upperInclusive: boolean;
  readonly count: number;
  readonly isZero: boolean;
}

/** From most negative up, the zero bucket between if it holds anything. Empty buckets inside spans are listed too. */
export function listBuckets(h: FloatHistogram): Bucket[] {
  const list: Bucket[] = [];
  const negative = unfold(h.negativeSpans, h.negativeBuckets);
  for (let i = negative.indexes.length - 1; i >= 0; i--) {
    const index = negative.indexes[i] as number;
    list.push({
      lower: -exponentialBound(index, h.schema),
      upper: -exponentialBound(index - 1, h.schema),
      lowerInclusive: true,
      upperInclusive: false,
      count: negative.counts[i] as number,
      isZero: false,
    });
  }
  if (h.zeroCount > 0) {
    const { zeroThreshold: t, zeroCount: count } = h;
    list.push({ lower: -t, upper: t, lowerInclusive: true, upperInclusive: true, count, isZero: true });
  }
  const positive = unfold(h.positiveSpans, h.positiveBuckets);
  for (let i = 0; i < positive.indexes.length; i++) {
    const index = positive.indexes[i] as number;
    const lower = positiveLower(h, index);
    const upper = positiveUpper(h, index);
    // The first custom bucket is closed below, if infinity can be said to be inside.
    const lowerInclusive = isCustom(h) && index === 0;
    list.push({ lower, upper, lowerInclusive, upperInclusive: true, count: positive.counts[i] as number, isZero: false });
  }
  return list;
}

export function positiveUpper(h: FloatHistogram, index: number): number {
  if (!isCustom(h)) return exponentialBound(index, h.schema);
  return h.customValues[index] ?? Number.POSITIVE_INFINITY;
}

export function positiveLower(h: FloatHistogram, index: number): number {
  if (!isCustom(h)) return exponentialBound(index - 1, h.schema);
  return index === 0 ? Number.NEGATIVE_INFINITY : (h.customValues[index - 1] ?? Number.POSITIVE_INFINITY);
}
