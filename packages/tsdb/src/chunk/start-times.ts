/**
 * Start ("created") timestamps inside the newer chunk encodings (tsdb-format.md §5.4): a header byte, then an item behind
 * samples. Bit 7: the first sample has one. The low seven bits: k, the first sample whose start differs; 0 = none does.
 */
import type { BitReader } from './bit-stream.ts';

export class StartTimes {
  readonly #hasFirst: boolean;
  readonly #firstDifferent: number;
  #startMs = 0;
  /** Time of the sample before minus start, from sample k on. */
  #difference = 0;

  constructor(header: number) {
    this.#hasFirst = (header & 0x80) !== 0;
    this.#firstDifferent = header & 0x7f;
  }

  /** Whether any sample of the chunk has a start. */
  get isUsed(): boolean {
    return this.#hasFirst || this.#firstDifferent > 0;
  }

  /** Reads the item behind sample `i`, if there is one; returns the sample's start, 0 when it is not known. */
  next(from: BitReader, i: number, tMs: number, previousMs: number): number {
    if (i === 0) {
      if (this.#hasFirst) this.#startMs = tMs - from.varint();
    } else if (this.#firstDifferent > 0 && i >= this.#firstDifferent) {
      this.#difference = i === this.#firstDifferent ? from.varbit() : this.#difference + from.varbit();
      this.#startMs = previousMs - this.#difference;
    }
    return this.#startMs;
  }
}
