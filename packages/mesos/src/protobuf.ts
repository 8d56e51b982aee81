/**
 * Messages in protobuf's binary form (proto2), by the same descriptions as the JSON codec: what one reads the other writes.
 * Encoding and decoding stand side by side, field kind by field kind (protobuf.dev/programming-guides/encoding).
 */
import {
  descriptorOf,
  type FieldDescriptor,
  type FieldType,
  type MessageDescriptor,
  type MessageName,
  type ScalarType,
} from './descriptor.ts';
import { checkUnion, MessageError } from './json.ts';
import type { MessageByName } from './message-table.ts';

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const startGroup = 3;
const endGroup = 4;
const fixed32 = 5;

const nestingLimit = 200;

type Fields = Record<string, unknown>;

// Writing

class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** An unsigned integer that a number holds exactly. */
  unsigned(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Negative integers take ten bytes: they are written as 64-bit two's complement. */
  signed(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) return this.unsigned(value);
    let rest = BigInt.asUintN(64, typeof value === 'bigint' ? value : BigInt(String(value)));
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  double(value: number): void {
    this.#reserve(8);
    this.#bytes.writeDoubleLE(value, this.#length);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.unsigned(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Whatever `write` writes, with its length in front. Most parts are short: one byte is left for the length, more are made when needed. */
  part(write: () => void): void {
    const start = this.#length;
    this.byte(0);
    write();
    const size = this.#length - start - 1;
    const digits = size < 0x80 ? 1 : size < 0x4000 ? 2 : size < 0x20_0000 ? 3 : size < 0x1000_0000 ? 4 : 5;
    if (digits > 1) {
      this.#reserve(digits - 1);
      this.#bytes.copyWithin(start + digits, start + 1, this.#length);
    }
    const end = this.#length + digits - 1;
    this.#length = start;
    this.unsigned(size);
    this.#length = end;
  }
}

export function encodeProtobuf<N extends MessageName>(name: N, message: MessageByName[N]): Buffer {
  const writer = new Writer();
  writeMessage(writer, descriptorOf(name), message as unknown as Readonly<Fields>);
  return writer.finish();
}

function writeMessage(writer: Writer, descriptor: MessageDescriptor, message: Readonly<Fields>): void {
  for (const field of descriptor.fields) {
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    if (field.label === 'repeated') for (const item of value as readonly unknown[]) writeField(writer, field, item);
    else if (field.label === 'map')
      for (const [key, item] of Object.entries(value as Readonly<Fields>)) writeEntry(writer, field, key, item);
    else writeField(writer, field, value);
  }
}

/** A map is a repeated message of key (1) and value (2). */
function writeEntry(writer: Writer, field: FieldDescriptor, key: string, value: unknown): void {
  writer.unsigned((field.number << 3) | lengthDelimited);
  writer.part(() => {
    writer.unsigned((1 << 3) | lengthDelimited);
    writer.bytes(Buffer.from(key));
    writeField(writer, { ...field, number: 2, label: 'required' }, value);
  });
}

function writeField(writer: Writer, field: FieldDescriptor, value: unknown): void {
  const { type } = field;
  writer.unsigned((field.number << 3) | wireTypeOf(type));
  switch (type.kind) {
    case 'message': {
      const descriptor = descriptorOf(type.message);
      return writer.part(() => writeMessage(writer, descriptor, value as Readonly<Fields>));
    }
    case 'enum':
      return writer.signed(type.numberByName.get(value as string) ?? 0);
    case 'scalar':
      return writeScalar(writer, type.scalar, value);
  }
}

const wireTypeOf = (type: FieldType): number =>
  type.kind === 'message' || (type.kind === 'scalar' && (type.scalar === 'string' || type.scalar === 'bytes'))
    ? lengthDelimited
    : type.kind === 'scalar' && type.scalar === 'double'
      ? fixed64
      : varint;

function writeScalar(writer: Writer, scalar: ScalarType, value: unknown): void {
  switch (scalar) {
    case 'string':
      return writer.bytes(Buffer.from(value as string));
    case 'bytes':
      return writer.bytes(Buffer.from(value as string, 'base64'));
    case 'bool':
      return writer.byte(value === true ? 1 : 0);
    case 'double':
      return writer.double(value as number);
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64':
      return writer.signed(value as number | bigint);
  }
}

// Reading

class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  fail(reason: string): never {
    throw new MessageError('syntax', '', `not protobuf: ${reason} at byte ${this.#at}`);
  }

  byte(): number {
    if (this.#at >= this.#end) this.fail('the message ends in the middle of a field');
    return this.#bytes[this.#at++] as number;
  }

  /** A number while it holds the value exactly, else a bigint; unsigned. */
  varint(): number | bigint {
    let low = 0;
    let scale = 1;
    // Seven bytes are 49 bits: exact in a number.
    for (let i = 0; i < 7; i++) {
      const byte = this.byte();
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return low;
      scale *= 0x80;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        const wrapped = BigInt.asUintN(64, value);
        return wrapped <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wrapped) : wrapped;
      }
    }
    return this.fail('an integer longer than ten bytes');
  }

  double(): number {
    const at = this.skip(8);
    return this.#bytes.readDoubleLE(at);
  }

  /** A part with its length in front. */
  part(): Reader {
    const size = this.varint();
    if (typeof size === 'bigint' || size > this.#end - this.#at)
      this.fail(`a part of ${size} bytes, of which ${this.#end - this.#at} are there`);
    const at = this.skip(size);
    return new Reader(this.#bytes, at, at + size);
  }

  rest(): Buffer {
    const rest = this.#bytes.subarray(this.#at, this.#end);
    this.#at = this.#end;
    return rest;
  }

  /** Passes over `count` bytes; returns where they began. */
  skip(count: number): number {
    if (count > this.#end - this.#at) this.fail('the message ends in the middle of a field');
    const at = this.#at;
    this.#at += count;
    return at;
  }

  skipField(wireType: number, depth: number): void {
    if (depth > nestingLimit) this.fail('groups nested too deeply');
    switch (wireType) {
      case varint:
        this.varint();
        return;
      case fixed64:
        this.skip(8);
        return;
      case lengthDelimited:
        this.part();
        return;
      case fixed32:
        this.skip(4);
        return;
      case startGroup:
        for (;;) {
          const tag = Number(this.varint());
          if ((tag & 7) === endGroup) return;
          this.skipField(tag & 7, depth + 1);
        }
      default:
        this.fail(`an unknown wire type ${wireType}`);
    }
  }
}

/** Reads one message. Throws `MessageError`, as `decodeJson` does. */
export function decodeProtobuf<N extends MessageName>(name: N, bytes: Uint8Array): MessageByName[N] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const message = readMessage(new Reader(buffer, 0, buffer.length), descriptorOf(name), {}, '', 0);
  return message as unknown as MessageByName[N];
}

/** Into `message`: a singular part that comes twice is merged, as protobuf has it. */
function readMessage(reader: Reader, descriptor: MessageDescriptor, message: Fields, path: string, depth: number): Fields {
  if (depth > nestingLimit) throw new MessageError('field', path, `nested deeper than ${nestingLimit}`);
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    const wireType = tag & 7;
    const field = descriptor.fieldByNumber.get(Math.floor(tag / 8));
    if (field === undefined) reader.skipField(wireType, 0);
    else readField(reader, field, wireType, message, path === '' ? field.name : `${path}.${field.name}`, depth);
  }
  for (const field of descriptor.required) {
    if (message[field.name] === undefined)
      throw new MessageError('field', path === '' ? field.name : `${path}.${field.name}`, 'is required');
  }
  if (descriptor.fieldByType !== undefined) checkUnion(descriptor, message, path, message['type']);
  return message;
}

