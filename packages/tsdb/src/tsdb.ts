/**
 * A time-series database in a folder. This file joins the rooms: opening (lock, blocks, log), the doors (appender, querier,
 * delete), the upkeep that runs once a minute, closing.
 */
import type { Registry } from '@pronoia/client';
import type { Appendable, Appender, Matcher, Querier, Queryable } from '@pronoia/model';
import { ByteWriter } from './byte-writer.ts';
import { type HeadStatistics, headStatistics } from './cardinality.ts';
import { type Clock, hostClock } from './clock.ts';
import type { Disk } from './disk/disk.ts';
import { realDisk } from './disk/real-disk.ts';
import { messageOf, StorageError } from './errors.ts';
import { type AppenderContext, HeadAppender } from './head/appender.ts';
import { ExemplarRing, type SeriesExemplars } from './head/exemplars.ts';
import { Head } from './head/head.ts';
import { HeadIndex, HeadQuerier, type LaterCommit } from './head/head-querier.ts';
import { TsdbMetrics } from './metrics.ts';
import { selectPostings } from './postings-query.ts';
import { HeadReplay } from './replay.ts';
import { SampleColumns } from './sample-columns.ts';
import { writeCheckpoint } from './wal/checkpoint.ts';
import { encodeTombstones } from './wal/record.ts';
import { listSegments } from './wal/segment.ts';
import { WalWriter } from './wal/writer.ts';

/** pino's form; `@pronoia/server`'s Logger is one. */
export interface TsdbLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface TsdbOptions {
  readonly registry: Registry;
  readonly log?: TsdbLog;
  readonly disk?: Disk;
  readonly clock?: Clock;
  /** Samples older than this, counted from the newest, go. */
  readonly retentionMs?: number;
  /** The time that one fresh block covers. */
  readonly chunkRangeMs?: number;
  readonly samplesPerChunk?: number;
  readonly walCompression?: 'none' | 'snappy';
  readonly walSegmentBytes?: number;
  /**
   * `interval` (as the original): the log is safe from the death of the process with every commit, from the loss of power with
   * every full segment and at close. `always`: from both with every commit.
   */
  readonly walSync?: 'interval' | 'always';
  /** Exemplars kept in memory; 0 = none. */
  readonly maxExemplars?: number;
  /** Without the lock file, two processes may destroy each other's data. */
  readonly lock?: boolean;
}

const hour = 3_600_000;
const silent: TsdbLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const upkeepIntervalMs = 60_000;

