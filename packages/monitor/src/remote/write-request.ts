/**
 * `prometheus.WriteRequest`, the message of remote write 1.0, read directly from its bytes (prometheus-server.md §10.2).
 * Unknown fields are skipped, as protobuf wants it.
 */
import { compareBytes, type Exemplar, type FloatHistogram, Labels, type Span } from '@pronoia/model';
import { ProtobufReader } from './protobuf-reader.ts';

export interface WriteSeries {
  /** Undefined: not a valid set of labels (a name twice, no name, empty name). */
  readonly labels: Labels | undefined;
  /** Integer Unix ms and value of each sample, in order. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** Whether the value at this index is the staleness marker. */
  readonly stale: readonly boolean[];
  readonly histograms: readonly WriteHistogram[];
  readonly exemplars: readonly Exemplar[];
}

export interface WriteHistogram {
  readonly tMs: number;
  readonly histogram: FloatHistogram;
  /** It is a staleness marker: its sum says so. */
  readonly isStale: boolean;
}

export function* decodeWriteRequest(bytes: Uint8Array): Generator<WriteSeries> {
  const reader = new ProtobufReader(bytes);
  while (reader.next()) {
    if (reader.field !== 1 || reader.wireType !== 2) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const series = readSeries(reader);
    reader.leave(outer);
    yield series;
  }
}

/** The content of one series. */
export function decodeSeries(bytes: Uint8Array): WriteSeries {
  return readSeries(new ProtobufReader(bytes));
}

const none: readonly never[] = [];

function readSeries(reader: ProtobufReader): WriteSeries {
  const pairs: string[] = [];
  const times: number[] = [];
  const values: number[] = [];
  const stale: boolean[] = [];
  let histograms: WriteHistogram[] | undefined;
  let exemplars: Exemplar[] | undefined;
  while (reader.next()) {
    if (reader.wireType !== 2 || reader.field > 4) {
      reader.skip();
      continue;
    }
    const { field } = reader;
    const outer = reader.enter();
    if (field === 1) readLabel(reader, pairs);
    else if (field === 2) readSample(reader, times, values, stale);
    else if (field === 3) (exemplars ??= []).push(readExemplar(reader));
    else (histograms ??= []).push(readHistogram(reader));
    reader.leave(outer);
  }
  return { labels: toLabels(pairs), times, values, stale, histograms: histograms ?? none, exemplars: exemplars ?? none };
}

/** Names and values in turn, as they came. */
function toLabels(pairs: string[]): Labels | undefined {
  const labels = sorted(pairs);
  return labels === undefined || labels.get('__name__') === '' ? undefined : labels;
}

/** Undefined: an empty name, or one that comes twice. */
function sorted(pairs: string[]): Labels | undefined {
  let isInOrder = true;
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === '') return undefined;
    if (pairs[i + 1] === '' || (i > 0 && compareBytes(pairs[i - 2] as string, pairs[i] as string) >= 0)) isInOrder = false;
  }
  if (isInOrder) return Labels.fromSorted(pairs);
  const names = pairs.filter((_, i) => i % 2 === 0);
  if (new Set(names).size < names.length) return undefined;
  return Labels.fromPairs(names.map((name, i): [string, string] => [name, pairs[2 * i + 1] as string]));
}

function readLabel(reader: ProtobufReader, pairs: string[]): void {
  let name = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) name = reader.text();
    else if (reader.field === 2 && reader.wireType === 2) value = reader.text();
    else reader.skip();
  }
  pairs.push(name, value);
}

function readSample(reader: ProtobufReader, times: number[], values: number[], stale: boolean[]): void {
  let tMs = 0;
  let value = 0;
  let isStale = false;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 1) {
      isStale = reader.isStaleMarker();
      value = reader.double();
    } else if (reader.field === 2 && reader.wireType === 0) {
      tMs = reader.signed64();
    } else {
      reader.skip();
    }
  }
  times.push(tMs);
  values.push(value);
  stale.push(isStale);
}

