/**
 * How long which series are kept: the first rule whose matchers all accept a series says it, the general limit for the others. Blocks are
 * files, so a block is written anew without the series whose time is over, once for each limit that it has outlived.
 */
import type { Matcher } from '@pronoia/model';
import type { Block } from './block/block.ts';
import { selectPostings, union, without } from './postings-query.ts';

export interface KeepRule {
  readonly matchers: readonly Matcher[];
  readonly keepMs: number;
}

/** Series of the block whose time is over, by ref, when its newest sample is `ageMs` old. */
export function expiredSeries(block: Block, rules: readonly KeepRule[], generalMs: number, ageMs: number): Uint32Array {
  let left = block.index.all();
  const expired: Uint32Array[] = [];
  for (const { matchers, keepMs } of rules) {
    const ruled = selectPostings(block.index, matchers);
    const own = without(left, without(left, ruled));
    left = without(left, own);
    if (ageMs >= keepMs) expired.push(own);
  }
  if (ageMs >= generalMs) expired.push(left);
  return union(expired);
}

/** How many of the limits have been outlived: while this stays the same, so do the expired series. */
export function outlived(rules: readonly KeepRule[], generalMs: number, ageMs: number): number {
  return rules.filter(({ keepMs }) => ageMs >= keepMs).length + (ageMs >= generalMs ? 1 : 0);
}
