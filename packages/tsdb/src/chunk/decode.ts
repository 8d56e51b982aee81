/**
 * Any chunk, whatever its encoding, into a batch.
 */
import type { SampleBatch } from '@pronoia/model';
import { StorageError } from '../errors.ts';
import { decodeFloatHistogramChunk, decodeHistogramChunk, floatHistogramEncoding, histogramEncoding } from './histogram.ts';
import { decodeXor, xorEncoding } from './xor.ts';

/** Samples in a chunk; all encodings begin with the count. */
export function sampleCount(encoding: number, bytes: Uint8Array): number {
  const count = ((bytes[0] as number) << 8) | (bytes[1] as number);
  return encoding === 5 || encoding === 6 ? count & 0x3fff : count;
}

/** Fills the batch from index `at` on; it must have room for all samples of the chunk. */
export function decodeChunk(encoding: number, bytes: Uint8Array, into: SampleBatch, at: number): void {
  const count = sampleCount(encoding, bytes);
  switch (encoding) {
    case xorEncoding:
      decodeXor(bytes, 0, bytes.length, count, into, at);
      return;
    case histogramEncoding:
      decodeHistogramChunk(bytes, count, into, at);
      return;
    case floatHistogramEncoding:
      decodeFloatHistogramChunk(bytes, count, into, at);
      return;
    default:
      throw new StorageError('unsupported', `a chunk of encoding ${encoding}`);
  }
}
