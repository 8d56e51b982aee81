/**
 * Fills the head from the write-ahead log at start.
 */
import type { Exemplar } from '@pronoia/model';
import type { ByteReader } from './byte-reader.ts';
import type { Disk } from './disk/disk.ts';
import { damaged } from './errors.ts';
import { ByteSymbols } from './head/byte-symbols.ts';
import type { HeadChunkFiles } from './head/chunk-files.ts';
import type { ChunkId } from './head/chunk-table.ts';
import type { ExemplarRing } from './head/exemplars.ts';
import type { Head } from './head/head.ts';
import type { OutOfOrderStore } from './head/out-of-order.ts';
import type { TsdbMetrics } from './metrics.ts';
import { type SampleColumns, staleHigh, staleLow } from './sample-columns.ts';
import type { HistogramEntry } from './wal/histogram-record.ts';
import { decodeRecord, type RecordVisitor } from './wal/record.ts';
import { type OnSegment, replayWal } from './wal/replay.ts';
import { listSegments, segmentName } from './wal/segment.ts';

interface ReplayLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export class HeadReplay implements RecordVisitor {
  readonly #head: Head;
  readonly #exemplars: ExemplarRing;
  readonly #metrics: TsdbMetrics;
  readonly #log: ReplayLog;
  /** A series that was logged twice: the second ref → the first. */
  readonly #sameSeries = new Map<number, number>();
  readonly #symbols: ByteSymbols;
  #ids = new Uint32Array(64);
  #slots = new Int32Array(4096);
  readonly #unknownTypes = new Set<number>();
  readonly #unknownRefs = new Set<number>();
  /** Chunks from files, oldest first, until their series shows up. */
  readonly #chunksByRef = new Map<number, ChunkId[]>();
  #unknownEntries = 0;

