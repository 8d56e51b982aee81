import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import type { SimulatedDisk } from './disk/simulated-disk.ts';
import { StorageError } from './errors.ts';
import { planRepair, runRepair } from './repair.ts';
import { readAll, smallFolder } from './small-folder.ts';

/** What is deleted in a block may still be in the log: when the block or its tombstones are lost, it is there again. */
const wasDeleted = /k="x"} 170000000[0-3]000 /;

/** Every fifth byte; `EVERY=1` in the environment takes them all, in half a minute, and has been seen to hold. */
const everyByte = Number(process.env['EVERY'] ?? 5);

/** Files of the folder and the places of their bytes; of the zeros, which fill the log's pages, only some. */
function* places(disk: SimulatedDisk, step: number): Iterable<{ path: string; at: number }> {
  let n = 0;
  for (const path of disk.paths())
    for (const [at, byte] of disk.contents(path).entries()) if ((byte !== 0 || at % 1000 === 0) && n++ % step === 0) yield { path, at };
}

function flipped(disk: SimulatedDisk, path: string, at: number): SimulatedDisk {
  const copy = disk.killed();
  const bytes = copy.contents(path);
  bytes[at] = (bytes[at] as number) ^ 0x10;
  return copy;
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

  it('with every byte of a folder flipped in turn: no crash, no wrong answer without an error or a warning', {
    timeout: 120_000,
  }, async () => {
    const disk = await smallFolder();
    const right = await readAll(disk.killed());
    expect(disk.paths().map((path) => path.split('/')[1]?.slice(0, 4))).toEqual(expect.arrayContaining(['chun', 'wal', 'wbl']));
    const wrong: string[] = [];
    const unnamed: string[] = [];
    let count = 0;
    for (const { path, at } of places(disk, everyByte)) {
      count++;
      const copy = flipped(disk, path, at);
      const { findings } = await check('data', copy);
      const told: string[] = [];
      let answer: string[] | undefined;
      try {
        answer = await readAll(copy, told);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        told.push(error.message);
      }
      const isRight = answer === undefined || answer.join() === right.join();
      // meta.json has no checksum: there `check` says what does not fit. Of the logs less may be left, or what was deleted, but it is said.
      if (!isRight && told.length === 0 && findings.length === 0) wrong.push(`${path} at ${at}`);
      if (!isRight && answer?.some((line) => !right.includes(line) && !wasDeleted.test(line))) wrong.push(`${path} at ${at}: invented`);
      const folder = path
        .split('/')
        .slice(0, path.includes('/0') ? 3 : 2)
        .join('/');
      if (findings.length > 0 && !findings.some((finding) => `${finding.path} ${finding.message}`.includes(folder)))
        unnamed.push(`${path} at ${at}`);
      if (answer === undefined && findings.length === 0) unnamed.push(`${path} at ${at}`);
    }
    expect(count).toBeGreaterThan(300);
    expect(wrong).toEqual([]);
    expect(unnamed).toEqual([]);
  });
});

describe('a repair', () => {
  it('finds nothing to do in a sound folder', async () => {
    expect(await planRepair('data', 0, await smallFolder())).toEqual([]);
  });

  it('of any byte that was flipped: nothing is deleted, nothing invented, and the folder is sound', { timeout: 120_000 }, async () => {
    const disk = await smallFolder();
    const right = await readAll(disk.killed());
    const faults: string[] = [];
    let repaired = 0;
    for (const { path, at } of places(disk, everyByte * 5)) {
      const copy = flipped(disk, path, at);
      const broken = Buffer.from(copy.contents(path));
      const operations = copy.operations;
      const steps = await planRepair('data', 1_700_000_100_000, copy);
      if (copy.operations !== operations) faults.push(`${path} at ${at}: the plan changed something`);
      if (steps.length === 0) continue;
      repaired++;
      await runRepair('data', steps, undefined, copy);
      if (!copy.paths().some((one) => copy.contents(one).equals(broken))) faults.push(`${path} at ${at}: deleted`);
      const left = (await check('data', copy)).findings.filter(({ severity }) => severity === 'error');
      // A series that was named in the lost part of the log only.
      if (left.some(({ message }) => !message.includes("without the series' labels"))) faults.push(`${path} at ${at}: ${left[0]?.message}`);
      const invented = (await readAll(copy)).filter((line) => !right.includes(line) && !wasDeleted.test(line));
      if (invented.length > 0) faults.push(`${path} at ${at}: ${invented[0]}`);
    }
    expect(repaired).toBeGreaterThan(50);
    expect(faults).toEqual([]);
  });

  it('says what it will do and what is lost', async () => {
    const disk = await smallFolder();
    const block = (await disk.list('data')).find((name) => name.length === 26) as string;
    const sentences = async (path: string, at: number): Promise<string[]> =>
      (await planRepair('data', 0, flipped(disk, path, at))).map(({ sentence }) => sentence);
    expect(await sentences(`data/${block}/chunks/000001`, 20)).toEqual([
      `block data/${block} is written anew without what cannot be read, and moved aside: 0 of its series and 1 chunks of others are lost (first: damaged data: data/${block}/chunks/000001 at offset 8: checksum of the chunk is wrong)`,
    ]);
    expect((await sentences(`data/${block}/index`, 8))[0]).toMatch(
      /^block data\/\w+ is moved aside: its samples are lost \(damaged data: .*symbols is wrong\)$/,
    );
    expect((await sentences(`data/${block}/meta.json`, 0))[0]).toMatch(/meta.json is moved aside and written anew from the index/);
    expect((await sentences(`data/${block}/tombstones`, 0))[0]).toMatch(/deleted appear again$/);
    const head = (await disk.list('data/chunks_head'))[0] as string;
    expect((await sentences(`data/chunks_head/${head}`, 0))[0]).toMatch(/moved aside .*; the log has these samples$/);
  });
});
