import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { SimulatedDisk, StoppedDisk } from './disk/simulated-disk.ts';
import { open, type Tsdb, type TsdbOptions } from './tsdb.ts';

/** A small generator of random numbers, so that a failure is repeated by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The database as a table: too simple to be wrong. */
class Oracle {
  readonly samples = new Map<string, Map<number, number>>();

  append(series: string, tMs: number, value: number): void {
    const samples = this.samples.get(series) ?? new Map<number, number>();
    samples.set(tMs, value);
    this.samples.set(series, samples);
  }

  remove(series: string, minMs: number, maxMs: number): void {
    const samples = this.samples.get(series);
    for (const tMs of Array.from(samples?.keys() ?? [])) if (tMs >= minMs && tMs <= maxMs) samples?.delete(tMs);
  }

  lines(): string[] {
    return [...this.samples]
      .filter(([, samples]) => samples.size > 0)
      .map(([series, samples]) => `${series} ${[...samples].map(([tMs, value]) => `${tMs}:${value}`).join(' ')}`)
      .sort();
  }
}

async function dump(tsdb: Tsdb): Promise<string[]> {
  const querier = tsdb.querier(-Infinity, Infinity);
  const { series } = await querier.select([createMatcher('=~', '__name__', '.+')]);
  const batch = new SampleBatch();
  const lines: string[] = [];
  for (const one of series) {
    const parts: string[] = [];
    const reader = one.samples();
    for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
      for (let i = 0; i < count; i++) parts.push(`${batch.times[i]}:${batch.values[i]}`);
    }
    if (parts.length > 0) lines.push(`${one.labels.get('s')} ${parts.join(' ')}`);
  }
  querier.close();
  return lines.sort();
}

const start = 1_700_000_000_000;
const options = { chunkRangeMs: 20_000, walSegmentBytes: 32 * 1024, retentionMs: Infinity } as const;

interface Story {
  readonly random: () => number;
  /** Everything that was acknowledged. */
  readonly certain: Oracle;
  /** What was under way when the disk stopped: it may be there or not, but whole. */
  pending: ((oracle: Oracle) => void) | undefined;
  nowMs: number;
}

/** One step of a random life. */
async function step(tsdb: Tsdb, story: Story): Promise<void> {
  const { random, certain } = story;
  const kind = random();
  story.nowMs += Math.floor(random() * 400);
  if (kind < 0.85) {
    const appender = tsdb.appender();
    const taken: [string, number, number][] = [];
    const count = 1 + Math.floor(random() * 6);
    for (let i = 0; i < count; i++) {
      const series = String(Math.floor(random() * 8));
      if (taken.some(([other]) => other === series)) continue;
      const tMs = story.nowMs - Math.floor(random() * random() * 3000);
      const value = random() < 0.5 ? Math.floor(random() * 10) : random();
      const answer = appender.append(0, Labels.from({ __name__: 'm', s: series }), tMs, value);
      if (typeof answer === 'number') taken.push([series, tMs, value]);
    }
    if (kind < 0.05) {
      appender.rollback();
      return;
    }
    story.pending = (oracle) => {
      for (const [series, tMs, value] of taken) oracle.append(series, tMs, value);
    };
    await appender.commit();
  } else if (kind < 0.9) {
    const series = String(Math.floor(random() * 8));
    const minMs = story.nowMs - Math.floor(random() * 5000);
    const maxMs = minMs + Math.floor(random() * 3000);
    story.pending = (oracle) => oracle.remove(series, minMs, maxMs);
    await tsdb.deleteSeries([createMatcher('=', 's', series)], minMs, maxMs);
  } else {
    await tsdb.maintain();
    return;
  }
  story.pending(certain);
  story.pending = undefined;
}

function openOn(disk: SimulatedDisk, more: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  return open('data', { registry: new Registry(), disk, ...options, ...more });
}

describe('a random life', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))('with restarts and kills equals the table (seed %d)', async (seed) => {
    const random = randomFrom(seed);
    const story: Story = { random, certain: new Oracle(), pending: undefined, nowMs: start };
    let disk = new SimulatedDisk();
    for (let life = 0; life < 4; life++) {
      const tsdb = await openOn(disk, { walCompression: random() < 0.5 ? 'none' : 'snappy' });
      expect(await dump(tsdb)).toEqual(story.certain.lines());
      for (let i = 0; i < 75; i++) await step(tsdb, story);
      expect(await dump(tsdb)).toEqual(story.certain.lines());
      for (let i = 0; i < 75; i++) await step(tsdb, story);
      expect(await dump(tsdb)).toEqual(story.certain.lines());
      if (random() < 0.5) {
        await tsdb.close();
        disk = disk.powerCut(random);
      } else {
        disk = disk.killed();
        await tsdb.close();
      }
    }
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'that the disk ends keeps what was acknowledged, and nothing half (seed %d)',
    async (seed) => {
      const random = randomFrom(1000 + seed);
      const cutsPower = seed % 2 === 0;
      const story: Story = { random, certain: new Oracle(), pending: undefined, nowMs: start };
      let disk = new SimulatedDisk();
      for (let life = 0; life < 6; life++) {
        disk.stopAt = disk.operations + Math.floor(random() * 150);
        let tsdb: Tsdb | undefined;
        try {
          tsdb = await openOn(disk, { walSync: cutsPower ? 'always' : 'interval' });
          for (let i = 0; i < 300; i++) await step(tsdb, story);
        } catch (error) {
          if (!String(error).includes(StoppedDisk.name) && !String(error).includes('simulated disk stopped')) throw error;
        }
        await tsdb?.close().catch(() => undefined);
        disk = cutsPower ? disk.powerCut(random) : disk.killed();
        const again = await openOn(disk);
        const found = await dump(again);
        const withPending = new Oracle();
        for (const [series, samples] of story.certain.samples) for (const [tMs, value] of samples) withPending.append(series, tMs, value);
        story.pending?.(withPending);
        expect([story.certain.lines(), withPending.lines()]).toContainEqual(found);
        if (JSON.stringify(found) !== JSON.stringify(story.certain.lines())) story.pending?.(story.certain);
        story.pending = undefined;
        await again.close();
        expect((await check('data', disk)).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      }
    },
  );
});
