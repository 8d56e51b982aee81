/** `/query_exemplars`: the exemplars of every series that an expression looks at (prometheus-server.md §6.2). */
import { formatFloat, type Matcher } from '@pronoia/model';
import type { Expr, ParseOptions } from '@pronoia/promql';
import type { SeriesExemplars } from '@pronoia/tsdb';
import { type ApiAnswer, type ApiRequest, badRequest } from './answer.ts';
import { exprParameter, rangeParameters } from './parameters.ts';
import { formatTime } from './point-text.ts';

export type SelectExemplars = (selectors: readonly (readonly Matcher[])[], startMs: number, endMs: number) => readonly SeriesExemplars[];

export function queryExemplars(select: SelectExemplars, options: ParseOptions, { params }: ApiRequest): ApiAnswer {
  const { startMs, endMs } = rangeParameters(params);
  if (endMs < startMs) throw badRequest('end timestamp must not be before start timestamp');
  const selectors = [...selectorsOf(exprParameter(params, options, badRequest))];
  if (selectors.length === 0) return { data: undefined };
  return {
    data: select(selectors, startMs, endMs).map(({ series, exemplars }) => ({
      seriesLabels: series.toObject(),
      exemplars: exemplars.map(({ labels, value, timestampMs }) => ({
        labels: labels.toObject(),
        value: formatFloat(value),
        timestamp: Number(formatTime(timestampMs)),
      })),
    })),
  };
}

function* selectorsOf(expr: Expr): Generator<readonly Matcher[]> {
  switch (expr.kind) {
    case 'selector':
      yield expr.matchers;
      return;
    case 'matrix':
      yield expr.selector.matchers;
      return;
    case 'subquery':
    case 'unary':
    case 'paren':
      yield* selectorsOf(expr.expr);
      return;
    case 'aggregate':
      yield* selectorsOf(expr.expr);
      if (expr.param !== undefined) yield* selectorsOf(expr.param);
      return;
    case 'call':
      for (const arg of expr.args) yield* selectorsOf(arg);
      return;
    case 'binary':
      yield* selectorsOf(expr.left);
      yield* selectorsOf(expr.right);
      return;
    case 'number':
    case 'string':
  }
}
