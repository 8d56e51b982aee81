/** Agents register, come back, fall silent and leave (mesos.md §9.1, 9.2). */
import type { AgentTerms } from '@pronoia/allocator';
import { type AgentInfo, agentId, type ExecutorInfo, isTerminal, Resources, type Task } from '@pronoia/mesos';
import { startDraining } from './drain.ts';
import { addFramework, tellOperators } from './frameworks.ts';
import { forgetInverse, isDown, unavailabilityOf } from './maintenance.ts';
import type { AgentRegistration, Step } from './message.ts';
import { withdrawOffers } from './offers.ts';
import {
  type AgentEntry,
  type FrameworkEntry,
  isConnected,
  isOffered,
  isPartitionAware,
  type MasterState,
  stateFor,
  type TaskEntry,
} from './state.ts';
import {
  addExecutor,
  addTask,
  masterStatus,
  msToNanoseconds,
  removeExecutor,
  removeTask,
  sendKill,
  taskFromAgent,
  tellFailure,
  tellScheduler,
  updateTask,
} from './tasks.ts';
import { agentView } from './views/operator-views.ts';

/** What agents of this version understand; the protocol between us is our own, so all do. */
const capabilities = (['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT', 'AGENT_DRAINING', 'TASK_RESOURCE_LIMITS'] as const).map(
  (type) => ({ type }),
);

export function register(state: MasterState, streamId: string, ip: string, message: AgentRegistration, step: Step): void {
  state.counters.add(message.type === 'REGISTER' ? 'master/messages_register_slave' : 'master/messages_reregister_slave');
  if (isDown(state, { info: message.agent_info, ip })) return refuse(streamId, 'Machine is down for maintenance', step);
  if (message.type === 'REGISTER' || message.agent_info.id === undefined) return registerNew(state, streamId, ip, message, step);
  const id = message.agent_info.id.value;
  if (state.goneAgents.has(id)) return refuse(streamId, 'Agent has been marked gone', step);
  const known = state.agents.get(id);
  if (known === undefined) {
    const agent = { ...message.agent_info, id: { value: id } };
    const then = { kind: 'agent_admitted', streamId, ip, agentId: id, message } as const;
    return step.out.push({ kind: 'registry', operation: { kind: 'admit', agent }, message: then });
  }
  if (
    known.ip !== ip ||
    known.info.hostname !== message.agent_info.hostname ||
    (known.info.port ?? 5051) !== (message.agent_info.port ?? 5051)
  ) {
    return refuse(streamId, 'Agent attempted to re-register with a different address or hostname', step);
  }
  connect(state, known, streamId);
  known.reregisteredMs = step.nowMs;
  known.version = message.version;
  known.features = new Set(message.features ?? []);
  known.info = { ...message.agent_info, id: { value: id } };
  state.counters.add('master/slave_reregistrations');
  known.total = Resources.of(message.resources).unallocated;
  state.allocator.updateAgent(id, allocatorTerms(known));
  welcome(state, known, 'REREGISTERED', step);
  reconcileKnown(state, known, message, step);
  killReplaced(state, known, message, step);
  shutdownCompleted(state, streamId, message, step);
}

function registerNew(state: MasterState, streamId: string, ip: string, message: AgentRegistration, step: Step): void {
  const former = state.agents.get(state.agentByAddress.get(addressOf(ip, message.agent_info)) ?? '');
  // Its first welcome was lost on the way: nothing happened in between, so it is the same agent.
  if (former !== undefined && isConnected(former) && former.tasks.size === 0 && former.executors.size === 0) {
    connect(state, former, streamId);
    return welcome(state, former, 'REGISTERED', step);
  }
  if (former !== undefined) {
    // The same machine has started anew without its memory: what ran under the old id is lost.
    leave(former, 'registered', step);
  }
  const id = agentId(state.info.id, state.nextAgent++);
  const agent: AgentInfo = { ...message.agent_info, id: { value: id } };
  step.out.push({
    kind: 'registry',
    operation: { kind: 'admit', agent },
    message: { kind: 'agent_admitted', streamId, ip, agentId: id, message },
  });
}

