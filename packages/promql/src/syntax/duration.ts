/** What a duration comes to (promql.md §1.2, §2.1). Literals are exact; expressions may ask for the query's step and range. */
import type { DurationExpr } from './ast.ts';
import { byteLength } from './position.ts';

export interface QueryWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** 0 for instant queries. */
  readonly stepMs: number;
}

/** Seconds to nanoseconds, rounded, then to milliseconds, cut. */
export function literalMs(seconds: number): number {
  return Math.trunc(Math.round(seconds * 1e9) / 1e6);
}

/** Throws Error with the original's text, which names the byte span of the part that failed. */
export function resolveDuration(expr: DurationExpr, window: QueryWindow, text: string, mustBePositive: boolean): number {
  if (expr.kind === 'number') return literalMs(expr.value);
  const fail = (part: DurationExpr, message: string): never => {
    const at = (index: number): number => byteLength(text.slice(0, index));
    throw new Error(`${at(part.span.start)}:${at(part.span.end)}: ${message}`);
  };
  const seconds = evaluate(expr, window, fail);
  if (Number.isNaN(seconds) || !Number.isFinite(seconds)) fail(expr, 'duration is NaN or infinite');
  if (mustBePositive && seconds <= 0) fail(expr, 'duration must be greater than 0');
  if (Math.abs(seconds) > 2 ** 63 / 1e9) fail(expr, 'duration is out of range');
  return Math.trunc(seconds * 1000);
}

function evaluate(expr: DurationExpr, window: QueryWindow, fail: (part: DurationExpr, message: string) => never): number {
  switch (expr.kind) {
    case 'number':
      return expr.value;
    case 'durationParen':
      return evaluate(expr.expr, window, fail);
    case 'durationUnary': {
      const value = evaluate(expr.expr, window, fail);
      return expr.op === '-' ? -value : value;
    }
    case 'durationCall': {
      if (expr.func === 'step') return window.stepMs / 1000;
      if (expr.func === 'range') return (window.endMs - window.startMs) / 1000;
      const [a, b] = expr.args.map((arg) => evaluate(arg, window, fail)) as [number, number];
      return expr.func === 'min_of' ? Math.min(a, b) : Math.max(a, b);
    }
    case 'durationBinary': {
      const a = evaluate(expr.left, window, fail);
      const b = evaluate(expr.right, window, fail);
      switch (expr.op) {
        case '+':
          return a + b;
        case '-':
          return a - b;
        case '*':
          return a * b;
        case '/':
          return b === 0 ? fail(expr, 'division by zero') : a / b;
        case '%':
          return b === 0 ? fail(expr, 'modulo by zero') : a % b;
        case '^':
          return a ** b;
      }
    }
  }
}
