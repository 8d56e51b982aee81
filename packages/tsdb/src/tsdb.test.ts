import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import {
  createMatcher,
  type FloatHistogram,
  formatFloat,
  Labels,
  type Matcher,
  type Queryable,
  type Rejection,
  SampleBatch,
} from '@pronoia/model';
import { afterEach, describe, expect, it } from 'vitest';
import { SimulatedDisk } from './disk/simulated-disk.ts';
import { checkFastLane } from './history.ts';
import { importOpenMetrics } from './import-openmetrics.ts';
import { open, type Tsdb, type TsdbOptions } from './tsdb.ts';

const start = 1_700_000_000_000;
const opened: Tsdb[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const tsdb of opened.splice(0)) await tsdb.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function openOn(disk: SimulatedDisk, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  const tsdb = await open('data', { registry: new Registry(), disk, ...options });
  opened.push(tsdb);
  return tsdb;
}

type Row = readonly [labels: Record<string, string>, tMs: number, value: number | 'stale'];

async function add(tsdb: Tsdb, ...rows: readonly Row[]): Promise<(number | Rejection)[]> {
  const appender = tsdb.appender();
  const answers = rows.map(([labels, tMs, value]) =>
    value === 'stale'
      ? appender.append(0, Labels.from(labels), tMs, 0, { stale: true })
      : appender.append(0, Labels.from(labels), tMs, value),
  );
  await appender.commit();
  return answers;
}

/** Everything as lines `series time:value …`, in the order of the answer. */
async function dump(
  queryable: Queryable,
  matchers: readonly Matcher[] = [createMatcher('=~', '__name__', '.*')],
  minMs = -Infinity,
  maxMs = Infinity,
  batch = new SampleBatch(),
): Promise<string[]> {
  const querier = queryable.querier(minMs, maxMs);
  const set = await querier.select(matchers);
  checkFastLane(set);
  const lines = set.series.map((one) => {
    const parts = [String(one.labels)];
    const reader = one.samples();
    for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
      for (let i = 0; i < count; i++)
        parts.push(`${(batch.times[i] as number) - start}:${batch.stale[i] === 1 ? 'stale' : formatFloat(batch.values[i] as number)}`);
    }
    return parts.join(' ');
  });
  querier.close();
  return lines;
}

const a = { __name__: 'a' };
const b = { __name__: 'b', x: '1' };

