/**
 * Makes `src/messages.ts` (interfaces) and `src/message-table.ts` (fields with their numbers, for the codecs) from `proto/*.proto`.
 * Run: `npx tsx packages/mesos/scripts/generate-messages.ts`. A test checks that the files in the tree equal what this would write.
 *
 * It reads the part of proto2 that our files use: messages, enums, maps, oneof, `default` and `deprecated`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Field {
  readonly label: 'required' | 'optional' | 'repeated' | 'map';
  readonly type: string;
  readonly name: string;
  readonly number: number;
  readonly defaultText: string | undefined;
  readonly deprecated: boolean;
}

interface Message {
  readonly kind: 'message';
  readonly path: string;
  readonly typeName: string;
  readonly fields: Field[];
}

interface Enum {
  readonly kind: 'enum';
  readonly path: string;
  readonly typeName: string;
  readonly values: [name: string, number: number][];
}

const here = dirname(fileURLToPath(import.meta.url));
const protoFolder = join(here, '../proto');

/** Top-level names that several packages use get the package's name in front. */
const prefixes: Readonly<Record<string, { readonly prefix: string; readonly names: readonly string[] }>> = {
  'mesos.v1.scheduler': { prefix: 'Scheduler', names: ['Event', 'Call', 'Response', 'APIResult'] },
  'mesos.v1.executor': { prefix: 'Executor', names: ['Event', 'Call'] },
  'mesos.v1.master': { prefix: 'Master', names: ['Event', 'Call', 'Response'] },
  'mesos.v1.agent': { prefix: 'Agent', names: ['Call', 'Response'] },
  'mesos.v1.resource_provider': { prefix: 'ResourceProvider', names: ['Event', 'Call'] },
  'mesos.v1.maintenance': { prefix: 'Maintenance', names: ['Window', 'Schedule', 'ClusterStatus'] },
};

/** Messages whose `type` says which one of their fields is meant; a field named here may be missing all the same. */
const unions: Readonly<Record<string, readonly string[]>> = {
  SchedulerCall: ['revive', 'suppress'],
  SchedulerEvent: [],
  ExecutorCall: ['subscribe'],
  ExecutorEvent: [],
  MasterCall: ['get_metrics'],
  MasterResponse: [],
  MasterEvent: [],
  AgentCall: ['get_metrics', 'get_containers', 'prune_images'],
  AgentResponse: [],
  ResourceProviderCall: [],
  ResourceProviderEvent: [],
  OfferOperation: [],
};

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'string',
  bool: 'boolean',
  double: 'number',
  int32: 'number',
  uint32: 'number',
  uint64: 'number',
  int64: 'Int64',
};

const declarations = new Map<string, Message | Enum>();

function typeNameOf(pkg: string, names: readonly string[]): string {
  const rule = prefixes[pkg];
  const top = names[0] ?? '';
  return `${rule?.names.includes(top) ? rule.prefix : ''}${names.join('')}`;
}

