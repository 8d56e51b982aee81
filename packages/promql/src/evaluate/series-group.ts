/** Which series of an aggregation belong together (promql.md §6). */
import { Labels } from '@pronoia/model';
import type { AggregateExpr } from '../syntax/ast.ts';
import type { Budget } from './budget.ts';
import { labelsWork } from './merge-series.ts';
import { dropMetadata, type StepSeries } from './step-series.ts';

export interface Group {
  readonly labels: Labels;
  readonly members: StepSeries[];
}

/** From the labels of a series to those of its group. */
export function groupLabels({ grouping, without }: AggregateExpr): (labels: Labels) => Labels {
  const names = new Set(grouping);
  if (without) return (labels) => dropMetadata(labels.without(names));
  return names.size === 0 ? () => Labels.empty : (labels) => labels.only(names);
}

/** Numbers groups in order of first appearance. */
export interface GroupFinder {
  find(labels: Labels): number;
  labels(group: number): Labels;
}

/** Labels of a group are made once, not for each of its series: those with the same values of the grouping names are of one group. */
export function groupFinder(expr: AggregateExpr): GroupFinder {
  const labelsOf = groupLabels(expr);
  const known: Labels[] = [];
  const byKey = new Map<string, number>();
  const names = [...new Set(expr.grouping)];
  const keyOf = expr.without
    ? (labels: Labels): string => labelsOf(labels).key()
    : names.length === 1
      ? (labels: Labels): string => labels.get(names[0] as string)
      : (labels: Labels): string => {
          let key = '';
          for (const name of names) key += `${labels.get(name)}\xff`;
          return key;
        };
  return {
    find: (labels) => {
      const key = keyOf(labels);
      let group = byKey.get(key);
      if (group === undefined) {
        group = known.push(labelsOf(labels)) - 1;
        byKey.set(key, group);
      }
      return group;
    },
    labels: (group) => known[group] as Labels,
  };
}

/** In order of first appearance. */
export async function groupSeries(budget: Budget, expr: AggregateExpr, input: readonly StepSeries[]): Promise<Group[]> {
  const groups: Group[] = [];
  const finder = groupFinder(expr);
  for (const series of input) {
    const index = finder.find(series.labels);
    const group = groups[index];
    if (group === undefined) groups[index] = { labels: finder.labels(index), members: [series] };
    else group.members.push(series);
    if (budget.due(labelsWork)) await budget.pause();
  }
  return groups;
}
