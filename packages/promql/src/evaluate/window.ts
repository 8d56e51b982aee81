/**
 * The window of a range-vector function: indices into the columns of one series, moved forward step by step and never
 * back. Functions read it and put their result into `out`.
 */
import type { FloatHistogram } from '@pronoia/model';
import type { Evaluation, Notes } from './evaluation.ts';
import type { SampleColumns } from './sample-columns.ts';
import type { StepSeries } from './step-series.ts';

export class Window {
  readonly ev: Evaluation;
  readonly notes: Notes;
  readonly rangeMs: number;
  /** Values of the scalar arguments, a column each. */
  readonly args: readonly Float64Array[];
  columns: SampleColumns;
  out: StepSeries;
  /** Name of the metric, for messages. */
  metricName = '';
  step = 0;
  /** Floats are `[lo, hi)`. */
  lo = 0;
  hi = 0;
  /** Histograms are `[histogramLo, histogramHi)`. */
  histogramLo = 0;
  histogramHi = 0;
  /** The window is `(startMs, endMs]`. */
  startMs = 0;
  endMs = 0;
  /** How much further than the window samples are listed, on either side. */
  #behindMs = 0;
  #aheadMs = 0;
  /** The time of the step itself, without offset. */
  evalMs = 0;

  constructor(ev: Evaluation, notes: Notes, rangeMs: number, args: readonly Float64Array[], columns: SampleColumns, out: StepSeries) {
    this.ev = ev;
    this.notes = notes;
    this.rangeMs = rangeMs;
    this.args = args;
    this.columns = columns;
    this.out = out;
  }

  rewind(columns: SampleColumns, out: StepSeries, metricName: string): void {
    this.columns = columns;
    this.out = out;
    this.metricName = metricName;
    this.lo = 0;
    this.hi = 0;
    this.histogramLo = 0;
    this.histogramHi = 0;
  }

  widen(behindMs: number, aheadMs: number): void {
    this.#behindMs = behindMs;
    this.#aheadMs = aheadMs;
  }

  /** Moves the edges; times may only grow. */
  moveTo(step: number, evalMs: number, endMs: number): void {
    const { times, count, histogramTimes } = this.columns;
    const startMs = endMs - this.rangeMs;
    this.step = step;
    this.evalMs = evalMs;
    this.endMs = endMs;
    this.startMs = startMs;
    const fromMs = startMs - this.#behindMs;
    const toMs = endMs + this.#aheadMs;
    let { lo, hi } = this;
    while (hi < count && (times[hi] as number) <= toMs) hi++;
    while (lo < hi && (times[lo] as number) <= fromMs) lo++;
    this.lo = lo;
    this.hi = hi;
    while (this.histogramHi < histogramTimes.length && (histogramTimes[this.histogramHi] as number) <= toMs) this.histogramHi++;
    while (this.histogramLo < this.histogramHi && (histogramTimes[this.histogramLo] as number) <= fromMs) this.histogramLo++;
  }

  get floats(): number {
    return this.hi - this.lo;
  }

  get histograms(): number {
    return this.histogramHi - this.histogramLo;
  }

  arg(index: number): number {
    return this.args[index]?.[this.step] ?? Number.NaN;
  }

  put(value: number): void {
    this.out.setFloat(this.step, value);
  }

  putHistogram(histogram: FloatHistogram): void {
    this.out.setHistogram(this.step, histogram);
  }
}

/** What a function does with one window that holds at least one sample. */
export type WindowFunction = (window: Window) => void;
