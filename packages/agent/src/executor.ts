/** An executor and its framework, as the agent holds them. For a command task the executor is ours and holds one container. */
import type { FrameworkInfo, KillPolicy, Task, TaskInfo } from '@pronoia/mesos';
import type { Timer } from '@pronoia/server';
import type { RunPath } from './layout.ts';
import type { Container } from './supervisor.ts';
import type { UpdateStream } from './updates.ts';

export interface Executor {
  readonly id: string;
  readonly name: string;
  readonly path: RunPath;
  readonly sandbox: string;
  readonly task: TaskInfo;
  readonly updates: UpdateStream;
  readonly launchedAtMs: number;
  /** Stops a launch that is still fetching. */
  readonly launching: AbortController;
  container: Container | undefined;
  isKilled: boolean;
  completionTimer: Timer | undefined;
  hasOverrun: boolean;
}

export interface Framework {
  readonly info: FrameworkInfo;
  /** By executor id. */
  readonly executors: Map<string, Executor>;
  readonly completedExecutors: Executor[];
  isShutDown: boolean;
}

const DEFAULT_KILL_GRACE_MS = 3_000;

/** Kill call > the task's own policy > 3 s. */
export function killGraceMs(task: TaskInfo, policy: KillPolicy | undefined): number {
  const grace = policy?.grace_period ?? task.kill_policy?.grace_period;
  return grace === undefined ? DEFAULT_KILL_GRACE_MS : Math.max(0, Number(grace.nanoseconds) / 1e6);
}

/** The task as the master and the endpoints show it. */
export function taskOf(executor: Executor): Task {
  const { task, updates } = executor;
  const state = updates.latest?.state ?? 'TASK_STAGING';
  const reported = updates.current ?? updates.latest;
  return {
    name: task.name,
    task_id: task.task_id,
    framework_id: { value: executor.path.frameworkId },
    executor_id: { value: executor.id },
    agent_id: { value: executor.path.agentId },
    state,
    resources: task.resources ?? [],
    statuses: updates.statuses,
    ...(reported === undefined
      ? {}
      : { status_update_state: reported.state, ...(reported.uuid === undefined ? {} : { status_update_uuid: reported.uuid }) }),
    ...(task.labels === undefined ? {} : { labels: task.labels }),
    ...(task.discovery === undefined ? {} : { discovery: task.discovery }),
    ...(task.container === undefined ? {} : { container: task.container }),
    ...(task.kill_policy === undefined ? {} : { kill_policy: task.kill_policy }),
    ...(task.command?.user === undefined ? {} : { user: task.command.user }),
  };
}
