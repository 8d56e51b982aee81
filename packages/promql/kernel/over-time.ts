// Functions of one window, and the pick of one sample a step: twins of the kernels in `src/evaluate/column-kernels.ts`, to the last bit.
// All return how many steps have a value; `[from, to)` are the steps to work on.

/** Steps whose index is not negative take that value. */
export function pick(values: usize, indexes: usize, steps: i32, out: usize, kinds: usize): i32 {
  let present: i32 = 0;
  for (let step = 0; step < steps; step++) {
    const index = load<i32>(indexes + ((<usize>step) << 2));
    const isPresent = index >= 0;
    store<u8>(kinds + <usize>step, isPresent ? 1 : 0);
    if (!isPresent) continue;
    store<f64>(out + ((<usize>step) << 3), load<f64>(values + ((<usize>index) << 3)));
    present++;
  }
  return present;
}

export function sumOverTime(values: usize, lo: usize, hi: usize, from: i32, to: i32, out: usize, kinds: usize): i32 {
  let present: i32 = 0;
  for (let step = from; step < to; step++) {
    let p = values + ((<usize>load<i32>(lo + ((<usize>step) << 2))) << 3);
    const end = values + ((<usize>load<i32>(hi + ((<usize>step) << 2))) << 3);
    store<u8>(kinds + <usize>step, p < end ? 1 : 0);
    if (p == end) continue;
    let sum: f64 = 0;
    let c: f64 = 0;
    for (; p < end; p += 8) {
      const x = load<f64>(p);
      const t = sum + x;
      const isLarger = Math.abs(sum) >= Math.abs(x);
      c += select<f64>(sum, x, isLarger) - t + select<f64>(x, sum, isLarger);
      if (Math.abs(t) == Infinity) c = 0;
      sum = t;
    }
    store<f64>(out + ((<usize>step) << 3), Math.abs(sum) == Infinity ? sum : sum + c);
    present++;
  }
  return present;
}

export function averageOverTime(values: usize, lo: usize, hi: usize, from: i32, to: i32, out: usize, kinds: usize): i32 {
  let present: i32 = 0;
  for (let step = from; step < to; step++) {
    const start = values + ((<usize>load<i32>(lo + ((<usize>step) << 2))) << 3);
    const end = values + ((<usize>load<i32>(hi + ((<usize>step) << 2))) << 3);
    store<u8>(kinds + <usize>step, start < end ? 1 : 0);
    if (start == end) continue;
    let sum = load<f64>(start);
    let c: f64 = 0;
    let p = start + 8;
    for (; p < end; p += 8) {
      const x = load<f64>(p);
      const t = sum + x;
      if (Math.abs(t) == Infinity) break;
      const isLarger = Math.abs(sum) >= Math.abs(x);
      c += select<f64>(sum, x, isLarger) - t + select<f64>(x, sum, isLarger);
      sum = t;
    }
    const n = <f64>((end - start) >> 3);
    store<f64>(out + ((<usize>step) << 3), p == end ? sum / n + c / n : runningMean(start, end, p, sum, c));
    present++;
  }
  return present;
}

/** Where the sum overflows at `p`: a mean of means from there on. */
function runningMean(start: usize, end: usize, p: usize, sum: f64, c: f64): f64 {
  const before = <f64>((p - start) >> 3);
  let mean = sum / before;
  let rest = c / before;
  for (; p < end; p += 8) {
    const k = <f64>((p - start) >> 3) + 1;
    const q = (k - 1) / k;
    const part = load<f64>(p) / k;
    mean *= q;
    rest *= q;
    const t = mean + part;
    if (Math.abs(t) == Infinity) rest = 0;
    else if (Math.abs(mean) >= Math.abs(part)) rest += mean - t + part;
    else rest += part - t + mean;
    mean = t;
  }
  return mean + rest;
}

/**
 * Least (`sign` 1) or greatest (−1), over all steps at once. `queue` has room for an index per sample: candidates, each better than all
 * that come after it in the window.
 */