const addressOf = (ip: string, info: AgentInfo): string => `${ip}:${info.port ?? 5051}`;

function refuse(streamId: string, reason: string, step: Step): void {
  step.out.log('warn', { reason }, 'Refused an agent');
  step.out.push({ kind: 'to_agent', streamId, message: { type: 'SHUTDOWN', message: reason } });
  step.out.push({ kind: 'close_agent', streamId });
}

function connect(state: MasterState, agent: AgentEntry, streamId: string): void {
  if (agent.streamId !== undefined) state.agentByStream.delete(agent.streamId);
  agent.streamId = streamId;
  agent.lastStreamId = streamId;
  agent.pingsUnanswered = 0;
  agent.isLeaving = false;
  state.agentByStream.set(streamId, agent.id);
  if (isOffered(state, agent)) state.allocator.activateAgent(agent.id);
  else state.allocator.deactivateAgent(agent.id);
}

function welcome(state: MasterState, agent: AgentEntry, type: 'REGISTERED' | 'REREGISTERED', step: Step): void {
  if (agent.streamId === undefined) return;
  const seconds = (state.options.agentPingTimeoutMs * state.options.maxAgentPingTimeouts) / 1000;
  step.out.push({
    kind: 'to_agent',
    streamId: agent.streamId,
    message: { type, agent_id: { value: agent.id }, ping_timeout_seconds: seconds },
  });
  sendPing(state, agent, step);
  tellOperators(state, step, () => ({ type: 'AGENT_ADDED', agent_added: { agent: agentView(state, agent) } }));
  step.out.log(
    'info',
    { agent: agent.id, hostname: agent.info.hostname, resources: agent.total.toString() },
    type === 'REGISTERED' ? 'Agent registered' : 'Agent registered again',
  );
}

/** The registry knows the agent: take it in, with all it brings. */
export function admitted(state: MasterState, streamId: string, ip: string, id: string, message: AgentRegistration, step: Step): void {
  // Two attempts of one agent may be on their way through the registry.
  const known = state.agents.get(id);
  if (known !== undefined) {
    if (message.type === 'REREGISTER') register(state, streamId, ip, message, step);
    return;
  }
  const wasUnreachable = state.unreachableAgents.delete(id);
  state.recoveredAgents.delete(id);
  const agent: AgentEntry = {
    id,
    info: { ...message.agent_info, id: { value: id } },
    version: message.version,
    capabilities,
    features: new Set(message.features ?? []),
    ip,
    total: Resources.of(message.resources).unallocated,
    streamId: undefined,
    lastStreamId: streamId,
    isDeactivated: state.deactivatedAgents.has(id),
    drain: state.deactivatedAgents.get(id),
    drainStartMs: undefined,
    unavailability: unavailabilityOf(state, { info: message.agent_info, ip }),
    registeredMs: step.nowMs,
    reregisteredMs: message.type === 'REREGISTER' ? step.nowMs : undefined,
    pingsUnanswered: 0,
    isLeaving: false,
    tasks: new Map(),
    executors: new Map(),
    offers: new Set(),
  };
  state.agents.set(id, agent);
  state.agentByAddress.set(addressOf(ip, agent.info), id);
  state.counters.add(message.type === 'REGISTER' ? 'master/slave_registrations' : 'master/slave_reregistrations');
  const held = new Map<string, Resources>();
  if (message.type === 'REREGISTER') takeIn(state, agent, message, held, wasUnreachable, step);
  state.allocator.addAgent(id, allocatorTerms(agent), held);
  connect(state, agent, streamId);
  welcome(state, agent, message.type === 'REGISTER' ? 'REGISTERED' : 'REREGISTERED', step);
  if (message.type === 'REREGISTER') {
    shutdownCompleted(state, streamId, message, step);
    killReplaced(state, agent, message, step);
  }
  if (agent.drain?.state === 'DRAINING') startDraining(state, agent, step);
}

