/** What the job master knows of its job, what can happen to it, and what it can want done: the words of `core.ts`. */
import type { Ranges, TaskState } from '@pronoia/mesos';
import type { Counters, MapEvent } from './attempt-protocol.ts';
import type { Failure } from './errors.ts';
import type { SegmentIndex } from './segment.ts';

export type TaskKind = 'map' | 'reduce';

export interface Needs {
  readonly cpus: number;
  readonly memMb: number;
  readonly ports: number;
}

export interface JobPlan {
  readonly jobId: string;
  readonly maps: number;
  readonly reduces: number;
  readonly mapNeeds: Needs;
  readonly reduceNeeds: Needs;
  readonly maxAttempts: number;
  /** Most attempts at once. */
  readonly slots: number;
  /** Part of the maps that must be done before reducers are started. */
  readonly slowstart: number;
  /** An attempt that was not heard of for this long is given up. */
  readonly silenceLimitMs: number;
  /** The job fails when it needs resources, has nothing that helps running, and got nothing for this long. */
  readonly starvationLimitMs: number;
  readonly masterLostLimitMs: number;
}

export interface MapOutputPlace {
  /** Without segment: `http://agent/files/download?path=…`. */
  readonly url: string;
  readonly segments: readonly SegmentIndex[];
}

export interface Attempt {
  readonly id: string;
  readonly task: TaskRecord;
  readonly agentId: string;
  readonly agentUrl: string;
  readonly hostname: string;
  readonly launchedAtMs: number;
  isRunning: boolean;
  isOver: boolean;
  /** We asked for its end: what it says about it is no failure. */
  isKilled: boolean;
  heardAtMs: number;
  progress: number;
}

export interface TaskRecord {
  readonly kind: TaskKind;
  readonly index: number;
  readonly id: string;
  state: 'pending' | 'running' | 'done';
  /** Attempts so far, also those that are over: the next one's number. */
  launched: number;
  failures: number;
  /** Ends that were not its fault: agent lost, killed from outside. */
  losses: number;
  /** Not before this time; after a failure a task waits a little. */
  notBeforeMs: number;
  /** Where it failed; others are preferred. */
  readonly avoidAgents: Set<string>;
  attempt: Attempt | undefined;
  /** The one attempt whose output counts. */
  committed: string | undefined;
  output: { readonly attempt: Attempt; readonly place: MapOutputPlace } | undefined;
  counters: Counters;
  wasCounted: boolean;
}

export interface AgentOffer {
  readonly id: string;
  readonly agentId: string;
  readonly hostname: string;
  readonly agentUrl: string;
  readonly cpus: number;
  readonly memMb: number;
  readonly ports: Ranges;
}

export type JobEvent =
  | { readonly kind: 'offers'; readonly offers: readonly AgentOffer[] }
  | { readonly kind: 'update'; readonly attemptId: string; readonly state: TaskState; readonly message: string }
  | { readonly kind: 'heard'; readonly attemptId: string; readonly progress: number }
  | {
      readonly kind: 'done';
      readonly attemptId: string;
      readonly counters: Counters;
      readonly output?: Omit<MapOutputPlace, 'url'> & { readonly path: string };
    }
  | { readonly kind: 'committed'; readonly attemptId: string }
  | { readonly kind: 'commit-failed'; readonly attemptId: string; readonly reason: string }
  | { readonly kind: 'attempt-failed'; readonly attemptId: string; readonly message: string; readonly isFatal: boolean }
  | { readonly kind: 'fetch-failed'; readonly map: number; readonly mapAttemptId: string; readonly reason: string }
  | { readonly kind: 'agent-lost'; readonly agentId: string }
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'tick' };

export interface Launch {
  readonly attempt: Attempt;
  readonly needs: Needs;
  /** One for each port that was asked for; fewer when the offer had fewer. */
  readonly ports: readonly number[];
}

