/**
 * The blocks of a data folder: which are loaded, which are to go, and the compaction of blocks with each other.
 */
import type { Compactor } from '../compactor.ts';
import type { Disk } from '../disk/disk.ts';
import type { PageCache } from '../disk/page-cache.ts';
import { messageOf, StorageError } from '../errors.ts';
import { Block } from './block.ts';
import { creationSuffix, deletionSuffix } from './block-writer.ts';
import { type BlockMeta, readMeta } from './meta.ts';
import { compactionRanges, mergedMeta, planCompaction } from './plan.ts';
import { createUlid, isUlid, ulidTimeMs } from './ulid.ts';

export type PackedParts = AsyncIterable<Uint8Array<ArrayBuffer>>;

export interface BlockStoreOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly cache: PageCache;
  readonly compactor: Compactor;
  /** Nothing is deleted, and blocks that cannot be read are passed over. */
  readonly isReadOnly?: boolean;
  readonly chunkRangeMs: number;
  readonly maxBlockMs: number;
  now(): number;
  random(): number;
  /** After each time that the folder was looked at; with the error if it failed. */
  readonly onReload?: (error?: unknown) => void;
  /** A block that cannot be read and is left where it is. */
  readonly onUnreadable: (folder: string, error: Error) => void;
}

export class BlockStore {
  readonly #options: BlockStoreOptions;
  readonly #ranges: readonly number[];
  #blocks: readonly Block[] = [];
  #newestUlidMs = 0;

  constructor(options: BlockStoreOptions) {
    this.#options = options;
    this.#ranges = compactionRanges(options.chunkRangeMs, options.maxBlockMs);
  }

