/**
 * Chunks of native histograms (tsdb-format.md §5.6, §5.7): be16 count, flags, then a bit stream with the layout of the buckets
 * once and the samples behind it. Whole counts (encoding 2) are kept as differences of differences, others (encoding 3) as XORed floats.
 */
import type { FloatHistogram, SampleBatch, Span } from '@pronoia/model';
import { damaged } from '../errors.ts';
import { nanHigh, nanLow, staleHigh, staleLow } from '../sample-columns.ts';
import { BitReader, BitWriter, XorChain } from './bit-stream.ts';
import { StartTimes } from './start-times.ts';

export const histogramEncoding = 2;
export const floatHistogramEncoding = 3;
/** The same with start timestamps. */
export const histogramStartsEncoding = 5;
export const floatHistogramStartsEncoding = 6;
const headerBytes = 3;
const customSchema = -53;
/** Top two bits of the flags. */
const resetFlag = { unknown: 0, notReset: 1, reset: 2, gauge: 3 } as const;

interface Layout {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly positiveSpans: readonly Span[];
  readonly negativeSpans: readonly Span[];
  readonly customValues: readonly number[];
}

/** More buckets than this are damage: a chunk is a kilobyte. */
const maxBuckets = 1 << 20;

function readLayout(from: BitReader): Layout {
  const threshold = from.bits(8);
  const zeroThreshold = threshold === 0 ? 0 : threshold === 255 ? from.f64() : 2 ** (threshold - 244);
  const schema = from.varbit();
  const positiveSpans = readSpans(from);
  const negativeSpans = readSpans(from);
  const customValues: number[] = [];
  if (schema === customSchema) {
    for (let left = from.uvarbit(); left > 0; left--) {
      const thousandths = from.uvarbit();
      customValues.push(thousandths === 0 ? from.f64() : (thousandths - 1) / 1000);
    }
  }
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues };
}

function writeLayout(out: BitWriter, { schema, zeroThreshold, positiveSpans, negativeSpans, customValues }: Layout): void {
  const exponent = Math.log2(zeroThreshold);
  if (zeroThreshold === 0) out.bits(0, 8);
  else if (Number.isInteger(exponent) && exponent >= -243 && exponent <= 10 && 2 ** exponent === zeroThreshold) out.bits(exponent + 244, 8);
  else {
    out.bits(255, 8);
    out.f64(zeroThreshold);
  }
  out.varbit(schema);
  writeSpans(out, positiveSpans);
  writeSpans(out, negativeSpans);
  if (schema !== customSchema) return;
  out.uvarbit(customValues.length);
  for (const bound of customValues) {
    const thousandths = bound * 1000;
    if (Number.isInteger(thousandths) && thousandths >= 0 && thousandths <= 33_554_430 && thousandths / 1000 === bound) {
      out.uvarbit(thousandths + 1);
    } else {
      out.uvarbit(0);
      out.f64(bound);
    }
  }
}

function readSpans(from: BitReader): Span[] {
  const spans: Span[] = [];
  for (let left = from.uvarbit(); left > 0; left--) {
    const length = from.uvarbit();
    spans.push({ offset: from.varbit(), length });
  }
  return spans;
}

function writeSpans(out: BitWriter, spans: readonly Span[]): void {
  out.uvarbit(spans.length);
  for (const { offset, length } of spans) {
    out.uvarbit(length);
    out.varbit(offset);
  }
}

export function bucketCount(spans: readonly Span[]): number {
  let sum = 0;
  for (const { length } of spans) sum += length;
  return sum;
}

/** What all samples of a chunk share, and the walk over its times. */
class ChunkHead {
  readonly from: BitReader;
  readonly layout: Layout;
  readonly positive: number;
  readonly negative: number;
  readonly #flags: number;
  readonly #starts: StartTimes;
  #previousMs = 0;
  tMs = 0;
  #deltaMs = 0;

