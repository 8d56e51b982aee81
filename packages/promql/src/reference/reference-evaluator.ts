/**
 * Long, because one switch over the whole language is easier to see to be right than a dozen files that call each other.
 * The second evaluator: the oracle of the first. For every step it makes the instant vector of every node from the instant vectors of
 * the nodes below, of plain objects, and looks for the samples of each window among all the points of the series. Nothing
 * slides and nothing is fast. It shares the language, the arithmetic of single histograms and the collection of annotations with
 * `evaluate/`, and no evaluation.
 *
 * All steps of a node come before its parent's first, as in the original: so errors come in the same order.
 */
import { formatGoFloat, Labels, type Matcher, PatternError, type Queryable, quoteGo, SampleBatch } from '@pronoia/model';
import type { Annotations } from '../evaluate/annotations.ts';
import type { Budget } from '../evaluate/budget.ts';
import type { Frame } from '../evaluate/frame.ts';
import { QueryError } from '../query-error.ts';
import type { AggregateExpr, BinaryExpr, CallExpr, DurationExpr, Expr, TimeModifiers, VectorSelector, WindowMode } from '../syntax/ast.ts';
import { isSetOperator, isTrim, typeOf } from '../syntax/check.ts';
import { type QueryWindow, resolveDuration } from '../syntax/duration.ts';
import { detectsReset, sampleWeight, scale } from '../value/histogram-arithmetic.ts';
import type { MatrixSeries, QueryValue } from '../value/query-result.ts';
import { aggregate, checkK, checkLabel, warnOfQuantiles } from './aggregate.ts';
import { ofScalars, setOperator, vectorOperator, withScalar } from './binary.ts';
import { edgesAndInside, extendedFunction, smoothedInstant } from './extended-window.ts';
import { dateFunctions, floatFunctions, maxOf, minOf } from './floats.ts';
import { histogramFraction, histogramQuantile, histogramQuantiles, mapHistograms, statFunctions } from './histogram-functions.ts';
import { asksForInfo, type InfoSample, infoSelector, joinInfo, pathToSelector } from './info.ts';
import { absentLabels, labelJoin, labelReplace, relabel, sortByLabel, sortByValue } from './label-functions.ts';
import { rateFunctions } from './rate.ts';
import {
  type Context,
  checkUnique,
  fail,
  failDuplicate,
  inOrder,
  nameless,
  type Point,
  type PointSeries,
  type Result,
  type Sample,
  sampleOf,
  type Vector,
  withoutMetadata,
} from './sample.ts';
import { type WindowFunction, windowFunctions } from './window-functions.ts';

export interface ReferenceOptions {
  readonly text: string;
  readonly query: QueryWindow;
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

/** A range vector: at step i the window `(ends[i] − rangeMs, ends[i]]` of each series. */
interface Ranges {
  readonly series: readonly PointSeries[];
  readonly ends: readonly number[];
  readonly rangeMs: number;
  readonly mode: WindowMode;
}

export class ReferenceEvaluator {
  readonly #options: ReferenceOptions;
  readonly #context: Context;
  /** Selectors of whose histograms only count and sum will be used. */
  readonly #statsOnly = new Set<VectorSelector>();

  constructor(options: ReferenceOptions) {
    this.#options = options;
    this.#context = options;
  }

