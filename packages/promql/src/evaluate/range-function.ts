/** A range-vector function over all its series: the fast kernel where the samples allow it, window by window elsewhere. */
import { Labels } from '@pronoia/model';
import type { Expr } from '../syntax/ast.ts';
import type { Arena } from './arena.ts';
import { columnKernel } from './column-kernels.ts';
import { CompiledKernel, isCompiled } from './compiled-kernels.ts';
import type { Evaluation, Notes, RangeVisitor } from './evaluation.ts';
import { extendedFunction, windowModeOf } from './extended-window.ts';
import type { Frame } from './frame.ts';
import { SampleColumns } from './sample-columns.ts';
import { canShard } from './shard.ts';
import { eachSharded, isWorthSharding, ShardColumns } from './sharded.ts';
import { absent, ColumnSlab, dropMetadata, type StepColumns, StepSeries } from './step-series.ts';
import { Window, type WindowFunction } from './window.ts';
import { keepsName } from './window-functions.ts';
import { type WindowPlan, WindowPlanner } from './window-plan.ts';

/** Most samples that are looked at between two questions whether to pause. */
const slice = 100_000;

export interface RangeFunctionCall {
  readonly func: string;
  readonly rangeArg: Expr;
  readonly args: readonly Float64Array[];
  readonly notes: Notes;
  readonly output: Output;
}

export interface Output {
  /** Results share their columns: each is good only until the next. */
  readonly reuse: boolean;
  /** Where kernels compute; undefined: nowhere. */
  readonly arena: Arena | undefined;
}

