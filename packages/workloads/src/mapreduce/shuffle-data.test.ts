import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readVarint, writeVarint } from './bytes.ts';
import { MapOutput } from './map-output.ts';
import { mergeSegments } from './merge.ts';
import { hashBytes, partitionOf } from './partition.ts';
import { checkSegment, SegmentReader, SegmentWriter } from './segment.ts';
import { SortBuffer } from './sort-buffer.ts';
import { WordTable } from './word-table.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mapreduce-data-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bytesOf = (text: string): Buffer => Buffer.from(text);
/** Short, with few different bytes, so that prefixes, duplicates and NUL bytes meet often. */
const key = fc.array(fc.constantFrom(0, 1, 97, 98, 255), { maxLength: 20 }).map((bytes) => Buffer.from(bytes));

describe('partition', () => {
  it.each([
    ['', 1],
    ['a', 128],
    ['the', 144592],
    ['hello', 127791473],
    ['é', -1017],
    ['你好', 21122775],
    ['word count', -1792282822],
  ])('hashes %j as the JVM does', (text, expected) => {
    const bytes = bytesOf(text);
    expect(hashBytes(bytes, 0, bytes.length)).toBe(expected);
  });

  it('places the vectors in 4 partitions', () => {
    const found = ['', 'a', 'the', 'hello', 'é', '你好', 'word count'].map((text) =>
      partitionOf(bytesOf(text), 0, bytesOf(text).length, 4),
    );
    expect(found).toEqual([1, 0, 0, 1, 3, 3, 2]);
  });
});

describe('varint', () => {
  it('is its own inverse up to 2⁵³', () => {
    const bytes = new Uint8Array(8);
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const end = writeVarint(bytes, 0, value);
        expect(readVarint(bytes, 0, end)).toBe(value);
      }),
    );
  });
});

