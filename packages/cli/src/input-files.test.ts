import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inputFiles, ownDocuments } from './input-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'input-'));
beforeAll(() => {
  mkdirSync(join(folder, 'deeper'));
  for (const name of ['a.txt', 'b.txt', 'c.md', '.hidden', '_SUCCESS', 'deeper/d.txt']) writeFileSync(join(folder, name), name);
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  [[''], ['a.txt', 'b.txt', 'c.md', 'deeper/d.txt']],
  [['a.txt', 'a.txt'], ['a.txt']],
  [['*.txt'], ['a.txt', 'b.txt']],
  [
    ['?.md', 'deeper'],
    ['c.md', 'deeper/d.txt'],
  ],
  [['dee*/*.txt'], ['deeper/d.txt']],
  [['.hidden'], ['.hidden']],
])('%j are the files %j', (inputs, expected) => {
  expect(inputFiles(inputs.map((input) => join(folder, input)))).toEqual(expected.map((file) => join(folder, file)));
});

it.each([
  ['nowhere', /Input path does not exist: .*nowhere; name files or folders with --input/],
  ['*.none', /matches 0 files; name files or folders with --input/],
])('%s is said not to be there', (input, message) => {
  expect(() => inputFiles([join(folder, input)])).toThrow(message);
});

it('a checkout has documents of its own', () => {
  expect(inputFiles(ownDocuments()).some((file) => file.endsWith('architecture.md'))).toBe(true);
});
