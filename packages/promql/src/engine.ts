/** Runs queries over a storage: parse, limits, queue, evaluation, statistics. One engine serves a whole process. */
import { type Queryable, quoteGo } from '@pronoia/model';
import { Annotations } from './evaluate/annotations.ts';
import { Budget } from './evaluate/budget.ts';
import { Evaluator } from './evaluate/evaluator.ts';
import { answer, arrange } from './evaluate/final-value.ts';
import type { Frame } from './evaluate/frame.ts';

import { QueryError } from './query-error.ts';
import type { QueryMetrics } from './query-metrics.ts';
import { QueryQueue } from './query-queue.ts';
import { ReferenceEvaluator, type ReferenceOptions } from './reference/reference-evaluator.ts';
import type { Expr } from './syntax/ast.ts';
import { documentedType, typeOf } from './syntax/check.ts';
import type { QueryWindow } from './syntax/duration.ts';
import { parseExpr } from './syntax/parse.ts';
import type { ParseOptions } from './syntax/parse-options.ts';
import type { QueryResult, QueryValue } from './value/query-result.ts';

export type Feature =
  | 'promql-experimental-functions'
  | 'promql-extended-range-selectors'
  | 'promql-binop-fill-modifiers'
  | 'promql-delayed-name-removal'
  | 'use-start-timestamps'
  | 'type-and-unit-labels'
  | 'promql-per-step-stats';

export type EvaluatorKind = 'columnar' | 'unhurried' | 'reference';

export interface EngineOptions {
  /** How far an instant selector looks back. Default 5 minutes. */
  readonly lookbackMs?: number;
  /** Samples that one query may hold in memory. Default 50,000,000. */
  readonly maxSamples?: number;
  /** Default 2 minutes. */
  readonly timeoutMs?: number;
  /** Queries evaluated at a time; others wait in line. Default 20. */
  readonly maxConcurrency?: number;
  /** Step of `[1h:]`, the global evaluation_interval. Default 1 minute. */
  readonly defaultSubqueryStepMs?: number;
  readonly enabledFeatures?: readonly Feature[];
  /**
   * `columnar` (default) takes the fast paths; `unhurried` is the same with all fast paths off. `reference` is another evaluator:
   * slow and literal, step by step over plain objects. The tests hold all of them against each other; only the first is for servers.
   */
  readonly evaluator?: EvaluatorKind;
  readonly metrics?: QueryMetrics;
  /** Monotonic milliseconds, for timings and timeouts; default performance.now. */
  readonly now?: () => number;
}

export interface QueryOptions {
  readonly lookbackMs?: number;
  /** Can only shorten the engine's. */
  readonly timeoutMs?: number;
  /** At most this many series in a vector or matrix; more are cut, with the warning `results truncated due to limit`. */
  readonly limit?: number;
  readonly perStepStats?: boolean;
}

export class Engine {
  readonly #lookbackMs: number;
  readonly #maxSamples: number;
  readonly #timeoutMs: number;
  readonly #defaultSubqueryStepMs: number;
  readonly #features: ReadonlySet<Feature>;
  readonly #now: () => number;
  readonly #queue: QueryQueue;
  readonly #evaluator: EvaluatorKind;
  readonly #metrics: QueryMetrics | undefined;

  constructor(options: EngineOptions = {}) {
    this.#lookbackMs = options.lookbackMs ?? 300_000;
    this.#maxSamples = options.maxSamples ?? 50_000_000;
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.#defaultSubqueryStepMs = options.defaultSubqueryStepMs ?? 60_000;
    this.#features = new Set(options.enabledFeatures);
    this.#now = options.now ?? (() => performance.now());
    this.#metrics = options.metrics;
    if (this.#metrics !== undefined) this.#metrics.concurrentMax = options.maxConcurrency ?? 20;
    this.#evaluator = options.evaluator ?? 'columnar';
    this.#queue = new QueryQueue(options.maxConcurrency ?? 20);
  }

  /** What the parser accepts under this engine's features. */
  get parseOptions(): ParseOptions {
    return {
      experimentalFunctions: this.#features.has('promql-experimental-functions'),
      extendedRangeSelectors: this.#features.has('promql-extended-range-selectors'),
      binopFillModifiers: this.#features.has('promql-binop-fill-modifiers'),
    };
  }

  /** The value at `tMs` (integer Unix ms). Rejects with QueryError. */
  instant(queryable: Queryable, text: string, tMs: number, options: QueryOptions = {}, signal?: AbortSignal): Promise<QueryResult> {
    return this.#run(queryable, text, { startMs: tMs, endMs: tMs, stepMs: 0 }, false, options, signal);
  }

  /** Values at `startMs`, `startMs + stepMs`, … ≤ `endMs`; always a matrix. Rejects with QueryError. */
  range(
    queryable: Queryable,
    text: string,
    startMs: number,
    endMs: number,
    stepMs: number,
    options: QueryOptions = {},
    signal?: AbortSignal,
  ): Promise<QueryResult> {
    return this.#run(queryable, text, { startMs, endMs, stepMs }, true, options, signal);
  }

  async #run(
    queryable: Queryable,
    text: string,
    query: QueryWindow,
    isRangeQuery: boolean,
    options: QueryOptions,
    signal: AbortSignal | undefined,
  ): Promise<QueryResult> {
    const parsed = parseExpr(text, this.parseOptions);
    if (parsed.kind === 'error') throw new QueryError('bad_data', parsed.errors[0]?.text ?? '');
    const { expr } = parsed;
    const type = typeOf(expr);
    if (isRangeQuery && type !== 'scalar' && type !== 'vector') {
      const message = `invalid expression type ${quoteGo(documentedType(type))} for range query, must be Scalar or instant Vector`;
      throw new QueryError('bad_data', message);
    }
    const metrics = this.#metrics;
    metrics?.queries.inc();
    try {
      return await this.#evaluate(queryable, text, expr, query, isRangeQuery, options, signal);
    } finally {
      metrics?.queries.dec();
    }
  }

