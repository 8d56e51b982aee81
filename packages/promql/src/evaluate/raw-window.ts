/** A range vector as the whole query: the samples themselves, at their own times. */
import { QueryError } from '../query-error.ts';
import type { Expr } from '../syntax/ast.ts';
import type { MatrixSeries } from '../value/query-result.ts';
import type { Evaluation } from './evaluation.ts';
import { findEdges, leftValue, rightValue, windowModeOf } from './extended-window.ts';
import type { Frame } from './frame.ts';
import type { SampleColumns } from './sample-columns.ts';

export async function rawWindow(ev: Evaluation, expr: Expr, frame: Frame): Promise<(MatrixSeries & { readonly dropName: boolean })[]> {
  const { reference, rangeMs } = ev.rangeShape(expr, frame);
  const endMs = reference.firstMs;
  const startMs = endMs - rangeMs;
  const mode = windowModeOf(expr);
  const results: (MatrixSeries & { readonly dropName: boolean })[] = [];
  await ev.eachRange(expr, frame, undefined, (labels, dropName, columns) => {
    const { times, values, count, histogramTimes, histograms } = columns;
    let lo = 0;
    while (lo < count && (times[lo] as number) <= startMs) lo++;
    let hi = lo;
    while (hi < count && (times[hi] as number) <= endMs) hi++;
    const inside = histogramTimes.map((t) => t > startMs && t <= endMs);
    const series = {
      labels,
      dropName,
      times: times.slice(lo, hi),
      values: values.slice(lo, hi),
      histogramTimes: Float64Array.from(histogramTimes.filter((_, i) => inside[i])),
      histograms: histograms.filter((_, i) => inside[i]),
    };
    if (mode !== 'plain') {
      if (series.histograms.length > 0 || histogramTimes.length > 0) {
        throw new QueryError('execution', `${mode} modifier is not supported with histograms`);
      }
      const points = withEdges(columns, startMs, endMs, mode === 'smoothed');
      series.times = points.times;
      series.values = points.values;
    }
    const size = series.times.length + series.histograms.length;
    if (size === 0) return;
    ev.budget.hold(size);
    ev.budget.queryableSamples += size;
    results.push(series);
  });
  return results;
}

/** The values at both edges, and the samples strictly between them. */
function withEdges({ times, values, count }: SampleColumns, startMs: number, endMs: number, smoothed: boolean) {
  const edges = count === 0 ? undefined : findEdges(times, 0, count, startMs, endMs, smoothed);
  if (edges === undefined) return { times: new Float64Array(0), values: new Float64Array(0) };
  const points: [number, number][] = [[startMs, leftValue(times, values, edges, startMs, smoothed, false)]];
  for (let i = edges.first; i <= edges.last; i++) {
    const t = times[i] as number;
    if (t > startMs && t < endMs) points.push([t, values[i] as number]);
  }
  points.push([endMs, rightValue(times, values, edges, 0, endMs, smoothed, false)]);
  return { times: Float64Array.from(points, ([t]) => t), values: Float64Array.from(points, ([, v]) => v) };
}
