/**
 * A shard: some series of a selector with what is to be made of each of them, float columns on the grid of steps. It is worked on where
 * it is sent, on a worker mostly, and knows nothing of storage, labels or budgets; what it counts is added up by who sent it.
 */
import type { ColumnDecoder, StagedChunks } from '@pronoia/model';
import { Arena } from './arena.ts';
import { type ColumnKernel, columnKernel } from './column-kernels.ts';
import { CompiledKernel, isCompiled } from './compiled-kernels.ts';
import type { ReferenceTimes } from './evaluation.ts';
import { InstantPlanner, take, walk } from './instant-plan.ts';
import { SampleColumns } from './sample-columns.ts';
import { absent, StepSeries } from './step-series.ts';
import { WindowPlanner } from './window-plan.ts';

/** What is made of each series; plain data. */
export interface ShardJob {
  /** A range function, or undefined for the newest sample not older than `rangeMs`. */
  readonly func: string | undefined;
  readonly reference: ReferenceTimes;
  readonly rangeMs: number;
  readonly args: readonly Float64Array[];
  readonly steps: number;
}

/** By series of the shard; columns of `steps` entries stand one behind the other. */
export interface ShardResult {
  readonly values: Float64Array<ArrayBuffer>;
  readonly kinds: Uint8Array<ArrayBuffer>;
  /** Steps with a value. */
  readonly present: Uint32Array<ArrayBuffer>;
  /** Samples that were read, that all windows together hold, and that the widest holds. */
  readonly samples: Uint32Array<ArrayBuffer>;
  readonly inWindows: Float64Array<ArrayBuffer>;
  readonly widest: Uint32Array<ArrayBuffer>;
}

export function canShard(func: string): boolean {
  return isCompiled(func) || columnKernel(func, { reference: { firstMs: 0, stepMs: 0, lastMs: 0 }, rangeMs: 0 }, []) !== undefined;
}

/** Throws on damaged data. Undefined when `isCancelled` said so meanwhile. */
export function runShard(job: ShardJob, staged: StagedChunks, decoder: ColumnDecoder, isCancelled: () => boolean): ShardResult | undefined {
  const { steps } = job;
  const { seriesCount } = staged;
  const result: ShardResult = {
    values: new Float64Array(seriesCount * steps),
    kinds: new Uint8Array(seriesCount * steps),
    present: new Uint32Array(seriesCount),
    samples: new Uint32Array(seriesCount),
    inWindows: new Float64Array(seriesCount),
    widest: new Uint32Array(seriesCount),
  };
  const { starts, times, values, staleStarts, staleTimes, sameTimes } = decoder.decode(staged);
  const arena = Arena.take();
  try {
    const run = job.func === undefined ? instants(job) : windows(job, job.func, arena);
    const columns = new SampleColumns();
    for (let i = 0; i < seriesCount; i++) {
      if (isCancelled()) return undefined;
      const [from, to] = [starts[i] as number, starts[i + 1] as number];
      if (from === to) continue;
      columns.borrow(times.subarray(from, to), values.subarray(from, to), sameTimes[i] === 1);
      for (let s = staleStarts[i] as number; s < (staleStarts[i + 1] as number); s++) columns.staleTimes.push(staleTimes[s] as number);
      result.samples[i] = to - from;
      run(columns, result, i);
    }
    return result;
  } finally {
    arena?.giveBack();
  }
}

type Run = (columns: SampleColumns, result: ShardResult, i: number) => void;

function columnsAt({ values, kinds }: ShardResult, i: number, steps: number): Pick<StepSeries, 'values' | 'kinds'> {
  return { values: values.subarray(i * steps, (i + 1) * steps), kinds: kinds.subarray(i * steps, (i + 1) * steps) };
}

function instants({ reference, rangeMs, steps }: ShardJob): Run {
  const planner = new InstantPlanner(reference, rangeMs, steps);
  return (columns, result, i) => {
    const out = columnsAt(result, i, steps);
    let found = 0;
    if (columns.staleTimes.length === 0) {
      const plan = planner.planFor(columns);
      found = plan.found;
      take(columns.values, plan.indexes, out);
    } else {
      found = walk(columns, reference, steps, rangeMs, (at, step) => {
        out.values[step] = columns.values[at.index] as number;
        out.kinds[step] = 1;
      });
    }
    result.present[i] = found;
    result.inWindows[i] = found;
  };
}

function windows(job: ShardJob, func: string, arena: Arena | undefined): Run {
  const { reference, rangeMs, args, steps } = job;
  const planner = new WindowPlanner(reference, rangeMs, steps);
  const compiled = arena !== undefined && isCompiled(func) ? new CompiledKernel(func, job, args, steps, arena) : undefined;
  const kernel = compiled === undefined ? columnKernel(func, job, args) : undefined;
  return (columns, result, i) => {
    const plan = planner.planFor(columns);
    result.inWindows[i] = plan.total;
    result.widest[i] = plan.widest;
    const out = columnsAt(result, i, steps);
    if (compiled === undefined) {
      runPlain(kernel as ColumnKernel, columns, plan, out, steps);
      result.present[i] = out.kinds.reduce((n, kind) => (kind === absent ? n : n + 1), 0);
      return;
    }
    compiled.begin(columns, plan);
    result.present[i] = compiled.run(0, steps);
    out.values.set(compiled.arena.floats(compiled.out, steps));
    out.kinds.set(compiled.arena.bytes(compiled.kinds, steps));
  };
}

function runPlain(
  kernel: ColumnKernel,
  columns: SampleColumns,
  plan: ReturnType<WindowPlanner['planFor']>,
  out: Pick<StepSeries, 'values' | 'kinds'>,
  steps: number,
): void {
  kernel.begin(columns, plan, out);
  kernel.run(0, steps);
}
