/**
 * What one target showed before: from the bytes of a series as they stand on the page to its reference in storage. A known series
 * costs no decoding, no label and no allocation: the page almost always lists its series in the order of last time, so the next
 * one is predicted and its bytes compared; only a surprise is hashed and looked up. Hot: see bench `scrape`.
 */
import { Labels, type MetricType, type SeriesRef } from '@pronoia/model';

export interface CachedSeries {
  /** 0 until storage has taken a sample. */
  ref: SeriesRef;
  /** Undefined: relabeling drops it. */
  readonly labels: Labels | undefined;
  /** Where its bytes are in the arena. */
  keyStart: number;
  readonly keyLength: number;
  readonly hash: number;
  /** The scrape that saw it last. */
  lastSeen: number;
  /** Which series followed it on the page. */
  successor: CachedSeries | undefined;
  /** Another series with the same hash. */
  sameHash: CachedSeries | undefined;
}

export interface FamilyMetadata {
  type: MetricType;
  help: string;
  unit: string;
  lastSeen: number;
}

/** Metadata outlives its family by ten scrapes, series that are gone by two (scrape.go, scrapeCache.iterDone). */
const metadataScrapes = 10;
const seriesScrapes = 2;

const blank = 0x20;
const tab = 0x09;
const braceOpen = 0x7b;
const braceClose = 0x7d;

export class ScrapeCache {
  /** Counts scrapes. */
  scrape = 0;
  /** The series of the last successful scrape, those with timestamps of their own apart: what goes stale when it is missing. */
  previous: CachedSeries[] = [];
  readonly metadata = new Map<string, FamilyMetadata>();
  #seriesByHash = new Map<number, CachedSeries>();
  #size = 0;
  readonly #texts = new Map<string, string>();
  #arena = new Uint8Array(4096);
  #arenaUsed = 0;
  /** The series found last; its successor is the prediction. */
  #cursor: CachedSeries | undefined;
  /** What `recognize` has said last, and where. */
  #recognized: CachedSeries | undefined;
  #recognizedAt = 0;
  /** The first series of a page. */
  #first: CachedSeries | undefined;

  get size(): number {
    return this.#size;
  }

  begin(): void {
    this.scrape++;
    this.#cursor = undefined;
    this.#recognized = undefined;
  }

