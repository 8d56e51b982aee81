/**
 * Query results as the API's JSON (prometheus-server.md §6.2), written as bytes in slices. All answers are written through one window
 * of memory: it is emptied before each slice is given away, so that nothing of one answer lies in it while another is written. Hot: see
 * bench `query-json`.
 */
import { type FloatHistogram, formatFloat, type Labels } from '@pronoia/model';
import type { MatrixSeries, QueryStats, QueryValue, VectorSample } from '@pronoia/promql';
import { forEachBucket } from './histogram-buckets.ts';
import { createPointWriter, formatTime, maxPointBytes, type PointWriter } from './point-text.ts';

/** How much is written between two breaths: about a millisecond. */
const sliceBytes = 128 * 1024;
const windowBytes = 2 * sliceBytes;

let shared: PointWriter | undefined;

/** `data` of `/query` and `/query_range`. @param writer the tests' own. */
export function* encodeQueryData(
  value: QueryValue,
  stats: QueryStats | undefined,
  writer: PointWriter = (shared ??=
    createPointWriter(windowBytes)),
): Generator<string | Uint8Array> {
  yield `{"resultType":"${value.kind}","result":`;
  switch (value.kind) {
    case 'scalar':
      yield `[${formatTime(value.tMs)},"${formatFloat(value.value)}"]`;
      break;
    case 'string':
      yield `[${formatTime(value.tMs)},${JSON.stringify(value.value)}]`;
      break;
    case 'vector':
      yield* encodeVector(value.tMs, value.samples);
      break;
    case 'matrix':
      yield* encodeMatrix(value.series, writer);
  }
  yield stats === undefined ? '}' : `,"stats":${encodeStats(stats)}}`;
}

function* encodeVector(tMs: number, samples: readonly VectorSample[]): Generator<string> {
  const time = formatTime(tMs);
  let slice = '[';
  for (let i = 0; i < samples.length; i++) {
    const { labels, value, histogram } = samples[i] as VectorSample;
    slice += `${i === 0 ? '' : ','}{"metric":${encodeLabels(labels)},`;
    slice +=
      histogram === undefined ? `"value":[${time},"${formatFloat(value)}"]}` : `"histogram":[${time},${encodeHistogram(histogram)}]}`;
    if (slice.length > sliceBytes) {
      yield slice;
      slice = '';
    }
  }
  yield `${slice}]`;
}

function* encodeMatrix(series: readonly MatrixSeries[], writer: PointWriter): Generator<string | Uint8Array> {
  const { bytes } = writer;
  // Text that comes before the next points, and how far the window is filled: the text is always behind what is in the window.
  let text = '[';
  let at = 0;
  for (let s = 0; s < series.length; s++) {
    const { labels, times, values, histogramTimes, histograms } = series[s] as MatrixSeries;
    text += `${s === 0 ? '' : ','}{"metric":${encodeLabels(labels)}`;
    if (times.length > 0) {
      text += ',"values":[';
      for (let from = 0; from < times.length; ) {
        // Three bytes at most for a character.
        if (at + text.length * 3 + maxPointBytes > windowBytes) {
          if (at > 0) yield Buffer.from(bytes.subarray(0, at));
          at = 0;
          if (text.length * 3 + maxPointBytes > windowBytes) {
            yield text;
            text = '';
          }
        }
        at += bytes.write(text, at, 'utf8');
        text = '';
        const to = Math.min(times.length, from + Math.max(1, Math.floor((windowBytes - at) / maxPointBytes)));
        at = writer.write(at, times, values, from, to, from > 0);
        from = to;
        if (at > sliceBytes) {
          yield Buffer.from(bytes.subarray(0, at));
          at = 0;
        }
      }
      text += ']';
    }
    if (histograms.length > 0) {
      text += ',"histograms":[';
      for (let i = 0; i < histograms.length; i++) {
        text += `${i === 0 ? '[' : ',['}${formatTime(histogramTimes[i] as number)},${encodeHistogram(histograms[i] as FloatHistogram)}]`;
        if (text.length > sliceBytes) {
          if (at > 0) yield Buffer.from(bytes.subarray(0, at));
          yield text;
          at = 0;
          text = '';
        }
      }
      text += ']';
    }
    text += '}';
  }
  if (at > 0) yield Buffer.from(bytes.subarray(0, at));
  yield `${text}]`;
}

/** Without quotes, backslashes, control characters and halves of characters: needs no escapes. */
const plainText = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
const nameTexts = new Map<string, string>();

/** As an object. */
export function encodeLabels(labels: Labels): string {
  const { pairs } = labels;
  let text = '';
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    const value = pairs[i + 1] as string;
    let nameText = nameTexts.get(name);
    if (nameText === undefined) {
      if (nameTexts.size > 10_000) nameTexts.clear();
      nameText = `,${JSON.stringify(name)}:`;
      nameTexts.set(name, nameText);
    }
    text += plainText.test(value) ? `${nameText}"${value}"` : `${nameText}${JSON.stringify(value)}`;
  }
  return text === '' ? '{}' : `{${text.slice(1)}}`;
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
