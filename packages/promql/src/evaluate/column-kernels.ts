/**
 * Window functions over a whole column of floats: the fast twins of `window-functions.ts` and `rate.ts`, with the same results to
 * the last bit (compared on random data in column-kernels.test.ts). Hot: flat loops, no allocation per step (bench/promql).
 */
import type { RangeShape } from './evaluation.ts';
import type { SampleColumns } from './sample-columns.ts';
import { isFloat, type StepSeries } from './step-series.ts';
import type { WindowPlan } from './window-plan.ts';

/** Work on one series: `begin` once, then `run` over its steps in slices, ascending and without holes. */
export interface ColumnKernel {
  begin(columns: SampleColumns, plan: WindowPlan, out: Pick<StepSeries, 'values' | 'kinds'>): void;
  run(from: number, to: number): void;
  /** Whether the time of `run` grows with the windows' sizes. */
  readonly scansWindows: boolean;
}

/** Undefined where there is no fast twin. `args` are the scalar arguments. */
export function columnKernel(func: string, shape: RangeShape, args: readonly Float64Array[]): ColumnKernel | undefined {
  switch (func) {
    case 'rate':
      return new RateKernel(shape, true, true);
    case 'increase':
      return new RateKernel(shape, true, false);
    case 'delta':
      return new RateKernel(shape, false, false);
    case 'sum_over_time':
      return new SumKernel();
    case 'avg_over_time':
      return new AverageKernel();
    case 'max_over_time':
      return new ExtremeKernel(-1);
    case 'min_over_time':
      return new ExtremeKernel(1);
    case 'quantile_over_time':
      return new QuantileKernel(args[0] as Float64Array);
    case 'count_over_time':
      return new PickKernel((_values, lo, hi) => hi - lo);
    case 'present_over_time':
      return new PickKernel(() => 1);
    case 'last_over_time':
      return new PickKernel((values, _lo, hi) => values[hi - 1] as number);
    case 'first_over_time':
      return new PickKernel((values, lo) => values[lo] as number);
    default:
      return undefined;
  }
}

abstract class Kernel {
  protected times = new Float64Array(0);
  protected values = new Float64Array(0);
  protected lo = new Int32Array(0);
  protected hi = new Int32Array(0);
  protected outValues = new Float64Array(0);
  protected outKinds = new Uint8Array(0);
  protected plan: WindowPlan | undefined;

  begin(columns: SampleColumns, plan: WindowPlan, out: Pick<StepSeries, 'values' | 'kinds'>): void {
    this.times = columns.times;
    this.values = columns.values;
    this.lo = plan.lo as Int32Array<ArrayBuffer>;
    this.hi = plan.hi as Int32Array<ArrayBuffer>;
    this.outValues = out.values as Float64Array<ArrayBuffer>;
    this.outKinds = out.kinds as Uint8Array<ArrayBuffer>;
    this.plan = plan;
  }
}

/** One value from the edges of the window. */
class PickKernel extends Kernel implements ColumnKernel {
  readonly scansWindows = false;
  readonly #pick: (values: Float64Array, lo: number, hi: number) => number;

  constructor(pick: (values: Float64Array, lo: number, hi: number) => number) {
    super();
    this.#pick = pick;
  }

  run(from: number, to: number): void {
    const { lo, hi, values, outValues, outKinds } = this;
    const pick = this.#pick;
    for (let step = from; step < to; step++) {
      const [l, h] = [lo[step] as number, hi[step] as number];
      if (l === h) continue;
      outValues[step] = pick(values, l, h);
      outKinds[step] = isFloat;
    }
  }
}

class SumKernel extends Kernel implements ColumnKernel {
  readonly scansWindows = true;

  run(from: number, to: number): void {
    const { lo, hi, values, outValues, outKinds } = this;
    for (let step = from; step < to; step++) {
      const [l, h] = [lo[step] as number, hi[step] as number];
      if (l === h) continue;
      let sum = 0;
      let c = 0;
      for (let i = l; i < h; i++) {
        const x = values[i] as number;
        const t = sum + x;
        if (t === Number.POSITIVE_INFINITY || t === Number.NEGATIVE_INFINITY) c = 0;
        else if (Math.abs(sum) >= Math.abs(x)) c += sum - t + x;
        else c += x - t + sum;
        sum = t;
      }
      outValues[step] = sum === Number.POSITIVE_INFINITY || sum === Number.NEGATIVE_INFINITY ? sum : sum + c;
      outKinds[step] = isFloat;
    }
  }
}

class AverageKernel extends Kernel implements ColumnKernel {
  readonly scansWindows = true;

  run(from: number, to: number): void {
    const { lo, hi, values, outValues, outKinds } = this;
    for (let step = from; step < to; step++) {
      const [l, h] = [lo[step] as number, hi[step] as number];
      if (l === h) continue;
      let sum = values[l] as number;
      let c = 0;
      let i = l + 1;
      for (; i < h; i++) {
        const x = values[i] as number;
        const t = sum + x;
        if (t === Number.POSITIVE_INFINITY || t === Number.NEGATIVE_INFINITY) break;
        if (Math.abs(sum) >= Math.abs(x)) c += sum - t + x;
        else c += x - t + sum;
        sum = t;
      }
      const n = h - l;
      outValues[step] = i === h ? sum / n + c / n : runningMean(values, l, h, i, sum, c);
      outKinds[step] = isFloat;
    }
  }
}

