/**
 * `prometheus.WriteRequest`, the message of remote write 1.0, read directly from its bytes (prometheus-server.md §10.2).
 * Unknown fields are skipped, as protobuf wants it.
 */
import { Labels } from '@pronoia/model';

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

export interface WriteSeries {
  /** Undefined: not a valid set of labels (a name twice, no name, empty name). */
  readonly labels: Labels | undefined;
  /** Integer Unix ms and value of each sample, in order. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** Whether the value at this index is the staleness marker. */
  readonly stale: readonly boolean[];
  readonly hasHistograms: boolean;
}

export function* decodeWriteRequest(bytes: Uint8Array): Generator<WriteSeries> {
  const reader = new ProtobufReader(bytes, 0, bytes.length);
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) yield readSeries(reader.message());
    else reader.skip();
  }
}

/** The content of one series. */
export function decodeSeries(bytes: Uint8Array): WriteSeries {
  return readSeries(new ProtobufReader(bytes, 0, bytes.length));
}

function readSeries(reader: ProtobufReader): WriteSeries {
  const pairs: [string, string][] = [];
  const times: number[] = [];
  const values: number[] = [];
  const stale: boolean[] = [];
  let hasHistograms = false;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) {
      pairs.push(readLabel(reader.message()));
    } else if (reader.field === 2 && reader.wireType === 2) {
      const sample = readSample(reader.message());
      times.push(sample.tMs);
      values.push(sample.value);
      stale.push(sample.isStale);
    } else {
      if (reader.field === 4) hasHistograms = true;
      reader.skip();
    }
  }
  return { labels: toLabels(pairs), times, values, stale, hasHistograms };
}

function toLabels(pairs: [string, string][]): Labels | undefined {
  const names = new Set(pairs.map(([name]) => name));
  if (names.size < pairs.length || names.has('')) return undefined;
  const labels = Labels.fromPairs(pairs);
  return labels.get('__name__') === '' ? undefined : labels;
}

function readLabel(reader: ProtobufReader): [string, string] {
  let name = '';
  let value = '';
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) name = reader.text();
    else if (reader.field === 2 && reader.wireType === 2) value = reader.text();
    else reader.skip();
  }
  return [name, value];
}

function readSample(reader: ProtobufReader): { tMs: number; value: number; isStale: boolean } {
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
  return { tMs, value, isStale };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Walks over the fields of one message. */
class ProtobufReader {
  field = 0;
  wireType = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) throw new ProtobufError(`field 0 at ${this.#at}`);
    return true;
  }

  message(): ProtobufReader {
    const end = this.#lengthDelimited();
    const inner = new ProtobufReader(this.#bytes, this.#at, end);
    this.#at = end;
    return inner;
  }

  text(): string {
    const end = this.#lengthDelimited();
    const start = this.#at;
    this.#at = end;
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      throw new ProtobufError(`text at ${start} is not UTF-8`);
    }
  }

  isStaleMarker(): boolean {
    if (this.#at + 8 > this.#end) throw new ProtobufError(`a double is cut off at ${this.#at}`);
    return this.#view.getUint32(this.#at, true) === 2 && this.#view.getUint32(this.#at + 4, true) === 0x7ff00000;
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new ProtobufError(`a double is cut off at ${this.#at}`);
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  /** Exact within ±2^53. */
  signed64(): number {
    let low = 0;
    let high = 0;
    for (let i = 0; ; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || this.#at > this.#end || i > 9) throw new ProtobufError(`a number is cut off at ${this.#at}`);
      if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i);
      else high += (byte & 0x7f) * 2 ** (7 * (i - 4));
      if (byte < 0x80) break;
    }
    // 28 bits below, 36 above: the top one is the sign.
    const value = high >= 2 ** 35 ? (high - 2 ** 36) * 2 ** 28 + low : high * 2 ** 28 + low;
    if (!Number.isSafeInteger(value)) throw new ProtobufError('a timestamp is out of range');
    return value;
  }

  skip(): void {
    if (this.wireType === 0) this.#varint();
    else if (this.wireType === 1) this.#at += 8;
    else if (this.wireType === 2) this.#at = this.#lengthDelimited();
    else if (this.wireType === 5) this.#at += 4;
    else throw new ProtobufError(`wire type ${this.wireType} at ${this.#at}`);
    if (this.#at > this.#end) throw new ProtobufError('the message is cut off');
  }

  /** Where the content that starts now ends. */
  #lengthDelimited(): number {
    const length = this.#varint();
    if (length > this.#end - this.#at) throw new ProtobufError(`${length} bytes at ${this.#at} are more than there are`);
    return this.#at + length;
  }

  #varint(): number {
    let value = 0;
    for (let i = 0; ; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || this.#at > this.#end || i > 9) throw new ProtobufError(`a number is cut off at ${this.#at}`);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
  }
}
