/**
 * Query results as the API's JSON (prometheus-server.md §6.2), written by hand in slices: `JSON.stringify` on a matrix needs every
 * number as a string object first. Hot: see bench `query-json`.
 */
import { type FloatHistogram, formatFloat, type Labels } from '@pronoia/model';
import type { MatrixSeries, QueryStats, QueryValue } from '@pronoia/promql';
import { forEachBucket } from './histogram-buckets.ts';

/** How much is written between two breaths. */
const sliceLength = 128 * 1024;

/** `data` of `/query` and `/query_range`. */
export function* encodeQueryData(value: QueryValue, stats: QueryStats | undefined): Generator<string> {
  yield `{"resultType":"${value.kind}","result":`;
  switch (value.kind) {
    case 'scalar':
      yield encodePoint(value.tMs, value.value);
      break;
    case 'string':
      yield `[${formatTime(value.tMs)},${JSON.stringify(value.value)}]`;
      break;
    case 'vector': {
      const time = formatTime(value.tMs);
      let slice = '[';
      for (let i = 0; i < value.samples.length; i++) {
        const { labels, value: number, histogram } = value.samples[i] as (typeof value.samples)[number];
        slice += `${i === 0 ? '' : ','}{"metric":${encodeLabels(labels)},`;
        slice +=
          histogram === undefined ? `"value":[${time},"${formatFloat(number)}"]}` : `"histogram":[${time},${encodeHistogram(histogram)}]}`;
        if (slice.length > sliceLength) {
          yield slice;
          slice = '';
        }
      }
      yield `${slice}]`;
      break;
    }
    case 'matrix':
      yield* encodeMatrix(value.series);
  }
  yield stats === undefined ? '}' : `,"stats":${encodeStats(stats)}}`;
}

function* encodeMatrix(series: readonly MatrixSeries[]): Generator<string> {
  // Series of one query share their steps: each step's text is made once.
  const timeTexts = new Map<number, string>();
  let slice = '[';
  for (let s = 0; s < series.length; s++) {
    const { labels, times, values, histogramTimes, histograms } = series[s] as MatrixSeries;
    slice += `${s === 0 ? '' : ','}{"metric":${encodeLabels(labels)}`;
    if (times.length > 0) {
      slice += ',"values":[';
      for (let i = 0; i < times.length; i++) {
        const tMs = times[i] as number;
        let time = timeTexts.get(tMs);
        if (time === undefined) {
          time = formatTime(tMs);
          timeTexts.set(tMs, time);
        }
        slice += `${i === 0 ? '[' : ',['}${time},"${formatFloat(values[i] as number)}"]`;
        if (slice.length > sliceLength) {
          yield slice;
          slice = '';
        }
      }
      slice += ']';
    }
    if (histograms.length > 0) {
      slice += ',"histograms":[';
      for (let i = 0; i < histograms.length; i++) {
        slice += `${i === 0 ? '[' : ',['}${formatTime(histogramTimes[i] as number)},${encodeHistogram(histograms[i] as FloatHistogram)}]`;
        if (slice.length > sliceLength) {
          yield slice;
          slice = '';
        }
      }
      slice += ']';
    }
    slice += '}';
  }
  yield `${slice}]`;
}

/** Unix seconds with up to three decimals. */
export function formatTime(tMs: number): string {
  const ms = Math.abs(tMs % 1000);
  const seconds = Math.trunc(tMs / 1000);
  if (ms === 0) return String(seconds === 0 ? 0 : seconds);
  return `${tMs < 0 && seconds === 0 ? '-0' : seconds}.${String(ms).padStart(3, '0').replace(/0+$/, '')}`;
}

function encodePoint(tMs: number, value: number): string {
  return `[${formatTime(tMs)},"${formatFloat(value)}"]`;
}

export function encodeLabels(labels: Labels): string {
  const { pairs } = labels;
  let text = '{';
  for (let i = 0; i < pairs.length; i += 2) {
    text += `${i === 0 ? '' : ','}${JSON.stringify(pairs[i])}:${JSON.stringify(pairs[i + 1])}`;
  }
  return `${text}}`;
}

function encodeHistogram(histogram: FloatHistogram): string {
  const buckets: string[] = [];
  forEachBucket(histogram, (boundaries, lower, upper, count) => {
    if (count !== 0) buckets.push(`[${boundaries},"${formatFloat(lower)}","${formatFloat(upper)}","${formatFloat(count)}"]`);
  });
  const shown = buckets.length === 0 ? '' : `,"buckets":[${buckets.join(',')}]`;
  return `{"count":"${formatFloat(histogram.count)}","sum":"${formatFloat(histogram.sum)}"${shown}}`;
}

function encodeStats(stats: QueryStats): string {
  const { totalQueryableSamplesPerStep: perStep, ...samples } = stats.samples;
  const steps = perStep === undefined ? {} : { totalQueryableSamplesPerStep: perStep.map(([tMs, count]) => [tMs / 1000, count]) };
  return JSON.stringify({ timings: stats.timings, samples: { ...samples, ...steps } });
}
