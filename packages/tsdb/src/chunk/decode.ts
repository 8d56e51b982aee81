/**
 * Any chunk, whatever its encoding, into a batch.
 */
import type { SampleBatch } from '@pronoia/model';
import { StorageError } from '../errors.ts';
import {
  decodeFloatHistogramChunk,
  decodeHistogramChunk,
  floatHistogramEncoding,
  floatHistogramStartsEncoding,
  histogramEncoding,
  histogramStartsEncoding,
} from './histogram.ts';
import { decodeXor, xorEncoding } from './xor.ts';
import { decodeXor2, xor2Encoding } from './xor2.ts';

/** Samples in a chunk; all encodings begin with the count. */
export function sampleCount(encoding: number, bytes: Uint8Array): number {
  const count = ((bytes[0] as number) << 8) | (bytes[1] as number);
  return encoding === histogramStartsEncoding || encoding === floatHistogramStartsEncoding ? count & 0x3fff : count;
}

/** Fills the batch from index `at` on; it must have room for all samples of the chunk. */
export function decodeChunk(encoding: number, bytes: Uint8Array, into: SampleBatch, at: number): void {
  const count = sampleCount(encoding, bytes);
  const hadStarts = into.hasStartTimes;
  switch (encoding) {
    case xorEncoding:
      decodeXor(bytes, 0, bytes.length, count, into, at);
      if (hadStarts) into.startTimes.fill(0, at, at + count);
      return;
    case xor2Encoding:
      decodeXor2(bytes, count, into, at);
      break;
    case histogramEncoding:
    case histogramStartsEncoding:
      decodeHistogramChunk(bytes, count, into, at, encoding === histogramStartsEncoding);
      break;
    case floatHistogramEncoding:
    case floatHistogramStartsEncoding:
      decodeFloatHistogramChunk(bytes, count, into, at, encoding === floatHistogramStartsEncoding);
      break;
    default:
      throw new StorageError('unsupported', `a chunk of encoding ${encoding}`);
  }
  // The first chunk with starts: those before it have none.
  if (into.hasStartTimes && !hadStarts) into.startTimes.fill(0, 0, at);
}
