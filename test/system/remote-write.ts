/** Bodies of remote write 1.0 (prometheus-server.md §10.3), for tests and benches that load servers. */

/** A series without its samples. @param labels ascending by name. */
export function encodeSeriesHead(labels: Iterable<readonly [string, string]>): Buffer {
  return Buffer.concat(Array.from(labels, ([name, value]) => field(1, [...field(1, Buffer.from(name)), ...field(2, Buffer.from(value))])));
}

/** @param bits the value's, for what a number cannot hold: the stale marker. */
export function encodeSample(value: number, tMs: number, bits?: bigint): Buffer {
  const stamp = varint(tMs);
  const bytes = Buffer.alloc(12 + stamp.length);
  bytes[0] = 0x12;
  bytes[1] = 10 + stamp.length;
  bytes[2] = 0x09;
  if (bits === undefined) bytes.writeDoubleLE(value, 3);
  else bytes.writeBigUInt64LE(bits, 3);
  bytes[11] = 0x10;
  bytes.set(stamp, 12);
  return bytes;
}

export const staleBits = 0x7ff0_0000_0000_0002n;

/** @param parts a series' head and its samples. */
export function encodeSeries(parts: readonly Buffer[]): Buffer {
  return field(1, Buffer.concat(parts));
}

/** A valid snappy block that saves nothing. */
export function encodeRequest(series: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(series);
  const size = bytes.length - 1;
  return Buffer.concat([Buffer.from([...varint(bytes.length), 62 << 2, size & 0xff, (size >> 8) & 0xff, (size >> 16) & 0xff]), bytes]);
}

function field(number: number, bytes: Uint8Array | readonly number[]): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), Buffer.from(bytes)]);
}

export function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}
