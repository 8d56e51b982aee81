/** The functions that every template has (Go text/template, funcs.go). `and`, `or` stop early and live in execute.ts. */
import { display, sprint, sprintf, sprintln } from './print.ts';
import { baseOf, GoFunction, goFunction, isTrue, kindOf, Typed, typeName } from './value.ts';

export const builtins: ReadonlyMap<string, GoFunction> = new Map<string, GoFunction>([
  // Known by name to the parser; the executor evaluates their arguments one by one.
  ['and', goFunction(['any', '...any'], (first, ...rest) => [first, ...rest].find((arg) => !isTrue(arg)) ?? [first, ...rest].at(-1))],
  ['or', goFunction(['any', '...any'], (first, ...rest) => [first, ...rest].find(isTrue) ?? [first, ...rest].at(-1))],
  ['not', goFunction(['any'], (arg) => !isTrue(arg))],
  ['len', goFunction(['any'], length)],
  ['index', goFunction(['any', '...any'], index)],
  ['slice', goFunction(['any', '...any'], slice)],
  ['print', goFunction(['...any'], (...args) => sprint(args))],
  ['printf', goFunction(['string', '...any'], (format, ...args) => sprintf(format, args))],
  ['println', goFunction(['...any'], (...args) => sprintln(args))],
  ['html', goFunction(['...any'], (...args) => escapeHtml(evalArgs(args)))],
  ['js', goFunction(['...any'], (...args) => escapeJs(evalArgs(args)))],
  ['urlquery', goFunction(['...any'], (...args) => queryEscape(evalArgs(args)))],
  ['call', goFunction(['any', '...any'], () => undefined)],
  ['eq', goFunction(['any', '...any'], isEqual)],
  ['ne', goFunction(['any', 'any'], (a, b) => !isEqual(a, b))],
  ['lt', goFunction(['any', 'any'], isLess)],
  ['le', goFunction(['any', 'any'], (a, b) => isLess(a, b) || isEqual(a, b))],
  ['gt', goFunction(['any', 'any'], (a, b) => !(isLess(a, b) || isEqual(a, b)))],
  ['ge', goFunction(['any', 'any'], (a, b) => !isLess(a, b))],
]);

function length(value: unknown): bigint {
  const base = baseOf(value);
  const kind: string = kindOf(base);
  switch (kind) {
    case 'string':
      return BigInt(Buffer.byteLength(base as string));
    case 'list':
      return BigInt((base as readonly unknown[]).length);
    case 'map':
      return BigInt((base as ReadonlyMap<string, unknown>).size);
    case 'nil':
      throw new Error('len of nil pointer');
    default:
      throw new Error(`len of type ${typeName(value)}`);
  }
}

function position(value: unknown, limit: number): number {
  const base = baseOf(value);
  if (kindOf(base) === 'nil') throw new Error('cannot index slice/array with nil');
  if (typeof base !== 'bigint') throw new Error(`cannot index slice/array with type ${typeName(value)}`);
  if (base < 0n || base > BigInt(limit)) throw new Error(`index out of range: ${base}`);
  return Number(base);
}

function index(value: unknown, ...keys: unknown[]): unknown {
  if (kindOf(value) === 'nil') throw new Error('index of untyped nil');
  let at = value;
  for (const key of keys) {
    const base = baseOf(at);
    const kind: string = kindOf(base);
    switch (kind) {
      case 'list': {
        const items = base as readonly unknown[];
        at = items[position(key, items.length - 1)];
        break;
      }
      case 'string': {
        const bytes = Buffer.from(base as string);
        at = BigInt(bytes[position(key, bytes.length - 1)] as number);
        break;
      }
      case 'map': {
        const name = baseOf(key);
        if (kindOf(name) === 'nil') throw new Error('value is nil; should be of type string');
        if (typeof name !== 'string') throw new Error(`value has type ${typeName(key)}; should be string`);
        const map = base as ReadonlyMap<string, unknown>;
        at = map.has(name) ? map.get(name) : at instanceof Typed ? at.type.zero : undefined;
        break;
      }
      case 'nil':
        throw new Error('index of nil pointer');
      default:
        throw new Error(`can't index item of type ${typeName(at)}`);
    }
  }
  return at;
}

function slice(value: unknown, ...bounds: unknown[]): unknown {
  const base = baseOf(value);
  const kind = kindOf(base);
  if (kind === 'nil') throw new Error('slice of untyped nil');
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  if (kind !== 'string' && kind !== 'list') throw new Error(`can't slice item of type ${typeName(value)}`);
  if (kind === 'string' && bounds.length === 3) throw new Error('cannot 3-index slice a string');
  const whole = kind === 'string' ? Buffer.from(base as string) : (base as readonly unknown[]);
  const [from = 0, to = whole.length, limit] = bounds.map((bound) => position(bound, whole.length));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  if (limit !== undefined && to > limit) throw new Error(`invalid slice index: ${to} > ${limit}`);
  if (whole instanceof Buffer) return whole.subarray(from, to).toString();
  const part = whole.slice(from, to);
  return value instanceof Typed ? new Typed(value.type, part) : part;
}

function isEqual(first: unknown, ...others: unknown[]): boolean {
  if (others.length === 0) throw new Error('missing argument for comparison');
  return others.some((other) => equals(first, other));
}

function equals(a: unknown, b: unknown): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)];
  if (kindA === 'nil' || kindB === 'nil') return kindA === kindB;
  if (kindA === 'list' || kindA === 'map' || kindA === 'func') {
    if (kindA === kindB) throw new Error(`non-comparable type ${display(b)}: ${typeName(b)}`);
    throw incompatible(a, b);
  }
  if (kindA !== kindB) throw incompatible(a, b);
  if (kindA !== 'struct') return baseOf(a) === baseOf(b);
  return typeName(a) === typeName(b) && display(a) === display(b);
}

function incompatible(a: unknown, b: unknown): Error {
  return new Error(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
}

function isLess(a: unknown, b: unknown): boolean {
  const kindA: string = kindOf(a);
  const kindB: string = kindOf(b);
  const basic = (kind: string): boolean => kind !== 'nil' && kind !== 'list' && kind !== 'map' && kind !== 'struct' && kind !== 'func';
  if (!basic(kindA) || !basic(kindB)) throw new Error('invalid type for comparison');
  if (kindA !== kindB) throw incompatible(a, b);
  switch (kindA) {
    case 'int':
    case 'float':
      return (baseOf(a) as number) < (baseOf(b) as number);
    case 'string':
      return Buffer.compare(Buffer.from(baseOf(a) as string), Buffer.from(baseOf(b) as string)) < 0;
    default:
      throw new Error('invalid type for comparison');
  }
}

/** One string stays as it is; anything else is printed. */
export function evalArgs(args: readonly unknown[]): string {
  if (args.length === 1 && typeof args[0] === 'string') return args[0];
  // Unlike print, a nil shows as <no value>.
  return sprint(args.map((arg) => (kindOf(arg) === 'nil' ? '<no value>' : arg)));
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
};

export function escapeHtml(text: string): string {
  return text.replace(/["'&<>\0]/g, (char) => htmlEscapes[char] as string);
}

const jsEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

function escapeJs(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is escaped
  return text.replace(/[\\'"<>&=]|[\x00-\x1f\x7f]|[^\x00-\x7f]/gu, (char) => {
    const known = jsEscapes[char];
    if (known !== undefined) return known;
    const code = char.codePointAt(0) as number;
    if (code >= 0x80 && /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) return char;
    return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

/** Go url.QueryEscape. */
export function queryEscape(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
