/**
 * Status updates of one task on their way to the framework (mesos.md §2.8): in order, one in flight, repeated after 10 s and then
 * twice as long each time until it is acknowledged. The sequence is kept in `task.updates`, one JSON record a line, so that an agent
 * that starts again goes on where the last one stopped.
 *
 * Records are written before anything is sent, but not forced to the disk: a machine that crashes takes the task with it.
 */
import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { isTerminal, parseJson, type TaskState, type TaskStatus } from '@pronoia/mesos';
import type { Clock, Timer } from '@pronoia/server';
import { stringify } from './checkpoint.ts';

export type UpdateRecord = { readonly type: 'UPDATE'; readonly status: TaskStatus } | { readonly type: 'ACK'; readonly uuid: string };

const FIRST_RETRY_MS = 10_000;
const LAST_RETRY_MS = 600_000;

export class UpdateStream {
  readonly #file: string | undefined;
  readonly #clock: Clock;
  readonly #send: (status: TaskStatus, latest: TaskState) => void;
  readonly #unacknowledged: TaskStatus[] = [];
  readonly #sent: TaskStatus[] = [];
  readonly #seenUuids = new Set<string>();
  #timer: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #paused = false;

  /** `file` undefined: nothing is kept (a framework without checkpointing). */
  constructor(file: string | undefined, clock: Clock, send: (status: TaskStatus, latest: TaskState) => void) {
    this.#file = file;
    this.#clock = clock;
    this.#send = send;
  }

  /** Reads what an earlier process wrote; a last line that was cut off is dropped. Nothing is sent until `resume`. */
  static recover(file: string, clock: Clock, send: (status: TaskStatus, latest: TaskState) => void): UpdateStream {
    const stream = new UpdateStream(file, clock, send);
    stream.#paused = true;
    for (const record of readRecords(file)) {
      if (record.type === 'UPDATE') stream.#add(record.status);
      else stream.#remove(record.uuid);
    }
    return stream;
  }

  /** The updates so far, acknowledged or not; of those with the same state in a row the last. */
  get statuses(): readonly TaskStatus[] {
    return this.#sent;
  }

  get latest(): TaskStatus | undefined {
    return this.#sent.at(-1);
  }

  /** The update that the framework is being told at the moment. */
  get current(): TaskStatus | undefined {
    return this.#unacknowledged[0];
  }

  get isDone(): boolean {
    return this.#unacknowledged.length === 0 && this.latest !== undefined && isTerminal(this.latest.state);
  }

  update(status: TaskStatus): void {
    this.#log({ type: 'UPDATE', status });
    this.#add(status);
    if (this.#unacknowledged.length === 1) this.#sendHead(FIRST_RETRY_MS);
  }

  /** False when this is not the update in flight (a repeated acknowledgement). */
  acknowledge(uuid: string): boolean {
    if (this.current?.uuid !== uuid) return false;
    this.#log({ type: 'ACK', uuid });
    this.#remove(uuid);
    this.#timer?.cancel();
    if (this.current !== undefined) this.#sendHead(FIRST_RETRY_MS);
    return true;
  }

  /** The link to the master is gone. */
  pause(): void {
    this.#paused = true;
    this.#timer?.cancel();
  }

  /** The link is there (again): what is in flight is told once more, at once. */
  resume(): void {
    this.#paused = false;
    if (this.current !== undefined) this.#sendHead(FIRST_RETRY_MS);
  }

  close(): void {
    this.pause();
  }

  #add(status: TaskStatus): void {
    if (status.uuid === undefined || this.#seenUuids.has(status.uuid)) return;
    this.#seenUuids.add(status.uuid);
    this.#unacknowledged.push(status);
    // A long life of health updates is one entry: the newest of each state in a row counts (mesos.md §2.8).
    if (this.#sent.at(-1)?.state === status.state) this.#sent.pop();
    this.#sent.push(status);
  }

  #remove(uuid: string): void {
    if (this.current?.uuid === uuid) this.#unacknowledged.shift();
  }

  #sendHead(retryMs: number): void {
    if (this.#paused || this.current === undefined) return;
    this.#retryMs = retryMs;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(retryMs, () => this.#sendHead(Math.min(LAST_RETRY_MS, this.#retryMs * 2)));
    this.#send(this.current, (this.latest as TaskStatus).state);
  }

  #log(record: UpdateRecord): void {
    if (this.#file !== undefined) appendFileSync(this.#file, `${stringify(record)}\n`);
  }
}

function readRecords(file: string): UpdateRecord[] {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) truncateSync(file, end); // The next record must not be glued to half a line.
  const records: UpdateRecord[] = [];
  for (const line of bytes.toString('utf8', 0, end).split('\n')) {
    if (line !== '') records.push(parseJson(line) as UpdateRecord);
  }
  return records;
}
