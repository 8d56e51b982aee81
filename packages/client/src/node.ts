/** Everything of the root export, and what needs Node: the whole of prom-client's surface. */
export * from './index.ts';
export { ClusterRegistry, ClusterRegistry as AggregatorRegistry } from './node/cluster.ts';
export {
  collectDefaultMetrics,
  type DefaultMetrics,
  type DefaultMetricsCollectorConfiguration,
} from './node/default-metrics.ts';
export { HttpMetrics, type HttpMetricsOptions } from './node/http-metrics.ts';
export { Pushgateway, type PushgatewayOptions, type PushParameters, type PushResult } from './node/pushgateway.ts';
export { WorkerRegistry } from './node/worker-registry.ts';
