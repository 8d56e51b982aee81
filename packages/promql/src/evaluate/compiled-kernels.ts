/**
 * Functions over the floats of one series by the compiled kernels (`packages/promql/kernel`), in the memory of an arena: the same as
 * `column-kernels.ts`, to the last bit.
 */
import type { Arena } from './arena.ts';
import { type RatePlan, ratePlan } from './column-kernels.ts';
import type { RangeShape } from './evaluation.ts';
import type { SampleColumns } from './sample-columns.ts';
import type { WindowPlan } from './window-plan.ts';

/** Where a window plan stands in the arena. */
interface PlacedPlan {
  readonly lo: number;
  readonly hi: number;
  readonly rate: { readonly [Column in keyof RatePlan]: number } | undefined;
}

/** Place for plans; more are worked out again. */
const planBytes = 4 * 1024 * 1024;

type Run = (kernel: CompiledKernel, samples: number, plan: PlacedPlan, from: number, to: number) => number;

interface Compiled {
  readonly run: Run;
  /** Whether time grows with the windows' sizes; those that do take a slice of the steps at a time. */
  readonly scansWindows: boolean;
}

const change = (isCounter: boolean, isRate: boolean): Compiled => ({
  scansWindows: false,
  run: ({ arena, values, extra, out, kinds, steps, shape }, samples, { lo, hi, rate }) => {
    const { sampled, toStart, toEnd, factor } = rate as Exclude<PlacedPlan['rate'], undefined>;
    const seconds = isRate ? shape.rangeMs / 1000 : 0;
    const counter = isCounter ? 1 : 0;
    return arena.kernels.change(values, samples, lo, hi, sampled, toStart, toEnd, factor, steps, counter, seconds, extra, out, kinds);
  },
});

const extreme = (sign: 1 | -1): Compiled => ({
  scansWindows: false,
  run: ({ arena, values, extra, out, kinds, steps }, _samples, { lo, hi }) =>
    arena.kernels.extremeOverTime(values, lo, hi, steps, sign, extra, out, kinds),
});

const compiled: Readonly<Record<string, Compiled>> = {
  rate: change(true, true),
  increase: change(true, false),
  delta: change(false, false),
  sum_over_time: {
    scansWindows: true,
    run: ({ arena, values, out, kinds }, _samples, { lo, hi }, from, to) => arena.kernels.sumOverTime(values, lo, hi, from, to, out, kinds),
  },
  avg_over_time: {
    scansWindows: true,
    run: ({ arena, values, out, kinds }, _samples, { lo, hi }, from, to) =>
      arena.kernels.averageOverTime(values, lo, hi, from, to, out, kinds),
  },
  max_over_time: extreme(-1),
  min_over_time: extreme(1),
  quantile_over_time: {
    scansWindows: false,
    run: ({ arena, values, extra, out, kinds, steps, parameter }, _samples, { lo, hi }) =>
      arena.kernels.quantileOverTime(values, lo, hi, steps, parameter, extra, out, kinds),
  },
};

const isChange: ReadonlySet<string> = new Set(['rate', 'increase', 'delta']);

export function isCompiled(func: string): boolean {
  return compiled[func] !== undefined;
}

export class CompiledKernel {
  readonly arena: Arena;
  readonly shape: RangeShape;
  readonly steps: number;
  /** Addresses: the result column with its kinds, the values of the series, room for eight bytes a sample, the scalar argument. */
  readonly out: number;
  readonly kinds: number;
  values = 0;
  extra = 0;
  readonly parameter: number;
  readonly scansWindows: boolean;
  readonly #run: Run;
  readonly #func: string;
  #capacity = 0;
  readonly #plans = new Map<WindowPlan, PlacedPlan>();
  /** Places of plans, used in turn. */
  readonly #places: PlacedPlan[] = [];
  readonly #maxPlans: number;
  #nextPlace = 0;
  #samples = 0;
  #plan: PlacedPlan | undefined;

  constructor(func: string, shape: RangeShape, args: readonly Float64Array[], steps: number, arena: Arena) {
    const { run, scansWindows } = compiled[func] as Compiled;
    this.arena = arena;
    this.shape = shape;
    this.steps = steps;
    this.#run = run;
    this.scansWindows = scansWindows;
    this.#maxPlans = Math.max(2, Math.floor(planBytes / (40 * steps)));
    this.out = arena.allocate(8 * steps);
    this.kinds = arena.allocate(steps);
    this.parameter = arena.allocate(8 * steps);
    if (args[0] !== undefined) arena.floats(this.parameter, steps).set(args[0]);
    this.#func = func;
  }

  begin({ times, values, count }: SampleColumns, plan: WindowPlan): void {
    const { arena } = this;
    if (count > this.#capacity) {
      this.#capacity = Math.max(1024, count * 2);
      this.values = arena.allocate(8 * this.#capacity);
      this.extra = arena.allocate(8 * this.#capacity + 16);
    }
    arena.floats(this.values, count).set(count === values.length ? values : values.subarray(0, count));
    this.#samples = count;
    this.#plan = this.#plans.get(plan) ?? this.#place(plan, times);
  }

  #place(plan: WindowPlan, times: Float64Array): PlacedPlan {
    const { arena, steps } = this;
    let place = this.#places[this.#nextPlace];
    if (place === undefined) {
      const floats = (): number => arena.allocate(8 * steps);
      place = {
        lo: arena.allocate(4 * steps),
        hi: arena.allocate(4 * steps),
        rate: isChange.has(this.#func) ? { sampled: floats(), toStart: floats(), toEnd: floats(), factor: floats() } : undefined,
      };
      this.#places.push(place);
    } else {
      for (const [other, at] of this.#plans) if (at === place) this.#plans.delete(other);
    }
    this.#nextPlace = (this.#nextPlace + 1) % this.#maxPlans;
    new Int32Array(arena.buffer, place.lo, steps).set(plan.lo);
    new Int32Array(arena.buffer, place.hi, steps).set(plan.hi);
    if (place.rate !== undefined) {
      const rate = ratePlan(plan, times, this.shape, this.#func === 'rate');
      for (const column of ['sampled', 'toStart', 'toEnd', 'factor'] as const) arena.floats(place.rate[column], steps).set(rate[column]);
    }
    this.#plans.set(plan, place);
    return place;
  }

  /** Works on steps `[from, to)`, all of them where it does not scan windows; returns how many have a value. */
  run(from: number, to: number): number {
    return this.#run(this, this.#samples, this.#plan as PlacedPlan, from, to);
  }
}
