/**
 * A metric as other threads see it: its numbers lie in shared memory, which the owner goes on writing and others read at any time; its labels
 * are told once, when a series appears. Slots are never renumbered within one buffer: after a removal the owner moves to a new one.
 */
import type { Aggregator, LabelValue, MetricObjectWithValues, MetricType, MetricValue } from '../family.ts';
import type { Histogram } from '../histogram.ts';
import type { Exposed } from '../registry.ts';

/** What the owner tells the others. */
export interface SharedUpdate {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly aggregator: Aggregator;
  /** Numbers a series. */
  readonly stride: number;
  /** Of a histogram. */
  readonly bounds: readonly number[];
  readonly buffer: SharedArrayBuffer;
  readonly generation: number;
  /** Labels of the series from slot `from` on; undefined for one that is gone. */
  readonly from: number;
  readonly labels: readonly (Record<string, LabelValue> | undefined)[];
}

/** The owner's side of one metric. */
export class SharedSeries {
  readonly #metric: Exposed;
  #told = 0;
  #generation = -1;
  #dead = 0;

  constructor(metric: Exposed, onChange: () => void) {
    this.#metric = metric;
    metric.series.share(onChange);
  }

  /** What changed since the last update; undefined when only numbers did. */
  update(): SharedUpdate | undefined {
    const { name, help, type, aggregator, series } = this.#metric;
    const isRenumbered = series.generation !== this.#generation || series.dead !== this.#dead;
    if (!isRenumbered && this.#told === series.size && this.#buffer === series.values.buffer) return undefined;
    const from = isRenumbered ? 0 : this.#told;
    const labels: (Record<string, LabelValue> | undefined)[] = [];
    for (let slot = from; slot < series.size; slot++) labels.push(series.isDead(slot) ? undefined : series.labels(slot));
    this.#told = series.size;
    this.#generation = series.generation;
    this.#dead = series.dead;
    this.#buffer = series.values.buffer;
    const bounds = type === 'histogram' ? (this.#metric as unknown as Histogram).buckets : [];
    const buffer = series.values.buffer as SharedArrayBuffer;
    return { name, help, type, aggregator, stride: series.stride, bounds, buffer, generation: series.generation, from, labels };
  }

  #buffer: ArrayBufferLike | undefined;
}

/** The reader's side. */
export class SeriesReplica {
  #update: SharedUpdate;
  #values: Float64Array<SharedArrayBuffer>;
  #labels: (Record<string, LabelValue> | undefined)[] = [];

  constructor(update: SharedUpdate) {
    this.#update = update;
    this.#values = new Float64Array(update.buffer);
    this.apply(update);
  }

  apply(update: SharedUpdate): void {
    this.#update = update;
    this.#values = new Float64Array(update.buffer);
    this.#labels = [...this.#labels.slice(0, update.from), ...update.labels];
  }

  /** The numbers as they are now. */
  family(): MetricObjectWithValues {
    const { name, help, type, aggregator } = this.#update;
    const values: MetricValue[] = [];
    for (const [slot, labels] of this.#labels.entries()) if (labels !== undefined) this.#push(slot, labels, values);
    return { name, help, type, aggregator, values };
  }

  #push(slot: number, labels: Record<string, LabelValue>, values: MetricValue[]): void {
    const { name, type, stride, bounds } = this.#update;
    const numbers = this.#values.subarray(slot * stride, (slot + 1) * stride);
    const push = (suffix: string, value: number, more: Record<string, LabelValue> = {}) => {
      values.push({ value, labels: { ...more, ...labels }, metricName: `${name}${suffix}` });
    };
    if (type === 'histogram') {
      let cumulated = 0;
      for (let i = 0; i <= bounds.length; i++) {
        cumulated += numbers[i] as number;
        push('_bucket', cumulated, { le: bounds[i] ?? '+Inf' });
      }
      push('_sum', numbers[stride - 1] as number);
      push('_count', cumulated);
    } else if (type === 'summary') {
      // Quantiles of several threads cannot be combined; count and sum can.
      push('_sum', numbers[1] as number);
      push('_count', numbers[0] as number);
    } else values.push({ value: numbers[0] as number, labels });
  }
}
