/** Functions of one window that are not rates (promql.md §9.4, §9.8): what each makes of the samples in `(a, b]`. */
import { type FloatHistogram, quoteGo } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import { detectsReset, equalHistograms, IncompatibleSchemas } from '../value/histogram-arithmetic.ts';
import { CompensatedSum, Mean, quantile } from './compensated.ts';
import { HistogramMean, HistogramSum } from './histogram-sum.ts';
import { startTimeReset } from './rate.ts';
import type { Window, WindowFunction } from './window.ts';

/** Floats only: a window of histograms gives nothing, a mixed one is told about. */
function floatOnly(run: WindowFunction, atLeast = 1): WindowFunction {
  return (window) => {
    const { floats, histograms } = window;
    if (floats === 0) return;
    if (histograms > 0) {
      const name = quoteGo(window.metricName);
      window.notes.info(`ignored histograms in a range containing both floats and histograms for metric name ${name}`);
    }
    if (floats >= atLeast) run(window);
  };
}

/** Floats or histograms, not both. */
function unmixed(floats: WindowFunction, histograms: WindowFunction): WindowFunction {
  return (window) => {
    if (window.floats > 0 && window.histograms > 0) {
      window.notes.warn(`encountered a mix of histograms and floats for metric name ${quoteGo(window.metricName)}`);
    } else if (window.floats > 0) floats(window);
    else histograms(window);
  };
}

/** The first or last sample of either kind; index −1 when there is none. */
function edge(window: Window, last: boolean): { isHistogram: boolean; index: number; timeMs: number } {
  const { columns, lo, hi, histogramLo, histogramHi } = window;
  const f = last ? hi - 1 : lo;
  const h = last ? histogramHi - 1 : histogramLo;
  if (hi === lo) return { isHistogram: true, index: h, timeMs: columns.histogramTimes[h] as number };
  const floatMs = columns.times[f] as number;
  if (histogramHi === histogramLo) return { isHistogram: false, index: f, timeMs: floatMs };
  const histogramMs = columns.histogramTimes[h] as number;
  const histogramWins = last ? histogramMs >= floatMs : histogramMs <= floatMs;
  return histogramWins ? { isHistogram: true, index: h, timeMs: histogramMs } : { isHistogram: false, index: f, timeMs: floatMs };
}

function putEdge(window: Window, last: boolean): void {
  const { isHistogram, index } = edge(window, last);
  if (isHistogram) window.putHistogram(window.columns.histograms[index] as FloatHistogram);
  else window.put(window.columns.values[index] as number);
}

/** Index of the greatest (or least) float; with `lastOfEqual` the latest such, else the first. NaN only if all are. */
function extreme({ columns, lo, hi }: Window, isBetter: (v: number, best: number) => boolean): number {
  const { values } = columns;
  let best = lo;
  for (let i = lo + 1; i < hi; i++) {
    if (isBetter(values[i] as number, values[best] as number) || Number.isNaN(values[best])) best = i;
  }
  return best;
}

function sumHistograms(window: Window, mean: boolean): void {
  const { columns, histogramLo, histogramHi, notes } = window;
  const first = columns.histograms[histogramLo] as FloatHistogram;
  const total = mean ? new HistogramMean(first) : new HistogramSum(first);
  try {
    for (let i = histogramLo + 1; i < histogramHi; i++) total.add(columns.histograms[i] as FloatHistogram);
  } catch (cause) {
    if (!(cause instanceof IncompatibleSchemas)) throw cause;
    const name = quoteGo(window.metricName);
    notes.warn(`vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${name}`);
    return;
  }
  if (total.hintsCollide) notes.warn('conflicting counter resets during histogram aggregation');
  if (total.boundsReconciled) notes.info('mismatched custom buckets were reconciled during aggregation');
  window.putHistogram(total.value());
}

