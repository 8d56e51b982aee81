/** Tasks in the master's memory: how they enter, change state, are told about and leave (mesos.md §2.8). */
import {
  type Int64,
  isTerminal,
  Resources,
  type Task,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  type TaskStatusReason,
  type TaskStatusSource,
} from '@pronoia/mesos';
import type { Step } from './message.ts';
import {
  type AgentEntry,
  type ExecutorEntry,
  type FrameworkEntry,
  isConnected,
  type MasterState,
  type Mutable,
  type TaskEntry,
} from './state.ts';

export const msToNanoseconds = (ms: number): Int64 => ms * 1_000_000;

/** A status that the master itself makes: no uuid, so nobody acknowledges it. */
export function masterStatus(
  about: { readonly taskId: string; readonly agentId?: string | undefined; readonly executorId?: string | undefined },
  state: TaskState,
  reason: TaskStatusReason,
  message: string,
  nowMs: number,
  extra: Partial<TaskStatus> = {},
): TaskStatus {
  const source: TaskStatusSource = 'SOURCE_MASTER';
  return {
    task_id: { value: about.taskId },
    state,
    message,
    source,
    reason,
    ...(about.agentId === undefined ? {} : { agent_id: { value: about.agentId } }),
    ...(about.executorId === undefined ? {} : { executor_id: { value: about.executorId } }),
    timestamp: nowMs / 1000,
    ...extra,
  };
}

/** The executor that the scheduler named; command tasks have none of their own on the wire. */
const executorIdOf = (task: TaskInfo): string | undefined => task.executor?.executor_id.value;

/** A task at its launch. */
export function newTask(frameworkId: string, info: TaskInfo, framework: FrameworkEntry, resources: Resources): TaskEntry {
  const user = info.command?.user ?? info.executor?.command?.user ?? framework.info.user;
  const task: Mutable<Task> = {
    name: info.name,
    task_id: info.task_id,
    framework_id: { value: frameworkId },
    agent_id: info.agent_id,
    state: 'TASK_STAGING',
    resources: resources.toArray(),
    statuses: [],
    user,
  };
  const executorId = executorIdOf(info);
  if (executorId !== undefined) task.executor_id = { value: executorId };
  if (info.labels !== undefined) task.labels = info.labels;
  if (info.discovery !== undefined) task.discovery = info.discovery;
  const container = info.container ?? info.executor?.container;
  if (container !== undefined) task.container = container;
  if (info.health_check !== undefined) task.health_check = info.health_check;
  if (info.kill_policy !== undefined) task.kill_policy = info.kill_policy;
  if (info.limits !== undefined) task.limits = info.limits;
  return entryFor(task, resources);
}

/** A task that an agent told of. */
export function taskFromAgent(task: Task, defaultRole: string): TaskEntry {
  return entryFor({ ...task }, Resources.of(task.resources).allocatedByDefaultTo(defaultRole));
}

const entryFor = (task: Mutable<Task>, resources: Resources): TaskEntry => ({
  id: task.task_id.value,
  frameworkId: task.framework_id.value,
  agentId: task.agent_id.value,
  task,
  resources,
  isFreed: isTerminal(task.state),
  kill: undefined,
  unreachableMs: undefined,
});

export function addTask(state: MasterState, framework: FrameworkEntry, agent: AgentEntry, entry: TaskEntry, step: Step): void {
  framework.tasks.set(entry.id, entry);
  let onAgent = agent.tasks.get(framework.id);
  if (onAgent === undefined) agent.tasks.set(framework.id, (onAgent = new Map()));
  onAgent.set(entry.id, entry);
  if (state.operatorStreams.size > 0)
    step.out.push({ kind: 'to_operators', event: { type: 'TASK_ADDED', task_added: { task: entry.task } } });
}

/** Sends an update to the scheduler, or drops it while the scheduler is away: agents repeat theirs, the master's are told by reconciliation. */
export function tellScheduler(framework: FrameworkEntry | undefined, status: TaskStatus, step: Step): void {
  if (framework?.streamId === undefined) return;
  framework.counters.add('events/update');
  step.out.push({ kind: 'to_scheduler', streamId: framework.streamId, event: { type: 'UPDATE', update: { status } } });
}

/**
 * Takes a new status into the task's record. `latest` is the newest state that the agent knows, which may be ahead of the status.
 * A terminal state never changes; resources are free as soon as the newest state is terminal.
 */
