/**
 * Appends records to a log (format: segment.ts). `log` puts a record in line, `flush` resolves when everything in line has
 * been handed to the operating system; commits that come while a write runs share the next one.
 *
 * What a write failure means: nothing after the last successful write exists. All waiting flushes reject, the line is dropped,
 * the file is cut back to the last good byte, at the latest before anything else is written, and the writer goes on: a full disk that gets
 * room again needs no restart.
 */
import { crc32c } from '../crc32c.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { messageOf, StorageError } from '../errors.ts';
import { compressSnappy } from './compression.ts';
import { fragment, fragmentHeaderBytes, listSegments, pageBytes, segmentBytes, segmentName, snappyBit } from './segment.ts';

export interface WalWriterOptions {
  readonly compression: 'none' | 'snappy';
  /** A whole number of pages. */
  readonly segmentBytes?: number;
  /** Also wait for the disk's own caches before a flush resolves. */
  readonly syncEveryFlush?: boolean;
  /** Called when records in line were lost, before their flushes reject. */
  readonly onFailure?: (error: Error) => void;
  readonly onSync?: (seconds: number) => void;
}

/** Bytes for one segment, in line. */
interface Piece {
  readonly segment: number;
  /** Where in the segment `bytes` go. */
  readonly position: number;
  bytes: Buffer;
  length: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class WalWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #options: WalWriterOptions;
  readonly #pagesPerSegment: number;
  /** Where the next byte goes, counting what is in line. */
  #segment: number;
  #position = 0;
  /** The file that is written to now, and how far it is good. */
  #file: DiskFile;
  #fileSegment: number;
  #good = 0;
  #mustTruncate = false;
  #line: Piece[] = [];
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  private constructor(disk: Disk, folder: string, options: WalWriterOptions, segment: number, file: DiskFile) {
    this.#disk = disk;
    this.#folder = folder;
    this.#options = options;
    this.#pagesPerSegment = Math.floor((options.segmentBytes ?? segmentBytes) / pageBytes);
    this.#segment = segment;
    this.#file = file;
    this.#fileSegment = segment;
  }

  /** Always starts a new segment: the last one may end in a torn page. */
  static async open(disk: Disk, folder: string, options: WalWriterOptions): Promise<WalWriter> {
    await disk.makeFolder(folder);
    const segment = ((await listSegments(disk, folder)).at(-1) ?? -1) + 1;
    const file = await disk.open(`${folder}/${segmentName(segment)}`, 'create');
    await disk.syncFolder(folder);
    return new WalWriter(disk, folder, options, segment, file);
  }

  /** The segment that the next record goes to. */
  get segment(): number {
    return this.#segment;
  }

