/** How much is kept: the flags `--storage.tsdb.retention.time|size` (prometheus cmd/prometheus/main.go, "Time retention settings"). */
import { formatDuration } from '@pronoia/model';
import { formatBytes, type MonitorOptions } from './flags.ts';

/** What holds when neither time nor size is limited. */
const defaultRetentionMs = 15 * 24 * 3_600_000;

export interface RetentionLimits {
  readonly retentionMs?: number;
  readonly retentionBytes?: number;
}

/** A limit that is absent does not hold; there is always one. */
export function retentionLimits(options: MonitorOptions): RetentionLimits {
  const bytes = options['storage.tsdb.retention.size'];
  const ms = options['storage.tsdb.retention.time'] || (bytes === 0 ? defaultRetentionMs : 0);
  return { ...(ms === 0 ? {} : { retentionMs: ms }), ...(bytes === 0 ? {} : { retentionBytes: bytes }) };
}

/** `15d or 512MiB`. */
export function describeRetention(options: MonitorOptions): string {
  const { retentionMs, retentionBytes } = retentionLimits(options);
  const limits = [
    ...(retentionMs === undefined ? [] : [formatDuration(retentionMs)]),
    ...(retentionBytes === undefined ? [] : [formatBytes(retentionBytes)]),
  ];
  return limits.join(' or ');
}
