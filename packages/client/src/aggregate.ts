/** Makes one metric out of the same metric in several processes. */
import type { Aggregator, MetricObjectWithValues, MetricValue } from './family.ts';

type Combine = (values: readonly number[]) => number;

/** Combines families of one name; `omit` leaves the metric out. */
export type FamilyAggregator = (families: readonly MetricObjectWithValues[]) => MetricObjectWithValues | undefined;

export const aggregators: Readonly<Record<Aggregator, FamilyAggregator>> = {
  sum: combined(sum),
  first: combined((values) => values[0] as number),
  omit: () => undefined,
  average: combined((values) => sum(values) / values.length),
  min: combined((values) => Math.min(...values)),
  max: combined((values) => Math.max(...values)),
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function combined(combine: Combine): FamilyAggregator {
  return (families) => {
    const [first] = families;
    if (first === undefined) return undefined;
    const bySeries = new Map<string, MetricValue[]>();
    for (const value of families.flatMap((family) => family.values)) {
      const labels = Object.entries(value.labels).sort(([a], [b]) => (a < b ? -1 : 1));
      const key = JSON.stringify([value.metricName, ...labels.map(([name, labelValue]) => [name, String(labelValue)])]);
      const same = bySeries.get(key);
      if (same === undefined) bySeries.set(key, [value]);
      else same.push(value);
    }
    const values = [...bySeries.values()].map((same): MetricValue => {
      const { labels, metricName } = same[0] as MetricValue;
      const value = combine(same.map((each) => each.value));
      return metricName === undefined ? { value, labels } : { value, labels, metricName };
    });
    return { help: first.help, name: first.name, type: first.type, values, aggregator: first.aggregator };
  };
}

/** All metrics of several processes, one of each name, in order of first appearance. */
export function aggregateFamilies(processes: readonly (readonly MetricObjectWithValues[])[]): MetricObjectWithValues[] {
  const byName = new Map<string, MetricObjectWithValues[]>();
  for (const family of processes.flat()) {
    const same = byName.get(family.name);
    if (same === undefined) byName.set(family.name, [family]);
    else same.push(family);
  }
  const result: MetricObjectWithValues[] = [];
  for (const families of byName.values()) {
    const name = (families[0] as MetricObjectWithValues).aggregator ?? 'sum';
    const aggregate = (aggregators as Partial<Record<string, FamilyAggregator>>)[name];
    if (aggregate === undefined) throw new Error(`'${name}' is not a defined aggregator.`);
    const family = aggregate(families);
    if (family !== undefined) result.push(family);
  }
  return result;
}
