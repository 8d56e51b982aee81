/**
 * Command-line flags, as the originals take them: Prometheus' (kingpin: `--a.b=v`, `--a.b v`, `--no-a.b`) and Mesos' (stout:
 * `--a_b=v`, `--[no-]a_b`, `MESOS_A_B`, `file:///path`). A package states its flags once, as values; types, help and errors follow.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineErrors } from './errors.ts';
import { hint } from './nearest.ts';
import { durationMs, durationText, mesosDurationMs, sizeBytes, sizeText } from './quantity.ts';

interface FlagOptions {
  readonly help: string;
  /** Shown in help in place of the kind's own name. */
  readonly valueName?: string;
  /** Accepted, but not shown in help. */
  readonly hidden?: boolean;
  /** Other names that mean the same flag (`agent_ping_timeout` / `slave_ping_timeout`). */
  readonly aliases?: readonly string[];
}

type FlagKind = 'string' | 'boolean' | 'integer' | 'number' | 'duration' | 'bytes' | 'list';

export interface Flag<T> extends FlagOptions {
  readonly kind: FlagKind;
  readonly required: boolean;
  readonly default: T;
}

interface FlagMaker<T> {
  (options: FlagOptions & ({ readonly default: T } | { readonly required: true })): Flag<T>;
  (options: FlagOptions): Flag<T | undefined>;
}

/** Flag names without dashes, in the order of help: `{ 'config.file': flag.string({ … }) }`. */
export type FlagSpec = Readonly<Record<string, Flag<unknown>>>;

export type FlagValues<S extends FlagSpec> = { readonly [K in keyof S]: S[K] extends Flag<infer T> ? T : never };

interface ParseFlagsOptions {
  readonly style: 'prometheus' | 'mesos';
  /** Where Mesos style looks for `MESOS_NAME`; default: nowhere. A flag on the command line wins. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export type ParsedFlags<S extends FlagSpec> =
  | { readonly kind: 'values'; readonly values: FlagValues<S> }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

const errors = defineErrors({ bad_flag: { status: 400, message: (f: { reason: string }) => f.reason } });

function maker<T>(kind: FlagKind): FlagMaker<T> {
  return (options: FlagOptions & { default?: T; required?: true }) =>
    ({ ...options, kind, required: options.required === true, default: options.default }) as Flag<T>;
}

export const flag = {
  string: maker<string>('string'),
  boolean: maker<boolean>('boolean'),
  integer: maker<number>('integer'),
  number: maker<number>('number'),
  /** Milliseconds. */
  duration: maker<number>('duration'),
  bytes: maker<number>('bytes'),
  /** May be repeated; default []. */
  list(options: FlagOptions & { readonly default?: readonly string[]; readonly required?: true }): Flag<readonly string[]> {
    return { ...options, kind: 'list', required: options.required === true, default: options.default ?? [] };
  },
};

/** Throws CodedError `bad_flag` whose message is fit for the terminal. */
export function parseFlags<const S extends FlagSpec>(
  program: string,
  spec: S,
  argv: readonly string[],
  options: ParseFlagsOptions,
): ParsedFlags<S> {
  const canonical = new Map<string, string>();
  for (const [name, one] of Object.entries(spec)) for (const alias of [name, ...(one.aliases ?? [])]) canonical.set(alias, name);

  const given = new Map<string, unknown>();
  const set = (name: string, text: string, source: string): void => {
    const one = spec[name] as Flag<unknown>;
    const value = readValue(one, text, source, options.style);
    if (one.kind === 'list') given.set(name, [...((given.get(name) as string[] | undefined) ?? []), value]);
    else given.set(name, value);
  };

  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    if (argument === '-h' || argument === '--help' || argument === '--help=true')
      return { kind: 'help', text: helpText(program, spec, options.style) };
    if (argument === '--version') return { kind: 'version' };
    if (!argument.startsWith('--'))
      throw errors.fail('bad_flag', { reason: argument.startsWith('-') ? `unknown short flag '${argument}'` : `unexpected ${argument}` });
    const equals = argument.indexOf('=');
    const written = argument.slice(2, equals === -1 ? undefined : equals);
    const positive = canonical.get(written);
    const negated = positive === undefined && written.startsWith('no-') ? canonical.get(written.slice(3)) : undefined;
    const name = positive ?? (negated !== undefined && spec[negated]?.kind === 'boolean' ? negated : undefined);
    if (name === undefined) {
      const visible = Object.keys(spec).filter((key) => spec[key]?.hidden !== true);
      throw errors.fail('bad_flag', { reason: `unknown long flag '--${written}'${hint(written, visible, '--')}` });
    }
    if ((spec[name] as Flag<unknown>).kind === 'boolean') {
      if (positive === undefined && equals !== -1) throw errors.fail('bad_flag', { reason: `flag '--${written}' takes no value` });
      set(name, equals === -1 ? String(positive !== undefined) : argument.slice(equals + 1), `--${written}`);
      continue;
    }
    const text = equals === -1 ? argv[++i] : argument.slice(equals + 1);
    if (text === undefined) throw errors.fail('bad_flag', { reason: `expected argument for flag '--${written}'` });
    set(name, text, `--${written}`);
  }

  if (options.style === 'mesos' && options.env !== undefined) {
    for (const [alias, name] of canonical) {
      const variable = `MESOS_${alias.toUpperCase()}`;
      const text = options.env[variable];
      if (text !== undefined && !given.has(name)) set(name, text, variable);
    }
  }

  const missing = Object.keys(spec).filter((name) => spec[name]?.required === true && !given.has(name));
  if (missing.length > 0) {
    throw errors.fail('bad_flag', { reason: `required flag ${missing.map((name) => `--${name}`).join(', ')} not provided` });
  }
  const values = Object.fromEntries(Object.entries(spec).map(([name, one]) => [name, given.has(name) ? given.get(name) : one.default]));
  return { kind: 'values', values: values as FlagValues<S> };
}

