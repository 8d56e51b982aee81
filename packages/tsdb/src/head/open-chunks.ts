/**
 * The newest, still open chunk of every series: a record of 64 bytes, one line of the processor's cache, which parks the state of the XOR
 * encoder, and a block with the bit stream so far. A batch of samples is appended by the kernel (`kernel/open-chunks.ts`), one sample by
 * its twin here. Hot: bench `tsdb`.
 *
 *     record   0 f64 last time | 8 f64 when the chunk ends at the latest | 16 f64 first time | 24 u64 bits of the last value
 *              32 f64 commit of the last sample | 40 u32 last difference of times | 44 u32 bits in the block | 48 u32 block, 0 = none
 *              52 u8 samples | 53 u8 leading | 54 u8 trailing | 55 u8 size of the block | 56 u8 1 = the open chunk holds histograms
 *     state    0 f64 oldest and 8 newest time appended | 16 f64 range of a chunk | 24 u32 samples per chunk | 28 u32 bytes per chunk
 *              32 u32 next free address | 36 u32 pages of records | 40 u32 samples appended | 44 u32 cuts | 48 u32 list of cuts
 *              64 u32 free blocks by size, each linked through its first word
 *     cut      0 f64 first time | 8 f64 last time | 16 u32 slot | 20 u32 block | 24 u32 bytes | 28 u32 size of the block
 */
import type { StagedChunks } from '@pronoia/model';
import { type DecodeTarget, decodeXor, noWindow, XorEncoder } from '../chunk/xor.ts';
import { highWord } from '../sample-columns.ts';
import { type Column, columnPage, columnShift } from './column.ts';
import { HeadMemory } from './head-memory.ts';

const recordBytes = 64;
const stateBytes = 128;
/** 2^26 series. */
const maxPages = 16_384;
const maxCuts = 1024;
const cutBytes = 32;
/** Samples that are handed to the kernel at a time. */
export const batchLength = 4096;
const blockBytes = [64, 128, 192, 256, 384, 512, 768, 1024, 1536] as const;
/** The worst case of one sample, and eight bytes that the kernel writes at a time. */
const roomBytes = 28;
/** A chunk is cut when it has come near one kilobyte (tsdb-format.md §11). */
export const maxChunkBytes = 1005;

export interface OpenChunksOptions {
  readonly chunkRangeMs: number;
  readonly samplesPerChunk: number;
}

/** Takes a full chunk: `bytes[start, end)` is valid during the call. */
export type OnCut = (slot: number, minMs: number, maxMs: number, bytes: Uint8Array, start: number, end: number) => void;

export class OpenChunks {
  readonly #memory: HeadMemory;
  readonly #state: number;
  readonly #pages: number;
  readonly #cuts: number;
  readonly #slots: number;
  readonly #times: number;
  readonly #values: number;
  readonly #records: Records;
  readonly columns: readonly Column[];
  readonly #encoder = new XorEncoder(2 * roomBytes);

