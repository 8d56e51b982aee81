/** What is in a block: which labels have the most series, which come and go, how full the chunks are (`promtool tsdb analyze`). */
import { Block } from './block/block.ts';
import { isUlid } from './block/ulid.ts';
import { largestOf, type NamedCount } from './cardinality.ts';
import { sampleCount } from './chunk/decode.ts';
import type { Disk } from './disk/disk.ts';
import { PageCache } from './disk/page-cache.ts';
import { realDisk } from './disk/real-disk.ts';
import { messageOf, StorageError } from './errors.ts';

export interface BlockAnalysis {
  readonly ulid: string;
  readonly durationMs: number;
  readonly series: number;
  readonly labelNames: number;
  readonly labelPairs: number;
  /** Labels of all series together. */
  readonly entries: number;
  /** How many times the block's span the series with this label were not there, together. */
  readonly churningPairs: readonly NamedCount[];
  readonly churningNames: readonly NamedCount[];
  readonly commonPairs: readonly NamedCount[];
  /** Sums of the lengths of a name's values. */
  readonly longestNames: readonly NamedCount[];
  readonly cardinalityOfNames: readonly NamedCount[];
  readonly cardinalityOfMetrics: readonly NamedCount[];
  /** Per cent of the chunks that are up to 10 %, 20 % … 100 % full; absent unless asked for. */
  readonly fullness: readonly number[] | undefined;
}

const fullChunk = 120;
const fullnessSteps = 10;

/**
 * Of the newest block without `ulid`; undefined when there is no such block. Each list has the `limit` largest, largest first.
 * Throws StorageError when the block is damaged.
 */
export async function analyzeBlock(
  folder: string,
  { ulid, limit, isExtended, disk = realDisk }: { ulid: string | undefined; limit: number; isExtended: boolean; disk?: Disk },
): Promise<BlockAnalysis | undefined> {
  const cache = new PageCache(16 * 1024 * 1024);
  const blocks: Block[] = [];
  const unreadable: string[] = [];
  try {
    for (const name of await disk.list(folder)) {
      if (!isUlid(name) || (ulid !== undefined && name !== ulid)) continue;
      try {
        blocks.push(await Block.open(disk, `${folder}/${name}`, cache));
      } catch (error) {
        unreadable.push(messageOf(error));
      }
    }
    blocks.sort((a, b) => a.minMs - b.minMs || a.maxMs - b.maxMs);
    const block = blocks.at(-1);
    if (block === undefined && unreadable.length > 0) throw new StorageError('damaged', unreadable.join('; '));
    return block === undefined ? undefined : analyze(block, limit, isExtended);
  } finally {
    for (const block of blocks) block.release();
  }
}

function analyze(block: Block, limit: number, isExtended: boolean): BlockAnalysis {
  const { index } = block;
  const durationMs = block.meta.maxTime - block.meta.minTime;
  const uncoveredByPair = new Map<string, number>();
  const uncoveredByName = new Map<string, number>();
  const seriesByPair = new Map<string, number>();
  const fullness = Array.from({ length: fullnessSteps }, () => 0);
  let chunkCount = 0;
  let entries = 0;
  const refs = index.all();
  const add = (counts: Map<string, number>, key: string, by: number): void => void counts.set(key, (counts.get(key) ?? 0) + by);
  for (const ref of refs) {
    const { labels, chunks } = index.series(ref);
    const uncoveredMs = durationMs - ((chunks.at(-1)?.maxMs ?? 0) - (chunks[0]?.minMs ?? 0));
    for (const [name, value] of labels) {
      const pair = `${name}=${value}`;
      add(uncoveredByPair, pair, uncoveredMs);
      add(uncoveredByName, name, uncoveredMs);
      add(seriesByPair, pair, 1);
      entries++;
    }
    if (!isExtended) continue;
    for (const chunk of chunks) {
      const { encoding, bytes } = block.chunks.read(chunk.ref);
      const samples = Math.min(fullChunk, sampleCount(encoding, bytes));
      const step = Math.max(0, Math.ceil((fullnessSteps * samples) / fullChunk) - 1);
      fullness[step] = (fullness[step] as number) + 1;
      chunkCount++;
    }
  }
  const names = [...index.labelNames()].filter((name) => name !== '');
  const valuesOf = new Map(names.map((name) => [name, [...index.values(name, '')]]));
  const inSpans = (counts: ReadonlyMap<string, number>): [string, number][] =>
    [...counts].map(([key, ms]) => [key, Math.floor(ms / durationMs)]);
  return {
    ulid: block.ulid,
    durationMs,
    series: refs.length,
    labelNames: names.length,
    labelPairs: seriesByPair.size,
    entries,
    churningPairs: largestOf(inSpans(uncoveredByPair), limit),
    churningNames: largestOf(inSpans(uncoveredByName), limit),
    commonPairs: largestOf(seriesByPair, limit),
    longestNames: largestOf(
      [...valuesOf].map(([name, values]) => [name, values.reduce((sum, value) => sum + Buffer.byteLength(value), 0)]),
      limit,
    ),
    cardinalityOfNames: largestOf(
      [...valuesOf].map(([name, values]) => [name, values.length]),
      limit,
    ),
    cardinalityOfMetrics: largestOf(
      (valuesOf.get('__name__') ?? []).map((name) => [name, index.postings('__name__', name).length]),
      limit,
    ),
    fullness: isExtended ? fullness.map((count) => (chunkCount === 0 ? 0 : Math.floor((100 * count) / chunkCount))) : undefined,
  };
}
