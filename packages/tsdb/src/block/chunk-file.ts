/**
 * Chunk segment files of a block (tsdb-format.md §5.1): a header, then chunks back to back, each with its length, encoding and
 * checksum. A chunk's ref is the number of its file (from 0) times 2^32 plus the offset of its length field.
 */
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { crc32c } from '../crc32c.ts';
import type { Disk } from '../disk/disk.ts';
import { FileWriter } from '../disk/file-writer.ts';
import { CachedFile, type PageCache } from '../disk/page-cache.ts';
import { damaged } from '../errors.ts';

const magic = 0x85bd40dd;
const two32 = 2 ** 32;
const maxSegmentBytes = 512 * 1024 * 1024;
/** No two chunks begin within so many bytes: each has a length, an encoding, a count, a time, a value and a checksum. */
const verifiedCell = 16;
/** Longest length field. */
const maxLengthBytes = 5;

export function chunkFileName(index: number): string {
  return String(index + 1).padStart(6, '0');
}

export class ChunkWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #maxBytes: number;
  #segment = -1;
  #file: FileWriter | undefined;
  readonly #checksum = new ByteWriter(8);

  constructor(disk: Disk, folder: string, maxBytes = maxSegmentBytes) {
    this.#disk = disk;
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /** Makes room for chunks of `bytes` together: the only place where the writer waits. */
  async prepare(bytes: number): Promise<void> {
    if (this.#file !== undefined && this.#file.position + bytes <= this.#maxBytes) {
      await this.#file.drain();
      return;
    }
    await this.#file?.finish();
    this.#segment++;
    this.#file = await FileWriter.create(this.#disk, `${this.#folder}/${chunkFileName(this.#segment)}`);
    this.#file.out.be32(magic);
    this.#file.out.u8(1);
    this.#file.out.zeros(3);
  }

  /** Returns the chunk's ref. */
  write(encoding: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
    const file = this.#file;
    if (file === undefined) throw new Error('BUG: a chunk is written before prepare');
    const ref = this.#segment * two32 + file.position;
    file.out.uvarint(end - start);
    file.out.u8(encoding);
    file.out.bytes(bytes, start, end);
    this.#checksum.reset().u8(encoding);
    file.out.be32(crc32c(bytes, start, end, crc32c(this.#checksum.view())));
    return ref;
  }

  async finish(): Promise<void> {
    await this.#file?.finish();
    this.#file = undefined;
  }

  async abandon(): Promise<void> {
    await this.#file?.abandon();
    this.#file = undefined;
  }
}

/** A chunk as it lies in its file. */
export interface ChunkBytes {
  readonly encoding: number;
  readonly bytes: Uint8Array;
}

export class ChunkReader {
  readonly #files: readonly CachedFile[];
  /** By file, a bit for each chunk whose checksum was right: computing it costs as much as decoding, so it is done once. */
  readonly #verified: (Uint8Array | undefined)[] = [];

  private constructor(files: readonly CachedFile[]) {
    this.#files = files;
  }

  static async open(disk: Disk, folder: string, cache: PageCache): Promise<ChunkReader> {
    const files: CachedFile[] = [];
    try {
      const names = (await disk.list(folder)).filter((name) => /^[0-9]+$/.test(name));
      for (const [i, name] of names.entries()) {
        const path = `${folder}/${name}`;
        if (name !== chunkFileName(i)) throw damaged(`${folder}: ${chunkFileName(i)} is missing, ${name} is there`, { path });
        const file = new CachedFile(path, await disk.open(path, 'read'), cache);
        files.push(file);
        const header = new ByteReader(file.peek(0, 8));
        if (header.be32() !== magic) throw damaged(`${path} is no chunk file`, { path });
        if (header.u8() !== 1) throw damaged(`${path} is of an unknown version`, { path });
      }
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
    return new ChunkReader(files);
  }

  get sizeBytes(): number {
    return this.#files.reduce((sum, { size }) => sum + size, 0);
  }

  /** The bytes are a view that is valid until the next read. Throws StorageError `damaged` with file and offset. */
  read(ref: number): ChunkBytes {
    const index = Math.floor(ref / two32);
    const offset = ref % two32;
    const file = this.#files[index];
    if (file === undefined) throw damaged(`chunk ${ref} is in file ${chunkFileName(index)}, which does not exist`);
    const head = file.peek(offset, maxLengthBytes);
    // Mostly the length is one byte or two.
    let size = head[0] as number;
    let start = offset + 1;
    if (size >= 0x80) {
      const length = new ByteReader(head);
      size = length.uvarint();
      start = offset + length.at;
    }
    const chunk = file.read(start, start + 1 + size + 4);
    if (!this.#isVerified(index, offset)) {
      if (crc32c(chunk, 0, 1 + size) !== new ByteReader(chunk, 1 + size).be32()) {
        throw damaged(`${file.path} at offset ${offset}: checksum of the chunk is wrong`, { path: file.path, offset });
      }
      this.#setVerified(index, offset);
    }
    return { encoding: chunk[0] as number, bytes: chunk.subarray(1, 1 + size) };
  }

  #isVerified(file: number, offset: number): boolean {
    const cell = Math.floor(offset / verifiedCell);
    return (((this.#verified[file]?.[cell >>> 3] ?? 0) >> (cell & 7)) & 1) === 1;
  }

  #setVerified(file: number, offset: number): void {
    const cell = Math.floor(offset / verifiedCell);
    const bits = (this.#verified[file] ??= new Uint8Array(((this.#files[file] as CachedFile).size / verifiedCell / 8 + 1) | 0));
    bits[cell >>> 3] = (bits[cell >>> 3] as number) | (1 << (cell & 7));
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}