/** Opens the database in `folder`, making it if it is new. Throws StorageError `locked` when someone else has it open. */
export async function open(folder: string, options: TsdbOptions): Promise<Tsdb> {
  const disk = options.disk ?? realDisk;
  await disk.makeFolder(folder);
  const unlock = options.lock === false ? async (): Promise<void> => undefined : await disk.lock(`${folder}/lock`);
  try {
    return await Tsdb.open(folder, options, disk, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

export class Tsdb implements Queryable, Appendable {
  readonly folder: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: TsdbLog;
  readonly #options: TsdbOptions;
  readonly #unlock: () => Promise<void>;
  readonly #head: Head;
  readonly #exemplars: ExemplarRing;
  readonly #metrics: TsdbMetrics;
  readonly #wal: WalWriter;
  readonly #context: AppenderContext;
  readonly #appenders: Set<HeadAppender>;
  readonly #queriers = new Set<HeadQuerier>();
  readonly #laterCommits: LaterCommit[] = [];
  readonly #spareColumns: SampleColumns[] = [];
  /** Segment that was written to when a series left the head: its record is wanted until that one is in a checkpoint. */
  readonly #removedAt: Map<number, number>;
  #upkeepTimer: { cancel(): void } | undefined;
  #upkeep: Promise<void> = Promise.resolve();
  #queriersClosed: (() => void)[] = [];
  #isClosed = false;

  private constructor(folder: string, options: TsdbOptions, disk: Disk, unlock: () => Promise<void>, opened: Opened) {
    this.folder = folder;
    this.#options = options;
    this.#disk = disk;
    this.#unlock = unlock;
    this.#clock = options.clock ?? hostClock;
    this.#log = options.log ?? silent;
    this.#head = opened.head;
    this.#exemplars = opened.exemplars;
    this.#metrics = opened.metrics;
    this.#wal = opened.wal;
    this.#appenders = opened.appenders;
    this.#removedAt = opened.removedAt;
    this.#context = {
      head: opened.head,
      wal: opened.wal,
      exemplars: opened.exemplars,
      metrics: opened.metrics,
      check: () => this.#mustBeOpen(),
      committed: (columns) => this.#committed(columns),
      finished: (appender, columns) => this.#finished(appender, columns),
    };
    this.#armUpkeep();
  }

  /** Use `open`, which also takes the lock. */
  static async open(folder: string, options: TsdbOptions, disk: Disk, unlock: () => Promise<void>): Promise<Tsdb> {
    const log = options.log ?? silent;
    const head = new Head({ chunkRangeMs: options.chunkRangeMs ?? 2 * hour, samplesPerChunk: options.samplesPerChunk ?? 120 });
    const exemplars = new ExemplarRing(options.maxExemplars ?? 0);
    const appenders = new Set<HeadAppender>();
    let wal: WalWriter | undefined;
    const metrics = new TsdbMetrics(options.registry, {
      headSeries: () => head.seriesCount,
      headChunks: () => head.chunkCount,
      headMinMs: () => (head.minMs === Infinity ? 0 : head.minMs),
      headMaxMs: () => (head.maxMs === -Infinity ? 0 : head.maxMs),
      walSegment: () => wal?.segment ?? 0,
      blocksLoaded: () => 0,
      blockBytes: () => 0,
      symbolBytes: () => head.series.symbols.characters,
      exemplars: () => exemplars.count,
    });
    const walFolder = `${folder}/wal`;
    await removeLeftovers(disk, walFolder);
    const replay = new HeadReplay(head, exemplars, metrics, log);
    await replay.run(disk, walFolder);
    wal = await WalWriter.open(disk, walFolder, {
      compression: options.walCompression ?? 'snappy',
      ...(options.walSegmentBytes === undefined ? {} : { segmentBytes: options.walSegmentBytes }),
      syncEveryFlush: options.walSync === 'always',
      onSync: (seconds) => metrics.fsyncSeconds.observe(seconds),
      onFailure: (error) => {
        metrics.walWritesFailed.inc();
        for (const appender of appenders) appender.logFailed();
        log.error({ error: error.message }, 'Samples were refused: the write-ahead log cannot be written');
      },
    });
    const removedAt = new Map<number, number>();
    for (const ref of replay.unusedRefs()) removedAt.set(ref, wal.segment);
    return new Tsdb(folder, options, disk, unlock, { head, exemplars, metrics, wal, appenders, removedAt });
  }

  appender(): Appender {
    this.#mustBeOpen();
    const appender = new HeadAppender(this.#context, this.#spareColumns.pop() ?? new SampleColumns());
    this.#appenders.add(appender);
    return appender;
  }

  #finished(appender: HeadAppender, columns: SampleColumns): void {
    this.#appenders.delete(appender);
    // A huge batch's columns are not worth keeping.
    if (this.#spareColumns.length < 8 && columns.refs.length <= 65_536) this.#spareColumns.push(columns);
  }

  #committed({ refs, times, length }: SampleColumns): void {
    if (this.#queriers.size === 0) return;
    this.#laterCommits.push({ commit: this.#head.commits, refs: refs.slice(0, length), times: times.slice(0, length) });
  }

  querier(minMs: number, maxMs: number): Querier {
    this.#mustBeOpen();
    const querier = new HeadQuerier(this.#head, minMs, maxMs, this.#laterCommits, (closed) => this.#querierClosed(closed));
    this.#queriers.add(querier);
    return querier;
  }

  #querierClosed(querier: HeadQuerier): void {
    this.#queriers.delete(querier);
    let oldest = Infinity;
    for (const { commit } of this.#queriers) oldest = Math.min(oldest, commit);
    const wanted = this.#laterCommits.findIndex(({ commit }) => commit > oldest);
    this.#laterCommits.splice(0, wanted < 0 ? this.#laterCommits.length : wanted);
    for (const wake of this.#queriersClosed.splice(0)) wake();
  }

  /** Exemplars of series that any of the matcher lists accepts. Bounds inclusive. */
  exemplars(matcherLists: readonly (readonly Matcher[])[], minMs: number, maxMs: number): SeriesExemplars[] {
    return this.#exemplars.select(matcherLists, minMs, maxMs);
  }

  /** Largest label names, values and metrics; `limit` entries per list. */
  stats(limit = 10): HeadStatistics {
    return headStatistics(this.#head, limit);
  }

  /** Deletes samples in `[minMs, maxMs]` of the series that all matchers accept. Durable when it resolves. */
  async deleteSeries(matchers: readonly Matcher[], minMs: number, maxMs: number): Promise<void> {
    this.#mustBeOpen();
    const head = this.#head;
    const tombstones: [number, number, number][] = [];
    for (const slot of selectPostings(new HeadIndex(head), matchers)) {
      const from = Math.max(minMs, head.firstMs(slot));
      const to = Math.min(maxMs, head.lastMs(slot));
      if (from <= to) tombstones.push([head.series.ref(slot), from, to]);
    }
    if (tombstones.length === 0) return;
    const record = new ByteWriter();
    encodeTombstones(record, tombstones);
    this.#wal.log(record.view());
    await this.#wal.flush();
    for (const [ref, from, to] of tombstones) head.addTombstone(ref, { minMs: from, maxMs: to });
  }

  #armUpkeep(): void {
    this.#upkeepTimer = this.#clock.setTimer(upkeepIntervalMs, () => {
      this.#armUpkeep();
      this.maintain().catch((error: unknown) =>
        this.#log.error({ error: messageOf(error) }, 'Upkeep of the database failed; it is tried again in a minute'),
      );
    });
  }

  /** What runs once a minute: retention, and shortening the log. One at a time. */
  maintain(): Promise<void> {
    const run = this.#upkeep.then(() => (this.#isClosed ? undefined : this.#maintain()));
    this.#upkeep = run.catch(() => undefined);
    return run;
  }

  async #maintain(): Promise<void> {
    const { chunkRangeMs } = this.#head.options;
    const mintMs = Math.floor((this.#head.maxMs - (this.#options.retentionMs ?? 15 * 24 * hour)) / chunkRangeMs) * chunkRangeMs;
    if (this.#head.minMs < mintMs) await this.#truncateHead(mintMs);
  }

  async #truncateHead(mintMs: number): Promise<void> {
    await this.#readersBelowGone(mintMs);
    const pinned = new Set<number>();
    for (const appender of this.#appenders) for (const ref of appender.pendingRefs()) pinned.add(ref);
    const removed = this.#head.truncate(mintMs, (ref) => pinned.has(ref));
    for (const ref of removed) this.#removedAt.set(ref, this.#wal.segment);
    if (removed.length > 0) this.#metrics.seriesRemoved.inc(removed.length);
    await this.#truncateWal(mintMs);
  }

  async #readersBelowGone(mintMs: number): Promise<void> {
    while ([...this.#queriers].some(({ minMs }) => minMs < mintMs)) {
      await new Promise<void>((resolve) => this.#queriersClosed.push(resolve));
    }
  }

  /** Two thirds of the segments become a checkpoint (tsdb-format.md §7.3). */
  async #truncateWal(mintMs: number): Promise<void> {
    const folder = `${this.folder}/wal`;
    const segments = await listSegments(this.#disk, folder);
    const first = segments[0] ?? 0;
    const newest = segments.at(-1) ?? 0;
    await this.#wal.nextSegment();
    const last = first + Math.floor(((newest - 1 - first) * 2) / 3);
    if (newest - 1 < 0 || last <= first) return;
    this.#metrics.checkpointsCreated.inc();
    try {
      await writeCheckpoint(this.#disk, folder, last, {
        compression: this.#options.walCompression ?? 'snappy',
        minMs: mintMs,
        keeps: (ref) => this.#head.series.slotOf(ref) >= 0 || (this.#removedAt.get(ref) ?? -1) > last,
      });
    } catch (error) {
      this.#metrics.checkpointsFailed.inc();
      this.#metrics.walTruncationsFailed.inc();
      throw error;
    }
    for (const [ref, segment] of this.#removedAt) if (segment <= last) this.#removedAt.delete(ref);
    this.#metrics.walTruncations.inc();
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new StorageError('closed', this.folder);
  }

  /** Resolves when everything that was committed is safe on the disk and the folder is free for others. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#upkeepTimer?.cancel();
    await this.#upkeep;
    try {
      await this.#wal.close();
    } finally {
      await this.#unlock();
    }
  }
}

interface Opened {
  readonly head: Head;
  readonly exemplars: ExemplarRing;
  readonly metrics: TsdbMetrics;
  readonly wal: WalWriter;
  readonly appenders: Set<HeadAppender>;
  readonly removedAt: Map<number, number>;
}

/** Checkpoints that were not finished. */
async function removeLeftovers(disk: Disk, walFolder: string): Promise<void> {
  for (const name of await disk.list(walFolder)) if (name.endsWith('.tmp')) await disk.remove(`${walFolder}/${name}`);
}
