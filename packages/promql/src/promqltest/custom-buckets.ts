/** `load_with_nhcb`: native histograms with custom buckets, made of classic `_bucket`, `_count`, `_sum` series (appendix A, 13). */
import type { FloatHistogram, Labels } from '@pronoia/model';
import { fold } from '../value/histogram-buckets.ts';
import type { StoredSample } from './memory-storage.ts';

interface Parts {
  readonly buckets: Map<number, number>;
  count: number | undefined;
  sum: number | undefined;
}

export function customBucketSeries(
  list: readonly { readonly labels: Labels; readonly samples: readonly StoredSample[] }[],
): { labels: Labels; samples: StoredSample[] }[] {
  const groups = new Map<string, { labels: Labels; byTime: Map<number, Parts> }>();
  for (const { labels, samples } of list) {
    const match = /^(.*)_(bucket|count|sum)$/.exec(labels.get('__name__'));
    if (match === null) continue;
    const [, base, part] = match as unknown as [string, string, string];
    if (part === 'bucket' && !labels.has('le')) continue;
    const key = labels.without(new Set(['le'])).with('__name__', base);
    let group = groups.get(key.key());
    if (group === undefined) {
      group = { labels: key, byTime: new Map() };
      groups.set(key.key(), group);
    }
    for (const { tMs, value, histogram, stale } of samples) {
      if (histogram !== undefined || stale === true) continue;
      let parts = group.byTime.get(tMs);
      if (parts === undefined) {
        parts = { buckets: new Map(), count: undefined, sum: undefined };
        group.byTime.set(tMs, parts);
      }
      if (part === 'count') parts.count = value;
      else if (part === 'sum') parts.sum = value;
      else parts.buckets.set(labels.get('le').toLowerCase().endsWith('inf') ? Number.POSITIVE_INFINITY : Number(labels.get('le')), value);
    }
  }
  return [...groups.values()]
    .map(({ labels, byTime }) => {
      const samples: StoredSample[] = [];
      for (const [tMs, parts] of byTime) {
        const histogram = toHistogram(parts);
        if (histogram !== undefined) samples.push({ tMs, value: 0, histogram });
      }
      return { labels, samples };
    })
    .filter(({ samples }) => samples.length > 0);
}

function toHistogram({ buckets, count, sum }: Parts): FloatHistogram | undefined {
  if (buckets.size === 0 && count === undefined) return undefined;
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  if (sorted.at(-1)?.[0] !== Number.POSITIVE_INFINITY) sorted.push([Number.POSITIVE_INFINITY, count ?? sorted.at(-1)?.[1] ?? 0]);
  const counts: number[] = [];
  let previous = 0;
  for (const [, cumulative] of sorted) {
    if (cumulative < previous) return undefined;
    counts.push(cumulative - previous);
    previous = cumulative;
  }
  const folded = fold({ indexes: counts.map((_, i) => i), counts });
  return {
    counterResetHint: 'unknown',
    schema: -53,
    zeroThreshold: 0,
    zeroCount: 0,
    count: count ?? previous,
    sum: sum ?? 0,
    positiveSpans: folded.spans,
    negativeSpans: [],
    positiveBuckets: folded.buckets,
    negativeBuckets: new Float64Array(0),
    customValues: sorted.slice(0, -1).map(([upper]) => upper),
  };
}
