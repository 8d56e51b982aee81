/** A query in pinned form: every selector and subquery without `@` gets one (appendix A, 10). */
import type { Expr } from '../syntax/ast.ts';

const unsafe: ReadonlySet<string> = new Set(
  'days_in_month day_of_month day_of_week day_of_year end hour minute month year predict_linear range start step time timestamp'.split(' '),
);

/** Undefined when some function's answer depends on the time of evaluation however its arguments are pinned. */
export function pin(expr: Expr, atMs: number): Expr | undefined {
  const at = { kind: 'time', tMs: atMs } as const;
  switch (expr.kind) {
    case 'number':
    case 'string':
      return expr;
    case 'selector':
      return expr.at === undefined ? { ...expr, at } : expr;
    case 'matrix':
      return expr.selector.at === undefined ? { ...expr, selector: { ...expr.selector, at } } : expr;
    case 'subquery':
      // What is inside follows the subquery's own time; only its functions still count.
      if (pin(expr.expr, atMs) === undefined) return undefined;
      return expr.at === undefined ? { ...expr, at } : expr;
    case 'paren':
    case 'unary': {
      const inner = pin(expr.expr, atMs);
      return inner === undefined ? undefined : { ...expr, expr: inner };
    }
    case 'call': {
      if (unsafe.has(expr.func)) return undefined;
      const args = expr.args.map((arg) => pin(arg, atMs));
      return args.includes(undefined) ? undefined : { ...expr, args: args as Expr[] };
    }
    case 'aggregate': {
      const inner = pin(expr.expr, atMs);
      const param = expr.param === undefined ? undefined : pin(expr.param, atMs);
      if (inner === undefined || (expr.param !== undefined && param === undefined)) return undefined;
      return { ...expr, expr: inner, ...(param === undefined ? {} : { param }) };
    }
    case 'binary': {
      const left = pin(expr.left, atMs);
      const right = pin(expr.right, atMs);
      return left === undefined || right === undefined ? undefined : { ...expr, left, right };
    }
  }
}
