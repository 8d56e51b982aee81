/**
 * Full chunks of the head, in files: `chunks_head/` (tsdb-format.md §8). They need not stay in memory, and a restart need not
 * encode them again from the log. Nothing depends on them: a file that is damaged or missing is made up for by the log, so it
 * is never waited for until it is safe on the disk.
 *
 *     file    be32 magic | u8 1 | 3 zeros | records …
 *     record  be64 series ref | be64 min | be64 max | u8 encoding | uvarint length | data | be32 CRC-32C of all that
 */
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { crc32c } from '../crc32c.ts';
import { type Disk, type DiskFile, readFile } from '../disk/disk.ts';
import { PageCache, pageBytes } from '../disk/page-cache.ts';
import { damaged, messageOf } from '../errors.ts';

const magic = 0x0130bc91;
const headerBytes = 8;
const maxFileBytes = 128 * 1024 * 1024;
const cacheBytes = 64 * 1024 * 1024;
const two32 = 2 ** 32;
/** In the encoding byte: the chunk holds out-of-order samples. */
const outOfOrderBit = 0x80;

export interface HeadChunk {
  readonly ref: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly encoding: number;
  readonly isOutOfOrder: boolean;
  /** File number times 2^32 plus where the data begin. */
  readonly dataAt: number;
  readonly length: number;
}

interface ChunkFile {
  readonly index: number;
  readonly file: DiskFile;
  /** Its name in the page cache. */
  readonly cacheId: number;
  /** Newest sample in it. */
  maxMs: number;
  size: number;
}

function fileName(index: number): string {
  return String(index).padStart(6, '0');
}

/** A copy of a chunk's data out of `file`. Throws StorageError `damaged` when they are not there. */
function readData(file: DiskFile | undefined, folder: string, dataAt: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (file !== undefined && file.read(bytes, dataAt % two32) === length) return bytes;
  const path = `${folder}/${fileName(Math.floor(dataAt / two32))}`;
  throw damaged(`${path} at offset ${dataAt % two32}: a chunk of ${length} bytes is gone`, { path, offset: dataAt % two32 });
}

/** Reads chunks by place from files that others write. */
export class HeadChunkReader {
  readonly #files: ReadonlyMap<number, DiskFile>;
  readonly #folder: string;

  private constructor(folder: string, files: ReadonlyMap<number, DiskFile>) {
    this.#folder = folder;
    this.#files = files;
  }

  static async open(disk: Disk, folder: string): Promise<HeadChunkReader> {
    const files = new Map<number, DiskFile>();
    for (const name of await disk.list(folder))
      if (/^[0-9]+$/.test(name)) files.set(Number(name), await disk.open(`${folder}/${name}`, 'read'));
    return new HeadChunkReader(folder, files);
  }

