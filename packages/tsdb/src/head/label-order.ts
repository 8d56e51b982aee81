/**
 * The order of series by their labels, kept between queries: answers are sorted, and sorting label texts anew for each query cost
 * more than reading the samples. New series are sorted among themselves and merged in when the next query comes.
 */
import { compareBytes } from '@pronoia/model';
import { Turn } from '../turn.ts';
import type { SeriesTable } from './series-table.ts';

const nothing = new Uint32Array(0);
const hole = 0xffffffff;
/** So many are sorted at one go: about four milliseconds. */
const seriesPerRun = 2048;

export class LabelOrder {
  readonly #series: SeriesTable;
  /** The slots below `#known` in label order; holes for series that were removed meanwhile. */
  #sorted: Uint32Array = new Uint32Array(0);
  #known = 0;
  #holes = 0;
  #preparing: Promise<void> | undefined;
  /** Place in `#sorted` by slot. */
  #ranks: Uint32Array = new Uint32Array(0);

  constructor(series: SeriesTable) {
    this.#series = series;
  }

  /** The same slots in label order. */
  sort(slots: Uint32Array): Uint32Array {
    // A question about few series does not wait until all the new ones have been put in order.
    if (slots.length * 4 < this.#series.count - this.#known) return slots.slice().sort((a, b) => this.#compare(a, b));
    this.catchUp();
    // Ranks are sorted as plain numbers, and name their slots.
    const ranks = new Uint32Array(slots.length);
    for (let i = 0; i < slots.length; i++) ranks[i] = this.#ranks[slots[i] as number] as number;
    ranks.sort();
    for (let i = 0; i < ranks.length; i++) ranks[i] = this.#sorted[ranks[i] as number] as number;
    return ranks;
  }

  /** Takes in the series that are new, a few at a time. Nobody may move series meanwhile. */
  async settle(): Promise<void> {
    const turn = new Turn();
    while (this.#known < this.#series.count) {
      this.catchUp(seriesPerRun / 4);
      await turn.yield();
    }
  }

  /** Takes in the series that are new, the `atMost` oldest of them. */
  catchUp(atMost = Infinity): void {
    const known = this.#known;
    const count = Math.min(this.#series.count, known + atMost);
    if (known === count) return;
    const fresh = Uint32Array.from({ length: count - known }, (_, i) => known + i).sort((a, b) => this.#compare(a, b));
    this.#fillHoles();
    this.#sorted = fresh.length * 8 < this.#sorted.length ? this.#insert(fresh) : this.#merge(this.#sorted, fresh);
    this.#known = count;
    this.#rank();
  }

  #fillHoles(): void {
    if (this.#holes === 0) return;
    const left = new Uint32Array(this.#sorted.length - this.#holes);
    let count = 0;
    for (const slot of this.#sorted) if (slot !== hole) left[count++] = slot;
    this.#sorted = left;
    this.#holes = 0;
  }

  /** A few into many: what lies between them is copied in runs. */
  #insert(fresh: Uint32Array): Uint32Array {
    const old = this.#sorted;
    const merged = new Uint32Array(old.length + fresh.length);
    let from = 0;
    for (const [i, slot] of fresh.entries()) {
      let low = from;
      let high = old.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#compare(old[middle] as number, slot) < 0) low = middle + 1;
        else high = middle;
      }
      merged.set(old.subarray(from, low), from + i);
      merged[low + i] = slot;
      from = low;
    }
    merged.set(old.subarray(from), from + fresh.length);
    return merged;
  }

  /**
   * Sorts everything in slices of the event loop, after the start: no wide query should have to wait for it at one go. Gives up when one has
   * come nevertheless, or when the signal fires.
   */
  prepare(signal: AbortSignal): void {
    this.#preparing = this.#prepare(signal);
  }

  /** What a question about so many series should wait for before it asks for their slots. */
  readyFor(series: number): Promise<void> | undefined {
    return this.#known === 0 && series * 4 >= this.#series.count ? this.#preparing : undefined;
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const turn = new Turn();
    const { count } = this.#series;
    const isWanted = (): boolean => this.#known === 0 && !signal.aborted;
    let runs: Uint32Array[] = [];
    for (let from = 0; from < count; from += seriesPerRun) {
      const run = Uint32Array.from({ length: Math.min(seriesPerRun, count - from) }, (_, i) => from + i);
      runs.push(run.sort((a, b) => this.#compare(a, b)));
      await turn.yield();
      if (!isWanted()) return;
    }
    while (runs.length > 1) {
      const merged: Uint32Array[] = [];
      for (let i = 0; i < runs.length; i += 2) {
        merged.push(await this.#mergeInSlices(runs[i] as Uint32Array, runs[i + 1] ?? nothing, turn));
        if (!isWanted()) return;
      }
      runs = merged;
    }
    this.#sorted = runs[0] ?? nothing;
    this.#known = this.#sorted.length;
    this.#rank();
  }

  /** As `#merge`; a series that is removed meanwhile makes the result worthless, and harms nothing. */
  async #mergeInSlices(a: Uint32Array, b: Uint32Array, turn: Turn): Promise<Uint32Array> {
    const merged = new Uint32Array(a.length + b.length);
    let i = 0;
    let j = 0;
    for (let at = 0; at < merged.length; at++) {
      if (at % seriesPerRun === seriesPerRun - 1) {
        await turn.yield();
        if (this.#known !== 0) return nothing;
      }
      const takesA = j === b.length || (i < a.length && this.#compare(a[i] as number, b[j] as number) < 0);
      merged[at] = (takesA ? a[i++] : b[j++]) as number;
    }
    return merged;
  }

  #merge(a: Uint32Array, b: Uint32Array): Uint32Array {
    const merged = new Uint32Array(a.length + b.length);
    let i = 0;
    let j = 0;
    for (let at = 0; at < merged.length; at++) {
      const takesA = j === b.length || (i < a.length && this.#compare(a[i] as number, b[j] as number) < 0);
      merged[at] = (takesA ? a[i++] : b[j++]) as number;
    }
    return merged;
  }

  #rank(): void {
    this.#ranks = new Uint32Array(this.#known);
    for (let rank = 0; rank < this.#sorted.length; rank++) this.#ranks[this.#sorted[rank] as number] = rank;
  }

  #compare(a: number, b: number): number {
    const { symbols } = this.#series;
    const x = this.#series.ids(a);
    const y = this.#series.ids(b);
    const length = Math.min(x.length, y.length);
    for (let i = 0; i < length; i++) {
      if (x[i] !== y[i]) return compareBytes(symbols.text(x[i] as number), symbols.text(y[i] as number));
    }
    return x.length - y.length;
  }

  /** A series has a new slot, or (−1) was removed; every slot below it has been moved before. */
  move(slot: number, to: number): void {
    const rank = this.#ranks[slot] as number;
    if (to < 0) this.#holes++;
    else this.#ranks[to] = rank;
    this.#sorted[rank] = to < 0 ? hole : to;
  }

  /** All have been moved: slots are dense again. */
  squeeze(): void {
    this.#fillHoles();
    this.#known = this.#sorted.length;
    this.#rank();
  }
}
