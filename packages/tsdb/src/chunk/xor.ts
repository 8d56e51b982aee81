/**
 * XOR chunks (tsdb-format.md §5.3; Gorilla §4.1): be16 sample count, then a bit stream of second differences of time and XORs
 * of value bits. Encoder and decoder are mirror images. Hot: bench `tsdb`.
 *
 * Values travel as two 32-bit words, so that the stale marker keeps its bits.
 */
import { damaged } from '../errors.ts';
import { highWord, staleHigh, staleLow } from '../sample-columns.ts';

export const xorEncoding = 1;
/** Worst case of one sample: 4 + 64 bits of time, 2 + 5 + 6 + 64 bits of value. */
export const maxSampleBytes = 19;
const headerBytes = 2;
/** No window of significant bits yet. */
export const noWindow = 0xff;
const two32 = 2 ** 32;

/**
 * Appends samples to the bit stream of one chunk. The state is open to the caller, who parks it in columns between the
 * batches of a series: an object per series would be too much.
 */
export class XorEncoder {
  /** Where the stream is written; bit 0 of the stream's part that is held here is bit 7 of byte 0. */
  bytes: Uint8Array;
  /** Next bit in `bytes`. */
  bit = 0;
  count = 0;
  tMs = 0;
  deltaMs = 0;
  high = 0;
  low = 0;
  leading = noWindow;
  trailing = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** A new chunk; the caller writes the two bytes of the count itself. */
  begin(): void {
    this.bit = 0;
    this.count = 0;
    this.deltaMs = 0;
    this.leading = noWindow;
    this.trailing = 0;
  }

  append(tMs: number, high: number, low: number): void {
    if (this.count === 0) {
      this.#varint(tMs);
      this.#bits(high, 32);
      this.#bits(low, 32);
    } else {
      const deltaMs = tMs - this.tMs;
      if (this.count === 1) this.#uvarint(deltaMs);
      else this.#secondDifference(deltaMs - this.deltaMs);
      this.deltaMs = deltaMs;
      this.#value((high ^ this.high) >>> 0, (low ^ this.low) >>> 0);
    }
    this.tMs = tMs;
    this.high = high;
    this.low = low;
    this.count++;
  }

  #secondDifference(dod: number): void {
    if (dod === 0) this.#bits(0, 1);
    else if (dod >= -8191 && dod <= 8192) this.#bits(0x8000 | (dod & 0x3fff), 16);
    else if (dod >= -65535 && dod <= 65536) this.#bits(0xc0000 | (dod & 0x1ffff), 20);
    else if (dod >= -524287 && dod <= 524288) this.#bits(0xe00000 | (dod & 0xfffff), 24);
    else {
      this.#bits(0xf, 4);
      this.#bits(Math.floor(dod / two32) >>> 0, 32);
      this.#bits(dod >>> 0, 32);
    }
  }

  #value(high: number, low: number): void {
    if (high === 0 && low === 0) {
      this.#bits(0, 1);
      return;
    }
    let leading = high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
    const trailing = low !== 0 ? 31 - Math.clz32(low & -low) : 63 - Math.clz32(high & -high);
    if (leading > 31) leading = 31;
    if (this.leading !== noWindow && leading >= this.leading && trailing >= this.trailing) {
      this.#bits(2, 2);
      this.#significant(high, low, this.leading, this.trailing);
      return;
    }
    this.leading = leading;
    this.trailing = trailing;
    const significant = 64 - leading - trailing;
    // 64 significant bits do not fit six bits and are written as 0.
    this.#bits((3 << 11) | (leading << 6) | (significant & 63), 13);
    this.#significant(high, low, leading, trailing);
  }

  /** The bits between the leading and the trailing zeros. `leading` is at most 31, so the top word always takes part. */
  #significant(high: number, low: number, leading: number, trailing: number): void {
    if (trailing >= 32) {
      this.#bits(high >>> (trailing - 32), 64 - leading - trailing);
      return;
    }
    this.#bits(high, 32 - leading);
    this.#bits(low >>> trailing, 32 - trailing);
  }

  /** Writes the low `count` bits of `value`, 1 ≤ count ≤ 32. */
  #bits(value: number, count: number): void {
    const { bytes } = this;
    let left = count;
    let at = this.bit >>> 3;
    const used = this.bit & 7;
    this.bit += count;
    if (used > 0) {
      const room = 8 - used;
      if (left <= room) {
        bytes[at] = (bytes[at] as number) | ((value & (0xff >>> (8 - left))) << (room - left));
        return;
      }
      left -= room;
      bytes[at] = (bytes[at] as number) | ((value >>> left) & (0xff >>> used));
      at++;
    }
    while (left >= 8) {
      left -= 8;
      bytes[at++] = value >>> left;
    }
    if (left > 0) bytes[at] = value << (8 - left);
  }

  #uvarint(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.#bits((left & 0x7f) | 0x80, 8);
      left = Math.floor(left / 128);
    }
    this.#bits(left, 8);
  }

  #varint(value: number): void {
    this.#uvarint(value >= 0 ? value * 2 : -value * 2 - 1);
  }
}