  /** The whole query. Rejects with QueryError. */
  async answer(expr: Expr, frame: Frame, isRangeQuery: boolean, limit: number): Promise<QueryValue> {
    this.#findStatsOnly(expr, false);
    const { startMs } = frame;
    switch (typeOf(expr)) {
      case 'string':
        return { kind: 'string', tMs: startMs, value: textOf(expr) };
      case 'scalar': {
        const values = await this.#scalars(expr, frame);
        if (!isRangeQuery) return { kind: 'scalar', tMs: startMs, value: values[0] as number };
        return { kind: 'matrix', series: [columns(Labels.empty, pointsOf(values, frame))] };
      }
      case 'matrix':
        return { kind: 'matrix', series: this.#cut(sortedSeries(await this.#raw(expr, frame)), limit) };
      case 'none':
      case 'vector': {
        const steps = (await this.#vectors(expr, frame)).map((vector) => vector.map((sample) => this.#withFinalName(sample)));
        for (const vector of steps) checkUnique(vector);
        if (!isRangeQuery) return { kind: 'vector', tMs: startMs, samples: this.#cut(steps[0] ?? [], limit) };
        const series = seriesOf(steps, frame).map(({ labels, points }) => columns(labels, points));
        return { kind: 'matrix', series: this.#cut(sortedSeries(series), limit) };
      }
    }
  }

  #cut<T>(list: readonly T[], limit: number): readonly T[] {
    if (limit <= 0 || list.length <= limit) return list;
    this.#context.annotations.addStorageWarnings(['results truncated due to limit']);
    return list.slice(0, limit);
  }

  #withFinalName(sample: Sample): Sample {
    return this.#context.delayedNames && sample.dropName ? { ...sample, labels: withoutMetadata(sample.labels) } : sample;
  }

  async #raw(expr: Expr, frame: Frame): Promise<MatrixSeries[]> {
    const { series, ends, rangeMs, mode } = await this.#ranges(expr, frame);
    const endMs = ends[0] as number;
    const startMs = endMs - rangeMs;
    const results = series.map(({ labels, dropName, points }) => {
      const final = this.#context.delayedNames && dropName ? withoutMetadata(labels) : labels;
      const inside = mode === 'plain' ? within(points, startMs, endMs) : edgesAndInside(points, startMs, endMs, mode);
      return { labels: final, inside };
    });
    if (new Set(results.map(({ labels }) => labels.key())).size < results.length) failDuplicate();
    return results.filter(({ inside }) => inside.length > 0).map(({ labels, inside }) => columns(labels, inside));
  }

  // Nodes

  async #vectors(expr: Expr, frame: Frame): Promise<Vector[]> {
    const { budget } = this.#options;
    if (frame.count > 1 && isPinned(expr)) {
      const [once] = await this.#vectors(expr, { ...frame, count: 1 });
      return Array.from({ length: frame.count }, () => once ?? []);
    }
    budget.check();
    const steps = await this.#dispatch(expr, frame);
    const weight = steps.flat().reduce((sum, { histogram }) => sum + (histogram === undefined ? 1 : sampleWeight(histogram)), 0);
    budget.hold(weight);
    budget.release(weight);
    if (budget.due(1000 + weight)) await budget.pause();
    return steps;
  }

  #dispatch(expr: Expr, frame: Frame): Promise<Vector[]> {
    switch (expr.kind) {
      case 'selector':
        return this.#selector(expr, frame);
      case 'paren':
        return this.#vectors(expr.expr, frame);
      case 'unary':
        return this.#unary(expr.op, expr.expr, frame);
      case 'aggregate':
        return this.#aggregate(expr, frame);
      case 'binary':
        return this.#binary(expr, frame);
      case 'call':
        return this.#call(expr, frame);
      case 'number':
      case 'string':
      case 'matrix':
      case 'subquery':
        throw new Error(`BUG: a ${expr.kind} is no instant vector`);
    }
  }

  async #scalars(expr: Expr, frame: Frame): Promise<number[]> {
    if (frame.count > 1 && isPinned(expr)) {
      const [once] = await this.#scalars(expr, { ...frame, count: 1 });
      return timesOf(frame).map(() => once as number);
    }
    switch (expr.kind) {
      case 'number':
        return timesOf(frame).map(() => expr.value);
      case 'paren':
        return this.#scalars(expr.expr, frame);
      case 'unary':
        return (await this.#scalars(expr.expr, frame)).map((v) => (expr.op === '-' ? -v : v));
      case 'binary': {
        const left = await this.#scalars(expr.left, frame);
        const right = await this.#scalars(expr.right, frame);
        return left.map((a, step) => ofScalars(expr.op, a, right[step] as number));
      }
      case 'call':
        return this.#scalarCall(expr, frame);
      case 'string':
      case 'selector':
      case 'matrix':
      case 'subquery':
      case 'aggregate':
        throw new Error(`BUG: a ${expr.kind} is no scalar`);
    }
  }

