/** Frameworks come, go, come back and end (mesos.md §2.1, 2.2, 2.9). */
import { encodeJson, type FrameworkInfo, frameworkId, isTerminal, type MasterEvent } from '@pronoia/mesos';
import { Counters } from './counters.ts';
import { capabilitiesOf, rolesOf, subscriptionFault, termsOf } from './framework-info.ts';
import { forgetInverse } from './maintenance.ts';
import type { Step, SubscribeCall } from './message.ts';
import { withdrawOffers } from './offers.ts';
import { type FrameworkEntry, isConnected, type MasterState } from './state.ts';
import { masterStatus, removeExecutor, removeTask, updateTask } from './tasks.ts';
import { frameworkView } from './views/operator-views.ts';

export function subscribe(state: MasterState, streamId: string, call: SubscribeCall, step: Step): void {
  const { framework_info: info, suppressed_roles = [], offer_constraints } = call.subscribe;
  const terms = { info, suppressedRoles: suppressed_roles, offerConstraints: offer_constraints };
  const fault = subscriptionFault(terms, state.options) ?? roleFault(state, info) ?? conflict(state, info);
  if (fault !== undefined) {
    step.out.log('warn', { framework: info.name, fault }, 'Refused a subscription');
    step.out.push({ kind: 'to_scheduler', streamId, event: { type: 'ERROR', error: { message: fault } } });
    step.out.push({ kind: 'close_scheduler', streamId });
    return;
  }
  const known = info.id === undefined ? undefined : state.frameworks.get(info.id.value);
  state.counters.add(known === undefined ? 'master/messages_register_framework' : 'master/messages_reregister_framework');
  const framework = known === undefined ? addFramework(state, info, step) : resubscribe(state, known, info, step);
  framework.streamId = streamId;
  framework.isActive = true;
  framework.isRecovered = false;
  framework.disconnectedMs = undefined;
  framework.offerConstraints = offer_constraints;
  framework.subscriptions++;
  state.frameworkByStream.set(streamId, framework.id);
  state.allocator.updateFramework(framework.id, termsOf(framework.info, offer_constraints), suppressed_roles);
  state.allocator.activateFramework(framework.id);

  remember(framework, step);
  framework.counters.add('calls/subscribe');
  framework.counters.add('events/subscribed');
  step.out.push({
    kind: 'to_scheduler',
    streamId,
    event: {
      type: 'SUBSCRIBED',
      subscribed: {
        framework_id: { value: framework.id },
        heartbeat_interval_seconds: state.options.heartbeatIntervalMs / 1000,
        master_info: state.info,
      },
    },
  });
  heartbeat(state, streamId, step);
  tellOperators(state, step, () =>
    known === undefined
      ? { type: 'FRAMEWORK_ADDED', framework_added: { framework: frameworkView(state, framework) } }
      : { type: 'FRAMEWORK_UPDATED', framework_updated: { framework: frameworkView(state, framework) } },
  );
  step.out.log(
    'info',
    { framework: framework.id, name: framework.info.name, roles: framework.roles.join() },
    known === undefined ? 'Framework subscribed' : 'Framework subscribed again',
  );
}

/** A role that its principal may not use. */
export function roleFault(state: MasterState, info: FrameworkInfo): string | undefined {
  const denied = rolesOf(info).find((role) => !state.options.authorize('register_frameworks', info.principal, role));
  return denied === undefined ? undefined : `Not authorized to use role '${denied}'`;
}

/** Why this master cannot have it, whatever the description says. */
function conflict(state: MasterState, info: FrameworkInfo): string | undefined {
  if (info.id === undefined) return undefined;
  if (state.completedFrameworks.has(info.id.value)) return 'Framework has been removed';
  const known = state.frameworks.get(info.id.value);
  if (known !== undefined && !known.isRecovered && (known.info.principal ?? '') !== (info.principal ?? '')) {
    return `Changing framework's principal is not allowed: it is '${known.info.principal ?? ''}', found '${info.principal ?? ''}'`;
  }
  return undefined;
}