describe('WordTable', () => {
  const count = (input: Buffer): Map<string, number> => {
    const words = new Map<string, number>();
    for (const word of input.toString('latin1').split(/[ \t\n\v\f\r]+/)) if (word !== '') words.set(word, (words.get(word) ?? 0) + 1);
    return words;
  };
  const result = (table: WordTable): Map<string, number> => {
    const words = new Map<string, number>();
    table.forEach((bytes, start, end, n) => words.set(Buffer.from(bytes.subarray(start, end)).toString('latin1'), n));
    return words;
  };

  it.each([
    ['nothing', ''],
    ['spaces only', ' \t\r\n\v\f '],
    ['one word', 'word'],
    ['exactly 4, 8 and 9 bytes', 'abcd abcdefgh abcdefghi abcd'],
    ['words that differ in NUL bytes', 'a a\0 a\0\0 aaaaaaaa aaaaaaa\0 \0 \0\0'],
    ['no-break space is no space', 'a\u00a0b a\u00a0b'],
  ])('counts %s', (_name, text) => {
    const table = new WordTable();
    const input = bytesOf(text);
    table.add(input, 0, input.length);
    table.endOfWords();
    expect(result(table)).toEqual(count(input));
  });

  it('counts what a Map would, for any bytes in any slices', () => {
    const input = fc
      .array(fc.oneof(fc.constantFrom(32, 10, 9, 97, 98, 0), fc.nat(255)), { maxLength: 300 })
      .map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(input, fc.array(fc.nat(300), { maxLength: 6 }), (bytes, cuts) => {
        const table = new WordTable();
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        for (let i = 1; i < places.length; i++) table.add(bytes, places[i - 1] as number, places[i] as number);
        table.endOfWords();
        expect(result(table)).toEqual(count(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it('grows over many distinct words, short and long', () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `${i.toString(36)} ${'x'.repeat(9)}${i % 30_000}`).join(' ');
    const table = new WordTable();
    table.add(bytesOf(text), 0, text.length);
    table.endOfWords();
    expect(table.size).toBe(90_000);
    expect(table.words).toBe(120_000);
    expect(result(table)).toEqual(count(bytesOf(text)));
  });
});

describe('SortBuffer', () => {
  const sorted = (records: readonly (readonly [number, Buffer, Buffer])[], partitions: number): [number, string, string][] => {
    const buffer = new SortBuffer(1 << 24, partitions);
    for (const [partition, k, v] of records) expect(buffer.add(partition, k, 0, k.length, v, 0, v.length)).toBe(true);
    const found: [number, string, string][] = [];
    buffer.forEachSorted((partition, keyStart, keyEnd, valueEnd) => {
      const text = (from: number, to: number): string => Buffer.from(buffer.bytes.subarray(from, to)).toString('hex');
      found.push([partition, text(keyStart, keyEnd), text(keyEnd, valueEnd)]);
    });
    return found;
  };
  const oracle = (records: readonly (readonly [number, Buffer, Buffer])[]): [number, string, string][] =>
    records
      .map((record, i) => ({ record, i }))
      .sort((a, b) => a.record[0] - b.record[0] || Buffer.compare(a.record[1], b.record[1]) || a.i - b.i)
      .map(({ record: [partition, k, v] }) => [partition, k.toString('hex'), v.toString('hex')]);

  it('sorts by partition, key bytes and arrival, like a stable comparison sort', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), key), { maxLength: 400 }), (keys) => {
        const records = keys.map(([partition, k], i) => [partition, k, bytesOf(String(i))] as const);
        expect(sorted(records, 3)).toEqual(oracle(records));
      }),
      { numRuns: 200 },
    );
  });

  it('sorts long keys that differ late', () => {
    const records = Array.from(
      { length: 3_000 },
      (_, i) => [0, bytesOf(`${'prefix'.repeat(i % 5)}${(i * 7919) % 997}`), bytesOf(String(i))] as const,
    );
    expect(sorted(records, 1)).toEqual(oracle(records));
  });

  it('refuses a record when it is full, and takes any record when it is empty', () => {
    const buffer = new SortBuffer(100, 1);
    const big = Buffer.alloc(1_000);
    expect(buffer.add(0, big, 0, 1_000, big, 0, 10)).toBe(true);
    expect(buffer.add(0, big, 0, 1, big, 0, 0)).toBe(false);
    buffer.clear();
    expect(buffer.add(0, big, 0, 1, big, 0, 0)).toBe(true);
  });
});

describe('segment', () => {
  const write = (records: readonly (readonly [Buffer, Buffer])[]): string => {
    const path = join(folder, 'segment');
    const writer = new SegmentWriter(path);
    for (const [k, v] of records) writer.write(k, 0, k.length, v, 0, v.length);
    writer.endSegment();
    writer.close();
    return path;
  };
  const read = (reader: SegmentReader): [string, string][] => {
    const found: [string, string][] = [];
    while (reader.next()) {
      const text = (from: number, to: number): string => Buffer.from(reader.bytes.subarray(from, to)).toString('hex');
      found.push([text(reader.keyStart, reader.keyEnd), text(reader.valueStart, reader.valueEnd)]);
    }
    reader.close();
    return found;
  };

  it('gives back from memory and from a file what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, key), { maxLength: 50 }), (records) => {
        const path = write(records);
        const bytes = readFileSync(path);
        const expected = records.map(([k, v]) => [k.toString('hex'), v.toString('hex')]);
        checkSegment(bytes, 'it');
        expect(read(new SegmentReader({ kind: 'memory', bytes }, 'it'))).toEqual(expected);
        expect(read(new SegmentReader({ kind: 'file', path, offset: 0, length: bytes.length }, 'it'))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('carries records that are larger than its buffers', () => {
    const big = Buffer.alloc(700_000, 7);
    const records = [
      [bytesOf('a'), big],
      [big, bytesOf('b')],
      [Buffer.alloc(0), Buffer.alloc(0)],
    ] as const;
    const path = write(records);
    const expected = records.map(([k, v]) => [k.toString('hex'), v.toString('hex')]);
    expect(read(new SegmentReader({ kind: 'file', path, offset: 0, length: readFileSync(path).length }, 'it'))).toEqual(expected);
  });

  it('is found out when any one bit is flipped or any end is cut off', () => {
    const bytes = readFileSync(
      write([
        [bytesOf('alpha'), bytesOf('1')],
        [bytesOf('beta'), bytesOf('22')],
      ]),
    );
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => checkSegment(damaged, 'it')).toThrow(/it/);
      expect(() => read(new SegmentReader({ kind: 'memory', bytes: damaged }, 'it'))).toThrow(/it/);
    }
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      expect(() => checkSegment(cut, 'it')).toThrow(/it/);
      expect(() => read(new SegmentReader({ kind: 'memory', bytes: cut }, 'it'))).toThrow(/it/);
    }
    expect(() => read(new SegmentReader({ kind: 'memory', bytes: Buffer.concat([bytes, Buffer.from([0])]) }, 'it'))).toThrow(
      /after its end/,
    );
  });
});

