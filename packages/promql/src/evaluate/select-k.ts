/** The aggregations that choose or count samples: topk, bottomk, limitk, limit_ratio, quantile, count_values (promql.md §6.1–6.3). */
import { formatGoFloat, Labels } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { AggregateExpr } from '../syntax/ast.ts';
import { printFloat } from '../syntax/print.ts';
import { isValidUtf8, quoteString } from '../syntax/quoted-string.ts';
import { histogramText } from '../value/histogram-text.ts';
import { quantile } from './compensated.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { ratioOffset } from './ratio-offset.ts';
import type { Group } from './series-group.ts';
import { absent, dropMetadata, isFloat, isHistogram, StepSeries } from './step-series.ts';

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
  const ks = Float64Array.from(param, (k) => Math.min(Math.trunc(k), inputs));
  for (const { members } of groups) {
    const chosen = op === 'limitk' ? new FirstChoice(ks) : new BestChoice(ks, members, op === 'topk' ? 1 : -1);
    for (const [index, member] of members.entries()) {
      if (op !== 'limitk' && isPassedOver(member, ks)) ev.annotations.info(`ignored histogram in ${op} aggregation`, expr.span);
      chosen.offer(member, index);
      if (ev.budget.due(frame.count * 2)) await ev.budget.pause();
    }
    const outs = new Map<StepSeries, StepSeries>();
    for (let step = 0; step < frame.count; step++) {
      for (const index of chosen.at(step)) {
        const member = members[index] as StepSeries;
        let out = outs.get(member);
        if (out === undefined) {
          out = new StepSeries(member.labels, member.dropName, frame.count);
          outs.set(member, out);
        }
        out.copyFrom(member, step);
      }
      if (ev.budget.due(ks[step] as number)) await ev.budget.pause();
    }
    results.push(...outs.values());
  }
  return results;
}

/** Whether there is a histogram where something is chosen. */
function isPassedOver({ histograms, kinds }: StepSeries, ks: Float64Array): boolean {
  return histograms !== undefined && ks.some((k, step) => k >= 1 && kinds[step] === isHistogram);
}

/** Chooses members step by step; they are offered one after the other, each with all its steps. */
interface Choice {
  offer(member: StepSeries, index: number): void;
  /** Indices of the chosen members, best first. */
  at(step: number): readonly number[];
}

class FirstChoice implements Choice {
  readonly #ks: Float64Array;
  readonly #chosen: number[][];

  constructor(ks: Float64Array) {
    this.#ks = ks;
    this.#chosen = Array.from(ks, () => []);
  }

  offer({ kinds }: StepSeries, index: number): void {
    for (let step = 0; step < kinds.length; step++) {
      const chosen = this.#chosen[step] as number[];
      if (kinds[step] !== absent && chosen.length < (this.#ks[step] as number)) chosen.push(index);
    }
  }

  at(step: number): readonly number[] {
    return this.#chosen[step] as number[];
  }
}

/**
 * A heap for each step with the worst of the chosen at its root, as the original keeps it (Go container/heap): which of several
 * equal samples stay follows from that. NaN is worse than any number.
 */
class BestChoice implements Choice {
  readonly #ks: Float64Array;
  readonly #members: readonly StepSeries[];
  /** 1: the greatest are best; −1: the least. */
  readonly #sign: 1 | -1;
  readonly #heaps: number[][];
  /** Value at the root of each full heap, so that most offers cost one comparison. */
  readonly #worst: Float64Array;
  readonly #full: Uint8Array;

  constructor(ks: Float64Array, members: readonly StepSeries[], sign: 1 | -1) {
    this.#ks = ks;
    this.#members = members;
    this.#sign = sign;
    this.#heaps = Array.from(ks, () => []);
    this.#worst = new Float64Array(ks.length);
    this.#full = Uint8Array.from(ks, (k) => (k < 1 ? 1 : 0));
    // Nothing is better than the best: heaps that take none refuse all.
    this.#worst.fill(sign * Number.POSITIVE_INFINITY);
  }

  offer({ kinds, values }: StepSeries, index: number): void {
    const [worst, full, sign] = [this.#worst, this.#full, this.#sign];
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== isFloat) continue;
      const v = values[step] as number;
      if (full[step] === 0) {
        const heap = this.#heaps[step] as number[];
        heap.push(index);
        this.#up(heap, step);
        if (heap.length >= (this.#ks[step] as number)) full[step] = 1;
        else continue;
      } else {
        const w = worst[step] as number;
        if (!(sign * (v - w) > 0 || (Number.isNaN(w) && !Number.isNaN(v)))) continue;
        const heap = this.#heaps[step] as number[];
        if (heap.length === 0) continue;
        heap[0] = index;
        this.#down(heap, step);
      }
      worst[step] = this.#value((this.#heaps[step] as number[])[0] as number, step);
    }
  }

  at(step: number): readonly number[] {
    return (this.#heaps[step] as number[]).sort((a, b) => {
      const [x, y] = [this.#value(a, step), this.#value(b, step)];
      if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
      if (Number.isNaN(y)) return -1;
      return x === y ? 0 : this.#sign * (y - x) < 0 ? -1 : 1;
    });
  }

  #value(index: number, step: number): number {
    return (this.#members[index] as StepSeries).values[step] as number;
  }

  #isWorse(a: number, b: number, step: number): boolean {
    const [x, y] = [this.#value(a, step), this.#value(b, step)];
    return Number.isNaN(x) || this.#sign * (x - y) < 0;
  }

  #up(heap: number[], step: number): void {
    let j = heap.length - 1;
    while (j > 0) {
      const parent = (j - 1) >> 1;
      if (!this.#isWorse(heap[j] as number, heap[parent] as number, step)) return;
      swap(heap, parent, j);
      j = parent;
    }
  }

  #down(heap: number[], step: number): void {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) return;
      if (child + 1 < heap.length && this.#isWorse(heap[child + 1] as number, heap[child] as number, step)) child++;
      if (!this.#isWorse(heap[child] as number, heap[i] as number, step)) return;
      swap(heap, i, child);
      i = child;
    }
  }
}

function swap(heap: number[], i: number, j: number): void {
  const held = heap[i] as number;
  heap[i] = heap[j] as number;
  heap[j] = held;
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
  return results;
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
