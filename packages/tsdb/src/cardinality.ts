/** Who makes the most series: the figures behind `/api/v1/status/tsdb`. */
import type { Head } from './head/head.ts';

export interface NamedCount {
  readonly name: string;
  readonly value: number;
}

export interface HeadStatistics {
  readonly numSeries: number;
  readonly numLabelPairs: number;
  readonly chunkCount: number;
  /** Unix ms; absent without samples. */
  readonly minMs: number | undefined;
  readonly maxMs: number | undefined;
  readonly seriesCountByMetricName: readonly NamedCount[];
  readonly labelValueCountByLabelName: readonly NamedCount[];
  /** Characters of a label's values, counted once per series. */
  readonly memoryInBytesByLabelName: readonly NamedCount[];
  readonly seriesCountByLabelValuePair: readonly NamedCount[];
}

/** Each list has the `limit` largest, largest first. */
export function headStatistics(head: Head, limit: number): HeadStatistics {
  const { symbols, postings } = head.series;
  const byMetric = new Top(limit);
  const valuesByName = new Top(limit);
  const bytesByName = new Top(limit);
  const byPair = new Top(limit);
  for (const nameId of postings.names()) {
    const name = symbols.text(nameId);
    const values = postings.values(nameId);
    let bytes = 0;
    for (const valueId of values) {
      const value = symbols.text(valueId);
      const count = postings.count(nameId, valueId);
      bytes += Buffer.byteLength(value) * count;
      if (name === '__name__') byMetric.add(value, count);
      byPair.add(`${name}=${value}`, count);
    }
    valuesByName.add(name, values.length);
    bytesByName.add(name, bytes);
  }
  const hasSamples = head.maxMs >= head.minMs;
  return {
    numSeries: head.seriesCount,
    numLabelPairs: postings.size,
    chunkCount: head.chunkCount,
    minMs: hasSamples ? head.minMs : undefined,
    maxMs: hasSamples ? head.maxMs : undefined,
    seriesCountByMetricName: byMetric.list(),
    labelValueCountByLabelName: valuesByName.list(),
    memoryInBytesByLabelName: bytesByName.list(),
    seriesCountByLabelValuePair: byPair.list(),
  };
}

/** The largest of many, without sorting all. */
class Top {
  readonly #limit: number;
  #entries: NamedCount[] = [];
  #floor = -1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(name: string, value: number): void {
    if (value <= this.#floor) return;
    this.#entries.push({ name, value });
    if (this.#entries.length >= this.#limit * 2 + 16) this.#trim();
  }

  #trim(): void {
    this.#entries.sort((a, b) => b.value - a.value);
    if (this.#entries.length < this.#limit) return;
    this.#entries.length = this.#limit;
    this.#floor = this.#entries.at(-1)?.value ?? -1;
  }

  list(): NamedCount[] {
    this.#trim();
    return this.#entries;
  }
}
