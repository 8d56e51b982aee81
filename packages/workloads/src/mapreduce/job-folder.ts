/**
 * The output folder while a job runs and when it ends (mapreduce.md §8):
 *
 *     OUT/_temporary/job.json                     what attempts are started with; mode 0600, it holds the token
 *     OUT/_temporary/1/_temporary/ATTEMPT/part-…  one folder for each attempt that writes
 *     OUT/_temporary/1/TASK/part-…                the one attempt that was granted the commit, renamed
 *     OUT/part-…  OUT/_SUCCESS                    when all is done; _SUCCESS last
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errors } from './errors.ts';

export class JobFolder {
  readonly path: string;
  readonly #temporary: string;
  readonly #tasks: string;

  private constructor(path: string) {
    this.path = path;
    this.#temporary = join(path, '_temporary');
    this.#tasks = join(this.#temporary, '1');
  }

  /** Makes the folder; it must not be there yet. */
  static create(output: string): JobFolder {
    const path = resolve(output);
    if (existsSync(path)) throw errors.fail('output_exists', { path: output });
    try {
      mkdirSync(dirname(path), { recursive: true });
      mkdirSync(path);
      const folder = new JobFolder(path);
      mkdirSync(join(folder.#tasks, '_temporary'), { recursive: true });
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw errors.fail('output_exists', { path: output }, error);
      throw errors.fail('output_failed', { path: output, reason: (error as Error).message }, error);
    }
  }

  get jobFile(): string {
    return join(this.#temporary, 'job.json');
  }

  writeJobFile(content: object): void {
    writeFileSync(this.jobFile, JSON.stringify(content), { mode: 0o600 });
  }

  attemptFolder(attemptId: string): string {
    return join(this.#tasks, '_temporary', attemptId);
  }

  /** One rename: the attempt's whole folder becomes the task's. */
  commitTask(attemptId: string, taskId: string): void {
    const from = this.attemptFolder(attemptId);
    // An attempt without any output has no folder, and is as good.
    mkdirSync(from, { recursive: true });
    renameSync(from, join(this.#tasks, taskId));
  }

  discard(attemptId: string): void {
    rmSync(this.attemptFolder(attemptId), { recursive: true, force: true });
  }

  /**
   * Everything that was committed moves to its place, then `_SUCCESS` says so. Repeatable: what a first try had moved already is kept.
   * Returns the part files, sorted.
   */
  commitJob(): string[] {
    const parts: string[] = [];
    for (const task of readdirSync(this.#tasks)) {
      if (task === '_temporary') continue;
      for (const name of readdirSync(join(this.#tasks, task))) {
        const target = join(this.path, name);
        if (existsSync(target)) throw errors.fail('output_failed', { path: target, reason: 'two tasks wrote a file of this name' });
        renameSync(join(this.#tasks, task, name), target);
        if (statSync(target).isFile()) parts.push(target);
      }
    }
    rmSync(this.#temporary, { recursive: true, force: true });
    writeFileSync(join(this.path, '_SUCCESS'), '');
    return parts.sort();
  }

  /** A failed job leaves no output: the folder goes when nothing else is in it. */
  abort(): void {
    rmSync(this.#temporary, { recursive: true, force: true });
    try {
      if (readdirSync(this.path).length === 0) rmSync(this.path, { recursive: true });
    } catch {
      // It is gone already.
    }
  }
}
