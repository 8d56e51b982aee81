/**
 * The `lock` file of a data folder. The original holds it with flock(2), which Node cannot call; we write our process id and
 * start time into it instead, and ask /proc/locks whether someone holds a flock on it. So two of ours exclude each other, and
 * we keep out of a folder that the original has open; the original does not see us (README, "differs").
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { StorageError } from '../errors.ts';

export function lockFile(path: string): () => Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, ownIdentity(), { flag: 'wx' });
      return async () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = flockHolder(path) ?? livingOwner(path);
    if (holder !== undefined) {
      throw new StorageError('locked', `${path} is held by process ${holder}; stop it, or use another folder`, { path, pid: holder });
    }
    removeStale(path);
  }
  throw new StorageError('locked', `${path} was taken by another process at the same moment`, { path });
}

/** Left behind by a process that was killed. Another one may be doing the same and have its own lock there by now: that is put back. */
function removeStale(path: string): void {
  const aside = `${path}.${process.pid}`;
  const stale = readFileSync(path, 'utf8');
  renameSync(path, aside);
  if (readFileSync(aside, 'utf8') === stale) rmSync(aside);
  else renameSync(aside, path);
}

function ownIdentity(): string {
  return `${process.pid} ${startOf(process.pid) ?? ''}\n`;
}

/** A process id may be given again after a restart of the machine: the start time tells the two apart. */
function livingOwner(path: string): number | undefined {
  const [pidText, start] = readFileSync(path, 'utf8').trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const now = startOf(pid);
  if (now !== undefined) return start === undefined || start === now ? pid : undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

/** Start time in clock ticks since boot: field 22 of /proc/PID/stat, counted behind the name, which may hold blanks. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function flockHolder(path: string): number | undefined {
  try {
    const { ino } = statSync(path);
    for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
      const [, kind, , , pid, file] = line.trim().split(/\s+/);
      if (kind === 'FLOCK' && file?.endsWith(`:${ino}`)) return Number(pid);
    }
  } catch {
    // No /proc, no answer.
  }
  return undefined;
}
