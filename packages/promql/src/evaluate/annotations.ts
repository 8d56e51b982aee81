/** What the user should know beside the answer: warnings and infos, each text once, with the place it is about (promql.md §11). */
import { formatGoFloat } from '@pronoia/model';
import type { Span } from '../syntax/ast.ts';
import { lineColumn } from '../syntax/position.ts';

interface MonotonicityDetails {
  minBucket: number;
  maxBucket: number;
  maxDiff: number;
  samples: number;
  firstMs: number;
  lastMs: number;
}

export class Annotations {
  readonly #text: string;
  readonly #warnings = new Map<string, { span: Span; occurrences: number }>();
  readonly #infos = new Map<string, Span>();
  readonly #monotonicity = new Map<string, MonotonicityDetails & { span: Span }>();
  readonly #storage = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  warn(text: string, span: Span): void {
    const known = this.#warnings.get(text);
    if (known === undefined) this.#warnings.set(text, { span, occurrences: 1 });
    else known.occurrences++;
  }

  info(text: string, span: Span): void {
    if (!this.#infos.has(text)) this.#infos.set(text, span);
  }

  /** One text for all samples of one metric, with the extremes of what was mended. */
  monotonicityInfo(text: string, span: Span, tMs: number, minBucket: number, maxBucket: number, maxDiff: number): void {
    const known = this.#monotonicity.get(text);
    if (known === undefined) {
      this.#monotonicity.set(text, { span, minBucket, maxBucket, maxDiff, samples: 1, firstMs: tMs, lastMs: tMs });
      return;
    }
    known.minBucket = Math.min(known.minBucket, minBucket);
    known.maxBucket = Math.max(known.maxBucket, maxBucket);
    known.maxDiff = Math.max(known.maxDiff, maxDiff);
    known.firstMs = Math.min(known.firstMs, tMs);
    known.lastMs = Math.max(known.lastMs, tMs);
    known.samples++;
  }

  /** Texts of the storage; they have no place in the query. */
  addStorageWarnings(texts: readonly string[]): void {
    for (const text of texts) this.#storage.add(text);
  }

  warnings(): string[] {
    const own = [...this.#warnings].map(([text, { span, occurrences }]) => {
      const counted = text.startsWith('sample has start time') && occurrences > 1 ? ` (${occurrences} occurrences)` : '';
      return `PromQL warning: ${text}${counted} ${this.#place(span)}`;
    });
    return [...own, ...this.#storage];
  }

  infos(): string[] {
    const plain = [...this.#infos].map(([text, span]) => `PromQL info: ${text} ${this.#place(span)}`);
    const mended = [...this.#monotonicity].map(([text, d]) => {
      const buckets = `from buckets ${formatGoFloat(d.minBucket)} to ${formatGoFloat(d.maxBucket)}, with a max diff of ${formatTwoDigits(d.maxDiff)}`;
      const time = `over ${d.samples} samples from ${formatTime(d.firstMs)} to ${formatTime(d.lastMs)}`;
      return `PromQL info: ${text}, ${buckets}, ${time} ${this.#place(d.span)}`;
    });
    return [...plain, ...mended];
  }

  #place(span: Span): string {
    const { line, column } = lineColumn(this.#text, span.start);
    return `(${line}:${column})`;
  }
}

/** Go's `%.2g`. */
function formatTwoDigits(value: number): string {
  if (value === 0) return '0';
  const scientific = value.toExponential(1);
  const at = scientific.indexOf('e');
  const exponent = Number(scientific.slice(at + 1));
  if (exponent >= -4 && exponent < 2) return String(Number(scientific));
  return scientific.slice(0, at).replace(/\.0$/, '') + goExponent(exponent);
}

function goExponent(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function formatTime(tMs: number): string {
  return new Date(tMs)
    .toISOString()
    .replace(/\.000Z$/, 'Z')
    .replace(/0+Z$/, 'Z');
}