function variance({ columns, lo, hi }: Window): number {
  const { values } = columns;
  const mean = new CompensatedSum();
  const m2 = new CompensatedSum();
  let n = 0;
  for (let i = lo; i < hi; i++) {
    const x = values[i] as number;
    n++;
    const delta = x - (mean.sum + mean.c);
    mean.add(delta / n);
    m2.add(delta * (x - (mean.sum + mean.c)));
  }
  return (m2.sum + m2.c) / n;
}

/** Calls for each sample after the first, in time order, whatever its kind. */
function eachPair(window: Window, visit: (previous: Point, current: Point) => void): void {
  const { columns, hi, histogramHi } = window;
  let f = window.lo;
  let h = window.histogramLo;
  let previous: Point | undefined;
  while (f < hi || h < histogramHi) {
    const floatMs = f < hi ? (columns.times[f] as number) : Number.POSITIVE_INFINITY;
    const histogramMs = h < histogramHi ? (columns.histogramTimes[h] as number) : Number.POSITIVE_INFINITY;
    const current: Point =
      floatMs <= histogramMs
        ? {
            value: columns.values[f] as number,
            histogram: undefined,
            tMs: floatMs,
            startMs: columns.hasStarts ? (columns.starts[f] as number) : 0,
          }
        : { value: 0, histogram: columns.histograms[h], tMs: histogramMs, startMs: columns.histogramStarts[h] ?? 0 };
    if (current.histogram === undefined) f++;
    else h++;
    if (previous !== undefined) visit(previous, current);
    previous = current;
  }
}

export interface Point {
  readonly value: number;
  readonly histogram: FloatHistogram | undefined;
  readonly tMs: number;
  readonly startMs: number;
}

export function isChange(a: Point, b: Point): boolean {
  if ((a.histogram === undefined) !== (b.histogram === undefined)) return true;
  if (a.histogram !== undefined && b.histogram !== undefined) return !equalHistograms(a.histogram, b.histogram);
  return a.value !== b.value && !(Number.isNaN(a.value) && Number.isNaN(b.value));
}

export function isReset(previous: Point, current: Point, withStarts: boolean): boolean {
  if ((previous.histogram === undefined) !== (current.histogram === undefined)) return true;
  if (withStarts && startTimeReset(previous.tMs, previous.startMs, current.tMs, current.startMs)) return true;
  if (previous.histogram !== undefined && current.histogram !== undefined) return detectsReset(current.histogram, previous.histogram);
  return current.value < previous.value;
}

/** Least squares with x in seconds after `originMs` (promql.md §9.8). */
function regression({ columns, lo, hi }: Window, originMs: number): { slope: number; intercept: number } {
  const { times, values } = columns;
  const sumX = new CompensatedSum();
  const sumY = new CompensatedSum();
  const sumXY = new CompensatedSum();
  const sumX2 = new CompensatedSum();
  const first = values[lo] as number;
  let constant = true;
  for (let i = lo; i < hi; i++) {
    const y = values[i] as number;
    if (y !== first) constant = false;
    const x = ((times[i] as number) - originMs) / 1000;
    sumX.add(x);
    sumY.add(y);
    sumXY.add(x * y);
    sumX2.add(x * x);
  }
  if (constant) {
    return Number.isFinite(first) || Number.isNaN(first) ? { slope: 0, intercept: first } : { slope: Number.NaN, intercept: Number.NaN };
  }
  const n = hi - lo;
  const covariance = sumXY.total - (sumX.total * sumY.total) / n;
  const spread = sumX2.total - (sumX.total * sumX.total) / n;
  const slope = covariance / spread;
  return { slope, intercept: sumY.total / n - (slope * sumX.total) / n };
}

function smooth(window: Window): void {
  const { columns, lo, hi } = window;
  const { values } = columns;
  const smoothing = window.arg(0);
  const trend = window.arg(1);
  let s = values[lo] as number;
  let previous = 0;
  let b = (values[lo + 1] as number) - s;
  for (let i = lo + 1; i < hi; i++) {
    if (i > lo + 1) b = trend * (s - previous) + (1 - trend) * b;
    previous = s;
    s = smoothing * (values[i] as number) + (1 - smoothing) * (s + b);
  }
  window.put(s);
}

