/** A metric whose series are one number each: how such a one begins, and what it has to say. Recording is its kind's own affair. */
import type { Exemplars } from './exemplars.ts';
import type { MetricValue } from './family.ts';
import { Metric, type MetricConfiguration } from './metric.ts';
import type { Sink } from './sink.ts';

export abstract class ScalarMetric<T extends string = string> extends Metric<T> {
  protected readonly exemplars: Exemplars | undefined;

  protected constructor(config: MetricConfiguration<T, never>, exemplars?: Exemplars) {
    super(config, undefined, 1);
    this.exemplars = exemplars;
  }

  /** Makes the series that are there before anything was recorded: the one without labels. */
  protected begin(): void {
    if (this.labelNames.length === 0) this.series.slot({});
  }

  /** Back to the beginning: without labels to 0, with labels to no series. */
  override reset(): void {
    super.reset();
    this.begin();
  }

  protected override pushValues(slot: number, values: MetricValue[]): void {
    const exemplar = this.exemplars?.get(slot, 0);
    values.push({ value: this.series.values[slot] as number, labels: this.series.labels(slot), ...(exemplar && { exemplar }) });
  }

  override expose(sink: Sink, from: number, to: number): void {
    const { series, exemplars } = this;
    for (let slot = from; slot < to; slot++) if (!series.isDead(slot)) sink.scalar(series, slot, exemplars);
  }
}
