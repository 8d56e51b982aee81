/** Go's encoding/json of template values: map keys sorted, `<`, `>`, `&`, U+2028 and U+2029 escaped. */
import { compareBytes } from '../labels.ts';
import { baseOf, fieldsOf, kindOf, Typed } from './value.ts';

const maxDepth = 200;

export function marshalJson(value: unknown): string {
  return encode(value, 0);
}

function encode(value: unknown, depth: number): string {
  if (depth > maxDepth) throw new Error(`json: nested deeper than ${maxDepth} levels`);
  if (value instanceof Typed && value.type.json !== undefined) return encode(value.type.json(value), depth + 1);
  const base = baseOf(value);
  switch (kindOf(base)) {
    case 'nil':
      return 'null';
    case 'bool':
    case 'int':
      return String(base);
    case 'float':
      return encodeFloat(base as number);
    case 'string':
      return encodeString(base as string);
    case 'list':
      return `[${(base as readonly unknown[]).map((item) => encode(item, depth + 1)).join(',')}]`;
    case 'map': {
      const map = base as ReadonlyMap<string, unknown>;
      const keys = [...map.keys()].sort(compareBytes);
      return `{${keys.map((key) => `${encodeString(key)}:${encode(map.get(key), depth + 1)}`).join(',')}}`;
    }
    case 'struct': {
      const names = value instanceof Typed ? value.type.jsonNames : undefined;
      const fields = fieldsOf(base as object).map(([name, field]) => [names?.[name] ?? name, field] as const);
      return `{${fields.map(([name, field]) => `${encodeString(name)}:${encode(field, depth + 1)}`).join(',')}}`;
    }
    case 'func':
      throw new Error('json: unsupported type: func()');
  }
}

function encodeFloat(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`json: unsupported value: ${Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'}`);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  // Go and JavaScript agree on where exponents begin here (1e-6, 1e21) and on their shape.
  return String(value);
}

export function encodeString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