function readValue(one: Flag<unknown>, written: string, source: string, style: 'prometheus' | 'mesos'): unknown {
  const refuse = (reason: string): never => {
    throw errors.fail('bad_flag', { reason: `invalid value for ${source}: ${reason}` });
  };
  let text = written;
  if (style === 'mesos' && written.startsWith('file://')) {
    try {
      text = readFileSync(fileURLToPath(written), 'utf8').trim();
    } catch (error) {
      return refuse(`cannot read ${written}: ${(error as Error).message}`);
    }
  }
  switch (one.kind) {
    case 'string':
    case 'list':
      return text;
    case 'boolean':
      if (text === 'true' || text === '1') return true;
      if (text === 'false' || text === '0') return false;
      return refuse(`expected true or false, found "${text}"`);
    case 'integer':
      return /^[-+]?\d+$/.test(text) && Number.isSafeInteger(Number(text))
        ? Number(text)
        : refuse(`expected a whole number, found "${text}"`);
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : refuse(`expected a number, found "${text}"`);
    case 'duration':
    case 'bytes':
      try {
        if (one.kind === 'bytes') return sizeBytes(text);
        return style === 'mesos' ? mesosDurationMs(text) : durationMs(text);
      } catch (error) {
        return refuse((error as Error).message);
      }
  }
}

function helpText(program: string, spec: FlagSpec, style: 'prometheus' | 'mesos'): string {
  const rows: [string, string][] = [];
  for (const [name, one] of Object.entries(spec)) {
    if (one.hidden === true) continue;
    const value =
      one.valueName ??
      { string: 'TEXT', integer: 'N', number: 'NUMBER', duration: 'DURATION', bytes: 'SIZE', list: 'TEXT …', boolean: '' }[one.kind];
    const left = one.kind === 'boolean' ? `--[no-]${name}` : `--${name}=${value}`;
    const notes: string[] = [];
    if (one.required) notes.push('required');
    if (one.kind === 'list') notes.push('may be repeated');
    const preset = defaultText(one);
    if (preset !== '') notes.push(`default ${preset}`);
    rows.push([left, `${one.help}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`]);
  }
  rows.push(['-h, --help', 'Show this help.'], ['--version', 'Show the version.']);
  const width = Math.min(44, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.map(([left, right]) =>
    left.length <= width ? `  ${left.padEnd(width)}  ${right}` : `  ${left}\n  ${' '.repeat(width)}  ${right}`,
  );
  const environment =
    style === 'mesos'
      ? '\nEach flag may also be set by the environment: MESOS_ and its name in capitals; a value file:///path is read from that file.\n'
      : '';
  return `usage: ${program} [flags]\n\n${lines.join('\n')}\n${environment}`;
}

function defaultText(one: Flag<unknown>): string {
  const value = one.default;
  if (value === undefined || value === '' || value === false) return '';
  if (one.kind === 'duration') return durationText(value as number);
  if (one.kind === 'bytes') return sizeText(value as number);
  return Array.isArray(value) ? value.join(', ') : String(value as string | number | boolean);
}
