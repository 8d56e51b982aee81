import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canUseThread, ThreadCompactor } from './compaction-thread.ts';
import { type Compactor, LocalCompactor, type MergeRequest } from './compactor.ts';
import { realDisk } from './disk/real-disk.ts';
import { open, type Tsdb } from './tsdb.ts';

if (!canUseThread()) process.stderr.write('SKIPPED: compaction on a thread: the package is not built\n');

const hour = 3_600_000;
const start = Math.floor(1_700_000_000_000 / (2 * hour)) * 2 * hour;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsdb-thread-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Two blocks, deleted samples in one of them. Returns their ULIDs. */
async function twoBlocks(compactionThread: boolean): Promise<string[]> {
  let chance = 0;
  const clock = { now: () => start, setTimer: () => ({ cancel: () => undefined }) };
  const random = (): number => (chance = (chance + 0.618) % 1);
  const tsdb = await open(folder, { registry: new Registry(), compactionThread, clock, random, maxBlockMs: 2 * hour });
  const series = Array.from({ length: 40 }, (_, i) => Labels.from({ __name__: `m${i % 3}`, i: String(i), ü: 'ß' }));
  for (let tMs = start; tMs < start + 6 * hour; tMs += 60_000) {
    const appender = tsdb.appender();
    for (const [i, labels] of series.entries()) if (i % 5 > 0 || tMs < start + hour) appender.append(0, labels, tMs, Math.sin(tMs * i));
    await appender.commit();
    if (tMs === start + hour) await tsdb.deleteSeries([createMatcher('=', 'i', '7')], start, start + 600_000);
  }
  await tsdb.maintain();
  await tsdb.deleteSeries([createMatcher('=', 'i', '8')], start, start + 600_000);
  const ulids = tsdb.blocks().map(({ ulid }) => ulid);
  await tsdb.close();
  return ulids;
}

function blockBytes(ulid: string): Record<string, string> {
  const block = join(folder, ulid);
  const files = ['index', 'meta.json', 'tombstones', ...readdirSync(join(block, 'chunks')).map((name) => `chunks/${name}`)];
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(block, name), 'latin1')]));
}

/** Why no small disk can be made here: mounting takes root. */
function mountRefusal(): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'tsdb-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'pipe' });
    execFileSync('umount', [place], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(place, { recursive: true });
  }
}

const tmpfsRefusal = mountRefusal();
if (tmpfsRefusal !== undefined)
  process.stderr.write(`SKIPPED: compaction on a full disk: no tmpfs can be mounted here (${tmpfsRefusal})\n`);

async function samplesOf(tsdb: Tsdb): Promise<number> {
  const querier = tsdb.querier(-Infinity, Infinity);
  const batch = new SampleBatch();
  let samples = 0;
  for (const reader of (await querier.select([createMatcher('=', '__name__', 'm')])).series.map((one) => one.samples()))
    for (let count = reader.read(batch); count > 0; count = reader.read(batch)) samples += count;
  querier.close();
  return samples;
}

const target = '01HZZZZZZZZZZZZZZZZZZZZZZZ';

function mergeOf(ulids: readonly string[]): MergeRequest {
  const compaction = { level: 2, sources: [...ulids] };
  return { kind: 'merge', folder, ulids, meta: { ulid: target, minTime: start, maxTime: start + 4 * hour, compaction } };
}

