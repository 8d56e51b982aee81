/** Runs queries over a storage: parse, limits, queue, evaluation, statistics. One engine serves a whole process. */
import type { Queryable } from '@pronoia/model';
import type { QueryResult } from './value/query-result.ts';

export type Feature =
  | 'promql-experimental-functions'
  | 'promql-extended-range-selectors'
  | 'promql-binop-fill-modifiers'
  | 'promql-delayed-name-removal'
  | 'use-start-timestamps'
  | 'type-and-unit-labels'
  | 'promql-per-step-stats';

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
  constructor(options: EngineOptions = {}) {
    void options;
  }

  /** The value at `tMs` (integer Unix ms). Rejects with QueryError. */
  async instant(queryable: Queryable, text: string, tMs: number, options: QueryOptions = {}, signal?: AbortSignal): Promise<QueryResult> {
    throw new Error(`not implemented yet: instant query ${text} ${tMs} ${String(queryable)} ${JSON.stringify(options)} ${String(signal)}`);
  }

  /** Values at `startMs`, `startMs + stepMs`, … ≤ `endMs`; always a matrix. Rejects with QueryError. */
  async range(
    queryable: Queryable,
    text: string,
    startMs: number,
    endMs: number,
    stepMs: number,
    options: QueryOptions = {},
    signal?: AbortSignal,
  ): Promise<QueryResult> {
    throw new Error(
      `not implemented yet: range query ${text} ${startMs} ${endMs} ${stepMs} ${String(queryable)} ${JSON.stringify(options)} ${String(signal)}`,
    );
  }
}