/** Where the sum overflows at sample `i`: a mean of means from there on. */
function runningMean(values: Float64Array, lo: number, hi: number, i: number, sum: number, c: number): number {
  let mean = sum / (i - lo);
  let rest = c / (i - lo);
  for (let j = i; j < hi; j++) {
    const k = j - lo + 1;
    const q = (k - 1) / k;
    const part = (values[j] as number) / k;
    mean *= q;
    rest *= q;
    const t = mean + part;
    if (t === Number.POSITIVE_INFINITY || t === Number.NEGATIVE_INFINITY) rest = 0;
    else if (Math.abs(mean) >= Math.abs(part)) rest += mean - t + part;
    else rest += part - t + mean;
    mean = t;
  }
  return mean + rest;
}

/** Least (`sign` 1) or greatest (−1): a queue of candidates, each better than all that come after it in the window. */
class ExtremeKernel extends Kernel implements ColumnKernel {
  readonly scansWindows = false;
  readonly #sign: number;
  #queue = new Int32Array(1024);
  #head = 0;
  #tail = 0;
  #next = 0;

  constructor(sign: 1 | -1) {
    super();
    this.#sign = sign;
  }

  override begin(columns: SampleColumns, plan: WindowPlan, out: Pick<StepSeries, 'values' | 'kinds'>): void {
    super.begin(columns, plan, out);
    if (this.#queue.length < columns.count) this.#queue = new Int32Array(columns.count * 2);
    this.#head = 0;
    this.#tail = 0;
    this.#next = 0;
  }

  run(from: number, to: number): void {
    const { lo, hi, values, outValues, outKinds } = this;
    const queue = this.#queue;
    const sign = this.#sign;
    let [head, tail, next] = [this.#head, this.#tail, this.#next];
    for (let step = from; step < to; step++) {
      const [l, h] = [lo[step] as number, hi[step] as number];
      for (; next < h; next++) {
        const v = values[next] as number;
        if (Number.isNaN(v)) continue;
        while (tail > head && sign * ((values[queue[tail - 1] as number] as number) - v) > 0) tail--;
        queue[tail++] = next;
      }
      while (head < tail && (queue[head] as number) < l) head++;
      if (l === h) continue;
      outValues[step] = head < tail ? (values[queue[head] as number] as number) : Number.NaN;
      outKinds[step] = isFloat;
    }
    this.#head = head;
    this.#tail = tail;
    this.#next = next;
  }
}

/** Keeps the window sorted; NaN first. */
class QuantileKernel extends Kernel implements ColumnKernel {
  readonly scansWindows = true;
  readonly #q: Float64Array;
  #sorted = new Float64Array(1024);
  #size = 0;
  #nans = 0;
  #from = 0;
  #to = 0;

  constructor(q: Float64Array) {
    super();
    this.#q = q;
  }

  override begin(columns: SampleColumns, plan: WindowPlan, out: Pick<StepSeries, 'values' | 'kinds'>): void {
    super.begin(columns, plan, out);
    if (this.#sorted.length < plan.widest + 1) this.#sorted = new Float64Array(plan.widest * 2);
    this.#size = 0;
    this.#nans = 0;
    this.#from = 0;
    this.#to = 0;
  }

  run(from: number, to: number): void {
    const { lo, hi, outValues, outKinds } = this;
    for (let step = from; step < to; step++) {
      const [l, h] = [lo[step] as number, hi[step] as number];
      this.#moveTo(l, h);
      if (l === h) continue;
      outValues[step] = this.#quantile(this.#q[step] as number, h - l);
      outKinds[step] = isFloat;
    }
  }

  #moveTo(l: number, h: number): void {
    const { values } = this;
    if (l >= this.#to) {
      this.#size = 0;
      this.#nans = 0;
      this.#from = l;
      this.#to = l;
    }
    while (this.#from < l) this.#remove(values[this.#from++] as number);
    while (this.#to < h) this.#insert(values[this.#to++] as number);
  }

  #insert(v: number): void {
    if (Number.isNaN(v)) {
      this.#nans++;
      return;
    }
    const sorted = this.#sorted;
    const at = this.#position(v);
    sorted.copyWithin(at + 1, at, this.#size++);
    sorted[at] = v;
  }

  #remove(v: number): void {
    if (Number.isNaN(v)) {
      this.#nans--;
      return;
    }
    const at = this.#position(v);
    this.#sorted.copyWithin(at, at + 1, this.#size--);
  }

  /** Index of the first that is not less. */
  #position(v: number): number {
    const sorted = this.#sorted;
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as number) < v) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #quantile(q: number, n: number): number {
    if (Number.isNaN(q)) return Number.NaN;
    if (q < 0) return Number.NEGATIVE_INFINITY;
    if (q > 1) return Number.POSITIVE_INFINITY;
    const rank = q * (n - 1);
    const lower = Math.max(0, Math.floor(rank));
    const upper = Math.min(n - 1, lower + 1);
    const weight = rank - Math.floor(rank);
    return this.#at(lower) * (1 - weight) + this.#at(upper) * weight;
  }

