/** Functions on labels and on order, at one step (promql.md §9.3). */
import { compareBytes, expandTemplate, Labels } from '@pronoia/model';
import { RE2JS } from 're2js';
import type { Expr } from '../syntax/ast.ts';
import { isValidUtf8 } from '../syntax/quoted-string.ts';
import { fail, type Sample, type Vector } from './sample.ts';

const isLabelName = (name: string): boolean => name !== '' && isValidUtf8(name);

/** A new value of a label, or undefined for a series that stays as it is. */
export type Relabel = (labels: Labels) => string | undefined;

export function labelReplace(destination: string, replacement: string, source: string, pattern: string): Relabel {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(`^(?s:${pattern})$`);
  } catch {
    return fail(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (!isLabelName(destination)) fail(`invalid destination label name in label_replace(): ${destination}`);
  const groups = regex.namedGroups() as Readonly<Record<string, number>>;
  return (labels) => {
    const match = regex.matcher(labels.get(source));
    if (!match.matches()) return undefined;
    return expandTemplate(replacement, (name) => {
      const group = /^[0-9]+$/.test(name) ? Number(name) : groups[name];
      return group === undefined || group > match.groupCount() ? '' : (match.group(group) ?? '');
    });
  };
}

export function labelJoin(destination: string, separator: string, sources: readonly string[]): Relabel {
  for (const source of sources) if (!isLabelName(source)) fail(`invalid source label name in label_join(): ${source}`);
  if (!isLabelName(destination)) fail(`invalid destination label name in label_join(): ${destination}`);
  return (labels) => sources.map((source) => labels.get(source)).join(separator);
}

/** A name that was written is a name to keep. */
export function relabel(vector: Vector, destination: string, valueOf: Relabel): Sample[] {
  return vector.map((sample) => {
    const value = valueOf(sample.labels);
    if (value === undefined) return sample;
    const dropName = destination === '__name__' ? false : sample.dropName;
    return { ...sample, labels: sample.labels.with(destination, value), dropName };
  });
}

const reranked = (vector: Vector): Sample[] => vector.map((sample, rank) => ({ ...sample, rank }));

export function sortByValue(vector: Vector, descending: boolean): Sample[] {
  const floats = vector.filter(({ histogram }) => histogram === undefined);
  const numbers = floats.filter(({ value }) => !Number.isNaN(value));
  numbers.sort(({ value: a }, { value: b }) => (a === b ? 0 : a < b !== descending ? -1 : 1));
  return reranked([...numbers, ...floats.filter(({ value }) => Number.isNaN(value))]);
}

export function sortByLabel(vector: Vector, names: readonly string[], descending: boolean): Sample[] {
  const compare = (a: Labels, b: Labels): number => {
    for (const name of names) {
      const order = naturalOrder(a.get(name), b.get(name));
      if (order !== 0) return order;
    }
    return Labels.compare(a, b);
  };
  return reranked([...vector].sort((a, b) => (descending ? -1 : 1) * compare(a.labels, b.labels)));
}

/** Runs of digits compare as integers, others by bytes. */
function naturalOrder(a: string, b: string): number {
  const [x, y]: [string[], string[]] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []];
  for (const [i, p] of x.entries()) {
    const q = y[i];
    if (q === undefined) return 1;
    const [areNumbers, difference] = [/^\d/.test(p) && /^\d/.test(q), compareBytes(p, q)];
    if (!areNumbers && difference !== 0) return difference;
    if (areNumbers && BigInt(p) !== BigInt(q)) return BigInt(p) < BigInt(q) ? -1 : 1;
  }
  return x.length - y.length || compareBytes(a, b);
}

/** From the equalities of a selector; a label with any other matcher, or a second one, has none (promql.md §9.3). */
export function absentLabels(arg: Expr): Labels {
  if (arg.kind === 'paren') return absentLabels(arg.expr);
  const selector = arg.kind === 'matrix' ? arg.selector : arg;
  if (selector.kind !== 'selector') return Labels.empty;
  const record: Record<string, string> = {};
  const met = new Set<string>();
  for (const { name, type, value } of selector.matchers) {
    if (name === '__name__') continue;
    if (type === '=' && !met.has(name)) {
      record[name] = value;
      met.add(name);
    } else delete record[name];
  }
  return Labels.from(record);
}
