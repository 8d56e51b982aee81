/**
 * An executor of the framework's own: a process in a container that speaks the v1 executor API (mesos.md §3). The agent launches it,
 * waits for it to subscribe, hands it its tasks and passes on what it says of them. Only the end of its container ends it: a closed
 * stream means nothing.
 */
import { type ExecutorCallSubscribe, type ExecutorEvent, isTerminal, type KillPolicy, type TaskStatus } from '@pronoia/mesos';
import type { Timer } from '@pronoia/server';
import { type Container, type ContainerExit, quantitiesOf } from './containerizer.ts';
import { formatDuration } from './duration-text.ts';
import {
  type ExecutorDriver,
  type ExecutorState,
  type HeldTask,
  lostState,
  type RunningContainer,
  shutdownGraceMs,
  type TaskReport,
} from './executor.ts';
import type { ExecutorHost, HeldExecutor } from './executor-host.ts';
import { signalNumber, signalText } from './signal-text.ts';
import { ownTurn } from './turns.ts';

/** The executor's open event stream. */
export interface ExecutorLink {
  send(event: ExecutorEvent): void;
  close(): void;
}

type Ending = Pick<TaskReport, 'state' | 'reason' | 'message'>;

/** mesos.md §3. */
const HEARTBEAT_MS = 30 * 60_000;

export class CustomExecutor implements ExecutorDriver {
  readonly ended: Promise<void>;
  /** Settles when the executor is back after a restart of the agent, or is known not to come. */
  readonly reconnected: Promise<void>;
  readonly #host: ExecutorHost;
  readonly #executor: HeldExecutor;
  readonly #launching = new AbortController();
  #resolveEnded: () => void = () => undefined;
  #resolveReconnected: () => void = () => undefined;
  #container: Container | undefined;
  #link: ExecutorLink | undefined;
  /** Waiting for the executor; each entry is one LAUNCH or LAUNCH_GROUP. */
  #queued: (readonly HeldTask[])[] = [];
  readonly #killed = new Map<string, KillPolicy | undefined>();
  /** Why the agent ends it, when it does: what its tasks then die of. */
  #ending: Ending | undefined;
  #timer: Timer | undefined;
  #heartbeat: Timer | undefined;
  #isReleased = false;
  #hasHadTask = false;

