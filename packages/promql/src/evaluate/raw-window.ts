/** A range vector as the whole query: the samples themselves, at their own times. */
import type { Expr } from '../syntax/ast.ts';
import type { MatrixSeries } from '../value/query-result.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './step-series.ts';

export async function rawWindow(ev: Evaluation, expr: Expr, frame: Frame): Promise<(MatrixSeries & { readonly dropName: boolean })[]> {
  const { reference, rangeMs } = ev.rangeShape(expr, frame);
  const endMs = reference.firstMs;
  const startMs = endMs - rangeMs;
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
    const size = series.times.length + series.histograms.length;
    if (size === 0) return;
    ev.budget.hold(size);
    ev.budget.queryableSamples += size;
    results.push(series);
  });
  return results;
}
