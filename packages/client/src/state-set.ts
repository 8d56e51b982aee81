/** Which of a few named states hold. One series a state, 0 or 1, in a label that has the metric's own name. */
import type { LabelValues } from './family.ts';
import type { MetricConfiguration } from './metric.ts';
import { ScalarMetric } from './scalar-metric.ts';

export interface StateSetConfiguration<T extends string, S extends string> extends MetricConfiguration<T, StateSet<T, S>> {
  states: readonly S[];
}

export class StateSet<T extends string = string, S extends string = string> extends ScalarMetric<T> {
  readonly type = 'stateset';
  readonly states: readonly S[];

  constructor(config: StateSetConfiguration<T, S>) {
    super({ ...config, labelNames: [...(config?.labelNames ?? []), config?.name as T] });
    this.states = config.states;
    this.begin();
    this.register();
  }

  /** This state holds and no other. */
  set(state: S): void;
  set(labels: LabelValues<T>, state: S): void;
  set(first: S | LabelValues<T>, second?: S): void {
    const [labels, state] = typeof first === 'object' ? [first, second as S] : [{} as LabelValues<T>, first];
    if (!this.states.includes(state)) throw this.#unknown(state);
    for (const each of this.states) this.#write(labels, each, each === state);
  }

  /** Says of one state whether it holds; the others stay. */
  toggle(state: S, holds: boolean): void;
  toggle(labels: LabelValues<T>, state: S, holds: boolean): void;
  toggle(first: S | LabelValues<T>, second: S | boolean, third?: boolean): void {
    const [labels, state, holds] =
      typeof first === 'object' ? [first, second as S, third as boolean] : [{} as LabelValues<T>, first, second as boolean];
    if (!this.states.includes(state)) throw this.#unknown(state);
    this.#begin(labels);
    this.#write(labels, state, holds);
  }

  protected override begin(): void {
    if (this.labelNames.length === 1) this.#begin({} as LabelValues<T>);
  }

  /** All states of a series are shown from the start. */
  #begin(labels: LabelValues<T>): void {
    for (const state of this.states) this.series.slot({ ...labels, [this.name]: state });
  }

  #write(labels: LabelValues<T>, state: S, holds: boolean): void {
    const slot = this.series.slot({ ...labels, [this.name]: state });
    if (slot >= 0) this.series.values[slot] = holds ? 1 : 0;
  }

  #unknown(state: unknown): Error {
    return new Error(`${this.name} has no state ${String(state)}; its states are ${this.states.join(', ')}`);
  }
}
