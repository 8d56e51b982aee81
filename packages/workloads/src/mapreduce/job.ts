/** What a job is, and what it gives. */
import type { Clock, Logger } from '@pronoia/server';
import type { Counters } from './attempt-protocol.ts';

interface JobOptions {
  /** Paths, globs; each may hold several separated by commas. */
  readonly input: readonly string[];
  /** Must not exist. */
  readonly output: string;
  readonly name?: string;
  /** Folders inside input folders too; default false. */
  readonly recursive?: boolean;
  /** Default 1. */
  readonly reduces?: number;
  readonly splitBytes?: number;
  /** The role to take offers in; default `*`. */
  readonly role?: string;
  readonly principal?: string;
  readonly mapCpus?: number;
  readonly mapMemMb?: number;
  readonly reduceCpus?: number;
  readonly reduceMemMb?: number;
  /** Most attempts at once. */
  readonly slots?: number;
  readonly maxAttempts?: number;
  /** A finished attempt stays so long at most, until its metrics were scraped once, so that short tasks are seen too; default 0. */
  readonly lingerMs?: number;
}

export interface WordCountJob extends JobOptions {
  readonly kind: 'wordcount';
}

export interface StreamingJob extends JobOptions {
  readonly kind: 'streaming';
  /** Undefined: records pass as they are. */
  readonly mapper?: string;
  readonly reducer?: string;
  /** Local files that are put into each attempt's working folder, under their base names. */
  readonly files?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Gives each attempt a port for its program's own exporter, in PORT_METRICS. */
  readonly programMetrics?: boolean;
}

export type MapReduceJob = WordCountJob | StreamingJob;

export interface KindProgress {
  readonly total: number;
  readonly done: number;
  readonly running: number;
  /** 0 to 1, finished tasks and the parts of running ones. */
  readonly fraction: number;
}

export interface JobProgress {
  readonly jobId: string;
  readonly map: KindProgress;
  readonly reduce: KindProgress;
}

export interface JobResult {
  readonly jobId: string;
  readonly frameworkId: string | undefined;
  readonly output: string;
  /** Paths of the part files, in order. */
  readonly parts: readonly string[];
  readonly maps: number;
  readonly reduces: number;
  readonly elapsedMs: number;
  /** Sums over the successful attempts, by `group/name`. */
  readonly counters: Counters;
  readonly attempts: { readonly launched: number; readonly failed: number; readonly lost: number };
}

export interface RunDeps {
  /** `host:port` or a URL. */
  readonly master: string;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Called when something has changed, at most a few times a second. */
  readonly onProgress?: (progress: JobProgress) => void;
  /** Ends the job: its tasks are killed and nothing is left in the output. */
  readonly signal?: AbortSignal;
  /** How long the job serves its last counts after the end, at most; it ends earlier when they were scraped. Default 3 s. */
  readonly metricsLingerMs?: number;
  /** Default 30 s. */
  readonly masterLostLimitMs?: number;
  /** How long a task may wait for any offer that fits while nothing else helps; default 60 s. */
  readonly starvationLimitMs?: number;
  /** An attempt that was not heard of for so long is run elsewhere; default 60 s. */
  readonly silenceLimitMs?: number;
}
