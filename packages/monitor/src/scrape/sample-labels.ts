/** The labels of a scraped sample: what the target exposes, what we know about the target, and what the user made of both (§4.3). */
import { compareBytes, Labels, type RelabelRule, relabel } from '@pronoia/model';

/** Undefined: relabeling dropped the series. */
export function labelsOfSample(exposed: Labels, target: Labels, honorLabels: boolean, rules: readonly RelabelRule[]): Labels | undefined {
  const merged = honorLabels ? fillFrom(exposed, target) : overwriteWith(exposed, target);
  return relabel(merged, rules);
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
