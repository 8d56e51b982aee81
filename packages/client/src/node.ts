/** Everything of the root export, and what needs Node: the whole of prom-client's surface. */
export * from './index.ts';
export {
  collectDefaultMetrics,
  type DefaultMetrics,
  type DefaultMetricsCollectorConfiguration,
} from './node/default-metrics.ts';
