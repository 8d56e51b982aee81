/** info(): joins the labels of info series onto the series of a vector (promql.md §9.12). */
import { QueryError } from '../query-error.ts';
import type { CallExpr } from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame, StepSeries } from './step-series.ts';

export function evaluateInfo(_ev: Evaluation, _call: CallExpr, _frame: Frame): Promise<StepSeries[]> {
  return Promise.reject(new QueryError('execution', 'not implemented yet: info()'));
}
