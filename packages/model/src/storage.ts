/**
 * The storage contract: the one seam between those who hold samples (tsdb, remote storage) and those who ask for
 * them (promql, federation, rules). Batches cross it, never single samples: per-sample iterators of mixed classes cost
 * three to five times more.
 */
import type { BulkReader } from './bulk.ts';
import type { FloatHistogram } from './histogram.ts';
import type { Labels } from './labels.ts';
import type { Matcher } from './matcher.ts';

/**
 * A caller-owned window of samples that `SampleReader.read` overwrites from index 0. All arrays have the same length.
 *
 * Staleness travels beside the value, as a flag: the stale marker is a signalling NaN that plain JavaScript arithmetic
 * and arrays destroy.
 */
export class SampleBatch {
  /** Integer Unix milliseconds, strictly ascending. */
  readonly times: Float64Array;
  /** Meaningless where `stale[i]` is 1 or `histograms[i]` is set. */
  readonly values: Float64Array;
  /** 1 where the sample is a staleness marker. */
  readonly stale: Uint8Array;
  /** The histogram at this index, or undefined for a float sample. Untouched (all undefined) while `hasHistograms` is false. */
  readonly histograms: (FloatHistogram | undefined)[];
  /** Whether the last read put any histogram into the batch. */
  hasHistograms = false;
  /** Start ("created") time of each sample, Unix ms; 0 = unknown. Meaningless while `hasStartTimes` is false. */
  readonly startTimes: Float64Array;
  /** Whether the last read filled `startTimes`. A storage that keeps none leaves it false. */
  hasStartTimes = false;

  constructor(capacity = 512) {
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.stale = new Uint8Array(capacity);
    this.histograms = [];
    this.startTimes = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.times.length;
  }
}

/** Reads one series forward. */
export interface SampleReader {
  /**
   * Fills `into` from index 0 and returns how many samples were filled; 0 means the end, for good. Times ascend strictly
   * across calls. Only samples inside the querier's time range are returned. Throws on damaged data.
   */
  read(into: SampleBatch): number;
}

export interface Series {
  readonly labels: Labels;
  /** A fresh reader from the start of the querier's range. */
  samples(): SampleReader;
}

export interface SeriesSet {
  /** Ascending by `Labels.compare`; label sets are unique. */
  readonly series: readonly Series[];
  /** Things the user should know although an answer was possible (a remote store that failed, a damaged block). */
  readonly warnings: readonly string[];
  /** The same series, many at a time; a storage need not have it. Good until the querier is closed. */
  readonly bulk?: BulkReader;
}

/** What the asker will do with the samples; a storage may use it or not. Times in Unix ms. */
export interface SelectHints {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs?: number;
  readonly rangeMs?: number;
  /** Name of the function or aggregation directly around the selector. */
  readonly func?: string;
  /** Only labels are wanted; readers will not be opened. */
  readonly labelsOnly?: boolean;
  /** At most this many series; 0 or absent = all. */
  readonly limit?: number;
}

/** A consistent view of `[minMs, maxMs]`. Close it: storage is held while it is open. */
export interface Querier {
  /** All matchers must accept (a missing label counts as ''). At least one matcher. Throws `AbortError` when the signal fires. */
  select(matchers: readonly Matcher[], hints?: SelectHints, signal?: AbortSignal): Promise<SeriesSet>;
  /** Sorted by bytes, unique. No matchers = all series in range. */
  labelNames(matchers: readonly Matcher[], limit?: number, signal?: AbortSignal): Promise<string[]>;
  labelValues(name: string, matchers: readonly Matcher[], limit?: number, signal?: AbortSignal): Promise<string[]>;
  close(): void;
}

export interface Queryable {
  /** Both bounds inclusive, Unix ms. */
  querier(minMs: number, maxMs: number): Querier;
}

/** Names a series inside one storage's lifetime; 0 = not known yet. */
export type SeriesRef = number;

/** Why a sample was not taken. An answer, not an exception. */
export type Rejection =
  | 'out_of_order'
  | 'out_of_bounds'
  | 'too_old'
  | 'duplicate_timestamp'
  | 'invalid_labels'
  | 'exemplar_invalid'
  | 'histogram_invalid'
  | 'series_limit'
  | 'memory_limit';

export interface AppendOptions {
  /** The sample is a staleness marker; the value is ignored. */
  readonly stale?: boolean;
  /** Start ("created") timestamp, Unix ms; absent = unknown. */
  readonly startMs?: number;
}

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  /** Unix ms. */
  readonly timestampMs: number;
}

export interface Appender {
  /**
   * Adds one sample to the pending batch.
   * @param ref what an earlier call for the same series returned, or 0. A ref is valid for this storage's lifetime; a stale
   *   or foreign one is looked up again by labels.
   * @param labels sorted, unique (see Labels); kept, so they must not change. Must hold `__name__`.
   * @param tMs integer Unix milliseconds.
   * @returns the series' ref (a number > 0), or the rejection (a string); tell them apart with `typeof`.
   * Nothing is visible or durable before `commit`. No I/O, and no allocation for a known ref.
   */
  append(ref: SeriesRef, labels: Labels, tMs: number, value: number | FloatHistogram, options?: AppendOptions): SeriesRef | Rejection;
  /**
   * The fast lane of `append`, which a storage need not have: float samples `[from, to)` of series with known refs, values as bits (a
   * staleness marker is its own bits, other NaNs have one form). Takes them in order up to the first that it would not take just so (an
   * unknown ref, a rejection, a repetition, a late sample), which the caller gives to `append`. The arrays are copied.
   * @returns how many were taken.
   */
  appendMany?(refs: Float64Array, times: Float64Array, values: Float64Array, from: number, to: number): number;
  /** Attaches an exemplar to a series of this batch or an existing one. */
  appendExemplar(ref: SeriesRef, labels: Labels, exemplar: Exemplar): SeriesRef | Rejection;
  /**
   * Makes the whole batch durable (write-ahead log) and then visible; all or nothing. The appender must not be used again.
   * Throws an operating failure (disk full, I/O error) with nothing visible.
   */
  commit(): Promise<void>;
  /** Drops the batch. */
  rollback(): void;
}

export interface Appendable {
  appender(): Appender;
}
