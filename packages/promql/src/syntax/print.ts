/** Tree to text: the canonical line, and the pretty form of `/format_query` (promql.md §2.2). */
import { compareBytes, formatDuration, isLegacyName, quoteGo } from '@pronoia/model';
import type { AggregateExpr, BinaryExpr, DurationExpr, Expr, NumberLiteral, SubqueryExpr, TimeModifiers, VectorSelector } from './ast.ts';
import { byteLength } from './position.ts';
import { quoteString } from './quoted-string.ts';

/** One line. Parsing it gives the same tree again, but for positions. */
export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return printNumber(expr);
    case 'string':
      return quoteString(expr.value);
    case 'selector':
      return printSelector(expr, '');
    case 'matrix':
      return printSelector(expr.selector, `[${printDuration(expr.range)}]`);
    case 'subquery':
      return `${printExpr(expr.expr)}${subqueryTimes(expr)}`;
    case 'call':
      return `${expr.func}(${expr.args.map(printExpr).join(', ')})`;
    case 'aggregate': {
      const param = expr.param === undefined ? '' : `${printExpr(expr.param)}, `;
      return `${aggregateHead(expr)}(${param}${printExpr(expr.expr)})`;
    }
    case 'binary':
      return `${printExpr(expr.left)} ${binaryHead(expr)} ${printExpr(expr.right)}`;
    case 'unary':
      return `${expr.op}${printExpr(expr.expr)}`;
    case 'paren':
      return `(${printExpr(expr.expr)})`;
  }
}

const maxLineBytes = 100;

/** Nodes longer than 100 bytes are spread over lines, two blanks deeper at each level. */
export function prettyExpr(expr: Expr, level = 0): string {
  const indent = '  '.repeat(level);
  if (expr.kind === 'unary') return `${indent}${expr.op}${prettyExpr(expr.expr, level).trim()}`;
  const line = printExpr(expr);
  if (byteLength(line) <= maxLineBytes) return indent + line;
  switch (expr.kind) {
    case 'aggregate': {
      const param = expr.param === undefined ? '' : `${prettyExpr(expr.param, level + 1)},\n`;
      return `${indent}${aggregateHead(expr)}(\n${param}${prettyExpr(expr.expr, level + 1)}\n${indent})`;
    }
    case 'binary':
      return `${prettyExpr(expr.left, level + 1)}\n${indent}${binaryHead(expr)}\n${prettyExpr(expr.right, level + 1)}`;
    case 'call':
      return `${indent}${expr.func}(\n${expr.args.map((arg) => prettyExpr(arg, level + 1)).join(',\n')}\n${indent})`;
    case 'paren':
      return `${indent}(\n${prettyExpr(expr.expr, level + 1)}\n${indent})`;
    case 'subquery':
      return `${prettyExpr(expr.expr, level)}${subqueryTimes(expr)}`;
    case 'number':
    case 'string':
    case 'selector':
    case 'matrix':
      return indent + line;
  }
}

function printNumber({ value, isDuration }: NumberLiteral): string {
  if (isDuration) return formatDuration(value * 1000);
  return printFloat(value);
}

/** Go's `'f'`, shortest: never an exponent. */
export function printFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const at = text.indexOf('e');
  if (at < 0) return text;
  const exponent = Number(text.slice(at + 1));
  const [whole, fraction = ''] = text.slice(0, at).replace('-', '').split('.') as [string, string?];
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const sign = value < 0 ? '-' : '';
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, '0');
}

function printSelector(selector: VectorSelector, range: string): string {
  const { name, matchers, window } = selector;
  const texts = matchers
    .filter((matcher) => name === '' || matcher.name !== '__name__' || matcher.type !== '=' || matcher.value !== name)
    .map(String)
    .sort(compareBytes);
  const braces = texts.length > 0 ? `{${texts.join(',')}}` : name === '' ? '{}' : '';
  return `${name}${braces}${range}${window === 'plain' ? '' : ` ${window}`}${timeModifiers(selector)}`;
}

function subqueryTimes(expr: SubqueryExpr): string {
  const step = expr.step === undefined ? '' : printDuration(expr.step);
  return `[${printDuration(expr.range)}:${step}]${timeModifiers(expr)}`;
}

function timeModifiers({ at, offset }: TimeModifiers): string {
  const atText = at === undefined ? '' : at.kind === 'time' ? ` @ ${(at.tMs / 1000).toFixed(3)}` : ` @ ${at.kind}()`;
  return `${atText}${offset === undefined ? '' : ` offset ${printDuration(offset)}`}`;
}

function printDuration(expr: DurationExpr): string {
  switch (expr.kind) {
    case 'number': {
      const ms = expr.value * 1000;
      return Number.isInteger(ms) ? formatDuration(ms) : printFloat(expr.value);
    }
    case 'durationUnary':
      return `${expr.op}${printDuration(expr.expr)}`;
    case 'durationBinary':
      return `${printOperand(expr.left)} ${expr.op} ${printOperand(expr.right)}`;
    case 'durationCall':
      return `${expr.func}(${expr.args.map(printOperand).join(', ')})`;
    case 'durationParen':
      return `(${printOperand(expr.expr)})`;
  }
}

/** Inside an expression numbers stay numbers: `5m * 2`. */
function printOperand(expr: DurationExpr): string {
  return expr.kind === 'number' ? printNumber(expr) : printDuration(expr);
}

function aggregateHead({ op, grouping, without }: AggregateExpr): string {
  if (without) return `${op} without (${printLabels(grouping)}) `;
  return grouping.length > 0 ? `${op} by (${printLabels(grouping)}) ` : op;
}

function binaryHead({ op, returnBool, matching }: BinaryExpr): string {
  let text: string = op;
  if (returnBool) text += ' bool';
  if (matching === undefined) return text;
  const { on, labels, cardinality, include, fillLeft, fillRight } = matching;
  const grouped = cardinality === 'many-to-one' || cardinality === 'one-to-many';
  if (on || labels.length > 0 || grouped) text += ` ${on ? 'on' : 'ignoring'} (${printLabels(labels)})`;
  if (grouped) text += ` group_${cardinality === 'many-to-one' ? 'left' : 'right'} (${printLabels(include)})`;
  if (fillLeft !== undefined && Object.is(fillLeft, fillRight)) return `${text} fill (${printFloat(fillLeft)})`;
  if (fillLeft !== undefined) text += ` fill_left (${printFloat(fillLeft)})`;
  if (fillRight !== undefined) text += ` fill_right (${printFloat(fillRight)})`;
  return text;
}

function printLabels(labels: readonly string[]): string {
  return labels.map((label) => (isLegacyName(label) ? label : quoteGo(label))).join(', ');
}
