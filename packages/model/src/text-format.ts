/**
 * The Prometheus text exposition, 0.0.4 and 1.0.0 (prometheus-server.md §5.2): lines of `# HELP`, `# TYPE`, other comments
 * and `series value [timestamp]`, tokens separated by blanks and tabs. As lenient as the original: metadata may come late or
 * twice, families may be interleaved.
 */
import {
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
  show,
  skipBlanks,
  skipName,
  skipQuoted,
  startsName,
} from './exposition.ts';

const grammar: SeriesGrammar = { blanks: true, trailingComma: true, newlineInQuotes: true };

const types: Readonly<Record<string, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
};

/** Calls the sink for each line in order. Throws ExpositionError at the first fault; what came before has been handed out. */
export function parseTextFormat(bytes: Uint8Array, sink: ExpositionSink): void {
  for (const _ of textFormatSlices(bytes, sink));
}

/** The same a slice at a time: yields between lines, whenever about `sliceBytes` have been read. */
export function* textFormatSlices(bytes: Uint8Array, sink: ExpositionSink, sliceBytes = Infinity): Generator<void> {
  const line = new SampleLine();
  line.bytes = bytes;
  for (let at = 0; at < bytes.length; ) {
    at = readLines(bytes, at, Math.min(bytes.length, at + sliceBytes), line, sink);
    yield;
  }
}

function readLines(bytes: Uint8Array, start: number, until: number, line: SampleLine, sink: ExpositionSink): number {
  const { length } = bytes;
  let at = start;
  while (at < until) {
    at = skipBlanks(bytes, at);
    const byte = bytes[at];
    if (byte === newline) at++;
    else if (byte === hash) at = readComment(bytes, at, line, sink);
    else if (at < length) at = readSample(bytes, at, line, sink);
  }
  return at;
}

function readSample(bytes: Uint8Array, start: number, line: SampleLine, sink: ExpositionSink): number {
  const { length } = bytes;
  line.start = start;
  line.end = findSeriesEnd(bytes, start, grammar, sink);

  let at = skipBlanks(bytes, line.end);
  const valueAt = at;
  at = skipWord(bytes, at);
  if (at === valueAt) throw new ExpositionError(bytes, at, `expected a value after the metric, found ${show(bytes, at)}`);
  const value = parseFloatBytes(bytes, valueAt, at);
  if (value === undefined) throw new ExpositionError(bytes, valueAt, `expected a number as value, found ${show(bytes, valueAt)}`);
  line.value = value;

  at = skipBlanks(bytes, at);
  line.hasTimestamp = at < length && bytes[at] !== newline;
  if (line.hasTimestamp) {
    const timestampAt = at;
    let timestampMs = 0;
    while (at < length && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39) {
      timestampMs = timestampMs * 10 + ((bytes[at] as number) - 0x30);
      at++;
    }
    if (at === timestampAt || timestampMs > Number.MAX_SAFE_INTEGER) {
      throw new ExpositionError(
        bytes,
        timestampAt,
        `expected a timestamp in milliseconds or a line end, found ${show(bytes, timestampAt)}`,
      );
    }
    line.timestampMs = timestampMs;
    at = skipBlanks(bytes, at);
    if (at < length && bytes[at] !== newline) {
      throw new ExpositionError(bytes, at, `expected a line end after the timestamp, found ${show(bytes, at)}`);
    }
  }
  sink.sample(line);
  return at + 1;
}

function skipWord(bytes: Uint8Array, at: number): number {
  let end = at;
  for (; end < bytes.length; end++) {
    const byte = bytes[end] as number;
    if (byte === newline || byte === 0x20 || byte === 0x09 || byte === 0x7b) break;
  }
  return end;
}

function readComment(bytes: Uint8Array, start: number, line: SampleLine, sink: ExpositionSink): number {
  const found = bytes.indexOf(newline, start);
  const end = found < 0 ? bytes.length : found;
  const wordAt = skipBlanks(bytes, start + 1);
  const isHelp = startsWith(bytes, wordAt, 'HELP');
  const nameAt = skipBlanks(bytes, wordAt + 4);
  // `#HELP` and `# HELPER` are plain comments.
  if (wordAt === start + 1 || !(isHelp || startsWith(bytes, wordAt, 'TYPE')) || nameAt === wordAt + 4) return end + 1;

  const quoted = bytes[nameAt] === 0x22;
  if (!quoted && !startsName(bytes[nameAt])) {
    throw new ExpositionError(bytes, nameAt, `expected a metric name after ${isHelp ? 'HELP' : 'TYPE'}, found ${show(bytes, nameAt)}`);
  }
  const nameEnd = quoted ? skipQuoted(bytes, nameAt, { ...grammar, newlineInQuotes: false }) : skipName(bytes, nameAt);
  const textAt = skipBlanks(bytes, nameEnd);
  if (textAt === nameEnd && nameEnd < end) {
    throw new ExpositionError(bytes, nameEnd, `expected a blank after the metric name, found ${show(bytes, nameEnd)}`);
  }
  const name = quoted ? decodeQuoted(bytes, nameAt, nameEnd) : decodeText(bytes, nameAt, nameEnd);
  const text = decodeText(bytes, Math.min(textAt, end), end);
  if (isHelp) {
    sink.help?.(
      name,
      text.replace(/\\([\\n])/g, (_, char: string) => (char === 'n' ? '\n' : char)),
    );
    return end + 1;
  }
  const type = types[text.trimEnd()];
  if (type === undefined) {
    throw new ExpositionError(
      bytes,
      textAt,
      `invalid metric type ${show(bytes, textAt)}; expected counter, gauge, histogram, summary or untyped`,
    );
  }
  line.metricType = type;
  sink.type?.(name, type);
  return end + 1;
}

function startsWith(bytes: Uint8Array, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}
