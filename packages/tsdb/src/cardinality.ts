/** Who has and who makes the most series: the figures behind `/api/v1/status/tsdb`. */
import type { Labels } from '@pronoia/model';
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
  /** Series that were new since the end of the block before the last: who makes new ones all the time. */
  readonly seriesCreatedByMetricName: readonly NamedCount[];
  readonly seriesCreatedByJob: readonly NamedCount[];
}

/** Names that are counted at a time: those with the fewest series make room for others. */
const mostNames = 10_000;

/** Counts new series by metric and by job, over this span of the head and the one before. */
export class SeriesCreators {
  #byMetric = new Map<string, number>();
  #byJob = new Map<string, number>();
  #before: readonly [byMetric: ReadonlyMap<string, number>, byJob: ReadonlyMap<string, number>] = [new Map(), new Map()];

  created(labels: Labels): void {
    this.#byMetric = count(this.#byMetric, labels.get('__name__'));
    this.#byJob = count(this.#byJob, labels.get('job'));
  }

  /** A span of the head has become a block. */
  nextSpan(): void {
    this.#before = [this.#byMetric, this.#byJob];
    this.#byMetric = new Map();
    this.#byJob = new Map();
  }

  byMetric(limit: number): readonly NamedCount[] {
    return largest(limit, this.#byMetric, this.#before[0]);
  }

  byJob(limit: number): readonly NamedCount[] {
    return largest(limit, this.#byJob, this.#before[1]);
  }
}

function count(counts: Map<string, number>, name: string): Map<string, number> {
  if (name === '') return counts;
  counts.set(name, (counts.get(name) ?? 0) + 1);
  if (counts.size <= mostNames) return counts;
  return new Map([...counts].sort(([, a], [, b]) => b - a).slice(0, mostNames / 2));
}

/** The `limit` largest, largest first. */
export function largestOf(counts: Iterable<readonly [name: string, value: number]>, limit: number): readonly NamedCount[] {
  const top = new Top(limit);
  for (const [name, value] of counts) top.add(name, value);
  return top.list();
}

function largest(limit: number, now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): readonly NamedCount[] {
  const top = new Top(limit);
  for (const name of new Set([...now.keys(), ...before.keys()])) top.add(name, (now.get(name) ?? 0) + (before.get(name) ?? 0));
  return top.list();
}

/** Each list has the `limit` largest, largest first. */
export function headStatistics(head: Head, creators: SeriesCreators, limit: number): HeadStatistics {
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
    seriesCreatedByMetricName: creators.byMetric(limit),
    seriesCreatedByJob: creators.byJob(limit),
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
