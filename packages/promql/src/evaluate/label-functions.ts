/** Functions on labels and order: label_replace, label_join, sort*, absent (promql.md §9.3). */
import { compareBytes, expandTemplate, Labels } from '@pronoia/model';
import { RE2JS } from 're2js';
import { QueryError } from '../query-error.ts';
import type { CallExpr, Expr } from '../syntax/ast.ts';
import { isValidUtf8 } from '../syntax/quoted-string.ts';
import type { Evaluation } from './evaluation.ts';
import { mergeSeries } from './merge-series.ts';
import { isFloat, type StepSeries } from './step-series.ts';

function execution(message: string): never {
  throw new QueryError('execution', message);
}

const isLabelName = (name: string): boolean => name !== '' && isValidUtf8(name);

export async function labelReplace(ev: Evaluation, call: CallExpr, input: readonly StepSeries[]): Promise<StepSeries[]> {
  const [destination, replacement, source, pattern] = call.args.slice(1).map((arg) => ev.text(arg)) as [string, string, string, string];
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(`^(?s:${pattern})$`);
  } catch {
    execution(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (!isLabelName(destination)) execution(`invalid destination label name in label_replace(): ${destination}`);
  const names = regex.namedGroups() as Readonly<Record<string, number>>;
  /** Undefined where the pattern does not match. */
  const replace = (value: string): string | undefined => {
    const match = regex.matcher(value);
    if (!match.matches()) return undefined;
    return expandTemplate(replacement, (name) => {
      const index = /^[0-9]+$/.test(name) ? Number(name) : (names[name] ?? -1);
      return index >= 0 && index <= match.groupCount() ? (match.group(index) ?? '') : '';
    });
  };
  // Label values come again and again, and a match costs as much as a thousand samples.
  const known = new Map<string, string | undefined>();
  return relabel(ev, input, destination, (labels) => {
    const value = labels.get(source);
    if (!known.has(value)) known.set(value, replace(value));
    return known.get(value);
  });
}

export function labelJoin(ev: Evaluation, call: CallExpr, input: readonly StepSeries[]): Promise<StepSeries[]> {
  const [destination, separator, ...sources] = call.args.slice(1).map((arg) => ev.text(arg)) as [string, string, ...string[]];
  for (const source of sources) if (!isLabelName(source)) execution(`invalid source label name in label_join(): ${source}`);
  if (!isLabelName(destination)) execution(`invalid destination label name in label_join(): ${destination}`);
  return relabel(ev, input, destination, (labels) => sources.map((source) => labels.get(source)).join(separator));
}

/** Sets a label of each series, or leaves the series as it is. */
async function relabel(
  ev: Evaluation,
  input: readonly StepSeries[],
  name: string,
  valueOf: (labels: Labels) => string | undefined,
): Promise<StepSeries[]> {
  const results: StepSeries[] = [];
  for (const series of input) {
    const value = valueOf(series.labels);
    results.push(value === undefined ? series : withLabel(series, name, value));
    if (ev.budget.due(1000)) await ev.budget.pause();
  }
  return mergeSeries(ev.budget, results);
}

/** A name that was written is a name to keep. */
function withLabel(series: StepSeries, name: string, value: string): StepSeries {
  return series.relabeled(series.labels.with(name, value), name === '__name__' ? false : series.dropName);
}

/** Only meaningful where there is one step. NaN comes last both ways. */
export function sortByValue(input: readonly StepSeries[], descending: boolean): StepSeries[] {
  const sign = descending ? -1 : 1;
  return input
    .filter((series) => series.kinds[0] === isFloat)
    .sort((a, b) => {
      const [x, y] = [a.values[0] as number, b.values[0] as number];
      if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
      if (Number.isNaN(y)) return -1;
      return sign * (x < y ? -1 : x > y ? 1 : 0);
    });
}

export function sortByLabel(input: readonly StepSeries[], names: readonly string[], descending: boolean): StepSeries[] {
  const sign = descending ? -1 : 1;
  return [...input].sort((a, b) => {
    for (const name of names) {
      const order = naturalOrder(a.labels.get(name), b.labels.get(name));
      if (order !== 0) return sign * order;
    }
    return sign * Labels.compare(a.labels, b.labels);
  });
}

/** Runs of digits compare as numbers, the rest as bytes. */
export function naturalOrder(a: string, b: string): number {
  const [x, y] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const [p, q] = [x[i] as string, y[i] as string];
    if (p === q) continue;
    if (/^\d/.test(p) && /^\d/.test(q)) {
      const [m, n] = [BigInt(p), BigInt(q)];
      if (m !== n) return m < n ? -1 : 1;
      continue;
    }
    return compareBytes(p, q);
  }
  return x.length - y.length || compareBytes(a, b);
}

/**
 * The labels that an absent selector would have had: its equalities. Of several matchers on one name the last decides, and a second
 * equality counts as none, as in the original (promql/functions.go, createLabelsForAbsentFunction).
 */
export function absentLabels(given: Expr): Labels {
  let expr = given;
  while (expr.kind === 'paren') expr = expr.expr;
  const selector = expr.kind === 'matrix' ? expr.selector : expr;
  if (selector.kind !== 'selector') return Labels.empty;
  const record = Object.create(null) as Record<string, string>;
  const seen = new Set<string>();
  for (const { name, type, value } of selector.matchers) {
    if (name === '__name__') continue;
    if (type === '=' && !seen.has(name)) {
      record[name] = value;
      seen.add(name);
    } else delete record[name];
  }
  return Labels.from(record);
}
