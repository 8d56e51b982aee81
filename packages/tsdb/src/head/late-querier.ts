/**
 * Questions to the late samples of the head. Not isolated from commits that come meanwhile, as in the original.
 */
import {
  compareBytes,
  type FloatHistogram,
  Labels,
  type Matcher,
  type Querier,
  type SampleBatch,
  type SampleReader,
  type SelectHints,
  type Series,
  type SeriesSet,
} from '@pronoia/model';
import { clearExtras } from '../batch-filter.ts';
import { MergeReader } from '../merge-querier.ts';
import { selectPostings } from '../postings-query.ts';
import { isStaleAt } from '../sample-columns.ts';
import type { Head } from './head.ts';
import { HeadIndex } from './head-querier.ts';
import type { LateSamples, OutOfOrderStore } from './out-of-order.ts';

/** A copy of the range: late samples move when others come between them. */
class LateReader implements SampleReader {
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  /** For each time, if there are any. */
  readonly #histograms: (FloatHistogram | undefined)[] | undefined;
  #at = 0;

  constructor(samples: LateSamples, minMs: number, maxMs: number) {
    const from = samples.find(minMs);
    const to = samples.find(maxMs + 1);
    this.#times = samples.times.slice(from, to);
    this.#values = samples.values.slice(from, to);
    const { histograms } = samples;
    if (histograms !== undefined && histograms.size > 0) this.#histograms = Array.from(this.#times, (tMs) => histograms.get(tMs));
  }

  read(into: SampleBatch): number {
    clearExtras(into);
    const count = Math.min(into.capacity, this.#times.length - this.#at);
    if (count === 0) return 0;
    into.times.set(this.#times.subarray(this.#at, this.#at + count));
    into.values.set(this.#values.subarray(this.#at, this.#at + count));
    const words = new Uint32Array(this.#values.buffer, this.#at * 8, count * 2);
    for (let i = 0; i < count; i++) {
      into.stale[i] = isStaleAt(words, i) ? 1 : 0;
    }
    if (this.#histograms !== undefined) {
      into.hasHistograms = true;
      for (let i = 0; i < count; i++) into.histograms[i] = this.#histograms[this.#at + i];
    }
    this.#at += count;
    return count;
  }
}

export class LateQuerier implements Querier {
  readonly #head: Head;
  readonly #store: OutOfOrderStore;
  readonly #minMs: number;
  readonly #maxMs: number;

  constructor(head: Head, store: OutOfOrderStore, minMs: number, maxMs: number) {
    this.#head = head;
    this.#store = store;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  async select(matchers: readonly Matcher[], _hints?: SelectHints, signal?: AbortSignal): Promise<SeriesSet> {
    signal?.throwIfAborted();
    const series = this.#matching(matchers).map(
      ({ labels, parts }): Series => ({
        labels,
        samples: () => {
          const readers = parts.map((part) => new LateReader(part, this.#minMs, this.#maxMs));
          return readers.length === 1 ? (readers[0] as SampleReader) : new MergeReader(readers);
        },
      }),
    );
    return { series, warnings: [] };
  }

  #matching(matchers: readonly Matcher[]): { labels: Labels; parts: LateSamples[] }[] {
    const { series } = this.#head;
    const found: { labels: Labels; parts: LateSamples[] }[] = [];
    for (const slot of selectPostings(new HeadIndex(this.#head), matchers)) {
      const parts = this.#store.parts(series.ref(slot)).filter((part) => part.find(this.#minMs) < part.find(this.#maxMs + 1));
      if (parts.length > 0) found.push({ labels: series.labels(slot), parts });
    }
    return found.sort((a, b) => Labels.compare(a.labels, b.labels));
  }

  async labelNames(matchers: readonly Matcher[], limit = 0): Promise<string[]> {
    const names = new Set<string>();
    for (const { labels } of this.#matching(matchers)) for (const [name] of labels) names.add(name);
    const sorted = [...names].sort(compareBytes);
    return limit > 0 ? sorted.slice(0, limit) : sorted;
  }

  async labelValues(name: string, matchers: readonly Matcher[], limit = 0): Promise<string[]> {
    const values = new Set(this.#matching(matchers).map(({ labels }) => labels.get(name)));
    values.delete('');
    const sorted = [...values].sort(compareBytes);
    return limit > 0 ? sorted.slice(0, limit) : sorted;
  }

  close(): void {
    // Nothing is held.
  }
}
