/** The message table, parsed once per message when it is first needed. Codecs walk it; nothing else does. */
import { enumTable, type MessageByName, messageTable, unionTable } from './message-table.ts';

export type MessageName = keyof MessageByName;
export type ScalarType = 'string' | 'bytes' | 'bool' | 'double' | 'int32' | 'uint32' | 'int64' | 'uint64';

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarType }
  | { readonly kind: 'enum'; readonly numberByName: ReadonlyMap<string, number>; readonly nameByNumber: ReadonlyMap<number, string> }
  | { readonly kind: 'message'; readonly message: MessageName };

export interface FieldDescriptor {
  readonly number: number;
  readonly name: string;
  /** `"name":`, ready to be written. */
  readonly key: string;
  readonly label: 'required' | 'optional' | 'repeated' | 'map';
  readonly type: FieldType;
  /** The value that an unset field means, when the protocol states one and the field is not deprecated. */
  readonly defaultValue: string | number | boolean | undefined;
}

export interface MessageDescriptor {
  readonly name: MessageName;
  readonly fields: readonly FieldDescriptor[];
  readonly fieldByName: ReadonlyMap<string, FieldDescriptor>;
  readonly fieldByNumber: ReadonlyMap<number, FieldDescriptor>;
  readonly required: readonly FieldDescriptor[];
  readonly withDefault: readonly FieldDescriptor[];
  /** For a message discriminated by `type`: which field each type must carry (`''`: none). */
  readonly fieldByType: Readonly<Record<string, string>> | undefined;
  /** The original writes the answers to GET_* by hand: their lists are there even when empty (mesos.md §1.6). */
  readonly keepsEmptyLists: boolean;
}

const scalarTypes: readonly string[] = ['string', 'bytes', 'bool', 'double', 'int32', 'uint32', 'int64', 'uint64'] satisfies ScalarType[];
const descriptors = new Map<string, MessageDescriptor>();
const enums = new Map<string, FieldType>();

function enumType(name: string): FieldType {
  const known = enums.get(name);
  if (known !== undefined) return known;
  const numberByName = new Map<string, number>();
  const nameByNumber = new Map<number, string>();
  for (const entry of (enumTable[name] ?? '').split('; ')) {
    const [value = '', number = ''] = entry.split(' ');
    numberByName.set(value, Number(number));
    nameByNumber.set(Number(number), value);
  }
  const type: FieldType = { kind: 'enum', numberByName, nameByNumber };
  enums.set(name, type);
  return type;
}

function fieldType(name: string): FieldType {
  if (scalarTypes.includes(name)) return { kind: 'scalar', scalar: name as ScalarType };
  if (enumTable[name] !== undefined) return enumType(name);
  if (!(name in messageTable)) throw new Error(`BUG: message-table.ts names an unknown type ${name}`);
  return { kind: 'message', message: name as MessageName };
}

function defaultOf(text: string, type: FieldType): string | number | boolean {
  if (type.kind !== 'scalar') return text;
  if (type.scalar === 'bool') return text === 'true';
  return type.scalar === 'string' || type.scalar === 'bytes' ? text : Number(text);
}

function parseField(text: string): FieldDescriptor {
  const [number = '', name = '', typeName = '', flags = ''] = text.split(' ');
  const type = fieldType(typeName);
  const label = flags.startsWith('!') ? 'required' : flags.startsWith('[]') ? 'repeated' : flags.startsWith('{}') ? 'map' : 'optional';
  const equals = flags.indexOf('=');
  const isDeprecated = (equals < 0 ? flags : flags.slice(0, equals)).includes('-');
  const defaultValue = equals < 0 || isDeprecated || label === 'required' ? undefined : defaultOf(flags.slice(equals + 1), type);
  return { number: Number(number), name, key: `"${name}":`, label, type, defaultValue };
}

export function descriptorOf(name: MessageName): MessageDescriptor {
  const known = descriptors.get(name);
  if (known !== undefined) return known;
  const text = messageTable[name];
  const fields = text === '' ? [] : text.split('; ').map(parseField);
  const descriptor: MessageDescriptor = {
    name,
    fields,
    fieldByName: new Map(fields.map((field) => [field.name, field])),
    fieldByNumber: new Map(fields.map((field) => [field.number, field])),
    required: fields.filter((field) => field.label === 'required'),
    withDefault: fields.filter((field) => field.defaultValue !== undefined),
    fieldByType: unionTable[name],
    keepsEmptyLists: /^(Master|Agent)ResponseGet[A-Z][a-z]+$/.test(name),
  };
  descriptors.set(name, descriptor);
  return descriptor;
}