/** Makes the entry. It is neither connected nor active yet. */
export function addFramework(state: MasterState, given: FrameworkInfo, step: Step): FrameworkEntry {
  const id = given.id?.value ?? frameworkId(state.info.id, state.nextFramework++);
  const info = { ...given, id: { value: id } };
  const framework: FrameworkEntry = {
    id,
    info,
    roles: rolesOf(info),
    capabilities: capabilitiesOf(info),
    offerConstraints: undefined,
    streamId: undefined,
    isActive: false,
    isRecovered: false,
    registeredMs: step.nowMs,
    reregisteredMs: undefined,
    unregisteredMs: undefined,
    disconnectedMs: undefined,
    subscriptions: 0,
    tasks: new Map(),
    unreachableTasks: new Map(),
    completedTasks: [],
    offers: new Set(),
    executors: new Map(),
    counters: new Counters(),
    operations: new Map(),
    pendingOperations: new Map(),
    remembered: undefined,
  };
  state.frameworks.set(id, framework);
  state.allocator.addFramework(id, termsOf(info, undefined), { isActive: false, suppressed: [] });
  return framework;
}

function resubscribe(state: MasterState, framework: FrameworkEntry, info: FrameworkInfo, step: Step): FrameworkEntry {
  const old = framework.streamId;
  if (old !== undefined) {
    state.frameworkByStream.delete(old);
    step.out.push({ kind: 'to_scheduler', streamId: old, event: { type: 'ERROR', error: { message: 'Framework failed over' } } });
    step.out.push({ kind: 'close_scheduler', streamId: old });
  }
  framework.reregisteredMs = step.nowMs;
  // The new instance never saw them, so it is not told that they are gone.
  withdrawOffers(state, framework.offers, step, { tell: false });
  replaceInfo(state, framework, info);
  return framework;
}

/** `user` and `checkpoint` stay as they were, silently (mesos.md §2.2). */
export function replaceInfo(state: MasterState, framework: FrameworkEntry, info: FrameworkInfo): void {
  const { user, checkpoint } = framework.info;
  const { checkpoint: _checkpoint, ...given } = info;
  framework.info = { ...given, id: { value: framework.id }, user, ...(checkpoint === undefined ? {} : { checkpoint }) };
  framework.roles = rolesOf(framework.info);
  framework.capabilities = capabilitiesOf(framework.info);
  state.counters.add('master/framework_updates');
}

/** Frameworks outlive the master that knew them: the next one waits for their schedulers as long as they asked for. */
export function remember(framework: FrameworkEntry, step: Step): void {
  const text = encodeJson('FrameworkInfo', framework.info);
  if (text === framework.remembered) return;
  framework.remembered = text;
  step.out.push({ kind: 'registry', operation: { kind: 'framework', info: framework.info }, message: { kind: 'noted' } });
}

/** From the registry, at the start: known, but without a scheduler yet. */
export function recoverFramework(state: MasterState, info: FrameworkInfo, step: Step): void {
  const framework = addFramework(state, info, step);
  framework.isRecovered = true;
  framework.remembered = encodeJson('FrameworkInfo', framework.info);
  framework.disconnectedMs = step.nowMs;
  // Nobody could come back to a master that was not there, so everybody gets at least the time that agents get.
  const afterMs = Math.max((info.failover_timeout ?? 0) * 1000, state.options.agentReregisterTimeoutMs);
  step.out.push({
    kind: 'timer',
    afterMs,
    message: { kind: 'failover_timeout', frameworkId: framework.id, subscriptions: framework.subscriptions },
  });
}

/** The scheduler's stream ended. Its tasks live on until the failover timeout. */
export function disconnect(state: MasterState, streamId: string, step: Step): void {
  const id = state.frameworkByStream.get(streamId);
  state.frameworkByStream.delete(streamId);
  const framework = id === undefined ? undefined : state.frameworks.get(id);
  if (framework === undefined || framework.streamId !== streamId) return;
  framework.streamId = undefined;
  framework.isActive = false;
  framework.disconnectedMs = step.nowMs;
  state.allocator.deactivateFramework(framework.id);
  withdrawOffers(state, framework.offers, step, { tell: false });
  const afterMs = (framework.info.failover_timeout ?? 0) * 1000;
  step.out.push({
    kind: 'timer',
    afterMs,
    message: { kind: 'failover_timeout', frameworkId: framework.id, subscriptions: framework.subscriptions },
  });
  tellOperators(state, step, () => ({ type: 'FRAMEWORK_UPDATED', framework_updated: { framework: frameworkView(state, framework) } }));
  step.out.log('info', { framework: framework.id, name: framework.info.name, failoverMs: afterMs }, 'Framework disconnected');
}

