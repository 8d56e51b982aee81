/**
 * One server as a child process: its output goes to a log file (and what matters to the terminal), and when it dies it is
 * started again, ever more slowly while it keeps dying. It runs in a session of its own, so that Ctrl-C reaches only us and we stop
 * servers in order; should we be killed, the closed IPC channel tells it to stop by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

export interface SupervisedOptions {
  /** `master`, for the log file and the terminal. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Asked for `/-/ready`. */
  readonly url: string;
  readonly logFile: string;
  /** What stops it with everything that it started; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** Lines that the user should see. */
  readonly say: (line: string) => void;
}

const firstBackOffMs = 200;
const lastBackOffMs = 10_000;
/** A life of this length forgets earlier deaths. */
const healthyLifeMs = 30_000;
/** A log file larger than this is set aside (one generation) when the server is first started. */
const logLimitBytes = 16 * 1024 * 1024;

export class Supervised {
  readonly options: SupervisedOptions;
  #child: ChildProcess | undefined;
  #log: WriteStream | undefined;
  #isStopping = false;
  #backOffMs = firstBackOffMs;
  #restart: NodeJS.Timeout | undefined;
  /** The last lines of output, for a message about an early end. */
  #tail: string[] = [];
  /** Before the first readiness: an early end is a failed start, not a death, and its lines are told once, with it. */
  #isStarting = true;
  #held: string[] = [];
  restarts = 0;

  constructor(options: SupervisedOptions) {
    this.options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when `/-/ready` answers 200; rejects when the process ends before, or not in time. */
  async start(limitMs = 30_000): Promise<void> {
    setAsideLargeLog(this.options.logFile);
    this.#log = createWriteStream(this.options.logFile, { flags: 'a' });
    // A full disk costs the log, never the cluster.
    this.#log.on('error', (error) => {
      this.#log = undefined;
      this.options.say(`${this.options.name}: its log is written no more: ${error.message}`);
    });
    this.#spawn();
    const child = this.#child as ChildProcess;
    const untilMs = performance.now() + limitMs;
    while (performance.now() < untilMs) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      if (await isReady(this.options.url)) {
        this.#isStarting = false;
        for (const line of this.#held.splice(0)) this.options.say(line);
        return;
      }
      await wait(50);
    }
    const { name, logFile } = this.options;
    const ended = child.exitCode ?? child.signalCode;
    // Nothing of a start that failed stays behind.
    await this.stop(1000);
    throw new Error(
      `${name} ${ended === null ? `was not ready after ${limitMs / 1000} s` : `ended with ${ended} before it was ready`}; its last words (${logFile}):\n${this.#tail.map((line) => `  ${line}`).join('\n')}`,
    );
  }

  #spawn(): void {
    const [program, ...args] = this.options.command;
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const startedMs = performance.now();
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) eachLine(stream as NodeJS.ReadableStream, (line) => this.#line(line));
    // Without a listener the channel's failure (a child that died at once) would be ours.
    child.on('error', (error) => this.#line(`level=ERROR msg="Could not be started" err=${JSON.stringify(error.message)}`));
    child.on('exit', (code, signal) => {
      if (this.#isStarting || this.#isStopping || this.#child !== child) return;
      if (performance.now() - startedMs > healthyLifeMs) this.#backOffMs = firstBackOffMs;
      const delayMs = this.#backOffMs;
      this.#backOffMs = Math.min(this.#backOffMs * 2, lastBackOffMs);
      this.options.say(
        `${this.options.name} ended (${signal ?? `exit code ${code}`}); starting it again in ${delayMs / 1000} s (log: ${this.options.logFile})`,
      );
      this.#restart = setTimeout(() => {
        this.restarts++;
        this.#spawn();
      }, delayMs);
    });
  }

  #line(line: string): void {
    this.#log?.write(`[${this.options.name}] ${line}\n`);
    this.#tail = [...this.#tail.slice(-7), line];
    if (!isForTerminal(line)) return;
    if (this.#isStarting) this.#held.push(`${this.options.name}: ${line}`);
    else this.options.say(`${this.options.name}: ${line}`);
  }

  /** Resolves when the process is gone; after `limitMs` it is killed. */
  async stop(limitMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const drained = new Promise<void>((resolve) => child.once('close', () => resolve()));
      child.kill(this.options.stopSignal ?? 'SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
      await gone;
      clearTimeout(limit);
      // Its last lines; a grandchild that holds the pipe must not hold us.
      await Promise.race([drained, wait(200)]);
    }
    const log = this.#log;
    this.#log = undefined;
    if (log !== undefined) await new Promise<void>((resolve) => log.end(() => resolve()));
  }
}

/** Warnings, errors, and what is no log line of ours: a crash's last words. */
function isForTerminal(line: string): boolean {
  const level = /^time=\S+ level=(\w+)/.exec(line)?.[1];
  return level === undefined ? line.trim() !== '' : level === 'WARN' || level === 'ERROR';
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}

function setAsideLargeLog(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > logLimitBytes) renameSync(file, `${file}.1`);
}

/** Plain `node:http` and no agent: `fetch` would keep a whole HTTP client in memory for a question asked a few times. */
function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = get(`${url}/-/ready`, { agent: false, timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.on('timeout', () => call.destroy()).on('error', () => resolve(false));
  });
}
