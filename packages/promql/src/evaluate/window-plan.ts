/**
 * Which samples are in the window of each step. The series of one scrape share their times, so a plan made for one series
 * usually serves the next: comparing two time columns costs less than finding the edges again.
 */
import type { ReferenceTimes } from './evaluation.ts';
import type { SampleColumns } from './sample-columns.ts';

export interface WindowPlan {
  /** The floats of step i are `[lo[i], hi[i])`. */
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  /** Samples in all windows together, and in the widest. */
  readonly total: number;
  readonly widest: number;
}

/** Steps of all plans that are kept together. */
const plannedSteps = 100_000;

export class WindowPlanner {
  readonly #reference: ReferenceTimes;
  readonly #rangeMs: number;
  readonly #count: number;
  /** Plans by the first time of their columns: targets are scraped at times of their own, and take turns in the order of labels. */
  readonly #plans = new Map<number, { readonly times: Float64Array; readonly plan: WindowPlan }>();
  readonly #maxPlans: number;
  #plan: WindowPlan | undefined;
  #timesId = -1;

  constructor(reference: ReferenceTimes, rangeMs: number, count: number) {
    this.#reference = reference;
    this.#rangeMs = rangeMs;
    this.#count = count;
    this.#maxPlans = Math.max(1, Math.floor(plannedSteps / count));
  }

  /** Good for columns that one `SampleColumns` holds in turn. */
  planFor(columns: SampleColumns): WindowPlan {
    if (this.#plan !== undefined && columns.timesId === this.#timesId) return this.#plan;
    this.#timesId = columns.timesId;
    const known = this.#plans.get(columns.times[0] as number);
    this.#plan = known !== undefined && sameTimes(known.times, columns) ? known.plan : this.#make(columns);
    return this.#plan;
  }

  #make(columns: SampleColumns): WindowPlan {
    const { times, count: samples } = columns;
    const lo = new Int32Array(this.#count);
    const hi = new Int32Array(this.#count);
    let [l, h, total, widest] = [0, 0, 0, 0];
    for (let step = 0; step < this.#count; step++) {
      const endMs = this.#reference.firstMs + step * this.#reference.stepMs;
      const startMs = endMs - this.#rangeMs;
      while (h < samples && (times[h] as number) <= endMs) h++;
      while (l < h && (times[l] as number) <= startMs) l++;
      lo[step] = l;
      hi[step] = h;
      total += h - l;
      if (h - l > widest) widest = h - l;
    }
    const plan = { lo, hi, total, widest };
    if (this.#plans.size >= this.#maxPlans) this.#plans.clear();
    this.#plans.set(times[0] as number, { times: times.slice(0, samples), plan });
    return plan;
  }
}

export function sameTimes(known: Float64Array, { times, count }: SampleColumns): boolean {
  if (known.length !== count) return false;
  for (let i = 0; i < count; i++) if (known[i] !== times[i]) return false;
  return true;
}