function read(text: string): void {
  const tokens = text.replace(/\/\/.*$/gm, '').match(/"[^"]*"|[\w.]+|[^\s\w]/g) ?? [];
  let at = 0;
  let pkg = '';
  const next = (): string => tokens[at++] ?? '';
  const expect = (token: string): void => {
    const found = next();
    if (found !== token) throw new Error(`expected ${token}, found ${found} near ${tokens.slice(at - 6, at + 3).join(' ')}`);
  };

  const readOptions = (): Pick<Field, 'defaultText' | 'deprecated'> => {
    let defaultText: string | undefined;
    let deprecated = false;
    if (tokens[at] === '[') {
      next();
      while (tokens[at] !== ']') {
        const key = next();
        expect('=');
        const value = next();
        if (key === 'default') defaultText = value;
        if (key === 'deprecated') deprecated = value === 'true';
        if (tokens[at] === ',') next();
      }
      next();
    }
    expect(';');
    return { defaultText, deprecated };
  };

  const readEnum = (outer: readonly string[]): void => {
    const names = [...outer, next()];
    const declared: Enum = { kind: 'enum', path: `${pkg}.${names.join('.')}`, typeName: typeNameOf(pkg, names), values: [] };
    declarations.set(declared.path, declared);
    expect('{');
    while (tokens[at] !== '}') {
      const name = next();
      expect('=');
      declared.values.push([name, Number(next())]);
      expect(';');
    }
    next();
  };

  const readMessage = (outer: readonly string[]): void => {
    const names = [...outer, next()];
    const declared: Message = { kind: 'message', path: `${pkg}.${names.join('.')}`, typeName: typeNameOf(pkg, names), fields: [] };
    declarations.set(declared.path, declared);
    expect('{');
    const readField = (label: Field['label'], type: string): void => {
      const name = next();
      expect('=');
      const number = Number(next());
      declared.fields.push({ label, type, name, number, ...readOptions() });
    };
    while (tokens[at] !== '}') {
      const word = next();
      if (word === 'message') readMessage(names);
      else if (word === 'enum') readEnum(names);
      else if (word === 'map') {
        expect('<');
        expect('string');
        expect(',');
        const type = next();
        expect('>');
        readField('map', type);
      } else if (word === 'oneof') {
        next();
        expect('{');
        while (tokens[at] !== '}') readField('optional', next());
        next();
      } else if (word === 'required' || word === 'optional' || word === 'repeated') readField(word, next());
      else throw new Error(`unexpected ${word} in ${declared.path}`);
    }
    next();
  };

  while (at < tokens.length) {
    const word = next();
    if (word === 'syntax') at += 3;
    else if (word === 'package') {
      pkg = next();
      expect(';');
    } else if (word === 'import') at += 2;
    else if (word === 'message') readMessage([]);
    else if (word === 'enum') readEnum([]);
    else throw new Error(`unexpected ${word}`);
  }
}

/** A name means the innermost declaration that encloses it, as in protobuf. */
function resolve(scope: string, type: string): Message | Enum {
  for (let prefix = scope; ; prefix = prefix.slice(0, prefix.lastIndexOf('.'))) {
    const found = declarations.get(`${prefix}.${type}`);
    if (found !== undefined) return found;
    if (!prefix.includes('.')) break;
  }
  const absolute = declarations.get(type);
  if (absolute === undefined) throw new Error(`unknown type ${type} in ${scope}`);
  return absolute;
}

const typeOf = (message: Message, field: Field): string => scalars[field.type] ?? resolve(message.path, field.type).typeName;

function property(message: Message, field: Field, required = field.label === 'required'): string {
  const base = typeOf(message, field);
  const type = field.label === 'repeated' ? `readonly ${base}[]` : field.label === 'map' ? `Readonly<Record<string, ${base}>>` : base;
  return `readonly ${field.name}${required ? '' : '?'}: ${type};`;
}

function renderEnum(declared: Enum): string {
  const names = declared.values.map(([name]) => `'${name}'`);
  const line = `export type ${declared.typeName} = ${names.join(' | ')};`;
  return line.length <= 140 ? `${line}\n` : `export type ${declared.typeName} =\n  | ${names.join('\n  | ')};\n`;
}

function unionOf(declared: Message): { common: Field[]; cases: { name: string; field: Field | undefined; required: boolean }[] } {
  const type = declared.fields.find((field) => field.name === 'type');
  const kinds = type === undefined ? undefined : resolve(declared.path, type.type);
  if (kinds?.kind !== 'enum') throw new Error(`${declared.path} has no enum named type`);
  const cases = kinds.values
    .filter(([name]) => name !== 'UNKNOWN')
    .map(([name]) => {
      const field = declared.fields.find((candidate) => candidate.name === name.toLowerCase());
      return { name, field, required: field !== undefined && !unions[declared.typeName]?.includes(field.name) };
    });
  const common = declared.fields.filter((field) => field.name !== 'type' && !cases.some((one) => one.field === field));
  return { common, cases };
}

function renderMessage(declared: Message): string {
  if (unions[declared.typeName] === undefined) {
    if (declared.fields.length === 0) return `export type ${declared.typeName} = Readonly<Record<string, never>>;\n`;
    return `export interface ${declared.typeName} {\n${declared.fields.map((field) => `  ${property(declared, field)}\n`).join('')}}\n`;
  }
  const { common, cases } = unionOf(declared);
  const shared = common.map((field) => `${property(declared, field)} `).join('');
  const lines = cases.map(({ name, field, required }) => {
    const own = field === undefined ? '' : ` ${property(declared, field, required)}`;
    const parts = `${shared}readonly type: '${name}';${own}`.replace(/;$/, '');
    const line = `  | { ${parts} }`;
    if (line.length <= 140) return line;
    return `  | {\n${parts
      .split('; ')
      .map((part) => `      ${part};\n`)
      .join('')}    }`;
  });
  return `export type ${declared.typeName} =\n${lines.join('\n')};\n`;
}

