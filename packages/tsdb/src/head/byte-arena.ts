/**
 * Bytes of full chunks in memory: pieces that never change, packed one behind the other. Chunks of one page are filled at about the
 * same time, so they also expire together, and then the page is used again.
 */
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
