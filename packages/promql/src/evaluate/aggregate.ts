/** Aggregations (promql.md §6). Groups are found once; then each operator walks its series once, all steps of a series in a row. */
import type { AggregateExpr } from '../syntax/ast.ts';
import { Arena } from './arena.ts';
import type { Evaluation, Value } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { eachSeries } from './fused.ts';
import { type FoldOp, GroupFold, isFoldOp } from './group-fold.ts';
import { countValues, limitRatio, quantiles, selectK } from './select-k.ts';
import { groupFinder, groupSeries } from './series-group.ts';
import { StepSeries } from './step-series.ts';

export async function evaluateAggregate(ev: Evaluation, expr: AggregateExpr, frame: Frame): Promise<Value> {
  const { op } = expr;
  if (op === 'count_values') {
    const label = ev.text(expr.param as never);
    const input = await ev.vector(expr.expr, frame);
    return { kind: 'vector', series: await countValues(ev, expr, label, input, frame) };
  }
  if (isFoldOp(op)) return { kind: 'vector', series: await foldGroups(ev, expr, op, frame) };
  if (expr.param === undefined) throw new Error(`BUG: ${op} without parameter`);
  const param = await ev.scalar(expr.param, frame);
  const input = await ev.vector(expr.expr, frame);
  const groups = await groupSeries(ev.budget, expr, input);
  switch (op) {
    case 'topk':
    case 'bottomk':
    case 'limitk':
      return { kind: 'vector', series: await selectK(ev, expr, groups, param, input.length, frame) };
    case 'limit_ratio':
      return { kind: 'vector', series: limitRatio(ev, expr, input, param, frame) };
    case 'quantile':
      return { kind: 'vector', series: await quantiles(ev, expr, groups, param, frame) };
  }
}

async function foldGroups(ev: Evaluation, expr: AggregateExpr, op: FoldOp, frame: Frame): Promise<StepSeries[]> {
  const arena = ev.isLiteral ? undefined : Arena.take();
  try {
    const groupOf = groupFinder(expr);
    const groups: GroupFold[] = [];
    await eachSeries(ev, expr.expr, frame, op, arena, (series, weight) => {
      const index = groupOf.find(series.labels);
      let group = groups[index];
      if (group === undefined) {
        group = new GroupFold(ev, expr, op, new StepSeries(groupOf.labels(index), false, frame.count), frame.count, arena);
        groups[index] = group;
        ev.budget.hold(frame.count);
      }
      group.add(series);
      // Not held here, but the limit is on what the query would hold in the original.
      ev.budget.hold(weight);
    });
    const results: StepSeries[] = [];
    for (const group of groups) {
      const result = group.finish();
      if (!result.isEmpty()) results.push(result);
      if (ev.budget.due(frame.count)) await ev.budget.pause();
    }
    return results;
  } finally {
    arena?.giveBack();
  }
}
