/** `foo smoothed`: linear between the samples around the time (promql.md §9.9). */
import { QueryError } from '../query-error.ts';
import type { VectorSelector } from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Frame, StepSeries } from './step-series.ts';

export function evaluateSmoothedSelector(_ev: Evaluation, _selector: VectorSelector, _frame: Frame): Promise<StepSeries[]> {
  return Promise.reject(new QueryError('execution', 'not implemented yet: smoothed'));
}
