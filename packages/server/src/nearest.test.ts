import { expect, it } from 'vitest';
import { nearest } from './nearest.ts';

it.each([
  ['scrape_config', ['scrape_configs', 'rule_files'], 'scrape_configs'],
  ['recieve', ['receive', 'receiver'], 'receive'],
  ['prot', ['port'], 'port'],
  ['x', ['port'], undefined],
  ['', ['port'], undefined],
  ['completely', ['different'], undefined],
])('%j among %j is %s', (name, known, expected) => {
  expect(nearest(name, known)).toBe(expected);
});
