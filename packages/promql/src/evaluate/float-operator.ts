/** Operators on two floats (promql.md §5.1), with Go's answers where JavaScript's differ (§14.1). */
import type { BinaryOp } from '../syntax/ast.ts';

export function power(x: number, y: number): number {
  if (x === 1) return 1;
  if (x === -1 && !Number.isFinite(y) && !Number.isNaN(y)) return 1;
  return x ** y;
}

/** Comparisons give 1 or 0. */
export function floatOperator(op: BinaryOp): (a: number, b: number) => number {
  switch (op) {
    case '+':
      return (a, b) => a + b;
    case '-':
      return (a, b) => a - b;
    case '*':
      return (a, b) => a * b;
    case '/':
      return (a, b) => a / b;
    case '%':
      return (a, b) => a % b;
    case '^':
      return power;
    case 'atan2':
      return Math.atan2;
    case '==':
      return (a, b) => (a === b ? 1 : 0);
    case '!=':
      return (a, b) => (a !== b ? 1 : 0);
    case '<':
      return (a, b) => (a < b ? 1 : 0);
    case '<=':
      return (a, b) => (a <= b ? 1 : 0);
    case '>':
      return (a, b) => (a > b ? 1 : 0);
    case '>=':
      return (a, b) => (a >= b ? 1 : 0);
    case 'and':
    case 'or':
    case 'unless':
    case '</':
    case '>/':
      throw new Error(`BUG: ${op} is no operator of two floats`);
  }
}
