/**
 * Long, because what is in the checkpoint before what is done is one order, read in one place.
 * The agent proper: it holds the frameworks' executors, turns the master's messages into launches and kills, and what executors say into
 * status updates. Everything that it must remember is in the checkpoint before it acts, so that a restarted agent goes on with the same
 * containers and the same updates.
 */
import { mkdirSync, rmSync } from 'node:fs';
import {
  type AgentID,
  type AgentInfo,
  type AgentToMaster,
  type ExecutorInfo,
  type FrameworkID,
  type FrameworkInfo,
  isTerminal,
  type KillPolicy,
  type MasterToAgent,
  type Resource,
  Resources,
  type TaskInfo,
  type TaskStatus,
  uuidBase64,
  uuidText,
} from '@pronoia/mesos';
import type { Clock, Logger } from '@pronoia/server';
import { BuiltInExecutor } from './built-in-executor.ts';
import { Checkpoint, type RecoveredRun, type RecoveredTask, relink } from './checkpoint.ts';
import { executorName } from './command.ts';
import type { Containers } from './containers.ts';
import { CustomExecutor } from './custom-executor.ts';
import { errors } from './errors.ts';
import {
  type Executor,
  type ExecutorKind,
  type Framework,
  type HeldTask,
  lostState,
  shutdownGraceMs,
  type TaskReport,
  taskOf,
} from './executor.ts';
import type { ExecutorHost, HeldExecutor } from './executor-host.ts';
import { Layout, type RunPath } from './layout.ts';
import type { AgentMetrics } from './metrics.ts';
import type { OperatorContainers } from './operator-containers.ts';
import { type ReconfigurationPolicy, reconfigure } from './reconfiguration.ts';
import type { Sandboxes } from './sandbox.ts';
import { EXECUTOR_CPUS, EXECUTOR_MEM_MB } from './task-run.ts';
import { UpdateStream } from './updates.ts';

export const AGENT_VERSION = '1.11.0';

export interface AgentOptions {
  readonly workDir: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly resources: readonly Resource[];
  /** Revocable, on top of `resources`. */
  readonly oversubscribed: readonly Resource[];
  readonly attributes: NonNullable<AgentInfo['attributes']>;
  readonly domain?: NonNullable<AgentInfo['domain']>;
  readonly shutdownGraceMs: number;
  readonly registrationTimeoutMs: number;
  readonly reregistrationTimeoutMs: number;
  readonly reconfigurationPolicy: ReconfigurationPolicy;
  /** Fail to start when a checkpoint is damaged, rather than going on without it. */
  readonly isStrict: boolean;
  readonly completedExecutorsPerFramework: number;
}

export interface AgentDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly metrics: AgentMetrics;
  readonly containers: Containers;
  readonly sandboxes: Sandboxes;
  readonly operatorContainers: OperatorContainers;
  readonly executorToken: (executor: HeldExecutor) => string | undefined;
  readonly send: (message: AgentToMaster) => void;
  /** A run is over for good; its sandbox may be collected later. */
  readonly onRunCompleted: (path: RunPath) => void;
}

/** How much history is kept (mesos.md §9.4). */
const COMPLETED_FRAMEWORKS = 50;
const COMPLETED_TASKS = 200;

export class Agent {
  readonly startTimeMs: number;
  readonly options: AgentOptions;
  readonly layout: Layout;
  /** By framework id; frameworks with live or unacknowledged tasks. */
  readonly frameworks = new Map<string, Framework>();
  readonly completedFrameworks: Framework[] = [];
  readonly #deps: AgentDeps;
  readonly #checkpoint: Checkpoint;
  readonly #host: ExecutorHost;
  #info: AgentInfo;
  /** With reservations and volumes, as the master last said. */
  #total: readonly Resource[];
  #registered = false;
  #recoveryMs = 0;
  #stopped = false;
  #onShutdown: (message: string) => void = () => undefined;

