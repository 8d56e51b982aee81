/**
 * The heavy work of upkeep: writing blocks, making larger ones of them, rewriting the old part of the log. All of it goes from files and
 * from bytes that nobody changes to files, so it can be done anywhere: here, in the caller's thread (the disk of a test is only there),
 * or on a thread of its own (compaction-thread.ts).
 */
import { Block } from './block/block.ts';
import { writeBlock } from './block/block-writer.ts';
import { mergedContent } from './block/merged-content.ts';
import type { BlockMeta } from './block/meta.ts';
import { packedContent } from './block/packed-series.ts';
import type { Disk } from './disk/disk.ts';
import { PageCache } from './disk/page-cache.ts';
import { HeadChunkReader } from './head/chunk-files.ts';
import { writeCheckpoint } from './wal/checkpoint.ts';

/** Meta of a block that is to be written. */
export type NewBlockMeta = Omit<BlockMeta, 'stats' | 'version'>;

/** A block of packed series (packed-series.ts); what is outside of the meta's span is left out. */
export interface WriteRequest {
  readonly kind: 'write';
  /** The block's folder goes into this one. */
  readonly folder: string;
  readonly meta: NewBlockMeta;
  /** Where chunks lie that the series only name. */
  readonly headChunks: string;
}

/** One block of several in `folder`. Where two have a sample for one time, the earlier in the list wins. */
export interface MergeRequest {
  readonly kind: 'merge';
  readonly folder: string;
  readonly ulids: readonly string[];
  readonly meta: NewBlockMeta;
  /** Series that are left out, by their refs in the one block that there is then. */
  readonly dropped?: Uint32Array;
}

/** A checkpoint of the segments up to `last`, which go. */
export interface CheckpointRequest {
  readonly kind: 'checkpoint';
  readonly folder: string;
  readonly last: number;
  readonly compression: 'none' | 'snappy';
  readonly minMs: number;
  /** Series whose records are still wanted. */
  readonly refs: Float64Array;
}

/** Rejects with StorageError, or with what the disk said. Nothing half remains of what failed. One request at a time. */
export interface Compactor {
  /** The meta of the new block, or undefined when there was no sample and so no block. */
  write(request: WriteRequest, parts: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<BlockMeta | undefined>;
  merge(request: MergeRequest): Promise<BlockMeta | undefined>;
  checkpoint(request: CheckpointRequest): Promise<void>;
  /** There is nothing to do for a while: memory and threads may go. */
  rest(): Promise<void>;
  /** Ends what is under way, which rejects with `closed`. */
  stop(): Promise<void>;
}

export class LocalCompactor implements Compactor {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async write(request: WriteRequest, parts: AsyncIterable<Uint8Array>): Promise<BlockMeta | undefined> {
    const all: Uint8Array[] = [];
    for await (const part of parts) all.push(part);
    return writePacked(this.#disk, request, all);
  }

  merge(request: MergeRequest): Promise<BlockMeta | undefined> {
    return mergeBlocks(this.#disk, request);
  }

  checkpoint(request: CheckpointRequest): Promise<void> {
    return checkpoint(this.#disk, request);
  }

  async rest(): Promise<void> {
    // Nothing is kept.
  }

  async stop(): Promise<void> {
    // What is under way ends in its own time.
  }
}

export async function writePacked(disk: Disk, request: WriteRequest, parts: readonly Uint8Array[]): Promise<BlockMeta | undefined> {
  const { folder, meta, headChunks } = request;
  const stored = await HeadChunkReader.open(disk, headChunks);
  try {
    const content = packedContent(parts, meta.minTime, meta.maxTime - 1, (dataAt, length) => stored.read(dataAt, length));
    return await writeBlock(disk, folder, meta, content);
  } finally {
    await stored.close();
  }
}

const mergeCacheBytes = 32 * 1024 * 1024;

export async function mergeBlocks(disk: Disk, { folder, ulids, meta, dropped }: MergeRequest): Promise<BlockMeta | undefined> {
  const blocks: Block[] = [];
  const cache = new PageCache(mergeCacheBytes);
  try {
    for (const ulid of ulids) blocks.push(await Block.open(disk, `${folder}/${ulid}`, cache));
    return await writeBlock(disk, folder, meta, mergedContent(blocks, new Set(dropped)));
  } finally {
    for (const block of blocks) block.release();
  }
}

export function checkpoint(disk: Disk, { folder, last, compression, minMs, refs }: CheckpointRequest): Promise<void> {
  const wanted = new Set(refs);
  return writeCheckpoint(disk, folder, last, { compression, minMs, keeps: (ref) => wanted.has(ref) });
}
