/** The buckets of a native histogram as the API shows them (prometheus-server.md §6.2): ascending, with their bounds. */
import type { FloatHistogram, Span } from '@pronoia/model';

/** Which bounds belong to a bucket. 0: (lower, upper]; 1: [lower, upper); 3: both. */
export type Boundaries = 0 | 1 | 3;

type Visit = (boundaries: Boundaries, lower: number, upper: number, count: number) => void;

/** Custom bucket bounds. */
const customSchema = -53;

export function forEachBucket(histogram: FloatHistogram, visit: Visit): void {
  const { schema, zeroThreshold, zeroCount } = histogram;
  if (schema === customSchema) {
    forEachIndex(histogram.positiveSpans, histogram.positiveBuckets, (index, count) => {
      const lower = index === 0 ? -Infinity : (histogram.customValues[index - 1] as number);
      visit(0, lower, histogram.customValues[index] ?? Infinity, count);
    });
    return;
  }
  const negative: [number, number][] = [];
  forEachIndex(histogram.negativeSpans, histogram.negativeBuckets, (index, count) => negative.push([index, count]));
  for (const [index, count] of negative.reverse()) visit(1, -bound(index, schema), -bound(index - 1, schema), count);
  if (zeroCount !== 0) visit(3, -zeroThreshold, zeroThreshold, zeroCount);
  forEachIndex(histogram.positiveSpans, histogram.positiveBuckets, (index, count) => {
    visit(0, bound(index - 1, schema), bound(index, schema), count);
  });
}

function forEachIndex(spans: readonly Span[], counts: Float64Array, visit: (index: number, count: number) => void): void {
  let index = 0;
  let at = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++) visit(index++, counts[at++] ?? 0);
  }
}

/** Upper bound of bucket `index`: 2^(index · 2^−schema). The last one ends at the largest number, the one after it at infinity. */
function bound(index: number, schema: number): number {
  const exponent = index * 2 ** -schema;
  if (exponent === 1024) return Number.MAX_VALUE;
  // The whole part apart, so that powers of two are exact.
  const whole = Math.floor(exponent);
  return 2 ** (exponent - whole) * 2 ** whole;
}
