/**
 * Writes a whole block from series in label order. It is written under a temporary name and renamed when all of it is safe on
 * the disk: there is never half a block.
 */
import type { Labels } from '@pronoia/model';
import type { EncodedChunk } from '../chunk/encode.ts';
import type { Disk } from '../disk/disk.ts';
import { ChunkWriter } from './chunk-file.ts';
import { type ChunkMeta, IndexWriter } from './index-writer.ts';
import { type BlockMeta, writeMeta } from './meta.ts';
import { writeTombstones } from './tombstones.ts';

export const creationSuffix = '.tmp-for-creation';
export const deletionSuffix = '.tmp-for-deletion';

export interface SeriesToWrite {
  readonly labels: Labels;
  /** Ascending, not overlapping. The bytes must stay as they are until the next series is asked for. */
  readonly chunks: readonly EncodedChunk[];
}

export interface BlockContent {
  /** At least every label name and value of the series, sorted by bytes, unique. */
  readonly symbols: readonly string[];
  /** In label order. */
  readonly series: AsyncIterable<SeriesToWrite>;
}

/** Returns the meta of the new block, or undefined when there was no sample and so no block. */
export async function writeBlock(
  disk: Disk,
  parent: string,
  meta: Omit<BlockMeta, 'stats' | 'version'>,
  content: BlockContent,
): Promise<BlockMeta | undefined> {
  const folder = `${parent}/${meta.ulid}`;
  const unfinished = `${folder}${creationSuffix}`;
  await disk.remove(unfinished);
  await disk.makeFolder(`${unfinished}/chunks`);
  const chunks = new ChunkWriter(disk, `${unfinished}/chunks`);
  let index: IndexWriter | undefined;
  try {
    index = await IndexWriter.create(disk, `${unfinished}/index`, content.symbols);
    const stats = { numSamples: 0, numFloatSamples: 0, numHistogramSamples: 0, numSeries: 0, numChunks: 0 };
    for await (const { labels, chunks: seriesChunks } of content.series) {
      if (seriesChunks.length === 0) continue;
      await chunks.prepare(seriesChunks.reduce((sum, { bytes }) => sum + bytes.length + 16, 0));
      const metas: ChunkMeta[] = [];
      for (const { minMs, maxMs, encoding, bytes, count } of seriesChunks) {
        metas.push({ minMs, maxMs, ref: chunks.write(encoding, bytes) });
        stats.numSamples += count;
        if (encoding === 1 || encoding === 4) stats.numFloatSamples += count;
        else stats.numHistogramSamples += count;
      }
      index.addSeries(labels.pairs, metas);
      await index.drain();
      stats.numSeries++;
      stats.numChunks += metas.length;
    }
    if (stats.numSeries === 0) {
      await index.abandon();
      await chunks.abandon();
      await disk.remove(unfinished);
      return undefined;
    }
    await chunks.finish();
    await index.finish();
    await writeTombstones(disk, unfinished, new Map());
    const whole: BlockMeta = { ...meta, stats: withoutZeros(stats), version: 1 };
    await writeMeta(disk, unfinished, whole);
    await disk.syncFolder(`${unfinished}/chunks`);
    await disk.rename(unfinished, folder);
    await disk.syncFolder(parent);
    return whole;
  } catch (error) {
    // What is left under the temporary name is removed at the next start, too.
    await index?.abandon().catch(() => undefined);
    await chunks.abandon().catch(() => undefined);
    await disk.remove(unfinished).catch(() => undefined);
    throw error;
  }
}

/** The original leaves zeros out. */
function withoutZeros<T extends Record<string, number>>(stats: T): Partial<T> {
  return Object.fromEntries(Object.entries(stats).filter(([, value]) => value !== 0)) as Partial<T>;
}