  /** In-order blocks by time, then blocks of late samples by age: where two have a sample for one time, the first one's counts. */
  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  get sizeBytes(): number {
    return this.#blocks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** End of the newest block that came from the head in order; nothing before it may be appended. */
  get inOrderEndMs(): number {
    let end = -Infinity;
    for (const block of this.#blocks) if (!block.isLate) end = Math.max(end, block.meta.maxTime);
    return end;
  }

  /** Removes what an interrupted write or deletion left behind. */
  async removeLeftovers(): Promise<void> {
    const { disk, folder } = this.#options;
    for (const name of await disk.list(folder)) {
      const isBlockLike = isUlid(name.split('.')[0] as string);
      if (isBlockLike && (name.endsWith(creationSuffix) || name.endsWith(deletionSuffix) || name.endsWith('.tmp'))) {
        await disk.remove(`${folder}/${name}`);
      }
    }
  }

  /** Opens blocks that are new in the folder, and drops those that have been made part of others. */
  async reload(): Promise<void> {
    try {
      await this.#reload();
    } catch (error) {
      this.#options.onReload?.(error);
      throw error;
    }
    this.#options.onReload?.();
  }

  async #reload(): Promise<void> {
    const { disk, folder, onUnreadable } = this.#options;
    const metas: BlockMeta[] = [];
    for (const name of await disk.list(folder)) {
      if (!isUlid(name)) continue;
      try {
        metas.push({ ...(await readMeta(disk, `${folder}/${name}`)), ulid: name });
      } catch (error) {
        onUnreadable(`${folder}/${name}`, error instanceof Error ? error : new Error(messageOf(error)));
      }
    }
    const opened: Block[] = [];
    const kept: Block[] = [];
    const unreadable: { ulid: string; error: unknown }[] = [];
    for (const { ulid } of metas) {
      const known = this.#blocks.find((block) => block.ulid === ulid);
      if (known !== undefined) {
        kept.push(known);
        continue;
      }
      try {
        opened.push(await Block.open(disk, `${folder}/${ulid}`, this.#options.cache));
      } catch (error) {
        unreadable.push({ ulid, error });
      }
    }
    const loaded = [...kept, ...opened];
    const parents = new Set(loaded.flatMap(({ meta }) => (meta.compaction.parents ?? []).map(({ ulid }) => ulid)));
    const worst = unreadable.find(({ ulid }) => !parents.has(ulid));
    if (this.#options.isReadOnly) {
      for (const { ulid, error } of unreadable)
        this.#options.onUnreadable(`${folder}/${ulid}`, error instanceof Error ? error : new Error(messageOf(error)));
    } else if (worst !== undefined) {
      for (const block of opened) block.release();
      throw new StorageError('damaged', `corrupted block ${worst.ulid}: ${messageOf(worst.error)}`, { ulid: worst.ulid }, worst.error);
    }
    const isGone = ({ meta }: Block): boolean => parents.has(meta.ulid) || meta.compaction.deletable === true;
    this.#blocks = loaded.filter((block) => !isGone(block)).sort(compareBlocks);
    for (const block of loaded.filter(isGone)) {
      if (!this.#options.isReadOnly) await this.#deleteFolder(block.ulid);
      block.release();
    }
    if (!this.#options.isReadOnly) for (const { ulid } of unreadable) await this.#deleteFolder(ulid);
  }

  /** Removes blocks from the view and from the disk; queriers that hold them read on. */
  async delete(blocks: readonly Block[]): Promise<void> {
    this.#blocks = this.#blocks.filter((block) => !blocks.includes(block));
    for (const block of blocks) {
      await this.#deleteFolder(block.ulid);
      block.release();
    }
  }

  /** Renamed first: a deletion that is cut off must not leave half a block. */
  async #deleteFolder(ulid: string): Promise<void> {
    const { disk, folder } = this.#options;
    await disk.rename(`${folder}/${ulid}`, `${folder}/${ulid}${deletionSuffix}`);
    await disk.syncFolder(folder);
    await disk.remove(`${folder}/${ulid}${deletionSuffix}`);
  }

  /** Writes a fresh block of packed series of the head in `[minMs, maxMs)` and loads it. Returns false when it was empty. */
  async writeHeadBlock(minMs: number, maxMs: number, parts: PackedParts, hints: readonly string[] = []): Promise<boolean> {
    const meta = await this.#write(this.#options.folder, minMs, maxMs, parts, hints);
    if (meta !== undefined) await this.reload();
    return meta !== undefined;
  }

  #write(target: string, minMs: number, maxMs: number, parts: PackedParts, hints: readonly string[]): Promise<BlockMeta | undefined> {
    const ulid = this.#newUlid();
    const compaction = { level: 1, sources: [ulid], ...(hints.length > 0 ? { hints } : {}) };
    const meta = { ulid, minTime: minMs, maxTime: maxMs, compaction };
    return this.#options.compactor.write({ kind: 'write', folder: target, meta, headChunks: `${this.#options.folder}/chunks_head` }, parts);
  }

  /**
   * One step of compaction among blocks that end by `endMs`, where the head begins: a block of late samples beside the head must not
   * become part of one that seems to hold everything up to its end. Returns false when there is nothing to do.
   */
  async compactOnce(endMs: number): Promise<boolean> {
    const metas = this.#blocks.map(({ meta }) => meta).filter(({ maxTime }) => maxTime <= endMs);
    const plan = planCompaction(metas, this.#ranges);
    if (plan.length === 0) return false;
    await this.compact(this.#blocks.filter(({ ulid }) => plan.includes(ulid)));
    return true;
  }

  /** Makes one block of several; of a single one, the same without its deleted samples and the `dropped` series (refs). */
  async compact(blocks: readonly Block[], dropped?: Uint32Array): Promise<void> {
    const { compactor, folder } = this.#options;
    const metas = blocks.map(({ meta }) => meta);
    try {
      const ulids = metas.map(({ ulid }) => ulid);
      const meta = await compactor.merge({
        kind: 'merge',
        folder,
        ulids,
        meta: mergedMeta(this.#newUlid(), metas),
        ...(dropped === undefined ? {} : { dropped }),
      });
      if (meta === undefined)
        for (const block of blocks) await block.rewriteMeta({ ...block.meta, compaction: { ...block.meta.compaction, deletable: true } });
    } catch (error) {
      // A full disk gets room again; damaged blocks stay damaged and would fail every minute.
      const isDamage = error instanceof StorageError && error.code === 'damaged';
      if (isDamage)
        for (const block of blocks) await block.rewriteMeta({ ...block.meta, compaction: { ...block.meta.compaction, failed: true } });
      throw error;
    }
    await this.reload();
  }

  /** Links all blocks into another folder; `extra` may write one more there. */
  async copyTo(
    target: string,
    extra: (write: (minMs: number, maxMs: number, parts: PackedParts) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { disk } = this.#options;
    await disk.makeFolder(target);
    for (const block of this.#blocks) {
      const copy = `${target}/${block.ulid}`;
      await disk.makeFolder(`${copy}/chunks`);
      for (const name of await disk.list(`${block.folder}/chunks`))
        await disk.link(`${block.folder}/chunks/${name}`, `${copy}/chunks/${name}`);
      for (const name of ['index', 'meta.json', 'tombstones']) {
        if (await disk.exists(`${block.folder}/${name}`)) await disk.link(`${block.folder}/${name}`, `${copy}/${name}`);
      }
      await disk.syncFolder(`${copy}/chunks`);
      await disk.syncFolder(copy);
    }
    await extra(async (minMs, maxMs, parts) => {
      await this.#write(target, minMs, maxMs, parts, []);
    });
    await disk.syncFolder(target);
  }

  /**
   * Ascends over all blocks that are here, whatever the clock does: among late blocks the name says which sample of a moment came
   * first, and within one millisecond, or after a clock that was set back, chance would decide.
   */
  #newUlid(): string {
    const newest = this.#blocks.reduce((latest, { ulid }) => Math.max(latest, ulidTimeMs(ulid)), this.#newestUlidMs);
    this.#newestUlidMs = Math.max(this.#options.now(), newest + 1);
    return createUlid(this.#newestUlidMs, () => this.#options.random());
  }

  close(): void {
    for (const block of this.#blocks) block.release();
    this.#blocks = [];
  }
}

function compareBlocks(a: Block, b: Block): number {
  if (a.isLate !== b.isLate) return a.isLate ? 1 : -1;
  if (a.isLate) return a.ulid < b.ulid ? -1 : 1;
  return a.minMs - b.minMs || a.maxMs - b.maxMs;
}
