/**
 * Random lives of a database on a simulated disk, each repeated by its seed, beside a table of what must be there: for tests and
 * for long runs (`npm run fuzz -- tsdb`). Each throws where the two part.
 */
import { deepStrictEqual, ok } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { Registry } from '@pronoia/client';
import {
  type ColumnDecoder,
  createMatcher,
  Labels,
  type Queryable,
  SampleBatch,
  type SampleReader,
  type Series,
  type SeriesSet,
  StagedChunks,
} from '@pronoia/model';
import { check } from './check.ts';
import { SimulatedDisk, StoppedDisk } from './disk/simulated-disk.ts';
import { openReadOnly } from './read-only.ts';
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
    // Of two samples for one time the first stays.
    if (!samples.has(tMs)) samples.set(tMs, value);
    this.samples.set(series, samples);
  }

  remove(series: string, minMs: number, maxMs: number): void {
    const samples = this.samples.get(series);
    for (const tMs of Array.from(samples?.keys() ?? [])) if (tMs >= minMs && tMs <= maxMs) samples?.delete(tMs);
  }

  lines(): string[] {
    return [...this.samples]
      .filter(([, samples]) => samples.size > 0)
      .map(
        ([series, samples]) =>
          `${series} ${[...samples]
            .sort(([a], [b]) => a - b)
            .map(([tMs, value]) => `${tMs}:${value}`)
            .join(' ')}`,
      )
      .sort();
  }
}

let decoder: ColumnDecoder | undefined;
const staged = new StagedChunks();
const batch = new SampleBatch(200);

/**
 * The fast lane of a selection gives what its readers give, in the whole range and in the middle of it. Returns how many series took it.
 */
export function checkFastLane({ series, bulk }: SeriesSet): number {
  if (bulk === undefined) throw new Error('there is no fast lane');
  decoder ??= bulk.createDecoder();
  const lane = decoder;
  let quick = 0;
  for (let from = 0; from < series.length; ) {
    const samples = readAll((series[from] as Series).samples());
    const middle = samples.slice(samples.length >> 2, (3 * samples.length) >> 2);
    for (const wanted of [samples, middle]) {
      const minMs = wanted === samples ? -Infinity : (middle[0]?.tMs ?? 0);
      const maxMs = wanted === samples ? Infinity : (middle.at(-1)?.tMs ?? -1);
      const count = bulk.stage(from, series.length, 1, minMs, maxMs, staged);
      ok(count > 0, 'nothing was staged');
      if (staged.slow[0] === 1) continue;
      quick++;
      const { starts, times, values, staleStarts, staleTimes } = lane.decode(staged);
      const floats = [...times.subarray(starts[0], starts[1])].map((tMs, i) => ({ tMs, value: values[i], stale: false }));
      const stale = [...staleTimes.subarray(staleStarts[0], staleStarts[1])].map((tMs) => ({ tMs, value: undefined, stale: true }));
      const found = [...floats, ...stale].sort((a, b) => a.tMs - b.tMs);
      deepStrictEqual(found, wanted, `the fast lane of ${String((series[from] as Series).labels)}`);
    }
    from++;
  }
  return quick;
}

function readAll(reader: SampleReader): { tMs: number; value: number | undefined; stale: boolean }[] {
  const samples: { tMs: number; value: number | undefined; stale: boolean }[] = [];
  for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
    for (let i = 0; i < count; i++) {
      const stale = batch.stale[i] === 1;
      samples.push({ tMs: batch.times[i] as number, value: stale ? undefined : batch.values[i], stale });
    }
  }
  return samples;
}

/** The fast lane is looked at now and then: there are thousands of dumps. */
let dumps = 0;

async function dump(tsdb: Queryable): Promise<string[]> {
  const querier = tsdb.querier(-Infinity, Infinity);
  const set = await querier.select([createMatcher('=~', '__name__', '.+')]);
  const { series } = set;
  if (++dumps % 32 === 0) checkFastLane(set);
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
  /** Chance for the names of blocks, apart so that they do not change what happens. */
  readonly names: () => number;
  /** Everything that was acknowledged. */
  certain: Oracle;
  /** What was under way when the disk stopped: it may be there or not, but whole. */
  pending: ((oracle: Oracle) => void) | undefined;
  nowMs: number;
  /** Most time between two steps. */
  readonly paceMs?: number;
}

