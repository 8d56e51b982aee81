/** The original's text of a native histogram, as `count_values` and messages show it (promql.md §8.6). */
import { type FloatHistogram, formatGoFloat } from '@pronoia/model';
import { listBuckets } from './histogram-buckets.ts';

export function histogramText(h: FloatHistogram): string {
  const parts = [`count:${formatGoFloat(h.count)}`, `sum:${formatGoFloat(h.sum)}`];
  for (const bucket of listBuckets(h)) {
    if (bucket.count === 0) continue;
    const [open, close] = [bucket.lowerInclusive ? '[' : '(', bucket.upperInclusive ? ']' : ')'];
    parts.push(`${open}${formatGoFloat(bucket.lower)},${formatGoFloat(bucket.upper)}${close}:${formatGoFloat(bucket.count)}`);
  }
  return `{${parts.join(', ')}}`;
}
