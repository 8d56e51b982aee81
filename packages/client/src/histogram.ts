/**
 * Counts observations in buckets, so that quantiles can be computed later and over many processes. Hot file (bench: client).
 *
 * A series is `bounds.length + 2` numbers: how many observations fell into each bucket (not cumulated), how many above the last bound, and
 * their sum. The cumulated counts that the formats want are made while writing. Native buckets, if wanted, are kept beside.
 */
import { bucketOf } from './buckets.ts';
import { Exemplars } from './exemplars.ts';
import type { LabelValues, MetricValue } from './family.ts';
import { labelsFrom, Metric, type MetricConfiguration } from './metric.ts';
import { schemaFor } from './native-bounds.ts';
import { NativeBuckets, type NativeOptions } from './native-buckets.ts';
import { SeriesHandle } from './series-handle.ts';
import type { SeriesTable } from './series-table.ts';
import type { Sink } from './sink.ts';
import { startTimer } from './timer.ts';
import { invalidValue } from './validation.ts';

export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T, Histogram<T>> {
  /** Upper bounds, inclusive; the last one, +Inf, is added. Default: for latencies in seconds; none when only `native` is given. */
  buckets?: readonly number[] | undefined;
  /** Exponential buckets of high resolution, for scrapers that take protobuf. May be kept together with `buckets`. */
  native?: NativeConfiguration | undefined;
}

export interface NativeConfiguration {
  /** Each bucket's upper bound is at most so many times the one below: 1.1 gives 10 % steps. */
  factor: number;
  /** More buckets than this lead to a reset, a wider zero bucket or half the resolution, in this order; 0 for any number. Default 160. */
  maxBuckets?: number | undefined;
  /** Start anew when there are too many buckets and the last start is so long ago; 0: never. */
  minResetSeconds?: number | undefined;
  /** Observations up to so far from zero count as zero. Default 2^−128. */
  zeroThreshold?: number | undefined;
  /** How far the zero bucket may be widened. */
  maxZeroThreshold?: number | undefined;
}

export interface ObserveDataWithExemplar<T extends string> {
  value: number;
  labels?: LabelValues<T> | undefined;
  exemplarLabels?: LabelValues | undefined;
}

