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

/** In order of first appearance. */
export async function groupSeries(budget: Budget, expr: AggregateExpr, input: readonly StepSeries[]): Promise<Group[]> {
  const groups = new Map<string, Group>();
  const labelsOf = groupLabels(expr);
  for (const series of input) {
    const labels = labelsOf(series.labels);
    const key = labels.key();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, members: [series] });
    else group.members.push(series);
    if (budget.due(labelsWork)) await budget.pause();
  }
  return [...groups.values()];
}
