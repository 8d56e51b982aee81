/** rate, increase, delta, irate, idelta: the change over a window, extrapolated to its edges (promql.md §9.5–9.7). */
import { type FloatHistogram, quoteGo } from '@pronoia/model';
import { combine, detectsReset, IncompatibleSchemas, scale, withHint } from '../value/histogram-arithmetic.ts';
import { compact, isCustom } from '../value/histogram-buckets.ts';
import type { Window, WindowFunction } from './window.ts';

export function mixedKinds(window: Window): void {
  window.notes.warn(`encountered a mix of histograms and floats for metric name ${quoteGo(window.metricName)}`);
}

export function mixedSchemas(window: Window): void {
  const name = quoteGo(window.metricName);
  window.notes.warn(`vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${name}`);
}

/** Whether the current sample starts a new life of its counter, by start timestamps alone. */
export function startTimeReset(previousMs: number, previousStartMs: number, currentMs: number, currentStartMs: number): boolean {
  if (currentStartMs === 0 || currentStartMs >= currentMs) return false;
  if (currentStartMs > previousMs) return true;
  return currentStartMs === previousMs && previousStartMs !== 0 && previousStartMs < previousMs;
}

const overlaps = (previousMs: number, previousStartMs: number, currentStartMs: number): boolean =>
  currentStartMs !== 0 && currentStartMs < previousMs && currentStartMs !== previousStartMs;

/** Start times of the samples in the window, or undefined when they play no part. */
interface Starts {
  readonly times: ArrayLike<number>;
  readonly starts: ArrayLike<number>;
}

function startsOf(window: Window, isCounter: boolean): Starts | undefined {
  const { columns, ev } = window;
  if (!ev.startTimestamps || !isCounter) return undefined;
  if (window.floats > 0) return columns.hasStarts ? { times: columns.times, starts: columns.starts } : undefined;
  return columns.histogramStarts.some((start) => start !== 0)
    ? { times: columns.histogramTimes, starts: columns.histogramStarts }
    : undefined;
}

function warnOfOverlap(window: Window, { times, starts }: Starts, lo: number, hi: number): void {
  for (let i = lo + 1; i < hi; i++) {
    if (overlaps(times[i - 1] as number, starts[i - 1] as number, starts[i] as number)) {
      const name = quoteGo(window.metricName);
      window.notes.warn(`sample has start time that overlaps with previous sample timestamp for metric ${name}`);
      return;
    }
  }
}

export function extrapolated(isCounter: boolean, isRate: boolean): WindowFunction {
  return (window) => {
    if (window.floats > 0 && window.histograms > 0) {
      mixedKinds(window);
      return;
    }
    const isFloat = window.floats > 0;
    const { columns, startMs, endMs, rangeMs } = window;
    const lo = isFloat ? window.lo : window.histogramLo;
    const hi = isFloat ? window.hi : window.histogramHi;
    const times: ArrayLike<number> = isFloat ? columns.times : columns.histogramTimes;
    const firstMs = times[lo] as number;
    const lastMs = times[hi - 1] as number;
    const starts = startsOf(window, isCounter);
    const bornMs = starts === undefined ? 0 : (starts.starts[lo] as number);
    const bornInside = bornMs !== 0 && bornMs > startMs && bornMs < firstMs;
    if (hi - lo < 2 && !bornInside) return;

    // How much it changed.
    let change = 0;
    let histogram: FloatHistogram | undefined;
    let resultSize = 0;
    let firstSize = 0;
    if (isFloat) {
      const { values } = columns;
      firstSize = values[lo] as number;
      change = (values[hi - 1] as number) - firstSize;
      if (isCounter) {
        let previous = firstSize;
        for (let i = lo + 1; i < hi; i++) {
          const v = values[i] as number;
          if (v < previous || (starts !== undefined && resetAt(starts, i))) change += previous;
          previous = v;
        }
        if (bornInside) change += firstSize;
      }
      resultSize = change;
    } else {
      histogram = histogramChange(window, isCounter, starts, bornInside);
      if (histogram === undefined) return;
      resultSize = histogram.count;
      firstSize = (columns.histograms[lo] as FloatHistogram).count;
    }
    if (starts !== undefined) warnOfOverlap(window, starts, lo, hi);

    // How far the samples reach to the edges of the window.
    let toStart = (firstMs - startMs) / 1000;
    let toEnd = (endMs - lastMs) / 1000;
    const sampled = (lastMs - (bornInside ? bornMs : firstMs)) / 1000;
    const average = hi - lo < 2 ? 0 : (lastMs - firstMs) / 1000 / (hi - lo - 1);
    const threshold = average * 1.1;
    if (bornInside) toStart = 0;
    else {
      if (toStart >= threshold) toStart = average / 2;
      if (isCounter && resultSize > 0 && firstSize >= 0) {
        // A counter did not go below zero: no further than where the line meets it.
        const toZero = sampled * (firstSize / resultSize);
        if (toZero < toStart) toStart = toZero;
      }
    }
    if (toEnd >= threshold) toEnd = average / 2;

    let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
    if (isRate) factor /= rangeMs / 1000;
    if (histogram === undefined) window.put(change * factor);
    else window.putHistogram(scale(histogram, factor));
  };
}

function resetAt({ times, starts }: Starts, i: number): boolean {
  return startTimeReset(times[i - 1] as number, starts[i - 1] as number, times[i] as number, starts[i] as number);
}

