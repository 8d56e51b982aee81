/** Series that became equal, and series in order (promql.md §4.2, §7). What may take long asks the budget to pause. */
import { Labels } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { Budget } from './budget.ts';
import type { Evaluation } from './evaluation.ts';
import { absent, StepSeries } from './step-series.ts';

export function duplicateLabels(): QueryError {
  return new QueryError('execution', 'vector cannot contain metrics with the same labelset');
}

/**
 * Joins series of equal labels. Two samples at one step are an error; with `wholeSeries`, so are two series at all
 * (range-vector functions: promql.md §4.2). Keeps the order of first appearance.
 */
export async function mergeSeries(budget: Budget, list: readonly StepSeries[], wholeSeries = false): Promise<StepSeries[]> {
  const byKey = new Map<string, StepSeries>();
  const owned = new Set<StepSeries>();
  for (const series of list) {
    const key = series.labels.key();
    const known = byKey.get(key);
    if (budget.due(labelsWork)) await budget.pause();
    if (known === undefined) {
      byKey.set(key, series);
      continue;
    }
    if (wholeSeries) throw duplicateLabels();
    let target = known;
    if (!owned.has(target)) {
      target = ownCopy(known);
      owned.add(target);
      byKey.set(key, target);
    }
    // Of the two flags that of the earlier sample stays, as in the original.
    if (firstStep(series) < firstStep(target)) target.dropName = series.dropName;
    for (let step = 0; step < series.kinds.length; step++) {
      if (series.kinds[step] === absent) continue;
      if (target.kinds[step] !== absent) throw duplicateLabels();
      target.copyFrom(series, step);
    }
  }
  return byKey.size === list.length ? [...list] : [...byKey.values()];
}

/** `results` are the `input` without their names (or still with them, when names go late): joined only if two might now be equal. */
export async function mergeNameless(
  ev: Evaluation,
  input: readonly StepSeries[],
  results: readonly StepSeries[],
): Promise<readonly StepSeries[]> {
  return ev.delayedNames || isOneMetric(input) ? results : mergeSeries(ev.budget, results);
}

/** Whether the series would stay apart without their metadata labels, because these are the same for all. */
function isOneMetric(list: readonly StepSeries[]): boolean {
  const name = list[0]?.labels.get('__name__');
  return list.every(({ labels }) => labels.get('__name__') === name && !labels.has('__type__') && !labels.has('__unit__'));
}

/** What handling the labels of one series costs, in samples. */
export const labelsWork = 100;

function firstStep({ kinds }: StepSeries): number {
  const found = kinds.findIndex((kind) => kind !== absent);
  return found < 0 ? kinds.length : found;
}

function ownCopy(series: StepSeries): StepSeries {
  const copy = new StepSeries(series.labels, series.dropName, series.kinds.length);
  copy.values.set(series.values);
  copy.kinds.set(series.kinds);
  copy.histograms = series.histograms?.slice();
  return copy;
}

/** Mostly they are in order already, as storage gives them. */
export async function sortByLabels<T extends { readonly labels: Labels }>(budget: Budget, list: readonly T[]): Promise<readonly T[]> {
  const compare = (a: T, b: T): number => Labels.compare(a.labels, b.labels);
  for (let i = 1; i < list.length; i++) {
    if (compare(list[i - 1] as T, list[i] as T) > 0) return sortInRuns(budget, list, compare);
    if (budget.due(labelsWork)) await budget.pause();
  }
  return list;
}

/** A merge sort that pauses: runs are sorted at once, then joined two by two. */
async function sortInRuns<T>(budget: Budget, list: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const runLength = 1024;
  let runs: T[][] = [];
  for (let from = 0; from < list.length; from += runLength) {
    runs.push(list.slice(from, from + runLength).sort(compare));
    if (budget.due(runLength * labelsWork)) await budget.pause();
  }
  while (runs.length > 1) {
    const joined: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [a, b] = [runs[i] as T[], runs[i + 1] ?? []];
      const merged: T[] = [];
      let [x, y] = [0, 0];
      while (x < a.length || y < b.length) {
        const takeLeft = y >= b.length || (x < a.length && compare(a[x] as T, b[y] as T) <= 0);
        merged.push(takeLeft ? (a[x++] as T) : (b[y++] as T));
        if (budget.due(labelsWork)) await budget.pause();
      }
      joined.push(merged);
    }
    runs = joined;
  }
  return runs[0] ?? [];
}
