/** `anchored` and `smoothed` (promql.md §9.9): windows whose edges have values of their own. */
import type { FloatHistogram } from '@pronoia/model';
import type { WindowMode } from '../syntax/ast.ts';
import { detectsReset, scale, withHint } from '../value/histogram-arithmetic.ts';
import { compact, isCustom } from '../value/histogram-buckets.ts';
import { HistogramAdder, warnOfKind } from './rate.ts';
import { type Context, fail, type Point, type Result } from './sample.ts';
import {
  catchMixedSchemas,
  countPairs,
  floatsOf,
  type HistogramPoint,
  histogramsOf,
  isChange,
  isReset,
  type Window,
  type WindowFunction,
  warnOfMixedKinds,
  warnOfMixedSchemas,
} from './window-functions.ts';

const allowed: Readonly<Record<'anchored' | 'smoothed', readonly string[]>> = {
  anchored: ['changes', 'delta', 'increase', 'rate', 'resets'],
  smoothed: ['delta', 'increase', 'rate'],
};

export function extendedFunction(mode: 'anchored' | 'smoothed', func: string): WindowFunction {
  if (!allowed[mode].includes(func)) fail(`${mode} modifier can only be used with: ${allowed[mode].join(', ')} - not with ${func}`);
  if (func === 'changes' || func === 'resets') return (window) => countFromAnchor(window, func === 'changes' ? isChange : isReset);
  return (window) => {
    const [floats, histograms] = [floatsOf(window.points), histogramsOf(window.points)];
    if (floats.length > 0 && histograms.length > 0) return warnOfMixedKinds(window);
    const isCounter = func !== 'delta';
    const change =
      histograms.length > 0 ? histogramChange(window, histograms, isCounter, mode) : floatChange(window, floats, isCounter, mode);
    if (change === undefined || func !== 'rate') return change;
    const seconds = window.rangeMs / 1000;
    return typeof change === 'number' ? change / seconds : scale(change, 1 / seconds);
  };
}

/** The points that matter: from the anchor of the left edge to that of the right one; undefined when nothing is inside. */
function betweenEdges<T extends Point>(points: readonly T[], startMs: number, endMs: number, mode: WindowMode): readonly T[] | undefined {
  const before = points.filter(({ tMs }) => tMs <= startMs).slice(-1);
  const behind = mode === 'smoothed' ? points.filter(({ tMs }) => tMs >= endMs).slice(0, 1) : points.filter(({ tMs }) => tMs === endMs);
  const inside = points.filter(({ tMs }) => tMs > startMs && tMs < endMs);
  const all = [...before, ...inside, ...behind];
  if (!all.some(({ tMs }) => tMs > startMs) || !all.some(({ tMs }) => tMs <= endMs)) return undefined;
  return all;
}

function countFromAnchor({ points, startMs, endMs }: Window, counts: (a: Point, b: Point) => boolean): number | undefined {
  const used = betweenEdges(points, startMs, endMs, 'anchored');
  return used === undefined ? undefined : countPairs(used, counts);
}

/** A counter that fell between the two began again at 0. */
function interpolate(a: Point, b: Point, tMs: number, isCounter: boolean): number {
  const from = isCounter && b.value < a.value ? 0 : a.value;
  return from + ((b.value - from) * (tMs - a.tMs)) / (b.tMs - a.tMs);
}

interface EdgeValues {
  readonly left: number;
  readonly right: number;
  readonly inside: readonly Point[];
}

function edgeValues(used: readonly Point[], startMs: number, endMs: number, mode: WindowMode, isCounter: boolean): EdgeValues {
  const [first, last] = [used[0] as Point, used.at(-1) as Point];
  const crossesLeft = mode === 'smoothed' && first.tMs < startMs;
  const crossesRight = mode === 'smoothed' && last.tMs > endMs && used.length > 1;
  return {
    left: crossesLeft ? interpolate(first, used[1] as Point, startMs, isCounter) : first.value,
    right: crossesRight ? interpolate(used.at(-2) as Point, last, endMs, isCounter) : last.value,
    inside: used.filter(({ tMs }) => tMs > startMs && tMs < endMs),
  };
}

function floatChange({ startMs, endMs }: Window, floats: readonly Point[], isCounter: boolean, mode: WindowMode): number | undefined {
  const used = betweenEdges(floats, startMs, endMs, mode);
  if (used === undefined) return undefined;
  const { left, right, inside } = edgeValues(used, startMs, endMs, mode, isCounter);
  let change = right - left;
  if (!isCounter) return change;
  let previous = left;
  for (const value of [...inside.map((point) => point.value), right]) {
    if (value < previous) change += previous;
    previous = value;
  }
  return change;
}

