import { describe, expect, it } from 'vitest';
import { CodedError } from './errors.ts';
import { createLogger, type LogOptions, silentLogger } from './log.ts';

function lines(options: LogOptions, use: (log: ReturnType<typeof createLogger>) => void): string[] {
  const written: string[] = [];
  use(createLogger({ ...options, write: (line) => written.push(line) }));
  return written.map((line) => line.replace(/time=\S+|"time":"[^"]+"/, 'T'));
}

describe('logfmt', () => {
  it.each([
    [{}, 'Started', 'T level=INFO msg=Started\n'],
    [{ port: 9090, host: 'a b' }, 'Listening on', 'T level=INFO msg="Listening on" port=9090 host="a b"\n'],
    [
      { empty: '', quote: 'a"b', equals: 'a=b', line: 'a\nb' },
      'x',
      'T level=INFO msg=x empty="" quote="a\\"b" equals="a=b" line="a\\nb"\n',
    ],
    [{ list: [1, 2], nothing: null, missing: undefined, yes: true }, 'x', 'T level=INFO msg=x list=[1,2] nothing=null yes=true\n'],
    [{ 'bad key="': 1 }, 'x', 'T level=INFO msg=x bad_key__=1\n'],
    [{ error: new CodedError('c', 400, 'no luck', {}, new Error('disk full')) }, 'x', 'T level=INFO msg=x error="no luck: disk full"\n'],
  ])('%j', (fields, message, expected) => {
    expect(lines({}, (log) => log.info(fields, message))).toEqual([expected]);
  });

  it('a field that refers to itself costs no line', () => {
    const fields: Record<string, unknown> = { a: 1 };
    fields['self'] = fields;
    expect(lines({}, (log) => log.info(fields, 'x'))[0]).toContain('a=1');
  });

  it('an unexpected error shows where it comes from', () => {
    expect(lines({}, (log) => log.error({ err: new Error('oops') }, 'x'))[0]).toMatch(
      /level=ERROR msg=x err="Error: oops\\n .*log\.test\.ts/,
    );
  });
});

it('a child adds its fields to every line', () => {
  expect(lines({}, (log) => log.child({ component: 'scrape' }).warn({ a: 1 }, 'x'))).toEqual(['T level=WARN msg=x component=scrape a=1\n']);
});

it('lines below the level are dropped', () => {
  const all = (log: ReturnType<typeof createLogger>): void => {
    log.debug({}, 'd');
    log.info({}, 'i');
    log.warn({}, 'w');
    log.error({}, 'e');
  };
  expect(lines({ level: 'warn' }, all)).toHaveLength(2);
  expect(lines({ level: 'debug' }, all)).toHaveLength(4);
  all(silentLogger);
});

it('JSON has one object a line', () => {
  expect(lines({ format: 'json' }, (log) => log.child({ c: 1 }).info({ a: 'b' }, 'x y'))).toEqual([
    '{"level":"INFO",T,"c":1,"a":"b","msg":"x y"}\n',
  ]);
});
