/**
 * The head: the newest samples of every active series, in memory. It decides what may be appended, cuts chunks, and answers
 * for its part of the time axis. It does no I/O: durability is the appender's matter (appender.ts).
 */
import type { FloatHistogram, Labels, Rejection, SampleBatch, StagedChunks } from '@pronoia/model';
import { xorEncoding } from '../chunk/xor.ts';
import { type Interval, mergeIntervals } from '../interval.ts';
import { highWord, type SampleColumns } from '../sample-columns.ts';
import { Turn } from '../turn.ts';
import type { HeadChunkFiles } from './chunk-files.ts';
import { type ChunkId, ChunkTable } from './chunk-table.ts';
import { type Column, columnPage, Uint8Column, Uint32Column } from './column.ts';
import type { HeadMemory } from './head-memory.ts';
import { LabelOrder } from './label-order.ts';
import { batchLength, maxChunkBytes, type OnCut, OpenChunks } from './open-chunks.ts';
import { areEqualHistograms, OpenHistograms } from './open-histograms.ts';
import { areValidLabels, SeriesTable } from './series-table.ts';

export interface HeadOptions {
  /** The time that one block covers: chunks do not cross its borders. */
  readonly chunkRangeMs: number;
  /** Samples that a chunk should have; twice as many at most. */
  readonly samplesPerChunk: number;
}

export class Head {
  readonly options: HeadOptions;
  readonly series = new SeriesTable();
  readonly order = new LabelOrder(this.series);
  readonly #open: OpenChunks;
  readonly #histograms = new OpenHistograms();
  readonly chunks: ChunkTable;
  /** Full chunks whose bytes are still in memory: id and ref of the series in turn. */
  #unwritten: number[] = [];
  readonly #firstChunk = new Uint32Column();
  readonly #lastChunk = new Uint32Column();
  /** 1: the series is in the write-ahead log. */
  readonly #logged = new Uint8Column();
  readonly #columns: readonly Column[] = [this.#firstChunk, this.#lastChunk, this.#logged];
  /** Deleted intervals by ref, ascending and apart. */
  readonly tombstones = new Map<number, Interval[]>();
  /** Of all samples; +Infinity and −Infinity when there are none. */
  minMs = Infinity;
  maxMs = -Infinity;
  /** Nothing older is taken: it lies in blocks. */
  minValidMs = -Infinity;
  /** Series that the write-ahead log does not name yet: mostly none. */
  unloggedCount = 0;
  /** Commits so far. */
  commits = 0;

  /** Without `files` full chunks stay in memory. */
  constructor(options: HeadOptions, files?: HeadChunkFiles, memory?: HeadMemory) {
    this.options = options;
    this.#open = new OpenChunks(options, memory);
    this.chunks = new ChunkTable(files);
  }

  get seriesCount(): number {
    return this.series.liveCount;
  }

  get chunkCount(): number {
    let open = 0;
    const [gapStart, gapEnd] = this.series.gap;
    for (let slot = 0; slot < this.series.count; slot++) if ((slot < gapStart || slot >= gapEnd) && this.openCount(slot) > 0) open++;
    return this.chunks.count + open;
  }

  /** Slot of the series, made if it is new; or why it cannot be. */
  getOrCreate(labels: Labels): number | Rejection {
    const found = this.series.find(labels);
    if (found >= 0) return found;
    if (!areValidLabels(labels)) return 'invalid_labels';
    return this.create(labels);
  }

  /** A series that does not exist yet; `ref` 0 takes the next free one. */
  create(labels: Labels, ref = 0): number {
    return this.#prepare(this.series.create(labels, ref));
  }

  /** The same, of the ids of its labels' symbols. */
  createFromIds(ids: Uint32Array, length: number, ref: number): number {
    return this.#prepare(this.series.createFromIds(ids, length, ref));
  }

