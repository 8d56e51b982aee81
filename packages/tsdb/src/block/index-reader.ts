/**
 * Reads a block's index (version 2 or 3, tsdb-format.md §4) from its file, page by page: in memory are only where each symbol
 * is, and every 32nd entry of the postings offset table.
 */
import { compareBytes, Labels } from '@pronoia/model';
import { ByteReader } from '../byte-reader.ts';
import { crc32c } from '../crc32c.ts';
import type { Disk } from '../disk/disk.ts';
import { CachedFile, type PageCache } from '../disk/page-cache.ts';
import { damaged, StorageError } from '../errors.ts';
import type { PostingsIndex } from '../postings-query.ts';
import { Turn } from '../turn.ts';
import { type ChunkMeta, indexMagic } from './index-writer.ts';
import { type IndexSeries, SeriesCache } from './series-cache.ts';

const contentsBytes = 52;
const seriesAlign = 16;
/** Every so many values of a name are kept in memory. */
const sampling = 32;
/** Decoded symbols that are kept as strings. */
const maxTexts = 100_000;

/** The values of one label name in the postings offset table: where every 32nd entry is, and the end. */
interface NameTable {
  readonly values: string[];
  readonly offsets: number[];
  end: number;
}

export class IndexReader implements PostingsIndex {
  readonly #file: CachedFile;
  readonly #symbolOffsets: Float64Array;
  readonly #names: ReadonlyMap<string, NameTable>;
  readonly #texts = new Map<number, string>();
  readonly #recent: SeriesCache;

  private constructor(file: CachedFile, symbolOffsets: Float64Array, names: ReadonlyMap<string, NameTable>, recent: SeriesCache) {
    this.#file = file;
    this.#recent = recent;
    this.#symbolOffsets = symbolOffsets;
    this.#names = names;
  }

