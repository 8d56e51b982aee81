/** Examples kept beside the numbers of a metric: at most one a cell (a counter's series, a bucket of a histogram's), the newest. */
import type { Exemplar, LabelValues } from './family.ts';

/** OpenMetrics 1.0: names and values together. */
const LABELS_LIMIT = 128;

export class Exemplars {
  readonly #perSeries: number;
  /** By slot · perSeries + cell; sparse. Made with the first exemplar. */
  #cells: (Exemplar | undefined)[] | undefined;

  constructor(perSeries: number) {
    this.#perSeries = perSeries;
  }

  /** Throws a RangeError for labels that are too long. */
  set(slot: number, cell: number, labels: LabelValues, value: number): void {
    let length = 0;
    for (const [name, text] of Object.entries(labels)) length += name.length + String(text).length;
    if (length > LABELS_LIMIT) throw new RangeError('Label set size must be smaller than 128 UTF-8 chars');
    this.#cells ??= [];
    this.#cells[slot * this.#perSeries + cell] = { labelSet: labels, value, timestamp: Date.now() / 1000 };
  }

  get(slot: number, cell: number): Exemplar | undefined {
    return this.#cells?.[slot * this.#perSeries + cell];
  }

  move(from: number, to: number): void {
    if (this.#cells === undefined || from === to) return;
    for (let cell = 0; cell < this.#perSeries; cell++) this.#cells[to * this.#perSeries + cell] = this.get(from, cell);
  }

  /** A series begins in this slot. */
  forget(slot: number): void {
    if (this.#cells === undefined) return;
    for (let cell = 0; cell < this.#perSeries; cell++) this.#cells[slot * this.#perSeries + cell] = undefined;
  }
}
