/** Which sample each step takes: the newest in `(t − lookback, t]`, unless a stale marker is newer (promql.md §4). */
import type { ReferenceTimes } from './evaluation.ts';
import type { SampleColumns } from './sample-columns.ts';
import { isFloat, type StepSeries } from './step-series.ts';
import { sameTimes } from './window-plan.ts';

export interface InstantPlan {
  readonly indexes: Int32Array;
  readonly found: number;
  /** Another number for each plan that was made. */
  readonly version: number;
}

/** Which float each step takes, −1 for none; made again only for a series with other times. */
export class InstantPlanner {
  readonly #reference: ReferenceTimes;
  readonly #lookbackMs: number;
  readonly #indexes: Int32Array;
  #times = new Float64Array(0);
  #found = -1;
  #timesId = -1;
  #version = 0;

  constructor(reference: ReferenceTimes, lookbackMs: number, count: number) {
    this.#reference = reference;
    this.#lookbackMs = lookbackMs;
    this.#indexes = new Int32Array(count);
  }

  planFor(columns: SampleColumns): InstantPlan {
    if (this.#found < 0 || (columns.timesId !== this.#timesId && !sameTimes(this.#times, columns))) {
      const { times, count } = columns;
      const indexes = this.#indexes;
      const { firstMs, stepMs } = this.#reference;
      let next = 0;
      let found = 0;
      for (let step = 0; step < indexes.length; step++) {
        const t = firstMs + step * stepMs;
        while (next < count && (times[next] as number) <= t) next++;
        const isPresent = next > 0 && (times[next - 1] as number) > t - this.#lookbackMs;
        indexes[step] = isPresent ? next - 1 : -1;
        if (isPresent) found++;
      }
      this.#times = times.slice(0, count);
      this.#found = found;
      this.#version++;
    }
    this.#timesId = columns.timesId;
    return { indexes: this.#indexes, found: this.#found, version: this.#version };
  }
}

/** Takes the floats that a plan names. */
export function take(values: Float64Array, indexes: Int32Array, { values: out, kinds }: Pick<StepSeries, 'values' | 'kinds'>): void {
  for (let step = 0; step < indexes.length; step++) {
    const index = indexes[step] as number;
    if (index < 0) continue;
    out[step] = values[index] as number;
    kinds[step] = isFloat;
  }
}

export interface SampleAt {
  index: number;
  isHistogram: boolean;
  timeMs: number;
}

/** Calls `put` where a step has a sample; returns how often. */
export function walk(
  columns: SampleColumns,
  reference: ReferenceTimes,
  count: number,
  lookbackMs: number,
  put: (at: SampleAt, step: number, tMs: number) => void,
): number {
  const { times, count: floats, histogramTimes, staleTimes } = columns;
  let f = 0;
  let h = 0;
  let s = 0;
  let found = 0;
  const at: SampleAt = { index: 0, isHistogram: false, timeMs: 0 };
  for (let step = 0; step < count; step++) {
    const t = reference.firstMs + step * reference.stepMs;
    while (f < floats && (times[f] as number) <= t) f++;
    while (h < histogramTimes.length && (histogramTimes[h] as number) <= t) h++;
    while (s < staleTimes.length && (staleTimes[s] as number) <= t) s++;
    const floatMs = f > 0 ? (times[f - 1] as number) : Number.NEGATIVE_INFINITY;
    const histogramMs = h > 0 ? (histogramTimes[h - 1] as number) : Number.NEGATIVE_INFINITY;
    const newestMs = floatMs > histogramMs ? floatMs : histogramMs;
    if (newestMs <= t - lookbackMs) continue;
    if (s > 0 && (staleTimes[s - 1] as number) > newestMs) continue;
    at.isHistogram = histogramMs > floatMs;
    at.index = at.isHistogram ? h - 1 : f - 1;
    at.timeMs = newestMs;
    put(at, step, t);
    found++;
  }
  return found;
}