  async #evaluate(
    queryable: Queryable,
    text: string,
    expr: Expr,
    query: QueryWindow,
    isRangeQuery: boolean,
    options: QueryOptions,
    signal: AbortSignal | undefined,
  ): Promise<QueryResult> {
    const startedAt = this.#now();
    const timeoutMs = Math.min(this.#timeoutMs, options.timeoutMs ?? Number.POSITIVE_INFINITY);
    const leave = await this.#queue.enter(timeoutMs, signal);
    const admittedAt = this.#now();
    try {
      const stepMs = isRangeQuery ? query.stepMs : 1;
      const frame: Frame = { startMs: query.startMs, stepMs, count: Math.floor((query.endMs - query.startMs) / stepMs) + 1 };
      const countSteps = options.perStepStats === true && this.#features.has('promql-per-step-stats');
      const budget = new Budget({
        signal,
        now: this.#now,
        deadline: startedAt + timeoutMs,
        maxSamples: this.#maxSamples,
        countedFrame: countSteps ? frame : undefined,
      });
      const annotations = new Annotations(text);
      const settings: EvaluatorSettings = {
        text,
        query,
        lookbackMs: options.lookbackMs ?? this.#lookbackMs,
        defaultSubqueryStepMs: this.#defaultSubqueryStepMs,
        delayedNames: this.#features.has('promql-delayed-name-removal'),
        startTimestamps: this.#features.has('use-start-timestamps'),
        typeAndUnitLabels: this.#features.has('type-and-unit-labels'),
        budget,
        annotations,
        queryable,
        signal,
      };
      budget.check('query execution');
      const evaluate = this.#evaluator === 'reference' ? evaluateLiterally : evaluateInColumns;
      const { value, preparedAt, evaluatedAt } = await evaluate(settings, {
        expr,
        frame,
        isRangeQuery,
        isLiteral: this.#evaluator === 'unhurried',
        limit: options.limit ?? 0,
        now: this.#now,
      });
      const sortedAt = this.#now();
      const seconds = (from: number, to: number): number => Math.max(0, to - from) / 1000;
      const metrics = this.#metrics;
      metrics?.observe('queue_time', seconds(startedAt, admittedAt));
      metrics?.observe('prepare_time', seconds(admittedAt, preparedAt));
      metrics?.observe('inner_eval', seconds(preparedAt, evaluatedAt));
      metrics?.observe('result_sort', seconds(evaluatedAt, sortedAt));
      metrics?.samples.inc(budget.queryableSamples);
      metrics?.samplesRead.inc(budget.samplesRead);
      return {
        value,
        warnings: annotations.warnings(),
        infos: annotations.infos(),
        stats: {
          timings: {
            evalTotalTime: seconds(admittedAt, sortedAt),
            resultSortTime: seconds(evaluatedAt, sortedAt),
            queryPreparationTime: seconds(admittedAt, preparedAt),
            innerEvalTime: seconds(preparedAt, evaluatedAt),
            execQueueTime: seconds(startedAt, admittedAt),
            execTotalTime: seconds(startedAt, sortedAt),
          },
          samples: {
            totalQueryableSamples: budget.queryableSamples,
            samplesRead: budget.samplesRead,
            peakSamples: budget.peakSamples,
            ...perStepStats(budget, frame),
          },
        },
      };
    } finally {
      leave();
    }
  }
}

function perStepStats({ samplesPerStep }: Budget, frame: Frame): Pick<QueryResult['stats']['samples'], 'totalQueryableSamplesPerStep'> {
  if (samplesPerStep === undefined) return {};
  return { totalQueryableSamplesPerStep: Array.from(samplesPerStep, (samples, step) => [frame.startMs + step * frame.stepMs, samples]) };
}

/** What both evaluators know about a query. */
type EvaluatorSettings = ReferenceOptions;

interface Task {
  readonly expr: Expr;
  readonly frame: Frame;
  readonly isRangeQuery: boolean;
  readonly isLiteral: boolean;
  readonly limit: number;
  readonly now: () => number;
}

interface Evaluated {
  readonly value: QueryValue;
  readonly preparedAt: number;
  readonly evaluatedAt: number;
}

async function evaluateInColumns(settings: EvaluatorSettings, task: Task): Promise<Evaluated> {
  const { expr, frame, isRangeQuery, isLiteral, limit, now } = task;
  const evaluator = new Evaluator({ ...settings, isRangeQuery, isLiteral });
  try {
    evaluator.open(expr, frame);
    const preparedAt = now();
    const raw = await answer(evaluator, expr, frame, isRangeQuery);
    const evaluatedAt = now();
    return { value: await arrange(raw, evaluator, limit), preparedAt, evaluatedAt };
  } finally {
    evaluator.close();
  }
}

async function evaluateLiterally(settings: EvaluatorSettings, { expr, frame, isRangeQuery, limit, now }: Task): Promise<Evaluated> {
  const preparedAt = now();
  const value = await new ReferenceEvaluator(settings).answer(expr, frame, isRangeQuery, limit);
  return { value, preparedAt, evaluatedAt: now() };
}
