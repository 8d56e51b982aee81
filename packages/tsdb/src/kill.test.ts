/** A real process is killed in the middle of its work, again and again. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Registry } from '@pronoia/client';
import { createMatcher, SampleBatch } from '@pronoia/model';
import { expect, it } from 'vitest';
import { check } from './check.ts';
import { open } from './tsdb.ts';

const root = resolve(import.meta.dirname, '../../..');
const isBuilt = existsSync(`${root}/packages/tsdb/dist/index.js`);
if (!isBuilt) process.stderr.write('SKIPPED: kill -9 of a real process: the package is not built\n');

/** Appends batches of ten series, and says which ones were acknowledged. */
const work = `
import { open } from '@pronoia/tsdb';
import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
const [folder, from] = [process.argv[1], Number(process.argv[2])];
const tsdb = await open(folder, { registry: new Registry(), chunkRangeMs: 200_000, walSegmentBytes: 1 << 18 });
const series = Array.from({ length: 10 }, (_, i) => Labels.from({ __name__: 'm', i: String(i) }));
for (let n = from; ; n++) {
  const appender = tsdb.appender();
  for (const labels of series) if (typeof appender.append(0, labels, n * 1000, n) !== 'number') throw new Error('refused');
  await appender.commit();
  process.stdout.write(n + '\\n');
  if (n % 100 === 99) await tsdb.maintain();
}
`;

it.skipIf(!isBuilt)('a killed process loses nothing that it acknowledged', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsdb-kill-'));
  let next = 1_700_000_000;
  const first = next;
  for (let kill = 0; kill < 8; kill++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', work, folder, String(next)], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolveEnd) => child.once('exit', resolveEnd));
    let acknowledged = next - 1;
    // Killed after some batches, not after some time: the machine may be slow.
    const wanted = next + 40 + kill * 37;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged >= wanted) child.kill('SIGKILL');
    }
    await ended;
    expect((await check(folder)).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const tsdb = await open(folder, { registry: new Registry(), chunkRangeMs: 200_000 });
    const querier = tsdb.querier(-Infinity, Infinity);
    const { series } = await querier.select([createMatcher('=', '__name__', 'm')]);
    expect(series.length).toBe(10);
    const batch = new SampleBatch();
    const found = series.map((one) => {
      const values: number[] = [];
      const reader = one.samples();
      for (let count = reader.read(batch); count > 0; count = reader.read(batch)) values.push(...batch.values.subarray(0, count));
      return values;
    });
    querier.close();
    await tsdb.close();
    const newest = found[0]?.at(-1) ?? 0;
    expect(newest).toBeGreaterThanOrEqual(acknowledged);
    const expected = Array.from({ length: newest - first + 1 }, (_, i) => first + i);
    for (const values of found) expect(values).toEqual(expected);
    next = newest + 1;
  }
  rmSync(folder, { recursive: true });
});