/** One step of a random life. */
async function step(tsdb: Tsdb, story: Story): Promise<void> {
  const { random } = story;
  const kind = random();
  story.nowMs += Math.floor(random() * (story.paceMs ?? 400));
  if (kind < 0.85) {
    const appender = tsdb.appender();
    const taken: [string, number, number][] = [];
    const count = 1 + Math.floor(random() * 6);
    for (let i = 0; i < count; i++) {
      const series = String(Math.floor(random() * 8));
      if (taken.some(([other]) => other === series)) continue;
      const tMs = story.nowMs - Math.floor(random() * random() * 6000);
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
    const maxMs = minMs + Math.floor(random() * 800);
    story.pending = (oracle) => oracle.remove(series, minMs, maxMs);
    await tsdb.deleteSeries([createMatcher('=', 's', series)], minMs, maxMs);
  } else {
    await tsdb.maintain();
    return;
  }
  story.pending(story.certain);
  story.pending = undefined;
}

function readOracle(lines: readonly string[]): Oracle {
  const oracle = new Oracle();
  for (const line of lines) {
    const [series, ...samples] = line.split(' ') as [string, ...string[]];
    for (const sample of samples) {
      const [tMs, value] = sample.split(':').map(Number) as [number, number];
      oracle.append(series, tMs, value);
    }
  }
  return oracle;
}

/** `found` without what neither has, and with what both have. */
function between(a: Oracle, b: Oracle, found: readonly string[]): string[] {
  const result = new Oracle();
  const seen = readOracle(found).samples;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const [series, samples] of one.samples) {
      for (const [tMs, value] of samples) {
        const isCertain = other.samples.get(series)?.has(tMs) === true;
        if (isCertain || seen.get(series)?.get(tMs) === value) result.append(series, tMs, value);
      }
    }
  }
  return result.lines();
}

/** The story's time and chance name the blocks, so that all that happens follows from the seed. */
function openOn(disk: SimulatedDisk, story: Story, more: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  const clock = { now: () => story.nowMs, setTimer: () => ({ cancel: () => undefined }) };
  return open('data', { registry: new Registry(), disk, clock, random: story.names, ...options, ...more });
}

/** Restarts, kills and power cuts. */
export async function liveWithKills(seed: number): Promise<void> {
  const outOfOrderWindowMs = seed % 2 === 0 ? 0 : 30_000;
  const random = randomFrom(seed);
  const story: Story = { random, names: randomFrom(~seed), certain: new Oracle(), pending: undefined, nowMs: start };
  let disk = new SimulatedDisk();
  for (let life = 0; life < 4; life++) {
    const tsdb = await openOn(disk, story, { walCompression: random() < 0.5 ? 'none' : 'snappy', outOfOrderWindowMs });
    deepStrictEqual(await dump(tsdb), story.certain.lines());
    for (let i = 0; i < 75; i++) await step(tsdb, story);
    deepStrictEqual(await dump(tsdb), story.certain.lines());
    for (let i = 0; i < 75; i++) await step(tsdb, story);
    deepStrictEqual(await dump(tsdb), story.certain.lines());
    const before = disk.operations;
    const outside = await openReadOnly('data', disk);
    deepStrictEqual(await dump(outside), story.certain.lines());
    deepStrictEqual(disk.operations, before);
    outside.close();
    if (random() < 0.5) {
      await tsdb.close();
      disk = disk.powerCut(random);
    } else {
      disk = disk.killed();
      await tsdb.close();
    }
  }
}

