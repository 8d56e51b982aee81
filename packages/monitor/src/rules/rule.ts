/** What the two kinds of rules have in common for the group that evaluates them. */
import { type FloatHistogram, Labels } from '@pronoia/model';
import type { QueryResult, VectorSample } from '@pronoia/promql';

/** Asks the engine for the value at a time. Rejects with QueryError. */
export type RuleQuery = (expr: string, tMs: number) => Promise<QueryResult>;

/** One series that a rule writes. */
export interface RuleSample {
  readonly labels: Labels;
  readonly value: number | FloatHistogram;
}

export interface RuleHealth {
  readonly health: 'unknown' | 'ok' | 'err';
  readonly lastError: string;
  readonly evaluationSeconds: number;
  /** Unix ms; undefined before the first evaluation. */
  readonly lastEvaluationMs: number | undefined;
}

export const neverEvaluated: RuleHealth = { health: 'unknown', lastError: '', evaluationSeconds: 0, lastEvaluationMs: undefined };

/** A vector as it is, a scalar as one sample without labels. */
export function samplesOf(result: QueryResult): readonly VectorSample[] {
  const { value } = result;
  if (value.kind === 'vector') return value.samples;
  if (value.kind === 'scalar') return [{ labels: Labels.empty, value: value.value, histogram: undefined }];
  throw new Error('rule result is not a vector or scalar');
}
