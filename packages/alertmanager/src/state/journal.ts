/**
 * Small durable state in two files: a snapshot in the original's format (varint-length-prefixed protobuf messages, so that either
 * program reads the other's folder) and a log of what changed since.
 *
 * The original writes a snapshot every 15 minutes and forgets the rest when it is killed; here a change is in the log before anybody is
 * told of it. A log record is `length u32 | crc32 u32 | payload`; a torn last record is dropped, a damaged one in the middle ends the
 * start with its place.
 */
import { closeSync, existsSync, fdatasync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { defineErrors } from '@pronoia/server';
import { Slice } from '../turns.ts';
import { readVarint, varintBytes } from './wire.ts';

const errors = defineErrors({
  damaged_state: {
    status: 500,
    message: (f: { file: string; offset: number; reason: string }) =>
      `${f.file} is damaged at byte ${f.offset}: ${f.reason}; move the file away to start without it`,
  },
  state_not_written: {
    status: 500,
    message: (f: { file: string; reason: string }) => `cannot write ${f.file}: ${f.reason}; nothing was changed`,
  },
});

const headerBytes = 8;
/** A log that has grown so much is emptied whatever it costs. */
const maxLogBytes = 64 * 1024 * 1024;
const flush = promisify(fdatasync);

export class Journal {
  readonly #snapshotFile: string;
  readonly #logFile: string;
  #log: number;
  #logBytes = 0;
  #sync: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  private constructor(file: string, log: number, logBytes: number) {
    this.#snapshotFile = file;
    this.#logFile = `${file}.log`;
    this.#log = log;
    this.#logBytes = logBytes;
  }

  /** Calls `onRecord` for each message, the snapshot's first. */
  static open(file: string, onRecord: (payload: Buffer) => void): Journal {
    replaySnapshot(file, onRecord);
    const logFile = `${file}.log`;
    const kept = replayLog(logFile, onRecord);
    const log = openSync(logFile, existsSync(logFile) ? 'r+' : 'w+');
    ftruncateSync(log, kept);
    return new Journal(file, log, kept);
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  /**
   * When this returns a killed process loses it no more; `synced` tells when a power cut does not either. Throws `state_not_written`,
   * and then nothing was added.
   */
  append(payload: Buffer): void {
    const record = Buffer.alloc(headerBytes + payload.length);
    record.writeUInt32LE(payload.length, 0);
    record.writeUInt32LE(crc32(payload), 4);
    payload.copy(record, headerBytes);
    try {
      let written = 0;
      while (written < record.length) written += writeSync(this.#log, record, written, record.length - written, this.#logBytes + written);
    } catch (error) {
      try {
        ftruncateSync(this.#log, this.#logBytes);
      } catch {
        // The torn record is overwritten by the next one, or dropped at the next start.
      }
      throw errors.fail('state_not_written', { file: this.#logFile, reason: (error as Error).message }, error);
    }
    this.#logBytes += record.length;
  }

  /** Resolves when all that was appended before is on the disk itself. Those who ask meanwhile share the next flush of the disk. */
  synced(): Promise<void> {
    this.#nextSync ??= this.#sync.then(() => {
      this.#nextSync = undefined;
      return this.#flushDisk();
    });
    const mine = this.#nextSync;
    // The next one waits for this one, whatever became of it.
    this.#sync = mine.catch(() => {});
    return mine;
  }

  async #flushDisk(): Promise<void> {
    try {
      await flush(this.#log);
    } catch (error) {
      throw errors.fail('state_not_written', { file: this.#logFile, reason: (error as Error).message }, error);
    }
  }

  /** Replaces snapshot and log by these messages. Returns the size in bytes. */
  snapshot(payloads: Iterable<Buffer>): number {
    const temporary = `${this.#snapshotFile}.tmp`;
    const parts: Buffer[] = [];
    for (const payload of payloads) parts.push(varintBytes(payload.length), payload);
    const bytes = Buffer.concat(parts);
    try {
      const file = openSync(temporary, 'w');
      try {
        let written = 0;
        while (written < bytes.length) written += writeSync(file, bytes, written);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      // From here the snapshot holds all that the log holds; a crash between the two lines replays records twice, which is harmless.
      renameSync(temporary, this.#snapshotFile);
      syncFolder(dirname(this.#snapshotFile));
      ftruncateSync(this.#log, 0);
    } catch (error) {
      // Half a snapshot would take the room that the log may need.
      rmSync(temporary, { force: true });
      throw errors.fail('state_not_written', { file: this.#snapshotFile, reason: (error as Error).message }, error);
    }
    this.#logBytes = 0;
    return bytes.length;
  }

  /**
   * The same without holding the event loop: payloads are taken in turns and the disk is waited for by a thread. What is appended
   * meanwhile stays in the log, and with it what came before; the next snapshot that is not disturbed empties it.
   */
  async snapshotInTurns(payloads: Iterable<Buffer>): Promise<number> {
    if (this.#logBytes > maxLogBytes) return this.snapshot(payloads);
    const logBytes = this.#logBytes;
    const temporary = `${this.#snapshotFile}.tmp`;
    try {
      const slice = new Slice();
      const parts: Buffer[] = [];
      for (const payload of payloads) {
        parts.push(varintBytes(payload.length), payload);
        if (slice.isOver()) await slice.next();
      }
      const bytes = Buffer.concat(parts);
      await writeFile(temporary, bytes, { flush: true });
      await rename(temporary, this.#snapshotFile);
      const folder = await open(dirname(this.#snapshotFile), 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
      if (this.#logBytes === logBytes) {
        ftruncateSync(this.#log, 0);
        this.#logBytes = 0;
      }
      return bytes.length;
    } catch (error) {
      await rm(temporary, { force: true });
      throw errors.fail('state_not_written', { file: this.#snapshotFile, reason: (error as Error).message }, error);
    }
  }

  close(): void {
    closeSync(this.#log);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function replaySnapshot(file: string, onRecord: (payload: Buffer) => void): void {
  if (!existsSync(file)) return;
  const bytes = readFileSync(file);
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    try {
      const { value, next } = readVarint(bytes, at);
      if (value > BigInt(bytes.length - next)) throw new Error(`a message of ${value} bytes is cut`);
      at = next + Number(value);
      onRecord(bytes.subarray(next, at));
    } catch (error) {
      throw errors.fail('damaged_state', { file, offset: start, reason: (error as Error).message }, error);
    }
  }
}

/** Returns how many bytes are whole records. */
function replayLog(file: string, onRecord: (payload: Buffer) => void): number {
  if (!existsSync(file)) return 0;
  const bytes = readFileSync(file);
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + headerBytes + length;
    if (end > bytes.length) break;
    const payload = bytes.subarray(at + headerBytes, end);
    if (crc32(payload) !== bytes.readUInt32LE(at + 4)) {
      if (end === bytes.length) break;
      throw errors.fail('damaged_state', { file, offset: at, reason: 'the checksum does not fit' });
    }
    try {
      onRecord(payload);
    } catch (error) {
      throw errors.fail('damaged_state', { file, offset: at, reason: (error as Error).message }, error);
    }
    at = end;
  }
  return at;
}
