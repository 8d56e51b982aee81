/**
 * The original's own scripts, run unchanged (promql.md appendix A). Cases that fail are listed in `known-failures.json`, a list of
 * `file:line`; it may only get shorter.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import knownFailures from './known-failures.json' with { type: 'json' };
import { newTestEngine, runScript } from './runner.ts';

const folder = resolve(import.meta.dirname, '../../../../../shared/conformance/promql');
const scripts = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test')) : [];

describe.skipIf(scripts.length === 0)(`the scripts in ${folder}${scripts.length === 0 ? ' (MISSING: skipped)' : ''}`, () => {
  const known = new Set<string>(knownFailures);

  const cases = scripts.flatMap((name) => (['columnar', 'unhurried', 'reference'] as const).map((kind) => [name, kind] as const));
  test.each(cases)('%s runs as the original does (%s), but for the known failures', async (name, kind) => {
    const results = await runScript(readFileSync(join(folder, name), 'utf8'), newTestEngine(kind));
    const failed = results.filter(({ fault }) => fault !== undefined);
    const surprises = failed
      .filter(({ line }) => !known.has(`${name}:${line}`))
      .map(({ line, expr, fault }) => `${line}: ${expr}\n  ${fault}`);
    expect(surprises).toEqual([]);
    const lines = new Set(failed.map(({ line }) => `${name}:${line}`));
    const mended = [...known].filter((entry) => entry.startsWith(`${name}:`) && !lines.has(entry));
    expect(mended, 'these pass now: take them off the list').toEqual([]);
    expect(results.length).toBeGreaterThan(0);
  });
});
