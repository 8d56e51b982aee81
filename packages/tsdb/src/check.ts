/**
 * Says in sentences what is wrong with a data folder. Changes nothing; run it on a folder that nobody has open.
 */
import { compareBytes, Labels, SampleBatch } from '@pronoia/model';
import { Block } from './block/block.ts';
import type { IndexSeries } from './block/series-cache.ts';
import { isUlid } from './block/ulid.ts';
import { decodeChunk, sampleCount } from './chunk/decode.ts';
import type { Disk } from './disk/disk.ts';
import { PageCache } from './disk/page-cache.ts';
import { realDisk } from './disk/real-disk.ts';
import { messageOf, StorageError } from './errors.ts';
import { readHeadChunkFile } from './head/chunk-files.ts';
import { readSegment } from './wal/reader.ts';
import { decodeRecord, type RecordVisitor } from './wal/record.ts';
import { listCheckpoints, listSegments, segmentName } from './wal/segment.ts';

export interface Finding {
  /** `error`: data are damaged or missing. `note`: what the next start puts in order by itself. */
  readonly severity: 'error' | 'note';
  readonly path: string;
  /** Byte in the file, where it is known. */
  readonly offset: number | undefined;
  readonly message: string;
}

export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly blocks: number;
  readonly series: number;
  readonly samples: number;
}

/** Reads everything: takes about as long as reading the folder from the disk. */
export async function check(folder: string, disk: Disk = realDisk): Promise<CheckResult> {
  const run = new Check(disk);
  await run.folder(folder);
  return { findings: run.findings, blocks: run.blocks, series: run.series, samples: run.samples };
}

