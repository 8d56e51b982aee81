export type { BlockMeta } from './block/meta.ts';
export type { HeadStatistics, NamedCount } from './cardinality.ts';
export { type CheckResult, check, type Finding } from './check.ts';
export type { Disk, DiskFile } from './disk/disk.ts';
export { StorageError, type StorageErrorCode } from './errors.ts';
export type { SeriesExemplars } from './head/exemplars.ts';
export { ImportError, importOpenMetrics } from './import-openmetrics.ts';
export { type BlockSummary, openReadOnly, type ReadOnlyTsdb } from './read-only.ts';
export { open, type Tsdb, type TsdbLog, type TsdbOptions } from './tsdb.ts';
