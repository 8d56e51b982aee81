/**
 * Series one by one, for aggregations: what lies between storage and the groups is never held. A selector or a range function of one
 * selector is read, computed and handed on series by series in the same columns; anything else is evaluated whole.
 */
import type { Expr } from '../syntax/ast.ts';
import type { Arena } from './arena.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { eachRangeFunctionSeries, isRangeFunction } from './range-call.ts';
import { eachSelected } from './selector.ts';
import type { StepSeries } from './step-series.ts';

/** The columns of a series are good only during its visit; they may stand in the arena. `weight`: samples that it counts for. */
export async function eachSeries(
  ev: Evaluation,
  expr: Expr,
  frame: Frame,
  func: string,
  arena: Arena | undefined,
  visit: (series: StepSeries, weight: number) => void,
): Promise<void> {
  let inner = expr;
  while (inner.kind === 'paren') inner = inner.expr;
  if (!ev.isLiteral && (frame.count === 1 || !ev.isStepInvariant(inner))) {
    if (inner.kind === 'selector' && inner.window === 'plain') return eachSelected(ev, inner, frame, func, { reuse: true, arena }, visit);
    if (inner.kind === 'call' && isRangeFunction(inner.func)) return eachRangeFunctionSeries(ev, inner, frame, arena, visit);
  }
  for (const series of await ev.vector(inner, frame)) {
    visit(series, series.weight());
    if (ev.budget.due(frame.count)) await ev.budget.pause();
  }
}
