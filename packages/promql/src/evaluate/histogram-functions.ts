/** histogram_* over vectors that may hold classic buckets and native histograms side by side (promql.md §9.10, §9.11). */
import { type FloatHistogram, formatGoFloat, formatOpenMetricsFloat, Labels, quoteGo } from '@pronoia/model';
import type { CallExpr, Expr } from '../syntax/ast.ts';
import { bucketFraction, bucketQuantile, type ClassicBucket } from './classic-histogram.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { mergeSeries } from './merge-series.ts';
import { histogramFraction, histogramQuantile } from './native-histogram.ts';
import { dropMetadata, isFloat, isHistogram, StepSeries } from './step-series.ts';

/** One value of each native histogram; floats are passed over. */
export async function mapHistograms(
  ev: Evaluation,
  input: readonly StepSeries[],
  map: (h: FloatHistogram, step: number) => number,
): Promise<StepSeries[]> {
  const results: StepSeries[] = [];
  const onlyName = new Set(['__name__']);
  for (const series of input) {
    if (series.histograms === undefined) continue;
    const out = new StepSeries(ev.delayedNames ? series.labels : series.labels.without(onlyName), true, series.kinds.length);
    for (let step = 0; step < series.kinds.length; step++) {
      if (series.kinds[step] === isHistogram) out.setFloat(step, map(series.histogram(step), step));
    }
    results.push(out);
  }
  return mergeSeries(
    ev.budget,
    results.filter((series) => !series.isEmpty()),
  );
}

interface ClassicGroup {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly buckets: { readonly upper: number; readonly series: StepSeries }[];
  native: StepSeries | undefined;
}

/** What a function makes of one classic or native histogram at one step. */
interface Kernel {
  classic(buckets: readonly ClassicBucket[], step: number, group: ClassicGroup): number;
  native(h: FloatHistogram, step: number, group: ClassicGroup): number;
}

interface LabeledKernel extends Kernel {
  /** What tells its results from those of its neighbours; the value may be another at each step. */
  readonly label?: { readonly name: string; readonly valueAt: (step: number) => string };
}

function nameSuffix(ev: Evaluation, labels: Labels): string {
  const name = labels.get('__name__');
  return ev.delayedNames && name !== '' ? ` for metric name ${quoteGo(name)}` : '';
}

async function overGroups(
  ev: Evaluation,
  vectorArg: Expr,
  input: readonly StepSeries[],
  kernels: readonly LabeledKernel[],
): Promise<StepSeries[]> {
  const { span } = vectorArg;
  const groups = new Map<string, ClassicGroup>();
  const groupOf = (labels: Labels, dropName: boolean): ClassicGroup => {
    const key = labels.key();
    let group = groups.get(key);
    if (group === undefined) {
      group = { labels, dropName, buckets: [], native: undefined };
      groups.set(key, group);
    }
    return group;
  };
  for (const series of input) {
    if (series.histograms !== undefined) groupOf(identity(ev, series.labels), series.dropName).native = series;
    if (!series.kinds.includes(isFloat)) continue;
    const le = series.labels.get('le');
    const upper = parseBound(le);
    if (upper === undefined) {
      const name = nameSuffix(ev, series.labels);
      ev.annotations.warn(`bucket label "le" is missing or has a malformed value of ${quoteGo(le)}${name}`, span);
      continue;
    }
    groupOf(identity(ev, series.labels.without(new Set(['le']))), series.dropName).buckets.push({ upper, series });
  }

  const results: StepSeries[] = [];
  for (const group of groups.values()) {
    const labels = ev.delayedNames ? group.labels : dropMetadata(group.labels);
    const count = (group.native ?? (group.buckets[0] as { series: StepSeries }).series).kinds.length;
    const outs = new Map<string, StepSeries>();
    const outOf = (kernel: number, step: number): StepSeries => {
      const label = kernels[kernel]?.label;
      const text = label?.valueAt(step) ?? '';
      const key = `${kernel} ${text}`;
      let out = outs.get(key);
      if (out === undefined) {
        out = new StepSeries(label === undefined ? labels : labels.with(label.name, text), true, count);
        outs.set(key, out);
      }
      return out;
    };
    for (let step = 0; step < count; step++) {
      const buckets: ClassicBucket[] = [];
      for (const { upper, series } of group.buckets) {
        if (series.kinds[step] === isFloat) buckets.push({ upper, count: series.values[step] as number });
      }
      const native = group.native?.kinds[step] === isHistogram ? group.native.histogram(step) : undefined;
      if (native !== undefined && buckets.length > 0) {
        ev.annotations.warn(`vector contains a mix of classic and native histograms${nameSuffix(ev, group.labels)}`, span);
        continue;
      }
      kernels.forEach((kernel, i) => {
        if (native !== undefined) outOf(i, step).setFloat(step, kernel.native(native, step, group));
        else if (buckets.length > 0) outOf(i, step).setFloat(step, kernel.classic(buckets, step, group));
      });
      if (ev.budget.due(20 * kernels.length * (buckets.length + 1))) await ev.budget.pause();
    }
    results.push(...outs.values());
  }
  return mergeSeries(ev.budget, results);
}

