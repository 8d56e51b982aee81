/** A number that only grows: requests served, bytes sent, failures. Hot file (bench: client). */
import { Exemplars } from './exemplars.ts';
import type { LabelValues } from './family.ts';
import { labelsFrom, type MetricConfiguration } from './metric.ts';
import { ScalarMetric } from './scalar-metric.ts';
import { SeriesHandle } from './series-handle.ts';
import type { SeriesTable } from './series-table.ts';
import { invalidValue } from './validation.ts';

export type CounterConfiguration<T extends string> = MetricConfiguration<T, Counter<T>>;

export interface IncreaseDataWithExemplar<T extends string> {
  value?: number | undefined;
  labels?: LabelValues<T> | undefined;
  exemplarLabels?: LabelValues | undefined;
}

export class Counter<T extends string = string> extends ScalarMetric<T> {
  readonly type = 'counter';
  readonly #bare: CounterHandle;
  readonly #exemplars: Exemplars;

  constructor(config: CounterConfiguration<T>) {
    const exemplars = new Exemplars();
    super(config, exemplars);
    this.#exemplars = exemplars;
    this.#bare = new CounterHandle(this.series, exemplars, {});
    this.series.onAdd = (slot) => exemplars.forget(slot);
    this.series.onMove = (from, to) => exemplars.move(from, to);
    this.begin();
    this.register();
  }

  /**
   * Adds `value` (1 by default) to the series with these labels. Throws for a negative or non-finite value and for an undeclared label.
   * `exemplarLabels` say where an example is to be found; with `enableExemplars` all of it comes in one object, as in prom-client.
   */
  inc(labels: LabelValues<T>, value?: number, exemplarLabels?: LabelValues): void;
  inc(value?: number, exemplarLabels?: LabelValues): void;
  inc(data: IncreaseDataWithExemplar<T>): void;
  inc(first?: LabelValues<T> | IncreaseDataWithExemplar<T> | number | null, second?: number | LabelValues, third?: LabelValues): void {
    if (typeof first !== 'object' || first === null) {
      this.#bare.inc(first as number | undefined, second as LabelValues | undefined);
    } else if (this.enableExemplars) {
      const { labels = {}, value, exemplarLabels } = first as IncreaseDataWithExemplar<T>;
      this.#add(labels as LabelValues<T>, value, exemplarLabels);
    } else this.#add(first as LabelValues<T>, second as number | undefined, third);
  }

  #add(labels: LabelValues<T>, value: number | undefined | null, exemplarLabels: LabelValues | undefined): void {
    const { series } = this;
    const added = value === undefined || value === null ? 1 : value;
    if (!(typeof added === 'number' && added >= 0 && added < Infinity)) {
      series.lookup(labels); // a wrong label is the graver fault
      throw invalidIncrement(added);
    }
    const slot = series.slot(labels);
    if (slot < 0) return;
    series.values[slot] = (series.values[slot] as number) + added;
    if (exemplarLabels !== undefined) this.#exemplars.set(slot, 0, exemplarLabels, added);
  }

  /** The series with these label values, to be kept: its `inc` does no lookup. */
  labels(labels: LabelValues<T>): CounterHandle;
  labels(...values: (string | number)[]): CounterHandle;
  labels(...args: unknown[]): CounterHandle {
    return new CounterHandle(this.series, this.#exemplars, labelsFrom(this.labelNames, args));
  }
}

export class CounterHandle extends SeriesHandle {
  readonly #exemplars: Exemplars;

  constructor(table: SeriesTable, exemplars: Exemplars, labelValues: LabelValues) {
    super(table, labelValues);
    this.#exemplars = exemplars;
  }

  inc(value?: number, exemplarLabels?: LabelValues): void {
    const { table } = this;
    const added = value === undefined || value === null ? 1 : value;
    if (!(typeof added === 'number' && added >= 0 && added < Infinity)) throw invalidIncrement(added);
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = Infinity;
    table.values[this.slot] = (table.values[this.slot] as number) + added;
    if (exemplarLabels !== undefined) this.#exemplars.set(this.slot, 0, exemplarLabels, added);
  }
}

function invalidIncrement(value: unknown): Error {
  if (typeof value === 'number' && value < 0 && value !== -Infinity) return new Error('It is not possible to decrease a counter');
  return invalidValue(value);
}
