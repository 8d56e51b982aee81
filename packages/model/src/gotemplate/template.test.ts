import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goFunction, goMethod, parseTemplate, safeHtmlType, stringList, stringMap, TemplateSet, Typed } from './index.ts';

interface Golden {
  readonly template: string;
  readonly mode?: 'html' | 'zero' | 'error';
  readonly output?: string;
  readonly error?: string;
}

const golden = JSON.parse(readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8')) as Golden[];

const person = {
  name: 'main.T',
  methods: {
    Greet: goMethod(['string'], (_self, name) => `hi ${name}`),
    Fail: goMethod([], () => {
      throw new Error('failed on purpose');
    }),
  },
};

const data = {
  S: 'hello',
  I: 42n,
  F: 1.5,
  B: true,
  N: null,
  Empty: '',
  Zero: 0n,
  L: ['a', 'b', 'c'],
  EL: [],
  IL: [1n, 2n],
  SL: stringList(['x', 'y z']),
  LL: [[1n], [2n, 3n]],
  LM: [new Map([['k', 'v']])],
  M: new Map<string, unknown>([
    ['a', 1n],
    ['b', 'two'],
    ['nilvalue', null],
  ]),
  SM: stringMap([
    ['x', 'ex'],
    ['w', 'we'],
  ]),
  Sub: new Typed({ name: 'main.Sub' }, { A: 1n, B: 'b', unexported: 3n }),
  T: new Typed(person, { Name: 'tee' }),
  Fn: null,
  Add: goFunction(['int', 'int'], (a, b) => BigInt(a + b)),
  U: new Map([['Deep', new Map([['x', 1n]])]]),
  H: new Typed(safeHtmlType, '<b>bold</b>'),
  X: '<script>alert(\'x\') & "y" +</script>',
  Url: 'http://x/y?a=b&c=d e',
};

function run(template: string, mode: Golden['mode']): { output: string } | { error: string } {
  try {
    const missingKey = mode === 'zero' || mode === 'error' ? mode : 'default';
    return { output: parseTemplate('t', template, { html: mode === 'html', missingKey }).execute(data) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

describe('a template gives what Go gives', () => {
  it.each(golden)('$mode $template', ({ template, mode, output, error }) => {
    expect(run(template, mode)).toEqual(error === undefined ? { output } : { error });
  });
});

describe('a template cannot leave its data', () => {
  it.each([
    '{{.constructor}}',
    '{{.__proto__}}',
    '{{.S.constructor}}',
    '{{.L.length}}',
    '{{.toString}}',
    '{{.T.constructor}}',
    '{{.T.__proto__}}',
    '{{.Sub.hasOwnProperty}}',
    '{{.H.base}}',
    '{{.T.method}}',
    '{{call .Add.constructor "return 1"}}',
  ])('%s is no field', (template) => {
    expect(run(template, undefined)).toHaveProperty('error', expect.stringMatching(/can't evaluate field|unexported field/));
  });

  it.each(['{{.M.constructor}}', '{{index .M "__proto__"}}', '{{.SM.constructor}}'])('%s is a missing key', (template) => {
    expect(run(template, undefined)).toEqual({ output: '<no value>' });
  });
});

describe('a template is bounded', () => {
  it.each([
    ['{{define "r"}}{{template "r"}}{{end}}{{template "r"}}', /exceeded maximum template depth \(1000\)/],
    ['{{range 1000000000}}x{{end}}', /ran for more than|output is longer/],
    ['{{range 3000}}{{range 3000}}{{end}}{{end}}', /ran for more than 5000000 steps/],
    ['{{$x := "aaaaaaaaaa"}}{{range 100}}{{$x = printf "%s%s" $x $x}}{{end}}', /output is longer than|Invalid string length/],
    ['{{printf "%999999999d" 1}}{{printf "%*d" 99999999 1}}', /BADWIDTH|^1/],
  ])('%s', (template, expected) => {
    const result = run(template, undefined);
    expect('error' in result ? result.error : result.output.slice(0, 200)).toMatch(expected);
  });

  it('deep nesting is refused, not a crash', () => {
    expect(() => parseTemplate('t', '{{'.concat('('.repeat(20_000), '1', ')'.repeat(20_000), '}}'))).toThrow(/nested deeper/);
    expect(() => parseTemplate('t', '{{if 1}}'.repeat(20_000))).toThrow(/nested deeper/);
    expect(() => parseTemplate('t', `{{if 1}}${'{{else if 1}}'.repeat(20_000)}{{end}}`)).toThrow(/nested deeper/);
  });

  it('text of any kind parses or is refused with a place', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{{-',
      '-}}',
      ' ',
      '.S',
      '$x',
      ':=',
      '|',
      '(',
      ')',
      'if',
      'range',
      'end',
      'else',
      '"',
      '`',
      "'",
      '1',
      'nil',
      '/*',
      '*/',
      '\n',
      'é',
      '.',
      'printf',
      'template',
      'define',
      '"a"',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 }), (pieces) => {
        const result = run(pieces.join(''), undefined);
        expect('error' in result ? result.error : 'template: t: ').toMatch(/^template: t:\d+:|^template: t: /);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a set', () => {
  it('lets files see each other, and later definitions win', () => {
    const set = new TemplateSet();
    set.add('a.tmpl', '{{define "greeting"}}hello {{template "who" .}}{{end}}{{define "who"}}nobody{{end}}');
    set.add('b.tmpl', '{{define "who"}}{{.}}{{end}}');
    expect(set.execute('greeting', 'Ann')).toBe('hello Ann');
    expect(set.parse('', '<{{template "greeting" .}}>').execute('Bob')).toBe('<hello Bob>');
    const copy = set.clone();
    copy.add('c.tmpl', '{{define "who"}}copy{{end}}');
    expect([copy.execute('greeting', 1n), set.execute('greeting', 1n)]).toEqual(['hello copy', 'hello 1']);
    expect(() => set.execute('none', 1)).toThrow('template: none: "none" is an incomplete or empty template');
  });

  it('passes a signal of its functions through untouched', () => {
    const pending = Promise.resolve('later');
    const wait = goFunction([], () => {
      // Callers that answer later throw a promise, await it and run again.
      throw pending as unknown as Error;
    });
    let caught: unknown;
    try {
      parseTemplate('t', '{{wait}}', { functions: { wait } }).execute(undefined);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(pending);
  });
});
