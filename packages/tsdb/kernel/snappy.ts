// Snappy's block form (google/snappy format_description.txt), both ways. Twins: the `snappyjs` and `snappy` packages behind
// `src/wal/compression.ts`; the monitor's decoder of remote write uses the reading half too.

/** One entry per hash: where in the block of 64 KiB such four bytes were seen last. */
const tableBits: u32 = 14;
const table = memory.data(1 << 15, 16);
const blockBytes: usize = 65536;

function hashAt(p: usize, shift: u32): usize {
  return <usize>((load<u32>(p) * 0x1e35a7bd) >> shift);
}

/** `dst` has room for `length + length / 6 + 32` bytes. Returns the compressed length. */
export function snappyCompress(src: usize, length: i32, dst: usize): i32 {
  let out = dst;
  let left = <u32>length;
  for (; left >= 0x80; left >>= 7) store<u8>(out++, (left & 0x7f) | 0x80);
  store<u8>(out++, left);
  const end = src + <usize>length;
  for (let at = src; at < end; at += blockBytes) out = compressBlock(at, min(end, at + blockBytes), out);
  return <i32>(out - dst);
}

let scanned: usize = 0;
let candidate: usize = 0;

/** Looks for four bytes that were there before, from `from` on: their place goes to `scanned`, the earlier one to `candidate`. */
function scan(base: usize, from: usize, limit: usize, shift: u32): bool {
  let at = from;
  let hash = hashAt(at, shift);
  // Bytes that do not compress are passed over faster and faster.
  for (let skip: usize = 32; ; skip += skip >> 5) {
    const entry = table + (hash << 1);
    const next = at + (skip >> 5);
    if (next > limit) return false;
    hash = hashAt(next, shift);
    const earlier = base + <usize>load<u16>(entry);
    store<u16>(entry, <u16>(at - base));
    if (load<u32>(at) == load<u32>(earlier)) {
      scanned = at;
      candidate = earlier;
      return true;
    }
    at = next;
  }
  return false;
}

function compressBlock(base: usize, end: usize, to: usize): usize {
  let out = to;
  let emitted = base;
  if (end - base >= 15) {
    let bits: u32 = 8;
    while (bits < tableBits && (<usize>1) << bits < end - base) bits++;
    const shift = 32 - bits;
    memory.fill(table, 0, (<usize>2) << bits);
    const limit = end - 15;
    let at = base + 1;
    while (at <= limit && scan(base, at, limit, shift)) {
      at = scanned;
      out = literal(emitted, at - emitted, out);
      let earlier = candidate;
      for (;;) {
        const matched = matchLength(earlier, at, end);
        out = copy(out, at - earlier, matched);
        at += matched;
        emitted = at;
        if (at >= limit) break;
        store<u16>(table + (hashAt(at - 1, shift) << 1), <u16>(at - 1 - base));
        const entry = table + (hashAt(at, shift) << 1);
        earlier = base + <usize>load<u16>(entry);
        store<u16>(entry, <u16>(at - base));
        if (load<u32>(at) != load<u32>(earlier)) break;
      }
      at++;
    }
  }
  return emitted < end ? literal(emitted, end - emitted, out) : out;
}

/** At least four are equal already. */
function matchLength(a: usize, b: usize, end: usize): usize {
  let matched: usize = 4;
  while (b + matched + 8 <= end) {
    const difference = load<u64>(a + matched) ^ load<u64>(b + matched);
    if (difference != 0) return matched + <usize>(ctz(difference) >> 3);
    matched += 8;
  }
  while (b + matched < end && load<u8>(a + matched) == load<u8>(b + matched)) matched++;
  return matched;
}

function literal(from: usize, length: usize, to: usize): usize {
  let out = to;
  const n = length - 1;
  if (n < 60) store<u8>(out++, <u8>(n << 2));
  else if (n < 256) {
    store<u8>(out++, 60 << 2);
    store<u8>(out++, <u8>n);
  } else {
    store<u8>(out, 61 << 2);
    store<u16>(out + 1, <u16>n);
    out += 3;
  }
  memory.copy(out, from, length);
  return out + length;
}

function copy(to: usize, offset: usize, length: usize): usize {
  let out = to;
  let left = length;
  // Not 64 when fewer than four would be left over: a copy of less than four has no short form.
  while (left >= 68) {
    store<u8>(out, (63 << 2) | 2);
    store<u16>(out + 1, <u16>offset);
    out += 3;
    left -= 64;
  }
  if (left > 64) {
    store<u8>(out, (59 << 2) | 2);
    store<u16>(out + 1, <u16>offset);
    out += 3;
    left -= 60;
  }
  if (left >= 12 || offset >= 2048) {
    store<u8>(out, <u8>(((left - 1) << 2) | 2));
    store<u16>(out + 1, <u16>offset);
    return out + 3;
  }
  store<u8>(out, <u8>(((offset >> 8) << 5) | ((left - 4) << 2) | 1));
  store<u8>(out + 1, <u8>offset);
  return out + 2;
}

/**
 * Reads `src[0, length)` into `dst`, which has room for `size` bytes and 16 more, where `size` is what the block claims to hold. Behind
 * the source 16 bytes must be readable. Returns `size`, or −1: the block is damaged.
 */
export function snappyUncompress(src: usize, length: i32, dst: usize, size: i32): i32 {
  let at = src;
  const end = src + <usize>length;
  while (at < end && load<u8>(at) >= 0x80) at++;
  at++;
  let out = dst;
  const outEnd = dst + <usize>size;
  while (at < end) {
    const tag = <usize>load<u8>(at++);
    const kind = tag & 3;
    if (kind == 0) {
      let n = tag >> 2;
      if (n >= 60) {
        const bytes = n - 59;
        if (at + bytes > end) return -1;
        n = <usize>(load<u32>(at) & (<u32>-1 >> (32 - 8 * <u32>bytes)));
        if (n >= 0x7fffffff) return -1;
        at += bytes;
      }
      n++;
      if (n > end - at || n > outEnd - out) return -1;
      if (n <= 16) {
        store<u64>(out, load<u64>(at));
        store<u64>(out, load<u64>(at, 8), 8);
      } else memory.copy(out, at, n);
      at += n;
      out += n;
      continue;
    }
    let n: usize;
    let offset: usize;
    if (kind == 1) {
      if (at + 1 > end) return -1;
      n = 4 + ((tag >> 2) & 7);
      offset = ((tag & 0xe0) << 3) | <usize>load<u8>(at);
      at += 1;
    } else if (kind == 2) {
      if (at + 2 > end) return -1;
      n = (tag >> 2) + 1;
      offset = <usize>load<u16>(at);
      at += 2;
    } else {
      if (at + 4 > end) return -1;
      n = (tag >> 2) + 1;
      offset = <usize>load<u32>(at);
      at += 4;
    }
    if (offset == 0 || offset > out - dst || n > outEnd - out) return -1;
    let from = out - offset;
    const to = out + n;
    if (offset >= 8) {
      // Up to seven bytes too many are written: the next step overwrites them, or they lie behind the end.
      for (; out < to; out += 8, from += 8) store<u64>(out, load<u64>(from));
    } else {
      // A run: the copy overlaps itself.
      for (; out < to; out++, from++) store<u8>(out, load<u8>(from));
    }
    out = to;
  }
  return out == outEnd ? size : -1;
}