export function failoverTimeout(state: MasterState, id: string, subscriptions: number, step: Step): void {
  const framework = state.frameworks.get(id);
  if (framework === undefined || isConnected(framework) || framework.subscriptions !== subscriptions) return;
  step.out.log('info', { framework: id }, 'Framework failover timeout');
  removeFramework(state, framework, step);
}

/** The end: agents stop its executors, its tasks are recorded as killed, its id may not come back. */
export function removeFramework(state: MasterState, framework: FrameworkEntry, step: Step): void {
  for (const agent of state.agents.values()) {
    if (agent.streamId === undefined) continue;
    step.out.push({
      kind: 'to_agent',
      streamId: agent.streamId,
      message: { type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: framework.id } },
    });
  }
  withdrawOffers(state, framework.offers, step, { tell: false });
  for (const entry of framework.tasks.values()) {
    // One that has ended and only waits for its acknowledgement stays what it is.
    if (!isTerminal(entry.task.state)) {
      const about = { taskId: entry.id, agentId: entry.agentId, executorId: entry.task.executor_id?.value };
      const status = masterStatus(about, 'TASK_KILLED', 'REASON_FRAMEWORK_REMOVED', 'Framework was removed', step.nowMs);
      updateTask(state, entry, status, 'TASK_KILLED', step);
    }
    removeTask(state, framework, entry, 'completed');
  }
  for (const [agentId, executors] of framework.executors) {
    for (const executorId of executors.keys()) removeExecutor(state, framework.id, agentId, executorId);
  }
  if (framework.streamId !== undefined) {
    state.frameworkByStream.delete(framework.streamId);
    step.out.push({ kind: 'close_scheduler', streamId: framework.streamId });
  }
  framework.streamId = undefined;
  framework.isActive = false;
  framework.unregisteredMs = step.nowMs;
  forgetInverse(state, (inverse) => inverse.frameworkId === framework.id);
  state.allocator.removeFramework(framework.id);
  if (framework.remembered !== undefined) {
    step.out.push({ kind: 'registry', operation: { kind: 'framework_removed', frameworkId: framework.id }, message: { kind: 'noted' } });
  }
  state.frameworks.delete(framework.id);
  state.completedFrameworks.set(framework.id, framework);
  while (state.completedFrameworks.size > state.options.maxCompletedFrameworks) {
    const oldest = state.completedFrameworks.keys().next().value;
    if (oldest === undefined) break;
    state.completedFrameworks.delete(oldest);
  }
  tellOperators(state, step, () => ({ type: 'FRAMEWORK_REMOVED', framework_removed: { framework_info: framework.info } }));
  step.out.log('info', { framework: framework.id, name: framework.info.name }, 'Framework removed');
}

/** Sends one heartbeat and arms the next, for as long as the stream is open. */
export function heartbeat(state: MasterState, streamId: string, step: Step): void {
  if (state.operatorStreams.has(streamId)) step.out.push({ kind: 'to_operator', streamId, event: { type: 'HEARTBEAT' } });
  else if (state.frameworkByStream.has(streamId)) step.out.push({ kind: 'to_scheduler', streamId, event: { type: 'HEARTBEAT' } });
  else return;
  step.out.push({ kind: 'timer', afterMs: state.options.heartbeatIntervalMs, message: { kind: 'heartbeat', streamId } });
}

/** The event is made only when somebody listens: some are large. */
export function tellOperators(state: MasterState, step: Step, make: () => MasterEvent): void {
  if (state.operatorStreams.size > 0) step.out.push({ kind: 'to_operators', event: make() });
}
