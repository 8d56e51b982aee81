// AssemblyScript. Points of a matrix as the API's JSON: `[1700000000.137,"0.1"],…`. Twin: src/api/point-text.ts, which also draws the
// map of the memory and fills in the two tables.
//
// Shortest digits by Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020): of the decimals that read back to the
// same bits one of the shortest, and of those the nearest. Numbers with up to four decimals, and whole ones, take a shorter way.

/** 128 bits of each power of ten from 10^-292 up to 10^324, the high half first. */
let powersAt: usize = 0;
/** `00` to `99`. */
let pairsAt: usize = 0;
/** Times that were written lately: 8192 × (f64 time, u8 length, text). */
let slotsAt: usize = 0;

/** Where memory is free for the caller's map. */
export function freeFrom(): usize {
  return (__heap_base + 63) & ~63;
}

export function place(powers: usize, pairs: usize, slots: usize): void {
  powersAt = powers;
  pairsAt = pairs;
  slotsAt = slots;
}

/**
 * Writes `count` points from columns of f64, with commas between them and, if `follows`, one before the first. Returns where the text
 * ends; a point takes 64 bytes at most.
 */
export function writePoints(times: usize, values: usize, count: i32, out: usize, follows: bool): usize {
  let p = out;
  for (let i = 0; i < count; i++) {
    if (follows || i > 0) store<u8>(p++, 0x2c);
    p = writeTime(p, load<f64>(times + ((<usize>i) << 3)));
    p = writeFloat(p, load<f64>(values + ((<usize>i) << 3)));
    store<u16>(p, 0x5d22); // "]
    p += 2;
  }
  return p;
}

/** `[1700000000.137,"` */
function writeTime(p: usize, tMs: f64): usize {
  const key = <i64>tMs;
  const slot = slotsAt + ((<usize>((<u64>key * 0x9e3779b97f4a7c15) >> 51)) << 5);
  if (load<f64>(slot) != tMs || load<u8>(slot, 8) == 0) fillSlot(slot, tMs, key);
  store<u64>(p, load<u64>(slot, 9));
  store<u64>(p, load<u64>(slot, 17), 8);
  store<u64>(p, load<u64>(slot, 24), 15);
  return p + load<u8>(slot, 8);
}

function fillSlot(slot: usize, tMs: f64, key: i64): void {
  store<f64>(slot, tMs);
  let p = slot + 9;
  store<u8>(p++, 0x5b); // [
  if (key < 0) {
    store<u8>(p++, 0x2d);
    key = -key;
  }
  const seconds = <u64>key / 1000;
  const ms = <u32>(<u64>key - seconds * 1000);
  p = writeInteger(p, seconds);
  if (ms != 0) {
    store<u8>(p, 0x2e);
    store<u8>(p, 0x30 + <u8>(ms / 100), 1);
    store<u16>(p, load<u16>(pairsAt + <usize>((ms % 100) << 1)), 2);
    p += 4;
  }
  store<u16>(p, 0x222c); // ,"
  store<u8>(slot, <u8>(p + 2 - (slot + 9)), 8);
}

/** Decimal from 1e-6 up to 1e21, else with an exponent of at least two digits; `NaN`, `+Inf`, `-Inf`, `-0`. Returns the end. */
export function writeFloat(p: usize, value: f64): usize {
  const bits = reinterpret<u64>(value);
  const isNegative = bits >> 63 != 0;
  const size = abs(value);
  if (size < 1e15) {
    const whole = <u64>size;
    if (<f64>whole == size) {
      if (isNegative) store<u8>(p++, 0x2d);
      return writeInteger(p, whole);
    }
    if (size < 1e11) {
      // At most fifteen digits that read back to the same bits are the shortest, for no two such decimals share their bits.
      const scaled = nearest(size * 1e4);
      if (scaled / 1e4 == size) {
        if (isNegative) store<u8>(p++, 0x2d);
        return writeTenThousandths(p, <u64>scaled);
      }
    }
  } else if (!(size <= f64.MAX_VALUE)) {
    if (size != size) {
      store<u32>(p, 0x4e614e); // NaN
      return p + 3;
    }
    store<u32>(p, isNegative ? 0x666e492d : 0x666e492b); // -Inf +Inf
    return p + 4;
  }
  if (isNegative) store<u8>(p++, 0x2d);
  return writeShortest(p, bits);
}