  #prepare(slot: number): number {
    const { count } = this.series;
    if (slot % columnPage === 0) for (const column of [...this.#columns, ...this.#open.columns]) column.reserve(count);
    this.#open.setLastMs(slot, -Infinity);
    this.unloggedCount++;
    return slot;
  }

  isLogged(slot: number): boolean {
    return this.#logged.get(slot) === 1;
  }

  setLogged(slot: number, logged: boolean): void {
    if (this.isLogged(slot) === logged) return;
    this.#logged.set(slot, logged ? 1 : 0);
    this.unloggedCount += logged ? -1 : 1;
  }

  lastMs(slot: number): number {
    return this.#open.lastMs(slot);
  }

  lastCommit(slot: number): number {
    return this.#open.lastCommit(slot);
  }

  firstChunk(slot: number): number {
    return this.#firstChunk.get(slot);
  }

  /** Time of the oldest sample; +Infinity without any. */
  firstMs(slot: number): number {
    const chunk = this.#firstChunk.get(slot);
    if (chunk !== 0) return this.chunks.minMs(chunk);
    return this.openCount(slot) > 0 ? this.openStartMs(slot) : Infinity;
  }

  /** Samples in the open chunk. */
  openCount(slot: number): number {
    const count = this.#open.count(slot);
    return count > 0 || this.#histograms.size === 0 ? count : this.#histograms.count(this.series.ref(slot));
  }

  /** Time of the first sample of the open chunk; meaningless without one. */
  openStartMs(slot: number): number {
    return this.#open.count(slot) > 0 || this.#histograms.size === 0
      ? this.#open.startMs(slot)
      : this.#histograms.startMs(this.series.ref(slot));
  }

  /** The samples of the open chunk into the batch from index `at` on. */
  decodeOpen(slot: number, into: SampleBatch, at: number): void {
    if (this.#open.count(slot) > 0) this.#open.decode(slot, into, at);
    else this.#histograms.decode(this.series.ref(slot), into, at);
  }

  /** Adds the open chunk as a piece, of which samples in the inclusive range count; false when it holds histograms. */
  stageOpen(slot: number, into: StagedChunks, minMs: number, maxMs: number): boolean {
    if (this.#open.count(slot) > 0) {
      if (this.#open.startMs(slot) <= maxMs && this.#open.lastMs(slot) >= minMs) this.#open.stage(slot, into, minMs, maxMs);
      return true;
    }
    return !this.isHistogramSeries(slot);
  }

  /** Whether the series' newest samples are histograms. */
  isHistogramSeries(slot: number): boolean {
    return this.#histograms.size > 0 && this.#histograms.count(this.series.ref(slot)) > 0;
  }

  /** Whether the newest histogram of the series was one of whole counts. */
  hasWholeCounts(slot: number): boolean {
    return this.#histograms.isInteger(this.series.ref(slot));
  }

  /** Samples below this are refused: half a block of lateness, and never into what is already a block. */
  get minAppendableMs(): number {
    return Math.max(this.minValidMs, this.maxMs - this.options.chunkRangeMs / 2);
  }

  /** Whether the sample may be appended now; `repeated` when it is there already with the same bits. */
  appendable(slot: number, tMs: number, high: number, low: number): 'yes' | 'repeated' | Rejection {
    if (tMs < this.minAppendableMs) return 'out_of_bounds';
    const last = this.#open.lastMs(slot);
    if (tMs > last) return 'yes';
    if (tMs < last) return 'out_of_order';
    if (this.isHistogramSeries(slot)) return 'duplicate_timestamp';
    return this.#open.lastHigh(slot) === high && this.#open.lastLow(slot) === low ? 'repeated' : 'duplicate_timestamp';
  }

  /** How many of the samples from index `from` on may be appended in order: series are known, each is newer than its series' last one. */
  appendableCount(refs: Float64Array, times: Float64Array, from: number, to: number): number {
    const { series } = this;
    const open = this.#open;
    const minMs = this.minAppendableMs;
    for (let i = from; i < to; i++) {
      const slot = series.slotOf(refs[i] as number);
      const tMs = times[i] as number;
      if (slot < 0 || tMs < minMs || tMs <= open.lastMs(slot)) return i - from;
    }
    return to - from;
  }

  /** The same for a histogram; undefined is its stale marker. */
  appendableHistogram(slot: number, tMs: number, histogram: FloatHistogram | undefined): 'yes' | 'repeated' | Rejection {
    if (tMs < this.minAppendableMs) return 'out_of_bounds';
    const last = this.#open.lastMs(slot);
    if (tMs > last) return 'yes';
    if (tMs < last) return 'out_of_order';
    const newest = this.#histograms.last(this.series.ref(slot));
    return newest?.tMs === tMs && areEqualHistograms(newest.histogram, histogram) ? 'repeated' : 'duplicate_timestamp';
  }

  /** Appends if the sample is newer than the series' last one; says whether it was. */
  append(slot: number, tMs: number, high: number, low: number): boolean {
    if (tMs <= this.#open.lastMs(slot)) return false;
    const count = this.#open.count(slot);
    if (count === 0) {
      if (this.isHistogramSeries(slot)) this.#cutHistograms(slot);
      this.#open.setNextAt(slot, this.#rangeEnd(tMs));
    } else if (this.#mustCut(slot, tMs, count)) {
      this.#cut(slot, tMs);
    }
    this.#open.append(slot, tMs, high, low);
    this.#appended(slot, tMs);
    return true;
  }

  /** Appends those of a batch that are newer than the last one of their series; says how many. Series that are gone are passed over. */
  appendAll(samples: SampleColumns): number {
    const { refs, length } = samples;
    let appended = 0;
    for (let from = 0; from < length; from += batchLength) {
      const count = Math.min(batchLength, length - from);
      for (let i = 0; i < count; i++) this.#slots[i] = this.series.slotOf(refs[from + i] as number);
      appended += this.#appendBatch(samples, from, count, this.#slots);
    }
    return appended;
  }

  /** The same with the slot of every sample; −1 = passed over. */
  appendSlots(samples: SampleColumns, slots: Int32Array): number {
    let appended = 0;
    for (let from = 0; from < samples.length; from += batchLength) {
      const count = Math.min(batchLength, samples.length - from);
      appended += this.#appendBatch(samples, from, count, slots.subarray(from, from + count));
    }
    return appended;
  }

  readonly #slots = new Int32Array(batchLength);

  #appendBatch({ times, values, words }: SampleColumns, from: number, count: number, slots: Int32Array): number {
    const open = this.#open;
    const appendOne = (i: number): boolean => {
      const word = 2 * (from + i);
      const tMs = times[from + i] as number;
      return this.append(slots[i] as number, tMs, words[word + highWord] as number, words[word + 1 - highWord] as number);
    };
    let appended = 0;
    if (!open.hasKernel) {
      for (let i = 0; i < count; i++) if ((slots[i] as number) >= 0 && appendOne(i)) appended++;
      return appended;
    }
    open.prepareBatch();
    const batch = open.batch();
    batch.slots.set(slots.subarray(0, count));
    batch.times.set(times.subarray(from, from + count));
    batch.values.set(values.subarray(from, from + count));
    for (let at = 0; ; at++) {
      at = open.appendBatch(at, count, this.commits, this.#onCut);
      if (at === count) break;
      // Floats after histograms.
      if (appendOne(at)) appended++;
    }
    const result = open.batchResult;
    if (result.minMs < this.minMs) this.minMs = result.minMs;
    if (result.maxMs > this.maxMs) this.maxMs = result.maxMs;
    return appended + result.appended;
  }

  readonly #onCut: OnCut = (slot, minMs, maxMs, bytes, start, end) =>
    this.#addFull(slot, this.chunks.add(minMs, maxMs, xorEncoding, bytes, start, end));

  /** The same for a histogram; undefined is its stale marker. */
  appendHistogram(slot: number, tMs: number, histogram: FloatHistogram | undefined): boolean {
    if (tMs <= this.#open.lastMs(slot)) return false;
    if (this.#open.count(slot) > 0) this.#cut(slot, tMs);
    const ref = this.series.ref(slot);
    const isOpen = this.#histograms.count(ref) > 0;
    if (isOpen && (tMs >= this.#open.nextAt(slot) || !this.#histograms.continues(ref, histogram, this.options.samplesPerChunk)))
      this.#cutHistograms(slot);
    if (this.#histograms.count(ref) === 0) this.#open.setNextAt(slot, this.#rangeEnd(tMs));
    this.#histograms.append(ref, { tMs, histogram });
    this.#open.setHistograms(slot, true);
    this.#appended(slot, tMs);
    return true;
  }

  #appended(slot: number, tMs: number): void {
    this.#open.setLastMs(slot, tMs);
    this.#open.setLastCommit(slot, this.commits);
    if (tMs > this.maxMs) this.maxMs = tMs;
    if (tMs < this.minMs) this.minMs = tMs;
  }

  #cutHistograms(slot: number): void {
    const ref = this.series.ref(slot);
    const minMs = this.#histograms.startMs(ref);
    const { encoding, bytes } = this.#histograms.seal(ref);
    this.#open.setHistograms(slot, false);
    this.#addFull(slot, this.chunks.add(minMs, this.#open.lastMs(slot), encoding, bytes, 0, bytes.length));
  }

  #addFull(slot: number, id: ChunkId): void {
    this.#link(slot, id);
    this.#unwritten.push(id, this.series.ref(slot));
  }

  /** Where chunks end (tsdb-format.md §11): at the range's end, and spread evenly over it once the pace is known. */
  #mustCut(slot: number, tMs: number, count: number): boolean {
    const { samplesPerChunk } = this.options;
    if (count === Math.floor(samplesPerChunk / 4)) {
      const start = this.#open.startMs(slot);
      const end = this.#open.nextAt(slot);
      const chunks = Math.floor((end - start) / ((this.#open.lastMs(slot) - start + 1) * 4));
      if (chunks > 1) this.#open.setNextAt(slot, Math.floor(start + (end - start) / chunks));
    }
    return tMs >= this.#open.nextAt(slot) || count >= samplesPerChunk * 2 || this.#open.encodedBytes(slot) > maxChunkBytes;
  }

  #rangeEnd(tMs: number): number {
    const { chunkRangeMs } = this.options;
    return Math.floor(tMs / chunkRangeMs) * chunkRangeMs + chunkRangeMs;
  }

  #cut(slot: number, nextMs: number): void {
    const minMs = this.#open.startMs(slot);
    const maxMs = this.#open.lastMs(slot);
    const id = this.#open.seal(slot, (bytes, start, end) => this.chunks.add(minMs, maxMs, xorEncoding, bytes, start, end));
    this.#addFull(slot, id);
    this.#open.setNextAt(slot, this.#rangeEnd(nextMs));
  }

  #link(slot: number, id: ChunkId): void {
    const last = this.#lastChunk.get(slot);
    if (last === 0) this.#firstChunk.set(slot, id);
    else this.chunks.link(last, id);
    this.#lastChunk.set(slot, id);
  }

  /** Chunks that wait to be written to a file. */
  get unwrittenCount(): number {
    return this.#unwritten.length / 2;
  }

  /** Hands out what waits, id and ref in turn; a failed write gives it back. */
  takeUnwritten(): number[] {
    const taken = this.#unwritten;
    this.#unwritten = [];
    return taken;
  }

  giveBackUnwritten(taken: readonly number[]): void {
    this.#unwritten = [...taken, ...this.#unwritten];
  }

  /** At start: a full chunk from a file. Returns false when it does not come after what the series has. */
  attachChunk(slot: number, id: ChunkId): boolean {
    const minMs = this.chunks.minMs(id);
    const maxMs = this.chunks.maxMs(id);
    if (minMs <= this.#open.lastMs(slot)) return false;
    this.#link(slot, id);
    this.#open.setLastMs(slot, maxMs);
    if (minMs < this.minMs) this.minMs = minMs;
    if (maxMs > this.maxMs) this.maxMs = maxMs;
    return true;
  }

  /**
   * Forgets chunks that end before `mintMs` and then the series without any sample, except the `pinned` ones (refs, asked for again
   * after every pause).
   * Readers below `mintMs` must be gone and new ones must not ask for what is older. Works in slices of the event loop. Returns the
   * refs of removed series.
   */
  async truncate(mintMs: number, pinned: () => ReadonlySet<number>): Promise<number[]> {
    this.minValidMs = Math.max(this.minValidMs, mintMs);
    const turn = new Turn();
    let empty = 0;
    let minMs = Infinity;
    for (let slot = 0; slot < this.series.count; slot++) {
      await turn.pass();
      this.#truncateSeries(slot, mintMs);
      const first = this.firstMs(slot);
      if (first === Infinity) empty++;
      else minMs = Math.min(minMs, first);
    }
    this.#forgetRemovedChunks();
    const removed: number[] = [];
    if (empty > 0) minMs = await this.#sweep(empty / this.series.count, pinned, removed);
    this.minMs = minMs;
    this.#forgetTombstones(mintMs);
    return removed;
  }

  /** Removes series without samples; puts their refs into `removed`, returns the time of the oldest sample of the others. */
  async #sweep(removedShare: number, pinned: () => ReadonlySet<number>, removed: number[]): Promise<number> {
    const { series } = this;
    const columns = [...this.#columns, ...this.#open.columns];
    const turn = new Turn();
    let minMs = Infinity;
    // Without samples when they were looked at, but they may have some when we are done.
    const keptEmpty: number[] = [];
    await this.order.settle();
    series.beginSweep(removedShare);
    let pinnedRefs = pinned();
    this.order.catchUp();
    for (let slot = series.sweepAt; slot !== undefined; slot = series.sweepAt) {
      const pause = turn.pass();
      if (pause !== undefined) {
        await pause;
        pinnedRefs = pinned();
        this.order.catchUp();
      }
      const ref = series.ref(slot);
      const first = this.firstMs(slot);
      const keeps = first !== Infinity || pinnedRefs.has(ref);
      if (first === Infinity && keeps) keptEmpty.push(ref);
      minMs = Math.min(minMs, first);
      if (!keeps) {
        if (!this.isLogged(slot)) this.unloggedCount--;
        this.tombstones.delete(ref);
        this.#histograms.remove(ref);
        removed.push(ref);
      }
      const to = series.sweepNext(keeps);
      this.order.move(slot, to);
      if (to >= 0 && to !== slot) for (const column of columns) column.move(slot, to);
    }
    series.endSweep();
    this.order.squeeze();
    for (const column of columns) column.cut(series.count);
    for (const ref of keptEmpty) minMs = Math.min(minMs, this.firstMs(series.slotOf(ref)));
    return minMs;
  }

  #truncateSeries(slot: number, mintMs: number): void {
    let first = this.#firstChunk.get(slot);
    while (first !== 0 && this.chunks.maxMs(first) < mintMs) {
      const next = this.chunks.next(first);
      this.chunks.remove(first);
      first = next;
    }
    this.#firstChunk.set(slot, first);
    if (first !== 0) return;
    this.#lastChunk.set(slot, 0);
    if (this.#open.lastMs(slot) >= mintMs) return;
    if (this.#open.count(slot) > 0) this.#open.clear(slot);
    if (this.#histograms.size > 0) this.#histograms.remove(this.series.ref(slot));
    this.#open.setHistograms(slot, false);
  }

  #forgetRemovedChunks(): void {
    const left: number[] = [];
    for (let i = 0; i < this.#unwritten.length; i += 2) {
      const id = this.#unwritten[i] as number;
      if (this.chunks.isInMemory(id)) left.push(id, this.#unwritten[i + 1] as number);
    }
    this.#unwritten = left;
  }

  #forgetTombstones(mintMs: number): void {
    for (const [ref, intervals] of this.tombstones) {
      const left = intervals.filter(({ maxMs }) => maxMs >= mintMs);
      if (left.length === 0) this.tombstones.delete(ref);
      else this.tombstones.set(ref, left);
    }
  }

  /** Marks samples of a series as deleted; the interval is closed. */
  addTombstone(ref: number, interval: Interval): void {
    this.tombstones.set(ref, mergeIntervals([...(this.tombstones.get(ref) ?? []), interval]));
  }
}
