/**
 * Runs one job: plans it, is a Mesos framework for it, does what the core decides, and leaves the output or a reason why there is none.
 * Decisions are in `core.ts`, the attempts' work in `attempt.ts`; here is what connects them to the master, the disk and the clock.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Counter, Gauge, Registry } from '@pronoia/client';
import { createScheduler, type Scheduler } from '@pronoia/framework';
import { isTerminal } from '@pronoia/mesos';
import { type Logger, silentLogger, sleep, systemClock } from '@pronoia/server';
import type { AttemptWork, Program } from './attempt-protocol.ts';
import { step } from './core.ts';
import { errors, type Failure, failureError } from './errors.ts';
import { listInput } from './input.ts';
import type { JobProgress, JobResult, MapReduceJob, RunDeps } from './job.ts';
import { JobFolder } from './job-folder.ts';
import { type JobServer, openJobServer } from './job-server.ts';
import { type Attempt, createState, type JobEffect, type JobEvent, type JobState, mapEventsFor, progressOf } from './job-state.ts';
import { localAddress, masterUrl, reasonText } from './local-address.ts';
import { ATTEMPT_PROGRAM, agentOffer, attemptTask, frameworkInfo } from './messages.ts';
import { defaultSplitBytes, planSplits, type Split } from './splits.ts';
import { UsageMeter } from './usage.ts';

const TICK_MS = 250;
/** How long finished tasks are waited for. */
const ENDING_MS = 1_500;
const USAGE_INTERVAL_MS = 1_000;
const SORT_BUFFER_BYTES = 100 * 2 ** 20;
const SHUFFLE_BUFFER_BYTES = 128 * 2 ** 20;
const MASTER_LOST_LIMIT_MS = 30_000;

/**
 * Resolves when the output is complete; rejects with a CodedError of `errors.ts` otherwise, and then leaves no output. The job's tasks are
 * gone from the cluster in both cases.
 */
export async function runMapReduce(job: MapReduceJob, deps: RunDeps): Promise<JobResult> {
  const clock = deps.clock ?? systemClock;
  const startedAtMs = clock.monotonic();
  const splits = plan(job);
  if (!existsSync(ATTEMPT_PROGRAM)) throw errors.fail('bad_option', { reason: `${ATTEMPT_PROGRAM} is missing: build the package first` });
  const host = await localAddress({
    master: deps.master,
    clock,
    limitMs: deps.masterLostLimitMs ?? MASTER_LOST_LIMIT_MS,
    signal: deps.signal,
  });
  const folder = JobFolder.create(job.output);
  const run = new Run(job, splits, folder, deps);
  try {
    return await run.toEnd(host, startedAtMs);
  } catch (error) {
    folder.abort();
    throw error;
  }
}

function plan(job: MapReduceJob): Split[] {
  if (job.kind === 'streaming') {
    for (const file of job.files ?? []) if (!existsSync(file)) throw errors.fail('input_missing', { path: file });
  }
  const files = listInput(job.input, job.recursive === true);
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const splitBytes = job.splitBytes ?? defaultSplitBytes(totalBytes);
  return planSplits(files, { splitBytes, combineFiles: job.kind === 'wordcount' });
}

class Run {
  readonly #job: MapReduceJob;
  readonly #splits: readonly Split[];
  readonly #folder: JobFolder;
  readonly #deps: RunDeps;
  readonly #clock;
  readonly #log: Logger;
  readonly #registry = new Registry();
  readonly #taskCount;
  readonly #state: JobState;
  readonly #program: Program;
  #scheduler: Scheduler | undefined;
  #server: JobServer | undefined;
  #isScraped: () => void = () => undefined;
  #end: (failure: Failure | undefined) => void = () => undefined;
  /** Launched, and their end not told yet. */
  readonly #live = new Map<string, Attempt>();
  #onTaskEnded: () => void = () => undefined;
  #failed = 0;
  #lost = 0;
  #shownProgress = '';