function allocatorTerms(agent: AgentEntry): AgentTerms {
  const { hostname, attributes = [], domain } = agent.info;
  return { total: agent.total, hostname, attributes, ...(domain === undefined ? {} : { domain }) };
}

type Reregistration = Extract<AgentRegistration, { type: 'REREGISTER' }>;

/** Frameworks, executors and tasks of an agent that this master did not have. `held` is filled with what they use. */
function takeIn(
  state: MasterState,
  agent: AgentEntry,
  message: Reregistration,
  held: Map<string, Resources>,
  wasUnreachable: boolean,
  step: Step,
): void {
  const { frameworks, executors, tasks } = message.held;
  for (const info of frameworks) frameworkOf(state, info.id?.value, frameworks, step);
  for (const { framework_id, executor_info } of executors) {
    const framework = frameworkOf(state, framework_id.value, frameworks, step);
    if (framework === undefined || agent.executors.get(framework.id)?.has(executor_info.executor_id.value) === true) continue;
    const resources = takeExecutor(framework, agent, executor_info);
    held.set(framework.id, (held.get(framework.id) ?? Resources.empty).plus(resources));
  }
  for (const task of tasks) {
    const framework = frameworkOf(state, task.framework_id.value, frameworks, step);
    if (framework === undefined || framework.tasks.has(task.task_id.value)) continue;
    const entry = takeTask(state, framework, agent, task, step);
    if (!entry.isFreed) held.set(framework.id, (held.get(framework.id) ?? Resources.empty).plus(entry.resources));
    if (wasUnreachable) tellReachable(framework, entry, step);
  }
}

/**
 * While the agent was away the framework started a task of the same id elsewhere: that one counts, the older one is told to end. Sent after
 * the welcome, when the books are made.
 */
function killReplaced(state: MasterState, agent: AgentEntry, message: Reregistration, step: Step): void {
  if (agent.streamId === undefined) return;
  for (const { framework_id, task_id, state: taskState } of message.held.tasks) {
    const current = state.frameworks.get(framework_id.value)?.tasks.get(task_id.value);
    if (current === undefined || current.agentId === agent.id || isTerminal(taskState)) continue;
    step.out.push({ kind: 'to_agent', streamId: agent.streamId, message: { type: 'KILL_TASK', framework_id, task_id } });
  }
}

function takeExecutor(framework: FrameworkEntry, agent: AgentEntry, info: ExecutorInfo): Resources {
  const resources = Resources.of(info.resources).allocatedByDefaultTo(framework.roles[0] ?? '*');
  addExecutor(framework, agent, { info, resources });
  return resources;
}

function takeTask(state: MasterState, framework: FrameworkEntry, agent: AgentEntry, task: Task, step: Step): TaskEntry {
  const entry = taskFromAgent({ ...task, agent_id: { value: agent.id } }, framework.roles[0] ?? '*');
  framework.unreachableTasks.delete(entry.id);
  // It was taken for lost with its agent.
  const lost = framework.completedTasks.findIndex((completed) => completed.id === entry.id && completed.agentId === agent.id);
  if (lost >= 0) framework.completedTasks.splice(lost, 1);
  addTask(state, framework, agent, entry, step);
  return entry;
}

/** It was said to be unreachable (or lost) and is not. */
function tellReachable(framework: FrameworkEntry, entry: TaskEntry, step: Step): void {
  const about = { taskId: entry.id, agentId: entry.agentId, executorId: entry.task.executor_id?.value };
  tellScheduler(
    framework,
    masterStatus(about, entry.task.state, 'REASON_AGENT_REREGISTERED', 'Agent is reachable again', step.nowMs),
    step,
  );
}

