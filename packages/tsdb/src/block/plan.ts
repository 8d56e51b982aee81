/**
 * Which blocks to compact next (tsdb-format.md §12). Pure: metas in, a decision out.
 */
import type { BlockMeta } from './meta.ts';

/** Spans of blocks, from fresh to largest: 2 h, 6 h, 18 h … up to the limit. */
export function compactionRanges(chunkRangeMs: number, maxBlockMs: number): number[] {
  const ranges = [chunkRangeMs];
  for (let range = chunkRangeMs * 3; range <= maxBlockMs; range *= 3) ranges.push(range);
  return ranges;
}

/** ULIDs of blocks to be made one, or nothing to do. */
export function planCompaction(metas: readonly BlockMeta[], ranges: readonly number[]): string[] {
  for (const kind of ['', 'from-stale-series', 'from-selected-series']) {
    const blocks = metas.filter((meta) => kindOf(meta) === kind).sort((a, b) => a.minTime - b.minTime);
    const plan = planOfKind(blocks, ranges);
    if (plan.length > 0) return plan.map(({ ulid }) => ulid);
  }
  return [];
}

/** Blocks of different kinds never mix. */
function kindOf({ compaction }: BlockMeta): string {
  return ['from-stale-series', 'from-selected-series'].find((hint) => compaction.hints?.includes(hint)) ?? '';
}

function planOfKind(blocks: readonly BlockMeta[], ranges: readonly number[]): readonly BlockMeta[] {
  const overlapping = firstOverlap(blocks);
  if (overlapping.length > 0) return overlapping;
  // The newest block is left alone: one may still be written beside it.
  const older = blocks.slice(0, -1);
  const newestMin = older.at(-1)?.minTime ?? 0;
  for (const range of ranges.slice(1)) {
    for (const group of groupsOf(older, range)) {
      const first = group[0] as BlockMeta;
      const last = group.at(-1) as BlockMeta;
      // Shorter than the window, but the newest of the older blocks lies behind it: nothing more will come.
      const isFull = last.maxTime - first.minTime === range || last.maxTime <= newestMin;
      if (group.length > 1 && isFull && !group.some(({ compaction }) => compaction.failed)) return group;
    }
  }
  return withManyTombstones(older, ranges);
}

function firstOverlap(blocks: readonly BlockMeta[]): BlockMeta[] {
  let group: BlockMeta[] = [];
  let endMs = -Infinity;
  for (const block of blocks) {
    if (block.minTime < endMs) {
      group.push(block);
    } else {
      if (group.length > 1) break;
      group = [block];
    }
    endMs = Math.max(endMs, block.maxTime);
  }
  return group.length > 1 && !group.some(({ compaction }) => compaction.failed) ? group : [];
}

/** Blocks that lie in the same window of `range`, windows aligned to multiples of it. */
function groupsOf(blocks: readonly BlockMeta[], range: number): BlockMeta[][] {
  const groups = new Map<number, BlockMeta[]>();
  for (const block of blocks) {
    const window = Math.floor(block.minTime / range);
    if (block.maxTime > (window + 1) * range) continue;
    const group = groups.get(window);
    if (group === undefined) groups.set(window, [block]);
    else group.push(block);
  }
  return [...groups.values()];
}

/** A single block, when rewriting it would set much free. */
function withManyTombstones(blocks: readonly BlockMeta[], ranges: readonly number[]): BlockMeta[] {
  for (const block of [...blocks].reverse()) {
    const { numTombstones = 0, numSeries = 0 } = block.stats;
    if (block.maxTime - block.minTime < (ranges[Math.floor(ranges.length / 2)] as number)) {
      return numTombstones > 0 && numTombstones >= numSeries ? [block] : [];
    }
    if (numTombstones / (numSeries + 1) > 0.05) return [block];
  }
  return [];
}

/** The meta of the block that these become, without what writing it will tell. */
export function mergedMeta(ulid: string, parents: readonly BlockMeta[]): Omit<BlockMeta, 'stats' | 'version'> {
  const hints = new Set<string>();
  for (const hint of ['from-stale-series', 'from-selected-series'])
    if (parents.some(({ compaction }) => compaction.hints?.includes(hint))) hints.add(hint);
  if (parents.every(({ compaction }) => compaction.hints?.includes('from-out-of-order'))) hints.add('from-out-of-order');
  const sources = new Set(parents.flatMap(({ compaction, ulid: own }) => compaction.sources ?? [own]));
  return {
    ulid,
    minTime: Math.min(...parents.map(({ minTime }) => minTime)),
    maxTime: Math.max(...parents.map(({ maxTime }) => maxTime)),
    compaction: {
      level: Math.max(...parents.map(({ compaction }) => compaction.level)) + 1,
      sources: [...sources].sort(),
      parents: parents.map(({ ulid: parent, minTime, maxTime }) => ({ ulid: parent, minTime, maxTime })),
      ...(hints.size === 0 ? {} : { hints: [...hints].sort() }),
    },
  };
}
