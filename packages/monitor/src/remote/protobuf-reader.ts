/**
 * Walks over the fields of a protobuf message and of the messages inside it. Trusts nothing: every length is checked against what remains.
 * One reader serves a whole request: a message inside is entered and left, not read by a reader of its own.
 */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const keptTexts = 4096;

export class ProtobufReader {
  field = 0;
  wireType = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  /** Moves to the next field of the message that is open. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) throw new ProtobufError(`field 0 at ${this.#at}`);
    return true;
  }

  /** Opens the message in this field; what is returned is for `leave`. */
  enter(): number {
    const outer = this.#end;
    this.#end = this.#lengthDelimited();
    return outer;
  }

  leave(outer: number): void {
    this.#at = this.#end;
    this.#end = outer;
  }

  /** Whether more of the open message follows: for packed lists. */
  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  text(): string {
    const end = this.#lengthDelimited();
    const start = this.#at;
    this.#at = end;
    return textOf(this.#bytes, start, end);
  }

  /** Of the double that comes next. */
  isStaleMarker(): boolean {
    if (this.#at + 8 > this.#end) throw new ProtobufError(`a double is cut off at ${this.#at}`);
    return this.#view.getUint32(this.#at, true) === 2 && this.#view.getUint32(this.#at + 4, true) === 0x7ff00000;
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new ProtobufError(`a double is cut off at ${this.#at}`);
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  /** Exact within ±2^53. */
  signed64(): number {
    let low = 0;
    let high = 0;
    for (let i = 0; ; i++) {
      const byte = this.#byte(i);
      if (i < 4) low += (byte & 0x7f) * 2 ** (7 * i);
      else high += (byte & 0x7f) * 2 ** (7 * (i - 4));
      if (byte < 0x80) break;
    }
    // 28 bits below, 36 above: the top one is the sign.
    const value = high >= 2 ** 35 ? (high - 2 ** 36) * 2 ** 28 + low : high * 2 ** 28 + low;
    if (!Number.isSafeInteger(value)) throw new ProtobufError('a timestamp is out of range');
    return value;
  }

  unsigned64(): number {
    return this.#varint();
  }

  /** `sint32` and `sint64`: small numbers of either sign. */
  zigzag(): number {
    const raw = this.#varint();
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  skip(): void {
    if (this.wireType === 0) this.#varint();
    else if (this.wireType === 1) this.#at += 8;
    else if (this.wireType === 2) this.#at = this.#lengthDelimited();
    else if (this.wireType === 5) this.#at += 4;
    else throw new ProtobufError(`wire type ${this.wireType} at ${this.#at}`);
    if (this.#at > this.#end) throw new ProtobufError('the message is cut off');
  }

  /** Where the content that starts now ends. */
  #lengthDelimited(): number {
    const length = this.#varint();
    if (length > this.#end - this.#at) throw new ProtobufError(`${length} bytes at ${this.#at} are more than there are`);
    return this.#at + length;
  }

  /** Byte `i` of a number. */
  #byte(i: number): number {
    const at = this.#at++;
    if (at >= this.#end || i > 9) throw new ProtobufError(`a number is cut off at ${at}`);
    return this.#bytes[at] as number;
  }

  #varint(): number {
    let value = this.#byte(0);
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let i = 1; ; i++) {
      const byte = this.#byte(i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
  }
}

/** Texts that were read lately, by hash of their bytes: names and values of labels come again and again. */
const texts: (string | undefined)[] = Array.from({ length: keptTexts }, () => undefined);

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let hash = 0x811c9dc5;
  let highest = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    highest |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const place = (hash ^ (hash >>> 15)) & (keptTexts - 1);
  const known = texts[place];
  if (highest < 0x80 && known !== undefined && isText(known, bytes, start, end)) return known;
  let text: string;
  try {
    text = utf8.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtobufError(`text at ${start} is not UTF-8`);
  }
  if (highest < 0x80 && text.length < 256) texts[place] = text;
  return text;
}

function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
