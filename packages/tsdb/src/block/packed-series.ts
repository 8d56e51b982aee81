/**
 * Series on their way from the head to the thread that writes blocks, as bytes in parts of about a megabyte. The head goes on meanwhile:
 * each series is packed in one step, and nobody changes what lies in a part.
 *
 *     series  uvarint labels | name, value … | uvarint chunks | chunk … | uvarint deleted | varint min, varint max …
 *     text    uvarint 1 + its number in order of first appearance; the first time 0 and the text itself
 *     chunk   varint min | uvarint max − min | u8 encoding | uvarint length | uvarint place | data if the place is 0
 *     place   1 + where the data are in the head's files (chunk-files.ts), or 0: they follow
 *     data    of encoding 0: so many times, then so many values, as they lie in memory; the reader makes chunks of them
 */
import { compareBytes, Labels } from '@pronoia/model';
import { keepSamples } from '../batch-filter.ts';
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { decodeChunk, sampleCount } from '../chunk/decode.ts';
import { BitBatch, type EncodedChunk, encodeChunks } from '../chunk/encode.ts';
import type { Interval } from '../interval.ts';
import { Turn } from '../turn.ts';
import type { BlockContent, SeriesToWrite } from './block-writer.ts';

const partBytes = 1 << 20;
/** In place of an encoding. */
const rawSamples = 0;

export class SeriesPacker {
  #out = new ByteWriter(partBytes + 64 * 1024);
  /** By the head's symbol id: the number of the text, from 1 on. */
  #numbers = new Uint32Array(1024);
  #texts = 0;

