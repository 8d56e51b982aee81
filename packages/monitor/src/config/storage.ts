/** `storage` of prometheus.yml (prometheus-server.md §2.9): how late samples may come. */
import { optional, type Schema, schema } from '@pronoia/server';
import { notImplemented } from './not-implemented.ts';

export interface StorageConfig {
  readonly tsdb?: {
    /** Milliseconds; 0: samples that are older than the newest of their series are refused. */
    readonly out_of_order_time_window?: number;
  };
}

export const storageSchema: Schema<StorageConfig> = schema.object({
  tsdb: optional(
    schema.object({
      out_of_order_time_window: optional(schema.duration()),
      retention: notImplemented('retention by configuration (set it by --storage.tsdb.retention.time and --storage.tsdb.retention.size)'),
      stale_series_compaction_threshold: notImplemented('stale_series_compaction_threshold'),
      chunk_encoding: notImplemented('chunk_encoding'),
    }),
  ),
  exemplars: notImplemented('storage.exemplars'),
});