/** A framework that only agents know is recovered: it has no scheduler yet. */
function frameworkOf(
  state: MasterState,
  id: string | undefined,
  infos: Reregistration['held']['frameworks'],
  step: Step,
): FrameworkEntry | undefined {
  if (id === undefined || state.completedFrameworks.has(id)) return undefined;
  const known = state.frameworks.get(id);
  if (known !== undefined) return known;
  const info = infos.find((candidate) => candidate.id?.value === id);
  if (info === undefined) return undefined;
  const framework = addFramework(state, info, step);
  framework.isRecovered = true;
  return framework;
}

/** The agent did not hear that these have ended. */
function shutdownCompleted(state: MasterState, streamId: string, message: Reregistration, step: Step): void {
  const ids = new Set([
    ...message.held.frameworks.map((info) => info.id?.value),
    ...message.held.tasks.map((task) => task.framework_id.value),
  ]);
  for (const id of ids) {
    if (id === undefined || !state.completedFrameworks.has(id)) continue;
    step.out.push({ kind: 'to_agent', streamId, message: { type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: id } } });
  }
}

/** The agent was away and tells what it holds: the two memories are made one. */
function reconcileKnown(state: MasterState, agent: AgentEntry, message: AgentRegistration, step: Step): void {
  if (message.type !== 'REREGISTER') return;
  const { executors, tasks } = message.held;
  const heldTasks = new Map(tasks.map((task) => [`${task.framework_id.value}/${task.task_id.value}`, task]));
  for (const [frameworkId, entries] of agent.tasks) {
    const framework = state.frameworks.get(frameworkId);
    if (framework === undefined) continue;
    for (const entry of entries.values()) {
      const held = heldTasks.get(`${frameworkId}/${entry.id}`);
      if (held === undefined) loseOnReturn(state, framework, entry, step);
      else {
        // Its next update will tell the scheduler; the master's own view follows at once.
        if (!isTerminal(entry.task.state) && held.state !== entry.task.state) entry.task.state = held.state;
        if (entry.kill !== undefined && !isTerminal(held.state)) sendKill(agent, entry, step);
      }
    }
  }
  const heldExecutors = new Set(
    executors.map(({ framework_id, executor_info }) => `${framework_id.value}/${executor_info.executor_id.value}`),
  );
  for (const [frameworkId, entries] of agent.executors) {
    for (const executorId of entries.keys()) {
      if (!heldExecutors.has(`${frameworkId}/${executorId}`)) removeExecutor(state, frameworkId, agent.id, executorId);
    }
  }
  // What the master lost meanwhile (it had told TASK_LOST on disconnection, say) and the agent still has.
  for (const task of tasks) {
    const framework = frameworkOf(state, task.framework_id.value, message.held.frameworks, step);
    if (framework === undefined || framework.tasks.has(task.task_id.value) || isTerminal(task.state)) continue;
    if (framework.completedTasks.some((entry) => entry.id === task.task_id.value && entry.agentId === agent.id)) {
      if (agent.streamId !== undefined) {
        step.out.push({
          kind: 'to_agent',
          streamId: agent.streamId,
          message: { type: 'KILL_TASK', framework_id: task.framework_id, task_id: task.task_id },
        });
      }
      continue;
    }
    const entry = takeTask(state, framework, agent, task, step);
    const left = state.allocator.freeOn(agent.id);
    if (left.contains(entry.resources.unallocated)) state.allocator.hold(framework.id, agent.id, entry.resources);
    else entry.isFreed = true;
  }
  for (const { framework_id, executor_info } of executors) {
    const framework = state.frameworks.get(framework_id.value);
    if (framework === undefined || agent.executors.get(framework.id)?.has(executor_info.executor_id.value)) continue;
    const resources = Resources.of(executor_info.resources).allocatedByDefaultTo(framework.roles[0] ?? '*');
    if (!state.allocator.freeOn(agent.id).contains(resources.unallocated)) continue;
    addExecutor(framework, agent, { info: executor_info, resources });
    state.allocator.hold(framework.id, agent.id, resources);
  }
}