describe.skipIf(!canUseThread())('the compaction thread', { timeout: 60_000 }, () => {
  it('writes the same bytes as the caller would', async () => {
    const ulids = await twoBlocks(true);
    expect(ulids.length).toBe(2);
    const made = ulids.map(blockBytes);
    const merged: Record<string, string>[] = [];
    for (const compactor of [new ThreadCompactor(realDisk), new LocalCompactor(realDisk)] as Compactor[]) {
      expect((await compactor.merge(mergeOf(ulids)))?.stats.numSeries).toBe(40);
      merged.push(blockBytes(target));
      rmSync(join(folder, target), { recursive: true });
      await compactor.rest();
    }
    expect(merged[0]).toEqual(merged[1]);
    rmSync(folder, { recursive: true });
    expect(await twoBlocks(false)).toEqual(ulids);
    expect(ulids.map(blockBytes)).toEqual(made);
  });

  it('says where the damage is that it met, and leaves nothing behind', async () => {
    const ulids = await twoBlocks(true);
    const path = join(folder, ulids[0] as string, 'chunks/000001');
    const bytes = readFileSync(path);
    bytes[40] = (bytes[40] as number) ^ 4;
    writeFileSync(path, bytes);
    const compactor = new ThreadCompactor(realDisk);
    await expect(compactor.merge(mergeOf(ulids))).rejects.toMatchObject({ code: 'damaged', fields: { path, offset: 8 } });
    await compactor.rest();
    expect(readdirSync(folder).filter((name) => name.startsWith(target))).toEqual([]);
  });

  it('that dies fails the work under way with a sentence, removes what it had begun, and is started anew', async () => {
    const ulids = await twoBlocks(true);
    const program = join(folder, 'dies.mjs');
    writeFileSync(
      program,
      `import { parentPort } from 'node:worker_threads'; import { mkdirSync } from 'node:fs';
       parentPort.on('message', () => { mkdirSync(${JSON.stringify(`${folder}/${target}.tmp-for-creation`)}); process.exit(7); });`,
    );
    const compactor = new ThreadCompactor(realDisk, new URL(`file://${program}`));
    await expect(compactor.merge(mergeOf(ulids))).rejects.toMatchObject({
      code: 'write_failed',
      message: 'cannot write: the compaction thread died: it ended with code 7; the next upkeep begins the work anew',
    });
    expect(existsSync(join(folder, `${target}.tmp-for-creation`))).toBe(false);
    writeFileSync(
      program,
      `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => parentPort.postMessage({ kind: 'done' }));`,
    );
    expect(await compactor.merge(mergeOf(ulids))).toBeUndefined();
    await compactor.rest();
  });

  it.skipIf(tmpfsRefusal !== undefined)(
    'on a full disk fails in a sentence, is counted, and does its work when there is room',
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
      try {
        const registry = new Registry();
        const clock = { now: () => start, setTimer: () => ({ cancel: () => undefined }) };
        const tsdb = await open(folder, { registry, clock, walCompression: 'none' });
        for (let tMs = start; tMs < start + 205 * 60_000; tMs += 60_000) {
          const appender = tsdb.appender();
          for (let i = 0; i < 300; i++) appender.append(0, Labels.from({ __name__: 'm', i: String(i) }), tMs, Math.sin(tMs * i));
          await appender.commit();
        }
        expect(await samplesOf(tsdb)).toBe(300 * 205);
        const room = statfsSync(folder);
        writeFileSync(join(folder, 'ballast'), Buffer.alloc(Math.max(0, room.bavail * room.bsize - 64 * 1024)));
        await expect(tsdb.maintain()).rejects.toThrow(/no space left on device/);
        expect(await registry.metrics()).toMatch(/^prometheus_tsdb_compactions_failed_total [1-9]/m);
        expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
        expect(await samplesOf(tsdb)).toBe(300 * 205);
        rmSync(join(folder, 'ballast'));
        await tsdb.maintain();
        expect(tsdb.blocks().length).toBe(1);
        expect(await samplesOf(tsdb)).toBe(300 * 205);
        await tsdb.close();
      } finally {
        execFileSync('umount', ['--lazy', folder]);
      }
    },
  );

  it('is ended by the end of the database in the middle of its work', async () => {
    const ulids = await twoBlocks(true);
    const program = join(folder, 'sleeps.mjs');
    writeFileSync(program, `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => undefined);`);
    const compactor = new ThreadCompactor(realDisk, new URL(`file://${program}`));
    const [work] = await Promise.allSettled([compactor.merge(mergeOf(ulids)), compactor.stop()]);
    expect(work).toMatchObject({ status: 'rejected', reason: { code: 'closed' } });
    await expect(compactor.merge(mergeOf(ulids))).rejects.toMatchObject({ code: 'closed' });
  });
});
