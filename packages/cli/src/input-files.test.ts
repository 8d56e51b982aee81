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
  [[''], ['a.txt', 'b.txt', 'c.md']],
  [['a.txt', 'a.txt'], ['a.txt']],
  [['*.txt'], ['a.txt', 'b.txt']],
  [
    ['?.md', 'deeper'],
    ['c.md', 'deeper/d.txt'],
  ],
  [['.hidden'], ['.hidden']],
  [['*.none'], []],
])('%j are the files %j', async (inputs, expected) => {
  expect(await inputFiles(inputs.map((input) => join(folder, input)))).toEqual(expected.map((file) => join(folder, file)));
});

it('an input that is not there is said', async () => {
  await expect(inputFiles([join(folder, 'nowhere')])).rejects.toThrow(/there is no input .*nowhere/);
});

it('a checkout has documents of its own', async () => {
  expect((await inputFiles(ownDocuments())).some((file) => file.endsWith('architecture.md'))).toBe(true);
});
