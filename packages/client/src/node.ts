/** Everything of the root export, and what needs Node: the whole of prom-client's surface, as named exports and as one object. */
import * as portable from './index.ts';
import { ClusterRegistry } from './node/cluster.ts';
import { collectDefaultMetrics } from './node/default-metrics.ts';
import { HttpMetrics } from './node/http-metrics.ts';
import { Pushgateway } from './node/pushgateway.ts';
import { WorkerRegistry } from './node/worker-registry.ts';

export * from './index.ts';
export type { DefaultMetrics, DefaultMetricsCollectorConfiguration } from './node/default-metrics.ts';
export type { HttpMetricsOptions } from './node/http-metrics.ts';
export type { PushgatewayOptions, PushParameters, PushResult } from './node/pushgateway.ts';
export { ClusterRegistry, ClusterRegistry as AggregatorRegistry, collectDefaultMetrics, HttpMetrics, Pushgateway, WorkerRegistry };

/** For `import client from '@pronoia/client/node'`. */
export default {
  ...portable,
  ClusterRegistry,
  AggregatorRegistry: ClusterRegistry,
  collectDefaultMetrics,
  HttpMetrics,
  Pushgateway,
  WorkerRegistry,
};
