/**
 * Whether an expression has one value for all steps: every selector below is pinned by `@`, and nothing asks for the time of the
 * step (promql.md §4). Such parts are evaluated once. Of an aggregation only the vector decides, as in the original.
 */
import type { Expr } from '../syntax/ast.ts';

const asksForTime: ReadonlySet<string> = new Set(
  'days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp'.split(' '),
);

export function isStepInvariant(expr: Expr, known: Map<Expr, boolean>): boolean {
  let result = known.get(expr);
  if (result === undefined) {
    result = decide(expr, known);
    known.set(expr, result);
  }
  return result;
}

function decide(expr: Expr, known: Map<Expr, boolean>): boolean {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return true;
    case 'selector':
    case 'subquery':
      return expr.at !== undefined;
    case 'matrix':
      return expr.selector.at !== undefined;
    case 'paren':
    case 'unary':
    case 'aggregate':
      return isStepInvariant(expr.expr, known);
    case 'binary':
      return isStepInvariant(expr.left, known) && isStepInvariant(expr.right, known);
    case 'call':
      if (expr.func === 'timestamp' && expr.args[0]?.kind === 'selector') return isStepInvariant(expr.args[0], known);
      return !asksForTime.has(expr.func) && expr.args.every((arg) => isStepInvariant(arg, known));
  }
}
