import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SampleColumns } from '../sample-columns.ts';
import { decodeXor, XorEncoder } from './xor.ts';

function encode(samples: readonly (readonly [t: number, value: number | 'stale'])[]): Buffer {
  const columns = new SampleColumns();
  for (const [t, value] of samples) {
    if (value === 'stale') columns.pushWords(1, t, 0x7ff00000, 2);
    else columns.push(1, t, value);
  }
  const encoder = new XorEncoder(samples.length * 19 + 2);
  encoder.begin();
  encoder.bit = 16;
  for (let i = 0; i < columns.length; i++) encoder.append(columns.times[i] as number, columns.high(i), columns.low(i));
  encoder.bytes[0] = samples.length >> 8;
  encoder.bytes[1] = samples.length & 0xff;
  return Buffer.from(encoder.bytes.subarray(0, (encoder.bit + 7) >> 3));
}

function decode(bytes: Uint8Array, count: number): [number, number | 'stale'][] {
  const target = { times: new Float64Array(count), values: new Float64Array(count), stale: new Uint8Array(count) };
  decodeXor(bytes, 0, bytes.length, count, target, 0);
  return Array.from({ length: count }, (_, i) => [
    target.times[i] as number,
    target.stale[i] === 1 ? 'stale' : (target.values[i] as number),
  ]);
}

describe('an XOR chunk', () => {
  it('has the bytes of the worked example', () => {
    const bytes = encode([
      [1000, 1],
      [2000, 1],
      [3000, 2],
    ]);
    expect(bytes.toString('hex')).toBe('0003d00f3ff0000000000000e8073097ffc0');
  });

  it('gives back what was put in', () => {
    const value = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(0, -0, 1, NaN, Infinity, -Infinity, 5e-324),
      fc.constant('stale' as const),
    );
    const step = fc.oneof(
      fc.constantFrom(
        1,
        15_000,
        15_001,
        14_999,
        15_000 + 8192,
        8191,
        8192,
        8193,
        65_535,
        65_536,
        65_537,
        524_287,
        524_288,
        524_289,
        2 ** 31,
        2 ** 40,
      ),
      fc.integer({ min: 1, max: 100_000 }),
    );
    const series = fc.tuple(
      fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
      fc.array(fc.tuple(step, value), { minLength: 1, maxLength: 300 }),
    );
    fc.assert(
      fc.property(series, ([start, steps]) => {
        let t = start;
        const samples = steps.map(([delta, v], i): [number, number | 'stale'] => {
          if (i > 0) t += delta;
          return [t, v];
        });
        expect(decode(encode(samples), samples.length)).toEqual(samples);
      }),
      { numRuns: 300 },
    );
  });

  it('that is cut off is an error, not a value', () => {
    const samples = Array.from({ length: 50 }, (_, i): [number, number] => [1000 * i * i, Math.sqrt(i)]);
    const bytes = encode(samples);
    for (let end = 0; end < bytes.length; end++) expect(() => decode(bytes.subarray(0, end), 50)).toThrow('damaged data');
  });

  it('of random bytes never makes the decoder crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(bytes, 100);
        } catch (error) {
          if (!String(error).includes('damaged data')) throw error;
        }
      }),
    );
  });
});
