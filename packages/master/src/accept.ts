/** ACCEPT and DECLINE: what becomes of offers (mesos.md §2.6). */
import {
  type ExecutorInfo,
  type HealthCheck,
  isTerminal,
  type OfferOperation,
  type Resource,
  Resources,
  type SchedulerCallAccept,
  type SchedulerCallDecline,
  type TaskInfo,
  type TaskState,
  type TaskStatusReason,
} from '@pronoia/mesos';
import { convertOffered, countOperation } from './convert.ts';
import type { Step } from './message.ts';
import { forgetOffer, withdrawOffer } from './offers.ts';
import { tellOperation } from './operation-feedback.ts';
import { type AgentEntry, type FrameworkEntry, isConnected, type MasterState, type OfferEntry, stateFor } from './state.ts';
import { groupFault, taskFault } from './task-validation.ts';
import { addExecutor, addTask, masterStatus, newTask, tellScheduler } from './tasks.ts';

const defaultRefuseSeconds = 5;

export function decline(state: MasterState, framework: FrameworkEntry, call: SchedulerCallDecline, step: Step): void {
  const refuseSeconds = call.filters?.refuse_seconds ?? defaultRefuseSeconds;
  for (const { value } of call.offer_ids ?? []) {
    const offer = state.offers.get(value);
    // Already rescinded, or never ours: the scheduler's answer crossed ours.
    if (offer === undefined || offer.frameworkId !== framework.id) continue;
    forgetOffer(state, offer);
    framework.counters.add('offers/declined');
    state.allocator.recover(framework.id, offer.agentId, offer.resources, { refuseSeconds, nowMs: step.nowMs });
  }
}

export function accept(state: MasterState, framework: FrameworkEntry, call: SchedulerCallAccept, step: Step): void {
  const { operations = [], filters } = call;
  const ids = (call.offer_ids ?? []).map((id) => id.value);
  const offers = ids.map((id) => state.offers.get(id));
  const fault = offersFault(framework, ids, offers);
  const first = offers[0];
  if (fault !== undefined || first === undefined) {
    for (const offer of new Set(offers)) if (offer?.frameworkId === framework.id) withdrawOffer(state, offer, step, { tell: false });
    return dropAll(
      state,
      framework,
      operations,
      'REASON_INVALID_OFFERS',
      `Task launched with invalid offers: ${fault ?? 'no offers'}`,
      step,
    );
  }

  let left = Resources.empty;
  for (const offer of offers) {
    if (offer === undefined) continue;
    left = left.plus(offer.resources);
    forgetOffer(state, offer);
    framework.counters.add('offers/accepted');
  }
  const agent = state.agents.get(first.agentId);
  if (agent === undefined || !isConnected(agent)) {
    state.allocator.recover(framework.id, first.agentId, left);
    const reason = agent === undefined ? 'REASON_AGENT_REMOVED' : 'REASON_AGENT_DISCONNECTED';
    return dropAll(state, framework, operations, reason, agent === undefined ? 'Agent was removed' : 'Agent is disconnected', step);
  }

  let made = Resources.empty;
  for (const operation of operations) {
    framework.counters.add(`operations/${operation.type.toLowerCase()}`);
    switch (operation.type) {
      case 'LAUNCH':
        left = left.minus(launchAll(state, framework, agent, first.role, operation, left, step));
        break;
      case 'LAUNCH_GROUP':
        left = left.minus(launchGroup(state, framework, agent, first.role, operation, left, step));
        break;
      case 'RESERVE':
      case 'UNRESERVE':
      case 'CREATE':
      case 'DESTROY':
      case 'GROW_VOLUME':
      case 'SHRINK_VOLUME': {
        const conversion = convertOffered(state, framework, agent, first.role, operation, left, step);
        if (typeof conversion === 'string') {
          refuseOperation(state, framework, operation, agent.id, conversion, step);
          break;
        }
        left = left.minus(conversion.before).plus(conversion.after);
        made = made.plus(conversion.after);
        countOperation(state, framework, operation.type, 'finished');
        tellOperation(
          framework,
          operation,
          { state: 'OPERATION_FINISHED', converted_resources: conversion.after.toArray(), agent_id: { value: agent.id } },
          step,
        );
        break;
      }
      case 'CREATE_DISK':
      case 'DESTROY_DISK':
        refuseOperation(
          state,
          framework,
          operation,
          agent.id,
          `${operation.type} needs a resource provider, which no agent here has`,
          step,
        );
        break;
    }
  }
  // What the call made and did not use is wanted back soon: no filter on it (mesos.md §2.6).
  const fresh = left.ofKindsIn(made);
  state.allocator.recover(framework.id, agent.id, fresh);
  state.allocator.recover(framework.id, agent.id, left.minus(fresh), {
    refuseSeconds: filters?.refuse_seconds ?? defaultRefuseSeconds,
    nowMs: step.nowMs,
  });
}

