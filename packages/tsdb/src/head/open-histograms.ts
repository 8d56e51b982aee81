/**
 * Open chunks of native histograms. Such series are few and each sample is a structure of its own, so these, unlike floats, are
 * kept as objects until the chunk is full.
 */
import type { FloatHistogram, SampleBatch, Span } from '@pronoia/model';
import {
  bucketCount,
  continuesChunk,
  type EncodedHistograms,
  encodeHistogramChunk,
  hasSameLayout,
  type TimedHistogram,
} from '../chunk/histogram.ts';

interface OpenChunk {
  samples: TimedHistogram[];
  /** The last one of the chunk before. */
  before: FloatHistogram | undefined;
  /** Whether the newest histogram, over any stale markers behind it, was one of whole counts. */
  isInteger: boolean;
}

/** Together over a chunk: a few kilobytes when encoded. */
const maxBucketsPerChunk = 20_000;

export class OpenHistograms {
  readonly #chunks = new Map<number, OpenChunk>();

  /** Series that have had histograms. */
  get size(): number {
    return this.#chunks.size;
  }

  has(ref: number): boolean {
    return this.#chunks.has(ref);
  }

  count(ref: number): number {
    return this.#chunks.get(ref)?.samples.length ?? 0;
  }

  startMs(ref: number): number {
    return this.#chunks.get(ref)?.samples[0]?.tMs ?? Infinity;
  }

  last(ref: number): TimedHistogram | undefined {
    return this.#chunks.get(ref)?.samples.at(-1);
  }

  /** Whether the sample can go into the open chunk of `ref`, which has some already. */
  continues(ref: number, histogram: FloatHistogram | undefined, samplesPerChunk: number): boolean {
    const samples = this.#chunks.get(ref)?.samples ?? [];
    const first = samples[0]?.histogram;
    const buckets = first === undefined ? 1 : 1 + first.positiveBuckets.length + first.negativeBuckets.length;
    const limit = Math.max(10, Math.min(samplesPerChunk, Math.floor(maxBucketsPerChunk / buckets)));
    return samples.length < limit && continuesChunk(samples.at(-1)?.histogram, histogram);
  }

  append(ref: number, sample: TimedHistogram): void {
    let chunk = this.#chunks.get(ref);
    if (chunk === undefined) {
      chunk = { samples: [], before: undefined, isInteger: false };
      this.#chunks.set(ref, chunk);
    }
    chunk.samples.push(sample);
    if (sample.histogram !== undefined) chunk.isInteger = sample.histogram.isInteger === true;
  }

  isInteger(ref: number): boolean {
    return this.#chunks.get(ref)?.isInteger ?? false;
  }

  /** Ends the chunk and gives its bytes. */
  seal(ref: number): EncodedHistograms {
    const chunk = this.#chunks.get(ref) as OpenChunk;
    const encoded = encodeHistogramChunk(chunk.samples, chunk.isInteger, chunk.before);
    chunk.before = chunk.samples.at(-1)?.histogram;
    chunk.samples = [];
    return encoded;
  }

  remove(ref: number): void {
    this.#chunks.delete(ref);
  }

  decode(ref: number, into: SampleBatch, at: number): void {
    for (const [i, { tMs, histogram }] of (this.#chunks.get(ref)?.samples ?? []).entries()) {
      into.times[at + i] = tMs;
      into.values[at + i] = 0;
      into.stale[at + i] = histogram === undefined ? 1 : 0;
      into.histograms[at + i] = histogram;
      into.hasHistograms = true;
    }
  }
}

/** As many buckets as the spans name, spans that ascend, counts that are none below zero, a schema that exists (prometheus model/histogram, Validate). */
export function isValidHistogram(histogram: FloatHistogram): boolean {
  const { schema, positiveSpans, negativeSpans, positiveBuckets, negativeBuckets, customValues, zeroCount, count } = histogram;
  const isKnownSchema = schema === -53 ? negativeBuckets.length === 0 : schema >= -4 && schema <= 8 && customValues.length === 0;
  if (!isKnownSchema || zeroCount < 0 || count < 0) return false;
  for (let i = 1; i < customValues.length; i++) if (!((customValues[i] as number) > (customValues[i - 1] as number))) return false;
  return areValidBuckets(positiveSpans, positiveBuckets) && areValidBuckets(negativeSpans, negativeBuckets);
}

function areValidBuckets(spans: readonly Span[], buckets: Float64Array): boolean {
  return (
    bucketCount(spans) === buckets.length && spans.every(({ offset }, i) => i === 0 || offset >= 0) && !buckets.some((count) => count < 0)
  );
}

/** What stands in the log for a stale marker of a histogram series. */
export const emptyHistogram: FloatHistogram = {
  counterResetHint: 'unknown',
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positiveSpans: [],
  negativeSpans: [],
  positiveBuckets: new Float64Array(0),
  negativeBuckets: new Float64Array(0),
  customValues: [],
};

/** What is known of resets does not count. */
export function areEqualHistograms(a: FloatHistogram | undefined, b: FloatHistogram | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const hasSame = (ours: Float64Array, theirs: Float64Array): boolean =>
    ours.length === theirs.length && ours.every((count, i) => Object.is(count, theirs[i]));
  return (
    (a.isInteger ?? false) === (b.isInteger ?? false) &&
    hasSameLayout(a, b) &&
    Object.is(a.count, b.count) &&
    Object.is(a.zeroCount, b.zeroCount) &&
    Object.is(a.sum, b.sum) &&
    hasSame(a.positiveBuckets, b.positiveBuckets) &&
    hasSame(a.negativeBuckets, b.negativeBuckets)
  );
}
