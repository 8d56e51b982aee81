/** The calls of a subscribed framework, except those about offers (mesos.md §2.4). */
import { isTerminal, type SchedulerCallKill, type TaskState } from '@pronoia/mesos';
import { accept, decline } from './accept.ts';
import { subscriptionFault, termsOf } from './framework-info.ts';
import { remember, removeFramework, replaceInfo, tellOperators } from './frameworks.ts';
import { answerInverseOffers } from './maintenance.ts';
import type { FrameworkCall, Step } from './message.ts';
import { acknowledgeOperation } from './operation-feedback.ts';
import { reconcile, reconcileOperations, statusOfUnknown } from './reconcile.ts';
import type { FrameworkEntry, MasterState } from './state.ts';
import { removeTask, sendKill, tellScheduler } from './tasks.ts';
import { frameworkView } from './views/operator-views.ts';

export function handleCall(state: MasterState, framework: FrameworkEntry, call: FrameworkCall, step: Step): void {
  framework.counters.add('calls');
  framework.counters.add(`calls/${call.type.toLowerCase()}`);
  switch (call.type) {
    case 'TEARDOWN':
      state.counters.add('master/messages_unregister_framework');
      return removeFramework(state, framework, step);
    case 'ACCEPT':
      state.counters.add('master/messages_launch_tasks');
      return accept(state, framework, call.accept, step);
    case 'DECLINE':
      state.counters.add('master/messages_decline_offers');
      return decline(state, framework, call.decline, step);
    case 'ACCEPT_INVERSE_OFFERS':
      return answerInverseOffers(state, framework, call.accept_inverse_offers, 'ACCEPT', step);
    case 'DECLINE_INVERSE_OFFERS':
      return answerInverseOffers(state, framework, call.decline_inverse_offers, 'DECLINE', step);
    case 'REVIVE': {
      state.counters.add('master/messages_revive_offers');
      const roles = call.revive?.roles ?? [];
      if (!roles.every((role) => framework.roles.includes(role))) return;
      state.allocator.revive(framework.id, roles);
      for (const key of state.inverseFilters.keys()) if (key.endsWith(`/${framework.id}`)) state.inverseFilters.delete(key);
      return;
    }
    case 'SUPPRESS': {
      state.counters.add('master/messages_suppress_offers');
      const roles = call.suppress?.roles ?? [];
      if (roles.every((role) => framework.roles.includes(role))) state.allocator.suppress(framework.id, roles);
      return;
    }
    case 'KILL':
      state.counters.add('master/messages_kill_task');
      return kill(state, framework, call.kill, step);
    case 'SHUTDOWN': {
      const agent = state.agents.get(call.shutdown.agent_id.value);
      if (agent?.streamId === undefined) return;
      const { executor_id } = call.shutdown;
      step.out.push({
        kind: 'to_agent',
        streamId: agent.streamId,
        message: { type: 'SHUTDOWN_EXECUTOR', framework_id: { value: framework.id }, executor_id },
      });
      return;
    }
    case 'ACKNOWLEDGE':
      state.counters.add('master/messages_status_update_acknowledgement');
      return acknowledge(state, framework, call.acknowledge, step);
    case 'ACKNOWLEDGE_OPERATION_STATUS':
      state.counters.add('master/messages_operation_status_update_acknowledgement');
      return acknowledgeOperation(state, framework, call.acknowledge_operation_status);
    case 'RECONCILE':
      state.counters.add('master/messages_reconcile_tasks');
      return reconcile(state, framework, call.reconcile, step);
    case 'RECONCILE_OPERATIONS':
      state.counters.add('master/messages_reconcile_operations');
      return reconcileOperations(state, framework, call.reconcile_operations, step);
    case 'MESSAGE': {
      state.counters.add('master/messages_framework_to_executor');
      const { agent_id, executor_id, data } = call.message;
      const agent = state.agents.get(agent_id.value);
      if (agent?.streamId === undefined) {
        state.counters.add('master/invalid_framework_to_executor_messages');
        return;
      }
      state.counters.add('master/valid_framework_to_executor_messages');
      step.out.push({
        kind: 'to_agent',
        streamId: agent.streamId,
        message: { type: 'FRAMEWORK_MESSAGE', framework_id: { value: framework.id }, executor_id, data },
      });
      return;
    }
    case 'REQUEST':
      state.counters.add('master/messages_resource_request');
      return;
    case 'UPDATE_FRAMEWORK': {
      const { framework_info, suppressed_roles = [], offer_constraints } = call.update_framework;
      replaceInfo(state, framework, framework_info);
      remember(framework, step);
      framework.offerConstraints = offer_constraints;
      state.allocator.updateFramework(framework.id, termsOf(framework.info, offer_constraints), suppressed_roles);
      return tellOperators(state, step, () => ({
        type: 'FRAMEWORK_UPDATED',
        framework_updated: { framework: frameworkView(state, framework) },
      }));
    }
  }
}

