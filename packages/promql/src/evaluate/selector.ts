/** Instant selection: the newest sample in `(t − lookback, t]`, unless it is a stale marker (promql.md §4). */
import type { VectorSelector } from '../syntax/ast.ts';
import type { Evaluation, ReferenceTimes } from './evaluation.ts';
import { SampleColumns } from './sample-columns.ts';
import { type Frame, StepSeries } from './step-series.ts';

export async function evaluateSelector(ev: Evaluation, selector: VectorSelector, frame: Frame, func?: string): Promise<StepSeries[]> {
  const reference = ev.reference(selector, frame);
  return selectInstants(ev, selector, reference, frame.count, func, (columns, at, _t, series, step) => {
    if (at.isHistogram) series.setHistogram(step, columns.histograms[at.index] as never);
    else series.setFloat(step, columns.values[at.index] as number);
  });
}

export interface SampleAt {
  index: number;
  isHistogram: boolean;
  timeMs: number;
}

/** Walks each series once and calls `put` where a step has a sample. */
export async function selectInstants(
  ev: Evaluation,
  selector: VectorSelector,
  reference: ReferenceTimes,
  count: number,
  func: string | undefined,
  put: (columns: SampleColumns, at: SampleAt, tMs: number, series: StepSeries, step: number) => void,
): Promise<StepSeries[]> {
  const { lookbackMs, budget } = ev;
  const minMs = reference.firstMs - lookbackMs + 1;
  const list = await ev.select(selector, minMs, reference.lastMs, func);
  const columns = new SampleColumns();
  const statsOnly = ev.isStatsOnly(selector);
  const results: StepSeries[] = [];
  const at: SampleAt = { index: 0, isHistogram: false, timeMs: 0 };
  for (const series of list) {
    columns.read(series, ev.batch, minMs, reference.lastMs, statsOnly);
    budget.samplesRead += columns.size;
    if (columns.size > 0) {
      const result = new StepSeries(series.labels, false, count);
      const found = walk(columns, reference, count, lookbackMs, at, (tMs, step) => put(columns, at, tMs, result, step));
      if (found > 0) {
        results.push(result);
        budget.queryableSamples += found;
        budget.hold(found);
      }
    }
    if (budget.due(columns.size + count)) await budget.pause();
  }
  return results;
}

function walk(
  columns: SampleColumns,
  reference: ReferenceTimes,
  count: number,
  lookbackMs: number,
  at: SampleAt,
  put: (tMs: number, step: number) => void,
): number {
  const { times, count: floats, histogramTimes, staleTimes } = columns;
  let f = 0;
  let h = 0;
  let s = 0;
  let found = 0;
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
    put(t, step);
    found++;
  }
  return found;
}