  async #scalarCall({ func, args }: CallExpr, frame: Frame): Promise<number[]> {
    const { startMs, endMs, stepMs } = this.#context.query;
    const always = (value: number): number[] => timesOf(frame).map(() => value);
    switch (func) {
      case 'pi':
        return always(Math.PI);
      case 'start':
        return always(startMs / 1000);
      case 'end':
        return always(endMs / 1000);
      case 'range':
        return always((endMs - startMs) / 1000);
      case 'step':
        return always(startMs === endMs ? 0 : stepMs / 1000);
      case 'time':
        return timesOf(frame).map((tMs) => tMs / 1000);
      case 'max_of':
      case 'min_of': {
        const a = await this.#scalars(argument(args, 0), frame);
        const b = await this.#scalars(argument(args, 1), frame);
        return a.map((x, step) => (func === 'max_of' ? maxOf : minOf)(x, b[step] as number));
      }
      case 'scalar':
        return (await this.#vectors(argument(args, 0), frame)).map((vector) => {
          const floats = vector.filter(({ histogram }) => histogram === undefined);
          return floats.length === 1 ? (floats[0] as Sample).value : Number.NaN;
        });
      default:
        throw new Error(`BUG: ${func} is no function that gives a scalar`);
    }
  }

  /** Makes the vector of each step; one vector has no labels twice. */
  async #eachStep(frame: Frame, make: (step: number, tMs: number) => Sample[]): Promise<Vector[]> {
    const { budget } = this.#options;
    const steps: Vector[] = [];
    for (const [step, tMs] of timesOf(frame).entries()) {
      const vector = make(step, tMs);
      checkUnique(vector);
      steps.push(vector);
      if (budget.due(100 + 10 * vector.length)) await budget.pause();
    }
    return inOrder(steps);
  }

  async #selector(expr: VectorSelector, frame: Frame): Promise<Vector[]> {
    const { lookbackMs, annotations } = this.#context;
    const times = timesOf(frame).map((tMs) => this.#referenceMs(expr, tMs));
    const isSmoothed = expr.window === 'smoothed';
    const series = await this.#select(expr, times, lookbackMs, isSmoothed ? lookbackMs : 0);
    const warn = (text: string): void => annotations.warn(text, expr.span);
    return this.#eachStep(frame, (step) =>
      series.flatMap(({ labels, points }, rank) => {
        const tMs = times[step] as number;
        if (isSmoothed) {
          const result = smoothedInstant(this.#context, withoutStale(points), tMs, labels.get('__name__'), warn);
          return result === undefined ? [] : [sampleOf(labels, false, result, rank)];
        }
        const newest = this.#newest(points, tMs);
        return newest === undefined ? [] : [sampleOf(labels, false, newest.histogram ?? newest.value, rank)];
      }),
    );
  }

  /** The newest point in `(t − lookback, t]`; undefined when it is a stale marker. */
  #newest(points: readonly Point[], tMs: number): Point | undefined {
    const { lookbackMs } = this.#context;
    const newest = within(points, tMs - lookbackMs, tMs).at(-1);
    if (newest === undefined || newest.isStale) return undefined;
    this.#options.budget.queryableSamples++;
    return newest;
  }

  async #unary(op: '+' | '-', expr: Expr, frame: Frame): Promise<Vector[]> {
    const steps = await this.#vectors(expr, frame);
    if (op === '+') return steps;
    return this.#mapSamples(steps, frame, ({ value, histogram }) => (histogram === undefined ? -value : scale(histogram, -1)));
  }

  /** A new value without name for each sample; undefined drops it. */
  #mapSamples(
    steps: readonly Vector[],
    frame: Frame,
    f: (sample: Sample, step: number, tMs: number) => Result | undefined,
  ): Promise<Vector[]> {
    return this.#eachStep(frame, (step, tMs) =>
      (steps[step] as Vector).flatMap((sample) => {
        const result = f(sample, step, tMs);
        return result === undefined ? [] : [sampleOf(nameless(this.#context, sample.labels), true, result, sample.rank)];
      }),
    );
  }

  #mapFloats(steps: readonly Vector[], frame: Frame, f: (value: number, step: number) => number | undefined): Promise<Vector[]> {
    return this.#mapSamples(steps, frame, ({ value, histogram }, step) => (histogram === undefined ? f(value, step) : undefined));
  }

  async #aggregate(expr: AggregateExpr, frame: Frame): Promise<Vector[]> {
    const { op, param } = expr;
    if (op === 'count_values') {
      const label = textOf(param as Expr);
      const steps = await this.#vectors(expr.expr, frame);
      checkLabel(label);
      // The original promises no order; here it is that of the first series with the value, then of the first step.
      return this.#eachStep(frame, (step) =>
        aggregate(this.#context, expr, steps[step] as Vector, label).map((sample) => ({
          ...sample,
          rank: sample.rank + step / frame.count,
        })),
      );
    }
    const params = param === undefined ? [] : await this.#scalars(param, frame);
    const steps = await this.#vectors(expr.expr, frame);
    if ((op === 'topk' || op === 'bottomk' || op === 'limitk') && !checkK(params)) return steps.map(() => []);
    if (op === 'quantile') warnOfQuantiles(this.#context, expr, params);
    return this.#eachStep(frame, (step) => aggregate(this.#context, expr, steps[step] as Vector, params[step] ?? 0));
  }

  async #binary(expr: BinaryExpr, frame: Frame): Promise<Vector[]> {
    const { left, right, op } = expr;
    if (typeOf(left) === 'scalar') {
      const scalars = await this.#scalars(left, frame);
      const vectors = await this.#vectors(right, frame);
      return this.#eachStep(frame, (step) => withScalar(this.#context, expr, vectors[step] as Vector, scalars[step] as number, true));
    }
    const leftSteps = await this.#vectors(left, frame);
    if (typeOf(right) === 'scalar') {
      const scalars = await this.#scalars(right, frame);
      return this.#eachStep(frame, (step) => withScalar(this.#context, expr, leftSteps[step] as Vector, scalars[step] as number, false));
    }
    const rightSteps = await this.#vectors(right, frame);
    return this.#eachStep(frame, (step) => {
      const [a, b] = [leftSteps[step] as Vector, rightSteps[step] as Vector];
      return isSetOperator(op) ? setOperator(expr, a, b) : vectorOperator(this.#context, expr, a, b);
    });
  }

  // Calls

  async #call(call: CallExpr, frame: Frame): Promise<Vector[]> {
    const { func, args } = call;
    const context = this.#context;
    const { annotations } = context;
    const rangeFunction = windowFunctions[func] ?? rateFunctions[func];
    if (rangeFunction !== undefined) return this.#rangeFunction(call, rangeFunction, frame);
    const elementwise = floatFunctions[func];
    if (elementwise !== undefined) return this.#mapFloats(await this.#vectors(argument(args, 0), frame), frame, elementwise);
    const date = dateFunctions[func];
    if (date !== undefined) {
      const now = timesOf(frame).map((tMs) => [sampleOf(Labels.empty, false, tMs / 1000, 0)]);
      return this.#mapFloats(args.length === 0 ? now : await this.#vectors(argument(args, 0), frame), frame, date);
    }
    const stat = statFunctions[func];
    if (stat !== undefined) {
      const steps = await this.#vectors(argument(args, 0), frame);
      return this.#eachStep(frame, (step) => mapHistograms(context, steps[step] as Vector, stat));
    }
    switch (func) {
      case 'vector': {
        const values = await this.#scalars(argument(args, 0), frame);
        return values.map((value) => [sampleOf(Labels.empty, false, value, 0)]);
      }
      case 'round': {
        const steps = await this.#vectors(argument(args, 0), frame);
        const nearest = args.length > 1 ? await this.#scalars(argument(args, 1), frame) : undefined;
        return this.#mapFloats(steps, frame, (v, step) => {
          const inverse = 1 / (nearest?.[step] ?? 1);
          return Math.floor(v * inverse + 0.5) / inverse;
        });
      }
      case 'clamp':
      case 'clamp_min':
      case 'clamp_max': {
        const steps = await this.#vectors(argument(args, 0), frame);
        const lows = func === 'clamp_max' ? [] : await this.#scalars(argument(args, 1), frame);
        const highs = func === 'clamp_min' ? [] : await this.#scalars(argument(args, func === 'clamp' ? 2 : 1), frame);
        return this.#mapFloats(steps, frame, (v, step) => {
          const [low, high] = [lows[step], highs[step]];
          if (low !== undefined && high !== undefined && low > high) return undefined;
          const capped = high === undefined ? v : minOf(high, v);
          return low === undefined ? capped : maxOf(low, capped);
        });
      }
      case 'absent': {
        const steps = await this.#vectors(argument(args, 0), frame);
        return steps.map((vector) => (vector.length > 0 ? [] : [sampleOf(absentLabels(argument(args, 0)), false, 1, 0)]));
      }
      case 'absent_over_time': {
        const { series, ends, rangeMs } = await this.#ranges(argument(args, 0), frame);
        return ends.map((endMs) => {
          const isPresent = series.some(({ points }) => within(points, endMs - rangeMs, endMs).length > 0);
          return isPresent ? [] : [sampleOf(absentLabels(argument(args, 0)), false, 1, 0)];
        });
      }
      case 'timestamp':
      case 'start_timestamp':
        return this.#timestamp(call, frame);
      case 'sort':
      case 'sort_desc':
      case 'sort_by_label':
      case 'sort_by_label_desc': {
        const steps = await this.#vectors(argument(args, 0), frame);
        const [descending, byLabel] = [func.endsWith('_desc'), func.startsWith('sort_by_label')];
        if (frame.count > 1) {
          annotations.warn('sort is ineffective for range queries since results are always ordered by labels', call.span);
          return byLabel ? steps : inOrder(steps.map((vector) => vector.filter(({ histogram }) => histogram === undefined)));
        }
        const names = args.slice(1).map(textOf);
        return steps.map((vector) => (byLabel ? sortByLabel(vector, names, descending) : sortByValue(vector, descending)));
      }
      case 'label_replace':
      case 'label_join': {
        const steps = await this.#vectors(argument(args, 0), frame);
        const [destination, second, ...others] = args.slice(1).map(textOf) as [string, string, ...string[]];
        const [source, pattern] = others as [string, string];
        const valueOf = func === 'label_join' ? labelJoin(destination, second, others) : labelReplace(destination, second, source, pattern);
        return this.#eachStep(frame, (step) => relabel(steps[step] as Vector, destination, valueOf));
      }
      case 'histogram_quantile': {
        const qs = await this.#scalars(argument(args, 0), frame);
        const steps = await this.#vectors(argument(args, 1), frame);
        return this.#eachStep(frame, (step, tMs) => histogramQuantile(context, call, qs[step] as number, steps[step] as Vector, tMs));
      }
      case 'histogram_quantiles': {
        const steps = await this.#vectors(argument(args, 0), frame);
        const qs: number[][] = [];
        for (const arg of args.slice(2)) qs.push(await this.#scalars(arg, frame));
        const label = textOf(argument(args, 1));
        return this.#eachStep(frame, (step, tMs) => {
          const now = qs.map((values) => values[step] as number);
          return histogramQuantiles(context, call, label, now, steps[step] as Vector, tMs);
        });
      }
      case 'histogram_fraction': {
        const lower = await this.#scalars(argument(args, 0), frame);
        const upper = await this.#scalars(argument(args, 1), frame);
        const steps = await this.#vectors(argument(args, 2), frame);
        return this.#eachStep(frame, (step) =>
          histogramFraction(context, call, lower[step] as number, upper[step] as number, steps[step] as Vector),
        );
      }
      case 'info':
        return this.#info(call, frame);
      default:
        throw new Error(`BUG: function ${func} is in the table but not here`);
    }
  }

  async #timestamp({ func, args }: CallExpr, frame: Frame): Promise<Vector[]> {
    const inner = unwrap(argument(args, 0));
    const wantsStart = func === 'start_timestamp';
    if (wantsStart && (inner.kind !== 'selector' || !this.#context.startTimestamps)) {
      if (inner.kind !== 'selector') await this.#vectors(inner, frame);
      return timesOf(frame).map(() => []);
    }
    if (inner.kind !== 'selector') {
      return this.#mapSamples(await this.#vectors(inner, frame), frame, (_sample, _step, tMs) => tMs / 1000);
    }
    // Pinned by `@`, the original forgets the offset.
    const times = timesOf(frame).map((tMs) => (inner.at === undefined ? this.#referenceMs(inner, tMs) : this.#atMs(inner, tMs)));
    const series = await this.#select(inner, times, this.#context.lookbackMs, 0);
    return this.#eachStep(frame, (step) =>
      series.flatMap(({ labels, points }, rank) => {
        const newest = this.#newest(points, times[step] as number);
        if (newest === undefined) return [];
        return [sampleOf(nameless(this.#context, labels), true, (wantsStart ? newest.startMs : newest.tMs) / 1000, rank)];
      }),
    );
  }

  async #info({ args }: CallExpr, frame: Frame): Promise<Vector[]> {
    const baseArg = argument(args, 0);
    const base = await this.#vectors(baseArg, frame);
    const selector = infoSelector(args[1] as VectorSelector | undefined);
    if (!base.some((vector) => asksForInfo(selector, vector)))
      return this.#eachStep(frame, (step) => joinInfo(selector, base[step] as Vector, []));
    const path = pathToSelector(baseArg) ?? [];
    const times = timesOf(frame).map((tMs) => path.reduce((at, modifiers) => this.#referenceMs(modifiers, at), tMs));
    const series = await this.#selectMatching([...selector.names, ...selector.data], times, this.#context.lookbackMs, 0);
    const infos = times.map((tMs) =>
      series.flatMap(({ labels, points }): InfoSample[] => {
        const point = this.#newest(points, tMs);
        if (point?.histogram !== undefined) fail(`info sample should be float, but ${labels.toString()} has a histogram`);
        return point === undefined ? [] : [{ labels, point }];
      }),
    );
    return this.#eachStep(frame, (step) => joinInfo(selector, base[step] as Vector, infos[step] ?? []));
  }

  // Windows

  async #rangeFunction({ func, args }: CallExpr, plain: WindowFunction, frame: Frame): Promise<Vector[]> {
    const context = this.#context;
    const { annotations, lookbackMs } = context;
    const rangeArg = argument(args, func === 'quantile_over_time' ? 1 : 0);
    const scalars: number[][] = [];
    for (const arg of args) if (arg !== rangeArg) scalars.push(await this.#scalars(arg, frame));
    const { series, ends, rangeMs, mode } = await this.#ranges(rangeArg, frame);
    const run = mode === 'plain' ? plain : extendedFunction(mode, func);
    const keepsName = func === 'first_over_time' || func === 'last_over_time';
    const warn = (text: string): void => annotations.warn(text, rangeArg.span);
    const info = (text: string): void => annotations.info(text, rangeArg.span);

    const steps: Sample[][] = timesOf(frame).map(() => []);
    /** Two series must not become one, even at different times. */
    const seen = new Set<string>();
    for (const [rank, { labels, dropName, points }] of series.entries()) {
      const outLabels = keepsName ? labels : nameless(context, labels);
      let any = false;
      for (const [step, tMs] of timesOf(frame).entries()) {
        const endMs = ends[step] as number;
        const startMs = endMs - rangeMs;
        const inside = within(points, startMs - (mode === 'plain' ? 0 : lookbackMs), endMs + (mode === 'smoothed' ? lookbackMs : 0));
        if (inside.length === 0) continue;
        this.#options.budget.queryableSamples += inside.length;
        const scalarArgs = scalars.map((values) => values[step] as number);
        const metricName = labels.get('__name__');
        const result = run({ context, points: inside, startMs, endMs, rangeMs, tMs, metricName, args: scalarArgs, warn, info });
        if (result === undefined) continue;
        any = true;
        (steps[step] as Sample[]).push(sampleOf(outLabels, dropName || !keepsName, result, rank));
        if ((func === 'rate' || func === 'increase') && typeof result === 'number') this.#noteNonCounter(labels, info);
        const [q] = scalarArgs;
        if (func === 'quantile_over_time' && !((q as number) >= 0 && (q as number) <= 1)) {
          annotations.warn(`quantile value should be between 0 and 1, got ${formatGoFloat(q as number)}`, argument(args, 0).span);
        }
      }
      if (this.#options.budget.due(points.length * frame.count)) await this.#options.budget.pause();
      if (!any) continue;
      if (seen.has(outLabels.key())) failDuplicate();
      seen.add(outLabels.key());
    }
    return inOrder(steps);
  }

  #noteNonCounter(labels: Labels, info: (text: string) => void): void {
    const name = labels.get('__name__');
    if (name === '') return;
    if (!this.#context.typeAndUnitLabels) {
      if (/_(total|sum|count|bucket)$/.test(name)) return;
      info(`metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quoteGo(name)}`);
      return;
    }
    const type = labels.get('__type__');
    if (type === 'counter' || type === 'histogram') return;
    info(`metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${quoteGo(type)}: ${quoteGo(name)}`);
  }

  async #ranges(expr: Expr, frame: Frame): Promise<Ranges> {
    const inner = unwrap(expr);
    if (inner.kind === 'matrix') {
      const { selector } = inner;
      const rangeMs = this.#durationMs(inner.range, true);
      const ends = timesOf(frame).map((tMs) => this.#referenceMs(selector, tMs));
      const { lookbackMs } = this.#context;
      const [before, ahead] = [selector.window === 'plain' ? 0 : lookbackMs, selector.window === 'smoothed' ? lookbackMs : 0];
      const series = await this.#select(selector, ends, rangeMs + before, ahead);
      return { series: series.map((one) => ({ ...one, points: withoutStale(one.points) })), ends, rangeMs, mode: selector.window };
    }
    if (inner.kind !== 'subquery') throw new Error(`BUG: a ${inner.kind} is no range vector`);
    const rangeMs = this.#durationMs(inner.range, true);
    const ends = timesOf(frame).map((tMs) => this.#referenceMs(inner, tMs));
    const stepMs = inner.step === undefined ? this.#options.defaultSubqueryStepMs : this.#durationMs(inner.step, true);
    if (stepMs <= 0) fail('subquery step must be at least 1ms');
    if (ends.length === 0) return { series: [], ends, rangeMs, mode: 'plain' };
    // Whole multiples of the step behind the start of the first window, up to the end of the last (promql.md §4.1).
    const afterMs = (ends[0] as number) - rangeMs;
    let startMs = stepMs * Math.trunc(afterMs / stepMs);
    if (startMs <= afterMs) startMs += stepMs;
    const count = Math.max(0, Math.floor(((ends.at(-1) as number) - startMs) / stepMs) + 1);
    const innerFrame = { startMs, stepMs, count };
    const steps = count === 0 ? [] : await this.#vectors(inner.expr, innerFrame);
    return { series: seriesOf(steps, innerFrame).map(withoutHints), ends, rangeMs, mode: 'plain' };
  }

  // Times

  #durationMs(duration: DurationExpr | undefined, mustBePositive = false): number {
    if (duration === undefined) return 0;
    try {
      return resolveDuration(duration, this.#context.query, this.#options.text, mustBePositive);
    } catch (cause) {
      return fail((cause as Error).message);
    }
  }

  #atMs({ at }: TimeModifiers, tMs: number): number {
    if (at === undefined) return tMs;
    if (at.kind === 'time') return at.tMs;
    return at.kind === 'start' ? this.#context.query.startMs : this.#context.query.endMs;
  }

  #referenceMs(modifiers: TimeModifiers, tMs: number): number {
    return this.#atMs(modifiers, tMs) - this.#durationMs(modifiers.offset);
  }

  // Storage

  async #select(selector: VectorSelector, times: readonly number[], beforeMs: number, aheadMs: number): Promise<PointSeries[]> {
    const series = await this.#selectMatching(selector.matchers, times, beforeMs, aheadMs);
    return this.#statsOnly.has(selector) ? series.map(withResetsDetected) : series;
  }

  /** A plain copy of all series, with the points that any of the times may see: those in `(t − before, t + ahead]`. */
  async #selectMatching(matchers: readonly Matcher[], times: readonly number[], beforeMs: number, aheadMs: number): Promise<PointSeries[]> {
    const { queryable, signal, annotations, budget } = this.#options;
    if (times.length === 0) return [];
    const startMs = Math.min(times[0] as number, times.at(-1) as number) - beforeMs + 1;
    const endMs = Math.max(times[0] as number, times.at(-1) as number) + aheadMs;
    const querier = queryable.querier(startMs, endMs);
    try {
      const { series, warnings } = await querier.select(matchers, { startMs, endMs }, signal);
      annotations.addStorageWarnings(warnings);
      const batch = new SampleBatch();
      const copies: PointSeries[] = [];
      for (const { labels, samples } of series.map((one) => ({ labels: one.labels, samples: one.samples() }))) {
        const points: Point[] = [];
        for (let n = samples.read(batch); n > 0; n = samples.read(batch)) {
          for (let i = 0; i < n; i++) {
            points.push({
              tMs: batch.times[i] as number,
              value: batch.values[i] as number,
              histogram: batch.hasHistograms ? batch.histograms[i] : undefined,
              startMs: batch.hasStartTimes ? (batch.startTimes[i] as number) : 0,
              isStale: batch.stale[i] === 1,
            });
          }
        }
        budget.samplesRead += points.length;
        copies.push({ labels, dropName: false, points });
      }
      return copies;
    } catch (cause) {
      budget.check();
      if (cause instanceof PatternError) throw new QueryError('execution', cause.message, cause);
      throw new QueryError('internal', `expanding series: ${(cause as Error).message}`, cause);
    } finally {
      querier.close();
    }
  }

  /** Marks the selectors below functions that ask for count and sum alone (promql.md §13). */
  #findStatsOnly(expr: Expr, statsOnly: boolean): void {
    switch (expr.kind) {
      case 'selector':
        if (statsOnly) this.#statsOnly.add(expr);
        return;
      case 'matrix':
        if (statsOnly) this.#statsOnly.add(expr.selector);
        return;
      case 'subquery':
        this.#findStatsOnly(expr.expr, false);
        return;
      case 'call':
        for (const arg of expr.args) {
          const asksForStats = ['histogram_count', 'histogram_sum', 'histogram_avg'].includes(expr.func);
          const asksForBuckets = ['histogram_quantile', 'histogram_quantiles', 'histogram_fraction'].includes(expr.func);
          this.#findStatsOnly(arg, asksForStats || (statsOnly && !asksForBuckets));
        }
        return;
      case 'aggregate':
        if (expr.param !== undefined) this.#findStatsOnly(expr.param, statsOnly);
        this.#findStatsOnly(expr.expr, statsOnly);
        return;
      case 'binary':
        this.#findStatsOnly(expr.left, statsOnly && !isTrim(expr.op));
        this.#findStatsOnly(expr.right, statsOnly && !isTrim(expr.op));
        return;
      case 'unary':
      case 'paren':
        this.#findStatsOnly(expr.expr, statsOnly);
        return;
      case 'number':
      case 'string':
    }
  }
}

