/**
 * `pronoia mapreduce …`, in Hadoop's spelling (`-mapper CMD`) and in ours (`--mapper CMD`, `--mapper=CMD`); which it is does not matter
 * (mapreduce.md §1). What Hadoop knows and we do not yet is refused by name.
 */
import type { CodedError } from '@pronoia/server';
import { errors } from './errors.ts';
import type { MapReduceJob } from './job.ts';

export type ParsedCommand =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly job: MapReduceJob; readonly master: string; readonly asJson: boolean };

interface Option {
  readonly value: 'none' | 'one' | 'many';
  readonly aliases?: readonly string[];
  readonly streamingOnly?: boolean;
  readonly valueName?: string;
  readonly help: string;
}

const OPTIONS = {
  input: { value: 'many', valueName: 'PATH', help: 'Files, folders or patterns (* ? [a-b] {x,y}); may be repeated, commas separate.' },
  output: { value: 'one', valueName: 'FOLDER', help: 'Where the results go; must not exist.' },
  mapper: {
    value: 'one',
    streamingOnly: true,
    valueName: 'COMMAND',
    help: 'Reads lines on stdin, writes key TAB value lines. Default: records pass as they are.',
  },
  reducer: { value: 'one', streamingOnly: true, valueName: 'COMMAND', help: 'Reads sorted key TAB value lines; NONE: no reduce.' },
  file: {
    value: 'many',
    streamingOnly: true,
    valueName: 'FILE',
    help: "Puts a local file into each attempt's working folder; may be repeated.",
  },
  cmdenv: { value: 'many', streamingOnly: true, valueName: 'NAME=VALUE', help: 'Environment of mapper and reducer; may be repeated.' },
  'program-metrics': {
    value: 'none',
    streamingOnly: true,
    help: 'Gives each program a port for an exporter of its own, in PORT_METRICS; it is scraped.',
  },
  reduces: { value: 'one', aliases: ['numReduceTasks'], valueName: 'N', help: 'Reducers, and so part files. Default 1.' },
  recursive: { value: 'none', help: 'Reads folders inside input folders too.' },
  name: { value: 'one', valueName: 'TEXT', help: "The framework's name. Default: the program's." },
  'split-size': {
    value: 'one',
    valueName: 'SIZE',
    help: 'Input of one map, like 64MB. Default: an eighth of the input, 1 MiB to 128 MiB.',
  },
  slots: { value: 'one', valueName: 'N', help: 'Most attempts at once.' },
  'map-cpus': { value: 'one', valueName: 'N', help: 'CPUs of a map. Default 1.' },
  'map-mem': { value: 'one', valueName: 'MB', help: 'Memory of a map. Default 384.' },
  'reduce-cpus': { value: 'one', valueName: 'N', help: 'CPUs of a reduce. Default 1.' },
  'reduce-mem': { value: 'one', valueName: 'MB', help: 'Memory of a reduce. Default 384.' },
  linger: {
    value: 'one',
    valueName: 'SECONDS',
    help: 'A finished attempt stays so long at most, until its metrics were scraped once. Default 0.',
  },
  role: { value: 'one', valueName: 'ROLE', help: 'Role to take offers in. Default *.' },
  principal: { value: 'one', valueName: 'NAME', help: 'Principal of the framework.' },
  master: { value: 'one', valueName: 'HOST:PORT', help: 'Default 127.0.0.1:5050, or what PRONOIA_MASTER says.' },
  json: { value: 'none', help: 'Progress and result as JSON lines on stdout.' },
} as const satisfies Record<string, Option>;

type OptionName = keyof typeof OPTIONS;

/** Hadoop's, not here yet. */
const REFUSED = new Set([
  'combiner',
  'inputformat',
  'outputformat',
  'partitioner',
  'inputreader',
  'io',
  'lazyOutput',
  'mapdebug',
  'reducedebug',
  'background',
  'jobconf',
  'cacheFile',
  'cacheArchive',
  'dfs',
  'additionalconfspec',
  'files',
  'archives',
  'libjars',
  'conf',
  'fs',
  'jt',
]);
const IGNORED = new Set(['verbose', 'debug']);

