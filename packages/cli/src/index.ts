export { type Cluster, type ClusterOptions, type ServerName, startCluster } from './cluster.ts';
export { UserError } from './user-error.ts';