  constructor(bytes: Uint8Array, hasStarts: boolean) {
    if (bytes.length < headerBytes) throw damaged('a histogram chunk without a header');
    // With start timestamps the flags are above the count, and the third byte is theirs.
    this.#flags = (bytes[hasStarts ? 0 : 2] as number) >>> 6;
    this.#starts = new StartTimes(hasStarts ? (bytes[2] as number) : 0);
    this.from = new BitReader(bytes, headerBytes);
    this.layout = readLayout(this.from);
    this.positive = bucketCount(this.layout.positiveSpans);
    this.negative = bucketCount(this.layout.negativeSpans);
    if (this.positive + this.negative > maxBuckets) throw damaged(`a histogram chunk with ${this.positive + this.negative} buckets`);
  }

  nextTime(i: number): void {
    this.#previousMs = this.tMs;
    if (i === 0) {
      this.tMs = this.from.varbit();
      return;
    }
    this.#deltaMs += this.from.varbit();
    this.tMs += this.#deltaMs;
  }

  /** Only between samples of one chunk it is known that there was no reset. */
  hint(i: number): FloatHistogram['counterResetHint'] {
    if (this.#flags === resetFlag.gauge) return 'gauge';
    return i === 0 ? 'unknown' : 'not_reset';
  }

  put(
    into: SampleBatch,
    at: number,
    i: number,
    sum: XorChain,
    count: number,
    zeroCount: number,
    buckets: Float64Array,
    isInteger: boolean,
  ): void {
    const isStale = sum.high === staleHigh && sum.low === staleLow;
    into.times[at] = this.tMs;
    into.values[at] = 0;
    into.stale[at] = isStale ? 1 : 0;
    if (this.#starts.isUsed) into.hasStartTimes = true;
    into.startTimes[at] = this.#starts.next(this.from, i, this.tMs, this.#previousMs);
    into.hasHistograms = true;
    if (isStale) {
      into.histograms[at] = undefined;
      return;
    }
    const histogram: FloatHistogram = {
      ...this.layout,
      counterResetHint: this.hint(i),
      count,
      zeroCount,
      sum: sum.value,
      positiveBuckets: buckets.slice(0, this.positive),
      negativeBuckets: buckets.slice(this.positive),
    };
    into.histograms[at] = isInteger && areCountsWhole(histogram) ? { ...histogram, isInteger } : histogram;
  }
}

/** Encodings 2 and 5. */
export function decodeHistogramChunk(bytes: Uint8Array, samples: number, into: SampleBatch, at: number, hasStarts: boolean): void {
  const head = new ChunkHead(bytes, hasStarts);
  const { from, positive, negative } = head;
  const sum = new XorChain();
  let count = 0;
  let countDelta = 0;
  let zeroCount = 0;
  let zeroDelta = 0;
  const stored = new Float64Array(positive + negative);
  const deltas = new Float64Array(positive + negative);
  const absolute = new Float64Array(positive + negative);
  for (let i = 0; i < samples; i++) {
    head.nextTime(i);
    if (i === 0) {
      count = from.uvarbit();
      zeroCount = from.uvarbit();
      sum.begin(from.bits(32), from.bits(32));
    } else {
      countDelta += from.varbit();
      zeroDelta += from.varbit();
      count += countDelta;
      zeroCount += zeroDelta;
      sum.read(from);
    }
    if (!(sum.high === staleHigh && sum.low === staleLow)) {
      for (let b = 0; b < stored.length; b++) {
        const read = from.varbit();
        if (i === 0) stored[b] = read;
        else {
          deltas[b] = (deltas[b] as number) + read;
          stored[b] = (stored[b] as number) + (deltas[b] as number);
        }
        // Stored are differences between neighbours, on each side from zero.
        absolute[b] = (stored[b] as number) + (b === 0 || b === positive ? 0 : (absolute[b - 1] as number));
      }
    }
    head.put(into, at + i, i, sum, count, zeroCount, absolute, true);
  }
}

/** Encodings 3 and 6. */
export function decodeFloatHistogramChunk(bytes: Uint8Array, samples: number, into: SampleBatch, at: number, hasStarts: boolean): void {
  const head = new ChunkHead(bytes, hasStarts);
  const { from, positive, negative } = head;
  const [count, zeroCount, sum] = [new XorChain(), new XorChain(), new XorChain()];
  const buckets = Array.from({ length: positive + negative }, () => new XorChain());
  const values = new Float64Array(buckets.length);
  for (let i = 0; i < samples; i++) {
    head.nextTime(i);
    for (const chain of [count, zeroCount, sum]) {
      if (i === 0) chain.begin(from.bits(32), from.bits(32));
      else chain.read(from);
    }
    if (!(sum.high === staleHigh && sum.low === staleLow)) {
      for (const [b, chain] of buckets.entries()) {
        if (i === 0) chain.begin(from.bits(32), from.bits(32));
        else chain.read(from);
        values[b] = chain.value;
      }
    }
    head.put(into, at + i, i, sum, count.value, zeroCount.value, values, false);
  }
}

/** A histogram and its time; without a histogram: the stale marker. */
export interface TimedHistogram {
  readonly tMs: number;
  readonly histogram: FloatHistogram | undefined;
}

/** Whether `next` may stand in one chunk with `previous`: the same kind of counts, the same buckets, and nothing went down (but for gauges). */
export function continuesChunk(previous: FloatHistogram | undefined, next: FloatHistogram | undefined): boolean {
  // After a stale marker only stale markers may follow.
  if (previous === undefined) return next === undefined;
  if (next === undefined) return true;
  const isGauge = previous.counterResetHint === 'gauge';
  if (isGauge !== (next.counterResetHint === 'gauge') || next.counterResetHint === 'reset') return false;
  if ((previous.isInteger ?? false) !== (next.isInteger ?? false)) return false;
  return hasSameLayout(previous, next) && (isGauge || !hasReset(previous, next));
}

export function hasSameLayout(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    hasSameSpans(a.positiveSpans, b.positiveSpans) &&
    hasSameSpans(a.negativeSpans, b.negativeSpans) &&
    a.customValues.length === b.customValues.length &&
    a.customValues.every((bound, i) => bound === b.customValues[i])
  );
}

function hasSameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  return a.length === b.length && a.every(({ offset, length }, i) => offset === b[i]?.offset && length === b[i]?.length);
}

