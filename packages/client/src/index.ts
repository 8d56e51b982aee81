import { globalRegistry, type RegistryContentType } from './registry.ts';

export { aggregators, type FamilyAggregator } from './aggregate.ts';
export { exponentialBuckets, linearBuckets } from './buckets.ts';
export { Counter, type CounterConfiguration, type CounterHandle, type IncreaseDataWithExemplar } from './counter.ts';
export type { Aggregator, Collectable, Exemplar, LabelValues, MetricObjectWithValues, MetricType, MetricValue } from './family.ts';
export { CounterFunc, GaugeFunc } from './function-metrics.ts';
export { Gauge, type GaugeConfiguration, type GaugeHandle } from './gauge.ts';
export {
  Histogram,
  type HistogramConfiguration,
  type HistogramHandle,
  type NativeConfiguration,
  type ObserveDataWithExemplar,
} from './histogram.ts';
export { Info, type InfoConfiguration } from './info.ts';
export type { Metric, MetricConfiguration } from './metric.ts';
export {
  globalRegistry as register,
  OPENMETRICS as openMetricsContentType,
  type OpenMetricsContentType,
  PROMETHEUS as prometheusContentType,
  type PrometheusContentType,
  Registry,
  type RegistryContentType,
  type RegistryOptions,
} from './registry.ts';
export { StateSet, type StateSetConfiguration } from './state-set.ts';
export { Summary, type SummaryConfiguration, type SummaryHandle } from './summary.ts';
export { validateMetricName } from './validation.ts';

/** What the global registry answers with unless it was told otherwise; ask `registry.contentType` for a particular one. */
export const contentType: RegistryContentType = globalRegistry.contentType;
