/** What a range-vector function makes of one window of one series (promql.md §9.4–9.8): a table of functions of a list of points. */
import { type FloatHistogram, quoteGo } from '@pronoia/model';
import { HistogramMean, HistogramSum } from '../evaluate/histogram-sum.ts';
import { detectsReset, equalHistograms, IncompatibleSchemas } from '../value/histogram-arithmetic.ts';
import { extremeOf, meanOf, quantileOf, regression, sumOverTime, varianceOverTime } from './floats.ts';
import { type Context, fail, type Point, type Result } from './sample.ts';

export interface Window {
  readonly context: Context;
  /** In time order, never empty; under `anchored` and `smoothed` also those around the window. */
  readonly points: readonly Point[];
  readonly startMs: number;
  readonly endMs: number;
  readonly rangeMs: number;
  /** When the step is evaluated. */
  readonly tMs: number;
  readonly metricName: string;
  /** The scalar arguments. */
  readonly args: readonly number[];
  readonly warn: (text: string) => void;
  readonly info: (text: string) => void;
}

/** Undefined: no result. */
export type WindowFunction = (window: Window) => Result | undefined;

export interface HistogramPoint extends Point {
  readonly histogram: FloatHistogram;
}

export function floatsOf(points: readonly Point[]): Point[] {
  return points.filter(({ histogram }) => histogram === undefined);
}

export function histogramsOf(points: readonly Point[]): HistogramPoint[] {
  return points.filter((point): point is HistogramPoint => point.histogram !== undefined);
}

export function warnOfMixedKinds({ metricName, warn }: Window): undefined {
  warn(`encountered a mix of histograms and floats for metric name ${quoteGo(metricName)}`);
}

export function warnOfMixedSchemas({ metricName, warn }: Window): undefined {
  warn(`vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quoteGo(metricName)}`);
}

/** Runs `f`; histograms that have no sum are warned about. */
export function catchMixedSchemas(window: Window, f: () => Result | undefined): Result | undefined {
  try {
    return f();
  } catch (cause) {
    if (!(cause instanceof IncompatibleSchemas)) throw cause;
    return warnOfMixedSchemas(window);
  }
}

function floatOnly(atLeast: number, f: (floats: readonly Point[], window: Window) => number): WindowFunction {
  return (window) => {
    const floats = floatsOf(window.points);
    if (floats.length === 0) return undefined;
    if (floats.length < window.points.length) {
      const name = quoteGo(window.metricName);
      window.info(`ignored histograms in a range containing both floats and histograms for metric name ${name}`);
    }
    return floats.length < atLeast ? undefined : f(floats, window);
  };
}

/** Of the values alone. */
function ofValues(f: (values: readonly number[], args: readonly number[]) => number): WindowFunction {
  return floatOnly(1, (floats, { args }) =>
    f(
      floats.map(({ value }) => value),
      args,
    ),
  );
}

/** Time of the last point with the extreme value; if all are NaN, of the last. */
function timeOfExtreme(isBetter: (v: number, best: number) => boolean): WindowFunction {
  return floatOnly(1, (floats) => {
    const numbers = floats.filter(({ value }) => !Number.isNaN(value));
    const best = extremeOf(
      numbers.map(({ value }) => value),
      isBetter,
    );
    const found = numbers.length === 0 ? floats.at(-1) : numbers.filter(({ value }) => value === best).at(-1);
    return (found as Point).tMs / 1000;
  });
}

function summed(
  floats: (values: readonly number[]) => number,
  newTotal: (first: FloatHistogram) => HistogramSum | HistogramMean,
): WindowFunction {
  return (window) => {
    const [f, h] = [floatsOf(window.points), histogramsOf(window.points)];
    if (f.length > 0 && h.length > 0) return warnOfMixedKinds(window);
    if (f.length > 0) return floats(f.map(({ value }) => value));
    return catchMixedSchemas(window, () => {
      const [first, ...others] = h as [HistogramPoint, ...HistogramPoint[]];
      const total = newTotal(first.histogram);
      for (const { histogram } of others) total.add(histogram);
      if (total.hintsCollide) window.warn('conflicting counter resets during histogram aggregation');
      if (total.boundsReconciled) window.info('mismatched custom buckets were reconciled during aggregation');
      return total.value();
    });
  };
}

