/**
 * Messages in JSON, in the original's own mapping (stout's, not protobuf's canonical one; mesos.md §1.6).
 *
 * Reading is lenient where real clients need it: unknown keys are dropped, `null` means unset, numbers may come as text, an
 * unknown enum name on an optional field is dropped. Writing puts a fraction on every double, writes 64-bit integers as plain
 * numbers and adds the defaults that the protocol states. Both directions are lossless for 64-bit integers.
 */
import {
  descriptorOf,
  type FieldDescriptor,
  type FieldType,
  type MessageDescriptor,
  type MessageName,
  type ScalarType,
} from './descriptor.ts';
import type { MessageByName } from './message-table.ts';

/** As in the original (rapidjson's and protobuf's own limits are of this order). */
const nestingLimit = 200;

export class MessageError extends Error {
  /**
   * `syntax`: not JSON (or not protobuf) at all; `field`: a field is missing or has the wrong kind of value;
   * `no_type`: a message discriminated by `type` has none, or one that we do not know (HTTP 501 at the API's door).
   */
  readonly kind: 'syntax' | 'field' | 'no_type';
  /** The field, as in `accept.offer_ids[1].value`; empty for the whole message. */
  readonly path: string;

  constructor(kind: MessageError['kind'], path: string, message: string) {
    super(path === '' ? message : `${path}: ${message}`);
    this.name = 'MessageError';
    this.kind = kind;
    this.path = path;
  }
}

/** Parses JSON text without losing digits: an integer that a number cannot hold becomes a bigint. */
export function parseJson(text: string): unknown {
  let value: unknown;
  // Only integers of 16 digits and more can lose digits; texts without any take the fast path.
  const hasLongInteger = /\d{16}/.test(text);
  try {
    value = JSON.parse(hasLongInteger ? text.replace(jsonTokens, markLongInteger) : text, hasLongInteger ? reviveLongInteger : undefined);
  } catch (cause) {
    throw new MessageError('syntax', '', `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return value;
}

/** Strings and whole numbers, so that digits inside of either stay what they are. */
const jsonTokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs;
/** U+0001 cannot stand raw in a JSON string: a client can send it only as an escape, and `markLongInteger` doubles a leading one. */
const longIntegerMark = '\\u0001int:';

function markLongInteger(token: string): string {
  if (token.startsWith('"')) return token.startsWith('"\\u0001') ? `"\\u0001${token.slice(1)}` : token;
  return /^-?\d{16,}$/.test(token) ? `"${longIntegerMark}${token}"` : token;
}

function reviveLongInteger(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.charCodeAt(0) !== 1) return value;
  if (value.charCodeAt(1) === 1) return value.slice(1);
  if (!value.startsWith('\u0001int:')) return value;
  const digits = value.slice(5);
  const number = Number(digits);
  return String(number) === digits ? number : BigInt(digits);
}

/** Reads one message from JSON text (or its UTF-8 bytes). Throws `MessageError`. */
export function decodeJson<N extends MessageName>(name: N, text: string | Uint8Array): MessageByName[N] {
  const source = typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8');
  return readMessage(name, parseJson(source));
}

/** Reads one message from a value that JSON.parse (or `parseJson`) made. The result shares nothing that the reader had to change. */
export function readMessage<N extends MessageName>(name: N, value: unknown): MessageByName[N] {
  return readObject(descriptorOf(name), value, '', 0) as MessageByName[N];
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;

function readObject(descriptor: MessageDescriptor, value: unknown, path: string, depth: number): Record<string, unknown> {
  if (!isObject(value)) throw new MessageError('field', path, `expected an object, found ${kindOf(value)}`);
  if (depth > nestingLimit) throw new MessageError('field', path, `nested deeper than ${nestingLimit}`);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const field = descriptor.fieldByName.get(key);
    const raw = value[key];
    if (field === undefined || raw === null || raw === undefined) continue;
    const read = readField(field, raw, path === '' ? key : `${path}.${key}`, depth);
    if (read !== undefined) result[key] = read;
  }
  for (const field of descriptor.required) {
    if (result[field.name] === undefined)
      throw new MessageError('field', path === '' ? field.name : `${path}.${field.name}`, 'is required');
  }
  if (descriptor.fieldByType !== undefined) checkUnion(descriptor, result, path, isObject(value) ? value['type'] : undefined);
  return result;
}

/** A discriminated message must say its type and carry that type's part. */
export function checkUnion(descriptor: MessageDescriptor, message: Readonly<Record<string, unknown>>, path: string, raw: unknown): void {
  const type = message['type'];
  if (typeof type !== 'string' || descriptor.fieldByType?.[type] === undefined) {
    const found =
      raw === undefined || raw === null ? 'is not set' : `${JSON.stringify(typeof raw === 'bigint' ? String(raw) : raw)} is not known`;
    throw new MessageError('no_type', path === '' ? 'type' : `${path}.type`, found);
  }
  const part = descriptor.fieldByType[type];
  if (part !== undefined && part !== '' && message[part] === undefined) {
    throw new MessageError('field', path === '' ? part : `${path}.${part}`, `is required when type is ${type}`);
  }
}

function readField(field: FieldDescriptor, raw: unknown, path: string, depth: number): unknown {
  if (field.label === 'repeated') {
    if (!Array.isArray(raw)) throw new MessageError('field', path, `expected an array, found ${kindOf(raw)}`);
    const items: unknown[] = [];
    for (let i = 0; i < raw.length; i++) {
      const item: unknown = raw[i];
      if (item === null) continue;
      const read = readValue(field.type, item, `${path}[${i}]`, depth, false);
      if (read !== undefined) items.push(read);
    }
    return items;
  }
  if (field.label === 'map') {
    if (!isObject(raw)) throw new MessageError('field', path, `expected an object, found ${kindOf(raw)}`);
    // Without a prototype: a key such as `__proto__` is the client's, not the language's.
    const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(raw)) {
      const item = raw[key];
      if (item !== null && item !== undefined) map[key] = readValue(field.type, item, `${path}.${key}`, depth, true);
    }
    return map;
  }
  return readValue(field.type, raw, path, depth, field.label === 'required');
}

