/** The functions that alert templates may call (prometheus-server.md §7.7). Regular expressions are RE2; times are Unix seconds. */
import {
  formatDuration,
  type GoFunction,
  goFunction,
  matchesAnywhere,
  parseDuration,
  queryEscape,
  replaceAllMatches,
  safeHtmlType,
  stringMap,
  Typed,
} from '@pronoia/model';
import { goTimeText, humanize, humanize1024, humanizeDuration, humanizePercentage, humanizeTimestamp } from './humanize.ts';

/** One element of what `query` answers. */
export interface TemplateSample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** What the functions need from the moment of expansion. */
export interface TemplateScene {
  /** Throws when the answer is not at hand. */
  query(text: string): readonly TemplateSample[];
  readonly nowMs: number;
  /** Without a trailing slash. */
  readonly externalUrl: string;
}

/** @param scene asked at each call, so that one parsed template serves every expansion. */
export function templateFunctions(scene: () => TemplateScene): Readonly<Record<string, GoFunction>> {
  return {
    query: goFunction(['string'], (text) => scene().query(text).map(toStruct)),
    first: goFunction(['any'], (samples) => {
      const first = listOf(samples)[0];
      if (first === undefined) throw new Error('first() called on vector with no elements');
      return first;
    }),
    label: goFunction(['string', 'any'], (name, sample) => labelOf(sample, name)),
    value: goFunction(['any'], (sample) => fieldOf(sample, 'Value')),
    strvalue: goFunction(['any'], (sample) => labelOf(sample, '__value__')),
    sortByLabel: goFunction(['string', 'any'], (name, samples) => {
      const sorted = [...listOf(samples)];
      return sorted.sort((a, b) => (labelOf(a, name) < labelOf(b, name) ? -1 : Number(labelOf(a, name) > labelOf(b, name))));
    }),
    args: goFunction(['...any'], (...values) => new Map(values.map((value, index) => [`arg${index}`, value]))),
    reReplaceAll: goFunction(['string', 'string', 'string'], (pattern, replacement, text) => replaceAllMatches(pattern, replacement, text)),
    match: goFunction(['string', 'string'], (pattern, text) => matchesAnywhere(pattern, text)),
    title: goFunction(['string'], (text) =>
      text.replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
    ),
    toUpper: goFunction(['string'], (text) => text.toUpperCase()),
    toLower: goFunction(['string'], (text) => text.toLowerCase()),
    stripPort: goFunction(['string'], stripPort),
    stripDomain: goFunction(['string'], stripDomain),
    graphLink: goFunction(['string'], (expr) => expressionLink(expr, 0)),
    tableLink: goFunction(['string'], (expr) => expressionLink(expr, 1)),
    humanize: goFunction(['any'], (value) => humanize(numberOf(value))),
    humanize1024: goFunction(['any'], (value) => humanize1024(numberOf(value))),
    humanizeDuration: goFunction(['any'], (value) => humanizeDuration(numberOf(value))),
    humanizePercentage: goFunction(['any'], (value) => humanizePercentage(numberOf(value))),
    humanizeTimestamp: goFunction(['any'], (value) => humanizeTimestamp(numberOf(value))),
    toTime: goFunction(
      ['any'],
      (value) => new Typed({ name: 'time.Time', text: (self) => goTimeText(self.base as number) }, numberOf(value) * 1000),
    ),
    toDuration: goFunction(['any'], (value) => formatDuration(Math.round(numberOf(value) * 1000))),
    now: goFunction([], () => scene().nowMs / 1000),
    parseDuration: goFunction(['string'], (text) => (text.startsWith('-') ? -parseDuration(text.slice(1)) : parseDuration(text)) / 1000),
    pathPrefix: goFunction([], () => new URL(scene().externalUrl).pathname.replace(/\/$/, '')),
    externalURL: goFunction([], () => scene().externalUrl),
    urlQueryEscape: goFunction(['string'], (text) => queryEscape(text)),
    safeHtml: goFunction(['string'], (text) => new Typed(safeHtmlType, text)),
  };
}

/** Where the page shows an expression: tab 0 as a graph, 1 as a table. */
export function expressionLink(expr: string, tab: 0 | 1): string {
  return `/graph?g0.expr=${queryEscape(expr)}&g0.tab=${tab}`;
}

function toStruct(sample: TemplateSample): object {
  return { Labels: stringMap(sample.labels), Value: sample.value };
}

function baseOf(value: unknown): unknown {
  return value instanceof Typed ? value.base : value;
}

function listOf(value: unknown): readonly unknown[] {
  const base = baseOf(value);
  if (!Array.isArray(base)) throw new Error('a list of samples is expected, as query gives it');
  return base;
}

function fieldOf(sample: unknown, name: 'Labels' | 'Value'): unknown {
  const base = baseOf(sample);
  if (typeof base !== 'object' || base === null || !(name in base)) throw new Error('a sample is expected, as query gives it');
  return (base as Record<string, unknown>)[name];
}

function labelOf(sample: unknown, name: string): string {
  return (baseOf(fieldOf(sample, 'Labels')) as ReadonlyMap<string, string>).get(name) ?? '';
}

function numberOf(value: unknown): number {
  const base = baseOf(value);
  if (typeof base === 'number') return base;
  if (typeof base === 'bigint') return Number(base);
  if (typeof base === 'string' && base.trim() !== '') {
    const special: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity };
    const number = special[base.toLowerCase()] ?? Number(base);
    if (!Number.isNaN(number) || base.toLowerCase() === 'nan') return number;
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(base)}: invalid syntax`);
  }
  throw new Error(`can't convert ${typeof base} to float`);
}

/** `[::1]:90` → `::1`, `host:90` → `host`; anything else stays. */
function stripPort(text: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):[^:]*$/.exec(text);
  return match === null ? text : (match[1] ?? match[2] ?? '');
}

/** `web.example.org:80` → `web:80`; addresses stay. */
function stripDomain(text: string): string {
  const host = stripPort(text);
  const port = text === host ? '' : text.slice(text.lastIndexOf(':'));
  if (/^[\d.]+$/.test(host) || host.includes(':')) return text;
  return `${host.split('.')[0] as string}${port}`;
}
