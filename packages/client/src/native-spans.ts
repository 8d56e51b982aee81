/** Native buckets as they travel: runs of neighbours, each count as the difference to the one before. */
import type { BucketCount } from './native-buckets.ts';

/** A run of neighbouring buckets: empty ones before it (since the previous run), and how many it has. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface NativeSpans {
  readonly spans: readonly Span[];
  readonly deltas: readonly number[];
}

/** Gaps of at most two empty buckets are cheaper as zeros than as the beginning of a new span. */
export function spansOf(entries: readonly BucketCount[]): NativeSpans {
  const spans: { offset: number; length: number }[] = [];
  const deltas: number[] = [];
  let next = 0;
  let last = 0;
  for (const [key, count] of entries) {
    let open = spans.at(-1);
    const gap = key - next;
    if (open === undefined || gap > 2) spans.push((open = { offset: gap, length: 0 }));
    else {
      for (let i = 0; i < gap; i++) {
        deltas.push(-last);
        last = 0;
        open.length++;
      }
    }
    deltas.push(count - last);
    last = count;
    open.length++;
    next = key + 1;
  }
  return { spans, deltas };
}
