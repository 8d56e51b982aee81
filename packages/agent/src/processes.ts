/**
 * The host's process table, read from `/proc` (proc(5)). A container is the tree under its supervisor: everything in the
 * supervisor's session, and everything whose chain of parents leads there. A process that left both by a double fork and
 * setsid is still found by the container id in its environment, which is looked at only when a container is destroyed.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Times are clock ticks of 1/100 s (USER_HZ is 100 on every Linux); `cpu…` includes children that were waited for. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly session: number;
  readonly isZombie: boolean;
  readonly cpuUserTicks: number;
  readonly cpuSystemTicks: number;
  readonly threads: number;
  readonly rssPages: number;
}

export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

export const TICKS_PER_SECOND = 100;

/** One line of `/proc/PID/stat`. The command name may hold spaces and parentheses, so fields count from the last `)`. */
export function parseStat(text: string): ProcessEntry | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const field = (n: number): number => Number(fields[n - 3] ?? Number.NaN);
  const pid = Number(text.slice(0, open));
  if (!Number.isSafeInteger(pid) || fields.length < 22) return undefined;
  return {
    pid,
    parentPid: field(4),
    session: field(6),
    isZombie: fields[0] === 'Z',
    cpuUserTicks: field(14) + field(16),
    cpuSystemTicks: field(15) + field(17),
    threads: field(20),
    rssPages: Math.max(0, field(24)),
  };
}

export function readProcesses(): ProcessTable {
  const table = new Map<number, ProcessEntry>();
  for (const name of readdirSync('/proc')) {
    if (name.charCodeAt(0) < 48 || name.charCodeAt(0) > 57) continue;
    const entry = readProcess(Number(name));
    if (entry !== undefined) table.set(entry.pid, entry);
  }
  return table;
}

/** Undefined when there is no such process (any more). */
export function readProcess(pid: number): ProcessEntry | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Trees of all the given supervisors in one pass over the table; a supervisor's own entry is in its tree. */
export function processTrees(table: ProcessTable, supervisorPids: ReadonlySet<number>): Map<number, ProcessEntry[]> {
  const trees = new Map<number, ProcessEntry[]>();
  const rootByPid = new Map<number, number>();
  // Not recursive: a chain of parents may be as long as the host allows processes.
  const rootOf = (entry: ProcessEntry): number => {
    const chain: number[] = [];
    let root = 0;
    for (let at: ProcessEntry | undefined = entry; at !== undefined; at = table.get(at.parentPid)) {
      const known = rootByPid.get(at.pid);
      if (known !== undefined) root = known;
      else if (supervisorPids.has(at.pid)) root = at.pid;
      else if (supervisorPids.has(at.session)) root = at.session;
      if (known !== undefined || root !== 0) break;
      rootByPid.set(at.pid, 0); // Also ends a loop in a table that changed while it was read.
      chain.push(at.pid);
    }
    for (const pid of chain) rootByPid.set(pid, root);
    rootByPid.set(entry.pid, root);
    return root;
  };
  for (const entry of table.values()) {
    const root = rootOf(entry);
    if (root === 0) continue;
    const tree = trees.get(root);
    if (tree === undefined) trees.set(root, [entry]);
    else tree.push(entry);
  }
  return trees;
}

/** Pids by the value of an environment variable; processes of other users that we may not look into are not found. */
export function readEnvironments(variable: string): Map<string, number[]> {
  const pidsByValue = new Map<string, number[]>();
  const prefix = `${variable}=`;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    let environment: string;
    try {
      environment = readFileSync(`/proc/${name}/environ`, 'latin1');
    } catch {
      continue; // Gone, or not ours.
    }
    let from = environment.startsWith(prefix) ? 0 : environment.indexOf(`\0${prefix}`) + 1;
    if (from === 0 && !environment.startsWith(prefix)) continue;
    from += prefix.length;
    const end = environment.indexOf('\0', from);
    const value = environment.slice(from, end < 0 ? undefined : end);
    const pids = pidsByValue.get(value);
    if (pids === undefined) pidsByValue.set(value, [pid]);
    else pids.push(pid);
  }
  return pidsByValue;
}

/** The environment of one process; empty when it is gone, or not ours. */
export function readEnvironment(pid: number): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return {};
  }
  const environment: Record<string, string> = {};
  for (const entry of text.split('\0')) {
    const at = entry.indexOf('=');
    if (at > 0) environment[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return environment;
}

/** The command line, one element per argument; empty for kernel threads and processes that are gone. */
export function readCommandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

/** True when the signal was delivered. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

let pageSize = 0;

/** Bytes per page of this machine. */
export function pageSizeBytes(): number {
  if (pageSize === 0) {
    try {
      const match = /^KernelPageSize:\s*(\d+) kB/m.exec(readFileSync('/proc/self/smaps', 'latin1'));
      pageSize = match?.[1] === undefined ? 4096 : Number(match[1]) * 1024;
    } catch {
      pageSize = 4096;
    }
  }
  return pageSize;
}
