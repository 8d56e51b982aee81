/**
 * What both text expositions share: how a sample line is handed out, how a series is scanned and decoded, how a number is read.
 *
 * A parser walks over the bytes of a page and calls a sink. Nothing of a line becomes a string unless the sink asks: it gets
 * the byte range of the series (name and labels as written), which is enough to find a series that the last scrape has
 * seen already. Hot: see bench `exposition`.
 */
import { formatOpenMetricsFloat } from './float-text.ts';
import { compareBytes, Labels } from './labels.ts';
import { quoteGo } from './quote.ts';
import type { Exemplar } from './storage.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'gaugehistogram' | 'summary' | 'info' | 'stateset' | 'unknown';

export interface ExpositionSink {
  /** The line object is reused for the next line: take what is needed before returning. */
  sample(line: SampleLine): void;
  /**
   * A short cut for series of the last scrape: when the bytes from `start` on are those of a series that this parser has handed out
   * before, returns the offset after it, and they are not looked at again; else 0.
   */
  recognize?(bytes: Uint8Array, start: number): number;
  type?(family: string, type: MetricType): void;
  help?(family: string, help: string): void;
  unit?(family: string, unit: string): void;
}

/** A page that is not in the format. The message starts with the place: `line 3, column 7: expected …`. */
export class ExpositionError extends Error {
  override readonly name = 'ExpositionError';
  readonly line: number;
  readonly column: number;

  constructor(bytes: Uint8Array, offset: number, message: string) {
    let line = 1;
    let lineStart = 0;
    for (let i = 0; i < offset; i++) {
      if (bytes[i] !== newline) continue;
      line++;
      lineStart = i + 1;
    }
    super(`line ${line}, column ${offset - lineStart + 1}: ${message}`);
    this.line = line;
    this.column = offset - lineStart + 1;
  }
}

/** One sample as it stands on the page. Owned by the parser. */
export class SampleLine {
  /** The page. */
  bytes: Uint8Array = new Uint8Array();
  /** The series as written, from the first byte of its name or brace to the one after its last: `bytes.subarray(start, end)`. */
  start = 0;
  end = 0;
  value = 0;
  hasTimestamp = false;
  /** Integer Unix milliseconds; meaningless without `hasTimestamp`. */
  timestampMs = 0;
  hasExemplar = false;
  exemplarStart = 0;
  exemplarEnd = 0;
  exemplarValue = 0;
  exemplarHasTimestamp = false;
  exemplarTimestampMs = 0;
  /** Type of the family whose metadata came last. */
  metricType: MetricType = 'unknown';

  /**
   * Decodes the series: sorted, without empty values. `le` and `quantile` of a typed family are printed in one way (`1` →
   * `1.0`), so that the identity of a series does not hang on the client's number format. Throws ExpositionError on a repeated
   * label or on bytes that are not UTF-8.
   */
  labels(): Labels {
    return decodeLabels(this.bytes, this.start, this.end, this.metricType);
  }

  /** The exemplar of this line; `defaultTimestampMs` is its time when it has none of its own. */
  exemplar(defaultTimestampMs: number): Exemplar | undefined {
    if (!this.hasExemplar) return undefined;
    return {
      labels: decodeLabels(this.bytes, this.exemplarStart, this.exemplarEnd, 'unknown'),
      value: this.exemplarValue,
      timestampMs: this.exemplarHasTimestamp ? this.exemplarTimestampMs : defaultTimestampMs,
    };
  }
}

export const newline = 0x0a;
export const blank = 0x20;
export const hash = 0x23;
const tab = 0x09;
const quote = 0x22;
const comma = 0x2c;
const equals = 0x3d;
const backslash = 0x5c;
const braceOpen = 0x7b;
const braceClose = 0x7d;

/** Bit 1: may start a label name; 2: may start a metric name; 4: may continue a label name; 8: a metric name. */
const charClass = new Uint8Array(256);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[a-zA-Z_]/.test(char)) charClass[code] = 15;
  else if (char === ':') charClass[code] = 2 | 8;
  else if (/[0-9]/.test(char)) charClass[code] = 4 | 8;
}

export function startsName(byte: number | undefined): boolean {
  return byte !== undefined && ((charClass[byte] as number) & 2) !== 0;
}

