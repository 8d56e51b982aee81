/** One map: reads its pieces, does the program's work on them, leaves sorted segments (or, without reducers, output). */
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DoneReport, MapWork } from './attempt-protocol.ts';
import { type AttemptStatus, COUNTERS } from './attempt-status.ts';
import { writeVarint } from './bytes.ts';
import { LineSplitter, lineRange, readAtOf } from './lines.ts';
import { MapOutput } from './map-output.ts';
import { OutputFile } from './output-file.ts';
import { partitionOf } from './partition.ts';
import { keyEndOf, Program, programEnvironment } from './program.ts';
import type { Piece } from './splits.ts';
import { WordTable } from './word-table.ts';

/** Trying again would find the same: the job must end. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
}

const READ_BYTES = 1024 * 1024;
/** The word table is written out when it has grown to this: a split of nothing but different words must not fill the memory. */
const TABLE_LIMIT_BYTES = 192 * 1024 * 1024;
const WORDS_LIMIT = 3_000_000_000;

export async function runMap(work: MapWork, attemptId: string, status: AttemptStatus): Promise<DoneReport> {
  return work.program.kind === 'wordcount' ? await countWords(work, status) : await runMapper(work, attemptId, status);
}

async function countWords(work: MapWork, status: AttemptStatus): Promise<DoneReport> {
  const path = resolve('map.out');
  const output = new MapOutput({ path, partitions: work.reduces, sortBufferBytes: work.sortBufferBytes, sumValues: true });
  const table = new WordTable();
  const one = new Uint8Array(8);
  let flushedWords = 0;
  const flush = (): void => {
    status.add(COUNTERS.combineOutputRecords, table.size);
    table.forEach((bytes, start, end, count) => {
      output.add(partitionOf(bytes, start, end, work.reduces), bytes, start, end, one, 0, writeVarint(one, 0, count));
    });
    flushedWords = table.words;
  };
  let lines = 0;
  for (const piece of work.pieces) {
    await readPiece(piece, work, status, (chunk) => {
      table.add(chunk, 0, chunk.length);
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
      if (table.memoryBytes > TABLE_LIMIT_BYTES || table.words - flushedWords > WORDS_LIMIT) {
        flush();
        table.clear();
      }
    });
    table.endOfWords();
  }
  flush();
  status.add(COUNTERS.mapInputRecords, lines);
  status.add(COUNTERS.mapOutputRecords, table.words);
  status.add(COUNTERS.combineInputRecords, table.words);
  return finishOutput(output, path, status);
}

async function runMapper(work: MapWork, attemptId: string, status: AttemptStatus): Promise<DoneReport> {
  if (work.program.kind !== 'streaming') throw new Error('BUG: not a streaming job');
  const path = resolve('map.out');
  const sink = work.output === undefined ? undefined : new OutputFile(work.output.folder, work.output.name);
  const output =
    sink === undefined
      ? new MapOutput({ path, partitions: work.reduces, sortBufferBytes: work.sortBufferBytes, sumValues: false })
      : undefined;
  let outputRecords = 0;
  const emit = (bytes: Uint8Array, start: number, keyEnd: number, end: number): void => {
    outputRecords++;
    const valueStart = Math.min(end, keyEnd + 1);
    if (sink !== undefined) sink.writeLine(bytes, start, keyEnd, bytes, valueStart, end);
    else output?.add(partitionOf(bytes, start, keyEnd, work.reduces), bytes, start, keyEnd, bytes, valueStart, end);
  };
  const { mapper, environment } = work.program;
  const outLines = new LineSplitter((bytes, start, end) => emit(bytes, start, keyEndOf(bytes, start, end), end));
  let inputRecords = 0;
  let position = 0;
  const [first] = work.pieces;
  let program: Program | undefined;
  if (mapper !== undefined) {
    mkdirSync('tmp', { recursive: true });
    const context = {
      jobId: work.jobId,
      taskId: work.taskId,
      attemptId,
      index: work.index,
      isMap: true,
      maps: work.maps,
      reduces: work.reduces,
      outputFolder: work.output?.folder,
      ...(first === undefined ? {} : { input: { file: first.path, start: first.start, length: first.length } }),
    };
    program = new Program(mapper, programEnvironment(context, environment), {
      onStdout: (chunk) => outLines.add(chunk),
      onCounter: (group, name, by) => status.add(`${group}/${name}`, by),
    });
  }
  // Lines reach the program ended by LF, whatever ended them in the file.
  const pending = new LineBatch();
  const inLines = new LineSplitter((bytes, start, end) => {
    inputRecords++;
    if (program !== undefined) pending.add(bytes, start, end);
    else {
      // The identity mapper sees the line's offset as its key, as Hadoop's does.
      const line = Buffer.concat([Buffer.from(`${position}\t`), bytes.subarray(start, end)]);
      emit(line, 0, keyEndOf(line, 0, line.length), line.length);
    }
    position += end - start + 1;
  });
  try {
    for (const piece of work.pieces) {
      position = piece.start;
      let isStart = piece.start === 0;
      await readPiece(piece, work, status, async (chunk) => {
        inLines.add(isStart ? withoutByteOrderMark(chunk) : chunk);
        isStart = false;
        for (const batch of pending.take()) await program?.write(batch);
      });
      inLines.end();
      for (const batch of pending.take()) await program?.write(batch);
    }
    await program?.end();
  } catch (error) {
    program?.kill();
    throw error;
  }
  outLines.end();
  status.add(COUNTERS.mapInputRecords, inputRecords);
  status.add(COUNTERS.mapOutputRecords, outputRecords);
  if (sink !== undefined) {
    sink.finish();
    status.add(COUNTERS.bytesWritten, sink.bytes);
    return { counters: status.counters };
  }
  return finishOutput(output as MapOutput, path, status);
}

