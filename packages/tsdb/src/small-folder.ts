/** For tests: a small folder with everything in it — blocks, tombstones, head chunks, a checkpoint, both logs — and all that it holds. */
import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { SimulatedDisk } from './disk/simulated-disk.ts';
import { open, type Tsdb, type TsdbLog } from './tsdb.ts';

const start = 1_700_000_000_000;
const noTimer = { now: () => start, setTimer: () => ({ cancel: () => undefined }) };
const random = (): number => 0.5;

export async function smallFolder(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const tsdb = await open('data', {
    registry: new Registry(),
    disk,
    clock: noTimer,
    random,
    chunkRangeMs: 20_000,
    maxBlockMs: 20_000,
    walSegmentBytes: 32 * 1024,
    samplesPerChunk: 8,
    outOfOrderWindowMs: 20_000,
    lock: false,
  });
  for (let i = 0; i < 60; i++) {
    const appender = tsdb.appender();
    for (const k of ['x', 'y']) appender.append(0, Labels.from({ __name__: 'm', k }), start + i * 1000, i);
    if (i > 55) appender.append(0, Labels.from({ __name__: 'm', k: 'x' }), start + i * 1000 - 3500, -i);
    await appender.commit();
    if ((i % 10 === 9 && i < 55) || i === 55) await tsdb.maintain();
  }
  await tsdb.deleteSeries([createMatcher('=', 'k', 'x')], start, start + 3000);
  await tsdb.close();
  return disk;
}

/** A line per sample; what the database had to say about the folder goes into `told`. */
export async function readAll(disk: SimulatedDisk, told: string[] = []): Promise<string[]> {
  const tell = (fields: object, message: string): void => void told.push(`${message} ${JSON.stringify(fields)}`);
  const log: TsdbLog = { info: () => undefined, warn: tell, error: tell };
  const tsdb = await open('data', { registry: new Registry(), disk, log, clock: noTimer, random, chunkRangeMs: 20_000, lock: false });
  try {
    return await readSamples(tsdb);
  } finally {
    await tsdb.close();
  }
}

async function readSamples(tsdb: Tsdb): Promise<string[]> {
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
}
