/**
 * Long, because the order of steps across head, log and blocks is the durability argument, and stands in one place.
 * A time-series database in a folder. This file joins the rooms: opening (lock, blocks, log), the doors (appender, querier,
 * delete), the upkeep that runs once a minute, closing.
 */
import type { Registry } from '@pronoia/client';
import type { Appendable, Appender, Labels, Matcher, Querier, Queryable } from '@pronoia/model';
import { BlockQuerier } from './block/block-querier.ts';
import { BlockStore } from './block/block-store.ts';
import type { BlockMeta } from './block/meta.ts';
import { ByteWriter } from './byte-writer.ts';
import { type HeadStatistics, headStatistics, SeriesCreators } from './cardinality.ts';
import { type Clock, hostClock } from './clock.ts';
import { canUseThread, ThreadCompactor } from './compaction-thread.ts';
import { type Compactor, LocalCompactor } from './compactor.ts';
import { type Disk, sizeOf } from './disk/disk.ts';
import { PageCache } from './disk/page-cache.ts';
import { realDisk } from './disk/real-disk.ts';
import { messageOf, StorageError } from './errors.ts';
import { type AppenderContext, HeadAppender, type SeriesRefusal } from './head/appender.ts';
import { HeadChunkFiles } from './head/chunk-files.ts';
import { ExemplarRing, type SeriesExemplars } from './head/exemplars.ts';
import { Head } from './head/head.ts';
import { packHead } from './head/head-content.ts';
import { HeadIndex, HeadQuerier, type LaterCommit } from './head/head-querier.ts';
import { packLate } from './head/late-content.ts';
import { LateLog } from './head/late-log.ts';
import { LateQuerier } from './head/late-querier.ts';
import { type LateSamples, OutOfOrderStore } from './head/out-of-order.ts';
import { type MergeSource, mergeQueriers } from './merge-querier.ts';
import { TsdbMetrics } from './metrics.ts';
import { selectPostings } from './postings-query.ts';
import { HeadReplay } from './replay.ts';
import { expiredSeries, type KeepRule, outlived } from './retention-rules.ts';
import { SampleColumns } from './sample-columns.ts';
import { Turn } from './turn.ts';
import { encodeTombstones, type HistogramSample } from './wal/record.ts';
import { listSegments, segmentName } from './wal/segment.ts';
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
  /** For names of blocks; numbers in [0, 1). */
  readonly random?: () => number;
  /** Blocks that ended longer ago than this before the newest one go. Without either limit 15 days. */
  readonly retentionMs?: number;
  /** The oldest blocks go when blocks, log and head files together are larger. */
  readonly retentionBytes?: number;
  /** Series that are kept for another time than `retentionMs`; see `setKeepRules`. */
  readonly keep?: readonly KeepRule[];
  /** The time that one fresh block covers: 2 h. */
  readonly chunkRangeMs?: number;
  /** The longest time that a block covers after compaction: 31 days, or a tenth of the retention time. */
  readonly maxBlockMs?: number;
  readonly samplesPerChunk?: number;
  readonly walCompression?: 'none' | 'snappy';
  readonly walSegmentBytes?: number;
  /**
   * `interval` (as the original): the log is safe from the death of the process with every commit, from the loss of power with
   * every full segment and at close. `always`: from both with every commit.
   */
  readonly walSync?: 'interval' | 'always';
  /** Samples that are older than others of their series are taken when they are no older than this before the newest; 0 = never. */
  readonly outOfOrderWindowMs?: number;
  /** Exemplars kept in memory; 0 = none. */
  readonly maxExemplars?: number;
  /** So many series in the head at most; more are refused with `series_limit`. 0 = no limit. */
  readonly maxSeries?: number;
  /** The same for those of one metric name, and of one value of `job`. Which budget it was is counted. */
  readonly maxSeriesPerMetric?: number;
  readonly maxSeriesPerJob?: number;
  /**
   * While the process holds more memory than this, new series are refused with `memory_limit`; known ones go on. 0 = no limit.
   */
  readonly memoryBudgetBytes?: number;
  /**
   * Blocks and checkpoints are written on a thread of their own: the default on the disk of the host. Otherwise in slices of the caller's
   * event loop.
   */
  readonly compactionThread?: boolean;
  /** Called before each segment of the log that is read at start. */
  readonly onReplay?: (firstSegment: number, lastSegment: number, segment: number) => void;
  /** Without the lock file, two processes may destroy each other's data. */
  readonly lock?: boolean;
}

