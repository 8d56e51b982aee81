/** The aggregations that choose or count samples: topk, bottomk, limitk, limit_ratio, quantile, count_values (promql.md §6.1–6.3). */
import { formatGoFloat, Labels } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { AggregateExpr } from '../syntax/ast.ts';
import { printFloat } from '../syntax/print.ts';
import { isValidUtf8, quoteString } from '../syntax/quoted-string.ts';
import { histogramText } from '../value/histogram-text.ts';
import type { Group } from './aggregate.ts';
import { quantile } from './compensated.ts';
import type { Evaluation } from './evaluation.ts';
import { ratioOffset } from './ratio-offset.ts';
import { absent, dropMetadata, type Frame, isFloat, isHistogram, mergeSeries, StepSeries } from './step-series.ts';

function execution(message: string): QueryError {
  return new QueryError('execution', message);
}

function checkK(param: Float64Array): boolean {
  let any = false;
  for (const k of param) {
    if (Number.isNaN(k)) throw execution('Parameter value is NaN');
    if (k >= 2 ** 63) throw execution(`Scalar value ${formatGoFloat(k)} overflows int64`);
    if (k < -(2 ** 63)) throw execution(`Scalar value ${formatGoFloat(k)} underflows int64`);
    if (k >= 1) any = true;
  }
  return any;
}

export async function selectK(
  ev: Evaluation,
  expr: AggregateExpr,
  groups: readonly Group[],
  param: Float64Array,
  inputs: number,
  frame: Frame,
): Promise<StepSeries[]> {
  if (!checkK(param)) return [];
  const { op } = expr;
  const results: StepSeries[] = [];
  for (const { members } of groups) {
    const outs = new Map<StepSeries, StepSeries>();
    for (let step = 0; step < frame.count; step++) {
      const k = Math.min(Math.trunc(param[step] as number), inputs);
      if (k < 1) continue;
      const chosen = op === 'limitk' ? firstK(members, step, k) : bestK(ev, expr, members, step, k);
      for (const member of chosen) {
        let out = outs.get(member);
        if (out === undefined) {
          out = new StepSeries(member.labels, member.dropName, frame.count);
          outs.set(member, out);
        }
        out.copyFrom(member, step);
      }
      if (ev.budget.due(members.length)) await ev.budget.pause();
    }
    results.push(...outs.values());
  }
  return results;
}

function firstK(members: readonly StepSeries[], step: number, k: number): StepSeries[] {
  const chosen: StepSeries[] = [];
  for (const member of members) {
    if (chosen.length === k) break;
    if (member.kinds[step] !== absent) chosen.push(member);
  }
  return chosen;
}

/**
 * A heap with the worst of the chosen at its root, as the original keeps it (Go container/heap): which of several equal samples stay
 * follows from that. NaN is worse than any number.
 */
function bestK(ev: Evaluation, expr: AggregateExpr, members: readonly StepSeries[], step: number, k: number): StepSeries[] {
  const sign = expr.op === 'topk' ? 1 : -1;
  const value = (series: StepSeries): number => series.values[step] as number;
  const isWorse = (a: StepSeries, b: StepSeries): boolean => Number.isNaN(value(a)) || sign * (value(a) - value(b)) < 0;
  const heap: StepSeries[] = [];
  const swap = (i: number, j: number): void => {
    const held = heap[i] as StepSeries;
    heap[i] = heap[j] as StepSeries;
    heap[j] = held;
  };
  const up = (from: number): void => {
    let j = from;
    for (;;) {
      const parent = (j - 1) >> 1;
      if (j <= 0 || !isWorse(heap[j] as StepSeries, heap[parent] as StepSeries)) return;
      swap(parent, j);
      j = parent;
    }
  };
  const down = (): void => {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && isWorse(heap[child + 1] as StepSeries, heap[child] as StepSeries)) child++;
      if (!isWorse(heap[child] as StepSeries, heap[i] as StepSeries)) return;
      swap(i, child);
      i = child;
    }
  };
  for (const member of members) {
    const kind = member.kinds[step];
    if (kind === isHistogram) ev.annotations.info(`ignored histogram in ${expr.op} aggregation`, expr.span);
    if (kind !== isFloat) continue;
    if (heap.length < k) {
      heap.push(member);
      up(heap.length - 1);
      continue;
    }
    const worst = value(heap[0] as StepSeries);
    if (sign * (value(member) - worst) > 0 || (Number.isNaN(worst) && !Number.isNaN(value(member)))) {
      heap[0] = member;
      down();
    }
  }
  return heap.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
    if (Number.isNaN(y)) return -1;
    return x === y ? 0 : sign * (y - x) < 0 ? -1 : 1;
  });
}