  /** Puts a record in line. The bytes are copied. */
  log(record: Uint8Array): void {
    if (this.#closed) throw new StorageError('closed', 'the write-ahead log is closed');
    let data = record;
    let flag = 0;
    if (this.#options.compression === 'snappy' && record.length > 0) {
      const compressed = compressSnappy(record);
      if (compressed.length < record.length) {
        data = compressed;
        flag = snappyBit;
      }
    }
    this.#reserve(data.length);
    this.#fragment(data, flag);
  }

  /** Starts a new segment when the record does not fit the free pages of this one. */
  #reserve(length: number): void {
    const page = Math.floor(this.#position / pageBytes);
    const inPage = this.#position % pageBytes;
    const room = pageBytes - inPage - fragmentHeaderBytes + (pageBytes - fragmentHeaderBytes) * (this.#pagesPerSegment - page - 1);
    if (length <= room) return;
    if (length > (pageBytes - fragmentHeaderBytes) * this.#pagesPerSegment) {
      throw new StorageError('write_failed', `a record of ${length} bytes is longer than a segment`);
    }
    this.#padPage();
    this.#segment++;
    this.#position = 0;
  }

  #padPage(): void {
    const inPage = this.#position % pageBytes;
    if (inPage > 0) this.#put(pageBytes - inPage).fill(0);
  }

  #fragment(data: Uint8Array, flag: number): void {
    let at = 0;
    for (let part = 0; part === 0 || at < data.length; part++) {
      if (pageBytes - (this.#position % pageBytes) < fragmentHeaderBytes) this.#padPage();
      const length = Math.min(data.length - at, pageBytes - (this.#position % pageBytes) - fragmentHeaderBytes);
      const isLast = at + length === data.length;
      const type = part === 0 ? (isLast ? fragment.full : fragment.first) : isLast ? fragment.last : fragment.middle;
      const target = this.#put(fragmentHeaderBytes + length);
      target[0] = type | flag;
      target.writeUInt16BE(length, 1);
      target.writeUInt32BE(crc32c(data, at, at + length), 3);
      target.set(data.subarray(at, at + length), fragmentHeaderBytes);
      at += length;
    }
  }

  /** Room for `length` bytes at the end of the line. */
  #put(length: number): Buffer {
    let piece = this.#line.at(-1);
    if (piece === undefined || piece.segment !== this.#segment) {
      piece = { segment: this.#segment, position: this.#position, bytes: Buffer.allocUnsafe(Math.max(length, pageBytes)), length: 0 };
      this.#line.push(piece);
    }
    if (piece.length + length > piece.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(piece.length + length, piece.bytes.length * 2));
      piece.bytes.copy(grown, 0, 0, piece.length);
      piece.bytes = grown;
    }
    const target = piece.bytes.subarray(piece.length, piece.length + length);
    piece.length += length;
    this.#position += length;
    return target;
  }

  /** Resolves when every record logged so far survives the death of the process. Rejects when one was lost. */
  flush(): Promise<void> {
    if (this.#line.length === 0 && this.#running === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiters.length > 0) {
        const pieces = this.#line;
        const waiters = this.#waiters;
        this.#line = [];
        this.#waiters = [];
        const before = { segment: this.#fileSegment, good: this.#good };
        try {
          for (const piece of pieces) await this.#write(piece);
          if (this.#options.syncEveryFlush === true) await this.#sync();
          for (const { resolve } of waiters) resolve();
        } catch (cause) {
          // Written but not safe: what was refused must not be there after a restart.
          if (this.#fileSegment === before.segment && this.#good > before.good) {
            this.#good = before.good;
            this.#mustTruncate = true;
          }
          await this.#cutBack();
          this.#fail(cause, waiters);
        }
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** A batch that is refused should not be there after a restart either. If this fails, the next write does it first. */
  async #cutBack(): Promise<void> {
    if (!this.#mustTruncate) return;
    try {
      await this.#file.truncate(this.#good);
      this.#mustTruncate = false;
    } catch {
      // The failure that brought us here is the one to report.
    }
  }

  async #write(piece: Piece): Promise<void> {
    if (piece.segment !== this.#fileSegment) await this.#cut(piece.segment);
    if (this.#mustTruncate) {
      await this.#file.truncate(this.#good);
      this.#mustTruncate = false;
    }
    this.#mustTruncate = true;
    await this.#file.write(piece.bytes.subarray(0, piece.length), piece.position);
    this.#mustTruncate = false;
    this.#good = piece.position + piece.length;
  }

  /** The old segment is made durable before the new one exists: a gap in the middle of the log could not be repaired. */
  async #cut(segment: number): Promise<void> {
    await this.#sync();
    const file = await this.#disk.open(`${this.#folder}/${segmentName(segment)}`, 'create');
    const old = this.#file;
    this.#file = file;
    this.#fileSegment = segment;
    this.#good = 0;
    await old.close();
    await this.#disk.syncFolder(this.#folder);
  }

  async #sync(): Promise<void> {
    const before = performance.now();
    await this.#file.sync();
    this.#options.onSync?.((performance.now() - before) / 1000);
  }

  #fail(cause: unknown, waiters: readonly Waiter[]): void {
    const error = new StorageError(
      'write_failed',
      `write-ahead log segment ${segmentName(this.#fileSegment)}: ${messageOf(cause)}`,
      {},
      cause,
    );
    const all = [...waiters, ...this.#waiters];
    this.#waiters = [];
    this.#line = [];
    this.#segment = this.#fileSegment;
    this.#position = this.#good;
    this.#options.onFailure?.(error);
    for (const { reject } of all) reject(error);
  }

  /** Ends the current segment, so that all older ones may be put into a checkpoint. Returns the index of the new one. */
  async nextSegment(): Promise<number> {
    this.#padPage();
    this.#segment++;
    this.#position = 0;
    // A piece without bytes makes the writer cut the file.
    this.#line.push({ segment: this.#segment, position: 0, bytes: Buffer.alloc(0), length: 0 });
    await this.flush();
    return this.#segment;
  }

  async sync(): Promise<void> {
    await this.flush();
    await this.#sync();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.sync();
    } finally {
      this.#closed = true;
      await this.#file.close();
    }
  }
}
