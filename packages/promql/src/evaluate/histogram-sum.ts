/** Sums and means of native histograms, each bucket with compensated addition (promql.md §6, §10). */
import type { FloatHistogram } from '@pronoia/model';
import { align, combineHints, divide, hasInfinity, negativeOf, positiveOf } from '../value/histogram-arithmetic.ts';
import { fold, type IndexedBuckets } from '../value/histogram-buckets.ts';
import { CompensatedSum } from './compensated.ts';

export class HistogramSum {
  #layout: FloatHistogram;
  #zeroCount: CompensatedSum;
  #count: CompensatedSum;
  #sum: CompensatedSum;
  #positive: Map<number, CompensatedSum>;
  #negative: Map<number, CompensatedSum>;
  #sawReset: boolean;
  #sawNotReset: boolean;
  /** A reset and a certain non-reset were both among the terms. */
  get hintsCollide(): boolean {
    return this.#sawReset && this.#sawNotReset;
  }
  boundsReconciled = false;

  constructor(first: FloatHistogram) {
    this.#layout = first;
    this.#zeroCount = new CompensatedSum(first.zeroCount);
    this.#count = new CompensatedSum(first.count);
    this.#sum = new CompensatedSum(first.sum);
    this.#positive = startFrom(positiveOf(first));
    this.#negative = startFrom(negativeOf(first));
    this.#sawReset = first.counterResetHint === 'reset';
    this.#sawNotReset = first.counterResetHint === 'not_reset';
  }

  /** Throws IncompatibleSchemas. */
  add(term: FloatHistogram): void {
    this.#sawReset ||= term.counterResetHint === 'reset';
    this.#sawNotReset ||= term.counterResetHint === 'not_reset';
    const { hint } = combineHints(this.#layout.counterResetHint, term.counterResetHint);
    let other = term;
    if (!this.#sameLayout(term)) {
      // Rare: give up the small parts collected so far and go on in the common layout.
      const aligned = align(this.value(), term);
      this.boundsReconciled ||= aligned.boundsReconciled;
      this.#restart(aligned.a);
      other = aligned.b;
    }
    this.#layout = { ...this.#layout, counterResetHint: hint };
    this.#zeroCount.add(other.zeroCount);
    this.#count.add(other.count);
    this.#sum.add(other.sum);
    addAll(this.#positive, positiveOf(other));
    addAll(this.#negative, negativeOf(other));
  }

  #sameLayout(term: FloatHistogram): boolean {
    const { schema, zeroThreshold, customValues } = this.#layout;
    if (schema !== term.schema || zeroThreshold !== term.zeroThreshold) return false;
    return customValues.length === term.customValues.length && customValues.every((bound, i) => bound === term.customValues[i]);
  }

  #restart(h: FloatHistogram): void {
    this.#layout = h;
    this.#zeroCount = new CompensatedSum(h.zeroCount);
    this.#count = new CompensatedSum(h.count);
    this.#sum = new CompensatedSum(h.sum);
    this.#positive = startFrom(positiveOf(h));
    this.#negative = startFrom(negativeOf(h));
  }

  clone(): HistogramSum {
    const copy = new HistogramSum(this.#layout);
    const part = ({ sum, c }: CompensatedSum): CompensatedSum => {
      const same = new CompensatedSum(sum);
      same.c = c;
      return same;
    };
    const parts = (sums: Map<number, CompensatedSum>): Map<number, CompensatedSum> =>
      new Map([...sums].map(([index, sum]) => [index, part(sum)]));
    copy.#zeroCount = part(this.#zeroCount);
    copy.#count = part(this.#count);
    copy.#sum = part(this.#sum);
    copy.#positive = parts(this.#positive);
    copy.#negative = parts(this.#negative);
    copy.#sawReset = this.#sawReset;
    copy.#sawNotReset = this.#sawNotReset;
    copy.boundsReconciled = this.boundsReconciled;
    return copy;
  }

  /** Small parts are kept. */
  multiply(factor: number): void {
    for (const part of [this.#zeroCount, this.#count, this.#sum, ...this.#positive.values(), ...this.#negative.values()]) {
      part.sum *= factor;
      part.c *= factor;
    }
  }

  divide(divisor: number): void {
    for (const part of [this.#zeroCount, this.#count, this.#sum, ...this.#positive.values(), ...this.#negative.values()]) {
      part.sum /= divisor;
      part.c /= divisor;
    }
  }

  /** Compacted. */
  value(): FloatHistogram {
    const positive = fold(collect(this.#positive));
    const negative = fold(collect(this.#negative));
    return {
      ...this.#layout,
      zeroCount: this.#zeroCount.total,
      count: this.#count.total,
      sum: this.#sum.total,
      positiveSpans: positive.spans,
      positiveBuckets: positive.buckets,
      negativeSpans: negative.spans,
      negativeBuckets: negative.buckets,
    };
  }
}

/** The mean of histograms; when the plain sum overflows, a running mean from then on. */
export class HistogramMean {
  #total: HistogramSum;
  #isMean = false;
  #count = 1;

  constructor(first: FloatHistogram) {
    this.#total = new HistogramSum(first);
  }

  get boundsReconciled(): boolean {
    return this.#total.boundsReconciled;
  }

  get hintsCollide(): boolean {
    return this.#total.hintsCollide;
  }

  /** Throws IncompatibleSchemas. */
  add(term: FloatHistogram): void {
    this.#count++;
    const k = this.#count;
    if (!this.#isMean) {
      const before = this.#total.clone();
      this.#total.add(term);
      if (!hasInfinity(this.#total.value())) return;
      this.#isMean = true;
      this.#total = before;
      this.#total.divide(k - 1);
    }
    this.#total.multiply((k - 1) / k);
    this.#total.add(divide(term, k));
  }

  value(): FloatHistogram {
    if (this.#isMean) return this.#total.value();
    const mean = this.#total.clone();
    mean.divide(this.#count);
    return mean.value();
  }
}

function startFrom({ indexes, counts }: IndexedBuckets): Map<number, CompensatedSum> {
  return new Map(indexes.map((index, i) => [index, new CompensatedSum(counts[i] as number)]));
}

function addAll(sums: Map<number, CompensatedSum>, { indexes, counts }: IndexedBuckets): void {
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i] as number;
    const sum = sums.get(index);
    if (sum === undefined) sums.set(index, new CompensatedSum(counts[i] as number));
    else sum.add(counts[i] as number);
  }
}

function collect(sums: Map<number, CompensatedSum>): IndexedBuckets {
  const indexes = [...sums.keys()].sort((a, b) => a - b);
  return { indexes, counts: indexes.map((index) => (sums.get(index) as CompensatedSum).total) };
}
