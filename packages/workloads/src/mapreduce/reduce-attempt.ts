/** One reduce: fetches its part of every map's output, merges, does the program's work, writes a part file into its own folder. */
import { mkdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DoneReport, ReduceWork } from './attempt-protocol.ts';
import { type AttemptStatus, COUNTERS } from './attempt-status.ts';
import { readVarint } from './bytes.ts';
import type { JobClient } from './job-client.ts';
import { LineSplitter } from './lines.ts';
import { Summing } from './map-output.ts';
import { Merge } from './merge.ts';
import { OutputFile } from './output-file.ts';
import { keyEndOf, Program, programEnvironment } from './program.ts';
import { Shuffle } from './shuffle.ts';

/** So many records between two turns for everybody else. */
const RECORDS_PER_TURN = 50_000;
const FEED_BYTES = 64 * 1024;

export async function runReduce(work: ReduceWork, attemptId: string, client: JobClient, status: AttemptStatus): Promise<DoneReport> {
  const shuffle = new Shuffle(work, client, status);
  await shuffle.fetchAll();
  const merge = new Merge(shuffle.readers());
  const output = new OutputFile(work.output.folder, work.output.name);
  try {
    if (work.program.kind === 'wordcount') await sumCounts(merge, output, status);
    else await runReducer(work, attemptId, merge, output, status);
  } finally {
    merge.close();
  }
  output.finish();
  status.progress = 1;
  status.add(COUNTERS.bytesWritten, output.bytes);
  return { counters: status.counters };
}

async function sumCounts(merge: Merge, output: OutputFile, status: AttemptStatus): Promise<void> {
  const summing = new Summing((key, keyEnd, count) => output.writeCount(key, keyEnd, count));
  let records = 0;
  for (let reader = merge.next(); reader !== undefined; reader = merge.next()) {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = reader;
    summing.add(bytes, keyStart, keyEnd, readVarint(bytes, valueStart, valueEnd));
    if (++records % RECORDS_PER_TURN === 0) await nextTurn();
  }
  summing.flush();
  status.add(COUNTERS.reduceInputRecords, records);
  status.add(COUNTERS.reduceInputGroups, summing.keys);
  status.add(COUNTERS.reduceOutputRecords, summing.keys);
}

async function runReducer(work: ReduceWork, attemptId: string, merge: Merge, output: OutputFile, status: AttemptStatus): Promise<void> {
  if (work.program.kind !== 'streaming') throw new Error('BUG: not a streaming job');
  const { reducer, environment } = work.program;
  let records = 0;
  let outputRecords = 0;
  const write = (bytes: Uint8Array, start: number, keyEnd: number, end: number): void => {
    outputRecords++;
    output.writeLine(bytes, start, keyEnd, bytes, Math.min(end, keyEnd + 1), end);
  };
  const outLines = new LineSplitter((bytes, start, end) => {
    // What a reducer prints without having had any input is thrown away (Hadoop).
    if (records > 0) write(bytes, start, keyEndOf(bytes, start, end), end);
  });
  let program: Program | undefined;
  if (reducer !== undefined) {
    mkdirSync('tmp', { recursive: true });
    const context = {
      jobId: work.jobId,
      taskId: work.taskId,
      attemptId,
      index: work.index,
      isMap: false,
      maps: work.maps,
      reduces: work.reduces,
      outputFolder: work.output.folder,
    };
    program = new Program(reducer, programEnvironment(context, environment), {
      onStdout: (chunk) => outLines.add(chunk),
      onCounter: (group, name, by) => status.add(`${group}/${name}`, by),
    });
  }
  const groups = new Summing(() => undefined);
  let feed = Buffer.allocUnsafe(FEED_BYTES);
  let used = 0;
  try {
    for (let reader = merge.next(); reader !== undefined; reader = merge.next()) {
      const { bytes, keyStart, keyEnd, valueStart, valueEnd } = reader;
      groups.add(bytes, keyStart, keyEnd, 1);
      records++;
      if (program === undefined) output.writeLine(bytes, keyStart, keyEnd, bytes, valueStart, valueEnd);
      else {
        const length = keyEnd - keyStart + valueEnd - valueStart + 2;
        if (used + length > feed.length) {
          await program.write(feed.subarray(0, used));
          feed = Buffer.allocUnsafe(Math.max(FEED_BYTES, length));
          used = 0;
        }
        feed.set(bytes.subarray(keyStart, keyEnd), used);
        used += keyEnd - keyStart;
        feed[used++] = 9;
        feed.set(bytes.subarray(valueStart, valueEnd), used);
        used += valueEnd - valueStart;
        feed[used++] = 10;
      }
      if (records % RECORDS_PER_TURN === 0) await nextTurn();
    }
    if (program !== undefined) {
      if (used > 0) await program.write(feed.subarray(0, used));
      await program.end();
    }
  } catch (error) {
    program?.kill();
    throw error;
  }
  outLines.end();
  groups.flush();
  status.add(COUNTERS.reduceInputRecords, records);
  status.add(COUNTERS.reduceInputGroups, groups.keys);
  status.add(COUNTERS.reduceOutputRecords, program === undefined ? records : outputRecords);
}
