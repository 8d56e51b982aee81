/**
 * Float samples of many series as columns: what an appender collects and what a log record holds. Values are kept as bits:
 * the stale marker is a signalling NaN that would not survive as a JavaScript number (tsdb-format.md §17).
 */

/** Index of the high word of a float in a Uint32Array over it. */
export const highWord = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

export const staleHigh = 0x7ff00000;
export const staleLow = 2;
/** The one form of an ordinary NaN in Prometheus' files. */
export const nanHigh = 0x7ff80000;
export const nanLow = 1;

/** Whether the value with this index in an array of words is a stale marker. */
export function isStaleAt(words: Uint32Array, i: number): boolean {
  return words[2 * i + highWord] === staleHigh && words[2 * i + 1 - highWord] === staleLow;
}

export class SampleColumns {
  refs: Float64Array;
  times: Float64Array;
  values: Float64Array;
  /** The words of `values`: `2 * i + highWord` and `2 * i + 1 - highWord`. */
  words: Uint32Array;
  length = 0;

  constructor(capacity = 256) {
    this.refs = new Float64Array(capacity);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.words = new Uint32Array(this.values.buffer);
  }

  /** Takes the content over from arrays of one length; the bits of values stay. */
  assign(refs: Float64Array, times: Float64Array, values: Float64Array): void {
    this.length = 0;
    this.pushAll(refs, times, values);
  }

  /** Puts arrays of one length behind what is there. */
  pushAll(refs: Float64Array, times: Float64Array, values: Float64Array): void {
    if (this.length + refs.length > this.refs.length) this.#grow(this.length + refs.length);
    this.refs.set(refs, this.length);
    this.times.set(times, this.length);
    this.values.set(values, this.length);
    this.length += refs.length;
  }

  #grow(needed = 0): void {
    const refs = new Float64Array(Math.max(this.refs.length * 2, needed));
    const times = new Float64Array(refs.length);
    const words = new Uint32Array(refs.length * 2);
    refs.set(this.refs);
    times.set(this.times);
    words.set(this.words);
    this.refs = refs;
    this.times = times;
    this.words = words;
    this.values = new Float64Array(words.buffer);
  }

  push(ref: number, tMs: number, value: number): void {
    if (value !== value) {
      this.pushWords(ref, tMs, nanHigh, nanLow);
      return;
    }
    const i = this.length;
    if (i === this.refs.length) this.#grow();
    this.refs[i] = ref;
    this.times[i] = tMs;
    this.values[i] = value;
    this.length = i + 1;
  }

  pushWords(ref: number, tMs: number, high: number, low: number): void {
    const i = this.length;
    if (i === this.refs.length) this.#grow();
    this.refs[i] = ref;
    this.times[i] = tMs;
    this.words[2 * i + highWord] = high;
    this.words[2 * i + 1 - highWord] = low;
    this.length = i + 1;
  }

  high(i: number): number {
    return this.words[2 * i + highWord] as number;
  }

  low(i: number): number {
    return this.words[2 * i + 1 - highWord] as number;
  }
}
