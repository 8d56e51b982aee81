/**
 * A reducer's fetches (mapreduce.md §7): a few at a time, each segment checked before it counts. What fits into the buffer stays in memory;
 * when it is full, all of it is merged into one file. A map whose output cannot be had is reported, and its next output is waited for.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import type { MapEvent, ReduceWork } from './attempt-protocol.ts';
import { type AttemptStatus, COUNTERS } from './attempt-status.ts';
import type { JobClient } from './job-client.ts';
import { mergeSegments } from './merge.ts';
import { checkSegment, SegmentError, SegmentReader, type SegmentSource, SegmentWriter, writeAll } from './segment.ts';

/** Hadoop: mapreduce.reduce.shuffle.parallelcopies. */
const PARALLEL_FETCHES = 5;
const TRIES = 3;
const FETCH_TIMEOUT_MS = 20_000;

interface Fetched {
  readonly map: number;
  readonly source: SegmentSource;
}

export class Shuffle {
  readonly #work: ReduceWork;
  readonly #client: JobClient;
  readonly #status: AttemptStatus;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: PARALLEL_FETCHES });
  /** By map; the newest event wins. */
  readonly #wanted = new Map<number, MapEvent>();
  readonly #fetched = new Set<number>();
  #inMemory: Fetched[] = [];
  #memoryBytes = 0;
  readonly #onDisk: Fetched[] = [];
  #files = 0;
  #active = 0;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(work: ReduceWork, client: JobClient, status: AttemptStatus) {
    this.#work = work;
    this.#client = client;
    this.#status = status;
  }

  /** Resolves when the output of every map is here. */
  async fetchAll(): Promise<void> {
    let since = 0;
    let isListening = true;
    const listen = async (): Promise<void> => {
      while (isListening) {
        const { next, events } = await this.#client.mapEvents(since);
        since = next;
        for (const event of events) if (!this.#fetched.has(event.map)) this.#wanted.set(event.map, event);
        if (events.length > 0) this.#wake();
      }
    };
    const listening = listen().catch((error: unknown) => {
      if (!isListening) return;
      this.#failure = error as Error;
      this.#wake();
    });
    try {
      while (this.#fetched.size < this.#work.maps) {
        if (this.#failure !== undefined) throw this.#failure;
        const event = this.#active < PARALLEL_FETCHES ? this.#next() : undefined;
        if (event !== undefined) {
          this.#active++;
          void this.#fetch(event).finally(() => {
            this.#active--;
            this.#wake();
          });
          continue;
        }
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
      }
    } finally {
      isListening = false;
      this.#agent.destroy();
    }
    void listening;
  }

  /** Readers over everything, in map order as far as they were not merged already. */
  readers(): SegmentReader[] {
    const all = [...this.#onDisk, ...this.#inMemory.sort((a, b) => a.map - b.map)];
    return all.map(({ source, map }) => new SegmentReader(source, `output of map ${map}`));
  }

  #next(): MapEvent | undefined {
    for (const [map, event] of this.#wanted) {
      if (event.segment === undefined) continue;
      this.#wanted.delete(map);
      return event;
    }
    return undefined;
  }

  async #fetch(event: MapEvent): Promise<void> {
    const { map, attemptId } = event;
    const segment = event.segment as NonNullable<MapEvent['segment']>;
    let reason = '';
    for (let tried = 0; tried < TRIES; tried++) {
      if (tried > 0) await new Promise((wait) => setTimeout(wait, 300 * 4 ** (tried - 1)));
      // A newer output of this map makes this one pointless.
      if (this.#wanted.has(map) || this.#failure !== undefined) return;
      try {
        await this.#take(map, segment);
        return;
      } catch (error) {
        reason = (error as Error).message;
        this.#status.add(COUNTERS.failedShuffles, 1);
      }
    }
    process.stderr.write(`fetch of map ${map} (${attemptId}) failed: ${reason}\n`);
    try {
      await this.#client.fetchFailed({ map, attemptId, reason });
    } catch (error) {
      this.#failure = error as Error;
    }
  }

  async #take(map: number, segment: NonNullable<MapEvent['segment']>): Promise<void> {
    const { length } = segment;
    const response = await this.#request(segment);
    const limit = this.#work.shuffleBufferBytes;
    let source: SegmentSource;
    if (length <= limit / 4) {
      const bytes = await receive(response, length);
      checkSegment(bytes, `output of map ${map}`);
      source = { kind: 'memory', bytes };
    } else {
      const path = resolve(`shuffle.${this.#files++}`);
      await receiveFile(response, path, length);
      source = { kind: 'file', path, offset: 0, length };
    }
    this.#fetched.add(map);
    this.#wanted.delete(map);
    this.#status.add(COUNTERS.shuffleBytes, length);
    this.#status.add(COUNTERS.shuffledMaps, 1);
    this.#status.progress = this.#fetched.size / this.#work.maps / 3;
    if (source.kind === 'file') this.#onDisk.push({ map, source });
    else {
      this.#inMemory.push({ map, source });
      this.#memoryBytes += length;
      if (this.#memoryBytes > limit) this.#spill();
    }
  }

  #spill(): void {
    const path = resolve(`shuffle.${this.#files++}`);
    const writer = new SegmentWriter(path);
    const segments = this.#inMemory.sort((a, b) => a.map - b.map);
    mergeSegments(
      segments.map(({ source, map }) => new SegmentReader(source, `output of map ${map}`)),
      ({ bytes, keyStart, keyEnd, valueStart, valueEnd }) => writer.write(bytes, keyStart, keyEnd, bytes, valueStart, valueEnd),
    );
    writer.endSegment();
    writer.close();
    this.#onDisk.push({ map: segments[0]?.map ?? 0, source: { kind: 'file', path, offset: 0, length: statSync(path).size } });
    this.#inMemory = [];
    this.#memoryBytes = 0;
  }

  #request(segment: NonNullable<MapEvent['segment']>): Promise<IncomingMessage> {
    const { url, offset, length } = segment;
    return new Promise((resolvePromise, reject) => {
      const call = get(
        url,
        { agent: this.#agent, timeout: FETCH_TIMEOUT_MS, headers: { range: `bytes=${offset}-${offset + length - 1}` } },
        (response) => {
          if (response.statusCode === 206 && Number(response.headers['content-length']) === length) {
            resolvePromise(response);
            return;
          }
          response.resume();
          reject(
            new Error(
              `${url} answered ${response.statusCode} with ${response.headers['content-length'] ?? 'unknown'} bytes, ${length} were asked for`,
            ),
          );
        },
      );
      call.once('timeout', () => call.destroy(new Error(`${url}: no answer`)));
      call.once('error', reject);
    });
  }
}

async function receive(response: IncomingMessage, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let used = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    if (used + part.length > length) throw new SegmentError('more bytes came than were promised');
    used += part.copy(bytes, used);
  }
  if (used !== length) throw new SegmentError(`${used} bytes came, ${length} were promised`);
  return bytes;
}

/** Checked on its way, so that a damaged segment is fetched again rather than met in the merge. */
async function receiveFile(response: IncomingMessage, path: string, length: number): Promise<void> {
  const fd = openSync(path, 'w', 0o600);
  try {
    let used = 0;
    let crc = 0;
    const stored = Buffer.alloc(4);
    const bodyEnd = length - 4;
    for await (const part of response as AsyncIterable<Buffer>) {
      writeAll(fd, part);
      const body = part.subarray(0, Math.max(0, bodyEnd - used));
      crc = crc32(body, crc);
      if (body.length < part.length) part.copy(stored, Math.max(0, used - bodyEnd), body.length);
      used += part.length;
    }
    if (used !== length) throw new SegmentError(`${used} bytes came, ${length} were promised`);
    if (stored.readUInt32LE() !== crc >>> 0) throw new SegmentError('the checksum is wrong');
  } finally {
    closeSync(fd);
  }
}
