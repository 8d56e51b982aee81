/** Native histograms for people and for the API (promql.md §8.6). */
import { type FloatHistogram, formatGoFloat } from '@pronoia/model';
import { isCustom, listBuckets } from './histogram-buckets.ts';

/** As `count_values` and messages show it: `{count:3, sum:4.5, (1,2]:3}`. */
export function histogramText(h: FloatHistogram): string {
  const parts = [`count:${formatGoFloat(h.count)}`, `sum:${formatGoFloat(h.sum)}`];
  for (const bucket of listBuckets(h)) {
    if (bucket.count === 0) continue;
    const [open, close] = [bucket.lowerInclusive ? '[' : '(', bucket.upperInclusive ? ']' : ')'];
    parts.push(`${open}${formatGoFloat(bucket.lower)},${formatGoFloat(bucket.upper)}${close}:${formatGoFloat(bucket.count)}`);
  }
  return `{${parts.join(', ')}}`;
}

export interface ApiBucket {
  /** 0: (lower, upper], 1: [lower, upper), 2: open at both ends, 3: closed at both. */
  readonly rule: 0 | 1 | 2 | 3;
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** The `buckets` of the query API's JSON: ascending, without empty ones. */
export function apiBuckets(h: FloatHistogram): ApiBucket[] {
  const custom = isCustom(h);
  return listBuckets(h)
    .filter(({ count }) => count !== 0)
    .map(({ lower, upper, lowerInclusive, upperInclusive, count }) => {
      const rule = custom ? 0 : lowerInclusive ? (upperInclusive ? 3 : 1) : upperInclusive ? 0 : 2;
      return { rule, lower, upper, count };
    });
}
