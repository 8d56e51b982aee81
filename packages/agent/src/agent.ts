/**
 * The agent proper: it holds the frameworks' executors (for a command task: one container each), turns the master's messages into
 * launches and kills, and the containers' ends into status updates. Everything that it must remember is in the checkpoint before it
 * acts, so that a restarted agent goes on with the same containers and the same updates.
 */
import { mkdirSync } from 'node:fs';
import {
  type AgentID,
  type AgentInfo,
  type AgentToMaster,
  type FrameworkID,
  type FrameworkInfo,
  isTerminal,
  type KillPolicy,
  type MasterToAgent,
  type Resource,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  type TaskStatusReason,
  type TaskStatusSource,
  uuidBase64,
  uuidText,
} from '@pronoia/mesos';
import type { Clock, Logger } from '@pronoia/server';
import { Checkpoint } from './checkpoint.ts';
import { executorName, refusal } from './command.ts';
import { type Executor, type Framework, killGraceMs, taskOf } from './executor.ts';
import { Layout, type RunPath } from './layout.ts';
import type { AgentMetrics } from './metrics.ts';
import { prepareSandbox } from './sandbox.ts';
import { signalText } from './signal-text.ts';
import { Container, type ContainerExit, findSupervisors, readExit } from './supervisor.ts';
import { UpdateStream } from './updates.ts';

export const AGENT_VERSION = '1.11.0';

export interface AgentOptions {
  readonly workDir: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly resources: readonly Resource[];
  readonly attributes: NonNullable<AgentInfo['attributes']>;
  readonly switchUser: boolean;
  readonly frameworksHome?: string;
  readonly fetcherStallTimeoutMs: number;
  readonly executorEnvironment: Readonly<Record<string, string>>;
  readonly shutdownGraceMs: number;
}

export interface AgentDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly metrics: AgentMetrics;
  readonly send: (message: AgentToMaster) => void;
  /** A run is over for good; its sandbox may be collected later. */
  readonly onRunCompleted: (path: RunPath) => void;
}

/** How much history is kept (mesos.md §9.4). */
const COMPLETED_FRAMEWORKS = 50;
const COMPLETED_EXECUTORS = 150;

export class Agent {
  readonly startTimeMs: number;
  readonly options: AgentOptions;
  readonly layout: Layout;
  /** By framework id; frameworks with live or unacknowledged tasks. */
  readonly frameworks = new Map<string, Framework>();
  readonly completedFrameworks: Framework[] = [];
  readonly #deps: AgentDeps;
  readonly #checkpoint: Checkpoint;
  #info: AgentInfo;
  #registered = false;
  #stopped = false;
  #onShutdown: (message: string) => void = () => undefined;

  constructor(options: AgentOptions, deps: AgentDeps) {
    this.options = options;
    this.#deps = deps;
    this.layout = new Layout(options.workDir);
    this.#checkpoint = new Checkpoint(this.layout);
    this.startTimeMs = deps.clock.now();
    this.#info = { hostname: options.hostname, port: options.port, resources: options.resources, attributes: options.attributes };
  }

  get info(): AgentInfo {
    return this.#info;
  }

  get isRegistered(): boolean {
    return this.#registered;
  }

  get endpoint(): string {
    return `${this.options.ip}:${this.options.port}`;
  }

  /** Called when the master does not want this agent: stop everything and exit. */
  onShutdown(handler: (message: string) => void): void {
    this.#onShutdown = handler;
  }

  *executors(): Iterable<Executor> {
    for (const framework of this.frameworks.values()) yield* framework.executors.values();
  }