/** The master sent it, the agent does not have it: it was lost on the way, or the agent forgot it. */
function loseOnReturn(state: MasterState, framework: FrameworkEntry, entry: TaskEntry, step: Step): void {
  const about = { taskId: entry.id, agentId: entry.agentId, executorId: entry.task.executor_id?.value };
  if (!isTerminal(entry.task.state)) {
    const lost = stateFor(framework, entry.task.state === 'TASK_STAGING' ? 'TASK_DROPPED' : 'TASK_GONE');
    const status = masterStatus(about, lost, 'REASON_RECONCILIATION', 'Task is unknown to the agent', step.nowMs);
    updateTask(state, entry, status, lost, step);
    tellScheduler(framework, status, step);
  }
  removeTask(state, framework, entry, 'completed');
}

/** The link broke. The agent has until the pings run out to come back (mesos.md §9.2). */
export function disconnectAgent(state: MasterState, streamId: string, step: Step): void {
  const id = state.agentByStream.get(streamId);
  state.agentByStream.delete(streamId);
  const agent = id === undefined ? undefined : state.agents.get(id);
  if (agent === undefined || agent.streamId !== streamId) return;
  agent.streamId = undefined;
  state.allocator.deactivateAgent(agent.id);
  withdrawOffers(state, agent.offers, step, { tell: true });
  for (const [frameworkId, tasks] of agent.tasks) {
    const framework = state.frameworks.get(frameworkId);
    // A checkpointing framework's tasks survive an agent's restart, so nothing is known to be lost.
    if (framework === undefined || framework.info.checkpoint === true) continue;
    for (const entry of tasks.values()) lose(state, framework, entry, 'REASON_AGENT_DISCONNECTED', 'Agent disconnected', step);
    for (const executorId of agent.executors.get(frameworkId)?.keys() ?? []) removeExecutor(state, frameworkId, agent.id, executorId);
  }
  // The pings that were armed for this link go on unanswered, and end in unreachability.
  step.out.log('warn', { agent: agent.id, hostname: agent.info.hostname }, 'Agent disconnected');
}

/** A task whose agent can no longer be asked: TASK_LOST, whatever the framework understands. */
function lose(
  state: MasterState,
  framework: FrameworkEntry,
  entry: TaskEntry,
  reason: 'REASON_AGENT_DISCONNECTED' | 'REASON_AGENT_REMOVED',
  message: string,
  step: Step,
): void {
  if (!isTerminal(entry.task.state)) {
    const about = { taskId: entry.id, agentId: entry.agentId, executorId: entry.task.executor_id?.value };
    const status = masterStatus(about, 'TASK_LOST', reason, message, step.nowMs);
    updateTask(state, entry, status, 'TASK_LOST', step);
    tellScheduler(framework, status, step);
  }
  removeTask(state, framework, entry, 'completed');
}

/** Pings at once and arms the next. */
export function sendPing(state: MasterState, agent: AgentEntry, step: Step): void {
  agent.pingsUnanswered++;
  if (agent.streamId !== undefined) step.out.push({ kind: 'to_agent', streamId: agent.streamId, message: { type: 'PING' } });
  armPing(state, agent.id, agent.lastStreamId, step);
}

function armPing(state: MasterState, id: string, streamId: string, step: Step): void {
  step.out.push({ kind: 'timer', afterMs: state.options.agentPingTimeoutMs, message: { kind: 'ping', agentId: id, streamId } });
}

