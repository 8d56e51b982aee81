/**
 * The job master's decisions, pure: `step(state, event, nowMs)` changes the state and returns what is to be done; `run.ts` does it
 * (design decision 4). Which attempt runs where, what is tried again, which output counts, when the job is done or lost
 * (mapreduce.md §10, §11).
 *
 * What must hold, whatever comes in which order: a task is committed at most once; the job finishes only when every reduce (without
 * reducers, every map) is committed; an attempt runs on exactly one agent; a finished job never becomes unfinished.
 */

import type { TaskState } from '@pronoia/mesos';
import type { Failure } from './errors.ts';
import type { AgentOffer, Attempt, JobEffect, JobEvent, JobState, TaskRecord } from './job-state.ts';
import { fill, mayReduce } from './placing.ts';

const RETRY_DELAYS_MS = [0, 1_000, 2_000, 4_000];
/** A task that was lost so often without being at fault will not get better. */
const LOSS_LIMIT = 20;
/** So long a map waits for resources that reducers hold, before a reducer must go. */
const DEADLOCK_MS = 5_000;
/** A task that is about to wait a moment for its next attempt wants the offer soon again. */
const SHORT_REFUSAL_SECONDS = 1;
const REFUSAL_SECONDS = 5;

export function step(state: JobState, event: JobEvent, nowMs: number): JobEffect[] {
  const effects: JobEffect[] = [];
  if (state.phase !== 'running') {
    // The end is the end; offers are given back, late attempts are told by their own requests.
    if (event.kind === 'offers') effects.push({ kind: 'decline', offerIds: event.offers.map((offer) => offer.id), refuseSeconds: 3_600 });
    return effects;
  }
  switch (event.kind) {
    case 'offers':
      onOffers(state, event.offers, nowMs, effects);
      break;
    case 'update':
      onUpdate(state, event.attemptId, event.state, event.message, nowMs, effects);
      break;
    case 'heard':
      onHeard(state, event.attemptId, event.progress, nowMs);
      break;
    case 'done':
      onDone(state, event, nowMs, effects);
      break;
    case 'committed':
      onCommitted(state, event.attemptId, nowMs, effects);
      break;
    case 'commit-failed':
      fail(state, { code: 'output_failed', reason: event.reason }, effects);
      break;
    case 'attempt-failed':
      onAttemptFailed(state, event.attemptId, event.message, event.isFatal, nowMs, effects);
      break;
    case 'fetch-failed':
      onFetchFailed(state, event.map, event.mapAttemptId, event.reason, nowMs, effects);
      break;
    case 'agent-lost':
      onAgentLost(state, event.agentId, nowMs, effects);
      break;
    case 'connected':
      state.isConnected = true;
      state.isSuppressed = false;
      state.lastAdvanceMs = nowMs;
      break;
    case 'disconnected':
      if (state.isConnected) state.disconnectedAtMs = nowMs;
      state.isConnected = false;
      state.disconnectReason = event.reason;
      break;
    case 'refused':
      fail(state, { code: 'master_refused', reason: event.reason }, effects);
      break;
    case 'cancel':
      fail(state, { code: 'interrupted', reason: event.reason }, effects);
      break;
    case 'tick':
      onTick(state, nowMs, effects);
      break;
  }
  if (state.phase === 'running') wantOffers(state, effects);
  return effects;
}

// Offers

function onOffers(state: JobState, offers: readonly AgentOffer[], nowMs: number, effects: JobEffect[]): void {
  const declined: string[] = [];
  for (const offer of offers) state.knownAgents.add(offer.agentId);
  for (const offer of offers) {
    const launches = fill(state, offer, nowMs);
    if (launches.length > 0) {
      state.lastAdvanceMs = nowMs;
      state.starvedSinceMs = undefined;
      effects.push({ kind: 'accept', offerId: offer.id, agentId: offer.agentId, launches });
    } else {
      declined.push(offer.id);
      state.largestOffer = `the last offer had cpus ${offer.cpus}, mem ${offer.memMb}`;
    }
  }
  if (declined.length === 0) return;
  const isWaiting = [...state.maps, ...state.reduces].some((task) => task.state === 'pending' && task.notBeforeMs > nowMs);
  effects.push({ kind: 'decline', offerIds: declined, refuseSeconds: isWaiting ? SHORT_REFUSAL_SECONDS : REFUSAL_SECONDS });
}