  constructor(host: ExecutorHost, executor: HeldExecutor) {
    this.#host = host;
    this.#executor = executor;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.reconnected = new Promise((resolve) => {
      this.#resolveReconnected = resolve;
    });
  }

  start(): void {
    void this.#launch();
  }

  /** Takes up the executor of an earlier agent process: it subscribes again soon, or is ended. */
  adopt(): void {
    this.#hasHadTask = true;
    const container = this.#host.containers.recover(this.#spec());
    this.#follow(container);
    if (container.pid === 0) return;
    this.#timer = this.#host.clock.setTimer(this.#host.reregistrationTimeoutMs, () => {
      this.#destroy({
        state: lostState(this.#executor.framework.info, 'TASK_GONE'),
        reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
        message: `Executor did not reregister within ${formatDuration(this.#host.reregistrationTimeoutMs)}`,
      });
    });
  }

  launch(tasks: readonly HeldTask[]): void {
    this.#container?.limit(this.#spec().quantities);
    if (this.#link !== undefined && this.#executor.state === 'RUNNING') this.#deliver(tasks);
    else this.#queued.push(tasks);
  }

  kill(task: HeldTask, policy: KillPolicy | undefined): void {
    const queued = this.#queued.find((tasks) => tasks.includes(task));
    if (queued !== undefined) {
      // It has not heard of it, nor of those that came along.
      this.#queued = this.#queued.filter((tasks) => tasks !== queued);
      for (const one of queued)
        this.#tell(one, { state: 'TASK_KILLED', reason: 'REASON_TASK_KILLED_DURING_LAUNCH', message: KILLED_EARLY });
      return;
    }
    this.#killed.set(task.info.task_id.value, policy);
    this.#link?.send(killEvent(task.info.task_id.value, policy));
  }

  message(data: string): void {
    if (this.#link === undefined)
      this.#host.log.warn({ executor: this.#executor.id }, 'Dropped a framework message: the executor is not connected');
    else this.#link.send({ type: 'MESSAGE', message: { data } });
  }

  shutdown(graceMs: number): void {
    if (this.#executor.state === 'TERMINATED') return;
    this.#executor.state = 'TERMINATING';
    this.#timer?.cancel();
    this.#launching.abort(new Error('the executor is shut down'));
    this.#link?.send({ type: 'SHUTDOWN' });
    this.#timer = this.#host.clock.setTimer(graceMs, () => this.#container?.kill(0));
  }

  destroy(): void {
    this.#destroy({
      state: lostState(this.#executor.framework.info, 'TASK_GONE'),
      reason: 'REASON_CONTAINER_PREEMPTED',
      message: 'Container preempted: the machine needs its resources',
    });
  }

  /** Executor → framework. */
  send(data: string): void {
    this.#host.sendMessage(this.#executor, data);
  }

  release(): void {
    this.#isReleased = true;
    this.#timer?.cancel();
    this.#heartbeat?.cancel();
    this.#launching.abort(new Error('the agent stops'));
    this.#container?.release();
    this.#link?.close();
    this.#link = undefined;
    this.#resolveReconnected();
  }

  containers(): RunningContainer[] {
    const container = this.#container;
    return [{ containerId: this.#executor.path.containerId, pid: container?.hasExited === false ? container.pid : 0, container }];
  }

  get isSubscribed(): boolean {
    return this.#link !== undefined;
  }

  /** The executor has come, or has come again: an older stream of it is closed. */
  subscribe(link: ExecutorLink, call: ExecutorCallSubscribe): void {
    const { info, framework, path } = this.#executor;
    if (this.#executor.state === 'TERMINATED') {
      link.send({ type: 'SHUTDOWN' });
      link.close();
      return;
    }
    this.#link?.close();
    this.#link = link;
    this.#beat();
    if (this.#executor.state === 'TERMINATING') {
      link.send({ type: 'SHUTDOWN' });
      return;
    }
    this.#timer?.cancel();
    this.#executor.state = 'RUNNING';
    this.#resolveReconnected();
    const agent_info = this.#host.agentInfo();
    const subscribed = { executor_info: info, framework_info: framework.info, agent_info, container_id: { value: path.containerId } };
    link.send({ type: 'SUBSCRIBED', subscribed });
    // 1. What it said and nobody confirmed.
    for (const { status } of call.unacknowledged_updates ?? []) this.update(status);
    // 2. What it should know of and does not: it was sent to a stream that nobody read.
    const known = new Set((call.unacknowledged_tasks ?? []).map((task) => task.task_id.value));
    const waiting = new Set(this.#queued.flat());
    for (const task of this.#executor.tasks.values()) {
      if (task.updates.latest !== undefined || waiting.has(task) || known.has(task.info.task_id.value)) continue;
      const state = lostState(framework.info, 'TASK_DROPPED');
      this.#tell(task, { state, reason: 'REASON_AGENT_RESTARTED', message: 'The task did not reach its executor' });
    }
    // 3. What it has not heard of yet.
    const queued = this.#queued;
    this.#queued = [];
    for (const tasks of queued) this.#deliver(tasks);
    for (const [id, policy] of this.#killed) if (this.#executor.tasks.has(id)) link.send(killEvent(id, policy));
    if (!this.#hasHadTask) {
      // Its only task was killed before it came.
      this.shutdown(shutdownGraceMs(info, this.#host.shutdownGraceMs));
    }
  }

  /** The stream ended; whoever subscribed meanwhile stays. */
  unsubscribed(link: ExecutorLink): void {
    if (this.#link === link) {
      this.#link = undefined;
      this.#heartbeat?.cancel();
    }
  }

  /** A valid status of the executor's. It is confirmed once it is kept. */
  update(status: TaskStatus): void {
    const id = status.task_id.value;
    const task = this.#executor.tasks.get(id);
    const latest = task?.updates.latest;
    if (task === undefined)
      this.#host.log.warn({ executor: this.#executor.id, task: id }, 'Ignored an update of a task that its executor does not hold');
    else if (latest === undefined || !isTerminal(latest.state)) this.#host.forward(this.#executor, task, status);
    this.#link?.send({ type: 'ACKNOWLEDGED', acknowledged: { task_id: status.task_id, uuid: status.uuid ?? '' } });
    if (isTerminal(status.state)) {
      this.#killed.delete(id);
      this.#container?.limit(this.#spec().quantities);
    }
  }

  #deliver(tasks: readonly HeldTask[]): void {
    const [first] = tasks;
    if (first === undefined) return;
    this.#hasHadTask = true;
    // The executor is what reads it: it needs no description of itself.
    if (first.group.length > 0) {
      this.#link?.send({ type: 'LAUNCH_GROUP', launch_group: { task_group: { tasks: tasks.map((task) => task.info) } } });
    } else this.#link?.send({ type: 'LAUNCH', launch: { task: first.info } });
  }

  async #launch(): Promise<void> {
    const { info, framework, path, sandbox } = this.#executor;
    const isFetching = (info.command?.uris ?? []).length > 0;
    try {
      const refused = this.#host.containers.refusal(info.container);
      if (refused !== undefined) throw new Error(refused);
      if (info.command === undefined) throw new Error('the executor has no command');
      const token = this.#host.executorToken(this.#executor);
      const prepared = await this.#host.sandboxes.prepare(
        {
          framework: framework.info,
          command: info.command,
          resources: info.resources,
          container: info.container,
          agentId: path.agentId,
          executorId: this.#executor.id,
          sandbox,
          ...(token === undefined ? {} : { extraEnvironment: { MESOS_EXECUTOR_AUTHENTICATION_TOKEN: token } }),
        },
        this.#launching.signal,
      );
      if (isFetching) this.#host.metrics.fetches.inc({ result: 'succeeded' });
      await ownTurn();
      if (this.#isReleased || this.#executor.state === 'TERMINATING') throw new Error('the executor was shut down before it was launched');
      const container = await this.#host.containers.launch({ ...this.#spec(), ...prepared });
      this.#host.launched(this.#executor, container.pid);
      this.#follow(container);
      // It may have been shut down, or have subscribed, while its container was being started.
      const state = this.#executor.state as ExecutorState;
      if (state === 'TERMINATING') container.kill(0);
      else if (state === 'REGISTERING') {
        this.#timer = this.#host.clock.setTimer(this.#host.registrationTimeoutMs, () => {
          const message = `Executor did not register within ${formatDuration(this.#host.registrationTimeoutMs)}`;
          this.#destroy({ state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT', message });
        });
      }
    } catch (error) {
      if (this.#isReleased) return;
      const message = `Failed to launch container: ${(error as Error).message}`;
      this.#host.metrics.launchErrors.inc();
      if (isFetching) this.#host.metrics.fetches.inc({ result: 'failed' });
      this.#host.log.warn({ executor: this.#executor.id, reason: (error as Error).message }, 'An executor could not be launched');
      this.#ending ??= { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message };
      this.#end({ kind: 'lost' });
    }
  }

  /** Its own resources and those of the tasks that are not over. */
  #spec() {
    const { info, path, sandbox, tasks } = this.#executor;
    const resources = [...(info.resources ?? [])];
    for (const { info: task, updates } of tasks.values())
      if (updates.latest === undefined || !isTerminal(updates.latest.state)) resources.push(...(task.resources ?? []));
    return {
      containerId: path.containerId,
      sandbox,
      quantities: quantitiesOf(resources, undefined),
      ...(info.container === undefined ? {} : { container: info.container }),
      ...(info.container?.tty_info === undefined ? {} : { tty: info.container.tty_info }),
    };
  }

  #follow(container: Container): void {
    this.#container = container;
    void container.exited.then((exit) => {
      if (!this.#isReleased) this.#end(exit);
    });
  }

  #destroy(ending: Ending): void {
    this.#ending ??= ending;
    this.#executor.state = 'TERMINATING';
    this.#launching.abort(new Error(ending.message));
    this.#container?.kill(0);
  }

  #end(exit: ContainerExit): void {
    this.#timer?.cancel();
    this.#heartbeat?.cancel();
    this.#link?.close();
    this.#link = undefined;
    this.#executor.state = 'TERMINATED';
    const { limitation } = exit;
    const ending: Ending =
      this.#ending ??
      (limitation === undefined
        ? { state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED', message: `Executor terminated: ${exitText(exit)}` }
        : { state: 'TASK_FAILED', reason: limitation.reason, message: limitation.message });
    for (const task of this.#executor.tasks.values()) {
      const state = task.updates.latest?.state;
      if (state !== undefined && isTerminal(state)) continue;
      const limited = limitation !== undefined && this.#ending === undefined ? { limitation: { resources: limitation.resources } } : {};
      this.#tell(task, { ...ending, ...limited });
    }
    this.#queued = [];
    this.#resolveReconnected();
    this.#resolveEnded();
    this.#host.exited(this.#executor, waitStatus(exit));
  }

  #tell(task: HeldTask, report: Omit<TaskReport, 'source'>): void {
    this.#host.report(this.#executor, task, { source: 'SOURCE_AGENT', ...report });
  }

  #beat(): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = this.#host.clock.setTimer(HEARTBEAT_MS, () => {
      this.#link?.send({ type: 'HEARTBEAT' });
      this.#beat();
    });
  }
}

