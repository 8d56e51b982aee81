/** What a program is, rather than what it does: versions, build settings. A series of the constant 1 whose labels carry the text. */
import type { LabelValues, MetricValue } from './family.ts';
import { Metric, type MetricConfiguration } from './metric.ts';
import type { Sink } from './sink.ts';

export type InfoConfiguration<T extends string> = MetricConfiguration<T, Info<T>>;

export class Info<T extends string = string> extends Metric<T> {
  readonly type = 'info';

  /** The name gets the suffix `_info` if it has none. */
  constructor(config: InfoConfiguration<T>) {
    super({ ...config, name: config?.name?.replace(/(_info)?$/, '_info'), aggregator: config?.aggregator ?? 'first' }, undefined, 1);
    this.register();
  }

  /** Replaces what was said before. */
  set(labels: LabelValues<T>): void {
    this.series.lookup(labels); // a fault must not cost the old text
    this.reset();
    const slot = this.series.slot(labels);
    if (slot >= 0) this.series.values[slot] = 1;
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    values.push({ value: 1, labels: this.series.labels(slot) });
  }

  override expose(sink: Sink, from: number, to: number): void {
    for (let slot = from; slot < to; slot++) if (!this.series.isDead(slot)) sink.scalar(this.series, slot);
  }
}
