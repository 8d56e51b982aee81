import { type FloatHistogram, Labels } from '@pronoia/model';
import type { QueryValue } from '@pronoia/promql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goTime } from './go-time.ts';
import { encodeQueryData, formatTime } from './query-json.ts';
import { unescapeLabelName } from './series.ts';

const encode = (value: QueryValue): string => [...encodeQueryData(value, undefined)].join('');

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
    expect(encode({ kind: 'scalar', tMs: 1500, value: Number.NaN })).toBe('{"resultType":"scalar","result":[1.5,"NaN"]}');
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
  [-1500, '-1.5'],
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