  constructor(job: MapReduceJob, splits: readonly Split[], folder: JobFolder, deps: RunDeps) {
    this.#job = job;
    this.#splits = splits;
    this.#folder = folder;
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#log = deps.log ?? silentLogger;
    this.#program = programOf(job);
    this.#taskCount = new Counter({
      name: 'task_count',
      help: 'Tasks of the job that have finished.',
      labelNames: ['task_type'],
      registers: [this.#registry],
    });
    this.#taskCount.inc({ task_type: 'map' }, 0);
    this.#taskCount.inc({ task_type: 'reduce' }, 0);
    const extraPorts = job.kind === 'streaming' && job.programMetrics === true ? 1 : 0;
    const nowMs = this.#clock.now();
    const serial = randomBytes(2).readUInt16BE() % 10_000;
    this.#state = createState(
      {
        jobId: `job_${nowMs}_${String(serial).padStart(4, '0')}`,
        maps: splits.length,
        // Without any input there is still an output: empty parts.
        reduces: job.reduces ?? 1,
        mapNeeds: { cpus: job.mapCpus ?? 1, memMb: job.mapMemMb ?? 384, ports: 1 + extraPorts },
        reduceNeeds: { cpus: job.reduceCpus ?? 1, memMb: job.reduceMemMb ?? 384, ports: 1 + extraPorts },
        maxAttempts: job.maxAttempts ?? 4,
        slots: job.slots ?? Number.POSITIVE_INFINITY,
        slowstart: 0.05,
        silenceLimitMs: deps.silenceLimitMs ?? 60_000,
        starvationLimitMs: deps.starvationLimitMs ?? 60_000,
        masterLostLimitMs: deps.masterLostLimitMs ?? MASTER_LOST_LIMIT_MS,
      },
      nowMs,
    );
  }

  async toEnd(host: string, startedAtMs: number): Promise<JobResult> {
    const token = randomBytes(32).toString('base64url');
    const stop = new AbortController();
    const gauge = new Gauge({
      name: 'resource_usage',
      help: "What the job's running tasks use: cores for cpu, bytes for memory.",
      labelNames: ['resource', 'task', 'agent'],
      registers: [this.#registry],
    });
    this.#server = await openJobServer({
      host,
      token,
      registry: this.#registry,
      log: this.#log,
      clock: this.#clock,
      floor: this.#floor(),
      onScrape: () => this.#isScraped(),
    });
    try {
      const { jobId } = this.#state.plan;
      this.#folder.writeJobFile({ jobId, url: this.#server.url, token, lingerMs: this.#job.lingerMs ?? 0 });
      this.#log.info({ job: jobId, maps: this.#state.plan.maps, reduces: this.#state.plan.reduces, url: this.#server.url }, 'Running job');
      const ended = new Promise<Failure | undefined>((resolvePromise) => {
        this.#end = resolvePromise;
      });
      this.#scheduler = this.#subscribe();
      const meter = new UsageMeter({
        gauge,
        clock: this.#clock,
        log: this.#log,
        frameworkId: () => this.#scheduler?.frameworkId,
        running: () => this.#live.values(),
        intervalMs: USAGE_INTERVAL_MS,
      });
      const metering = meter.run(stop.signal);
      const onAbort = (): void => this.#apply({ kind: 'cancel', reason: reasonText(this.#deps.signal?.reason) });
      if (this.#deps.signal?.aborted === true) onAbort();
      this.#deps.signal?.addEventListener('abort', onAbort, { once: true });
      const ticking = this.#tick(stop.signal);
      const failure = await ended;
      this.#deps.signal?.removeEventListener('abort', onAbort);
      if (failure !== undefined) throw failureError(failure, { master: this.#deps.master, output: this.#job.output });
      const parts = this.#folder.commitJob();
      this.#showProgress();
      const result: JobResult = {
        jobId,
        frameworkId: this.#scheduler.frameworkId,
        output: this.#folder.path,
        parts,
        maps: this.#state.plan.maps,
        reduces: this.#state.plan.reduces,
        elapsedMs: this.#clock.monotonic() - startedAtMs,
        counters: this.#counters(),
        attempts: { launched: this.#state.attempts.size, failed: this.#failed, lost: this.#lost },
      };
      this.#log.info({ job: jobId, elapsed_ms: Math.round(result.elapsedMs) }, 'Job completed');
      await this.#linger();
      await this.#untilTasksEnded();
      stop.abort();
      await Promise.all([metering, ticking]);
      return result;
    } finally {
      stop.abort();
      await this.#leave();
      await this.#server.stop();
    }
  }

  // The master

  #subscribe(): Scheduler {
    return createScheduler({
      master: masterUrl(this.#deps.master).origin,
      info: frameworkInfo(this.#job, this.#state.plan.jobId, this.#server?.url ?? ''),
      clock: this.#clock,
      masterLostAfterMs: Math.max(1_000, this.#state.plan.masterLostLimitMs),
      backoffLimitMs: 2_000,
      onHandlerError: (error) => this.#log.error({ error: (error as Error).message }, 'BUG: an event of the master was not handled'),
      handlers: {
        subscribed: ({ isAgain }) => {
          this.#apply({ kind: 'connected' });
          if (isAgain) this.#reconcile();
        },
        offers: (offers) => this.#apply({ kind: 'offers', offers: offers.map(agentOffer) }),
        update: (status) => {
          this.#apply({
            kind: 'update',
            attemptId: status.task_id.value,
            state: status.state,
            message: [status.message, status.reason].filter(Boolean).join(' '),
          });
          if (!isTerminal(status.state)) return;
          this.#live.delete(status.task_id.value);
          this.#onTaskEnded();
        },
        failure: (failure) => {
          if (failure.agent_id !== undefined && failure.executor_id === undefined)
            this.#apply({ kind: 'agent-lost', agentId: failure.agent_id.value });
        },
        disconnected: (reason) => this.#apply({ kind: 'disconnected', reason }),
        masterLost: ({ lastError }) => this.#apply({ kind: 'disconnected', reason: lastError }),
        error: (message) => this.#apply({ kind: 'refused', reason: message }),
      },
    });
  }

  /** After a new subscription the master is asked about what we believe to be running. */
  #reconcile(): void {
    const tasks = [...this.#state.running].map((attempt) => ({ task_id: { value: attempt.id }, agent_id: { value: attempt.agentId } }));
    if (tasks.length > 0) this.#call('RECONCILE', this.#scheduler?.reconcile(tasks));
  }

  #call(name: string, sent: Promise<void> | undefined): void {
    sent?.catch((error: unknown) => this.#log.warn({ call: name, error: (error as Error).message }, 'A call to the master failed'));
  }

  async #leave(): Promise<void> {
    if (this.#scheduler === undefined) return;
    const limit = this.#clock.setTimer(2_000, () => void this.#scheduler?.stop());
    await this.#scheduler.teardown().catch(() => undefined);
    limit.cancel();
    await this.#scheduler.stop().catch(() => undefined);
  }

  // The core

  #apply(event: JobEvent): void {
    const queue: JobEvent[] = [event];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      for (const effect of step(this.#state, next, this.#clock.now())) {
        const answer = this.#perform(effect);
        if (answer !== undefined) queue.push(answer);
      }
    }
  }

  #perform(effect: JobEffect): JobEvent | undefined {
    switch (effect.kind) {
      case 'accept': {
        for (const { attempt } of effect.launches) this.#live.set(attempt.id, attempt);
        const launch = {
          task_infos: effect.launches.map((one) => attemptTask(this.#job, this.#state.plan.jobId, this.#folder.jobFile, one)),
        };
        this.#call('ACCEPT', this.#scheduler?.accept([{ value: effect.offerId }], [{ type: 'LAUNCH', launch }]));
        return undefined;
      }
      case 'decline':
        this.#call(
          'DECLINE',
          this.#scheduler?.decline(
            effect.offerIds.map((value) => ({ value })),
            { refuse_seconds: effect.refuseSeconds },
          ),
        );
        return undefined;
      case 'suppress':
        this.#call('SUPPRESS', this.#scheduler?.suppress());
        return undefined;
      case 'revive':
        this.#call('REVIVE', this.#scheduler?.revive());
        return undefined;
      case 'kill':
        this.#call('KILL', this.#scheduler?.kill({ value: effect.attemptId }, { agentId: { value: effect.agentId } }));
        return undefined;
      case 'commit':
        try {
          this.#folder.commitTask(effect.attemptId, effect.taskId);
          return { kind: 'committed', attemptId: effect.attemptId };
        } catch (error) {
          return { kind: 'commit-failed', attemptId: effect.attemptId, reason: (error as Error).message };
        }
      case 'discard':
        try {
          this.#folder.discard(effect.attemptId);
        } catch (error) {
          this.#log.warn({ attempt: effect.attemptId, error: (error as Error).message }, 'Left-over output could not be removed');
        }
        return undefined;
      case 'map-event':
        this.#server?.wake();
        return undefined;
      case 'counted':
        this.#taskCount.inc({ task_type: effect.task }, 1);
        return undefined;
      case 'note':
        if (effect.message === 'Attempt failed') this.#failed++;
        else this.#lost++;
        this.#log.warn({ attempt: effect.attemptId, reason: effect.reason }, effect.message);
        return undefined;
      case 'finished':
        this.#end(undefined);
        return undefined;
      case 'failed':
        this.#end(effect.failure);
        return undefined;
    }
  }

  #floor(): Parameters<typeof openJobServer>[0]['floor'] {
    const state = this.#state;
    const live = (attemptId: string) => {
      const attempt = state.attempts.get(attemptId);
      return attempt === undefined || attempt.isOver || state.phase !== 'running' ? undefined : attempt;
    };
    return {
      work: (attemptId) => {
        this.#apply({ kind: 'heard', attemptId, progress: 0 });
        return live(attemptId) === undefined ? undefined : this.#workOf(attemptId);
      },
      heard: (attemptId, progress) => {
        this.#apply({ kind: 'heard', attemptId, progress });
        return live(attemptId) !== undefined;
      },
      mapEvents: (attemptId, since) => {
        const attempt = live(attemptId);
        if (attempt?.task.kind !== 'reduce') return undefined;
        this.#apply({ kind: 'heard', attemptId, progress: 0 });
        return mapEventsFor(state, attempt.task.index, since);
      },
      fetchFailed: (_attemptId, { map, attemptId, reason }) => this.#apply({ kind: 'fetch-failed', map, mapAttemptId: attemptId, reason }),
      done: (attemptId, { counters, mapOutput }) => {
        this.#apply({ kind: 'done', attemptId, counters, ...(mapOutput === undefined ? {} : { output: mapOutput }) });
        const task = state.attempts.get(attemptId)?.task;
        return task?.state === 'done' && (task.committed === attemptId || task.output?.attempt.id === attemptId);
      },
      failed: (attemptId, { message, isFatal }) => this.#apply({ kind: 'attempt-failed', attemptId, message, isFatal }),
    };
  }

  #workOf(attemptId: string): AttemptWork | undefined {
    const task = this.#state.attempts.get(attemptId)?.task;
    if (task === undefined) return undefined;
    const { plan } = this.#state;
    const common = {
      jobId: plan.jobId,
      taskId: task.id,
      index: task.index,
      program: this.#program,
      maps: plan.maps,
      reduces: plan.reduces,
    };
    const output = { folder: this.#folder.attemptFolder(attemptId), name: this.#partName(task.index) };
    if (task.kind === 'reduce') return { ...common, kind: 'reduce', shuffleBufferBytes: SHUFFLE_BUFFER_BYTES, output };
    return {
      ...common,
      kind: 'map',
      pieces: this.#splits[task.index]?.pieces ?? [],
      sortBufferBytes: SORT_BUFFER_BYTES,
      output: plan.reduces === 0 ? output : undefined,
    };
  }

  /** Hadoop's names: the built-in programs are of the new API, streaming is of the old one. */
  #partName(index: number): string {
    const number = String(index).padStart(5, '0');
    return this.#job.kind === 'streaming' ? `part-${number}` : `part-r-${number}`;
  }

  // Time, progress, end

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#apply({ kind: 'tick' });
      this.#showProgress();
      await sleep(this.#clock, TICK_MS, signal).catch(() => undefined);
    }
  }

  #showProgress(): void {
    if (this.#deps.onProgress === undefined) return;
    const { plan, mapsDone, reducesDone, running } = this.#state;
    const { map, reduce } = progressOf(this.#state);
    const runningMaps = [...running].filter((attempt) => attempt.task.kind === 'map').length;
    const progress: JobProgress = {
      jobId: plan.jobId,
      map: { total: plan.maps, done: mapsDone, running: runningMaps, fraction: map },
      reduce: { total: plan.reduces, done: reducesDone, running: running.size - runningMaps, fraction: reduce },
    };
    const shown = JSON.stringify(progress);
    if (shown === this.#shownProgress) return;
    this.#shownProgress = shown;
    this.#deps.onProgress(progress);
  }

  #counters(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const task of [...this.#state.maps, ...this.#state.reduces]) {
      for (const [name, value] of Object.entries(task.counters)) sums[name] = (sums[name] ?? 0) + value;
    }
    return sums;
  }

  /** The last counts stay until they were scraped once more, so that no short job ends unseen. */
  async #linger(): Promise<void> {
    const limitMs = this.#deps.metricsLingerMs ?? 3_000;
    if (limitMs <= 0) return;
    await new Promise<void>((resolvePromise) => {
      const timer = this.#clock.setTimer(limitMs, resolvePromise);
      const end = (): void => {
        timer.cancel();
        resolvePromise();
      };
      this.#isScraped = end;
      this.#deps.signal?.addEventListener('abort', end, { once: true });
    });
  }

  /** A task that has done its work may still be on its way out: teardown would make it a killed one. */
  async #untilTasksEnded(): Promise<void> {
    if (this.#live.size === 0) return;
    await new Promise<void>((resolvePromise) => {
      const timer = this.#clock.setTimer(ENDING_MS + (this.#job.lingerMs ?? 0), resolvePromise);
      this.#onTaskEnded = () => {
        if (this.#live.size > 0) return;
        timer.cancel();
        resolvePromise();
      };
    });
  }
}

function programOf(job: MapReduceJob): Program {
  if (job.kind === 'wordcount') return { kind: 'wordcount' };
  return { kind: 'streaming', mapper: job.mapper, reducer: job.reducer, environment: job.environment ?? {} };
}
