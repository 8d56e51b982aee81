/** A metric whose values are read from somewhere when it is scraped: counters that the kernel keeps are not ours to increment. */
import type { Collectable, MetricObjectWithValues } from '@pronoia/client';

export interface ReadValue {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function reading(name: string, type: 'counter' | 'gauge', help: string, read: () => Iterable<ReadValue>): Collectable {
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    get(): MetricObjectWithValues {
      const values = [];
      for (const { labels, value } of read()) if (Number.isFinite(value)) values.push({ labels: { ...labels }, value });
      return { name, help, type, aggregator: 'sum', values };
    },
  };
}
