/**
 * Columns: one number per series, in pages of typed arrays that are added as series come. Growing never copies, and nothing
 * of a series is a JavaScript object (docs/architecture.md, decision 6).
 */
export const columnShift = 12;
export const columnPage = 1 << columnShift;
const pageMask = columnPage - 1;

/** What a table does to all of its columns alike. */
export interface Column {
  /** Makes room for `size` entries; new ones are zero. */
  reserve(size: number): void;
  /** Copies one entry over another. */
  move(from: number, to: number): void;
  /** Zeroes entries from `size` on and drops whole pages behind them. */
  cut(size: number): void;
  readonly bytesPerEntry: number;
}

function pagesFor(size: number): number {
  return (size + pageMask) >>> columnShift;
}

/** The typed arrays are named one by one: a class over all of them would make every access polymorphic. */
export class Float64Column implements Column {
  readonly bytesPerEntry = 8;
  readonly #pages: Float64Array[] = [];

  get(i: number): number {
    return (this.#pages[i >>> columnShift] as Float64Array)[i & pageMask] as number;
  }

  set(i: number, value: number): void {
    (this.#pages[i >>> columnShift] as Float64Array)[i & pageMask] = value;
  }

  reserve(size: number): void {
    while (this.#pages.length < pagesFor(size)) this.#pages.push(new Float64Array(columnPage));
  }

  move(from: number, to: number): void {
    this.set(to, this.get(from));
  }

  cut(size: number): void {
    this.#pages.length = Math.min(this.#pages.length, pagesFor(size));
    if ((size & pageMask) !== 0) this.#pages.at(-1)?.fill(0, size & pageMask);
  }
}

export class Uint32Column implements Column {
  readonly bytesPerEntry = 4;
  readonly #pages: Uint32Array[] = [];

  get(i: number): number {
    return (this.#pages[i >>> columnShift] as Uint32Array)[i & pageMask] as number;
  }

  set(i: number, value: number): void {
    (this.#pages[i >>> columnShift] as Uint32Array)[i & pageMask] = value;
  }

  reserve(size: number): void {
    while (this.#pages.length < pagesFor(size)) this.#pages.push(new Uint32Array(columnPage));
  }

  move(from: number, to: number): void {
    this.set(to, this.get(from));
  }

  cut(size: number): void {
    this.#pages.length = Math.min(this.#pages.length, pagesFor(size));
    if ((size & pageMask) !== 0) this.#pages.at(-1)?.fill(0, size & pageMask);
  }
}

export class Uint8Column implements Column {
  readonly bytesPerEntry = 1;
  readonly #pages: Uint8Array[] = [];

  get(i: number): number {
    return (this.#pages[i >>> columnShift] as Uint8Array)[i & pageMask] as number;
  }

  set(i: number, value: number): void {
    (this.#pages[i >>> columnShift] as Uint8Array)[i & pageMask] = value;
  }

  reserve(size: number): void {
    while (this.#pages.length < pagesFor(size)) this.#pages.push(new Uint8Array(columnPage));
  }

  move(from: number, to: number): void {
    this.set(to, this.get(from));
  }

  cut(size: number): void {
    this.#pages.length = Math.min(this.#pages.length, pagesFor(size));
    if ((size & pageMask) !== 0) this.#pages.at(-1)?.fill(0, size & pageMask);
  }
}
