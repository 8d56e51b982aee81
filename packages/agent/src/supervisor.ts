/**
 * The process containerizer. A command runs under a supervisor, a POSIX shell of a few lines in a session of its own, which
 * outlives the agent: it waits for the command and leaves the exit status in the sandbox, where an agent that was restarted
 * finds it (docs/architecture.md, "a task"). The shell costs under 1 MiB of private memory.
 *
 * What a shell cannot tell: a command that *exits* with 128 + n and one *killed* by signal n look the same to it. We
 * report the signal, as shells do.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '@pronoia/server';
import { readCommandLine, readProcess, readProcesses, signal } from './processes.ts';
import { Sweeper } from './sweeper.ts';

export type ContainerExit =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'signaled'; readonly signal: NodeJS.Signals }
  /** The supervisor vanished without leaving a status: nobody knows how the command ended. */
  | { readonly kind: 'lost' };

export interface ContainerCommand {
  readonly containerId: string;
  readonly sandbox: string;
  /** `argv[0]` is an absolute path. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Marks every process of a container in its environment. */
export const CONTAINER_ID_VARIABLE = 'PRONOIA_CONTAINER_ID';
export const EXIT_STATUS_FILE = '.exit_status';

const SUPERVISOR = 'pronoia-supervisor';

// Signals are caught, not ignored: a caught signal is back at its default in the command, an ignored one would stay ignored.
// The newline that echo writes last tells a reader that the status is complete.
const SCRIPT = `trap : HUP INT QUIT TERM USR1 USR2
shift
"$@"
code=$?
echo "$code" > ${EXIT_STATUS_FILE}`;

const sweeper = new Sweeper(CONTAINER_ID_VARIABLE);

/** Between two looks for a command that is about to be started. */
const STARTING_MS = 20;

/** How often an adopted supervisor, which is not our child, is looked at. */
const ADOPTED_POLL_MS = 1_000;

export class Container {
  readonly containerId: string;
  readonly sandbox: string;
  readonly pid: number;
  readonly exited: Promise<ContainerExit>;
  readonly #clock: Clock;
  readonly #isAdopted: boolean;
  #hasExited = false;
  #killing: Timer | undefined;
  #terminating: Timer | undefined;
  #poll: Timer | undefined;