// Small words

function argument(args: readonly Expr[], index: number): Expr {
  const found = args[index];
  if (found === undefined) throw new Error(`BUG: no argument ${index}`);
  return found;
}

function unwrap(expr: Expr): Expr {
  return expr.kind === 'paren' ? unwrap(expr.expr) : expr;
}

function textOf(expr: Expr): string {
  const inner = unwrap(expr);
  if (inner.kind !== 'string') throw new Error(`BUG: expected a string, got ${inner.kind}`);
  return inner.value;
}

function timesOf({ startMs, stepMs, count }: Frame): number[] {
  return Array.from({ length: count }, (_, step) => startMs + step * stepMs);
}

/** Left open, right closed. */
function within(points: readonly Point[], startMs: number, endMs: number): Point[] {
  return points.filter(({ tMs }) => tMs > startMs && tMs <= endMs);
}

const withoutStale = (points: readonly Point[]): Point[] => points.filter(({ isStale }) => !isStale);

/** What comes out of a subquery tells nothing of resets (promql.md §4.1). */
function withoutHints(series: PointSeries): PointSeries {
  const points = series.points.map((point) => {
    const hint = point.histogram?.counterResetHint;
    if (point.histogram === undefined || hint === 'gauge') return point;
    return { ...point, histogram: { ...point.histogram, counterResetHint: 'unknown' as const } };
  });
  return { ...series, points };
}

