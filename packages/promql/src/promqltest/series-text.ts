/**
 * The series notation of test scripts: `metric{a="b"} 1 2 _ 4x3 1+2x5 stale {{schema:0 count:4 buckets:[1 2 1]}}x3`
 * (promql.md appendix A, 1–2).
 */
import { type FloatHistogram, Labels } from '@pronoia/model';
import { Parser } from '../syntax/parser.ts';
import { combine } from '../value/histogram-arithmetic.ts';

export type SequenceItem =
  | { readonly kind: 'gap' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'histogram'; readonly histogram: FloatHistogram; readonly hasHint: boolean };

export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

/** Splits a line into labels and what follows them. */
export function splitMetric(line: string): { labels: Labels; rest: string } {
  let end = 0;
  while (end < line.length && !/[\s{@]/.test(line[end] as string)) end++;
  if (line[end] === '{') {
    let quote = '';
    for (end++; end < line.length; end++) {
      const c = line[end] as string;
      if (quote !== '') {
        if (c === '\\' && quote !== '`') end++;
        else if (c === quote) quote = '';
      } else if (c === '"' || c === "'" || c === '`') quote = c;
      else if (c === '}') break;
    }
    end++;
  }
  const text = line.slice(0, end);
  try {
    const { matchers } = new Parser(text, {}).selector();
    if (matchers.some(({ type }) => type !== '=')) throw new ScriptError(`not a series: ${text}`);
    return { labels: Labels.fromPairs(matchers.map(({ name, value }) => [name, value])), rest: line.slice(end) };
  } catch (cause) {
    throw new ScriptError(`${text}: ${(cause as Error).message}`);
  }
}

export function parseSequence(text: string): SequenceItem[] {
  const items: SequenceItem[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const taken = rest.startsWith('{{') ? takeHistograms(rest, items) : takeWord(rest, items);
    rest = rest.slice(taken).trimStart();
  }
  return items;
}

const number = String.raw`[+-]?(?:Inf|NaN|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)`;
const floats = new RegExp(`^(${number})(?:([+-](?:Inf|NaN|(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?))?x(\\d+))?$`, 'i');

function takeWord(text: string, items: SequenceItem[]): number {
  const word = /^\S+/.exec(text)?.[0] ?? '';
  const gaps = /^_(?:x(\d+))?$/.exec(word);
  const stale = /^stale(?:x(\d+))?$/.exec(word);
  const run = floats.exec(word);
  if (gaps !== null) for (let i = 0; i < Number(gaps[1] ?? 1); i++) items.push({ kind: 'gap' });
  else if (stale !== null) for (let i = 0; i <= Number(stale[1] ?? 0); i++) items.push({ kind: 'stale' });
  else if (run !== null) {
    let value = parseNumber(run[1] as string);
    const step = run[2] === undefined ? 0 : parseNumber(run[2]);
    for (let i = 0; i <= Number(run[3] ?? 0); i++) {
      items.push({ kind: 'float', value });
      value += step;
    }
  } else throw new ScriptError(`unexpected ${word} in series values`);
  return word.length;
}

export function parseNumber(text: string): number {
  const plain = text.toLowerCase().replace(/^\+/, '');
  if (plain === 'inf') return Number.POSITIVE_INFINITY;
  if (plain === '-inf') return Number.NEGATIVE_INFINITY;
  if (plain === 'nan' || plain === '-nan') return Number.NaN;
  return Number(plain);
}

function takeHistograms(text: string, items: SequenceItem[]): number {
  const first = /^\{\{(.*?)\}\}/.exec(text);
  if (first === null) throw new ScriptError(`unclosed histogram in ${text}`);
  const { histogram: base, hasHint } = parseHistogram(first[1] as string);
  const rest = text.slice(first[0].length);
  const repeated = /^x(\d+)/.exec(rest);
  const changed = /^([+-])\{\{(.*?)\}\}x(\d+)/.exec(rest);
  if (changed !== null) {
    const { histogram: step } = parseHistogram(changed[2] as string);
    let current = base;
    for (let i = 0; i <= Number(changed[3]); i++) {
      items.push({ kind: 'histogram', histogram: current, hasHint });
      current = combine(current, step, changed[1] === '+' ? 1 : -1).histogram;
    }
    return first[0].length + changed[0].length;
  }
  for (let i = 0; i <= Number(repeated?.[1] ?? 0); i++) items.push({ kind: 'histogram', histogram: base, hasHint });
  return first[0].length + (repeated?.[0].length ?? 0);
}

function parseHistogram(text: string): { histogram: FloatHistogram; hasHint: boolean } {
  const fields = new Map<string, string>();
  for (const match of text.matchAll(/([a-z_]+):(\[[^\]]*\]|\S+)/g)) fields.set(match[1] as string, match[2] as string);
  const scalar = (key: string): number => parseNumber(fields.get(key) ?? '0');
  const list = (key: string): number[] => {
    const body = (fields.get(key) ?? '[]').slice(1, -1).trim();
    return body === '' ? [] : body.split(/\s+/).map(parseNumber);
  };
  const spans = (offset: number, length: number) => (length === 0 ? [] : [{ offset, length }]);
  const positive = list('buckets');
  const negative = list('n_buckets');
  const hint = fields.get('counter_reset_hint');
  const histogram: FloatHistogram = {
    counterResetHint: (hint ?? 'unknown') as FloatHistogram['counterResetHint'],
    schema: scalar('schema'),
    zeroThreshold: scalar('z_bucket_w'),
    zeroCount: scalar('z_bucket'),
    count: scalar('count'),
    sum: scalar('sum'),
    positiveSpans: spans(scalar('offset'), positive.length),
    negativeSpans: spans(scalar('n_offset'), negative.length),
    positiveBuckets: Float64Array.from(positive),
    negativeBuckets: Float64Array.from(negative),
    customValues: list('custom_values'),
  };
  return { histogram, hasHint: hint !== undefined };
}
