import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPointWriter, maxPointBytes, PlainPointWriter } from './point-text.ts';

const count = 512;
const kernel = createPointWriter(count * maxPointBytes);
const twin = new PlainPointWriter(count * maxPointBytes);

function texts(times: readonly number[], values: readonly number[], follows = false): [string, string] {
  const [t, v] = [Float64Array.from(times), Float64Array.from(values)];
  return [kernel, twin].map((writer) => writer.bytes.toString('latin1', 0, writer.write(0, t, v, 0, t.length, follows))) as [
    string,
    string,
  ];
}

/** Any bits at all: half of the exponents are far from what people measure. */
const anyBits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((bits) => new Float64Array(BigUint64Array.of(bits).buffer)[0] as number);
const measured = fc
  .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 12 }))
  .map(([digits, fewer, decimals]) => Math.round(digits / 10 ** fewer) / 10 ** decimals);
const powers = fc
  .tuple(fc.integer({ min: -1074, max: 1023 }), fc.integer({ min: -2, max: 2 }))
  .map(
    ([exponent, ulps]) => new Float64Array(BigInt64Array.of(BigInt.asIntN(64, bitsOf(2 ** exponent) + BigInt(ulps))).buffer)[0] as number,
  );

function bitsOf(value: number): bigint {
  return new BigInt64Array(Float64Array.of(value).buffer)[0] as bigint;
}

describe('points as text', () => {
  it.each([
    [0, 0, '[0,"0"]'],
    [-0, -0, '[0,"-0"]'],
    [-500, 1, '[-0.500,"1"]'],
    [1_435_781_451_781, NaN, '[1435781451.781,"NaN"]'],
    [1_435_781_451_000, Infinity, '[1435781451,"+Inf"]'],
    [Number.MAX_SAFE_INTEGER, -Infinity, '[9007199254740.991,"-Inf"]'],
    [Number.MIN_SAFE_INTEGER, 1e21, '[-9007199254740.991,"1e+21"]'],
    [1, 999_999_999_999_999_900_000, '[0.001,"999999999999999900000"]'],
    [10, 1e-6, '[0.010,"0.000001"]'],
    [100, 9.999_999e-7, '[0.100,"9.999999e-07"]'],
    [1000, 5e-324, '[1,"5e-324"]'],
    [1000, Number.MAX_VALUE, '[1,"1.7976931348623157e+308"]'],
    [1000, -1.234_567_890_123_456_7e-308, '[1,"-1.2345678901234567e-308"]'],
    [1000, -1.234_567_890_123_456_7e-6, '[1,"-0.0000012345678901234567"]'],
    [1000, 0.1 + 0.2, '[1,"0.30000000000000004"]'],
    [1000, 99_999_999_999.9999, '[1,"99999999999.9999"]'],
    [1000, 1e15 + 0.5, '[1,"1000000000000000.5"]'],
    [1000, 2 ** 53, '[1,"9007199254740992"]'],
    [1000, 9.5e-7, '[1,"9.5e-07"]'],
    [1000, 1e23, '[1,"1e+23"]'],
    [1000, 2.2250738585072014e-308, '[1,"2.2250738585072014e-308"]'],
  ])('%d ms, %d', (tMs, value, expected) => {
    expect(texts([tMs], [value])).toEqual([expected, expected]);
    expect(texts([tMs], [value], true)).toEqual([`,${expected}`, `,${expected}`]);
  });

  it('are the same from the kernel and from its twin, and read back to the same bits', () => {
    const values = fc.array(fc.oneof(anyBits, measured, powers, fc.double()), { minLength: count, maxLength: count });
    const times = fc.array(fc.integer({ min: -1e6, max: 4e12 }), { minLength: count, maxLength: count });
    fc.assert(
      fc.property(values, times, (list, at) => {
        const [ours, expected] = texts(at, list);
        expect(ours).toBe(expected);
        const read = (JSON.parse(`[${ours}]`) as [number, string][]).map(([, text]) => Number(text.replace('Inf', 'Infinity')));
        expect(read).toEqual(list);
      }),
      { numRuns: 30 },
    );
  });

  it('take more points than one call of the kernel does', () => {
    const times = Float64Array.from({ length: 10_000 }, (_, i) => i * 15_000);
    const big = createPointWriter(times.length * maxPointBytes);
    const end = big.write(1, times, times, 0, times.length, false);
    const points = JSON.parse(`[${big.bytes.toString('latin1', 1, end)}]`) as [number, string][];
    expect(points.map(([tS, text]) => [tS * 1000, Number(text)])).toEqual(Array.from(times, (t) => [t, t]));
  });
});
