/**
 * Files are cut into splits, one for each map (mapreduce.md §3). A cut may fall anywhere; which lines belong to which side is decided
 * when they are read (`lines.ts`), so planning never opens a file.
 */
import type { InputFile } from './input.ts';

export interface Piece {
  readonly path: string;
  readonly start: number;
  readonly length: number;
  /** The file's size when the job was planned: what is appended later is not part of the job. */
  readonly fileSizeBytes: number;
}

export interface Split {
  readonly pieces: readonly Piece[];
  readonly length: number;
}

export interface SplitOptions {
  readonly splitBytes: number;
  /** Several small files in one split; off for programs that ask which file they read. */
  readonly combineFiles: boolean;
}

/** The rest of a file is one split as long as it is at most this much longer than the others (Hadoop: SPLIT_SLOP). */
const SLOP = 1.1;
export const BLOCK_BYTES = 128 * 1024 * 1024;
const SMALLEST_BYTES = 1024 * 1024;
/** On one machine with few cores, some waves of maps keep all cores busy to the end. */
const WANTED_SPLITS = 8;

export function defaultSplitBytes(totalBytes: number): number {
  return Math.min(BLOCK_BYTES, Math.max(SMALLEST_BYTES, Math.ceil(totalBytes / WANTED_SPLITS)));
}

/** Longest first, ties in listing order: the map numbers. An empty file is one empty split of its own, or shares one. */
export function planSplits(files: readonly InputFile[], options: SplitOptions): Split[] {
  const { splitBytes, combineFiles } = options;
  const splits: Split[] = [];
  let open: Piece[] = [];
  let openBytes = 0;
  const close = (): void => {
    if (open.length > 0) splits.push({ pieces: open, length: openBytes });
    open = [];
    openBytes = 0;
  };
  for (const { path, sizeBytes } of files) {
    let start = 0;
    while ((sizeBytes - start) / splitBytes > SLOP) {
      splits.push({ pieces: [{ path, start, length: splitBytes, fileSizeBytes: sizeBytes }], length: splitBytes });
      start += splitBytes;
    }
    const rest: Piece = { path, start, length: sizeBytes - start, fileSizeBytes: sizeBytes };
    if (rest.length === 0 && start > 0) continue;
    if (openBytes + rest.length > splitBytes || !combineFiles) close();
    open.push(rest);
    openBytes += rest.length;
  }
  close();
  return splits
    .map((split, i) => ({ split, i }))
    .sort((a, b) => b.split.length - a.split.length || a.i - b.i)
    .map(({ split }) => split);
}