export function skipName(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && ((charClass[bytes[end] as number] as number) & 8) !== 0) end++;
  return end;
}

export function skipBlanks(bytes: Uint8Array, at: number): number {
  let end = at;
  while (bytes[end] === blank || bytes[end] === tab) end++;
  return end;
}

/** What a format allows inside the braces. */
export interface SeriesGrammar {
  readonly blanks: boolean;
  readonly trailingComma: boolean;
  readonly newlineInQuotes: boolean;
}

/** Returns the offset after the series that starts at `start`: `name`, `name{…}` or `{"name", …}`. */
function scanSeries(bytes: Uint8Array, start: number, grammar: SeriesGrammar): number {
  const named = startsName(bytes[start]);
  const nameEnd = named ? skipName(bytes, start + 1) : start;
  const open = grammar.blanks ? skipBlanks(bytes, nameEnd) : nameEnd;
  if (bytes[open] === braceOpen) return scanBraces(bytes, open, grammar, named);
  if (!named) throw new ExpositionError(bytes, start, `expected a metric name, a comment or a line end, found ${show(bytes, start)}`);
  return nameEnd;
}

/** What `sink.recognize` says, if a blank follows: `foo` is no short cut for `foobar`. Else as `scanSeries`. */
export function findSeriesEnd(bytes: Uint8Array, start: number, grammar: SeriesGrammar, sink: ExpositionSink): number {
  if (sink.recognize !== undefined) {
    const end = sink.recognize(bytes, start);
    if (end > start && bytes[end] === blank) return end;
  }
  return scanSeries(bytes, start, grammar);
}

/** Returns the offset after the closing brace. `named`: a metric name inside would be the second. */
export function scanBraces(bytes: Uint8Array, open: number, grammar: SeriesGrammar, named: boolean): number {
  const { blanks } = grammar;
  let hasName = named;
  let afterComma = false;
  let at = open + 1;
  for (;;) {
    if (blanks) at = skipBlanks(bytes, at);
    const byte = bytes[at];
    if (byte === braceClose && (!afterComma || grammar.trailingComma)) {
      if (!hasName) throw new ExpositionError(bytes, at, 'metric name not set: expected it in quotes inside the braces');
      return at + 1;
    }
    let isName = false;
    const itemAt = at;
    if (byte === quote) {
      at = skipQuoted(bytes, at, grammar);
      if (blanks) at = skipBlanks(bytes, at);
      isName = bytes[at] !== equals;
    } else if (byte !== undefined && ((charClass[byte] as number) & 1) !== 0) {
      at++;
      while (at < bytes.length && ((charClass[bytes[at] as number] as number) & 4) !== 0) at++;
      if (blanks) at = skipBlanks(bytes, at);
    } else {
      throw new ExpositionError(bytes, at, `expected a label name or "}", found ${show(bytes, at)}`);
    }
    if (isName) {
      if (hasName) throw new ExpositionError(bytes, itemAt, 'metric name already set, or a quoted label name without "="');
      hasName = true;
    } else {
      if (bytes[at] !== equals) throw new ExpositionError(bytes, at, `expected "=" after the label name, found ${show(bytes, at)}`);
      at++;
      if (blanks) at = skipBlanks(bytes, at);
      if (bytes[at] !== quote) throw new ExpositionError(bytes, at, `expected a label value in quotes, found ${show(bytes, at)}`);
      at = skipQuoted(bytes, at, grammar);
      if (blanks) at = skipBlanks(bytes, at);
    }
    afterComma = bytes[at] === comma;
    if (afterComma) at++;
    else if (bytes[at] !== braceClose)
      throw new ExpositionError(bytes, at, `expected "," or "}" in the label list, found ${show(bytes, at)}`);
  }
}

export function skipQuoted(bytes: Uint8Array, open: number, grammar: SeriesGrammar): number {
  const { length } = bytes;
  for (let at = open + 1; at < length; at++) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at++;
    else if (byte === newline && !grammar.newlineInQuotes) break;
  }
  throw new ExpositionError(bytes, open, 'quoted text is not closed');
}

