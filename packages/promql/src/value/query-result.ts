/** What a query answers: one of four values, what the user should know beside it, and what it cost. */
import type { FloatHistogram, Labels } from '@pronoia/model';

export interface QueryResult {
  readonly value: QueryValue;
  /** Whole texts, `PromQL warning: … (1:5)` and those of the storage; unique, no order. */
  readonly warnings: readonly string[];
  /** Whole texts, `PromQL info: … (1:5)`. */
  readonly infos: readonly string[];
  readonly stats: QueryStats;
}

export type QueryValue =
  | { readonly kind: 'scalar'; readonly tMs: number; readonly value: number }
  | { readonly kind: 'string'; readonly tMs: number; readonly value: string }
  /** In the order of evaluation (`sort`, `topk` mean something by it). All samples are at `tMs`. */
  | { readonly kind: 'vector'; readonly tMs: number; readonly samples: readonly VectorSample[] }
  /** Sorted by labels. */
  | { readonly kind: 'matrix'; readonly series: readonly MatrixSeries[] };

export interface VectorSample {
  readonly labels: Labels;
  /** 0 where a histogram is set. */
  readonly value: number;
  readonly histogram: FloatHistogram | undefined;
}

/** Columns: `values[i]` was at `times[i]`; histograms have a time column of their own. Times are Unix ms, ascending. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly histogramTimes: Float64Array;
  readonly histograms: readonly FloatHistogram[];
}

/** The API's `stats`: timings in seconds. */
export interface QueryStats {
  readonly timings: {
    readonly evalTotalTime: number;
    readonly resultSortTime: number;
    readonly queryPreparationTime: number;
    readonly innerEvalTime: number;
    readonly execQueueTime: number;
    readonly execTotalTime: number;
  };
  readonly samples: {
    readonly totalQueryableSamples: number;
    readonly samplesRead: number;
    readonly peakSamples: number;
    /** `[Unix ms, samples]` per step; only when asked for (`perStepStats`). */
    readonly totalQueryableSamplesPerStep?: readonly (readonly [number, number])[];
  };
}