function writeTenThousandths(p: usize, scaled: u64): usize {
  const whole = scaled / 10000;
  const rest = <u32>(scaled - whole * 10000);
  p = writeInteger(p, whole);
  const high = rest / 100;
  const low = rest - high * 100;
  store<u8>(p, 0x2e);
  store<u16>(p, load<u16>(pairsAt + <usize>(high << 1)), 1);
  store<u16>(p, load<u16>(pairsAt + <usize>(low << 1)), 3);
  p += 5;
  while (load<u8>(p - 1) == 0x30) p--;
  return p;
}

function writeShortest(p: usize, bits: u64): usize {
  const fraction = bits & 0xfffffffffffff;
  const biased = <i32>((bits >> 52) & 0x7ff);
  const c: u64 = biased != 0 ? fraction | 0x10000000000000 : fraction;
  const q: i32 = biased != 0 ? biased - 1075 : -1074;
  const isEven = (c & 1) == 0;
  const isLowerCloser = fraction == 0 && biased > 1;
  // floor(log10(2^q)), floor(log10(3/4 · 2^q)); floor(log2(10^-k)) below.
  let k: i32 = isLowerCloser ? (q * 1262611 - 524031) >> 22 : (q * 1262611) >> 22;
  const shift = q + ((-k * 1741647) >> 19) + 1;
  const power = powersAt + ((<usize>(292 - k)) << 4);
  const gHigh = load<u64>(power);
  const gLow = load<u64>(power, 8);

  // g · 4c · 2^shift in three words; the interval's ends lie two units of 4c (one below, where the exponent changes) away.
  const cp: u64 = c << (2 + shift);
  const low0 = gLow * cp;
  const high0 = highHalf(gLow, cp);
  const low1 = gHigh * cp;
  const v1 = low1 + high0;
  const v2 = highHalf(gHigh, cp) + <u64>(v1 < low1);
  const d0 = gLow << (shift + 1);
  const d1 = (gHigh << (shift + 1)) | (gLow >> (63 - shift));
  const d2 = gHigh >> (63 - shift);
  let r0 = low0 + d0;
  let carry = <u64>(r0 < low0);
  let r1 = v1 + d1;
  let carry1 = <u64>(r1 < v1);
  r1 += carry;
  carry1 += <u64>(r1 < carry);
  const r2 = v2 + d2 + carry1;
  let e0 = d0;
  let e1 = d1;
  let e2 = d2;
  if (isLowerCloser) {
    e0 = (d0 >> 1) | (d1 << 63);
    e1 = (d1 >> 1) | (d2 << 63);
    e2 = d2 >> 1;
  }
  let borrow = <u64>(low0 < e0);
  const l1a = v1 - e1;
  let borrow1 = <u64>(v1 < e1);
  const l1 = l1a - borrow;
  borrow1 += <u64>(l1a < borrow);
  const l2 = v2 - e2 - borrow1;

  const vb = v2 | <u64>(v1 > 1);
  const lower = (l2 | <u64>(l1 > 1)) + <u64>!isEven;
  const upper = (r2 | <u64>(r1 > 1)) - <u64>!isEven;

  let digits: u64;
  const s = vb >> 2;
  const tens = s / 10;
  const isUnderInside = lower <= 40 * tens;
  const isOverInside = 40 * tens + 40 <= upper;
  if (s >= 10 && isUnderInside != isOverInside) {
    digits = tens + <u64>isOverInside;
    k++;
  } else {
    const isBelowInside = lower <= s << 2;
    const isAboveInside = (s << 2) + 4 <= upper;
    if (isBelowInside != isAboveInside) digits = s + <u64>isAboveInside;
    else {
      const middle = (s << 2) + 2;
      digits = s + <u64>(vb > middle || (vb == middle && (s & 1) != 0));
    }
  }
  while (digits % 10 == 0) {
    digits /= 10;
    k++;
  }
  return writeDecimal(p, digits, k);
}

