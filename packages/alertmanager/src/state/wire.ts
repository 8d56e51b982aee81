/** The part of protobuf's wire format that the state files need: varints, lengths, sub-messages (protobuf.dev, "Encoding"). */
export class WireWriter {
  readonly #parts: Buffer[] = [];

  #varint(value: bigint): void {
    const bytes: number[] = [];
    let left = BigInt.asUintN(64, value);
    while (left >= 0x80n) {
      bytes.push(Number(left & 0x7fn) | 0x80);
      left >>= 7n;
    }
    bytes.push(Number(left));
    this.#parts.push(Buffer.from(bytes));
  }

  /** Zero is proto3's absence. */
  integer(field: number, value: number | bigint): this {
    if (BigInt(value) === 0n) return this;
    this.#varint(BigInt(field << 3));
    this.#varint(BigInt(value));
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(BigInt((field << 3) | 2));
    this.#varint(BigInt(value.length));
    this.#parts.push(Buffer.from(value));
    return this;
  }

  text(field: number, value: string): this {
    return value === '' ? this : this.bytes(field, Buffer.from(value));
  }

  message(field: number, write: (inner: WireWriter) => void): this {
    const inner = new WireWriter();
    write(inner);
    return this.bytes(field, inner.finish());
  }

  packed(field: number, values: readonly bigint[]): this {
    if (values.length === 0) return this;
    const inner = new WireWriter();
    for (const value of values) inner.#varint(value);
    return this.bytes(field, inner.finish());
  }

  double(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 1));
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(bytes);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export interface WireField {
  readonly field: number;
  /** A varint or fixed number; for lengths the bytes. */
  readonly value: bigint | Buffer;
}

/** Throws when the bytes are cut or no message. */
export function readFields(bytes: Buffer): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    const { value, next } = readVarint(bytes, at);
    at = next;
    return value;
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Number(tag >> 3n);
    const kind = Number(tag & 7n);
    if (field === 0) throw new Error(`field number 0 at byte ${at}`);
    if (kind === 0) fields.push({ field, value: varint() });
    else if (kind === 1 || kind === 2 || kind === 5) {
      const length = kind === 1 ? 8 : kind === 5 ? 4 : Number(varint());
      if (length > bytes.length - at) throw new Error(`field ${field} at byte ${at} needs ${length} bytes, ${bytes.length - at} are left`);
      fields.push({ field, value: bytes.subarray(at, at + length) });
      at += length;
    } else throw new Error(`unknown wire type ${kind} at byte ${at}`);
  }
  return fields;
}

export function readVarint(bytes: Buffer, start: number): { value: bigint; next: number } {
  let value = 0n;
  for (let at = start, shift = 0n; ; at++, shift += 7n) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error(`cut varint at byte ${start}`);
    if (shift > 63n) throw new Error(`varint longer than 10 bytes at byte ${start}`);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: at + 1 };
  }
}

export function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}

/** google.protobuf.Timestamp */
export function writeTimestamp(writer: WireWriter, unixMs: number): void {
  const seconds = Math.floor(unixMs / 1000);
  writer.integer(1, BigInt(seconds)).integer(2, (unixMs - seconds * 1000) * 1_000_000);
}

export function readTimestamp(bytes: Buffer): number {
  let seconds = 0n;
  let nanoseconds = 0n;
  for (const { field, value } of readFields(bytes)) {
    if (typeof value !== 'bigint') continue;
    if (field === 1) seconds = BigInt.asIntN(64, value);
    if (field === 2) nanoseconds = BigInt.asIntN(64, value);
  }
  return Number(seconds) * 1000 + Math.floor(Number(nanoseconds) / 1_000_000);
}