  static async open(disk: Disk, path: string, cache: PageCache): Promise<IndexReader> {
    const file = new CachedFile(path, await disk.open(path, 'read'), cache);
    try {
      const header = new ByteReader(file.peek(0, 5));
      if (header.be32() !== indexMagic) throw damaged(`${path} is no index`, { path });
      const version = header.u8();
      if (version === 1)
        throw new StorageError('unsupported', `${path} is an index of version 1; let Prometheus 2 rewrite the block`, { path });
      if (version !== 2 && version !== 3) throw damaged(`${path} is an index of unknown version ${version}`, { path });
      const contents = readContents(file);
      const symbolOffsets = await readSymbolOffsets(file, contents.symbols);
      return new IndexReader(file, symbolOffsets, await readTable(file, contents.postingsTable), SeriesCache.beside(cache));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#file.size;
  }

  get symbolCount(): number {
    return this.#symbolOffsets.length;
  }

  symbol(index: number): string {
    const known = this.#texts.get(index);
    if (known !== undefined) return known;
    const offset = this.#symbolOffsets[index];
    if (offset === undefined) throw damaged(`${this.#file.path}: there is no symbol ${index}`, { path: this.#file.path });
    const text = readString(this.#file, offset).text;
    if (this.#texts.size >= maxTexts) this.#texts.clear();
    this.#texts.set(index, text);
    return text;
  }

  labelNames(): Iterable<string> {
    return this.#names.keys();
  }

  /** Refs of all series, ascending, which is label order. */
  all(): Uint32Array {
    return this.postings('', '');
  }

  postings(name: string, value: string): Uint32Array {
    const table = this.#names.get(name);
    if (table === undefined) return new Uint32Array(0);
    for (const entry of this.#entries(table, value)) {
      const order = compareBytes(entry.value, value);
      if (order === 0) return this.#list(entry.offset);
      if (order > 0) break;
    }
    return new Uint32Array(0);
  }

  *values(name: string, prefix: string): Iterable<string> {
    const table = this.#names.get(name);
    if (table === undefined || name === '') return;
    for (const { value } of this.#entries(table, prefix)) {
      if (value.startsWith(prefix)) yield value;
      else if (compareBytes(value, prefix) > 0) return;
    }
  }

  /** Entries of a name from shortly before `from` on. */
  *#entries(table: NameTable, from: string): Iterable<{ value: string; offset: number }> {
    let low = 0;
    let high = table.values.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (compareBytes(table.values[middle] as string, from) <= 0) low = middle;
      else high = middle - 1;
    }
    let at = table.offsets[low] as number;
    while (at < table.end) {
      let taken = 0;
      for (const entry of shortEntries(this.#file.peek(at, table.end - at))) {
        taken = entry.end;
        yield entry;
      }
      at += taken;
      if (taken > 0) continue;
      const entry = readTableEntry(this.#file, at);
      at = entry.end;
      yield { value: entry.value, offset: entry.offset };
    }
  }

  #list(offset: number): Uint32Array {
    const { path } = this.#file;
    const length = new ByteReader(this.#file.read(offset, offset + 4)).be32();
    const bytes = this.#file.read(offset + 4, offset + 4 + length + 4);
    if (length < 4 || crc32c(bytes, 0, length) !== new ByteReader(bytes, length).be32()) {
      throw damaged(`${path} at offset ${offset}: checksum of the postings is wrong`, { path, offset });
    }
    const from = new ByteReader(bytes, 0, length);
    const count = from.be32();
    if (count * 4 !== from.remaining)
      throw damaged(`${path} at offset ${offset}: ${count} postings in ${from.remaining} bytes`, { path, offset });
    const refs = new Uint32Array(count);
    for (let i = 0; i < count; i++) refs[i] = from.be32();
    return refs;
  }

  series(ref: number): IndexSeries {
    let series = this.#recent.get(this.#file.id, ref);
    if (series === undefined) {
      series = this.#readSeries(ref);
      this.#recent.set(this.#file.id, ref, series);
    }
    return series;
  }

  #readSeries(ref: number): IndexSeries {
    const { path } = this.#file;
    const offset = ref * seriesAlign;
    const head = new ByteReader(this.#file.peek(offset, 10));
    const length = head.uvarint();
    const start = offset + head.at;
    const bytes = this.#file.read(start, start + length + 4);
    if (crc32c(bytes, 0, length) !== new ByteReader(bytes, length).be32()) {
      throw damaged(`${path} at offset ${offset}: checksum of the series is wrong`, { path, offset });
    }
    const from = new ByteReader(bytes, 0, length);
    const pairs: string[] = [];
    for (let left = from.uvarint(); left > 0; left--) pairs.push(this.symbol(from.uvarint()), this.symbol(from.uvarint()));
    const chunks: ChunkMeta[] = [];
    let previous: ChunkMeta | undefined;
    for (let left = from.uvarint(); left > 0; left--) {
      const minMs: number = previous === undefined ? from.varint() : previous.maxMs + from.uvarint();
      const maxMs: number = minMs + from.uvarint();
      const chunkRef: number = previous === undefined ? from.uvarint() : previous.ref + from.varint();
      previous = { minMs, maxMs, ref: chunkRef };
      chunks.push(previous);
    }
    return { labels: Labels.fromSorted(pairs), chunks };
  }

  async close(): Promise<void> {
    this.#recent.forget(this.#file.id);
    await this.#file.close();
  }
}

interface Contents {
  readonly symbols: number;
  readonly postingsTable: number;
}

function readContents(file: CachedFile): Contents {
  const { path } = file;
  const offset = file.size - contentsBytes;
  if (offset < 5) throw damaged(`${path} is too short for an index`, { path });
  const bytes = file.read(offset, file.size);
  if (crc32c(bytes, 0, 48) !== new ByteReader(bytes, 48).be32()) {
    throw damaged(`${path} at offset ${offset}: checksum of the table of contents is wrong`, { path, offset });
  }
  const from = new ByteReader(bytes);
  const [symbols, , , , , postingsTable] = Array.from({ length: 6 }, () => from.be64()) as [number, number, number, number, number, number];
  return { symbols, postingsTable };
}

/** Length and checksum of a section are right; returns where its content begins and ends. */
async function checkSection(file: CachedFile, offset: number, what: string, turn: Turn): Promise<{ start: number; end: number }> {
  const { path } = file;
  const start = offset + 4;
  const end = start + new ByteReader(file.read(offset, start)).be32();
  let checksum = 0;
  const piece = 32 * 1024;
  for (let at = start; at < end; at += piece) {
    await turn.pass();
    const bytes = file.read(at, Math.min(end, at + piece));
    checksum = crc32c(bytes, 0, bytes.length, checksum);
  }
  if (checksum !== new ByteReader(file.read(end, end + 4)).be32()) {
    throw damaged(`${path} at offset ${offset}: checksum of the ${what} is wrong`, { path, offset });
  }
  return { start, end };
}

async function readSymbolOffsets(file: CachedFile, offset: number): Promise<Float64Array> {
  const turn = new Turn();
  const { start, end } = await checkSection(file, offset, 'symbols', turn);
  const count = new ByteReader(file.read(start, start + 4)).be32();
  if (count > end - start)
    throw damaged(`${file.path} at offset ${offset}: ${count} symbols in ${end - start} bytes`, { path: file.path, offset });
  const offsets = new Float64Array(count);
  let at = start + 4;
  for (let i = 0; i < count; i++) {
    await turn.pass();
    offsets[i] = at;
    const head = new ByteReader(file.peek(at, 10));
    at += head.uvarint() + head.at;
  }
  if (at !== end)
    throw damaged(`${file.path} at offset ${offset}: the symbols end at ${at} instead of ${end}`, { path: file.path, offset });
  return offsets;
}

async function readTable(file: CachedFile, offset: number): Promise<Map<string, NameTable>> {
  const turn = new Turn();
  const { start, end } = await checkSection(file, offset, 'postings offset table', turn);
  const names = new Map<string, NameTable>();
  let at = start + 4;
  let count = 0;
  let current: NameTable | undefined;
  let currentName: string | undefined;
  for (let left = new ByteReader(file.read(start, at)).be32(); left > 0; left--) {
    await turn.pass();
    const entry = readTableEntry(file, at);
    if (current === undefined || entry.name !== currentName) {
      if (current !== undefined) current.end = at;
      current = { values: [], offsets: [], end };
      currentName = entry.name;
      names.set(entry.name, current);
      count = 0;
    }
    if (count % sampling === 0) {
      current.values.push(entry.value);
      current.offsets.push(at);
    }
    count++;
    at = entry.end;
  }
  if (current !== undefined) current.end = at;
  return names;
}

/**
 * The quick way through the entries of one name: as many as lie in `bytes` whole, with lengths of one byte and values of ASCII. Stops at
 * the first that is otherwise; `end` counts from the start of `bytes`.
 */
function* shortEntries(bytes: Uint8Array): Iterable<{ value: string; offset: number; end: number }> {
  const texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; ; ) {
    const nameLength = bytes[at + 1] as number;
    if (bytes[at] !== 2 || nameLength > 127) return;
    const start = at + nameLength + 3;
    const length = bytes[start - 1] as number;
    const end = start + length;
    // Behind the value comes a number of ten bytes at most.
    if (!(length < 128 && end + 10 <= bytes.length)) return;
    for (let i = start; i < end; i++) if ((bytes[i] as number) > 127) return;
    let offset = 0;
    let scale = 1;
    at = end;
    for (let byte = 128; byte > 127; scale *= 128) {
      if (at === end + 10) return;
      byte = bytes[at++] as number;
      offset += (byte & 127) * scale;
    }
    yield { value: texts.toString('latin1', start, end), offset, end: at };
  }
}

function readTableEntry(file: CachedFile, at: number): { name: string; value: string; offset: number; end: number } {
  const keys = new ByteReader(file.peek(at, 10));
  if (keys.uvarint() !== 2)
    throw damaged(`${file.path} at offset ${at}: an entry of the postings offset table without two keys`, { path: file.path, offset: at });
  const name = readString(file, at + keys.at);
  const value = readString(file, name.end);
  const offset = new ByteReader(file.peek(value.end, 10));
  return { name: name.text, value: value.text, offset: offset.uvarint(), end: value.end + offset.at };
}

function readString(file: CachedFile, at: number): { text: string; end: number } {
  const head = new ByteReader(file.peek(at, 10));
  const length = head.uvarint();
  const start = at + head.at;
  const bytes = file.read(start, start + length);
  return { text: decoder.decode(bytes), end: start + length };
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
