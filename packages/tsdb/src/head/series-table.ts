/**
 * The series of the head. A series has a *slot* (dense, 0 … count−1: the index into every column) and a *ref* (its name in the
 * log and for callers: never used twice). Slots move when series are removed, refs do not.
 *
 * Labels are runs of symbol ids in one pool: `[count, name, value, name, value, …]`.
 */
import { compareBytes, Labels } from '@pronoia/model';
import { type Column, Float64Column, Uint32Column } from './column.ts';
import { Postings } from './postings.ts';
import { Symbols } from './symbols.ts';

const poolPageWords = 1 << 16;
/** One label set must fit a page of the pool. */
const maxLabels = (poolPageWords - 1) / 2;
const refPage = 4096;
/** About 30 MB when full. */
const keptLabels = 50_000;

export class SeriesTable {
  symbols = new Symbols();
  postings = new Postings();
  count = 0;
  /** The highest ref given so far. */
  lastRef = 0;
  readonly #refs = new Float64Column();
  readonly #hashes = new Uint32Column();
  readonly #labelsAt = new Uint32Column();
  readonly columns: readonly Column[] = [this.#refs, this.#hashes, this.#labelsAt];
  #slotPages: (Int32Array | undefined)[] = [];
  #pool: Uint32Array[] = [];
  #poolNext = 0;
  /** Open addressing by hash of the label set: slot + 1, 0 = free. */
  #table = new Uint32Array(1024);
  #scratch = new Uint32Array(64);
  /** Label sets that were asked for lately: dashboards ask for the same ones again. */
  readonly #labels = new Map<number, Labels>();

  ref(slot: number): number {
    return this.#refs.get(slot);
  }

  /** −1 when there is no such series (any more). */
  slotOf(ref: number): number {
    if (!(ref > 0) || ref > this.lastRef) return -1;
    const page = this.#slotPages[Math.floor(ref / refPage)];
    return page === undefined ? -1 : (page[ref % refPage] as number) - 1;
  }

  #setSlot(ref: number, slot: number): void {
    const index = Math.floor(ref / refPage);
    let page = this.#slotPages[index];
    if (page === undefined) {
      page = new Int32Array(refPage);
      this.#slotPages[index] = page;
    }
    page[ref % refPage] = slot + 1;
  }

  /** −1 when no series has exactly these labels. */
  find(labels: Labels): number {
    const { pairs } = labels;
    const ids = this.#scratchFor(pairs.length);
    for (let i = 0; i < pairs.length; i++) {
      const id = this.symbols.find(pairs[i] as string);
      if (id < 0) return -1;
      ids[i] = id;
    }
    return this.#findIds(ids, pairs.length, hashIds(ids, pairs.length));
  }

  #scratchFor(length: number): Uint32Array {
    if (this.#scratch.length < length) this.#scratch = new Uint32Array(length * 2);
    return this.#scratch;
  }

