/** Quantiles computed in the process itself, over everything or a sliding window. They cannot be combined over processes: prefer a histogram. */
import { WindowedDigest } from './digest.ts';
import type { LabelValues, MetricValue } from './family.ts';
import { labelsFrom, Metric, type MetricConfiguration } from './metric.ts';
import { SeriesHandle } from './series-handle.ts';
import type { Sink } from './sink.ts';
import { startTimer } from './timer.ts';
import { invalidValue } from './validation.ts';

export interface SummaryConfiguration<T extends string> extends MetricConfiguration<T, Summary<T>> {
  /** Quantiles to show, between 0 and 1; `[]` for none. */
  percentiles?: readonly number[] | undefined;
  /** With `ageBuckets`: quantiles over the last so many seconds, forgotten in so many steps. */
  maxAgeSeconds?: number | undefined;
  ageBuckets?: number | undefined;
  /** Forget series whose window is empty. */
  pruneAgedBuckets?: boolean | undefined;
  /** Accepted for prom-client's sake; the digest compresses by itself. */
  compressCount?: number | undefined;
}

const DEFAULT_PERCENTILES = [0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999];

export class Summary<T extends string = string> extends Metric<T> {
  readonly type = 'summary';
  readonly percentiles: readonly number[];
  readonly maxAgeSeconds: number | undefined;
  readonly ageBuckets: number | undefined;
  readonly pruneAgedBuckets: boolean;
  /** Beside the two numbers of a series, count and sum. */
  readonly #digests: WindowedDigest[] = [];
  readonly #bare: SummaryHandle;

  constructor(config: SummaryConfiguration<T>) {
    super(config, 'quantile', 2);
    this.percentiles = config.percentiles ?? DEFAULT_PERCENTILES;
    this.maxAgeSeconds = config.maxAgeSeconds;
    this.ageBuckets = config.ageBuckets;
    this.pruneAgedBuckets = config.pruneAgedBuckets ?? false;
    this.#bare = new SummaryHandle(this.series, this.#digests, {});
    this.series.onAdd = (slot) => {
      this.#digests[slot] = new WindowedDigest(config.maxAgeSeconds, config.ageBuckets);
    };
    this.series.onMove = (from, to) => {
      this.#digests[to] = this.#digests[from] as WindowedDigest;
    };
    if (this.labelNames.length === 0) this.series.slot({});
    this.register();
  }

  /** Takes `value` in. Throws for a non-finite value and for an undeclared label. */
  observe(labels: LabelValues<T>, value: number): void;
  observe(value: number): void;
  observe(labels: LabelValues<T> | number | null, value?: number): void {
    if (typeof labels !== 'object' || labels === null) {
      this.#bare.observe((labels ?? value) as number);
      return;
    }
    const { series } = this;
    if (!Number.isFinite(value)) {
      series.lookup(labels); // a wrong label is the graver fault
      throw invalidValue(value === undefined ? labels : value);
    }
    const slot = series.slot(labels);
    if (slot >= 0) take(series.values, this.#digests, slot, value as number);
  }

  /** Calling the returned function observes the seconds since now, and returns them. */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    return startTimer((seconds, endLabels?: LabelValues<T>) => this.observe({ ...labels, ...endLabels } as LabelValues<T>, seconds));
  }

  /** The series with these label values, to be kept: its `observe` does no lookup. */
  labels(labels: LabelValues<T>): SummaryHandle;
  labels(...values: (string | number)[]): SummaryHandle;
  labels(...args: unknown[]): SummaryHandle {
    return new SummaryHandle(this.series, this.#digests, labelsFrom(this.labelNames, args));
  }

  /** All series back to zero; none is forgotten. */
  override reset(): void {
    this.series.values.fill(0);
    for (const digest of this.#digests) digest.clear();
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    if (this.#isPruned(slot)) return;
    const { series } = this;
    const labels = series.labels(slot);
    const quantiles = (this.#digests[slot] as WindowedDigest).quantiles(this.percentiles);
    for (const [i, quantile] of this.percentiles.entries()) values.push({ labels: { quantile, ...labels }, value: quantiles[i] as number });
    values.push({ metricName: `${this.name}_sum`, labels: { ...labels }, value: series.values[2 * slot + 1] as number });
    values.push({ metricName: `${this.name}_count`, labels: { ...labels }, value: series.values[2 * slot] as number });
  }

  #isPruned(slot: number): boolean {
    if (!this.pruneAgedBuckets || (this.#digests[slot] as WindowedDigest).count > 0) return false;
    this.series.remove(slot);
    return true;
  }

  override expose(sink: Sink, from: number, to: number): void {
    const { series } = this;
    for (let slot = from; slot < to; slot++) {
      if (series.isDead(slot) || this.#isPruned(slot)) continue;
      sink.summary(series, slot, this.percentiles, (this.#digests[slot] as WindowedDigest).quantiles(this.percentiles));
    }
  }
}

export class SummaryHandle extends SeriesHandle {
  readonly #digests: WindowedDigest[];

  constructor(table: SeriesHandle['table'], digests: WindowedDigest[], labelValues: LabelValues) {
    super(table, labelValues);
    this.#digests = digests;
  }

  observe(value: number): void {
    if (!Number.isFinite(value)) throw invalidValue(value);
    const { table } = this;
    if (this.epoch !== table.epoch && !this.resolve()) return;
    if (table.touched !== undefined) table.touched[this.slot] = Infinity;
    take(table.values, this.#digests, this.slot, value);
  }

  startTimer(): () => number {
    return startTimer((seconds) => this.observe(seconds));
  }
}

function take(values: Float64Array<ArrayBufferLike>, digests: WindowedDigest[], slot: number, value: number): void {
  values[2 * slot] = (values[2 * slot] as number) + 1;
  values[2 * slot + 1] = (values[2 * slot + 1] as number) + value;
  (digests[slot] as WindowedDigest).push(value);
}