/** `-D` names that mean an option; others are for the programs' environment. */
const CONFIGURATION: Readonly<Record<string, OptionName>> = {
  'mapreduce.job.reduces': 'reduces',
  'mapred.reduce.tasks': 'reduces',
  'mapreduce.job.name': 'name',
  'mapred.job.name': 'name',
  'mapreduce.input.fileinputformat.split.maxsize': 'split-size',
};
const RECURSIVE = 'mapreduce.input.fileinputformat.input.dir.recursive';

export function parseMapReduce(argv: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): ParsedCommand {
  const [first, ...rest] = argv;
  if (first === undefined) return { kind: 'help', text: helpText() };
  const isWordCount = first === 'wordcount';
  if (!isWordCount && first !== 'streaming' && !first.startsWith('-')) {
    throw errors.fail('bad_option', { reason: `unknown program ${first}; there is wordcount, or streaming with --mapper and --reducer` });
  }
  const values = new Map<OptionName, string[]>();
  const environment: Record<string, string> = {};
  const words = isWordCount || first === 'streaming' ? rest : [...argv];
  const paths: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const next = (): string => {
      const value = words[++i];
      if (value === undefined) throw errors.fail('bad_option', { reason: `Missing argument for option: ${word}` });
      return value;
    };
    if (/^--?(help|info|h)$/.test(word)) return { kind: 'help', text: helpText() };
    if (word.startsWith('-D')) {
      configure(word === '-D' ? next() : word.slice(2), values, environment);
      continue;
    }
    const found = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(word);
    if (found === null) {
      // `wordcount IN… OUT`, as the Hadoop example takes them.
      if (isWordCount && !word.startsWith('-')) paths.push(word);
      else throw errors.fail('bad_option', { reason: `unexpected argument: ${word}` });
      continue;
    }
    const [, written = '', inline] = found;
    if (IGNORED.has(written)) continue;
    const name = optionName(written);
    if (name === undefined) throw unknownOption(written);
    const option: Option = OPTIONS[name];
    if (isWordCount && option.streamingOnly === true)
      throw errors.fail('bad_option', { reason: `--${name} is for streaming jobs, not for wordcount` });
    if (option.value === 'none') {
      if (inline !== undefined) throw errors.fail('bad_option', { reason: `--${name} takes no value` });
      values.set(name, ['true']);
      continue;
    }
    const given = [inline ?? next()];
    // Hadoop: several values may follow one -input or -file.
    while (option.value === 'many' && inline === undefined && words[i + 1]?.startsWith('-') === false) given.push(next());
    values.set(name, option.value === 'many' ? [...(values.get(name) ?? []), ...given] : given);
  }
  if (paths.length > 0) {
    if (paths.length < 2 || values.has('input') || values.has('output'))
      throw errors.fail('bad_option', { reason: 'Usage: wordcount <in> [<in>...] <out>' });
    values.set('input', paths.slice(0, -1));
    values.set('output', paths.slice(-1));
  }
  return {
    kind: 'run',
    job: jobOf(isWordCount, values, environment),
    master: one(values, 'master') ?? env['PRONOIA_MASTER'] ?? '127.0.0.1:5050',
    asJson: values.has('json'),
  };
}

function optionName(written: string): OptionName | undefined {
  for (const [name, option] of Object.entries(OPTIONS) as [OptionName, Option][]) {
    if (name === written || option.aliases?.includes(written) === true) return name;
  }
  return undefined;
}

function unknownOption(written: string): CodedError {
  if (REFUSED.has(written)) return errors.fail('bad_option', { reason: `-${written} is not supported yet` });
  return errors.fail('bad_option', { reason: `Unrecognized option: -${written}\nTry -help for more information` });
}

function configure(text: string, values: Map<OptionName, string[]>, environment: Record<string, string>): void {
  const equals = text.indexOf('=');
  if (equals < 1) throw errors.fail('bad_option', { reason: `-D ${text}: expected name=value` });
  const name = text.slice(0, equals);
  const value = text.slice(equals + 1);
  environment[name.replace(/[^A-Za-z0-9]/g, '_')] = value;
  const option = CONFIGURATION[name];
  if (option !== undefined && !values.has(option)) values.set(option, [value]);
  if (name === RECURSIVE && value === 'true') values.set('recursive', ['true']);
}

