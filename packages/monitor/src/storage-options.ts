/** What the flags and the configuration say about the database. */
import type { KeepRule, TsdbOptions } from '@pronoia/tsdb';
import type { Config } from './config/config.ts';
import { parseKeepRule } from './config/storage.ts';
import { errors } from './errors.ts';
import type { MonitorOptions } from './flags.ts';
import { retentionLimits } from './retention.ts';

const mebibyte = 1024 * 1024;

/** Throws a CodedError when a flag is out of its range. */
export function storageOptions(options: MonitorOptions, config: Config): Omit<TsdbOptions, 'registry'> {
  const walSync = options['storage.wal-fsync'];
  if (walSync !== 'always' && walSync !== 'interval') throw errors.fail('bad_wal_fsync', { value: walSync });
  const segmentBytes = options['storage.tsdb.wal-segment-size'];
  if (segmentBytes !== 0 && (segmentBytes < 10 * mebibyte || segmentBytes > 256 * mebibyte)) throw errors.fail('bad_wal_segment_size', {});
  const chunkRangeMs = options['storage.tsdb.min-block-duration'];
  const maxBlockMs = options['storage.tsdb.max-block-duration'];
  if (chunkRangeMs <= 0 || (maxBlockMs !== 0 && maxBlockMs < chunkRangeMs)) throw errors.fail('bad_block_duration', {});
  return {
    ...retentionLimits(options),
    keep: keepRules(config),
    chunkRangeMs,
    ...(maxBlockMs === 0 ? {} : { maxBlockMs }),
    ...(segmentBytes === 0 ? {} : { walSegmentBytes: segmentBytes }),
    walSync,
    walCompression: options['storage.tsdb.wal-compression'] ? 'snappy' : 'none',
    outOfOrderWindowMs: outOfOrderWindowMs(config),
    maxSeries: options['storage.max-series'],
    maxSeriesPerMetric: options['storage.max-series-per-metric'],
    maxSeriesPerJob: options['storage.max-series-per-job'],
    memoryBudgetBytes: options['storage.memory-budget'],
    lock: !options['storage.tsdb.no-lockfile'],
  };
}

export function keepRules({ storage }: Config): KeepRule[] {
  return (storage?.keep ?? []).map(parseKeepRule);
}

export function outOfOrderWindowMs({ storage }: Config): number {
  return storage?.tsdb?.out_of_order_time_window ?? 0;
}
