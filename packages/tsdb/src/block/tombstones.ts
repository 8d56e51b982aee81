/** The tombstones file of a block: deleted intervals by series ref (tsdb-format.md §6). */
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { crc32c } from '../crc32c.ts';
import { type Disk, readFile, writeFile } from '../disk/disk.ts';
import { damaged, toPlainError } from '../errors.ts';
import { type Interval, mergeIntervals } from '../interval.ts';

const magic = 0x0130ba30;
const headerBytes = 5;

export type Tombstones = ReadonlyMap<number, readonly Interval[]>;

export function encodeTombstonesFile(tombstones: Tombstones): Uint8Array {
  const out = new ByteWriter(64);
  out.be32(magic);
  out.u8(1);
  for (const ref of [...tombstones.keys()].sort((a, b) => a - b)) {
    for (const { minMs, maxMs } of tombstones.get(ref) ?? []) {
      out.uvarint(ref);
      out.varint(minMs);
      out.varint(maxMs);
    }
  }
  out.be32(crc32c(out.view(), headerBytes));
  return out.view();
}

export function decodeTombstonesFile(bytes: Uint8Array): Map<number, Interval[]> {
  const from = new ByteReader(bytes);
  if (from.be32() !== magic || from.u8() !== 1) throw damaged('no tombstones file of version 1');
  const end = bytes.length - 4;
  if (end < headerBytes || crc32c(bytes, headerBytes, end) !== new ByteReader(bytes, end).be32())
    throw damaged('checksum of the tombstones is wrong');
  const entries = new ByteReader(bytes, headerBytes, end);
  const tombstones = new Map<number, Interval[]>();
  while (entries.remaining > 0) {
    const ref = entries.uvarint();
    const interval = { minMs: entries.varint(), maxMs: entries.varint() };
    tombstones.set(ref, mergeIntervals([...(tombstones.get(ref) ?? []), interval]));
  }
  return tombstones;
}

/** No file is as good as an empty one. */
export async function readTombstones(disk: Disk, folder: string): Promise<Map<number, Interval[]>> {
  const path = `${folder}/tombstones`;
  if (!(await disk.exists(path))) return new Map();
  const bytes = await readFile(disk, path);
  try {
    return decodeTombstonesFile(bytes);
  } catch (cause) {
    throw damaged(`${path}: ${toPlainError(cause).message}`, { path }, cause);
  }
}

/** Whole or not at all. */
export async function writeTombstones(disk: Disk, folder: string, tombstones: Tombstones): Promise<void> {
  const path = `${folder}/tombstones`;
  await writeFile(disk, `${path}.tmp`, encodeTombstonesFile(tombstones));
  await disk.rename(`${path}.tmp`, path);
  await disk.syncFolder(folder);
}