function readField(reader: Reader, field: FieldDescriptor, wireType: number, message: Fields, path: string, depth: number): void {
  const { type, name } = field;
  if (field.label === 'map') {
    if (wireType !== lengthDelimited) return reader.skipField(wireType, 0);
    const map = (message[name] ?? Object.create(null)) as Fields;
    message[name] = map;
    return readEntry(reader.part(), field, map, path, depth);
  }
  const expected = wireTypeOf(type);
  if (wireType !== expected) {
    // Packed: many numbers in one part. Anything else of another wire type is an unknown field.
    if (field.label === 'repeated' && wireType === lengthDelimited) {
      const part = reader.part();
      const items = (message[name] ?? []) as unknown[];
      message[name] = items;
      while (!part.isAtEnd) push(items, readValue(part, type, undefined, path, depth));
      return;
    }
    return reader.skipField(wireType, 0);
  }
  if (field.label === 'repeated') {
    const items = (message[name] ?? []) as unknown[];
    message[name] = items;
    return push(items, readValue(reader, type, undefined, path, depth));
  }
  const value = readValue(reader, type, message[name], path, depth);
  if (value !== undefined) message[name] = value;
}

function push(items: unknown[], value: unknown): void {
  if (value !== undefined) items.push(value);
}

function readEntry(reader: Reader, field: FieldDescriptor, map: Fields, path: string, depth: number): void {
  let key = '';
  let value: unknown;
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    if (tag >> 3 === 1 && (tag & 7) === lengthDelimited) key = reader.part().rest().toString('utf8');
    else if (tag >> 3 === 2 && (tag & 7) === wireTypeOf(field.type)) value = readValue(reader, field.type, undefined, path, depth);
    else reader.skipField(tag & 7, 0);
  }
  if (value === undefined) throw new MessageError('field', `${path}.${key}`, 'has no value');
  map[key] = value;
}

/** Undefined for an enum number that is not known: as if it had not been sent. */
function readValue(reader: Reader, type: FieldType, former: unknown, path: string, depth: number): unknown {
  switch (type.kind) {
    case 'message':
      return readMessage(reader.part(), descriptorOf(type.message), (former ?? {}) as Fields, path, depth + 1);
    case 'enum':
      return type.nameByNumber.get(Number(reader.varint()));
    case 'scalar':
      return readScalar(reader, type.scalar, path);
  }
}

function readScalar(reader: Reader, scalar: ScalarType, path: string): unknown {
  switch (scalar) {
    case 'string':
      return reader.part().rest().toString('utf8');
    case 'bytes':
      return reader.part().rest().toString('base64');
    case 'bool':
      return reader.varint() !== 0;
    case 'double':
      return reader.double();
    case 'uint32':
      return Number(BigInt.asUintN(32, BigInt(reader.varint())));
    case 'int32':
      return Number(BigInt.asIntN(32, BigInt(reader.varint())));
    case 'int64': {
      const value = reader.varint();
      return typeof value === 'number' ? value : narrow(BigInt.asIntN(64, value));
    }
    case 'uint64': {
      const value = reader.varint();
      if (typeof value === 'bigint') throw new MessageError('field', path, `${value} is larger than ${Number.MAX_SAFE_INTEGER}`);
      return value;
    }
  }
}

/** A number where it prints as the same digits, as the JSON codec does. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return String(number) === String(value) ? number : value;
}
