/**
 * The fast lane of remote write: a kernel (`kernel/remote-write.ts`) uncompresses a request and turns samples of known series into columns;
 * what it does not know or understand is handed to the plain decoder (write-request.ts), which is also its twin. A known series is told
 * by 128 bits of a hash over the bytes of its labels, keyed by chance at start: no label is decoded. Hot: bench `tsdb`.
 *
 *     state   0 u64 key, 8 u64 key | 16 u32 table, 20 u32 its mask | 24 u32 entries | 28 u32 pages of entries | 32 u32 epoch
 *             36 u32 the entry expected next | 40 u32 where reading stopped | 44 u32 rows | 48 u32 start and 52 u32 end of a series left over
 *     entry   0 u64 hash, 8 u64 hash | 16 f64 ref | 24 u32 epoch when seen last
 *     table   u32 entry + 1 by hash, open addressing
 *
 * Memory only grows; what one purpose has outgrown becomes pages of entries.
 */
import { randomBytes } from 'node:crypto';
import { type KernelMemory, loadKernel } from '@pronoia/model/kernel';

interface Kernel {
  readonly memory: KernelMemory;
  freeFrom(): number;
  snappyUncompress(src: number, length: number, dst: number, size: number): number;
  readSeries(
    state: number,
    from: number,
    end: number,
    maxMs: number,
    refs: number,
    times: number,
    values: number,
    starts: number,
    capacity: number,
  ): number;
  learn(state: number, from: number, to: number, ref: number): void;
  rebuild(state: number, table: number, mask: number, oldest: number): void;
}

const wasmPage = 65_536;
const entryBytes = 32;
const entriesPerPage = 4096;
const pageBytes = entriesPerPage * entryBytes;
/** 2^24 series. */
const maxPages = 4096;
/** Samples that are taken out of a request at a time. */
const rowCapacity = 8192;
/** The kernel reads and writes a little beyond the end. */
const slack = 32;
/** Series that were not written to for one to two of these may be forgotten. */
const epochMs = 3_600_000;

const stops = ['end', 'full', 'left', 'damaged'] as const;

/** Samples in order, each with where its series begins in the request. */
export interface WriteRows {
  readonly refs: Float64Array;
  readonly times: Float64Array;
  /** As bits: markers stand in it as they are. */
  readonly values: Float64Array;
  readonly starts: Uint32Array;
  readonly length: number;
}

interface Place {
  readonly at: number;
  readonly size: number;
}

/** How far a request has been read. */
export interface OpenRequest {
  readonly place: Place;
  at: number;
  readonly end: number;
}

export class WriteKernel {
  readonly #kernel: Kernel;
  readonly #state: number;
  readonly #pageTable: number;
  readonly #refs: number;
  readonly #times: number;
  readonly #values: number;
  readonly #starts: number;
  #next: number;
  readonly #freePages: number[] = [];
  #pages = 0;
  #tableSlots = 0;
  /** Places for requests that nobody reads now. */
  readonly #idle: Place[] = [];
  #bytes: Uint8Array;
  #words: Uint32Array;

