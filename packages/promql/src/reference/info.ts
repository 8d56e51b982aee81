/** info() at one step (promql.md §9.12). */
import { createMatcher, Labels, type Matcher } from '@pronoia/model';
import type { Expr, TimeModifiers, VectorSelector } from '../syntax/ast.ts';
import { seriesText } from './binary.ts';
import { fail, type Point, type Sample, type Vector } from './sample.ts';

export interface InfoSelector {
  readonly names: readonly Matcher[];
  readonly data: readonly Matcher[];
}

export function infoSelector(selector: VectorSelector | undefined): InfoSelector {
  const all = selector?.matchers ?? [];
  const names = all.filter(({ name }) => name === '__name__');
  const data = all.filter(({ name }) => name !== '__name__');
  if (names.length === 0) return { names: [createMatcher('=', '__name__', 'target_info')], data };
  const isNegative = names.every(({ type }) => type.startsWith('!'));
  return { names: isNegative ? [...names, createMatcher('=~', '__name__', '.+_info')] : names, data };
}

/** The modifiers of the subqueries around the first selector, and of that selector, from outside in. */
export function pathToSelector(expr: Expr): readonly TimeModifiers[] | undefined {
  switch (expr.kind) {
    case 'selector':
      return [expr];
    case 'matrix':
      return [expr.selector];
    case 'subquery': {
      const path = pathToSelector(expr.expr);
      return path === undefined ? undefined : [expr, ...path];
    }
    case 'paren':
    case 'unary':
      return pathToSelector(expr.expr);
    case 'aggregate':
      return pathToSelector(expr.expr) ?? (expr.param === undefined ? undefined : pathToSelector(expr.param));
    case 'binary':
      return pathToSelector(expr.left) ?? pathToSelector(expr.right);
    case 'call':
      return expr.args.map(pathToSelector).find((path) => path !== undefined);
    case 'number':
    case 'string':
      return undefined;
  }
}

export interface InfoSample {
  readonly labels: Labels;
  readonly point: Point;
}

const keyOf = (labels: Labels): string => labels.only(new Set(['instance', 'job'])).key();

export const isInfoItself = ({ names }: InfoSelector, { labels }: Sample): boolean =>
  names.every((matcher) => matcher.matches(labels.get('__name__')));

/** Whether any of the base series asks for info series at all. */
export const asksForInfo = (selector: InfoSelector, base: Vector): boolean =>
  base.some((sample) => !isInfoItself(selector, sample) && keyOf(sample.labels) !== '');

export function joinInfo(selector: InfoSelector, base: Vector, infos: readonly InfoSample[]): Sample[] {
  return base.flatMap((sample) => {
    if (isInfoItself(selector, sample)) return [sample];
    const key = keyOf(sample.labels);
    const chosen = newestPerMetric(key === '' ? [] : infos.filter(({ labels }) => keyOf(labels) === key));
    if (chosen.length === 0 && selector.data.some((matcher) => !matcher.matches(''))) return [];
    return [{ ...sample, labels: enriched(sample.labels, chosen, selector) }];
  });
}

function newestPerMetric(infos: readonly InfoSample[]): Labels[] {
  const newest = new Map<string, InfoSample>();
  for (const info of infos) {
    const name = info.labels.get('__name__');
    const known = newest.get(name);
    if (known?.point.tMs === info.point.tMs) {
      const [existing, found] = [seriesText(known.labels), seriesText(info.labels)];
      fail(`found duplicate series for info metric: existing ${existing} @ ${known.point.tMs}, new ${found} @ ${info.point.tMs}`);
    }
    if (known === undefined || info.point.tMs > known.point.tMs) newest.set(name, info);
  }
  return [...newest.values()].map(({ labels }) => labels);
}

function enriched(base: Labels, infos: readonly Labels[], { data }: InfoSelector): Labels {
  const wanted = new Set(data.map(({ name }) => name));
  const added = new Map<string, string>();
  for (const [name, value] of infos.flatMap((labels) => [...labels])) {
    if (name === '__name__' || (wanted.size > 0 && !wanted.has(name)) || base.has(name)) continue;
    if (added.has(name) && added.get(name) !== value) fail(`conflicting label: ${name}`);
    added.set(name, value);
  }
  return Labels.fromPairs([...base, ...added]);
}
