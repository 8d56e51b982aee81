/** What a program is, rather than what it does: versions, build settings. A series of the constant 1 whose labels carry the text. */
import type { LabelValues } from './family.ts';
import type { MetricConfiguration } from './metric.ts';
import { ScalarMetric } from './scalar-metric.ts';

export type InfoConfiguration<T extends string> = MetricConfiguration<T, Info<T>>;

export class Info<T extends string = string> extends ScalarMetric<T> {
  readonly type = 'info';

  /** The name gets the suffix `_info` if it has none. */
  constructor(config: InfoConfiguration<T>) {
    super({ ...config, name: config?.name?.replace(/(_info)?$/, '_info'), aggregator: config?.aggregator ?? 'first' });
    this.register();
  }

  /** Replaces what was said before. */
  set(labels: LabelValues<T>): void {
    this.series.lookup(labels); // a fault must not cost the old text
    this.reset();
    const slot = this.series.slot(labels);
    if (slot >= 0) this.series.values[slot] = 1;
  }

  /** Nothing was said yet. */
  protected override begin(): void {}
}
