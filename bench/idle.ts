/**
 * What `pronoia up` costs while nothing runs: resident memory and CPU of each of its processes, over a minute after half a
 * minute of settling. Figures are the kernel's own (/proc/PID/smaps_rollup, /proc/PID/stat).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const settleMs = 30_000;
const measureMs = 60_000;
/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

interface Figures {
  readonly name: string;
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly cpuSeconds: number;
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function family(root: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const parents = new Map<number, number>();
  for (const pid of pids) {
    try {
      parents.set(pid, parentOf(pid));
    } catch {
      // Ended between the listing and the reading.
    }
  }
  const members = [root];
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (members.includes(parent) && !members.includes(pid)) {
        members.push(pid);
        grown = true;
      }
    }
  }
  return members;
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}

function figures(pid: number): Figures {
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    name: command[command.findIndex((word) => word.endsWith('main.js')) + 1] ?? String(pid),
    rssBytes: kilobytes(memory, 'Rss') * 1024,
    pssBytes: kilobytes(memory, 'Pss') * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
  };
}

async function ready(child: ChildProcess): Promise<void> {
  let seen = '';
  for await (const chunk of child.stdout as NodeJS.ReadableStream) {
    seen += String(chunk);
    if (seen.includes('Ctrl-C')) return;
  }
  throw new Error(`pronoia up ended before it was ready: ${seen}`);
}

export default async function idle(): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), 'pronoia-idle-'));
  const program = fileURLToPath(new URL('../packages/cli/dist/main.js', import.meta.url));
  const ports = ['master', 'agent', 'monitor', 'alertmanager'].flatMap((name) => [`--${name}-port`, '0']);
  const child = spawn(process.execPath, [program, 'up', '--data', data, ...ports], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await ready(child);
    await wait(settleMs);
    const pids = family(child.pid as number);
    const before = new Map(pids.map((pid) => [pid, figures(pid)]));
    await wait(measureMs);
    const rows = pids.map((pid) => {
      const after = figures(pid);
      const cpuPercent = ((after.cpuSeconds - (before.get(pid) as Figures).cpuSeconds) / (measureMs / 1000)) * 100;
      return { ...after, cpuPercent };
    });
    const sum = (pick: (row: (typeof rows)[number]) => number): number => rows.reduce((total, row) => total + pick(row), 0);
    const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
    const lines = rows.map((row) => `| ${row.name} | ${mib(row.rssBytes)} | ${mib(row.pssBytes)} | ${row.cpuPercent.toFixed(2)} |`);
    return [
      `All of \`pronoia up\` at rest, ${measureMs / 1000} s after ${settleMs / 1000} s of settling; aim: below 400 MB and 2 % of a core together.`,
      'RSS counts the pages that processes share (the Node.js program itself) once each; PSS divides them.',
      '',
      '| process | RSS MiB | PSS MiB | CPU % of a core |',
      '| --- | ---: | ---: | ---: |',
      ...lines,
      `| **together** | **${mib(sum((row) => row.rssBytes))}** | **${mib(sum((row) => row.pssBytes))}** | **${sum((row) => row.cpuPercent).toFixed(2)}** |`,
    ].join('\n');
  } finally {
    child.kill('SIGINT');
    await new Promise((done) => child.once('exit', done));
    rmSync(data, { recursive: true, force: true });
  }
}
