import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newTestEngine, runScript } from './runner.ts';

const folder = join(import.meta.dirname, 'scripts');
const cases = readdirSync(folder).flatMap((name) => (['columnar', 'unhurried', 'reference'] as const).map((kind) => [name, kind] as const));

test.each(cases)('%s passes (%s)', async (name, kind) => {
  const results = await runScript(readFileSync(join(folder, name), 'utf8'), newTestEngine(kind));
  expect(results.filter(({ fault }) => fault !== undefined).map(({ line, expr, fault }) => `${line}: ${expr}\n  ${fault}`)).toEqual([]);
  expect(results.length).toBeGreaterThan(0);
});
