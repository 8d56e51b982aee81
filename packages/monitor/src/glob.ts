import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Go's file patterns with wildcards in the last part of the path only: `*`, `?`, `[a-z]`, `[^a-z]`, `\x`. Sorted; no match is no error. */
export async function globLastPart(pattern: string): Promise<string[]> {
  const name = basename(pattern);
  if (!/[*?[\\]/.test(name)) return (await stat(pattern).catch(() => undefined)) === undefined ? [] : [pattern];
  const folder = dirname(pattern);
  const entries = await readdir(folder).catch(() => []);
  const expression = toExpression(name);
  return entries
    .filter((entry) => expression.test(entry))
    .sort()
    .map((entry) => join(folder, entry));
}

/** The pattern's author is the configuration's author; a star in a file name cannot make an expression explode. */
function toExpression(name: string): RegExp {
  const source = name.replace(/\\(.)|\[(\^?)((?:\\.|[^\]\\])+)\]|[*?]|[.+^${}()|[\]\\]/g, (token, escaped, negation, set) => {
    if (escaped !== undefined) return `\\${escaped as string}`;
    if (set !== undefined) return `[${negation as string}${(set as string).replaceAll('[', '\\[')}]`;
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`, 's');
}
