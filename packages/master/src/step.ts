/**
 * The master as a function: one message in, effects out. It awaits nothing, sends nothing and asks no clock; `app.ts` performs the
 * effects. Given the same messages, times and random numbers it does the same, so whole clusters are simulated in one process.
 */
import type { FrameworkInfo } from '@pronoia/mesos';
import { admitted, applyWhitelist, disconnectAgent, markGone, markUnreachable, ping, register, removeAgent } from './agents.ts';
import { handleCall } from './calls.ts';
import { convertFree } from './convert.ts';
import { noteDrained } from './drain.ts';
import { disconnect, failoverTimeout, heartbeat, recoverFramework, removeFramework, subscribe } from './frameworks.ts';
import { inverseOffers } from './maintenance.ts';
import { type Effect, type MasterMessage, Outbox, type Step } from './message.ts';
import { allocate, withdrawOffers } from './offers.ts';
import { retryOperation } from './operation-feedback.ts';
import { operatorApplied, operatorCall } from './operator-calls.ts';
import { handleReport } from './reports.ts';
import type { MasterState } from './state.ts';
import { getState } from './views/operator-views.ts';

/** Changes `state` in place. Throws only on a broken invariant of our own. */
export function step(state: MasterState, message: MasterMessage, nowMs: number, random: () => number): Effect[] {
  const out = new Outbox();
  const context: Step = { nowMs, random, out };
  handle(state, message, context);
  noteDrained(state, context);
  // Whatever became free or whoever came is served at once, by one allocation for all that happens until then.
  if (state.allocator.isTouched && !state.isAllocationDue) {
    state.isAllocationDue = true;
    out.push({ kind: 'soon', message: { kind: 'allocate', agents: 'touched' } });
  }
  return out.effects;
}

/** The messages that set a new master going: what the registry knows, then the first allocation. */
export function firstMessages(state: MasterState, frameworks: Iterable<FrameworkInfo>): MasterMessage[] {
  const messages: MasterMessage[] = [...frameworks].map((info) => ({ kind: 'recover_framework', info }));
  if (state.recoveredAgents.size > 0) messages.push({ kind: 'recovered_agents_timeout' });
  return [...messages, { kind: 'allocate', agents: 'all' }];
}

function handle(state: MasterState, message: MasterMessage, step: Step): void {
  switch (message.kind) {
    case 'scheduler_subscribe':
      return subscribe(state, message.streamId, message.call, step);
    case 'scheduler_call': {
      const framework = state.frameworks.get(message.frameworkId);
      // Removed between the check and its turn.
      if (framework === undefined) return;
      return handleCall(state, framework, message.call, step);
    }
    case 'scheduler_closed':
      return disconnect(state, message.streamId, step);
    case 'agent_register':
      return register(state, message.streamId, message.ip, message.message, step);
    case 'agent_report': {
      const id = state.agentByStream.get(message.streamId);
      const agent = id === undefined ? undefined : state.agents.get(id);
      if (agent === undefined) return;
      return handleReport(state, agent, message.message, step);
    }
    case 'agent_closed':
      return disconnectAgent(state, message.streamId, step);
    case 'operator_subscribe':
      return operatorSubscribe(state, message.streamId, step);
    case 'operator_closed':
      state.operatorStreams.delete(message.streamId);
      return;
    case 'teardown': {
      const framework = state.frameworks.get(message.frameworkId);
      if (framework !== undefined) removeFramework(state, framework, step);
      return;
    }
    case 'operator_call':
      return operatorCall(state, message.requestId, message.call, step);
    case 'operator_applied':
      return operatorApplied(state, message.requestId, message.operation, step);
    case 'operator_convert':
      return step.out.push({
        kind: 'reply',
        requestId: message.requestId,
        ...convertFree(state, message.agentId, message.operation, message.principal, step),
      });
    case 'whitelist':
      return applyWhitelist(state, message.hosts, step);
    case 'noted':
      return;
    case 'recover_framework':
      return recoverFramework(state, message.info, step);
    case 'agent_gone':
      return markGone(state, message.agentId, message.atMs, step);
    case 'agent_admitted':
      return admitted(state, message.streamId, message.ip, message.agentId, message.message, step);
    case 'agent_marked_unreachable':
      return markUnreachable(state, message.agentId, step);
    case 'agent_removed':
      return removeAgent(state, message.agentId, message.reason, step);
    case 'allocate':
      allocate(state, message.agents, step);
      inverseOffers(state, step);
      if (message.agents === 'all') step.out.push({ kind: 'timer', afterMs: state.options.allocationIntervalMs, message });
      return;
    case 'ping':
      return ping(state, message.agentId, message.streamId, step);
    case 'heartbeat':
      return heartbeat(state, message.streamId, step);
    case 'failover_timeout':
      return failoverTimeout(state, message.frameworkId, message.subscriptions, step);
    case 'offer_timeout':
      return withdrawOffers(state, [message.offerId], step, { tell: true });
    case 'operation_retry':
      return retryOperation(state, message.frameworkId, message.operationId, message.uuid, step);
    case 'recovered_agents_timeout':
      return recoveredAgentsTimeout(state, step);
  }
}

/** Who was in the registry and did not come back in time is unreachable. Called once at the start, which sets the timer. */
function recoveredAgentsTimeout(state: MasterState, step: Step): void {
  if (step.nowMs < state.electedMs + state.options.agentReregisterTimeoutMs) {
    const afterMs = state.electedMs + state.options.agentReregisterTimeoutMs - step.nowMs;
    return step.out.push({ kind: 'timer', afterMs, message: { kind: 'recovered_agents_timeout' } });
  }
  for (const id of state.recoveredAgents.keys()) {
    state.unreachableAgents.set(id, step.nowMs);
    state.counters.add('master/recovery_slave_removals');
    step.out.push({
      kind: 'registry',
      operation: { kind: 'unreachable', agentId: id, atMs: step.nowMs },
      message: { kind: 'agent_marked_unreachable', agentId: id },
    });
    step.out.log('warn', { agent: id }, 'Agent did not come back after this master began to lead; it is unreachable');
  }
  state.recoveredAgents.clear();
}

function operatorSubscribe(state: MasterState, streamId: string, step: Step): void {
  if (state.operatorStreams.size >= state.options.maxOperatorStreams) {
    const oldest = state.operatorStreams.values().next().value;
    if (oldest !== undefined) {
      state.operatorStreams.delete(oldest);
      step.out.push({ kind: 'close_operator', streamId: oldest });
    }
  }
  step.out.push({
    kind: 'to_operator',
    streamId,
    event: {
      type: 'SUBSCRIBED',
      subscribed: { get_state: getState(state), heartbeat_interval_seconds: state.options.heartbeatIntervalMs / 1000 },
    },
  });
  state.operatorStreams.add(streamId);
  heartbeat(state, streamId, step);
}