const first = (points: readonly Point[]): Point => points[0] as Point;
const last = (points: readonly Point[]): Point => points.at(-1) as Point;
const resultOf = ({ value, histogram }: Point): Result => histogram ?? value;

export function countPairs(points: readonly Point[], counts: (previous: Point, current: Point) => boolean): number {
  return points.filter((current, i) => i > 0 && counts(points[i - 1] as Point, current)).length;
}

export function isChange(a: Point, b: Point): boolean {
  if (a.histogram !== undefined && b.histogram !== undefined) return !equalHistograms(a.histogram, b.histogram);
  if (a.histogram !== undefined || b.histogram !== undefined) return true;
  return a.value !== b.value && !(Number.isNaN(a.value) && Number.isNaN(b.value));
}

export function isReset(a: Point, b: Point): boolean {
  if (a.histogram !== undefined && b.histogram !== undefined) return detectsReset(b.histogram, a.histogram);
  if (a.histogram !== undefined || b.histogram !== undefined) return true;
  return b.value < a.value;
}

/** A new life of the counter by start times alone (promql.md §9.6). */
export function isStartReset(previous: Point, current: Point): boolean {
  if (current.startMs === 0 || current.startMs >= current.tMs) return false;
  if (current.startMs > previous.tMs) return true;
  return current.startMs === previous.tMs && previous.startMs !== 0 && previous.startMs < previous.tMs;
}

function medianDeviation(values: readonly number[]): number {
  if (values.some(Number.isNaN)) return Number.NaN;
  const median = quantileOf(0.5, values);
  return quantileOf(
    0.5,
    values.map((v) => Math.abs(v - median)),
  );
}

function smooth(values: readonly number[], sf: number, tf: number): number {
  let s = values[0] as number;
  let b = (values[1] as number) - s;
  let previous = s;
  values.slice(1).forEach((v, i) => {
    if (i > 0) b = tf * (s - previous) + (1 - tf) * b;
    previous = s;
    s = sf * v + (1 - sf) * (s + b);
  });
  return s;
}

const onLine = (floats: readonly Point[], originMs: number): { slope: number; intercept: number } =>
  regression(floats.map(({ tMs, value }) => ({ x: (tMs - originMs) / 1000, y: value })));

export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  count_over_time: ({ points }) => points.length,
  present_over_time: () => 1,
  first_over_time: ({ points }) => resultOf(first(points)),
  last_over_time: ({ points }) => resultOf(last(points)),
  ts_of_first_over_time: ({ points }) => first(points).tMs / 1000,
  ts_of_last_over_time: ({ points }) => last(points).tMs / 1000,
  ts_of_max_over_time: timeOfExtreme((v, best) => v > best),
  ts_of_min_over_time: timeOfExtreme((v, best) => v < best),
  max_over_time: ofValues((values) => extremeOf(values, (v, best) => v > best)),
  min_over_time: ofValues((values) => extremeOf(values, (v, best) => v < best)),
  sum_over_time: summed(sumOverTime, (h) => new HistogramSum(h)),
  avg_over_time: summed(meanOf, (h) => new HistogramMean(h)),
  stdvar_over_time: ofValues(varianceOverTime),
  stddev_over_time: ofValues((values) => Math.sqrt(varianceOverTime(values))),
  quantile_over_time: ofValues((values, [q]) => quantileOf(q as number, values)),
  mad_over_time: ofValues(medianDeviation),
  changes: ({ points }) => countPairs(points, isChange),
  resets: ({ points, context }) => countPairs(points, (a, b) => isReset(a, b) || (context.startTimestamps && isStartReset(a, b))),
  deriv: floatOnly(2, (floats) => onLine(floats, first(floats).tMs).slope),
  predict_linear: floatOnly(2, (floats, { tMs, args }) => {
    const { slope, intercept } = onLine(floats, tMs);
    return slope * (args[0] as number) + intercept;
  }),
  double_exponential_smoothing: (window) => {
    const [sf, tf] = window.args as [number, number];
    if (!(sf > 0 && sf < 1)) fail(`invalid smoothing factor. Expected: 0 < sf < 1, got: ${sf.toFixed(6)}`);
    if (!(tf > 0 && tf < 1)) fail(`invalid trend factor. Expected: 0 < tf < 1, got: ${tf.toFixed(6)}`);
    return floatOnly(2, (floats) =>
      smooth(
        floats.map(({ value }) => value),
        sf,
        tf,
      ),
    )(window);
  },
};
