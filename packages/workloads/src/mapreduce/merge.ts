/** Merges sorted segments into one sorted stream: a heap of readers, ties in the order in which the readers were given (stable). */
import { compareBytes } from './bytes.ts';
import type { SegmentReader } from './segment.ts';

/** Calls `visit` for every record of all readers in key order, and closes them. A record's places are in `reader.bytes` during the call. */
export function mergeSegments(readers: readonly SegmentReader[], visit: (reader: SegmentReader) => void): void {
  const merge = new Merge(readers);
  try {
    for (let reader = merge.next(); reader !== undefined; reader = merge.next()) visit(reader);
  } finally {
    merge.close();
  }
}

export class Merge {
  readonly #readers: readonly SegmentReader[];
  readonly #heap: number[] = [];
  #isStarted = false;
  #isPending = false;

  constructor(readers: readonly SegmentReader[]) {
    this.#readers = readers;
  }

  /** The reader that stands on the next record; undefined at the end. The record is valid until the next call. */
  next(): SegmentReader | undefined {
    if (!this.#isStarted) {
      this.#isStarted = true;
      for (let i = 0; i < this.#readers.length; i++) {
        if (!(this.#readers[i] as SegmentReader).next()) continue;
        this.#heap.push(i);
        this.#up(this.#heap.length - 1);
      }
    } else if (this.#isPending) {
      const top = this.#heap[0] as number;
      if (!(this.#readers[top] as SegmentReader).next()) {
        const last = this.#heap.pop() as number;
        if (this.#heap.length > 0) this.#heap[0] = last;
      }
      this.#down(0);
    }
    this.#isPending = this.#heap.length > 0;
    return this.#isPending ? this.#readers[this.#heap[0] as number] : undefined;
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
  }

  #less(a: number, b: number): boolean {
    const x = this.#readers[a] as SegmentReader;
    const y = this.#readers[b] as SegmentReader;
    const order = compareBytes(x.bytes, x.keyStart, x.keyEnd, y.bytes, y.keyStart, y.keyEnd);
    return order < 0 || (order === 0 && a < b);
  }

  #up(start: number): void {
    const heap = this.#heap;
    let i = start;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#less(heap[i] as number, heap[parent] as number)) return;
      [heap[i], heap[parent]] = [heap[parent] as number, heap[i] as number];
      i = parent;
    }
  }

  #down(start: number): void {
    const heap = this.#heap;
    let i = start;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && this.#less(heap[right] as number, heap[left] as number) ? right : left;
      if (!this.#less(heap[child] as number, heap[i] as number)) return;
      [heap[i], heap[child]] = [heap[child] as number, heap[i] as number];
      i = child;
    }
  }
}
