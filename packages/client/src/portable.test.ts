import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = dirname(fileURLToPath(import.meta.url));

/** All files that are loaded with this one, with what each imports that is no file of ours. */
function reached(file: string, found = new Map<string, string[]>()): Map<string, string[]> {
  if (found.has(file)) return found;
  const source = readFileSync(join(folder, file), 'utf8');
  const imports = [...source.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name]) => name as string);
  found.set(
    file,
    imports.filter((name) => !name.startsWith('./')),
  );
  for (const name of imports) if (name.startsWith('./')) reached(name.slice(2), found);
  return found;
}

it('the root export needs nothing but the language: no Node import, no other package', () => {
  const files = reached('index.ts');
  expect(files.size).toBeGreaterThan(20);
  expect([...files].filter(([, foreign]) => foreign.length > 0)).toEqual([]);
});

it("no file of the root export uses Node's globals without looking whether they are there", () => {
  for (const file of reached('index.ts').keys()) {
    const code = readFileSync(join(folder, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(code.replace("typeof setImmediate === 'function' ? setImmediate(resolve)", '')).not.toMatch(
      /\b(process\.|Buffer\b|setImmediate|require\()/,
    );
  }
});
