/** Tree to the JSON of `/api/v1/parse_query`, as the tree view of the original's page reads it. Times in ms. */
import type { Matcher } from '@pronoia/model';
import type { DurationExpr, Expr, TimeModifiers, VectorSelector } from './ast.ts';
import { literalMs } from './duration.ts';
import { functionTable } from './function-table.ts';
import { printFloat } from './print.ts';

export function astToJson(expr: Expr): unknown {
  switch (expr.kind) {
    case 'number':
      return { type: 'numberLiteral', val: printFloat(expr.value) };
    case 'string':
      return { type: 'stringLiteral', val: expr.value };
    case 'paren':
      return { type: 'parenExpr', expr: astToJson(expr.expr) };
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: astToJson(expr.expr) };
    case 'selector':
      return { type: 'vectorSelector', ...selectorJson(expr) };
    case 'matrix':
      return { type: 'matrixSelector', range: durationJson(expr.range), ...selectorJson(expr.selector) };
    case 'subquery': {
      const times = { range: durationJson(expr.range), step: durationJson(expr.step), ...modifiersJson(expr) };
      return { type: 'subquery', expr: astToJson(expr.expr), ...times };
    }
    case 'call': {
      const { name, argTypes, variadic, returnType } = functionTable.get(expr.func) ?? { name: expr.func };
      return { type: 'call', func: { name, argTypes, variadic, returnType }, args: expr.args.map(astToJson) };
    }
    case 'aggregate': {
      const { op, grouping, without } = expr;
      const param = expr.param === undefined ? null : astToJson(expr.param);
      return { type: 'aggregation', op, expr: astToJson(expr.expr), param, grouping, without };
    }
    case 'binary': {
      const { op, returnBool, matching: m } = expr;
      const matching =
        m === undefined
          ? null
          : {
              card: m.cardinality,
              labels: m.labels,
              on: m.on,
              include: m.include,
              fillValues: { lhs: m.fillLeft ?? null, rhs: m.fillRight ?? null },
            };
      return { type: 'binaryExpr', op, lhs: astToJson(expr.left), rhs: astToJson(expr.right), matching, bool: returnBool };
    }
  }
}

function selectorJson(selector: VectorSelector): object {
  const { name, matchers, window } = selector;
  return {
    name,
    matchers: matchers.map(({ name: label, value, type }: Matcher) => ({ name: label, value, type })),
    ...modifiersJson(selector),
    anchored: window === 'anchored',
    smoothed: window === 'smoothed',
  };
}

function modifiersJson({ offset, at }: TimeModifiers): object {
  return {
    offset: durationJson(offset),
    timestamp: at?.kind === 'time' ? at.tMs : null,
    startOrEnd: at === undefined || at.kind === 'time' ? null : at.kind,
  };
}

/** Expressions are only known when a query runs; until then they are 0. */
function durationJson(duration: DurationExpr | undefined): number {
  return duration?.kind === 'number' ? literalMs(duration.value) : 0;
}
