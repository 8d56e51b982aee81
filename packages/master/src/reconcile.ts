/** What the master knows of tasks that a scheduler asks about (mesos.md §2.8). */
import type { SchedulerCallReconcile, SchedulerCallReconcileOperations, SchedulerCallReconcileTask, TaskStatus } from '@pronoia/mesos';
import type { Step } from './message.ts';
import { type FrameworkEntry, type MasterState, stateFor, type TaskEntry } from './state.ts';
import { masterStatus, msToNanoseconds, tellScheduler } from './tasks.ts';

const reason = 'REASON_RECONCILIATION';

export function reconcile(state: MasterState, framework: FrameworkEntry, call: SchedulerCallReconcile, step: Step): void {
  const asked = call.tasks ?? [];
  if (asked.length === 0) {
    for (const entry of framework.tasks.values()) tellScheduler(framework, statusOfKnown(entry, step), step);
    return;
  }
  for (const task of asked) {
    const entry = framework.tasks.get(task.task_id.value);
    const status = entry === undefined ? statusOfUnknown(state, framework, task, step) : statusOfKnown(entry, step);
    if (status !== undefined) tellScheduler(framework, status, step);
  }
}

/** The newest state that the scheduler may have been told, with what was last seen of health and container. */
function statusOfKnown(entry: TaskEntry, step: Step): TaskStatus {
  const { task } = entry;
  const last = task.statuses?.at(-1);
  return masterStatus(
    { taskId: entry.id, agentId: entry.agentId, executorId: task.executor_id?.value },
    task.status_update_state ?? task.state,
    reason,
    'Reconciliation: Latest task state',
    step.nowMs,
    {
      ...(last?.container_status === undefined ? {} : { container_status: last.container_status }),
      ...(last?.healthy === undefined ? {} : { healthy: last.healthy }),
      ...(last?.check_status === undefined ? {} : { check_status: last.check_status }),
    },
  );
}

/** The answer about a task that is not in the active set; undefined: nobody can know yet, so no answer. */
export function statusOfUnknown(
  state: MasterState,
  framework: FrameworkEntry,
  asked: SchedulerCallReconcileTask,
  step: Step,
): TaskStatus | undefined {
  const about = { taskId: asked.task_id.value, agentId: asked.agent_id?.value };
  const unreachable = framework.unreachableTasks.get(asked.task_id.value);
  const agentId = asked.agent_id?.value ?? unreachable?.agentId;
  if (agentId === undefined ? state.recoveredAgents.size > 0 : state.recoveredAgents.has(agentId)) return undefined;
  if (agentId !== undefined && state.agents.has(agentId)) {
    return masterStatus(about, stateFor(framework, 'TASK_GONE'), reason, 'Reconciliation: Task is unknown to the agent', step.nowMs);
  }
  const sinceMs = agentId === undefined ? undefined : state.unreachableAgents.get(agentId);
  if (agentId !== undefined && sinceMs !== undefined) {
    return masterStatus(
      { ...about, agentId },
      stateFor(framework, 'TASK_UNREACHABLE'),
      reason,
      'Reconciliation: Task is unreachable',
      step.nowMs,
      {
        unreachable_time: { nanoseconds: msToNanoseconds(sinceMs) },
      },
    );
  }
  if (agentId !== undefined && state.goneAgents.has(agentId)) {
    return masterStatus(about, stateFor(framework, 'TASK_GONE_BY_OPERATOR'), reason, 'Reconciliation: Agent is gone', step.nowMs);
  }
  return masterStatus(about, stateFor(framework, 'TASK_UNKNOWN'), reason, 'Reconciliation: Task is unknown', step.nowMs);
}

/** Operations are done or refused at once, so the last answer is all there is to know. */
export function reconcileOperations(
  state: MasterState,
  framework: FrameworkEntry,
  call: SchedulerCallReconcileOperations,
  step: Step,
): void {
  if (framework.streamId === undefined) return;
  for (const { operation_id, agent_id, resource_provider_id } of call.operations ?? []) {
    const id = agent_id?.value;
    const answered = framework.operations.get(operation_id.value);
    if (answered !== undefined) {
      step.out.push({
        kind: 'to_scheduler',
        streamId: framework.streamId,
        event: { type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status: answered } },
      });
      continue;
    }
    const known =
      id === undefined
        ? 'OPERATION_UNKNOWN'
        : state.recoveredAgents.has(id)
          ? 'OPERATION_RECOVERING'
          : state.unreachableAgents.has(id)
            ? 'OPERATION_UNREACHABLE'
            : state.goneAgents.has(id)
              ? 'OPERATION_GONE_BY_OPERATOR'
              : 'OPERATION_UNKNOWN';
    step.out.push({
      kind: 'to_scheduler',
      streamId: framework.streamId,
      event: {
        type: 'UPDATE_OPERATION_STATUS',
        update_operation_status: {
          status: {
            operation_id,
            state: known,
            message: 'Reconciliation',
            ...(agent_id === undefined ? {} : { agent_id }),
            ...(resource_provider_id === undefined ? {} : { resource_provider_id }),
          },
        },
      },
    });
  }
}
