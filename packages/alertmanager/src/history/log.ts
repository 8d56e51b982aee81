/**
 * The event log on disk: segments `00000001.log`, … of records `length u32 | crc32 u32 | JSON`, little-endian, written by appending alone.
 * A record is an event, or names the labels of a fingerprint: the first time that a segment speaks of an alert, so that each segment can be
 * read, and dropped, by itself. Every start begins a new segment; a torn end of an old one is passed over.
 *
 * Nobody waits for a write: events are queued and written in turns. When the disk cannot follow, or is full, events are dropped and
 * counted, never alerts.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Clock, Logger } from '@pronoia/server';
import { Slice } from '../turns.ts';

export interface HistoryOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Segments whose newest event is older are dropped. */
  readonly retentionMs: number;
  /** All segments together; the oldest go first. */
  readonly maxBytes: number;
}

/** Of which an event speaks. */
export interface Subject {
  readonly fingerprint: string;
  /** A JSON object. */
  readonly labelsJson: string;
}

export interface HistoryRecord {
  readonly atMs: number;
  readonly event: string;
  /** Fingerprints. */
  readonly alerts?: readonly string[];
  readonly [field: string]: unknown;
}

export interface ReadRecord {
  readonly record: HistoryRecord;
  readonly labelsOf: (fingerprint: string) => Readonly<Record<string, string>>;
}

interface Queued {
  readonly record: HistoryRecord | (() => string);
  readonly subjects: readonly Subject[];
}

interface Segment {
  readonly file: string;
  bytes: number;
}

const headerBytes = 8;
const maxSegmentBytes = 4 * 1024 * 1024;
const maxBatchBytes = 256 * 1024;
/** Beyond this the disk does not follow. */
const maxQueued = 200_000;
const syncIntervalMs = 5000;