  private constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#next = Math.max(wasmPage, Math.ceil(kernel.freeFrom() / wasmPage) * wasmPage);
    this.#bytes = new Uint8Array(kernel.memory.buffer);
    this.#words = new Uint32Array(kernel.memory.buffer);
    this.#state = this.#take(64);
    this.#pageTable = this.#take(4 * maxPages);
    this.#refs = this.#take(8 * rowCapacity);
    this.#times = this.#take(8 * rowCapacity);
    this.#values = this.#take(8 * rowCapacity);
    this.#starts = this.#take(4 * rowCapacity);
    this.#bytes.set(randomBytes(16), this.#state);
    this.#words[(this.#state + 28) >>> 2] = this.#pageTable;
    this.#makeTable(entriesPerPage, 0);
  }

  /** Undefined where kernels are switched off. */
  static load(): WriteKernel | undefined {
    const kernel = loadKernel<Kernel>(new URL('../../kernel/kernel.wasm', import.meta.url));
    return kernel === undefined ? undefined : new WriteKernel(kernel);
  }

  #take(size: number): number {
    const at = this.#next;
    this.#next = at + Math.ceil(size / 64) * 64;
    const missing = this.#next - this.#bytes.length;
    if (missing > 0) {
      this.#kernel.memory.grow(Math.ceil(missing / wasmPage));
      this.#bytes = new Uint8Array(this.#kernel.memory.buffer);
      this.#words = new Uint32Array(this.#kernel.memory.buffer);
    }
    return at;
  }

  #recycle(from: number, size: number): void {
    for (let at = from; at + pageBytes <= from + size; at += pageBytes) this.#freePages.push(at);
  }

  get #count(): number {
    return this.#words[(this.#state + 24) >>> 2] as number;
  }

  #makeTable(slots: number, oldest: number): void {
    const old = this.#words[(this.#state + 16) >>> 2] as number;
    const table = this.#take(4 * slots);
    this.#bytes.fill(0, table, table + 4 * slots);
    this.#kernel.rebuild(this.#state, table, slots - 1, oldest);
    if (old !== 0) this.#recycle(old, 4 * this.#tableSlots);
    this.#tableSlots = slots;
  }

  /** Room for one more entry. */
  #reserve(): void {
    if (this.#count * 2 >= this.#tableSlots) {
      const epoch = this.#words[(this.#state + 32) >>> 2] as number;
      // In place when enough has been forgotten.
      const before = this.#count;
      this.#makeTable(this.#tableSlots * 2, Math.max(0, epoch - 1));
      if (this.#count * 4 < before) this.#makeTable(Math.max(entriesPerPage, this.#tableSlots / 4), 0);
    }
    if (this.#count < this.#pages * entriesPerPage) return;
    if (this.#pages === maxPages) throw new Error('BUG: more series than there are pages for');
    // First taken, then written: taking may make the views anew.
    const page = this.#freePages.pop() ?? this.#take(pageBytes);
    this.#words[(this.#pageTable >>> 2) + this.#pages] = page;
    this.#pages++;
  }

  /**
   * Takes a request, which must be closed. Undefined: it is damaged, or holds more than `limitBytes`.
   * @param nowMs for forgetting series that nobody writes to any more.
   */
  open(compressed: Uint8Array, limitBytes: number, nowMs: number): OpenRequest | undefined {
    const size = claimedLength(compressed);
    if (size === undefined || size > limitBytes || size > compressed.length * 64) return undefined;
    this.#words[(this.#state + 32) >>> 2] = Math.max(0, Math.floor(nowMs / epochMs));
    const place = this.#placeFor(size + compressed.length + 2 * slack);
    const source = place.at + size + slack;
    this.#bytes.set(compressed, source);
    if (this.#kernel.snappyUncompress(source, compressed.length, place.at, size) === size)
      return { place, at: place.at, end: place.at + size };
    this.#idle.push(place);
    return undefined;
  }

  #placeFor(size: number): Place {
    const place = this.#idle.pop();
    if (place !== undefined && place.size >= size) return place;
    if (place !== undefined) this.#recycle(place.at, place.size);
    const room = 2 ** Math.ceil(Math.log2(size));
    return { at: this.#take(room), size: room };
  }

  close({ place }: OpenRequest): void {
    this.#idle.push(place);
  }

  /** Reads on. `left`: behind a series that others must read; the rows before it come first. */
  next(request: OpenRequest, maxMs: number): (typeof stops)[number] {
    const rows = [this.#refs, this.#times, this.#values, this.#starts] as const;
    const stop = stops[this.#kernel.readSeries(this.#state, request.at, request.end, maxMs, ...rows, rowCapacity)];
    request.at = this.#words[(this.#state + 40) >>> 2] as number;
    return stop as (typeof stops)[number];
  }

  /** Views, valid until the next call. */
  get rows(): WriteRows {
    const { buffer } = this.#bytes;
    const length = this.#words[(this.#state + 44) >>> 2] as number;
    return {
      refs: new Float64Array(buffer, this.#refs, length),
      times: new Float64Array(buffer, this.#times, length),
      values: new Float64Array(buffer, this.#values, length),
      starts: new Uint32Array(buffer, this.#starts, length),
      length,
    };
  }

  /** Bytes of the series left over. */
  get leftOver(): Uint8Array {
    const place = (this.#state + 48) >>> 2;
    return this.#bytes.subarray(this.#words[place] as number, this.#words[place + 1] as number);
  }

  /** The request from there on. */
  from({ end }: OpenRequest, start: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  /** The series, whose bytes are a view of a request here, has this ref from now on. */
  learn(series: Uint8Array, ref: number): void {
    const { byteOffset, length } = series;
    this.#reserve();
    this.#kernel.learn(this.#state, byteOffset, byteOffset + length, ref);
  }
}

/** Undefined: damaged. */
function claimedLength(bytes: Uint8Array): number | undefined {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  return undefined;
}
