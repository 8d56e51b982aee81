/** From the evaluator's columns to the answer: names cut, duplicates found, series in order (promql.md §4.2, §7). */
import { type FloatHistogram, Labels } from '@pronoia/model';
import type { Expr } from '../syntax/ast.ts';
import { typeOf } from '../syntax/check.ts';
import type { MatrixSeries, QueryValue, VectorSample } from '../value/query-result.ts';
import type { Evaluation, Value } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { duplicateLabels, labelsWork, mergeSeries, sortByLabels } from './merge-series.ts';
import { rawWindow } from './raw-window.ts';
import { absent, dropMetadata, isHistogram, type StepSeries } from './step-series.ts';

export type RawAnswer =
  | { readonly kind: 'steps'; readonly value: Value; readonly frame: Frame; readonly isRangeQuery: boolean }
  | { readonly kind: 'windows'; readonly series: readonly (MatrixSeries & { readonly dropName: boolean })[] };

export async function answer(ev: Evaluation, expr: Expr, frame: Frame, isRangeQuery: boolean): Promise<RawAnswer> {
  if (typeOf(expr) === 'matrix') return { kind: 'windows', series: await rawWindow(ev, expr, frame) };
  return { kind: 'steps', value: await ev.evaluate(expr, frame), frame, isRangeQuery };
}

export async function arrange(raw: RawAnswer, ev: Evaluation, limit: number): Promise<QueryValue> {
  const { budget, delayedNames, annotations } = ev;
  const cut = <T>(list: readonly T[]): readonly T[] => {
    if (limit <= 0 || list.length <= limit) return list;
    annotations.addStorageWarnings(['results truncated due to limit']);
    return list.slice(0, limit);
  };
  if (raw.kind === 'windows') return { kind: 'matrix', series: cut(await sortByLabels(budget, nameless(raw.series, delayedNames))) };
  const { value, frame, isRangeQuery } = raw;
  if (value.kind === 'string') return { kind: 'string', tMs: frame.startMs, value: value.value };
  if (value.kind === 'scalar') {
    if (!isRangeQuery) return { kind: 'scalar', tMs: frame.startMs, value: value.values[0] as number };
    return { kind: 'matrix', series: [scalarSeries(value.values, frame)] };
  }
  let final = value.series;
  if (delayedNames) {
    const nameless: StepSeries[] = [];
    for (const series of value.series) {
      nameless.push(cutName(series));
      if (budget.due(labelsWork)) await budget.pause();
    }
    final = await mergeSeries(budget, nameless);
  }
  if (!isRangeQuery) return { kind: 'vector', tMs: frame.startMs, samples: cut(samplesOf(final)) };
  const series: MatrixSeries[] = [];
  for (const one of cut(await sortByLabels(budget, final))) {
    series.push(columnsOf(one, frame));
    if (budget.due(frame.count)) await budget.pause();
  }
  return { kind: 'matrix', series };
}

function cutName(series: StepSeries): StepSeries {
  return series.dropName ? series.relabeled(dropMetadata(series.labels), false) : series;
}

function nameless(list: readonly (MatrixSeries & { readonly dropName: boolean })[], delayedNames: boolean): MatrixSeries[] {
  const keys = new Set<string>();
  return list.map(({ dropName, labels, ...columns }) => {
    const final: Labels = delayedNames && dropName ? dropMetadata(labels) : labels;
    const key = final.key();
    if (keys.has(key)) throw duplicateLabels();
    keys.add(key);
    return { labels: final, ...columns };
  });
}

function samplesOf(list: readonly StepSeries[]): VectorSample[] {
  const samples: VectorSample[] = [];
  for (const series of list) {
    const kind = series.kinds[0];
    if (kind === absent) continue;
    const histogram = kind === isHistogram ? series.histogram(0) : undefined;
    samples.push({ labels: series.labels, value: histogram === undefined ? (series.values[0] as number) : 0, histogram });
  }
  return samples;
}

function columnsOf(series: StepSeries, frame: Frame): MatrixSeries {
  let floats = 0;
  for (const kind of series.kinds) if (kind !== absent && kind !== isHistogram) floats++;
  const times = new Float64Array(floats);
  const values = new Float64Array(floats);
  const histogramTimes: number[] = [];
  const histograms: FloatHistogram[] = [];
  let at = 0;
  for (let step = 0; step < series.kinds.length; step++) {
    const kind = series.kinds[step];
    if (kind === absent) continue;
    const t = frame.startMs + step * frame.stepMs;
    if (kind === isHistogram) {
      histogramTimes.push(t);
      histograms.push(series.histogram(step));
    } else {
      times[at] = t;
      values[at++] = series.values[step] as number;
    }
  }
  return { labels: series.labels, times, values, histogramTimes: Float64Array.from(histogramTimes), histograms };
}

function scalarSeries(values: Float64Array, frame: Frame): MatrixSeries {
  const times = Float64Array.from(values, (_, step) => frame.startMs + step * frame.stepMs);
  return { labels: Labels.empty, times, values, histogramTimes: new Float64Array(0), histograms: [] };
}
