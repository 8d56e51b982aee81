/** The `pronoia` command as a user runs it: from the build, in a folder of its own, on free ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const program = join(import.meta.dirname, '../../packages/cli/dist/main.js');
export const freePorts = ['--master-port=0', '--agent-port=0', '--monitor-port=0', '--alertmanager-port=0'];

export class Pronoia {
  readonly child: ChildProcess;
  output = '';
  readonly exit: Promise<number | null>;

  /** `args` of `pronoia`; or a whole program of the checkout and its arguments, as `['scripts/start.mjs', '--once']`. */
  constructor(folder: string, ...args: string[]) {
    const [first = '', ...rest] = args;
    const command = first.endsWith('.mjs') ? [join(import.meta.dirname, '../..', first), ...rest] : [program, ...args];
    this.child = spawn(process.execPath, command, {
      cwd: folder,
      // Some machines (those with CI in their environment) ask for colours even where nobody looks.
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Decoded by the stream, which waits for the rest of a character that was cut in two.
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Resolves when `pattern` has been printed. */
  async printed(pattern: RegExp, limitMs = 60_000): Promise<RegExpExecArray> {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const found = pattern.exec(this.output);
      if (found !== null) return found;
      if (performance.now() > untilMs) throw new Error(`${pattern} was not printed within ${limitMs} ms, but:\n${this.output}`);
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode} before ${pattern} was printed:\n${this.output}`);
      await wait(50);
    }
  }

  /** From the table of URLs. */
  async url(name: string): Promise<string> {
    return (await this.printed(new RegExp(`^ *${name} +(http://\\S+)$`, 'm')))[1] as string;
  }
}

/** Ids of processes whose command line or working directory mentions `folder`. */
export function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && (readProc(pid, 'cmdline').includes(folder) || workingFolder(pid).startsWith(folder)));
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export async function query(monitor: string, expression: string): Promise<Series[]> {
  const answer = await fetch(`${monitor}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const { data, error } = (await answer.json()) as { data?: { result: Series[] }; error?: string };
  if (data === undefined) throw new Error(`${expression}: ${error}`);
  return data.result;
}

export async function until<T>(what: string, look: () => Promise<T | undefined | false>, limitMs = 30_000): Promise<T> {
  const untilMs = performance.now() + limitMs;
  let fault = '';
  while (performance.now() < untilMs) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      fault = `: ${(error as Error).message}`;
    }
    await wait(100);
  }
  throw new Error(`${what}: not within ${limitMs} ms${fault}`);
}
