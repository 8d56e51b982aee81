// Decodes staged chunks of many series into columns in one call. Its twin in plain TypeScript, and the way memory is laid out, is
// `src/chunk/bulk-decoder.ts`; the format is explained in `src/chunk/xor.ts`.

const staleBits: u64 = 0x7ff0000000000002;
/** Bytes of a piece's description: five floats. */
const pieceBytes: usize = 40;

let staleTo: usize = 0;

/**
 * Returns the number of samples, or −1 − the index of the piece that is damaged. `starts` and `staleStarts` get one entry more than
 * there are series, `sameTimes` 1 where the times are those of the series before. Behind the bytes of the last piece eight more must be readable.
 */
export function decodePieces(
  ends: usize,
  seriesCount: i32,
  pieces: usize,
  bytes: usize,
  times: usize,
  values: usize,
  starts: usize,
  staleTimes: usize,
  staleStarts: usize,
  sameTimes: usize,
): i32 {
  let at: i32 = 0;
  let piece: i32 = 0;
  let previousFrom: i32 = 0;
  staleTo = staleTimes;
  for (let s = 0; s < seriesCount; s++) {
    store<u32>(starts + ((<usize>s) << 2), at);
    store<u32>(staleStarts + ((<usize>s) << 2), <u32>((staleTo - staleTimes) >> 3));
    const end = <i32>load<u32>(ends + ((<usize>s) << 2));
    for (; piece < end; piece++) {
      const p = pieces + <usize>piece * pieceBytes;
      const from = bytes + <usize>load<f64>(p);
      const to = bytes + <usize>load<f64>(p, 8);
      const count = <i32>load<f64>(p, 16);
      const minMs = load<f64>(p, 24);
      const maxMs = load<f64>(p, 32);
      const out = (<usize>at) << 3;
      const kept = decodeXor(from, to, count, minMs, maxMs, times + out, values + out);
      if (kept < 0) return -1 - piece;
      at += kept;
    }
    const from = <i32>load<u32>(starts + ((<usize>s) << 2));
    const isSame = s > 0 && areSame(times + ((<usize>previousFrom) << 3), from - previousFrom, times + ((<usize>from) << 3), at - from);
    store<u8>(sameTimes + <usize>s, isSame ? 1 : 0);
    previousFrom = from;
  }
  store<u32>(starts + ((<usize>seriesCount) << 2), at);
  store<u32>(staleStarts + ((<usize>seriesCount) << 2), <u32>((staleTo - staleTimes) >> 3));
  return at;
}

function areSame(a: usize, aCount: i32, b: usize, bCount: i32): bool {
  if (aCount != bCount) return false;
  // The newest differ most.
  for (let i = (<usize>aCount) << 3; i > 0; ) {
    i -= 8;
    if (load<u64>(a + i) != load<u64>(b + i)) return false;
  }
  return true;
}

/** The next `64 − avail` bits are taken over from memory; at least 56 are there afterwards. */
function fill(buf: u64, avail: i32, next: usize): u64 {
  return buf | (bswap<u64>(load<u64>(next)) >> <u64>avail);
}

