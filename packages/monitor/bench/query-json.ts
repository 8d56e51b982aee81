/** What it costs to write a query's matrix as the API's JSON, beside building objects for `JSON.stringify`. */
import { formatFloat, Labels } from '@pronoia/model';
import type { MatrixSeries } from '@pronoia/promql';
import { PlainPointWriter, type PointWriter } from '../src/api/point-text.ts';
import { encodeQueryData } from '../src/api/query-json.ts';

const seriesCount = 1000;
const pointCount = 240;
const rounds = 15;

function matrix(valueAt: (s: number, i: number) => number): MatrixSeries[] {
  return Array.from({ length: seriesCount }, (_, s) => ({
    labels: Labels.from({
      __name__: 'http_requests_total',
      instance: `10.0.0.${s % 250}:9100`,
      job: 'api',
      code: String(200 + (s % 5)),
      path: `/p/${s}`,
    }),
    times: Float64Array.from({ length: pointCount }, (_, i) => 1_700_000_000_000 + i * 15_000),
    values: Float64Array.from({ length: pointCount }, (_, i) => valueAt(s, i)),
    histogramTimes: new Float64Array(),
    histograms: [],
  }));
}

function write(series: readonly MatrixSeries[], writer?: PointWriter): number {
  let bytes = 0;
  for (const slice of encodeQueryData({ kind: 'matrix', series }, undefined, writer)) {
    bytes += typeof slice === 'string' ? Buffer.from(slice).length : slice.length;
  }
  return bytes;
}

function stringify(series: readonly MatrixSeries[]): number {
  const result = series.map(({ labels, times, values }) => ({
    metric: labels.toObject(),
    values: Array.from(times, (tMs, i) => [tMs / 1000, formatFloat(values[i] as number)]),
  }));
  return Buffer.from(JSON.stringify({ resultType: 'matrix', result })).length;
}

/** Median nanoseconds a point. */
function measure(run: () => number): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    run();
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return ((times[Math.floor(rounds / 2)] as number) * 1e6) / (seriesCount * pointCount);
}

export default async function benchQueryJson(): Promise<string> {
  const plainWriter = new PlainPointWriter(256 * 1024);
  const rows = [
    ['counters (whole numbers)', matrix((s, i) => s * 1000 + i)],
    ['gauges (two decimals)', matrix((s, i) => ((s * 7919 + i * 31) % 100_000) / 100)],
    ['rates (17 digits)', matrix((s, i) => Math.sqrt(s * 7919 + i * 31) / 3)],
  ] as const;
  const lines = rows.map(([name, series]) => {
    if (write(series) !== stringify(series)) throw new Error('BUG: the two writers differ');
    const [kernel, twin, plain] = [
      measure(() => write(series)),
      measure(() => write(series, plainWriter)),
      measure(() => stringify(series)),
    ];
    return `| ${name} | ${kernel.toFixed(0)} | ${twin.toFixed(0)} | ${plain.toFixed(0)} | ${(plain / kernel).toFixed(1)} |`;
  });
  return `A matrix of ${seriesCount} series with ${pointCount} points each; medians of ${rounds}, nanoseconds a point, to bytes, labels included.

| values | kernel | its twin in TypeScript | JSON.stringify | ratio |
| --- | ---: | ---: | ---: | ---: |
${lines.join('\n')}`;
}
