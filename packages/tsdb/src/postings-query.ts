/**
 * From matchers to series, over any index that can list the series of a label (tsdb-format.md §4.6). Lists are ascending ids
 * without repeats; results are new arrays or views of the index that must not be changed.
 */
import type { Matcher } from '@pronoia/model';

export interface PostingsIndex {
  all(): Uint32Array;
  postings(name: string, value: string): Uint32Array;
  /** Values of a name that begin with `prefix`, in any order. */
  values(name: string, prefix: string): Iterable<string>;
}

export function selectPostings(index: PostingsIndex, matchers: readonly Matcher[]): Uint32Array {
  let result: Uint32Array | undefined;
  const subtract: Uint32Array[] = [];
  // Cheap lists first: an empty one ends the work.
  for (const matcher of [...matchers].sort((a, b) => costOf(a) - costOf(b))) {
    if (result?.length === 0) return result;
    if (matcher.matches('')) {
      // A missing label is accepted: take away the series whose value is not.
      if (matcher.type === '=~' && matcher.value === '.*') continue;
      subtract.push(unionOf(index, matcher, false));
      continue;
    }
    const list = unionOf(index, matcher, true);
    result = result === undefined ? list : intersect(result, list);
  }
  result ??= index.all();
  for (const list of subtract) result = without(result, list);
  return result;
}

function costOf({ type, literals }: Matcher): number {
  if (type === '=') return 0;
  return literals === undefined ? 2 : 1;
}

/** Series that have the label with a value that the matcher accepts (`accepted`) or refuses. */
function unionOf(index: PostingsIndex, matcher: Matcher, accepted: boolean): Uint32Array {
  const { name, type, literals } = matcher;
  const positive = type === '=' || type === '=~';
  if (literals !== undefined && positive === accepted) {
    return union(literals.filter((value) => value !== '').map((value) => index.postings(name, value)));
  }
  const prefix = positive === accepted ? matcher.prefix : '';
  const lists: Uint32Array[] = [];
  for (const value of index.values(name, prefix)) if (matcher.matches(value) === accepted) lists.push(index.postings(name, value));
  return union(lists);
}

/** Walks both when they are of one size, searches the longer one when they are not. */
export function intersect(a: Uint32Array, b: Uint32Array): Uint32Array {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  const result = new Uint32Array(short.length);
  let count = 0;
  if (short.length * 32 < long.length) {
    let from = 0;
    for (const id of short) {
      from = lowerBound(long, id, from);
      if (from === long.length) break;
      if (long[from] === id) result[count++] = id;
    }
    return result.subarray(0, count);
  }
  let j = 0;
  for (let i = 0; i < short.length; i++) {
    const id = short[i] as number;
    while (j < long.length && (long[j] as number) < id) j++;
    if (j === long.length) break;
    if (long[j] === id) result[count++] = id;
  }
  return result.subarray(0, count);
}

export function without(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a;
  const result = new Uint32Array(a.length);
  let count = 0;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    const id = a[i] as number;
    while (j < b.length && (b[j] as number) < id) j++;
    if (j === b.length || b[j] !== id) result[count++] = id;
  }
  return result.subarray(0, count);
}

export function union(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 0) return new Uint32Array(0);
  if (lists.length === 1) return lists[0] as Uint32Array;
  let total = 0;
  for (const list of lists) total += list.length;
  const result = new Uint32Array(total);
  let at = 0;
  for (const list of lists) {
    result.set(list, at);
    at += list.length;
  }
  result.sort();
  let count = 0;
  for (let i = 0; i < total; i++) if (i === 0 || result[i] !== result[i - 1]) result[count++] = result[i] as number;
  return result.subarray(0, count);
}

/** First index from `from` on whose id is not below `id`. */
export function lowerBound(list: Uint32Array, id: number, from = 0): number {
  let low = from;
  let step = 1;
  while (low + step < list.length && (list[low + step] as number) < id) {
    low += step;
    step *= 2;
  }
  let high = Math.min(list.length, low + step + 1);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as number) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