/** One ping interval has passed. `streamId` names the link for which the ping was armed, so that each agent has one series of pings. */
export function ping(state: MasterState, id: string, streamId: string, step: Step): void {
  const agent = state.agents.get(id);
  if (agent === undefined || agent.isLeaving || agent.lastStreamId !== streamId) return;
  if (agent.pingsUnanswered >= state.options.maxAgentPingTimeouts) {
    // Many agents that fall silent at once are rather the network's fault: they go one by one, and an answer saves those in line.
    const waitMs = state.lastRemovalMs + state.options.agentRemovalSpacingMs - step.nowMs;
    if (waitMs > 0) {
      step.out.push({ kind: 'timer', afterMs: waitMs, message: { kind: 'ping', agentId: id, streamId } });
      return;
    }
    state.lastRemovalMs = step.nowMs;
    agent.isLeaving = true;
    state.counters.add('master/slave_unreachable_scheduled');
    step.out.log(
      'warn',
      { agent: id, hostname: agent.info.hostname, pings: agent.pingsUnanswered },
      'Agent does not answer; marking it unreachable',
    );
    step.out.push({
      kind: 'registry',
      operation: { kind: 'unreachable', agentId: id, atMs: step.nowMs },
      message: { kind: 'agent_marked_unreachable', agentId: id },
    });
    return;
  }
  sendPing(state, agent, step);
}

/** Partition-aware frameworks are told that their tasks cannot be reached, others that they are lost. */
export function markUnreachable(state: MasterState, id: string, step: Step): void {
  const agent = state.agents.get(id);
  if (agent === undefined) return;
  if (!agent.isLeaving) {
    // It came back while the registry was writing.
    state.counters.add('master/slave_unreachable_canceled');
    if (agent.info.id !== undefined)
      step.out.push({
        kind: 'registry',
        operation: { kind: 'admit', agent: agent.info },
        message: { kind: 'allocate', agents: 'touched' },
      });
    return;
  }
  state.counters.add('master/slave_unreachable_completed');
  state.counters.add('master/slave_removals');
  state.counters.add('master/slave_removals/reason_unhealthy');
  state.unreachableAgents.set(id, step.nowMs);
  withdrawOffers(state, agent.offers, step, { tell: true });
  for (const [frameworkId, tasks] of agent.tasks) {
    const framework = state.frameworks.get(frameworkId);
    if (framework === undefined) continue;
    for (const entry of tasks.values()) {
      if (!isPartitionAware(framework) || isTerminal(entry.task.state)) {
        lose(state, framework, entry, 'REASON_AGENT_REMOVED', 'Agent is unreachable', step);
        continue;
      }
      const about = { taskId: entry.id, agentId: entry.agentId, executorId: entry.task.executor_id?.value };
      const status = masterStatus(about, 'TASK_UNREACHABLE', 'REASON_AGENT_REMOVED', 'Agent is unreachable', step.nowMs, {
        unreachable_time: { nanoseconds: msToNanoseconds(step.nowMs) },
      });
      updateTask(state, entry, status, 'TASK_UNREACHABLE', step);
      tellScheduler(framework, status, step);
      entry.unreachableMs = step.nowMs;
      removeTask(state, framework, entry, 'unreachable');
    }
  }
  drop(state, agent, step);
}

/** It said good-bye, or another agent took its address. */
export function leave(agent: AgentEntry, reason: 'unregistered' | 'registered', step: Step): void {
  if (agent.isLeaving) return;
  agent.isLeaving = true;
  step.out.push({
    kind: 'registry',
    operation: { kind: 'remove', agentId: agent.id },
    message: { kind: 'agent_removed', agentId: agent.id, reason },
  });
}

export function removeAgent(state: MasterState, id: string, reason: 'unregistered' | 'registered', step: Step): void {
  const agent = state.agents.get(id);
  if (agent === undefined) return;
  state.counters.add('master/slave_removals');
  state.counters.add(`master/slave_removals/reason_${reason}`);
  withdrawOffers(state, agent.offers, step, { tell: true });
  for (const [frameworkId, tasks] of agent.tasks) {
    const framework = state.frameworks.get(frameworkId);
    if (framework === undefined) continue;
    for (const entry of tasks.values()) lose(state, framework, entry, 'REASON_AGENT_REMOVED', 'Agent was removed', step);
  }
  tellOperators(state, step, () => ({ type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: id } } }));
  drop(state, agent, step);
}

