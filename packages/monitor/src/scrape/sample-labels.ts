/** The labels of a scraped sample: what the target exposes, what we know about the target, and what the user made of both (§4.3). */
import { compareBytes, Labels, type RelabelRule, relabel } from '@pronoia/model';

/** Undefined: relabeling dropped the series. */
export function labelsOfSample(exposed: Labels, target: Labels, honorLabels: boolean, rules: readonly RelabelRule[]): Labels | undefined {
  const merged = mergeDisjoint(exposed, target) ?? (honorLabels ? fillFrom(exposed, target) : overwriteWith(exposed, target));
  return relabel(merged, rules);
}

/** The common case: they have no name in common. Both are sorted, so one walk does it. Undefined: they clash. */
function mergeDisjoint(exposed: Labels, target: Labels): Labels | undefined {
  const a = exposed.pairs;
  const b = target.pairs;
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const order = compareBytes(a[i] as string, b[j] as string);
    if (order === 0) return undefined;
    if (order < 0) merged.push(a[i++] as string, a[i++] as string);
    else merged.push(b[j++] as string, b[j++] as string);
  }
  while (i < a.length) merged.push(a[i++] as string);
  while (j < b.length) merged.push(b[j++] as string);
  return Labels.fromSorted(merged);
}

/** The target only says what the sample leaves open. */
function fillFrom(exposed: Labels, target: Labels): Labels {
  const missing = [...target].filter(([name]) => !exposed.has(name));
  return missing.length === 0 ? exposed : Labels.fromPairs([...exposed, ...missing]);
}

/** The target wins; what it hides stays visible as `exported_…`, shorter names first, so that chains end up in order. */
function overwriteWith(exposed: Labels, target: Labels): Labels {
  const clashes = [...target].filter(([name]) => exposed.has(name)).map(([name]) => name);
  const values = new Map<string, string>(exposed);
  for (const [name, value] of target) values.set(name, value);
  clashes.sort((a, b) => a.length - b.length || compareBytes(a, b));
  for (const name of clashes) {
    let free = `exported_${name}`;
    while (values.has(free)) free = `exported_${free}`;
    values.set(free, exposed.get(name));
  }
  return Labels.fromPairs(values);
}
