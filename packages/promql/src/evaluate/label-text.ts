import { isLegacyName, type Labels, quoteGo } from '@pronoia/model';

/** All labels in braces, the name among them, as messages show a series: `{__name__="up", job="a"}`. */
export function labelText(labels: Labels): string {
  const parts = [...labels].map(([name, value]) => `${isLegacyName(name) ? name : quoteGo(name)}=${quoteGo(value)}`);
  return `{${parts.join(', ')}}`;
}
