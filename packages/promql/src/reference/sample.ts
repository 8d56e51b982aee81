/** The plain objects of the reference evaluator: samples of a moment, points of a series. Written to be obvious, not fast. */
import { type FloatHistogram, Labels } from '@pronoia/model';
import type { Annotations } from '../evaluate/annotations.ts';
import { QueryError } from '../query-error.ts';
import type { QueryWindow } from '../syntax/duration.ts';

/** A stored sample. */
export interface Point {
  readonly tMs: number;
  /** 0 where a histogram is set. */
  readonly value: number;
  readonly histogram: FloatHistogram | undefined;
  /** 0 = unknown. */
  readonly startMs: number;
  readonly isStale: boolean;
}

export interface PointSeries {
  readonly labels: Labels;
  readonly dropName: boolean;
  readonly points: readonly Point[];
}

/** One element of an instant vector. */
export interface Sample {
  readonly labels: Labels;
  /** The name is to be cut at the end of the query (promql.md §7). */
  readonly dropName: boolean;
  /** 0 where a histogram is set. */
  readonly value: number;
  readonly histogram: FloatHistogram | undefined;
  /** Its place in the vector, the same at all steps. */
  readonly rank: number;
}

export type Vector = readonly Sample[];

/** What the parts of the evaluator know about the query. */
export interface Context {
  readonly query: QueryWindow;
  readonly lookbackMs: number;
  readonly delayedNames: boolean;
  readonly startTimestamps: boolean;
  readonly typeAndUnitLabels: boolean;
  readonly annotations: Annotations;
}

/** The value of a sample: a float or a histogram. */
export type Result = number | FloatHistogram;

export function sampleOf(labels: Labels, dropName: boolean, result: Result, rank: number): Sample {
  return typeof result === 'number'
    ? { labels, dropName, value: result, histogram: undefined, rank }
    : { labels, dropName, value: 0, histogram: result, rank };
}

const metadata: ReadonlySet<string> = new Set(['__name__', '__type__', '__unit__']);

export function withoutMetadata(labels: Labels): Labels {
  return labels.without(metadata);
}

/** Labels of a result that has lost its name: at once, or at the end of the query. */
export function nameless({ delayedNames }: Context, labels: Labels): Labels {
  return delayedNames ? labels : withoutMetadata(labels);
}

export function fail(message: string): never {
  throw new QueryError('execution', message);
}

export function failDuplicate(): never {
  fail('vector cannot contain metrics with the same labelset');
}

export function checkUnique(vector: Vector): void {
  const keys = new Set(vector.map(({ labels }) => labels.key()));
  if (keys.size < vector.length) failDuplicate();
}

/**
 * Series keep one order over all steps, that of their least rank; and one flag about their name, that of their first sample, as in
 * the original.
 */
export function inOrder(steps: readonly Vector[]): Vector[] {
  const ranks = new Map<string, number>();
  const flags = new Map<string, boolean>();
  for (const { labels, rank, dropName } of steps.flat()) {
    const key = labels.key();
    ranks.set(key, Math.min(rank, ranks.get(key) ?? rank));
    if (!flags.has(key)) flags.set(key, dropName);
  }
  const sorted = [...ranks].sort(([, a], [, b]) => a - b);
  const places = new Map(sorted.map(([key], place) => [key, place]));
  const placed = (sample: Sample): Sample => {
    const key = sample.labels.key();
    return { ...sample, rank: places.get(key) ?? 0, dropName: flags.get(key) ?? false };
  };
  return steps.map((vector) => vector.map(placed).sort((a, b) => a.rank - b.rank));
}
