// The package has no types of its own.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./snappyjs.d.ts" />
import fc from 'fast-check';
import { compress, uncompress } from 'snappyjs';
import { expect, it } from 'vitest';
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { SampleColumns } from '../sample-columns.ts';
import { logKernel } from './log-kernel.ts';
import { decodeSamplesPlainly, encodeSamplesPlainly } from './record.ts';

const kernel = logKernel as NonNullable<typeof logKernel>;

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc
    .array(fc.constantFrom('abc', 'abcd', 'x', '0000000000', 'a longer text that comes again '), { maxLength: 600 })
    .map((words) => Buffer.from(words.join(''))),
  // More than one block of 64 KiB.
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(9000))
    .map(([part, times]) => Buffer.concat(Array<Uint8Array>(times).fill(part))),
);

const word = fc.integer({ min: 0, max: 0xffffffff });
const whole = fc.oneof(fc.nat(300), fc.maxSafeInteger(), fc.constantFrom(0, 1_700_000_000_000, 2 ** 52, -(2 ** 52)));
const samples = fc.array(fc.tuple(fc.oneof(fc.nat(300), fc.maxSafeNat()), whole, word, word), { maxLength: 300 }).map((rows) => {
  const columns = new SampleColumns(4);
  for (const [ref, tMs, high, low] of rows) columns.pushWords(ref / 4 - ((ref / 4) % 1), Math.trunc(tMs / 4) + 0, high, low);
  return columns;
});

function rows(columns: SampleColumns): unknown[] {
  return Array.from({ length: columns.length }, (_, i) => [columns.refs[i], columns.times[i], columns.high(i), columns.low(i)]);
}

it.skipIf(logKernel === undefined)('what the kernel compresses others read, and what others compress it reads', () => {
  fc.assert(
    fc.property(bytes, (content) => {
      expect(Buffer.from(uncompress(kernel.compress(content).slice())).equals(content)).toBe(true);
      const theirs = compress(Buffer.from(content));
      expect(Buffer.from(kernel.uncompress(theirs, content.length) as Uint8Array).equals(content)).toBe(true);
      // Its own, out of its own memory.
      expect(Buffer.from(kernel.uncompress(kernel.compress(content), content.length) as Uint8Array).equals(content)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

it.skipIf(logKernel === undefined)('a damaged block is refused, or gives as many bytes as it claims', () => {
  fc.assert(
    fc.property(bytes, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (content, flips) => {
      const block = kernel.compress(content).slice();
      const lengthBytes = block.findIndex((byte) => byte < 0x80) + 1;
      for (const [at, value] of flips) if (block.length > lengthBytes) block[lengthBytes + (at % (block.length - lengthBytes))] = value;
      const result = kernel.uncompress(block, content.length);
      expect(result?.length ?? content.length).toBe(content.length);
      let theirs: Uint8Array | undefined;
      try {
        theirs = uncompress(block);
      } catch {
        // Then ours refuses it as well.
      }
      expect(result === undefined || theirs === undefined || Buffer.from(result).equals(theirs)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

it.skipIf(logKernel === undefined)('records of samples are the same by the kernel and by its twin, byte for byte', () => {
  fc.assert(
    fc.property(samples, (columns) => {
      const writer = new ByteWriter();
      encodeSamplesPlainly(writer, columns);
      const record = kernel.encodeSamples(columns).slice();
      expect(Buffer.from(record).equals(writer.view())).toBe(true);
      const read = kernel.decodeSamples(record);
      const back = new SampleColumns(4);
      back.assign(read?.refs as Float64Array, read?.times as Float64Array, read?.values as Float64Array);
      expect(rows(back)).toEqual(rows(columns));
    }),
  );
});

it.skipIf(logKernel === undefined)('a record that is cut off anywhere is refused by both, or read alike', () => {
  fc.assert(
    fc.property(samples, fc.nat(), (columns, at) => {
      const whole = kernel.encodeSamples(columns).slice();
      const record = whole.subarray(0, 1 + (at % whole.length));
      const from = new ByteReader(record);
      const plain = new SampleColumns(4);
      let isRefused = false;
      try {
        from.u8();
        decodeSamplesPlainly(from, plain);
      } catch {
        isRefused = true;
      }
      const read = kernel.decodeSamples(record);
      expect(read === undefined).toBe(isRefused);
      expect([...(read?.times ?? [])]).toEqual(isRefused ? [] : [...plain.times.subarray(0, plain.length)]);
    }),
  );
});

it.skipIf(logKernel === undefined)('a record of any bytes is refused, or gives no more samples than it can hold', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (record) => {
      expect(kernel.decodeSamples(record)?.refs.length ?? 0).toBeLessThanOrEqual(record.length / 10);
    }),
  );
});