export function limitRatio(
  ev: Evaluation,
  expr: AggregateExpr,
  input: readonly StepSeries[],
  param: Float64Array,
  frame: Frame,
): StepSeries[] {
  const ratios = param.map((ratio) => {
    if (Number.isNaN(ratio)) throw execution('Ratio value is NaN');
    const capped = Math.max(-1, Math.min(1, ratio));
    if (capped !== ratio) {
      const text = `ratio value should be between -1 and 1, got ${formatGoFloat(ratio)}, capping to ${formatGoFloat(capped)}`;
      ev.annotations.warn(text, expr.param?.span ?? expr.span);
    }
    return capped;
  });
  const results: StepSeries[] = [];
  for (const member of input) {
    const offset = ratioOffset(member.labels);
    const out = new StepSeries(member.labels, member.dropName, frame.count);
    let any = false;
    for (let step = 0; step < frame.count; step++) {
      const ratio = ratios[step] as number;
      if (member.kinds[step] === absent) continue;
      if (!(ratio >= 0 ? offset < ratio : offset >= 1 + ratio)) continue;
      out.copyFrom(member, step);
      any = true;
    }
    if (any) results.push(out);
  }
  return results;
}

export async function quantiles(
  ev: Evaluation,
  expr: AggregateExpr,
  groups: readonly Group[],
  param: Float64Array,
  frame: Frame,
): Promise<StepSeries[]> {
  warnOfQuantiles(ev, param, expr);
  const results: StepSeries[] = [];
  for (const { labels, members } of groups) {
    const out = new StepSeries(
      labels,
      members.some((member) => member.dropName),
      frame.count,
    );
    const values = new Float64Array(members.length);
    for (let step = 0; step < frame.count; step++) {
      let n = 0;
      for (const member of members) {
        const kind = member.kinds[step];
        if (kind === isFloat) values[n++] = member.values[step] as number;
        else if (kind === isHistogram) ev.annotations.info('ignored histogram in quantile aggregation', expr.expr.span);
      }
      if (n > 0) out.setFloat(step, quantile(param[step] as number, values.subarray(0, n)));
      if (ev.budget.due(members.length * 4)) await ev.budget.pause();
    }
    if (!out.isEmpty()) results.push(out);
  }
  return mergeSeries(results);
}

/** Once each for the least, the greatest and NaN over all steps. */
function warnOfQuantiles(ev: Evaluation, param: Float64Array, expr: AggregateExpr): void {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  let hasNaN = false;
  for (const q of param) {
    if (Number.isNaN(q)) hasNaN = true;
    if (q < least) least = q;
    if (q > greatest) greatest = q;
  }
  const span = expr.param?.span ?? expr.span;
  const warn = (q: number): void => ev.annotations.warn(`quantile value should be between 0 and 1, got ${formatGoFloat(q)}`, span);
  if (hasNaN) warn(Number.NaN);
  if (greatest > 1) warn(greatest);
  if (least < 0) warn(least);
}

export async function countValues(
  ev: Evaluation,
  expr: AggregateExpr,
  label: string,
  input: readonly StepSeries[],
  frame: Frame,
): Promise<StepSeries[]> {
  if (label === '' || !isValidUtf8(label)) throw execution(`invalid label name ${quoteString(label)}`);
  const names = new Set(expr.grouping);
  const outs = new Map<string, StepSeries>();
  for (const series of input) {
    const base = expr.without ? dropMetadata(series.labels.without(names)) : names.size === 0 ? Labels.empty : series.labels.only(names);
    for (let step = 0; step < frame.count; step++) {
      const kind = series.kinds[step];
      if (kind === absent) continue;
      const text = kind === isHistogram ? histogramText(series.histogram(step)) : printFloat(series.values[step] as number);
      const labels = base.with(label, text);
      const key = labels.key();
      let out = outs.get(key);
      if (out === undefined) {
        out = new StepSeries(labels, series.dropName, frame.count);
        outs.set(key, out);
      }
      out.setFloat(step, (out.values[step] as number) + 1);
      if (ev.budget.due(20)) await ev.budget.pause();
    }
  }
  return [...outs.values()];
}
