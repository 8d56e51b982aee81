/** Function calls: which kernel, over what, with which arguments (promql.md §9). */
import { Labels } from '@pronoia/model';
import type { CallExpr, Expr, VectorSelector } from '../syntax/ast.ts';
import type { Evaluation, Notes, Value } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { evaluateHistogramFraction, evaluateHistogramQuantile, evaluateHistogramQuantiles, mapHistograms } from './histogram-functions.ts';
import { evaluateInfo } from './info.ts';
import { absentLabels, labelJoin, labelReplace, sortByLabel, sortByValue } from './label-functions.ts';
import { mergeNameless } from './merge-series.ts';
import { histogramVariance } from './native-histogram.ts';
import { isRangeFunction, rangeFunctionSeries } from './range-call.ts';
import { SampleColumns } from './sample-columns.ts';
import { selectInstants } from './selector.ts';
import { absent, dropMetadata, isFloat, StepSeries } from './step-series.ts';
import { datePart, dateParts, elementwise, goMax, goMin, mapFloats, roundTo } from './vector-functions.ts';
import { Window } from './window.ts';

const vector = (series: readonly StepSeries[]): Value => ({ kind: 'vector', series });

export async function evaluateCall(ev: Evaluation, call: CallExpr, frame: Frame): Promise<Value> {
  const { func } = call;
  if (isRangeFunction(func)) return vector(await rangeFunctionSeries(ev, call, frame));
  const map = elementwise[func];
  if (map !== undefined) return vector(await mapFloats(ev, await ev.vector(arg(call, 0), frame), map));
  const part = dateParts[func];
  if (part !== undefined) {
    const input = call.args.length === 0 ? [oneSeries(times(frame))] : await ev.vector(arg(call, 0), frame);
    return vector(await mapFloats(ev, input, datePart(part)));
  }
  const special = functions[func];
  if (special === undefined) throw new Error(`BUG: function ${func} is in the table but not here`);
  return special(ev, call, frame);
}

function arg({ args }: CallExpr, index: number): Expr {
  const found = args[index];
  if (found === undefined) throw new Error(`BUG: no argument ${index}`);
  return found;
}

function times(frame: Frame): Float64Array {
  return Float64Array.from({ length: frame.count }, (_, step) => (frame.startMs + step * frame.stepMs) / 1000);
}

/** Without labels, a float at every step. */
function oneSeries(values: Float64Array): StepSeries {
  const series = new StepSeries(Labels.empty, false, values.length);
  values.forEach((value, step) => series.setFloat(step, value));
  return series;
}

// Range-vector functions

async function absentOverTime(ev: Evaluation, call: CallExpr, frame: Frame): Promise<Value> {
  const rangeArg = arg(call, 0);
  const { reference, rangeMs } = ev.rangeShape(rangeArg, frame);
  const present = new Uint8Array(frame.count);
  const notes: Notes = { warn: () => undefined, info: () => undefined };
  const window = new Window(ev, notes, rangeMs, [], new SampleColumns(), oneSeries(new Float64Array(0)));
  await ev.eachRange(rangeArg, frame, call.func, (_labels, _dropName, columns) => {
    window.rewind(columns, window.out, '');
    for (let step = 0; step < frame.count; step++) {
      window.moveTo(step, 0, reference.firstMs + step * reference.stepMs);
      if (window.floats + window.histograms > 0) present[step] = 1;
    }
  });
  return vector(onesWhere(present, 0, absentLabels(rangeArg)));
}

function onesWhere(flags: Uint8Array, wanted: 0 | 1, labels: Labels): StepSeries[] {
  const out = new StepSeries(labels, false, flags.length);
  flags.forEach((flag, step) => {
    if (flag === wanted) out.setFloat(step, 1);
  });
  return out.isEmpty() ? [] : [out];
}

// timestamp

