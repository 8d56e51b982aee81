import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Labels } from '@pronoia/model';
import { Engine } from '@pronoia/promql';
import { MemoryStorage } from '@pronoia/promql/promqltest';
import { expect, test } from 'vitest';

test('the example of the README runs and prints what it says', async () => {
  const printed: unknown[] = [];
  const print = (value: unknown): void => void printed.push(value);
  // README
  const storage = new MemoryStorage(); // any Queryable of @pronoia/model
  storage.append(Labels.from({ __name__: 'requests_total', job: 'api' }), [
    { tMs: 0, value: 100 },
    { tMs: 30_000, value: 130 },
    { tMs: 60_000, value: 160 },
  ]);
  const engine = new Engine({ lookbackMs: 300_000 });
  const { value, warnings } = await engine.instant(storage, 'sum by (job) (rate(requests_total[1m]))', 60_000);
  if (value.kind === 'vector') for (const { labels, value: rate } of value.samples) print(`${labels.toString()} ${rate}`); // {job="api"} 1
  print(warnings); // []
  // END
  expect(printed).toEqual(['{job="api"} 1', []]);
  const here = readFileSync(import.meta.filename, 'utf8');
  const example = (here.split('  // README\n')[1] as string).split('  // END\n')[0] as string;
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(example.replaceAll(/^ {2}/gm, '').replaceAll('print(', 'console.log('));
});
