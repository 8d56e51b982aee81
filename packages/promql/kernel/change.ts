// rate, increase, delta: the twin of `RateKernel` in `src/evaluate/column-kernels.ts`, to the last bit.

/**
 * The change in each window of one series. `sampled`, `toStart`, `toEnd` and `factor` are what the extrapolation takes from the times
 * (RatePlan). `rangeSeconds` is 0 where the result is not by second. `resets` has room for as many indexes as there are samples.
 * Returns how many steps have a value.
 */
export function change(
  values: usize,
  samples: i32,
  lo: usize,
  hi: usize,
  sampled: usize,
  toStart: usize,
  toEnd: usize,
  factor: usize,
  steps: i32,
  isCounter: i32,
  rangeSeconds: f64,
  resets: usize,
  out: usize,
  kinds: usize,
): i32 {
  let resetCount: i32 = 0;
  if (isCounter != 0) {
    let previous = load<f64>(values);
    for (let i = 1; i < samples; i++) {
      const v = load<f64>(values + ((<usize>i) << 3));
      if (v < previous) {
        store<u32>(resets + ((<usize>resetCount) << 2), i);
        resetCount++;
      }
      previous = v;
    }
  }
  let firstReset: i32 = 0;
  let present: i32 = 0;
  for (let step = 0; step < steps; step++) {
    const at4 = (<usize>step) << 2;
    const at8 = (<usize>step) << 3;
    const l = load<i32>(lo + at4);
    const h = load<i32>(hi + at4);
    if (h - l < 2) {
      store<u8>(kinds + <usize>step, 0);
      continue;
    }
    const first = load<f64>(values + ((<usize>l) << 3));
    let result = load<f64>(values + ((<usize>(h - 1)) << 3)) - first;
    if (resetCount > 0) {
      while (firstReset < resetCount && <i32>load<u32>(resets + ((<usize>firstReset) << 2)) <= l) firstReset++;
      for (let r = firstReset; r < resetCount; r++) {
        const i = <i32>load<u32>(resets + ((<usize>r) << 2));
        if (i >= h) break;
        result += load<f64>(values + ((<usize>(i - 1)) << 3));
      }
    }
    let f = load<f64>(factor + at8);
    if (isCounter != 0 && result > 0 && first >= 0) {
      const span = load<f64>(sampled + at8);
      const toZero = span * (first / result);
      if (toZero < load<f64>(toStart + at8)) {
        f = span == 0 ? 1 : (span + toZero + load<f64>(toEnd + at8)) / span;
        if (rangeSeconds != 0) f /= rangeSeconds;
      }
    }
    store<f64>(out + at8, result * f);
    store<u8>(kinds + <usize>step, 1);
    present++;
  }
  return present;
}