/** Offers are asked for exactly while a task could use one; asking again also forgets what was refused. */
function wantOffers(state: JobState, effects: JobEffect[]): void {
  const isWaiting = (tasks: readonly TaskRecord[]): boolean => tasks.some((task) => task.state === 'pending');
  const wants = isWaiting(state.maps) || (mayReduce(state) && isWaiting(state.reduces));
  if (wants === !state.isSuppressed || !state.isConnected) return;
  state.isSuppressed = !wants;
  effects.push({ kind: wants ? 'revive' : 'suppress' });
}

// What becomes of attempts

function onUpdate(state: JobState, attemptId: string, taskState: TaskState, message: string, nowMs: number, effects: JobEffect[]): void {
  const attempt = state.attempts.get(attemptId);
  if (attempt === undefined) return;
  switch (taskState) {
    case 'TASK_STAGING':
    case 'TASK_STARTING':
    case 'TASK_KILLING':
      attempt.heardAtMs = nowMs;
      return;
    case 'TASK_RUNNING':
      attempt.heardAtMs = nowMs;
      attempt.isRunning = true;
      return;
    case 'TASK_FINISHED':
      // The attempt has reported its results before it ended; one that did not has done nothing.
      if (!attempt.isOver) endAttempt(state, attempt, 'failed', 'it ended without a result', nowMs, effects);
      return;
    case 'TASK_FAILED':
    case 'TASK_ERROR':
      if (!attempt.isOver) endAttempt(state, attempt, attempt.isKilled ? 'lost' : 'failed', message, nowMs, effects);
      return;
    case 'TASK_KILLED':
    case 'TASK_LOST':
    case 'TASK_DROPPED':
    case 'TASK_UNREACHABLE':
    case 'TASK_GONE':
    case 'TASK_GONE_BY_OPERATOR':
    case 'TASK_UNKNOWN':
      if (!attempt.isOver) endAttempt(state, attempt, 'lost', message === '' ? taskState : message, nowMs, effects);
      return;
  }
}

function onHeard(state: JobState, attemptId: string, progress: number, nowMs: number): void {
  const attempt = state.attempts.get(attemptId);
  if (attempt === undefined || attempt.isOver) return;
  attempt.heardAtMs = nowMs;
  attempt.isRunning = true;
  attempt.progress = Math.max(attempt.progress, Math.min(1, progress));
}

function onDone(state: JobState, event: Extract<JobEvent, { kind: 'done' }>, nowMs: number, effects: JobEffect[]): void {
  const attempt = state.attempts.get(event.attemptId);
  // An attempt that was given up does not come back: its task may run elsewhere already.
  if (attempt === undefined || attempt.isOver || attempt.task.attempt !== attempt || attempt.task.state === 'done') return;
  const { task } = attempt;
  attempt.heardAtMs = nowMs;
  if (task.kind === 'map' && state.plan.reduces > 0) {
    if (event.output === undefined || event.output.segments.length !== state.plan.reduces) {
      endAttempt(state, attempt, 'failed', 'it reported no output', nowMs, effects);
      return;
    }
    const place = {
      url: `${attempt.agentUrl}/files/download?path=${encodeURIComponent(event.output.path)}`,
      segments: event.output.segments,
    };
    task.output = { attempt, place };
    task.counters = event.counters;
    finishTask(state, attempt, nowMs, effects);
    state.mapEvents.push({ map: task.index, attemptId: attempt.id, place });
    effects.push({ kind: 'map-event' });
    return;
  }
  // Exactly one attempt of a task is ever granted the commit.
  if (task.committed !== undefined) return;
  task.committed = attempt.id;
  task.counters = event.counters;
  effects.push({ kind: 'commit', attemptId: attempt.id, taskId: task.id });
}