/** Undefined when the window has no answer; the reason is then in the notes. */
function histogramChange(window: Window, isCounter: boolean, starts: Starts | undefined, bornInside: boolean): FloatHistogram | undefined {
  const { columns, histogramLo: lo, histogramHi: hi, notes } = window;
  const { histograms } = columns;
  const name = quoteGo(window.metricName);
  const first = histograms[lo] as FloatHistogram;
  const last = histograms[hi - 1] as FloatHistogram;
  const isResetAt = (i: number): boolean =>
    detectsReset(histograms[i] as FloatHistogram, histograms[i - 1] as FloatHistogram) || (starts !== undefined && resetAt(starts, i));

  if (isCounter) {
    for (let i = lo; i < hi; i++) {
      if ((histograms[i] as FloatHistogram).counterResetHint === 'gauge') {
        notes.warn(`this native histogram metric is not a counter: ${name}`);
        break;
      }
    }
  } else if (first.counterResetHint !== 'gauge' || last.counterResetHint !== 'gauge') {
    notes.warn(`this native histogram metric is not a gauge: ${name}`);
  }

  // Behind a reset the first sample's layout does not matter.
  const ignoreFirst = isCounter && hi - lo > 1 && isResetAt(lo + 1);
  const from = ignoreFirst ? lo + 1 : lo;
  for (let i = from; i < hi; i++) {
    if (i > from && i < hi - 1 && !isCounter) continue;
    if (isCustom(histograms[i] as FloatHistogram) !== isCustom(last)) {
      mixedSchemas(window);
      return undefined;
    }
  }
  try {
    let reconciled = false;
    let result = last;
    const add = (h: FloatHistogram, sign: 1 | -1): void => {
      const combined = combine(result, h, sign);
      result = combined.histogram;
      reconciled ||= combined.boundsReconciled;
    };
    if (!ignoreFirst) add(first, -1);
    else if (bornInside) add(first, 1);
    if (isCounter) {
      for (let i = lo + 1; i < hi; i++) {
        if (!(i === lo + 1 && ignoreFirst) && isResetAt(i)) add(histograms[i - 1] as FloatHistogram, 1);
      }
      if (bornInside && !ignoreFirst) add(first, 1);
    }
    if (reconciled) notes.info('mismatched custom buckets were reconciled during subtraction');
    return compact(withHint(result, 'gauge'));
  } catch (cause) {
    if (!(cause instanceof IncompatibleSchemas)) throw cause;
    mixedSchemas(window);
    return undefined;
  }
}

export function instantChange(isRate: boolean): WindowFunction {
  return (window) => {
    const { columns, lo, hi, histogramLo, histogramHi, notes, ev } = window;
    if (hi - lo + histogramHi - histogramLo < 2) return;
    const { times, values, histogramTimes, histograms } = columns;
    // The two newest samples, of whatever kind.
    const at = (list: ArrayLike<number>, from: number, i: number): number => (i >= from ? (list[i] as number) : Number.NEGATIVE_INFINITY);
    let f = hi - 1;
    let h = histogramHi - 1;
    const newest: { isFloat: boolean; index: number; tMs: number }[] = [];
    while (newest.length < 2) {
      const floatMs = at(times, lo, f);
      const histogramMs = at(histogramTimes, histogramLo, h);
      const isFloat = floatMs > histogramMs;
      newest.push({ isFloat, index: isFloat ? f-- : h--, tMs: Math.max(floatMs, histogramMs) });
    }
    const [b, a] = newest as [(typeof newest)[0], (typeof newest)[0]];
    const seconds = (b.tMs - a.tMs) / 1000;
    if (seconds === 0) return;
    if (a.isFloat !== b.isFloat) {
      mixedKinds(window);
      return;
    }
    let reset = false;
    if (isRate && ev.startTimestamps) {
      const starts: Starts | undefined = a.isFloat
        ? columns.hasStarts
          ? { times, starts: columns.starts }
          : undefined
        : { times: histogramTimes, starts: columns.histogramStarts };
      if (starts !== undefined) {
        reset = resetAt(starts, b.index);
        warnOfOverlap(window, starts, a.index, b.index + 1);
      }
    }
    if (a.isFloat) {
      const [x, y] = [values[a.index] as number, values[b.index] as number];
      const change = isRate && (y < x || reset) ? y : y - x;
      window.put(isRate ? change / seconds : change);
      return;
    }
    const [x, y] = [histograms[a.index] as FloatHistogram, histograms[b.index] as FloatHistogram];
    const name = quoteGo(window.metricName);
    const gauges = (x.counterResetHint === 'gauge' ? 1 : 0) + (y.counterResetHint === 'gauge' ? 1 : 0);
    if (isRate && gauges > 0) notes.warn(`this native histogram metric is not a counter: ${name}`);
    if (!isRate && gauges < 2) notes.warn(`this native histogram metric is not a gauge: ${name}`);
    let change = y;
    if (!isRate || !(reset || detectsReset(y, x))) {
      try {
        const combined = combine(y, x, -1);
        if (combined.boundsReconciled) notes.info('mismatched custom buckets were reconciled during subtraction');
        change = combined.histogram;
      } catch (cause) {
        if (!(cause instanceof IncompatibleSchemas)) throw cause;
        mixedSchemas(window);
        return;
      }
    }
    change = compact(withHint(change, 'gauge'));
    window.putHistogram(isRate ? scale(change, 1 / seconds) : change);
  };
}

export const rateFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: extrapolated(true, true),
  increase: extrapolated(true, false),
  delta: extrapolated(false, false),
  irate: instantChange(true),
  idelta: instantChange(false),
};
