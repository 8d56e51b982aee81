/**
 * Puts a damaged data folder in order, when a person asks for it. Every step says in a sentence what it will do and what is lost by it,
 * before anything is done. Nothing is deleted: what is taken out goes to `damaged-…/` beside the rest.
 */
import { compareBytes, Labels, SampleBatch } from '@pronoia/model';
import { keepSamples } from './batch-filter.ts';
import { Block } from './block/block.ts';
import { type BlockContent, type SeriesToWrite, writeBlock } from './block/block-writer.ts';
import { ChunkReader } from './block/chunk-file.ts';
import { IndexReader } from './block/index-reader.ts';
import { type BlockMeta, readMeta, writeMeta } from './block/meta.ts';
import { readTombstones } from './block/tombstones.ts';
import { createUlid, isUlid, ulidTimeMs } from './block/ulid.ts';
import { decodeChunk, sampleCount } from './chunk/decode.ts';
import { BitBatch, type EncodedChunk, encodeChunks } from './chunk/encode.ts';
import { type Disk, readFile, writeFile } from './disk/disk.ts';
import { PageCache } from './disk/page-cache.ts';
import { realDisk } from './disk/real-disk.ts';
import { messageOf } from './errors.ts';
import { readHeadChunkFile } from './head/chunk-files.ts';
import type { Interval } from './interval.ts';
import { readSegment } from './wal/reader.ts';
import { decodeRecord, type RecordVisitor } from './wal/record.ts';
import { listCheckpoints, listSegments, segmentName } from './wal/segment.ts';

export interface RepairStep {
  /** What will be done, why, and what is lost. */
  readonly sentence: string;
  run(): Promise<void>;
}

