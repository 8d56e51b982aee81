import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { SimulatedDisk } from './disk/simulated-disk.ts';
import { StorageError } from './errors.ts';
import { open } from './tsdb.ts';

const start = 1_700_000_000_000;

/** A small folder with everything in it: blocks, tombstones, head chunks, a checkpoint, a log. */
async function smallFolder(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const tsdb = await open('data', {
    registry: new Registry(),
    disk,
    chunkRangeMs: 20_000,
    maxBlockMs: 20_000,
    walSegmentBytes: 32 * 1024,
    samplesPerChunk: 8,
    lock: false,
  });
  for (let i = 0; i < 60; i++) {
    const appender = tsdb.appender();
    for (const k of ['x', 'y']) appender.append(0, Labels.from({ __name__: 'm', k }), start + i * 1000, i);
    await appender.commit();
    if (i % 10 === 9) await tsdb.maintain();
  }
  await tsdb.deleteSeries([createMatcher('=', 'k', 'x')], start, start + 3000);
  await tsdb.close();
  return disk;
}

async function readAll(disk: SimulatedDisk): Promise<string[]> {
  const tsdb = await open('data', { registry: new Registry(), disk, chunkRangeMs: 20_000, lock: false });
  try {
    const querier = tsdb.querier(-Infinity, Infinity);
    const { series } = await querier.select([createMatcher('=', '__name__', 'm')]);
    const lines: string[] = [];
    const batch = new SampleBatch();
    for (const one of series) {
      const reader = one.samples();
      for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
        for (let i = 0; i < count; i++) lines.push(`${String(one.labels)} ${batch.times[i]} ${batch.values[i]}`);
      }
    }
    querier.close();
    return lines;
  } finally {
    await tsdb.close();
  }
}

describe('check', () => {
  it('finds nothing in a sound folder', async () => {
    const disk = await smallFolder();
    const { findings, blocks, samples } = await check('data', disk);
    expect(findings).toEqual([]);
    expect(blocks).toBeGreaterThan(1);
    expect(samples).toBeGreaterThan(50);
  });

  it('names leftovers and missing files', async () => {
    const disk = await smallFolder();
    const block = (await disk.list('data')).find((name) => name.length === 26) as string;
    await disk.remove(`data/${block}/index`);
    await disk.makeFolder('data/01HZZZZZZZZZZZZZZZZZZZZZZZ.tmp-for-creation');
    const { findings } = await check('data', disk);
    expect(findings.map(({ severity, path }) => `${severity} ${path}`).sort()).toEqual([
      `error data/${block}`,
      'note data/01HZZZZZZZZZZZZZZZZZZZZZZZ.tmp-for-creation',
    ]);
  });

  it('with bytes of a folder flipped in turn: no crash, no wrong answer without an error', async () => {
    const disk = await smallFolder();
    const right = await readAll(disk.killed());
    // Every 13th byte that is not zero (the log is mostly padding); all of them (`step = 1`) take a minute and have been seen to hold.
    const step = 13;
    const silent: string[] = [];
    const unnamed: string[] = [];
    for (const path of disk.paths()) {
      const places = Array.from(disk.contents(path), (byte, at) => (byte !== 0 || at % 5000 === 0 ? at : -1)).filter((at) => at >= 0);
      for (const at of places.filter((_, i) => i % step === 0)) {
        const flipped = disk.killed();
        const bytes = flipped.contents(path);
        bytes[at] = (bytes[at] as number) ^ 0x10;
        const { findings } = await check('data', flipped);
        let answer: string[] | undefined;
        try {
          answer = await readAll(flipped);
        } catch (error) {
          if (!(error instanceof StorageError)) throw error;
        }
        const isRight = answer === undefined || JSON.stringify(answer) === JSON.stringify(right);
        // meta.json has no checksum: there `check` must say what does not fit.
        // The log and its checkpoints are cut off at the damage: less, and it is said, but nothing else.
        const isPart = path.includes('/wal/') && answer?.every((line) => right.includes(line) || /k="x"} 17000000000/.test(line));
        if (!isRight && !isPart && (findings.length === 0 || !path.endsWith('meta.json'))) silent.push(`${path} at ${at}`);
        if (answer === undefined && findings.length === 0) unnamed.push(`${path} at ${at}`);
      }
    }
    expect(silent).toEqual([]);
    expect(unnamed).toEqual([]);
  });
});
