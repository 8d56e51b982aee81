/** Instant selection: the newest sample in `(t − lookback, t]`, unless it is a stale marker (promql.md §4). */
import { type FloatHistogram, Labels, type Series } from '@pronoia/model';
import type { VectorSelector } from '../syntax/ast.ts';
import type { Arena } from './arena.ts';
import { ColumnReader } from './column-reader.ts';
import type { Evaluation, ReferenceTimes } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { type InstantPlan, InstantPlanner, type SampleAt, take, walk } from './instant-plan.ts';
import type { Output } from './range-function.ts';
import { SampleColumns } from './sample-columns.ts';
import { eachSharded, isWorthSharding, ShardColumns } from './sharded.ts';
import { absent, ColumnSlab, StepSeries } from './step-series.ts';

/** Visits the series that have a sample at any step. With `reuse` the columns of each are good only until the next. */
export async function eachSelected(
  ev: Evaluation,
  selector: VectorSelector,
  frame: Frame,
  func: string | undefined,
  { reuse, arena }: Output,
  visit: (series: StepSeries, weight: number) => void,
): Promise<void> {
  const reference = ev.reference(selector, frame);
  const { lookbackMs, budget } = ev;
  const { count } = frame;
  const minMs = reference.firstMs - lookbackMs + 1;
  const statsOnly = ev.isStatsOnly(selector);
  const columns = new SampleColumns();
  const planner = new InstantPlanner(reference, lookbackMs, count);
  const perStep = budget.countsSteps(frame) ? budget.samplesPerStep : undefined;
  const picker = arena === undefined || !reuse ? undefined : new Picker(arena, count);
  const shared = reuse ? new StepSeries(Labels.empty, false, count) : undefined;
  const slab = new ColumnSlab(count);
  const visitColumns = (series: Series): Promise<void> | undefined => {
    budget.samplesRead += columns.size;
    if (columns.size > 0) {
      let result: StepSeries;
      let found: number;
      let weight: number;
      const isPlain = !ev.isLiteral && columns.histograms.length === 0 && columns.staleTimes.length === 0;
      if (isPlain && picker !== undefined) {
        found = picker.pick(columns, planner.planFor(columns));
        weight = found;
        result = new StepSeries(series.labels, false, count, picker.result());
      } else {
        shared?.kinds.fill(absent);
        result = new StepSeries(series.labels, false, count, shared ?? slab.take());
        if (isPlain) {
          const plan = planner.planFor(columns);
          found = plan.found;
          take(columns.values, plan.indexes, result);
        } else {
          found = walk(columns, reference, count, lookbackMs, (at, step) => {
            if (at.isHistogram) result.setHistogram(step, columns.histograms[at.index] as FloatHistogram);
            else result.setFloat(step, columns.values[at.index] as number);
          });
        }
        weight = result.histograms === undefined ? found : result.weight();
      }
      budget.queryableSamples += found;
      if (perStep !== undefined) for (let i = 0; i < count; i++) if (result.kinds[i] !== absent) perStep[i] = (perStep[i] as number) + 1;
      if (found > 0) visit(result, weight);
    }
    return budget.due(columns.size + count) ? budget.pause() : undefined;
  };

  const source = { ...(await ev.select(selector, minMs, reference.lastMs, func)), minMs, maxMs: reference.lastMs };
  const job = { func: undefined, reference, rangeMs: lookbackMs, args: [], steps: count };
  if (perStep === undefined && !ev.isLiteral && isWorthSharding(source, job, false)) {
    const sharded = new ShardColumns(arena, count);
    await eachSharded(budget, source, job, false, (series, result, at) => {
      if (result === undefined) {
        columns.read(series, ev.batch, minMs, reference.lastMs, statsOnly);
        return visitColumns(series);
      }
      const found = result.present[at] as number;
      budget.samplesRead += result.samples[at] as number;
      budget.queryableSamples += found;
      if (found > 0) visit(new StepSeries(series.labels, false, 0, sharded.at(result, at)), found);
      return undefined;
    });
    return;
  }
  const reader = new ColumnReader(source, ev.batch, minMs, reference.lastMs, statsOnly);
  try {
    for (let series = reader.next(columns); series !== undefined; series = reader.next(columns)) {
      const pause = visitColumns(series);
      if (pause !== undefined) await pause;
    }
  } finally {
    reader.close();
  }
}

export async function evaluateSelector(ev: Evaluation, selector: VectorSelector, frame: Frame, func?: string): Promise<StepSeries[]> {
  const results: StepSeries[] = [];
  await eachSelected(ev, selector, frame, func, { reuse: false, arena: undefined }, (series, weight) => {
    series.knownWeight = weight;
    ev.budget.hold(weight);
    results.push(series);
  });
  return results;
}

/** Takes by kernel the floats that a plan names. */
class Picker {
  readonly #arena: Arena;
  readonly #count: number;
  readonly #out: number;
  readonly #kinds: number;
  readonly #indexes: number;
  #values = 0;
  #capacity = 0;
  #version = 0;
  #placed: StepSeries | undefined;

  constructor(arena: Arena, count: number) {
    this.#arena = arena;
    this.#count = count;
    this.#out = arena.allocate(8 * count);
    this.#kinds = arena.allocate(count);
    this.#indexes = arena.allocate(4 * count);
  }

  /** Returns at how many steps there is a sample. */
  pick({ values, count }: SampleColumns, { indexes, version }: InstantPlan): number {
    const arena = this.#arena;
    if (count > this.#capacity) {
      this.#capacity = Math.max(1024, count * 2);
      this.#values = arena.allocate(8 * this.#capacity);
    }
    arena.floats(this.#values, count).set(count === values.length ? values : values.subarray(0, count));
    if (version !== this.#version) new Int32Array(arena.buffer, this.#indexes, this.#count).set(indexes);
    this.#version = version;
    return arena.kernels.pick(this.#values, this.#indexes, this.#count, this.#out, this.#kinds);
  }

  /** Good until the next pick. */
  result(): StepSeries {
    if (this.#placed === undefined || this.#placed.values.buffer !== this.#arena.buffer) {
      this.#placed = StepSeries.at({ arena: this.#arena, values: this.#out, kinds: this.#kinds }, this.#count);
    }
    return this.#placed;
  }
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
  try {
    for (let series = reader.next(columns); series !== undefined; series = reader.next(columns)) {
      budget.samplesRead += columns.size;
      if (columns.size > 0) {
        const result = new StepSeries(series.labels, false, count);
        const found = walk(columns, reference, count, lookbackMs, (at, step, tMs) => put(columns, at, tMs, result, step));
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