function checkFactor(kind: 'smoothing' | 'trend', short: 'sf' | 'tf', factor: number): void {
  if (factor > 0 && factor < 1) return;
  throw new QueryError('execution', `invalid ${kind} factor. Expected: 0 < ${short} < 1, got: ${factor.toFixed(6)}`);
}

const floatsIn = ({ columns, lo, hi }: Window): Float64Array => columns.values.slice(lo, hi);

export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  count_over_time: (w) => w.put(w.floats + w.histograms),
  present_over_time: (w) => w.put(1),
  first_over_time: (w) => putEdge(w, false),
  last_over_time: (w) => putEdge(w, true),
  ts_of_first_over_time: (w) => w.put(edge(w, false).timeMs / 1000),
  ts_of_last_over_time: (w) => w.put(edge(w, true).timeMs / 1000),
  ts_of_max_over_time: floatOnly((w) => w.put((w.columns.times[extreme(w, (v, best) => v >= best)] as number) / 1000)),
  ts_of_min_over_time: floatOnly((w) => w.put((w.columns.times[extreme(w, (v, best) => v <= best)] as number) / 1000)),
  max_over_time: floatOnly((w) => w.put(w.columns.values[extreme(w, (v, best) => v > best)] as number)),
  min_over_time: floatOnly((w) => w.put(w.columns.values[extreme(w, (v, best) => v < best)] as number)),
  sum_over_time: unmixed(
    ({ columns, lo, hi, out, step }) => {
      const sum = new CompensatedSum();
      for (let i = lo; i < hi; i++) sum.add(columns.values[i] as number);
      out.setFloat(step, Number.isFinite(sum.sum) || Number.isNaN(sum.sum) ? sum.total : sum.sum);
    },
    (w) => sumHistograms(w, false),
  ),
  avg_over_time: unmixed(
    ({ columns, lo, hi, out, step }) => {
      const mean = new Mean(columns.values[lo] as number);
      for (let i = lo + 1; i < hi; i++) mean.add(columns.values[i] as number);
      out.setFloat(step, mean.value);
    },
    (w) => sumHistograms(w, true),
  ),
  stdvar_over_time: floatOnly((w) => w.put(variance(w))),
  stddev_over_time: floatOnly((w) => w.put(Math.sqrt(variance(w)))),
  quantile_over_time: floatOnly((w) => w.put(quantile(w.arg(0), floatsIn(w)))),
  mad_over_time: floatOnly((w) => {
    const values = floatsIn(w);
    const median = quantile(0.5, values.slice());
    w.put(
      values.some(Number.isNaN)
        ? Number.NaN
        : quantile(
            0.5,
            values.map((v) => Math.abs(v - median)),
          ),
    );
  }),
  changes: (w) => {
    let changes = 0;
    eachPair(w, (a, b) => {
      if (isChange(a, b)) changes++;
    });
    w.put(changes);
  },
  resets: (w) => {
    let resets = 0;
    eachPair(w, (a, b) => {
      if (isReset(a, b, w.ev.startTimestamps)) resets++;
    });
    w.put(resets);
  },
  deriv: floatOnly((w) => w.put(regression(w, w.columns.times[w.lo] as number).slope), 2),
  predict_linear: floatOnly((w) => {
    const { slope, intercept } = regression(w, w.evalMs);
    w.put(slope * w.arg(0) + intercept);
  }, 2),
  double_exponential_smoothing: (w) => {
    checkFactor('smoothing', 'sf', w.arg(0));
    checkFactor('trend', 'tf', w.arg(1));
    floatOnly(smooth, 2)(w);
  },
};

/** These keep the metric's name. */
export const keepsName: ReadonlySet<string> = new Set(['first_over_time', 'last_over_time']);