function readExemplar(reader: ProtobufReader): Exemplar {
  const pairs: string[] = [];
  let value = 0;
  let timestampMs = 0;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) {
      const outer = reader.enter();
      readLabel(reader, pairs);
      reader.leave(outer);
    } else if (reader.field === 2 && reader.wireType === 1) value = reader.double();
    else if (reader.field === 3 && reader.wireType === 0) timestampMs = reader.signed64();
    else reader.skip();
  }
  return { labels: sorted(pairs) ?? Labels.empty, value, timestampMs };
}

const resetHints = ['unknown', 'reset', 'not_reset', 'gauge'] as const;

/** Whole counts become floats that say so, and differences between neighbours counts: the one form in which storage takes them. */
function readHistogram(reader: ProtobufReader): WriteHistogram {
  let tMs = 0;
  let count = 0;
  let sum = 0;
  let isStale = false;
  let schema = 0;
  let zeroThreshold = 0;
  let zeroCount = 0;
  let isInteger = false;
  let hint = 0;
  const spans: [negative: Span[], positive: Span[]] = [[], []];
  const deltas: [negative: number[], positive: number[]] = [[], []];
  const counts: [negative: number[], positive: number[]] = [[], []];
  const customValues: number[] = [];
  while (reader.next()) {
    const { field, wireType } = reader;
    // 8 to 10 are of the negative side, 11 to 13 the same of the positive one.
    const side = field >= 11 && field <= 13 ? 1 : 0;
    if (wireType === 0 && (field === 1 || field === 6)) {
      if (field === 1) {
        count = reader.unsigned64();
        isInteger = true;
      } else zeroCount = reader.unsigned64();
    } else if (wireType === 1 && field === 2) count = reader.double();
    else if (wireType === 1 && field === 3) {
      isStale = reader.isStaleMarker();
      sum = reader.double();
    } else if (wireType === 0 && field === 4) schema = reader.zigzag();
    else if (wireType === 1 && field === 5) zeroThreshold = reader.double();
    else if (wireType === 1 && field === 7) zeroCount = reader.double();
    else if (wireType === 2 && (field === 8 || field === 11)) spans[side].push(readSpan(reader));
    else if (field === 9 || field === 12) readList(reader, 0, () => deltas[side].push(reader.zigzag()));
    else if (field === 10 || field === 13) readList(reader, 1, () => counts[side].push(reader.double()));
    else if (wireType === 0 && field === 14) hint = reader.unsigned64();
    else if (wireType === 0 && field === 15) tMs = reader.signed64();
    else if (field === 16) readList(reader, 1, () => customValues.push(reader.double()));
    else reader.skip();
  }
  const buckets = (side: 0 | 1): Float64Array => {
    if (deltas[side].length === 0) return Float64Array.from(counts[side]);
    let total = 0;
    return Float64Array.from(deltas[side], (delta) => (total += delta));
  };
  const histogram: FloatHistogram = {
    counterResetHint: resetHints[hint] ?? 'unknown',
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    positiveSpans: spans[1],
    negativeSpans: spans[0],
    positiveBuckets: buckets(1),
    negativeBuckets: buckets(0),
    customValues,
    ...(isInteger && counts.every((list) => list.length === 0) && { isInteger }),
  };
  return { tMs, histogram, isStale };
}

/** Numbers one by one, or packed into one field. */
function readList(reader: ProtobufReader, wireType: number, readOne: () => void): void {
  if (reader.wireType === wireType) readOne();
  else if (reader.wireType === 2) {
    const outer = reader.enter();
    while (reader.hasMore) readOne();
    reader.leave(outer);
  } else reader.skip();
}

function readSpan(reader: ProtobufReader): Span {
  let offset = 0;
  let length = 0;
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 0) offset = reader.zigzag();
    else if (reader.field === 2 && reader.wireType === 0) length = reader.unsigned64();
    else reader.skip();
  }
  reader.leave(outer);
  return { offset, length };
}
