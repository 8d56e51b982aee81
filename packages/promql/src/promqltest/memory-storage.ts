/**
 * A storage in memory for scripts and tests: sorted lists, nothing else. It gives histograms the counter-reset hints that the
 * original's head would: unknown for the first sample of a chunk, not_reset for the others (promql.md §13).
 */
import {
  type FloatHistogram,
  Labels,
  type Matcher,
  type Querier,
  type Queryable,
  type SampleBatch,
  type SampleReader,
  type SeriesSet,
} from '@pronoia/model';
import { detectsReset } from '../value/histogram-arithmetic.ts';
import { isCustom } from '../value/histogram-buckets.ts';

export interface StoredSample {
  readonly tMs: number;
  readonly value: number;
  readonly histogram?: FloatHistogram;
  readonly stale?: boolean;
  /** 0 = unknown. */
  readonly startMs?: number;
}

interface StoredSeries {
  readonly labels: Labels;
  samples: StoredSample[];
}

export class MemoryStorage implements Queryable {
  readonly #series = new Map<string, StoredSeries>();

  /** A second sample at one time replaces the first. */
  append(labels: Labels, samples: readonly StoredSample[]): void {
    const key = labels.key();
    const known = this.#series.get(key);
    const byTime = new Map((known?.samples ?? []).map((sample) => [sample.tMs, sample]));
    for (const sample of samples) byTime.set(sample.tMs, sample);
    const sorted = [...byTime.values()].sort((a, b) => a.tMs - b.tMs);
    this.#series.set(key, { labels, samples: withHints(sorted) });
  }

  querier(minMs: number, maxMs: number): Querier {
    const matching = (matchers: readonly Matcher[]): StoredSeries[] =>
      [...this.#series.values()]
        .filter(({ labels }) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))))
        .sort((a, b) => Labels.compare(a.labels, b.labels));
    const select = (matchers: readonly Matcher[]): Promise<SeriesSet> =>
      Promise.resolve({
        series: matching(matchers).map(({ labels, samples }) => ({ labels, samples: () => new ListReader(samples, minMs, maxMs) })),
        warnings: [],
      });
    const names = (matchers: readonly Matcher[]): string[] => [
      ...new Set(matching(matchers).flatMap(({ labels }) => [...labels].map(([name]) => name))),
    ];
    const values = (name: string, matchers: readonly Matcher[]): string[] => [
      ...new Set(matching(matchers).map(({ labels }) => labels.get(name))),
    ];
    return {
      select,
      labelNames: (matchers) => Promise.resolve(names(matchers).sort()),
      labelValues: (name, matchers) =>
        Promise.resolve(
          values(name, matchers)
            .filter((value) => value !== '')
            .sort(),
        ),
      close: () => undefined,
    };
  }
}

class ListReader implements SampleReader {
  readonly #samples: readonly StoredSample[];
  readonly #maxMs: number;
  #at: number;

  constructor(samples: readonly StoredSample[], minMs: number, maxMs: number) {
    this.#samples = samples;
    this.#maxMs = maxMs;
    this.#at = samples.findIndex(({ tMs }) => tMs >= minMs);
    if (this.#at < 0) this.#at = samples.length;
  }

  read(into: SampleBatch): number {
    let n = 0;
    if (into.hasHistograms) into.histograms.fill(undefined);
    into.hasHistograms = false;
    into.hasStartTimes = false;
    for (; n < into.capacity && this.#at < this.#samples.length; this.#at++, n++) {
      const sample = this.#samples[this.#at] as StoredSample;
      if (sample.tMs > this.#maxMs) break;
      into.times[n] = sample.tMs;
      into.values[n] = sample.value;
      into.stale[n] = sample.stale === true ? 1 : 0;
      into.histograms[n] = sample.histogram;
      into.startTimes[n] = sample.startMs ?? 0;
      if (sample.histogram !== undefined) into.hasHistograms = true;
      if (sample.startMs !== undefined && sample.startMs !== 0) into.hasStartTimes = true;
    }
    return n;
  }
}

function withHints(samples: readonly StoredSample[]): StoredSample[] {
  let previous: FloatHistogram | undefined;
  return samples.map((sample) => {
    const { histogram } = sample;
    if (histogram === undefined) {
      previous = undefined;
      return sample;
    }
    const startsChunk = previous === undefined || breaksChunk(histogram, previous);
    previous = histogram;
    const counterResetHint = histogram.counterResetHint === 'gauge' ? 'gauge' : startsChunk ? 'unknown' : 'not_reset';
    return { ...sample, histogram: { ...histogram, counterResetHint } };
  });
}

function breaksChunk(current: FloatHistogram, previous: FloatHistogram): boolean {
  if ((current.counterResetHint === 'gauge') !== (previous.counterResetHint === 'gauge')) return true;
  if (current.schema !== previous.schema || current.zeroThreshold !== previous.zeroThreshold) return true;
  if (isCustom(current) && current.customValues.join() !== previous.customValues.join()) return true;
  if (current.counterResetHint === 'gauge') return false;
  if (current.counterResetHint === 'reset') return true;
  return detectsReset({ ...current, counterResetHint: 'unknown' }, previous);
}
