/**
 * What the database tells about itself, under the original's names, so that its dashboards and alerts work.
 */
import { Counter, Gauge, Histogram, type Registry } from '@pronoia/client';

/** Asked when the metrics are read. */
export interface Gauges {
  readonly headSeries: () => number;
  readonly headChunks: () => number;
  readonly headMinMs: () => number;
  readonly headMaxMs: () => number;
  readonly walSegment: () => number;
  readonly blocksLoaded: () => number;
  readonly blockBytes: () => number;
  readonly symbolBytes: () => number;
  readonly exemplars: () => number;
  readonly lowestMs: () => number;
  readonly retentionMs: () => number;
  readonly retentionBytes: () => number;
}

export class TsdbMetrics {
  readonly samplesAppended: Counter<'type'>;
  readonly seriesCreated: Counter;
  readonly seriesRemoved: Counter;
  readonly seriesRefused: Counter<'reason'>;
  readonly outOfOrder: Counter<'type'>;
  readonly outOfBounds: Counter<'type'>;
  readonly tooOld: Counter<'type'>;
  readonly duplicates: Counter;
  readonly exemplarsAppended: Counter;
  readonly exemplarsOutOfOrder: Counter;
  readonly walCorruptions: Counter;
  readonly walTruncations: Counter;
  readonly walTruncationsFailed: Counter;
  readonly walWritesFailed: Counter;
  readonly unknownRecords: Counter;
  readonly unknownRefs: Counter;
  readonly checkpointsCreated: Counter;
  readonly checkpointsFailed: Counter;
  readonly compactions: Counter;
  readonly compactionsFailed: Counter;
  readonly compactionSeconds: Histogram;
  readonly reloads: Counter;
  readonly reloadsFailed: Counter;
  readonly timeRetentions: Counter;
  readonly sizeRetentions: Counter;
  readonly fsyncSeconds: Histogram;
  readonly replaySeconds: Gauge;

  constructor(registry: Registry, gauges: Gauges) {
    const registers = [registry];
    const counter = (name: string, help: string): Counter => new Counter({ name: `prometheus_tsdb_${name}`, help, registers });
    const byType = (name: string, help: string): Counter<'type'> =>
      new Counter({ name: `prometheus_tsdb_${name}`, help, labelNames: ['type'], registers });
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge({
        name: `prometheus_tsdb_${name}`,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge('head_series', 'Series in the head block.', gauges.headSeries);
    gauge('head_chunks', 'Chunks in the head block.', gauges.headChunks);
    gauge('head_min_time', 'Oldest time in the head block, in milliseconds.', gauges.headMinMs);
    gauge('head_max_time', 'Newest time in the head block, in milliseconds.', gauges.headMaxMs);
    gauge('wal_segment_current', 'Segment of the write-ahead log that is written to.', gauges.walSegment);
    gauge('blocks_loaded', 'Blocks that are open for queries.', gauges.blocksLoaded);
    gauge('storage_blocks_bytes', 'Bytes of all blocks on the disk.', gauges.blockBytes);
    gauge('head_symbols_size_bytes', 'Characters of all label names and values in the head.', gauges.symbolBytes);
    gauge('exemplar_exemplars_in_storage', 'Exemplars in the ring.', gauges.exemplars);
    const finite = (ms: number): number => (Number.isFinite(ms) ? ms : 0);
    gauge('lowest_timestamp', 'Oldest time in the database, in milliseconds.', () => finite(gauges.lowestMs()));
    gauge('lowest_timestamp_seconds', 'Oldest time in the database.', () => finite(gauges.lowestMs()) / 1000);
    gauge('head_min_time_seconds', 'Oldest time in the head block.', () => gauges.headMinMs() / 1000);
    gauge('head_max_time_seconds', 'Newest time in the head block.', () => gauges.headMaxMs() / 1000);
    gauge(
      'retention_limit_seconds',
      'How long samples are kept; 0 = the default, or no limit of time.',
      () => finite(gauges.retentionMs()) / 1000,
    );
    gauge('retention_limit_bytes', 'How large the database may become; 0 = no limit.', gauges.retentionBytes);
    this.samplesAppended = byType('head_samples_appended_total', 'Samples taken into the head.');
    this.seriesCreated = counter('head_series_created_total', 'Series that appeared in the head.');
    this.seriesRemoved = counter('head_series_removed_total', 'Series that left the head because they had no samples any more.');
    this.seriesRefused = new Counter({
      name: 'prometheus_tsdb_series_refused_total',
      help: 'New series refused because of a limit on series or memory.',
      labelNames: ['reason'],
      registers,
    });
    this.outOfOrder = byType('out_of_order_samples_total', 'Samples refused because a newer one of their series is stored.');
    this.outOfBounds = byType('out_of_bound_samples_total', 'Samples refused because they are older than the head takes.');
    this.tooOld = byType('too_old_samples_total', 'Samples refused because they are older than the out-of-order window.');
    this.duplicates = counter('duplicate_samples_total', 'Samples refused because another value is stored for their time.');
    this.exemplarsAppended = counter('exemplar_exemplars_appended_total', 'Exemplars taken.');
    this.exemplarsOutOfOrder = counter('exemplar_out_of_order_exemplars_total', 'Exemplars refused because a newer one is stored.');
    this.walCorruptions = counter('wal_corruptions_total', 'Damaged places found in the write-ahead log.');
    this.walTruncations = counter('wal_truncations_total', 'Times the write-ahead log was shortened.');
    this.walTruncationsFailed = counter('wal_truncations_failed_total', 'Times shortening the write-ahead log failed.');
    this.walWritesFailed = counter('wal_writes_failed_total', 'Writes to the write-ahead log that failed.');
    this.unknownRecords = counter('wal_unknown_records_total', 'Records of the write-ahead log whose type this version does not know.');
    this.unknownRefs = counter('wal_replay_unknown_refs_total', 'Entries of the write-ahead log that belong to no known series.');
    this.checkpointsCreated = counter('checkpoint_creations_total', 'Checkpoints attempted.');
    this.checkpointsFailed = counter('checkpoint_creations_failed_total', 'Checkpoints that failed.');
    this.compactions = counter('compactions_total', 'Compactions that wrote a block.');
    this.compactionsFailed = counter('compactions_failed_total', 'Compactions that failed.');
    this.reloads = counter('reloads_total', 'Times the blocks were read anew from the disk.');
    this.reloadsFailed = counter('reloads_failures_total', 'Times reading the blocks anew failed.');
    this.timeRetentions = counter('time_retentions_total', 'Times blocks were deleted because of their age.');
    this.sizeRetentions = counter('size_retentions_total', 'Times blocks were deleted because of their size.');
    this.compactionSeconds = new Histogram({
      name: 'prometheus_tsdb_compaction_duration_seconds',
      help: 'How long compactions took.',
      buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800],
      registers,
    });
    this.fsyncSeconds = new Histogram({
      name: 'prometheus_tsdb_wal_fsync_duration_seconds',
      help: 'How long the disk took to make the write-ahead log safe.',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    });
    this.replaySeconds = new Gauge({
      name: 'prometheus_tsdb_data_replay_duration_seconds',
      help: 'How long reading the log took at the last start.',
      registers,
    });
  }
}
