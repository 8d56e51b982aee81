/**
 * Full chunks of the head: per series a list from old to new. Their bytes are in memory first and in a file later. Entries are
 * reused through a free list.
 */
import { ByteSlab } from './byte-arena.ts';
import type { HeadChunkFiles } from './chunk-files.ts';
import { Float64Column, Uint8Column, Uint32Column } from './column.ts';

/** 0 is no chunk. */
export type ChunkId = number;

export class ChunkTable {
  readonly #minTimes = new Float64Column();
  readonly #maxTimes = new Float64Column();
  /** Zero or more: place in the slab. Negative: −1 − the place in the files. */
  readonly #places = new Float64Column();
  readonly #lengths = new Uint32Column();
  /** 0: the entry is free. */
  readonly #encodings = new Uint8Column();
  readonly #next = new Uint32Column();
  readonly #slab = new ByteSlab();
  readonly #files: HeadChunkFiles | undefined;
  #free: ChunkId[] = [];
  #last: ChunkId = 0;

  constructor(files?: HeadChunkFiles) {
    this.#files = files;
  }

  get count(): number {
    return this.#last - this.#free.length;
  }

  /** Bytes in memory. */
  get sizeBytes(): number {
    return this.#slab.sizeBytes;
  }

  /** Copies the chunk's bytes. */
  add(minMs: number, maxMs: number, encoding: number, bytes: Uint8Array, start: number, end: number): ChunkId {
    const id = this.#allocate(minMs, maxMs, encoding, end - start);
    this.#places.set(id, this.#slab.store(bytes, start, end));
    return id;
  }

  /** A chunk that lies in a file already. */
  addStored(minMs: number, maxMs: number, encoding: number, dataAt: number, length: number): ChunkId {
    const id = this.#allocate(minMs, maxMs, encoding, length);
    this.#places.set(id, -1 - dataAt);
    return id;
  }

  #allocate(minMs: number, maxMs: number, encoding: number, length: number): ChunkId {
    let id = this.#free.pop();
    if (id === undefined) {
      id = ++this.#last;
      for (const column of [this.#minTimes, this.#maxTimes, this.#places, this.#lengths, this.#encodings, this.#next])
        column.reserve(id + 1);
    }
    this.#minTimes.set(id, minMs);
    this.#maxTimes.set(id, maxMs);
    this.#encodings.set(id, encoding);
    this.#lengths.set(id, length);
    this.#next.set(id, 0);
    return id;
  }

  minMs(id: ChunkId): number {
    return this.#minTimes.get(id);
  }

  maxMs(id: ChunkId): number {
    return this.#maxTimes.get(id);
  }

  encoding(id: ChunkId): number {
    return this.#encodings.get(id);
  }

  length(id: ChunkId): number {
    return this.#lengths.get(id);
  }

  /** Where its bytes are in the files; undefined while they are in memory. */
  dataAt(id: ChunkId): number | undefined {
    const place = this.#places.get(id);
    return place < 0 ? -1 - place : undefined;
  }

  isInMemory(id: ChunkId): boolean {
    return this.#encodings.get(id) !== 0 && this.#places.get(id) >= 0;
  }

  next(id: ChunkId): ChunkId {
    return this.#next.get(id);
  }

  link(id: ChunkId, next: ChunkId): void {
    this.#next.set(id, next);
  }

  /** The chunk's bytes: a view of memory, or a copy from its file. */
  bytes(id: ChunkId): Uint8Array {
    const place = this.#places.get(id);
    const length = this.#lengths.get(id);
    if (place < 0) return (this.#files as HeadChunkFiles).read(-1 - place, length);
    const start = this.#slab.offset(place);
    return this.#slab.page(place).subarray(start, start + length);
  }

  /** The chunk has been written to a file: its memory is free. */
  moveToFile(id: ChunkId, dataAt: number): void {
    this.#slab.release(this.#places.get(id), this.#lengths.get(id));
    this.#places.set(id, -1 - dataAt);
  }

  remove(id: ChunkId): void {
    const place = this.#places.get(id);
    if (place >= 0) this.#slab.release(place, this.#lengths.get(id));
    this.#encodings.set(id, 0);
    this.#free.push(id);
  }
}