/** For latencies of network services in seconds (the guidelines' default). */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Histogram<T extends string = string> extends Metric<T> {
  readonly type = 'histogram';
  readonly buckets: readonly number[];
  readonly #cells: HistogramCells;
  readonly #bare: HistogramHandle;

  constructor(config: HistogramConfiguration<T>) {
    const bounds = boundsFrom(config?.buckets ?? (config?.native === undefined ? DEFAULT_BUCKETS : []));
    super(config, 'le', bounds.length + 2);
    this.buckets = Object.freeze([...bounds]);
    this.#cells = new HistogramCells(this.series, bounds, config.native);
    this.#bare = new HistogramHandle(this.#cells, {});
    if (this.labelNames.length === 0) this.series.slot({});
    this.register();
  }

  /**
   * Counts `value` in its bucket. Throws for a non-finite value and for an undeclared label. `exemplarLabels` say where an example is to be
   * found; with `enableExemplars` all of it comes in one object, as in prom-client.
   */
  observe(labels: LabelValues<T>, value: number, exemplarLabels?: LabelValues): void;
  observe(value: number, exemplarLabels?: LabelValues): void;
  observe(data: ObserveDataWithExemplar<T>): void;
  observe(first: LabelValues<T> | ObserveDataWithExemplar<T> | number | null, second?: number | LabelValues, third?: LabelValues): void {
    if (typeof first !== 'object' || first === null) {
      // A value that is missing, or no number, is taken for missing labels: prom-client's reading, kept for its messages.
      this.#bare.observe((first || first === 0 ? first : undefined) as number, second as LabelValues | undefined);
    } else if (this.enableExemplars) {
      const { labels = {}, value, exemplarLabels } = first as ObserveDataWithExemplar<T>;
      this.#observe(labels as LabelValues<T>, value, exemplarLabels);
    } else this.#observe(first as LabelValues<T>, second as number, third);
  }

  #observe(labels: LabelValues<T>, value: number, exemplarLabels: LabelValues | undefined): void {
    const { series } = this;
    if (!Number.isFinite(value)) {
      series.lookup(labels); // a wrong label is the graver fault
      throw invalidValue(value);
    }
    const slot = series.slot(labels);
    if (slot >= 0) this.#cells.count(slot, value, exemplarLabels);
  }

  /** Starts the series with these labels at zero. */
  zero(labels: LabelValues<T>): void {
    const slot = this.series.slot(labels);
    if (slot >= 0) this.#cells.clear(slot, Date.now());
  }

  /** Calling the returned function observes the seconds since now, and returns them. */
  startTimer(labels?: LabelValues<T>, exemplarLabels?: LabelValues): (labels?: LabelValues<T>, exemplarLabels?: LabelValues) => number {
    return startTimer((seconds, endLabels?: LabelValues<T>, endExemplarLabels?: LabelValues) => {
      const exemplar = { ...exemplarLabels, ...endExemplarLabels };
      this.#observe({ ...labels, ...endLabels } as LabelValues<T>, seconds, Object.keys(exemplar).length > 0 ? exemplar : undefined);
    });
  }

  /** The series with these label values, to be kept: its `observe` does no lookup. */
  labels(labels: LabelValues<T>): HistogramHandle;
  labels(...values: (string | number)[]): HistogramHandle;
  labels(...args: unknown[]): HistogramHandle {
    return new HistogramHandle(this.#cells, labelsFrom(this.labelNames, args));
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    const { series } = this;
    const labels = series.labels(slot);
    const at = slot * series.stride;
    let cumulated = 0;
    for (const [i, bound] of [...this.buckets, Infinity].entries()) {
      cumulated += series.values[at + i] as number;
      const le = bound === Infinity ? '+Inf' : bound;
      const exemplar = this.#cells.exemplars.get(slot, i) ?? (bound === Infinity && this.enableExemplars ? undefined : null);
      values.push({ labels: { le, ...labels }, value: cumulated, metricName: `${this.name}_bucket`, exemplar });
    }
    values.push({ labels: { ...labels }, value: series.values[at + series.stride - 1] as number, metricName: `${this.name}_sum` });
    values.push({ labels: { ...labels }, value: cumulated, metricName: `${this.name}_count` });
  }

  override expose(sink: Sink, from: number, to: number): void {
    const { series } = this;
    for (let slot = from; slot < to; slot++) {
      if (series.isDead(slot)) continue;
      sink.histogram(series, slot, this.buckets, this.#cells.exemplars, this.#cells.nativeAt(slot));
    }
  }
}

export class HistogramHandle extends SeriesHandle {
  readonly #cells: HistogramCells;

  constructor(cells: HistogramCells, labelValues: LabelValues) {
    super(cells.series, labelValues);
    this.#cells = cells;
  }

  observe(value: number, exemplarLabels?: LabelValues): void {
    if (!Number.isFinite(value)) throw invalidValue(value);
    const { table } = this;
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = Infinity;
    this.#cells.count(this.slot, value, exemplarLabels);
  }

  startTimer(): (exemplarLabels?: LabelValues) => number {
    return startTimer((seconds, exemplarLabels?: LabelValues) => this.observe(seconds, exemplarLabels));
  }
}

/** The numbers of one histogram's series and what is kept beside them. */
class HistogramCells {
  readonly series: SeriesTable;
  readonly exemplars: Exemplars;
  readonly #bounds: Float64Array;
  /** By slot. */
  readonly #natives: NativeBuckets[] | undefined;

  constructor(series: SeriesTable, bounds: Float64Array, native: NativeConfiguration | undefined) {
    this.series = series;
    this.exemplars = new Exemplars();
    this.#bounds = bounds;
    const options = native === undefined ? undefined : nativeOptions(native);
    const natives: NativeBuckets[] | undefined = options === undefined ? undefined : [];
    this.#natives = natives;
    series.onAdd = (slot) => {
      this.exemplars.forget(slot);
      if (natives !== undefined) natives[slot] = new NativeBuckets(options as NativeOptions);
    };
    series.onMove = (from, to) => {
      this.exemplars.move(from, to);
      if (natives !== undefined) natives[to] = natives[from] as NativeBuckets;
    };
  }

  count(slot: number, value: number, exemplarLabels: LabelValues | undefined): void {
    const { values, stride } = this.series;
    const at = slot * stride;
    const bucket = bucketOf(this.#bounds, value);
    values[at + bucket] = (values[at + bucket] as number) + 1;
    const sum = at + stride - 1;
    values[sum] = (values[sum] as number) + value;
    if (this.#natives !== undefined) this.#countNative(slot, value);
    if (exemplarLabels !== undefined) {
      const exemplar = this.exemplars.set(slot, bucket, exemplarLabels, value);
      this.#natives?.[slot]?.keep(exemplar);
    }
  }

  #countNative(slot: number, value: number): void {
    const native = (this.#natives as NativeBuckets[])[slot] as NativeBuckets;
    native.observe(value);
    if (!native.isTooMany) return;
    const nowMs = Date.now();
    if (native.isResetDue(nowMs)) {
      this.clear(slot, nowMs);
      this.count(slot, value, undefined);
    } else native.coarsen();
  }

  nativeAt(slot: number): NativeBuckets | undefined {
    const native = this.#natives?.[slot];
    if (native?.isResetDue(Date.now()) === true) this.clear(slot, Date.now());
    return native;
  }

  /** The series begins anew. */
  clear(slot: number, nowMs: number): void {
    const { series } = this;
    series.values.fill(0, slot * series.stride, (slot + 1) * series.stride);
    series.created[slot] = nowMs;
    this.exemplars.forget(slot);
    this.#natives?.[slot]?.reset(nowMs);
  }
}

function nativeOptions(config: NativeConfiguration): NativeOptions {
  return {
    schema: schemaFor(config.factor),
    maxBuckets: config.maxBuckets ?? 160,
    minResetMs: (config.minResetSeconds ?? 0) * 1000,
    zeroThreshold: config.zeroThreshold ?? 2 ** -128,
    maxZeroThreshold: config.maxZeroThreshold ?? 0,
  };
}

/** Ascending, each once, without +Inf: what the formats demand, whatever order they were given in. */
function boundsFrom(buckets: readonly number[]): Float64Array {
  for (const bound of buckets) if (typeof bound !== 'number' || Number.isNaN(bound)) throw invalidValue(bound);
  const sorted = Float64Array.from(buckets).sort();
  return sorted.filter((bound, i) => bound !== Infinity && bound !== sorted[i - 1]);
}