/** Of the same layout: something counted less than before. */
function hasReset(previous: FloatHistogram, next: FloatHistogram): boolean {
  return (
    next.count < previous.count ||
    next.zeroCount < previous.zeroCount ||
    next.positiveBuckets.some((count, i) => count < (previous.positiveBuckets[i] as number)) ||
    next.negativeBuckets.some((count, i) => count < (previous.negativeBuckets[i] as number))
  );
}

/** Differences of differences of counts up to here are exact. */
const maxWholeCount = 2 ** 50;

/** Whether all counts can be written as whole numbers. */
export function areCountsWhole({ count, zeroCount, positiveBuckets, negativeBuckets }: FloatHistogram): boolean {
  const isWhole = (one: number): boolean => Number.isInteger(one) && one >= 0 && one <= maxWholeCount;
  return isWhole(count) && isWhole(zeroCount) && positiveBuckets.every(isWhole) && negativeBuckets.every(isWhole);
}

export interface EncodedHistograms {
  readonly encoding: number;
  readonly bytes: Uint8Array;
}

/**
 * Samples that continue each other (`continuesChunk`), in the encoding of their kind; for stale markers alone `isInteger` says which.
 * `before` is the last sample of the chunk before, if there is one.
 */
export function encodeHistogramChunk(samples: readonly TimedHistogram[], isInteger: boolean, before?: FloatHistogram): EncodedHistograms {
  const first = samples[0]?.histogram;
  const out = new BitWriter();
  out.bits(samples.length, 16);
  out.bits(flagOf(first, before) << 6, 8);
  writeLayout(out, first ?? emptyLayout);
  const isWhole = first === undefined ? isInteger : first.isInteger === true;
  if (isWhole) writeWholeCounts(out, samples);
  else writeFloatCounts(out, samples);
  return { encoding: isWhole ? histogramEncoding : floatHistogramEncoding, bytes: out.view() };
}

/** The second difference of a row of numbers: what is written of each but the first. */
class DeltaChain {
  #previous = 0;
  #delta = 0;

  begin(value: number): number {
    this.#previous = value;
    return value;
  }

  next(value: number): number {
    const delta = value - this.#previous;
    const change = delta - this.#delta;
    this.#previous = value;
    this.#delta = delta;
    return change;
  }
}

