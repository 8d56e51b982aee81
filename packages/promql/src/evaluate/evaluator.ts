/**
 * Evaluates a tree, node by node, each for all steps of its frame at once. Series of selectors are read one after the other; a
 * window function moves the edges of its window forward through a series, once.
 */
import { type Matcher, PatternError, type Querier, type Queryable, SampleBatch, type SelectHints } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { CallExpr, DurationExpr, Expr, MatrixSelector, SubqueryExpr, TimeModifiers, VectorSelector } from '../syntax/ast.ts';
import { isTrim } from '../syntax/check.ts';
import { type QueryWindow, resolveDuration } from '../syntax/duration.ts';
import { scale } from '../value/histogram-arithmetic.ts';
import { evaluateAggregate } from './aggregate.ts';
import type { Annotations } from './annotations.ts';
import { evaluateBinary } from './binary.ts';
import type { Budget } from './budget.ts';
import { evaluateCall } from './call.ts';
import { ColumnReader, type Selection } from './column-reader.ts';
import type { Evaluation, RangeShape, RangeSource, RangeVisitor, ReferenceTimes, Value } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { SampleColumns } from './sample-columns.ts';
import { evaluateSelector } from './selector.ts';
import { evaluateSmoothedSelector } from './smoothed-selector.ts';
import { isStepInvariant } from './step-invariant.ts';
import { StepSeries } from './step-series.ts';
import { negate } from './vector-functions.ts';

export interface EvaluatorOptions {
  readonly text: string;
  readonly query: QueryWindow;
  readonly isRangeQuery: boolean;
  readonly isLiteral: boolean;
  readonly lookbackMs: number;
  readonly defaultSubqueryStepMs: number;
  readonly delayedNames: boolean;
  readonly startTimestamps: boolean;
  readonly typeAndUnitLabels: boolean;
  readonly budget: Budget;
  readonly annotations: Annotations;
  readonly queryable: Queryable;
  readonly signal: AbortSignal | undefined;
}