export type JobEffect =
  | { readonly kind: 'accept'; readonly offerId: string; readonly agentId: string; readonly launches: readonly Launch[] }
  | { readonly kind: 'decline'; readonly offerIds: readonly string[]; readonly refuseSeconds: number }
  | { readonly kind: 'suppress' }
  | { readonly kind: 'revive' }
  | { readonly kind: 'kill'; readonly attemptId: string; readonly agentId: string }
  /** Move this attempt's output to where finished tasks' outputs are; answer with `committed` or `commit-failed`, at once. */
  | { readonly kind: 'commit'; readonly attemptId: string; readonly taskId: string }
  | { readonly kind: 'discard'; readonly attemptId: string }
  /** Reducers have news to read. */
  | { readonly kind: 'map-event' }
  | { readonly kind: 'counted'; readonly task: TaskKind }
  | { readonly kind: 'note'; readonly message: string; readonly attemptId: string; readonly reason: string }
  | { readonly kind: 'finished' }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface JobState {
  readonly plan: JobPlan;
  readonly maps: readonly TaskRecord[];
  readonly reduces: readonly TaskRecord[];
  /** By attempt id, those that are over too. */
  readonly attempts: Map<string, Attempt>;
  /** What reducers read, in order of happening. */
  readonly mapEvents: { readonly map: number; readonly attemptId: string; readonly place: MapOutputPlace | undefined }[];
  readonly running: Set<Attempt>;
  phase: 'running' | 'finished' | 'failed';
  isConnected: boolean;
  disconnectedAtMs: number;
  disconnectReason: string;
  isSuppressed: boolean;
  /** When something last went forward: a launch, an end, a connection. */
  lastAdvanceMs: number;
  starvedSinceMs: number | undefined;
  /** Agents that have made an offer and were not lost since. */
  readonly knownAgents: Set<string>;
  largestOffer: string | undefined;
  mapsDone: number;
  reducesDone: number;
}

export function createState(plan: JobPlan, nowMs: number): JobState {
  const make = (kind: TaskKind, count: number): TaskRecord[] =>
    Array.from({ length: count }, (_, index) => ({
      kind,
      index,
      id: `${plan.jobId.replace(/^job/, 'task')}_${kind === 'map' ? 'm' : 'r'}_${String(index).padStart(6, '0')}`,
      state: 'pending',
      launched: 0,
      failures: 0,
      losses: 0,
      notBeforeMs: 0,
      avoidAgents: new Set(),
      attempt: undefined,
      committed: undefined,
      output: undefined,
      counters: {},
      wasCounted: false,
    }));
  return {
    plan,
    maps: make('map', plan.maps),
    reduces: make('reduce', plan.reduces),
    attempts: new Map(),
    mapEvents: [],
    running: new Set(),
    phase: 'running',
    isConnected: false,
    disconnectedAtMs: nowMs,
    disconnectReason: 'no connection was made yet',
    isSuppressed: false,
    lastAdvanceMs: nowMs,
    starvedSinceMs: undefined,
    knownAgents: new Set(),
    largestOffer: undefined,
    mapsDone: 0,
    reducesDone: 0,
  };
}

/** What one reducer has to know of the maps from `since` on. */
export function mapEventsFor(
  state: JobState,
  reduce: number,
  since: number,
): { readonly next: number; readonly events: readonly MapEvent[] } {
  const events = state.mapEvents.slice(since).map(({ map, attemptId, place }): MapEvent => {
    const segment = place?.segments[reduce];
    return {
      map,
      attemptId,
      segment:
        place === undefined || segment === undefined ? undefined : { url: place.url, offset: segment.offset, length: segment.length },
    };
  });
  return { next: state.mapEvents.length, events };
}

/** 0 to 1 for each kind; without reducers the second is 1. */
export function progressOf(state: JobState): { readonly map: number; readonly reduce: number } {
  const of = (tasks: readonly TaskRecord[]): number => {
    if (tasks.length === 0) return 1;
    let sum = 0;
    for (const task of tasks) sum += task.state === 'done' ? 1 : (task.attempt?.progress ?? 0);
    return sum / tasks.length;
  };
  return { map: of(state.maps), reduce: of(state.reduces) };
}
