/**
 * A write-ahead log is a folder of numbered segments. A segment is a whole number of pages at most; records are split over
 * pages, never over segments, so a torn write can only hurt the end of the newest segment (tsdb-format.md §7.1).
 *
 *     page   | fragment | fragment | … | zeros when fewer than 7 bytes are left |
 *     fragment   u8 type | be16 length | be32 CRC-32C of data | data
 */
import type { Disk } from '../disk/disk.ts';

export const pageBytes = 32 * 1024;
export const segmentBytes = 128 * 1024 * 1024;
export const fragmentHeaderBytes = 7;

/** Bits 0–2 of the type byte. */
export const fragment = { padding: 0, full: 1, first: 2, middle: 3, last: 4 } as const;
export const snappyBit = 8;
export const zstdBit = 16;

export function segmentName(index: number): string {
  return String(index).padStart(8, '0');
}

/** Indexes of the segments in a folder, ascending. */
export async function listSegments(disk: Disk, folder: string): Promise<number[]> {
  const names = await disk.list(folder);
  return names
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

export interface Checkpoint {
  readonly folder: string;
  /** The last segment whose content it holds. */
  readonly index: number;
}

export function checkpointName(index: number): string {
  return `checkpoint.${segmentName(index)}`;
}

/** Oldest first. */
export async function listCheckpoints(disk: Disk, folder: string): Promise<Checkpoint[]> {
  const names = await disk.list(folder);
  return names
    .filter((name) => /^checkpoint\.[0-9]+$/.test(name))
    .map((name) => ({ folder: `${folder}/${name}`, index: Number(name.slice('checkpoint.'.length)) }))
    .sort((a, b) => a.index - b.index);
}
