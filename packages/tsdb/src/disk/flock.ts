/**
 * A lock that the original respects: flock(2), which Node cannot call. A child holds it for us — `flock` of util-linux, which becomes
 * `cat` — for as long as its standard input is open: until we let go or die, however we die. In a process group of its own, so that
 * Ctrl-C ends us and not our lock before us.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** Flock's answer when another process has the lock. */
const conflictCode = 75;

/** Lets go of the lock; `held` when another process has it; undefined where there is no `flock`. */
export function holdFlock(path: string): Promise<(() => Promise<void>) | 'held' | undefined> {
  return new Promise((resolve) => {
    const child = spawn('flock', ['--nonblock', '--no-fork', '--conflict-exit-code', String(conflictCode), path, 'cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
      cwd: '/',
    });
    const ended = new Promise<void>((resolveEnd) => {
      child.once('error', () => {
        resolve(undefined);
        resolveEnd();
      });
      child.once('exit', (code) => {
        resolve(code === conflictCode ? 'held' : undefined);
        resolveEnd();
      });
    });
    child.stdin.on('error', () => undefined);
    // What comes back was read by `cat`, which runs with the lock only.
    child.stdout.once('data', () => {
      child.stdout.destroy();
      resolve(async () => {
        child.ref();
        child.stdin.destroy();
        await ended;
      });
      // Waiting for it must not keep our process alive.
      child.unref();
      (child.stdin as Socket).unref();
    });
    child.stdin.write('held\n');
  });
}
