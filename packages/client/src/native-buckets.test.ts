import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bucketKey, fractionBounds, schemaFor, upperBound } from './native-bounds.ts';
import { type BucketCount, NativeBuckets, type NativeOptions } from './native-buckets.ts';
import { spansOf } from './native-spans.ts';

const options: NativeOptions = { schema: 3, maxBuckets: 0, minResetMs: 0, zeroThreshold: 2 ** -128, maxZeroThreshold: 0 };

describe('the schema', () => {
  // client_golang, pickSchema and the comments of NativeHistogramBucketFactor.
  it.each([
    [65536, -4],
    [70000, -4],
    [256, -3],
    [16, -2],
    [4, -1],
    [2, 0],
    [1.99, 1],
    [1.5, 1],
    [1.2, 2],
    [1.1, 3],
    [1.05, 4],
    [1.03, 5],
    [1.02, 6],
    [1.01, 7],
    [1.005, 8],
    [1.0001, 8],
  ])('for a factor of %s is %s', (factor, schema) => {
    expect(schemaFor(factor)).toBe(schema);
  });

  it('needs a factor that grows', () => {
    expect(() => schemaFor(1)).toThrow("A native histogram's factor must be greater than 1, not 1");
  });
});

describe('bounds', () => {
  it('are the greatest doubles not above 2^(i / 2^schema − 1), checked in whole numbers', () => {
    for (let schema = 1; schema <= 8; schema++) {
      const count = 2 ** schema;
      for (const [i, bound] of fractionBounds(schema).entries()) {
        // bound = m / 2^53; it is not above the true bound exactly when m^count ≤ 2^(i + 52·count).
        const mantissa = BigInt(bound * 2 ** 53);
        const limit = 1n << BigInt(i + 52 * count);
        expect(mantissa ** BigInt(count) <= limit).toBe(true);
        expect((mantissa + 1n) ** BigInt(count) > limit).toBe(true);
      }
    }
  });

  it.each([-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'of schema %s hold themselves, and the next double falls into the next bucket',
    (schema) => {
      const keys = fc.integer({ min: Math.ceil(-1020 * 2 ** schema), max: Math.floor(1020 * 2 ** schema) });
      fc.assert(
        fc.property(keys, (key) => {
          const bound = upperBound(key, schema);
          expect(bucketKey(bound, schema)).toBe(key);
          expect(bucketKey(nextUp(bound), schema)).toBe(key + 1);
        }),
      );
    },
  );

  it.each([
    [1, 0],
    [2, 1],
    [4, 2],
    [0.5, -1],
    [2 ** 1023, 1023],
    [2 ** -1022, -1022],
    [5e-324, -1074],
  ])('put %s exactly at a power of two', (value, exponent) => {
    for (let schema = 0; schema <= 8; schema++) expect(bucketKey(value, schema)).toBe(exponent * 2 ** schema);
  });

  it('end with the greatest double', () => {
    for (let schema = -4; schema <= 8; schema++) expect(upperBound(bucketKey(Number.MAX_VALUE, schema), schema)).toBe(Number.MAX_VALUE);
  });
});

/** A double's successor. */
function nextUp(value: number): number {
  const bits = new BigInt64Array([0n]);
  const float = new Float64Array(bits.buffer);
  float[0] = value;
  bits[0] = (bits[0] as bigint) + 1n;
  return float[0] as number;
}

/** What a reader makes of spans and deltas: counts by key. */
function decode(buckets: readonly BucketCount[]): Record<number, number> {
  const { spans, deltas } = spansOf(buckets);
  const counts: Record<number, number> = {};
  let key = 0;
  let count = 0;
  let at = 0;
  for (const { offset, length } of spans) {
    key += offset;
    for (let i = 0; i < length; i++) {
      count += deltas[at++] as number;
      if (count !== 0) counts[key] = count;
      key++;
    }
  }
  expect(at).toBe(deltas.length);
  return counts;
}

describe('native buckets', () => {
  it.each([
    // client_golang's TestNativeHistogram, "factor 1.1 results in schema 3" and after.
    [
      [0, 1, 2, 3],
      3,
      1,
      {
        spans: [
          { offset: 0, length: 1 },
          { offset: 7, length: 1 },
          { offset: 4, length: 1 },
        ],
        deltas: [1, 0, 0],
      },
      { spans: [], deltas: [] },
    ],
    [[0, 1, 1.2, 1.4, 1.8, 2], 2, 1, { spans: [{ offset: 0, length: 5 }], deltas: [1, -1, 2, -2, 2] }, { spans: [], deltas: [] }],
    [[0, -1, -1.2, -1.4, -1.8, -2], 2, 1, { spans: [], deltas: [] }, { spans: [{ offset: 0, length: 5 }], deltas: [1, -1, 2, -2, 2] }],
    [
      [0, -1, -1.2, -1.4, -1.8, -2, 1, 1.2, 1.4, 1.8, 2],
      2,
      1,
      { spans: [{ offset: 0, length: 5 }], deltas: [1, -1, 2, -2, 2] },
      { spans: [{ offset: 0, length: 5 }], deltas: [1, -1, 2, -2, 2] },
    ],
  ] as const)('of %j with schema %i', (observations, schema, zeroCount, positive, negative) => {
    const native = new NativeBuckets({ ...options, schema });
    for (const value of observations) native.observe(value);
    expect(native.zeroCount).toBe(zeroCount);
    expect(spansOf(native.positive)).toEqual(positive);
    expect(spansOf(native.negative)).toEqual(negative);
  });

  it('count each observation in the bucket of its key, and lose none by any limit', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: -100, max: 100, noNaN: true }),
      fc.constantFrom(0, 1, 2, -1),
    );
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 200 }),
        fc.integer({ min: -4, max: 8 }),
        fc.constantFrom(0, 3, 10, 40),
        (observations, schema, maxBuckets) => {
          const native = new NativeBuckets({ ...options, schema, maxBuckets, maxZeroThreshold: 0.01 });
          for (const each of observations) {
            native.observe(each);
            if (native.isTooMany) native.coarsen();
          }
          expect(native.isTooMany && native.schema > -4).toBe(false);
          const expected: [Record<number, number>, Record<number, number>] = [{}, {}];
          let zeros = 0;
          for (const each of observations) {
            const key = each === 0 ? -Infinity : bucketKey(Math.abs(each), native.schema);
            if (upperBound(key, native.schema) <= native.zeroThreshold || Math.abs(each) <= native.zeroThreshold) zeros++;
            else {
              const side = expected[each > 0 ? 0 : 1] as Record<number, number>;
              side[key] = (side[key] ?? 0) + 1;
            }
          }
          expect(native.zeroCount).toBe(zeros);
          expect(decode(native.positive)).toEqual(expected[0]);
          expect(decode(native.negative)).toEqual(expected[1]);
        },
      ),
      { numRuns: 300 },
    );
  });

  describe('when there are too many', () => {
    beforeEach(() => vi.useFakeTimers({ now: 0 }));
    afterEach(() => {
      vi.useRealTimers();
    });

    it('are halved in resolution when nothing else is allowed', () => {
      const native = new NativeBuckets({ ...options, schema: 2, maxBuckets: 3 });
      for (const value of [0, 1, 1.1, 1.2, 1.4, 1.8, 2]) {
        native.observe(value);
        if (native.isTooMany) native.coarsen();
      }
      expect(native.schema).toBe(1);
    });

    it('first go into a wider zero bucket, if that is allowed', () => {
      const native = new NativeBuckets({ ...options, schema: 2, maxBuckets: 3, maxZeroThreshold: 1.2 });
      for (const value of [0, 1, 1.1, 1.2, 1.4, 1.8, 2]) {
        native.observe(value);
        if (native.isTooMany) native.coarsen();
      }
      expect(native.schema).toBe(2);
      expect(native.zeroThreshold).toBe(1);
      expect(native.zeroCount).toBe(2);
    });

    it('ask to start anew when the last start is long ago', () => {
      const native = new NativeBuckets({ ...options, maxBuckets: 1, minResetMs: 60_000 });
      native.observe(1);
      native.observe(2);
      expect(native.isResetDue(59_999)).toBe(false);
      expect(native.isResetDue(60_000)).toBe(true);
    });
  });

  describe('keep ten exemplars', () => {
    const kept = (native: NativeBuckets) => native.exemplars.map(({ value }) => value);
    const keep = (native: NativeBuckets, value: number, timestamp: number) => native.keep({ labelSet: {}, value, timestamp });

    it.each([
      [30, [1, 2, 4, 8, 16, 64, 128, 256, -512, 30]],
      [1e9, [1, 2, 4, 8, 16, 32, 64, 128, -512, 1e9]],
      [-500, [1, 2, 4, 8, 16, 32, 64, 128, 256, -500]],
      [0, [2, 4, 8, 16, 32, 64, 128, 256, -512, 0]],
    ])('and %d takes the place of its nearest neighbour by ratio', (value, expected) => {
      const native = new NativeBuckets(options);
      for (let i = 0; i < 9; i++) keep(native, 2 ** i, i);
      keep(native, -512, 9);
      keep(native, value, 10);
      expect(kept(native)).toEqual(expected);
    });

    it('or of the oldest when that is five minutes old', () => {
      const native = new NativeBuckets(options);
      for (let i = 1; i <= 10; i++) keep(native, i, i);
      keep(native, 10, 301.5);
      expect(kept(native)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 10]);
      native.reset(0);
      expect(kept(native)).toEqual([]);
    });
  });
});
