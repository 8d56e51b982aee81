/**
 * A user's program as a child process, fed on stdin and read on stdout (mapreduce.md §4; Hadoop's PipeMapRed). No shell is involved.
 * stdin waits when the program is slower than we are; stdout and stderr are drained all the while, so neither side can block the other.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { LineSplitter } from './lines.ts';

/** At spaces; '…' and "…" group, are removed and also end a token; there are no escapes. */
export function splitCommand(command: string): string[] {
  const tokens: string[] = [];
  let token = '';
  let quote: string | undefined;
  const close = (): void => {
    if (token !== '') tokens.push(token);
    token = '';
  };
  for (const char of command) {
    if (quote !== undefined) {
      if (char !== quote) token += char;
      else {
        close();
        quote = undefined;
      }
    } else if (char === "'" || char === '"') {
      close();
      quote = char;
    } else if (char === ' ') close();
    else token += char;
  }
  close();
  return tokens;
}

export interface ProgramHandlers {
  readonly onStdout: (chunk: Buffer) => void;
  /** `reporter:counter:group,name,n` */
  readonly onCounter: (group: string, name: string, by: number) => void;
}

const STDERR_TAIL_BYTES = 4096;

export class Program {
  readonly #command: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<void>;
  #failure: Error | undefined;
  #stderrTail = '';
  /** Wakes the writer that waits: there is room, or there will never be. */
  #onRoom: () => void = () => undefined;

  constructor(command: string, environment: Readonly<Record<string, string>>, handlers: ProgramHandlers) {
    this.#command = command;
    const [name = '', ...argv] = splitCommand(command);
    if (name === '') throw new Error(`the command ${JSON.stringify(command)} is empty`);
    this.#child = spawn(findInSandbox(name), argv, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdout.on('data', handlers.onStdout);
    const lines = new LineSplitter((bytes, start, end) =>
      this.#onStderr(Buffer.from(bytes.subarray(start, end)).toString('utf8'), handlers),
    );
    this.#child.stderr.on('data', (chunk: Buffer) => lines.add(chunk));
    this.#child.stdin.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error.code === 'EPIPE' ? new Error(`${command}: it stopped reading its input (broken pipe)`) : error;
    });
    this.#ended = new Promise((resolvePromise, reject) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => {
        const hint = /[|<>;&]/.test(command) ? "; there is no shell: say sh -c '…' for pipes and redirections" : '';
        reject(error.code === 'ENOENT' ? new Error(`${name}: no such program here or in PATH${hint}`) : error);
      });
      this.#child.once('close', (code, signal) => {
        lines.end();
        if (code === 0) resolvePromise();
        else reject(this.#withStderr(signal === null ? `${command}: exited with status ${code}` : `${command}: killed by ${signal}`));
      });
    });
    const wake = (): void => this.#onRoom();
    this.#child.stdin.on('drain', wake).on('error', wake).on('close', wake);
    this.#ended.then(wake, (error: unknown) => {
      this.#failure ??= error as Error;
      wake();
    });
  }

  /** Resolves when there is room for more. Throws when the program has stopped reading or has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isOver()) await this.#giveUp();
    if (this.#child.stdin.write(bytes)) return;
    await new Promise<void>((resolvePromise) => {
      this.#onRoom = resolvePromise;
    });
    if (this.#isOver()) await this.#giveUp();
  }

  /** Closes stdin and waits for the program's last output and its end. Throws when it ended badly. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
    if (this.#failure !== undefined) throw this.#failure;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Node closes the stdin of a child that has exited without a word; what is written to it then is never answered. */
  #isOver(): boolean {
    return this.#failure !== undefined || this.#child.stdin.destroyed;
  }

  /** The exit status says more than the broken pipe, when it comes soon. */
  async #giveUp(): Promise<never> {
    this.#child.stdin.destroy();
    await this.#ended;
    throw this.#failure ?? new Error(`${this.#command}: it ended early`);
  }

  #withStderr(message: string): Error {
    const tail = this.#stderrTail.trim();
    return new Error(tail === '' ? message : `${message}; its last words:\n${tail}`);
  }

  #onStderr(line: string, handlers: ProgramHandlers): void {
    if (line.startsWith('reporter:counter:')) {
      const [group, name, by, ...rest] = line.slice('reporter:counter:'.length).split(',');
      const count = Number(by?.trim());
      if (
        group !== undefined &&
        name !== undefined &&
        rest.length === 0 &&
        /^-?\d+$/.test(by?.trim() ?? '') &&
        Number.isSafeInteger(count)
      ) {
        handlers.onCounter(group, name, count);
        return;
      }
      process.stderr.write(`malformed counter line: ${line}\n`);
      return;
    }
    if (line.startsWith('reporter:status:')) return;
    this.#stderrTail = `${this.#stderrTail}${line}\n`.slice(-STDERR_TAIL_BYTES);
    process.stderr.write(`${line}\n`);
  }
}

/** A relative name is looked for in the working directory first, then in PATH. */
function findInSandbox(name: string): string {
  if (name.startsWith('/')) return name;
  const here = resolve(name);
  try {
    accessSync(here, constants.X_OK);
    return here;
  } catch {
    return name;
  }
}

export interface ProgramContext {
  readonly jobId: string;
  readonly taskId: string;
  readonly attemptId: string;
  readonly index: number;
  readonly isMap: boolean;
  readonly maps: number;
  readonly reduces: number;
  readonly outputFolder: string | undefined;
  readonly input?: { readonly file: string; readonly start: number; readonly length: number };
}

/** What Hadoop tells its programs, under new and deprecated names; then the user's own variables. */
export function programEnvironment(context: ProgramContext, own: Readonly<Record<string, string>>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith('MAPREDUCE_')) environment[name] = value;
  }
  const set = (names: readonly string[], value: string | number | undefined): void => {
    if (value !== undefined) for (const name of names) environment[name] = String(value);
  };
  set(['mapreduce_job_id', 'mapred_job_id'], context.jobId);
  set(['mapreduce_task_id', 'mapred_tip_id'], context.taskId);
  set(['mapreduce_task_attempt_id', 'mapred_task_id'], context.attemptId);
  set(['mapreduce_task_partition', 'mapred_task_partition'], context.index);
  set(['mapreduce_task_ismap', 'mapred_task_is_map'], String(context.isMap));
  set(['mapreduce_job_maps', 'mapred_map_tasks'], context.maps);
  set(['mapreduce_job_reduces', 'mapred_reduce_tasks'], context.reduces);
  set(['mapreduce_task_output_dir', 'mapred_work_output_dir'], context.outputFolder);
  set(['mapreduce_map_input_file', 'map_input_file'], context.input?.file);
  set(['mapreduce_map_input_start', 'map_input_start'], context.input?.start);
  set(['mapreduce_map_input_length', 'map_input_length'], context.input?.length);
  return { ...environment, ...own, TMPDIR: resolve('tmp') };
}

const TAB = 9;

/** Where the key of a program's line ends: at the first TAB; without one the whole line is the key and the value is empty. */
export function keyEndOf(bytes: Uint8Array, start: number, end: number): number {
  const tab = bytes.indexOf(TAB, start);
  return tab < 0 || tab >= end ? end : tab;
}