  #findIds(ids: Uint32Array, length: number, hash: number): number {
    const mask = this.#table.length - 1;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const slot = (this.#table[i] as number) - 1;
      if (slot < 0) return -1;
      if (this.#hashes.get(slot) === hash && this.#hasIds(slot, ids, length)) return slot;
    }
  }

  #hasIds(slot: number, ids: Uint32Array, length: number): boolean {
    const at = this.#labelsAt.get(slot);
    const page = this.#pool[at >>> 16] as Uint32Array;
    const start = at & 0xffff;
    if (page[start] !== length / 2) return false;
    for (let i = 0; i < length; i++) if (page[start + 1 + i] !== ids[i]) return false;
    return true;
  }

  /** The caller has looked that no series has these labels. `ref` 0 takes the next one. Returns the slot. */
  create(labels: Labels, ref = 0): number {
    const { pairs } = labels;
    const ids = this.#scratchFor(pairs.length);
    for (let i = 0; i < pairs.length; i++) ids[i] = this.symbols.intern(pairs[i] as string);
    const slot = this.count++;
    for (const column of this.columns) column.reserve(this.count);
    const ownRef = ref === 0 ? this.lastRef + 1 : ref;
    if (ownRef > this.lastRef) this.lastRef = ownRef;
    this.#refs.set(slot, ownRef);
    this.#setSlot(ownRef, slot);
    const hash = hashIds(ids, pairs.length);
    this.#hashes.set(slot, hash);
    this.#labelsAt.set(slot, this.#storeIds(ids, pairs.length));
    if (this.count * 3 > this.#table.length * 2) this.#rebuildTable(this.#table.length * 2);
    else this.#insert(slot, hash);
    for (let i = 0; i < pairs.length; i += 2) this.postings.add(ids[i] as number, ids[i + 1] as number, slot);
    return slot;
  }

  #storeIds(ids: Uint32Array, length: number): number {
    if ((this.#poolNext & 0xffff) + length + 1 > poolPageWords) this.#poolNext = ((this.#poolNext + 0xffff) & ~0xffff) >>> 0;
    const at = this.#poolNext;
    const index = at >>> 16;
    if (index === this.#pool.length) this.#pool.push(new Uint32Array(poolPageWords));
    const page = this.#pool[index] as Uint32Array;
    page[at & 0xffff] = length / 2;
    page.set(ids.subarray(0, length), (at & 0xffff) + 1);
    this.#poolNext = at + length + 1;
    return at >>> 0;
  }

  #insert(slot: number, hash: number): void {
    const mask = this.#table.length - 1;
    let i = hash & mask;
    while (this.#table[i] !== 0) i = (i + 1) & mask;
    this.#table[i] = slot + 1;
  }

  #rebuildTable(size: number): void {
    this.#table = new Uint32Array(size);
    for (let slot = 0; slot < this.count; slot++) this.#insert(slot, this.#hashes.get(slot));
  }

  labels(slot: number): Labels {
    const known = this.#labels.get(slot);
    if (known !== undefined) return known;
    if (this.#labels.size >= keptLabels) this.#labels.clear();
    const labels = this.#makeLabels(slot);
    this.#labels.set(slot, labels);
    return labels;
  }

  #makeLabels(slot: number): Labels {
    const at = this.#labelsAt.get(slot);
    const page = this.#pool[at >>> 16] as Uint32Array;
    const start = (at & 0xffff) + 1;
    const length = (page[start - 1] as number) * 2;
    const pairs: string[] = [];
    for (let i = 0; i < length; i++) pairs.push(this.symbols.text(page[start + i] as number));
    return Labels.fromSorted(pairs);
  }

  /** Symbol ids of the labels, name and value in turn. A view. */
  ids(slot: number): Uint32Array {
    const at = this.#labelsAt.get(slot);
    const page = this.#pool[at >>> 16] as Uint32Array;
    const start = (at & 0xffff) + 1;
    return page.subarray(start, start + (page[start - 1] as number) * 2);
  }

  /**
   * Removes the series for which `keeps` is false and moves the others together, in order. Returns the new slot per old slot
   * (−1: removed) for the tables beside this one. Symbols and postings are built anew, so that texts of removed series go.
   */
  compact(keeps: (slot: number) => boolean): Int32Array {
    this.#labels.clear();
    const moved = new Int32Array(this.count);
    const old = { count: this.count, symbols: this.symbols, pool: this.#pool };
    this.symbols = new Symbols();
    this.postings = new Postings();
    this.#pool = [];
    this.#poolNext = 0;
    const symbolIds = new Int32Array(old.symbols.size).fill(-1);
    let count = 0;
    for (let slot = 0; slot < old.count; slot++) {
      const ref = this.#refs.get(slot);
      if (!keeps(slot)) {
        moved[slot] = -1;
        this.#setSlot(ref, -1);
        continue;
      }
      const at = this.#labelsAt.get(slot);
      const page = old.pool[at >>> 16] as Uint32Array;
      const length = (page[at & 0xffff] as number) * 2;
      const ids = this.#scratchFor(length);
      for (let i = 0; i < length; i++) {
        const oldId = page[(at & 0xffff) + 1 + i] as number;
        let id = symbolIds[oldId] as number;
        if (id < 0) {
          id = this.symbols.intern(old.symbols.text(oldId));
          symbolIds[oldId] = id;
        }
        ids[i] = id;
      }
      moved[slot] = count;
      this.#refs.set(count, ref);
      this.#setSlot(ref, count);
      this.#hashes.set(count, hashIds(ids, length));
      this.#labelsAt.set(count, this.#storeIds(ids, length));
      for (let i = 0; i < length; i += 2) this.postings.add(ids[i] as number, ids[i + 1] as number, count);
      count++;
    }
    this.count = count;
    for (const column of this.columns) column.cut(count);
    this.#dropEmptySlotPages();
    let size = 1024;
    while (count * 3 > size * 2) size *= 2;
    this.#rebuildTable(size);
    return moved;
  }

  #dropEmptySlotPages(): void {
    for (let i = 0; i < this.#slotPages.length; i++) {
      if (this.#slotPages[i]?.every((slot) => slot === 0)) this.#slotPages[i] = undefined;
    }
  }
}

/** Sorted, unique, without empty texts, and at least one. */
export function areValidLabels({ pairs }: Labels): boolean {
  if (pairs.length === 0 || pairs.length / 2 > maxLabels) return false;
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === '' || pairs[i + 1] === '') return false;
    if (i > 0 && compareBytes(pairs[i - 2] as string, pairs[i] as string) >= 0) return false;
  }
  return true;
}

function hashIds(ids: Uint32Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) {
    hash = Math.imul(hash ^ (ids[i] as number), 0x01000193);
    hash ^= hash >>> 13;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 15)) >>> 0;
}
