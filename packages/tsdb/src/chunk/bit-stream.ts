/**
 * Bits in a row, the highest of a byte first, and the variable-length integers of histogram chunks (tsdb-format.md §5.5).
 * Reader and writer are mirror images. Not for the float hot path: xor.ts has its own.
 */
import { damaged } from '../errors.ts';

const two32 = 2 ** 32;
/** Payload bits behind a prefix of 1, 2, 3 … ones. */
const widths = [3, 6, 9, 12, 18, 25, 56, 64] as const;

const view = new DataView(new ArrayBuffer(8));

export class BitWriter {
  #bytes = new Uint8Array(256);
  #bit = 0;

  /** A view of what was written; the last byte is filled up with zeros. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, (this.#bit + 7) >>> 3);
  }

  /** The low `count` bits of `value`, at most 32. */
  bits(value: number, count: number): void {
    if ((this.#bit + count + 7) >>> 3 > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    for (let i = count - 1; i >= 0; i--) {
      if (((value >>> i) & 1) === 1) this.#bytes[this.#bit >>> 3] = (this.#bytes[this.#bit >>> 3] as number) | (0x80 >>> (this.#bit & 7));
      this.#bit++;
    }
  }

  words(high: number, low: number): void {
    this.bits(high, 32);
    this.bits(low, 32);
  }

  f64(value: number): void {
    view.setFloat64(0, value);
    this.words(view.getUint32(0), view.getUint32(4));
  }

  varbit(value: number): void {
    this.#withPrefix(value, (width) => value >= -(2 ** (width - 1) - 1) && value <= 2 ** (width - 1));
  }

  uvarbit(value: number): void {
    this.#withPrefix(value, (width) => value < 2 ** width);
  }

  #withPrefix(value: number, fits: (width: number) => boolean): void {
    if (value === 0) {
      this.bits(0, 1);
      return;
    }
    let ones = widths.findIndex(fits) + 1;
    if (ones === 0) ones = widths.length;
    // Eight ones need no zero to end them.
    if (ones === widths.length) this.bits(0xff, 8);
    else this.bits((2 ** ones - 1) * 2, ones + 1);
    const width = widths[ones - 1] as number;
    if (width > 32) this.bits(Math.floor(value / two32) >>> 0, width - 32);
    this.bits(value >>> 0, Math.min(width, 32));
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  #bit: number;

  constructor(bytes: Uint8Array, startByte: number) {
    this.#bytes = bytes;
    this.#bit = startByte * 8;
  }

  /** At most 32 bits, unsigned. Throws StorageError `damaged` at the end of the stream. */
  bits(count: number): number {
    if (this.#bit + count > this.#bytes.length * 8) throw damaged('the bit stream of a chunk ends early');
    let value = 0;
    for (let left = count; left > 0; ) {
      const room = 8 - (this.#bit & 7);
      const take = Math.min(room, left);
      const byte = this.#bytes[this.#bit >>> 3] as number;
      value = value * 2 ** take + ((byte >>> (room - take)) & ((1 << take) - 1));
      this.#bit += take;
      left -= take;
    }
    return value;
  }

  f64(): number {
    view.setUint32(0, this.bits(32));
    view.setUint32(4, this.bits(32));
    return view.getFloat64(0);
  }

  /** Whole bytes of the stream's varints: not aligned to bytes of the chunk. */
  uvarint(): number {
    let value = 0;
    for (let scale = 1, i = 0; i < 10; i++, scale *= 128) {
      const byte = this.bits(8);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw damaged('a number of more than ten bytes in a chunk');
  }

  varint(): number {
    const raw = this.uvarint();
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  varbit(): number {
    const width = this.#width();
    if (width === 0) return 0;
    if (width === 64) return (this.bits(32) | 0) * two32 + this.bits(32);
    if (width < 32) {
      const value = this.bits(width);
      return value > 2 ** (width - 1) ? value - 2 ** width : value;
    }
    // 56 bits: the sign goes to the high word, or the sum would be rounded.
    const high = this.bits(24);
    const low = this.bits(32);
    const isNegative = high > 2 ** 23 || (high === 2 ** 23 && low > 0);
    return (isNegative ? high - 2 ** 24 : high) * two32 + low;
  }

  uvarbit(): number {
    const width = this.#width();
    return width === 0 ? 0 : this.#wide(width);
  }

  #width(): number {
    let ones = 0;
    while (ones < widths.length && this.bits(1) === 1) ones++;
    return ones === 0 ? 0 : (widths[ones - 1] as number);
  }

  #wide(width: number): number {
    return width <= 32 ? this.bits(width) : this.bits(width - 32) * two32 + this.bits(32);
  }
}

/** State of one chain of XORed floats (tsdb-format.md §5.3, value field). */
export class XorChain {
  #high = 0;
  #low = 0;
  #leading = 0xff;
  #trailing = 0;

  /** The first value, which stands in the stream as it is. */
  begin(high: number, low: number): void {
    this.#high = high;
    this.#low = low;
  }

  write(out: BitWriter, high: number, low: number): void {
    const x = (high ^ this.#high) >>> 0;
    const y = (low ^ this.#low) >>> 0;
    this.#high = high;
    this.#low = low;
    if (x === 0 && y === 0) {
      out.bits(0, 1);
      return;
    }
    const leading = Math.min(31, x !== 0 ? Math.clz32(x) : 32 + Math.clz32(y));
    const trailing = y !== 0 ? 31 - Math.clz32(y & -y) : 63 - Math.clz32(x & -x);
    if (this.#leading !== 0xff && leading >= this.#leading && trailing >= this.#trailing) {
      out.bits(2, 2);
    } else {
      this.#leading = leading;
      this.#trailing = trailing;
      out.bits((3 << 11) | (leading << 6) | ((64 - leading - trailing) & 63), 13);
    }
    if (this.#trailing >= 32) {
      out.bits(x >>> (this.#trailing - 32), 64 - this.#leading - this.#trailing);
    } else {
      out.bits(x, 32 - this.#leading);
      out.bits(y >>> this.#trailing, 32 - this.#trailing);
    }
  }

  /** Reads on; `high` and `low` are the new value. */
  read(from: BitReader): void {
    if (from.bits(1) === 0) return;
    if (from.bits(1) === 1) {
      this.#leading = from.bits(5);
      this.#trailing = 64 - this.#leading - (from.bits(6) || 64);
      if (this.#trailing < 0) throw damaged('a window of more than 64 bits in a chunk');
    } else if (this.#leading === 0xff) {
      this.#leading = 0;
      this.#trailing = 0;
    }
    if (this.#trailing >= 32) {
      this.#high = (this.#high ^ (from.bits(64 - this.#leading - this.#trailing) << (this.#trailing - 32))) >>> 0;
    } else {
      this.#high = (this.#high ^ from.bits(32 - this.#leading)) >>> 0;
      this.#low = (this.#low ^ (from.bits(32 - this.#trailing) << this.#trailing)) >>> 0;
    }
  }

  get high(): number {
    return this.#high;
  }

  get low(): number {
    return this.#low;
  }

  get value(): number {
    view.setUint32(0, this.#high);
    view.setUint32(4, this.#low);
    return view.getFloat64(0);
  }
}
