/**
 * OpenMetrics text, 0.0.1 and 1.0.0 (prometheus-server.md §5.3): exactly one blank between tokens, no free comments,
 * timestamps in seconds, exemplars, `# EOF` at the end.
 *
 * Two degrees. The syntax is always required; what a *family* must look like (suffixes, grouping, cumulative buckets …) only
 * with `strict`, because the original scrapes pages that break those rules.
 */
import {
  blank,
  decodeQuoted,
  decodeText,
  ExpositionError,
  type ExpositionSink,
  findSeriesEnd,
  hash,
  type MetricType,
  newline,
  parseFloatBytes,
  SampleLine,
  type SeriesGrammar,
  scanBraces,
  show,
  skipName,
  skipQuoted,
  startsName,
  unescape,
} from './exposition.ts';
import { FamilyRules } from './openmetrics-rules.ts';

const lenient: SeriesGrammar = { blanks: false, trailingComma: true, newlineInQuotes: false };
const strictGrammar: SeriesGrammar = { ...lenient, trailingComma: false };

const types = new Set<string>(['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset', 'unknown']);

export interface OpenMetricsOptions {
  /** Also require what the specification asks of whole families. */
  readonly strict?: boolean;
}

/** Calls the sink for each line in order. Throws ExpositionError at the first fault; what came before has been handed out. */
export function parseOpenMetrics(bytes: Uint8Array, sink: ExpositionSink, options: OpenMetricsOptions = {}): void {
  for (const _ of openMetricsSlices(bytes, sink, options));
}

/** The same a slice at a time: yields between lines, whenever about `sliceBytes` have been read. */
export function* openMetricsSlices(
  bytes: Uint8Array,
  sink: ExpositionSink,
  options: OpenMetricsOptions = {},
  sliceBytes = Infinity,
): Generator<void> {
  const rules = options.strict ? new FamilyRules(bytes, sink) : undefined;
  const target = rules ?? sink;
  const grammar = options.strict ? strictGrammar : lenient;
  const line = new SampleLine();
  line.bytes = bytes;
  for (let at = 0; ; ) {
    const end = readLines(bytes, at, at + sliceBytes, line, grammar, target);
    if (end < 0) {
      rules?.end(-end);
      return;
    }
    at = end;
    yield;
  }
}

/** Reads lines until one begins at or behind `until`. Returns where it begins; after the last line minus where that one ends. */
function readLines(
  bytes: Uint8Array,
  start: number,
  until: number,
  line: SampleLine,
  grammar: SeriesGrammar,
  sink: ExpositionSink,
): number {
  let at = start;
  while (at < until) {
    if (at >= bytes.length) throw new ExpositionError(bytes, at, 'data does not end with # EOF');
    if (bytes[at] !== hash) {
      at = readSample(bytes, at, line, grammar, sink);
      continue;
    }
    const end = lineEnd(bytes, at);
    if (end - at === 5 && startsWith(bytes, at, '# EOF')) {
      if (end + 1 < bytes.length) throw new ExpositionError(bytes, end + 1, 'unexpected data after # EOF');
      return -end;
    }
    if (end === bytes.length) throw new ExpositionError(bytes, at, 'data does not end with # EOF');
    readMetadata(bytes, at, end, line, sink);
    at = end + 1;
  }
  return at;
}

function lineEnd(bytes: Uint8Array, at: number): number {
  const end = bytes.indexOf(newline, at);
  return end < 0 ? bytes.length : end;
}