  constructor(options: AgentOptions, deps: AgentDeps) {
    this.options = options;
    this.#deps = deps;
    this.layout = new Layout(options.workDir);
    this.#checkpoint = new Checkpoint(this.layout);
    this.startTimeMs = deps.clock.now();
    const { hostname, port, resources, attributes, domain } = options;
    this.#info = { hostname, port, resources, attributes, ...(domain === undefined ? {} : { domain }) };
    this.#total = resources;
    this.#host = {
      ...deps,
      ...options,
      layout: this.layout,
      agentInfo: () => this.#info,
      report: (executor, task, report) => this.#report(executor, task, report),
      forward: (executor, task, status) => this.#forward(executor, task, status),
      sendMessage: (executor, data) =>
        deps.send({
          type: 'EXECUTOR_MESSAGE',
          framework_id: { value: executor.path.frameworkId },
          executor_id: { value: executor.id },
          data,
        }),
      launched: (executor, pid) => this.#checkpoint.writePid(executor.path, pid),
      exited: (executor, waitStatus) => this.#exited(executor, waitStatus),
    };
  }

  get info(): AgentInfo {
    return this.#info;
  }

  /** What it has, reservations and volumes included. */
  get total(): readonly Resource[] {
    return [...this.#total, ...this.options.oversubscribed];
  }

  get containers(): Containers {
    return this.#deps.containers;
  }

  get operatorContainers(): OperatorContainers {
    return this.#deps.operatorContainers;
  }

  get isRegistered(): boolean {
    return this.#registered;
  }

  /** What taking up the earlier life took. */
  get recoveryMs(): number {
    return this.#recoveryMs;
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
    const features = ['CHECKPOINTED_RESOURCES', 'TASK_GROUPS'] as const;
    const { id } = this.#info;
    const common = { agent_info: this.#info, version: AGENT_VERSION, resources: this.total, features };
    if (id === undefined) return { type: 'REGISTER', ...common };
    const frameworks = [...this.frameworks.values()].filter((framework) => framework.executors.size > 0);
    const executors = [...this.executors()];
    const held = {
      frameworks: frameworks.map((framework) => framework.info),
      executors: executors
        .filter(({ kind, state }) => kind !== 'command' && state !== 'TERMINATED')
        .map(({ path, info }) => ({ framework_id: { value: path.frameworkId }, executor_info: info })),
      tasks: executors.flatMap((executor) => [...executor.tasks.values()].map((task) => taskOf(executor, task))),
    };
    return { type: 'REREGISTER', ...common, held };
  }

  handle(message: MasterToAgent): void {
    switch (message.type) {
      case 'REGISTERED':
      case 'REREGISTERED':
        this.#onRegistered(message.agent_id);
        break;
      case 'RUN_TASK': {
        const { framework_info, task } = message.run_task;
        const { executor } = task;
        if (executor === undefined) this.#run(framework_info, commandExecutor(framework_info, task), 'command', [task], false);
        else this.#run(framework_info, executor, 'custom', [task], false);
        break;
      }
      case 'RUN_TASK_GROUP': {
        const { framework_info, executor, task_group } = message.run_task_group;
        this.#run(framework_info, executor, executor.type === 'DEFAULT' ? 'default' : 'custom', task_group.tasks ?? [], true);
        break;
      }
      case 'KILL_TASK':
        this.#killTask(message.framework_id, message.task_id.value, message.kill_policy);
        break;
      case 'ACKNOWLEDGE':
        this.#acknowledge(message.framework_id, message.task_id.value, message.uuid);
        break;
      case 'SHUTDOWN_FRAMEWORK':
        this.#shutdownFramework(message.framework_id.value);
        break;
      case 'SHUTDOWN_EXECUTOR': {
        const executor = this.findExecutor(message.framework_id.value, message.executor_id.value);
        executor?.driver.shutdown(shutdownGraceMs(executor.info, this.options.shutdownGraceMs));
        break;
      }
      case 'FRAMEWORK_MESSAGE': {
        const executor = this.findExecutor(message.framework_id.value, message.executor_id.value);
        this.#deps.metrics.frameworkMessages.inc({ result: executor === undefined ? 'invalid' : 'valid' });
        if (executor === undefined)
          this.#deps.log.warn({ executor: message.executor_id.value }, 'Dropped a message to an unknown executor');
        else executor.driver.message(message.data);
        break;
      }
      case 'CHECKPOINT_RESOURCES':
        this.#checkpointResources(message.resources);
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
    for (const executor of this.executors()) for (const task of executor.tasks.values()) task.updates.pause();
  }

  findExecutor(frameworkId: string, executorId: string): Executor | undefined {
    return this.frameworks.get(frameworkId)?.executors.get(executorId);
  }

  /**
   * Finds the containers of an earlier process. Nothing is reported before the agent is registered again. Resolves when the executors
   * of frameworks have come back, or are known not to come.
   */
  recover(): Promise<void> {
    mkdirSync(this.options.workDir, { recursive: true });
    const startMs = this.#deps.clock.monotonic();
    const known = this.#checkpoint.readAgent();
    if (known?.id === undefined) return Promise.resolve();
    this.#total = reconfigure(
      this.options.reconfigurationPolicy,
      known,
      this.#info,
      this.#checkpoint.readResources() ?? known.resources ?? [],
    );
    this.#info = { ...this.#info, id: known.id };
    const runs = this.#checkpoint.readRuns(known.id.value, (path, error) => {
      this.#deps.metrics.recoveryErrors.inc();
      if (this.options.isStrict) throw errors.fail('damaged_checkpoint', { path, reason: (error as Error).message }, error);
      this.#deps.log.error({ path, error: (error as Error).message }, 'A checkpoint cannot be read; its task is lost');
    });
    const coming: Promise<void>[] = [];
    for (const run of runs.filter(({ completedAtMs }) => completedAtMs === undefined)) coming.push(this.#recoverRun(run));
    this.#deps.operatorContainers.recover();
    this.#recoverHistory(runs.filter(({ completedAtMs }) => completedAtMs !== undefined));
    return Promise.all(coming).then(() => {
      this.#recoveryMs = this.#deps.clock.monotonic() - startMs;
    });
  }

  /** The agent process ends; its tasks go on. */
  release(): void {
    this.#stopped = true;
    this.#deps.operatorContainers.release();
    for (const executor of this.executors()) {
      for (const task of executor.tasks.values()) task.updates.close();
      executor.driver.release();
    }
  }

  /** All tasks are told to end; resolves when they have. For tests and `SHUTDOWN`. */
  async killAll(graceMs: number): Promise<void> {
    const executors = [...this.executors()].filter((executor) => executor.state !== 'TERMINATED');
    for (const executor of executors) executor.driver.shutdown(graceMs);
    await Promise.all([this.#deps.operatorContainers.killAll(), ...executors.map((executor) => executor.driver.ended)]);
  }

  #recoverRun(run: RecoveredRun): Promise<void> {
    const kind: ExecutorKind = run.executor === undefined ? 'command' : run.executor.type === 'DEFAULT' ? 'default' : 'custom';
    const info = run.executor ?? commandExecutor(run.framework, (run.tasks[0] as RecoveredTask).task);
    const isKept = run.framework.checkpoint === true;
    const executor = this.#addExecutor(run.framework, info, kind, run.path, run.tasks[0]?.launchedAtMs ?? this.#deps.clock.now());
    for (const record of run.tasks) {
      const task: HeldTask = { ...record, info: record.task, updates: this.#recoverUpdates(run.framework, record) };
      if (task.updates.isDone) executor.completedTasks.push(task);
      else executor.tasks.set(task.info.task_id.value, task);
    }
    const live = [...executor.tasks.values()].filter(({ updates }) => updates.latest === undefined || !isTerminal(updates.latest.state));
    this.#deps.log.info({ executor: executor.id, tasks: live.length }, 'Took up an executor of an earlier run');
    if (executor.driver instanceof CustomExecutor) {
      executor.driver.adopt();
      if (!isKept) executor.driver.shutdown(0);
    } else (executor.driver as BuiltInExecutor).adopt(live);
    if (!isKept) {
      // Such tasks must not outlive the agent; the master has already told their framework.
      for (const task of executor.tasks.values()) task.updates.close();
      executor.tasks.clear();
      if (!(executor.driver instanceof CustomExecutor)) executor.driver.shutdown(0);
      executor.framework.executors.delete(executor.id);
      if (executor.framework.executors.size === 0 && executor.framework.completedExecutors.length === 0)
        this.frameworks.delete(run.path.frameworkId);
      this.#checkpoint.completeRun(run.path);
      this.#deps.onRunCompleted(run.path);
      return Promise.resolve();
    }
    return executor.driver instanceof CustomExecutor ? executor.driver.reconnected : Promise.resolve();
  }

  #recoverUpdates(framework: FrameworkInfo, record: RecoveredTask): UpdateStream {
    try {
      return UpdateStream.recover(record.updates, this.#deps.clock, this.#sender(framework));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#deps.metrics.recoveryErrors.inc();
        this.#deps.log.error({ path: record.updates, error: (error as Error).message }, 'Status updates cannot be read; they start anew');
      }
      const updates = new UpdateStream(record.updates, this.#deps.clock, this.#sender(framework));
      updates.pause();
      return updates;
    }
  }

  /** What is over is shown as it was before. */
  #recoverHistory(runs: readonly RecoveredRun[]): void {
    const newest = [...runs].sort((a, b) => (a.completedAtMs ?? 0) - (b.completedAtMs ?? 0));
    for (const run of newest) {
      const { frameworkId } = run.path;
      let framework = this.frameworks.get(frameworkId) ?? this.completedFrameworks.find(({ info }) => info.id?.value === frameworkId);
      if (framework === undefined) {
        framework = { info: run.framework, executors: new Map(), completedExecutors: [], isShutDown: true };
        this.completedFrameworks.push(framework);
        if (this.completedFrameworks.length > COMPLETED_FRAMEWORKS) this.completedFrameworks.shift();
      }
      const kind: ExecutorKind = run.executor === undefined ? 'command' : run.executor.type === 'DEFAULT' ? 'default' : 'custom';
      const info = run.executor ?? commandExecutor(run.framework, (run.tasks[0] as RecoveredTask).task);
      const executor = this.#makeExecutor(framework, info, kind, run.path, run.tasks[0]?.launchedAtMs ?? 0);
      executor.state = 'TERMINATED';
      for (const record of run.tasks.slice(-COMPLETED_TASKS)) {
        const updates = this.#recoverUpdates(run.framework, record);
        executor.completedTasks.push({ ...record, info: record.task, updates });
      }
      this.#remember(framework, executor);
    }
  }

  #onRegistered(id: AgentID): void {
    this.#info = { ...this.#info, id };
    this.#checkpoint.writeAgent({ ...this.#info, id });
    this.#registered = true;
    this.#deps.log.info({ agent: id.value, executors: [...this.executors()].length }, 'Registered');
    for (const executor of this.executors()) for (const task of executor.tasks.values()) task.updates.resume();
  }

  #run(info: FrameworkInfo, executorInfo: ExecutorInfo, kind: ExecutorKind, tasks: readonly TaskInfo[], isGroup: boolean): void {
    const agentId = this.#info.id?.value;
    const frameworkId = info.id?.value;
    if (agentId === undefined || frameworkId === undefined) return;
    const executorId = executorInfo.executor_id.value;
    const framework = this.frameworks.get(frameworkId);
    let executor = framework?.executors.get(executorId);
    if (tasks.some((task) => this.#findTask(frameworkId, task.task_id.value) !== undefined) && kind !== 'command') {
      this.#deps.log.warn({ tasks: tasks.map((task) => task.task_id.value) }, 'Ignored a launch: a task of this id is here already');
      return;
    }
    const drop = (reason: NonNullable<TaskStatus['reason']>, message: string): void => {
      const state = lostState(info, 'TASK_DROPPED');
      for (const task of tasks)
        this.#tellOnce({ value: frameworkId }, task.task_id.value, { state, reason, message, source: 'SOURCE_AGENT' });
    };
    if (executor !== undefined) {
      if (kind === 'command') return drop('REASON_TASK_INVALID', 'An executor of this id is still here');
      if (executor.state === 'TERMINATING' || executor.state === 'TERMINATED')
        return drop('REASON_EXECUTOR_TERMINATED', 'The executor is terminating');
    }
    const unknown = this.#unknownVolume([...tasks.flatMap((task) => task.resources ?? []), ...(executorInfo.resources ?? [])]);
    if (unknown !== undefined) return drop('REASON_RESOURCES_UNKNOWN', `The volume or reservation ${unknown} is not known to this agent`);

    // 1. Framework, executor and tasks are on disk before anything of them runs.
    const launchedAtMs = this.#deps.clock.now();
    const isNew = executor === undefined;
    this.#checkpoint.writeFramework(agentId, info);
    const path = executor?.path ?? { agentId, frameworkId, executorId, containerId: uuidText(this.#deps.random) };
    if (isNew && kind !== 'command') this.#checkpoint.writeExecutor(path, executorInfo);
    executor ??= this.#addExecutor(info, executorInfo, kind, path, launchedAtMs);
    const group = isGroup ? tasks.map((task) => task.task_id.value) : [];
    const held = tasks.map((task): HeldTask => {
      const record = { task, launchedAtMs, containerId: kind === 'default' ? uuidText(this.#deps.random) : undefined, group };
      const file = this.#checkpoint.writeTask(path, record);
      const updates = new UpdateStream(info.checkpoint === true ? file : undefined, this.#deps.clock, this.#sender(info));
      if (!this.#registered) updates.pause();
      return { ...record, info: task, updates };
    });
    for (const task of held) executor.tasks.set(task.info.task_id.value, task);
    if (isNew) {
      this.#checkpoint.linkLatest(path);
      mkdirSync(executor.sandbox, { recursive: true });
      relink(this.layout.latestSandbox(path), path.containerId);
    }
    // 2. Off they go.
    if (isNew && executor.driver instanceof CustomExecutor) executor.driver.start();
    executor.driver.launch(held);
  }

  /** A reservation or a volume that this agent has not (any more). */
  #unknownVolume(resources: readonly Resource[]): string | undefined {
    const total = Resources.of(this.total).unallocated;
    for (const resource of resources) {
      const persistence = resource.disk?.persistence;
      if (persistence === undefined && !(resource.reservations ?? []).some(({ type }) => type === 'DYNAMIC')) continue;
      if (!total.contains(Resources.of([resource]).unallocated)) return persistence?.id ?? Resources.of([resource]).toString();
    }
    return undefined;
  }

  #checkpointResources(resources: readonly Resource[]): void {
    const total = [...Resources.of(resources).unallocated].filter((resource) => resource.revocable === undefined);
    const kept = new Set(total.map(volumeKey));
    // 1. On disk, 2. in force, 3. what is no longer there is deleted with its content.
    this.#checkpoint.writeResources(total);
    const before = this.#total;
    this.#total = total;
    for (const resource of before) {
      const { persistence, source } = resource.disk ?? {};
      if (persistence === undefined || kept.has(volumeKey(resource)) || source?.type === 'MOUNT') continue;
      const path = this.layout.volume(resource.reservations?.at(-1)?.role ?? resource.role ?? '*', persistence.id, source?.path?.root);
      rmSync(path, { recursive: true, force: true });
      this.#deps.log.info({ path }, 'Deleted a persistent volume');
    }
  }

  #killTask(frameworkId: FrameworkID, taskId: string, policy: KillPolicy | undefined): void {
    const found = this.#findTask(frameworkId.value, taskId);
    if (found === undefined) {
      // Nobody will ever report this task, so say so now. There is no sequence to keep: repeat calls are answered again.
      const info = this.frameworks.get(frameworkId.value)?.info;
      const state = info === undefined ? 'TASK_DROPPED' : lostState(info, 'TASK_DROPPED');
      const message = 'The task is not known to this agent';
      this.#tellOnce(frameworkId, taskId, { state, message, source: 'SOURCE_AGENT', reason: 'REASON_EXECUTOR_TERMINATED' });
      return;
    }
    const { executor, task } = found;
    const state = task.updates.latest?.state;
    if (state === undefined || !isTerminal(state)) executor.driver.kill(task, policy);
  }

  #acknowledge(frameworkId: FrameworkID, taskId: string, uuid: string): void {
    const found = this.#findTask(frameworkId.value, taskId);
    if (found === undefined) return;
    const { executor, task } = found;
    task.updates.acknowledge(uuid);
    if (!task.updates.isDone) return;
    executor.tasks.delete(taskId);
    executor.completedTasks.push(task);
    if (executor.completedTasks.length > COMPLETED_TASKS) executor.completedTasks.shift();
    if (executor.state === 'TERMINATED' && executor.tasks.size === 0) this.#complete(executor);
  }

  #findTask(frameworkId: string, taskId: string): { readonly executor: Executor; readonly task: HeldTask } | undefined {
    const framework = this.frameworks.get(frameworkId);
    // A command task's executor has its name.
    const own = framework?.executors.get(taskId);
    const task = own?.tasks.get(taskId);
    if (own !== undefined && task !== undefined) return { executor: own, task };
    for (const executor of framework?.executors.values() ?? []) {
      if (executor.kind === 'command') continue;
      const found = executor.tasks.get(taskId);
      if (found !== undefined) return { executor, task: found };
    }
    return undefined;
  }

  #shutdownFramework(frameworkId: string): void {
    const framework = this.frameworks.get(frameworkId);
    if (framework === undefined) return;
    framework.isShutDown = true;
    for (const executor of framework.executors.values()) {
      for (const task of executor.tasks.values()) task.updates.close();
      if (executor.state === 'TERMINATED') this.#complete(executor);
      else executor.driver.shutdown(shutdownGraceMs(executor.info, this.options.shutdownGraceMs));
    }
    this.#retire(framework);
  }

  #shutdown(message: string): void {
    this.#deps.log.error({ reason: message }, 'The master tells this agent to shut down');
    this.#checkpoint.forgetAgent();
    this.#onShutdown(message);
  }

  #addExecutor(info: FrameworkInfo, executorInfo: ExecutorInfo, kind: ExecutorKind, path: RunPath, launchedAtMs: number): Executor {
    let framework = this.frameworks.get(path.frameworkId);
    if (framework === undefined) {
      framework = { info, executors: new Map(), completedExecutors: [], isShutDown: false };
      this.frameworks.set(path.frameworkId, framework);
    } else framework.info = info;
    const executor = this.#makeExecutor(framework, executorInfo, kind, path, launchedAtMs);
    framework.executors.set(executor.id, executor);
    return executor;
  }

  #makeExecutor(framework: Framework, info: ExecutorInfo, kind: ExecutorKind, path: RunPath, launchedAtMs: number): Executor {
    const held: HeldExecutor = {
      kind,
      id: info.executor_id.value,
      name: info.name ?? '',
      info,
      path,
      sandbox: this.layout.sandbox(path),
      framework,
      launchedAtMs,
      tasks: new Map(),
      completedTasks: [],
      state: 'REGISTERING',
    };
    const driver = kind === 'custom' ? new CustomExecutor(this.#host, held) : new BuiltInExecutor(this.#host, held);
    return Object.assign(held, { driver });
  }

  #exited(held: HeldExecutor, waitStatus: number): void {
    held.state = 'TERMINATED';
    if (this.#stopped) return;
    this.#deps.metrics.executorsTerminated.inc();
    this.#deps.operatorContainers.executorEnded(held);
    const executor = held.framework.executors.get(held.id);
    if (executor !== held) return;
    if (held.kind !== 'command' && !held.framework.isShutDown) {
      this.#deps.send({
        type: 'EXECUTOR_EXITED',
        framework_id: { value: held.path.frameworkId },
        executor_id: { value: held.id },
        status: waitStatus,
      });
    }
    if (executor.tasks.size === 0 || held.framework.isShutDown) this.#complete(executor);
  }

  #report(executor: HeldExecutor, task: HeldTask, report: TaskReport): void {
    this.#forward(executor, task, {
      task_id: task.info.task_id,
      ...report,
      timestamp: this.#deps.clock.now() / 1_000,
      uuid: uuidBase64(this.#deps.random),
    });
  }

  /** Adds what only the agent knows (mesos.md §9.4), and off it goes. */
  #forward(executor: HeldExecutor, task: HeldTask, status: TaskStatus): void {
    if (this.#stopped) return;
    const { metrics, log } = this.#deps;
    metrics.statusUpdates.inc();
    if (isTerminal(status.state)) {
      metrics.tasksEnded.inc({ state: status.state.slice('TASK_'.length).toLowerCase() });
      log.info({ task: task.info.task_id.value, state: status.state, reason: status.message ?? status.reason ?? '' }, 'Task ended');
    }
    const containers = executor.framework.executors.get(executor.id)?.driver.containers() ?? [];
    const ownId = task.containerId ?? executor.path.containerId;
    const pid = containers.find(({ containerId }) => containerId === ownId)?.pid ?? 0;
    task.updates.update({
      ...status,
      timestamp: status.timestamp ?? this.#deps.clock.now() / 1_000,
      executor_id: { value: executor.id },
      ...(this.#info.id === undefined ? {} : { agent_id: this.#info.id }),
      container_status: {
        container_id:
          task.containerId === undefined
            ? { value: executor.path.containerId }
            : { value: task.containerId, parent: { value: executor.path.containerId } },
        network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: this.options.ip }] }],
        ...(pid === 0 ? {} : { executor_pid: pid }),
        ...status.container_status,
      },
    });
  }

  /** Outside of any sequence, and not to be acknowledged. */
  #tellOnce(frameworkId: FrameworkID, taskId: string, report: TaskReport): void {
    const status: TaskStatus = {
      task_id: { value: taskId },
      ...report,
      timestamp: this.#deps.clock.now() / 1_000,
      ...(this.#info.id === undefined ? {} : { agent_id: this.#info.id }),
    };
    this.#deps.send({ type: 'UPDATE', framework_id: frameworkId, status, latest_state: report.state });
  }

  #sender(info: FrameworkInfo): ConstructorParameters<typeof UpdateStream>[2] {
    const frameworkId = info.id as FrameworkID;
    return (status, latest) => this.#deps.send({ type: 'UPDATE', framework_id: frameworkId, status, latest_state: latest });
  }

  #complete(executor: Executor): void {
    const { framework } = executor;
    if (framework.executors.get(executor.id) !== executor) return;
    for (const task of executor.tasks.values()) task.updates.close();
    executor.completedTasks.push(...executor.tasks.values());
    executor.tasks.clear();
    this.#checkpoint.completeRun(executor.path);
    framework.executors.delete(executor.id);
    this.#remember(framework, executor);
    this.#deps.onRunCompleted(executor.path);
    this.#retire(framework);
  }

  #remember(framework: Framework, executor: Executor): void {
    framework.completedExecutors.push(executor);
    if (framework.completedExecutors.length > this.options.completedExecutorsPerFramework) framework.completedExecutors.shift();
  }

  /** A framework that was shut down and holds nothing any more is history. */
  #retire(framework: Framework): void {
    const id = framework.info.id?.value ?? '';
    if (!framework.isShutDown || framework.executors.size > 0 || this.frameworks.get(id) !== framework) return;
    this.frameworks.delete(id);
    this.#checkpoint.forgetFramework(this.#info.id?.value ?? '', id);
    this.completedFrameworks.push(framework);
    if (this.completedFrameworks.length > COMPLETED_FRAMEWORKS) this.completedFrameworks.shift();
  }
}

const volumeKey = (resource: Resource): string =>
  `${resource.reservations?.at(-1)?.role ?? resource.role ?? '*'}/${resource.disk?.persistence?.id ?? ''}`;

/** The executor that a command task has without saying so (mesos.md §9.5). */
function commandExecutor(framework: FrameworkInfo, task: TaskInfo): ExecutorInfo {
  return {
    executor_id: { value: task.task_id.value },
    ...(framework.id === undefined ? {} : { framework_id: framework.id }),
    name: executorName(task),
    source: task.task_id.value,
    ...(task.command === undefined ? {} : { command: task.command }),
    ...(task.container === undefined ? {} : { container: task.container }),
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: EXECUTOR_CPUS } },
      { name: 'mem', type: 'SCALAR', scalar: { value: EXECUTOR_MEM_MB } },
    ],
  };
}
