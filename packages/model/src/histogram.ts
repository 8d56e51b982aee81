/**
 * A native histogram in float form: the one shape in which storage hands histograms to the query engine
 * (promql.md §8.1). Integer histograms are converted at the storage's door.
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
}

/** A run of consecutive buckets; `offset` counts from the end of the span before it. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}
