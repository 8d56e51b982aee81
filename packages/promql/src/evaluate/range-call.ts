/** Calls of range-vector functions: arguments, annotations, duplicates (promql.md §9.4–9.9). */
import { formatGoFloat, type Labels, quoteGo } from '@pronoia/model';
import type { CallExpr, Expr } from '../syntax/ast.ts';
import { Arena } from './arena.ts';
import type { Evaluation, Notes } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { duplicateLabels, mergeSeries } from './merge-series.ts';
import { eachRangeResult, type Output } from './range-function.ts';
import { rateFunctions } from './rate.ts';
import { absent, isFloat, type StepSeries } from './step-series.ts';
import type { WindowFunction } from './window.ts';
import { keepsName, windowFunctions } from './window-functions.ts';

export function isRangeFunction(func: string): boolean {
  return windowFunctions[func] !== undefined || rateFunctions[func] !== undefined;
}

export async function rangeFunctionSeries(ev: Evaluation, call: CallExpr, frame: Frame): Promise<StepSeries[]> {
  const results: StepSeries[] = [];
  let mayCollide = mayLoseIdentity(ev, call);
  const arena = ev.isLiteral ? undefined : Arena.take();
  try {
    await visitRangeFunction(ev, call, frame, { reuse: false, arena }, (result, source, weight) => {
      result.knownWeight = weight;
      ev.budget.hold(weight);
      results.push(result);
      if (source.has('__type__') || source.has('__unit__')) mayCollide = true;
    });
  } finally {
    arena?.giveBack();
  }
  return mayCollide && !ev.delayedNames ? mergeSeries(ev.budget, results, true) : results;
}

/** The same series one by one, for those who do not keep them: the columns are good only during the visit. */
export async function eachRangeFunctionSeries(
  ev: Evaluation,
  call: CallExpr,
  frame: Frame,
  arena: Arena | undefined,
  visit: (series: StepSeries, weight: number) => void,
): Promise<void> {
  const mayCollide = mayLoseIdentity(ev, call);
  const seen = new Set<string>();
  await visitRangeFunction(ev, call, frame, { reuse: true, arena }, (result, source, weight) => {
    if (!ev.delayedNames && (mayCollide || source.has('__type__') || source.has('__unit__'))) {
      const key = result.labels.key();
      if (seen.has(key)) throw duplicateLabels();
      seen.add(key);
    }
    visit(result, weight);
  });
}

/** Whether series may become the same by losing their name: those of one metric cannot. */
function mayLoseIdentity(ev: Evaluation, call: CallExpr): boolean {
  let inner = rangeArgOf(call);
  while (inner.kind === 'paren') inner = inner.expr;
  if (ev.delayedNames || keepsName.has(call.func)) return false;
  return inner.kind !== 'matrix' || !inner.selector.matchers.some(({ name, type }) => name === '__name__' && type === '=');
}

function rangeArgOf({ func, args }: CallExpr): Expr {
  return args[func === 'quantile_over_time' ? 1 : 0] as Expr;
}

async function visitRangeFunction(
  ev: Evaluation,
  call: CallExpr,
  frame: Frame,
  output: Output,
  visit: (result: StepSeries, source: Labels, weight: number) => void,
): Promise<void> {
  const { func, args } = call;
  const rangeArg = rangeArgOf(call);
  const scalars: Float64Array[] = [];
  for (const other of args) if (other !== rangeArg) scalars.push(await ev.scalar(other, frame));
  const { annotations } = ev;
  const notes: Notes = {
    warn: (text, span = rangeArg.span) => annotations.warn(text, span),
    info: (text, span = rangeArg.span) => annotations.info(text, span),
  };
  const quantiles = func === 'quantile_over_time' ? (scalars[0] as Float64Array) : undefined;
  const noteNonCounter = func === 'rate' || func === 'increase' ? nonCounterNotes(ev, rangeArg) : undefined;
  const plain = (windowFunctions[func] ?? rateFunctions[func]) as WindowFunction;
  await eachRangeResult(ev, { func, rangeArg, args: scalars, notes, output }, plain, frame, (result, source, weight) => {
    noteNonCounter?.(source, result);
    if (quantiles !== undefined) warnOfQuantiles(notes, quantiles, result, args[0] as Expr);
    visit(result, source, weight);
  });
}

function warnOfQuantiles(notes: Notes, q: Float64Array, { kinds }: StepSeries, { span }: Expr): void {
  for (let step = 0; step < q.length; step++) {
    const value = q[step] as number;
    if ((value >= 0 && value <= 1) || kinds[step] === absent) continue;
    notes.warn(`quantile value should be between 0 and 1, got ${formatGoFloat(value)}`, span);
  }
}

/** Tells about metrics that do not look like counters, each once. */
function nonCounterNotes(ev: Evaluation, { span }: Expr): (labels: Labels, result: StepSeries) => void {
  const told = new Set<string>();
  return (labels, result) => {
    const name = labels.get('__name__');
    if (name === '') return;
    if (ev.typeAndUnitLabels) {
      const type = labels.get('__type__');
      if (type === 'counter' || type === 'histogram' || !result.kinds.includes(isFloat)) return;
      const text = `metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${quoteGo(type)}`;
      ev.annotations.info(`${text}: ${quoteGo(name)}`, span);
      return;
    }
    if (told.has(name)) return;
    const isCounter = /(_total|_sum|_count|_bucket)$/.test(name);
    if (!isCounter && !result.kinds.includes(isFloat)) return;
    told.add(name);
    if (isCounter) return;
    ev.annotations.info(`metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quoteGo(name)}`, span);
  };
}