describe('MapOutput', () => {
  it.each([
    ['in one go', 1 << 20, false],
    ['over many spills', 600, false],
    ['over more spills than are merged at once', 40, false],
    ['over many spills, summing', 600, true],
  ])('leaves sorted segments %s', (_name, sortBufferBytes, sumValues) => {
    const path = join(folder, 'map.out');
    const output = new MapOutput({ path, partitions: 3, sortBufferBytes, sumValues });
    const expected: Map<string, number>[] = [new Map(), new Map(), new Map()];
    const value = new Uint8Array(8);
    let random = 12345;
    for (let i = 0; i < 500; i++) {
      random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
      const k = bytesOf(`key${random % 90}`);
      const partition = partitionOf(k, 0, k.length, 3);
      output.add(partition, k, 0, k.length, value, 0, writeVarint(value, 0, 1));
      const counts = expected[partition] as Map<string, number>;
      counts.set(k.toString(), (counts.get(k.toString()) ?? 0) + 1);
    }
    const segments = output.finish();
    expect(segments).toHaveLength(3);
    for (const [partition, { offset, length }] of segments.entries()) {
      const counts = new Map<string, number>();
      const order: string[] = [];
      mergeSegments([new SegmentReader({ kind: 'file', path, offset, length }, 'it')], (reader) => {
        const text = Buffer.from(reader.bytes.subarray(reader.keyStart, reader.keyEnd)).toString();
        counts.set(text, (counts.get(text) ?? 0) + readVarint(reader.bytes, reader.valueStart, reader.valueEnd));
        order.push(text);
      });
      expect(order).toEqual(sumValues ? [...new Set(order)].sort() : [...order].sort());
      expect(counts).toEqual(expected[partition]);
    }
    expect(readdirSync(folder).filter((name) => name.includes('spill'))).toEqual([]);
  });
});

describe('mergeSegments', () => {
  it('keeps the order of the readers for equal keys', () => {
    const readers = ['first', 'second', 'third'].map((name) => {
      const path = join(folder, name);
      const writer = new SegmentWriter(path);
      for (const k of ['a', 'b', 'b']) writer.write(bytesOf(k), 0, 1, bytesOf(name), 0, name.length);
      writer.endSegment();
      writer.close();
      return new SegmentReader({ kind: 'memory', bytes: readFileSync(path) }, name);
    });
    const found: string[] = [];
    mergeSegments(readers, ({ bytes, keyStart, valueEnd }) => found.push(Buffer.from(bytes.subarray(keyStart, valueEnd)).toString()));
    expect(found).toEqual(['afirst', 'asecond', 'athird', 'bfirst', 'bfirst', 'bsecond', 'bsecond', 'bthird', 'bthird']);
  });

  it('is nothing without readers', () => {
    writeFileSync(join(folder, 'x'), '');
    mergeSegments([], () => expect.unreachable());
  });
});