class Check {
  readonly #disk: Disk;
  readonly findings: Finding[] = [];
  blocks = 0;
  series = 0;
  samples = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  #add(severity: Finding['severity'], path: string, message: string, offset?: number): void {
    this.findings.push({ severity, path, offset, message });
  }

  #addFault(path: string, error: unknown): void {
    const fields = error instanceof StorageError ? error.fields : {};
    this.#add(
      'error',
      String(fields['path'] ?? path),
      messageOf(error),
      typeof fields['offset'] === 'number' ? fields['offset'] : undefined,
    );
  }

  async folder(folder: string): Promise<void> {
    for (const name of await this.#disk.list(folder)) {
      const path = `${folder}/${name}`;
      if (isUlid(name)) await this.#block(path, name);
      else if (isUlid(name.split('.')[0] as string))
        this.#add('note', path, 'a block whose writing or deletion was cut off; the next start removes it');
      else if (name.startsWith('wal.damaged-') || name.startsWith('wbl.damaged-'))
        this.#add('note', path, 'segments that were taken out of the write-ahead log because of damage before them');
      else if (name.startsWith('damaged-')) this.#add('note', path, 'what a repair took out; nothing reads it');
    }
    const refs = new Set<number>();
    await this.#log(`${folder}/wal`, refs);
    // Late samples: their series are named in the other log.
    await this.#log(`${folder}/wbl`, refs);
    await this.#headChunks(`${folder}/chunks_head`);
  }

  async #block(path: string, name: string): Promise<void> {
    let block: Block;
    try {
      block = await Block.open(this.#disk, path, new PageCache(8 << 20));
    } catch (error) {
      this.#addFault(path, error);
      return;
    }
    this.blocks++;
    try {
      if (block.ulid !== name) this.#add('error', `${path}/meta.json`, `the ulid ${block.ulid} is not the name of the folder`);
      if (block.meta.minTime > block.meta.maxTime)
        this.#add('error', `${path}/meta.json`, `minTime ${block.meta.minTime} is after maxTime ${block.meta.maxTime}`);
      this.#index(path, block);
    } finally {
      block.release();
    }
  }

  #index(path: string, block: Block): void {
    const { index } = block;
    const indexPath = `${path}/index`;
    const counted = { series: 0, chunks: 0, samples: 0 };
    const expected = new Map<string, number[]>();
    try {
      let previous: Labels | undefined;
      for (const ref of index.all()) {
        const series = index.series(ref);
        if (previous !== undefined && Labels.compare(previous, series.labels) >= 0) {
          this.#add('error', indexPath, `series ${String(series.labels)} does not come after ${String(previous)}`);
        }
        previous = series.labels;
        for (const [name, value] of series.labels) {
          const key = `${name}\xff${value}`;
          const refs = expected.get(key);
          if (refs === undefined) expected.set(key, [ref]);
          else refs.push(ref);
        }
        counted.series++;
        counted.chunks += series.chunks.length;
        counted.samples += this.#chunks(path, block, series);
      }
      for (const [key, refs] of expected) {
        const [name, value] = key.split('\xff') as [string, string];
        const found = index.postings(name, value);
        if (found.length !== refs.length || refs.some((ref, i) => found[i] !== ref)) {
          this.#add('error', indexPath, `the postings of ${name}="${value}" name ${found.length} series, ${refs.length} have the label`);
        }
      }
      for (const name of index.labelNames()) {
        for (const value of index.values(name, '')) {
          if (!expected.has(`${name}\xff${value}`))
            this.#add('error', indexPath, `there are postings of ${name}="${value}", which no series has`);
        }
      }
    } catch (error) {
      this.#addFault(indexPath, error);
      return;
    }
    this.series += counted.series;
    this.samples += counted.samples;
    const { numSeries = 0, numChunks = 0, numSamples = 0 } = block.meta.stats;
    const differences = [
      ['series', numSeries, counted.series],
      ['chunks', numChunks, counted.chunks],
      ['samples', numSamples, counted.samples],
    ] as const;
    for (const [what, said, found] of differences) {
      if (said !== found) this.#add('error', `${path}/meta.json`, `${said} ${what} are said to be in the block, ${found} are`);
    }
  }

  /** Returns the number of samples. */
  #chunks(path: string, block: Block, { labels, chunks }: IndexSeries): number {
    let samples = 0;
    let previousMs = -Infinity;
    for (const { minMs, maxMs, ref } of chunks) {
      const of = `chunk ${ref} of ${String(labels)}`;
      try {
        const { encoding, bytes } = block.chunks.read(ref);
        const count = sampleCount(encoding, bytes);
        samples += count;
        const batch = new SampleBatch(count);
        decodeChunk(encoding, bytes, batch, 0);
        if (count === 0) this.#add('error', `${path}/chunks`, `${of} has no samples`);
        if (batch.times[0] !== minMs || batch.times[count - 1] !== maxMs) {
          this.#add(
            'error',
            `${path}/chunks`,
            `${of} spans ${batch.times[0]} to ${batch.times[count - 1]}, the index says ${minMs} to ${maxMs}`,
          );
        }
        if (minMs < block.minMs || maxMs > block.maxMs)
          this.#add('error', `${path}/chunks`, `${of} spans ${minMs} to ${maxMs}, outside of the block`);
        for (const tMs of batch.times) {
          if (tMs <= previousMs) this.#add('error', `${path}/chunks`, `${of}: time ${tMs} does not come after ${previousMs}`);
          previousMs = tMs;
        }
      } catch (error) {
        if (error instanceof StorageError && error.code === 'unsupported')
          this.#add('note', `${path}/chunks`, `${of} cannot be examined: ${error.message}`);
        else this.#addFault(`${path}/chunks`, error);
      }
    }
    return samples;
  }

  async #log(folder: string, refs: Set<number>): Promise<void> {
    const unknownRefs = new Set<number>();
    const unknownTypes = new Set<number>();
    const use = (ref: number): void => {
      if (!refs.has(ref)) unknownRefs.add(ref);
    };
    const visitor: RecordVisitor = {
      series: (ref) => refs.add(ref),
      samples(samples) {
        for (let i = 0; i < samples.length; i++) use(samples.refs[i] as number);
      },
      histogram: use,
      tombstone: use,
      exemplar: use,
      metadata: use,
      unknown: (type) => unknownTypes.add(type),
    };
    const read = (record: Uint8Array): void => decodeRecord(record, visitor);

    for (const name of await this.#disk.list(folder)) {
      if (name.endsWith('.tmp')) this.#add('note', `${folder}/${name}`, 'a checkpoint that was not finished; the next start removes it');
    }
    const checkpoint = (await listCheckpoints(this.#disk, folder)).at(-1);
    if (checkpoint !== undefined) {
      for (const segment of await listSegments(this.#disk, checkpoint.folder)) {
        const { damage } = await readSegment(this.#disk, `${checkpoint.folder}/${segmentName(segment)}`, read);
        if (damage !== undefined) this.#addFault(checkpoint.folder, damage);
      }
    }
    const segments = (await listSegments(this.#disk, folder)).filter((segment) => segment > (checkpoint?.index ?? -1));
    for (const [i, segment] of segments.entries()) {
      const path = `${folder}/${segmentName(segment)}`;
      const expected = i === 0 ? (checkpoint === undefined ? segment : checkpoint.index + 1) : (segments[i - 1] as number) + 1;
      if (segment !== expected) this.#add('error', path, `segment ${segmentName(expected)} is missing before it`);
      const { damage } = await readSegment(this.#disk, path, read);
      if (damage === undefined) continue;
      if (i === segments.length - 1)
        this.#add('note', path, `${damage.message}; the next start cuts it off there`, damage.fields['offset'] as number);
      else this.#addFault(path, damage);
    }
    if (unknownRefs.size > 0)
      this.#add('error', folder, `samples or other entries of ${unknownRefs.size} series are in the log without the series' labels`);
    if (unknownTypes.size > 0) {
      this.#add(
        'note',
        folder,
        `records of unknown types are in the log and will be passed over: ${[...unknownTypes].sort((a, b) => a - b).join(', ')}`,
      );
    }
  }

  async #headChunks(folder: string): Promise<void> {
    const names = (await this.#disk.list(folder)).filter((name) => /^[0-9]+$/.test(name)).sort(compareBytes);
    for (const [i, name] of names.entries()) {
      const path = `${folder}/${name}`;
      if (i > 0 && Number(name) !== Number(names[i - 1]) + 1)
        this.#add('note', path, 'the file before it is missing; the next start removes it, the log has its samples');
      try {
        await readHeadChunkFile(this.#disk, path, Number(name));
      } catch (error) {
        this.#add('note', path, `${messageOf(error)}; the next start removes it, the log has its samples`);
      }
    }
  }
}