/** Where only count and sum are wanted, the original finds out about resets while reading. */
function withResetsDetected(series: PointSeries): PointSeries {
  let previous: Point['histogram'];
  const points = series.points.map((point) => {
    const { histogram } = point;
    if (histogram === undefined || point.isStale) return point;
    const earlier = previous;
    previous = histogram;
    if (earlier === undefined || histogram.counterResetHint !== 'unknown') return point;
    const counterResetHint = detectsReset(histogram, earlier) ? ('reset' as const) : ('not_reset' as const);
    return { ...point, histogram: { ...histogram, counterResetHint } };
  });
  return { ...series, points };
}

function pointsOf(values: readonly number[], frame: Frame): Point[] {
  return timesOf(frame).map((tMs, step) => ({ tMs, value: values[step] as number, histogram: undefined, startMs: 0, isStale: false }));
}

/** From vectors to series, in the order of the vectors. */
function seriesOf(steps: readonly Vector[], frame: Frame): PointSeries[] {
  const byKey = new Map<string, PointSeries & { points: Point[]; rank: number }>();
  for (const [step, tMs] of timesOf(frame).entries()) {
    for (const { labels, dropName, value, histogram, rank } of steps[step] as Vector) {
      const series = byKey.get(labels.key()) ?? { labels, dropName, points: [], rank };
      series.points.push({ tMs, value, histogram, startMs: 0, isStale: false });
      byKey.set(labels.key(), series);
    }
  }
  return [...byKey.values()].sort((a, b) => a.rank - b.rank);
}

