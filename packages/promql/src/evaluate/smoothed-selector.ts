/** `foo smoothed`: linear between the samples around the time (promql.md §9.9). */
import { type FloatHistogram, quoteGo } from '@pronoia/model';
import type { VectorSelector } from '../syntax/ast.ts';
import { combine, IncompatibleSchemas, withHint } from '../value/histogram-arithmetic.ts';
import { isCustom } from '../value/histogram-buckets.ts';
import type { Evaluation } from './evaluation.ts';
import { interpolateHistograms } from './extended-window.ts';
import type { Frame } from './frame.ts';
import { SampleColumns } from './sample-columns.ts';
import { StepSeries } from './step-series.ts';

interface Neighbour {
  readonly tMs: number;
  readonly value: number;
  readonly histogram: FloatHistogram | undefined;
}

export async function evaluateSmoothedSelector(ev: Evaluation, selector: VectorSelector, frame: Frame): Promise<StepSeries[]> {
  const { lookbackMs, budget } = ev;
  const reference = ev.reference(selector, frame);
  const minMs = reference.firstMs - lookbackMs + 1;
  const maxMs = reference.lastMs + lookbackMs;
  const columns = new SampleColumns();
  const statsOnly = ev.isStatsOnly(selector);
  const results: StepSeries[] = [];
  for (const series of (await ev.select(selector, minMs, maxMs, undefined)).series) {
    columns.read(series, ev.batch, minMs, maxMs, statsOnly);
    budget.samplesRead += columns.size;
    const samples = inOrder(columns);
    const out = new StepSeries(series.labels, false, frame.count);
    let next = 0;
    for (let step = 0; step < frame.count; step++) {
      const t = reference.firstMs + step * reference.stepMs;
      while (next < samples.length && (samples[next] as Neighbour).tMs <= t) next++;
      const before = samples[next - 1];
      const after = samples[next];
      if (before === undefined || before.tMs <= t - lookbackMs) continue;
      const isBetween = before.tMs < t && after !== undefined && after.tMs <= t + lookbackMs;
      if (isBetween) interpolate(ev, selector, out, step, t, before, after);
      else if (before.histogram === undefined) out.setFloat(step, before.value);
      else out.setHistogram(step, before.tMs === t ? before.histogram : withHint(before.histogram, 'unknown'));
    }
    if (!out.isEmpty()) results.push(out);
    if (budget.due(samples.length + frame.count)) await budget.pause();
  }
  return results;
}

function inOrder({ times, values, count, histogramTimes, histograms }: SampleColumns): Neighbour[] {
  const list: Neighbour[] = [];
  for (let i = 0; i < count; i++) list.push({ tMs: times[i] as number, value: values[i] as number, histogram: undefined });
  histogramTimes.forEach((tMs, i) => list.push({ tMs, value: 0, histogram: histograms[i] }));
  return list.sort((a, b) => a.tMs - b.tMs);
}

function interpolate(ev: Evaluation, selector: VectorSelector, out: StepSeries, step: number, t: number, a: Neighbour, b: Neighbour): void {
  const fraction = (t - a.tMs) / (b.tMs - a.tMs);
  const name = quoteGo(out.labels.get('__name__'));
  const { span } = selector;
  if (a.histogram === undefined && b.histogram === undefined) {
    out.setFloat(step, a.value + (b.value - a.value) * fraction);
  } else if (a.histogram === undefined || b.histogram === undefined) {
    ev.annotations.warn(`encountered a mix of histograms and floats for metric name ${name}`, span);
  } else {
    const mixed = `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${name}`;
    if (isCustom(a.histogram) !== isCustom(b.histogram)) {
      ev.annotations.warn(mixed, span);
      return;
    }
    const isCounter = a.histogram.counterResetHint !== 'gauge' || b.histogram.counterResetHint !== 'gauge';
    const plus = (x: FloatHistogram, y: FloatHistogram, sign: 1 | -1): FloatHistogram => combine(x, y, sign).histogram;
    try {
      out.setHistogram(step, interpolateHistograms(a.histogram, b.histogram, fraction, isCounter, plus));
    } catch (cause) {
      if (!(cause instanceof IncompatibleSchemas)) throw cause;
      ev.annotations.warn(mixed, span);
    }
  }
}