  read(dataAt: number, length: number): Uint8Array {
    return readData(this.#files.get(Math.floor(dataAt / two32)), this.#folder, dataAt, length);
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }
}

/** All or nothing of a file: throws StorageError `damaged` at the first fault. */
export async function readHeadChunkFile(
  disk: Disk,
  path: string,
  index: number,
): Promise<{ chunks: HeadChunk[]; size: number; bytes: Uint8Array }> {
  const bytes = await readFile(disk, path);
  const from = new ByteReader(bytes);
  if (from.be32() !== magic || from.u8() !== 1) throw damaged(`${path} is no file of head chunks`, { path });
  from.skip(3);
  const chunks: HeadChunk[] = [];
  while (from.remaining > 0) {
    const start = from.at;
    const ref = from.be64();
    const minMs = from.be64();
    const maxMs = from.be64();
    // The rest was reserved but never written.
    if (ref === 0 && minMs === 0 && maxMs === 0) break;
    const encoding = from.u8();
    const length = from.uvarint();
    const dataAt = index * two32 + from.at;
    from.skip(length);
    if (crc32c(bytes, start, from.at) !== from.be32())
      throw damaged(`${path} at offset ${start}: checksum of the chunk is wrong`, { path, offset: start });
    chunks.push({ ref, minMs, maxMs, encoding: encoding & ~outOfOrderBit, isOutOfOrder: (encoding & outOfOrderBit) !== 0, dataAt, length });
  }
  return { chunks, size: bytes.length, bytes };
}

export class HeadChunkFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #files = new Map<number, ChunkFile>();
  #current: ChunkFile | undefined;
  #lastIndex = 0;
  readonly #out = new ByteWriter(64 * 1024);
  /** A call of the system for each chunk would cost a query more than decoding it. */
  readonly #cache = new PageCache(cacheBytes);

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** Reads what is there. Files from the first damage on are removed; returns what was wrong. */
  async load(onChunk: (chunk: HeadChunk) => void): Promise<string | undefined> {
    await this.#disk.makeFolder(this.#folder);
    const names = (await this.#disk.list(this.#folder)).filter((name) => /^[0-9]+$/.test(name));
    let damage: string | undefined;
    for (const name of names) {
      const index = Number(name);
      if (damage === undefined && this.#lastIndex !== 0 && index !== this.#lastIndex + 1) {
        damage = `${this.#folder}/${name}: the file before it is missing`;
      }
      if (damage === undefined) {
        try {
          await this.#loadFile(index, onChunk);
          this.#lastIndex = index;
          continue;
        } catch (error) {
          damage = messageOf(error);
        }
      }
      await this.#disk.remove(`${this.#folder}/${name}`);
    }
    return damage;
  }

  async #loadFile(index: number, onChunk: (chunk: HeadChunk) => void): Promise<void> {
    const path = `${this.#folder}/${fileName(index)}`;
    const { chunks, size } = await readHeadChunkFile(this.#disk, path, index);
    let maxMs = -Infinity;
    for (const chunk of chunks) maxMs = Math.max(maxMs, chunk.maxMs);
    this.#files.set(index, { index, file: await this.#disk.open(path, 'read'), cacheId: this.#cache.register(), maxMs, size });
    for (const chunk of chunks) onChunk(chunk);
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const { size } of this.#files.values()) sum += size;
    return sum;
  }

  /**
   * Writes chunks; `data` gives the bytes of each. Returns where the data of each begin, as in HeadChunk. After a failure
   * nothing of it counts.
   */
  async write(
    chunks: readonly Omit<HeadChunk, 'dataAt' | 'length' | 'isOutOfOrder'>[],
    data: (i: number) => Uint8Array,
  ): Promise<number[]> {
    if (this.#current === undefined || this.#current.size >= maxFileBytes) await this.#cut();
    const current = this.#current as ChunkFile;
    const out = this.#out.reset();
    const places: number[] = [];
    let maxMs = current.maxMs;
    for (const [i, chunk] of chunks.entries()) {
      const start = out.length;
      const bytes = data(i);
      out.be64(chunk.ref);
      out.be64(chunk.minMs);
      out.be64(chunk.maxMs);
      out.u8(chunk.encoding);
      out.uvarint(bytes.length);
      places.push(current.index * two32 + current.size + out.length);
      out.bytes(bytes);
      out.be32(crc32c(out.view(), start));
      maxMs = Math.max(maxMs, chunk.maxMs);
    }
    await current.file.write(out.view(), current.size);
    current.size += out.length;
    current.maxMs = maxMs;
    return places;
  }

  async #cut(): Promise<void> {
    const index = this.#lastIndex + 1;
    const file = await this.#disk.open(`${this.#folder}/${fileName(index)}`, 'create');
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32BE(magic);
    header[4] = 1;
    await file.write(header, 0);
    this.#lastIndex = index;
    this.#current = { index, file, cacheId: this.#cache.register(), maxMs: -Infinity, size: headerBytes };
    this.#files.set(index, this.#current);
  }

  /** A chunk's data: they may be kept, but not changed. */
  read(dataAt: number, length: number): Uint8Array {
    const file = this.#files.get(Math.floor(dataAt / two32));
    const offset = dataAt % two32;
    const page = Math.floor(offset / pageBytes);
    const lastPage = Math.floor((offset + length - 1) / pageBytes);
    // What is written stays; a page that is not full yet does not.
    if (file === undefined || length === 0 || (lastPage + 1) * pageBytes > file.size) {
      return readData(file?.file, this.#folder, dataAt, length);
    }
    const inPage = offset - page * pageBytes;
    if (page === lastPage) return this.#page(file, page).subarray(inPage, inPage + length);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const from = (offset + at) % pageBytes;
      const piece = Math.min(length - at, pageBytes - from);
      bytes.set(this.#page(file, Math.floor((offset + at) / pageBytes)).subarray(from, from + piece), at);
      at += piece;
    }
    return bytes;
  }

  #page({ file, cacheId }: ChunkFile, page: number): Uint8Array {
    return this.#cache.page(cacheId, page, (into) => {
      file.read(into, page * pageBytes);
    });
  }

  /** Removes files in which everything is older, from the oldest on: their numbers must stay without gaps. */
  async truncate(mintMs: number): Promise<void> {
    // What is written from now on goes to a file that need not wait for this one's end.
    this.#current = undefined;
    for (const file of [...this.#files.values()].sort((a, b) => a.index - b.index)) {
      if (file.maxMs >= mintMs || file.index === this.#lastIndex) return;
      this.#files.delete(file.index);
      this.#cache.forget(file.cacheId);
      await file.file.close();
      await this.#disk.remove(`${this.#folder}/${fileName(file.index)}`);
    }
  }

  async close(): Promise<void> {
    for (const { file } of this.#files.values()) await file.close();
    this.#files.clear();
  }
}
