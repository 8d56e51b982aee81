import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, optional, readConfig, required, type Schema, schema, withDefault } from './config.ts';

const job = schema.refine(
  schema.object({
    job_name: required(schema.string()),
    scrape_interval: withDefault(schema.duration(), 60_000),
    scrape_timeout: withDefault(schema.duration(), 10_000),
    scheme: withDefault(schema.oneOf(['http', 'https']), 'http'),
    honor_labels: optional(schema.boolean()),
    sample_limit: optional(schema.integer({ min: 0 })),
    targets: withDefault(schema.list(schema.string()), []),
    params: withDefault(schema.map(schema.list(schema.string())), {}),
  }),
  (value, report) => {
    if (value.scrape_timeout > value.scrape_interval) report(['scrape_timeout'], 'is longer than scrape_interval; shorten it');
    return value;
  },
);
const config = schema.object({
  global: optional(schema.object({ external_labels: optional(schema.map(schema.string())) })),
  scrape_configs: withDefault(schema.list(job), []),
});

function faults<T>(text: string, s: Schema<T> | typeof config = config): string[] {
  try {
    readConfig(text, 'p.yml', s as Schema<unknown>);
    return [];
  } catch (error) {
    return (error as ConfigError).message.split('\n');
  }
}

describe('a good document', () => {
  it('fills defaults and leaves out what is optional', () => {
    expect(readConfig('scrape_configs:\n- job_name: 7\n  scrape_interval: 1m\n', 'p.yml', config)).toEqual({
      scrape_configs: [{ job_name: '7', scrape_interval: 60_000, scrape_timeout: 10_000, scheme: 'http', targets: [], params: {} }],
    });
  });

  it.each(['', '# nothing', '---\n', '{}', 'null', '--- \n...\n'])('%j counts as empty', (text) => {
    expect(readConfig(text, 'p.yml', config)).toEqual({ scrape_configs: [] });
  });

  it('an empty value counts as no value', () => {
    expect(readConfig('global:\nscrape_configs:\n- job_name: a\n  targets:\n', 'p.yml', config)).toMatchObject({
      scrape_configs: [{ targets: [] }],
    });
  });

  it('anchors, aliases and merge keys are followed', () => {
    const text = 'scrape_configs:\n- &base {job_name: a, scheme: https}\n- <<: *base\n  job_name: b\n- *base\n';
    expect(readConfig(text, 'p.yml', config).scrape_configs.map((one) => `${one.job_name} ${one.scheme}`)).toEqual([
      'a https',
      'b https',
      'a https',
    ]);
  });

  it('keys of a map may be any text', () => {
    const read = readConfig('global: {external_labels: {__proto__: x, constructor: y}}', 'p.yml', config);
    expect(Object.entries(read.global?.external_labels ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it('only the first document is read', () => {
    expect(readConfig('global: {}\n---\nnonsense: 1\n', 'p.yml', config)).toEqual({ global: {}, scrape_configs: [] });
  });
});

describe('faults', () => {
  it.each([
    ['scrape_config: []', ['p.yml:1:1: unknown key "scrape_config" (did you mean "scrape_configs"?)']],
    ['a: 1\nb: 2', ['p.yml:1:1: unknown key "a"', 'p.yml:2:1: unknown key "b"']],
    ['scrape_configs: 5', ['p.yml:1:17: scrape_configs: expected a list, found 5; begin each entry with "- "']],
    [
      'scrape_configs:\n- job_nme: a',
      [
        'p.yml:2:3: scrape_configs[0]: unknown key "job_nme" (did you mean "job_name"?)',
        'p.yml:2:3: scrape_configs[0]: the key "job_name" is missing',
      ],
    ],
    ['scrape_configs:\n- job_name:', ['p.yml:2:3: scrape_configs[0].job_name: expected text, found nothing']],
    ['scrape_configs:\n- job_name: [a]', ['p.yml:2:13: scrape_configs[0].job_name: expected text, found a list']],
    [
      'scrape_configs:\n- job_name: a\n  scrape_timeout: 2m\n',
      ['p.yml:3:19: scrape_configs[0].scrape_timeout: is longer than scrape_interval; shorten it'],
    ],
    [
      'scrape_configs:\n- job_name: a\n  scrape_interval: 5x\n',
      ['p.yml:3:20: scrape_configs[0].scrape_interval: unknown unit "x" in duration "5x"'],
    ],
    [
      'scrape_configs:\n- job_name: a\n  scheme: htps\n',
      ['p.yml:3:11: scrape_configs[0].scheme: expected one of http, https, found htps (did you mean "https"?)'],
    ],
    [
      'scrape_configs:\n- {job_name: a, honor_labels: "true"}',
      ['p.yml:2:31: scrape_configs[0].honor_labels: expected true or false, found "true"'],
    ],
    ['scrape_configs:\n- {job_name: a, sample_limit: -1}', ['p.yml:2:31: scrape_configs[0].sample_limit: -1 is too small; the least is 0']],
    [
      'scrape_configs:\n- {job_name: a, sample_limit: "1"}',
      ['p.yml:2:31: scrape_configs[0].sample_limit: expected a whole number, found "1"'],
    ],
    ['global: {}\nglobal: {}', ['p.yml:2:1: the key "global" stands here twice; remove one']],
    ['[1]', ['p.yml:1:1: expected a mapping, found a list']],
    ['just text', ['p.yml:1:1: expected a mapping, found just text']],
    ['global: *no', ['p.yml:1:10: there is no anchor &no before *no']],
    ['scrape_configs:\n- null', ['p.yml:2:3: scrape_configs[0]: the key "job_name" is missing']],
  ])('%j', (text, expected) => {
    expect(faults(text)).toEqual(expected);
  });

  it('YAML that cannot be read says where', () => {
    expect(faults('a: [1\nb: 2')[0]).toMatch(/^p\.yml:2:\d+: not valid YAML: /);
    expect(faults('a:\n\t- b')[0]).toMatch(/^p\.yml:2:\d+: not valid YAML: /);
  });

  it('all faults of a file are told at once', () => {
    const text = 'globl: {}\nscrape_configs:\n- job_name: a\n  scheme: x\n- scrape_interval: y\n';
    expect(faults(text)).toHaveLength(4);
    expect(() => readConfig(text, 'p.yml', config)).toThrow(ConfigError);
  });

  it('a document that multiplies itself by aliases is refused', () => {
    const levels = [
      'a0: &a0 [x,x,x,x,x,x,x,x,x,x]',
      ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(',')}]`),
    ];
    expect(faults(levels.join('\n'))[0]).toContain('aliases repeat too much of the document');
  });

  it('an alias inside its own anchor is refused', () => {
    expect(faults('a: &a [*a]')[0]).toContain('there is no anchor &a before *a');
  });
});

describe('schemas', () => {
  const read = <T>(text: string, s: Schema<T>): unknown => {
    try {
      return readConfig(text, 'f', s);
    } catch (error) {
      return (error as ConfigError).faults[0]?.message;
    }
  };

  it.each<[string, Schema<unknown>, unknown]>([
    ['yes', schema.boolean(), true],
    ['Off', schema.boolean(), false],
    ['0x1F', schema.integer(), 31],
    ['1e3', schema.number(), 1000],
    ['.inf', schema.number(), Infinity],
    ['abc', schema.number(), 'expected a number, found abc'],
    ['512MB', schema.bytes(), 536_870_912],
    ['http://a:1/b', schema.url(), 'http://a:1/b'],
    ['a:1/b', schema.url(), 'a:1/b is not a URL; write http://host:port/path'],
    ['ftp://a', schema.url(), 'unsupported scheme "ftp" for URL; use http or https'],
    ['~', schema.nullable(schema.integer()), null],
    ['[1, "1", true, null, 0o7, {a: .nan}]', schema.custom((value) => value), [1, '1', true, null, 7, { a: NaN }]],
    ['|\n  two\n  lines\n', schema.string(), 'two\nlines\n'],
    ['"a\\tb"', schema.string(), 'a\tb'],
    ['!!str 5', schema.custom((value) => value), '5'],
  ])('%j', (text, s, expected) => {
    expect(read(text, s)).toEqual(expected);
  });

  it('null is a value only where it was asked for', () => {
    const s = schema.object({ a: optional(schema.nullable(schema.integer())), b: optional(schema.integer()) });
    expect(readConfig('a: ~\nb: ~\n', 'f', s)).toEqual({ a: null });
  });

  it('custom and refine turn what they throw into a fault', () => {
    const even = schema.refine(schema.integer(), (value) => {
      if (value % 2 === 1) throw new Error(`${value} is odd`);
      return value / 2;
    });
    expect(read('4', even)).toBe(2);
    expect(read('5', even)).toBe('5 is odd');
  });

  it('a schema may contain itself', () => {
    interface Route {
      readonly receiver: string;
      readonly routes: readonly Route[];
    }
    const route: Schema<Route> = schema.lazy(() =>
      schema.object({ receiver: required(schema.string()), routes: withDefault(schema.list(route), []) }),
    );
    expect(readConfig('receiver: a\nroutes: [{receiver: b}]', 'f', route)).toEqual({
      receiver: 'a',
      routes: [{ receiver: 'b', routes: [] }],
    });
  });
});

it('any text gives a value or a ConfigError with places inside the text', () => {
  const line = fc.constantFrom(
    'a: 1',
    '- b',
    '  c: [1, 2',
    '}',
    '&x',
    '*x',
    '<<: *x',
    '"q',
    "'",
    '|',
    '>',
    'k: !!int x',
    '? x',
    ': y',
    '---',
    '...',
    '%YAML 1.2',
    '\t',
    'scrape_configs:',
    '- job_name: a',
    '  scheme: {}',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(line).map((lines) => lines.join('\n')),
      ),
      (text) => {
        const count = text.split('\n').length;
        const misplaced = faultsOf(text).filter(({ line: at, column }) => at < 1 || at > count || column < 1);
        expect(misplaced).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

/** Anything but a ConfigError is thrown on. */
function faultsOf(text: string): ConfigError['faults'] {
  try {
    readConfig(text, 'f', config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}
