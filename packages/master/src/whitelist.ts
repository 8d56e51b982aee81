/** `--whitelist`: a file of host names, one a line; only agents of these hosts are offered. Read again every 5 s (mesos.md §8.6). */
import { readFileSync } from 'node:fs';
import type { Clock, Logger, Timer } from '@pronoia/server';

const everyMs = 5000;

/** Undefined: every host. A file that cannot be read is as it was before. */
export function hostsOf(text: string): ReadonlySet<string> | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.includes('*') ? undefined : new Set(lines);
}

export class Whitelist {
  readonly #options: { path: string; clock: Clock; log: Logger; onHosts: (hosts: ReadonlySet<string> | undefined) => void };
  #text: string | undefined;
  #timer: Timer | undefined;

  constructor(options: { path: string; clock: Clock; log: Logger; onHosts: (hosts: ReadonlySet<string> | undefined) => void }) {
    this.#options = { ...options, path: options.path.replace(/^file:\/\//, '') };
  }

  /** Tells what the file says now, and again whenever it says something else. */
  start(): void {
    this.#look();
  }

  /** A new leader's state does not know it yet. */
  tellAgain(): void {
    if (this.#text !== undefined) this.#options.onHosts(hostsOf(this.#text));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { path, clock, log, onHosts } = this.#options;
    try {
      const text = readFileSync(path, 'utf8');
      if (text !== this.#text) {
        this.#text = text;
        onHosts(hostsOf(text));
      }
    } catch (error) {
      log.warn({ err: error, path }, 'The whitelist cannot be read; it stays as it was');
    }
    this.#timer = clock.setTimer(everyMs, () => this.#look());
  }
}
