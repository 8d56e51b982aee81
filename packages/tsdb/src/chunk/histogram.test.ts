import { type FloatHistogram, SampleBatch } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader, BitWriter, XorChain } from './bit-stream.ts';
import { decodeChunk } from './decode.ts';
import { areCountsWhole, continuesChunk, encodeHistogramChunk, floatHistogramEncoding, histogramEncoding } from './histogram.ts';

describe('a variable-length integer', () => {
  it('comes back, signed and not', () => {
    const edges = [3, 6, 9, 12, 18, 25, 50].flatMap((width) => [
      2 ** (width - 1) - 1,
      2 ** (width - 1),
      2 ** (width - 1) + 1,
      2 ** width - 1,
      2 ** width,
    ]);
    const value = fc.oneof(fc.constantFrom(...edges), fc.constantFrom(...edges.map((edge) => -edge)), fc.integer(), fc.maxSafeInteger());
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const out = new BitWriter();
        for (const v of values) {
          out.varbit(v);
          out.uvarbit(Math.abs(v));
        }
        const from = new BitReader(out.view(), 0);
        for (const v of values) {
          expect(from.varbit()).toBe(v);
          expect(from.uvarbit()).toBe(Math.abs(v));
        }
      }),
    );
  });

  it.each([
    [0, '0'],
    [1, '10001'],
    [-3, '10101'],
    [4, '10100'],
    [5, '110000101'],
    [-31, '110100001'],
    [33, '1110000100001'],
  ])('%d is written as %s', (value, expected) => {
    const out = new BitWriter();
    out.varbit(value);
    const written = Array.from(out.view(), (byte) => byte.toString(2).padStart(8, '0')).join('');
    expect(written.slice(0, expected.length)).toBe(expected);
    expect(Number.parseInt(written.slice(expected.length) || '0', 2)).toBe(0);
  });
});

it('a chain of XORed floats comes back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1 }), (values) => {
      const out = new BitWriter();
      const writer = new XorChain();
      writer.begin(0, 0);
      for (const [high, low] of values) writer.write(out, high, low);
      const from = new BitReader(out.view(), 0);
      const reader = new XorChain();
      reader.begin(0, 0);
      for (const [high, low] of values) {
        reader.read(from);
        expect([reader.high, reader.low]).toEqual([high, low]);
      }
    }),
  );
});

function histogram(seed: number, more: Partial<FloatHistogram> = {}): FloatHistogram {
  return {
    counterResetHint: 'unknown',
    schema: 2,
    zeroThreshold: 2 ** -128,
    zeroCount: seed,
    count: seed * 10,
    sum: seed * 1.5 - 3,
    positiveSpans: [
      { offset: -3, length: 2 },
      { offset: 5, length: 1 },
    ],
    negativeSpans: [{ offset: 0, length: 2 }],
    positiveBuckets: Float64Array.of(seed, seed * 2, seed * 3),
    negativeBuckets: Float64Array.of(seed, seed + 0.25),
    customValues: [],
    ...more,
  };
}

describe('a chunk of float histograms', () => {
  it.each<[string, (FloatHistogram | undefined)[]]>([
    ['one', [histogram(1)]],
    ['many', Array.from({ length: 50 }, (_, i) => histogram(i))],
    ['a threshold that is no power of two', [histogram(1, { zeroThreshold: 0.001 })]],
    ['no zero bucket', [histogram(1, { zeroThreshold: 0 })]],
    ['gauges that fall', [5, 3, 9].map((seed) => histogram(seed, { counterResetHint: 'gauge' }))],
    ['custom bounds', [1, 2].map((seed) => histogram(seed, { schema: -53, customValues: [0.1, 0.005, 1 / 3, -1, 33554.43, 1e9] }))],
    ['a stale end', [histogram(1), histogram(2), undefined]],
    ['only stale markers', [undefined, undefined]],
  ])('with %s comes back', (_, histograms) => {
    const samples = histograms.map((one, i) => ({ tMs: 1_700_000_000_000 + i * 15_000 + (i % 3), histogram: one }));
    const { encoding, bytes } = encodeHistogramChunk(samples, false);
    expect(encoding).toBe(floatHistogramEncoding);
    const batch = new SampleBatch(samples.length);
    decodeChunk(floatHistogramEncoding, bytes, batch, 0);
    expect(Array.from(batch.times)).toEqual(samples.map(({ tMs }) => tMs));
    expect(Array.from(batch.stale)).toEqual(histograms.map((one) => (one === undefined ? 1 : 0)));
    expect(batch.histograms.slice(0, samples.length)).toEqual(
      histograms.map(
        (one, i) => one && { ...one, counterResetHint: one.counterResetHint === 'gauge' ? 'gauge' : i === 0 ? 'unknown' : 'not_reset' },
      ),
    );
    for (let end = 0; end < bytes.length - 1; end++)
      expect(() => decodeChunk(floatHistogramEncoding, bytes.subarray(0, end), batch, 0)).toThrow('damaged data');
  });

  it.each<[string, FloatHistogram | undefined, FloatHistogram | undefined, boolean]>([
    ['more', histogram(1), histogram(2), true],
    ['whole counts', histogram(1), histogram(2, { isInteger: true }), false],
    ['no whole counts any more', histogram(1, { isInteger: true }), histogram(2, { isInteger: false }), false],
    ['less', histogram(2), histogram(1), false],
    ['less of a gauge', histogram(2, { counterResetHint: 'gauge' }), histogram(1, { counterResetHint: 'gauge' }), true],
    ['another schema', histogram(1), histogram(2, { schema: 3 }), false],
    ['a known reset', histogram(1), histogram(2, { counterResetHint: 'reset' }), false],
    ['a stale marker', histogram(1), undefined, true],
    ['something behind a stale marker', undefined, histogram(1), false],
  ])('%s: continues it? (%#)', (_, previous, next, expected) => {
    expect(continuesChunk(previous, next)).toBe(expected);
  });
});