describe('a database', () => {
  it.each([1, 2, 3])('names thousands of new series in its log, whatever fails meanwhile (write %i)', async (faultyWrite) => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk);
    let writes = 0;
    disk.beforeOperation = (operation, path) => {
      if (path.includes('wal/') && operation === 'write' && ++writes === faultyWrite) throw new Error('EIO');
    };
    const stored = new Set<string>();
    const store = async (names: readonly string[]): Promise<void> => {
      const appender = tsdb.appender();
      for (const n of names) appender.append(0, Labels.from({ __name__: 'm', n }), start, 1);
      await appender.commit().then(
        () => names.forEach((n) => void stored.add(n)),
        () => undefined,
      );
    };
    const many = store(Array.from({ length: 8000 }, (_, i) => `many ${i}`));
    for (let i = 0; i < 20; i++) {
      await store([`few ${i}`, `many ${i}`]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await many;
    expect(writes).toBeGreaterThanOrEqual(faultyWrite);
    expect(stored.size).toBeGreaterThan(20);
    await store(['the last']);
    const again = await openOn(disk.killed());
    const querier = again.querier(0, start);
    const found = new Set(await querier.labelValues('n', []));
    querier.close();
    expect([...stored].filter((n) => !found.has(n))).toEqual([]);
  });

  it('tells how far it is with its log at start', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk, { walSegmentBytes: 32 * 1024, walCompression: 'none' });
    for (let n = 0; n < 90; n++) await add(tsdb, ...Array.from({ length: 100 }, (_, i): Row => [{ n: String(i) }, start + n, i]));
    const told: number[][] = [];
    await openOn(disk.killed(), { onReplay: (...progress) => told.push(progress) });
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual(told.map((_, i) => [0, told.length - 1, i]));
  });

  it('answers with what was committed, sorted by labels', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    await add(tsdb, [b, start, 1], [a, start, 2], [a, start + 1, NaN], [a, start + 2, 'stale'], [{ ...b, x: '0' }, start, -0]);
    expect(await dump(tsdb)).toEqual(['a 0:2 1:NaN 2:stale', 'b{x="0"} 0:-0', 'b{x="1"} 0:1']);
  });

  it('shows nothing before commit and nothing after rollback', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    const appender = tsdb.appender();
    appender.append(0, Labels.from(a), start, 1);
    expect(await dump(tsdb)).toEqual([]);
    appender.rollback();
    expect(await dump(tsdb)).toEqual([]);
  });

  it('cuts to the time range of the querier, both ends inclusive', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    await add(tsdb, ...Array.from({ length: 400 }, (_, i): Row => [a, start + i, i]));
    expect(await dump(tsdb, undefined, start + 130, start + 132)).toEqual(['a 130:130 131:131 132:132']);
    expect(await dump(tsdb, undefined, start + 400, start + 500)).toEqual([]);
    expect(await dump(tsdb, undefined, start - 10, start - 1)).toEqual([]);
  });

  it('fills batches of any size', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    await add(tsdb, ...Array.from({ length: 1000 }, (_, i): Row => [a, start + i * 1000, i % 7 === 0 ? i * 0.1 : i]));
    const whole = await dump(tsdb);
    for (const capacity of [1, 2, 7, 119, 120, 121, 500, 5000]) {
      expect(await dump(tsdb, undefined, -Infinity, Infinity, new SampleBatch(capacity))).toEqual(whole);
    }
  });

  it('a querier does not see later commits', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    await add(tsdb, [a, start, 1]);
    const querier = tsdb.querier(-Infinity, Infinity);
    await add(tsdb, [a, start + 1, 2], [b, start + 1, 2]);
    const { series } = await querier.select([createMatcher('=~', '__name__', '.+')]);
    const batch = new SampleBatch();
    expect(series.map(({ labels }) => String(labels))).toEqual(['a']);
    expect(series[0]?.samples().read(batch)).toBe(1);
    expect(await querier.labelValues('__name__', [])).toEqual(['a']);
    querier.close();
    expect(await dump(tsdb)).toEqual(['a 0:1 1:2', 'b{x="1"} 1:2']);
  });

  it('rejects as the original does', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    expect(await add(tsdb, [a, start, 1])).toEqual([1]);
    expect(await add(tsdb, [a, start, 1])).toEqual([1]);
    expect(await add(tsdb, [a, start, 2])).toEqual(['duplicate_timestamp']);
    expect(await add(tsdb, [a, start - 1, 2])).toEqual(['out_of_order']);
    expect(await add(tsdb, [b, start - 3_600_000, 2])).toEqual([2]);
    expect(await add(tsdb, [b, start - 3_600_001, 2])).toEqual(['out_of_bounds']);
    expect(await add(tsdb, [{}, start, 2])).toEqual(['invalid_labels']);
    const appender = tsdb.appender();
    expect(appender.append(0, Labels.fromSorted(['b', '1', 'a', '1']), start, 1)).toBe('invalid_labels');
    expect(appender.append(0, Labels.fromSorted(['a', '1', 'a', '1']), start, 1)).toBe('invalid_labels');
    expect(appender.append(99, Labels.from(a), start + 5, 1)).toBe(1);
    await appender.commit();
  });

  it('keeps the first of two samples for one time that race', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk);
    const [first, second] = [tsdb.appender(), tsdb.appender()];
    first.append(0, Labels.from(a), start, 1);
    second.append(0, Labels.from(a), start, 2);
    await Promise.all([first.commit(), second.commit()]);
    expect(await dump(tsdb)).toEqual(['a 0:1']);
    expect(await dump(await openOn(disk.killed()))).toEqual(['a 0:1']);
  });

  it('takes late samples inside the out-of-order window, and only there', async () => {
    const disk = new SimulatedDisk();
    const options = { chunkRangeMs: 20_000, maxBlockMs: 60_000, outOfOrderWindowMs: 10_000 } as const;
    const tsdb = await openOn(disk, options);
    await add(tsdb, [a, start, 0], [a, start + 20_000, 20]);
    const answers = await add(
      tsdb,
      [a, start + 15_000, 15],
      [a, start + 9_999, 9],
      [a, start + 10_000, 10],
      [b, start + 12_000, 12],
      [a, start + 17_000, 'stale'],
    );
    expect(answers).toEqual([1, 'too_old', 1, 2, 1]);
    expect(await add(tsdb, [a, start + 15_000, 15], [a, start + 15_000, 16])).toEqual([1, 'duplicate_timestamp']);
    const expected = ['a 0:0 10000:10 15000:15 17000:stale 20000:20', 'b{x="1"} 12000:12'];
    expect(await dump(tsdb)).toEqual(expected);
    const again = await openOn(disk.killed(), options);
    expect(await dump(again)).toEqual(expected);
    await again.deleteSeries([createMatcher('=', '__name__', 'a')], start + 10_000, start + 15_000);
    await again.maintain();
    expect(again.blocks().map(({ compaction }) => compaction.hints)).toContainEqual(['from-out-of-order']);
    await add(again, [a, start + 90_000, 90], [a, start + 85_000, 85]);
    await again.maintain();
    expect(await dump(again)).toEqual(['a 0:0 17000:stale 20000:20 85000:85 90000:90', 'b{x="1"} 12000:12']);
  });

  it('takes late histograms inside the window: over a restart, beside floats, into blocks', async () => {
    const disk = new SimulatedDisk();
    const options = { chunkRangeMs: 20_000, maxBlockMs: 60_000, outOfOrderWindowMs: 30_000 } as const;
    const labels = Labels.from(a);
    const h = (count: number, isInteger = true): FloatHistogram => ({
      counterResetHint: 'not_reset',
      schema: 1,
      zeroThreshold: 0,
      zeroCount: 0,
      count,
      sum: count / 2,
      positiveSpans: [{ offset: 0, length: 2 }],
      negativeSpans: [],
      positiveBuckets: Float64Array.of(count - 1, 1),
      negativeBuckets: new Float64Array(0),
      customValues: [],
      ...(isInteger && { isInteger }),
    });
    const append = async (tsdb: Tsdb, ...samples: [atMs: number, value: number | FloatHistogram | 'stale'][]): Promise<unknown[]> => {
      const appender = tsdb.appender();
      const answers = samples.map(([atMs, value]) =>
        value === 'stale' ? appender.append(0, labels, start + atMs, 0, { stale: true }) : appender.append(0, labels, start + atMs, value),
      );
      await appender.commit();
      return answers;
    };
    const read = async (tsdb: Tsdb): Promise<string[]> => {
      const lines: string[] = [];
      const querier = tsdb.querier(-Infinity, Infinity);
      const batch = new SampleBatch(3);
      for (const one of (await querier.select([createMatcher('=', '__name__', 'a')])).series) {
        const reader = one.samples();
        for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
          for (let i = 0; i < count; i++) {
            const at = (batch.times[i] as number) - start;
            const one = batch.hasHistograms ? batch.histograms[i] : undefined;
            const kind = one?.isInteger === true ? 'whole' : 'float';
            if (batch.stale[i] === 1) lines.push(`${at} stale`);
            else lines.push(one === undefined ? `${at} ${batch.values[i]}` : `${at} ${kind} ${one.count} ${one.positiveBuckets.join()}`);
          }
        }
      }
      querier.close();
      return lines;
    };
    const tsdb = await openOn(disk, options);
    await append(tsdb, [0, h(1)], [40_000, h(41)]);
    expect(await append(tsdb, [30_000, h(31)], [25_000, h(26.5, false)], [9_999, h(10)], [35_000, 'stale'], [20_000, 7])).toEqual([
      1,
      1,
      'too_old',
      1,
      1,
    ]);
    expect(await append(tsdb, [30_000, h(31)], [30_000, h(32)], [30_000, h(31, false)], [30_000, 0], [25_000, 26.5])).toEqual([
      1,
      'duplicate_timestamp',
      'duplicate_timestamp',
      'duplicate_timestamp',
      'duplicate_timestamp',
    ]);
    // Overtaken by another batch between append and commit; the same in one batch.
    const slow = tsdb.appender();
    slow.append(0, labels, start + 41_000, h(42));
    slow.append(0, labels, start + 43_000, h(44));
    slow.append(0, labels, start + 42_000, h(43));
    await append(tsdb, [42_500, h(43.5, false)]);
    await slow.commit();
    const expected = [
      ['0 whole 1 0,1', '20000 7', '25000 float 26.5 25.5,1', '30000 whole 31 30,1', '35000 stale', '40000 whole 41 40,1'],
      ['41000 whole 42 41,1', '42000 whole 43 42,1', '42500 float 43.5 42.5,1', '43000 whole 44 43,1'],
    ].flat();
    expect(await read(tsdb)).toEqual(expected);
    // A batch that is refused takes its late histogram back.
    disk.beforeOperation = (operation, path) => {
      if (path.includes('wal/') && operation === 'write') throw new Error('EIO');
    };
    await expect(append(tsdb, [39_000, h(40)], [44_000, h(45)])).rejects.toThrow(/EIO/);
    disk.beforeOperation = () => undefined;
    expect(await read(tsdb)).toEqual(expected);
    const killed = disk.killed();
    const again = await openOn(killed, options);
    expect(await read(again)).toEqual(expected);
    await again.deleteSeries([createMatcher('=', '__name__', 'a')], start + 41_500, start + 42_000);
    expected.splice(7, 1);
    expect(await read(again)).toEqual(expected);
    await again.maintain();
    expect(again.blocks().map(({ compaction }) => compaction.hints)).toContainEqual(['from-out-of-order']);
    expect(await read(again)).toEqual(expected);
    await append(again, [120_000, 120]);
    await again.maintain();
    await again.maintain();
    expect(await read(again)).toEqual([...expected, '120000 120']);
    expect(await read(await openOn(killed.killed(), options))).toEqual([...expected, '120000 120']);
  });

  it('refuses new series over a limit, and goes on with those it has', async () => {
    const registry = new Registry();
    const tsdb = await openOn(new SimulatedDisk(), { maxSeries: 1, registry });
    expect(await add(tsdb, [a, start, 1], [b, start, 1])).toEqual([1, 'series_limit']);
    expect(await add(tsdb, [a, start + 1, 1])).toEqual([1]);
    expect(await registry.metrics()).toContain('prometheus_tsdb_series_refused_total{reason="series_limit"} 1');
    expect(await add(await openOn(new SimulatedDisk(), { memoryBudgetBytes: 1 }), [a, start, 1])).toEqual(['memory_limit']);
  });

  it('survives being killed with everything that a query has shown', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk);
    for (let i = 0; i < 300; i++) await add(tsdb, [a, start + i, i], [b, start + i, -i]);
    const shown = await dump(tsdb);
    const again = await openOn(disk.killed());
    expect(await dump(again)).toEqual(shown);
    expect(await add(again, [a, start + 300, 300], [{ ...b, x: '2' }, start, 1])).toEqual([1, 3]);
  });

  it('gives label names and values', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    await add(tsdb, [b, start, 1], [a, start, 2], [{ ...b, x: '0', y: 'ü' }, start, 0]);
    const querier = tsdb.querier(start, start);
    const named = [createMatcher('=', '__name__', 'b')];
    expect(await querier.labelNames([])).toEqual(['__name__', 'x', 'y']);
    expect(await querier.labelNames([createMatcher('=', '__name__', 'a')])).toEqual(['__name__']);
    expect(await querier.labelValues('x', named)).toEqual(['0', '1']);
    expect(await querier.labelValues('x', named, 1)).toEqual(['0']);
    expect(await querier.labelValues('none', named)).toEqual([]);
    querier.close();
  });

  it('deletes series, also after a restart, and takes them again', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk);
    await add(tsdb, ...Array.from({ length: 10 }, (_, i): Row => [a, start + i, i]), [b, start, 1]);
    await tsdb.deleteSeries([createMatcher('=', '__name__', 'a')], start + 2, start + 7);
    await tsdb.deleteSeries([createMatcher('=', '__name__', 'b')], -Infinity, Infinity);
    await add(tsdb, [b, start + 1, 2]);
    const expected = ['a 0:0 1:1 8:8 9:9', 'b{x="1"} 1:2'];
    expect(await dump(tsdb)).toEqual(expected);
    expect(await dump(await openOn(disk.killed()))).toEqual(expected);
  });

  it('refuses while the disk is full, and goes on when there is room', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk);
    await add(tsdb, [a, start, 1]);
    disk.freeBytes = 3;
    await expect(add(tsdb, [a, start + 1, 2], [b, start + 1, 2])).rejects.toThrow('ENOSPC');
    expect(await dump(tsdb)).toEqual(['a 0:1']);
    disk.freeBytes = Infinity;
    await add(tsdb, [a, start + 1, 3], [b, start + 1, 3]);
    const expected = ['a 0:1 1:3', 'b{x="1"} 1:3'];
    expect(await dump(tsdb)).toEqual(expected);
    expect(await dump(await openOn(disk.killed()))).toEqual(expected);
  });

  it('is locked for others while it is open', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsdb-'));
    folders.push(folder);
    const tsdb = await open(folder, { registry: new Registry() });
    await expect(open(folder, { registry: new Registry() })).rejects.toThrow(`held by process ${process.pid}`);
    await tsdb.close();
    const again = await open(folder, { registry: new Registry() });
    await again.close();
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  it('expires old samples and shortens its log', async () => {
    const disk = new SimulatedDisk();
    const options = { chunkRangeMs: 1000, retentionMs: 3000, walSegmentBytes: 32 * 1024, walCompression: 'none' } as const;
    const tsdb = await openOn(disk, options);
    for (let i = 0; i < 3000; i++) {
      await add(tsdb, [a, start + i * 10, i], [{ __name__: 'churn', id: String(Math.floor(i / 100)) }, start + i * 10, i]);
      if (i % 500 === 499) await tsdb.maintain();
    }
    const shown = await dump(tsdb);
    expect(shown.length).toBeLessThan(8);
    expect(shown[0]?.split(' ').length).toBeLessThan(500);
    expect(disk.paths().filter((path) => path.includes('checkpoint')).length).toBeGreaterThan(0);
    expect(disk.paths()).not.toContain('data/wal/00000000');
    const again = await openOn(disk.killed(), options);
    await again.maintain();
    expect(await dump(again)).toEqual(shown);
  });

  it('keeps native histograms: in the head, over a restart, in blocks, beside floats', async () => {
    const disk = new SimulatedDisk();
    const options = { chunkRangeMs: 20_000, maxBlockMs: 20_000 } as const;
    let tsdb = await openOn(disk, options);
    const h = (count: number, schema = 1): FloatHistogram => ({
      counterResetHint: 'unknown',
      schema,
      zeroThreshold: 0.001,
      zeroCount: 1,
      count,
      sum: count / 2,
      positiveSpans: [{ offset: 0, length: 2 }],
      negativeSpans: [],
      positiveBuckets: Float64Array.of(count, 1),
      negativeBuckets: new Float64Array(0),
      customValues: [],
    });
    const expected: string[] = [];
    const labels = Labels.from(a);
    for (let i = 0; i < 70; i++) {
      const tMs = start + i * 1000;
      const appender = tsdb.appender();
      if (i % 31 === 30) {
        appender.append(0, labels, tMs, 0, { stale: true });
        expected.push(`${i} stale`);
      } else if (i % 23 === 22) {
        appender.append(0, labels, tMs, i);
        expected.push(`${i} ${i}`);
      } else {
        appender.append(0, labels, tMs, h((i * 7) % 50, i < 40 ? 1 : 2));
        expected.push(`${i} count ${(i * 7) % 50} buckets ${(i * 7) % 50},1`);
      }
      await appender.commit();
      if (i === 35) tsdb = await openOn(disk.killed(), options);
    }
    const read = async (): Promise<string[]> => {
      const lines: string[] = [];
      const querier = tsdb.querier(-Infinity, Infinity);
      const batch = new SampleBatch(50);
      for (const one of (await querier.select([createMatcher('=', '__name__', 'a')])).series) {
        const reader = one.samples();
        for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
          for (let i = 0; i < count; i++) {
            const at = ((batch.times[i] as number) - start) / 1000;
            const histogram = batch.hasHistograms ? batch.histograms[i] : undefined;
            if (batch.stale[i] === 1) lines.push(`${at} stale`);
            else
              lines.push(
                histogram === undefined
                  ? `${at} ${batch.values[i]}`
                  : `${at} count ${histogram.count} buckets ${histogram.positiveBuckets.join(',')}`,
              );
          }
        }
      }
      querier.close();
      return lines;
    };
    expect(await read()).toEqual(expected);
    await tsdb.deleteSeries([createMatcher('=', '__name__', 'a')], start + 1000, start + 2500);
    expected.splice(1, 2);
    await tsdb.maintain();
    expect(tsdb.blocks().length).toBeGreaterThan(1);
    expect(await read()).toEqual(expected);
    await tsdb.cleanTombstones();
    expect(await read()).toEqual(expected);
    expect(await add(tsdb, [a, start + 69_000, 5])).toEqual(['duplicate_timestamp']);
    const appender = tsdb.appender();
    expect(appender.append(0, labels, start + 69_000, h((69 * 7) % 50, 2))).toBe(1);
    expect(appender.append(0, labels, start + 70_000, { ...h(1), positiveBuckets: new Float64Array(1) })).toBe('histogram_invalid');
    appender.rollback();
  });

  it('keeps whole counts as such, in the log, in the head and in blocks, and what is not whole as floats', async () => {
    const disk = new SimulatedDisk();
    const options = { chunkRangeMs: 20_000, maxBlockMs: 20_000 } as const;
    let tsdb = await openOn(disk, options);
    const h = (count: number, isInteger: boolean): FloatHistogram => ({
      counterResetHint: 'unknown',
      schema: 1,
      zeroThreshold: 0.001,
      zeroCount: 1,
      count,
      sum: count / 2,
      positiveSpans: [{ offset: 0, length: 2 }],
      negativeSpans: [],
      positiveBuckets: Float64Array.of(count, 1),
      negativeBuckets: new Float64Array(0),
      customValues: [],
      ...(isInteger && { isInteger }),
    });
    const labels = Labels.from(a);
    const expected: string[] = [];
    for (let i = 0; i < 70; i += 2) {
      // Two samples of one series in one batch, of either kind: their order is kept.
      const appender = tsdb.appender();
      for (const n of [i, i + 1]) {
        const tMs = start + n * 1000;
        if (n % 31 === 30) {
          appender.append(0, labels, tMs, 0, { stale: true });
          expected.push(`${n} stale`);
        } else {
          const isWhole = n % 10 < 5;
          appender.append(0, labels, tMs, n % 10 === 4 ? h(n + 0.5, true) : h(n, isWhole));
          expected.push(n % 10 === 4 ? `${n} ${n + 0.5} false` : `${n} ${n} ${isWhole}`);
        }
      }
      await appender.commit();
    }
    const read = async (): Promise<string[]> => {
      const lines: string[] = [];
      const querier = tsdb.querier(-Infinity, Infinity);
      const batch = new SampleBatch(50);
      for (const one of (await querier.select([createMatcher('=', '__name__', 'a')])).series) {
        const reader = one.samples();
        for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
          for (let i = 0; i < count; i++) {
            const at = ((batch.times[i] as number) - start) / 1000;
            const histogram = batch.histograms[i];
            lines.push(histogram === undefined ? `${at} stale` : `${at} ${histogram.count} ${histogram.isInteger ?? false}`);
          }
        }
      }
      querier.close();
      return lines;
    };
    expect(await read()).toEqual(expected);
    tsdb = await openOn(disk.killed(), options);
    expect(await read()).toEqual(expected);
    const appender = tsdb.appender();
    expect(appender.append(0, labels, start + 69_000, h(69, false))).toBe(1);
    expect(appender.append(0, labels, start + 69_000, h(69, true))).toBe('duplicate_timestamp');
    appender.rollback();
    await tsdb.maintain();
    expect(tsdb.blocks().length).toBeGreaterThan(1);
    expect(await read()).toEqual(expected);
    await tsdb.deleteSeries([createMatcher('=', '__name__', 'a')], start + 1000, start + 2500);
    await tsdb.cleanTombstones();
    expect(await read()).toEqual(expected.toSpliced(1, 2));
  });

  it('deletes the oldest blocks when it is too large, also when there is no room to compact', async () => {
    const disk = new SimulatedDisk();
    const options = { chunkRangeMs: 20_000, maxBlockMs: 20_000 } as const;
    const tsdb = await openOn(disk, options);
    for (let i = 0; i < 200; i++) {
      await add(tsdb, [a, start + i * 1000, Math.sin(i)]);
      if (i % 20 === 19) await tsdb.maintain();
    }
    const before = tsdb.blocks().length;
    expect(before).toBeGreaterThan(5);
    const full = disk.killed();
    let otherBytes = 0;
    for (const path of full.paths()) if (/\/(wal|chunks_head)\//.test(path)) otherBytes += full.contents(path).length;
    const small = await openOn(full, { ...options, retentionBytes: otherBytes + 2500 });
    await add(small, ...Array.from({ length: 40 }, (_, i): Row => [a, start + (200 + i) * 1000, 1]));
    full.freeBytes = 0;
    await expect(small.maintain()).rejects.toThrow('ENOSPC');
    expect(small.blocks().length).toBeLessThan(before);
    expect(small.blocks().length).toBeGreaterThan(0);
    expect((await dump(small))[0]?.split(' ').length).toBeLessThan(240);
  });

  it('takes blocks that others put into its folder', async () => {
    const disk = new SimulatedDisk();
    const tsdb = await openOn(disk);
    await add(tsdb, [a, start, 1]);
    await importOpenMetrics(Buffer.from('old{x="1"} 5 1600000000\n# EOF'), 'data', disk);
    expect(await dump(tsdb)).toEqual(['a 0:1']);
    await tsdb.maintain();
    expect(await dump(tsdb)).toEqual(['a 0:1', `old{x="1"} ${1_600_000_000_000 - start}:5`]);
  });

  it('tells who makes the most series', async () => {
    const tsdb = await openOn(new SimulatedDisk());
    await add(tsdb, ...Array.from({ length: 5 }, (_, i): Row => [{ __name__: 'many', id: String(i) }, start, i]), [a, start, 1]);
    const stats = tsdb.stats(1);
    expect(stats).toMatchObject({
      numSeries: 6,
      numLabelPairs: 7,
      chunkCount: 6,
      minMs: start,
      maxMs: start,
      seriesCountByMetricName: [{ name: 'many', value: 5 }],
      labelValueCountByLabelName: [{ name: 'id', value: 5 }],
      memoryInBytesByLabelName: [{ name: '__name__', value: 21 }],
      seriesCountByLabelValuePair: [{ name: '__name__=many', value: 5 }],
    });
  });

  it('measures itself under the original names', async () => {
    const registry = new Registry();
    const tsdb = await openOn(new SimulatedDisk(), { registry });
    await add(tsdb, [a, start, 1], [b, start, 1]);
    const text = await registry.metrics();
    expect(text).toContain('prometheus_tsdb_head_series 2');
    expect(text).toContain('prometheus_tsdb_head_samples_appended_total{type="float"} 2');
    expect(text).toContain(`prometheus_tsdb_head_max_time ${start}`);
  });
});

