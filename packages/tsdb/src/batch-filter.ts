/**
 * Cuts a freshly decoded run of samples to what a query may see. Works in place on the columns of a batch.
 */
import type { SampleBatch } from '@pronoia/model';
import type { Interval } from './interval.ts';

/**
 * Keeps of `batch[from, from + count)` the samples inside `[minMs, maxMs]` and outside the deleted intervals, moved to
 * `from`. Times ascend. Returns how many are left.
 */
export function keepSamples(
  batch: SampleBatch,
  from: number,
  count: number,
  minMs: number,
  maxMs: number,
  deleted: readonly Interval[],
): number {
  const { times } = batch;
  let first = from;
  let end = from + count;
  while (first < end && (times[first] as number) < minMs) first++;
  while (end > first && (times[end - 1] as number) > maxMs) end--;
  if (first > from) moveSamples(batch, first, end, from);
  let kept = end - first;
  for (const { minMs: deletedMin, maxMs: deletedMax } of deleted) {
    if (kept === 0) break;
    let start = from;
    while (start < from + kept && (times[start] as number) < deletedMin) start++;
    let stop = start;
    while (stop < from + kept && (times[stop] as number) <= deletedMax) stop++;
    if (stop === start) continue;
    moveSamples(batch, stop, from + kept, start);
    kept -= stop - start;
  }
  return kept;
}

function moveSamples(batch: SampleBatch, start: number, end: number, to: number): void {
  batch.times.copyWithin(to, start, end);
  batch.values.copyWithin(to, start, end);
  batch.stale.copyWithin(to, start, end);
  if (batch.hasHistograms) batch.histograms.copyWithin(to, start, end);
  if (batch.hasStartTimes) batch.startTimes.copyWithin(to, start, end);
}

/** The first `count` samples, from index 0 to index 0. */
export function copySamples(from: SampleBatch, to: SampleBatch, count: number): void {
  to.times.set(from.times.subarray(0, count));
  to.values.set(from.values.subarray(0, count));
  to.stale.set(from.stale.subarray(0, count));
  if (from.hasStartTimes) {
    to.hasStartTimes = true;
    to.startTimes.set(from.startTimes.subarray(0, count));
  }
  if (!from.hasHistograms) return;
  to.hasHistograms = true;
  for (let i = 0; i < count; i++) to.histograms[i] = from.histograms[i];
}

/** Before the first samples of a read: what the last one left beside times and values goes. */
export function clearExtras(batch: SampleBatch): void {
  batch.hasStartTimes = false;
  if (!batch.hasHistograms) return;
  batch.histograms.length = 0;
  batch.hasHistograms = false;
}