/** Whole counts that go up and down from bucket to bucket. */
function whole(seed: number, more: Partial<FloatHistogram> = {}): FloatHistogram {
  return histogram(seed, { isInteger: true, negativeBuckets: Float64Array.of(seed * seed, seed), ...more });
}

describe('a chunk of whole counts', () => {
  const huge = 2 ** 50;
  it.each<[string, (FloatHistogram | undefined)[]]>([
    ['one', [whole(1)]],
    ['many', Array.from({ length: 50 }, (_, i) => whole(i))],
    ['gauges that fall', [5, 3, 9].map((seed) => whole(seed, { counterResetHint: 'gauge' }))],
    ['custom bounds', [1, 2].map((seed) => whole(seed, { schema: -53, customValues: [0.1, 1 / 3, 1e9] }))],
    [
      'no buckets',
      [whole(0, { positiveSpans: [], negativeSpans: [], positiveBuckets: new Float64Array(0), negativeBuckets: new Float64Array(0) })],
    ],
    ['a sum that is no number', [whole(1, { sum: Number.NaN }), whole(2, { sum: -Infinity })]],
    ['a stale end', [whole(1), whole(2), undefined, undefined]],
    ['only stale markers', [undefined, undefined]],
    [
      'the largest counts',
      [0, huge, 0, huge, huge - 1].map((count, i) =>
        whole(i, {
          counterResetHint: 'gauge',
          count,
          zeroCount: huge - count,
          positiveBuckets: Float64Array.of(count, huge - count, count),
        }),
      ),
    ],
  ])('with %s comes back', (_, histograms) => {
    const samples = histograms.map((one, i) => ({ tMs: 1_700_000_000_000 + i * 15_000 + (i % 3), histogram: one }));
    const { encoding, bytes } = encodeHistogramChunk(samples, true);
    expect(encoding).toBe(histogramEncoding);
    const batch = new SampleBatch(samples.length);
    decodeChunk(encoding, bytes, batch, 0);
    expect(Array.from(batch.times)).toEqual(samples.map(({ tMs }) => tMs));
    expect(Array.from(batch.stale)).toEqual(histograms.map((one) => (one === undefined ? 1 : 0)));
    expect(batch.histograms.slice(0, samples.length)).toEqual(
      histograms.map(
        (one, i) => one && { ...one, counterResetHint: one.counterResetHint === 'gauge' ? 'gauge' : i === 0 ? 'unknown' : 'not_reset' },
      ),
    );
    for (let end = 0; end < bytes.length - 1; end++)
      expect(() => decodeChunk(encoding, bytes.subarray(0, end), batch, 0)).toThrow('damaged data');
  });

  it.each<[string, FloatHistogram, boolean]>([
    ['small', whole(1), true],
    ['the largest', whole(1, { count: huge }), true],
    ['one more', whole(1, { count: huge + 1 }), false],
    ['a half', whole(1, { zeroCount: 0.5 }), false],
    ['a half in a bucket', whole(1, { negativeBuckets: Float64Array.of(1, 0.5) }), false],
    ['below zero', whole(1, { positiveBuckets: Float64Array.of(1, -1, 1) }), false],
  ])('%s: are its counts whole? %#', (_, one, expected) => {
    expect(areCountsWhole(one)).toBe(expected);
  });
});
