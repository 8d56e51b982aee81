/**
 * Files that several tasks fetch are kept (mesos.md §9.7): `cache: true` brings a file once per user and URI. What nobody is copying at
 * the moment may be thrown out, the longest unused first, so that the whole stays within its bound. It starts empty with the agent.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

interface Entry {
  readonly path: string;
  sizeBytes: number;
  users: number;
  readonly ready: Promise<void>;
}

export interface CachedFile {
  readonly path: string;
  /** It may be thrown out from now on. */
  release(): void;
}

export class FetchCache {
  readonly limitBytes: number;
  readonly #folder: string;
  /** The longest unused comes first. */
  readonly #entries = new Map<string, Entry>();
  #usedBytes = 0;
  #count = 0;

  constructor(folder: string, limitBytes: number) {
    this.#folder = folder;
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Removes what an earlier agent process left: nobody knows any more what it is. */
  clear(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Undefined: there is no room for it. Two that want the same file wait for one `bring`. */
  async take(key: string, name: string, sizeBytes: number, bring: (to: string) => Promise<void>): Promise<CachedFile | undefined> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (!this.#makeRoom(sizeBytes)) return undefined;
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const path = join(this.#folder, `c${String(++this.#count).padStart(4, '0')}-${name.slice(-80)}`);
      entry = { path, sizeBytes, users: 0, ready: bring(path) };
      this.#usedBytes += sizeBytes;
    }
    // It is the last used now.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    try {
      await entry.ready;
      // What came may be larger than what was promised.
      const { size } = await stat(entry.path);
      this.#usedBytes += size - entry.sizeBytes;
      entry.sizeBytes = size;
    } catch (error) {
      entry.users--;
      if (this.#entries.get(key) === entry) {
        this.#entries.delete(key);
        this.#usedBytes -= entry.sizeBytes;
        await rm(entry.path, { force: true });
      }
      throw error;
    }
    const taken = entry;
    return { path: taken.path, release: () => void taken.users-- };
  }

  #makeRoom(sizeBytes: number): boolean {
    let free = this.limitBytes - this.#usedBytes;
    const victims: string[] = [];
    for (const [key, entry] of this.#entries) {
      if (free >= sizeBytes) break;
      if (entry.users > 0) continue;
      victims.push(key);
      free += entry.sizeBytes;
    }
    if (free < sizeBytes) return false;
    for (const key of victims) {
      const entry = this.#entries.get(key) as Entry;
      this.#entries.delete(key);
      this.#usedBytes -= entry.sizeBytes;
      rmSync(entry.path, { force: true });
    }
    return true;
  }
}