/** By an operator's word: it will never be heard of again, and neither will its tasks. */
export function markGone(state: MasterState, id: string, atMs: number, step: Step): void {
  state.goneAgents.set(id, atMs);
  state.unreachableAgents.delete(id);
  state.recoveredAgents.delete(id);
  state.deactivatedAgents.delete(id);
  const message = 'Agent was marked gone by the operator';
  const end = (framework: FrameworkEntry, entry: TaskEntry): void => {
    const gone = stateFor(framework, 'TASK_GONE_BY_OPERATOR');
    const about = { taskId: entry.id, agentId: entry.agentId, executorId: entry.task.executor_id?.value };
    const status = masterStatus(about, gone, 'REASON_AGENT_REMOVED_BY_OPERATOR', message, step.nowMs);
    updateTask(state, entry, status, gone, step);
    tellScheduler(framework, status, step);
  };
  for (const framework of state.frameworks.values()) {
    for (const entry of framework.unreachableTasks.values()) {
      if (entry.agentId !== id) continue;
      end(framework, entry);
      framework.unreachableTasks.delete(entry.id);
      framework.completedTasks.push(entry);
    }
  }
  const agent = state.agents.get(id);
  if (agent === undefined) return;
  withdrawOffers(state, agent.offers, step, { tell: true });
  for (const [frameworkId, tasks] of agent.tasks) {
    const framework = state.frameworks.get(frameworkId);
    if (framework === undefined) continue;
    for (const entry of tasks.values()) {
      if (!isTerminal(entry.task.state)) end(framework, entry);
      removeTask(state, framework, entry, 'completed');
    }
  }
  if (agent.streamId !== undefined) {
    step.out.push({ kind: 'to_agent', streamId: agent.streamId, message: { type: 'SHUTDOWN', message } });
  }
  drop(state, agent, step);
}

/** Its machine goes down: the agent is told to stop and leaves with its tasks. */
export function takeDown(agent: AgentEntry, step: Step): void {
  if (agent.streamId !== undefined) {
    const message = 'Machine is going down for maintenance';
    step.out.push({ kind: 'to_agent', streamId: agent.streamId, message: { type: 'SHUTDOWN', message } });
  }
  leave(agent, 'unregistered', step);
}

function drop(state: MasterState, agent: AgentEntry, step: Step): void {
  for (const [frameworkId, executors] of agent.executors) {
    for (const executorId of executors.keys()) removeExecutor(state, frameworkId, agent.id, executorId);
  }
  state.allocator.removeAgent(agent.id);
  state.agents.delete(agent.id);
  // Its successor at the same address may be registered already.
  const address = addressOf(agent.ip, agent.info);
  if (state.agentByAddress.get(address) === agent.id) state.agentByAddress.delete(address);
  state.drainingAgents.delete(agent.id);
  state.inverseAnswers.delete(agent.id);
  forgetInverse(state, (inverse) => inverse.agentId === agent.id);
  if (agent.streamId !== undefined) {
    state.agentByStream.delete(agent.streamId);
    step.out.push({ kind: 'close_agent', streamId: agent.streamId });
  }
  tellFailure(state, agent.id, step);
  step.out.log('info', { agent: agent.id, hostname: agent.info.hostname }, 'Agent removed');
}

/** The file was read anew: agents of hosts that are not in it are not offered, those that are again are. */
export function applyWhitelist(state: MasterState, hosts: ReadonlySet<string> | undefined, step: Step): void {
  state.whitelist = hosts;
  for (const agent of state.agents.values()) {
    if (!isConnected(agent)) continue;
    if (isOffered(state, agent)) state.allocator.activateAgent(agent.id);
    else {
      state.allocator.deactivateAgent(agent.id);
      withdrawOffers(state, agent.offers, step, { tell: true });
    }
  }
}
