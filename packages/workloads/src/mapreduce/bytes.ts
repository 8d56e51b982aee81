/** Keys are compared as unsigned bytes, shorter first (mapreduce.md §5). */
export function compareBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const shared = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < shared; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** Unsigned LEB128; returns where it ends. Exact up to 2⁵³. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let i = at;
  while (rest > 0x7f) {
    bytes[i++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[i++] = rest;
  return i;
}

export function readVarint(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let factor = 1;
  for (let i = at; i < end; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
  throw new Error('BUG: a number is cut off');
}
