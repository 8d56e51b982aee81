/**
 * Reads the records of one segment (format: segment.ts) in order, up to its end or the first damage.
 */
import { ByteWriter } from '../byte-writer.ts';
import { crc32c } from '../crc32c.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { damaged, StorageError } from '../errors.ts';
import { Turn } from '../turn.ts';
import { uncompressSnappy, uncompressZstd } from './compression.ts';
import { recordType } from './record.ts';
import { fragment, fragmentHeaderBytes, pageBytes, snappyBit, zstdBit } from './segment.ts';

export interface SegmentEnd {
  /** Everything before this offset is whole records (or padding); a writer may be cut back to it. */
  readonly goodBytes: number;
  readonly sizeBytes: number;
  /** Why reading stopped before the end of the file. */
  readonly damage: StorageError | undefined;
}

/**
 * Calls `onRecord` with each record; the bytes are valid during the call only. A StorageError `damaged` that it throws counts
 * as damage of the segment; other errors pass through.
 */
export async function readSegment(disk: Disk, path: string, onRecord: (record: Uint8Array) => void): Promise<SegmentEnd> {
  const file = await disk.open(path, 'read');
  try {
    return await readPages(file, path, onRecord);
  } finally {
    await file.close();
  }
}

/** Pages that are read at once. */
const windowPages = 16;

async function readPages(file: DiskFile, path: string, onRecord: (record: Uint8Array) => void): Promise<SegmentEnd> {
  const turn = new Turn();
  const sizeBytes = file.size();
  const window = new Uint8Array(Math.min(windowPages, Math.ceil(sizeBytes / pageBytes)) * pageBytes);
  const assembly = new RecordAssembly(onRecord);
  let goodBytes = 0;
  const end = (detail: string, offset: number, cause?: unknown): SegmentEnd => ({
    goodBytes,
    sizeBytes,
    damage: damaged(`${path} at offset ${offset}: ${detail}`, { path, offset }, cause),
  });
  for (let windowAt = 0; windowAt < sizeBytes; windowAt += window.length) {
    // Health is asked for while a log is replayed.
    if (windowAt > 0) await turn.yield();
    const filled = file.read(window, windowAt);
    const view = Buffer.from(window.buffer, window.byteOffset, filled);
    let at = 0;
    while (at < filled) {
      const pageEnd = Math.floor(at / pageBytes) * pageBytes + pageBytes;
      const type = view[at] as number;
      if (pageEnd - at < fragmentHeaderBytes || (type & 7) === fragment.padding) {
        const padEnd = Math.min(pageEnd, filled);
        for (let i = at; i < padEnd; i++) if (view[i] !== 0) return end('padding is not zero', windowAt + i);
        if (!assembly.isOpen) goodBytes = windowAt + padEnd;
        at = padEnd;
        continue;
      }
      const dataAt = at + fragmentHeaderBytes;
      if (dataAt > filled) return end('the fragment header is cut off', windowAt + at);
      const length = view.readUInt16BE(at + 1);
      if (dataAt + length > pageEnd) return end(`a fragment of ${length} bytes does not fit its page`, windowAt + at);
      if (dataAt + length > filled) return end('the fragment is cut off', windowAt + at);
      if (crc32c(view, dataAt, dataAt + length) !== view.readUInt32BE(at + 3))
        return end('checksum of the fragment is wrong', windowAt + at);
      try {
        assembly.add(type, view.subarray(dataAt, dataAt + length));
      } catch (cause) {
        if (cause instanceof StorageError && cause.code === 'damaged') return end(cause.message, windowAt + at, cause);
        throw cause;
      }
      at = dataAt + length;
      if (!assembly.isOpen) goodBytes = windowAt + at;
    }
  }
  return assembly.isOpen ? end('the last record is cut off', sizeBytes) : { goodBytes, sizeBytes, damage: undefined };
}

/** Joins fragments to records. */
class RecordAssembly {
  readonly #onRecord: (record: Uint8Array) => void;
  readonly #joined = new ByteWriter(pageBytes);
  isOpen = false;

  constructor(onRecord: (record: Uint8Array) => void) {
    this.#onRecord = onRecord;
  }

  add(type: number, data: Uint8Array): void {
    const kind = type & 7;
    const starts = kind === fragment.full || kind === fragment.first;
    if (kind > fragment.last || (type & ~(7 | snappyBit | zstdBit)) !== 0) throw damaged(`unknown fragment type ${type}`);
    if (starts === this.isOpen) throw damaged(starts ? 'a record begins inside another' : 'a record continues that never began');
    if (kind === fragment.full) {
      this.#finish(type, data);
      return;
    }
    if (starts) this.#joined.reset();
    this.#joined.bytes(data);
    this.isOpen = kind !== fragment.last;
    if (!this.isOpen) this.#finish(type, this.#joined.view());
  }

  #finish(type: number, data: Uint8Array): void {
    if ((type & snappyBit) !== 0) {
      const record = uncompressSnappy(data);
      // Other records than samples are read while their content is used, and that may compress.
      this.#onRecord(record[0] === recordType.samples ? record : record.slice());
    } else if ((type & zstdBit) !== 0) this.#onRecord(uncompressZstd(data));
    else this.#onRecord(data);
  }
}