/** UPDATE_FRAMEWORK is answered, not queued: what is wrong with it, or undefined. */
export function updateFault(
  state: MasterState,
  framework: FrameworkEntry,
  call: Extract<FrameworkCall, { type: 'UPDATE_FRAMEWORK' }>,
): string | undefined {
  const { framework_info: info, suppressed_roles = [], offer_constraints } = call.update_framework;
  if (info.id?.value !== framework.id) return "'framework_info.id' must be the framework's own";
  if (info.user !== framework.info.user) return "Updating 'FrameworkInfo.user' is unsupported";
  if ((info.checkpoint ?? false) !== (framework.info.checkpoint ?? false)) return "Updating 'FrameworkInfo.checkpoint' is unsupported";
  if ((info.principal ?? '') !== (framework.info.principal ?? '')) return "Changing framework's principal is not allowed";
  return subscriptionFault({ info, suppressedRoles: suppressed_roles, offerConstraints: offer_constraints }, state.options);
}

function kill(state: MasterState, framework: FrameworkEntry, call: SchedulerCallKill, step: Step): void {
  const id = call.task_id.value;
  const entry = framework.tasks.get(id);
  if (entry === undefined) {
    const status = statusOfUnknown(
      state,
      framework,
      { task_id: call.task_id, ...(call.agent_id === undefined ? {} : { agent_id: call.agent_id }) },
      step,
    );
    if (status !== undefined) tellScheduler(framework, status, step);
    return;
  }
  if (call.agent_id !== undefined && call.agent_id.value !== entry.agentId) return;
  // Kept until the task ends: an agent that is away hears it when it comes back.
  if (!isTerminal(entry.task.state)) entry.kill = { killPolicy: call.kill_policy };
  const agent = state.agents.get(entry.agentId);
  if (agent?.streamId === undefined) return;
  if (entry.kill !== undefined) sendKill(agent, entry, step);
  else {
    step.out.push({
      kind: 'to_agent',
      streamId: agent.streamId,
      message: { type: 'KILL_TASK', framework_id: { value: framework.id }, task_id: call.task_id },
    });
  }
}

function acknowledge(
  state: MasterState,
  framework: FrameworkEntry,
  call: Extract<FrameworkCall, { type: 'ACKNOWLEDGE' }>['acknowledge'],
  step: Step,
): void {
  const agent = state.agents.get(call.agent_id.value);
  if (agent?.streamId === undefined) {
    // The agent repeats the update when it is back.
    state.counters.add('master/invalid_status_update_acknowledgements');
    return;
  }
  const entry = framework.tasks.get(call.task_id.value);
  if (entry !== undefined && entry.agentId === agent.id) {
    const { status_update_state: told, status_update_uuid: uuid } = entry.task;
    const isEnd: (state: TaskState | undefined) => boolean = (value) => value !== undefined && isTerminal(value);
    if (isEnd(told) && isSameUuid(uuid, call.uuid)) removeTask(state, framework, entry, 'completed');
  }
  state.counters.add('master/valid_status_update_acknowledgements');
  step.out.push({
    kind: 'to_agent',
    streamId: agent.streamId,
    message: { type: 'ACKNOWLEDGE', framework_id: { value: framework.id }, task_id: call.task_id, uuid: call.uuid },
  });
}

/** Base64 has spellings (padding, alphabet); bytes do not. */
const isSameUuid = (a: string | undefined, b: string): boolean =>
  a !== undefined && (a === b || Buffer.from(a, 'base64').equals(Buffer.from(b, 'base64')));