export class Evaluator implements Evaluation {
  readonly query: QueryWindow;
  readonly isRangeQuery: boolean;
  readonly isLiteral: boolean;
  readonly lookbackMs: number;
  readonly delayedNames: boolean;
  readonly startTimestamps: boolean;
  readonly typeAndUnitLabels: boolean;
  readonly budget: Budget;
  readonly annotations: Annotations;
  readonly batch = new SampleBatch(2048);
  readonly #options: EvaluatorOptions;
  readonly #durations = new Map<DurationExpr, number>();
  readonly #queriers = new Map<string, Querier>();
  readonly #invariant = new Map<Expr, boolean>();
  /** Selectors of whose histograms only count and sum will be used. */
  readonly #statsOnly = new Set<VectorSelector>();

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.query = options.query;
    this.isRangeQuery = options.isRangeQuery;
    this.isLiteral = options.isLiteral;
    this.lookbackMs = options.lookbackMs;
    this.delayedNames = options.delayedNames;
    this.startTimestamps = options.startTimestamps;
    this.typeAndUnitLabels = options.typeAndUnitLabels;
    this.budget = options.budget;
    this.annotations = options.annotations;
  }

  /** Storage is held while the query runs. */
  close(): void {
    for (const querier of this.#queriers.values()) querier.close();
    this.#queriers.clear();
  }

  /**
   * Opens a view of storage for every selector at one moment, so that all of them see the same samples however long the
   * evaluation takes.
   */
  open(expr: Expr, frame: Frame, statsOnly = false): void {
    switch (expr.kind) {
      case 'number':
      case 'string':
        return;
      case 'selector': {
        if (statsOnly) this.#statsOnly.add(expr);
        const { firstMs, lastMs } = this.reference(expr, frame);
        const ahead = expr.window === 'smoothed' ? this.lookbackMs : 0;
        this.#querier(firstMs - this.lookbackMs + 1, lastMs + ahead);
        return;
      }
      case 'matrix': {
        if (statsOnly) this.#statsOnly.add(expr.selector);
        const { minMs, maxMs } = this.#matrixBounds(expr, frame);
        this.#querier(minMs, maxMs);
        return;
      }
      case 'subquery':
        this.open(expr.expr, this.#subqueryFrame(expr, frame));
        return;
      case 'call':
        for (const arg of expr.args) {
          if (expr.func === 'info' && arg === expr.args[1]) continue;
          this.open(arg, frame, wantsStats.has(expr.func) || (statsOnly && !wantsBuckets.has(expr.func)));
        }
        return;
      case 'aggregate':
        if (expr.param !== undefined) this.open(expr.param, frame, statsOnly);
        this.open(expr.expr, frame, statsOnly);
        return;
      case 'binary':
        this.open(expr.left, frame, statsOnly && !isTrim(expr.op));
        this.open(expr.right, frame, statsOnly && !isTrim(expr.op));
        return;
      case 'unary':
      case 'paren':
        this.open(expr.expr, frame, statsOnly);
    }
  }

  async evaluate(expr: Expr, frame: Frame): Promise<Value> {
    if (frame.count > 1 && this.isStepInvariant(expr)) {
      return repeat(await this.evaluate(expr, { ...frame, count: 1 }), frame.count);
    }
    const { budget } = this;
    const before = budget.held;
    const value = await this.#dispatch(expr, frame);
    let weight = 0;
    if (value.kind === 'vector') {
      // A grid with many holes takes memory too.
      for (const series of value.series) {
        weight += Math.max(series.weight(), frame.count >> 3);
        if (budget.due(frame.count >> 3)) await budget.pause();
      }
    }
    // What the operands held is free again; what this node holds stays until its user has done the same.
    const after = before + weight;
    if (budget.held < after) budget.hold(after - budget.held);
    budget.release(budget.held - after);
    return value;
  }

  isStepInvariant(expr: Expr): boolean {
    // Even the literal evaluator must know, for what `@` pins has the time of the first step.
    return isStepInvariant(expr, this.#invariant);
  }

  #dispatch(expr: Expr, frame: Frame): Promise<Value> {
    switch (expr.kind) {
      case 'number':
        return Promise.resolve({ kind: 'scalar', values: new Float64Array(frame.count).fill(expr.value) });
      case 'string':
        return Promise.resolve({ kind: 'string', value: expr.value });
      case 'paren':
        return this.#dispatch(expr.expr, frame);
      case 'selector':
        return this.#selector(expr, frame);
      case 'unary':
        return this.#unary(expr.op, expr.expr, frame);
      case 'binary':
        return evaluateBinary(this, expr, frame);
      case 'aggregate':
        return evaluateAggregate(this, expr, frame);
      case 'call':
        return evaluateCall(this, expr as CallExpr, frame);
      case 'matrix':
      case 'subquery':
        throw new Error(`BUG: a ${expr.kind} has no value of its own`);
    }
  }

  async #selector(expr: VectorSelector, frame: Frame): Promise<Value> {
    const evaluate = expr.window === 'smoothed' ? evaluateSmoothedSelector : evaluateSelector;
    return { kind: 'vector', series: await evaluate(this, expr, frame) };
  }

  async #unary(op: '+' | '-', expr: Expr, frame: Frame): Promise<Value> {
    const value = await this.evaluate(expr, frame);
    if (op === '+' || value.kind === 'string') return value;
    if (value.kind === 'scalar') return { kind: 'scalar', values: value.values.map((v) => -v) };
    const flip = (series: StepSeries, step: number, out: StepSeries): void => out.setHistogram(step, scale(series.histogram(step), -1));
    return { kind: 'vector', series: await negate(this, value.series, flip) };
  }

  async vector(expr: Expr, frame: Frame): Promise<readonly StepSeries[]> {
    const value = await this.evaluate(expr, frame);
    if (value.kind !== 'vector') throw new Error(`BUG: expected a vector, got ${value.kind}`);
    return value.series;
  }

  async scalar(expr: Expr, frame: Frame): Promise<Float64Array> {
    const value = await this.evaluate(expr, frame);
    if (value.kind !== 'scalar') throw new Error(`BUG: expected a scalar, got ${value.kind}`);
    return value.values;
  }

  text(expr: Expr): string {
    let inner = expr;
    while (inner.kind === 'paren') inner = inner.expr;
    if (inner.kind !== 'string') throw new Error(`BUG: expected a string, got ${inner.kind}`);
    return inner.value;
  }

  // Times

  durationMs(duration: DurationExpr | undefined, mustBePositive = false): number {
    if (duration === undefined) return 0;
    let ms = this.#durations.get(duration);
    if (ms === undefined) {
      try {
        ms = resolveDuration(duration, this.query, this.#options.text, mustBePositive);
      } catch (cause) {
        throw new QueryError('execution', (cause as Error).message);
      }
      this.#durations.set(duration, ms);
    }
    return ms;
  }

  atMs({ at }: TimeModifiers): number | undefined {
    if (at === undefined) return undefined;
    if (at.kind === 'time') return at.tMs;
    return at.kind === 'start' ? this.query.startMs : this.query.endMs;
  }

  reference(modifiers: TimeModifiers, frame: Frame): ReferenceTimes {
    const offsetMs = this.durationMs(modifiers.offset);
    const atMs = this.atMs(modifiers);
    if (atMs !== undefined) return { firstMs: atMs - offsetMs, stepMs: 0, lastMs: atMs - offsetMs };
    const firstMs = frame.startMs - offsetMs;
    return { firstMs, stepMs: frame.stepMs, lastMs: firstMs + (frame.count - 1) * frame.stepMs };
  }

  rangeShape(expr: Expr, frame: Frame): RangeShape {
    const inner = unwrap(expr);
    if (inner.kind === 'matrix') {
      return { reference: this.reference(inner.selector, frame), rangeMs: this.durationMs(inner.range, true) };
    }
    if (inner.kind !== 'subquery') throw new Error(`BUG: ${inner.kind} is no range vector`);
    return { reference: this.reference(inner, frame), rangeMs: this.durationMs(inner.range, true) };
  }

  #matrixBounds(expr: MatrixSelector, frame: Frame): { minMs: number; maxMs: number } {
    const { reference, rangeMs } = this.rangeShape(expr, frame);
    const { window } = expr.selector;
    return {
      minMs: reference.firstMs - rangeMs + 1 - (window === 'plain' ? 0 : this.lookbackMs),
      maxMs: reference.lastMs + (window === 'smoothed' ? this.lookbackMs : 0),
    };
  }

  /** Inner steps are whole multiples of the step, whatever the outer times are (promql.md §4.1). */
  #subqueryFrame(expr: SubqueryExpr, frame: Frame): Frame {
    const { reference, rangeMs } = this.rangeShape(expr, frame);
    const stepMs = expr.step === undefined ? this.#options.defaultSubqueryStepMs : this.durationMs(expr.step, true);
    if (stepMs <= 0) throw new QueryError('execution', 'subquery step must be at least 1ms');
    const afterMs = reference.firstMs - rangeMs;
    let startMs = stepMs * Math.trunc(afterMs / stepMs);
    if (startMs <= afterMs) startMs += stepMs;
    const count = reference.lastMs < startMs ? 0 : Math.floor((reference.lastMs - startMs) / stepMs) + 1;
    return { startMs, stepMs, count };
  }

  // Storage

  #querier(minMs: number, maxMs: number): Querier {
    const key = `${minMs} ${maxMs}`;
    let querier = this.#queriers.get(key);
    if (querier === undefined) {
      querier = this.#options.queryable.querier(minMs, maxMs);
      this.#queriers.set(key, querier);
    }
    return querier;
  }

  isStatsOnly(selector: VectorSelector): boolean {
    return this.#statsOnly.has(selector);
  }

  select(selector: VectorSelector, minMs: number, maxMs: number, func: string | undefined, rangeMs = 0): Promise<Selection> {
    const hints = { startMs: minMs, endMs: maxMs, stepMs: this.query.stepMs, rangeMs };
    return this.selectMatching(selector.matchers, func === undefined ? hints : { ...hints, func });
  }

  async selectMatching(matchers: readonly Matcher[], hints: SelectHints): Promise<Selection> {
    this.budget.check();
    try {
      const { series, warnings, bulk } = await this.#querier(hints.startMs, hints.endMs).select(matchers, hints, this.#options.signal);
      this.annotations.addStorageWarnings(warnings);
      return { series, bulk: this.isLiteral ? undefined : bulk };
    } catch (cause) {
      this.budget.check();
      if (cause instanceof PatternError) throw new QueryError('execution', cause.message, cause);
      throw new QueryError('internal', `expanding series: ${(cause as Error).message}`, cause);
    }
  }

  async rangeSource(expr: Expr, frame: Frame, func: string | undefined): Promise<RangeSource | undefined> {
    const inner = unwrap(expr);
    if (inner.kind !== 'matrix') return undefined;
    const { minMs, maxMs } = this.#matrixBounds(inner, frame);
    const { series, bulk } = await this.select(inner.selector, minMs, maxMs, func, this.durationMs(inner.range, true));
    return { series, bulk, minMs, maxMs, statsOnly: this.#statsOnly.has(inner.selector) };
  }

  async eachRange(expr: Expr, frame: Frame, func: string | undefined, visit: RangeVisitor, opened?: RangeSource): Promise<void> {
    const inner = unwrap(expr);
    const columns = new SampleColumns();
    if (inner.kind === 'subquery') {
      const innerFrame = this.#subqueryFrame(inner, frame);
      if (innerFrame.count === 0) return;
      // A subquery of many steps costs memory before it has any result.
      this.budget.hold(innerFrame.count >> 3);
      this.budget.release(innerFrame.count >> 3);
      for (const series of await this.vector(inner.expr, innerFrame)) {
        columns.fromSteps(series, innerFrame);
        if (columns.size > 0) await visit(series.labels, series.dropName, columns);
      }
      return;
    }
    const source = opened ?? (await this.rangeSource(inner, frame, func));
    if (source === undefined) throw new Error(`BUG: ${inner.kind} is no range vector`);
    const reader = new ColumnReader(source, this.batch, source.minMs, source.maxMs, source.statsOnly);
    try {
      for (let series = reader.next(columns); series !== undefined; series = reader.next(columns)) {
        this.budget.samplesRead += columns.size;
        if (this.budget.due(columns.size)) await this.budget.pause();
        if (columns.size === 0) continue;
        const visited = visit(series.labels, false, columns);
        if (visited !== undefined) await visited;
      }
    } finally {
      reader.close();
    }
  }
}

const wantsStats: ReadonlySet<string> = new Set(['histogram_count', 'histogram_sum', 'histogram_avg']);
const wantsBuckets: ReadonlySet<string> = new Set(['histogram_quantile', 'histogram_quantiles', 'histogram_fraction']);

export function unwrap(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === 'paren') inner = inner.expr;
  return inner;
}

/** One step's value at every step. */
function repeat(value: Value, count: number): Value {
  switch (value.kind) {
    case 'string':
      return value;
    case 'scalar':
      return { kind: 'scalar', values: new Float64Array(count).fill(value.values[0] as number) };
    case 'vector':
      return {
        kind: 'vector',
        series: value.series.map((series) => {
          const out = new StepSeries(series.labels, series.dropName, count);
          out.values.fill(series.values[0] as number);
          out.kinds.fill(series.kinds[0] as number);
          const histogram = series.histograms?.[0];
          if (histogram !== undefined) out.histograms = Array.from({ length: count }, () => histogram);
          return out;
        }),
      };
  }
}