function finishOutput(output: MapOutput, path: string, status: AttemptStatus): DoneReport {
  const segments = output.finish();
  status.add(COUNTERS.spilledRecords, output.spilledRecords);
  status.add(
    COUNTERS.mapOutputBytes,
    segments.reduce((sum, segment) => sum + segment.length, 0),
  );
  return { counters: status.counters, mapOutput: { path, segments } };
}

/** The bytes of a piece's lines, in order. Between chunks others get their turn: progress reports, scrapes, the program's output. */
async function readPiece(
  piece: Piece,
  work: MapWork,
  status: AttemptStatus,
  visit: (chunk: Buffer) => void | Promise<void>,
): Promise<void> {
  const total = Math.max(
    1,
    work.pieces.reduce((sum, one) => sum + one.length, 0),
  );
  const fd = openInput(piece.path);
  try {
    const { size } = fstatSync(fd);
    if (size < piece.fileSizeBytes) {
      throw new FatalError(`${piece.path}: the file was ${piece.fileSizeBytes} bytes when the job began and has ${size} now`);
    }
    const range = lineRange(readAtOf(fd), piece.start, piece.start + piece.length, piece.fileSizeBytes);
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_BYTES, range.end - range.start)));
    for (let at = range.start; at < range.end; ) {
      const read = readSync(fd, buffer, 0, Math.min(buffer.length, range.end - at), at);
      if (read === 0) throw new FatalError(`${piece.path}: the file became shorter while it was read`);
      await visit(buffer.subarray(0, read));
      at += read;
      status.add(COUNTERS.bytesRead, read);
      status.progress = Math.min(1, status.progress + read / total);
      await nextTurn();
    }
  } finally {
    closeSync(fd);
  }
}

function openInput(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new FatalError(`Input path does not exist: ${path}`);
    if (code === 'EACCES') throw new FatalError(`Input path cannot be read: ${message}`);
    throw error;
  }
}

function withoutByteOrderMark(chunk: Buffer): Buffer {
  return chunk.length >= 3 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk;
}

/** Lines on their way to a program's stdin, in buffers that are large enough to be worth a write. */
class LineBatch {
  #full: Buffer[] = [];
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #used = 0;

  add(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start + 1;
    if (this.#used + length > this.#buffer.length) {
      if (this.#used > 0) this.#full.push(this.#buffer.subarray(0, this.#used));
      this.#buffer = Buffer.allocUnsafe(Math.max(length, 64 * 1024));
      this.#used = 0;
    }
    this.#buffer.set(bytes.subarray(start, end), this.#used);
    this.#used += length;
    this.#buffer[this.#used - 1] = 10;
  }

  take(): Buffer[] {
    const all = this.#full;
    if (this.#used > 0) all.push(this.#buffer.subarray(0, this.#used));
    // What was handed out may still wait in the pipe: it is never written to again.
    this.#buffer = this.#buffer.subarray(this.#used);
    this.#full = [];
    this.#used = 0;
    return all;
  }
}
