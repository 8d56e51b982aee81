/** An executor, its tasks and its framework, as the agent holds them. What it does is its driver's business. */
import type { CheckStatusInfo, ExecutorInfo, FrameworkInfo, KillPolicy, Task, TaskInfo, TaskState, TaskStatus } from '@pronoia/mesos';
import type { Container } from './containerizer.ts';
import type { RunPath } from './layout.ts';
import type { UpdateStream } from './updates.ts';

/** `command` and `default` are ours and live in the agent; `custom` is a process of the framework's. */
export type ExecutorKind = 'command' | 'default' | 'custom';

export type ExecutorState = 'REGISTERING' | 'RUNNING' | 'TERMINATING' | 'TERMINATED';

export interface HeldTask {
  readonly info: TaskInfo;
  readonly updates: UpdateStream;
  readonly launchedAtMs: number;
  /** Of the task's own container when it is nested in its executor's. */
  readonly containerId: string | undefined;
  /** Ids of the tasks that were launched together with it, itself included; empty for a task on its own. */
  readonly group: readonly string[];
}

export interface Executor {
  readonly kind: ExecutorKind;
  readonly id: string;
  readonly name: string;
  readonly info: ExecutorInfo;
  readonly path: RunPath;
  readonly sandbox: string;
  readonly framework: Framework;
  readonly launchedAtMs: number;
  /** By id: not over yet, or not acknowledged yet. */
  readonly tasks: Map<string, HeldTask>;
  readonly completedTasks: HeldTask[];
  readonly driver: ExecutorDriver;
  state: ExecutorState;
}

/** A task and what is known of its container, for statistics and statuses. */
export interface RunningContainer {
  readonly containerId: string;
  readonly parentId?: string;
  readonly pid: number;
  readonly task?: TaskInfo;
  readonly container: Container | undefined;
}

/** How an executor runs tasks. Nothing here throws: what goes wrong comes as the tasks' updates. */
export interface ExecutorDriver {
  /** The tasks are in the executor's `tasks` and on disk. */
  launch(tasks: readonly HeldTask[]): void;
  kill(task: HeldTask, policy: KillPolicy | undefined): void;
  message(data: string): void;
  /** Ends with everything in it, after at most the grace. */
  shutdown(graceMs: number): void;
  /** Ends at once, and its tasks with `reason`. */
  destroy(reason: 'preempted'): void;
  /** The agent process ends; containers go on. */
  release(): void;
  /** What runs at the moment; the executor's own container first, when it has one. */
  containers(): readonly RunningContainer[];
  /** Every container has ended. */
  readonly ended: Promise<void>;
}

export interface Framework {
  info: FrameworkInfo;
  /** By executor id. */
  readonly executors: Map<string, Executor>;
  readonly completedExecutors: Executor[];
  isShutDown: boolean;
}

/** What an executor says of a task; the agent adds the rest. */
export interface TaskReport {
  readonly state: TaskState;
  readonly source: NonNullable<TaskStatus['source']>;
  readonly message?: string;
  readonly reason?: NonNullable<TaskStatus['reason']>;
  readonly healthy?: boolean;
  readonly check_status?: CheckStatusInfo;
  readonly limitation?: NonNullable<TaskStatus['limitation']>;
}

const DEFAULT_KILL_GRACE_MS = 3_000;

/** Kill call > the task's own policy > 3 s. */
export function killGraceMs(task: TaskInfo, policy: KillPolicy | undefined): number {
  const grace = policy?.grace_period ?? task.kill_policy?.grace_period;
  return grace === undefined ? DEFAULT_KILL_GRACE_MS : Math.max(0, Number(grace.nanoseconds) / 1e6);
}

/** Between SHUTDOWN and SIGKILL. */
export const shutdownGraceMs = (info: ExecutorInfo, agentsMs: number): number =>
  info.shutdown_grace_period === undefined ? agentsMs : Math.max(0, Number(info.shutdown_grace_period.nanoseconds) / 1e6);

export const hasCapability = (
  info: FrameworkInfo,
  type: NonNullable<NonNullable<FrameworkInfo['capabilities']>[number]['type']>,
): boolean => info.capabilities?.some((capability) => capability.type === type) === true;

/** Frameworks that do not know the finer states are told TASK_LOST (mesos.md §2.8). */
export const lostState = (info: FrameworkInfo, finer: 'TASK_DROPPED' | 'TASK_GONE'): TaskState =>
  hasCapability(info, 'PARTITION_AWARE') ? finer : 'TASK_LOST';

/** The task as the master and the endpoints show it. */
export function taskOf(executor: Executor, { info, updates }: HeldTask): Task {
  const state = updates.latest?.state ?? 'TASK_STAGING';
  const reported = updates.current ?? updates.latest;
  return {
    name: info.name,
    task_id: info.task_id,
    framework_id: { value: executor.path.frameworkId },
    executor_id: { value: executor.id },
    agent_id: { value: executor.path.agentId },
    state,
    resources: info.resources ?? [],
    statuses: updates.statuses,
    ...(reported === undefined
      ? {}
      : { status_update_state: reported.state, ...(reported.uuid === undefined ? {} : { status_update_uuid: reported.uuid }) }),
    ...(info.labels === undefined ? {} : { labels: info.labels }),
    ...(info.discovery === undefined ? {} : { discovery: info.discovery }),
    ...(info.container === undefined ? {} : { container: info.container }),
    ...(info.health_check === undefined ? {} : { health_check: info.health_check }),
    ...(info.kill_policy === undefined ? {} : { kill_policy: info.kill_policy }),
    ...(info.limits === undefined ? {} : { limits: info.limits }),
    ...(info.command?.user === undefined ? {} : { user: info.command.user }),
  };
}