/** digits · 10^k, the last digit not 0. */
function writeDecimal(p: usize, digits: u64, k: i32): usize {
  const start = p;
  const length = digitCount(digits);
  const point = length + k;
  if (point > 0 && point <= 21) {
    p = writeInteger(p, digits);
    if (k >= 0) {
      for (let i = 0; i < k; i++) store<u8>(p++, 0x30);
      return p;
    }
    // The digits after the point, 16 at most, move one to the right.
    v128.store(start + point + 1, v128.load(start + point));
    store<u8>(start + point, 0x2e);
    return p + 1;
  }
  if (point <= 0 && point > -6) {
    store<u64>(p, 0x3030303030302e30); // 0.000000
    return writeInteger(p + 2 - point, digits);
  }
  p = writeInteger(p + 1, digits);
  store<u8>(start, load<u8>(start, 1));
  if (length > 1) store<u8>(start, 0x2e, 1);
  else p = start + 1;
  let exponent = point - 1;
  store<u16>(p, exponent < 0 ? 0x2d65 : 0x2b65); // e- e+
  p += 2;
  if (exponent < 0) exponent = -exponent;
  if (exponent >= 100) {
    store<u8>(p++, 0x30 + <u8>(exponent / 100));
    exponent %= 100;
  }
  store<u16>(p, load<u16>(pairsAt + <usize>(exponent << 1)));
  return p + 2;
}

function digitCount(value: u64): i32 {
  if (value >= 100000000) {
    const high = <u32>(value / 100000000);
    return 8 + smallCount(high);
  }
  return smallCount(<u32>value);
}

/** Below 10^9. */
function smallCount(value: u32): i32 {
  if (value < 10000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1000000) return value < 100000 ? 5 : 6;
  return value < 10000000 ? 7 : value < 100000000 ? 8 : 9;
}

/** Below 10^17. */
function writeInteger(p: usize, value: u64): usize {
  if (value < 100000000) return writeSmall(p, <u32>value);
  const high = value / 100000000;
  p = writeSmall(p, <u32>high);
  return writeEight(p, <u32>(value - high * 100000000));
}

/** Below 10^9, without leading zeros. */
function writeSmall(p: usize, value: u32): usize {
  const end = p + smallCount(value);
  let at = end;
  while (value >= 100) {
    const rest = value / 100;
    at -= 2;
    store<u16>(at, load<u16>(pairsAt + <usize>((value - rest * 100) << 1)));
    value = rest;
  }
  if (value >= 10) store<u16>(at - 2, load<u16>(pairsAt + <usize>(value << 1)));
  else store<u8>(at - 1, 0x30 + <u8>value);
  return end;
}

/** Exactly eight digits. */
function writeEight(p: usize, value: u32): usize {
  const high = value / 10000;
  const low = value - high * 10000;
  const a = high / 100;
  const b = low / 100;
  store<u16>(p, load<u16>(pairsAt + <usize>(a << 1)));
  store<u16>(p, load<u16>(pairsAt + <usize>((high - a * 100) << 1)), 2);
  store<u16>(p, load<u16>(pairsAt + <usize>(b << 1)), 4);
  store<u16>(p, load<u16>(pairsAt + <usize>((low - b * 100) << 1)), 6);
  return p + 8;
}

/** The upper 64 of the 128 bits of a product. */
function highHalf(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const middle1 = aHigh * bLow + (low >> 32);
  const middle2 = aLow * bHigh + (middle1 & 0xffffffff);
  return aHigh * bHigh + (middle1 >> 32) + (middle2 >> 32);
}
