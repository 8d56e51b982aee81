/** One aggregation at one step (promql.md §6): groups first, then each group on its own. */
import { type FloatHistogram, formatGoFloat, type Labels, quoteGo } from '@pronoia/model';
import { HistogramMean, HistogramSum } from '../evaluate/histogram-sum.ts';
import { ratioOffset } from '../evaluate/ratio-offset.ts';
import type { AggregateExpr, AggregateOp } from '../syntax/ast.ts';
import { printFloat } from '../syntax/print.ts';
import { isValidUtf8, quoteString } from '../syntax/quoted-string.ts';
import { IncompatibleSchemas } from '../value/histogram-arithmetic.ts';
import { histogramText } from '../value/histogram-text.ts';
import { extremeOf, meanOf, quantileOf, sumOf, varianceOf } from './floats.ts';
import { type Context, fail, type Result, type Sample, sampleOf, type Vector, withoutMetadata } from './sample.ts';

interface Group {
  readonly labels: Labels;
  readonly rank: number;
  readonly members: Sample[];
}

function groupLabels({ grouping, without }: AggregateExpr, labels: Labels): Labels {
  const names = new Set(grouping);
  return without ? withoutMetadata(labels.without(names)) : labels.only(names);
}

function groupsOf(vector: Vector, labelsOf: (sample: Sample) => Labels): Group[] {
  const groups = new Map<string, Group>();
  for (const sample of vector) {
    const labels = labelsOf(sample);
    const group = groups.get(labels.key()) ?? { labels, rank: sample.rank, members: [] };
    group.members.push(sample);
    groups.set(labels.key(), group);
  }
  return [...groups.values()];
}

export function aggregate(context: Context, expr: AggregateExpr, vector: Vector, param: number | string): Sample[] {
  const { op } = expr;
  if (op === 'count_values') return countValues(expr, vector, param as string);
  const groups = groupsOf(vector, ({ labels }) => groupLabels(expr, labels));
  switch (op) {
    case 'topk':
    case 'bottomk':
    case 'limitk':
      return groups.flatMap((group) => selectK(context, expr, group, Math.trunc(param as number)));
    case 'limit_ratio':
      return limitRatio(context, expr, vector, param as number);
    case 'sum':
    case 'avg':
    case 'count':
    case 'group':
    case 'min':
    case 'max':
    case 'stddev':
    case 'stdvar':
    case 'quantile':
      return groups.flatMap((group) => {
        const result = fold(context, expr, group, param as number);
        const dropName = group.members.some((member) => member.dropName);
        return result === undefined ? [] : [sampleOf(group.labels, dropName, result, group.rank)];
      });
  }
}

/** All parameters of all steps, before anything is done (promql.md §6.1). False: nothing will be chosen. */
export function checkK(params: readonly number[]): boolean {
  for (const k of params) {
    if (Number.isNaN(k)) fail('Parameter value is NaN');
    if (k >= 2 ** 63) fail(`Scalar value ${formatGoFloat(k)} overflows int64`);
    if (k < -(2 ** 63)) fail(`Scalar value ${formatGoFloat(k)} underflows int64`);
  }
  return params.some((k) => k >= 1);
}

/** Of all the steps' parameters, those that are told of: NaN, the greatest above 1, the least below 0. */
export function warnOfQuantiles({ annotations }: Context, expr: AggregateExpr, params: readonly number[]): void {
  const numbers = params.filter((q) => !Number.isNaN(q));
  const wrong: number[] = [];
  if (numbers.length < params.length) wrong.push(Number.NaN);
  if (numbers.some((q) => q > 1)) wrong.push(Math.max(...numbers));
  if (numbers.some((q) => q < 0)) wrong.push(Math.min(...numbers));
  for (const q of wrong) {
    annotations.warn(`quantile value should be between 0 and 1, got ${formatGoFloat(q)}`, (expr.param ?? expr).span);
  }
}

const folds: Readonly<Partial<Record<AggregateOp, (values: readonly number[], param: number) => number>>> = {
  min: (values) => extremeOf(values, (v, best) => v < best),
  max: (values) => extremeOf(values, (v, best) => v > best),
  stdvar: varianceOf,
  stddev: (values) => Math.sqrt(varianceOf(values)),
  quantile: (values, q) => quantileOf(q, values),
};