function onCommitted(state: JobState, attemptId: string, nowMs: number, effects: JobEffect[]): void {
  const attempt = state.attempts.get(attemptId);
  if (attempt === undefined || attempt.task.committed !== attemptId || attempt.task.state === 'done') return;
  finishTask(state, attempt, nowMs, effects);
  const isFinished = state.plan.reduces > 0 ? state.reducesDone === state.plan.reduces : state.mapsDone === state.plan.maps;
  if (!isFinished) return;
  state.phase = 'finished';
  effects.push({ kind: 'finished' });
}

function finishTask(state: JobState, attempt: Attempt, nowMs: number, effects: JobEffect[]): void {
  const { task } = attempt;
  attempt.isOver = true;
  attempt.progress = 1;
  state.running.delete(attempt);
  task.state = 'done';
  state.lastAdvanceMs = nowMs;
  if (task.kind === 'map') state.mapsDone++;
  else state.reducesDone++;
  // A map whose output was lost is done twice, and counted once.
  if (!task.wasCounted) effects.push({ kind: 'counted', task: task.kind });
  task.wasCounted = true;
}

function onAttemptFailed(state: JobState, attemptId: string, message: string, isFatal: boolean, nowMs: number, effects: JobEffect[]): void {
  const attempt = state.attempts.get(attemptId);
  if (attempt === undefined || attempt.isOver) return;
  if (isFatal) fail(state, { code: 'task_fatal', task: attempt.task.id, reason: message }, effects);
  else endAttempt(state, attempt, 'failed', message, nowMs, effects);
}

function endAttempt(state: JobState, attempt: Attempt, how: 'failed' | 'lost', reason: string, nowMs: number, effects: JobEffect[]): void {
  const { task } = attempt;
  const { plan } = state;
  attempt.isOver = true;
  state.running.delete(attempt);
  state.lastAdvanceMs = nowMs;
  effects.push({ kind: 'note', message: how === 'failed' ? 'Attempt failed' : 'Attempt lost', attemptId: attempt.id, reason });
  effects.push({ kind: 'discard', attemptId: attempt.id });
  if (task.attempt !== attempt || task.state === 'done') return;
  task.attempt = undefined;
  task.state = 'pending';
  if (how === 'failed') {
    task.failures++;
    task.avoidAgents.add(attempt.agentId);
    if (task.failures >= plan.maxAttempts) {
      fail(state, { code: 'task_failed', task: task.id, attempts: task.failures, reason }, effects);
      return;
    }
    task.notBeforeMs = nowMs + (RETRY_DELAYS_MS[task.failures - 1] ?? 4_000);
  } else {
    task.losses++;
    task.notBeforeMs = nowMs;
    if (task.losses >= LOSS_LIMIT)
      fail(state, { code: 'task_failed', task: task.id, attempts: task.losses + task.failures, reason }, effects);
  }
}

/** A reducer could not read a map's output, or its agent is gone: the map runs again, unless that has happened already. */
function onFetchFailed(state: JobState, map: number, mapAttemptId: string, reason: string, nowMs: number, effects: JobEffect[]): void {
  const task = state.maps[map];
  if (task?.state !== 'done' || task.output?.attempt.id !== mapAttemptId) return;
  loseOutput(state, task, reason, nowMs, effects);
}

function loseOutput(state: JobState, task: TaskRecord, reason: string, nowMs: number, effects: JobEffect[]): void {
  const attemptId = task.output?.attempt.id ?? task.id;
  effects.push({ kind: 'note', message: 'Map output lost', attemptId, reason }, { kind: 'map-event' });
  state.mapEvents.push({ map: task.index, attemptId, place: undefined });
  task.output = undefined;
  task.attempt = undefined;
  task.state = 'pending';
  task.notBeforeMs = nowMs;
  task.losses++;
  state.mapsDone--;
  state.lastAdvanceMs = nowMs;
  if (task.losses >= LOSS_LIMIT)
    fail(state, { code: 'task_failed', task: task.id, attempts: task.losses + task.failures, reason }, effects);
}

