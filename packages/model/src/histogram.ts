/**
 * A native histogram in float form: the one shape in which storage hands histograms to the query engine
 * (promql.md §8.1). Histograms of whole counts are told apart by `isInteger` alone.
 */
export interface FloatHistogram {
  /** Whether a counter reset is known to lie between this sample and the one before it. */
  readonly counterResetHint: 'unknown' | 'reset' | 'not_reset' | 'gauge';
  /** −4…8 exponential; −53 custom bucket bounds. */
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  readonly positiveSpans: readonly Span[];
  readonly negativeSpans: readonly Span[];
  /** Absolute counts, one per bucket that the spans name. */
  readonly positiveBuckets: Float64Array;
  readonly negativeBuckets: Float64Array;
  /** Upper bounds for schema −53, without +Inf; empty otherwise. */
  readonly customValues: readonly number[];
  /** The counts were whole where they came from, so that a storage can keep them as such. Says nothing to who computes with them. */
  readonly isInteger?: boolean;
}

/** A run of consecutive buckets; `offset` counts from the end of the span before it. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}
