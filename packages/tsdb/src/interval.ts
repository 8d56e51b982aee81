/** A closed interval of Unix milliseconds. */
export interface Interval {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Ascending, apart from each other by more than one millisecond. */
export function mergeIntervals(intervals: readonly Interval[]): Interval[] {
  const sorted = [...intervals].sort((a, b) => a.minMs - b.minMs);
  const merged: Interval[] = [];
  for (const interval of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && interval.minMs <= last.maxMs + 1) {
      merged[merged.length - 1] = { minMs: last.minMs, maxMs: Math.max(last.maxMs, interval.maxMs) };
    } else {
      merged.push(interval);
    }
  }
  return merged;
}