/** Decodes a range that `scanSeries` or `scanBraces` accepted. */
function decodeLabels(bytes: Uint8Array, start: number, end: number, metricType: MetricType): Labels {
  const pairs: (readonly [string, string])[] = [];
  let at = start;
  if (startsName(bytes[at])) {
    at = skipName(bytes, at);
    pairs.push(['__name__', decodeText(bytes, start, at)]);
  }
  at = skipBlanks(bytes, at);
  if (at < end) at++;
  for (;;) {
    at = skipBlanks(bytes, at);
    if (bytes[at] === comma) at = skipBlanks(bytes, at + 1);
    if (at >= end || bytes[at] === braceClose) break;
    const nameAt = at;
    const quoted = bytes[at] === quote;
    at = quoted ? skipQuoted(bytes, at, anyQuoted) : skipName(bytes, at);
    const name = quoted ? decodeQuoted(bytes, nameAt, at) : decodeText(bytes, nameAt, at);
    at = skipBlanks(bytes, at);
    if (bytes[at] !== equals) {
      pairs.push(['__name__', name]);
      continue;
    }
    at = skipBlanks(bytes, at + 1);
    const valueAt = at;
    at = skipQuoted(bytes, at, anyQuoted);
    pairs.push([name, normalizeBound(name, decodeQuoted(bytes, valueAt, at), metricType)]);
  }
  pairs.sort((a, b) => compareBytes(a[0], b[0]));
  const flat: string[] = [];
  let previous: string | undefined;
  for (const [name, value] of pairs) {
    if (name === previous) throw new ExpositionError(bytes, start, `label name ${quoteGo(name)} is not unique`);
    previous = name;
    if (value !== '') flat.push(name, value);
  }
  return Labels.fromSorted(flat);
}

const anyQuoted: SeriesGrammar = { blanks: true, trailingComma: true, newlineInQuotes: true };

function normalizeBound(name: string, value: string, metricType: MetricType): string {
  const isBound =
    (name === 'le' && (metricType === 'histogram' || metricType === 'gaugehistogram')) || (name === 'quantile' && metricType === 'summary');
  if (!isBound) return value;
  const bound = parseFloatText(value);
  return bound === undefined ? value : formatOpenMetricsFloat(bound);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws ExpositionError on bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    throw new ExpositionError(bytes, start, 'text is not valid UTF-8');
  }
}

/** `start` at the opening quote, `end` after the closing one. */
export function decodeQuoted(bytes: Uint8Array, start: number, end: number): string {
  return unescape(decodeText(bytes, start + 1, end - 1));
}

/** `\\`, `\"` and `\n`; other backslashes stand for themselves. */
export function unescape(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([\\"n])/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

/** Powers of ten that a double holds exactly: dividing an exact mantissa by one rounds once, as it must. */
const powersOfTen = Array.from({ length: 23 }, (_, i) => 10 ** i);

/** A number as Go reads it, without hexadecimals and underscores; undefined when it is none or too large. */
export function parseFloatBytes(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  const first = bytes[at];
  const negative = first === 0x2d;
  if (negative || first === 0x2b) at++;
  // Fast path: up to 15 digits with a point somewhere.
  let mantissa = 0;
  let digits = 0;
  let pointAt = -1;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digits++;
    } else if (digit === -2 && pointAt < 0) {
      pointAt = digits;
    } else {
      break;
    }
  }
  if (at === end && digits > 0) {
    if (digits > 15) return Number(asciiText(bytes, start, end));
    const value = pointAt < 0 ? mantissa : mantissa / (powersOfTen[digits - pointAt] as number);
    return negative ? -value : value;
  }
  return parseFloatText(asciiText(bytes, start, end));
}

function asciiText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  // Longer than any number that a program prints; all of it would only be copied to be refused.
  const limit = Math.min(end, start + 400);
  for (let i = start; i < limit; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

function parseFloatText(text: string): number | undefined {
  if (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const special = text.toLowerCase();
  if (special === 'nan') return Number.NaN;
  if (!/^[+-]?inf(?:inity)?$/.test(special)) return undefined;
  return special.startsWith('-') ? -Infinity : Infinity;
}

/** What stands at `at`, for an error message. */
export function show(bytes: Uint8Array, at: number): string {
  if (at >= bytes.length) return 'the end';
  let end = at + 1;
  while (end < bytes.length && end < at + 20 && bytes[end] !== newline) end++;
  return quoteGo(new TextDecoder().decode(bytes.subarray(at, end)));
}
