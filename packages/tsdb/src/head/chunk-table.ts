/**
 * Full chunks of the head: per series a list from old to new. Entries are reused through a free list.
 */
import { ByteSlab } from './byte-arena.ts';
import { Float64Column, Uint8Column, Uint32Column } from './column.ts';

/** 0 is no chunk. */
export type ChunkId = number;

export class ChunkTable {
  readonly #minTimes = new Float64Column();
  readonly #maxTimes = new Float64Column();
  readonly #places = new Float64Column();
  readonly #lengths = new Uint32Column();
  readonly #encodings = new Uint8Column();
  readonly #next = new Uint32Column();
  readonly #slab = new ByteSlab();
  #free: ChunkId[] = [];
  #last: ChunkId = 0;

  get count(): number {
    return this.#last - this.#free.length;
  }

  get sizeBytes(): number {
    return this.#slab.sizeBytes;
  }

  /** Copies the chunk's bytes. */
  add(minMs: number, maxMs: number, encoding: number, bytes: Uint8Array, start: number, end: number): ChunkId {
    let id = this.#free.pop();
    if (id === undefined) {
      id = ++this.#last;
      for (const column of [this.#minTimes, this.#maxTimes, this.#places, this.#lengths, this.#encodings, this.#next])
        column.reserve(id + 1);
    }
    this.#minTimes.set(id, minMs);
    this.#maxTimes.set(id, maxMs);
    this.#encodings.set(id, encoding);
    this.#places.set(id, this.#slab.store(bytes, start, end));
    this.#lengths.set(id, end - start);
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

  next(id: ChunkId): ChunkId {
    return this.#next.get(id);
  }

  link(id: ChunkId, next: ChunkId): void {
    this.#next.set(id, next);
  }

  /** The bytes lie in `page` from `offset` on, `length` long. */
  page(id: ChunkId): Uint8Array {
    return this.#slab.page(this.#places.get(id));
  }

  offset(id: ChunkId): number {
    return this.#slab.offset(this.#places.get(id));
  }

  length(id: ChunkId): number {
    return this.#lengths.get(id);
  }

  remove(id: ChunkId): void {
    this.#slab.release(this.#places.get(id), this.#lengths.get(id));
    this.#free.push(id);
  }
}
