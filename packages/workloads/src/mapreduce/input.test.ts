import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listInput } from './input.ts';
import { LineSplitter, lineRange, type ReadAt } from './lines.ts';
import { planSplits } from './splits.ts';

describe('listInput', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'mapreduce-input-'));
    for (const name of ['a.txt', 'b.txt', 'c.log', '_hidden.txt', '.dot.txt', 'x{y}.txt', 'com,ma']) writeFileSync(join(root, name), name);
    for (const folder of ['one', 'two', '_not']) {
      mkdirSync(join(root, 'deep', folder), { recursive: true });
      writeFileSync(join(root, 'deep', folder, 'f.txt'), folder);
    }
    writeFileSync(join(root, 'packed.gz'), '');
  });
  afterAll(() => rmSync(root, { recursive: true }));
  const list = (...paths: string[]): string[] =>
    listInput(
      paths.map((path) => join(root, path)),
      false,
    ).map((file) => file.path.slice(root.length + 1));

  it.each([
    [['a.txt'], ['a.txt']],
    [
      ['b.txt', 'a.txt', 'a.txt'],
      ['a.txt', 'b.txt'],
    ],
    [['*.txt'], ['a.txt', 'b.txt', 'x{y}.txt']],
    [['?.txt'], ['a.txt', 'b.txt']],
    [['[ab].*'], ['a.txt', 'b.txt']],
    [['[^a].*'], ['b.txt', 'c.log']],
    [['[a-c].{txt,log}'], ['a.txt', 'b.txt', 'c.log']],
    [['x{y}.txt'], ['x{y}.txt']],
    [['com,ma'], ['com,ma']],
    [['deep/*/f.txt'], ['deep/one/f.txt', 'deep/two/f.txt']],
    [['deep/{one,t{wo,en}}'], ['deep/one/f.txt', 'deep/two/f.txt']],
  ])('%j gives %j', (paths, expected) => expect(list(...paths)).toEqual(expected));

  it('takes several paths separated by commas', () => {
    expect(listInput([`${root}/a.txt,${root}/c.log`], false)).toHaveLength(2);
  });

  it('leaves out names that start with _ or .', () => {
    expect(list('a.txt', '*t').filter((path) => /^[._]/.test(path))).toEqual([]);
  });

  it('reads folders in folders only when told to', () => {
    expect(() => list('deep')).toThrow(/^Not a file: .*deep\/one/);
    expect(listInput([join(root, 'deep')], true).map((file) => file.path.slice(root.length))).toEqual([
      '/deep/one/f.txt',
      '/deep/two/f.txt',
    ]);
  });

  it.each([
    ['nothing', /^Input path does not exist: /],
    ['*.none', /^Input Pattern .*\*\.none matches 0 files$/],
    ['packed.gz', /compressed input is not supported/],
  ])('%s is refused', (path, message) => expect(() => list(path)).toThrow(message));

  it('says what to do with hdfs://', () => expect(() => listInput(['hdfs://x/y'], false)).toThrow(/mount it/));
});

describe('planSplits', () => {
  const plan = (sizes: readonly number[], splitBytes: number, combineFiles: boolean): string[] =>
    planSplits(
      sizes.map((sizeBytes, i) => ({ path: `f${i}`, sizeBytes })),
      { splitBytes, combineFiles },
    ).map((split) => split.pieces.map(({ path, start, length }) => `${path}:${start}+${length}`).join(' '));

  it.each([
    [[], 10, true, []],
    [[0], 10, false, ['f0:0+0']],
    [[10], 10, false, ['f0:0+10']],
    [[11], 10, false, ['f0:0+11']],
    [[12], 10, false, ['f0:0+10', 'f0:10+2']],
    [[25], 10, false, ['f0:0+10', 'f0:10+10', 'f0:20+5']],
    [[3, 4, 30], 10, false, ['f2:0+10', 'f2:10+10', 'f2:20+10', 'f1:0+4', 'f0:0+3']],
    [[3, 4, 0, 5], 10, true, ['f0:0+3 f1:0+4 f2:0+0', 'f3:0+5']],
    [[3, 25, 4], 10, true, ['f1:0+10', 'f1:10+10', 'f0:0+3 f1:20+5', 'f2:0+4']],
  ])('sizes %j by %d (combined: %s)', (sizes, splitBytes, combine, expected) => {
    expect(new Set(plan(sizes, splitBytes, combine))).toEqual(new Set(expected));
  });

  it('numbers the longest split first', () => {
    expect(plan([3, 25, 4], 10, false)).toEqual(['f1:0+10', 'f1:10+10', 'f1:20+5', 'f2:0+4', 'f0:0+3']);
  });

  it('covers every byte of every file once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100)), fc.integer({ min: 1, max: 40 }), fc.boolean(), (sizes, splitBytes, combineFiles) => {
        const splits = planSplits(
          sizes.map((sizeBytes, i) => ({ path: String(i), sizeBytes })),
          { splitBytes, combineFiles },
        );
        for (const [i, size] of sizes.entries()) {
          const pieces = splits.flatMap((split) => split.pieces).filter((piece) => piece.path === String(i));
          let at = 0;
          for (const piece of pieces.sort((a, b) => a.start - b.start)) {
            expect(piece.start).toBe(at);
            at += piece.length;
          }
          expect([at, pieces.length > 0]).toEqual([size, true]);
        }
        for (const split of splits) expect(split.length).toBeLessThanOrEqual(Math.ceil(splitBytes * 1.1));
      }),
    );
  });
});

const linesOf = (bytes: Buffer, chunks: readonly Buffer[] = [bytes]): string[] => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line, start, end) => lines.push(Buffer.from(line.subarray(start, end)).toString('latin1')));
  for (const chunk of chunks) splitter.add(chunk);
  splitter.end();
  return lines;
};

describe('lines', () => {
  it.each([
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\n\n', ['a', '']],
    ['a\r\nb\rc\n', ['a', 'b', 'c']],
    ['\r\r\n\n', ['', '', '']],
    ['a\n\rb', ['a', '', 'b']],
  ])('%j has %j', (text, expected) => expect(linesOf(Buffer.from(text))).toEqual(expected));

  const text = fc.array(fc.constantFrom(10, 13, 97, 98), { maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  const oracle = (bytes: Buffer): string[] => {
    const lines = bytes.toString('latin1').split(/\r\n|\r|\n/);
    return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  };

  it('are the same for any chunks', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(40), { maxLength: 5 }), (bytes, cuts) => {
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((place, i) => bytes.subarray(places[i], place));
        expect(linesOf(bytes, chunks)).toEqual(oracle(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it('of all pieces together are those of the file, for any bytes, any cuts and any reads', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(40), { maxLength: 5 }), fc.integer({ min: 1, max: 8 }), (bytes, cuts, step) => {
        const read: ReadAt = (into, position) => bytes.copy(into.subarray(0, step), 0, position);
        const places = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort((a, b) => a - b);
        const lines = places.slice(1).flatMap((end, i) => {
          const range = lineRange(read, places[i] as number, end, bytes.length);
          return linesOf(bytes.subarray(range.start, Math.max(range.start, range.end)));
        });
        expect(lines).toEqual(oracle(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});
