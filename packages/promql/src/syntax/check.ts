/** The type checker: runs over a whole tree, only when the text had no fault of grammar (promql.md §2, §12). */
import { quoteGo } from '@pronoia/model';
import type { AggregateExpr, BinaryExpr, BinaryOp, CallExpr, Expr, Span, ValueType, VectorSelector } from './ast.ts';
import { functionTable } from './function-table.ts';
import { SyntaxFault } from './syntax-error.ts';

/** How messages call a type. */
export function documentedType(type: ValueType): string {
  if (type === 'vector') return 'instant vector';
  return type === 'matrix' ? 'range vector' : type;
}

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'selector':
    case 'aggregate':
      return 'vector';
    case 'matrix':
    case 'subquery':
      return 'matrix';
    case 'call':
      return functionTable.get(expr.func)?.returnType ?? 'none';
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    case 'unary':
    case 'paren':
      return typeOf(expr.expr);
  }
}

export const isComparison = (op: BinaryOp): boolean => op === '==' || op === '!=' || op === '<' || op === '<=' || op === '>' || op === '>=';
export const isSetOperator = (op: BinaryOp): boolean => op === 'and' || op === 'or' || op === 'unless';
export const isTrim = (op: BinaryOp): boolean => op === '</' || op === '>/';

/** Throws SyntaxFault at the first fault, in the original's order of visiting. Returns the type. */
export function check(expr: Expr, text: string): ValueType {
  return new Checker(text).visit(expr);
}

class Checker {
  readonly #text: string;
  /** A binary chain would ask its operands' types again on every floor. */
  readonly #types = new Map<Expr, ValueType>();

  constructor(text: string) {
    this.#text = text;
  }

  visit(expr: Expr): ValueType {
    const type = this.#visit(expr);
    this.#types.set(expr, type);
    return type;
  }