function onAgentLost(state: JobState, agentId: string, nowMs: number, effects: JobEffect[]): void {
  state.knownAgents.delete(agentId);
  for (const attempt of state.running) {
    if (attempt.agentId === agentId && state.phase === 'running') endAttempt(state, attempt, 'lost', 'its agent was lost', nowMs, effects);
  }
  for (const task of state.maps) {
    if (task.output?.attempt.agentId === agentId && state.phase === 'running')
      loseOutput(state, task, 'its agent was lost', nowMs, effects);
  }
}

// Time

function onTick(state: JobState, nowMs: number, effects: JobEffect[]): void {
  const { plan } = state;
  if (plan.maps + plan.reduces === 0) {
    state.phase = 'finished';
    effects.push({ kind: 'finished' });
    return;
  }
  if (!state.isConnected && nowMs - state.disconnectedAtMs >= plan.masterLostLimitMs) {
    const forSeconds = Math.round((nowMs - state.disconnectedAtMs) / 1_000);
    fail(state, { code: 'master_lost', forSeconds, reason: state.disconnectReason }, effects);
    return;
  }
  for (const attempt of state.running) {
    if (nowMs - attempt.heardAtMs < plan.silenceLimitMs) continue;
    attempt.isKilled = true;
    effects.push({ kind: 'kill', attemptId: attempt.id, agentId: attempt.agentId });
    endAttempt(state, attempt, 'lost', `nothing was heard of it for ${Math.round(plan.silenceLimitMs / 1_000)} s`, nowMs, effects);
    if (state.phase !== 'running') return;
  }
  breakDeadlock(state, nowMs, effects);
  starve(state, nowMs, effects);
}

/** Maps before reducers: when a map waits and only reducers run, the youngest of them makes room. */
function breakDeadlock(state: JobState, nowMs: number, effects: JobEffect[]): void {
  const waiting = state.maps.some((task) => task.state === 'pending' && nowMs - task.notBeforeMs >= DEADLOCK_MS);
  if (!waiting || nowMs - state.lastAdvanceMs < DEADLOCK_MS || !state.isConnected) return;
  let youngest: Attempt | undefined;
  for (const attempt of state.running) {
    if (attempt.task.kind === 'map') return;
    if (attempt.task.committed === undefined && (youngest === undefined || attempt.launchedAtMs >= youngest.launchedAtMs))
      youngest = attempt;
  }
  if (youngest === undefined) return;
  youngest.isKilled = true;
  effects.push({ kind: 'kill', attemptId: youngest.id, agentId: youngest.agentId });
  endAttempt(state, youngest, 'lost', 'it made room for a map', nowMs, effects);
}

/** A task waits, nothing runs that would free or need what it waits for, and no offer fits: for some time that is patience, then it is an end. */
function starve(state: JobState, nowMs: number, effects: JobEffect[]): void {
  if (state.phase !== 'running') return;
  const waiting = [...state.maps, ...state.reduces].find((task) => task.state === 'pending');
  const isHelped = waiting === undefined || [...state.running].some((attempt) => waiting.kind === 'reduce' || attempt.task.kind === 'map');
  if (isHelped || !state.isConnected) {
    state.starvedSinceMs = undefined;
    return;
  }
  state.starvedSinceMs ??= nowMs;
  const forMs = nowMs - state.starvedSinceMs;
  if (forMs < state.plan.starvationLimitMs) return;
  const needs = waiting.kind === 'map' ? state.plan.mapNeeds : state.plan.reduceNeeds;
  const seen = state.largestOffer ?? 'there was no offer at all: is an agent running and registered with this master?';
  fail(
    state,
    { code: 'no_resources', needs: `cpus ${needs.cpus}, mem ${needs.memMb}`, forSeconds: Math.round(forMs / 1_000), seen },
    effects,
  );
}

function fail(state: JobState, failure: Failure, effects: JobEffect[]): void {
  if (state.phase !== 'running') return;
  state.phase = 'failed';
  effects.push({ kind: 'failed', failure });
}
