/** Inclusive integer ranges, kept sorted and joined where they touch (mesos.md §7.1): ports, mostly. */
import type { ValueRange } from './messages.ts';

export type Ranges = readonly ValueRange[];

/** Sorted and joined: `[5-6, 1-2, 3-4]` → `[1-6]`. */
export function joinRanges(ranges: Ranges): Ranges {
  if (ranges.length < 2) return ranges;
  const sorted = [...ranges].sort((a, b) => a.begin - b.begin);
  const joined: { begin: number; end: number }[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.begin <= last.end + 1) last.end = Math.max(last.end, range.end);
    else joined.push({ begin: range.begin, end: range.end });
  }
  return joined;
}

/** `a` without `b`; both joined. */
export function subtractRanges(a: Ranges, b: Ranges): Ranges {
  const left: ValueRange[] = [];
  let at = 0;
  for (const range of a) {
    let begin = range.begin;
    while (at < b.length && (b[at]?.end ?? 0) < begin) at++;
    for (let i = at; i < b.length && begin <= range.end; i++) {
      const cut = b[i];
      if (cut === undefined || cut.begin > range.end) break;
      if (cut.begin > begin) left.push({ begin, end: cut.begin - 1 });
      begin = Math.max(begin, cut.end + 1);
    }
    if (begin <= range.end) left.push({ begin, end: range.end });
  }
  return left;
}

/** Whether every integer of `b` is in `a`; both joined. */
export function containsRanges(a: Ranges, b: Ranges): boolean {
  let at = 0;
  for (const range of b) {
    while (at < a.length && (a[at]?.end ?? 0) < range.begin) at++;
    const around = a[at];
    if (around === undefined || around.begin > range.begin || around.end < range.end) return false;
  }
  return true;
}

/** How many integers the ranges hold. */
export const countRanges = (ranges: Ranges): number => ranges.reduce((sum, range) => sum + range.end - range.begin + 1, 0);

/** `[31000-31001, 31005-31005]`, as the legacy endpoints show them. */
export const formatRanges = (ranges: Ranges): string => `[${ranges.map((range) => `${range.begin}-${range.end}`).join(', ')}]`;