  constructor({ chunkRangeMs, samplesPerChunk }: OpenChunksOptions, memory = new HeadMemory()) {
    this.#memory = memory;
    this.#state = memory.claim(stateBytes);
    this.#pages = memory.claim(4 * maxPages);
    this.#cuts = memory.claim(maxCuts * cutBytes);
    this.#slots = memory.claim(4 * batchLength);
    this.#times = memory.claim(8 * batchLength);
    this.#values = memory.claim(8 * batchLength);
    const { words, floats } = memory;
    const state = this.#state;
    floats[(state + 16) >>> 3] = chunkRangeMs;
    words[(state + 24) >>> 2] = samplesPerChunk;
    words[(state + 28) >>> 2] = maxChunkBytes;
    words[(state + 32) >>> 2] = memory.start;
    words[(state + 36) >>> 2] = this.#pages;
    words[(state + 48) >>> 2] = this.#cuts;
    this.#records = new Records(memory, this.#pages, (size) => this.#take(size));
    this.columns = [this.#records];
  }

  get hasKernel(): boolean {
    return this.#memory.kernel !== undefined;
  }

  /** Bytes in records and blocks, free ones too. */
  get sizeBytes(): number {
    return this.#memory.words[(this.#state + 32) >>> 2] as number;
  }

  #take(size: number): number {
    const place = (this.#state + 32) >>> 2;
    const at = this.#memory.words[place] as number;
    this.#memory.ensure(at + size);
    this.#memory.words[place] = at + size;
    return at;
  }

  /** Time of the last sample; −Infinity before the first, whatever has become of its chunk. */
  lastMs(slot: number): number {
    return this.#memory.floats[this.#records.at(slot) >>> 3] as number;
  }

  setLastMs(slot: number, tMs: number): void {
    this.#memory.floats[this.#records.at(slot) >>> 3] = tMs;
  }

  nextAt(slot: number): number {
    return this.#memory.floats[(this.#records.at(slot) + 8) >>> 3] as number;
  }

  setNextAt(slot: number, tMs: number): void {
    this.#memory.floats[(this.#records.at(slot) + 8) >>> 3] = tMs;
  }

  /** Number of the commit that the last sample came with. */
  lastCommit(slot: number): number {
    return this.#memory.floats[(this.#records.at(slot) + 32) >>> 3] as number;
  }

  setLastCommit(slot: number, commit: number): void {
    this.#memory.floats[(this.#records.at(slot) + 32) >>> 3] = commit;
  }

  /** Whether histograms are open: then this has no chunk, and batches stop before the series. */
  setHistograms(slot: number, isOpen: boolean): void {
    this.#memory.bytes[this.#records.at(slot) + 56] = isOpen ? 1 : 0;
  }

  /** Samples in the open chunk; 0 = there is none. */
  count(slot: number): number {
    return this.#memory.bytes[this.#records.at(slot) + 52] as number;
  }

  /** Time of its first sample. */
  startMs(slot: number): number {
    return this.#memory.floats[(this.#records.at(slot) + 16) >>> 3] as number;
  }

  encodedBytes(slot: number): number {
    return this.count(slot) > 0 ? ((this.#memory.words[(this.#records.at(slot) + 44) >>> 2] as number) + 7) >>> 3 : 0;
  }

  lastHigh(slot: number): number {
    return this.#memory.words[((this.#records.at(slot) + 24) >>> 2) + highWord] as number;
  }

  lastLow(slot: number): number {
    return this.#memory.words[((this.#records.at(slot) + 24) >>> 2) + 1 - highWord] as number;
  }

  /** Views of the batch that `appendBatch` takes: a slot (0xffffffff = none), time and value (as bits) for each sample. */
  batch(): { slots: Uint32Array; times: Float64Array; values: Float64Array } {
    const { words, floats } = this.#memory;
    return {
      slots: words.subarray(this.#slots >>> 2, (this.#slots >>> 2) + batchLength),
      times: floats.subarray(this.#times >>> 3, (this.#times >>> 3) + batchLength),
      values: floats.subarray(this.#values >>> 3, (this.#values >>> 3) + batchLength),
    };
  }

  /** Before the views of a batch are taken: nothing moves while it is appended. */
  prepareBatch(): void {
    const words = this.#memory.words;
    this.#memory.ensure((words[(this.#state + 32) >>> 2] as number) + batchLength * (blockBytes.at(-1) as number));
    this.#memory.words[(this.#state + 40) >>> 2] = 0;
    this.#memory.floats[this.#state >>> 3] = Infinity;
    this.#memory.floats[(this.#state + 8) >>> 3] = -Infinity;
  }

  /**
   * Appends `batch[from, to)`, with the head's rules of when a chunk is cut; full chunks are handed out. Returns the index reached: before
   * a sample of a series that has histograms open.
   */
  appendBatch(from: number, to: number, commit: number, onCut: OnCut): number {
    const memory = this.#memory;
    const kernel = memory.kernel;
    if (kernel === undefined) throw new Error('BUG: a batch without a kernel');
    for (let at = from; ; ) {
      at = kernel.appendSamples(this.#state, this.#slots, this.#times, this.#values, at, to, commit);
      const place = (this.#state + 44) >>> 2;
      const cuts = memory.words[place] as number;
      for (let i = 0; i < cuts; i++) this.#handOut(this.#cuts + i * cutBytes, onCut);
      memory.words[place] = 0;
      if (at === to || cuts < maxCuts) return at;
    }
  }

  #handOut(entry: number, onCut: OnCut): void {
    const { words, floats, bytes } = this.#memory;
    const block = words[(entry + 20) >>> 2] as number;
    const end = block + (words[(entry + 24) >>> 2] as number);
    onCut(words[(entry + 16) >>> 2] as number, floats[entry >>> 3] as number, floats[(entry + 8) >>> 3] as number, bytes, block, end);
    this.#free(block, words[(entry + 28) >>> 2] as number);
  }

  /** What `appendBatch` has done since `prepareBatch`. */
  get batchResult(): { readonly appended: number; readonly minMs: number; readonly maxMs: number } {
    const { words, floats } = this.#memory;
    return {
      appended: words[(this.#state + 40) >>> 2] as number,
      minMs: floats[this.#state >>> 3] as number,
      maxMs: floats[(this.#state + 8) >>> 3] as number,
    };
  }

  #allocate(needed: number): { block: number; size: number } {
    const size = blockBytes.findIndex((bytes) => bytes >= needed);
    if (size < 0) throw new Error(`BUG: a block of ${needed} bytes`);
    const list = ((this.#state + 64) >>> 2) + size;
    const free = this.#memory.words[list] as number;
    if (free === 0) return { block: this.#take(blockBytes[size] as number), size };
    this.#memory.words[list] = this.#memory.words[free >>> 2] as number;
    return { block: free, size };
  }

  #free(block: number, size: number): void {
    const { words } = this.#memory;
    const list = ((this.#state + 64) >>> 2) + size;
    words[block >>> 2] = words[list] as number;
    words[list] = block;
  }

  /** The twin of the kernel for one sample. The caller keeps times ascending, cuts chunks, and sets last time and commit. */
  append(slot: number, tMs: number, high: number, low: number): void {
    const record = this.#records.at(slot);
    const encoder = this.#encoder;
    const count = this.count(slot);
    let bits = 16;
    if (count === 0) {
      this.#memory.floats[(record + 16) >>> 3] = tMs;
      encoder.begin();
    } else {
      const { words, bytes } = this.#memory;
      bits = words[(record + 44) >>> 2] as number;
      encoder.count = count;
      encoder.tMs = this.lastMs(slot);
      encoder.deltaMs = words[(record + 40) >>> 2] as number;
      encoder.high = this.lastHigh(slot);
      encoder.low = this.lastLow(slot);
      encoder.leading = bytes[record + 53] as number;
      encoder.trailing = bytes[record + 54] as number;
    }
    const firstByte = bits >>> 3;
    this.#makeRoom(record, count === 0 ? 0 : (bits + 7) >>> 3);
    const { words, bytes } = this.#memory;
    const block = words[(record + 48) >>> 2] as number;
    // The encoder goes on in the middle of the last byte.
    encoder.bit = bits & 7;
    encoder.bytes[0] = encoder.bit === 0 ? 0 : (bytes[block + firstByte] as number);
    encoder.append(tMs, high, low);
    bytes.set(encoder.bytes.subarray(0, (encoder.bit + 7) >>> 3), block + firstByte);
    words[(record + 44) >>> 2] = firstByte * 8 + encoder.bit;
    words[(record + 40) >>> 2] = encoder.deltaMs;
    words[((record + 24) >>> 2) + highWord] = high;
    words[((record + 24) >>> 2) + 1 - highWord] = low;
    bytes[record + 52] = count + 1;
    bytes[record + 53] = encoder.leading;
    bytes[record + 54] = encoder.trailing;
  }

  #makeRoom(record: number, used: number): void {
    const { words, bytes } = this.#memory;
    const old = words[(record + 48) >>> 2] as number;
    const oldSize = bytes[record + 55] as number;
    if (old !== 0 && used + roomBytes <= (blockBytes[oldSize] as number)) return;
    const { block, size } = this.#allocate(used + roomBytes);
    const memory = this.#memory;
    if (old !== 0) {
      memory.bytes.copyWithin(block, old, old + used);
      this.#free(old, oldSize);
    }
    memory.words[(record + 48) >>> 2] = block;
    memory.bytes[record + 55] = size;
  }

  /** Ends the chunk: hands its bytes to `store` and forgets them. */
  seal<T>(slot: number, store: (bytes: Uint8Array, start: number, end: number) => T): T {
    const { words, bytes } = this.#memory;
    const record = this.#records.at(slot);
    const block = words[(record + 48) >>> 2] as number;
    bytes[block] = 0;
    bytes[block + 1] = this.count(slot);
    const result = store(bytes, block, block + this.encodedBytes(slot));
    this.clear(slot);
    return result;
  }

  /** Drops the open chunk. The last value stays known. */
  clear(slot: number): void {
    const { words, bytes } = this.#memory;
    const record = this.#records.at(slot);
    const block = words[(record + 48) >>> 2] as number;
    if (block !== 0) this.#free(block, bytes[record + 55] as number);
    words[(record + 48) >>> 2] = 0;
    bytes[record + 52] = 0;
    bytes[record + 53] = noWindow;
  }

  /** Adds the open chunk as a piece, of which samples in the inclusive range count. */
  stage(slot: number, into: StagedChunks, minMs: number, maxMs: number): void {
    const block = this.#memory.words[(this.#records.at(slot) + 48) >>> 2] as number;
    const length = this.encodedBytes(slot);
    const at = into.take(length);
    into.bytes.set(this.#memory.bytes.subarray(block, block + length), at);
    into.addPiece(at, at + length, this.count(slot), minMs, maxMs);
  }

  /** Decodes all `count(slot)` samples into `target` from index `at` on. */
  decode(slot: number, target: DecodeTarget, at: number): void {
    const block = this.#memory.words[(this.#records.at(slot) + 48) >>> 2] as number;
    decodeXor(this.#memory.bytes, block, block + this.encodedBytes(slot), this.count(slot), target, at);
  }
}

/** The records, in pages as other columns. */
class Records implements Column {
  readonly bytesPerEntry = recordBytes;
  readonly #memory: HeadMemory;
  readonly #table: number;
  readonly #take: (size: number) => number;
  readonly #pages: number[] = [];
  readonly #free: number[] = [];

  /** The kernel finds the pages through a table of addresses at `table`. */
  constructor(memory: HeadMemory, table: number, take: (size: number) => number) {
    this.#memory = memory;
    this.#table = table;
    this.#take = take;
  }

  at(slot: number): number {
    return (this.#pages[slot >>> columnShift] as number) + (slot & (columnPage - 1)) * recordBytes;
  }

  reserve(size: number): void {
    while (this.#pages.length * columnPage < size) {
      if (this.#pages.length === maxPages) throw new Error('BUG: more series than there are pages for');
      const page = this.#free.pop() ?? this.#take(columnPage * recordBytes);
      this.#memory.bytes.fill(0, page, page + columnPage * recordBytes);
      this.#memory.words[(this.#table >>> 2) + this.#pages.length] = page;
      this.#pages.push(page);
    }
  }

  move(from: number, to: number): void {
    this.#memory.bytes.copyWithin(this.at(to), this.at(from), this.at(from) + recordBytes);
  }

  cut(size: number): void {
    const pages = Math.ceil(size / columnPage);
    while (this.#pages.length > pages) this.#free.push(this.#pages.pop() as number);
    const last = this.#pages.at(-1);
    if (last !== undefined && size % columnPage !== 0)
      this.#memory.bytes.fill(0, last + (size % columnPage) * recordBytes, last + columnPage * recordBytes);
  }
}