const hasPromtool = existsSync('/usr/bin/promtool');
if (!hasPromtool) process.stderr.write('SKIPPED: comparison with promtool: /usr/bin/promtool is not installed\n');

describe.skipIf(!hasPromtool)('promtool', () => {
  it.each(['none', 'snappy'] as const)('dumps what we stored (log compression: %s)', async (walCompression) => {
    const folder = mkdtempSync(join(tmpdir(), 'tsdb-'));
    folders.push(folder);
    const tsdb = await open(folder, { registry: new Registry(), walCompression });
    const expected: string[] = [];
    for (let i = 0; i < 500; i++) {
      const values = [i, Math.sin(i), i % 100 === 99 ? NaN : 1e300 * i];
      await add(tsdb, ...values.map((value, k): Row => [{ __name__: 'm', k: String(k), text: 'ü"\\' }, start + i * 1000, value]));
    }
    for (let k = 0; k < 3; k++) {
      for (let i = 0; i < 500; i++) {
        const value = [i, Math.sin(i), i % 100 === 99 ? NaN : 1e300 * i][k] as number;
        expected.push(`${k} ${value} ${start + i * 1000}`);
      }
    }
    await tsdb.close();
    const output = execFileSync('/usr/bin/promtool', ['tsdb', 'dump', folder], { maxBuffer: 1e9 }).toString();
    const lines = output
      .trim()
      .split('\n')
      .map((line) => {
        const match = /^\{.*k="(\d)".*text="ü\\"\\\\"\} (\S+) (\d+)$/.exec(line);
        return `${match?.[1]} ${Number(match?.[2])} ${match?.[3]}`;
      });
    expect(lines).toEqual(expected);
  });
});
