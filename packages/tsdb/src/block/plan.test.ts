import { describe, expect, it } from 'vitest';
import type { BlockMeta } from './meta.ts';
import { compactionRanges, mergedMeta, planCompaction } from './plan.ts';

/** `name:min-max`, then any of `f` failed, `t9` nine tombstones, `o` out of order, `s` stale. Ten series each. */
function metaOf(text: string): BlockMeta {
  const [, ulid, min, max, flags] = /^(\w+):(\d+)-(\d+)(.*)$/.exec(text) as unknown as [string, string, string, string, string];
  const hints = [...(flags.includes('o') ? ['from-out-of-order'] : []), ...(flags.includes('s') ? ['from-stale-series'] : [])];
  return {
    ulid,
    minTime: Number(min),
    maxTime: Number(max),
    stats: { numSeries: 10, numTombstones: Number(/t(\d+)/.exec(flags)?.[1] ?? 0) },
    compaction: { level: 1, sources: [ulid], failed: flags.includes('f'), ...(hints.length > 0 ? { hints } : {}) },
    version: 1,
  };
}

describe('the plan', () => {
  const ranges = compactionRanges(20, 540);

  it('has ranges that triple', () => {
    expect(ranges).toEqual([20, 60, 180, 540]);
    expect(compactionRanges(20, 5)).toEqual([20]);
  });

  it.each([
    ['', ''],
    ['a:0-20', ''],
    ['a:0-20 b:20-40', ''],
    ['a:0-20 b:20-40 c:40-60', ''],
    ['a:0-20 b:20-40 c:40-60 d:60-80', 'a b c'],
    // The window is not full, but nothing more will come.
    ['a:0-20 b:20-40 c:60-80 d:80-100', 'a b'],
    ['a:20-40 b:60-80 c:80-100 d:100-120', ''],
    ['a:20-40 b:60-80 c:80-100 d:100-120 e:120-140', 'b c d'],
    ['a:0-60 b:60-120 c:120-180 d:180-200', 'a b c'],
    ['a:0-20f b:20-40 c:40-60 d:60-80', ''],
    // Across the border of a window.
    ['a:10-70 b:70-80 c:80-100 d:120-140 e:140-150', 'b c'],
    // Overlaps come first.
    ['a:0-20 b:10-40 c:40-60 d:60-80', 'a b'],
    ['a:0-20 b:20-40 c:30-50 d:45-60 e:60-80', 'b c d'],
    ['a:0-20 b:10-40o', 'a b'],
    ['a:0-20 b:10-40s', ''],
    // Tombstones.
    ['a:0-180t1 b:180-200', 'a'],
    ['a:0-180t0 b:180-200', ''],
    ['a:0-20t9 b:20-40', ''],
    ['a:0-20t10 b:20-40', 'a'],
  ])('for %j is %j', (blocks, expected) => {
    const metas = blocks === '' ? [] : blocks.split(' ').map(metaOf);
    expect(planCompaction(metas, ranges).join(' ')).toBe(expected);
  });

  it('joins what is known of the parents', () => {
    expect(mergedMeta('x', [metaOf('a:0-20o'), metaOf('b:20-40')])).toEqual({
      ulid: 'x',
      minTime: 0,
      maxTime: 40,
      compaction: {
        level: 2,
        sources: ['a', 'b'],
        parents: [
          { ulid: 'a', minTime: 0, maxTime: 20 },
          { ulid: 'b', minTime: 20, maxTime: 40 },
        ],
      },
    });
    expect(mergedMeta('x', [metaOf('a:0-20o'), metaOf('b:20-40o')]).compaction.hints).toEqual(['from-out-of-order']);
  });
});
