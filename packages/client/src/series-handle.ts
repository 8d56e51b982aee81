/**
 * One series, looked up once. Recording through a handle is an addition in an array: the labels are compared again only after a series of the
 * same metric was removed (then `epoch` differs). The series appears with the first recording, and again if it was removed in between.
 */
import type { LabelValues } from './family.ts';
import type { SeriesTable } from './series-table.ts';
import { unknownLabel } from './validation.ts';

export class SeriesHandle {
  readonly table: SeriesTable;
  slot = -1;
  epoch = -1;
  readonly labelValues: LabelValues;

  constructor(table: SeriesTable, labelValues: LabelValues) {
    for (const name in labelValues) if (!table.names.includes(name)) throw unknownLabel(name, table.names);
    this.table = table;
    this.labelValues = { ...labelValues };
  }

  /** Finds the slot anew. False when the metric may have no further series: the recording is dropped (and counted). */
  resolve(): boolean {
    const { table } = this;
    this.slot = table.slot(this.labelValues);
    // Finding may itself have removed expired series, so the epoch is read afterwards.
    this.epoch = this.slot < 0 ? -1 : table.epoch;
    return this.slot >= 0;
  }
}
