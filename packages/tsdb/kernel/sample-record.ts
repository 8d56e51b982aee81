// Float sample records of the write-ahead log (tsdb-format.md §7.2), both ways. Twins: `encodeSamples` and `decodeSamples` in
// `src/wal/record.ts`, which also explains the format.

function writeVarint(at: usize, value: i64): usize {
  let left = <u64>((value << 1) ^ (value >> 63));
  while (left >= 0x80) {
    store<u8>(at++, <u8>(left | 0x80));
    left >>= 7;
  }
  store<u8>(at, <u8>left);
  return at + 1;
}

/** Arrays of floats, and of values as bits. `out` has room for 17 + 28 bytes a sample. Returns the length. */
export function encodeSampleRecord(refs: usize, times: usize, values: usize, count: i32, out: usize): i32 {
  store<u8>(out, 2);
  let at = out + 1;
  if (count == 0) return 1;
  const firstRef = <i64>load<f64>(refs);
  const firstTime = <i64>load<f64>(times);
  store<i64>(at, bswap<i64>(firstRef));
  store<i64>(at, bswap<i64>(firstTime), 8);
  at += 16;
  const bytes = (<usize>count) << 3;
  for (let i: usize = 0; i < bytes; i += 8) {
    at = writeVarint(at, <i64>load<f64>(refs + i) - firstRef);
    at = writeVarint(at, <i64>load<f64>(times + i) - firstTime);
    store<u64>(at, bswap<u64>(load<u64>(values + i)));
    at += 8;
  }
  return <i32>(at - out);
}

let varintEnd: usize = 0;

function readVarint(from: usize, end: usize): i64 {
  let raw: u64 = 0;
  let shift: u64 = 0;
  let at = from;
  for (; at < end && shift < 70; shift += 7) {
    const byte = <u64>load<u8>(at++);
    raw |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      varintEnd = at;
      return <i64>(raw >> 1) ^ -(<i64>(raw & 1));
    }
  }
  varintEnd = 0;
  return 0;
}

/** The arrays have room for a tenth of the length. Returns the count, or −1: the record is damaged. */
export function decodeSampleRecord(record: usize, length: i32, refs: usize, times: usize, values: usize): i32 {
  const end = record + <usize>length;
  let at = record + 1;
  if (at == end) return 0;
  if (end - at < 16) return -1;
  const firstRef = bswap<i64>(load<i64>(at));
  const firstTime = bswap<i64>(load<i64>(at, 8));
  at += 16;
  let to: usize = 0;
  while (at < end) {
    const ref = readVarint(at, end);
    if (varintEnd == 0) return -1;
    const time = readVarint(varintEnd, end);
    if (varintEnd == 0) return -1;
    at = varintEnd;
    if (end - at < 8) return -1;
    store<f64>(refs + to, <f64>(firstRef + ref));
    store<f64>(times + to, <f64>(firstTime + time));
    store<u64>(values + to, bswap<u64>(load<u64>(at)));
    at += 8;
    to += 8;
  }
  return <i32>(to >> 3);
}
