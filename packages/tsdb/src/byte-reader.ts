/**
 * Reads what ByteWriter writes. Trusts nothing: every length is checked against what remains, and the error gives the offset.
 */
import { damaged } from './errors.ts';

const two32 = 2 ** 32;

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  #take(count: number): number {
    const { at } = this;
    if (count > this.end - at) throw damaged(`${count} bytes expected at offset ${at}, ${this.end - at} are there`, { offset: at });
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.#take(1)] as number;
  }

  be16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  be32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** A signed 64-bit integer; beyond 2^53 it is rounded, as only the ends of the range are (tombstones). */
  be64(): number {
    const at = this.#take(8);
    return this.#view.getInt32(at) * two32 + this.#view.getUint32(at + 4);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  uvarint(): number {
    const { bytes } = this;
    const start = this.at;
    const limit = Math.min(this.end, start + 10);
    let at = start;
    let value = 0;
    // 28 bits fit an integer without a sign; the rest goes by multiplication.
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= limit) throw this.#badVarint(start);
      const byte = bytes[at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
    }
    for (let scale = 2 ** 28; ; scale *= 128) {
      if (at >= limit) throw this.#badVarint(start);
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    this.at = at;
    return value;
  }

  #badVarint(start: number): Error {
    return damaged(`no number at offset ${start}`, { offset: start });
  }

  /** Values beyond ±2^62 are the ends of the range and come out as ±Infinity. */
  varint(): number {
    const raw = this.uvarint();
    if (raw >= 2 ** 63) return ((this.bytes[this.at - 10] as number) & 1) === 0 ? Infinity : -Infinity;
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  string(): string {
    const length = this.uvarint();
    const at = this.#take(length);
    return utf8(this.bytes, at, at + length);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** A view, not a copy. */
  take(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.subarray(at, at + count);
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Short ASCII, which nearly all label text is, is put together by hand: four times faster than a decoder call. */
function utf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 40) return decoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}
