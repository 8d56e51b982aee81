import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteWriter } from './byte-writer.ts';

function written(value: number): string {
  const writer = new ByteWriter(1);
  writer.number(value);
  return writer.takeText();
}

describe('a number', () => {
  it.each([
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [-1, '-1'],
    [9, '9'],
    [10, '10'],
    [2147483647, '2147483647'],
    [2147483648, '2147483648'],
    [-2147483648, '-2147483648'],
    [4294967296, '4294967296'],
    [9007199254740991, '9007199254740991'],
    [1e15, '1000000000000000'],
    [999999999999999, '999999999999999'],
    [1e21, '1e+21'],
    [0.1, '0.1'],
    [0.000001, '0.000001'],
    [1e-7, '1e-7'],
    [0.30000000000000004, '0.30000000000000004'],
    [1.005, '1.005'],
    [4.35, '4.35'],
    [2147483648.5, '2147483648.5'],
    [123456789012.25, '123456789012.25'],
    [5e-324, '5e-324'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [NaN, 'NaN'],
  ])('%s is written %s', (value, text) => {
    expect(written(value)).toBe(text);
  });

  it('is written as JavaScript writes it, the shortest text that reads back', () => {
    const decimals = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 8 })).map(([digits, places]) => digits / 10 ** places);
    const finite = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), decimals, fc.maxSafeInteger());
    fc.assert(
      fc.property(finite, (value) => written(value) === String(value)),
      { numRuns: 5000 },
    );
  });
});

it('grows under any mixture of pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer()), { maxLength: 50 }), (pieces) => {
      const writer = new ByteWriter(1);
      for (const piece of pieces) {
        if (typeof piece === 'number') writer.number(piece);
        else writer.text(piece);
      }
      expect(writer.takeText()).toBe(pieces.map((piece) => (Object.is(piece, -0) ? '0' : String(piece))).join(''));
    }),
  );
});

it('copies a range of any length without touching what follows', () => {
  const source = new ByteWriter();
  source.text('0123456789abcdef');
  for (let to = 0; to <= 16; to++) {
    const writer = new ByteWriter(1);
    writer.copy(source.view, 0, to);
    writer.text('|');
    expect(writer.takeText()).toBe(`${'0123456789abcdef'.slice(0, to)}|`);
  }
});
