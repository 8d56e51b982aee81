/** rate, increase, delta, irate, idelta over one window (promql.md §9.5–9.7), step by numbered step. */
import { type FloatHistogram, quoteGo } from '@pronoia/model';
import { combine, detectsReset, scale, withHint } from '../value/histogram-arithmetic.ts';
import { compact, isCustom } from '../value/histogram-buckets.ts';
import type { Point, Result } from './sample.ts';
import {
  catchMixedSchemas,
  floatsOf,
  type HistogramPoint,
  histogramsOf,
  isStartReset,
  type Window,
  type WindowFunction,
  warnOfMixedKinds,
  warnOfMixedSchemas,
} from './window-functions.ts';

/** Adds histograms and remembers whether custom bounds had to be reconciled. */
export class HistogramAdder {
  reconciled = false;

  add(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): FloatHistogram {
    const { histogram, boundsReconciled } = combine(a, b, sign);
    if (boundsReconciled) this.reconciled = true;
    return histogram;
  }

  report(window: Window): void {
    if (this.reconciled) window.info('mismatched custom buckets were reconciled during subtraction');
  }
}

export function warnOfKind({ metricName, warn }: Window, kind: 'counter' | 'gauge'): void {
  warn(`this native histogram metric is not a ${kind}: ${quoteGo(metricName)}`);
}

function warnOfOverlap({ metricName, warn }: Window, points: readonly Point[]): void {
  const overlaps = points.some((current, i) => {
    const previous = points[i - 1];
    return previous !== undefined && current.startMs !== 0 && current.startMs < previous.tMs && current.startMs !== previous.startMs;
  });
  if (overlaps) warn(`sample has start time that overlaps with previous sample timestamp for metric ${quoteGo(metricName)}`);
}

function extrapolated(isCounter: boolean, isRate: boolean): WindowFunction {
  return (window) => {
    const { points, startMs, endMs, rangeMs, context } = window;
    const [floats, histograms] = [floatsOf(points), histogramsOf(points)];
    if (floats.length > 0 && histograms.length > 0) return warnOfMixedKinds(window);
    const usesStarts = context.startTimestamps && isCounter;
    const [first, last] = [points[0] as Point, points.at(-1) as Point];
    const bornInside = usesStarts && first.startMs > startMs && first.startMs !== 0 && first.startMs < first.tMs;
    if (points.length < 2 && !bornInside) return undefined;
    const startResets = (i: number): boolean => usesStarts && isStartReset(points[i - 1] as Point, points[i] as Point);

    // 1. The change.
    const change =
      histograms.length > 0
        ? histogramChange(window, histograms, isCounter, bornInside, startResets)
        : floatChange(floats, isCounter, bornInside, startResets);
    if (change === undefined) return undefined;
    if (usesStarts) warnOfOverlap(window, points);
    const changeSize = typeof change === 'number' ? change : change.count;
    const firstSize = first.histogram?.count ?? first.value;

    // 2. How far the samples are from the edges.
    let toStart = (first.tMs - startMs) / 1000;
    let toEnd = (endMs - last.tMs) / 1000;
    const sampled = (last.tMs - (bornInside ? first.startMs : first.tMs)) / 1000;
    const average = points.length < 2 ? 0 : (last.tMs - first.tMs) / 1000 / (points.length - 1);
    const threshold = average * 1.1;

    // 3. The left edge: a counter is not taken below zero.
    if (bornInside) toStart = 0;
    else {
      if (toStart >= threshold) toStart = average / 2;
      if (isCounter && changeSize > 0 && firstSize >= 0) {
        const toZero = sampled * (firstSize / changeSize);
        if (toZero < toStart) toStart = toZero;
      }
    }

    // 4. The right edge.
    if (toEnd >= threshold) toEnd = average / 2;

    // 5. The factor first, then one multiplication.
    let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
    if (isRate) factor /= rangeMs / 1000;
    return typeof change === 'number' ? change * factor : scale(change, factor);
  };
}