function readValue(type: FieldType, raw: unknown, path: string, depth: number, isRequired: boolean): unknown {
  switch (type.kind) {
    case 'message':
      return readObject(descriptorOf(type.message), raw, path, depth + 1);
    case 'enum': {
      if (typeof raw === 'string' && type.numberByName.has(raw)) return raw;
      const named = typeof raw === 'number' ? type.nameByNumber.get(raw) : undefined;
      if (named !== undefined) return named;
      if (typeof raw !== 'string' && typeof raw !== 'number')
        throw new MessageError('field', path, `expected a name, found ${kindOf(raw)}`);
      if (isRequired)
        throw new MessageError('field', path, `${JSON.stringify(raw)} is not one of ${[...type.numberByName.keys()].join(', ')}`);
      return undefined;
    }
    case 'scalar':
      return readScalar(type.scalar, raw, path);
  }
}

const integerBounds: Readonly<Record<'int32' | 'uint32' | 'int64' | 'uint64', readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  // Kept in a number (ports, sizes, counters), so what a number cannot hold is refused rather than rounded.
  uint64: [0n, BigInt(Number.MAX_SAFE_INTEGER)],
};

function readScalar(scalar: ScalarType, raw: unknown, path: string): unknown {
  switch (scalar) {
    case 'string':
      if (typeof raw !== 'string') throw new MessageError('field', path, `expected a string, found ${kindOf(raw)}`);
      return raw;
    case 'bytes':
      if (typeof raw !== 'string') throw new MessageError('field', path, `expected base64 text, found ${kindOf(raw)}`);
      if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(raw)) throw new MessageError('field', path, 'is not base64');
      return raw;
    case 'bool':
      if (typeof raw !== 'boolean') throw new MessageError('field', path, `expected true or false, found ${kindOf(raw)}`);
      return raw;
    case 'double':
      return readDouble(raw, path);
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64':
      return readInteger(scalar, raw, path);
  }
}