function decodeXor(from: usize, to: usize, count: i32, minMs: f64, maxMs: f64, times: usize, values: usize): i32 {
  const first = times;
  // The bits to come stand at the top of `buf`; `avail` of them count.
  let next = from + 2;
  let buf: u64 = 0;
  let avail: i32 = 0;
  let t: i64 = 0;
  let delta: i64 = 0;
  let bits: u64 = 0;
  let trailing: i32 = 0;
  let width: i32 = 0;
  const min = <i64>minMs;
  const max = <i64>maxMs;
  for (let i = 0; i < count; i++) {
    if (avail < 40) {
      buf = fill(buf, avail, next);
      next += <usize>((63 - avail) >> 3);
      avail |= 56;
    }
    if (i < 2) {
      // A varint: zigzag for the first time, plain for the first difference.
      let raw: u64 = 0;
      let shift: u64 = 0;
      for (;;) {
        const byte = buf >> 56;
        buf <<= 8;
        avail -= 8;
        raw |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
        shift += 7;
        if (shift > 63) return -1;
        if (avail < 8) {
          buf = fill(buf, avail, next);
          next += <usize>((63 - avail) >> 3);
          avail |= 56;
        }
      }
      if (i == 0) {
        t = <i64>(raw >> 1) ^ -(<i64>(raw & 1));
        // The first value is written whole.
        buf = fill(buf, avail, next);
        next += <usize>((63 - avail) >> 3);
        avail |= 56;
        bits = (buf >> 32) << 32;
        buf <<= 32;
        avail -= 32;
        buf = fill(buf, avail, next);
        next += <usize>((63 - avail) >> 3);
        avail |= 56;
        bits |= buf >> 32;
        buf <<= 32;
        avail -= 32;
      } else {
        delta = <i64>raw;
        t += delta;
        if (avail < 16) {
          buf = fill(buf, avail, next);
          next += <usize>((63 - avail) >> 3);
          avail |= 56;
        }
      }
    } else {
      if (<i64>buf >= 0) {
        buf <<= 1;
        avail -= 1;
      } else if (<i64>(buf << 1) >= 0) {
        const raw = <i64>((buf << 2) >> 50);
        delta += raw > 0x2000 ? raw - 0x4000 : raw;
        buf <<= 16;
        avail -= 16;
      } else if (<i64>(buf << 2) >= 0) {
        const raw = <i64>((buf << 3) >> 47);
        delta += raw > 0x10000 ? raw - 0x20000 : raw;
        buf <<= 20;
        avail -= 20;
      } else if (<i64>(buf << 3) >= 0) {
        const raw = <i64>((buf << 4) >> 44);
        delta += raw > 0x80000 ? raw - 0x100000 : raw;
        buf <<= 24;
        avail -= 24;
      } else {
        buf <<= 4;
        avail -= 4;
        buf = fill(buf, avail, next);
        next += <usize>((63 - avail) >> 3);
        avail |= 56;
        let raw = (buf >> 32) << 32;
        buf <<= 32;
        avail -= 32;
        buf = fill(buf, avail, next);
        next += <usize>((63 - avail) >> 3);
        avail |= 56;
        raw |= buf >> 32;
        buf <<= 32;
        avail -= 32;
        delta += <i64>raw;
      }
      t += delta;
      if (avail < 13) {
        buf = fill(buf, avail, next);
        next += <usize>((63 - avail) >> 3);
        avail |= 56;
      }
    }
    if (i > 0) {
      if (<i64>buf >= 0) {
        buf <<= 1;
        avail -= 1;
      } else {
        if (<i64>(buf << 1) >= 0) {
          buf <<= 2;
          avail -= 2;
        } else {
          const leading = <i32>((buf >> 57) & 31);
          width = <i32>((buf >> 51) & 63);
          if (width == 0) width = 64;
          trailing = 64 - leading - width;
          if (trailing < 0) return -1;
          buf <<= 13;
          avail -= 13;
        }
        if (avail < width) {
          buf = fill(buf, avail, next);
          next += <usize>((63 - avail) >> 3);
          avail |= 56;
        }
        if (width <= avail) {
          // A window of no bits is one that was never set: the stream is damaged.
          if (width == 0) return -1;
          bits ^= (buf >> <u64>(64 - width)) << (<u64>trailing);
          // A shift by 64 would be one by 0.
          buf = (buf << (<u64>(width - 1))) << 1;
          avail -= width;
        } else {
          // More than 56 bits, in two steps.
          const upper = buf >> 32;
          buf <<= 32;
          avail -= 32;
          buf = fill(buf, avail, next);
          next += <usize>((63 - avail) >> 3);
          avail |= 56;
          const rest = width - 32;
          bits ^= ((upper << (<u64>rest)) | (buf >> <u64>(64 - rest))) << (<u64>trailing);
          buf <<= <u64>rest;
          avail -= rest;
        }
      }
    }
    if (t < min) continue;
    if (t > max) break;
    if (bits == staleBits) {
      store<f64>(staleTo, <f64>t);
      staleTo += 8;
      continue;
    }
    store<f64>(times, <f64>t);
    store<u64>(values, bits);
    times += 8;
    values += 8;
  }
  // What was read behind the end is damage: `avail` bits of the bytes before `next` are left.
  if (((next - from) << 3) - <usize>avail > (to - from) << 3) return -1;
  return <i32>((times - first) >> 3);
}