function jobOf(
  isWordCount: boolean,
  values: ReadonlyMap<OptionName, readonly string[]>,
  configuration: Readonly<Record<string, string>>,
): MapReduceJob {
  const required = (name: 'input' | 'output'): readonly string[] => {
    const given = values.get(name);
    if (given === undefined)
      throw errors.fail('bad_option', {
        reason: `Required argument: -${name} <${name === 'input' ? 'path' : 'folder'}>\nTry -help for more information`,
      });
    return given;
  };
  const reducer = one(values, 'reducer');
  const isMapOnly = reducer === 'NONE';
  const text = <K extends string>(key: K, name: OptionName): { [P in K]?: string } => optional(key, one(values, name));
  const number = <K extends string>(key: K, name: OptionName, isWhole: boolean): { [P in K]?: number } =>
    optional(key, numberOf(values, name, isWhole));
  const common = {
    input: required('input'),
    output: required('output')[0] as string,
    ...text('name', 'name'),
    ...text('role', 'role'),
    ...text('principal', 'principal'),
    ...(isMapOnly ? { reduces: 0 } : number('reduces', 'reduces', true)),
    ...number('slots', 'slots', true),
    ...number('mapCpus', 'map-cpus', false),
    ...number('mapMemMb', 'map-mem', true),
    ...number('reduceCpus', 'reduce-cpus', false),
    ...number('reduceMemMb', 'reduce-mem', true),
    ...optional('splitBytes', bytesOf(one(values, 'split-size'))),
    ...optional('lingerMs', secondsOf(numberOf(values, 'linger', false))),
    recursive: values.has('recursive'),
  };
  if (isWordCount) {
    if (common.reduces === 0) throw errors.fail('bad_option', { reason: '--reduces: wordcount needs at least one reducer' });
    return { kind: 'wordcount', ...common };
  }
  if (!values.has('mapper') && !values.has('reducer'))
    throw errors.fail('bad_option', { reason: 'a streaming job needs -mapper or -reducer, or both' });
  const environment: Record<string, string> = { ...configuration };
  for (const pair of values.get('cmdenv') ?? []) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw errors.fail('bad_option', { reason: `-cmdenv ${pair}: expected name=value` });
    environment[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return {
    kind: 'streaming',
    ...common,
    ...text('mapper', 'mapper'),
    ...(isMapOnly || reducer === undefined ? {} : { reducer }),
    files: (values.get('file') ?? []).flatMap((file) => file.split(',')).filter((file) => file !== ''),
    environment,
    programMetrics: values.has('program-metrics'),
  };
}

const one = (values: ReadonlyMap<OptionName, readonly string[]>, name: OptionName): string | undefined => values.get(name)?.at(-1);

const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };

function numberOf(values: ReadonlyMap<OptionName, readonly string[]>, name: OptionName, isWhole: boolean): number | undefined {
  const text = one(values, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  const isGood =
    text.trim() !== '' &&
    (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    (value > 0 || (name === 'reduces' && value === 0));
  if (!isGood)
    throw errors.fail('bad_option', { reason: `--${name}: expected a ${isWhole ? 'whole ' : ''}number above 0, found "${text}"` });
  return value;
}

const secondsOf = (seconds: number | undefined): number | undefined => (seconds === undefined ? undefined : seconds * 1_000);

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function bytesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const found = /^(\d+)\s*([KMG]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = Number(found?.[1]) * (UNITS[(found?.[2] ?? '').toUpperCase()] ?? 1);
  if (found === null || bytes < 1) throw errors.fail('bad_option', { reason: `--split-size: expected a size like 64MB, found "${text}"` });
  return bytes;
}

function helpText(): string {
  const rows = (Object.entries(OPTIONS) as [OptionName, Option][]).map(([name, option]) => {
    const left = `--${name}${option.valueName === undefined ? '' : ` ${option.valueName}`}`;
    const also = option.aliases === undefined ? '' : ` Also ${option.aliases.map((alias) => `-${alias}`).join(', ')}.`;
    return `  ${left.padEnd(26)}  ${option.help}${also}`;
  });
  return `usage: pronoia mapreduce wordcount --input PATH… --output FOLDER [options]
       pronoia mapreduce [streaming] --mapper COMMAND --reducer COMMAND --input PATH… --output FOLDER [options]

Options may be written with one dash, as Hadoop Streaming has them (-input, -mapper, -numReduceTasks, -cmdenv …).

${rows.join('\n')}
  ${'-D NAME=VALUE'.padEnd(26)}  Hadoop configuration: some names mean an option above, all reach the programs' environment.
`;
}