/** Where decoded samples go: parallel arrays of the same length. */
export interface DecodeTarget {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly stale: Uint8Array;
}

/**
 * Decodes `count` samples of the chunk `bytes[start, end)` into `target` from index `at` on; the arrays must have room. Values
 * are written as bits: also that of a stale marker stands in `values`, exactly. Throws StorageError `damaged` when the stream ends
 * early.
 *
 * The stream is looked at through windows of 32 bits: everything but a value's significant bits fits into one.
 */
export function decodeXor(bytes: Uint8Array, start: number, end: number, count: number, target: DecodeTarget, at: number): void {
  const { times, stale } = target;
  const words = new Uint32Array(target.values.buffer, target.values.byteOffset, target.values.length * 2);
  const endBit = end * 8;
  let bit = (start + headerBytes) * 8;
  let t = 0;
  let delta = 0;
  let high = 0;
  let low = 0;
  let leading = 0;
  let trailing = 0;
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      const time = readUvarint(bytes, bit);
      t = time % 2 === 0 ? time / 2 : -(time + 1) / 2;
      bit += uvarintBits;
      high = windowAt(bytes, bit);
      low = windowAt(bytes, bit + 32);
      bit += 64;
    } else {
      if (i === 1) {
        delta = readUvarint(bytes, bit);
        bit += uvarintBits;
      } else {
        const window = windowAt(bytes, bit);
        if (window >= 0) {
          bit += 1;
        } else if (window << 1 >= 0) {
          bit += 16;
          delta += signed(window >>> 16, 0x3fff, 0x2000);
        } else if (window << 2 >= 0) {
          bit += 20;
          delta += signed(window >>> 12, 0x1ffff, 0x10000);
        } else if (window << 3 >= 0) {
          bit += 24;
          delta += signed(window >>> 8, 0xfffff, 0x80000);
        } else {
          delta += windowAt(bytes, bit + 4) * two32 + (windowAt(bytes, bit + 36) >>> 0);
          bit += 68;
        }
      }
      t += delta;
      const window = windowAt(bytes, bit);
      if (window >= 0) {
        bit += 1;
      } else {
        if (window << 1 >= 0) {
          bit += 2;
        } else {
          bit += 13;
          leading = (window >>> 25) & 31;
          trailing = 64 - leading - ((window >>> 19) & 63 || 64);
          if (trailing < 0) throw damaged('XOR chunk: a window of more than 64 bits');
        }
        if (trailing >= 32) {
          const width = 64 - leading - trailing;
          high ^= (windowAt(bytes, bit) >>> (32 - width)) << (trailing - 32);
          bit += width;
        } else {
          high ^= windowAt(bytes, bit) >>> leading;
          bit += 32 - leading;
          low ^= (windowAt(bytes, bit) >>> trailing) << trailing;
          bit += 32 - trailing;
        }
      }
    }
    const out = at + i;
    times[out] = t;
    words[2 * out + highWord] = high;
    words[2 * out + 1 - highWord] = low;
    stale[out] = high === staleHigh && low === staleLow ? 1 : 0;
  }
  // What was read behind the end is thrown away with the rest.
  if (bit > endBit) throw damaged(`XOR chunk: the stream of ${count} samples ends early`);
}

/** 32 bits from any bit on, as a signed integer: its sign is the first bit. Zeros behind the end. */
function windowAt(bytes: Uint8Array, bit: number): number {
  const index = bit >>> 3;
  const shift = bit & 7;
  const first =
    ((bytes[index] as number) << 24) |
    ((bytes[index + 1] as number) << 16) |
    ((bytes[index + 2] as number) << 8) |
    (bytes[index + 3] as number);
  return (first << shift) | ((bytes[index + 4] as number) >>> (8 - shift));
}

/** The low bits, with the format's sign: exactly half of the range is positive. */
function signed(raw: number, mask: number, half: number): number {
  const value = raw & mask;
  return value > half ? value - mask - 1 : value;
}

/** Length of the last varint that was read. */
let uvarintBits = 0;

function readUvarint(bytes: Uint8Array, bit: number): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    const byte = windowAt(bytes, bit + 8 * i) >>> 24;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      uvarintBits = 8 * (i + 1);
      return value;
    }
    scale *= 128;
  }
  throw damaged('XOR chunk: a number of more than 10 bytes');
}
