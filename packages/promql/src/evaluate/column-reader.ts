/**
 * The series of a selection, one after the other, as columns: through the storage's fast lane, many at once, where it has one, else
 * sample batch by sample batch.
 */
import { type BulkReader, type ColumnDecoder, type FloatColumns, type SampleBatch, type Series, StagedChunks } from '@pronoia/model';
import type { SampleColumns } from './sample-columns.ts';

/** What a selector found. */
export interface Selection {
  readonly series: readonly Series[];
  readonly bulk: BulkReader | undefined;
}

/** Samples that are staged at once, at least: about a millisecond of decoding. */
const samplesPerBatch = 65_536;

/** A decoder with what it decodes: taken while a selection is read, then given back, for its memory is worth keeping. */
class Desk {
  readonly staged = new StagedChunks();
  readonly decoder: ColumnDecoder;

  constructor(bulk: BulkReader) {
    this.decoder = bulk.createDecoder();
  }
}

const freeDesks = new Map<string, Desk[]>();
/** Several queries may read in turn. */
const keptDesks = 4;

export function takeDesk(bulk: BulkReader): Desk {
  return freeDesks.get(bulk.decoderUrl)?.pop() ?? new Desk(bulk);
}

export function giveDesk(bulk: BulkReader, desk: Desk): void {
  const free = freeDesks.get(bulk.decoderUrl);
  if (free === undefined) freeDesks.set(bulk.decoderUrl, [desk]);
  else if (free.length < keptDesks) free.push(desk);
}

export class ColumnReader {
  readonly #selection: Selection;
  readonly #batch: SampleBatch;
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #statsOnly: boolean;
  #next = 0;
  #desk: Desk | undefined;
  #decoded: FloatColumns | undefined;
  /** The decoded series are `[#from, #to)` of the selection. */
  #from = 0;
  #to = 0;

  /** Both bounds inclusive. `statsOnly`: resets of histograms are found while reading. Close it. */
  constructor(selection: Selection, batch: SampleBatch, minMs: number, maxMs: number, statsOnly: boolean) {
    this.#selection = selection;
    this.#batch = batch;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#statsOnly = statsOnly;
  }

  /** Fills the columns with the next series; they are good until the next call. Undefined at the end. */
  next(columns: SampleColumns): Series | undefined {
    const { series, bulk } = this.#selection;
    const i = this.#next++;
    const one = series[i];
    if (one === undefined) return undefined;
    if (bulk === undefined) {
      columns.read(one, this.#batch, this.#minMs, this.#maxMs, this.#statsOnly);
      return one;
    }
    if (i >= this.#to) this.#decode(bulk, i);
    const { starts, times, values, staleStarts, staleTimes, sameTimes } = this.#decoded as FloatColumns;
    const at = i - this.#from;
    if ((this.#desk as Desk).staged.slow[at] === 1) {
      columns.read(one, this.#batch, this.#minMs, this.#maxMs, this.#statsOnly);
      return one;
    }
    const [from, to] = [starts[at] as number, starts[at + 1] as number];
    columns.borrow(times.subarray(from, to), values.subarray(from, to), sameTimes[at] === 1);
    for (let s = staleStarts[at] as number; s < (staleStarts[at + 1] as number); s++) columns.staleTimes.push(staleTimes[s] as number);
    return one;
  }

  #decode(bulk: BulkReader, from: number): void {
    this.#desk ??= takeDesk(bulk);
    const { staged, decoder } = this.#desk;
    this.#from = from;
    this.#to = from + bulk.stage(from, this.#selection.series.length, samplesPerBatch, this.#minMs, this.#maxMs, staged);
    this.#decoded = decoder.decode(staged);
  }

  close(): void {
    const { bulk } = this.#selection;
    if (bulk !== undefined && this.#desk !== undefined) giveDesk(bulk, this.#desk);
    this.#desk = undefined;
  }
}