  constructor(head: Head, exemplars: ExemplarRing, metrics: TsdbMetrics, log: ReplayLog) {
    this.#head = head;
    this.#symbols = new ByteSymbols(head.series.symbols);
    this.#exemplars = exemplars;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Without `files` nothing on the disk is changed, and everything comes from the log. */
  async run(disk: Disk, walFolder: string, files?: HeadChunkFiles, onSegment?: OnSegment): Promise<void> {
    const before = performance.now();
    if (files !== undefined) await this.#loadChunks(files);
    const { damage, isLoss } = await replayWal(disk, walFolder, (record) => decodeRecord(record, this), files !== undefined, onSegment);
    if (files !== undefined) await syncNewestSegment(disk, walFolder);
    for (const ids of this.#chunksByRef.values()) for (const id of ids) this.#head.chunks.remove(id);
    this.#chunksByRef.clear();
    if (damage !== undefined) {
      this.#metrics.walCorruptions.inc();
      if (isLoss)
        this.#log.error({ error: damage.message }, 'The write-ahead log was damaged; what followed the damage was moved out of it');
      else
        this.#log.warn({ error: damage.message }, 'The last record of the write-ahead log was cut off, as after a crash; it was removed');
    }
    if (this.#unknownEntries > 0) {
      this.#metrics.unknownRefs.inc(this.#unknownEntries);
      this.#log.warn(
        { entries: this.#unknownEntries, series: this.#unknownRefs.size },
        'Entries of the write-ahead log belong to no known series',
      );
    }
    if (this.#unknownTypes.size > 0) {
      this.#log.warn({ types: [...this.#unknownTypes].join(',') }, 'Records of unknown types in the write-ahead log were skipped');
    }
    this.#metrics.replaySeconds.set((performance.now() - before) / 1000);
  }

  async #loadChunks(files: HeadChunkFiles): Promise<void> {
    const { chunks, minValidMs } = this.#head;
    const damage = await files.load(({ ref, minMs, maxMs, encoding, isOutOfOrder, dataAt, length }) => {
      if (maxMs < minValidMs || isOutOfOrder) return;
      const id = chunks.addStored(minMs, maxMs, encoding, dataAt, length);
      const ids = this.#chunksByRef.get(ref);
      if (ids === undefined) this.#chunksByRef.set(ref, [id]);
      else ids.push(id);
    });
    if (damage !== undefined) {
      this.#log.warn({ error: damage }, 'Files of head chunks were damaged and removed; the write-ahead log makes up for them');
    }
  }

  /** Samples up to the end of these chunks are passed over in the log. */
  #attachChunks(ref: number, slot: number): void {
    const ids = this.#chunksByRef.get(ref);
    if (ids === undefined) return;
    this.#chunksByRef.delete(ref);
    for (const id of ids) if (!this.#head.attachChunk(slot, id)) this.#head.chunks.remove(id);
  }

  /** The log of late samples, after the other one: it names no series itself. */
  async runLate(disk: Disk, folder: string, store: OutOfOrderStore, mayRepair = true): Promise<void> {
    const ignore = (): void => undefined;
    const visitor: RecordVisitor = {
      // What the original has moved to files stands in this log as well.
      unknown: ignore,
      series: ignore,
      histogram: (ref, tMs, { histogram, isStale }) => {
        const slot = this.#slot(ref);
        if (slot < 0) return;
        if (isStale) store.append(this.#head.series.ref(slot), tMs, staleHigh, staleLow);
        else store.append(this.#head.series.ref(slot), tMs, 0, 0, histogram);
      },
      exemplar: ignore,
      metadata: ignore,
      samples: (samples) => {
        for (let i = 0; i < samples.length; i++) {
          const slot = this.#slot(samples.refs[i] as number);
          if (slot >= 0) store.append(this.#head.series.ref(slot), samples.times[i] as number, samples.high(i), samples.low(i));
        }
      },
      tombstone: (ref, minMs, maxMs) => {
        const slot = this.#slot(ref);
        if (slot >= 0) store.remove(this.#head.series.ref(slot), minMs, maxMs);
      },
    };
    const { damage } = await replayWal(disk, folder, (record) => decodeRecord(record, visitor), mayRepair);
    if (mayRepair) await syncNewestSegment(disk, folder);
    if (damage === undefined) return;
    this.#metrics.walCorruptions.inc();
    this.#log.warn({ error: damage.message }, 'The log of out-of-order samples was damaged or cut off; what followed was taken out of it');
  }

  /** Second refs: no series has them, but the log may. */
  unusedRefs(): Iterable<number> {
    return this.#sameSeries.keys();
  }

  series(): void {
    throw new Error('BUG: series are read from their bytes');
  }

  readSeries(from: ByteReader): void {
    const ref = from.be64();
    const length = 2 * from.uvarint();
    // Two texts take a byte each at least.
    if (length > from.remaining) throw damaged(`${length / 2} labels in ${from.remaining} bytes`, { offset: from.at });
    if (length > this.#ids.length) this.#ids = new Uint32Array(2 * length);
    const ids = this.#ids;
    for (let i = 0; i < length; i++) {
      const size = from.uvarint();
      const start = from.at;
      from.skip(size);
      ids[i] = this.#symbols.intern(from.bytes, start, from.at);
    }
    const { series } = this.#head;
    const found = series.findFromIds(ids, length);
    if (found >= 0) {
      if (series.ref(found) !== ref) {
        this.#sameSeries.set(ref, series.ref(found));
        series.lastRef = Math.max(series.lastRef, ref);
        this.#attachChunks(ref, found);
      }
      return;
    }
    // A ref that already names another series would be damage; the first one keeps it.
    if (series.slotOf(ref) >= 0) return;
    const slot = this.#head.createFromIds(ids, length, ref);
    this.#head.setLogged(slot, true);
    this.#attachChunks(ref, slot);
  }

  #slot(ref: number): number {
    const slot = this.#head.series.slotOf(ref);
    if (slot >= 0) return slot;
    const first = this.#sameSeries.get(ref);
    if (first !== undefined) return this.#head.series.slotOf(first);
    this.#unknownEntries++;
    this.#unknownRefs.add(ref);
    return -1;
  }

  samples(samples: SampleColumns): void {
    const { minValidMs, series } = this.#head;
    const { refs, times, length } = samples;
    if (length > this.#slots.length) this.#slots = new Int32Array(2 * length);
    const slots = this.#slots;
    for (let i = 0; i < length; i++) {
      if ((times[i] as number) < minValidMs) {
        slots[i] = -1;
        continue;
      }
      const slot = series.slotOf(refs[i] as number);
      slots[i] = slot >= 0 ? slot : this.#slot(refs[i] as number);
    }
    this.#head.appendSlots(samples, slots);
  }

  histogram(ref: number, tMs: number, { histogram, isStale }: HistogramEntry): void {
    if (tMs < this.#head.minValidMs) return;
    const slot = this.#slot(ref);
    if (slot >= 0) this.#head.appendHistogram(slot, tMs, isStale ? undefined : histogram);
  }

  tombstone(ref: number, minMs: number, maxMs: number): void {
    if (maxMs < this.#head.minValidMs) return;
    const slot = this.#slot(ref);
    if (slot < 0) return;
    // Only what was there when it was deleted: a series that comes back is not deleted again.
    const last = Math.min(maxMs, this.#head.lastMs(slot));
    if (last >= minMs) this.#head.addTombstone(this.#head.series.ref(slot), { minMs, maxMs: last });
  }

  exemplar(ref: number, exemplar: Exemplar): void {
    const slot = this.#slot(ref);
    if (slot >= 0) this.#exemplars.add(this.#head.series.ref(slot), this.#head.series.labels(slot), exemplar);
  }

  metadata(): void {
    // Nobody asks the database for metadata: the scrape loop has them. They stay in the log and its checkpoints.
  }

  unknown(type: number): void {
    this.#metrics.unknownRecords.inc();
    this.#unknownTypes.add(type);
  }
}

/**
 * The last run may have been killed before its newest segment was safe. It must be before a newer one exists, or a loss of
 * power could leave a gap.
 */
async function syncNewestSegment(disk: Disk, folder: string): Promise<void> {
  const newest = (await listSegments(disk, folder)).at(-1);
  if (newest === undefined) return;
  const file = await disk.open(`${folder}/${segmentName(newest)}`, 'update');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
