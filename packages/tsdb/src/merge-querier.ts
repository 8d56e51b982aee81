/**
 * One view over several storages of the same kind of data: blocks and the head. Series with equal labels become one.
 */
import {
  compareBytes,
  Labels,
  type Matcher,
  type Querier,
  SampleBatch,
  type SampleReader,
  type SelectHints,
  type Series,
  type SeriesSet,
  type StagedChunks,
} from '@pronoia/model';
import { clearExtras } from './batch-filter.ts';
import { BulkSeries, isStageable, type StageableSeries } from './bulk-series.ts';

export interface MergeSource {
  readonly querier: Querier;
  /** Inclusive range of what is in there. */
  readonly minMs: number;
  readonly maxMs: number;
}

/** Sources are given by age; where two have a sample for one time, the earlier in the list wins. Closes them with itself. */
export function mergeQueriers(sources: readonly MergeSource[]): Querier {
  const [only] = sources;
  return sources.length === 1 && only !== undefined ? only.querier : new MergeQuerier(sources);
}

class MergeQuerier implements Querier {
  readonly #queriers: readonly Querier[];
  /** No source begins before the end of the one before: readers can follow each other. */
  readonly #isChain: boolean;

  constructor(sources: readonly MergeSource[]) {
    this.#queriers = sources.map(({ querier }) => querier);
    this.#isChain = sources.every(({ minMs }, i) => i === 0 || minMs > (sources[i - 1] as MergeSource).maxMs);
  }

  async select(matchers: readonly Matcher[], hints?: SelectHints, signal?: AbortSignal): Promise<SeriesSet> {
    const sets: SeriesSet[] = [];
    for (const querier of this.#queriers) sets.push(await querier.select(matchers, hints, signal));
    const series = this.#merge(sets.map((set) => set.series));
    const limit = hints?.limit ?? 0;
    const kept = limit > 0 ? series.slice(0, limit) : series;
    return { series: kept, warnings: sets.flatMap(({ warnings }) => warnings), bulk: new BulkSeries(kept) };
  }

  #merge(lists: readonly (readonly Series[])[]): Series[] {
    const at = lists.map(() => 0);
    const merged: Series[] = [];
    for (;;) {
      let next: Series[] = [];
      for (const [i, list] of lists.entries()) {
        const series = list[at[i] as number];
        if (series === undefined) continue;
        const order = next[0] === undefined ? -1 : Labels.compare(series.labels, next[0].labels);
        if (order < 0) next = [series];
        else if (order === 0) next.push(series);
      }
      const [first] = next;
      if (first === undefined) return merged;
      for (const [i, list] of lists.entries()) {
        const position = at[i] as number;
        const series = list[position];
        if (series !== undefined && next.includes(series)) at[i] = position + 1;
      }
      merged.push(next.length === 1 ? first : new MergedSeries(next, this.#isChain));
    }
  }

  async labelNames(matchers: readonly Matcher[], limit = 0, signal?: AbortSignal): Promise<string[]> {
    const names = new Set<string>();
    for (const querier of this.#queriers) for (const name of await querier.labelNames(matchers, limit, signal)) names.add(name);
    return cut(names, limit);
  }

  async labelValues(name: string, matchers: readonly Matcher[], limit = 0, signal?: AbortSignal): Promise<string[]> {
    const values = new Set<string>();
    for (const querier of this.#queriers) for (const value of await querier.labelValues(name, matchers, limit, signal)) values.add(value);
    return cut(values, limit);
  }

  close(): void {
    for (const querier of this.#queriers) querier.close();
  }
}

function cut(texts: ReadonlySet<string>, limit: number): string[] {
  const sorted = [...texts].sort(compareBytes);
  return limit > 0 ? sorted.slice(0, limit) : sorted;
}

class MergedSeries implements StageableSeries {
  readonly labels: Labels;
  readonly #parts: readonly Series[];
  readonly #isChain: boolean;

  constructor(parts: readonly Series[], isChain: boolean) {
    this.labels = (parts[0] as Series).labels;
    this.#parts = parts;
    this.#isChain = isChain;
  }

  samples(): SampleReader {
    const readers = this.#parts.map((part) => part.samples());
    return this.#isChain ? new ChainReader(readers) : new MergeReader(readers);
  }

  stage(into: StagedChunks, minMs: number, maxMs: number): boolean {
    return this.#isChain && this.#parts.every((part) => isStageable(part) && part.stage(into, minMs, maxMs));
  }
}

class ChainReader implements SampleReader {
  readonly #readers: readonly SampleReader[];
  #at = 0;

  constructor(readers: readonly SampleReader[]) {
    this.#readers = readers;
  }

  read(into: SampleBatch): number {
    for (let reader = this.#readers[this.#at]; reader !== undefined; reader = this.#readers[++this.#at]) {
      const count = reader.read(into);
      if (count > 0) return count;
    }
    return 0;
  }
}

/** One reader of a merge, with the samples that it has ready. */
class Input {
  readonly #reader: SampleReader;
  readonly batch = new SampleBatch(256);
  #count = 0;
  at = 0;

  constructor(reader: SampleReader) {
    this.#reader = reader;
  }

  /** Time of the next sample; Infinity at the end. */
  nextMs(): number {
    if (this.at === this.#count) {
      this.#count = this.#reader.read(this.batch);
      this.at = 0;
      if (this.#count === 0) return Infinity;
    }
    return this.batch.times[this.at] as number;
  }
}

/** By time; of samples for one time the first reader's stays. */
export class MergeReader implements SampleReader {
  readonly #inputs: readonly Input[];
  /** Where the last sample came from. */
  #last: Input | undefined;

  constructor(readers: readonly SampleReader[]) {
    this.#inputs = readers.map((reader) => new Input(reader));
  }

  read(into: SampleBatch): number {
    clearExtras(into);
    let filled = 0;
    while (filled < into.capacity) {
      let tMs = Infinity;
      let winner: Input | undefined;
      for (const input of this.#inputs) {
        const nextMs = input.nextMs();
        if (nextMs < tMs) {
          tMs = nextMs;
          winner = input;
        }
      }
      if (winner === undefined) break;
      const { batch, at } = winner;
      into.times[filled] = tMs;
      into.values[filled] = batch.values[at] as number;
      into.stale[filled] = batch.stale[at] as number;
      const histogram = batch.hasHistograms ? batch.histograms[at] : undefined;
      if (histogram !== undefined) {
        into.hasHistograms = true;
        // What is known of resets since the sample before does not hold when that one came from elsewhere.
        const isHintVoid = this.#last !== winner && histogram.counterResetHint === 'not_reset';
        into.histograms[filled] = isHintVoid ? { ...histogram, counterResetHint: 'unknown' } : histogram;
      }
      this.#last = winner;
      if (batch.hasStartTimes && !into.hasStartTimes) {
        into.hasStartTimes = true;
        into.startTimes.fill(0);
      }
      if (into.hasStartTimes) into.startTimes[filled] = batch.hasStartTimes ? (batch.startTimes[at] as number) : 0;
      filled++;
      for (const input of this.#inputs) if (input.nextMs() === tMs) input.at++;
    }
    return filled;
  }
}
