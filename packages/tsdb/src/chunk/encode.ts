/**
 * Samples to chunks, outside of the head's hot path: when a block is written and a chunk cannot be copied as it is.
 */
import { SampleBatch } from '@pronoia/model';
import { highWord } from '../sample-columns.ts';
import { continuesChunk, encodeHistogramChunk, type TimedHistogram } from './histogram.ts';
import { maxSampleBytes, XorEncoder, xorEncoding } from './xor.ts';

/** A chunk with its bytes, on the way into a block. */
export interface EncodedChunk {
  readonly minMs: number;
  readonly maxMs: number;
  readonly encoding: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** A batch whose values can be read as bits: decoders write stale markers and NaNs exactly. */
export class BitBatch extends SampleBatch {
  readonly bits: Uint32Array;

  constructor(capacity: number) {
    super(capacity);
    this.bits = new Uint32Array(this.values.buffer);
  }
}

/** As many samples as a chunk should have (tsdb, DefaultSamplesPerChunk). */
const samplesPerChunk = 120;

/** Encodes `batch[0, count)` into chunks of at most 120 samples, each of floats or of histograms. */
export function encodeChunks(batch: BitBatch, count: number): EncodedChunk[] {
  const chunks: EncodedChunk[] = [];
  for (let from = 0; from < count; ) {
    const isHistogram = isHistogramAt(batch, from);
    let to = from + 1;
    while (
      to < count &&
      to - from < samplesPerChunk &&
      isHistogramAt(batch, to) === isHistogram &&
      (!isHistogram || continuesChunk(batch.histograms[to - 1], batch.histograms[to]))
    )
      to++;
    chunks.push(isHistogram ? encodeHistogramsAt(batch, from, to) : encodeXorChunk(batch, from, to));
    from = to;
  }
  return chunks;
}

/** A stale marker belongs to the histograms when it follows one. */
function isHistogramAt(batch: BitBatch, i: number): boolean {
  if (!batch.hasHistograms) return false;
  if (batch.histograms[i] !== undefined) return true;
  return batch.stale[i] === 1 && i > 0 && batch.histograms[i - 1] !== undefined;
}

function encodeHistogramsAt(batch: BitBatch, from: number, to: number): EncodedChunk {
  const samples: TimedHistogram[] = [];
  for (let i = from; i < to; i++) samples.push({ tMs: batch.times[i] as number, histogram: batch.histograms[i] });
  const before = from > 0 ? batch.histograms[from - 1] : undefined;
  return {
    minMs: batch.times[from] as number,
    maxMs: batch.times[to - 1] as number,
    count: to - from,
    ...encodeHistogramChunk(samples, before?.isInteger === true, before),
  };
}

function encodeXorChunk({ times, bits }: BitBatch, from: number, to: number): EncodedChunk {
  const count = to - from;
  const encoder = new XorEncoder(count * maxSampleBytes + 2);
  encoder.begin();
  encoder.bytes[0] = count >>> 8;
  encoder.bytes[1] = count;
  encoder.bit = 16;
  for (let i = from; i < to; i++)
    encoder.append(times[i] as number, bits[2 * i + highWord] as number, bits[2 * i + 1 - highWord] as number);
  return {
    minMs: times[from] as number,
    maxMs: times[to - 1] as number,
    encoding: xorEncoding,
    count,
    bytes: encoder.bytes.subarray(0, (encoder.bit + 7) >>> 3),
  };
}
