/**
 * The tree of a query (promql.md §2). Nodes are plain readonly data; positions are UTF-16 indices into the query's text, so that
 * an editor can underline with them. `position.ts` turns them into the byte columns of messages.
 */
import type { Matcher } from '@pronoia/model';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export type ValueType = 'none' | 'scalar' | 'string' | 'vector' | 'matrix';

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | SubqueryExpr
  | CallExpr
  | AggregateExpr
  | BinaryExpr
  | UnaryExpr
  | ParenExpr;

export interface NumberLiteral {
  readonly kind: 'number';
  readonly value: number;
  /** Written as a duration (`5m` is the number 300) and printed as one. */
  readonly isDuration: boolean;
  readonly span: Span;
}

export interface StringLiteral {
  readonly kind: 'string';
  readonly value: string;
  readonly span: Span;
}

export interface VectorSelector extends TimeModifiers {
  readonly kind: 'selector';
  /** The name written in front of the braces, else ''. */
  readonly name: string;
  /** All matchers, that of `name` last. */
  readonly matchers: readonly Matcher[];
  readonly window: WindowMode;
  readonly span: Span;
}

/** How samples at the edges of a window or an instant are found (promql.md §9.9). */
export type WindowMode = 'plain' | 'anchored' | 'smoothed';

export interface MatrixSelector {
  readonly kind: 'matrix';
  /** Carries offset, @ and window mode. */
  readonly selector: VectorSelector;
  readonly range: DurationExpr;
  readonly span: Span;
}

export interface SubqueryExpr extends TimeModifiers {
  readonly kind: 'subquery';
  readonly expr: Expr;
  readonly range: DurationExpr;
  /** Absent = the engine's default step. */
  readonly step?: DurationExpr;
  readonly span: Span;
}

export interface TimeModifiers {
  readonly offset?: DurationExpr;
  readonly at?: AtModifier;
}

export type AtModifier = { readonly kind: 'time'; readonly tMs: number } | { readonly kind: 'start' } | { readonly kind: 'end' };

/** What may stand in `[…]` and after `offset`: seconds. */
export type DurationExpr = NumberLiteral | DurationUnary | DurationBinary | DurationCall | DurationParen;

export interface DurationUnary {
  readonly kind: 'durationUnary';
  readonly op: '+' | '-';
  readonly expr: DurationExpr;
  readonly span: Span;
}

export interface DurationBinary {
  readonly kind: 'durationBinary';
  readonly op: '+' | '-' | '*' | '/' | '%' | '^';
  readonly left: DurationExpr;
  readonly right: DurationExpr;
  readonly span: Span;
}

export interface DurationCall {
  readonly kind: 'durationCall';
  readonly func: 'step' | 'range' | 'min_of' | 'max_of';
  readonly args: readonly DurationExpr[];
  readonly span: Span;
}

export interface DurationParen {
  readonly kind: 'durationParen';
  readonly expr: DurationExpr;
  readonly span: Span;
}

export interface CallExpr {
  readonly kind: 'call';
  readonly func: string;
  readonly args: readonly Expr[];
  readonly span: Span;
}

export type AggregateOp =
  | 'sum'
  | 'avg'
  | 'count'
  | 'min'
  | 'max'
  | 'group'
  | 'stddev'
  | 'stdvar'
  | 'topk'
  | 'bottomk'
  | 'count_values'
  | 'quantile'
  | 'limitk'
  | 'limit_ratio';

export interface AggregateExpr {
  readonly kind: 'aggregate';
  readonly op: AggregateOp;
  readonly expr: Expr;
  readonly param?: Expr;
  readonly grouping: readonly string[];
  readonly without: boolean;
  readonly span: Span;
}

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2';
export type ComparisonOp = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type SetOp = 'and' | 'or' | 'unless';
export type TrimOp = '</' | '>/';
export type BinaryOp = ArithmeticOp | ComparisonOp | SetOp | TrimOp;

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly returnBool: boolean;
  /** Set exactly when both sides are instant vectors. */
  readonly matching?: VectorMatching;
  readonly span: Span;
}

export interface VectorMatching {
  readonly cardinality: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';
  /** `labels` are those of `on(…)`; otherwise those of `ignoring(…)`. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Labels copied from the "one" side: `group_left(…)`, `group_right(…)`. */
  readonly include: readonly string[];
  readonly fillLeft?: number;
  readonly fillRight?: number;
}

export interface UnaryExpr {
  readonly kind: 'unary';
  readonly op: '+' | '-';
  readonly expr: Expr;
  readonly span: Span;
}

export interface ParenExpr {
  readonly kind: 'paren';
  readonly expr: Expr;
  readonly span: Span;
}
