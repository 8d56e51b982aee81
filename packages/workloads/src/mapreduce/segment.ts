/**
 * A segment: sorted records of one map for one reducer, the unit of the shuffle (mapreduce.md §6).
 *
 *     varint (key length + 1)  varint (value length)  key  value    … per record
 *     0                                                             end of records
 *     CRC32 of everything before, little endian                     4 bytes
 *
 * Writer and reader are mirror images. The reader trusts nothing: every length is checked against what is left of the segment, and
 * the CRC is checked before the reader says that the records are at their end.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const BUFFER_BYTES = 256 * 1024;
/** Largest varint of a length below 2³¹. */
const VARINT_LIMIT = 5;

export interface SegmentIndex {
  /** Where in the file it begins. */
  readonly offset: number;
  /** With end mark and CRC. */
  readonly length: number;
  readonly records: number;
}

/** Writes segments one after the other into one file. */
export class SegmentWriter {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #used = 0;
  #offset = 0;
  #crc = 0;
  #start = 0;
  #records = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o600);
  }

  write(key: Uint8Array, keyStart: number, keyEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    if (this.#used + keyLength + valueLength + 2 * VARINT_LIMIT > BUFFER_BYTES) {
      this.#flush();
      if (keyLength + valueLength + 2 * VARINT_LIMIT > BUFFER_BYTES) {
        this.#varint(keyLength + 1);
        this.#varint(valueLength);
        this.#flush();
        this.#writeThrough(key.subarray(keyStart, keyEnd));
        this.#writeThrough(value.subarray(valueStart, valueEnd));
        this.#records++;
        return;
      }
    }
    this.#varint(keyLength + 1);
    this.#varint(valueLength);
    copy(key, keyStart, keyEnd, this.#buffer, this.#used);
    copy(value, valueStart, valueEnd, this.#buffer, this.#used + keyLength);
    this.#used += keyLength + valueLength;
    this.#records++;
  }

  /** Ends the segment; the next record begins another. */
  endSegment(): SegmentIndex {
    if (this.#used + 5 > BUFFER_BYTES) this.#flush();
    this.#buffer[this.#used++] = 0;
    this.#flush();
    this.#buffer.writeUInt32LE(this.#crc >>> 0, 0);
    this.#offset += writeAll(this.#fd, this.#buffer.subarray(0, 4));
    const index = { offset: this.#start, length: this.#offset - this.#start, records: this.#records };
    this.#start = this.#offset;
    this.#crc = 0;
    this.#records = 0;
    return index;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#offset + this.#used;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#used++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#used++] = rest;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#writeThrough(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #writeThrough(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc);
    this.#offset += writeAll(this.#fd, bytes);
  }
}

function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  // A native copy costs more than it saves below some tens of bytes.
  if (end - start > 48) to.set(from.subarray(start, end), at);
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number;
}

export function writeAll(fd: number, bytes: Uint8Array): number {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written);
  return written;
}

export class SegmentError extends Error {
  override readonly name = 'SegmentError';
}

/** Checks a whole segment in memory; throws when a byte of it is not what was written. */
export function checkSegment(segment: Uint8Array, name: string): void {
  if (segment.length < 5) throw new SegmentError(`${name}: ${segment.length} bytes are too few for a segment`);
  const body = segment.subarray(0, segment.length - 4);
  const stored = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength).readUInt32LE(segment.length - 4);
  const found = crc32(body);
  if (found !== stored) throw new SegmentError(`${name}: checksum ${hex(found)} instead of ${hex(stored)}`);
}

const hex = (value: number): string => value.toString(16).padStart(8, '0');

/** Where the records lie: memory, or a part of a file that is read in pieces. */
export type SegmentSource =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string; readonly offset: number; readonly length: number };

/** Walks over the records. After `next()` returned true, `bytes` holds the key and value at the given places until the next call. */
export class SegmentReader {
  bytes: Uint8Array;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  readonly #name: string;
  readonly #fd: number;
  #at = 0;
  /** End of what is in `bytes`. */
  #filled: number;
  /** Bytes of the segment that are still in the file. */
  #left: number;
  #fileOffset: number;
  #crc = 0;
  /** Up to where in `bytes` the CRC was computed. */
  #checked = 0;

  constructor(source: SegmentSource, name: string) {
    this.#name = name;
    if (source.kind === 'memory') {
      this.bytes = source.bytes;
      this.#filled = source.bytes.length;
      this.#fd = -1;
      this.#left = 0;
      this.#fileOffset = 0;
    } else {
      this.bytes = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, Math.max(16, source.length)));
      this.#filled = 0;
      this.#fd = openSync(source.path, 'r');
      this.#left = source.length;
      this.#fileOffset = source.offset;
    }
  }

  /** False at the end, for good; throws `SegmentError` when the segment is damaged. */
  next(): boolean {
    this.#ensure(1);
    if (this.bytes[this.#at] === 0) {
      this.#at++;
      this.#finish();
      return false;
    }
    const keyLength = this.#varint() - 1;
    const valueLength = this.#varint();
    this.#ensure(keyLength + valueLength);
    this.keyStart = this.#at;
    this.keyEnd = this.valueStart = this.#at + keyLength;
    this.valueEnd = this.#at = this.valueStart + valueLength;
    return true;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }

  #varint(): number {
    let value = 0;
    let shift = 0;
    for (let i = 0; i < VARINT_LIMIT; i++) {
      if (this.#at >= this.#filled) this.#ensure(1);
      const byte = this.bytes[this.#at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0x7fffffff) break;
        return value;
      }
      shift += 7;
    }
    throw new SegmentError(`${this.#name}: a length of more than 2 GiB`);
  }

  /** Makes `count` bytes available from `#at` on. */
  #ensure(count: number): void {
    if (this.#filled - this.#at >= count) return;
    // The CRC at the end of the segment is never part of a record.
    if (this.#filled - this.#at + this.#left < count) throw new SegmentError(`${this.#name}: it ends in the middle of a record`);
    this.#crc = crc32(this.bytes.subarray(this.#checked, this.#at), this.#crc);
    const kept = this.bytes.subarray(this.#at, this.#filled);
    if (count > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(count, this.bytes.length * 2));
      larger.set(kept);
      this.bytes = larger;
    } else this.bytes.copyWithin(0, this.#at, this.#filled);
    this.#filled = kept.length;
    this.#at = 0;
    this.#checked = 0;
    while (this.#filled < this.bytes.length && this.#left > 0) {
      const wanted = Math.min(this.bytes.length - this.#filled, this.#left);
      const read = readSync(this.#fd, this.bytes, this.#filled, wanted, this.#fileOffset);
      if (read === 0) throw new SegmentError(`${this.#name}: the file ends ${this.#left} bytes early`);
      this.#filled += read;
      this.#fileOffset += read;
      this.#left -= read;
    }
  }

  #finish(): void {
    this.#crc = crc32(this.bytes.subarray(this.#checked, this.#at), this.#crc);
    this.#checked = this.#at;
    this.#ensure(4);
    const at = this.#at;
    const bytes = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    const stored = bytes.readUInt32LE(at);
    if (this.#filled - at + this.#left !== 4) throw new SegmentError(`${this.#name}: bytes after its end`);
    if (stored !== this.#crc >>> 0) throw new SegmentError(`${this.#name}: checksum ${hex(this.#crc >>> 0)} instead of ${hex(stored)}`);
  }
}
