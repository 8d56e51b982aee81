/**
 * Whole records are compressed before they are split over pages: Snappy's block form, or zstd, which we only read.
 */
import * as zlib from 'node:zlib';
import { decompress as decompressPlain } from 'fzstd';
import { compress as compressPlain, uncompress as uncompressPlain } from 'snappyjs';
import { messageOf, StorageError } from '../errors.ts';

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

export function compressSnappy(bytes: Uint8Array): Uint8Array {
  return snappy.compress(bytes);
}

export function uncompressSnappy(bytes: Uint8Array): Uint8Array {
  if (claimedLength(bytes) > maxRecordBytes) throw new StorageError('damaged', 'a compressed record claims more than 256 MiB');
  try {
    return snappy.uncompress(bytes);
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
