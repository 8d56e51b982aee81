/**
 * Sums and means that lose no small parts: Neumaier's compensated addition, and the mean that changes its way when the
 * sum overflows (promql.md §10). The order of operations decides the last bits; leave it.
 */
export class CompensatedSum {
  sum: number;
  c = 0;

  constructor(first = 0) {
    this.sum = first;
  }

  add(x: number): void {
    const t = this.sum + x;
    if (t === Number.POSITIVE_INFINITY || t === Number.NEGATIVE_INFINITY) this.c = 0;
    else if (Math.abs(this.sum) >= Math.abs(x)) this.c += this.sum - t + x;
    else this.c += x - t + this.sum;
    this.sum = t;
  }

  get total(): number {
    return this.sum + this.c;
  }
}

export class Mean {
  #sum: number;
  #c = 0;
  #mean = 0;
  #incremental = false;
  #count = 1;

  constructor(first: number) {
    this.#sum = first;
  }

  add(x: number): void {
    this.#count++;
    const k = this.#count;
    if (!this.#incremental) {
      const trial = new CompensatedSum(this.#sum);
      trial.c = this.#c;
      trial.add(x);
      if (trial.sum !== Number.POSITIVE_INFINITY && trial.sum !== Number.NEGATIVE_INFINITY) {
        this.#sum = trial.sum;
        this.#c = trial.c;
        return;
      }
      this.#incremental = true;
      this.#mean = this.#sum / (k - 1);
      this.#c /= k - 1;
    }
    const q = (k - 1) / k;
    const next = new CompensatedSum(q * this.#mean);
    next.c = q * this.#c;
    next.add(x / k);
    this.#mean = next.sum;
    this.#c = next.c;
  }

  get value(): number {
    return this.#incremental ? this.#mean + this.#c : this.#sum / this.#count + this.#c / this.#count;
  }
}

/** Linear interpolation between neighbours of the sorted values; NaN sorts first. `values` is sorted in place. */
export function quantile(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  values.sort(nanFirst);
  const n = values.length;
  const rank = q * (n - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(n - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (values[lower] as number) * (1 - weight) + (values[upper] as number) * weight;
}

function nanFirst(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1;
  if (Number.isNaN(b)) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
