/** Draining: an agent's tasks are told to end; when none is left it is drained, and gone for good if so asked (mesos.md §4.2). */
import type { DrainInfo, Int64, KillPolicy } from '@pronoia/mesos';
import { isTerminal } from '@pronoia/mesos';
import type { Step } from './message.ts';
import type { AgentEntry, MasterState, TaskEntry } from './state.ts';
import { sendKill } from './tasks.ts';

const least = (a: Int64 | undefined, b: Int64 | undefined): Int64 | undefined =>
  a === undefined ? b : b === undefined ? a : a < b ? a : b;

/** The task's own patience, but not more than the drain's. */
function policyFor(entry: TaskEntry, agent: AgentEntry): KillPolicy | undefined {
  const nanoseconds = least(entry.task.kill_policy?.grace_period?.nanoseconds, agent.drain?.config.max_grace_period?.nanoseconds);
  return nanoseconds === undefined ? undefined : { grace_period: { nanoseconds } };
}

/** Tells every task to end; `drain` of the agent says how patiently. */
export function startDraining(state: MasterState, agent: AgentEntry, step: Step): void {
  state.drainingAgents.add(agent.id);
  for (const tasks of agent.tasks.values()) {
    for (const entry of tasks.values()) {
      if (isTerminal(entry.task.state)) continue;
      entry.kill = { killPolicy: policyFor(entry, agent) };
      sendKill(agent, entry, step);
    }
  }
}

/** Called after every message: which draining agents have lost their last task. */
export function noteDrained(state: MasterState, step: Step): void {
  for (const id of state.drainingAgents) {
    const agent = state.agents.get(id);
    if (agent !== undefined && (agent.tasks.size > 0 || agent.executors.size > 0)) continue;
    state.drainingAgents.delete(id);
    if (agent?.drain?.state === 'DRAINING') drained(state, agent, agent.drain, step);
  }
}

function drained(state: MasterState, agent: AgentEntry, former: DrainInfo, step: Step): void {
  const drain = { ...former, state: 'DRAINED' as const };
  agent.drain = drain;
  step.out.log('info', { agent: agent.id }, 'Agent is drained');
  if (drain.config.mark_gone === true && !agent.isLeaving) {
    agent.isLeaving = true;
    step.out.push({
      kind: 'registry',
      operation: { kind: 'gone', agentId: agent.id, atMs: step.nowMs },
      message: { kind: 'agent_gone', agentId: agent.id, atMs: step.nowMs },
    });
    return;
  }
  state.deactivatedAgents.set(agent.id, drain);
  step.out.push({ kind: 'registry', operation: { kind: 'deactivate', agentId: agent.id, drain }, message: { kind: 'noted' } });
}
