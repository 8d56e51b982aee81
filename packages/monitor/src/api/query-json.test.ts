import { type FloatHistogram, Labels } from '@pronoia/model';
import type { QueryValue } from '@pronoia/promql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goTime } from './go-time.ts';
import { formatTime, PlainPointWriter } from './point-text.ts';
import { encodeQueryData } from './query-json.ts';
import { unescapeLabelName } from './series.ts';

const join = (slices: Iterable<string | Uint8Array>): string => Buffer.concat(Array.from(slices, (slice) => Buffer.from(slice))).toString();
const plain = new PlainPointWriter(256 * 1024);

/** By the kernel, if there is one, and by its twin. */
function encode(value: QueryValue): string {
  const text = join(encodeQueryData(value, undefined));
  expect(text).toBe(join(encodeQueryData(value, undefined, plain)));
  return text;
}

const histogram: FloatHistogram = {
  counterResetHint: 'unknown',
  schema: 0,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 12,
  sum: 18.4,
  positiveSpans: [
    { offset: 0, length: 2 },
    { offset: 1, length: 1 },
  ],
  negativeSpans: [{ offset: 1, length: 2 }],
  positiveBuckets: Float64Array.of(1, 0, 3),
  negativeBuckets: Float64Array.of(4, 2),
  customValues: [],
};

describe('query results', () => {
  it('write the four kinds of values', () => {
    expect(encode({ kind: 'scalar', tMs: 1500, value: Number.NaN })).toBe('{"resultType":"scalar","result":[1.500,"NaN"]}');
    expect(encode({ kind: 'string', tMs: 0, value: 'a"b' })).toBe('{"resultType":"string","result":[0,"a\\"b"]}');
    expect(encode({ kind: 'vector', tMs: 1000, samples: [] })).toBe('{"resultType":"vector","result":[]}');
    expect(encode({ kind: 'matrix', series: [] })).toBe('{"resultType":"matrix","result":[]}');
    const labels = Labels.from({ __name__: 'a', b: 'c' });
    expect(encode({ kind: 'vector', tMs: 1000, samples: [{ labels, value: 1e21, histogram: undefined }] })).toBe(
      '{"resultType":"vector","result":[{"metric":{"__name__":"a","b":"c"},"value":[1,"1e+21"]}]}',
    );
    const none = new Float64Array();
    expect(
      encode({
        kind: 'matrix',
        series: [
          { labels, times: Float64Array.of(1000, 2000), values: Float64Array.of(1, -Infinity), histogramTimes: none, histograms: [] },
        ],
      }),
    ).toBe('{"resultType":"matrix","result":[{"metric":{"__name__":"a","b":"c"},"values":[[1,"1"],[2,"-Inf"]]}]}');
  });

  it('write a native histogram with its buckets in order', () => {
    expect(encode({ kind: 'vector', tMs: 1000, samples: [{ labels: Labels.empty, value: 0, histogram }] })).toBe(
      '{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"12","sum":"18.4","buckets":[' +
        '[1,"-4","-2","2"],[1,"-2","-1","4"],[3,"-0.001","0.001","2"],[0,"0.5","1","1"],[0,"4","8","3"]]}]}]}',
    );
    const custom = {
      ...histogram,
      schema: -53,
      zeroCount: 0,
      negativeSpans: [],
      negativeBuckets: new Float64Array(),
      customValues: [1, 2, 3],
    };
    expect(encode({ kind: 'vector', tMs: 1000, samples: [{ labels: Labels.empty, value: 0, histogram: custom }] })).toContain(
      '"buckets":[[0,"-Inf","1","1"],[0,"3","+Inf","3"]]',
    );
  });

  it('is the same in slices', () => {
    const times = Float64Array.from({ length: 9000 }, (_, i) => 1_700_000_000_000 + i * 15_000);
    const series = Array.from({ length: 5 }, (_, s) => ({
      labels: Labels.from({ __name__: 'a', b: 'ü'.repeat(s === 3 ? 100_000 : s) }),
      times,
      values: times.map((_, i) => Math.sqrt(i * 5 + s)),
      histogramTimes: Float64Array.of(1500),
      histograms: [histogram],
    }));
    const result = {
      resultType: 'matrix',
      result: series.map(({ labels, values }) => ({
        metric: labels.toObject(),
        values: Array.from(values, (v, i) => [(times[i] as number) / 1000, String(v)]),
      })),
    };
    const parsed = JSON.parse(encode({ kind: 'matrix', series })) as { result: { histograms?: unknown }[] };
    for (const one of parsed.result) {
      expect(one.histograms).toHaveLength(1);
      delete one.histograms;
    }
    expect(parsed).toEqual(result);
  });

  it('interleave with others being written', () => {
    const matrix = (from: number): QueryValue => ({
      kind: 'matrix',
      series: Array.from({ length: 60 }, (_, s) => {
        const times = Float64Array.from({ length: 500 }, (_, i) => i * 1000);
        return {
          labels: Labels.from({ s: String(from + s) }),
          times,
          values: times.map((t) => t / 7 + from),
          histogramTimes: new Float64Array(),
          histograms: [],
        };
      }),
    });
    const expected = [matrix(0), matrix(1000)].map(encode);
    const writing = [matrix(0), matrix(1000)].map((value) => encodeQueryData(value, undefined));
    const got = writing.map((): Buffer[] => []);
    for (let going = true; going; ) {
      going = false;
      for (const [i, slices] of writing.entries()) {
        const next = slices.next();
        if (next.done) continue;
        going = true;
        got[i]?.push(Buffer.from(next.value));
      }
    }
    expect(got.map((slices) => Buffer.concat(slices).toString())).toEqual(expected);
  });

  it('is JSON, whatever the labels hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.double(), fc.integer({ min: -1e12, max: 4e12 }), (text, value, tMs) => {
        const parsed = JSON.parse(
          encode({ kind: 'vector', tMs, samples: [{ labels: Labels.from({ x: text }), value, histogram: undefined }] }),
        ) as {
          result: [{ metric: { x?: string }; value: [number, string] }];
        };
        expect(parsed.result[0].metric.x ?? '').toBe(text);
        expect(parsed.result[0].value[0]).toBe(tMs / 1000);
      }),
    );
  });
});

it.each([
  [1_435_781_451_781, '1435781451.781'],
  [1_435_781_451_000, '1435781451'],
  [1, '0.001'],
  [-1, '-0.001'],
  [-1500, '-1.500'],
  [-500, '-0.500'],
  [Number.MAX_SAFE_INTEGER, '9007199254740.991'],
  [0, '0'],
])('prints %i ms as %s', (ms, text) => {
  expect(formatTime(ms)).toBe(text);
});

it.each([
  [undefined, '0001-01-01T00:00:00Z'],
  [0, '1970-01-01T00:00:00Z'],
  [1_700_000_000_100, '2023-11-14T22:13:20.1Z'],
  [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
])('prints %s as Go prints it', (ms, text) => {
  expect(goTime(ms)).toBe(text);
});

it.each([
  ['plain', 'plain'],
  ['U__a_2e_b', 'a.b'],
  ['U__a__b', 'a_b'],
  ['U___1f600_', '😀'],
  ['U__a_zz_', 'U__a_zz_'],
])('reads the label name %s as %s', (text, name) => {
  expect(unescapeLabelName(text)).toBe(name);
});