/** Calls `visit` with each series that has a result, the labels of the series it came from, and the samples it counts for. */
export async function eachRangeResult(
  ev: Evaluation,
  call: RangeFunctionCall,
  plain: WindowFunction,
  frame: Frame,
  visit: (result: StepSeries, source: Labels, weight: number) => void,
): Promise<void> {
  const { func, rangeArg, args, notes, output } = call;
  const mode = windowModeOf(rangeArg);
  const run = mode === 'plain' ? plain : extendedFunction(mode, func);
  const { budget } = ev;
  const { count } = frame;
  const shape = ev.rangeShape(rangeArg, frame);
  const { reference, rangeMs } = shape;
  const keeps = keepsName.has(func);
  const isQuick = mode === 'plain' && !ev.isLiteral;
  const { arena } = output;
  const compiled = isQuick && arena !== undefined && isCompiled(func) ? new CompiledKernel(func, shape, args, count, arena) : undefined;
  const kernel = isQuick && compiled === undefined ? columnKernel(func, shape, args) : undefined;
  const planner = new WindowPlanner(reference, rangeMs, count);
  const window = new Window(ev, notes, rangeMs, args, new SampleColumns(), new StepSeries(Labels.empty, false, 0));
  window.widen(mode === 'plain' ? 0 : ev.lookbackMs, mode === 'smoothed' ? ev.lookbackMs : 0);

  const perStep = budget.countsSteps(frame) ? budget.samplesPerStep : undefined;
  const shared = output.reuse ? new StepSeries(Labels.empty, false, count) : undefined;
  const slab = new ColumnSlab(count);
  let placed: StepSeries | undefined;

  const finish = (labels: Labels, dropName: boolean, columns: StepColumns | undefined): StepSeries =>
    new StepSeries(keeps || ev.delayedNames ? labels : dropMetadata(labels), dropName || !keeps, count, columns);

  const countPlan = (plan: WindowPlan): void => {
    budget.queryableSamples += plan.total;
    if (perStep !== undefined)
      for (let i = 0; i < count; i++) perStep[i] = (perStep[i] as number) + (plan.hi[i] as number) - (plan.lo[i] as number);
    budget.hold(plan.widest);
    budget.release(plan.widest);
  };

  const visitCompiled = (one: CompiledKernel, labels: Labels, dropName: boolean, present: number): void => {
    if (present === 0) return;
    if (placed === undefined || placed.values.buffer !== one.arena.buffer) {
      placed = StepSeries.at({ arena: one.arena, values: one.out, kinds: one.kinds }, count);
    }
    let kept: StepColumns = placed;
    if (!output.reuse) {
      kept = slab.take();
      kept.values.set(placed.values);
      kept.kinds.set(placed.kinds);
    }
    visit(finish(labels, dropName, kept), labels, present);
  };

  const scan = async (labels: Labels, dropName: boolean, plan: WindowPlan): Promise<void> => {
    const perSlice = Math.max(1, Math.floor(slice / (plan.widest + 1)));
    let present = 0;
    for (let from = 0; from < count; from += perSlice) {
      const to = Math.min(count, from + perSlice);
      present += (compiled as CompiledKernel).run(from, to);
      if (budget.due((to - from) * (plan.widest + 1))) await budget.pause();
    }
    visitCompiled(compiled as CompiledKernel, labels, dropName, present);
  };

  const byWindow = async (labels: Labels, dropName: boolean, columns: SampleColumns): Promise<void> => {
    shared?.kinds.fill(absent);
    const out = finish(labels, dropName, shared);
    if (kernel !== undefined && columns.histograms.length === 0 && !(ev.startTimestamps && columns.hasStarts)) {
      const plan = planner.planFor(columns);
      countPlan(plan);
      kernel.begin(columns, plan, out);
      const perSlice = kernel.scansWindows ? Math.max(1, Math.floor(slice / (plan.widest + 1))) : slice;
      for (let from = 0; from < count; from += perSlice) {
        const to = Math.min(count, from + perSlice);
        kernel.run(from, to);
        if (budget.due((to - from) * (kernel.scansWindows ? plan.widest + 1 : 1))) await budget.pause();
      }
    } else {
      window.rewind(columns, out, labels.get('__name__'));
      let widest = 0;
      for (let step = 0; step < count; step++) {
        window.moveTo(step, frame.startMs + step * frame.stepMs, reference.firstMs + step * reference.stepMs);
        const size = window.floats + window.histograms;
        if (size > widest) widest = size;
        budget.queryableSamples += size;
        if (perStep !== undefined) perStep[step] = (perStep[step] as number) + size;
        if (size > 0) run(window);
        if (budget.due(size + 1)) await budget.pause();
      }
      budget.hold(widest);
      budget.release(widest);
    }
    if (!out.isEmpty()) visit(out, labels, out.weight());
  };

  const visitColumns: RangeVisitor = (labels, dropName, columns) => {
    if (compiled === undefined || columns.histograms.length > 0 || (ev.startTimestamps && columns.hasStarts)) {
      return byWindow(labels, dropName, columns);
    }
    const plan = planner.planFor(columns);
    countPlan(plan);
    compiled.begin(columns, plan);
    if (compiled.scansWindows) return scan(labels, dropName, plan);
    visitCompiled(compiled, labels, dropName, compiled.run(0, count));
    if (budget.due(count)) return budget.pause();
    return undefined;
  };

  const source = await ev.rangeSource(rangeArg, frame, func);
  const job = { func, reference, rangeMs, args, steps: count };
  // A quantile keeps its window sorted, which takes as long as looking at it.
  const scansWindows = func === 'quantile_over_time' || (compiled?.scansWindows ?? kernel?.scansWindows ?? true);
  const isSharded = perStep === undefined && isQuick && canShard(func);
  if (source === undefined || !isSharded || !isWorthSharding(source, job, scansWindows)) {
    await ev.eachRange(rangeArg, frame, func, visitColumns, source);
    return;
  }
  const columns = new SampleColumns();
  const sharded = new ShardColumns(output.reuse ? arena : undefined, count);
  await eachSharded(budget, source, job, scansWindows, (series, result, at) => {
    if (result === undefined) {
      columns.read(series, ev.batch, source.minMs, source.maxMs, source.statsOnly);
      budget.samplesRead += columns.size;
      return columns.size === 0 ? undefined : visitColumns(series.labels, false, columns);
    }
    const widest = result.widest[at] as number;
    budget.samplesRead += result.samples[at] as number;
    budget.queryableSamples += result.inWindows[at] as number;
    budget.hold(widest);
    budget.release(widest);
    const present = result.present[at] as number;
    if (present > 0) visit(finish(series.labels, false, sharded.at(result, at)), series.labels, present);
    return undefined;
  });
}