const KILLED_EARLY = 'Killed before delivery to the executor';

function killEvent(taskId: string, policy: KillPolicy | undefined): ExecutorEvent {
  return { type: 'KILL', kill: { task_id: { value: taskId }, ...(policy === undefined ? {} : { kill_policy: policy }) } };
}

function exitText(exit: ContainerExit): string {
  if (exit.kind === 'exited') return `it exited with status ${exit.status}`;
  return exit.kind === 'signaled' ? `it was ended by signal ${signalText(exit.signal)}` : 'its supervisor was killed';
}

/** As wait(2) has it. */
export function waitStatus(exit: ContainerExit): number {
  if (exit.kind === 'exited') return exit.status << 8;
  return exit.kind === 'signaled' ? signalNumber(exit.signal) : -1;
}

/** The first thing that is wrong with an update, as a sentence for the executor's author (mesos.md §3). */
export function updateFault(status: TaskStatus, executorId: string): string | undefined {
  if (status.uuid === undefined) return "Expecting 'uuid' to be present";
  if (Buffer.from(status.uuid, 'base64').length !== 16) return "Not a valid UUID: expecting 16 bytes in 'uuid'";
  if (status.source !== 'SOURCE_EXECUTOR') return "Received Call from executor with 'source' other than SOURCE_EXECUTOR";
  if (status.state === 'TASK_STAGING') return 'Received TASK_STAGING from executor, which is not allowed';
  if (status.executor_id !== undefined && status.executor_id.value !== executorId)
    return `ExecutorID in Call: ${executorId} does not match ExecutorID in TaskStatus: ${status.executor_id.value}`;
  const check = status.check_status;
  if (check !== undefined) {
    const part = { COMMAND: check.command, HTTP: check.http, TCP: check.tcp, UNKNOWN: undefined }[check.type ?? 'UNKNOWN'];
    if (part === undefined) return `Invalid 'check_status': type ${check.type ?? 'UNKNOWN'} without its part`;
  }
  return undefined;
}
