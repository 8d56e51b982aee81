/**
 * Records of the write-ahead log (tsdb-format.md §7.2): the first byte says the type. Encoders and decoders stand together.
 *
 * We write types 1–4, 6 and 8/10; we read all of them. A type that we do not know is handed to `unknown`, never an error:
 * a newer version may have written it.
 */
import type { Exemplar } from '@pronoia/model';
import { Labels } from '@pronoia/model';
import { ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { damaged } from '../errors.ts';
import { SampleColumns } from '../sample-columns.ts';
import { customSchema, decodeHistogram, encodeHistogram, type HistogramEntry } from './histogram-record.ts';
import { logKernel } from './log-kernel.ts';

export const recordType = {
  series: 1,
  samples: 2,
  tombstones: 3,
  exemplars: 4,
  mmapMarkers: 5,
  metadata: 6,
  histograms: 7,
  floatHistograms: 8,
  customHistograms: 9,
  customFloatHistograms: 10,
  samplesV2: 11,
  histogramsV2: 12,
  floatHistogramsV2: 13,
} as const;

export interface SeriesMetadata {
  readonly type: number;
  readonly unit: string;
  readonly help: string;
}

export interface RecordVisitor {
  series(ref: number, labels: Labels): void;
  /** In place of `series`: reads one from its bytes, up to its end. */
  readSeries?(from: ByteReader): void;
  /** Reused for the next record. */
  samples(samples: SampleColumns): void;
  /** `body` is the sample as it was written, behind ref and time; valid during the call. */
  histogram(ref: number, tMs: number, value: HistogramEntry, body: Uint8Array): void;
  /** Closed interval; ±Infinity on both sides: the series is gone. */
  tombstone(ref: number, minMs: number, maxMs: number): void;
  exemplar(ref: number, exemplar: Exemplar): void;
  metadata(ref: number, metadata: SeriesMetadata): void;
  unknown(type: number): void;
}

export function encodeSeries(into: ByteWriter, series: Iterable<readonly [ref: number, labels: Labels]>): void {
  into.u8(recordType.series);
  for (const [ref, { pairs }] of series) {
    into.be64(ref);
    encodeLabels(into, pairs);
  }
}

/** A record of series to which `encodeSeriesIds` adds. */
export function encodeNoSeries(into: ByteWriter): void {
  into.u8(recordType.series);
}

/** One more series, its labels as ids of symbols, name and value in turn. */
export function encodeSeriesIds(into: ByteWriter, ref: number, ids: Uint32Array, symbols: { text(id: number): string }): void {
  into.be64(ref);
  into.uvarint(ids.length / 2);
  for (let i = 0; i < ids.length; i++) into.string(symbols.text(ids[i] as number));
}

function encodeLabels(into: ByteWriter, pairs: readonly string[]): void {
  into.uvarint(pairs.length / 2);
  for (const text of pairs) into.string(text);
}

function decodeLabels(from: ByteReader): Labels {
  const count = from.uvarint();
  const pairs: string[] = [];
  for (let i = 0; i < count; i++) pairs.push(from.string(), from.string());
  return Labels.fromSorted(pairs);
}

/** The record of these samples, valid until the next call: by the kernel where it runs, with `into` by its twin. */
export function encodeSamples(into: ByteWriter, samples: SampleColumns): Uint8Array {
  if (logKernel !== undefined) return logKernel.encodeSamples(samples);
  encodeSamplesPlainly(into.reset(), samples);
  return into.view();
}

export function encodeSamplesPlainly(into: ByteWriter, samples: SampleColumns): void {
  into.u8(recordType.samples);
  if (samples.length === 0) return;
  const { refs, times } = samples;
  const firstRef = refs[0] as number;
  const firstTime = times[0] as number;
  into.be64(firstRef);
  into.be64(firstTime);
  for (let i = 0; i < samples.length; i++) {
    into.varint((refs[i] as number) - firstRef);
    into.varint((times[i] as number) - firstTime);
    into.words(samples.high(i), samples.low(i));
  }
}

/** Hot at start. */
function decodeSamples(record: Uint8Array, into: SampleColumns): void {
  if (logKernel === undefined) {
    const from = new ByteReader(record);
    from.u8();
    decodeSamplesPlainly(from, into);
    return;
  }
  const decoded = logKernel.decodeSamples(record);
  if (decoded === undefined) throw damaged('a sample is cut off');
  into.assign(decoded.refs, decoded.times, decoded.values);
}

/** Refs and times nearly always differ from the first ones by one or two bytes, which are read in place. */
export function decodeSamplesPlainly(from: ByteReader, into: SampleColumns): void {
  into.length = 0;
  if (from.remaining === 0) return;
  const firstRef = from.be64();
  const firstTime = from.be64();
  const { bytes, end } = from;
  let { at } = from;
  while (at < end) {
    let ref = bytes[at] as number;
    if (ref < 0x80) {
      at += 1;
      ref = (ref >>> 1) ^ -(ref & 1);
    } else if ((bytes[at + 1] as number) < 0x80) {
      ref = (ref & 0x7f) | ((bytes[at + 1] as number) << 7);
      at += 2;
      ref = (ref >>> 1) ^ -(ref & 1);
    } else {
      from.at = at;
      ref = from.varint();
      at = from.at;
    }
    let t = bytes[at] as number;
    if (t === 0) {
      at += 1;
    } else {
      from.at = at;
      t = from.varint();
      at = from.at;
    }
    if (at + 8 > end) throw damaged(`a sample is cut off at offset ${at}`, { offset: at });
    const high =
      ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    const low =
      ((bytes[at + 4] as number) << 24) | ((bytes[at + 5] as number) << 16) | ((bytes[at + 6] as number) << 8) | (bytes[at + 7] as number);
    into.pushWords(firstRef + ref, firstTime + t, high, low);
    at += 8;
  }
}

/** Version 2 carries start timestamps, which we read over: chunks of this version cannot hold them. */
function decodeSamplesV2(from: ByteReader, into: SampleColumns): void {
  into.length = 0;
  let previousRef = 0;
  let firstTime = 0;
  for (let i = 0; from.remaining > 0; i++) {
    const ref = previousRef + from.varint();
    const t = firstTime + from.varint();
    skipStart(from, i);
    if (i === 0) firstTime = t;
    previousRef = ref;
    into.pushWords(ref, t, from.be32(), from.be32());
  }
}

function skipStart(from: ByteReader, index: number): void {
  if (index === 0) {
    from.varint();
    return;
  }
  const marker = from.u8();
  if (marker === 2) from.varint();
  else if (marker > 2) throw damaged(`unknown start timestamp marker ${marker}`);
}

export interface HistogramSample extends HistogramEntry {
  readonly ref: number;
  readonly tMs: number;
}

/** Whole counts and others, exponential and custom buckets go into records of their own: the caller passes one `histogramRecordType` only. */
export function encodeHistograms(into: ByteWriter, samples: readonly HistogramSample[]): void {
  const [first] = samples;
  if (first === undefined) return;
  into.u8(histogramRecordType(first));
  into.be64(first.ref);
  into.be64(first.tMs);
  for (const sample of samples) {
    into.varint(sample.ref - first.ref);
    into.varint(sample.tMs - first.tMs);
    encodeHistogram(into, sample);
  }
}

/**
 * Cuts a batch into what one record each can hold. Samples of one series keep their order, or replay would take an older one for late;
 * where no series comes twice, there is one record for each type.
 */
export function histogramRuns(samples: readonly HistogramSample[]): HistogramSample[][] {
  const isEachOnce = new Set(samples.map(({ ref }) => ref)).size === samples.length;
  const runs: HistogramSample[][] = [];
  const runByType = new Map<number, HistogramSample[]>();
  for (const sample of samples) {
    const type = histogramRecordType(sample);
    const run = runByType.get(type);
    if (run !== undefined) {
      run.push(sample);
      continue;
    }
    if (!isEachOnce) runByType.clear();
    const begun = [sample];
    runByType.set(type, begun);
    runs.push(begun);
  }
  return runs;
}

/** Histogram samples as they were read, for a checkpoint: whole counts stay whole. */
export interface RawHistogramSample {
  readonly ref: number;
  readonly tMs: number;
  readonly body: Uint8Array;
}

/** The type of the record that holds such a sample. */
export function histogramRecordType({ isInteger, histogram }: HistogramEntry): number {
  if (histogram.schema === customSchema) return isInteger ? recordType.customHistograms : recordType.customFloatHistograms;
  return isInteger ? recordType.histograms : recordType.floatHistograms;
}

export function encodeRawHistograms(into: ByteWriter, type: number, samples: readonly RawHistogramSample[]): void {
  const [first] = samples;
  if (first === undefined) return;
  into.u8(type);
  into.be64(first.ref);
  into.be64(first.tMs);
  for (const { ref, tMs, body } of samples) {
    into.varint(ref - first.ref);
    into.varint(tMs - first.tMs);
    into.bytes(body);
  }
}

function decodeHistograms(from: ByteReader, isFloat: boolean, visitor: RecordVisitor): void {
  if (from.remaining === 0) return;
  const firstRef = from.be64();
  const firstTime = from.be64();
  while (from.remaining > 0) {
    const ref = firstRef + from.varint();
    const t = firstTime + from.varint();
    const start = from.at;
    const entry = decodeHistogram(from, isFloat);
    visitor.histogram(ref, t, entry, from.bytes.subarray(start, from.at));
  }
}

function decodeHistogramsV2(from: ByteReader, isFloat: boolean, visitor: RecordVisitor): void {
  let previousRef = 0;
  let firstTime = 0;
  for (let i = 0; from.remaining > 0; i++) {
    const ref = previousRef + from.varint();
    const t = firstTime + from.varint();
    skipStart(from, i);
    if (i === 0) firstTime = t;
    previousRef = ref;
    const start = from.at;
    const entry = decodeHistogram(from, isFloat);
    visitor.histogram(ref, t, entry, from.bytes.subarray(start, from.at));
  }
}

export function encodeTombstones(into: ByteWriter, tombstones: Iterable<readonly [ref: number, minMs: number, maxMs: number]>): void {
  into.u8(recordType.tombstones);
  for (const [ref, minMs, maxMs] of tombstones) {
    into.be64(ref);
    into.varint(minMs);
    into.varint(maxMs);
  }
}

export function encodeExemplars(into: ByteWriter, exemplars: readonly (readonly [ref: number, exemplar: Exemplar])[]): void {
  into.u8(recordType.exemplars);
  const [first] = exemplars;
  if (first === undefined) return;
  into.be64(first[0]);
  into.be64(first[1].timestampMs);
  for (const [ref, { labels, value, timestampMs }] of exemplars) {
    into.varint(ref - first[0]);
    into.varint(timestampMs - first[1].timestampMs);
    into.f64(value);
    encodeLabels(into, labels.pairs);
  }
}

function decodeExemplars(from: ByteReader, visitor: RecordVisitor): void {
  if (from.remaining === 0) return;
  const firstRef = from.be64();
  const firstTime = from.be64();
  while (from.remaining > 0) {
    const ref = firstRef + from.varint();
    const timestampMs = firstTime + from.varint();
    const value = from.f64();
    visitor.exemplar(ref, { labels: decodeLabels(from), value, timestampMs });
  }
}

export function encodeMetadata(into: ByteWriter, entries: Iterable<readonly [ref: number, metadata: SeriesMetadata]>): void {
  into.u8(recordType.metadata);
  for (const [ref, { type, unit, help }] of entries) {
    into.uvarint(ref);
    into.u8(type);
    into.uvarint(2);
    for (const text of ['UNIT', unit, 'HELP', help]) into.string(text);
  }
}

function decodeMetadata(from: ByteReader, visitor: RecordVisitor): void {
  while (from.remaining > 0) {
    const ref = from.uvarint();
    const type = from.u8();
    const fields: Record<string, string> = {};
    for (let left = from.uvarint(); left > 0; left--) {
      const name = from.string();
      fields[name] = from.string();
    }
    visitor.metadata(ref, { type, unit: fields['UNIT'] ?? '', help: fields['HELP'] ?? '' });
  }
}

const decoded = new SampleColumns(4096);

/** Throws StorageError `damaged` when the bytes are not what their type says. */
export function decodeRecord(record: Uint8Array, visitor: RecordVisitor): void {
  const from = new ByteReader(record);
  const type = from.u8();
  switch (type) {
    case recordType.series:
      while (from.remaining > 0) {
        if (visitor.readSeries === undefined) visitor.series(from.be64(), decodeLabels(from));
        else visitor.readSeries(from);
      }
      return;
    case recordType.samples:
      decodeSamples(record, decoded);
      visitor.samples(decoded);
      return;
    case recordType.samplesV2:
      decodeSamplesV2(from, decoded);
      visitor.samples(decoded);
      return;
    case recordType.tombstones:
      while (from.remaining > 0) visitor.tombstone(from.be64(), from.varint(), from.varint());
      return;
    case recordType.exemplars:
      decodeExemplars(from, visitor);
      return;
    case recordType.metadata:
      decodeMetadata(from, visitor);
      return;
    case recordType.histograms:
    case recordType.customHistograms:
      decodeHistograms(from, false, visitor);
      return;
    case recordType.floatHistograms:
    case recordType.customFloatHistograms:
      decodeHistograms(from, true, visitor);
      return;
    case recordType.histogramsV2:
      decodeHistogramsV2(from, false, visitor);
      return;
    case recordType.floatHistogramsV2:
      decodeHistogramsV2(from, true, visitor);
      return;
    default:
      visitor.unknown(type);
  }
}
