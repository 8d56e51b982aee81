/**
 * A growing run of bytes with the number forms of Prometheus' files (tsdb-format.md §1). Its mirror is ByteReader.
 *
 * Integers are JavaScript numbers up to 2^53; ±Infinity stand for the ends of the 64-bit range, which only tombstones use.
 */
const two32 = 2 ** 32;

export class ByteWriter {
  #bytes: Buffer;
  #view: DataView;
  /** Bytes written so far. */
  length = 0;

  constructor(capacity = 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  reset(): this {
    this.length = 0;
    return this;
  }

  /** A view of what was written; valid until the next write or reset. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  #reserve(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.length = needed;
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  be16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  be32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  /** Signed or unsigned up to 2^53. */
  be64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setInt32(at, Math.floor(value / two32));
    this.#view.setUint32(at + 4, value);
  }

  /** Two 32-bit words, the high one first: exact bits of a float, or a pair. */
  words(high: number, low: number): void {
    const at = this.#reserve(8);
    this.#view.setUint32(at, high);
    this.#view.setUint32(at + 4, low);
  }

  f64(value: number): void {
    // An ordinary NaN has one form in Prometheus' files; a stale marker is written as words.
    if (Number.isNaN(value)) {
      this.words(0x7ff80000, 1);
      return;
    }
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  uvarint(value: number): void {
    let left = value;
    if (left < 0x80) {
      this.u8(left);
      return;
    }
    let at = this.#reserve(10);
    const bytes = this.#bytes;
    while (left >= 0x80000000) {
      bytes[at++] = (left & 0x7f) | 0x80;
      left = Math.floor(left / 128);
    }
    while (left >= 0x80) {
      bytes[at++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    bytes[at++] = left;
    this.length = at;
  }

  varint(value: number): void {
    if (value >= 0) {
      if (value === Infinity) this.#endOfRange(0xfe);
      else this.uvarint(value * 2);
    } else if (value === -Infinity) {
      this.#endOfRange(0xff);
    } else {
      this.uvarint(-value * 2 - 1);
    }
  }

  #endOfRange(first: number): void {
    this.u8(first);
    for (let i = 0; i < 8; i++) this.u8(0xff);
    this.u8(1);
  }

  string(text: string): void {
    const { length } = text;
    // Almost all label text is short ASCII: no detour over an encoder.
    if (length < 64) {
      const at = this.#reserve(length + 1);
      const bytes = this.#bytes;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[at + 1 + i] = code;
      }
      if (i === length) {
        bytes[at] = length;
        return;
      }
      this.length = at;
    }
    const size = Buffer.byteLength(text);
    this.uvarint(size);
    const at = this.#reserve(size);
    this.#bytes.write(text, at);
  }

  bytes(source: Uint8Array, start = 0, end = source.length): void {
    const at = this.#reserve(end - start);
    this.#bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), at);
  }

  zeros(count: number): void {
    const at = this.#reserve(count);
    this.#bytes.fill(0, at, at + count);
  }

  /** Overwrites four bytes written earlier. */
  setBe32(at: number, value: number): void {
    this.#view.setUint32(at, value);
  }
}
