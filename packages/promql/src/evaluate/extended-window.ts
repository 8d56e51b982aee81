/**
 * Windows whose edges are anchored to the newest sample before them, or smoothed by interpolation (promql.md §9.9). They
 * see samples outside `(a, b]`: a lookback before, and when smoothed a lookback behind as well.
 */
import { type FloatHistogram, quoteGo } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { Expr, WindowMode } from '../syntax/ast.ts';
import { combine, detectsReset, IncompatibleSchemas, scale, withHint } from '../value/histogram-arithmetic.ts';
import { compact, isCustom } from '../value/histogram-buckets.ts';
import { mixedKinds, mixedSchemas } from './rate.ts';
import type { Window, WindowFunction } from './window.ts';
import { isChange, isReset, type Point } from './window-functions.ts';

const allowed = {
  anchored: ['changes', 'delta', 'increase', 'rate', 'resets'],
  smoothed: ['delta', 'increase', 'rate'],
} as const;

export function windowModeOf(rangeArg: Expr): WindowMode {
  let inner = rangeArg;
  while (inner.kind === 'paren') inner = inner.expr;
  return inner.kind === 'matrix' ? inner.selector.window : 'plain';
}

/** The function in that mode. Throws QueryError when it has none. */
export function extendedFunction(mode: 'anchored' | 'smoothed', func: string): WindowFunction {
  const functions: readonly string[] = allowed[mode];
  if (!functions.includes(func)) {
    throw new QueryError('execution', `${mode} modifier can only be used with: ${functions.join(', ')} - not with ${func}`);
  }
  const smoothed = mode === 'smoothed';
  if (func === 'changes') return counted(isChange);
  if (func === 'resets') return counted((a, b) => isReset(a, b, false));
  return change(func !== 'delta', func === 'rate', smoothed);
}

interface Edges {
  /** Newest sample at or before the start, else the first of all. */
  readonly first: number;
  /** Last sample of the window; when smoothed the first at or behind the end, if there is one. */
  readonly last: number;
}

/** Undefined when nothing is inside the window, and nothing reaches across it. */
export function findEdges(
  times: ArrayLike<number>,
  lo: number,
  hi: number,
  startMs: number,
  endMs: number,
  smoothed: boolean,
): Edges | undefined {
  let first = lo;
  while (first + 1 < hi && (times[first + 1] as number) <= startMs) first++;
  let last = hi - 1;
  if (smoothed) {
    last = lo;
    while (last < hi - 1 && (times[last] as number) < endMs) last++;
  }
  if ((times[last] as number) <= startMs || (times[first] as number) > endMs) return undefined;
  return { first, last };
}

function between(t1: number, y1: number, t2: number, y2: number, t: number, isCounter: boolean): number {
  const from = isCounter && y2 < y1 ? 0 : y1;
  return from + ((y2 - from) * (t - t1)) / (t2 - t1);
}

export function leftValue(
  times: ArrayLike<number>,
  values: ArrayLike<number>,
  edges: Edges,
  startMs: number,
  smoothed: boolean,
  isCounter: boolean,
): number {
  const { first } = edges;
  const [t, v] = [times[first] as number, values[first] as number];
  return smoothed && t < startMs ? between(t, v, times[first + 1] as number, values[first + 1] as number, startMs, isCounter) : v;
}

export function rightValue(
  times: ArrayLike<number>,
  values: ArrayLike<number>,
  edges: Edges,
  lo: number,
  endMs: number,
  smoothed: boolean,
  isCounter: boolean,
): number {
  const { last } = edges;
  const [t, v] = [times[last] as number, values[last] as number];
  return smoothed && last > lo && t > endMs ? between(times[last - 1] as number, values[last - 1] as number, t, v, endMs, isCounter) : v;
}

function change(isCounter: boolean, isRate: boolean, smoothed: boolean): WindowFunction {
  return (window) => {
    if (window.floats > 0 && window.histograms > 0) {
      mixedKinds(window);
      return;
    }
    if (window.floats === 0) {
      histogramChange(window, isCounter, isRate, smoothed);
      return;
    }
    const { columns, lo, hi, startMs, endMs, rangeMs } = window;
    const { times, values } = columns;
    const edges = findEdges(times, lo, hi, startMs, endMs, smoothed);
    if (edges === undefined) return;
    const left = leftValue(times, values, edges, startMs, smoothed, isCounter);
    const right = rightValue(times, values, edges, lo, endMs, smoothed, isCounter);
    let result = right - left;
    if (isCounter) {
      // Resets at the edges are in left and right already.
      const from = (times[edges.first] as number) <= startMs ? edges.first + 1 : edges.first;
      const to = (times[edges.last] as number) >= endMs ? edges.last - 1 : edges.last;
      let previous = left;
      for (let i = from; i <= to; i++) {
        const v = values[i] as number;
        if (v < previous) result += previous;
        previous = v;
      }
      if (right < previous) result += previous;
    }
    window.put(isRate ? result / (rangeMs / 1000) : result);
  };
}

