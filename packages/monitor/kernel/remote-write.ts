// Reads remote-write requests: samples of known series become rows of columns, everything else is left to the plain decoder. Its twin is
// that decoder, `src/remote/write-request.ts`; the way memory is laid out is in `src/remote/write-kernel.ts`.

const stateKey0: usize = 0;
const stateKey1: usize = 8;
const stateTable: usize = 16;
const stateMask: usize = 20;
const stateCount: usize = 24;
const statePages: usize = 28;
const stateEpoch: usize = 32;
const statePredicted: usize = 36;
const stateAt: usize = 40;
const stateRows: usize = 44;
const stateSeriesStart: usize = 48;
const stateSeriesEnd: usize = 52;

const entryBytes: usize = 32;
const pageShift: usize = 12;
const pageMask: usize = 4095;
const staleBits: u64 = 0x7ff0000000000002;
const plainNan: u64 = 0x7ff8000000000001;

const done: i32 = 0;
const isFull: i32 = 1;
const isLeft: i32 = 2;
const isDamaged: i32 = 3;

let hash0: u64 = 0;
let hash1: u64 = 0;

/** 128 bits over the bytes, from a key that nobody outside knows. Behind the bytes eight more are readable. */
function hashBytes(state: usize, from: usize, to: usize): void {
  let a = load<u64>(state + stateKey0);
  let b = load<u64>(state + stateKey1);
  let at = from;
  for (; at + 8 <= to; at += 8) {
    const word = load<u64>(at);
    a = (a ^ word) * 0x9e3779b97f4a7c15;
    a ^= a >> 32;
    b = rotl(b + word, 29) * 0xc2b2ae3d27d4eb4f;
  }
  // What is left, and how much it was all together.
  const left = <u64>(to - at);
  const word = left == 0 ? <u64>0 : load<u64>(at) & (<u64>-1 >> (64 - 8 * left));
  a = (a ^ word ^ ((<u64>(to - from)) << 48)) * 0x9e3779b97f4a7c15;
  b = (rotl(b + word, 29) ^ <u64>(to - from)) * 0xc2b2ae3d27d4eb4f;
  a = (a ^ (a >> 31) ^ rotl(b, 17)) * 0xbf58476d1ce4e5b9;
  b = (b ^ (b >> 29) ^ rotl(a, 41)) * 0x94d049bb133111eb;
  hash0 = a ^ (a >> 30);
  hash1 = b ^ (b >> 27);
}

function entryAt(state: usize, index: u32): usize {
  return (
    <usize>load<u32>(<usize>load<u32>(state + statePages) + ((<usize>index >> pageShift) << 2)) + (<usize>index & pageMask) * entryBytes
  );
}

/** The series with the hash found last: its entry, or 0. The one behind the last one is tried first. */
function find(state: usize): usize {
  const predicted = load<u32>(state + statePredicted);
  if (predicted < load<u32>(state + stateCount)) {
    const entry = entryAt(state, predicted);
    if (load<u64>(entry) == hash0 && load<u64>(entry, 8) == hash1) {
      store<u32>(state + statePredicted, predicted + 1);
      return entry;
    }
  }
  const table = <usize>load<u32>(state + stateTable);
  const mask = load<u32>(state + stateMask);
  for (let i = <u32>hash0 & mask; ; i = (i + 1) & mask) {
    const index = load<u32>(table + ((<usize>i) << 2));
    if (index == 0) return 0;
    const entry = entryAt(state, index - 1);
    if (load<u64>(entry) == hash0 && load<u64>(entry, 8) == hash1) {
      store<u32>(state + statePredicted, index);
      return entry;
    }
  }
  return 0;
}

let next: usize = 0;

/** Behind it, `next`; 0 = cut off. */
function varint(from: usize, end: usize): u64 {
  let value: u64 = 0;
  let at = from;
  for (let shift: u64 = 0; shift < 70 && at < end; shift += 7) {
    const byte = <u64>load<u8>(at++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      next = at;
      return value;
    }
  }
  next = 0;
  return 0;
}

/** Behind a field of no interest; 0 = damaged. */
function skip(tag: u64, from: usize, end: usize): usize {
  const kind = tag & 7;
  if (kind == 0) {
    varint(from, end);
    return next;
  }
  if (kind == 1) return end - from >= 8 ? from + 8 : 0;
  if (kind == 5) return end - from >= 4 ? from + 4 : 0;
  if (kind != 2) return 0;
  const length = varint(from, end);
  if (next == 0 || length > <u64>(end - next)) return 0;
  return next + <usize>length;
}

/** Where the labels at the start of a series end. */
function labelsEnd(from: usize, end: usize): usize {
  let at = from;
  while (at < end && load<u8>(at) == 0x0a) {
    const length = varint(at + 1, end);
    if (next == 0 || length > <u64>(end - next)) return at;
    at = next + <usize>length;
  }
  return at;
}

/**
 * Goes over the fields of a request from `at` on. Each sample of a known series becomes a row: ref, time, value (as bits) and where its
 * series starts. Stops at the end, when no rows are free (`isFull`), or behind a series that it leaves to others (`isLeft`): one that is
 * not known, or that holds anything but labels and then samples, or a time that is not below `maxMs`.
 */