  /**
   * The parser's short cut: where the series that is expected next ends, if it stands at `start`; else 0. A name without braces may still
   * get some.
   */
  recognize(bytes: Uint8Array, start: number): number {
    const cursor = this.#cursor;
    const predicted = cursor === undefined ? this.#first : cursor.successor;
    if (predicted === undefined) return 0;
    const end = start + predicted.keyLength;
    if (end >= bytes.length || !this.#isKeyOf(predicted, bytes, start, end)) return 0;
    if (bytes[end - 1] !== braceClose) {
      let next = end;
      while (bytes[next] === blank || bytes[next] === tab) next++;
      if (bytes[next] === braceOpen) return 0;
    }
    this.#recognized = predicted;
    this.#recognizedAt = start;
    return end;
  }

  /** The series written as `bytes[start, end)`, if it was seen before. */
  find(bytes: Uint8Array, start: number, end: number): CachedSeries | undefined {
    const recognized = this.#recognized;
    this.#recognized = undefined;
    if (recognized !== undefined && this.#recognizedAt === start && recognized.keyLength === end - start) {
      this.#cursor = recognized;
      return recognized;
    }
    const cursor = this.#cursor;
    const predicted = cursor === undefined ? this.#first : cursor.successor;
    if (predicted !== undefined && this.#isKeyOf(predicted, bytes, start, end)) {
      this.#cursor = predicted;
      return predicted;
    }
    let series = this.#seriesByHash.get(hashBytes(bytes, start, end));
    while (series !== undefined && !this.#isKeyOf(series, bytes, start, end)) series = series.sameHash;
    if (series !== undefined) this.#follow(series);
    return series;
  }

  /** Remembers a series that `find` did not know. */
  add(bytes: Uint8Array, start: number, end: number, labels: Labels | undefined): CachedSeries {
    const hash = hashBytes(bytes, start, end);
    const series: CachedSeries = {
      ref: 0,
      labels: labels === undefined ? undefined : this.#share(labels),
      keyStart: this.#store(bytes, start, end),
      keyLength: end - start,
      hash,
      lastSeen: 0,
      successor: undefined,
      sameHash: this.#seriesByHash.get(hash),
    };
    this.#seriesByHash.set(hash, series);
    this.#size++;
    this.#follow(series);
    return series;
  }

  /** After a successful scrape: `seen` are the series that must be marked when they do not come again. */
  end(seen: CachedSeries[]): void {
    this.previous = seen;
    for (const [family, { lastSeen }] of this.metadata) if (this.scrape - lastSeen > metadataScrapes) this.metadata.delete(family);
    // Forgetting costs a walk over everything, so it waits until a good part has gone.
    if (this.#size > 1000 + 2 * seen.length || this.scrape % 50 === 0) this.#forgetGone();
  }

  describe(family: string): FamilyMetadata {
    let entry = this.metadata.get(family);
    if (entry === undefined) {
      entry = { type: 'unknown', help: '', unit: '', lastSeen: this.scrape };
      this.metadata.set(family, entry);
    }
    entry.lastSeen = this.scrape;
    return entry;
  }

  /**
   * The same labels, of strings that other series hold already: every series comes with its own copies of `method` and `GET`. 334 bytes
   * of heap a series in place of 607, on the page of bench `scrape`.
   */
  #share(labels: Labels): Labels {
    return Labels.fromSorted(
      labels.pairs.map((text) => {
        const known = this.#texts.get(text);
        if (known !== undefined) return known;
        this.#texts.set(text, text);
        return text;
      }),
    );
  }

  #follow(series: CachedSeries): void {
    if (this.#cursor === undefined) this.#first = series;
    else this.#cursor.successor = series;
    this.#cursor = series;
  }

  #isKeyOf(series: CachedSeries, bytes: Uint8Array, start: number, end: number): boolean {
    const length = series.keyLength;
    if (length !== end - start) return false;
    const arena = this.#arena;
    const keyStart = series.keyStart;
    // From the end: neighbours differ in their last labels, not in their name.
    for (let i = length - 1; i >= 0; i--) if (arena[keyStart + i] !== bytes[start + i]) return false;
    return true;
  }

  #store(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#arenaUsed;
    const needed = at + end - start;
    if (needed > this.#arena.length) {
      const larger = new Uint8Array(Math.max(needed, this.#arena.length * 2));
      larger.set(this.#arena.subarray(0, at));
      this.#arena = larger;
    }
    this.#arena.set(bytes.subarray(start, end), at);
    this.#arenaUsed = needed;
    return at;
  }

  #forgetGone(): void {
    const kept: CachedSeries[] = [];
    for (let series of this.#seriesByHash.values()) {
      for (;;) {
        if (this.scrape - series.lastSeen <= seriesScrapes) kept.push(series);
        if (series.sameHash === undefined) break;
        series = series.sameHash;
      }
    }
    if (kept.length === this.#size) return;
    const old = this.#arena;
    const bytes = kept.reduce((sum, { keyLength }) => sum + keyLength, 0);
    this.#arena = new Uint8Array(Math.max(4096, bytes));
    this.#arenaUsed = 0;
    this.#seriesByHash = new Map();
    this.#size = kept.length;
    this.#first = undefined;
    const isKept = new Set(kept);
    this.#texts.clear();
    for (const { labels } of kept) for (const text of labels?.pairs ?? []) this.#texts.set(text, text);
    for (const series of kept) {
      series.keyStart = this.#store(old, series.keyStart, series.keyStart + series.keyLength);
      series.sameHash = this.#seriesByHash.get(series.hash);
      if (series.successor !== undefined && !isKept.has(series.successor)) series.successor = undefined;
      this.#seriesByHash.set(series.hash, series);
    }
  }
}

/** FNV-1a. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash;
}
