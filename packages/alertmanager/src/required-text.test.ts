import { createMatcher } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requiredText } from './required-text.ts';

describe('the text that a pattern requires', () => {
  it.each([
    ['', ''],
    ['abc', 'abc'],
    ['.*-37-[0-9a-f]+', '-37-'],
    ['ab?cde', 'cde'],
    ['abc+d', 'abc'],
    ['a{2}bcd', 'bcd'],
    ['a{2bcd', ''],
    ['a|bcd', ''],
    ['(a|b)cde(x|y)f', 'cde'],
    ['(?i)abc', ''],
    ['(?:abc)?de', 'de'],
    ['(?P<n>abc)de', 'de'],
    ['[)]abc', 'abc'],
    ['[]a]bcd', 'bcd'],
    ['[^]a]bcd', 'bcd'],
    ['[[:alpha:])]bcd', 'bcd'],
    ['([)])bcd', 'bcd'],
    ['a\\.b\\+c', 'a.b+c'],
    ['\\d\\dabc', 'abc'],
    ['\\pLabc', ''],
    ['\\Qa|b\\E', ''],
    ['^abc$', 'abc'],
    ['x😀?yz', 'yz'],
  ])('of %j is %j', (pattern, expected) => {
    expect(requiredText(pattern)).toBe(expected);
  });

  it('is in every value that matches', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      'ab',
      '.',
      '.*',
      '.+',
      '?',
      '*',
      '+',
      '|',
      '(',
      ')',
      '[ab]',
      '[^a]',
      '{2}',
      '\\.',
      '\\d',
      '^',
      '$',
      '(?:',
      '😀',
    );
    const pattern = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const value = fc.array(fc.constantFrom('a', 'b', 'ab', '.', '1', '😀'), { maxLength: 6 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(pattern, fc.array(value, { minLength: 20, maxLength: 20 }), (text, values) => {
        let matcher: ReturnType<typeof createMatcher>;
        try {
          matcher = createMatcher('=~', 'x', text);
        } catch {
          return;
        }
        const required = requiredText(text);
        expect(values.filter((one) => matcher.matches(one) && !one.includes(required))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