/** The disk stops at any of its operations: what was acknowledged stays, and nothing is half there. */
export async function liveUntilDiskStops(seed: number): Promise<void> {
  const random = randomFrom(1000 + seed);
  const cutsPower = seed % 2 === 0;
  const outOfOrderWindowMs = seed % 4 < 2 ? 0 : 30_000;
  const story: Story = { random, names: randomFrom(~seed), certain: new Oracle(), pending: undefined, nowMs: start };
  let disk = new SimulatedDisk();
  for (let life = 0; life < 6; life++) {
    disk.stopAt = disk.operations + Math.floor(random() * 150);
    let tsdb: Tsdb | undefined;
    try {
      tsdb = await openOn(disk, story, { walSync: cutsPower ? 'always' : 'interval', outOfOrderWindowMs });
      for (let i = 0; i < 300; i++) await step(tsdb, story);
    } catch (error) {
      if (!String(error).includes(StoppedDisk.name) && !String(error).includes('simulated disk stopped')) throw error;
    }
    await tsdb?.close().catch(() => undefined);
    disk = cutsPower ? disk.powerCut(random) : disk.killed();
    story.certain = readOracle(await mustHold(disk, story, outOfOrderWindowMs));
    story.pending = undefined;
  }
}

/** What was acknowledged is on the disk, what was under way is there whole or not at all, and `check` finds nothing. Returns what there is. */
async function mustHold(disk: SimulatedDisk, story: Story, outOfOrderWindowMs: number): Promise<string[]> {
  const again = await openOn(disk, story, { outOfOrderWindowMs });
  const found = await dump(again);
  const withPending = new Oracle();
  for (const [series, samples] of story.certain.samples) for (const [tMs, value] of samples) withPending.append(series, tMs, value);
  story.pending?.(withPending);
  // With late samples, which have a log of their own, perhaps without them.
  const allowed = [story.certain.lines(), withPending.lines()];
  if (outOfOrderWindowMs > 0) allowed.push(between(story.certain, withPending, found));
  ok(
    allowed.some((lines) => isDeepStrictEqual(lines, found)),
    `found ${found.join('\n')}\nallowed ${allowed.map((lines) => lines.join('\n')).join('\nor ')}`,
  );
  await again.close();
  deepStrictEqual(
    (await check('data', disk)).findings.filter(({ severity }) => severity === 'error'),
    [],
  );
  return found;
}

/**
 * One life of appends, late samples, deletions and compactions, ended before its operation `phase`, `phase + every` … until it ends by
 * itself, with the write under way torn; and each time both a killed process and a lost power supply. Returns how many ends there were.
 */
export async function liveUntilEachStop(seed: number, every: number, phase: number): Promise<number> {
  const outOfOrderWindowMs = seed % 2 === 0 ? 0 : 30_000;
  let ends = 0;
  for (let stopAt = phase; ; stopAt += every) {
    const story: Story = {
      random: randomFrom(3000 + seed),
      names: randomFrom(~seed),
      certain: new Oracle(),
      pending: undefined,
      nowMs: start,
      paceMs: 2400,
    };
    const chance = randomFrom(stopAt);
    const disk = new SimulatedDisk();
    disk.stopAt = stopAt;
    disk.tornShare = chance();
    let tsdb: Tsdb | undefined;
    let isStopped = false;
    try {
      tsdb = await openOn(disk, story, { walSync: 'always', outOfOrderWindowMs });
      for (let i = 0; i < 100; i++) await step(tsdb, story);
    } catch (error) {
      if (!String(error).includes(StoppedDisk.name) && !String(error).includes('simulated disk stopped')) throw error;
      isStopped = true;
    }
    await tsdb?.close().catch(() => undefined);
    if (!isStopped) return ends;
    ends++;
    await mustHold(disk.killed(), story, outOfOrderWindowMs);
    await mustHold(disk.powerCut(chance), story, outOfOrderWindowMs);
  }
}

