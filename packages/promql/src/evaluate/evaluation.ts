/** What the parts of the evaluator know about the query they work for, and how they ask each other. */
import type { Labels, Matcher, SampleBatch, SelectHints } from '@pronoia/model';
import type { DurationExpr, Expr, Span, TimeModifiers, VectorSelector } from '../syntax/ast.ts';
import type { QueryWindow } from '../syntax/duration.ts';
import type { Annotations } from './annotations.ts';
import type { Budget } from './budget.ts';
import type { Selection } from './column-reader.ts';
import type { Frame } from './frame.ts';
import type { SampleColumns } from './sample-columns.ts';
import type { StepSeries } from './step-series.ts';

export type Value =
  | { readonly kind: 'scalar'; readonly values: Float64Array }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'vector'; readonly series: readonly StepSeries[] };

/** Times at which a selector is asked, one per step: all the same under `@`. */
export interface ReferenceTimes {
  readonly firstMs: number;
  readonly stepMs: number;
  readonly lastMs: number;
}

/** A range vector: its windows end at the reference times. */
export interface RangeShape {
  readonly reference: ReferenceTimes;
  readonly rangeMs: number;
}

export interface Evaluation {
  readonly query: QueryWindow;
  readonly isRangeQuery: boolean;
  /** No fast paths: the evaluator as its own oracle. */
  readonly isLiteral: boolean;
  readonly lookbackMs: number;
  readonly delayedNames: boolean;
  readonly startTimestamps: boolean;
  readonly typeAndUnitLabels: boolean;
  readonly budget: Budget;
  readonly annotations: Annotations;
  readonly batch: SampleBatch;

  evaluate(expr: Expr, frame: Frame): Promise<Value>;
  vector(expr: Expr, frame: Frame): Promise<readonly StepSeries[]>;
  scalar(expr: Expr, frame: Frame): Promise<Float64Array>;
  text(expr: Expr): string;
  isStepInvariant(expr: Expr): boolean;
  durationMs(duration: DurationExpr | undefined): number;
  /** The pinned time of `@`, or undefined. */
  atMs(modifiers: TimeModifiers): number | undefined;
  reference(modifiers: TimeModifiers, frame: Frame): ReferenceTimes;
  select(selector: VectorSelector, minMs: number, maxMs: number, func: string | undefined): Promise<Selection>;
  /** Whether only count and sum of its histograms will be used: then their reset hints are found while reading. */
  isStatsOnly(selector: VectorSelector): boolean;
  selectMatching(matchers: readonly Matcher[], hints: SelectHints): Promise<Selection>;
  rangeShape(expr: Expr, frame: Frame): RangeShape;
  /** Visits the series of a range vector one after the other; the columns are only good during the visit. */
  eachRange(expr: Expr, frame: Frame, func: string | undefined, visit: RangeVisitor, opened?: RangeSource): Promise<void>;
  /** Selects what a matrix selector reads; undefined for a subquery. */
  rangeSource(expr: Expr, frame: Frame, func: string | undefined): Promise<RangeSource | undefined>;
}

/** What a matrix selector reads: both bounds inclusive. */
export interface RangeSource extends Selection {
  readonly minMs: number;
  readonly maxMs: number;
  readonly statsOnly: boolean;
}

export type RangeVisitor = (labels: Labels, dropName: boolean, columns: SampleColumns) => Promise<void> | undefined;

/** Warnings and infos of a window function, each about the range argument unless told otherwise. */
export interface Notes {
  warn(text: string, span?: Span): void;
  info(text: string, span?: Span): void;
}
