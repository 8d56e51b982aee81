/**
 * Symbols found by the bytes of their text, for as long as a log is replayed: a text that was met before costs no string.
 */
import type { Symbols } from './symbols.ts';

export class ByteSymbols {
  readonly #symbols: Symbols;
  /** Open addressing by hash: index of an entry + 1. */
  #table = new Uint32Array(1024);
  #hashes = new Uint32Array(512);
  #ids = new Uint32Array(512);
  /** Where an entry's bytes end; they begin where those of the one before end. */
  #ends = new Uint32Array(512);
  #bytes = new Uint8Array(16 * 1024);
  #count = 0;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
  }

  /** Id of the text `bytes[start, end)` in UTF-8. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#table.length - 1;
    let i = hash & mask;
    for (; ; i = (i + 1) & mask) {
      const entry = (this.#table[i] as number) - 1;
      if (entry < 0) break;
      if (this.#hashes[entry] === hash && this.#isEqual(entry, bytes, start, end)) return this.#ids[entry] as number;
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
    const id = this.#symbols.intern(text);
    this.#add(i, hash, id, bytes.subarray(start, end));
    return id;
  }

  #isEqual(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = entry === 0 ? 0 : (this.#ends[entry - 1] as number);
    const length = end - start;
    if ((this.#ends[entry] as number) - from !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #add(place: number, hash: number, id: number, text: Uint8Array): void {
    const entry = this.#count++;
    if (entry === this.#ids.length) this.#growEntries();
    const from = entry === 0 ? 0 : (this.#ends[entry - 1] as number);
    const end = from + text.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(text, from);
    this.#hashes[entry] = hash;
    this.#ids[entry] = id;
    this.#ends[entry] = end;
    this.#table[place] = entry + 1;
    if (this.#count * 2 > this.#table.length) this.#rebuild();
  }

  #growEntries(): void {
    const grow = (column: Uint32Array): Uint32Array<ArrayBuffer> => {
      const grown = new Uint32Array(column.length * 2);
      grown.set(column);
      return grown;
    };
    this.#hashes = grow(this.#hashes);
    this.#ids = grow(this.#ids);
    this.#ends = grow(this.#ends);
  }

  #rebuild(): void {
    const table = new Uint32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      let i = (this.#hashes[entry] as number) & mask;
      while (table[i] !== 0) i = (i + 1) & mask;
      table[i] = entry + 1;
    }
    this.#table = table;
  }
}

/** FNV-1a, mixed at the end. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
