/**
 * Whole records are compressed before they are split over pages: Snappy's block form, or zstd, which we only read. Snappy by the kernel
 * (log-kernel.ts) where it runs, else by packages, which are its twins in tests too.
 */
import * as zlib from 'node:zlib';
import { decompress as decompressPlain } from 'fzstd';
import { compress as compressPlain, uncompress as uncompressPlain } from 'snappyjs';
import { messageOf, StorageError } from '../errors.ts';
import { logKernel } from './log-kernel.ts';

interface Snappy {
  compress(bytes: Uint8Array): Uint8Array;
  uncompress(bytes: Uint8Array): Uint8Array;
}

/** A record cannot be longer than a segment; anything that claims more is damage. */
const maxRecordBytes = 256 * 1024 * 1024;

/** The native one where its binary exists, plain JavaScript elsewhere; both write the same format. */
const native = await import('snappy').catch(() => undefined);

const snappy: Snappy =
  native === undefined
    ? { compress: (bytes) => compressPlain(bytes), uncompress: (bytes) => uncompressPlain(bytes, maxRecordBytes) }
    : {
        compress: (bytes) => native.compressSync(bytes),
        uncompress: (bytes) => native.uncompressSync(bytes, { asBuffer: true }) as Buffer,
      };

/** Valid until the next call. */
export function compressSnappy(bytes: Uint8Array): Uint8Array {
  return logKernel === undefined ? snappy.compress(bytes) : logKernel.compress(bytes);
}

/** Valid until the next call of anything that compresses or uncompresses. */
export function uncompressSnappy(bytes: Uint8Array): Uint8Array {
  const length = claimedLength(bytes);
  if (length > maxRecordBytes) throw new StorageError('damaged', 'a compressed record claims more than 256 MiB');
  try {
    if (logKernel === undefined) return snappy.uncompress(bytes);
    const result = logKernel.uncompress(bytes, length);
    if (result === undefined) throw new Error('its bytes are not what Snappy writes');
    return result;
  } catch (cause) {
    throw new StorageError('damaged', `a compressed record cannot be read: ${messageOf(cause)}`, {}, cause);
  }
}

/** The block form starts with the uncompressed length as a varint. */
function claimedLength(bytes: Uint8Array): number {
  let length = 0;
  let scale = 1;
  for (let i = 0; i < 5 && i < bytes.length; i++) {
    const byte = bytes[i] as number;
    length += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) break;
  }
  return length;
}

/** Node has zstd of its own from 22.15 on; before that it is read in plain JavaScript. */
const nativeZstd = (zlib as { zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer })
  .zstdDecompressSync;

export function uncompressZstd(bytes: Uint8Array): Uint8Array {
  try {
    return nativeZstd === undefined ? decompressPlain(bytes) : nativeZstd(bytes, { maxOutputLength: maxRecordBytes });
  } catch (cause) {
    throw new StorageError('damaged', `a compressed record cannot be read: ${messageOf(cause)}`, {}, cause);
  }
}
