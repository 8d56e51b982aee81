/** Which reducer a key goes to: Hadoop's default partitioner over the key's bytes (mapreduce.md §5; Hadoop WritableComparator.hashBytes). */

/** 31 · h + *signed* byte from 1, in 32 bits. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 1;
  for (let i = start; i < end; i++) hash = (Math.imul(31, hash) + (((bytes[i] as number) << 24) >> 24)) | 0;
  return hash;
}

export function partitionOf(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  return partitions === 1 ? 0 : (hashBytes(bytes, start, end) & 0x7fffffff) % partitions;
}
