/**
 * The `lock` file of a data folder. We write our process id and start time into it, so that two of ours exclude each other, and ask
 * /proc/locks whether someone holds a flock on it, as the original does. Where there is a `flock` program, it holds one for us, so
 * that the original keeps out, too (flock.ts).
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { StorageError } from '../errors.ts';
import { holdFlock } from './flock.ts';

const retryMs = 20;
const mostAttempts = 100;

export async function lockFile(path: string): Promise<() => Promise<void>> {
  const removeFile = await takeFile(path);
  const release = await holdFlock(path);
  if (release === 'held') {
    await removeFile();
    throw new StorageError('locked', `${path} is held by process ${flockHolder(path) ?? '?'}; stop it, or use another folder`, { path });
  }
  return async () => {
    await release?.();
    await removeFile();
  };
}

async function takeFile(path: string): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, ownIdentity(), { flag: 'wx' });
      return async () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = livingOwner(path);
    const holder = owner ?? flockHolder(path);
    if (holder === undefined) {
      if (attempt > mostAttempts) throw new StorageError('locked', `${path} was taken by another process at the same moment`, { path });
      removeStale(path);
      continue;
    }
    // The flock of one of ours that was killed outlasts it by a moment.
    if (owner === undefined && attempt < mostAttempts && isOwnForm(path)) {
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      continue;
    }
    throw new StorageError('locked', `${path} is held by process ${holder}; stop it, or use another folder`, { path, pid: holder });
  }
}

/** Left behind by a process that was killed. Another one may be doing the same and have its own lock there by now: that is put back. */
function removeStale(path: string): void {
  const aside = `${path}.${process.pid}`;
  // Its owner may just have let go of it.
  if (!existsSync(path)) return;
  const stale = readFileSync(path, 'utf8');
  renameSync(path, aside);
  if (readFileSync(aside, 'utf8') === stale) rmSync(aside);
  else renameSync(aside, path);
}

function ownIdentity(): string {
  return `${process.pid} ${startOf(process.pid) ?? ''}\n`;
}

/** Whether one of ours wrote it; the original leaves it empty. */
function isOwnForm(path: string): boolean {
  try {
    return /^\d+ \d*\n$/.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

/** A process id may be given again after a restart of the machine: the start time tells the two apart. */
function livingOwner(path: string): number | undefined {
  const [pidText, start] = (existsSync(path) ? readFileSync(path, 'utf8') : '').trim().split(' ');
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
