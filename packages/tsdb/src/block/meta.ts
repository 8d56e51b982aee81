/** meta.json of a block (tsdb-format.md §3). Members that we do not know are kept: other tools add theirs. */
import { type Disk, readFile, writeFile } from '../disk/disk.ts';
import { damaged, messageOf } from '../errors.ts';

export interface BlockStats {
  readonly numSamples?: number;
  readonly numFloatSamples?: number;
  readonly numHistogramSamples?: number;
  readonly numSeries?: number;
  readonly numChunks?: number;
  readonly numTombstones?: number;
}

export interface BlockParent {
  readonly ulid: string;
  readonly minTime: number;
  readonly maxTime: number;
}

export interface BlockCompaction {
  readonly level: number;
  readonly sources?: readonly string[];
  readonly deletable?: boolean;
  readonly parents?: readonly BlockParent[];
  readonly failed?: boolean;
  readonly hints?: readonly string[];
}

export interface BlockMeta {
  readonly ulid: string;
  /** Unix ms; the block covers `[minTime, maxTime)`. */
  readonly minTime: number;
  readonly maxTime: number;
  readonly stats: BlockStats;
  readonly compaction: BlockCompaction;
  readonly version: 1;
}

export async function readMeta(disk: Disk, folder: string): Promise<BlockMeta> {
  const path = `${folder}/meta.json`;
  const bytes = await readFile(disk, path);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw damaged(`${path} is not JSON: ${messageOf(cause)}`, { path }, cause);
  }
  const meta = value as Partial<BlockMeta> | null;
  if (meta?.version !== 1) throw damaged(`${path}: unexpected meta file version ${String(meta?.version)}`, { path });
  if (typeof meta.ulid !== 'string' || !Number.isSafeInteger(meta.minTime) || !Number.isSafeInteger(meta.maxTime)) {
    throw damaged(`${path}: ulid, minTime or maxTime is missing`, { path });
  }
  return { ...meta, stats: meta.stats ?? {}, compaction: meta.compaction ?? { level: 1 } } as BlockMeta;
}

/** Whole or not at all. */
export async function writeMeta(disk: Disk, folder: string, meta: BlockMeta): Promise<void> {
  const path = `${folder}/meta.json`;
  await writeFile(disk, `${path}.tmp`, Buffer.from(JSON.stringify(meta, undefined, '\t')));
  await disk.rename(`${path}.tmp`, path);
  await disk.syncFolder(folder);
}
