/**
 * Exemplars: a ring of the newest ones over all series, in memory (and in the write-ahead log). Blocks do not hold them.
 */
import { type Exemplar, Labels, type Matcher, type Rejection } from '@pronoia/model';

/** Characters in names and values together (OpenMetrics). */
const maxRunes = 128;

interface Entry {
  readonly series: Labels;
  readonly ref: number;
  readonly exemplar: Exemplar;
}

export interface SeriesExemplars {
  readonly series: Labels;
  /** Ascending by time. */
  readonly exemplars: readonly Exemplar[];
}

export class ExemplarRing {
  readonly #capacity: number;
  readonly #ring: Entry[] = [];
  #next = 0;
  readonly #newest = new Map<number, Exemplar>();

  /** 0: keeps none. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get count(): number {
    return this.#ring.length;
  }

  get isOn(): boolean {
    return this.#capacity > 0;
  }

  /** `repeated`: the newest one of the series again, which is no fault. */
  appendable(ref: number, exemplar: Exemplar): 'yes' | 'repeated' | Rejection {
    let runes = 0;
    for (const text of exemplar.labels.pairs) runes += Array.from(text).length;
    if (runes > maxRunes) return 'exemplar_invalid';
    const newest = this.#newest.get(ref);
    if (newest === undefined || exemplar.timestampMs > newest.timestampMs) return 'yes';
    const isSame =
      exemplar.timestampMs === newest.timestampMs && Object.is(exemplar.value, newest.value) && exemplar.labels.equals(newest.labels);
    return isSame ? 'repeated' : 'out_of_order';
  }

  add(ref: number, series: Labels, exemplar: Exemplar): void {
    if (this.#capacity === 0 || this.appendable(ref, exemplar) !== 'yes') return;
    const overwritten = this.#ring[this.#next];
    if (overwritten !== undefined && this.#newest.get(overwritten.ref) === overwritten.exemplar) this.#newest.delete(overwritten.ref);
    this.#ring[this.#next] = { series, ref, exemplar };
    this.#next = (this.#next + 1) % this.#capacity;
    this.#newest.set(ref, exemplar);
  }

  /** Series that any of the matcher lists accepts, ascending by labels. Bounds inclusive. */
  select(matcherLists: readonly (readonly Matcher[])[], minMs: number, maxMs: number): SeriesExemplars[] {
    const bySeries = new Map<string, { series: Labels; exemplars: Exemplar[] }>();
    for (const { series, exemplar } of this.#ring) {
      if (exemplar.timestampMs < minMs || exemplar.timestampMs > maxMs) continue;
      if (!matcherLists.some((matchers) => matchers.every((matcher) => matcher.matches(series.get(matcher.name))))) continue;
      const key = series.key();
      const found = bySeries.get(key);
      if (found === undefined) bySeries.set(key, { series, exemplars: [exemplar] });
      else found.exemplars.push(exemplar);
    }
    const all = [...bySeries.values()].sort((a, b) => Labels.compare(a.series, b.series));
    for (const { exemplars } of all) exemplars.sort((a, b) => a.timestampMs - b.timestampMs);
    return all;
  }

  /** All that are kept, oldest first: for the checkpoint. */
  *entries(): Iterable<readonly [ref: number, exemplar: Exemplar]> {
    for (let i = 0; i < this.#ring.length; i++) {
      const { ref, exemplar } = this.#ring[(this.#next + i) % this.#ring.length] as Entry;
      yield [ref, exemplar];
    }
  }
}
