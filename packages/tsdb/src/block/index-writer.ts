/**
 * Writes a block's index (version 2, tsdb-format.md §4): header, symbols, series, postings, postings offset table, table of
 * contents. Series come in label order; their refs are their places divided by 16.
 */
import { compareBytes } from '@pronoia/model';
import { ByteWriter } from '../byte-writer.ts';
import { crc32c } from '../crc32c.ts';
import type { Disk } from '../disk/disk.ts';
import { FileWriter } from '../disk/file-writer.ts';
import { Postings } from '../head/postings.ts';
import { Turn } from '../turn.ts';

export const indexMagic = 0xbaaad700;
export const indexVersion = 2;
const seriesAlign = 16;

/** Where a chunk of a series is and which times it covers, both ends inclusive. */
export interface ChunkMeta {
  readonly minMs: number;
  readonly maxMs: number;
  readonly ref: number;
}

export class IndexWriter {
  readonly #file: FileWriter;
  readonly #symbols = new Map<string, number>();
  readonly #symbolTexts: readonly string[];
  readonly #postings = new Postings();
  readonly #refs: number[] = [];
  readonly #entry = new ByteWriter(1024);
  readonly #seriesAt: number;
  #previous: readonly string[] | undefined;

  private constructor(file: FileWriter, symbols: readonly string[], seriesAt: number) {
    this.#file = file;
    this.#symbolTexts = symbols;
    this.#seriesAt = seriesAt;
    for (const [i, text] of symbols.entries()) this.#symbols.set(text, i);
  }

  /** `symbols`: every label name and value that will come, sorted by bytes and unique. */
  static async create(disk: Disk, path: string, symbols: readonly string[]): Promise<IndexWriter> {
    const file = await FileWriter.create(disk, path);
    const { out } = file;
    out.be32(indexMagic);
    out.u8(indexVersion);
    // The length and the checksum of a section are known when it has been written: both are computed ahead from the texts.
    let length = 4;
    for (const text of symbols) {
      const size = Buffer.byteLength(text);
      length += uvarintBytes(size) + size;
    }
    out.be32(length);
    let checksum = 0;
    const piece = new ByteWriter();
    const flush = async (): Promise<void> => {
      checksum = crc32c(piece.view(), 0, piece.length, checksum);
      out.bytes(piece.view());
      piece.reset();
      await file.drain();
    };
    piece.be32(symbols.length);
    let previous: string | undefined;
    for (const text of symbols) {
      if (previous !== undefined && compareBytes(previous, text) >= 0) throw new Error(`BUG: symbol ${text} comes after ${previous}`);
      previous = text;
      piece.string(text);
      if (piece.length > 64 * 1024) await flush();
    }
    await flush();
    out.be32(checksum);
    return new IndexWriter(file, symbols, file.position);
  }

  /** Lets the disk catch up. */
  drain(): Promise<void> {
    return this.#file.drain();
  }

  get seriesCount(): number {
    return this.#refs.length;
  }

  /** Sorted flat pairs, above those of the series before; chunks ascend and do not overlap. Returns the series' ref. */
  addSeries(pairs: readonly string[], chunks: readonly ChunkMeta[]): number {
    if (this.#previous !== undefined && comparePairs(this.#previous, pairs) >= 0)
      throw new Error(`BUG: series ${pairs.join(' ')} is out of order`);
    this.#previous = pairs;
    const { out } = this.#file;
    out.zeros((seriesAlign - (this.#file.position % seriesAlign)) % seriesAlign);
    const ref = this.#file.position / seriesAlign;
    const entry = this.#entry.reset();
    entry.uvarint(pairs.length / 2);
    for (let i = 0; i < pairs.length; i += 2) {
      const name = this.#symbol(pairs[i] as string);
      const value = this.#symbol(pairs[i + 1] as string);
      entry.uvarint(name);
      entry.uvarint(value);
      this.#postings.add(name, value, ref);
    }
    entry.uvarint(chunks.length);
    let previous: ChunkMeta | undefined;
    for (const chunk of chunks) {
      if (previous === undefined) {
        entry.varint(chunk.minMs);
        entry.uvarint(chunk.maxMs - chunk.minMs);
        entry.uvarint(chunk.ref);
      } else {
        if (chunk.minMs <= previous.maxMs)
          throw new Error(`BUG: chunk from ${chunk.minMs} begins before ${previous.maxMs}, the end of the one before`);
        entry.uvarint(chunk.minMs - previous.maxMs);
        entry.uvarint(chunk.maxMs - chunk.minMs);
        entry.varint(chunk.ref - previous.ref);
      }
      previous = chunk;
    }
    out.uvarint(entry.length);
    out.bytes(entry.view());
    out.be32(crc32c(entry.view()));
    this.#refs.push(ref);
    return ref;
  }

  #symbol(text: string): number {
    const symbol = this.#symbols.get(text);
    if (symbol === undefined) throw new Error(`BUG: symbol ${text} was not announced`);
    return symbol;
  }

  async finish(): Promise<void> {
    const file = this.#file;
    const { out } = file;
    const seriesEnd = file.position;
    out.zeros((4 - (file.position % 4)) % 4);
    const postingsAt = file.position;
    const table = new ByteWriter(64 * 1024);
    table.be32(0);
    let entries = 0;
    const turn = new Turn();
    const list = async (name: string, value: string, refs: ArrayLike<number>): Promise<void> => {
      out.zeros((4 - (file.position % 4)) % 4);
      table.uvarint(2);
      table.string(name);
      table.string(value);
      table.uvarint(file.position);
      entries++;
      this.#writeList(refs);
      await file.drain();
      await turn.pass();
    };
    await list('', '', this.#refs);
    // Symbols are sorted, so their numbers are in byte order.
    for (const name of [...this.#postings.names()].sort((a, b) => a - b)) {
      for (const value of [...this.#postings.values(name)].sort((a, b) => a - b)) {
        await list(this.#symbolTexts[name] as string, this.#symbolTexts[value] as string, this.#postings.get(name, value));
      }
    }
    const tableAt = file.position;
    table.setBe32(0, entries);
    out.be32(table.length);
    out.bytes(table.view());
    out.be32(crc32c(table.view()));

    const contents = new ByteWriter(64);
    for (const offset of [5, this.#seriesAt, seriesEnd, tableAt, postingsAt, tableAt]) contents.be64(offset);
    contents.be32(crc32c(contents.view()));
    out.bytes(contents.view());
    await file.finish();
  }

  #writeList(refs: ArrayLike<number>): void {
    const entry = this.#entry.reset();
    entry.be32(refs.length);
    for (let i = 0; i < refs.length; i++) entry.be32(refs[i] as number);
    const { out } = this.#file;
    out.be32(entry.length);
    out.bytes(entry.view());
    out.be32(crc32c(entry.view()));
  }

  async abandon(): Promise<void> {
    await this.#file.abandon();
  }
}

function uvarintBytes(value: number): number {
  let count = 1;
  for (let left = value; left >= 0x80; left = Math.floor(left / 128)) count++;
  return count;
}

function comparePairs(a: readonly string[], b: readonly string[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = compareBytes(a[i] as string, b[i] as string);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
