/** Counters by the original's metric names (mesos.md §12). Part of the state, so that a simulation can read them too. */
export class Counters {
  readonly #values = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + amount);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  entries(): Iterable<[name: string, value: number]> {
    return this.#values;
  }
}
