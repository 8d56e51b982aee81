import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlertMatcher, MatcherError, parseMatcher, parseMatchers, printMatchers } from './matcher.ts';

const classic = (input: string): string => printMatchers(parseMatchers(input, 'classic'));
const utf8 = (input: string): string => printMatchers(parseMatchers(input, 'utf8-strict'));
const both = (input: string): string => printMatchers(parseMatchers(input));

describe('matchers in both syntaxes', () => {
  it.each([
    ['foo=bar', '{foo="bar"}'],
    ['foo="bar"', '{foo="bar"}'],
    ['{foo=bar}', '{foo="bar"}'],
    [' foo = bar , a != b ', '{foo="bar",a!="b"}'],
    ['foo=~"a|b",bar!~c.*', '{foo=~"a|b",bar!~"c.*"}'],
    ['foo="a,b"', '{foo="a,b"}'],
    ['foo="a\\"b\\\\c\\nd"', '{foo="a\\"b\\\\c\\nd"}'],
    ['foo=""', '{foo=""}'],
    ['', '{}'],
    ['{}', '{}'],
    ['foo=bar,', '{foo="bar"}'],
  ])('%s', (input, expected) => {
    expect([classic(input), utf8(input), both(input)]).toEqual([expected, expected, expected]);
  });
});

describe('where only one syntax reads it, that one counts', () => {
  it.each([
    ['classic', '{foo=bar', '{foo="bar"}'],
    ['classic', 'foo=bar baz', '{foo="bar baz"}'],
    ['classic', 'foo=', '{foo=""}'],
    ['utf8', '"foo bar"=baz', '{"foo bar"="baz"}'],
    ['utf8', 'föö=bär', '{föö="bär"}'],
    ['utf8', '"\\u00e9"=x', '{é="x"}'],
  ])('%s: %s', (which, input, expected) => {
    const [mine, other] = which === 'classic' ? [classic, utf8] : [utf8, classic];
    expect([mine(input), both(input)]).toEqual([expected, expected]);
    expect(() => other(input)).toThrow(MatcherError);
  });

  it('a disagreement is told, and the classic meaning holds', () => {
    const told: string[] = [];
    const matchers = parseMatchers('foo="\\x62"', 'fallback', (input, problem, suggestion) =>
      told.push(`${input} ${problem} ${suggestion}`),
    );
    expect(matchers[0]?.value).toBe('\\x62');
    expect(told).toEqual(['foo="\\x62" disagreement foo="\\\\x62"']);
  });
});

describe('a bad matcher is refused', () => {
  it.each([
    ['bad', 'bad matcher format: bad'],
    ['foo="bar', 'matcher value contains unescaped double quote: "bar'],
    ['foo=b"ar', 'matcher value contains unescaped double quote: b"ar'],
    ['=x', 'bad matcher format: =x'],
    ['foo=~(', 'error parsing regexp: missing closing ): `^(?:()$`'],
  ])('%s: %s', (input, message) => {
    expect(() => parseMatchers(input)).toThrow(message);
  });

  it.each([
    ['foo', "3:3: end of input: expected an operator such as '=', '!=', '=~' or '!~'"],
    ['foo=', '4:4: end of input: expected label value'],
    ['{foo=bar', '8:8: end of input: expected a comma or close brace'],
    ['foo=bar}', '0:8: foo=bar}: expected opening brace'],
    ['{foo=bar} x', '10:11: x: expected end of input'],
    ['foo=bar baz', '8:11: baz: expected a comma'],
    ['=bar', '0:1: =: expected label name'],
  ])('in UTF-8 mode %s: %s', (input, message) => {
    expect(() => utf8(input)).toThrow(message);
  });

  it('a filter is one matcher without braces', () => {
    expect(String(parseMatcher('foo=~"a.*"'))).toBe('foo=~"a.*"');
    expect(() => parseMatcher('{foo=bar}', 'utf8-strict')).toThrow('unexpected open or close brace: {foo=bar}');
    expect(() => parseMatcher('a=b,c=d', 'utf8-strict')).toThrow('expected 1 matcher, found 2');
    expect(() => parseMatcher('', 'utf8-strict')).toThrow('no matchers');
  });
});

describe('a matcher matches', () => {
  it.each([
    ['=', 'a', 'a', true],
    ['=', '', '', true],
    ['!=', '', 'x', true],
    ['=~', 'a.c', 'abc', true],
    ['=~', 'a.c', 'xabc', false],
    ['=~', 'a.c', 'a\nc', false],
    ['=~', '(?s)a.c', 'a\nc', true],
    ['!~', 'a|b', 'c', true],
    ['=~', '', '', true],
  ] as const)('%s %j on %j: %s', (type, pattern, value, expected) => {
    expect(new AlertMatcher(type, 'l', pattern).matches(Labels.from({ l: value }))).toBe(expected);
  });

  it('what is printed reads back equal in UTF-8 mode', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('=' as const, '!=' as const),
        fc.string({ minLength: 1, unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        (type, name, value) => {
          const matcher = new AlertMatcher(type, name, value);
          const [read] = parseMatchers(String(matcher), 'utf8-strict');
          expect(read?.equals(matcher)).toBe(true);
        },
      ),
    );
  });
});
