import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { open } from '@pronoia/tsdb';
import { expect, test } from 'vitest';

test('the example of the README runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsdb-readme-'));
  const printed: string[] = [];
  const print = (line: string): void => void printed.push(line);
  // README
  const tsdb = await open(folder, { registry: new Registry() });

  const appender = tsdb.appender();
  appender.append(0, Labels.from({ __name__: 'temperature', room: 'attic' }), 1_700_000_000_000, 21.5);
  appender.append(0, Labels.from({ __name__: 'temperature', room: 'cellar' }), 1_700_000_000_000, 12);
  await appender.commit(); // from here on the samples survive kill -9

  const querier = tsdb.querier(1_699_999_000_000, 1_700_000_000_000);
  const { series } = await querier.select([createMatcher('=~', 'room', 'a.*')]);
  const batch = new SampleBatch();
  for (const { labels, samples } of series.map((one) => ({ labels: one.labels, samples: one.samples() }))) {
    for (let count = samples.read(batch); count > 0; count = samples.read(batch)) {
      for (let i = 0; i < count; i++) print(`${labels.get('room')} ${batch.times[i]} ${batch.values[i]}`);
    }
  }
  querier.close();
  await tsdb.close();
  // END
  rmSync(folder, { recursive: true });
  expect(printed).toEqual(['attic 1700000000000 21.5']);
  const here = readFileSync(import.meta.filename, 'utf8');
  const example = (here.split('  // README\n')[1] as string).split('  // END\n')[0] as string;
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  expect(readme).toContain(example.replaceAll(/^ {2}/gm, ''));
});