export function readSeries(
  state: usize,
  from: usize,
  end: usize,
  maxMs: f64,
  refs: usize,
  times: usize,
  values: usize,
  starts: usize,
  capacity: i32,
): i32 {
  let at = from;
  let rows: i32 = 0;
  let result = done;
  while (at < end) {
    const fieldStart = at;
    const tag = varint(at, end);
    if (next == 0 || tag >> 3 == 0) return isDamaged;
    if (tag != 0x0a) {
      at = skip(tag, next, end);
      if (at == 0) return isDamaged;
      continue;
    }
    const length = varint(next, end);
    if (next == 0 || length > <u64>(end - next)) return isDamaged;
    const start = next;
    const seriesEnd = start + <usize>length;
    let p = labelsEnd(start, seriesEnd);
    hashBytes(state, start, p);
    const entry = find(state);
    let isPlain = entry != 0;
    const firstRow = rows;
    while (isPlain && p < seriesEnd) {
      if (rows == capacity) {
        // The whole series comes again.
        result = isFull;
        break;
      }
      if (load<u8>(p) != 0x12 || seriesEnd - p < 2) {
        isPlain = false;
        break;
      }
      const size = <usize>load<u8>(p, 1);
      const sampleEnd = p + 2 + size;
      if (size >= 0x80 || sampleEnd > seriesEnd) {
        isPlain = false;
        break;
      }
      let bits: u64 = 0;
      let t: i64 = 0;
      p += 2;
      while (p < sampleEnd) {
        const field = load<u8>(p);
        if (field == 0x09 && sampleEnd - p >= 9) {
          bits = load<u64>(p, 1);
          p += 9;
        } else if (field == 0x10) {
          t = <i64>varint(p + 1, sampleEnd);
          if (next == 0) {
            isPlain = false;
            break;
          }
          p = next;
        } else {
          isPlain = false;
          break;
        }
      }
      const tMs = <f64>t;
      if (!isPlain || tMs > maxMs || abs(tMs) > 9007199254740991) {
        isPlain = false;
        break;
      }
      if ((bits & 0x7ff0000000000000) == 0x7ff0000000000000 && (bits & 0x000fffffffffffff) != 0 && bits != staleBits) bits = plainNan;
      const row = (<usize>rows) << 3;
      store<f64>(refs + row, load<f64>(entry, 16));
      store<f64>(times + row, tMs);
      store<u64>(values + row, bits);
      store<u32>(starts + ((<usize>rows) << 2), <u32>fieldStart);
      rows++;
    }
    if (result == isFull) {
      // A series of more samples than there are rows is not for us.
      if (firstRow == 0) {
        isPlain = false;
        result = done;
      } else {
        rows = firstRow;
        at = fieldStart;
        break;
      }
    }
    at = seriesEnd;
    if (isPlain) {
      store<u32>(entry, load<u32>(state + stateEpoch), 24);
      continue;
    }
    rows = firstRow;
    store<u32>(state + stateSeriesStart, <u32>start);
    store<u32>(state + stateSeriesEnd, <u32>seriesEnd);
    result = isLeft;
    break;
  }
  store<u32>(state + stateAt, <u32>at);
  store<u32>(state + stateRows, rows);
  return result;
}

function insert(table: usize, mask: u32, hash: u64, index: u32): void {
  let i = <u32>hash & mask;
  while (load<u32>(table + ((<usize>i) << 2)) != 0) i = (i + 1) & mask;
  store<u32>(table + ((<usize>i) << 2), index + 1);
}

/**
 * The series in `[from, to)` has this ref from now on; not if it has labels behind other things, which the hash would not see. There is
 * room for one more entry.
 */
export function learn(state: usize, from: usize, to: usize, ref: f64): void {
  const end = labelsEnd(from, to);
  for (let at = end; at < to; ) {
    const tag = varint(at, to);
    if (next == 0 || tag >> 3 == 1) return;
    at = skip(tag, next, to);
    if (at == 0) return;
  }
  hashBytes(state, from, end);
  let entry = find(state);
  if (entry == 0) {
    const index = load<u32>(state + stateCount);
    entry = entryAt(state, index);
    store<u64>(entry, hash0);
    store<u64>(entry, hash1, 8);
    store<u32>(state + stateCount, index + 1);
    insert(<usize>load<u32>(state + stateTable), load<u32>(state + stateMask), hash0, index);
    store<u32>(state + statePredicted, index + 1);
  }
  store<f64>(entry, ref, 16);
  store<u32>(entry, load<u32>(state + stateEpoch), 24);
}

/** Forgets series that were not seen since `oldest` and fills a table, which is empty. */
export function rebuild(state: usize, table: usize, mask: u32, oldest: u32): void {
  const count = load<u32>(state + stateCount);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const entry = entryAt(state, i);
    if (load<u32>(entry, 24) < oldest) continue;
    const to = entryAt(state, kept);
    if (to != entry) memory.copy(to, entry, entryBytes);
    insert(table, mask, load<u64>(to), kept);
    kept++;
  }
  store<u32>(state + stateCount, kept);
  store<u32>(state + stateTable, <u32>table);
  store<u32>(state + stateMask, mask);
  store<u32>(state + statePredicted, 0);
}
