import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from './errors.ts';
import { flag, parseFlags } from './flags.ts';

const spec = {
  'config.file': flag.string({ default: 'prometheus.yml', help: 'Configuration file.', valueName: 'FILE' }),
  'web.listen-address': flag.list({ default: ['0.0.0.0:9090'], help: 'Address to listen on.' }),
  'web.enable-lifecycle': flag.boolean({ default: false, help: 'Allow reload and quit by HTTP.' }),
  'query.timeout': flag.duration({ default: 120_000, help: 'Longest time of a query.' }),
  'query.max-samples': flag.integer({ default: 50_000_000, help: 'Most samples of a query.' }),
  'storage.size': flag.bytes({ help: 'Most bytes on disk.' }),
  ratio: flag.number({ default: 0.9, help: 'Part of memory to use.' }),
  'cluster.master-url': flag.string({ help: 'The master.' }),
  secret: flag.string({ default: '', help: 'Not shown.', hidden: true }),
};

function values(...argv: string[]): Record<string, unknown> {
  const parsed = parseFlags('prometheus', spec, argv, { style: 'prometheus' });
  return parsed.kind === 'values' ? Object.fromEntries(Object.entries(parsed.values)) : {};
}

function outcome(argv: string[]): string {
  try {
    return parseFlags('p', spec, argv, { style: 'prometheus' }).kind;
  } catch (error) {
    return error instanceof CodedError ? error.code : String(error);
  }
}

describe('Prometheus style', () => {
  it.each([
    [[], { 'config.file': 'prometheus.yml', 'query.timeout': 120_000, 'storage.size': undefined, 'web.listen-address': ['0.0.0.0:9090'] }],
    [['--config.file=a.yml'], { 'config.file': 'a.yml' }],
    [['--config.file', 'a.yml'], { 'config.file': 'a.yml' }],
    [['--config.file='], { 'config.file': '' }],
    [['--config.file=a=b'], { 'config.file': 'a=b' }],
    [['--config.file=a', '--config.file=b'], { 'config.file': 'b' }],
    [['--web.enable-lifecycle'], { 'web.enable-lifecycle': true }],
    [['--web.enable-lifecycle=true'], { 'web.enable-lifecycle': true }],
    [['--no-web.enable-lifecycle'], { 'web.enable-lifecycle': false }],
    [['--web.listen-address=:1', '--web.listen-address=:2'], { 'web.listen-address': [':1', ':2'] }],
    [['--query.timeout=1m30s'], { 'query.timeout': 90_000 }],
    [['--storage.size=512MB'], { 'storage.size': 536_870_912 }],
    [['--query.max-samples', '-5'], { 'query.max-samples': -5 }],
    [['--ratio=.5'], { ratio: 0.5 }],
  ])('%j', (argv, expected) => {
    expect(values(...argv)).toMatchObject(expected);
  });

  it.each([
    [['--x'], `unknown long flag '--x'`],
    [['--config.fil=a'], `unknown long flag '--config.fil' (did you mean "--config.file"?)`],
    [['--no-config.file'], `unknown long flag '--no-config.file'`],
    [['--secre=1'], `unknown long flag '--secre'`],
    [['-x'], `unknown short flag '-x'`],
    [['what'], 'unexpected what'],
    [['--config.file'], `expected argument for flag '--config.file'`],
    [['--no-web.enable-lifecycle=1'], `flag '--no-web.enable-lifecycle' takes no value`],
    [['--web.enable-lifecycle=yes'], 'invalid value for --web.enable-lifecycle: expected true or false, found "yes"'],
    [['--query.timeout=5'], 'invalid value for --query.timeout: not a valid duration string: "5"'],
    [['--query.max-samples=1.5'], 'invalid value for --query.max-samples: expected a whole number, found "1.5"'],
    [['--storage.size=5'], 'invalid value for --storage.size: not a valid size: "5"'],
    [['--ratio=x'], 'invalid value for --ratio: expected a number, found "x"'],
    [['--__proto__=1'], `unknown long flag '--__proto__'`],
  ])('%j is refused', (argv, message) => {
    expect(() => values(...argv)).toThrow(message);
  });

  it('any arguments give values, help, version or a bad_flag', () => {
    const argument = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.keys(spec).map((name) => `--${name}`)),
      fc.string().map((text) => `--${text}`),
    );
    fc.assert(
      fc.property(fc.array(argument), (argv) => {
        expect(['values', 'help', 'version', 'bad_flag']).toContain(outcome(argv));
      }),
    );
  });
});

const mesosSpec = {
  work_dir: flag.string({ required: true, help: 'Where state is kept.' }),
  agent_ping_timeout: flag.duration({ default: 15_000, help: 'Silence after which an agent is suspect.', aliases: ['slave_ping_timeout'] }),
  port: flag.integer({ default: 5050, help: 'Port.' }),
  hostname_lookup: flag.boolean({ default: true, help: 'Look the name up.' }),
};

describe('Mesos style', () => {
  const parse = (argv: string[], env: Record<string, string> = {}): unknown => {
    const parsed = parseFlags('mesos-master', mesosSpec, argv, { style: 'mesos', env });
    return parsed.kind === 'values' ? parsed.values : parsed;
  };

  it.each([
    [['--work_dir=/a'], {}, { work_dir: '/a', agent_ping_timeout: 15_000, hostname_lookup: true }],
    [['--work_dir=/a', '--no-hostname_lookup'], {}, { hostname_lookup: false }],
    [['--work_dir=/a', '--agent_ping_timeout=20secs'], {}, { agent_ping_timeout: 20_000 }],
    [['--work_dir=/a', '--slave_ping_timeout=20secs'], {}, { agent_ping_timeout: 20_000 }],
    [[], { MESOS_WORK_DIR: '/e', MESOS_PORT: '1' }, { work_dir: '/e', port: 1 }],
    [['--port=2'], { MESOS_WORK_DIR: '/e', MESOS_PORT: '1', MESOS_UNKNOWN: 'x' }, { port: 2 }],
  ])('%j with %j', (argv, env, expected) => {
    expect(parse(argv, env)).toMatchObject(expected);
  });

  it('a value file:///path is the content of that file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'flags-')), 'work_dir');
    writeFileSync(file, '/from/file\n');
    expect(parse([`--work_dir=file://${file}`])).toMatchObject({ work_dir: '/from/file' });
    expect(() => parse(['--work_dir=file:///nowhere/at/all'])).toThrow('invalid value for --work_dir: cannot read file:///nowhere/at/all');
  });

  it('says which required flag is missing and which variable is wrong', () => {
    expect(() => parse([])).toThrow('required flag --work_dir not provided');
    expect(() => parse(['--work_dir=/a'], { MESOS_PORT: 'x' })).toThrow('invalid value for MESOS_PORT: expected a whole number, found "x"');
  });
});

it('help lists visible flags with kinds and defaults', () => {
  const parsed = parseFlags('prometheus', spec, ['--config.file=x', '--help'], { style: 'prometheus' });
  const text = parsed.kind === 'help' ? parsed.text : '';
  expect(text).toContain('usage: prometheus [flags]');
  expect(text).toMatch(/--config\.file=FILE +Configuration file\. \(default prometheus\.yml\)/);
  expect(text).toMatch(/--query\.timeout=DURATION +Longest time of a query\. \(default 2m\)/);
  expect(text).toMatch(/--\[no-\]web\.enable-lifecycle +Allow/);
  expect(text).not.toContain('secret');
  expect(parseFlags('prometheus', spec, ['--version'], { style: 'prometheus' })).toEqual({ kind: 'version' });
});
