/**
 * The series of the head. A series has a *slot* (dense, 0 … count−1: the index into every column) and a *ref* (its name in the
 * log and for callers: never used twice). Slots move when series are removed, refs do not.
 *
 * Labels are runs of symbol ids in one pool: `[count, name, value, name, value, …]`.
 */
import { compareBytes, Labels } from '@pronoia/model';
import { type Column, columnPage, Float64Column, Uint32Column } from './column.ts';
import { Postings } from './postings.ts';
import { Symbols } from './symbols.ts';

const poolPageWords = 1 << 16;
/** One label set must fit a page of the pool. */
const maxLabels = (poolPageWords - 1) / 2;
const refShift = 12;
const refPage = 1 << refShift;
/** About 30 MB when full. */
const keptLabels = 50_000;

interface LabelPool {
  readonly pages: Uint32Array[];
  next: number;
}

/** A removal of series under way: what is below `from` has been looked at, and what stays of it lies below `to`. */
interface Sweep {
  from: number;
  to: number;
  /** New slot by old one, below `from`. */
  moved: Int32Array;
  readonly symbols: Symbols;
  /** New id by old one; −1 = not needed so far. */
  symbolIds: Int32Array;
  readonly postings: Postings;
  readonly hashes: Uint32Column;
  readonly labelsAt: Uint32Column;
  readonly pool: LabelPool;
  table: Uint32Array<ArrayBuffer>;
}

