/**
 * The native buckets of one histogram series: sparse, exponential, exact at their bounds (native-bounds.ts). When there come to be too many,
 * in this order: start anew if the last start is long ago; widen the zero bucket as far as allowed; halve the resolution
 * (client_golang prometheus/histogram.go, limitBuckets).
 */
import type { Exemplar } from './family.ts';
import { bucketKey, upperBound } from './native-bounds.ts';

export interface NativeOptions {
  readonly schema: number;
  /** 0: as many as there are. */
  readonly maxBuckets: number;
  readonly minResetMs: number;
  readonly zeroThreshold: number;
  readonly maxZeroThreshold: number;
}

export type BucketCount = readonly [key: number, count: number];

/** client_golang's defaults (NativeHistogramMaxExemplars, NativeHistogramExemplarTTL). */
const MAX_EXEMPLARS = 10;
const EXEMPLAR_TTL_SECONDS = 300;

const PAGE_BITS = 5;
const PAGE = 1 << PAGE_BITS;

/** Counts by key, in pages of neighbours: dense where the observations are, nothing where they are not. */
class SparseCounts {
  readonly #pages = new Map<number, Float64Array>();
  #lastNumber = Number.NaN;
  #lastPage: Float64Array = new Float64Array(0);
  /** Keys that have a count. */
  size = 0;

  add(key: number, count: number): void {
    const number = key >> PAGE_BITS;
    if (number !== this.#lastNumber) {
      let page = this.#pages.get(number);
      if (page === undefined) this.#pages.set(number, (page = new Float64Array(PAGE)));
      this.#lastNumber = number;
      this.#lastPage = page;
    }
    const page = this.#lastPage;
    const at = key & (PAGE - 1);
    if (page[at] === 0) this.size++;
    page[at] = (page[at] as number) + count;
  }

  /** Keys with a count, ascending. */
  entries(): BucketCount[] {
    const entries: BucketCount[] = [];
    for (const [number, page] of [...this.#pages].sort(([a], [b]) => a - b)) {
      for (let at = 0; at < PAGE; at++) if (page[at] !== 0) entries.push([number * PAGE + at, page[at] as number]);
    }
    return entries;
  }

  clear(): void {
    this.#pages.clear();
    this.#lastNumber = Number.NaN;
    this.size = 0;
  }
}

/** What histograms without exemplars share. */
const NONE: readonly Exemplar[] = [];

export class NativeBuckets {
  readonly #options: NativeOptions;
  readonly #positive = new SparseCounts();
  readonly #negative = new SparseCounts();
  schema: number;
  zeroThreshold: number;
  zeroCount = 0;
  /** Examples of observations, the oldest first. */
  exemplars: readonly Exemplar[] = NONE;
  #startedMs = Date.now();

  constructor(options: NativeOptions) {
    this.#options = options;
    this.schema = options.schema;
    this.zeroThreshold = options.zeroThreshold;
  }

  observe(value: number): void {
    if (value > this.zeroThreshold) this.#positive.add(bucketKey(value, this.schema), 1);
    else if (value < -this.zeroThreshold) this.#negative.add(bucketKey(-value, this.schema), 1);
    else this.zeroCount++;
  }

  get isTooMany(): boolean {
    const { maxBuckets } = this.#options;
    return maxBuckets > 0 && this.#positive.size + this.#negative.size > maxBuckets;
  }

  /** True when it is long enough since the last start, and a new one would help: there are too many buckets or they have become coarse. */
  isResetDue(nowMs: number): boolean {
    const { minResetMs, schema, zeroThreshold } = this.#options;
    if (minResetMs === 0 || nowMs - this.#startedMs < minResetMs) return false;
    return this.isTooMany || this.schema !== schema || this.zeroThreshold !== zeroThreshold;
  }

  reset(nowMs: number): void {
    this.#positive.clear();
    this.#negative.clear();
    this.zeroCount = 0;
    this.exemplars = NONE;
    this.schema = this.#options.schema;
    this.zeroThreshold = this.#options.zeroThreshold;
    this.#startedMs = nowMs;
  }

  /** Ten exemplars in all: a further one takes the place of the oldest if that has had its time, else of the one that is nearest by ratio. */
  keep(exemplar: Exemplar): void {
    let victim: Exemplar | undefined;
    if (this.exemplars.length === MAX_EXEMPLARS) {
      const oldest = this.exemplars[0] as Exemplar;
      const distance = ({ value }: Exemplar) => Math.abs(position(value) - position(exemplar.value));
      victim =
        exemplar.timestamp - oldest.timestamp > EXEMPLAR_TTL_SECONDS
          ? oldest
          : this.exemplars.reduce((nearest, other) => (distance(other) < distance(nearest) ? other : nearest));
    }
    this.exemplars = [...this.exemplars.filter((kept) => kept !== victim), exemplar];
  }

  /** Fewer buckets at the price of resolution. */
  coarsen(): void {
    while (this.isTooMany && (this.#widenZero() || this.#halve())) {}
  }

  #widenZero(): boolean {
    const nearest = Math.min(this.#positive.entries()[0]?.[0] ?? Infinity, this.#negative.entries()[0]?.[0] ?? Infinity);
    const threshold = upperBound(nearest, this.schema);
    if (!(threshold <= this.#options.maxZeroThreshold)) return false;
    this.zeroThreshold = threshold;
    for (const side of [this.#positive, this.#negative]) {
      const entries = side.entries();
      side.clear();
      for (const [key, count] of entries) {
        if (key <= nearest) this.zeroCount += count;
        else side.add(key, count);
      }
    }
    return true;
  }

  #halve(): boolean {
    if (this.schema <= -4) return false;
    this.schema--;
    for (const side of [this.#positive, this.#negative]) {
      const entries = side.entries();
      side.clear();
      for (const [key, count] of entries) side.add(Math.ceil(key / 2), count);
    }
    return true;
  }

  /** Buckets of positive observations that are not empty, ascending. */
  get positive(): BucketCount[] {
    return this.#positive.entries();
  }

  /** The same of negative ones, by absolute value. */
  get negative(): BucketCount[] {
    return this.#negative.entries();
  }
}

/** The logarithm, continued through zero to negative values. */
function position(value: number): number {
  return Math.asinh(value * 2 ** 128);
}
