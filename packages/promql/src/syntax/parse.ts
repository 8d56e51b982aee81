/** Text to tree, with the original's error texts and positions (promql.md §1, §2, §12). */
import type { Matcher } from '@pronoia/model';
import type { Expr, Span } from './ast.ts';
import { check } from './check.ts';
import type { ParseOptions } from './parse-options.ts';
import { Parser } from './parser.ts';
import { lineColumn } from './position.ts';
import { SyntaxFault } from './syntax-error.ts';

export interface ParseError {
  /** Without position. */
  readonly message: string;
  readonly span: Span;
  /** 1-based; the column counts bytes. */
  readonly line: number;
  readonly column: number;
  /** `1:5: parse error: …`, as users and the API see it. */
  readonly text: string;
}

/** On error the list holds at least one; the original shows the first only. */
export type ParseResult = { readonly kind: 'ok'; readonly expr: Expr } | { readonly kind: 'error'; readonly errors: readonly ParseError[] };

export function parseExpr(text: string, options: ParseOptions = {}): ParseResult {
  try {
    const expr = new Parser(text, options).expression();
    check(expr, text);
    return { kind: 'ok', expr };
  } catch (cause) {
    return { kind: 'error', errors: [toParseError(text, cause)] };
  }
}

export type SelectorResult =
  | { readonly kind: 'ok'; readonly matchers: readonly Matcher[] }
  | { readonly kind: 'error'; readonly errors: readonly ParseError[] };

/** A selector alone, as in `match[]=up{job="a"}`. Requires one matcher that does not accept the empty string. */
export function parseSelector(text: string): SelectorResult {
  try {
    const selector = new Parser(text, {}).selector();
    check(selector, text);
    return { kind: 'ok', matchers: selector.matchers };
  } catch (cause) {
    return { kind: 'error', errors: [toParseError(text, cause)] };
  }
}

function toParseError(text: string, cause: unknown): ParseError {
  if (!(cause instanceof SyntaxFault)) throw cause;
  const { message, span } = cause;
  const { line, column } = lineColumn(text, span.start);
  return { message, span, line, column, text: `${line}:${column}: parse error: ${message}` };
}