function fold(context: Context, expr: AggregateExpr, { members }: Group, param: number): Result | undefined {
  const { op } = expr;
  const { annotations } = context;
  const { span } = expr.expr;
  if (op === 'count') return members.length;
  if (op === 'group') return 1;
  const floats = members.filter(({ histogram }) => histogram === undefined).map(({ value }) => value);
  if (op !== 'sum' && op !== 'avg') {
    if (floats.length < members.length) annotations.info(`ignored histogram in ${op} aggregation`, span);
    return floats.length === 0 ? undefined : folds[op]?.(floats, param);
  }
  if (floats.length === members.length) return op === 'sum' ? sumOf(floats) : meanOf(floats);
  const total = foldHistograms(context, expr, members);
  if (floats.length > 0) {
    annotations.warn('encountered a mix of histograms and floats for aggregation', span);
    return undefined;
  }
  if (total === undefined) return undefined;
  if (total.hintsCollide) annotations.warn('conflicting counter resets during histogram aggregation', span);
  if (total.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during aggregation', span);
  return total.value();
}

function foldHistograms(
  { annotations }: Context,
  { op, expr }: AggregateExpr,
  members: readonly Sample[],
): HistogramSum | HistogramMean | undefined {
  let total: HistogramSum | HistogramMean | undefined;
  for (const { labels, histogram } of members) {
    if (histogram === undefined) continue;
    try {
      if (total === undefined) total = op === 'sum' ? new HistogramSum(histogram) : new HistogramMean(histogram);
      else total.add(histogram);
    } catch (cause) {
      if (!(cause instanceof IncompatibleSchemas)) throw cause;
      const name = quoteGo(labels.get('__name__'));
      annotations.warn(
        `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${name}`,
        expr.span,
      );
      return undefined;
    }
  }
  return total;
}

// Choosing

function selectK({ annotations }: Context, expr: AggregateExpr, { members, rank }: Group, k: number): Sample[] {
  const { op, span } = expr;
  if (k < 1) return [];
  if (op === 'limitk') return members.slice(0, k).map((member) => ({ ...member, rank }));
  const floats = members.filter(({ histogram }) => histogram === undefined);
  if (floats.length < members.length) annotations.info(`ignored histogram in ${op} aggregation`, span);
  const sign = op === 'topk' ? 1 : -1;
  return bestOf(floats, k, (a, b) => Number.isNaN(a.value) || sign * (a.value - b.value) < 0)
    .sort((a, b) => {
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      return a.value === b.value ? 0 : sign * (b.value - a.value);
    })
    .map((member) => ({ ...member, rank }));
}

/**
 * The k best by way of a heap with the worst on top. Which of equal samples stay is decided by the heap's moves and so must be
 * the original's own (Go container/heap: Push, and Fix of the root).
 */
function bestOf(members: readonly Sample[], k: number, isWorse: (a: Sample, b: Sample) => boolean): Sample[] {
  const heap: Sample[] = [];
  const at = (i: number): Sample => heap[i] as Sample;
  const swap = (i: number, j: number): void => {
    const [a, b] = [at(i), at(j)];
    heap[i] = b;
    heap[j] = a;
  };
  for (const member of members) {
    if (heap.length < k) {
      heap.push(member);
      for (let i = heap.length - 1; i > 0; ) {
        const parent = Math.floor((i - 1) / 2);
        if (!isWorse(at(i), at(parent))) break;
        swap(i, parent);
        i = parent;
      }
    } else if (isBetter(member, at(0), isWorse)) {
      heap[0] = member;
      for (let i = 0; 2 * i + 1 < heap.length; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2];
        const child = right < heap.length && isWorse(at(right), at(left)) ? right : left;
        if (!isWorse(at(child), at(i))) break;
        swap(i, child);
        i = child;
      }
    }
  }
  return heap;
}

function isBetter(member: Sample, worst: Sample, isWorse: (a: Sample, b: Sample) => boolean): boolean {
  if (Number.isNaN(member.value)) return false;
  return isWorse(worst, member);
}

function limitRatio({ annotations }: Context, expr: AggregateExpr, vector: Vector, param: number): Sample[] {
  if (Number.isNaN(param)) fail('Ratio value is NaN');
  const ratio = Math.max(-1, Math.min(1, param));
  if (ratio !== param) {
    const text = `ratio value should be between -1 and 1, got ${formatGoFloat(param)}, capping to ${formatGoFloat(ratio)}`;
    annotations.warn(text, (expr.param ?? expr).span);
  }
  return vector.filter(({ labels }) => (ratio >= 0 ? ratioOffset(labels) < ratio : ratioOffset(labels) >= 1 + ratio));
}

export function checkLabel(label: string): void {
  if (label === '' || !isValidUtf8(label)) fail(`invalid label name ${quoteString(label)}`);
}

const textOf = (value: number, histogram: FloatHistogram | undefined): string =>
  histogram === undefined ? printFloat(value) : histogramText(histogram);

function countValues(expr: AggregateExpr, vector: Vector, label: string): Sample[] {
  const labelsOf = ({ labels, value, histogram }: Sample): Labels => groupLabels(expr, labels).with(label, textOf(value, histogram));
  return groupsOf(vector, labelsOf).map(({ labels, rank, members }) =>
    sampleOf(labels, (members[0] as Sample).dropName, members.length, rank),
  );
}