const hour = 3_600_000;
/** So many full chunks are written to files together, about a megabyte. */
const chunksPerWrite = 4096;
/** Memory is looked at every so many new series: they take less than a megabyte. */
const seriesPerMemoryLook = 1000;
const silent: TsdbLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const upkeepIntervalMs = 60_000;
/** Pages of block files in memory, over all blocks. */
const pageCacheBytes = 64 * 1024 * 1024;

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
  readonly #blocks: BlockStore;
  readonly #compactor: Compactor;
  readonly #files: HeadChunkFiles;
  readonly #exemplars: ExemplarRing;
  readonly #metrics: TsdbMetrics;
  readonly #wal: WalWriter;
  readonly #late: OutOfOrderStore;
  /** The log of late samples; undefined while there is no window. */
  readonly #lateLog: LateLog | undefined;
  readonly #starting: AbortController;
  readonly #context: AppenderContext;
  readonly #appenders: Set<HeadAppender>;
  readonly #queriers = new Set<HeadQuerier>();
  readonly #laterCommits: LaterCommit[] = [];
  readonly #spareColumns: SampleColumns[] = [];
  /** Series that left the head and the segment that was written to then: their records are wanted until that one is in a checkpoint. */
  #removed: RemovedSeries[];
  #upkeepTimer: { cancel(): void } | undefined;
  #upkeep: Promise<void> = Promise.resolve();
  #queriersClosed: (() => void)[] = [];
  #appendersFinished: (() => void)[] = [];
  #isClosed = false;
  #isWritingChunks = false;
  #isOverBudget = false;
  /** A span of the head is full, and its compaction is under way or will be tried by the next upkeep. */
  #isCompactionDue = false;
  readonly #creators = new SeriesCreators();
  #keep: readonly KeepRule[];
  /** By block: how many limits of time it had outlived when series were last taken out of it. */
  readonly #outlived = new Map<string, number>();
  #nextMemoryLook = 0;

  private constructor(folder: string, options: TsdbOptions, disk: Disk, unlock: () => Promise<void>, opened: Opened) {
    this.folder = folder;
    this.#options = options;
    this.#keep = options.keep ?? [];
    this.#disk = disk;
    this.#unlock = unlock;
    this.#clock = options.clock ?? hostClock;
    this.#log = options.log ?? silent;
    this.#head = opened.head;
    this.#blocks = opened.blocks;
    this.#compactor = opened.compactor;
    this.#files = opened.files;
    this.#exemplars = opened.exemplars;
    this.#metrics = opened.metrics;
    this.#wal = opened.wal;
    this.#appenders = opened.appenders;
    this.#removed = opened.removed;
    this.#late = opened.late;
    this.#lateLog = opened.lateLog;
    this.#starting = opened.starting;
    this.#context = {
      late: opened.lateLog,
      head: opened.head,
      wal: opened.wal,
      exemplars: opened.exemplars,
      metrics: opened.metrics,
      refusesSeries: (labels) => this.#refusesSeries(labels),
      created: (labels) => {
        this.#metrics.seriesCreated.inc();
        this.#creators.created(labels);
      },
      check: () => this.#mustBeOpen(),
      committed: (columns, histograms) => this.#committed(columns, histograms),
      finished: (appender, columns) => this.#finished(appender, columns),
    };
    this.#armUpkeep();
  }

  /** Use `open`, which also takes the lock. */
  static async open(folder: string, options: TsdbOptions, disk: Disk, unlock: () => Promise<void>): Promise<Tsdb> {
    const log = options.log ?? silent;
    const files = new HeadChunkFiles(disk, `${folder}/chunks_head`);
    const head = new Head({ chunkRangeMs: options.chunkRangeMs ?? 2 * hour, samplesPerChunk: options.samplesPerChunk ?? 120 }, files);
    const exemplars = new ExemplarRing(options.maxExemplars ?? 0);
    const appenders = new Set<HeadAppender>();
    const retentionMs = options.retentionMs ?? Infinity;
    const clock = options.clock ?? hostClock;
    const hasThread = (options.compactionThread ?? disk === realDisk) && canUseThread();
    const compactor = hasThread ? new ThreadCompactor(disk) : new LocalCompactor(disk);
    const blocks = new BlockStore({
      disk,
      folder,
      cache: new PageCache(pageCacheBytes),
      compactor,
      chunkRangeMs: head.options.chunkRangeMs,
      maxBlockMs: options.maxBlockMs ?? Math.min(31 * 24 * hour, retentionMs / 10),
      now: () => clock.now(),
      random: options.random ?? Math.random,
      onReload: (error) => (error === undefined ? metrics.reloads : metrics.reloadsFailed).inc(),
      onUnreadable: (block, error) => log.error({ block, error: error.message }, 'A block cannot be read; it is left where it is'),
    });
    let wal: WalWriter | undefined;
    const metrics = new TsdbMetrics(options.registry, {
      headSeries: () => head.seriesCount,
      headChunks: () => head.chunkCount,
      headMinMs: () => (head.minMs === Infinity ? 0 : head.minMs),
      headMaxMs: () => (head.maxMs === -Infinity ? 0 : head.maxMs),
      walSegment: () => wal?.segment ?? 0,
      blocksLoaded: () => blocks.blocks.length,
      blockBytes: () => blocks.sizeBytes,
      symbolBytes: () => head.series.symbols.characters,
      exemplars: () => exemplars.count,
      lowestMs: () => Math.min(head.minMs, ...blocks.blocks.map(({ minMs }) => minMs)),
      retentionMs: () => options.retentionMs ?? 0,
      retentionBytes: () => options.retentionBytes ?? 0,
    });
    const walFolder = `${folder}/wal`;
    await removeLeftovers(disk, walFolder);
    await blocks.removeLeftovers();
    await blocks.reload();
    head.minValidMs = blocks.inOrderEndMs;
    const replay = new HeadReplay(head, exemplars, metrics, log);
    await replay.run(disk, walFolder, files, options.onReplay);
    // Not waited for: questions wait for it if they must.
    const starting = new AbortController();
    head.order.prepare(starting.signal);
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
    const late = new OutOfOrderStore();
    const lateFolder = `${folder}/wbl`;
    if (await disk.exists(lateFolder)) await replay.runLate(disk, lateFolder, late);
    const windowMs = options.outOfOrderWindowMs ?? 0;
    let lateLog: LateLog | undefined;
    if (windowMs > 0) {
      const log = await WalWriter.open(disk, lateFolder, {
        compression: options.walCompression ?? 'snappy',
        syncEveryFlush: options.walSync === 'always',
      });
      lateLog = new LateLog(late, windowMs, log);
    }
    const removed = [{ segment: wal.segment, refs: [...replay.unusedRefs()] }];
    return new Tsdb(folder, options, disk, unlock, {
      head,
      exemplars,
      metrics,
      wal,
      appenders,
      removed,
      blocks,
      compactor,
      files,
      late,
      lateLog,
      starting,
    });
  }

  appender(): Appender {
    this.#mustBeOpen();
    const appender = new HeadAppender(this.#context, this.#spareColumns.pop() ?? new SampleColumns());
    this.#appenders.add(appender);
    return appender;
  }

  #refusesSeries(labels: Labels): SeriesRefusal | undefined {
    const { maxSeries = 0, maxSeriesPerMetric = 0, maxSeriesPerJob = 0, memoryBudgetBytes = 0 } = this.#options;
    if (maxSeries > 0 && this.#head.seriesCount >= maxSeries) return 'series_limit';
    if (maxSeriesPerMetric > 0 && this.#seriesWith('__name__', labels) >= maxSeriesPerMetric) return 'metric_limit';
    if (maxSeriesPerJob > 0 && this.#seriesWith('job', labels) >= maxSeriesPerJob) return 'job_limit';
    if (memoryBudgetBytes === 0) return undefined;
    // Asking the host costs microseconds, and memory grows slowly.
    if (this.#head.seriesCount >= this.#nextMemoryLook || this.#isOverBudget) {
      this.#nextMemoryLook = this.#head.seriesCount + seriesPerMemoryLook;
      this.#isOverBudget = process.memoryUsage.rss() > memoryBudgetBytes;
    }
    return this.#isOverBudget ? 'memory_limit' : undefined;
  }

  /** Series in the head with the same value of this label; 0 for those without it. */
  #seriesWith(name: string, labels: Labels): number {
    const { symbols, postings } = this.#head.series;
    const value = labels.get(name);
    return value === '' ? 0 : postings.count(symbols.find(name), symbols.find(value));
  }

  #finished(appender: HeadAppender, columns: SampleColumns): void {
    this.#appenders.delete(appender);
    // A huge batch's columns are not worth keeping.
    if (this.#spareColumns.length < 8 && columns.refs.length <= 65_536) this.#spareColumns.push(columns);
    for (const wake of this.#appendersFinished.splice(0)) wake();
  }

  #committed({ refs, times, length }: SampleColumns, histograms: readonly HistogramSample[]): void {
    if (this.#head.unwrittenCount > chunksPerWrite && !this.#isWritingChunks) {
      this.#isWritingChunks = true;
      // After a failure the next upkeep tries again, not every commit.
      this.#alone(() => this.#writeChunks()).then(
        () => {
          this.#isWritingChunks = false;
        },
        (error: unknown) => this.#log.warn({ error: messageOf(error) }, 'Full chunks stay in memory: their file cannot be written'),
      );
    }
    this.#compactSoon();
    if (this.#queriers.size === 0) return;
    const laterRefs = new Float64Array(length + histograms.length);
    const laterTimes = new Float64Array(laterRefs.length);
    laterRefs.set(refs.subarray(0, length));
    laterTimes.set(times.subarray(0, length));
    for (const [i, { ref, tMs }] of histograms.entries()) {
      laterRefs[length + i] = ref;
      laterTimes[length + i] = tMs;
    }
    this.#laterCommits.push({ commit: this.#head.commits, refs: laterRefs, times: laterTimes });
  }

  /** Does not wait for the minute to be over when a span is full: data of many hours may come in one. */
  #compactSoon(): void {
    if (this.#isCompactionDue || !this.#hasFullSpan()) return;
    this.#isCompactionDue = true;
    this.#clock.setTimer(0, () => {
      if (!this.#isClosed) this.#maintainAndTell();
    });
  }

  /** Half a span stays open for late samples. */
  #hasFullSpan(): boolean {
    return this.#head.maxMs - this.#head.minMs > 1.5 * this.#head.options.chunkRangeMs;
  }

  querier(minMs: number, maxMs: number): Querier {
    this.#mustBeOpen();
    // Where two have a sample for one time, what was stored first counts: late samples come last.
    const sources: MergeSource[] = [];
    const blocks = this.#blocks.blocks.filter((block) => block.minMs <= maxMs && block.maxMs >= minMs);
    const addBlocks = (isLate: boolean): void => {
      for (const block of blocks) {
        if (block.isLate === isLate)
          sources.push({ querier: new BlockQuerier(block, minMs, maxMs), minMs: block.minMs, maxMs: block.maxMs });
      }
    };
    addBlocks(false);
    if (blocks.length === 0 || maxMs >= this.#head.minMs) {
      // What is older than `minValidMs` lies in blocks, and may just be leaving the head.
      const headMinMs = Math.max(minMs, this.#head.minValidMs);
      const querier = new HeadQuerier(this.#head, headMinMs, maxMs, this.#laterCommits, (closed) => this.#querierClosed(closed));
      this.#queriers.add(querier);
      sources.push({ querier, minMs: this.#head.minMs, maxMs: Infinity });
    }
    addBlocks(true);
    if (!this.#late.isEmpty) {
      sources.push({ querier: new LateQuerier(this.#head, this.#late, minMs, maxMs), minMs: -Infinity, maxMs: Infinity });
    }
    return mergeQueriers(sources);
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
    return headStatistics(this.#head, this.#creators, limit);
  }

  /** Metas of the loaded blocks; those of late samples come last. */
  blocks(): BlockMeta[] {
    return this.#blocks.blocks.map(({ meta }) => meta);
  }

  /** Deletes samples in `[minMs, maxMs]` of the series that all matchers accept. Durable when it resolves. */
  deleteSeries(matchers: readonly Matcher[], minMs: number, maxMs: number): Promise<void> {
    // Not beside the writing of a block, which has passed some of the series already.
    return this.#alone(async () => {
      if (minMs > maxMs) return;
      for (const block of this.#blocks.blocks) {
        if (block.minMs <= maxMs && block.maxMs >= minMs) await block.deleteSeries(matchers, minMs, maxMs);
      }
      await this.#deleteFromHead(matchers, minMs, maxMs);
    });
  }

  async #deleteFromHead(matchers: readonly Matcher[], minMs: number, maxMs: number): Promise<void> {
    const head = this.#head;
    const tombstones: [number, number, number][] = [];
    const late: [number, number, number][] = [];
    for (const slot of selectPostings(new HeadIndex(head), matchers)) {
      if (this.#late.has(head.series.ref(slot))) late.push([head.series.ref(slot), minMs, maxMs]);
      const from = Math.max(minMs, head.firstMs(slot));
      const to = Math.min(maxMs, head.lastMs(slot));
      if (from <= to) tombstones.push([head.series.ref(slot), from, to]);
    }
    await this.#logTombstones(tombstones);
    for (const [ref, from, to] of tombstones) head.addTombstone(ref, { minMs: from, maxMs: to });
    if (late.length > 0) await this.#lateLog?.alone(() => this.#lateLog?.logTombstones(late) ?? Promise.resolve());
    for (const [ref, from, to] of late) this.#late.remove(ref, from, to);
  }

  async #logTombstones(tombstones: readonly (readonly [ref: number, minMs: number, maxMs: number])[]): Promise<void> {
    if (tombstones.length === 0) return;
    const record = new ByteWriter();
    encodeTombstones(record, tombstones);
    this.#wal.log(record.view());
    await this.#wal.flush();
  }

  /** Writes blocks with deleted samples anew without them. */
  cleanTombstones(): Promise<void> {
    return this.#alone(async () => {
      for (const block of this.#blocks.blocks) if (block.hasTombstones) await this.#measured(() => this.#blocks.compact([block]));
    });
  }

  /**
   * Puts a copy of all data into a new folder under `snapshots` and returns its name. Block files are linked, not copied; with
   * `withHead` what is in memory becomes one more block there.
   */
  snapshot(withHead: boolean): Promise<string> {
    return this.#alone(async () => {
      const name = `${new Date(this.#clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${Array.from({ length: 16 }, () => Math.floor((this.#options.random ?? Math.random)() * 16).toString(16)).join('')}`;
      await this.#blocks.copyTo(`${this.folder}/snapshots/${name}`, async (writeHead) => {
        if (!withHead || this.#head.maxMs < this.#head.minMs) return;
        const { minMs, maxMs } = this.#head;
        await writeHead(minMs, maxMs + 1, packHead(this.#head, minMs, maxMs));
      });
      return name;
    });
  }

  #armUpkeep(): void {
    this.#upkeepTimer = this.#clock.setTimer(upkeepIntervalMs, () => {
      this.#armUpkeep();
      this.#maintainAndTell();
    });
  }

  #maintainAndTell(): void {
    this.maintain().catch((error: unknown) => {
      if (this.#isClosed) return;
      this.#log.error({ error: messageOf(error) }, 'Upkeep of the database failed; it is tried again in a minute');
    });
  }

  /** What runs once a minute: full spans of the head become blocks, blocks larger ones, expired ones go. */
  maintain(): Promise<void> {
    return this.#alone(() => this.#maintain());
  }

  /** Upkeep, deletions and snapshots take turns. */
  #alone<T>(run: () => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    const result = this.#upkeep.then(() => {
      this.#mustBeOpen();
      return run();
    });
    this.#upkeep = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Moves full chunks from memory to files. */
  async #writeChunks(): Promise<void> {
    const { chunks } = this.#head;
    const taken = this.#head.takeUnwritten();
    for (let from = 0; from < taken.length; from += chunksPerWrite * 2) {
      const part = taken.slice(from, from + chunksPerWrite * 2);
      const records = Array.from({ length: part.length / 2 }, (_, i) => {
        const id = part[2 * i] as number;
        return { id, ref: part[2 * i + 1] as number, minMs: chunks.minMs(id), maxMs: chunks.maxMs(id), encoding: chunks.encoding(id) };
      });
      try {
        const places = await this.#files.write(records, (i) => chunks.bytes(records[i]?.id ?? 0));
        for (const [i, { id }] of records.entries()) chunks.moveToFile(id, places[i] as number);
      } catch (error) {
        this.#head.giveBackUnwritten(taken.slice(from));
        throw error;
      }
    }
  }

  async #maintain(): Promise<void> {
    this.#isWritingChunks = false;
    try {
      // Others may have put blocks into the folder.
      await this.#blocks.reload();
      await this.#compact();
    } finally {
      await this.#compactor.rest();
      // Also when there was no room to compact: this makes some.
      await this.#expire();
    }
  }

  async #compact(): Promise<void> {
    await this.#head.order.settle();
    try {
      await this.#writeChunks();
    } catch (error) {
      // They stay in memory, from where they go into blocks as well.
      this.#log.warn({ error: messageOf(error) }, 'Full chunks stay in memory: their file cannot be written');
    }
    const { chunkRangeMs } = this.#head.options;
    while (this.#hasFullSpan()) {
      const { minMs } = this.#head;
      const endMs = Math.floor(minMs / chunkRangeMs) * chunkRangeMs + chunkRangeMs;
      await this.#appendersBelowDone(endMs);
      await this.#measured(() => this.#blocks.writeHeadBlock(minMs, endMs, packHead(this.#head, minMs, endMs - 1)));
      await this.#truncateHead(endMs);
      this.#creators.nextSpan();
    }
    this.#isCompactionDue = false;
    await this.#compactLate();
    while (await this.#measured(() => this.#blocks.compactOnce(this.#head.minMs)));
  }

  /** Late samples become blocks of their own, which overlap others until they are compacted together. */
  async #compactLate(): Promise<void> {
    if (this.#lateLog?.isEmpty ?? this.#late.isEmpty) return;
    const { chunkRangeMs } = this.#head.options;
    const lateLog = this.#lateLog;
    let frozen: ReadonlyMap<number, LateSamples>;
    let segment = Infinity;
    if (lateLog === undefined) {
      frozen = this.#late.freeze();
    } else {
      // Between batches: what is in the old part of the log is in the store.
      frozen = await lateLog.alone(async () => {
        segment = await lateLog.cut();
        return this.#late.freeze();
      });
    }
    try {
      const spans = new Set<number>();
      for (const { times, length } of frozen.values())
        for (let i = 0; i < length; i++) spans.add(Math.floor((times[i] as number) / chunkRangeMs));
      for (const span of [...spans].sort((a, b) => a - b)) {
        const minMs = span * chunkRangeMs;
        const parts = packLate(this.#head, frozen, minMs, minMs + chunkRangeMs - 1);
        await this.#measured(() => this.#blocks.writeHeadBlock(minMs, minMs + chunkRangeMs, parts, ['from-out-of-order']));
      }
      this.#late.dropFrozen();
    } catch (error) {
      this.#late.unfreeze();
      throw error;
    }
    const folder = `${this.folder}/wbl`;
    for (const old of await listSegments(this.#disk, folder)) if (old < segment) await this.#disk.remove(`${folder}/${segmentName(old)}`);
  }

  async #measured(compact: () => Promise<boolean | void>): Promise<boolean> {
    const before = performance.now();
    try {
      const didWork = (await compact()) !== false;
      if (didWork) {
        this.#metrics.compactions.inc();
        this.#metrics.compactionSeconds.observe((performance.now() - before) / 1000);
      }
      return didWork;
    } catch (error) {
      this.#metrics.compactionsFailed.inc();
      throw error;
    }
  }

  /**
   * From now on series are kept for as long as the first rule says whose matchers all accept them, others for the general time. Blocks are
   * written anew without series whose time is over, by the next upkeep.
   */
  setKeepRules(rules: readonly KeepRule[]): void {
    this.#keep = rules;
    this.#outlived.clear();
  }

  async #expire(): Promise<void> {
    const { retentionMs, retentionBytes } = this.#options;
    const { blocks } = this.#blocks;
    const limitMs = retentionMs ?? (retentionBytes === undefined ? 15 * 24 * hour : Infinity);
    const newestMs = Math.max(...blocks.map(({ meta }) => meta.maxTime));
    const longestMs = Math.max(limitMs, ...this.#keep.map(({ keepMs }) => keepMs));
    const old = blocks.filter(({ meta }) => newestMs - meta.maxTime >= longestMs);
    if (old.length > 0) {
      this.#metrics.timeRetentions.inc();
      await this.#blocks.delete(old);
    }
    if (this.#keep.length > 0) await this.#expireSeries(newestMs, limitMs);
    if (retentionBytes === undefined) return;
    let sizeBytes = (await sizeOf(this.#disk, `${this.folder}/wal`)) + this.#files.sizeBytes;
    const newestFirst = [...this.#blocks.blocks].sort((a, b) => b.maxMs - a.maxMs);
    const firstTooMany = newestFirst.findIndex((block) => (sizeBytes += block.sizeBytes) > retentionBytes);
    if (firstTooMany < 0) return;
    this.#metrics.sizeRetentions.inc();
    await this.#blocks.delete(newestFirst.slice(firstTooMany));
  }

  async #expireSeries(newestMs: number, limitMs: number): Promise<void> {
    for (const block of this.#blocks.blocks) {
      const ageMs = newestMs - block.meta.maxTime;
      const count = outlived(this.#keep, limitMs, ageMs);
      if (count === (this.#outlived.get(block.ulid) ?? 0)) continue;
      const expired = expiredSeries(block, this.#keep, limitMs, ageMs);
      if (expired.length > 0) {
        this.#metrics.timeRetentions.inc();
        await this.#measured(() => this.#blocks.compact([block], expired));
      }
      this.#outlived.set(block.ulid, count);
    }
    const loaded = new Set(this.#blocks.blocks.map(({ ulid }) => ulid));
    for (const ulid of this.#outlived.keys()) if (!loaded.has(ulid)) this.#outlived.delete(ulid);
    await this.#compactor.rest();
  }

  async #appendersBelowDone(endMs: number): Promise<void> {
    while ([...this.#appenders].some(({ oldestPendingMs }) => oldestPendingMs < endMs)) {
      await new Promise<void>((resolve) => this.#appendersFinished.push(resolve));
    }
  }

  async #truncateHead(mintMs: number): Promise<void> {
    // New queriers do not reach below this any more.
    this.#head.minValidMs = Math.max(this.#head.minValidMs, mintMs);
    await this.#readersBelowGone(mintMs);
    const removed = await this.#head.truncate(mintMs, () => this.#pinnedRefs());
    this.#removed.push({ segment: this.#wal.segment, refs: removed });
    if (removed.length > 0) this.#metrics.seriesRemoved.inc(removed.length);
    await this.#files.truncate(mintMs);
    await this.#truncateWal(mintMs);
  }

  #pinnedRefs(): Set<number> {
    const refs = new Set<number>();
    for (const appender of this.#appenders) for (const ref of appender.pendingRefs()) refs.add(ref);
    for (const ref of this.#late.refs()) refs.add(ref);
    return refs;
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
      await this.#compactor.checkpoint({
        kind: 'checkpoint',
        folder,
        last,
        compression: this.#options.walCompression ?? 'snappy',
        minMs: mintMs,
        refs: await this.#refsWantedAfter(last),
      });
    } catch (error) {
      this.#metrics.checkpointsFailed.inc();
      this.#metrics.walTruncationsFailed.inc();
      throw error;
    }
    this.#removed = this.#removed.filter(({ segment }) => segment > last);
    this.#metrics.walTruncations.inc();
  }

  /** Series that are in the head, or were when something was logged behind segment `last`: new ones are only named there. */
  async #refsWantedAfter(last: number): Promise<Float64Array> {
    const { series } = this.#head;
    // Series that come meanwhile are logged behind `last`.
    const { count } = series;
    const removed = this.#removed.filter(({ segment }) => segment > last);
    const refs = new Float64Array(removed.reduce((sum, one) => sum + one.refs.length, count));
    const turn = new Turn();
    for (let slot = 0; slot < count; slot++) {
      await turn.pass();
      refs[slot] = series.ref(slot);
    }
    let at = count;
    for (const one of removed) {
      refs.set(one.refs, at);
      at += one.refs.length;
    }
    return refs;
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw new StorageError('closed', this.folder);
  }

  /** Resolves when everything that was committed is safe on the disk and the folder is free for others. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#upkeepTimer?.cancel();
    this.#starting.abort();
    await this.#compactor.stop();
    await this.#upkeep;
    try {
      await this.#wal.close();
      await this.#lateLog?.close();
    } finally {
      this.#blocks.close();
      await this.#files.close();
      await this.#unlock();
    }
  }
}

interface RemovedSeries {
  readonly segment: number;
  readonly refs: readonly number[];
}

interface Opened {
  readonly head: Head;
  readonly exemplars: ExemplarRing;
  readonly metrics: TsdbMetrics;
  readonly wal: WalWriter;
  readonly appenders: Set<HeadAppender>;
  readonly removed: RemovedSeries[];
  readonly blocks: BlockStore;
  readonly compactor: Compactor;
  readonly files: HeadChunkFiles;
  readonly late: OutOfOrderStore;
  readonly lateLog: LateLog | undefined;
  /** Fires at close. */
  readonly starting: AbortController;
}

/** Checkpoints that were not finished. */
async function removeLeftovers(disk: Disk, walFolder: string): Promise<void> {
  for (const name of await disk.list(walFolder)) if (name.endsWith('.tmp')) await disk.remove(`${walFolder}/${name}`);
}
