/**
 * The raw samples of one series in a time range, taken apart: floats, histograms and stale markers each with their
 * own ascending time column. One instance is filled again for each series, so that a query holds one series at a time.
 */
import type { FloatHistogram, SampleBatch, Series } from '@pronoia/model';
import { detectsReset } from '../value/histogram-arithmetic.ts';
import type { Frame } from './frame.ts';
import { absent, isHistogram, type StepSeries } from './step-series.ts';

export class SampleColumns {
  times = new Float64Array(0);
  values = new Float64Array(0);
  /** Another number for other times; the same number for the same times. */
  timesId = 0;
  /** Times and values are someone else's. */
  #isBorrowed = false;
  /** Start time of each float, 0 = unknown; only while `hasStarts`. */
  starts = new Float64Array(0);
  count = 0;
  histogramTimes: number[] = [];
  histograms: FloatHistogram[] = [];
  histogramStarts: number[] = [];
  staleTimes: number[] = [];
  hasStarts = false;

  clear(): void {
    this.count = 0;
    this.timesId++;
    if (this.#isBorrowed) {
      this.times = none;
      this.values = none;
      this.#isBorrowed = false;
    }
    this.hasStarts = false;
    if (this.staleTimes.length > 0) this.staleTimes = [];
    if (this.histograms.length === 0) return;
    this.histogramTimes = [];
    this.histograms = [];
    this.histogramStarts = [];
  }

  get size(): number {
    return this.count + this.histograms.length;
  }

  /** Floats that stand elsewhere, and nothing else so far. `sameTimes`: the times are those of before. */
  borrow(times: Float64Array, values: Float64Array, sameTimes = false): void {
    const { timesId } = this;
    this.clear();
    if (sameTimes) this.timesId = timesId;
    this.times = times as Float64Array<ArrayBuffer>;
    this.values = values as Float64Array<ArrayBuffer>;
    this.count = times.length;
    this.#isBorrowed = true;
  }

  /** Both bounds inclusive. */
  read(series: Series, batch: SampleBatch, minMs: number, maxMs: number, detectResets = false): void {
    this.clear();
    this.#readAll(series, batch, minMs, maxMs);
    if (detectResets) this.#detectResets();
  }

  /** Where only count and sum are wanted the original finds out about resets while reading, and so must we. */
  #detectResets(): void {
    this.histograms = this.histograms.map((histogram, i) => {
      const previous = this.histograms[i - 1];
      if (histogram.counterResetHint !== 'unknown' || previous === undefined) return histogram;
      return { ...histogram, counterResetHint: detectsReset(histogram, previous) ? 'reset' : 'not_reset' };
    });
  }

  #readAll(series: Series, batch: SampleBatch, minMs: number, maxMs: number): void {
    const reader = series.samples();
    for (let n = reader.read(batch); n > 0; n = reader.read(batch)) {
      const { times, values, stale, histograms, hasHistograms, hasStartTimes, startTimes } = batch;
      let from = 0;
      while (from < n && (times[from] as number) < minMs) from++;
      let to = n;
      while (to > from && (times[to - 1] as number) > maxMs) to--;
      this.#grow(this.count + to - from, hasStartTimes);
      if (!hasHistograms && !hasStartTimes && !this.hasStarts && noneSet(stale, from, to)) {
        this.#copy(times, values, from, to);
        if (to < n) return;
        continue;
      }
      for (let i = from; i < to; i++) {
        const t = times[i] as number;
        if (stale[i] === 1) {
          this.staleTimes.push(t);
          continue;
        }
        const histogram = hasHistograms ? histograms[i] : undefined;
        if (histogram !== undefined) {
          this.histogramTimes.push(t);
          this.histograms.push(histogram);
          this.histogramStarts.push(hasStartTimes ? (startTimes[i] as number) : 0);
          continue;
        }
        this.times[this.count] = t;
        this.values[this.count] = values[i] as number;
        if (this.hasStarts) this.starts[this.count] = hasStartTimes ? (startTimes[i] as number) : 0;
        this.count++;
      }
      if (to < n) return;
    }
  }

  #copy(times: Float64Array, values: Float64Array, from: number, to: number): void {
    if (to - from > 64) {
      this.times.set(times.subarray(from, to), this.count);
      this.values.set(values.subarray(from, to), this.count);
    } else {
      for (let i = from, k = this.count; i < to; i++, k++) {
        this.times[k] = times[i] as number;
        this.values[k] = values[i] as number;
      }
    }
    this.count += to - from;
  }

  /** The results of an inner query as raw samples (subqueries). */
  fromSteps(series: StepSeries, frame: Frame): void {
    this.clear();
    this.#grow(frame.count, false);
    for (let step = 0; step < frame.count; step++) {
      const kind = series.kinds[step];
      if (kind === absent) continue;
      const t = frame.startMs + step * frame.stepMs;
      if (kind === isHistogram) {
        const histogram = series.histogram(step);
        const known = histogram.counterResetHint === 'reset' || histogram.counterResetHint === 'not_reset';
        this.histogramTimes.push(t);
        this.histograms.push(known ? { ...histogram, counterResetHint: 'unknown' } : histogram);
        this.histogramStarts.push(0);
      } else {
        this.times[this.count] = t;
        this.values[this.count] = series.values[step] as number;
        this.count++;
      }
    }
  }

  #grow(capacity: number, withStarts: boolean): void {
    if (capacity > this.times.length) {
      const size = Math.max(capacity, this.times.length * 2, 1024);
      this.times = grown(this.times, size);
      this.values = grown(this.values, size);
      if (this.hasStarts) this.starts = grown(this.starts, size);
    }
    if (withStarts && !this.hasStarts) {
      this.hasStarts = true;
      this.starts = new Float64Array(this.times.length);
    }
  }
}

const none = new Float64Array(0);

function noneSet(flags: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (flags[i] !== 0) return false;
  return true;
}

function grown(array: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size);
  larger.set(array);
  return larger;
}
