/**
 * The words every part of the library shares: what a metric is called, what it looks like as JSON, and what a registry asks of it.
 * The JSON forms are prom-client's, so that code which reads them keeps working.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'info' | 'stateset' | 'unknown';

/** How the series of several processes become one (cluster, worker threads). */
export type Aggregator = 'omit' | 'sum' | 'first' | 'min' | 'max' | 'average';

export type LabelValue = string | number;

/** Label values by name. A missing or undefined value means the series does not have that label. */
export type LabelValues<T extends string = string> = { readonly [K in T]?: LabelValue | undefined };

/** A reference to one example behind a number, usually a trace id. The label set may hold at most 128 characters (OpenMetrics 1.0). */
export interface Exemplar {
  readonly labelSet: LabelValues;
  readonly value: number;
  /** Unix seconds. */
  readonly timestamp: number;
}

export interface MetricValue<T extends string = string> {
  value: number;
  labels: Record<T, LabelValue>;
  /** The sample's own name where it differs from the family's (`x_bucket`, `x_sum`, …). */
  metricName?: string | undefined;
  exemplar?: Exemplar | null | undefined;
}

/** One metric with its values, as `get()` and `getMetricsAsJSON()` return it. */
export interface MetricObjectWithValues<V extends MetricValue = MetricValue> {
  name: string;
  help: string;
  type: MetricType;
  aggregator: Aggregator;
  values: V[];
}

/** Anything that can sit in a registry: our metrics, or a collector of the user's own. */
export interface Collectable {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly aggregator: Aggregator;
  get(): MetricObjectWithValues | Promise<MetricObjectWithValues>;
  reset?(): void;
}
