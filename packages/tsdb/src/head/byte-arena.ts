/**
 * Bytes of chunks in memory, in two kinds of place.
 *
 * `BlockArena`: pieces that grow (the open chunk of a series), in a few sizes, reused through free lists.
 * `ByteSlab`: pieces that never change (full chunks), packed one behind the other. Chunks of one slab page are filled at about
 * the same time, so they also expire together, and then the page is used again.
 */
const blockSizes = [64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048] as const;
const blocksPerPage = 256;

/** 0 is no block. The low four bits are the size class. */
export type Block = number;

export class BlockArena {
  readonly #pages: Uint8Array[][] = blockSizes.map(() => []);
  readonly #next: number[] = blockSizes.map(() => 0);
  readonly #free: number[][] = blockSizes.map(() => []);
  /** Bytes in pages. */
  sizeBytes = 0;

  /** Largest piece that fits. */
  static readonly maxBytes = blockSizes.at(-1) as number;

  capacity(block: Block): number {
    return block === 0 ? 0 : (blockSizes[block & 15] as number);
  }

  allocate(bytes: number): Block {
    const size = blockSizes.findIndex((blockSize) => blockSize >= bytes);
    if (size < 0) throw new Error(`BUG: a block of ${bytes} bytes`);
    const index = this.#free[size]?.pop() ?? this.#extend(size);
    return ((index + 1) * 16 + size) >>> 0;
  }

  #extend(size: number): number {
    const index = this.#next[size] as number;
    this.#next[size] = index + 1;
    const pages = this.#pages[size] as Uint8Array[];
    if (Math.floor(index / blocksPerPage) === pages.length) {
      const pageSize = blocksPerPage * (blockSizes[size] as number);
      pages.push(new Uint8Array(pageSize));
      this.sizeBytes += pageSize;
    }
    return index;
  }

  free(block: Block): void {
    if (block !== 0) this.#free[block & 15]?.push((block >>> 4) - 1);
  }

  /** The page that holds the block; the block begins at `offset(block)`. */
  page(block: Block): Uint8Array {
    const index = (block >>> 4) - 1;
    return (this.#pages[block & 15] as Uint8Array[])[Math.floor(index / blocksPerPage)] as Uint8Array;
  }

  offset(block: Block): number {
    return (((block >>> 4) - 1) % blocksPerPage) * (blockSizes[block & 15] as number);
  }
}

const slabPageBytes = 1 << 20;

/** Page number times the page's size, plus the offset in it. */
export type Place = number;

export class ByteSlab {
  readonly #pages: (Uint8Array | undefined)[] = [];
  /** Bytes in use per page. */
  readonly #live: number[] = [];
  #freePages: number[] = [];
  #current = -1;
  #at = slabPageBytes;

  get sizeBytes(): number {
    return (this.#pages.length - this.#freePages.length) * slabPageBytes;
  }

  store(bytes: Uint8Array, start: number, end: number): Place {
    const length = end - start;
    if (length > slabPageBytes) throw new Error(`BUG: a chunk of ${length} bytes`);
    if (this.#at + length > slabPageBytes) this.#newPage();
    const place = this.#current * slabPageBytes + this.#at;
    (this.#pages[this.#current] as Uint8Array).set(bytes.subarray(start, end), this.#at);
    this.#live[this.#current] = (this.#live[this.#current] as number) + length;
    this.#at += length;
    return place;
  }

  #newPage(): void {
    const before = this.#current;
    this.#current = this.#freePages.pop() ?? this.#pages.length;
    this.#pages[this.#current] ??= new Uint8Array(slabPageBytes);
    this.#live[this.#current] = 0;
    this.#at = 0;
    if (before >= 0 && this.#live[before] === 0) this.#giveUp(before);
  }

  page(place: Place): Uint8Array {
    return this.#pages[Math.floor(place / slabPageBytes)] as Uint8Array;
  }

  offset(place: Place): number {
    return place % slabPageBytes;
  }

  release(place: Place, length: number): void {
    const page = Math.floor(place / slabPageBytes);
    const live = (this.#live[page] as number) - length;
    this.#live[page] = live;
    if (live === 0 && page !== this.#current) this.#giveUp(page);
  }

  /** One empty page is kept for the next chunk, the others go back to the host. */
  #giveUp(page: number): void {
    if (this.#freePages.length > 0) this.#pages[page] = undefined;
    this.#freePages.push(page);
  }
}