  private constructor(
    containerId: string,
    sandbox: string,
    pid: number,
    clock: Clock,
    isAdopted: boolean,
    whenSupervisorEnds: (container: Container) => Promise<void>,
  ) {
    this.containerId = containerId;
    this.sandbox = sandbox;
    this.pid = pid;
    this.#clock = clock;
    this.#isAdopted = isAdopted;
    this.exited = whenSupervisorEnds(this).then(() => this.#conclude());
  }

  /** Starts the command. Throws when the supervisor cannot be started. */
  static async launch(command: ContainerCommand, clock: Clock): Promise<Container> {
    rmSync(join(command.sandbox, EXIT_STATUS_FILE), { force: true });
    const stdout = openSync(join(command.sandbox, 'stdout'), 'a', 0o644);
    const stderr = openSync(join(command.sandbox, 'stderr'), 'a', 0o644);
    try {
      const child = spawn('/bin/sh', ['-c', SCRIPT, SUPERVISOR, command.containerId, ...command.argv], {
        cwd: command.sandbox,
        env: { ...command.environment, [CONTAINER_ID_VARIABLE]: command.containerId },
        detached: true, // setsid: a session of its own, which ends with nobody else's
        stdio: ['ignore', stdout, stderr],
        ...command.user,
      });
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.unref();
      return new Container(command.containerId, command.sandbox, child.pid as number, clock, false, () => ended);
    } finally {
      closeSync(stdout);
      closeSync(stderr);
    }
  }

  /** Takes over a container that an earlier agent process launched; `pid` 0 when its supervisor is gone. */
  static adopt(containerId: string, sandbox: string, pid: number, clock: Clock): Container {
    return new Container(containerId, sandbox, pid, clock, true, (container) => container.#watch());
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** SIGTERM to the whole tree, after the grace SIGKILL. The outcome arrives by `exited`. */
  kill(graceMs: number): void {
    if (this.#hasExited) return;
    this.#killing?.cancel();
    if (graceMs > 0) {
      this.#terminate();
      this.#killing = this.#clock.setTimer(graceMs, () => this.#destroy());
    } else this.#destroy();
  }

  /** Stops watching; the container itself goes on. */
  release(): void {
    this.#killing?.cancel();
    this.#terminating?.cancel();
    this.#poll?.cancel();
  }

  /**
   * SIGTERM to what the supervisor has started. Not to its group: a signal that meets the shell between fork and exec is lost, and the
   * command would then live until the grace is over. When nothing has been started yet, that is waited for.
   */
  #terminate(): void {
    sweeper.find(this, (pids) => {
      if (this.#hasExited) return;
      const started = pids.filter((pid) => pid !== this.pid && !isSupervisor(pid, this.containerId));
      for (const pid of started) signal(pid, 'SIGTERM');
      if (started.length === 0) this.#terminating = this.#clock.setTimer(STARTING_MS, () => this.#terminate());
    });
  }

  /** The supervisor is spared at first, so that it can still write how the command ended. */
  #destroy(): void {
    let attempts = 0;
    const again = (): void => {
      if (this.#hasExited) return;
      const spared = attempts++ < 4 ? this.pid : 0;
      sweeper.find(this, (pids) => {
        if (this.#hasExited) return;
        for (const pid of pids) if (pid !== spared) signal(pid, 'SIGKILL');
        this.#killing = this.#clock.setTimer(Math.min(1_000, 50 * attempts), again);
      });
    };
    again();
  }

  #watch(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (isSupervisor(this.pid, this.containerId) && readProcess(this.pid)?.isZombie === false) {
          this.#poll = this.#clock.setTimer(ADOPTED_POLL_MS, look);
        } else resolve();
      };
      look();
    });
  }

  /** The supervisor has ended: whatever is left of its tree goes too, and the status tells the rest. */
  #conclude(): ContainerExit {
    this.#hasExited = true;
    this.#killing?.cancel();
    // What is left of its group goes at once, what has left the group with the next sweep.
    // (The supervisor of an adopted container ended some time ago, and its pid may be somebody else's by now: there only the marks count.)
    if (!this.#isAdopted) signal(-this.pid, 'SIGKILL');
    sweeper.find(this.#isAdopted ? { containerId: this.containerId, pid: 0 } : this, (pids) => {
      for (const pid of pids) signal(pid, 'SIGKILL');
    });
    return readExit(this.sandbox);
  }
}

export function readExit(sandbox: string): ContainerExit {
  let text: string;
  try {
    text = readFileSync(join(sandbox, EXIT_STATUS_FILE), 'latin1');
  } catch {
    return { kind: 'lost' };
  }
  if (!/^\d{1,3}\n$/.test(text)) return { kind: 'lost' };
  const status = Number(text);
  const name = status > 128 ? signalName(status - 128) : undefined;
  return name === undefined ? { kind: 'exited', status } : { kind: 'signaled', signal: name };
}

function signalName(number: number): NodeJS.Signals | undefined {
  const entry = Object.entries(constants.signals).find(([, value]) => value === number);
  return entry?.[0] as NodeJS.Signals | undefined;
}

function isSupervisor(pid: number, containerId: string): boolean {
  const argv = readCommandLine(pid);
  return argv[3] === SUPERVISOR && argv[4] === containerId;
}

/** Supervisors that run on this host, by container id: how a restarted agent finds what it had launched. */
export function findSupervisors(): Map<string, number> {
  const found = new Map<string, number>();
  for (const { pid, session } of readProcesses().values()) {
    if (pid !== session) continue;
    const argv = readCommandLine(pid);
    if (argv[3] === SUPERVISOR && argv[4] !== undefined) found.set(argv[4], pid);
  }
  return found;
}