function writeWholeCounts(out: BitWriter, samples: readonly TimedHistogram[]): void {
  const first = samples[0]?.histogram;
  const [time, count, zeroCount, sum] = [new DeltaChain(), new DeltaChain(), new DeltaChain(), new XorChain()];
  const positive = first?.positiveBuckets.length ?? 0;
  const buckets = Array.from({ length: positive + (first?.negativeBuckets.length ?? 0) }, () => new DeltaChain());
  for (const [i, { tMs, histogram }] of samples.entries()) {
    const isFirst = i === 0;
    out.varbit(isFirst ? time.begin(tMs) : time.next(tMs));
    // A stale marker stands with no change of counts, and without buckets; nothing but stale markers may follow it.
    if (isFirst) {
      out.uvarbit(count.begin(histogram?.count ?? 0));
      out.uvarbit(zeroCount.begin(histogram?.zeroCount ?? 0));
    } else {
      out.varbit(histogram === undefined ? 0 : count.next(histogram.count));
      out.varbit(histogram === undefined ? 0 : zeroCount.next(histogram.zeroCount));
    }
    if (histogram === undefined) setWords(staleHigh, staleLow);
    else if (histogram.sum !== histogram.sum) setWords(nanHigh, nanLow);
    else bits.setFloat64(0, histogram.sum);
    const [high, low] = [bits.getUint32(0), bits.getUint32(4)];
    if (isFirst) {
      sum.begin(high, low);
      out.words(high, low);
    } else sum.write(out, high, low);
    if (histogram === undefined) continue;
    let neighbour = 0;
    for (const [b, chain] of buckets.entries()) {
      const bucket = (b < positive ? histogram.positiveBuckets[b] : histogram.negativeBuckets[b - positive]) as number;
      const stored = b === 0 || b === positive ? bucket : bucket - neighbour;
      out.varbit(isFirst ? chain.begin(stored) : chain.next(stored));
      neighbour = bucket;
    }
  }
}

function writeFloatCounts(out: BitWriter, samples: readonly TimedHistogram[]): void {
  const first = samples[0]?.histogram;
  const [count, zeroCount, sum] = [new XorChain(), new XorChain(), new XorChain()];
  const size = first === undefined ? 0 : first.positiveBuckets.length + first.negativeBuckets.length;
  const buckets = Array.from({ length: size }, () => new XorChain());
  let previousMs = 0;
  let deltaMs = 0;
  for (const [i, { tMs, histogram }] of samples.entries()) {
    if (i === 0) {
      out.varbit(tMs);
    } else {
      out.varbit(tMs - previousMs - deltaMs);
      deltaMs = tMs - previousMs;
    }
    previousMs = tMs;
    const put = (chain: XorChain, high: number, low: number): void => {
      if (i > 0) {
        chain.write(out, high, low);
        return;
      }
      chain.begin(high, low);
      out.words(high, low);
    };
    const putValue = (chain: XorChain, value: number): void => {
      bits.setFloat64(0, value);
      put(chain, bits.getUint32(0), bits.getUint32(4));
    };
    putValue(count, histogram?.count ?? 0);
    putValue(zeroCount, histogram?.zeroCount ?? 0);
    if (histogram === undefined) {
      put(sum, staleHigh, staleLow);
      continue;
    }
    putValue(sum, histogram.sum);
    const { positiveBuckets, negativeBuckets } = histogram;
    for (const [b, chain] of buckets.entries()) {
      putValue(chain, (b < positiveBuckets.length ? positiveBuckets[b] : negativeBuckets[b - positiveBuckets.length]) as number);
    }
  }
}

const bits = new DataView(new ArrayBuffer(8));

function setWords(high: number, low: number): void {
  bits.setUint32(0, high);
  bits.setUint32(4, low);
}

const emptyLayout: Layout = { schema: 0, zeroThreshold: 0, positiveSpans: [], negativeSpans: [], customValues: [] };

function flagOf(first: FloatHistogram | undefined, before: FloatHistogram | undefined): number {
  if (first?.counterResetHint === 'gauge') return resetFlag.gauge;
  if (first?.counterResetHint === 'reset') return resetFlag.reset;
  if (first === undefined || before === undefined || before.counterResetHint === 'gauge') return resetFlag.unknown;
  if (!hasSameLayout(before, first)) return resetFlag.unknown;
  return hasReset(before, first) ? resetFlag.reset : resetFlag.notReset;
}
