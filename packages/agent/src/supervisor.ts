/**
 * The process containerizer. A command runs under a supervisor, a POSIX shell of a few lines in a session of its own, which
 * outlives the agent: it waits for the command and leaves the exit status in the sandbox, where an agent that was restarted
 * finds it (docs/architecture.md, "a task"). The shell costs under 1 MiB of private memory.
 *
 * What a shell cannot tell: a command that *exits* with 128 + n and one *killed* by signal n look the same to it. We
 * report the signal, as shells do.
 */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, constants as fsConstants, openSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ResourceStatistics, TTYInfo } from '@pronoia/mesos';
import type { Clock, Timer } from '@pronoia/server';
import type { Container, ContainerExit, ContainerIo, ExecSpec, Quantities } from './containerizer.ts';
import { processTrees, readCommandLine, readProcess, readProcesses, signal } from './processes.ts';
import { Sweeper } from './sweeper.ts';

export interface SupervisedCommand {
  readonly containerId: string;
  readonly sandbox: string;
  /** `argv[0]` is an absolute path. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Shell commands that the supervisor runs first, as root if the agent is: it enters control groups, it sets limits. */
  readonly prelude?: readonly string[];
  readonly tty?: TTYInfo;
  readonly isPiped?: boolean;
}

/** What the containerizer that launched a container adds to its supervisor. */
export interface Surroundings {
  readonly exec?: (command: ExecSpec, signal: AbortSignal) => Promise<number>;
  readonly enter?: (command: ExecSpec) => readonly string[];
  readonly limit?: (quantities: Quantities) => void;
  readonly statistics?: () => Partial<ResourceStatistics>;
  /** All processes inside, when something knows them better than /proc does. */
  readonly processes?: () => readonly number[];
  /** The container has ended: clean up behind it, and say whether a limit ended it. */
  readonly conclude?: (exit: ContainerExit) => ContainerExit;
}

/** Marks every process of a container in its environment. */
export const CONTAINER_ID_VARIABLE = 'PRONOIA_CONTAINER_ID';
export const EXIT_STATUS_FILE = '.exit_status';
/** A named pipe: the input of a container with a terminal. */
const INPUT_FILE = '.stdin';

const SUPERVISOR = 'pronoia-supervisor';

// Signals are caught, not ignored: a caught signal is back at its default in the command, an ignored one would stay ignored.
// The newline that echo writes last tells a reader that the status is complete.
const script = (prelude: readonly string[]): string => `trap : HUP INT QUIT TERM USR1 USR2
shift
${prelude.map((line) => `${line} || { echo 125 > ${EXIT_STATUS_FILE}; exit 125; }\n`).join('')}"$@"
code=$?
echo "$code" > ${EXIT_STATUS_FILE}`;

const sweeper = new Sweeper(CONTAINER_ID_VARIABLE);

/** Between two looks for a command that is about to be started. */
const STARTING_MS = 20;

/** How often an adopted supervisor, which is not our child, is looked at. */
const ADOPTED_POLL_MS = 1_000;

export class SupervisedContainer implements Container {
  readonly containerId: string;
  readonly sandbox: string;
  readonly pid: number;
  readonly exited: Promise<ContainerExit>;
  readonly io: ContainerIo | undefined;
  readonly #clock: Clock;
  readonly #isAdopted: boolean;
  readonly #surroundings: Surroundings;
  #hasExited = false;
  #isReleased = false;
  #killedAtMs: number | undefined;
  #killing: Timer | undefined;
  #terminating: Timer | undefined;
  #poll: Timer | undefined;

