/** A number that only grows: requests served, bytes sent, failures. Hot file (bench: client). */
import type { LabelValues, MetricValue } from './family.ts';
import { labelsFrom, Metric, type MetricConfiguration } from './metric.ts';
import { SeriesHandle } from './series-handle.ts';
import type { TextWriter } from './text-writer.ts';
import { invalidValue } from './validation.ts';

export type CounterConfiguration<T extends string> = MetricConfiguration<T, Counter<T>>;

export interface IncreaseDataWithExemplar<T extends string> {
  value?: number | undefined;
  labels?: LabelValues<T> | undefined;
  exemplarLabels?: LabelValues | undefined;
}

export class Counter<T extends string = string> extends Metric<T> {
  readonly type = 'counter';
  readonly #bare: CounterHandle;

  constructor(config: CounterConfiguration<T>) {
    super(config, undefined, 1);
    this.#bare = new CounterHandle(this.series, {});
    this.reset();
    this.register();
  }

  /** Adds `value` (1 by default) to the series with these labels. Throws for a negative or non-finite value and for an undeclared label. */
  inc(labels: LabelValues<T>, value?: number): void;
  inc(value?: number): void;
  inc(labels?: LabelValues<T> | number | null, value?: number): void {
    if (typeof labels !== 'object' || labels === null) {
      this.#bare.inc(labels as number | undefined);
      return;
    }
    const { series } = this;
    const added = value === undefined || value === null ? 1 : value;
    if (!(typeof added === 'number' && added >= 0 && added < Infinity)) {
      series.lookup(labels); // a wrong label is the graver fault
      throw invalidIncrement(added);
    }
    const slot = series.slot(labels);
    if (slot >= 0) series.values[slot] = (series.values[slot] as number) + added;
  }

  /** The series with these label values, to be kept: its `inc` does no lookup. */
  labels(labels: LabelValues<T>): CounterHandle;
  labels(...values: (string | number)[]): CounterHandle;
  labels(...args: unknown[]): CounterHandle {
    return new CounterHandle(this.series, labelsFrom(this.labelNames, args));
  }

  /** Back to nothing: a counter without labels to 0, one with labels to no series. */
  override reset(): void {
    super.reset();
    if (this.labelNames.length === 0) this.series.slot({});
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    values.push({ value: this.series.values[slot] as number, labels: this.series.labels(slot) });
  }

  override writeText(out: TextWriter, from: number, to: number): void {
    const { series } = this;
    const head = out.head(out.isOpenMetrics ? '_total' : '');
    for (let slot = from; slot < to; slot++) {
      if (!series.isDead(slot)) out.line(head, series, slot, undefined, series.values[slot] as number);
    }
  }
}

export class CounterHandle extends SeriesHandle {
  inc(value?: number): void {
    const { table } = this;
    const added = value === undefined || value === null ? 1 : value;
    if (!(typeof added === 'number' && added >= 0 && added < Infinity)) throw invalidIncrement(added);
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = 1;
    table.values[this.slot] = (table.values[this.slot] as number) + added;
  }
}

function invalidIncrement(value: unknown): Error {
  if (typeof value === 'number' && value < 0 && value !== -Infinity) return new Error('It is not possible to decrease a counter');
  return invalidValue(value);
}
