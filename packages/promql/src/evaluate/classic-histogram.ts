/** Quantiles and fractions from `le` buckets (promql.md §9.10). */
export interface ClassicBucket {
  readonly upper: number;
  count: number;
}

export interface QuantileOfBuckets {
  readonly value: number;
  /** What had to be mended for the counts to rise. */
  readonly forced: { readonly min: number; readonly max: number; readonly diff: number } | undefined;
}

/** `buckets` may be in any order; it is sorted and mended in place. */
export function bucketQuantile(q: number, list: readonly ClassicBucket[]): QuantileOfBuckets {
  const plain = (value: number): QuantileOfBuckets => ({ value, forced: undefined });
  if (list.length === 0 || Number.isNaN(q)) return plain(Number.NaN);
  if (q < 0) return plain(Number.NEGATIVE_INFINITY);
  if (q > 1) return plain(Number.POSITIVE_INFINITY);
  const buckets = joinEqualBounds(list);
  if (buckets.at(-1)?.upper !== Number.POSITIVE_INFINITY) return plain(Number.NaN);
  const forced = makeMonotonic(buckets);
  const total = (buckets.at(-1) as ClassicBucket).count;
  if (buckets.length < 2 || total === 0) return { value: Number.NaN, forced };

  let rank = q * total;
  let b = 0;
  while (b < buckets.length - 1 && !((buckets[b] as ClassicBucket).count >= rank)) b++;
  const bucket = buckets[b] as ClassicBucket;
  if (b === buckets.length - 1) return { value: (buckets[b - 1] as ClassicBucket).upper, forced };
  if (b === 0 && bucket.upper <= 0) return { value: bucket.upper, forced };
  let lower = 0;
  let { count } = bucket;
  if (b > 0) {
    const below = buckets[b - 1] as ClassicBucket;
    lower = below.upper;
    count -= below.count;
    rank -= below.count;
  }
  return { value: lower + (bucket.upper - lower) * (rank / count), forced };
}

export function bucketFraction(lower: number, upper: number, list: readonly ClassicBucket[]): number {
  if (list.length === 0) return Number.NaN;
  const buckets = joinEqualBounds(list);
  const last = buckets.at(-1) as ClassicBucket;
  if (last.upper !== Number.POSITIVE_INFINITY) return Number.NaN;
  if (last.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const rankAt = (bound: number): number => {
    let below = 0;
    for (let i = 0; i < buckets.length; i++) {
      const bucket = buckets[i] as ClassicBucket;
      const from = i > 0 ? (buckets[i - 1] as ClassicBucket).upper : bucket.upper > 0 ? 0 : Number.NEGATIVE_INFINITY;
      if (bound <= from) return below;
      if (bound < bucket.upper) {
        if (from === Number.NEGATIVE_INFINITY) return bucket.count;
        if (bucket.upper === Number.POSITIVE_INFINITY) return below;
        return below + (bucket.count - below) * ((bound - from) / (bucket.upper - from));
      }
      below = bucket.count;
    }
    return below;
  };
  return (rankAt(upper) - rankAt(lower)) / last.count;
}

function joinEqualBounds(list: readonly ClassicBucket[]): ClassicBucket[] {
  const sorted = [...list].sort((a, b) => a.upper - b.upper || 0);
  const joined: ClassicBucket[] = [];
  for (const bucket of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && last.upper === bucket.upper) last.count += bucket.count;
    else joined.push({ ...bucket });
  }
  return joined;
}

/** Rounding may leave tiny dips, which are mended in silence. */
function makeMonotonic(buckets: ClassicBucket[]): QuantileOfBuckets['forced'] {
  const tolerance = 1e-12;
  let previous = (buckets[0] as ClassicBucket).count;
  let forced: { min: number; max: number; diff: number } | undefined;
  for (const bucket of buckets.slice(1)) {
    const { count } = bucket;
    if (count === previous) continue;
    if (nearly(previous, count, tolerance)) bucket.count = previous;
    else if (count < previous) {
      forced ??= { min: bucket.upper, max: bucket.upper, diff: 0 };
      forced.min = Math.min(forced.min, bucket.upper);
      forced.max = Math.max(forced.max, bucket.upper);
      forced.diff = Math.max(forced.diff, previous - count);
      bucket.count = previous;
    } else previous = count;
  }
  return forced;
}

function nearly(a: number, b: number, tolerance: number): boolean {
  return Math.abs(a - b) / Math.min(Math.abs(a) + Math.abs(b), Number.MAX_VALUE) < tolerance;
}
