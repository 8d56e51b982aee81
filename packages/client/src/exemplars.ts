/** Examples kept beside the numbers of a metric: at most one a cell (a counter's series, a bucket of a histogram's), the newest. */
import type { Exemplar, LabelValues } from './family.ts';

/** OpenMetrics 1.0: names and values together. */
const LABELS_LIMIT = 128;

export class Exemplars {
  /** By slot, then by cell; as long as the last slot that has one. */
  readonly #bySlot: ((Exemplar | undefined)[] | undefined)[] = [];

  /** Throws a RangeError for labels that are too long. */
  set(slot: number, cell: number, labelSet: LabelValues, value: number): Exemplar {
    if (Object.entries(labelSet).flat().join('').length > LABELS_LIMIT) {
      throw new RangeError('Label set size must be smaller than 128 UTF-8 chars');
    }
    const exemplar = { labelSet, value, timestamp: Date.now() / 1000 };
    (this.#bySlot[slot] ??= [])[cell] = exemplar;
    return exemplar;
  }

  get(slot: number, cell: number): Exemplar | undefined {
    return this.#bySlot[slot]?.[cell];
  }

  /** Series only ever move down. */
  move(from: number, to: number): void {
    if (to < this.#bySlot.length) this.#bySlot[to] = this.#bySlot[from];
  }

  /** A series begins in this slot. */
  forget(slot: number): void {
    if (slot < this.#bySlot.length) this.#bySlot[slot] = undefined;
  }
}
