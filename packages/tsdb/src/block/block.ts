/**
 * A block: a folder with the samples of a span of time, which never change (deleting only adds tombstones). It is open while
 * it is loaded or a querier holds it.
 */
import type { Matcher } from '@pronoia/model';
import { type Disk, sizeOf } from '../disk/disk.ts';
import type { PageCache } from '../disk/page-cache.ts';
import { type Interval, mergeIntervals } from '../interval.ts';
import { selectPostings } from '../postings-query.ts';
import { ChunkReader } from './chunk-file.ts';
import { IndexReader } from './index-reader.ts';
import { type BlockMeta, readMeta, writeMeta } from './meta.ts';
import { readTombstones, writeTombstones } from './tombstones.ts';

export class Block {
  readonly folder: string;
  readonly index: IndexReader;
  readonly chunks: ChunkReader;
  readonly sizeBytes: number;
  readonly #disk: Disk;
  #meta: BlockMeta;
  #tombstones: Map<number, Interval[]>;
  #holders = 1;

  private constructor(
    disk: Disk,
    folder: string,
    parts: { meta: BlockMeta; index: IndexReader; chunks: ChunkReader; tombstones: Map<number, Interval[]>; sizeBytes: number },
  ) {
    this.#disk = disk;
    this.folder = folder;
    this.#meta = parts.meta;
    this.index = parts.index;
    this.chunks = parts.chunks;
    this.#tombstones = parts.tombstones;
    this.sizeBytes = parts.sizeBytes;
  }

  /** The caller holds it; `release` when done. */
  static async open(disk: Disk, folder: string, cache: PageCache): Promise<Block> {
    const meta = await readMeta(disk, folder);
    const tombstones = await readTombstones(disk, folder);
    const index = await IndexReader.open(disk, `${folder}/index`, cache);
    try {
      const chunks = await ChunkReader.open(disk, `${folder}/chunks`, cache);
      return new Block(disk, folder, { meta, index, chunks, tombstones, sizeBytes: await sizeOf(disk, folder) });
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  get meta(): BlockMeta {
    return this.#meta;
  }

  get ulid(): string {
    return this.#meta.ulid;
  }

  /** Inclusive. */
  get minMs(): number {
    return this.#meta.minTime;
  }

  /** Inclusive. */
  get maxMs(): number {
    return this.#meta.maxTime - 1;
  }

  /** Made of samples that came late: others may have been stored for the same times before. */
  get isLate(): boolean {
    return this.#meta.compaction.hints?.includes('from-out-of-order') ?? false;
  }

  deleted(ref: number): readonly Interval[] {
    return this.#tombstones.get(ref) ?? noIntervals;
  }

  get hasTombstones(): boolean {
    return this.#tombstones.size > 0;
  }

  /** Marks samples as deleted. Durable when it resolves. */
  async deleteSeries(matchers: readonly Matcher[], minMs: number, maxMs: number): Promise<void> {
    const tombstones = new Map(this.#tombstones);
    let changed = false;
    for (const ref of selectPostings(this.index, matchers)) {
      const { chunks } = this.index.series(ref);
      const first = chunks[0];
      const last = chunks.at(-1);
      if (first === undefined || last === undefined || first.minMs > maxMs || last.maxMs < minMs) continue;
      const interval = { minMs: Math.max(minMs, first.minMs), maxMs: Math.min(maxMs, last.maxMs) };
      tombstones.set(ref, mergeIntervals([...(tombstones.get(ref) ?? []), interval]));
      changed = true;
    }
    if (!changed) return;
    try {
      await writeTombstones(this.#disk, this.folder, tombstones);
    } catch (error) {
      // It may have reached the disk all the same: what we answer must be what we answer after a restart.
      this.#tombstones = await readTombstones(this.#disk, this.folder);
      throw error;
    }
    this.#tombstones = tombstones;
    let numTombstones = 0;
    for (const intervals of tombstones.values()) numTombstones += intervals.length;
    await this.rewriteMeta({ ...this.#meta, stats: { ...this.#meta.stats, numTombstones } });
  }

  async rewriteMeta(meta: BlockMeta): Promise<void> {
    await writeMeta(this.#disk, this.folder, meta);
    this.#meta = meta;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  /** The last one closes the files; the folder may be gone by then. */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    // Closing a file that was only read cannot lose anything.
    this.index.close().catch(() => undefined);
    this.chunks.close().catch(() => undefined);
  }
}

const noIntervals: readonly Interval[] = [];
