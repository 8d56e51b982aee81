/**
 * What the job master and its attempts say to each other, over HTTP with the job's token (`Authorization: Bearer …`). The token is in a
 * file of mode 0600 in the output's temporary folder, so that neither arguments, environment nor labels, which operators can see, hold it.
 *
 *     GET  /attempts/ID                    → AttemptWork
 *     POST /attempts/ID/progress           ProgressReport → 204, or 410: this attempt is not wanted any more
 *     GET  /attempts/ID/maps?since=N       → MapEvents, waits a while when there is nothing new
 *     POST /attempts/ID/fetch-failed       FetchFailure → 204
 *     POST /attempts/ID/done               DoneReport → DoneAnswer
 *     POST /attempts/ID/failed             FailureReport → 204
 */
import type { SegmentIndex } from './segment.ts';
import type { Piece } from './splits.ts';

/** The file that an attempt is started with. */
export interface JobFile {
  readonly jobId: string;
  /** Of the job master. */
  readonly url: string;
  readonly token: string;
  /** A finished attempt stays so long at most, until its metrics were scraped once. */
  readonly lingerMs: number;
}

/** What is done with each record. */
export type Program =
  | { readonly kind: 'wordcount' }
  | {
      readonly kind: 'streaming';
      /** Undefined: records pass as they are. */
      readonly mapper: string | undefined;
      readonly reducer: string | undefined;
      readonly environment: Readonly<Record<string, string>>;
    };

export interface MapWork {
  readonly kind: 'map';
  readonly jobId: string;
  readonly taskId: string;
  readonly index: number;
  readonly program: Program;
  readonly pieces: readonly Piece[];
  /** 0: there are no reducers, and the map writes the output. */
  readonly reduces: number;
  readonly maps: number;
  readonly sortBufferBytes: number;
  /** Folder and file of a map that writes output itself. */
  readonly output: { readonly folder: string; readonly name: string } | undefined;
}

export interface ReduceWork {
  readonly kind: 'reduce';
  readonly jobId: string;
  readonly taskId: string;
  readonly index: number;
  readonly program: Program;
  readonly reduces: number;
  readonly maps: number;
  readonly shuffleBufferBytes: number;
  readonly output: { readonly folder: string; readonly name: string };
}

export type AttemptWork = MapWork | ReduceWork;

/** Hadoop's groups and names of counters, flat: `group/name`. */
export type Counters = Readonly<Record<string, number>>;

export interface ProgressReport {
  /** 0 to 1. */
  readonly progress: number;
  readonly status?: string;
}

/** One finished map, as one reducer sees it. A later event for the same map replaces the earlier one. */
export interface MapEvent {
  readonly map: number;
  readonly attemptId: string;
  /** Undefined: the output was lost; wait for the next event of this map. */
  readonly segment: { readonly url: string; readonly offset: number; readonly length: number } | undefined;
}

export interface MapEvents {
  /** Give this as `since` next time. */
  readonly next: number;
  readonly events: readonly MapEvent[];
}

export interface FetchFailure {
  readonly map: number;
  readonly attemptId: string;
  readonly reason: string;
}

export interface DoneReport {
  readonly counters: Counters;
  /** Of a map with reducers: where its segments lie in its sandbox. */
  readonly mapOutput?: { readonly path: string; readonly segments: readonly SegmentIndex[] };
}

export interface DoneAnswer {
  /** False: another attempt of this task was faster; leave quietly. */
  readonly accepted: boolean;
}

export interface FailureReport {
  readonly message: string;
  /** Trying again cannot help: the input is not there. */
  readonly isFatal: boolean;
}