function floatChange(floats: readonly Point[], isCounter: boolean, bornInside: boolean, startResets: (i: number) => boolean): number {
  const values = floats.map(({ value }) => value);
  const first = values[0] as number;
  let change = (values.at(-1) as number) - first;
  if (!isCounter) return change;
  for (let i = 1; i < values.length; i++) {
    const previous = values[i - 1] as number;
    if ((values[i] as number) < previous || startResets(i)) change += previous;
  }
  return bornInside ? change + first : change;
}

function histogramChange(
  window: Window,
  points: readonly HistogramPoint[],
  isCounter: boolean,
  bornInside: boolean,
  startResets: (i: number) => boolean,
): FloatHistogram | undefined {
  const list = points.map(({ histogram }) => histogram);
  const [first, last] = [list[0] as FloatHistogram, list.at(-1) as FloatHistogram];
  const resets = (i: number): boolean => detectsReset(list[i] as FloatHistogram, list[i - 1] as FloatHistogram) || startResets(i);
  const isGauge = (h: FloatHistogram): boolean => h.counterResetHint === 'gauge';
  if (isCounter && list.some(isGauge)) warnOfKind(window, 'counter');
  if (!isCounter && !(isGauge(first) && isGauge(last))) warnOfKind(window, 'gauge');

  // If the second sample is behind a reset, the first counts whole, and its layout does not matter for the rest.
  const firstIsReplaced = isCounter && list.length > 1 && resets(1);
  const looked = (isCounter ? list : [first, last]).slice(firstIsReplaced ? 1 : 0);
  if (looked.some((h) => isCustom(h) !== isCustom(last))) return warnOfMixedSchemas(window);
  const result = catchMixedSchemas(window, () => {
    const adder = new HistogramAdder();
    let change = last;
    if (!firstIsReplaced) change = adder.add(change, first, -1);
    else if (bornInside) change = adder.add(change, first, 1);
    if (isCounter) {
      for (let i = firstIsReplaced ? 2 : 1; i < list.length; i++) {
        if (resets(i)) change = adder.add(change, list[i - 1] as FloatHistogram, 1);
      }
      if (bornInside && !firstIsReplaced) change = adder.add(change, first, 1);
    }
    adder.report(window);
    return compact(withHint(change, 'gauge'));
  });
  return result as FloatHistogram | undefined;
}

/** Of the last two samples. */
function instantChange(isRate: boolean): WindowFunction {
  return (window) => {
    const { points, context } = window;
    if (points.length < 2) return undefined;
    const [a, b] = points.slice(-2) as [Point, Point];
    const seconds = (b.tMs - a.tMs) / 1000;
    if (seconds === 0) return undefined;
    if ((a.histogram === undefined) !== (b.histogram === undefined)) return warnOfMixedKinds(window);
    const usesStarts = isRate && context.startTimestamps;
    const isReset = usesStarts && isStartReset(a, b);
    if (usesStarts) warnOfOverlap(window, [a, b]);
    if (a.histogram === undefined || b.histogram === undefined) {
      const change = isRate && (b.value < a.value || isReset) ? b.value : b.value - a.value;
      return isRate ? change / seconds : change;
    }
    const [x, y] = [a.histogram, b.histogram];
    const hints = [x.counterResetHint, y.counterResetHint];
    if (isRate && hints.includes('gauge')) warnOfKind(window, 'counter');
    if (!isRate && hints.some((hint) => hint !== 'gauge')) warnOfKind(window, 'gauge');
    return catchMixedSchemas(window, (): Result => {
      const adder = new HistogramAdder();
      const change = isRate && (isReset || detectsReset(y, x)) ? y : adder.add(y, x, -1);
      adder.report(window);
      const gauge = compact(withHint(change, 'gauge'));
      return isRate ? scale(gauge, 1 / seconds) : gauge;
    });
  };
}

export const rateFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: extrapolated(true, true),
  increase: extrapolated(true, false),
  delta: extrapolated(false, false),
  irate: instantChange(true),
  idelta: instantChange(false),
};
