// Folds the column of one series into the cells of its group: twins of `GroupFold` in `src/evaluate/group-fold.ts`, to the last bit.
// `seen` gets bit 1 where there is a float. Absent steps have kind 0, floats 1.

export function foldSum(values: usize, kinds: usize, steps: i32, seen: usize, sums: usize, cs: usize): void {
  for (let i = 0; i < steps; i++) {
    if (load<u8>(kinds + <usize>i) == 0) continue;
    const at = (<usize>i) << 3;
    const x = load<f64>(values + at);
    const flags = load<u8>(seen + <usize>i);
    if ((flags & 1) == 0) {
      store<u8>(seen + <usize>i, flags | 1);
      store<f64>(sums + at, x);
      continue;
    }
    const sum = load<f64>(sums + at);
    const t = sum + x;
    const isLarger = Math.abs(sum) >= Math.abs(x);
    const c = load<f64>(cs + at) + (select<f64>(sum, x, isLarger) - t + select<f64>(x, sum, isLarger));
    store<f64>(cs + at, Math.abs(t) == Infinity ? 0 : c);
    store<f64>(sums + at, t);
  }
}

/** `incremental` is 1 where the mean has changed its way (promql.md §10). */
export function foldMean(
  values: usize,
  kinds: usize,
  steps: i32,
  seen: usize,
  sums: usize,
  cs: usize,
  ns: usize,
  incremental: usize,
): void {
  for (let i = 0; i < steps; i++) {
    if (load<u8>(kinds + <usize>i) == 0) continue;
    const at = (<usize>i) << 3;
    const x = load<f64>(values + at);
    const k = load<f64>(ns + at) + 1;
    store<f64>(ns + at, k);
    if (k == 1) {
      store<u8>(seen + <usize>i, load<u8>(seen + <usize>i) | 1);
      store<f64>(sums + at, x);
      continue;
    }
    let sum = load<f64>(sums + at);
    let c = load<f64>(cs + at);
    if (load<u8>(incremental + <usize>i) == 0) {
      const t = sum + x;
      if (Math.abs(t) != Infinity) {
        const isLarger = Math.abs(sum) >= Math.abs(x);
        store<f64>(cs + at, c + (select<f64>(sum, x, isLarger) - t + select<f64>(x, sum, isLarger)));
        store<f64>(sums + at, t);
        continue;
      }
      store<u8>(incremental + <usize>i, 1);
      sum /= k - 1;
      c /= k - 1;
    }
    const q = (k - 1) / k;
    sum *= q;
    c *= q;
    const part = x / k;
    const t = sum + part;
    if (Math.abs(t) == Infinity) c = 0;
    else if (Math.abs(sum) >= Math.abs(part)) c += sum - t + part;
    else c += part - t + sum;
    store<f64>(sums + at, t);
    store<f64>(cs + at, c);
  }
}

/** `sign` 1 looks for the least, −1 for the greatest. */
export function foldExtreme(values: usize, kinds: usize, steps: i32, seen: usize, best: usize, sign: f64): void {
  for (let i = 0; i < steps; i++) {
    if (load<u8>(kinds + <usize>i) == 0) continue;
    const at = (<usize>i) << 3;
    const x = load<f64>(values + at);
    const known = load<f64>(best + at);
    if (load<u8>(seen + <usize>i) == 0 || sign * (known - x) > 0 || known != known) store<f64>(best + at, x);
    store<u8>(seen + <usize>i, 1);
  }
}

export function foldCount(kinds: usize, steps: i32, seen: usize, ns: usize): void {
  for (let i = 0; i < steps; i++) {
    if (load<u8>(kinds + <usize>i) == 0) continue;
    const at = (<usize>i) << 3;
    store<f64>(ns + at, load<f64>(ns + at) + 1);
    store<u8>(seen + <usize>i, 1);
  }
}
