/**
 * A data folder looked at from outside: nothing on the disk is changed, no lock is taken. For tools; what a running database
 * writes meanwhile is not seen.
 */
import { Registry } from '@pronoia/client';
import type { Querier, Queryable } from '@pronoia/model';
import { BlockQuerier } from './block/block-querier.ts';
import { BlockStore } from './block/block-store.ts';
import type { BlockMeta } from './block/meta.ts';
import { LocalCompactor } from './compactor.ts';
import type { Disk } from './disk/disk.ts';
import { PageCache } from './disk/page-cache.ts';
import { realDisk } from './disk/real-disk.ts';
import { ExemplarRing } from './head/exemplars.ts';
import { Head } from './head/head.ts';
import { HeadQuerier } from './head/head-querier.ts';
import { LateQuerier } from './head/late-querier.ts';
import { OutOfOrderStore } from './head/out-of-order.ts';
import { type MergeSource, mergeQueriers } from './merge-querier.ts';
import { TsdbMetrics } from './metrics.ts';
import { HeadReplay } from './replay.ts';

export interface BlockSummary {
  readonly meta: BlockMeta;
  readonly sizeBytes: number;
}

export interface ReadOnlyTsdb extends Queryable {
  /** By time; blocks of late samples last. */
  blocks(): BlockSummary[];
  /** What was passed over, in sentences. */
  readonly warnings: readonly string[];
  close(): void;
}

/** Reads the log into memory. */
export async function openReadOnly(folder: string, disk: Disk = realDisk): Promise<ReadOnlyTsdb> {
  const warnings: string[] = [];
  const warn = (fields: object, message: string): void => {
    warnings.push(`${message} ${JSON.stringify(fields)}`);
  };
  const chunkRangeMs = 7_200_000;
  const store = new BlockStore({
    disk,
    folder,
    cache: new PageCache(16 * 1024 * 1024),
    compactor: new LocalCompactor(disk),
    isReadOnly: true,
    chunkRangeMs,
    maxBlockMs: chunkRangeMs,
    now: () => 0,
    random: () => 0,
    onUnreadable: (block, error) => warnings.push(`${block} cannot be read: ${error.message}`),
  });
  await store.reload();
  const head = new Head({ chunkRangeMs, samplesPerChunk: 120 });
  head.minValidMs = store.inOrderEndMs;
  const none = (): number => 0;
  const gauges = {
    headSeries: none,
    headChunks: none,
    headMinMs: none,
    headMaxMs: none,
    walSegment: none,
    blocksLoaded: none,
    blockBytes: none,
    symbolBytes: none,
    exemplars: none,
    lowestMs: none,
    retentionMs: none,
    retentionBytes: none,
  };
  const replay = new HeadReplay(head, new ExemplarRing(0), new TsdbMetrics(new Registry(), gauges), { info: warn, warn, error: warn });
  await replay.run(disk, `${folder}/wal`);
  const late = new OutOfOrderStore();
  if (await disk.exists(`${folder}/wbl`)) await replay.runLate(disk, `${folder}/wbl`, late, false);
  return {
    warnings,
    blocks: () => store.blocks.map(({ meta, sizeBytes }) => ({ meta, sizeBytes })),
    querier(minMs: number, maxMs: number): Querier {
      const sources = (isLate: boolean): MergeSource[] =>
        store.blocks
          .filter((block) => block.isLate === isLate && block.minMs <= maxMs && block.maxMs >= minMs)
          .map((block) => ({ querier: new BlockQuerier(block, minMs, maxMs), minMs: block.minMs, maxMs: block.maxMs }));
      const newest = { querier: new HeadQuerier(head, minMs, maxMs, [], () => undefined), minMs: head.minMs, maxMs: Infinity };
      const lateOnes = { querier: new LateQuerier(head, late, minMs, maxMs), minMs: -Infinity, maxMs: Infinity };
      return mergeQueriers([...sources(false), newest, ...sources(true), ...(late.isEmpty ? [] : [lateOnes])]);
    },
    close: () => store.close(),
  };
}