/** Names tell classic groups apart only while they are still there at the end. */
function identity(ev: Evaluation, labels: Labels): Labels {
  return ev.delayedNames ? labels : dropMetadata(labels);
}

/** As Go reads a float: decimal, hexadecimal or a word for infinity; undefined when it is none. */
function parseBound(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : undefined;
}

function quantileKernel(ev: Evaluation, q: Float64Array, vectorArg: Expr, quantileArg: Expr, frame: Frame): Kernel {
  const { span } = vectorArg;
  for (const value of q) {
    if (Number.isNaN(value) || value < 0 || value > 1) {
      ev.annotations.warn(`quantile value should be between 0 and 1, got ${formatGoFloat(value)}`, quantileArg.span);
    }
  }
  return {
    classic(buckets, step, group) {
      const { value, forced } = bucketQuantile(q[step] as number, buckets);
      if (forced !== undefined) {
        const url = 'https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile';
        const text = `input to histogram_quantile needed to be fixed for monotonicity (see ${url})${nameSuffix(ev, group.labels)}`;
        ev.annotations.monotonicityInfo(text, span, frame.startMs + step * frame.stepMs, forced.min, forced.max, forced.diff);
      }
      return value;
    },
    native(h, step, group) {
      const { value, info } = histogramQuantile(q[step] as number, h);
      if (info !== undefined) ev.annotations.info(info + nameSuffix(ev, group.labels), span);
      return value;
    },
  };
}

export async function evaluateHistogramQuantile(ev: Evaluation, call: CallExpr, frame: Frame): Promise<StepSeries[]> {
  const [quantileArg, vectorArg] = call.args as [Expr, Expr];
  const q = await ev.scalar(quantileArg, frame);
  const input = await ev.vector(vectorArg, frame);
  return overGroups(ev, vectorArg, input, [quantileKernel(ev, q, vectorArg, quantileArg, frame)]);
}

export async function evaluateHistogramQuantiles(ev: Evaluation, call: CallExpr, frame: Frame): Promise<StepSeries[]> {
  const [vectorArg, labelArg, ...quantileArgs] = call.args as [Expr, Expr, ...Expr[]];
  const input = await ev.vector(vectorArg, frame);
  const label = ev.text(labelArg);
  const kernels: LabeledKernel[] = [];
  for (const arg of quantileArgs) {
    const q = await ev.scalar(arg, frame);
    const texts = new Map([...new Set(q)].map((value) => [value, formatOpenMetricsFloat(value)]));
    const valueAt = (step: number): string => texts.get(q[step] as number) ?? '';
    kernels.push({ ...quantileKernel(ev, q, vectorArg, arg, frame), label: { name: label, valueAt } });
  }
  return overGroups(ev, vectorArg, input, kernels);
}

export async function evaluateHistogramFraction(ev: Evaluation, call: CallExpr, frame: Frame): Promise<StepSeries[]> {
  const [lowerArg, upperArg, vectorArg] = call.args as [Expr, Expr, Expr];
  const lower = await ev.scalar(lowerArg, frame);
  const upper = await ev.scalar(upperArg, frame);
  const input = await ev.vector(vectorArg, frame);
  return overGroups(ev, vectorArg, input, [
    {
      classic: (buckets, step) => bucketFraction(lower[step] as number, upper[step] as number, buckets),
      native(h, step, group) {
        const { value, info } = histogramFraction(lower[step] as number, upper[step] as number, h);
        if (info !== undefined) ev.annotations.info(info + nameSuffix(ev, group.labels), vectorArg.span);
        return value;
      },
    },
  ]);
}