const heading =
  '// Made by packages/mesos/scripts/generate-messages.ts from packages/mesos/proto/*.proto; change those and run it again.\n';

export function render(): { readonly messages: string; readonly table: string } {
  declarations.clear();
  read('package google.protobuf; message Duration { optional int64 seconds = 1; optional int32 nanos = 2; }');
  const files = readdirSync(protoFolder).filter((name) => name.endsWith('.proto'));
  for (const file of files.sort((a, b) => Number(b === 'mesos.proto') - Number(a === 'mesos.proto') || a.localeCompare(b))) {
    read(readFileSync(join(protoFolder, file), 'utf8'));
  }
  let messages = `${heading}/**
 * The v1 messages, exactly as they look in JSON: parsed JSON is the value. \`bytes\` are base64 text; a repeated field may be missing
 * when empty; optional fields with a protobuf default may be missing too (\`defaultsOf\` tells the defaults).
 */

/** A 64-bit integer: a number, or a bigint where a number would lose digits. */
export type Int64 = number | bigint;
`;
  let table = `${heading}/**
 * Every message's fields for the codecs: \`number name type flags\`, flags being \`!\` required, \`[]\` repeated, \`{}\` map from string,
 * \`=x\` default, \`-\` deprecated. Enums: name and number.
 */
import type * as m from './messages.ts';

`;
  const all = [...declarations.values()].sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
  for (const declared of declarations.values())
    messages += `\n${declared.kind === 'enum' ? renderEnum(declared) : renderMessage(declared)}`;
  table += 'export interface MessageByName {\n';
  for (const declared of all) if (declared.kind === 'message') table += `  ${declared.typeName}: m.${declared.typeName};\n`;
  table += '}\n\nexport const messageTable: Readonly<Record<keyof MessageByName, string>> = {\n';
  for (const declared of all) {
    if (declared.kind !== 'message') continue;
    const fields = declared.fields.map((field) => {
      const type = scalars[field.type] === undefined ? resolve(declared.path, field.type).typeName : field.type;
      const flags = `${{ required: '!', optional: '', repeated: '[]', map: '{}' }[field.label]}${field.deprecated ? '-' : ''}${field.defaultText === undefined ? '' : `=${field.defaultText.replaceAll('"', '')}`}`;
      return `${field.number} ${field.name} ${type}${flags === '' ? '' : ` ${flags}`}`;
    });
    const line = `  ${declared.typeName}: '${fields.join('; ')}',`;
    table += line.length <= 140 ? `${line}\n` : `  ${declared.typeName}:\n    '${fields.join('; ')}',\n`;
  }
  table += '};\n\nexport const enumTable: Readonly<Record<string, string>> = {\n';
  for (const declared of all) {
    if (declared.kind !== 'enum') continue;
    const values = declared.values.map(([name, number]) => `${name} ${number}`).join('; ');
    const line = `  ${declared.typeName}: '${values}',`;
    table += line.length <= 140 ? `${line}\n` : `  ${declared.typeName}:\n    '${values}',\n`;
  }
  table +=
    '};\n\n/** Messages discriminated by `type`: which sub-message each type must carry. */\nexport const unionTable: Readonly<Record<string, Readonly<Record<string, string>>>> = {\n';
  for (const name of Object.keys(unions)) {
    const declared = all.find((candidate) => candidate.typeName === name);
    if (declared?.kind !== 'message') throw new Error(`no message ${name}`);
    table += `  ${name}: {\n`;
    for (const one of unionOf(declared).cases)
      table += `    ${one.name}: '${one.required && one.field !== undefined ? one.field.name : ''}',\n`;
    table += '  },\n';
  }
  table += '};\n';
  return { messages, table };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { messages, table } = render();
  writeFileSync(join(here, '../src/messages.ts'), messages);
  writeFileSync(join(here, '../src/message-table.ts'), table);
}