/** Directly on a selector: the time of the sample itself. `@` makes the original forget the offset. */
async function timestamps(ev: Evaluation, selector: VectorSelector, frame: Frame, func: string): Promise<readonly StepSeries[]> {
  const atMs = ev.atMs(selector);
  const reference = atMs === undefined ? ev.reference(selector, frame) : { firstMs: atMs, stepMs: 0, lastMs: atMs };
  const wantsStart = func === 'start_timestamp';
  const list = await selectInstants(ev, selector, reference, frame.count, func, (columns, at, _tMs, series, step) => {
    if (!wantsStart) series.setFloat(step, at.timeMs / 1000);
    else {
      const startMs = at.isHistogram
        ? (columns.histogramStarts[at.index] ?? 0)
        : columns.hasStarts
          ? (columns.starts[at.index] as number)
          : 0;
      series.setFloat(step, startMs / 1000);
    }
  });
  const results = list.map((series) => series.relabeled(ev.delayedNames ? series.labels : dropMetadata(series.labels), true));
  return mergeNameless(ev, list, results);
}

async function evaluateTimestamp(ev: Evaluation, call: CallExpr, frame: Frame): Promise<Value> {
  let inner = arg(call, 0);
  while (inner.kind === 'paren') inner = inner.expr;
  if (inner.kind === 'selector') {
    if (call.func === 'start_timestamp' && !ev.startTimestamps) return vector([]);
    return vector(await timestamps(ev, inner, frame, call.func));
  }
  const input = await ev.vector(arg(call, 0), frame);
  if (call.func === 'start_timestamp') return vector([]);
  const stepTimes = times(frame);
  const results = input.map((series) => {
    const out = new StepSeries(ev.delayedNames ? series.labels : dropMetadata(series.labels), true, frame.count);
    series.kinds.forEach((kind, step) => {
      if (kind !== absent) out.setFloat(step, stepTimes[step] as number);
    });
    return out;
  });
  return vector(await mergeNameless(ev, input, results));
}

// Everything else

type Special = (ev: Evaluation, call: CallExpr, frame: Frame) => Promise<Value>;

const constant =
  (value: (ev: Evaluation) => number): Special =>
  (ev, _call, frame) =>
    Promise.resolve({ kind: 'scalar', values: new Float64Array(frame.count).fill(value(ev)) });

const ofScalars =
  (combine: (a: number, b: number) => number): Special =>
  async (ev, call, frame) => {
    const a = await ev.scalar(arg(call, 0), frame);
    const b = await ev.scalar(arg(call, 1), frame);
    return { kind: 'scalar', values: a.map((x, i) => combine(x, b[i] as number)) };
  };

const sorted =
  (sort: (ev: Evaluation, call: CallExpr, input: readonly StepSeries[]) => readonly StepSeries[]): Special =>
  async (ev, call, frame) => {
    const input = await ev.vector(arg(call, 0), frame);
    if (frame.count > 1) {
      ev.annotations.warn('sort is ineffective for range queries since results are always ordered by labels', call.span);
      return vector(call.func.startsWith('sort_by_label') ? input : withoutHistograms(input));
    }
    return vector(sort(ev, call, input));
  };

function withoutHistograms(input: readonly StepSeries[]): StepSeries[] {
  return input
    .map((series) => {
      if (series.histograms === undefined) return series;
      const out = new StepSeries(series.labels, series.dropName, series.kinds.length);
      series.kinds.forEach((kind, step) => {
        if (kind === isFloat) out.copyFrom(series, step);
      });
      return out;
    })
    .filter((series) => !series.isEmpty());
}

const sortNames = (ev: Evaluation, { args }: CallExpr): string[] => args.slice(1).map((name) => ev.text(name));