  private constructor(
    id: { readonly containerId: string; readonly sandbox: string; readonly pid: number },
    clock: Clock,
    surroundings: Surroundings,
    ended: Promise<void> | undefined,
    io: ContainerIo | undefined,
  ) {
    this.containerId = id.containerId;
    this.sandbox = id.sandbox;
    this.pid = id.pid;
    this.io = io;
    this.#clock = clock;
    this.#surroundings = surroundings;
    this.#isAdopted = ended === undefined;
    this.exited = (ended ?? this.#watch()).then(() => this.#conclude());
  }

  /** Starts the command. Throws when the supervisor cannot be started. */
  static async launch(command: SupervisedCommand, clock: Clock, surroundings: Surroundings = {}): Promise<SupervisedContainer> {
    const { containerId, sandbox, isPiped = false, tty } = command;
    rmSync(join(sandbox, EXIT_STATUS_FILE), { force: true });
    const prelude = command.prelude ?? [];
    // What the prelude does needs root, so only the command itself becomes the user.
    const asUser = command.user !== undefined && prelude.length > 0 ? setpriv(command.user) : [];
    const argv = tty === undefined ? command.argv : underTerminal(command.argv, tty);
    const files: number[] = [];
    const file = (name: string): number => {
      const fd = openSync(join(sandbox, name), 'a', 0o644);
      files.push(fd);
      return fd;
    };
    let input: number | undefined;
    try {
      if (tty !== undefined && !isPiped) {
        input = openInput(sandbox);
        files.push(input);
      }
      const stdio: SpawnOptions['stdio'] = isPiped ? ['pipe', 'pipe', 'pipe'] : [input ?? 'ignore', file('stdout'), file('stderr')];
      const child = spawn('/bin/sh', ['-c', script(prelude), SUPERVISOR, containerId, ...asUser, ...argv], {
        cwd: sandbox,
        env: { ...command.environment, [CONTAINER_ID_VARIABLE]: containerId },
        detached: true, // setsid: a session of its own, which ends with nobody else's
        stdio,
        ...(asUser.length > 0 ? {} : command.user),
      });
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      if (!isPiped) child.unref();
      const pid = child.pid as number;
      const io = isPiped
        ? pipes(pid, child.stdin as Writable, child.stdout as Readable, child.stderr as Readable)
        : tty === undefined
          ? undefined
          : terminal(pid, sandbox);
      return new SupervisedContainer({ containerId, sandbox, pid }, clock, surroundings, ended, io);
    } finally {
      for (const fd of files) closeSync(fd);
    }
  }

  /** Takes over a container that an earlier agent process launched; `pid` 0 when its supervisor is gone. */
  static adopt(
    id: { readonly containerId: string; readonly sandbox: string; readonly pid: number },
    clock: Clock,
    surroundings: Surroundings = {},
    hasTerminal = false,
  ): SupervisedContainer {
    return new SupervisedContainer(id, clock, surroundings, undefined, hasTerminal ? terminal(id.pid, id.sandbox) : undefined);
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  kill(graceMs: number): void {
    if (this.#hasExited) return;
    const nowMs = this.#clock.monotonic();
    const isFirst = this.#killedAtMs === undefined;
    this.#killedAtMs ??= nowMs;
    this.#killing?.cancel();
    const leftMs = this.#killedAtMs + graceMs - nowMs;
    if (leftMs > 0) {
      if (isFirst) this.#terminate();
      this.#killing = this.#clock.setTimer(leftMs, () => this.#destroy());
    } else this.#destroy();
  }

  signal(name: NodeJS.Signals): void {
    if (name === 'SIGKILL') return this.kill(0);
    this.#find((pids) => {
      for (const pid of pids) if (pid !== this.pid && !isSupervisor(pid, this.containerId)) signal(pid, name);
    });
  }

  exec(command: ExecSpec, abort: AbortSignal): Promise<number> {
    return this.#surroundings.exec?.(command, abort) ?? execBeside(this, command, abort);
  }

  enter(command: ExecSpec): readonly string[] | undefined {
    return this.#surroundings.enter?.(command);
  }

  limit(quantities: Quantities): void {
    this.#surroundings.limit?.(quantities);
  }

  statistics(): Partial<ResourceStatistics> {
    return this.#surroundings.statistics?.() ?? {};
  }

  release(): void {
    this.#isReleased = true;
    this.#killing?.cancel();
    this.#terminating?.cancel();
    this.#poll?.cancel();
  }

  /** Its processes: what /proc shows, and what its surroundings know of. */
  #find(answer: (pids: readonly number[]) => void): void {
    sweeper.find(this, (pids) => answer([...new Set([...pids, ...(this.#surroundings.processes?.() ?? [])])]));
  }

  /**
   * SIGTERM to what the supervisor has started. Not to its group: a signal that meets the shell between fork and exec is lost, and the
   * command would then live until the grace is over. When nothing has been started yet, that is waited for.
   */
  #terminate(): void {
    this.#find((pids) => {
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
      this.#find((pids) => {
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
    this.#terminating?.cancel();
    // Its end is the next agent's business then.
    if (this.#isReleased) return readExit(this.sandbox);
    // What is left of its group goes at once, what has left the group with the next sweep.
    // (The supervisor of an adopted container ended some time ago, and its pid may be somebody else's by now: there only the marks count.)
    if (!this.#isAdopted) signal(-this.pid, 'SIGKILL');
    for (const pid of this.#surroundings.processes?.() ?? []) signal(pid, 'SIGKILL');
    sweeper.find(this.#isAdopted ? { containerId: this.containerId, pid: 0 } : this, (pids) => {
      for (const pid of pids) signal(pid, 'SIGKILL');
    });
    const exit = readExit(this.sandbox);
    return this.#surroundings.conclude?.(exit) ?? exit;
  }
}

export const setpriv = (user: { readonly uid: number; readonly gid: number }): string[] => [
  '/usr/bin/setpriv',
  `--reuid=${user.uid}`,
  `--regid=${user.gid}`,
  '--clear-groups',
  '--',
];

/** Runs beside the container's own command, marked as its, in the sandbox. `prelude` as for a supervisor. */
export function execBeside(
  container: { readonly containerId: string; readonly sandbox: string },
  command: ExecSpec,
  abort: AbortSignal,
  prelude: readonly string[] = [],
): Promise<number> {
  const asUser = command.user !== undefined && prelude.length > 0 ? setpriv(command.user) : [];
  const text = `shift\n${prelude.map((line) => `${line} || exit 125\n`).join('')}exec "$@"`;
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', text, 'pronoia-exec', container.containerId, ...asUser, ...command.argv], {
      cwd: container.sandbox,
      env: { ...command.environment, [CONTAINER_ID_VARIABLE]: container.containerId },
      detached: true,
      stdio: 'ignore',
      ...(asUser.length > 0 ? {} : command.user),
    });
    const stop = (): void => {
      if (child.pid !== undefined) signal(-child.pid, 'SIGKILL');
    };
    abort.addEventListener('abort', stop, { once: true });
    child.once('error', (error) => {
      abort.removeEventListener('abort', stop);
      reject(error);
    });
    child.once('exit', (code, name) => {
      abort.removeEventListener('abort', stop);
      resolve(code ?? 128 + (name === null ? 0 : constants.signals[name]));
    });
  });
}

export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** `script` (util-linux) gives a terminal: its own output is ours, its input what we write. */
function underTerminal(argv: readonly string[], tty: TTYInfo): string[] {
  const size = tty.window_size;
  const sized = size === undefined ? '' : `stty rows ${size.rows} cols ${size.columns}; `;
  const command = `${sized}exec ${argv.map(shellQuoted).join(' ')}`;
  return ['/usr/bin/script', '--quiet', '--return', '--flush', '--echo', 'always', '--command', command, '/dev/null'];
}

/** A named pipe that is open for writing as long as the container reads it, so that no writer who leaves ends its input. */
function openInput(sandbox: string): number {
  const path = join(sandbox, INPUT_FILE);
  rmSync(path, { force: true });
  execFileSync('mkfifo', ['-m', '600', path]);
  return openSync(path, fsConstants.O_RDWR);
}

function terminal(pid: number, sandbox: string): ContainerIo {
  return {
    stdout: undefined,
    stderr: undefined,
    write(data) {
      try {
        const fd = openSync(join(sandbox, INPUT_FILE), fsConstants.O_WRONLY | fsConstants.O_NONBLOCK);
        try {
          writeSync(fd, data);
        } finally {
          closeSync(fd);
        }
      } catch {
        // It has ended, or reads nothing: what is typed then is lost, as on any terminal.
      }
    },
    end() {
      this.write(Buffer.from([4])); // ^D, as a terminal says it
    },
    resize: (rows, columns) => resizeTerminal(pid, rows, columns),
  };
}

function pipes(pid: number, stdin: Writable, stdout: Readable, stderr: Readable): ContainerIo {
  stdin.on('error', () => undefined); // The command may close its input whenever it likes.
  return {
    stdout,
    stderr,
    write: (data) => void stdin.write(data),
    end: () => void stdin.end(),
    resize: (rows, columns) => resizeTerminal(pid, rows, columns),
  };
}

/** The terminal is the one that a process of the tree has as its input. */
function resizeTerminal(pid: number, rows: number, columns: number): void {
  for (const entry of processTrees(readProcesses(), new Set([pid])).get(pid) ?? []) {
    let device: string;
    try {
      device = readlinkSync(`/proc/${entry.pid}/fd/0`);
    } catch {
      continue;
    }
    if (!device.startsWith('/dev/pts/')) continue;
    try {
      execFileSync('stty', ['-F', device, 'rows', String(rows), 'cols', String(columns)], { stdio: 'ignore' });
    } catch {
      // It has ended meanwhile.
    }
    return;
  }
}

export function readExit(sandbox: string): ContainerExit {
  let text: string;
  try {
    text = readFileSync(join(sandbox, EXIT_STATUS_FILE), 'latin1');
  } catch {
    return { kind: 'lost' };
  }
  return /^\d{1,3}\n$/.test(text) ? exitOf(Number(text)) : { kind: 'lost' };
}

/** 128 + n is taken for death by signal n, as shells and engines tell it. */
export function exitOf(status: number): ContainerExit {
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
