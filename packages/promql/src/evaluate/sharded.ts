/**
 * Sends the series of a large selection to the query threads, shard by shard, and hands out the results in the order of the series. Here
 * chunks are copied and results used; decoding and computing is done there, and here only while there is nothing else to do.
 */
import { type Series, StagedChunks } from '@pronoia/model';
import type { Arena } from './arena.ts';
import type { Budget } from './budget.ts';
import { giveDesk, type Selection, takeDesk } from './column-reader.ts';
import { runShard, type ShardJob, type ShardResult } from './shard.ts';
import { shardPool } from './shard-pool.ts';
import type { StepSeries } from './step-series.ts';

/** Nanoseconds: a sample decoded, a step computed, a sample looked at by a window function that looks at all. */
const sampleCost = 8;
const stepCost = 5;
const scanCost = 2;
/** Below this the threads cost more than they save (a round trip takes 0.2 ms, and each shard is copied twice). */
const leastNs = 8_000_000;
/** A thread is never longer than about this on one shard: others wait, and cancelling too. */
const shardNs = 3_000_000;
/** Shards that wait for a thread while it works on another. */
const shardsPerThread = 3;
/** So often cancelling and the time limit are looked at while waiting. */
const lookMs = 20;

export interface ShardSource extends Selection {
  readonly minMs: number;
  readonly maxMs: number;
}

/** A guess before anything is read: samples 15 s apart, in chunks of 120 that are decoded whole. */
function samplesOfSeries({ minMs, maxMs }: ShardSource): number {
  return 120 + Math.min((maxMs - minMs) / 15_000, 20_000);
}

function costOfSeries(source: ShardSource, { steps, rangeMs }: ShardJob, scansWindows: boolean): number {
  const perStep = stepCost + (scansWindows ? (scanCost * rangeMs) / 15_000 : 0);
  return sampleCost * samplesOfSeries(source) + perStep * steps;
}

export function isWorthSharding(source: ShardSource, job: ShardJob, scansWindows: boolean): boolean {
  if (source.bulk === undefined || shardPool.size === 0 || source.series.length < 64) return false;
  return source.series.length * costOfSeries(source, job, scansWindows) >= leastNs;
}

/** Series `at` of `result`; undefined where it must be evaluated here. */
type Visit = (series: Series, result: ShardResult | undefined, at: number) => Promise<void> | undefined;

interface Shard {
  readonly from: number;
  readonly slow: Uint8Array;
  readonly result: Promise<ShardResult | undefined>;
  isDone: boolean;
}

export async function eachSharded(budget: Budget, source: ShardSource, job: ShardJob, scansWindows: boolean, visit: Visit): Promise<void> {
  const { series, bulk, minMs, maxMs } = source;
  if (bulk === undefined) throw new Error('BUG: a selection without fast lane is sharded');
  const cancelled = new Int32Array(new SharedArrayBuffer(4));
  const samplesPerShard = Math.max(1, Math.round((shardNs / costOfSeries(source, job, scansWindows)) * samplesOfSeries(source)));
  const shards: Shard[] = [];
  const ahead = shardPool.size * shardsPerThread;
  let next = 0;
  const add = (staged: StagedChunks, run: () => Promise<ShardResult | undefined>): void => {
    const count = bulk.stage(next, series.length, samplesPerShard, minMs, maxMs, staged);
    const shard: Shard = { from: next, slow: staged.slow.slice(0, count), result: run(), isDone: false };
    // Whoever waits for it hears of a failure; until then it is nobody's.
    const done = (): void => {
      shard.isDone = true;
    };
    shard.result.then(done, done);
    shards.push(shard);
    next += count;
  };
  const desk = takeDesk(bulk);
  try {
    while (next < series.length || shards.length > 0) {
      while (next < series.length && shards.length < ahead) {
        const staged = new StagedChunks();
        add(staged, () => shardPool.run(job, bulk.decoderUrl, staged, cancelled));
        if (budget.due(20_000)) await budget.pause();
      }
      if (next < series.length && shards[0]?.isDone === false && shards.length < 2 * ahead) {
        // Nothing to hand out yet: this thread takes a shard too, and lets others run after it.
        add(desk.staged, async () => runShard(job, desk.staged, desk.decoder, () => false));
        await budget.pause();
        continue;
      }
      const shard = shards.shift() as Shard;
      const result = await whileAlive(budget, shard.result);
      for (let i = 0; i < shard.slow.length; i++) {
        const visited = visit(series[shard.from + i] as Series, shard.slow[i] === 1 ? undefined : result, i);
        if (visited !== undefined) await visited;
        if (budget.due(job.steps + 50)) await budget.pause();
      }
    }
  } finally {
    Atomics.store(cancelled, 0, 1);
    giveDesk(bulk, desk);
  }
}

/** Throws QueryError as soon as the query is cancelled or late. */
async function whileAlive(budget: Budget, result: Promise<ShardResult | undefined>): Promise<ShardResult> {
  let fail: (error: unknown) => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const timer = setInterval(() => {
    try {
      budget.check();
    } catch (error) {
      fail(error);
    }
  }, lookMs);
  try {
    const done = await Promise.race([result, late]);
    if (done === undefined) throw new Error('BUG: a shard was cancelled while someone waits for it');
    budget.rested();
    return done;
  } finally {
    clearInterval(timer);
  }
}

/** The columns of sharded results, brought into an arena at once where one is given. */
export class ShardColumns {
  readonly #arena: Arena | undefined;
  readonly #steps: number;
  #result: ShardResult | undefined;
  #capacity = 0;
  #values = 0;
  #kinds = 0;

  constructor(arena: Arena | undefined, steps: number) {
    this.#arena = arena;
    this.#steps = steps;
  }

  /** The column of series `i`; its place is good until another result is asked for. */
  at(result: ShardResult, i: number): Pick<StepSeries, 'values' | 'kinds' | 'place'> {
    const steps = this.#steps;
    const [from, to] = [i * steps, (i + 1) * steps];
    const columns = { values: result.values.subarray(from, to), kinds: result.kinds.subarray(from, to), place: undefined };
    const arena = this.#arena;
    if (arena === undefined) return columns;
    if (result !== this.#result) this.#bring(arena, result);
    return { ...columns, place: { arena, values: this.#values + 8 * from, kinds: this.#kinds + from } };
  }

  #bring(arena: Arena, result: ShardResult): void {
    const { length } = result.values;
    if (length > this.#capacity) {
      this.#capacity = length * 2;
      this.#values = arena.allocate(8 * this.#capacity);
      this.#kinds = arena.allocate(this.#capacity);
    }
    arena.floats(this.#values, length).set(result.values);
    arena.bytes(this.#kinds, length).set(result.kinds);
    this.#result = result;
  }
}
