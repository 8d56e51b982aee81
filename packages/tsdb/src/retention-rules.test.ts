import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from './disk/simulated-disk.ts';
import { open, type Tsdb, type TsdbOptions } from './tsdb.ts';

const hour = 3_600_000;
const start = Math.floor(1_700_000_000_000 / (6 * hour)) * 6 * hour;

function openOn(disk: SimulatedDisk, options: Partial<TsdbOptions>): Promise<Tsdb> {
  const clock = { now: () => start, setTimer: () => ({ cancel: () => undefined }) };
  return open('data', { registry: new Registry(), disk, clock, maxBlockMs: 2 * hour, ...options });
}

async function fill(tsdb: Tsdb, hours: number): Promise<void> {
  for (let tMs = start; tMs < start + hours * hour; tMs += 600_000) {
    const appender = tsdb.appender();
    for (const job of ['audit', 'node', 'debug']) appender.append(0, Labels.from({ __name__: 'm', job }), tMs, tMs / 1000);
    await appender.commit();
  }
  await tsdb.maintain();
}

/** Whole hours from the start that each job has samples of. */
async function spans(tsdb: Tsdb): Promise<Record<string, string>> {
  const querier = tsdb.querier(-Infinity, Infinity);
  const result: Record<string, string> = {};
  const batch = new SampleBatch();
  for (const { labels, samples } of (await querier.select([createMatcher('=', '__name__', 'm')])).series.map((one) => ({
    labels: one.labels,
    samples: one.samples(),
  }))) {
    let first = Infinity;
    let last = -Infinity;
    for (let count = samples.read(batch); count > 0; count = samples.read(batch)) {
      first = Math.min(first, batch.times[0] as number);
      last = batch.times[count - 1] as number;
    }
    result[labels.get('job')] = `${(first - start) / hour} to ${Math.ceil((last - start) / hour)}`;
  }
  querier.close();
  return result;
}

const rules = [
  { matchers: [createMatcher('=', 'job', 'audit')], keepMs: 100 * hour },
  { matchers: [createMatcher('=~', 'job', 'audit|debug')], keepMs: 2 * hour },
];

describe('rules of retention', () => {
  it('keep series for longer and for less long than the others; the first one that accepts a series counts', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk, { retentionMs: 6 * hour, keep: rules });
    await fill(tsdb, 16);
    // Blocks end at 14 h; the general limit takes those that end by 8 h, the short one those that end by 12 h.
    expect(await spans(tsdb)).toEqual({ audit: '0 to 16', node: '8 to 16', debug: '12 to 16' });
    const blocks = tsdb.blocks().map(({ ulid, stats }) => [ulid, stats.numSeries]);
    expect(blocks.map(([, series]) => series)).toEqual([1, 1, 1, 1, 2, 2, 3]);
    // Nothing is written again when no more limits are outlived.
    await tsdb.maintain();
    expect(tsdb.blocks().map(({ ulid, stats }) => [ulid, stats.numSeries])).toEqual(blocks);
    await tsdb.close();
    const again = await openOn(disk, { retentionMs: 6 * hour, keep: rules });
    await again.maintain();
    expect(again.blocks().map(({ ulid, stats }) => [ulid, stats.numSeries])).toEqual(blocks);
    // Without rules, what only they kept goes.
    again.setKeepRules([]);
    await again.maintain();
    expect(await spans(again)).toEqual({ audit: '8 to 16', node: '8 to 16', debug: '12 to 16' });
    await again.close();
  });

  it('leave no block without series', async () => {
    const tsdb = await openOn(new SimulatedDisk(), {
      retentionMs: 6 * hour,
      keep: [{ matchers: [createMatcher('=', 'job', 'none')], keepMs: 100 * hour }],
    });
    await fill(tsdb, 16);
    expect(await spans(tsdb)).toEqual({ audit: '8 to 16', node: '8 to 16', debug: '8 to 16' });
    expect(tsdb.blocks().length).toBe(3);
    await tsdb.close();
  });
});

describe('budgets of series', () => {
  it('refuse new series of a metric or a job that has as many as it may have, and say which budget it was', async () => {
    const registry = new Registry();
    const tsdb = await openOn(new SimulatedDisk(), { registry, maxSeriesPerMetric: 2, maxSeriesPerJob: 3 });
    const appender = tsdb.appender();
    const add = (name: string, job: string, i: number): unknown =>
      appender.append(0, Labels.from({ __name__: name, job, i: String(i) }), start, 1);
    expect([add('a', 'x', 1), add('a', 'x', 2), add('a', 'x', 3), add('a', 'y', 1)]).toEqual([1, 2, 'series_limit', 'series_limit']);
    // Known ones go on.
    expect([add('a', 'x', 2), add('b', 'x', 1), add('c', 'x', 1), add('c', 'y', 1)]).toEqual([2, 3, 'series_limit', 4]);
    // A series without a job is in no job's budget.
    expect(appender.append(0, Labels.from({ __name__: 'd' }), start, 1)).toBe(5);
    await appender.commit();
    const page = await registry.metrics();
    expect(page).toContain('prometheus_tsdb_series_refused_total{reason="metric_limit"} 2');
    expect(page).toContain('prometheus_tsdb_series_refused_total{reason="job_limit"} 1');
    expect(tsdb.stats(2)).toMatchObject({
      seriesCreatedByMetricName: [
        { name: 'a', value: 2 },
        { name: 'b', value: 1 },
      ],
      seriesCreatedByJob: [
        { name: 'x', value: 3 },
        { name: 'y', value: 1 },
      ],
    });
    await tsdb.close();
  });
});