  #at(index: number): number {
    return index < this.#nans ? Number.NaN : (this.#sorted[index - this.#nans] as number);
  }
}

/** What the extrapolation takes from the times alone is worked out once per plan. */
export interface RatePlan {
  readonly sampled: Float64Array;
  readonly toStart: Float64Array;
  readonly toEnd: Float64Array;
  /** The factor when the counter does not meet zero before the window's start. */
  readonly factor: Float64Array;
}

export function ratePlan({ lo, hi }: WindowPlan, times: Float64Array, { reference, rangeMs }: RangeShape, isRate: boolean): RatePlan {
  const count = lo.length;
  const plan: RatePlan = {
    sampled: new Float64Array(count),
    toStart: new Float64Array(count),
    toEnd: new Float64Array(count),
    factor: new Float64Array(count),
  };
  for (let step = 0; step < count; step++) {
    const [l, h] = [lo[step] as number, hi[step] as number];
    if (h - l < 2) continue;
    const endMs = reference.firstMs + step * reference.stepMs;
    const [firstMs, lastMs] = [times[l] as number, times[h - 1] as number];
    let toStart = (firstMs - (endMs - rangeMs)) / 1000;
    let toEnd = (endMs - lastMs) / 1000;
    const sampled = (lastMs - firstMs) / 1000;
    const average = sampled / (h - l - 1);
    const threshold = average * 1.1;
    if (toStart >= threshold) toStart = average / 2;
    if (toEnd >= threshold) toEnd = average / 2;
    plan.sampled[step] = sampled;
    plan.toStart[step] = toStart;
    plan.toEnd[step] = toEnd;
    plan.factor[step] = rateFactor(sampled, toStart, toEnd, isRate ? rangeMs / 1000 : 0);
  }
  return plan;
}

/** `rangeSeconds` is 0 where the change is not by second. */
function rateFactor(sampled: number, toStart: number, toEnd: number, rangeSeconds: number): number {
  const factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
  return rangeSeconds === 0 ? factor : factor / rangeSeconds;
}

class RateKernel extends Kernel implements ColumnKernel {
  readonly scansWindows = false;
  readonly #shape: RangeShape;
  readonly #isCounter: boolean;
  readonly #isRate: boolean;
  #planned: WindowPlan | undefined;
  #ratePlan: RatePlan | undefined;
  /** How many resets lie at or before each sample. */
  #resets = new Int32Array(1024);
  #hasResets = false;

  constructor(shape: RangeShape, isCounter: boolean, isRate: boolean) {
    super();
    this.#shape = shape;
    this.#isCounter = isCounter;
    this.#isRate = isRate;
  }

  override begin(columns: SampleColumns, plan: WindowPlan, out: Pick<StepSeries, 'values' | 'kinds'>): void {
    super.begin(columns, plan, out);
    if (this.#planned !== plan) {
      this.#planned = plan;
      this.#ratePlan = ratePlan(plan, columns.times, this.#shape, this.#isRate);
    }
    this.#hasResets = false;
    if (!this.#isCounter) return;
    const { values } = this;
    const { count } = columns;
    if (this.#resets.length < count) this.#resets = new Int32Array(count * 2);
    const resets = this.#resets;
    let n = 0;
    for (let i = 1; i < count; i++) {
      if ((values[i] as number) < (values[i - 1] as number)) n++;
      resets[i] = n;
    }
    this.#hasResets = n > 0;
  }

  run(from: number, to: number): void {
    const { lo, hi, values, outValues, outKinds } = this;
    const { sampled, toStart, toEnd, factor } = this.#ratePlan as RatePlan;
    const resets = this.#resets;
    const hasResets = this.#hasResets;
    const isCounter = this.#isCounter;
    const rangeSeconds = this.#isRate ? this.#shape.rangeMs / 1000 : 0;
    for (let step = from; step < to; step++) {
      const l = lo[step] as number;
      const h = hi[step] as number;
      if (h - l < 2) continue;
      const first = values[l] as number;
      let change = (values[h - 1] as number) - first;
      if (hasResets && resets[h - 1] !== (l === 0 ? 0 : resets[l])) {
        for (let i = l + 1; i < h; i++) if ((values[i] as number) < (values[i - 1] as number)) change += values[i - 1] as number;
      }
      let f = factor[step] as number;
      if (isCounter && change > 0 && first >= 0) {
        const toZero = (sampled[step] as number) * (first / change);
        if (toZero < (toStart[step] as number)) f = rateFactor(sampled[step] as number, toZero, toEnd[step] as number, rangeSeconds);
      }
      outValues[step] = change * f;
      outKinds[step] = isFloat;
    }
  }
}
