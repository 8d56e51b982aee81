/**
 * Pages of open files, kept in memory up to a limit over all files: what the original leaves to mmap. Files under it never
 * change while they are open.
 */
import { damaged } from '../errors.ts';
import type { DiskFile } from './disk.ts';

export const pageBytes = 64 * 1024;

export class PageCache {
  readonly #maxPages: number;
  /** By file and page; the order of a Map is the order of last use. */
  readonly #pages = new Map<number, Uint8Array>();
  #lastFile = 0;

  constructor(maxBytes: number) {
    this.#maxPages = Math.max(4, Math.floor(maxBytes / pageBytes));
  }

  register(): number {
    return ++this.#lastFile;
  }

  page(fileId: number, page: number, load: (into: Uint8Array) => void): Uint8Array {
    const key = fileId * 2 ** 24 + page;
    let bytes = this.#pages.get(key);
    if (bytes === undefined) {
      if (this.#pages.size >= this.#maxPages) this.#pages.delete(this.#pages.keys().next().value as number);
      bytes = new Uint8Array(pageBytes);
      load(bytes);
    } else {
      this.#pages.delete(key);
    }
    this.#pages.set(key, bytes);
    return bytes;
  }

  forget(fileId: number): void {
    for (const key of this.#pages.keys()) if (Math.floor(key / 2 ** 24) === fileId) this.#pages.delete(key);
  }
}

export class CachedFile {
  readonly path: string;
  readonly size: number;
  readonly #file: DiskFile;
  readonly #cache: PageCache;
  /** Its name in the cache. */
  readonly id: number;
  #recentIndex = -1;
  #recent: Uint8Array = new Uint8Array(0);

  constructor(path: string, file: DiskFile, cache: PageCache) {
    this.path = path;
    this.#file = file;
    this.size = file.size();
    this.#cache = cache;
    this.id = cache.register();
  }

  /** The bytes `[start, end)`: a view if they lie in one page, else a copy. Throws `damaged` beyond the end of the file. */
  read(start: number, end: number): Uint8Array {
    if (start < 0 || end < start || end > this.size) {
      throw damaged(`${this.path}: bytes ${start} to ${end} are wanted, the file has ${this.size}`, { path: this.path, offset: start });
    }
    const page = Math.floor(start / pageBytes);
    const inPage = start - page * pageBytes;
    const length = end - start;
    if (inPage + length <= pageBytes) return this.#page(page).subarray(inPage, inPage + length);
    const bytes = new Uint8Array(length);
    // Long runs would only push everything else out of the cache.
    if (length > 4 * pageBytes) {
      this.#file.read(bytes, start);
      return bytes;
    }
    for (let at = 0; at < length; ) {
      const index = Math.floor((start + at) / pageBytes);
      const offset = start + at - index * pageBytes;
      const piece = Math.min(length - at, pageBytes - offset);
      bytes.set(this.#page(index).subarray(offset, offset + piece), at);
      at += piece;
    }
    return bytes;
  }

  /** Up to `length` bytes from `start` on, fewer at the end of the file or of a page. */
  peek(start: number, length: number): Uint8Array {
    const end = Math.min(this.size, start + length);
    return this.read(Math.min(start, end), end);
  }

  #page(index: number): Uint8Array {
    if (index !== this.#recentIndex) {
      this.#recent = this.#cache.page(this.id, index, (into) => {
        this.#file.read(into, index * pageBytes);
      });
      this.#recentIndex = index;
    }
    return this.#recent;
  }

  async close(): Promise<void> {
    this.#cache.forget(this.id);
    await this.#file.close();
  }
}
