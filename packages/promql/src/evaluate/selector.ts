/** Instant selection: the newest sample in `(t − lookback, t]`, unless it is a stale marker (promql.md §4). */
import { type FloatHistogram, Labels } from '@pronoia/model';
import type { VectorSelector } from '../syntax/ast.ts';
import { ColumnReader } from './column-reader.ts';
import type { Evaluation, ReferenceTimes } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { SampleColumns } from './sample-columns.ts';
import { absent, isFloat, StepSeries } from './step-series.ts';
import { sameTimes } from './window-plan.ts';

/** Visits the series that have a sample at any step. With `reuseColumns` each is good only until the next. */
export async function eachSelected(
  ev: Evaluation,
  selector: VectorSelector,
  frame: Frame,
  func: string | undefined,
  reuseColumns: boolean,
  visit: (series: StepSeries) => void,
): Promise<void> {
  const reference = ev.reference(selector, frame);
  const { lookbackMs, budget } = ev;
  const { count } = frame;
  const minMs = reference.firstMs - lookbackMs + 1;
  const statsOnly = ev.isStatsOnly(selector);
  const columns = new SampleColumns();
  const planner = new InstantPlanner(reference, lookbackMs, count);
  const at: SampleAt = { index: 0, isHistogram: false, timeMs: 0 };
  const perStep = budget.countsSteps(frame) ? budget.samplesPerStep : undefined;
  const shared = reuseColumns ? new StepSeries(Labels.empty, false, count) : undefined;
  const reader = new ColumnReader(await ev.select(selector, minMs, reference.lastMs, func), ev.batch, minMs, reference.lastMs, statsOnly);
  try {
    for (let series = reader.next(columns); series !== undefined; series = reader.next(columns)) {
      budget.samplesRead += columns.size;
      if (columns.size > 0) {
        shared?.kinds.fill(absent);
        const result = new StepSeries(series.labels, false, count, shared);
        let found: number;
        if (!ev.isLiteral && columns.histograms.length === 0 && columns.staleTimes.length === 0) {
          const plan = planner.planFor(columns);
          found = plan.found;
          take(columns.values, plan.indexes, result);
        } else {
          found = walk(columns, reference, count, lookbackMs, at, (_tMs, step) => {
            if (at.isHistogram) result.setHistogram(step, columns.histograms[at.index] as FloatHistogram);
            else result.setFloat(step, columns.values[at.index] as number);
          });
        }
        budget.queryableSamples += found;
        if (perStep !== undefined) for (let i = 0; i < count; i++) if (result.kinds[i] !== absent) perStep[i] = (perStep[i] as number) + 1;
        if (found > 0) visit(result);
      }
      if (budget.due(columns.size + count)) await budget.pause();
    }
  } finally {
    reader.close();
  }
}

function take(values: Float64Array, indexes: Int32Array, { values: out, kinds }: StepSeries): void {
  for (let step = 0; step < indexes.length; step++) {
    const index = indexes[step] as number;
    if (index < 0) continue;
    out[step] = values[index] as number;
    kinds[step] = isFloat;
  }
}

export async function evaluateSelector(ev: Evaluation, selector: VectorSelector, frame: Frame, func?: string): Promise<StepSeries[]> {
  const results: StepSeries[] = [];
  await eachSelected(ev, selector, frame, func, false, (series) => {
    ev.budget.hold(series.weight());
    results.push(series);
  });
  return results;
}

/** Which float each step takes, −1 for none; made again only for a series with other times. */
class InstantPlanner {
  readonly #reference: ReferenceTimes;
  readonly #lookbackMs: number;
  readonly #indexes: Int32Array;
  #times = new Float64Array(0);
  #found = -1;

  constructor(reference: ReferenceTimes, lookbackMs: number, count: number) {
    this.#reference = reference;
    this.#lookbackMs = lookbackMs;
    this.#indexes = new Int32Array(count);
  }

  planFor(columns: SampleColumns): { indexes: Int32Array; found: number } {
    if (this.#found < 0 || !sameTimes(this.#times, columns)) {
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
    }
    return { indexes: this.#indexes, found: this.#found };
  }
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
  const reader = new ColumnReader(
    await ev.select(selector, minMs, reference.lastMs, func),
    ev.batch,
    minMs,
    reference.lastMs,
    ev.isStatsOnly(selector),
  );
  const columns = new SampleColumns();
  const results: StepSeries[] = [];
  const at: SampleAt = { index: 0, isHistogram: false, timeMs: 0 };
  try {
    for (let series = reader.next(columns); series !== undefined; series = reader.next(columns)) {
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
  } finally {
    reader.close();
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
