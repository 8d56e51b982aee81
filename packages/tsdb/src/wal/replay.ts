/**
 * Reads a whole log: the newest checkpoint, then the segments after it. The end of the last segment may be torn by a crash;
 * damage anywhere is repaired as the original does (everything from the damaged record on is taken out of the log), but what is
 * taken out is kept beside it in `wal.damaged-…/` for a person to look at. Without `mayRepair` nothing on the disk is changed.
 */
import type { Disk } from '../disk/disk.ts';
import type { StorageError } from '../errors.ts';
import { readSegment, type SegmentEnd } from './reader.ts';
import { listCheckpoints, listSegments, segmentName } from './segment.ts';

export interface ReplayResult {
  /** What was wrong, where; undefined when everything could be read. */
  readonly damage: StorageError | undefined;
  /** Damage that is more than a last record cut off: acknowledged samples may be missing. */
  readonly isLoss: boolean;
}

/** Called before each segment behind the checkpoint: the first, the last and this one's number. */
export type OnSegment = (first: number, last: number, current: number) => void;

export async function replayWal(
  disk: Disk,
  folder: string,
  onRecord: (record: Uint8Array) => void,
  mayRepair = true,
  onSegment?: OnSegment,
): Promise<ReplayResult> {
  let firstSegment = 0;
  const checkpoint = (await listCheckpoints(disk, folder)).at(-1);
  let checkpointDamage: StorageError | undefined;
  if (checkpoint !== undefined) {
    firstSegment = checkpoint.index + 1;
    for (const segment of await listSegments(disk, checkpoint.folder)) {
      const { damage } = await readSegment(disk, `${checkpoint.folder}/${segmentName(segment)}`, onRecord);
      // A checkpoint was complete before it got its name: this is damage by the disk. Go on with what follows.
      checkpointDamage ??= damage;
    }
  }
  const segments = (await listSegments(disk, folder)).filter((segment) => segment >= firstSegment);
  for (const [i, segment] of segments.entries()) {
    const path = `${folder}/${segmentName(segment)}`;
    onSegment?.(segments[0] as number, segments.at(-1) as number, segment);
    const end = await readSegment(disk, path, onRecord);
    if (end.damage === undefined) continue;
    const later = segments.slice(i + 1);
    const isTorn = later.length === 0;
    if (mayRepair) await repair(disk, folder, path, end, later);
    return { damage: checkpointDamage ?? end.damage, isLoss: !isTorn || checkpointDamage !== undefined };
  }
  return { damage: checkpointDamage, isLoss: checkpointDamage !== undefined };
}

/** Cuts the segment back to its last whole record and moves later segments out of the log. */
async function repair(disk: Disk, folder: string, path: string, end: SegmentEnd, later: readonly number[]): Promise<void> {
  if (later.length > 0) {
    const aside = `${folder}.damaged-${segmentName(later[0] as number)}`;
    await disk.makeFolder(aside);
    // From the newest on: a crash in between must not leave a gap.
    for (const segment of [...later].reverse()) await disk.rename(`${folder}/${segmentName(segment)}`, `${aside}/${segmentName(segment)}`);
    await disk.syncFolder(aside);
    await disk.syncFolder(folder);
  }
  const file = await disk.open(path, 'update');
  try {
    await file.truncate(end.goodBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
