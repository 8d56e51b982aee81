/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes a step through eight tables.
 */
const tables = Array.from({ length: 8 }, () => new Int32Array(256));

for (let i = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  (tables[0] as Int32Array)[i] = crc;
}
for (let i = 0; i < 256; i++) {
  for (let table = 1; table < 8; table++) {
    const before = (tables[table - 1] as Int32Array)[i] as number;
    (tables[table] as Int32Array)[i] = (before >>> 8) ^ ((tables[0] as Int32Array)[before & 0xff] as number);
  }
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** Of `bytes[start, end)`; pass the last result as `seed` to go on over several pieces. Unsigned. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  let crc = ~seed;
  let i = start;
  for (const last = end - 7; i < last; i += 8) {
    const low =
      crc ^ ((bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24));
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[bytes[i + 4] as number] as number) ^
      (t2[bytes[i + 5] as number] as number) ^
      (t1[bytes[i + 6] as number] as number) ^
      (t0[bytes[i + 7] as number] as number);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
