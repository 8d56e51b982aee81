/**
 * Configuration files: YAML against a schema that is written as values and gives the TypeScript type. Every fault of a file is
 * collected and told with line, column and the path in the user's own words, before anything of it is used.
 */
import { CodedError } from './errors.ts';
import { hint } from './nearest.ts';
import { durationMs, sizeBytes } from './quantity.ts';
import { isNull, parseYaml, plainValue, type ScalarNode, type YamlNode } from './yaml.ts';

/** One fault of a configuration file. */
export interface ConfigFault {
  readonly line: number;
  readonly column: number;
  /** `scrape_configs[2].scrape_timeout`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** Carries every fault of the file; the message lists them, one a line: `file:line:column: path: what; what to do`. */
export class ConfigError extends CodedError {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(file: string, faults: readonly ConfigFault[]) {
    const lines = faults.map(
      (fault) => `${file}:${fault.line}:${fault.column}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`,
    );
    super('bad_config', 400, lines.join('\n'), { file });
    this.faults = faults;
  }
}

/** Reports a fault at a place below the value that is being checked: `report(['scrape_timeout'], 'is longer than …')`. */
export type Report = (path: readonly (string | number)[], message: string) => void;

type Path = readonly (string | number)[];

/** Reads one node; `undefined` after at least one fault was told. */
export interface Schema<T> {
  readonly read: (node: YamlNode, at: Reading) => { readonly value: T } | undefined;
}

export interface Field<T, P extends 'required' | 'optional' | 'default' = 'required' | 'optional' | 'default'> {
  readonly presence: P;
  readonly schema: Schema<T>;
  readonly value?: T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
type FieldValue<F> = F extends Field<infer T> ? T : never;
type Flatten<T> = { readonly [K in keyof T]: T[K] };

export type ObjectOf<F extends Fields> = Flatten<
  { [K in keyof F as F[K]['presence'] extends 'optional' ? never : K]: FieldValue<F[K]> } & {
    [K in keyof F as F[K]['presence'] extends 'optional' ? K : never]?: FieldValue<F[K]>;
  }
>;

export type SchemaValue<S> = S extends Schema<infer T> ? T : never;

/** Where we are in the document, and where faults go. */
class Reading {
  readonly path: Path;
  readonly faults: { start: number; path: Path; message: string }[];

  constructor(path: Path, faults: Reading['faults']) {
    this.path = path;
    this.faults = faults;
  }

  below(step: string | number): Reading {
    return new Reading([...this.path, step], this.faults);
  }