  /** What the link says first. */
  hello(): AgentToMaster {
    const { resources } = this.options;
    if (this.#info.id === undefined) return { type: 'REGISTER', agent_info: this.#info, version: AGENT_VERSION, resources };
    const frameworks = [...this.frameworks.values()].filter((framework) => framework.executors.size > 0);
    const held = {
      frameworks: frameworks.map((framework) => framework.info),
      executors: [],
      tasks: [...this.executors()].map((executor) => taskOf(executor)),
    };
    return { type: 'REREGISTER', agent_info: this.#info, version: AGENT_VERSION, resources, held };
  }

  handle(message: MasterToAgent): void {
    switch (message.type) {
      case 'REGISTERED':
      case 'REREGISTERED':
        this.#onRegistered(message.agent_id);
        break;
      case 'RUN_TASK':
        this.#runTask(message.run_task.framework_info, message.run_task.task);
        break;
      case 'KILL_TASK':
        this.#killTask(message.framework_id, message.task_id.value, message.kill_policy);
        break;
      case 'ACKNOWLEDGE':
        this.#acknowledge(message.framework_id, message.task_id.value, message.uuid);
        break;
      case 'SHUTDOWN_FRAMEWORK':
        this.#shutdownFramework(message.framework_id.value);
        break;
      case 'SHUTDOWN_EXECUTOR':
        this.#killTask(message.framework_id, message.executor_id.value, undefined, this.options.shutdownGraceMs);
        break;
      case 'FRAMEWORK_MESSAGE':
        this.#deps.log.warn({ executor: message.executor_id.value }, 'Dropped a framework message: a command task has nobody to read it');
        break;
      case 'RUN_TASK_GROUP':
      case 'CHECKPOINT_RESOURCES':
        // Only sent to agents that announced the feature, which this one does not yet.
        this.#deps.log.error({ type: message.type }, 'BUG: the master sent what this agent has not offered to do');
        break;
      case 'PING':
        break;
      case 'SHUTDOWN':
        this.#shutdown(message.message);
        break;
      default:
        message satisfies never;
        this.#deps.log.warn({ type: (message as { type: string }).type }, 'Ignored a message of the master that this agent does not know');
    }
  }

  linkBroken(): void {
    this.#registered = false;
    for (const executor of this.executors()) executor.updates.pause();
  }

  /** Finds the containers of an earlier process. Nothing is reported before the agent is registered again. */
  recover(): void {
    mkdirSync(this.options.workDir, { recursive: true });
    const known = this.#checkpoint.readAgent();
    if (known?.id === undefined) return;
    this.#info = { ...this.#info, id: known.id };
    const supervisors = findSupervisors();
    const runs = this.#checkpoint.readRuns(known.id.value, (path, error) => {
      this.#deps.metrics.recoveryErrors.inc();
      this.#deps.log.error({ path, error: (error as Error).message }, 'A checkpoint cannot be read; its task is lost');
    });
    for (const run of runs) {
      const sandbox = this.layout.sandbox(run.path);
      const pid = supervisors.get(run.path.containerId) ?? 0;
      if (run.framework.checkpoint !== true) {
        // Such tasks must not outlive the agent; the master has already told their framework.
        Container.adopt(run.path.containerId, sandbox, pid, this.#deps.clock).kill(0);
        this.#checkpoint.completeRun(run.path);
        this.#deps.onRunCompleted(run.path);
        continue;
      }
      let updates: UpdateStream;
      try {
        updates = UpdateStream.recover(run.updates, this.#deps.clock, this.#sender(run.framework));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
          this.#deps.metrics.recoveryErrors.inc();
          this.#deps.log.error({ path: run.updates, error: (error as Error).message }, 'Status updates cannot be read; they start anew');
        }
        updates = new UpdateStream(run.updates, this.#deps.clock, this.#sender(run.framework));
        updates.pause();
      }
      const executor = this.#addExecutor(run.framework, run.task, run.path, updates, run.launchedAtMs);
      this.#deps.log.info({ task: executor.id, pid, is_running: pid !== 0 }, 'Took up a task of an earlier run');
      if (updates.latest !== undefined && isTerminal(updates.latest.state)) continue;
      if (updates.latest === undefined && pid === 0 && readExit(sandbox).kind === 'lost') {
        this.#conclude(
          executor,
          'TASK_FAILED',
          'The agent stopped while it was launching the task',
          'SOURCE_AGENT',
          'REASON_AGENT_RESTARTED',
        );
        continue;
      }
      executor.isKilled = updates.latest?.state === 'TASK_KILLING';
      this.#follow(executor, Container.adopt(run.path.containerId, sandbox, pid, this.#deps.clock));
      if (updates.latest?.state !== 'TASK_RUNNING' && pid !== 0 && !executor.isKilled)
        this.#update(executor, 'TASK_RUNNING', undefined, 'SOURCE_EXECUTOR');
    }
  }

  /** The agent process ends; its tasks go on. */
  release(): void {
    this.#stopped = true;
    for (const executor of this.executors()) {
      executor.updates.close();
      executor.completionTimer?.cancel();
      executor.container?.release();
      executor.launching.abort(new Error('the agent stops'));
    }
  }

  /** All tasks are told to end; resolves when they have, or after the grace and a second. For tests and `SHUTDOWN`. */
  async killAll(graceMs: number): Promise<void> {
    const ends: Promise<unknown>[] = [];
    for (const executor of this.executors()) {
      executor.isKilled = true;
      executor.launching.abort(new Error('the agent stops'));
      if (executor.container === undefined) continue;
      executor.container.kill(graceMs);
      ends.push(executor.container.exited);
    }
    await Promise.all(ends);
  }

  #onRegistered(id: AgentID): void {
    this.#info = { ...this.#info, id };
    this.#checkpoint.writeAgent({ ...this.#info, id });
    this.#registered = true;
    this.#deps.log.info({ agent: id.value, tasks: [...this.executors()].length }, 'Registered');
    for (const executor of this.executors()) executor.updates.resume();
  }