function offersFault(framework: FrameworkEntry, ids: readonly string[], offers: readonly (OfferEntry | undefined)[]): string | undefined {
  if (ids.length === 0) return 'No offers specified';
  if (new Set(ids).size !== ids.length) return 'Duplicate offer in offer list';
  const first = offers[0];
  for (const [i, offer] of offers.entries()) {
    if (offer === undefined) return `Offer ${ids[i]} is no longer valid`;
    if (offer.frameworkId !== framework.id) return `Offer ${offer.id} belongs to another framework`;
    if (offer.agentId !== first?.agentId) return 'Aggregated offers must belong to one single agent';
    if (offer.role !== first.role) return 'Aggregated offers must be allocated to the same role';
  }
  return undefined;
}

function launchAll(
  state: MasterState,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  operation: Extract<OfferOperation, { type: 'LAUNCH' }>,
  left: Resources,
  step: Step,
): Resources {
  let used = Resources.empty;
  for (const task of operation.launch.task_infos ?? []) {
    used = used.plus(launch(state, framework, agent, role, task, left.minus(used), step, operation.id?.value));
  }
  return used;
}

/** All tasks of the group, or none. */
function launchGroup(
  state: MasterState,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  operation: Extract<OfferOperation, { type: 'LAUNCH_GROUP' }>,
  left: Resources,
  step: Step,
): Resources {
  const { task_group } = operation.launch_group;
  const executor = filledInExecutor(operation.launch_group.executor, framework, role);
  // The executor is the group's; each task is told of it.
  const tasks = (task_group.tasks ?? []).map((task) => ({ ...filledIn(task, framework, role), executor }));
  const denied = userFault(state, framework, tasks);
  const fault =
    operation.id !== undefined
      ? "'id' is not allowed for LAUNCH_GROUP operations"
      : !agent.features.has('TASK_GROUPS')
        ? 'the agent does not run task groups'
        : (denied ?? groupFault({ given: task_group.tasks ?? [], tasks, executor, framework, agent, offered: left, role }));
  if (fault !== undefined) {
    const reason = denied === undefined ? 'REASON_TASK_GROUP_INVALID' : 'REASON_TASK_GROUP_UNAUTHORIZED';
    for (const task of tasks) {
      const about = { taskId: task.task_id.value, agentId: agent.id, executorId: executor.executor_id.value };
      countError(state, framework, reason);
      tellScheduler(framework, masterStatus(about, 'TASK_ERROR', reason, fault, step.nowMs), step);
    }
    return Resources.empty;
  }
  let used = Resources.empty;
  if (agent.executors.get(framework.id)?.has(executor.executor_id.value) !== true) {
    used = Resources.of(executor.resources);
    addExecutor(framework, agent, { info: executor, resources: used });
  }
  for (const task of tasks) {
    const resources = Resources.of(task.resources);
    used = used.plus(resources);
    addTask(state, framework, agent, newTask(framework.id, task, framework, resources), step);
  }
  if (agent.streamId !== undefined) {
    step.out.push({
      kind: 'to_agent',
      streamId: agent.streamId,
      message: { type: 'RUN_TASK_GROUP', run_task_group: { framework_info: framework.info, executor, task_group: { tasks } } },
    });
  }
  return used;
}

function launch(
  state: MasterState,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  given: TaskInfo,
  left: Resources,
  step: Step,
  operationId: string | undefined,
): Resources {
  const task = filledIn(given, framework, role);
  const denied = userFault(state, framework, [task]);
  const fault =
    operationId === undefined
      ? (denied ?? taskFault({ task, framework, agent, offered: left, role }))
      : "'id' is not allowed for LAUNCH operations";
  if (fault !== undefined) {
    const about = { taskId: given.task_id.value, agentId: agent.id, executorId: given.executor?.executor_id.value };
    const reason = denied === undefined ? 'REASON_TASK_INVALID' : 'REASON_TASK_UNAUTHORIZED';
    countError(state, framework, reason);
    tellScheduler(framework, masterStatus(about, 'TASK_ERROR', reason, fault, step.nowMs), step);
    return Resources.empty;
  }
  const resources = Resources.of(task.resources);
  let used = resources;
  const { executor } = task;
  if (executor !== undefined && agent.executors.get(framework.id)?.has(executor.executor_id.value) !== true) {
    const executorResources = Resources.of(executor.resources);
    addExecutor(framework, agent, { info: executor, resources: executorResources });
    used = used.plus(executorResources);
  }
  addTask(state, framework, agent, newTask(framework.id, task, framework, resources), step);
  if (agent.streamId !== undefined) {
    step.out.push({
      kind: 'to_agent',
      streamId: agent.streamId,
      message: { type: 'RUN_TASK', run_task: { framework_info: framework.info, task } },
    });
  }
  return used;
}