function histogramChange(window: Window, points: readonly HistogramPoint[], isCounter: boolean, mode: WindowMode): Result | undefined {
  const { startMs, endMs } = window;
  const used = betweenEdges(points, startMs, endMs, mode);
  if (used === undefined) return undefined;
  const list = used.map(({ histogram }) => histogram);
  const [first, last] = [list[0] as FloatHistogram, list.at(-1) as FloatHistogram];
  if (list.some((h) => isCustom(h) !== isCustom(first))) return warnOfMixedSchemas(window);
  const isGauge = (h: FloatHistogram): boolean => h.counterResetHint === 'gauge';
  if (isCounter && list.some(isGauge)) warnOfKind(window, 'counter');
  if (!isCounter && !(isGauge(first) && isGauge(last))) warnOfKind(window, 'gauge');
  return catchMixedSchemas(window, () => {
    const adder = new HistogramAdder();
    const [firstPoint, lastPoint] = [used[0] as HistogramPoint, used.at(-1) as HistogramPoint];
    const crossesLeft = mode === 'smoothed' && firstPoint.tMs < startMs;
    const crossesRight = mode === 'smoothed' && lastPoint.tMs > endMs && used.length > 1;
    const left = crossesLeft ? between(firstPoint, used[1] as HistogramPoint, startMs, isCounter, adder) : first;
    const right = crossesRight ? between(used.at(-2) as HistogramPoint, lastPoint, endMs, isCounter, adder) : last;
    let change = adder.add(right, left, -1);
    if (isCounter) {
      // A reset that the left edge was interpolated across is in `left` already.
      for (let i = crossesLeft ? 2 : 1; i < list.length; i++) {
        const previous = list[i - 1] as FloatHistogram;
        if (detectsReset(list[i] as FloatHistogram, previous)) change = adder.add(change, previous, 1);
      }
    }
    adder.report(window);
    return compact(withHint(change, 'gauge'));
  });
}

function between(a: HistogramPoint, b: HistogramPoint, tMs: number, isCounter: boolean, adder: HistogramAdder): FloatHistogram {
  const fraction = (tMs - a.tMs) / (b.tMs - a.tMs);
  if (isCounter && detectsReset(b.histogram, a.histogram)) return scale(b.histogram, fraction);
  return adder.add(a.histogram, scale(adder.add(b.histogram, a.histogram, -1), fraction), 1);
}

/** `foo smoothed` at one time; `points` with stale markers left out. */
export function smoothedInstant(
  { lookbackMs }: Context,
  points: readonly Point[],
  tMs: number,
  metricName: string,
  warn: (text: string) => void,
): Result | undefined {
  const before = points.filter((point) => point.tMs <= tMs && point.tMs > tMs - lookbackMs).at(-1);
  if (before === undefined) return undefined;
  if (before.tMs === tMs) return before.histogram ?? before.value;
  const after = points.find((point) => point.tMs > tMs && point.tMs <= tMs + lookbackMs);
  if (after === undefined) return before.histogram === undefined ? before.value : withHint(before.histogram, 'unknown');
  if (before.histogram === undefined && after.histogram === undefined) {
    return before.value + (after.value - before.value) * ((tMs - before.tMs) / (after.tMs - before.tMs));
  }
  const window: Window = {
    context: {} as Context,
    points: [before, after],
    startMs: tMs,
    endMs: tMs,
    rangeMs: 0,
    tMs,
    metricName,
    args: [],
    warn,
    info: () => undefined,
  };
  const [a, b] = histogramsOf([before, after]);
  if (a === undefined || b === undefined) return warnOfMixedKinds(window);
  if (isCustom(a.histogram) !== isCustom(b.histogram)) return warnOfMixedSchemas(window);
  const bothGauges = [a, b].every(({ histogram }) => histogram.counterResetHint === 'gauge');
  return catchMixedSchemas(window, () => between(a, b, tMs, !bothGauges, new HistogramAdder()));
}

/** `foo[5m] anchored` as a whole query: the values at both edges and the points between. */
export function edgesAndInside(points: readonly Point[], startMs: number, endMs: number, mode: 'anchored' | 'smoothed'): readonly Point[] {
  if (points.length > 0 && histogramsOf(points).length > 0) fail(`${mode} modifier is not supported with histograms`);
  const used = betweenEdges(points, startMs, endMs, mode);
  if (used === undefined) return [];
  const { left, right, inside } = edgeValues(used, startMs, endMs, mode, false);
  const edge = (tMs: number, value: number): Point => ({ tMs, value, histogram: undefined, startMs: 0, isStale: false });
  return [edge(startMs, left), ...inside, edge(endMs, right)];
}