function readDouble(raw: unknown, path: string): number {
  if (typeof raw === 'number') return raw;
  if (typeof raw === 'bigint') return Number(raw);
  if (typeof raw === 'string') {
    if (raw === 'Infinity' || raw === '-Infinity' || raw === 'NaN') return Number(raw);
    if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(raw.trim())) return Number(raw);
  }
  throw new MessageError('field', path, `expected a number, found ${typeof raw === 'string' ? JSON.stringify(raw) : kindOf(raw)}`);
}

function readInteger(scalar: keyof typeof integerBounds, raw: unknown, path: string): number | bigint {
  let exact: bigint | undefined;
  if (typeof raw === 'bigint') exact = raw;
  // Clients in languages without integers send 5.0; a true fraction is cut as the original's static_cast does.
  else if (typeof raw === 'number' && Number.isFinite(raw)) {
    // A number past 2^53 came from text that it prints as (see reviveLongInteger): take that text, not the binary value.
    exact = Number.isSafeInteger(raw) ? BigInt(raw) : /^-?\d+$/.test(String(raw)) ? BigInt(String(raw)) : BigInt(Math.trunc(raw));
  } else if (typeof raw === 'string' && /^\s*[+-]?\d+\s*$/.test(raw)) exact = BigInt(raw.trim().replace(/^\+/, ''));
  if (exact === undefined) {
    throw new MessageError('field', path, `expected an integer, found ${typeof raw === 'string' ? JSON.stringify(raw) : kindOf(raw)}`);
  }
  const [least, most] = integerBounds[scalar];
  if (exact < least || exact > most) throw new MessageError('field', path, `${exact} is outside of ${least} to ${most}`);
  const number = Number(exact);
  return String(number) === String(exact) ? number : exact;
}

/** One message as JSON text, in one line. Keys that the message type does not have are left out. */
export function encodeJson<N extends MessageName>(name: N, message: MessageByName[N]): string {
  return writeObject(descriptorOf(name), message as unknown as Readonly<Record<string, unknown>>);
}

function writeObject(descriptor: MessageDescriptor, message: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const key in message) {
    const value = message[key];
    if (value === undefined || value === null) continue;
    const field = descriptor.fieldByName.get(key);
    if (field === undefined) continue;
    const written = writeField(field, value, descriptor.keepsEmptyLists);
    if (written !== '') text += text === '' ? field.key + written : `,${field.key}${written}`;
  }
  for (const field of descriptor.withDefault) {
    const value = message[field.name];
    if (value !== undefined && value !== null) continue;
    const written = field.key + writeValue(field.type, field.defaultValue);
    text += text === '' ? written : `,${written}`;
  }
  return `{${text}}`;
}

function writeField(field: FieldDescriptor, value: unknown, keepsEmptyLists: boolean): string {
  if (field.label === 'repeated') {
    const items = value as readonly unknown[];
    if (items.length === 0) return keepsEmptyLists ? '[]' : '';
    let text = '';
    for (let i = 0; i < items.length; i++) text += i === 0 ? writeValue(field.type, items[i]) : `,${writeValue(field.type, items[i])}`;
    return `[${text}]`;
  }
  if (field.label === 'map') {
    let text = '';
    const map = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(map)) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${writeValue(field.type, map[key])}`;
    return `{${text}}`;
  }
  return writeValue(field.type, value);
}

function writeValue(type: FieldType, value: unknown): string {
  switch (type.kind) {
    case 'message':
      return writeObject(descriptorOf(type.message), value as Readonly<Record<string, unknown>>);
    case 'enum':
      return `"${value as string}"`;
    case 'scalar':
      if (type.scalar === 'double') return formatDouble(value as number);
      if (type.scalar === 'string' || type.scalar === 'bytes') return JSON.stringify(value);
      return String(value);
  }
}

/** A double always shows that it is one: `15.0`, never `15`; infinities are text (mesos.md §1.6). */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '"Infinity"' : value < 0 ? '"-Infinity"' : '"NaN"';
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