  #visit(expr: Expr): ValueType {
    switch (expr.kind) {
      case 'number':
        return 'scalar';
      case 'string':
        return 'string';
      case 'selector':
        this.#selector(expr, false);
        return 'vector';
      case 'matrix':
        this.visit(expr.selector);
        return 'matrix';
      case 'subquery': {
        const type = this.visit(expr.expr);
        if (type !== 'vector') fail(expr.span, `subquery is only allowed on instant vector, got ${type} instead`);
        return 'matrix';
      }
      case 'paren':
        return this.visit(expr.expr);
      case 'unary': {
        const type = this.visit(expr.expr);
        if (type !== 'scalar' && type !== 'vector') {
          const got = quoteGo(documentedType(type));
          fail(expr.span, `unary expression only allowed on expressions of type scalar or instant vector, got ${got}`);
        }
        return type;
      }
      case 'aggregate':
        this.#aggregate(expr);
        return 'vector';
      case 'call':
        return this.#call(expr);
      case 'binary':
        return this.#binary(expr);
    }
  }

  #expect(expr: Expr, want: ValueType, context: string): void {
    const got = this.visit(expr);
    if (got !== want) fail(expr.span, `expected type ${documentedType(want)} in ${context}, got ${documentedType(got)}`);
  }

  #selector({ name, matchers, span }: VectorSelector, mayBeEmpty: boolean): void {
    if (name !== '') {
      const second = matchers.slice(0, -1).find((matcher) => matcher.name === '__name__');
      if (second !== undefined) fail(span, `metric name must not be set twice: ${quoteGo(name)} or ${quoteGo(second.value)}`);
    } else if (!mayBeEmpty && matchers.every((matcher) => matcher.matches(''))) {
      fail(span, 'vector selector must contain at least one non-empty matcher');
    }
  }

  #aggregate({ op, expr, param }: AggregateExpr): void {
    this.#expect(expr, 'vector', 'aggregation expression');
    if (param !== undefined) this.#expect(param, op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter');
  }

  #call(expr: CallExpr): ValueType {
    const { func, args, span } = expr;
    const signature = functionTable.get(func);
    if (signature === undefined) throw new Error(`BUG: the parser let function ${func} pass`);
    const { argTypes, variadic } = signature;
    const least = variadic === 0 ? argTypes.length : argTypes.length - 1;
    const call = `argument(s) in call to ${quoteGo(func)}, got ${args.length}`;
    if (variadic === 0 && args.length !== least) fail(span, `expected ${least} ${call}`);
    if (args.length < least) fail(span, `expected at least ${least} ${call}`);
    if (variadic > 0 && args.length > least + variadic) fail(span, `expected at most ${least + variadic} ${call}`);

    if (func === 'info' && args[1] !== undefined) this.#infoSelector(args[1], span);
    args.forEach((arg, i) => {
      if (func === 'info' && i === 1) return;
      this.#expect(arg, argTypes[Math.min(i, argTypes.length - 1)] as ValueType, `call to function ${quoteGo(func)}`);
    });
    return signature.returnType;
  }

  /** The second argument of `info` names labels, not series. */
  #infoSelector(arg: Expr, call: Span): void {
    const type = typeOf(arg);
    if (type !== 'vector') fail(call, `expected type instant vector in call to function "info", got ${documentedType(type)}`);
    if (arg.kind !== 'selector') fail(arg.span, 'expected label selectors only');
    if (arg.name !== '') fail(arg.span, 'expected label selectors only, got vector selector instead');
    this.#selector(arg, true);
    this.#types.set(arg, 'vector');
  }

  #binary(expr: BinaryExpr): ValueType {
    const { op, left, right, returnBool, matching, span } = expr;
    const lt = this.visit(left);
    const rt = this.visit(right);
    if (returnBool && !isComparison(op)) fail(this.#operator(expr), 'bool modifier can only be used on comparison operators');
    if (isComparison(op) && !returnBool && lt === 'scalar' && rt === 'scalar') {
      fail(this.#operator(expr), 'comparisons between scalars must use BOOL modifier');
    }
    if (matching?.on) {
      const twice = matching.labels.find((label) => matching.include.includes(label));
      if (twice !== undefined) fail(this.#operator(expr), `label ${quoteGo(twice)} must not occur in ON and GROUP clause at once`);
    }
    const operands = 'binary expression must contain only scalar and instant vector types';
    if (lt !== 'scalar' && lt !== 'vector') fail(left.span, operands);
    if (rt !== 'scalar' && rt !== 'vector') fail(right.span, operands);
    if (lt !== 'vector' || rt !== 'vector') {
      if (matching !== undefined && matching.labels.length > 0) fail(span, 'vector matching only allowed between instant vectors');
      if (matching?.fillLeft !== undefined || matching?.fillRight !== undefined) {
        fail(span, 'filling in missing series only allowed between instant vectors');
      }
    } else if (isSetOperator(op) && matching !== undefined) {
      const { cardinality } = matching;
      if (cardinality === 'many-to-one' || cardinality === 'one-to-many') fail(span, `no grouping allowed for ${quoteGo(op)} operation`);
      if (matching.fillLeft !== undefined || matching.fillRight !== undefined) {
        fail(span, 'filling in missing series not allowed for set operators');
      }
    }
    if ((lt === 'scalar' || rt === 'scalar') && isSetOperator(op)) {
      fail(span, `set operator ${quoteGo(op)} not allowed in binary scalar expression`);
    }
    return lt === 'scalar' && rt === 'scalar' ? 'scalar' : 'vector';
  }

  /** Between the operands, without the blanks around it. */
  #operator({ left, right }: BinaryExpr): Span {
    let start = left.span.end;
    let end = right.span.start;
    while (start < end && /\s/.test(this.#text[start] as string)) start++;
    while (end > start && /\s/.test(this.#text[end - 1] as string)) end--;
    return { start, end };
  }
}

function fail(span: Span, message: string): never {
  throw new SyntaxFault(message, span);
}
