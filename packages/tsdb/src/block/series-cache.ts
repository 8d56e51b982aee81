/** Entries of block indexes as they were read lately, over all blocks that share a page cache: dashboards ask for the same ones again. */
import type { Labels } from '@pronoia/model';
import type { PageCache } from '../disk/page-cache.ts';
import type { ChunkMeta } from './index-writer.ts';

export interface IndexSeries {
  readonly labels: Labels;
  readonly chunks: readonly ChunkMeta[];
}

/** About 30 MB when full. */
const maxEntries = 50_000;
const caches = new WeakMap<PageCache, SeriesCache>();

export class SeriesCache {
  readonly #entries = new Map<number, IndexSeries>();

  static beside(pages: PageCache): SeriesCache {
    let cache = caches.get(pages);
    if (cache === undefined) {
      cache = new SeriesCache();
      caches.set(pages, cache);
    }
    return cache;
  }

  get(file: number, ref: number): IndexSeries | undefined {
    return this.#entries.get(file * 2 ** 32 + ref);
  }

  set(file: number, ref: number, series: IndexSeries): void {
    // The order of a Map is the order of first use.
    if (this.#entries.size >= maxEntries) this.#entries.delete(this.#entries.keys().next().value as number);
    this.#entries.set(file * 2 ** 32 + ref, series);
  }

  forget(file: number): void {
    for (const key of this.#entries.keys()) if (Math.floor(key / 2 ** 32) === file) this.#entries.delete(key);
  }
}