/** One by one, not as a sum: what is wrong with one of them must still be there to be found. */
const marked = (resources: readonly Resource[] | undefined, role: string): Resource[] =>
  (resources ?? []).map((resource) => (resource.allocation_info === undefined ? { ...resource, allocation_info: { role } } : resource));

const filledInExecutor = (executor: ExecutorInfo, framework: FrameworkEntry, role: string): ExecutorInfo => ({
  ...executor,
  framework_id: executor.framework_id ?? { value: framework.id },
  resources: marked(executor.resources, role),
});

/** What schedulers may leave out (mesos.md §2.6). */
function filledIn(given: TaskInfo, framework: FrameworkEntry, role: string): TaskInfo {
  const { executor, health_check: health } = given;
  return {
    ...given,
    resources: marked(given.resources, role),
    ...(executor === undefined ? {} : { executor: filledInExecutor(executor, framework, role) }),
    ...(health === undefined || health.type !== undefined ? {} : { health_check: { ...health, ...healthType(health) } }),
  };
}

function healthType(health: HealthCheck): Pick<HealthCheck, 'type'> {
  if (health.command !== undefined) return { type: 'COMMAND' };
  if (health.http !== undefined) return { type: 'HTTP' };
  return health.tcp === undefined ? {} : { type: 'TCP' };
}

/** Nothing of the call can be done: every task is dropped, every operation with an id is answered. */
function dropAll(
  state: MasterState,
  framework: FrameworkEntry,
  operations: readonly OfferOperation[],
  reason: TaskStatusReason,
  message: string,
  step: Step,
): void {
  const dropped: TaskState = stateFor(framework, 'TASK_DROPPED');
  for (const operation of operations) {
    const tasks =
      operation.type === 'LAUNCH'
        ? (operation.launch.task_infos ?? [])
        : operation.type === 'LAUNCH_GROUP'
          ? (operation.launch_group.task_group.tasks ?? [])
          : undefined;
    if (tasks === undefined) {
      refuseOperation(state, framework, operation, undefined, message, step);
      continue;
    }
    for (const task of tasks) {
      // A task of this id that already runs is another one: its state is not touched by a failed second launch.
      const running = framework.tasks.get(task.task_id.value);
      if (running !== undefined && !isTerminal(running.task.state)) continue;
      const about = { taskId: task.task_id.value, agentId: task.agent_id.value, executorId: task.executor?.executor_id.value };
      state.counters.add(`master/${dropped.toLowerCase().replace('task_', 'tasks_')}`);
      framework.counters.add(`tasks/terminal/${dropped.toLowerCase()}`);
      tellScheduler(framework, masterStatus(about, dropped, reason, message, step.nowMs), step);
    }
  }
}

/** A user as whom the framework's principal may not run anything. */
function userFault(state: MasterState, framework: FrameworkEntry, tasks: readonly TaskInfo[]): string | undefined {
  for (const { command, executor } of tasks) {
    const user = command?.user ?? executor?.command?.user ?? framework.info.user;
    if (!state.options.authorize('run_tasks', framework.info.principal, user)) return `Not authorized to launch as user '${user}'`;
  }
  return undefined;
}

function countError(state: MasterState, framework: FrameworkEntry, reason: TaskStatusReason): void {
  state.counters.add('master/tasks_error');
  state.counters.add(`master/task_error/source_master/${reason.toLowerCase()}`);
  framework.counters.add('tasks/terminal/task_error');
}

function refuseOperation(
  state: MasterState,
  framework: FrameworkEntry,
  operation: OfferOperation,
  agentId: string | undefined,
  message: string,
  step: Step,
): void {
  step.out.log('warn', { framework: framework.id, operation: operation.type, reason: message }, 'Operation refused');
  countOperation(state, framework, operation.type, 'error');
  tellOperation(
    framework,
    operation,
    { state: 'OPERATION_ERROR', message, ...(agentId === undefined ? {} : { agent_id: { value: agentId } }) },
    step,
  );
}