const functions: Readonly<Record<string, Special>> = {
  pi: constant(() => Math.PI),
  start: constant((ev) => ev.query.startMs / 1000),
  end: constant((ev) => ev.query.endMs / 1000),
  range: constant((ev) => (ev.query.endMs - ev.query.startMs) / 1000),
  step: constant((ev) => (ev.query.endMs === ev.query.startMs ? 0 : ev.query.stepMs / 1000)),
  time: (_ev, _call, frame) => Promise.resolve({ kind: 'scalar', values: times(frame) }),
  max_of: ofScalars(goMax),
  min_of: ofScalars(goMin),
  vector: async (ev, call, frame) => vector([oneSeries(await ev.scalar(arg(call, 0), frame))]),
  scalar: async (ev, call, frame) => {
    const input = await ev.vector(arg(call, 0), frame);
    const values = new Float64Array(frame.count).fill(Number.NaN);
    for (let step = 0; step < frame.count; step++) {
      let found = 0;
      for (const series of input) {
        if (series.kinds[step] !== isFloat) continue;
        values[step] = found++ === 0 ? (series.values[step] as number) : Number.NaN;
      }
    }
    return { kind: 'scalar', values };
  },
  absent: async (ev, call, frame) => {
    const present = new Uint8Array(frame.count);
    for (const { kinds } of await ev.vector(arg(call, 0), frame))
      for (let i = 0; i < kinds.length; i++) if (kinds[i] !== absent) present[i] = 1;
    return vector(onesWhere(present, 0, absentLabels(arg(call, 0))));
  },
  absent_over_time: absentOverTime,
  timestamp: evaluateTimestamp,
  start_timestamp: evaluateTimestamp,
  round: async (ev, call, frame) => {
    const input = await ev.vector(arg(call, 0), frame);
    const nearest = call.args.length > 1 ? await ev.scalar(arg(call, 1), frame) : new Float64Array(frame.count).fill(1);
    return vector(await mapFloats(ev, input, (v, step) => roundTo(v, nearest[step] as number)));
  },
  clamp: async (ev, call, frame) => {
    const input = await ev.vector(arg(call, 0), frame);
    const min = await ev.scalar(arg(call, 1), frame);
    const max = await ev.scalar(arg(call, 2), frame);
    return vector(
      await mapFloats(ev, input, (v, step) => {
        const [low, high] = [min[step] as number, max[step] as number];
        return high < low ? undefined : goMax(low, goMin(high, v));
      }),
    );
  },
  clamp_min: async (ev, call, frame) => {
    const input = await ev.vector(arg(call, 0), frame);
    const min = await ev.scalar(arg(call, 1), frame);
    return vector(await mapFloats(ev, input, (v, step) => goMax(min[step] as number, v)));
  },
  clamp_max: async (ev, call, frame) => {
    const input = await ev.vector(arg(call, 0), frame);
    const max = await ev.scalar(arg(call, 1), frame);
    return vector(await mapFloats(ev, input, (v, step) => goMin(max[step] as number, v)));
  },
  sort: sorted((_ev, _call, input) => sortByValue(input, false)),
  sort_desc: sorted((_ev, _call, input) => sortByValue(input, true)),
  sort_by_label: sorted((ev, call, input) => sortByLabel(input, sortNames(ev, call), false)),
  sort_by_label_desc: sorted((ev, call, input) => sortByLabel(input, sortNames(ev, call), true)),
  label_replace: async (ev, call, frame) => vector(await labelReplace(ev, call, await ev.vector(arg(call, 0), frame))),
  label_join: async (ev, call, frame) => vector(await labelJoin(ev, call, await ev.vector(arg(call, 0), frame))),
  histogram_count: async (ev, call, frame) => vector(await mapHistograms(ev, await ev.vector(arg(call, 0), frame), (h) => h.count)),
  histogram_sum: async (ev, call, frame) => vector(await mapHistograms(ev, await ev.vector(arg(call, 0), frame), (h) => h.sum)),
  histogram_avg: async (ev, call, frame) => vector(await mapHistograms(ev, await ev.vector(arg(call, 0), frame), (h) => h.sum / h.count)),
  histogram_stdvar: async (ev, call, frame) => vector(await mapHistograms(ev, await ev.vector(arg(call, 0), frame), histogramVariance)),
  histogram_stddev: async (ev, call, frame) =>
    vector(await mapHistograms(ev, await ev.vector(arg(call, 0), frame), (h) => Math.sqrt(histogramVariance(h)))),
  histogram_quantile: async (ev, call, frame) => vector(await evaluateHistogramQuantile(ev, call, frame)),
  histogram_quantiles: async (ev, call, frame) => vector(await evaluateHistogramQuantiles(ev, call, frame)),
  histogram_fraction: async (ev, call, frame) => vector(await evaluateHistogramFraction(ev, call, frame)),
  info: async (ev, call, frame) => vector(await evaluateInfo(ev, call, frame)),
};