  #runTask(info: FrameworkInfo, task: TaskInfo): void {
    const agentId = this.#info.id?.value;
    const frameworkId = info.id?.value;
    if (agentId === undefined || frameworkId === undefined) return;
    const taskId = task.task_id.value;
    if (this.frameworks.get(frameworkId)?.executors.has(taskId)) {
      this.#deps.log.warn({ task: taskId }, 'Ignored a launch: a task of this id is here already');
      return;
    }
    const path: RunPath = { agentId, frameworkId, executorId: taskId, containerId: uuidText(this.#deps.random) };
    // 1. The framework and the task are on disk before anything of them runs.
    const launchedAtMs = this.#deps.clock.now();
    this.#checkpoint.writeFramework(agentId, info);
    const file = this.#checkpoint.writeRun(path, task, launchedAtMs);
    const updates = new UpdateStream(info.checkpoint === true ? file : undefined, this.#deps.clock, this.#sender(info));
    if (!this.#registered) updates.pause();
    const executor = this.#addExecutor(info, task, path, updates, launchedAtMs);
    // 2. What we cannot give is refused.
    const reason = refusal(task);
    if (reason !== undefined) {
      this.#launchFailed(executor, reason);
      return;
    }
    // 3. The sandbox, and off it goes.
    void this.#launch(info, executor);
  }

  async #launch(info: FrameworkInfo, executor: Executor): Promise<void> {
    const { sandbox, path } = executor;
    const { frameworksHome, fetcherStallTimeoutMs, switchUser, executorEnvironment } = this.options;
    const isFetching = (executor.task.command?.uris ?? []).length > 0;
    try {
      const command = await prepareSandbox(info, executor, {
        layout: this.layout,
        fetch: { stallTimeoutMs: fetcherStallTimeoutMs, ...(frameworksHome === undefined ? {} : { frameworksHome }) },
        command: { endpoint: this.endpoint, switchUser, baseEnvironment: executorEnvironment },
      });
      if (isFetching) this.#deps.metrics.fetches.inc({ result: 'succeeded' });
      if (executor.isKilled || this.#stopped) throw new Error('killed while it was being launched');
      this.#update(executor, 'TASK_STARTING', undefined, 'SOURCE_EXECUTOR');
      const container = await Container.launch({ ...command, containerId: path.containerId, sandbox }, this.#deps.clock);
      this.#checkpoint.writePid(path, container.pid);
      this.#follow(executor, container);
      // A kill that came while the supervisor was being started found no container.
      if (executor.isKilled) container.kill(0);
      else this.#update(executor, 'TASK_RUNNING', undefined, 'SOURCE_EXECUTOR');
    } catch (error) {
      if (this.#stopped) return;
      if (executor.isKilled)
        this.#conclude(executor, 'TASK_KILLED', 'Killed before it was launched', 'SOURCE_AGENT', 'REASON_TASK_KILLED_DURING_LAUNCH');
      else {
        if (isFetching) this.#deps.metrics.fetches.inc({ result: 'failed' });
        this.#launchFailed(executor, (error as Error).message);
      }
    }
  }

  #launchFailed(executor: Executor, reason: string): void {
    this.#deps.metrics.launchErrors.inc();
    this.#deps.log.warn({ task: executor.id, reason }, 'A task could not be launched');
    this.#conclude(executor, 'TASK_FAILED', `Failed to launch container: ${reason}`, 'SOURCE_AGENT', 'REASON_CONTAINER_LAUNCH_FAILED');
  }

  /** From now on the container's end is the task's end. */
  #follow(executor: Executor, container: Container): void {
    executor.container = container;
    const limit = executor.task.max_completion_time;
    if (limit !== undefined) {
      const leftMs = executor.launchedAtMs + Number(limit.nanoseconds) / 1e6 - this.#deps.clock.now();
      executor.completionTimer = this.#deps.clock.setTimer(leftMs, () => {
        executor.hasOverrun = true;
        container.kill(killGraceMs(executor.task, undefined));
      });
    }
    void container.exited.then((exit) => {
      executor.completionTimer?.cancel();
      if (!this.#stopped) this.#exited(executor, exit);
    });
  }

  #exited(executor: Executor, exit: ContainerExit): void {
    if (exit.kind === 'lost') {
      if (executor.isKilled) this.#conclude(executor, 'TASK_KILLED', 'Command was killed', 'SOURCE_EXECUTOR');
      else
        this.#conclude(
          executor,
          'TASK_FAILED',
          "The task's supervisor was killed, and its processes with it",
          'SOURCE_AGENT',
          'REASON_EXECUTOR_TERMINATED',
        );
      return;
    }
    const message =
      exit.kind === 'exited' ? `Command exited with status ${exit.status}` : `Command terminated with signal ${signalText(exit.signal)}`;
    if (executor.isKilled) this.#conclude(executor, 'TASK_KILLED', message, 'SOURCE_EXECUTOR');
    else if (executor.hasOverrun) this.#conclude(executor, 'TASK_FAILED', message, 'SOURCE_EXECUTOR', 'REASON_MAX_COMPLETION_TIME_REACHED');
    else if (exit.kind === 'exited' && exit.status === 0) this.#conclude(executor, 'TASK_FINISHED', message, 'SOURCE_EXECUTOR');
    else this.#conclude(executor, 'TASK_FAILED', message, 'SOURCE_EXECUTOR', 'REASON_COMMAND_EXECUTOR_FAILED');
  }

