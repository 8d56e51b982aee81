/** Which of a few named states hold. One series a state, 0 or 1, in a label that has the metric's own name. */
import type { LabelValues, MetricValue } from './family.ts';
import { Metric, type MetricConfiguration } from './metric.ts';
import type { Sink } from './sink.ts';

export interface StateSetConfiguration<T extends string, S extends string> extends MetricConfiguration<T, StateSet<T, S>> {
  states: readonly S[];
}

export class StateSet<T extends string = string, S extends string = string> extends Metric<T> {
  readonly type = 'stateset';
  readonly states: readonly S[];

  constructor(config: StateSetConfiguration<T, S>) {
    super({ ...config, labelNames: [...(config?.labelNames ?? []), config?.name as T] }, undefined, 1);
    this.states = config.states;
    if (this.labelNames.length === 1) this.#begin({} as LabelValues<T>);
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

  override reset(): void {
    super.reset();
    if (this.labelNames.length === 1) this.#begin({} as LabelValues<T>);
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    values.push({ value: this.series.values[slot] as number, labels: this.series.labels(slot) });
  }

  override expose(sink: Sink, from: number, to: number): void {
    for (let slot = from; slot < to; slot++) if (!this.series.isDead(slot)) sink.scalar(this.series, slot);
  }
}
