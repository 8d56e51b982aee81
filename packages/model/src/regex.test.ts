import { expect, it } from 'vitest';
import { matchesAnywhere, replaceAllMatches } from './regex.ts';

it.each([
  ['a(x*)b', 'T', '-ab-axxb-', '-T-T-'],
  ['a(x*)b', '$1', '-ab-axxb-', '--xx-'],
  ['a(x*)b', '$1W', '-ab-axxb-', '---'],
  ['a(x*)b', '${1}W', '-ab-axxb-', '-W-xxW-'],
  ['(?P<first>[a-z]+)-\\d+', '$first', 'web-1 db-22', 'web db'],
  ['x*', '-', 'abc', '-a-b-c-'],
  ['x*', '-', 'axc', '-a-c-'],
  ['', '-', '', '-'],
])('replaces %j by %j in %j', (pattern, template, text, expected) => {
  expect(replaceAllMatches(pattern, template, text)).toBe(expected);
});

it('searches anywhere in the text, and refuses what is not RE2', () => {
  expect(matchesAnywhere('b+', 'abbc')).toBe(true);
  expect(matchesAnywhere('^b', 'abbc')).toBe(false);
  expect(() => matchesAnywhere('(?=b)', 'b')).toThrow('(?=');
});
