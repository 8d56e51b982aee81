/**
 * Samples that came late, but inside the out-of-order window: per series sorted by time, in memory until they become blocks.
 * Their log is the write-behind log, `wbl/`, written like the other one before they become visible.
 */
import type { FloatHistogram } from '@pronoia/model';
import { highWord } from '../sample-columns.ts';
import { areEqualHistograms } from './open-histograms.ts';

/** The late samples of one series: ascending times, values as bits. */
export class LateSamples {
  times = new Float64Array(8);
  values = new Float64Array(8);
  words = new Uint32Array(this.values.buffer);
  length = 0;
  /** By time; the value of such a sample is 0. */
  histograms: Map<number, FloatHistogram> | undefined;

  /** Index of the first sample not before `tMs`. */
  find(tMs: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.times[middle] as number) < tMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Returns false when there is a sample for this time. */
  insert(tMs: number, high: number, low: number, histogram?: FloatHistogram): boolean {
    const at = this.find(tMs);
    if (at < this.length && this.times[at] === tMs) return false;
    if (this.length === this.times.length) this.#grow();
    this.times.copyWithin(at + 1, at, this.length);
    this.values.copyWithin(at + 1, at, this.length);
    this.times[at] = tMs;
    this.words[2 * at + highWord] = high;
    this.words[2 * at + 1 - highWord] = low;
    this.length++;
    if (histogram !== undefined) (this.histograms ??= new Map()).set(tMs, histogram);
    return true;
  }

  /** Those for whose time there is none yet. */
  insertAll({ times, words, length, histograms }: LateSamples): void {
    for (let i = 0; i < length; i++) {
      const tMs = times[i] as number;
      this.insert(tMs, words[2 * i + highWord] as number, words[2 * i + 1 - highWord] as number, histograms?.get(tMs));
    }
  }

  #grow(): void {
    const times = new Float64Array(this.length * 2);
    const values = new Float64Array(this.length * 2);
    times.set(this.times);
    values.set(this.values);
    this.times = times;
    this.values = values;
    this.words = new Uint32Array(values.buffer);
  }

  /** Both ends inclusive. */
  remove(minMs: number, maxMs: number): void {
    const from = this.find(minMs);
    const to = this.find(maxMs + 1);
    if (this.histograms !== undefined) for (let i = from; i < to; i++) this.histograms.delete(this.times[i] as number);
    this.times.copyWithin(from, to, this.length);
    this.values.copyWithin(from, to, this.length);
    this.length -= to - from;
  }
}

export class OutOfOrderStore {
  #bySeries = new Map<number, LateSamples>();
  /** What is being written into blocks: still to be read, not to be added to. */
  #frozen = new Map<number, LateSamples>();

  get isEmpty(): boolean {
    return this.#bySeries.size === 0 && this.#frozen.size === 0;
  }

  has(ref: number): boolean {
    return this.#bySeries.has(ref) || this.#frozen.has(ref);
  }

  /** `free`: no sample for this time; `same`: one with these bits or this histogram; `other`: one with others. */
  at(ref: number, tMs: number, high: number, low: number, histogram?: FloatHistogram): 'free' | 'same' | 'other' {
    for (const map of [this.#bySeries, this.#frozen]) {
      const samples = map.get(ref);
      const i = samples?.find(tMs) ?? 0;
      if (samples === undefined || i === samples.length || samples.times[i] !== tMs) continue;
      const hasSameBits = samples.words[2 * i + highWord] === high && samples.words[2 * i + 1 - highWord] === low;
      return hasSameBits && areEqualHistograms(samples.histograms?.get(tMs), histogram) ? 'same' : 'other';
    }
    return 'free';
  }

  /** Returns false when there is a sample for this time. */
  append(ref: number, tMs: number, high: number, low: number, histogram?: FloatHistogram): boolean {
    if (this.#frozen.size > 0 && this.at(ref, tMs, high, low) !== 'free') return false;
    let samples = this.#bySeries.get(ref);
    if (samples === undefined) {
      samples = new LateSamples();
      this.#bySeries.set(ref, samples);
    }
    return samples.insert(tMs, high, low, histogram);
  }

  /** The parts of a series, each ascending, without common times. */
  parts(ref: number): LateSamples[] {
    return [this.#frozen.get(ref), this.#bySeries.get(ref)].filter((samples) => samples !== undefined);
  }

  remove(ref: number, minMs: number, maxMs: number): void {
    for (const samples of this.parts(ref)) samples.remove(minMs, maxMs);
  }

  /** Series with late samples: they must stay in the head. */
  *refs(): Iterable<number> {
    yield* this.#bySeries.keys();
    yield* this.#frozen.keys();
  }

  /** What is there becomes `frozen`; what comes from now on is apart from it. */
  freeze(): ReadonlyMap<number, LateSamples> {
    if (this.#frozen.size > 0) this.unfreeze();
    this.#frozen = this.#bySeries;
    this.#bySeries = new Map();
    return this.#frozen;
  }

  /** The frozen samples are in blocks. */
  dropFrozen(): void {
    this.#frozen = new Map();
  }

  /** They are not: they wait with the others again. */
  unfreeze(): void {
    for (const [ref, samples] of this.#frozen) {
      const own = this.#bySeries.get(ref);
      if (own === undefined) {
        this.#bySeries.set(ref, samples);
        continue;
      }
      own.insertAll(samples);
    }
    this.#frozen = new Map();
  }
}
