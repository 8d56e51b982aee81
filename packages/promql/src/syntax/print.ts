/** Tree to text: the canonical line, and the pretty form of `/format_query` (promql.md §2.2). */
import type { Expr } from './ast.ts';

export function printExpr(expr: Expr): string {
  throw new Error(`not implemented yet: ${expr.kind}`);
}

export function prettyExpr(expr: Expr): string {
  throw new Error(`not implemented yet: ${expr.kind}`);
}