export class HistoryLog {
  readonly #options: HistoryOptions;
  readonly #segments: Segment[];
  readonly #segmentBytes: number;
  #number: number;
  #file: FileHandle | undefined;
  #named = new Set<string>();
  #queue: Queued[] = [];
  #writing: Promise<void> | undefined;
  #syncedAtMs = 0;
  #isFailing = false;
  /** Events that were not written. */
  droppedCount = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#segmentBytes = Math.max(64 * 1024, Math.min(maxSegmentBytes, Math.floor(options.maxBytes / 8)));
    this.#segments = listSegments(options.folder);
    this.#number = Number(/(\d+)\.log$/.exec(this.#segments.at(-1)?.file ?? '')?.[1] ?? 0);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Returns at once; a function gives the record as JSON when it is written. `subjects` are the alerts that the record names. */
  append(record: HistoryRecord | (() => string), subjects: readonly Subject[] = []): void {
    if (this.#queue.length >= maxQueued) {
      this.droppedCount++;
      return;
    }
    this.#queue.push({ record, subjects });
    this.#writing ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#write())
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'BUG: events were not written'))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Resolves when all that was appended before is in the file. */
  async written(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    const slice = new Slice();
    while (this.#queue.length > 0) {
      const queue = this.#queue;
      this.#queue = [];
      const batch = new Batch();
      for (const queued of queue) {
        this.#encode(queued, batch);
        if (batch.length >= Math.min(maxBatchBytes, this.#segmentBytes)) await this.#writeBatch(batch);
        if (slice.isOver()) await slice.next();
      }
      if (batch.events > 0) await this.#writeBatch(batch);
    }
  }

  #encode({ record, subjects }: Queued, batch: Batch): void {
    for (const { fingerprint, labelsJson } of subjects) {
      if (this.#named.has(fingerprint)) continue;
      this.#named.add(fingerprint);
      batch.add(`${labelsPrefix}${fingerprint}","labels":${labelsJson}}`);
    }
    batch.add(typeof record === 'function' ? record() : JSON.stringify(record));
    batch.events++;
  }

  async #writeBatch(batch: Batch): Promise<void> {
    const { bytes, events } = batch.take();
    try {
      const file = await this.#current();
      await file.appendFile(bytes);
      const segment = this.#segments.at(-1) as Segment;
      segment.bytes += bytes.length;
      this.#isFailing = false;
      const nowMs = this.#options.clock.monotonic();
      if (nowMs - this.#syncedAtMs > syncIntervalMs) {
        this.#syncedAtMs = nowMs;
        await file.datasync();
      }
      if (segment.bytes >= this.#segmentBytes) await this.#endSegment();
    } catch (error) {
      this.droppedCount += events;
      if (!this.#isFailing)
        this.#options.log.error({ err: error, folder: this.#options.folder }, 'The history cannot be written; events are lost');
      this.#isFailing = true;
      // What was half written ends this segment.
      await this.#endSegment().catch(() => {});
    }
  }

  async #current(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${String(++this.#number).padStart(8, '0')}.log`);
    this.#file = await open(file, 'a');
    this.#segments.push({ file, bytes: 0 });
    return this.#file;
  }

  async #endSegment(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#named = new Set();
    this.dropOld();
    try {
      await file?.datasync();
    } finally {
      await file?.close();
    }
  }

  /** Drops what is too old or too much. */
  dropOld(): void {
    const { clock, maxBytes, retentionMs } = this.#options;
    let { bytes } = this;
    while (this.#segments.length > 0) {
      const first = this.#segments[0] as Segment;
      if (this.#segments.length === 1 && this.#file !== undefined) return;
      const changedAtMs = statSync(first.file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      // The newest one may grow to a whole segment.
      if (bytes <= maxBytes - this.#segmentBytes && changedAtMs > clock.now() - retentionMs) return;
      rmSync(first.file, { force: true });
      bytes -= first.bytes;
      this.#segments.shift();
    }
  }

  /** Newest first. Takes turns. */
  async *newestFirst(): AsyncIterableIterator<ReadRecord> {
    await this.written();
    const slice = new Slice();
    for (const { file } of [...this.#segments].reverse()) {
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes === undefined) continue;
      const { records, labels } = walk(bytes);
      const parsed = new Map<string, Readonly<Record<string, string>>>();
      const labelsOf = (fingerprint: string): Readonly<Record<string, string>> => {
        let found = parsed.get(fingerprint);
        if (found === undefined) {
          const json = labels.get(fingerprint);
          found = json === undefined ? {} : (JSON.parse(json.toString()) as { labels: Record<string, string> }).labels;
          parsed.set(fingerprint, found);
        }
        return found;
      };
      for (const payload of records.reverse()) {
        yield { record: JSON.parse(payload.toString()) as HistoryRecord, labelsOf };
        if (slice.isOver()) await slice.next();
      }
    }
  }

  async close(): Promise<void> {
    await this.written();
    await this.#endSegment();
  }
}

/** Frames of many records in one buffer: fifty thousand alerts may begin in a few seconds. */
class Batch {
  #buffer = Buffer.allocUnsafe(maxBatchBytes + 16 * 1024);
  length = 0;
  events = 0;

  add(json: string): void {
    // A UTF-16 unit takes three bytes at most.
    const roomBytes = headerBytes + json.length * 3;
    if (this.length + roomBytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(this.length + roomBytes + maxBatchBytes);
      this.#buffer.copy(larger, 0, 0, this.length);
      this.#buffer = larger;
    }
    const at = this.length;
    const length = this.#buffer.write(json, at + headerBytes);
    const end = at + headerBytes + length;
    this.#buffer.writeUInt32LE(length, at);
    this.#buffer.writeUInt32LE(crc32(this.#buffer.subarray(at + headerBytes, end)), at + 4);
    this.length = end;
  }

  /** Valid until the next `add`. */
  take(): { readonly bytes: Buffer; readonly events: number } {
    const taken = { bytes: this.#buffer.subarray(0, this.length), events: this.events };
    this.length = this.events = 0;
    return taken;
  }
}

const labelsPrefix = '{"fingerprint":"';
const labelsPrefixBytes = Buffer.from(labelsPrefix);

/** The whole records up to the first that is torn. */
function walk(bytes: Buffer): { records: Buffer[]; labels: Map<string, Buffer> } {
  const records: Buffer[] = [];
  const labels = new Map<string, Buffer>();
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const end = at + headerBytes + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    const payload = bytes.subarray(at + headerBytes, end);
    if (crc32(payload) !== bytes.readUInt32LE(at + 4)) break;
    if (payload.subarray(0, labelsPrefix.length).equals(labelsPrefixBytes))
      labels.set(payload.subarray(labelsPrefix.length, labelsPrefix.length + 16).toString('latin1'), payload);
    else records.push(payload);
    at = end;
  }
  return { records, labels };
}

function listSegments(folder: string): Segment[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d{8,}\.log$/.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => ({ file: join(folder, name), bytes: statSync(join(folder, name)).size }));
}
