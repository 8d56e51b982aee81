import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { createMatcher, type MatchType, PatternError } from './matcher.ts';

describe('a matcher', () => {
  it.each<[MatchType, string, string, boolean]>([
    ['=', 'a', 'a', true],
    ['=', 'a', 'ab', false],
    ['=', '', '', true],
    ['!=', 'a', 'b', true],
    ['!=', 'a', 'a', false],
    ['=~', 'a|b', 'b', true],
    ['=~', 'a|b', 'ab', false],
    ['=~', '', '', true],
    ['=~', '', 'x', false],
    ['=~', '.*', '', true],
    ['=~', '.+', '', false],
    ['=~', '.+', '\n', true],
    ['=~', 'node_.*', 'node_', true],
    ['=~', 'node_.+', 'node_', false],
    ['=~', '.*err.*', 'an error', true],
    ['=~', '.*err', 'an error', false],
    ['=~', 'a.+a', 'aa', false],
    ['=~', '.+.+', 'a', false],
    ['=~', '.+.+', '😀', false],
    ['=~', '.+.+', '😀a', true],
    ['=~', '.*.+.*', '😀', true],
    ['=~', '.*.*a', 'a', true],
    ['=~', '.+.+.+', 'ab', false],
    ['=~', 'a.+.+', 'a', false],
    ['=~', 'a.*b.*b', 'ab', false],
    ['=~', 'a.*b.*b', 'abb', true],
    ['=~', '.+.*', '', false],
    ['=~', '.+.*', 'a', true],
    ['=~', 'a.+.+b', 'axb', false],
    ['=~', 'a.+.+b', 'axyb', true],
    ['=~', 'a.b', 'a\nb', true],
    ['=~', '(get|put)_[0-9]', 'put_7', true],
    ['=~', '(get|put)_[0-9]', 'put_77', false],
    ['=~', '^foo$', 'foo', true],
    ['=~', '^a|b$', 'b', true],
    ['=~', 'https?', 'http', true],
    ['=~', 'https?', 'https', true],
    ['=~', '(?i)abc', 'aBc', true],
    ['=~', 'a\\.b', 'a.b', true],
    ['=~', 'a\\.b', 'axb', false],
    ['=~', '\\d+', '123', true],
    ['=~', '.', '😀', true],
    ['!~', 'a|b', 'c', true],
    ['!~', 'a|b', 'a', false],
    ['!~', '.+', '', true],
  ])('%s %j meets %j: %s', (type, pattern, value, expected) => {
    expect(createMatcher(type, 'l', pattern).matches(value)).toBe(expected);
  });

  it.each([
    ['a|b|c', ['a', 'b', 'c'], ''],
    ['node_cpu|node_mem', ['node_cpu', 'node_mem'], 'node_'],
    ['(a|b)(1|2)', ['a1', 'a2', 'b1', 'b2'], ''],
    ['x[a-c]', ['xa', 'xb', 'xc'], 'x'],
    ['http(s)?', ['https', 'http'], 'http'],
    ['', [''], ''],
    ['node_.*', undefined, 'node_'],
    ['ab.*|ac.*', undefined, 'a'],
    ['abc\\d', undefined, 'abc'],
    ['abcd*', undefined, 'abc'],
    ['a|b\\d', undefined, ''],
    ['ab(c|\\d)', undefined, ''],
  ])('%j has literals %j and prefix %j', (pattern, literals, prefix) => {
    const matcher = createMatcher('=~', 'l', pattern);
    expect([matcher.literals, matcher.prefix]).toEqual([literals, prefix]);
  });

  it.each(['(a', 'a)', '[', '*', 'a**', '(?=a)', '\\1', 'a{2000}', '(?P<n>a)(?P<n>b)'])('refuses %j', (pattern) => {
    expect(() => createMatcher('=~', 'l', pattern)).toThrow(PatternError);
  });

  it('says what is wrong in the words of the original', () => {
    expect(() => createMatcher('=~', 'l', '(a')).toThrow('error parsing regexp: missing closing ): `(a`');
  });

  it('prints as PromQL', () => {
    expect(String(createMatcher('!~', 'job', 'a"b\\.c'))).toBe('job!~"a\\"b\\\\.c"');
    expect(String(createMatcher('=', 'my.label', 'x'))).toBe('"my.label"="x"');
  });

  it('answers a hostile pattern in linear time', () => {
    expect(createMatcher('=~', 'l', '(a+)+b').matches('a'.repeat(50_000))).toBe(false);
    expect(createMatcher('=~', 'l', '[ab]*[ab]*c').matches('a'.repeat(50_000))).toBe(false);
  });

  it.each([
    ['deep groups', `${'('.repeat(100_000)}a${')'.repeat(100_000)}`, /nests too deeply/],
    ['many holes', 'a.*'.repeat(100_000), /are too many/],
    ['many options', 'a?'.repeat(100_000), /are too many/],
    ['repeated repetition', '((x{1000}){1000})', /invalid repeat count|expression/],
  ])('refuses %s before it costs anything', (_, pattern, message) => {
    expect(() => createMatcher('=~', 'l', pattern)).toThrow(message);
  });

  it('gives up a pattern that takes too long', () => {
    // One state for every set of the last twenty and thirty characters.
    const matcher = createMatcher('=~', 'l', '(.*a.{20}|.*b.{30}){20}');
    const values = Array.from({ length: 100_000 }, (_, i) =>
      (i * 2_654_435_761).toString(2).replaceAll('0', 'a').replaceAll('1', 'b').repeat(3),
    );
    expect(() => values.map((value) => matcher.matches(value))).toThrow(
      'regular expression "(.*a.{20}|.*b.{30}){20}" takes too long; make it simpler',
    );
  });

  it('takes a list of a hundred thousand words', () => {
    const matcher = createMatcher('=~', 'l', Array.from({ length: 100_000 }, (_, i) => `w${i}`).join('|'));
    expect(matcher.literals).toHaveLength(100_000);
    expect([matcher.matches('w77777'), matcher.matches('w')]).toEqual([true, false]);
  });

  it('accepts what RE2 accepts, whatever shortcut it takes', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      'ab',
      '.*',
      '.+',
      '|',
      '(',
      ')',
      '(?:',
      '?',
      '[ab]',
      '[a-c]',
      '\\.',
      '\\d',
      '\\w',
      '[^a]',
      '[a-]',
      '(a|b)',
      '_/',
      '.',
      '^',
      '$',
      '*',
      '+',
      '😀',
      '-',
      '{2}',
    );
    const pattern = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const value = fc
      .array(fc.constantFrom('a', 'b', 'c', '.', '\n', '😀', '-', '1', '_/', 'é'), { maxLength: 6 })
      .map((chars) => chars.join(''));
    const ours = (text: string, subject: string): boolean | 'error' => {
      try {
        return createMatcher('=~', 'l', text).matches(subject);
      } catch {
        return 'error';
      }
    };
    const theirs = (text: string, subject: string): boolean | 'error' => {
      try {
        return RE2JS.compile(text, RE2JS.DOTALL).testExact(subject);
      } catch {
        return 'error';
      }
    };
    fc.assert(
      fc.property(pattern, value, (text, subject) => {
        const matcher = ours(text, subject);
        expect(matcher).toBe(theirs(text, subject));
        expect(matcher !== true || subject.startsWith(createMatcher('=~', 'l', text).prefix)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});
