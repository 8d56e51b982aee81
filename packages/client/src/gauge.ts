/** A number that goes up and down: a queue's length, a temperature, bytes in use. Hot file (bench: client). */
import type { LabelValues } from './family.ts';
import { labelsFrom, type MetricConfiguration } from './metric.ts';
import { ScalarMetric } from './scalar-metric.ts';
import { SeriesHandle } from './series-handle.ts';
import { startTimer } from './timer.ts';
import { invalidValue, show } from './validation.ts';

export type GaugeConfiguration<T extends string> = MetricConfiguration<T, Gauge<T>>;

export class Gauge<T extends string = string> extends ScalarMetric<T> {
  readonly type = 'gauge';
  readonly #bare: GaugeHandle;

  constructor(config: GaugeConfiguration<T>) {
    super(config);
    this.#bare = new GaugeHandle(this.series, {});
    this.begin();
    this.register();
  }

  set(labels: LabelValues<T>, value: number): void;
  set(value: number): void;
  set(labels: LabelValues<T> | number | null, value?: number): void {
    if (typeof labels !== 'object' || labels === null) return this.#bare.set(labels as number);
    if (typeof value !== 'number') throw invalidValue(value);
    const { series } = this;
    const slot = series.slot(labels);
    if (slot >= 0) series.values[slot] = value;
  }

  inc(labels: LabelValues<T>, value?: number): void;
  inc(value?: number): void;
  inc(labels?: LabelValues<T> | number | null, value?: number): void {
    if (typeof labels !== 'object' || labels === null) this.#bare.inc(labels as number | undefined);
    else this.#add(labels, value === undefined ? 1 : value, 1);
  }

  dec(labels: LabelValues<T>, value?: number): void;
  dec(value?: number): void;
  dec(labels?: LabelValues<T> | number | null, value?: number): void {
    if (typeof labels !== 'object' || labels === null) this.#bare.dec(labels as number | undefined);
    else this.#add(labels, value === undefined ? 1 : value, -1);
  }

  #add(labels: LabelValues<T>, delta: number, sign: 1 | -1): void {
    if (typeof delta !== 'number') throw invalidDelta(delta);
    const { series } = this;
    const slot = series.slot(labels);
    if (slot >= 0) series.values[slot] = (series.values[slot] as number) + sign * delta;
  }

  /** Sets the gauge to the present Unix time in seconds. */
  setToCurrentTime(labels?: LabelValues<T>): void {
    if (labels === undefined) this.set(Date.now() / 1000);
    else this.set(labels, Date.now() / 1000);
  }

  /** Calling the returned function sets the gauge to the seconds since now, and returns them. */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    return startTimer((seconds, endLabels?: LabelValues<T>) => this.set({ ...labels, ...endLabels } as LabelValues<T>, seconds));
  }

  /** The series with these label values, to be kept: recording through it does no lookup. */
  labels(labels: LabelValues<T>): GaugeHandle;
  labels(...values: (string | number)[]): GaugeHandle;
  labels(...args: unknown[]): GaugeHandle {
    return new GaugeHandle(this.series, labelsFrom(this.labelNames, args));
  }
}

export class GaugeHandle extends SeriesHandle {
  set(value: number): void {
    if (typeof value !== 'number') throw invalidValue(value);
    const { table } = this;
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = Infinity;
    table.values[this.slot] = value;
  }

  inc(value = 1): void {
    if (typeof value !== 'number') throw invalidDelta(value);
    const { table } = this;
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = Infinity;
    table.values[this.slot] = (table.values[this.slot] as number) + value;
  }

  dec(value = 1): void {
    if (typeof value !== 'number') throw invalidDelta(value);
    this.inc(-value);
  }

  setToCurrentTime(): void {
    this.set(Date.now() / 1000);
  }

  startTimer(): () => number {
    return startTimer((seconds) => this.set(seconds));
  }
}

function invalidDelta(value: unknown): TypeError {
  return new TypeError(`Delta is not a valid number: ${show(value)}`);
}