function columns(labels: Labels, points: readonly Point[]): MatrixSeries {
  const floats = points.filter(({ histogram }) => histogram === undefined);
  const histograms = points.filter(({ histogram }) => histogram !== undefined);
  return {
    labels,
    times: Float64Array.from(floats, ({ tMs }) => tMs),
    values: Float64Array.from(floats, ({ value }) => value),
    histogramTimes: Float64Array.from(histograms, ({ tMs }) => tMs),
    histograms: histograms.flatMap(({ histogram }) => histogram ?? []),
  };
}

function sortedSeries(series: readonly MatrixSeries[]): MatrixSeries[] {
  return [...series].sort((a, b) => Labels.compare(a.labels, b.labels));
}

const asksForTime: readonly string[] =
  'days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp'.split(' ');

/** One value for all steps: evaluated at the first alone (promql.md §4). Of an aggregation only the vector decides. */
function isPinned(expr: Expr): boolean {
  switch (expr.kind) {
    case 'number':
    case 'string':
      return true;
    case 'selector':
    case 'subquery':
      return expr.at !== undefined;
    case 'matrix':
      return expr.selector.at !== undefined;
    case 'paren':
    case 'unary':
    case 'aggregate':
      return isPinned(expr.expr);
    case 'binary':
      return isPinned(expr.left) && isPinned(expr.right);
    case 'call':
      if (expr.func === 'timestamp' && expr.args[0]?.kind === 'selector') return isPinned(expr.args[0]);
      return !asksForTime.includes(expr.func) && expr.args.every(isPinned);
  }
}