function histogramChange(window: Window, isCounter: boolean, isRate: boolean, smoothed: boolean): void {
  const { columns, histogramLo, histogramHi, startMs, endMs, rangeMs, notes } = window;
  const { histogramTimes: times, histograms } = columns;
  const edges = findEdges(times, histogramLo, histogramHi, startMs, endMs, smoothed);
  if (edges === undefined) return;
  const { first, last } = edges;
  const at = (i: number): FloatHistogram => histograms[i] as FloatHistogram;
  const name = quoteGo(window.metricName);
  let gauges = 0;
  for (let i = first; i <= last; i++) {
    if (isCustom(at(i)) !== isCustom(at(first))) {
      mixedSchemas(window);
      return;
    }
    if (at(i).counterResetHint === 'gauge') gauges++;
  }
  const edgesAreGauges = at(first).counterResetHint === 'gauge' && at(last).counterResetHint === 'gauge';
  if (isCounter && gauges > 0) notes.warn(`this native histogram metric is not a counter: ${name}`);
  if (!isCounter && !edgesAreGauges) notes.warn(`this native histogram metric is not a gauge: ${name}`);

  try {
    let reconciled = false;
    const plus = (a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): FloatHistogram => {
      const { histogram, boundsReconciled } = combine(a, b, sign);
      reconciled ||= boundsReconciled;
      return histogram;
    };
    const crossesLeft = smoothed && (times[first] as number) < startMs;
    const crossesRight = smoothed && last > histogramLo && (times[last] as number) > endMs;
    const inside = (i: number, t: number): FloatHistogram => {
      const fraction = (t - (times[i - 1] as number)) / ((times[i] as number) - (times[i - 1] as number));
      return interpolateHistograms(at(i - 1), at(i), fraction, isCounter, plus);
    };
    const left = crossesLeft ? inside(first + 1, startMs) : at(first);
    const right = crossesRight ? inside(last, endMs) : at(last);
    let result = plus(right, left, -1);
    if (isCounter) {
      // A reset across the left edge is in `left` already.
      for (let i = crossesLeft ? first + 2 : first + 1; i <= last; i++) {
        if (detectsReset(at(i), at(i - 1))) result = plus(result, at(i - 1), 1);
      }
    }
    if (reconciled) notes.info('mismatched custom buckets were reconciled during subtraction');
    result = compact(withHint(result, 'gauge'));
    window.putHistogram(isRate ? scale(result, 1 / (rangeMs / 1000)) : result);
  } catch (cause) {
    if (!(cause instanceof IncompatibleSchemas)) throw cause;
    mixedSchemas(window);
  }
}

/** A counter that was reset between the two starts again from nothing. */
export function interpolateHistograms(
  a: FloatHistogram,
  b: FloatHistogram,
  fraction: number,
  isCounter: boolean,
  plus: (a: FloatHistogram, b: FloatHistogram, sign: 1 | -1) => FloatHistogram,
): FloatHistogram {
  if (isCounter && detectsReset(b, a)) return scale(b, fraction);
  return plus(a, scale(plus(b, a, -1), fraction), 1);
}

/** Counts pairs of neighbours, from the anchor on. */
function counted(counts: (previous: Point, current: Point) => boolean): WindowFunction {
  return (window) => {
    const { columns, lo, hi, histogramLo, histogramHi, startMs } = window;
    const points: Point[] = [];
    for (let i = lo; i < hi; i++) {
      points.push({ value: columns.values[i] as number, histogram: undefined, tMs: columns.times[i] as number, startMs: 0 });
    }
    for (let i = histogramLo; i < histogramHi; i++) {
      points.push({ value: 0, histogram: columns.histograms[i], tMs: columns.histogramTimes[i] as number, startMs: 0 });
    }
    points.sort((a, b) => a.tMs - b.tMs);
    let first = 0;
    while (first + 1 < points.length && (points[first + 1] as Point).tMs <= startMs) first++;
    if ((points.at(-1) as Point).tMs <= startMs) return;
    let count = 0;
    for (let i = first + 1; i < points.length; i++) if (counts(points[i - 1] as Point, points[i] as Point)) count++;
    window.put(count);
  };
}