export function extremeOverTime(values: usize, lo: usize, hi: usize, steps: i32, sign: f64, queue: usize, out: usize, kinds: usize): i32 {
  let present: i32 = 0;
  let head = queue;
  let tail = queue;
  let next: i32 = 0;
  for (let step = 0; step < steps; step++) {
    const l = load<i32>(lo + ((<usize>step) << 2));
    const h = load<i32>(hi + ((<usize>step) << 2));
    for (; next < h; next++) {
      const v = load<f64>(values + ((<usize>next) << 3));
      if (v != v) continue;
      while (tail > head && sign * (load<f64>(values + ((<usize>load<u32>(tail - 4)) << 3)) - v) > 0) tail -= 4;
      store<u32>(tail, next);
      tail += 4;
    }
    while (head < tail && <i32>load<u32>(head) < l) head += 4;
    store<u8>(kinds + <usize>step, l < h ? 1 : 0);
    if (l == h) continue;
    store<f64>(out + ((<usize>step) << 3), head < tail ? load<f64>(values + ((<usize>load<u32>(head)) << 3)) : NaN);
    present++;
  }
  return present;
}

/**
 * The window is kept sorted, NaN apart, in `sorted`, which has room for all samples. Over all steps at once; `q` has a parameter per
 * step.
 */
export function quantileOverTime(values: usize, lo: usize, hi: usize, steps: i32, q: usize, sorted: usize, out: usize, kinds: usize): i32 {
  let present: i32 = 0;
  let size: i32 = 0;
  let nans: i32 = 0;
  let from: i32 = 0;
  let to: i32 = 0;
  for (let step = 0; step < steps; step++) {
    const l = load<i32>(lo + ((<usize>step) << 2));
    const h = load<i32>(hi + ((<usize>step) << 2));
    if (l >= to) {
      size = 0;
      nans = 0;
      from = l;
      to = l;
    }
    // One goes and one comes: what lies between moves by one.
    while (from < l && to < h) {
      const gone = load<f64>(values + ((<usize>from) << 3));
      const come = load<f64>(values + ((<usize>to) << 3));
      from++;
      to++;
      if (gone != gone || come != come) {
        if (gone != gone) nans--;
        else size = remove(sorted, size, gone);
        if (come != come) nans++;
        else size = insert(sorted, size, come);
        continue;
      }
      replace(sorted, size, gone, come);
    }
    for (; from < l; from++) {
      const v = load<f64>(values + ((<usize>from) << 3));
      if (v != v) nans--;
      else size = remove(sorted, size, v);
    }
    for (; to < h; to++) {
      const v = load<f64>(values + ((<usize>to) << 3));
      if (v != v) nans++;
      else size = insert(sorted, size, v);
    }
    store<u8>(kinds + <usize>step, l < h ? 1 : 0);
    if (l == h) continue;
    store<f64>(out + ((<usize>step) << 3), quantile(load<f64>(q + ((<usize>step) << 3)), h - l, sorted, nans));
    present++;
  }
  return present;
}

function quantile(q: f64, n: i32, sorted: usize, nans: i32): f64 {
  if (q != q) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const rank = q * <f64>(n - 1);
  const floor = Math.floor(rank);
  const lower = <i32>max<f64>(0, floor);
  const upper = min<i32>(n - 1, lower + 1);
  const weight = rank - floor;
  return valueAt(sorted, nans, lower) * (1 - weight) + valueAt(sorted, nans, upper) * weight;
}

function valueAt(sorted: usize, nans: i32, index: i32): f64 {
  return index < nans ? NaN : load<f64>(sorted + ((<usize>(index - nans)) << 3));
}

/** Index of the first that is not less. */
function position(sorted: usize, size: i32, v: f64): i32 {
  let low: i32 = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<f64>(sorted + ((<usize>middle) << 3)) < v) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(sorted: usize, size: i32, v: f64): i32 {
  const at = sorted + ((<usize>position(sorted, size, v)) << 3);
  memory.copy(at + 8, at, sorted + ((<usize>size) << 3) - at);
  store<f64>(at, v);
  return size + 1;
}

function remove(sorted: usize, size: i32, v: f64): i32 {
  const at = sorted + ((<usize>position(sorted, size, v)) << 3);
  memory.copy(at, at + 8, sorted + ((<usize>size) << 3) - at - 8);
  return size - 1;
}

/** `gone` is there. The same as `remove` and then `insert`. */
function replace(sorted: usize, size: i32, gone: f64, come: f64): void {
  let at = sorted + ((<usize>position(sorted, size, gone)) << 3);
  const end = sorted + ((<usize>(size - 1)) << 3);
  while (at > sorted && !(load<f64>(at - 8) < come)) {
    store<f64>(at, load<f64>(at - 8));
    at -= 8;
  }
  while (at < end && load<f64>(at + 8) < come) {
    store<f64>(at, load<f64>(at + 8));
    at += 8;
  }
  store<f64>(at, come);
}
