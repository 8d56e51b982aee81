/**
 * What remains of processes and threads that have ended: their counters and histograms, so that sums over all never go down. What a gauge said
 * ended with its process.
 */
import { aggregateFamilies } from '../aggregate.ts';
import type { MetricObjectWithValues } from '../family.ts';

export class ProcessSums {
  #families: MetricObjectWithValues[] = [];

  get families(): readonly MetricObjectWithValues[] {
    return this.#families;
  }

  add(families: readonly MetricObjectWithValues[]): void {
    const lasting = families
      .filter(({ type, aggregator }) => aggregator === 'sum' && (type === 'counter' || type === 'histogram' || type === 'summary'))
      .map((family) => ({
        ...family,
        values: family.values.filter(({ labels }) => family.type !== 'summary' || labels.quantile === undefined),
      }));
    this.#families = aggregateFamilies([this.#families, lasting]);
  }
}