function readSample(bytes: Uint8Array, start: number, line: SampleLine, grammar: SeriesGrammar, sink: ExpositionSink): number {
  line.start = start;
  line.end = findSeriesEnd(bytes, start, grammar, sink);
  let at = endOfWord(bytes, line.end, 'a value');
  line.value = readNumber(bytes, line.end + 1, at, 'value');
  line.hasTimestamp = false;
  line.hasExemplar = false;
  if (bytes[at] === blank && bytes[at + 1] !== hash) {
    const end = endOfWord(bytes, at, 'a timestamp');
    line.timestampMs = readTimestamp(bytes, at + 1, end);
    line.hasTimestamp = true;
    at = end;
  }
  if (bytes[at] === blank) {
    if (!startsWith(bytes, at, ' # {'))
      throw new ExpositionError(bytes, at, `expected an exemplar or a line end, found ${show(bytes, at)}`);
    line.exemplarStart = at + 3;
    line.exemplarEnd = scanBraces(bytes, at + 3, grammar, true);
    at = endOfWord(bytes, line.exemplarEnd, "the exemplar's value");
    line.exemplarValue = readNumber(bytes, line.exemplarEnd + 1, at, "exemplar's value");
    line.hasExemplar = true;
    line.exemplarHasTimestamp = bytes[at] === blank;
    if (line.exemplarHasTimestamp) {
      const end = endOfWord(bytes, at, "the exemplar's timestamp");
      line.exemplarTimestampMs = readTimestamp(bytes, at + 1, end);
      at = end;
    }
  }
  if (bytes[at] !== newline) throw new ExpositionError(bytes, at, `expected a line end, found ${show(bytes, at)}`);
  sink.sample(line);
  return at + 1;
}

/** The end of the word after the one blank at `at`. */
function endOfWord(bytes: Uint8Array, at: number, what: string): number {
  if (bytes[at] !== blank) throw new ExpositionError(bytes, at, `expected a blank and ${what}, found ${show(bytes, at)}`);
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== blank && bytes[end] !== newline) end++;
  if (end === at + 1) throw new ExpositionError(bytes, end, `expected ${what} after the blank, found ${show(bytes, end)}`);
  return end;
}

function readNumber(bytes: Uint8Array, start: number, end: number, what: string): number {
  const value = parseFloatBytes(bytes, start, end);
  if (value === undefined) throw new ExpositionError(bytes, start, `expected a number as ${what}, found ${show(bytes, start)}`);
  return value;
}

function readTimestamp(bytes: Uint8Array, start: number, end: number): number {
  const seconds = readNumber(bytes, start, end, 'timestamp');
  const ms = Math.trunc(seconds * 1000);
  if (!Number.isSafeInteger(ms)) throw new ExpositionError(bytes, start, `invalid timestamp ${show(bytes, start)}`);
  return ms;
}

function readMetadata(bytes: Uint8Array, start: number, end: number, line: SampleLine, sink: ExpositionSink): void {
  const keyword = (['HELP', 'TYPE', 'UNIT'] as const).find((word) => startsWith(bytes, start, `# ${word} `));
  if (keyword === undefined)
    throw new ExpositionError(bytes, start, `expected # HELP, # TYPE, # UNIT or # EOF, found ${show(bytes, start)}`);
  const nameAt = start + 7;
  const quoted = bytes[nameAt] === 0x22;
  if (!quoted && !startsName(bytes[nameAt])) {
    throw new ExpositionError(bytes, nameAt, `expected a metric name after ${keyword}, found ${show(bytes, nameAt)}`);
  }
  const nameEnd = quoted ? skipQuoted(bytes, nameAt, lenient) : skipName(bytes, nameAt);
  if (bytes[nameEnd] !== blank)
    throw new ExpositionError(bytes, nameEnd, `expected a blank after the metric name, found ${show(bytes, nameEnd)}`);
  const name = quoted ? decodeQuoted(bytes, nameAt, nameEnd) : decodeText(bytes, nameAt, nameEnd);
  const text = decodeText(bytes, nameEnd + 1, end);
  switch (keyword) {
    case 'HELP':
      sink.help?.(name, unescape(text));
      return;
    case 'TYPE':
      if (!types.has(text)) throw new ExpositionError(bytes, nameEnd + 1, `invalid metric type ${show(bytes, nameEnd + 1)}`);
      line.metricType = text as MetricType;
      sink.type?.(name, line.metricType);
      return;
    case 'UNIT':
      if (text !== '' && !name.endsWith(`_${text}`)) {
        throw new ExpositionError(bytes, nameEnd + 1, `unit ${show(bytes, nameEnd + 1)} is not a suffix of metric ${name}`);
      }
      sink.unit?.(name, text);
  }
}

function startsWith(bytes: Uint8Array, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}