  fault(node: { readonly start: number }, message: string): undefined {
    this.faults.push({ start: node.start, path: this.path, message });
    return undefined;
  }
}

export function required<T>(of: Schema<T>): Field<T, 'required'> {
  return { presence: 'required', schema: of };
}

/** The key may be missing (or empty: `key:`), and then is missing in the result. */
export function optional<T>(of: Schema<T>): Field<T, 'optional'> {
  return { presence: 'optional', schema: of };
}

export function withDefault<T>(of: Schema<T>, value: NoInfer<T>): Field<T, 'default'> {
  return { presence: 'default', schema: of, value };
}

/** A schema of one scalar; `parse` throws an Error whose message is the fault. */
function scalar<T>(expected: string, parse: (node: ScalarNode) => T): Schema<T> {
  return {
    read(node, at) {
      if (node.kind !== 'scalar') return at.fault(node, `expected ${expected}, found ${describe(node)}`);
      if (isNull(node)) return at.fault(node, `expected ${expected}, found nothing`);
      return attempt(node, at, () => parse(node));
    },
  };
}

function attempt<T>(node: YamlNode, at: Reading, make: () => T): { value: T } | undefined {
  try {
    return { value: make() };
  } catch (error) {
    return at.fault(node, (error as Error).message);
  }
}

function describe(node: YamlNode): string {
  if (node.kind === 'scalar') return isNull(node) ? 'nothing' : node.isPlain ? node.text : JSON.stringify(node.text);
  return node.kind === 'sequence' ? 'a list' : 'a mapping';
}

interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

function bounded(value: number, { min = -Infinity, max = Infinity }: Bounds): number {
  if (value < min) throw new Error(`${value} is too small; the least is ${min}`);
  if (value > max) throw new Error(`${value} is too large; the most is ${max}`);
  return value;
}

export const schema = {
  /** Any scalar, by its text, as Go's decoders take it. */
  string: (): Schema<string> => scalar('text', (node) => node.text),

  /** YAML 1.1's yes, no, on and off too, as Go's decoder takes them for a boolean. */
  boolean: (): Schema<boolean> =>
    scalar('true or false', (node) => {
      if (node.isPlain && /^(?:true|yes|on)$/i.test(node.text)) return true;
      if (node.isPlain && /^(?:false|no|off)$/i.test(node.text)) return false;
      throw new Error(`expected true or false, found ${describe(node)}`);
    }),

  integer: (bounds: Bounds = {}): Schema<number> =>
    scalar('a whole number', (node) => {
      const value = node.isPlain && /^(?:[-+]?\d+|0x[\da-fA-F]+|0o[0-7]+)$/.test(node.text) ? Number(node.text) : NaN;
      if (!Number.isSafeInteger(value)) throw new Error(`expected a whole number, found ${describe(node)}`);
      return bounded(value, bounds);
    }),

  number: (bounds: Bounds = {}): Schema<number> =>
    scalar('a number', (node) => {
      const value = plainValue(node);
      if (typeof value !== 'number') throw new Error(`expected a number, found ${describe(node)}`);
      return bounded(value, bounds);
    }),

  /** Milliseconds, in Prometheus' grammar (`1h30m`). */
  duration: (): Schema<number> => scalar('a duration such as 30s', (node) => durationMs(node.text)),

  bytes: (): Schema<number> => scalar('a size such as 512MB', (node) => (node.text === '0' ? 0 : sizeBytes(node.text))),

  /** An absolute http or https URL, in the user's spelling. */
  url: (): Schema<string> =>
    scalar('a URL', (node) => {
      const url = URL.canParse(node.text) ? new URL(node.text) : undefined;
      if (url === undefined || url.host === '') throw new Error(`${describe(node)} is not a URL; write http://host:port/path`);
      if (url.protocol !== 'http:' && url.protocol !== 'https:')
        throw new Error(`unsupported scheme "${url.protocol.slice(0, -1)}" for URL; use http or https`);
      return node.text;
    }),

  oneOf: <const V extends string>(values: readonly V[]): Schema<V> =>
    scalar(`one of ${values.join(', ')}`, (node) => {
      const found = values.find((value) => value === node.text);
      if (found === undefined) throw new Error(`expected one of ${values.join(', ')}, found ${describe(node)}${hint(node.text, values)}`);
      return found;
    }),

  list: <T>(item: Schema<T>): Schema<readonly T[]> => ({
    read(node, at) {
      if (isNull(node)) return { value: [] };
      if (node.kind !== 'sequence') return at.fault(node, `expected a list, found ${describe(node)}; begin each entry with "- "`);
      const values = node.items.map((one, i) => item.read(one, at.below(i)));
      return values.every((one) => one !== undefined) ? { value: values.map((one) => one.value) } : undefined;
    },
  }),

  map: <T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> => ({
    read(node, at) {
      if (isNull(node)) return { value: {} };
      if (node.kind !== 'mapping') return at.fault(node, `expected a mapping of names to values, found ${describe(node)}`);
      const values = node.entries.map(({ key, value }) => [key, item.read(value, at.below(key))] as const);
      if (values.some(([, one]) => one === undefined)) return undefined;
      return { value: Object.fromEntries(values.map(([key, one]) => [key, (one as { value: T }).value])) };
    },
  }),

  object: <const F extends Fields>(fields: F): Schema<ObjectOf<F>> => ({
    read(node, at) {
      if (node.kind !== 'mapping' && !isNull(node)) return at.fault(node, `expected a mapping, found ${describe(node)}`);
      const entries = node.kind === 'mapping' ? node.entries : [];
      const faultsBefore = at.faults.length;
      const values: [string, unknown][] = [];
      for (const { key, keyStart } of entries) {
        if (!Object.hasOwn(fields, key)) at.fault({ start: keyStart }, `unknown key "${key}"${hint(key, Object.keys(fields))}`);
      }
      for (const [name, field] of Object.entries(fields)) {
        const entry = entries.find(({ key }) => key === name);
        // `key:` with nothing behind it is as good as no key, unless nothing is a value of its own here.
        if (entry === undefined || (isNull(entry.value) && field.presence !== 'required' && !nullables.has(field.schema))) {
          if (field.presence === 'default') values.push([name, field.value]);
          else if (field.presence === 'required') at.fault(node, `the key "${name}" is missing`);
          continue;
        }
        const read = field.schema.read(entry.value, at.below(name));
        if (read !== undefined) values.push([name, read.value]);
      }
      return at.faults.length > faultsBefore ? undefined : { value: Object.fromEntries(values) as ObjectOf<F> };
    },
  }),

  nullable: <T>(inner: Schema<T>): Schema<T | null> => {
    const made: Schema<T | null> = { read: (node, at) => (isNull(node) ? { value: null } : inner.read(node, at)) };
    nullables.add(made);
    return made;
  },

  /** The plain value of whatever stands there; `read` throws an Error whose message becomes the fault. */
  custom: <T>(read: (value: unknown) => T): Schema<T> => ({ read: (node, at) => attempt(node, at, () => read(plainValue(node))) }),

  /** Checks or changes what `inner` read; throw for a fault of the value itself, `report` for one below it. Not called when `inner` has faults. */
  refine: <A, B>(inner: Schema<A>, check: (value: A, report: Report) => B): Schema<B> => ({
    read(node, at) {
      const read = inner.read(node, at);
      if (read === undefined) return undefined;
      const faultsBefore = at.faults.length;
      const report: Report = (path, message) => {
        at.faults.push({ start: placeOf(node, path), path: [...at.path, ...path], message });
      };
      const checked = attempt(node, at, () => check(read.value, report));
      return at.faults.length > faultsBefore ? undefined : checked;
    },
  }),

  /** For schemas that contain themselves. */
  lazy: <T>(make: () => Schema<T>): Schema<T> => {
    let made: Schema<T> | undefined;
    return { read: (node, at) => (made ??= make()).read(node, at) };
  },
};

const nullables = new WeakSet<Schema<unknown>>();

/** Offset of the node below `node`, or of the nearest one above it that exists. */
function placeOf(node: YamlNode, path: Path): number {
  let at = node;
  for (const step of path) {
    const next =
      at.kind === 'mapping'
        ? at.entries.find(({ key }) => key === step)?.value
        : at.kind === 'sequence'
          ? at.items[Number(step)]
          : undefined;
    if (next === undefined) break;
    at = next;
  }
  return at.start;
}

function pathText(path: Path): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${step}`;
  return text;
}

/** Reads the first document of `text`; an empty one counts as an empty mapping. `file` is only named in faults. Throws ConfigError. */
export function readConfig<T>(text: string, file: string, s: Schema<T>): T {
  const { root, faults: syntax } = parseYaml(text);
  const faults: Reading['faults'] = syntax.map(({ start, message }) => ({ start, path: [], message }));
  let result: { value: T } | undefined;
  // A broken document would only add faults that are not there.
  if (faults.length === 0) result = s.read(root ?? { kind: 'mapping', start: 0, entries: [] }, new Reading([], faults));
  if (result !== undefined && faults.length === 0) return result.value;
  const starts = lineStarts(text);
  const sorted = [...faults].sort((a, b) => a.start - b.start);
  throw new ConfigError(
    file,
    sorted.map(({ start, path, message }) => {
      const line = starts.findLastIndex((at) => at <= start);
      return { line: line + 1, column: start - (starts[line] as number) + 1, path: pathText(path), message };
    }),
  );
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
