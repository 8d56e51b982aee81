/**
 * Old sandboxes are removed (mesos.md §9.8): a finished run lives `gc_delay`, less when the disk is full —
 * `gc_delay × max(0, 1 − gc_disk_headroom − disk usage)` — counted from its last change. Looked at every `disk_watch_interval`.
 */
import { readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock, Logger, Timer } from '@pronoia/server';
import type { Layout, RunPath } from './layout.ts';
import type { AgentMetrics } from './metrics.ts';

export interface GarbageOptions {
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  readonly delayMs: number;
  readonly headroom: number;
  readonly intervalMs: number;
  /** Fraction of the disk in use; a test hands in its own. */
  readonly diskUsage?: () => number;
}

export class GarbageCollector {
  readonly #options: GarbageOptions;
  readonly #finishedAtByRun = new Map<string, { readonly path: RunPath; readonly atMs: number }>();
  #timer: Timer | undefined;

  constructor(options: GarbageOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#finishedAtByRun.size;
  }

  /** How old a finished run may become at the present disk usage. */
  get maxAgeMs(): number {
    const { delayMs, headroom, layout } = this.#options;
    return delayMs * Math.max(0, 1 - headroom - (this.#options.diskUsage ?? (() => diskUsage(layout.workDir)))());
  }

  /** A run has ended for good. */
  schedule(path: RunPath, atMs = this.#options.clock.now()): void {
    this.#finishedAtByRun.set(path.containerId, { path, atMs });
  }

  /** Finished runs of earlier agent processes, dated by their sentinel files. */
  recover(): void {
    const root = join(this.#options.layout.workDir, 'meta', 'slaves');
    for (const agentId of list(root).filter((name) => name !== 'latest')) {
      for (const frameworkId of list(join(root, agentId, 'frameworks'))) {
        const executors = join(root, agentId, 'frameworks', frameworkId, 'executors');
        for (const executorId of list(executors)) {
          for (const containerId of list(join(executors, executorId, 'runs')).filter((name) => name !== 'latest')) {
            const path: RunPath = { agentId, frameworkId, executorId, containerId };
            try {
              this.schedule(path, statSync(join(this.#options.layout.runMeta(path), 'executor.sentinel')).mtimeMs);
            } catch {
              // It has not finished.
            }
          }
        }
      }
    }
  }

  start(): void {
    const again = (): void => {
      this.collect();
      this.#timer = this.#options.clock.setTimer(this.#options.intervalMs, again);
    };
    this.#timer = this.#options.clock.setTimer(this.#options.intervalMs, again);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  collect(): void {
    const { layout, clock, log, metrics } = this.#options;
    if (this.#finishedAtByRun.size === 0) return;
    const oldestMs = clock.now() - this.maxAgeMs;
    for (const [containerId, { path, atMs }] of this.#finishedAtByRun) {
      if (atMs > oldestMs) continue;
      this.#finishedAtByRun.delete(containerId);
      try {
        for (const folder of [layout.sandbox(path), layout.runMeta(path)]) {
          rmSync(folder, { recursive: true, force: true });
          removeEmptyParents(folder, layout.workDir);
        }
        metrics.pathRemovals.inc({ result: 'succeeded' });
      } catch (error) {
        metrics.pathRemovals.inc({ result: 'failed' });
        log.warn({ container: containerId, error: (error as Error).message }, 'An old sandbox could not be removed');
      }
    }
  }
}

/** Up to the executor's folder: a `runs` folder that holds nothing but a dangling `latest` goes with its executor. */
function removeEmptyParents(folder: string, stopAt: string): void {
  const runs = dirname(folder);
  if (list(runs).some((name) => name !== 'latest')) return;
  const executor = dirname(runs);
  if (!executor.startsWith(stopAt)) return;
  rmSync(executor, { recursive: true, force: true });
}

function diskUsage(folder: string): number {
  try {
    const { blocks, bavail } = statfsSync(folder);
    return blocks === 0 ? 0 : 1 - bavail / blocks;
  } catch {
    return 0;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