/** What there is to do; nothing is changed. Run the steps in order, while nobody has the folder open. */
export async function planRepair(folder: string, nowMs: number, disk: Disk = realDisk): Promise<RepairStep[]> {
  const aside = `${folder}/damaged-${new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  const plan = new RepairPlan(disk, folder, aside, nowMs);
  for (const name of await disk.list(folder)) if (isUlid(name)) await plan.block(name);
  const checkpoint = (await listCheckpoints(disk, `${folder}/wal`)).at(-1);
  if (checkpoint !== undefined) await plan.log(checkpoint.folder, -1);
  await plan.log(`${folder}/wal`, checkpoint?.index ?? -1);
  await plan.log(`${folder}/wbl`, -1);
  await plan.headChunks(`${folder}/chunks_head`);
  return plan.steps;
}

/** Runs the steps, with the folder locked. Throws StorageError `locked` when someone has it open. */
export async function runRepair(
  folder: string,
  steps: readonly RepairStep[],
  onStep: (step: RepairStep) => void = () => undefined,
  disk: Disk = realDisk,
): Promise<void> {
  const unlock = await disk.lock(`${folder}/lock`);
  try {
    for (const step of steps) {
      onStep(step);
      await step.run();
    }
  } finally {
    await unlock();
  }
}

const decodesAll: RecordVisitor = {
  series: () => undefined,
  samples: () => undefined,
  histogram: () => undefined,
  tombstone: () => undefined,
  exemplar: () => undefined,
  metadata: () => undefined,
  unknown: () => undefined,
};

class RepairPlan {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #aside: string;
  readonly #nowMs: number;
  readonly steps: RepairStep[] = [];

  constructor(disk: Disk, folder: string, aside: string, nowMs: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#aside = aside;
    this.#nowMs = nowMs;
  }

  #add(sentence: string, run: () => Promise<void>): void {
    this.steps.push({ sentence, run });
  }

  async #asidePath(path: string): Promise<string> {
    const target = `${this.#aside}/${path.slice(this.#folder.length + 1)}`;
    await this.#disk.makeFolder(target.slice(0, target.lastIndexOf('/')));
    return target;
  }

  async #moveAside(path: string): Promise<void> {
    const target = await this.#asidePath(path);
    await this.#disk.rename(path, target);
    await this.#disk.syncFolder(target.slice(0, target.lastIndexOf('/')));
    await this.#disk.syncFolder(path.slice(0, path.lastIndexOf('/')));
  }

  /** The first thing that is wrong is put in order; another one shows in the next plan. */
  async block(ulid: string): Promise<void> {
    const path = `${this.#folder}/${ulid}`;
    const disk = this.#disk;
    const cache = new PageCache(16 << 20);
    const metaFault = await faultOf(() => readMeta(disk, path));
    if (metaFault !== undefined) {
      const rebuilt = await faultOf(() => rebuildMeta(disk, path, ulid));
      if (rebuilt === undefined)
        this.#add(
          `${path}/meta.json is moved aside and written anew from the index (${metaFault}); where the block comes from is forgotten`,
          async () => {
            const meta = await rebuildMeta(disk, path, ulid);
            if (await disk.exists(`${path}/meta.json`)) await this.#moveAside(`${path}/meta.json`);
            await writeMeta(disk, path, meta);
          },
        );
      else this.#addBlockAside(path, rebuilt);
      return;
    }
    const tombstonesFault = await faultOf(() => readTombstones(disk, path));
    if (tombstonesFault !== undefined) {
      this.#add(`${path}/tombstones is moved aside (${tombstonesFault}); samples of this block that were deleted appear again`, () =>
        this.#moveAside(`${path}/tombstones`),
      );
      return;
    }
    let block: Block | undefined;
    try {
      block = await Block.open(disk, path, cache);
      const salvaged = new Salvage(block);
      salvaged.scan();
      const { lostChunks, lostSeries, firstFault } = salvaged;
      if (firstFault === undefined) return;
      this.#add(
        `block ${path} is written anew without what cannot be read, and moved aside: ${lostSeries} of its series and ${lostChunks} chunks of others are lost (first: ${firstFault})`,
        () => this.#rewrite(path),
      );
    } catch (error) {
      this.#addBlockAside(path, messageOf(error));
    } finally {
      block?.release();
    }
  }

  #addBlockAside(path: string, fault: string): void {
    this.#add(`block ${path} is moved aside: its samples are lost (${fault})`, () => this.#moveAside(path));
  }

  async #rewrite(path: string): Promise<void> {
    const block = await Block.open(this.#disk, path, new PageCache(16 << 20));
    try {
      const salvage = new Salvage(block);
      salvage.scan();
      const ulid = createUlid(Math.max(this.#nowMs, ulidTimeMs(block.ulid) + 1), Math.random);
      const { minTime, maxTime, compaction } = block.meta;
      const { level, sources = [block.ulid], hints } = compaction;
      const meta = { ulid, minTime, maxTime, compaction: { level, sources, ...(hints === undefined ? {} : { hints }) } };
      await writeBlock(this.#disk, this.#folder, meta, salvage.content());
    } finally {
      block.release();
    }
    await this.#moveAside(path);
  }

  /** Segments after `from`. Later ones stay, as the original's repair does not let them: their records stand for themselves. */
  async log(folder: string, from: number): Promise<void> {
    for (const segment of await listSegments(this.#disk, folder)) {
      if (segment <= from) continue;
      const path = `${folder}/${segmentName(segment)}`;
      const { damage, goodBytes } = await readSegment(this.#disk, path, (record) => decodeRecord(record, decodesAll));
      if (damage === undefined) continue;
      this.#add(
        `a copy of ${path} goes aside, and it is cut back to its first ${goodBytes} bytes (${damage.message}); what was logged behind them in this segment is lost`,
        async () => {
          await writeFile(this.#disk, await this.#asidePath(path), await readFile(this.#disk, path));
          const file = await this.#disk.open(path, 'update');
          try {
            await file.truncate(goodBytes);
            await file.sync();
          } finally {
            await file.close();
          }
        },
      );
    }
  }

  async headChunks(folder: string): Promise<void> {
    const names = (await this.#disk.list(folder)).filter((name) => /^[0-9]+$/.test(name)).sort(compareBytes);
    for (const [i, name] of names.entries()) {
      const path = `${folder}/${name}`;
      const gap = i > 0 && Number(name) !== Number(names[i - 1]) + 1 ? 'the file before it is missing' : undefined;
      const fault = gap ?? (await faultOf(() => readHeadChunkFile(this.#disk, path, Number(name))));
      if (fault === undefined) continue;
      const later = names.slice(i);
      this.#add(
        `${later.map((one) => `${folder}/${one}`).join(', ')} ${later.length === 1 ? 'is' : 'are'} moved aside (${fault}); the log has these samples`,
        async () => {
          // From the newest on: a crash in between must not leave a gap.
          for (const one of later.reverse()) await this.#moveAside(`${folder}/${one}`);
        },
      );
      return;
    }
  }
}

async function faultOf(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** What of a block can be read. */
class Salvage {
  readonly #block: Block;
  /** Per series that can be read: its labels and whole chunks. */
  readonly #series: {
    readonly labels: Labels;
    readonly ref: number;
    readonly chunks: readonly { minMs: number; maxMs: number; ref: number }[];
  }[] = [];
  lostSeries = 0;
  lostChunks = 0;
  firstFault: string | undefined;

  constructor(block: Block) {
    this.#block = block;
  }

  /** Throws when not even the list of series can be read. */
  scan(): void {
    const { index } = this.#block;
    let previous: Labels | undefined;
    for (const ref of index.all()) {
      try {
        const { labels, chunks } = index.series(ref);
        if (previous !== undefined && Labels.compare(previous, labels) >= 0) throw new Error(`series ${String(labels)} is out of order`);
        previous = labels;
        this.#series.push({ labels, ref, chunks: chunks.filter((chunk, i) => this.#isWhole(chunk, chunks[i - 1]?.maxMs ?? -Infinity)) });
      } catch (error) {
        this.firstFault ??= messageOf(error);
        this.lostSeries++;
      }
    }
  }

  #isWhole(chunk: { minMs: number; maxMs: number; ref: number }, afterMs: number): boolean {
    try {
      const { encoding, bytes } = this.#block.chunks.read(chunk.ref);
      const count = sampleCount(encoding, bytes);
      const batch = new SampleBatch(Math.max(1, count));
      decodeChunk(encoding, bytes, batch, 0);
      if (count === 0 || batch.times[0] !== chunk.minMs || batch.times[count - 1] !== chunk.maxMs || chunk.minMs <= afterMs)
        throw new Error(`the times of chunk ${chunk.ref} are not those that the index says`);
      return true;
    } catch (error) {
      this.firstFault ??= messageOf(error);
      this.lostChunks++;
      return false;
    }
  }

  content(): BlockContent {
    const texts = new Set<string>();
    for (const { labels } of this.#series) for (const text of labels.pairs) texts.add(text);
    return { symbols: [...texts].sort(compareBytes), series: this.#read() };
  }

  async *#read(): AsyncGenerator<SeriesToWrite> {
    for (const { labels, ref, chunks } of this.#series) {
      const deleted = this.#block.deleted(ref);
      yield { labels, chunks: chunks.flatMap((chunk) => this.#chunk(chunk, deleted)) };
    }
  }

  #chunk({ minMs, maxMs, ref }: { minMs: number; maxMs: number; ref: number }, deleted: readonly Interval[]): EncodedChunk[] {
    const { encoding, bytes } = this.#block.chunks.read(ref);
    const own = bytes.slice();
    const count = sampleCount(encoding, own);
    if (!deleted.some((interval) => interval.minMs <= maxMs && interval.maxMs >= minMs))
      return [{ minMs, maxMs, encoding, count, bytes: own }];
    const batch = new BitBatch(count);
    decodeChunk(encoding, own, batch, 0);
    return encodeChunks(batch, keepSamples(batch, 0, count, -Infinity, Infinity, deleted));
  }
}

/** From what the index and the chunks say. */
async function rebuildMeta(disk: Disk, folder: string, ulid: string): Promise<BlockMeta> {
  const cache = new PageCache(16 << 20);
  const index = await IndexReader.open(disk, `${folder}/index`, cache);
  const chunkFiles = await ChunkReader.open(disk, `${folder}/chunks`, cache).catch(async (error: unknown) => {
    await index.close();
    throw error;
  });
  try {
    let minTime = Infinity;
    let maxTime = -Infinity;
    const counted = { numSamples: 0, numFloatSamples: 0, numHistogramSamples: 0, numSeries: 0, numChunks: 0 };
    for (const ref of index.all()) {
      const { chunks } = index.series(ref);
      counted.numSeries++;
      for (const { minMs, maxMs, ref: chunkRef } of chunks) {
        minTime = Math.min(minTime, minMs);
        maxTime = Math.max(maxTime, maxMs + 1);
        const { encoding, bytes } = chunkFiles.read(chunkRef);
        const count = sampleCount(encoding, bytes);
        counted.numChunks++;
        counted.numSamples += count;
        if (encoding === 1 || encoding === 4) counted.numFloatSamples += count;
        else counted.numHistogramSamples += count;
      }
    }
    if (!(minTime < maxTime)) throw new Error(`${folder} has no samples`);
    const stats = Object.fromEntries(Object.entries(counted).filter(([, value]) => value > 0));
    return { ulid, minTime, maxTime, stats, compaction: { level: 1, sources: [ulid] }, version: 1 };
  } finally {
    await index.close();
    await chunkFiles.close();
  }
}
