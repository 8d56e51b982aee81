/**
 * Counts observations in buckets, so that quantiles can be computed later and over many processes. Hot file (bench: client).
 *
 * A series is `bounds.length + 2` numbers: how many observations fell into each bucket (not cumulated), how many above the last bound, and
 * their sum. The cumulated counts that the formats want are made while writing.
 */
import type { LabelValues, MetricValue } from './family.ts';
import { labelsFrom, Metric, type MetricConfiguration } from './metric.ts';
import { SeriesHandle } from './series-handle.ts';
import type { SeriesTable } from './series-table.ts';
import type { TextWriter } from './text-writer.ts';
import { startTimer } from './timer.ts';
import { invalidValue } from './validation.ts';

export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T, Histogram<T>> {
  /** Upper bounds, inclusive; the last one, +Inf, is added. */
  buckets?: readonly number[] | undefined;
}

/** For latencies of network services in seconds (the guidelines' default). */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Histogram<T extends string = string> extends Metric<T> {
  readonly type = 'histogram';
  readonly buckets: readonly number[];
  readonly #bounds: Float64Array;
  readonly #bare: HistogramHandle;

  constructor(config: HistogramConfiguration<T>) {
    const bounds = boundsFrom(config?.buckets);
    super(config, 'le', bounds.length + 2);
    this.#bounds = bounds;
    this.buckets = Object.freeze([...bounds]);
    this.#bare = new HistogramHandle(this.series, bounds, {});
    if (this.labelNames.length === 0) this.series.slot({});
    this.register();
  }

  /** Counts `value` in its bucket. Throws for a non-finite value and for an undeclared label. */
  observe(labels: LabelValues<T>, value: number): void;
  observe(value: number): void;
  observe(labels: LabelValues<T> | number | null, value?: number): void {
    if (typeof labels !== 'object' || labels === null) {
      this.#bare.observe((labels || labels === 0 ? labels : value) as number);
      return;
    }
    const { series } = this;
    if (!Number.isFinite(value)) {
      series.lookup(labels); // a wrong label is the graver fault
      throw invalidValue(value);
    }
    const slot = series.slot(labels);
    if (slot >= 0) count(series, slot, this.#bounds, value as number);
  }

  /** Starts the series with these labels at zero. */
  zero(labels: LabelValues<T>): void {
    const { series } = this;
    const slot = series.slot(labels);
    if (slot >= 0) series.values.fill(0, slot * series.stride, (slot + 1) * series.stride);
  }

  /** Calling the returned function observes the seconds since now, and returns them. */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    return startTimer((seconds, endLabels?: LabelValues<T>) => this.observe({ ...labels, ...endLabels } as LabelValues<T>, seconds));
  }

  /** The series with these label values, to be kept: its `observe` does no lookup. */
  labels(labels: LabelValues<T>): HistogramHandle;
  labels(...values: (string | number)[]): HistogramHandle;
  labels(...args: unknown[]): HistogramHandle {
    return new HistogramHandle(this.series, this.#bounds, labelsFrom(this.labelNames, args));
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    const { series } = this;
    const labels = series.labels(slot);
    const at = slot * series.stride;
    let cumulated = 0;
    for (const [i, bound] of this.buckets.entries()) {
      cumulated += series.values[at + i] as number;
      values.push({ labels: { le: bound, ...labels }, value: cumulated, metricName: `${this.name}_bucket`, exemplar: null });
    }
    cumulated += series.values[at + this.buckets.length] as number;
    values.push({ labels: { le: '+Inf', ...labels }, value: cumulated, metricName: `${this.name}_bucket`, exemplar: null });
    values.push({ labels: { ...labels }, value: series.values[at + series.stride - 1] as number, metricName: `${this.name}_sum` });
    values.push({ labels: { ...labels }, value: cumulated, metricName: `${this.name}_count` });
  }

  override writeText(out: TextWriter, from: number, to: number): void {
    const { series } = this;
    const { values, stride } = series;
    const bounds = out.bounds(this.buckets);
    const bucket = out.head('_bucket');
    const sum = out.head('_sum');
    const count = out.head('_count');
    for (let slot = from; slot < to; slot++) {
      if (series.isDead(slot)) continue;
      const at = slot * stride;
      let cumulated = 0;
      for (let i = 0; i < bounds.length; i++) {
        cumulated += values[at + i] as number;
        out.line(bucket, series, slot, bounds[i], cumulated);
      }
      out.line(sum, series, slot, undefined, values[at + stride - 1] as number);
      out.line(count, series, slot, undefined, cumulated);
    }
  }
}

export class HistogramHandle extends SeriesHandle {
  readonly #bounds: Float64Array;

  constructor(table: SeriesTable, bounds: Float64Array, labelValues: LabelValues) {
    super(table, labelValues);
    this.#bounds = bounds;
  }

  observe(value: number): void {
    if (!Number.isFinite(value)) throw invalidValue(value);
    const { table } = this;
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = 1;
    count(table, this.slot, this.#bounds, value);
  }

  startTimer(): () => number {
    return startTimer((seconds) => this.observe(seconds));
  }
}

function count(table: SeriesTable, slot: number, bounds: Float64Array, value: number): void {
  const { values, stride } = table;
  const at = slot * stride;
  const bucket = at + bucketOf(bounds, value);
  values[bucket] = (values[bucket] as number) + 1;
  const sum = at + stride - 1;
  values[sum] = (values[sum] as number) + value;
}

/** The first bucket whose upper bound is not below `value`; `bounds.length` for the one up to +Inf. Halving beats walking from about 16 on. */
function bucketOf(bounds: Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (high - low > 16) {
    const middle = (low + high) >>> 1;
    if (value <= (bounds[middle] as number)) high = middle;
    else low = middle + 1;
  }
  while (low < high && value > (bounds[low] as number)) low++;
  return low;
}

/** Ascending, each once, without +Inf: what the formats demand, whatever order they were given in. */
function boundsFrom(buckets: readonly number[] = DEFAULT_BUCKETS): Float64Array {
  for (const bound of buckets) if (typeof bound !== 'number' || Number.isNaN(bound)) throw invalidValue(bound);
  const sorted = Float64Array.from(buckets).sort();
  return sorted.filter((bound, i) => bound !== Infinity && bound !== sorted[i - 1]);
}
