/**
 * A view of the head as it was when the querier was made: commits that come later stay invisible, whole.
 */
import { compareBytes, type Matcher, type Querier, type SelectHints, type Series, type SeriesSet } from '@pronoia/model';
import { BulkSeries } from '../bulk-series.ts';
import { type PostingsIndex, selectPostings } from '../postings-query.ts';
import { Turn } from '../turn.ts';
import type { Head } from './head.ts';
import { HeadSeries } from './head-series.ts';

export class HeadIndex implements PostingsIndex {
  readonly #head: Head;

  constructor(head: Head) {
    this.#head = head;
  }

  all(): Uint32Array {
    const { series } = this.#head;
    const [gapStart, gapEnd] = series.gap;
    return Uint32Array.from({ length: series.liveCount }, (_, i) => (i < gapStart ? i : i + gapEnd - gapStart));
  }

  postings(name: string, value: string): Uint32Array {
    const { series } = this.#head;
    const nameId = series.symbols.find(name);
    const valueId = series.symbols.find(value);
    return nameId < 0 || valueId < 0 ? new Uint32Array(0) : series.slotsWith(nameId, valueId);
  }

  *values(name: string, prefix: string): Iterable<string> {
    const { symbols, postings } = this.#head.series;
    for (const id of postings.values(symbols.find(name))) {
      const text = symbols.text(id);
      if (text.startsWith(prefix)) yield text;
    }
  }
}

/** Commits that came after a querier was made, while it is open: their columns, so that it can tell what it must not see. */
export interface LaterCommit {
  readonly commit: number;
  readonly refs: Float64Array;
  readonly times: Float64Array;
}

export class HeadQuerier implements Querier {
  readonly #head: Head;
  readonly #index: HeadIndex;
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #commit: number;
  readonly #laterCommits: readonly LaterCommit[];
  readonly #onClose: (querier: HeadQuerier) => void;
  /** First time per ref among the commits after ours. */
  readonly #firstHidden = new Map<number, number>();
  #hiddenUpTo: number;

  constructor(head: Head, minMs: number, maxMs: number, laterCommits: readonly LaterCommit[], onClose: (querier: HeadQuerier) => void) {
    this.#head = head;
    this.#index = new HeadIndex(head);
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#commit = head.commits;
    this.#hiddenUpTo = head.commits;
    this.#laterCommits = laterCommits;
    this.#onClose = onClose;
  }

  get minMs(): number {
    return this.#minMs;
  }

  get commit(): number {
    return this.#commit;
  }

  async select(matchers: readonly Matcher[], hints?: SelectHints, signal?: AbortSignal): Promise<SeriesSet> {
    signal?.throwIfAborted();
    let slots = this.#slots(matchers);
    const ready = this.#head.order.readyFor(slots.length);
    if (ready !== undefined) {
      await ready;
      signal?.throwIfAborted();
      slots = this.#slots(matchers);
    }
    const visible = new Uint32Array(slots.length);
    let count = 0;
    for (const slot of slots) if (this.#isVisible(slot)) visible[count++] = slot;
    const sorted = this.#head.order.sort(visible.subarray(0, count));
    const limit = hints?.limit ?? 0;
    // Slots may move while others have their turn, refs do not.
    const refs = Float64Array.from(limit > 0 ? sorted.subarray(0, limit) : sorted, (slot) => this.#head.series.ref(slot));
    const series: Series[] = [];
    const turn = new Turn(signal);
    for (const ref of refs) {
      const pause = turn.pass();
      if (pause !== undefined) await pause;
      const slot = this.#head.series.slotOf(ref);
      if (slot < 0) continue;
      const maxMs = Math.min(this.#lastVisibleMs(slot), this.#maxMs);
      series.push(new HeadSeries(this.#head, ref, this.#head.series.labels(slot), this.#minMs, maxMs));
    }
    return { series, warnings: [], bulk: new BulkSeries(series) };
  }

  #overlaps(): boolean {
    const { minMs, maxMs } = this.#head;
    return maxMs >= this.#minMs && minMs <= this.#maxMs;
  }

  #slots(matchers: readonly Matcher[]): Uint32Array {
    return this.#overlaps() ? selectPostings(this.#index, matchers) : new Uint32Array(0);
  }

  /** In-order samples: everything up to this time was there when the querier was made. */
  #lastVisibleMs(slot: number): number {
    const lastMs = this.#head.lastMs(slot);
    if (this.#head.lastCommit(slot) <= this.#commit) return lastMs;
    this.#readLaterCommits();
    const hidden = this.#firstHidden.get(this.#head.series.ref(slot));
    return hidden === undefined ? lastMs : hidden - 1;
  }

  #readLaterCommits(): void {
    for (const { commit, refs, times } of this.#laterCommits) {
      if (commit <= this.#hiddenUpTo) continue;
      this.#hiddenUpTo = commit;
      for (let i = 0; i < refs.length; i++) {
        const ref = refs[i] as number;
        if (!this.#firstHidden.has(ref)) this.#firstHidden.set(ref, times[i] as number);
      }
    }
  }

  async labelNames(matchers: readonly Matcher[], limit = 0, signal?: AbortSignal): Promise<string[]> {
    signal?.throwIfAborted();
    const { symbols, postings } = this.#head.series;
    const isAll = this.#wantsAll(matchers);
    const ids = new Set<number>(isAll ? postings.names() : []);
    for (const slot of isAll ? [] : this.#visibleSlots(matchers)) {
      const labelIds = this.#head.series.ids(slot);
      for (let i = 0; i < labelIds.length; i += 2) ids.add(labelIds[i] as number);
    }
    return cut(
      [...ids].map((id) => symbols.text(id)),
      limit,
    );
  }

  async labelValues(name: string, matchers: readonly Matcher[], limit = 0, signal?: AbortSignal): Promise<string[]> {
    signal?.throwIfAborted();
    const { symbols, postings } = this.#head.series;
    const nameId = symbols.find(name);
    const isAll = this.#wantsAll(matchers);
    const ids = new Set<number>(isAll ? postings.values(nameId) : []);
    for (const slot of isAll ? [] : this.#visibleSlots(matchers)) {
      const labelIds = this.#head.series.ids(slot);
      for (let i = 0; i < labelIds.length; i += 2) if (labelIds[i] === nameId) ids.add(labelIds[i + 1] as number);
    }
    return cut(
      [...ids].map((id) => symbols.text(id)),
      limit,
    );
  }

  /** Without matchers: all that the head has, in whatever part of our range, as the original; unless something came after us. */
  #wantsAll(matchers: readonly Matcher[]): boolean {
    return matchers.length === 0 && this.#overlaps() && this.#head.commits === this.#commit;
  }

  *#visibleSlots(matchers: readonly Matcher[]): Iterable<number> {
    for (const slot of this.#slots(matchers)) if (this.#isVisible(slot)) yield slot;
  }

  /** Whether the series may have samples in our range. */
  #isVisible(slot: number): boolean {
    const lastMs = this.#lastVisibleMs(slot);
    return lastMs >= this.#minMs && this.#head.firstMs(slot) <= Math.min(lastMs, this.#maxMs);
  }

  close(): void {
    this.#onClose(this);
  }
}

/** The order of UTF-16, which is quick, is that of bytes below U+D800. */
function cut(texts: string[], limit: number): string[] {
  if (texts.every((text) => !/[\ud800-\uffff]/.test(text))) texts.sort();
  else texts.sort(compareBytes);
  return limit > 0 ? texts.slice(0, limit) : texts;
}
