/** What a metric says of itself when it is read, whatever the format: implemented by the text and the protobuf writer. */
import type { Exemplars } from './exemplars.ts';
import type { MetricObjectWithValues, MetricType } from './family.ts';
import type { NativeBuckets } from './native-buckets.ts';
import type { SeriesTable } from './series-table.ts';

export interface FamilyHeader {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly unit?: string;
  readonly series?: SeriesTable;
}

export interface Sink {
  /**
   * Begins a family. `isCreatedShown`: tell when each series began, if the format leaves a choice. `isNameTaken`: some other family has the
   * name that remains when this one's suffix is cut off.
   */
  family(header: FamilyHeader, isCreatedShown: boolean, isNameTaken: boolean): void;
  /** A series of one number, at `series.values[slot]`. */
  scalar(series: SeriesTable, slot: number, exemplars?: Exemplars): void;
  /** A series of `bounds.length` bucket counts, the count above them, and the sum; perhaps native buckets of the same observations. */
  histogram(series: SeriesTable, slot: number, bounds: readonly number[], exemplars: Exemplars, native: NativeBuckets | undefined): void;
  /** A series of count and sum, with the values at some quantiles. */
  summary(series: SeriesTable, slot: number, quantiles: readonly number[], values: readonly number[]): void;
  /** All samples of a family that comes as JSON: of a user's own collector, or aggregated from several processes. Yields false on the way. */
  values(family: MetricObjectWithValues): Generator<boolean>;
  endFamily(): void;
  /** Ends the exposition. */
  end(): void;
}