export function updateTask(state: MasterState, entry: TaskEntry, status: TaskStatus, latest: TaskState, step: Step): void {
  const { task } = entry;
  const before = task.state;
  const { data: _data, uuid, ...kept } = status;
  const statuses = [...(task.statuses ?? [])];
  // Health changes repeat RUNNING without end: only the newest of equal states is kept.
  if (statuses.at(-1)?.state === kept.state) statuses.pop();
  statuses.push(kept);
  task.statuses = statuses;
  if (!isTerminal(before)) task.state = latest;
  task.status_update_state = status.state;
  if (uuid !== undefined) task.status_update_uuid = uuid;
  else delete task.status_update_uuid;

  if (state.operatorStreams.size > 0) {
    step.out.push({
      kind: 'to_operators',
      event: { type: 'TASK_UPDATED', task_updated: { framework_id: task.framework_id, status: kept, state: task.state } },
    });
  }
  if (task.state !== before && isTerminal(task.state)) countTerminal(state, entry, status);
  if (isTerminal(task.state)) freeTask(state, entry);
}

function countTerminal(state: MasterState, entry: TaskEntry, status: TaskStatus): void {
  const name = entry.task.state.toLowerCase();
  state.counters.add(`master/${name.replace('task_', 'tasks_')}`);
  const words = (text: string): string => text.toLowerCase().replace('agent', 'slave');
  if (status.source !== undefined && status.reason !== undefined) {
    state.counters.add(`master/${name}/${words(status.source)}/${words(status.reason)}`);
  }
  state.frameworks.get(entry.frameworkId)?.counters.add(`tasks/terminal/${name}`);
}

export function freeTask(state: MasterState, entry: TaskEntry): void {
  if (entry.isFreed) return;
  entry.isFreed = true;
  state.allocator.recover(entry.frameworkId, entry.agentId, entry.resources);
}

/** Out of the active set; `completed` keeps it in the framework's history. */
export function removeTask(state: MasterState, framework: FrameworkEntry, entry: TaskEntry, to: 'completed' | 'unreachable'): void {
  freeTask(state, entry);
  framework.tasks.delete(entry.id);
  const agent = state.agents.get(entry.agentId);
  const onAgent = agent?.tasks.get(framework.id);
  onAgent?.delete(entry.id);
  if (onAgent?.size === 0) agent?.tasks.delete(framework.id);
  if (to === 'completed') {
    framework.completedTasks.push(entry);
    const excess = framework.completedTasks.length - state.options.maxCompletedTasksPerFramework;
    if (excess > 0) framework.completedTasks.splice(0, excess);
    return;
  }
  framework.unreachableTasks.set(entry.id, entry);
  if (framework.unreachableTasks.size > state.options.maxUnreachableTasksPerFramework) {
    const oldest = framework.unreachableTasks.keys().next().value;
    if (oldest !== undefined) framework.unreachableTasks.delete(oldest);
  }
}

export function addExecutor(framework: FrameworkEntry, agent: AgentEntry, entry: ExecutorEntry): void {
  const id = entry.info.executor_id.value;
  for (const [executors, key] of [
    [framework.executors, agent.id],
    [agent.executors, framework.id],
  ] as const) {
    const known = executors.get(key);
    if (known === undefined) executors.set(key, new Map([[id, entry]]));
    else known.set(id, entry);
  }
}

export function removeExecutor(state: MasterState, frameworkId: string, agentId: string, executorId: string): void {
  const framework = state.frameworks.get(frameworkId);
  const agent = state.agents.get(agentId);
  const entry = agent?.executors.get(frameworkId)?.get(executorId);
  if (entry !== undefined) state.allocator.recover(frameworkId, agentId, entry.resources);
  for (const [executors, key] of [
    [framework?.executors, agentId],
    [agent?.executors, frameworkId],
  ] as const) {
    const known = executors?.get(key);
    known?.delete(executorId);
    if (known?.size === 0) executors?.delete(key);
  }
}

/** Tells every connected framework that an agent is lost. */
export function tellFailure(state: MasterState, agentId: string, step: Step): void {
  for (const framework of state.frameworks.values()) {
    if (!isConnected(framework) || framework.streamId === undefined) continue;
    framework.counters.add('events/failure');
    step.out.push({
      kind: 'to_scheduler',
      streamId: framework.streamId,
      event: { type: 'FAILURE', failure: { agent_id: { value: agentId } } },
    });
  }
}

/** Only what `entry.kill` says, and only while the agent is there: it is sent again when the agent comes back. */
export function sendKill(agent: AgentEntry, entry: TaskEntry, step: Step): void {
  if (agent.streamId === undefined || entry.kill === undefined) return;
  const { killPolicy } = entry.kill;
  step.out.push({
    kind: 'to_agent',
    streamId: agent.streamId,
    message: {
      type: 'KILL_TASK',
      framework_id: { value: entry.frameworkId },
      task_id: { value: entry.id },
      ...(killPolicy === undefined ? {} : { kill_policy: killPolicy }),
    },
  });
}
