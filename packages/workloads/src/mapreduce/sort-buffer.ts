/**
 * Records of a map on their way to disk: one byte arena and an index of 16 bytes a record, sorted by partition, then key, then
 * arrival (mapreduce.md §6). Hot. The sort is a least-significant-digit radix sort over the next eight bytes of the keys, repeated
 * eight bytes further for those that are still equal: no comparison function is called except for a handful of records.
 */
import { compareBytes } from './bytes.ts';

/** Below this many records a comparison sort wins. */
const SMALL = 48;

export class SortBuffer {
  readonly #limitBytes: number;
  readonly #partitions: number;
  #arena: Uint8Array;
  #used = 0;
  /** Four per record: arena offset, key length, value length, partition. */
  #index: Uint32Array;
  #count = 0;

  constructor(limitBytes: number, partitions: number) {
    this.#limitBytes = limitBytes;
    this.#partitions = partitions;
    this.#arena = new Uint8Array(Math.min(1 << 20, limitBytes));
    this.#index = new Uint32Array(1 << 14);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): Uint8Array {
    return this.#arena;
  }

  get memoryBytes(): number {
    return this.#used + this.#count * 16;
  }

  /** False when the record does not fit any more: spill, then try again. A record larger than the limit fits into an empty buffer. */
  add(
    partition: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    const needed = this.#used + keyLength + valueLength;
    if (needed + (this.#count + 1) * 16 > this.#limitBytes && this.#count > 0) return false;
    if (needed > this.#arena.length) this.#growArena(needed);
    if ((this.#count + 1) * 4 > this.#index.length) {
      const larger = new Uint32Array(this.#index.length * 2);
      larger.set(this.#index);
      this.#index = larger;
    }
    const arena = this.#arena;
    let at = this.#used;
    const slot = this.#count * 4;
    this.#index[slot] = at;
    this.#index[slot + 1] = keyLength;
    this.#index[slot + 2] = valueLength;
    this.#index[slot + 3] = partition;
    if (keyLength > 48) {
      arena.set(key.subarray(keyStart, keyEnd), at);
      at += keyLength;
    } else for (let i = keyStart; i < keyEnd; i++) arena[at++] = key[i] as number;
    if (valueLength > 48) {
      arena.set(value.subarray(valueStart, valueEnd), at);
      at += valueLength;
    } else for (let i = valueStart; i < valueEnd; i++) arena[at++] = value[i] as number;
    this.#used = at;
    this.#count++;
    return true;
  }

  clear(): void {
    this.#used = 0;
    this.#count = 0;
  }

  /** Every record in order. Places are in `bytes`. */
  forEachSorted(visit: (partition: number, keyStart: number, keyEnd: number, valueEnd: number) => void): void {
    const order = this.#sort();
    const index = this.#index;
    for (let i = 0; i < order.length; i++) {
      const slot = (order[i] as number) * 4;
      const start = index[slot] as number;
      const keyEnd = start + (index[slot + 1] as number);
      visit(index[slot + 3] as number, start, keyEnd, keyEnd + (index[slot + 2] as number));
    }
  }

  #growArena(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, Math.min(this.#arena.length * 2, this.#limitBytes)));
    larger.set(this.#arena.subarray(0, this.#used));
    this.#arena = larger;
  }

  #sort(): Uint32Array {
    const count = this.#count;
    const order = new Uint32Array(count);
    const starts = new Uint32Array(this.#partitions + 1);
    for (let i = 0; i < count; i++) {
      const next = (this.#index[i * 4 + 3] as number) + 1;
      starts[next] = (starts[next] as number) + 1;
    }
    for (let p = 0; p < this.#partitions; p++) starts[p + 1] = (starts[p + 1] as number) + (starts[p] as number);
    const cursor = starts.slice(0, this.#partitions);
    for (let i = 0; i < count; i++) {
      const partition = this.#index[i * 4 + 3] as number;
      const at = cursor[partition] as number;
      order[at] = i;
      cursor[partition] = at + 1;
    }
    for (let p = 0; p < this.#partitions; p++) this.#sortRange(order, starts[p] as number, starts[p + 1] as number, 0);
    return order;
  }

  /** Sorts order[from, to): keys are equal in their first `depth` bytes, and all are at least that long. Stable. */
  #sortRange(order: Uint32Array, from: number, to: number, depth: number): void {
    const count = to - from;
    if (count < 2) return;
    if (count < SMALL) {
      this.#insertionSort(order, from, to, depth);
      return;
    }
    const arena = this.#arena;
    const index = this.#index;
    let ids: Uint32Array = order.slice(from, to);
    let high: Uint32Array = new Uint32Array(count);
    let low: Uint32Array = new Uint32Array(count);
    const digits = new Uint32Array(8 * 256);
    for (let i = 0; i < count; i++) {
      const slot = (ids[i] as number) * 4;
      const start = (index[slot] as number) + depth;
      const length = (index[slot + 1] as number) - depth;
      let h = 0;
      let l = 0;
      for (let j = 0; j < 4; j++) h = (h << 8) | (j < length ? (arena[start + j] as number) : 0);
      for (let j = 4; j < 8; j++) l = (l << 8) | (j < length ? (arena[start + j] as number) : 0);
      high[i] = h;
      low[i] = l;
      for (let j = 0; j < 4; j++) {
        const a = j * 256 + ((l >>> (j * 8)) & 0xff);
        digits[a] = (digits[a] as number) + 1;
        const b = (j + 4) * 256 + ((h >>> (j * 8)) & 0xff);
        digits[b] = (digits[b] as number) + 1;
      }
    }
    let otherIds: Uint32Array = new Uint32Array(count);
    let otherHigh: Uint32Array = new Uint32Array(count);
    let otherLow: Uint32Array = new Uint32Array(count);
    for (let pass = 0; pass < 8; pass++) {
      const base = pass * 256;
      const shift = (pass & 3) * 8;
      const source = pass < 4 ? low : high;
      // A digit that is the same in all keys moves nothing.
      if (digits[base + (((source[0] as number) >>> shift) & 0xff)] === count) continue;
      let sum = 0;
      for (let d = 0; d < 256; d++) {
        const n = digits[base + d] as number;
        digits[base + d] = sum;
        sum += n;
      }
      for (let i = 0; i < count; i++) {
        const d = base + (((source[i] as number) >>> shift) & 0xff);
        const at = digits[d] as number;
        digits[d] = at + 1;
        otherIds[at] = ids[i] as number;
        otherHigh[at] = high[i] as number;
        otherLow[at] = low[i] as number;
      }
      [ids, otherIds] = [otherIds, ids];
      [high, otherHigh] = [otherHigh, high];
      [low, otherLow] = [otherLow, low];
    }
    order.set(ids, from);
    // Runs that are equal in these eight bytes: shorter keys first, then those that go on.
    let runStart = 0;
    for (let i = 1; i <= count; i++) {
      if (i < count && high[i] === high[runStart] && low[i] === low[runStart]) continue;
      if (i - runStart > 1) this.#sortRun(order, from + runStart, from + i, depth);
      runStart = i;
    }
  }

  /** Keys that agree in eight bytes from `depth` on (missing bytes taken as 0). */
  #sortRun(order: Uint32Array, from: number, to: number, depth: number): void {
    const index = this.#index;
    const firstLength = index[(order[from] as number) * 4 + 1] as number;
    if (firstLength - depth <= 8) {
      let i = from + 1;
      while (i < to && index[(order[i] as number) * 4 + 1] === firstLength) i++;
      if (i === to) return; // All the same key: they are in order of arrival already.
    }
    if (to - from < SMALL) {
      this.#insertionSort(order, from, to, depth);
      return;
    }
    // Counting sort by the remaining length up to 8; class 9 goes on behind.
    const ids = order.slice(from, to);
    const classes = new Uint32Array(11);
    const classOf = (id: number): number => Math.min(9, (index[id * 4 + 1] as number) - depth);
    for (const id of ids) classes[classOf(id) + 1] = (classes[classOf(id) + 1] as number) + 1;
    for (let c = 1; c < 11; c++) classes[c] = (classes[c] as number) + (classes[c - 1] as number);
    const longer = from + (classes[9] as number);
    for (const id of ids) {
      const at = classes[classOf(id)] as number;
      order[from + at] = id;
      classes[classOf(id)] = at + 1;
    }
    this.#sortRange(order, longer, to, depth + 8);
  }

  #insertionSort(order: Uint32Array, from: number, to: number, depth: number): void {
    const arena = this.#arena;
    const index = this.#index;
    for (let i = from + 1; i < to; i++) {
      const id = order[i] as number;
      const start = index[id * 4] as number;
      const end = start + (index[id * 4 + 1] as number);
      let at = i - 1;
      while (at >= from) {
        const other = order[at] as number;
        const otherStart = index[other * 4] as number;
        const otherEnd = otherStart + (index[other * 4 + 1] as number);
        if (compareBytes(arena, otherStart + depth, otherEnd, arena, start + depth, end) <= 0) break;
        order[at + 1] = other;
        at--;
      }
      order[at + 1] = id;
    }
  }
}
