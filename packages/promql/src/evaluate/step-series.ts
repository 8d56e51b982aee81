/**
 * A series on a grid of steps: what every expression but a range vector comes to. Dense columns; `kinds` says what is
 * at each step. Columns may be shared between series, so they are written only by who made them.
 */
import { type FloatHistogram, Labels } from '@pronoia/model';
import { sampleWeight } from '../value/histogram-arithmetic.ts';
import type { Arena } from './arena.ts';

export const absent = 0;
export const isFloat = 1;
export const isHistogram = 2;

/** Addresses of a column of values and of one of kinds in an arena. */
export interface Place {
  readonly arena: Arena;
  readonly values: number;
  readonly kinds: number;
}

/** What several series may share. */
export type StepColumns = Pick<StepSeries, 'values' | 'kinds'> & Partial<Pick<StepSeries, 'histograms' | 'place'>>;

/** Bytes of a slab, about. */
const slabBytes = 256 * 1024;

/** Columns for many series, cut from larger arrays: an array each would cost the garbage collector more than filling it. */
export class ColumnSlab {
  readonly #count: number;
  readonly #perSlab: number;
  #values = new Float64Array(0);
  #kinds = new Uint8Array(0);
  #next = 0;

  constructor(count: number) {
    this.#count = count;
    this.#perSlab = Math.max(1, Math.floor(slabBytes / (9 * Math.max(1, count))));
  }

  /** All absent. */
  take(): StepColumns {
    const count = this.#count;
    if (this.#next === this.#kinds.length) {
      this.#values = new Float64Array(count * this.#perSlab);
      this.#kinds = new Uint8Array(count * this.#perSlab);
      this.#next = 0;
    }
    const from = this.#next;
    this.#next += count;
    return { values: this.#values.subarray(from, this.#next), kinds: this.#kinds.subarray(from, this.#next) };
  }
}

export class StepSeries {
  labels: Labels;
  /** Delayed name removal: the name goes at the very end of the query. */
  dropName: boolean;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  histograms: (FloatHistogram | undefined)[] | undefined;
  /** Where the columns stand, when a kernel made them: floats only, and good only during a visit. */
  place: Place | undefined;

  /** What `weight` is, where whoever filled the columns knows; −1 elsewhere. */
  knownWeight = -1;

  constructor(labels: Labels, dropName: boolean, count: number, source?: StepColumns) {
    this.labels = labels;
    this.dropName = dropName;
    this.values = source?.values ?? new Float64Array(count);
    this.kinds = source?.kinds ?? new Uint8Array(count);
    this.histograms = source?.histograms;
    this.place = source?.place;
  }

  /** Views of columns that stand in an arena. */
  static at(place: Place, count: number): StepSeries {
    const { arena, values, kinds } = place;
    const series = new StepSeries(Labels.empty, false, 0, { values: arena.floats(values, count), kinds: arena.bytes(kinds, count) });
    series.place = place;
    return series;
  }

  /** The same samples under other labels. */
  relabeled(labels: Labels, dropName: boolean): StepSeries {
    return new StepSeries(labels, dropName, 0, this);
  }

  setFloat(step: number, value: number): void {
    this.knownWeight = -1;
    this.values[step] = value;
    this.kinds[step] = isFloat;
  }

  setHistogram(step: number, histogram: FloatHistogram): void {
    this.knownWeight = -1;
    this.histograms ??= Array.from({ length: this.kinds.length }, () => undefined);
    this.histograms[step] = histogram;
    this.kinds[step] = isHistogram;
  }

  copyFrom(other: StepSeries, step: number): void {
    if (other.kinds[step] === isHistogram) this.setHistogram(step, other.histogram(step));
    else this.setFloat(step, other.values[step] as number);
  }

  histogram(step: number): FloatHistogram {
    const histogram = this.histograms?.[step];
    if (histogram === undefined) throw new Error(`BUG: no histogram at step ${step}`);
    return histogram;
  }

  isEmpty(): boolean {
    if (this.knownWeight >= 0) return this.knownWeight === 0;
    const { kinds } = this;
    for (let i = 0; i < kinds.length; i++) if (kinds[i] !== absent) return false;
    return true;
  }

  /** How many samples it counts for. */
  weight(): number {
    if (this.knownWeight >= 0) return this.knownWeight;
    const { kinds } = this;
    let weight = 0;
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] === isFloat) weight++;
      else if (kinds[i] === isHistogram) weight += sampleWeight(this.histogram(i));
    }
    return weight;
  }
}

const metadataLabels: ReadonlySet<string> = new Set(['__name__', '__type__', '__unit__']);

export function dropMetadata(labels: Labels): Labels {
  return labels.without(metadataLabels);
}
