/**
 * A histogram inside a log record (tsdb-format.md §7.2): HIST for whole counts, FHIST for others. Both become floats, the one
 * shape in which histograms leave the storage.
 */
import type { FloatHistogram, Span } from '@pronoia/model';
import type { ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { areCountsWhole } from '../chunk/histogram.ts';
import { damaged } from '../errors.ts';
import { staleHigh, staleLow } from '../sample-columns.ts';

/** A histogram sample, or the stale marker of a histogram series. */
export interface HistogramEntry {
  readonly histogram: FloatHistogram;
  readonly isStale: boolean;
  /** Its counts are written as whole numbers. */
  readonly isInteger: boolean;
}

const hints = ['unknown', 'reset', 'not_reset', 'gauge'] as const;
export const customSchema = -53;

export function encodeHistogram(into: ByteWriter, { histogram, isStale, isInteger }: HistogramEntry): void {
  into.u8(hints.indexOf(histogram.counterResetHint));
  into.varint(histogram.schema);
  into.f64(histogram.zeroThreshold);
  for (const count of [histogram.zeroCount, histogram.count]) {
    if (isInteger) into.uvarint(count);
    else into.f64(count);
  }
  if (isStale) into.words(staleHigh, staleLow);
  else into.f64(histogram.sum);
  encodeSpans(into, histogram.positiveSpans);
  encodeSpans(into, histogram.negativeSpans);
  for (const buckets of [histogram.positiveBuckets, histogram.negativeBuckets]) {
    into.uvarint(buckets.length);
    let previous = 0;
    for (const count of buckets) {
      if (isInteger) into.varint(count - previous);
      else into.f64(count);
      previous = count;
    }
  }
  if (histogram.schema === customSchema) {
    into.uvarint(histogram.customValues.length);
    for (const bound of histogram.customValues) into.f64(bound);
  }
}

function encodeSpans(into: ByteWriter, spans: readonly Span[]): void {
  into.uvarint(spans.length);
  for (const { offset, length } of spans) {
    into.varint(offset);
    into.uvarint(length);
  }
}

export function decodeHistogram(from: ByteReader, isFloat: boolean): HistogramEntry {
  const counterResetHint = hints[from.u8()];
  if (counterResetHint === undefined) throw damaged('unknown counter reset hint of a histogram', { offset: from.at - 1 });
  const schema = from.varint();
  const zeroThreshold = from.f64();
  const zeroCount = isFloat ? from.f64() : from.uvarint();
  const count = isFloat ? from.f64() : from.uvarint();
  const sumHigh = from.be32();
  const sumLow = from.be32();
  const positiveSpans = decodeSpans(from);
  const negativeSpans = decodeSpans(from);
  const positiveBuckets = decodeBuckets(from, isFloat);
  const negativeBuckets = decodeBuckets(from, isFloat);
  const customValues: number[] = [];
  if (schema === customSchema) for (let left = from.uvarint(); left > 0; left--) customValues.push(from.f64());
  const histogram: FloatHistogram = {
    counterResetHint,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum: floatOf(sumHigh, sumLow),
    positiveSpans,
    negativeSpans,
    positiveBuckets,
    negativeBuckets,
    customValues,
  };
  const isStale = sumHigh === staleHigh && sumLow === staleLow;
  return { histogram: isFloat || !areCountsWhole(histogram) ? histogram : { ...histogram, isInteger: true }, isStale, isInteger: !isFloat };
}

function decodeSpans(from: ByteReader): Span[] {
  const spans: Span[] = [];
  for (let left = from.uvarint(); left > 0; left--) spans.push({ offset: from.varint(), length: from.uvarint() });
  return spans;
}

/** Whole counts are stored as differences between neighbours. */
function decodeBuckets(from: ByteReader, isFloat: boolean): Float64Array {
  const count = from.uvarint();
  if (count > from.remaining) throw damaged(`${count} buckets in ${from.remaining} bytes`, { offset: from.at });
  const buckets = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (isFloat) buckets[i] = from.f64();
    else {
      total += from.varint();
      buckets[i] = total;
    }
  }
  return buckets;
}

const scratch = new DataView(new ArrayBuffer(8));

function floatOf(high: number, low: number): number {
  scratch.setUint32(0, high);
  scratch.setUint32(4, low);
  return scratch.getFloat64(0);
}
