/** Windows whose edges are anchored or smoothed (promql.md §9.9). */
import { QueryError } from '../query-error.ts';
import type { Expr } from '../syntax/ast.ts';
import type { WindowFunction } from './window.ts';

export interface ChosenFunction {
  readonly apply: WindowFunction;
  /** Also wants windows without samples. */
  readonly anyWindow: boolean;
}

const allowed = {
  anchored: ['changes', 'delta', 'increase', 'rate', 'resets'],
  smoothed: ['delta', 'increase', 'rate'],
} as const;

function choose(rangeArg: Expr, func: string, plain: WindowFunction): ChosenFunction {
  let inner = rangeArg;
  while (inner.kind === 'paren') inner = inner.expr;
  const mode = inner.kind === 'matrix' ? inner.selector.window : 'plain';
  if (mode === 'plain') return { apply: plain, anyWindow: false };
  const functions: readonly string[] = allowed[mode];
  if (!functions.includes(func)) {
    throw new QueryError('execution', `${mode} modifier can only be used with: ${functions.join(', ')} - not with ${func}`);
  }
  throw new QueryError('execution', `not implemented yet: ${mode}`);
}

export const extendedFunctions = { choose };
