/** Tree to the JSON of `/api/v1/parse_query`. */
import type { Expr } from './ast.ts';

export function astToJson(expr: Expr): unknown {
  throw new Error(`not implemented yet: ${expr.kind}`);
}