export class SeriesTable {
  symbols = new Symbols();
  postings = new Postings();
  count = 0;
  /** The highest ref given so far. */
  lastRef = 0;
  readonly #refs = new Float64Column();
  #hashes = new Uint32Column();
  #labelsAt = new Uint32Column();
  columns: readonly Column[] = [this.#refs, this.#hashes, this.#labelsAt];
  #slotPages: (Int32Array | undefined)[] = [];
  #pool: LabelPool = { pages: [], next: 0 };
  /** Open addressing by hash of the label set: slot + 1, 0 = free. */
  #table = new Uint32Array(1024);
  #scratch = new Uint32Array(64);
  /** Label sets that were asked for lately: dashboards ask for the same ones again. */
  readonly #labels = new Map<number, Labels>();
  #sweep: Sweep | undefined;

  ref(slot: number): number {
    return this.#refs.get(slot);
  }

  /** −1 when there is no such series (any more). */
  slotOf(ref: number): number {
    if (!(ref > 0) || ref > this.lastRef) return -1;
    // Nearly all: a division of floats costs as much as everything else here.
    if (ref <= 0x7fffffff) {
      const near = this.#slotPages[(ref | 0) >>> refShift];
      return near === undefined ? -1 : (near[ref & (refPage - 1)] as number) - 1;
    }
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

  /** The same, of the symbols' ids. */
  findFromIds(ids: Uint32Array, length: number): number {
    return this.#findIds(ids, length, hashIds(ids, length));
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
    const page = this.#pool.pages[at >>> 16] as Uint32Array;
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
    return this.createFromIds(ids, pairs.length, ref);
  }

  /** The same, of the symbols' ids. */
  createFromIds(ids: Uint32Array, length: number, ref: number): number {
    const slot = this.count++;
    if (slot % columnPage === 0) for (const column of this.columns) column.reserve(this.count);
    const ownRef = ref === 0 ? this.lastRef + 1 : ref;
    if (ownRef > this.lastRef) this.lastRef = ownRef;
    this.#refs.set(slot, ownRef);
    this.#setSlot(ownRef, slot);
    const hash = hashIds(ids, length);
    this.#hashes.set(slot, hash);
    this.#labelsAt.set(slot, storeIds(this.#pool, ids, length));
    if (this.count * 3 > this.#table.length * 2) this.#rebuildTable(this.#table.length * 2);
    else this.#insert(slot, hash);
    for (let i = 0; i < length; i += 2) this.postings.add(ids[i] as number, ids[i + 1] as number, slot);
    return slot;
  }

  #insert(slot: number, hash: number): void {
    insert(this.#table, slot, hash);
  }

  #rebuildTable(size: number): void {
    this.#table = new Uint32Array(size);
    const [gapStart, gapEnd] = this.gap;
    for (let slot = 0; slot < this.count; slot++) if (slot < gapStart || slot >= gapEnd) this.#insert(slot, this.#hashes.get(slot));
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
    const page = this.#pool.pages[at >>> 16] as Uint32Array;
    const start = (at & 0xffff) + 1;
    const length = (page[start - 1] as number) * 2;
    const pairs: string[] = [];
    for (let i = 0; i < length; i++) pairs.push(this.symbols.text(page[start + i] as number));
    return Labels.fromSorted(pairs);
  }

  /** Symbol ids of the labels, name and value in turn. A view. */
  ids(slot: number): Uint32Array {
    const at = this.#labelsAt.get(slot);
    const page = this.#pool.pages[at >>> 16] as Uint32Array;
    const start = (at & 0xffff) + 1;
    return page.subarray(start, start + (page[start - 1] as number) * 2);
  }

  /** Series that are there; `count` is above all slots in use. */
  get liveCount(): number {
    return this.count - (this.#sweep === undefined ? 0 : this.#sweep.from - this.#sweep.to);
  }

  /** Slots that a sweep has emptied, `[start, end)`; the same number twice when there are none. */
  get gap(): readonly [start: number, end: number] {
    return this.#sweep === undefined ? [0, 0] : [this.#sweep.to, this.#sweep.from];
  }

  /** Slots of the series with this label, by symbol ids: ascending; not to be changed, valid until the next change. */
  slotsWith(name: number, value: number): Uint32Array {
    const slots = this.postings.get(name, value);
    if (this.#sweep === undefined) return slots;
    const { from, moved } = this.#sweep;
    const result = new Uint32Array(slots.length);
    let count = 0;
    for (const slot of slots) {
      const to = slot < from ? (moved[slot] as number) : slot;
      if (to >= 0) result[count++] = to;
    }
    return result.subarray(0, count);
  }

  /**
   * Begins to remove series. Slots from 0 on are then looked at one by one with `sweepNext`, in which those that stay are moved together,
   * in order; in between, series may be added and looked up. Symbols and postings are built anew beside the old ones, so that
   * texts of removed series go, and take their place in `endSweep`. `removedShare` says for how many it makes sense to make room.
   */
  beginSweep(removedShare: number): void {
    let tableSize = 1024;
    while (this.count * (1 - removedShare) * 3 > tableSize * 2) tableSize *= 2;
    this.#sweep = {
      from: 0,
      to: 0,
      moved: new Int32Array(this.count + 1024),
      symbols: new Symbols(),
      symbolIds: new Int32Array(this.symbols.size + 1024).fill(-1),
      postings: new Postings(Math.ceil(this.postings.size * (1 - removedShare))),
      hashes: new Uint32Column(),
      labelsAt: new Uint32Column(),
      pool: { pages: [], next: 0 },
      table: new Uint32Array(tableSize),
    };
  }

  /** The slot that `sweepNext` will look at; undefined when there is none left. */
  get sweepAt(): number | undefined {
    const from = this.#sweep?.from as number;
    return from < this.count ? from : undefined;
  }

  /** Returns the new slot of the series, −1 when it is removed. The caller moves what it has by slot. */
  sweepNext(keeps: boolean): number {
    const sweep = this.#sweep as Sweep;
    const slot = sweep.from++;
    if (slot === sweep.moved.length) sweep.moved = grown(sweep.moved);
    const ref = this.#refs.get(slot);
    if (!keeps) {
      this.#removeFromTable(slot);
      this.#setSlot(ref, -1);
      this.#labels.delete(slot);
      sweep.moved[slot] = -1;
      return -1;
    }
    const to = sweep.to++;
    sweep.moved[slot] = to;
    this.#sweepLabels(sweep, slot, to);
    if (to === slot) return to;
    this.#setInTable(slot, to + 1);
    this.#setSlot(ref, to);
    for (const column of this.columns) column.move(slot, to);
    const labels = this.#labels.get(slot);
    this.#labels.delete(slot);
    if (labels !== undefined) this.#labels.set(to, labels);
    return to;
  }

  #sweepLabels(sweep: Sweep, slot: number, to: number): void {
    const oldIds = this.ids(slot);
    const { length } = oldIds;
    const ids = this.#scratchFor(length);
    for (let i = 0; i < length; i++) {
      const oldId = oldIds[i] as number;
      while (oldId >= sweep.symbolIds.length) sweep.symbolIds = grown(sweep.symbolIds, -1);
      let id = sweep.symbolIds[oldId] as number;
      if (id < 0) {
        id = sweep.symbols.adopt(this.symbols.text(oldId));
        sweep.symbolIds[oldId] = id;
      }
      ids[i] = id;
    }
    const hash = hashIds(ids, length);
    sweep.hashes.reserve(to + 1);
    sweep.labelsAt.reserve(to + 1);
    sweep.hashes.set(to, hash);
    sweep.labelsAt.set(to, storeIds(sweep.pool, ids, length));
    for (let i = 0; i < length; i += 2) sweep.postings.add(ids[i] as number, ids[i + 1] as number, to);
    if ((to + 1) * 3 > sweep.table.length * 2) {
      sweep.table = new Uint32Array(sweep.table.length * 2);
      for (let other = 0; other < to; other++) insert(sweep.table, other, sweep.hashes.get(other));
    }
    insert(sweep.table, to, hash);
  }

  /** All slots have been looked at. */
  endSweep(): void {
    const { from, to, symbols, postings, hashes, labelsAt, pool, table } = this.#sweep as Sweep;
    if (from !== this.count) throw new Error(`BUG: a sweep ends at slot ${from} of ${this.count}`);
    this.#sweep = undefined;
    this.symbols = symbols;
    this.postings = postings;
    this.#hashes = hashes;
    this.#labelsAt = labelsAt;
    this.columns = [this.#refs, hashes, labelsAt];
    this.#pool = pool;
    this.#table = table;
    this.count = to;
    for (const column of this.columns) {
      column.reserve(to);
      column.cut(to);
    }
    this.#dropEmptySlotPages();
  }

  /** Where the slot is in the table. */
  #placeInTable(slot: number): number {
    const mask = this.#table.length - 1;
    let i = this.#hashes.get(slot) & mask;
    while (this.#table[i] !== slot + 1) i = (i + 1) & mask;
    return i;
  }

  #setInTable(slot: number, entry: number): void {
    this.#table[this.#placeInTable(slot)] = entry;
  }

  /** What follows without a gap may have been pushed on by this entry, and moves back. */
  #removeFromTable(slot: number): void {
    const mask = this.#table.length - 1;
    let hole = this.#placeInTable(slot);
    for (let i = (hole + 1) & mask; this.#table[i] !== 0; i = (i + 1) & mask) {
      const home = this.#hashes.get((this.#table[i] as number) - 1) & mask;
      // Whether `home` lies cyclically in (hole, i]: then the entry is where it may be.
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      this.#table[hole] = this.#table[i] as number;
      hole = i;
    }
    this.#table[hole] = 0;
  }

  #dropEmptySlotPages(): void {
    for (let i = 0; i < this.#slotPages.length; i++) {
      if (this.#slotPages[i]?.every((slot) => slot === 0)) this.#slotPages[i] = undefined;
    }
  }
}

function storeIds(pool: LabelPool, ids: Uint32Array, length: number): number {
  if ((pool.next & 0xffff) + length + 1 > poolPageWords) pool.next = ((pool.next + 0xffff) & ~0xffff) >>> 0;
  const at = pool.next;
  const index = at >>> 16;
  if (index === pool.pages.length) pool.pages.push(new Uint32Array(poolPageWords));
  const page = pool.pages[index] as Uint32Array;
  page[at & 0xffff] = length / 2;
  for (let i = 0; i < length; i++) page[(at & 0xffff) + 1 + i] = ids[i] as number;
  pool.next = at + length + 1;
  return at >>> 0;
}

function insert(table: Uint32Array, slot: number, hash: number): void {
  const mask = table.length - 1;
  let i = hash & mask;
  while (table[i] !== 0) i = (i + 1) & mask;
  table[i] = slot + 1;
}

function grown(array: Int32Array, fill = 0): Int32Array {
  const result = new Int32Array(array.length * 2).fill(fill, array.length);
  result.set(array);
  return result;
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