  #killTask(frameworkId: FrameworkID, taskId: string, policy: KillPolicy | undefined, graceMs?: number): void {
    const framework = this.frameworks.get(frameworkId.value);
    const executor = framework?.executors.get(taskId);
    if (framework === undefined || executor === undefined) {
      // Nobody will ever report this task, so say so now. There is no sequence to keep: repeat calls are answered again.
      this.#deps.send({
        type: 'UPDATE',
        framework_id: frameworkId,
        status: {
          ...this.#status(taskId, 'TASK_DROPPED', 'The task is not known to this agent', 'SOURCE_AGENT'),
          reason: 'REASON_EXECUTOR_TERMINATED',
        },
        latest_state: 'TASK_DROPPED',
      });
      return;
    }
    const state = executor.updates.latest?.state;
    if (state !== undefined && isTerminal(state)) return;
    if (
      !executor.isKilled &&
      framework.info.capabilities?.some((capability) => capability.type === 'TASK_KILLING_STATE') &&
      executor.container !== undefined
    ) {
      this.#update(executor, 'TASK_KILLING', undefined, 'SOURCE_EXECUTOR');
    }
    executor.isKilled = true;
    executor.launching.abort(new Error('killed'));
    executor.container?.kill(graceMs ?? killGraceMs(executor.task, policy));
  }

  #acknowledge(frameworkId: FrameworkID, taskId: string, uuid: string): void {
    const framework = this.frameworks.get(frameworkId.value);
    const executor = framework?.executors.get(taskId);
    if (framework === undefined || executor === undefined) return;
    executor.updates.acknowledge(uuid);
    if (executor.updates.isDone) this.#complete(framework, executor);
  }

  #shutdownFramework(frameworkId: string): void {
    const framework = this.frameworks.get(frameworkId);
    if (framework === undefined) return;
    framework.isShutDown = true;
    for (const executor of framework.executors.values()) {
      executor.updates.close();
      executor.isKilled = true;
      executor.launching.abort(new Error('the framework is gone'));
      const state = executor.updates.latest?.state;
      if (executor.container === undefined || executor.container.hasExited) {
        if (state === undefined || isTerminal(state)) this.#complete(framework, executor);
        continue;
      }
      executor.container.kill(this.options.shutdownGraceMs);
    }
    this.#retire(framework);
  }

  #shutdown(message: string): void {
    this.#deps.log.error({ reason: message }, 'The master tells this agent to shut down');
    this.#checkpoint.forgetAgent();
    this.#onShutdown(message);
  }

  #addExecutor(info: FrameworkInfo, task: TaskInfo, path: RunPath, updates: UpdateStream, launchedAtMs: number): Executor {
    let framework = this.frameworks.get(path.frameworkId);
    if (framework === undefined) {
      framework = { info, executors: new Map(), completedExecutors: [], isShutDown: false };
      this.frameworks.set(path.frameworkId, framework);
    }
    const executor: Executor = {
      id: task.task_id.value,
      name: executorName(task),
      path,
      sandbox: this.layout.sandbox(path),
      task,
      updates,
      launchedAtMs,
      launching: new AbortController(),
      container: undefined,
      isKilled: false,
      completionTimer: undefined,
      hasOverrun: false,
    };
    framework.executors.set(executor.id, executor);
    return executor;
  }

  /** The task is over. Its executor stays until the framework has acknowledged that. */
  #conclude(executor: Executor, state: TaskState, message: string, source: TaskStatusSource, reason?: TaskStatusReason): void {
    this.#deps.metrics.executorsTerminated.inc();
    this.#deps.metrics.tasksEnded.inc({ state: state.slice('TASK_'.length).toLowerCase() });
    this.#deps.log.info({ task: executor.id, state, reason: message }, 'Task ended');
    const framework = this.frameworks.get(executor.path.frameworkId);
    this.#update(executor, state, message, source, reason);
    if (framework?.isShutDown === true) this.#complete(framework, executor);
  }

  #update(executor: Executor, state: TaskState, message: string | undefined, source: TaskStatusSource, reason?: TaskStatusReason): void {
    this.#deps.metrics.statusUpdates.inc();
    executor.updates.update({
      ...this.#status(executor.id, state, message, source),
      uuid: uuidBase64(this.#deps.random),
      executor_id: { value: executor.id },
      container_status: {
        container_id: { value: executor.path.containerId },
        network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: this.options.ip }] }],
        ...(executor.container === undefined || executor.container.pid === 0 ? {} : { executor_pid: executor.container.pid }),
      },
      ...(reason === undefined ? {} : { reason }),
    });
  }

  #status(taskId: string, state: TaskState, message: string | undefined, source: TaskStatusSource): TaskStatus {
    return {
      task_id: { value: taskId },
      state,
      source,
      timestamp: this.#deps.clock.now() / 1_000,
      ...(message === undefined ? {} : { message }),
      ...(this.#info.id === undefined ? {} : { agent_id: this.#info.id }),
    };
  }

  #sender(info: FrameworkInfo): (status: TaskStatus, latest: TaskState) => void {
    const frameworkId = info.id as FrameworkID;
    return (status, latest) => this.#deps.send({ type: 'UPDATE', framework_id: frameworkId, status, latest_state: latest });
  }

  #complete(framework: Framework, executor: Executor): void {
    if (framework.executors.get(executor.id) !== executor) return;
    executor.updates.close();
    this.#checkpoint.completeRun(executor.path);
    framework.executors.delete(executor.id);
    framework.completedExecutors.push(executor);
    if (framework.completedExecutors.length > COMPLETED_EXECUTORS) framework.completedExecutors.shift();
    this.#deps.onRunCompleted(executor.path);
    this.#retire(framework);
  }

  /** A framework that was shut down and holds nothing any more is history. */
  #retire(framework: Framework): void {
    const id = framework.info.id?.value ?? '';
    if (!framework.isShutDown || framework.executors.size > 0 || this.frameworks.get(id) !== framework) return;
    this.frameworks.delete(id);
    this.completedFrameworks.push(framework);
    if (this.completedFrameworks.length > COMPLETED_FRAMEWORKS) this.completedFrameworks.shift();
  }
}