/** The disk becomes full and has room again, over and over: batches are refused whole, and life goes on. Returns how often it was full. */
export async function liveWithFullDisk(seed: number): Promise<number> {
  const random = randomFrom(4000 + seed);
  const outOfOrderWindowMs = seed % 2 === 0 ? 0 : 30_000;
  const story: Story = { random, names: randomFrom(~seed), certain: new Oracle(), pending: undefined, nowMs: start, paceMs: 1200 };
  const disk = new SimulatedDisk();
  const tsdb = await openOn(disk, story, { outOfOrderWindowMs, walSync: seed % 4 < 2 ? 'always' : 'interval' });
  let full = 0;
  for (let i = 0; i < 200; i++) {
    if (i % 20 === 10) disk.freeBytes = Math.floor(random() * 800);
    if (i % 20 === 0) disk.freeBytes = Infinity;
    try {
      await step(tsdb, story);
    } catch (error) {
      if (!String(error).includes('ENOSPC')) throw error;
      full++;
      const withPending = new Oracle();
      for (const [series, samples] of story.certain.samples) for (const [tMs, value] of samples) withPending.append(series, tMs, value);
      story.pending?.(withPending);
      const found = await dump(tsdb);
      // A deletion may have reached some blocks when it fails; a batch is refused whole.
      const allowed = [story.certain.lines(), between(story.certain, withPending, found)];
      ok(
        allowed.some((lines) => isDeepStrictEqual(lines, found)),
        `found ${found.join('\n')}\nafter ${String(error)}`,
      );
      story.certain = readOracle(found);
      story.pending = undefined;
    }
  }
  disk.freeBytes = Infinity;
  deepStrictEqual(await dump(tsdb), story.certain.lines());
  // A refused batch may be in the log until something else is written to it.
  const last = tsdb.appender();
  deepStrictEqual(typeof last.append(0, Labels.from({ __name__: 'm', s: '0' }), story.nowMs + 1, 1), 'number');
  await last.commit();
  story.certain.append('0', story.nowMs + 1, 1);
  await tsdb.maintain();
  deepStrictEqual(await dump(tsdb), story.certain.lines());
  await mustHold(disk.killed(), story, outOfOrderWindowMs);
  await tsdb.close();
  return full;
}

/** Errors of the disk: batches are refused whole, and life goes on. Returns how many errors there were. */
export async function liveWithDiskErrors(seed: number): Promise<number> {
  const random = randomFrom(2000 + seed);
  const outOfOrderWindowMs = seed % 4 === 0 ? 30_000 : 0;
  const story: Story = { random, names: randomFrom(~seed), certain: new Oracle(), pending: undefined, nowMs: start };
  const disk = new SimulatedDisk();
  const tsdb = await openOn(disk, story, { outOfOrderWindowMs, walSync: seed % 2 === 0 ? 'always' : 'interval' });
  const surprises: string[][] = [];
  let faults = 0;
  let isFaulty = false;
  disk.beforeOperation = (operation, path) => {
    if (!isFaulty || random() > 0.1) return;
    faults++;
    throw Object.assign(new Error(`EIO: i/o error, ${operation} ${path}`), { code: 'EIO' });
  };
  for (let i = 0; i < 400; i++) {
    isFaulty = i % 20 > 10;
    try {
      await step(tsdb, story);
    } catch (error) {
      if (!String(error).includes('EIO')) throw error;
      isFaulty = false;
      const withPending = new Oracle();
      for (const [series, samples] of story.certain.samples) for (const [tMs, value] of samples) withPending.append(series, tMs, value);
      story.pending?.(withPending);
      const found = await dump(tsdb);
      // A deletion may have reached some blocks when it fails; a batch is refused whole.
      const allowed = [story.certain.lines(), between(story.certain, withPending, found)].map((lines) => lines.join());
      if (!allowed.includes(found.join())) surprises.push(found);
      story.certain = readOracle(found);
      story.pending = undefined;
    }
  }
  isFaulty = false;
  // A refused batch may be in the log until something else is written to it.
  const last = tsdb.appender();
  deepStrictEqual(typeof last.append(0, Labels.from({ __name__: 'm', s: '0' }), story.nowMs + 1, 1), 'number');
  await last.commit();
  story.certain.append('0', story.nowMs + 1, 1);
  deepStrictEqual(surprises, []);
  deepStrictEqual(await dump(tsdb), story.certain.lines());
  await tsdb.maintain();
  deepStrictEqual(await dump(tsdb), story.certain.lines());
  const again = await openOn(disk.killed(), story, { outOfOrderWindowMs });
  deepStrictEqual(await dump(again), story.certain.lines());
  deepStrictEqual(
    (await check('data', disk)).findings.filter(({ severity }) => severity === 'error'),
    [],
  );
  await again.close();
  await tsdb.close();
  return faults;
}
