/** A timer by the original's names (mesos.md §12): the last sample, how many there were, and quantiles over the newest. */
const windowSize = 1000;

export class Timing {
  readonly #name: string;
  readonly #samples: number[] = [];
  #next = 0;
  #count = 0;
  #last = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add(ms: number): void {
    this.#samples[this.#next] = ms;
    this.#next = (this.#next + 1) % windowSize;
    this.#count++;
    this.#last = ms;
  }

  /** Into a snapshot; nothing before the first sample but the count. */
  writeTo(values: Record<string, number>): void {
    values[`${this.#name}/count`] = this.#count;
    if (this.#count === 0) return;
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
    values[this.#name] = this.#last;
    values[`${this.#name}/max`] = sorted.at(-1) ?? 0;
    values[`${this.#name}/min`] = sorted[0] ?? 0;
    for (const [label, q] of [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p95', 0.95],
      ['p99', 0.99],
      ['p999', 0.999],
      ['p9999', 0.9999],
    ] as const) {
      values[`${this.#name}/${label}`] = quantile(q);
    }
  }
}