  labels(ids: Uint32Array, text: (id: number) => string): void {
    this.#out.uvarint(ids.length / 2);
    for (const id of ids) {
      const number = this.#numbers[id] ?? 0;
      this.#out.uvarint(number);
      if (number > 0) continue;
      this.#out.string(text(id));
      if (id >= this.#numbers.length) {
        const grown = new Uint32Array(Math.max(id + 1, this.#numbers.length * 2));
        grown.set(this.#numbers);
        this.#numbers = grown;
      }
      this.#numbers[id] = ++this.#texts;
    }
  }

  /** How many chunks, then how many deleted intervals, follow. */
  count(count: number): void {
    this.#out.uvarint(count);
  }

  chunk(minMs: number, maxMs: number, encoding: number, bytes: Uint8Array): void {
    this.#chunkHead(minMs, maxMs, encoding, bytes.length);
    this.#out.uvarint(0);
    this.#out.bytes(bytes);
  }

  /** The first `count` samples, floats only. */
  samples({ times, values }: BitBatch, count: number): void {
    this.#chunkHead(times[0] as number, times[count - 1] as number, rawSamples, count * 16);
    this.#out.uvarint(0);
    this.#out.bytes(new Uint8Array(times.buffer, times.byteOffset, count * 8));
    this.#out.bytes(new Uint8Array(values.buffer, values.byteOffset, count * 8));
  }

  storedChunk(minMs: number, maxMs: number, encoding: number, length: number, dataAt: number): void {
    this.#chunkHead(minMs, maxMs, encoding, length);
    this.#out.uvarint(1 + dataAt);
  }

  #chunkHead(minMs: number, maxMs: number, encoding: number, length: number): void {
    this.#out.varint(minMs);
    this.#out.uvarint(maxMs - minMs);
    this.#out.u8(encoding);
    this.#out.uvarint(length);
  }

  interval({ minMs, maxMs }: Interval): void {
    this.#out.varint(minMs);
    this.#out.varint(maxMs);
  }

  /** What has come together, if it is enough for a part. Between two series only. */
  take(atLeast = partBytes): Uint8Array<ArrayBuffer> | undefined {
    if (this.#out.length < atLeast || this.#out.length === 0) return undefined;
    const part = this.#out.view() as Uint8Array<ArrayBuffer>;
    this.#out = new ByteWriter(partBytes + 64 * 1024);
    return part;
  }
}

/** Where a series is in the parts. */
interface PackedSeries {
  readonly part: Uint8Array;
  /** Where its count of chunks is. */
  readonly chunksAt: number;
  /** Numbers of its texts: `texts[from, from + length)`. */
  readonly from: number;
  readonly length: number;
}

/** Samples of packed series in `[minMs, maxMs]`, without the deleted ones. Chunks inside the span are taken as they are, others are cut. */
export function packedContent(
  parts: readonly Uint8Array[],
  minMs: number,
  maxMs: number,
  readStored: (dataAt: number, length: number) => Uint8Array,
): BlockContent {
  const texts: string[] = [];
  let ids = new Uint32Array(64 * 1024);
  let idCount = 0;
  const series: PackedSeries[] = [];
  for (const part of parts) {
    const reader = new ByteReader(part);
    while (reader.remaining > 0) {
      const from = idCount;
      const length = reader.uvarint() * 2;
      if (from + length > ids.length) {
        const grown = new Uint32Array(ids.length * 2 + length);
        grown.set(ids);
        ids = grown;
      }
      for (let i = 0; i < length; i++) {
        const number = reader.uvarint();
        ids[idCount++] = number === 0 ? texts.push(reader.string()) - 1 : number - 1;
      }
      series.push({ part, chunksAt: reader.at, from, length });
      skipChunks(reader);
    }
  }
  const order = Uint32Array.from(texts, (_, i) => i).sort((a, b) => compareBytes(texts[a] as string, texts[b] as string));
  // Labels are compared by the rank of their texts: no text is looked at twice.
  const ranks = new Uint32Array(texts.length);
  for (const [rank, id] of order.entries()) ranks[id] = rank;
  for (let i = 0; i < idCount; i++) ids[i] = ranks[ids[i] as number] as number;
  const symbols = Array.from(order, (id) => texts[id] as string);
  series.sort((a, b) => {
    const shared = Math.min(a.length, b.length);
    for (let i = 0; i < shared; i++) {
      const difference = (ids[a.from + i] as number) - (ids[b.from + i] as number);
      if (difference !== 0) return difference;
    }
    return a.length - b.length;
  });
  const read = async function* (): AsyncGenerator<SeriesToWrite> {
    const turn = new Turn();
    for (const { part, chunksAt, from, length } of series) {
      await turn.pass();
      const pairs: string[] = [];
      for (let i = from; i < from + length; i++) pairs.push(symbols[ids[i] as number] as string);
      yield { labels: Labels.fromSorted(pairs), chunks: readChunks(new ByteReader(part, chunksAt), minMs, maxMs, readStored) };
    }
  };
  return { symbols, series: read() };
}

function encodeRaw(bytes: Uint8Array): EncodedChunk[] {
  const count = bytes.length / 16;
  const batch = new BitBatch(count);
  new Uint8Array(batch.times.buffer, batch.times.byteOffset).set(bytes.subarray(0, count * 8));
  new Uint8Array(batch.values.buffer, batch.values.byteOffset).set(bytes.subarray(count * 8));
  return encodeChunks(batch, count);
}

function skipChunks(reader: ByteReader): void {
  for (let left = reader.uvarint(); left > 0; left--) {
    reader.varint();
    reader.uvarint();
    reader.u8();
    const length = reader.uvarint();
    if (reader.uvarint() === 0) reader.skip(length);
  }
  for (let left = reader.uvarint(); left > 0; left--) {
    reader.varint();
    reader.varint();
  }
}

function readChunks(
  reader: ByteReader,
  minMs: number,
  maxMs: number,
  readStored: (dataAt: number, length: number) => Uint8Array,
): EncodedChunk[] {
  const chunks: EncodedChunk[] = [];
  for (let left = reader.uvarint(); left > 0; left--) {
    const chunkMin = reader.varint();
    const chunkMax = chunkMin + reader.uvarint();
    const encoding = reader.u8();
    const length = reader.uvarint();
    const place = reader.uvarint();
    const bytes = place > 0 ? readStored(place - 1, length) : reader.bytes.subarray(reader.at, reader.at + length);
    if (place === 0) reader.skip(length);
    if (encoding === rawSamples) chunks.push(...encodeRaw(bytes));
    else chunks.push({ minMs: chunkMin, maxMs: chunkMax, encoding, count: sampleCount(encoding, bytes), bytes });
  }
  const deleted: Interval[] = [];
  for (let left = reader.uvarint(); left > 0; left--) deleted.push({ minMs: reader.varint(), maxMs: reader.varint() });
  return chunks.flatMap((chunk) => {
    const isWhole =
      chunk.minMs >= minMs &&
      chunk.maxMs <= maxMs &&
      !deleted.some((interval) => interval.minMs <= chunk.maxMs && interval.maxMs >= chunk.minMs);
    if (isWhole) return [chunk];
    const batch = new BitBatch(chunk.count);
    decodeChunk(chunk.encoding, chunk.bytes, batch, 0);
    return encodeChunks(batch, keepSamples(batch, 0, chunk.count, minMs, maxMs, deleted));
  });
}
