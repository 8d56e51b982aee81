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

export function chunkSampleCount(bytes: Uint8Array, start: number): number {
  return ((bytes[start] as number) << 8) | (bytes[start + 1] as number);
}

const words = new Uint32Array(2);
const double = new Float64Array(words.buffer);

/**
 * Decodes `count` samples of the chunk `bytes[start, end)` into `target` from index `at` on; the arrays must have room. `bits`, if
 * given, gets the values' words (as SampleColumns has them), to encode them again.
 * Throws StorageError `damaged` when the stream ends early.
 */
export function decodeXor(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  target: DecodeTarget,
  at: number,
  bits?: Uint32Array,
): void {
  const { times, values, stale } = target;
  const endBit = (end - start) * 8;
  // The stream is read through a window of bits, counted from the start of the chunk.
  let bit = headerBytes * 8;
  let t = 0;
  let delta = 0;
  let high = 0;
  let low = 0;
  let leading = 0;
  let trailing = 0;

  const read = (width: number): number => {
    let value = 0;
    let left = width;
    let index = start + (bit >>> 3);
    const used = bit & 7;
    bit += width;
    const room = 8 - used;
    const first = (bytes[index] as number) & (0xff >>> used);
    if (left <= room) return first >>> (room - left);
    value = first;
    left -= room;
    index++;
    while (left >= 8) {
      value = (value << 8) | (bytes[index++] as number);
      left -= 8;
    }
    if (left > 0) value = (value << left) | ((bytes[index] as number) >>> (8 - left));
    return value >>> 0;
  };

  for (let i = 0; i < count; i++) {
    if (i === 0) {
      const raw = readUvarint(read);
      t = raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
      high = read(32);
      low = read(32);
    } else {
      if (i === 1) {
        delta = readUvarint(read);
      } else if (read(1) !== 0) {
        // After the first 1: 0, 10, 110 or 111.
        let ones = 0;
        while (ones < 3 && read(1) !== 0) ones++;
        const width = 14 + 3 * ones;
        if (ones === 3) {
          const top = read(32) | 0;
          delta += top * two32 + read(32);
        } else {
          const raw = read(width);
          const half = 2 ** (width - 1);
          delta += raw > half ? raw - 2 * half : raw;
        }
      }
      t += delta;
      if (read(1) !== 0) {
        if (read(1) !== 0) {
          leading = read(5);
          const significant = read(6) || 64;
          trailing = 64 - leading - significant;
          if (trailing < 0) throw damaged('XOR chunk: a window of more than 64 bits');
        }
        if (trailing >= 32) {
          high ^= read(64 - leading - trailing) << (trailing - 32);
        } else {
          high ^= read(32 - leading);
          low ^= read(32 - trailing) << trailing;
        }
      }
    }
    if (bit > endBit) throw damaged(`XOR chunk: the stream ends in sample ${i} of ${count}`);
    const out = at + i;
    times[out] = t;
    high >>>= 0;
    low >>>= 0;
    if (high === staleHigh && low === staleLow) {
      stale[out] = 1;
      values[out] = 0;
    } else {
      stale[out] = 0;
      words[highWord] = high;
      words[1 - highWord] = low;
      values[out] = double[0] as number;
    }
    if (bits !== undefined) {
      bits[2 * out + highWord] = high;
      bits[2 * out + 1 - highWord] = low;
    }
  }
}

function readUvarint(read: (width: number) => number): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    const byte = read(8);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw damaged('XOR chunk: a number of more than 10 bytes');
}
