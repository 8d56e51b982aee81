import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { countWords, difference, mostFrequent, readOutput } from './word-count.ts';

const folder = mkdtempSync(join(tmpdir(), 'word-count-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

it.each<[string, string | Uint8Array, Record<string, number>]>([
  ['an empty file', '', {}],
  ['only separators', ' \t\r\n\f\v\n', {}],
  ['no newline at the end', 'a b a', { a: 2, b: 1 }],
  ['CR LF', 'a\r\nb\r\n', { a: 1, b: 1 }],
  ['case is kept', 'A a', { A: 1, a: 1 }],
  ['UTF-8', 'é ☃ é', { [bytes('é')]: 2, [bytes('☃')]: 1 }],
  ['a no-break space is no separator', 'a\u00a0b', { [bytes('a\u00a0b')]: 1 }],
  ['bytes that are no text', Uint8Array.of(0xff, 0x20, 0x00, 0x20, 0xff), { '\xff': 2, '\0': 1 }],
  ['a word longer than a chunk', 'x'.repeat(3_000_000), { ['x'.repeat(3_000_000)]: 1 }],
])('counts %s', async (_name, content, expected) => {
  expect(Object.fromEntries(await countWords([file('input', content)]))).toEqual(expected);
});

it('words do not run from one file into the next', async () => {
  expect(Object.fromEntries(await countWords([file('one', 'ab'), file('two', 'c')]))).toEqual({ ab: 1, c: 1 });
});

describe('the output', () => {
  it('is read from all parts', async () => {
    file('part-r-00000', 'a\t2\nc\t1\n');
    file('part-r-00001', `b\t3\n${bytes('é')}\t1\n`);
    const { counts, faults } = await readOutput(folder);
    expect(faults).toEqual([]);
    expect(mostFrequent(counts, 2)).toEqual([
      ['b', 3],
      ['a', 2],
    ]);
    expect(difference(counts, counts)).toBeUndefined();
  });

  it.each([
    ['b\t1\na\t1\n', 'stands after'],
    ['a\t1\na\t1\n', 'stands after'],
    ['a\t1', 'does not end with a newline'],
    ['a\n', 'not a word and a count'],
    ['a\tx\n', 'not a word and a count'],
  ])('%j is at fault', async (content, fault) => {
    file('part-r-00000', content);
    file('part-r-00001', '');
    expect((await readOutput(folder)).faults.join()).toContain(fault);
  });

  it.each([
    [{ a: 1 }, { a: 2 }, '"a" was counted 1 times, but stands there 2 times'],
    [{}, { a: 2 }, '"a" was counted 0 times'],
    [{ a: 1, b: 1 }, { a: 1 }, '"b" does not stand in the input'],
  ])('%j against %j', (found, expected, text) => {
    expect(difference(new Map(Object.entries(found)), new Map(Object.entries(expected)))).toContain(text);
  });
});

function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
