/** What a registered agent has to say (mesos/src/agent-protocol.ts). */
import { leave, sendPing } from './agents.ts';
import type { AgentReport, Step } from './message.ts';
import type { AgentEntry, MasterState } from './state.ts';
import { removeExecutor, tellScheduler, updateTask } from './tasks.ts';

export function handleReport(state: MasterState, agent: AgentEntry, message: AgentReport, step: Step): void {
  switch (message.type) {
    case 'PONG':
      agent.pingsUnanswered = 0;
      // The registry is being told that it is unreachable: it is not, and its pings go on.
      if (agent.isLeaving) {
        agent.isLeaving = false;
        sendPing(state, agent, step);
      }
      return;
    case 'UPDATE':
      return update(state, agent, message, step);
    case 'EXECUTOR_EXITED': {
      state.counters.add('master/messages_exited_executor');
      const { framework_id, executor_id, status } = message;
      const isKnown = agent.executors.get(framework_id.value)?.has(executor_id.value) === true;
      removeExecutor(state, framework_id.value, agent.id, executor_id.value);
      const framework = state.frameworks.get(framework_id.value);
      // Command tasks have no executor of their own on the wire, so nobody is told of its end.
      if (!isKnown || framework?.streamId === undefined) return;
      framework.counters.add('events/failure');
      step.out.push({
        kind: 'to_scheduler',
        streamId: framework.streamId,
        event: { type: 'FAILURE', failure: { agent_id: { value: agent.id }, executor_id, status } },
      });
      return;
    }
    case 'EXECUTOR_MESSAGE': {
      state.counters.add('master/messages_executor_to_framework');
      const framework = state.frameworks.get(message.framework_id.value);
      if (framework?.streamId === undefined) {
        state.counters.add('master/invalid_executor_to_framework_messages');
        return;
      }
      state.counters.add('master/valid_executor_to_framework_messages');
      framework.counters.add('events/message');
      step.out.push({
        kind: 'to_scheduler',
        streamId: framework.streamId,
        event: { type: 'MESSAGE', message: { agent_id: { value: agent.id }, executor_id: message.executor_id, data: message.data } },
      });
      return;
    }
    case 'UNREGISTER':
      state.counters.add('master/messages_unregister_slave');
      return leave(agent, 'unregistered', step);
  }
}

function update(state: MasterState, agent: AgentEntry, message: Extract<AgentReport, { type: 'UPDATE' }>, step: Step): void {
  state.counters.add('master/messages_status_update');
  const framework = state.frameworks.get(message.framework_id.value);
  if (framework === undefined) {
    // Removed, or not back since this master started: the agent repeats it, or is told to shut the framework down.
    state.counters.add('master/invalid_status_updates');
    return;
  }
  const status = { ...message.status, agent_id: { value: agent.id } };
  // The scheduler gets every update, also of a task that is not in the books: it must acknowledge it.
  tellScheduler(framework, status, step);
  const entry = framework.tasks.get(status.task_id.value);
  if (entry === undefined || entry.agentId !== agent.id) {
    state.counters.add('master/invalid_status_updates');
    return;
  }
  state.counters.add('master/valid_status_updates');
  updateTask(state, entry, status, message.latest_state, step);
}
