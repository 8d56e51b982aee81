/**
 * `GET /explain`: why a framework gets no offers, or what became of a task, in sentences. The answer is computed from the same tests that the
 * allocator applies, so it cannot disagree with them.
 */
import type { Refusal } from '@pronoia/allocator';
import { isTerminal } from '@pronoia/mesos';
import { type FrameworkEntry, isConnected, type MasterState, type TaskEntry } from '../state.ts';

export interface Explanation {
  readonly subject: string;
  readonly sentences: readonly string[];
}

const agents = (count: number): string => (count === 1 ? '1 agent' : `${count} agents`);
const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;

function findFramework(state: MasterState, id: string): FrameworkEntry | undefined {
  return (
    state.frameworks.get(id) ??
    state.completedFrameworks.get(id) ??
    [...state.frameworks.values()].find((framework) => framework.info.name === id)
  );
}

/** By id or by name; undefined when there is no such framework. */
export function explainFramework(state: MasterState, id: string, nowMs: number): Explanation | undefined {
  const framework = findFramework(state, id);
  if (framework === undefined) return undefined;
  const subject = `framework ${framework.id} (${framework.info.name})`;
  if (framework.unregisteredMs !== undefined) {
    return { subject, sentences: [`It was removed ${seconds(nowMs - framework.unregisteredMs)} ago and can not come back under this id.`] };
  }
  if (framework.isRecovered)
    return { subject, sentences: ['Its scheduler has not subscribed since this master started; only its tasks are known.'] };
  if (!isConnected(framework)) {
    return {
      subject,
      sentences: [
        `Its scheduler is disconnected since ${seconds(nowMs - (framework.disconnectedMs ?? nowMs))}; it gets no offers until it subscribes again.`,
      ],
    };
  }
  const sentences: string[] = [];
  if (framework.roles.length === 0) sentences.push('It subscribed without any role, so it is offered nothing.');
  if (state.agents.size === 0) sentences.push('No agent is registered.');
  if (framework.offers.size > 0) {
    const oldest = Math.min(...[...framework.offers].map((offer) => state.offers.get(offer)?.madeMs ?? nowMs));
    sentences.push(`It has ${framework.offers.size} unanswered offers, the oldest for ${seconds(nowMs - oldest)}.`);
  }
  for (const role of framework.roles) sentences.push(...explainRole(state, framework, role, nowMs));
  return { subject, sentences };
}

function explainRole(state: MasterState, framework: FrameworkEntry, role: string, nowMs: number): string[] {
  if (state.allocator.isSuppressed(framework.id, role)) return [`Role ${role}: it has suppressed offers; REVIVE brings them back.`];
  const byKind = new Map<Refusal['kind'] | 'waiting', { count: number; example: Refusal | undefined; agent: string }>();
  for (const agent of state.agents.values()) {
    const refusal = state.allocator.explain(framework.id, role, agent.id, nowMs);
    const kind = refusal?.kind ?? 'waiting';
    const known = byKind.get(kind);
    if (known === undefined) byKind.set(kind, { count: 1, example: refusal, agent: agent.info.hostname });
    else known.count++;
  }
  return [...byKind.values()].map(({ count, example, agent }) => `Role ${role}: ${sentence(count, example, agent, nowMs, state, role)}`);
}

function sentence(count: number, refusal: Refusal | undefined, agent: string, nowMs: number, state: MasterState, role: string): string {
  const on = agents(count);
  switch (refusal?.kind) {
    case undefined:
      return `${on} can be offered and will be at the next allocation, in the order of fair share (the role's dominant share is ${state.allocator.dominantShare(role).toFixed(3)}).`;
    case 'framework_inactive':
      return 'the framework is not active.';
    case 'role_suppressed':
      return 'offers are suppressed.';
    case 'agent_inactive':
      return `${on} disconnected or taken out of service by an operator (${agent}).`;
    case 'gpu_agent':
      return `${on} with GPUs, which are kept for frameworks with the capability GPU_RESOURCES (${agent}).`;
    case 'other_region':
      return `${on} in another region than this master's, kept for frameworks with the capability REGION_AWARE (${agent}).`;
    case 'constraints':
      return `${on} that its offer constraints exclude (${agent}).`;
    case 'nothing_free':
      return `on ${on} nothing is free that the role may use: all is used, offered to others or reserved.`;
    case 'too_small':
      return `on ${on} too little is free to be worth an offer (${agent}: ${refusal.free.toString()}).`;
    case 'quota':
      return `on ${on} quota stands against it: the role is at its limit, or what is free is kept for the guarantees of other roles (${agent}: ${refusal.allowed.toString() || 'nothing'} would be allowed).`;
    case 'filtered':
      return `${on} that it refused itself; the filter ends in ${seconds(refusal.untilMs - nowMs)} (${agent}).`;
  }
}

/** Every task of that id, newest framework first; empty when there is none. */
export function explainTask(state: MasterState, id: string): Explanation[] {
  const found: Explanation[] = [];
  for (const framework of [...state.frameworks.values(), ...state.completedFrameworks.values()]) {
    const subject = `task ${id} of framework ${framework.id} (${framework.info.name})`;
    const active = framework.tasks.get(id);
    if (active !== undefined) found.push({ subject, sentences: aboutActive(state, active) });
    const unreachable = framework.unreachableTasks.get(id);
    if (unreachable !== undefined) {
      found.push({
        subject,
        sentences: [
          `Its agent ${unreachable.agentId} does not answer; the task may or may not run. It is known again when the agent comes back.`,
        ],
      });
    }
    for (const entry of framework.completedTasks) if (entry.id === id) found.push({ subject, sentences: aboutEnd(entry) });
  }
  return found;
}

function aboutActive(state: MasterState, entry: TaskEntry): string[] {
  const agent = state.agents.get(entry.agentId);
  const where = `agent ${entry.agentId}${agent === undefined ? '' : ` (${agent.info.hostname})`}`;
  const sentences: string[] = [];
  if (entry.task.state === 'TASK_STAGING') sentences.push(`It was sent to ${where}, which has not reported it yet.`);
  else if (isTerminal(entry.task.state))
    sentences.push(`It has ended as ${entry.task.state} on ${where}; the scheduler has not acknowledged that yet.`);
  else sentences.push(`It is ${entry.task.state} on ${where}.`);
  if (agent !== undefined && !isConnected(agent)) sentences.push('That agent is disconnected at the moment.');
  if (entry.kill !== undefined && !isTerminal(entry.task.state)) sentences.push('It was told to end.');
  return sentences;
}

function aboutEnd(entry: TaskEntry): string[] {
  const last = entry.task.statuses?.at(-1);
  const why = [last?.reason, last?.message].filter((part) => part !== undefined && part !== '').join(': ');
  return [`It ended as ${entry.task.state} on agent ${entry.agentId}${why === '' ? '' : ` (${why})`}.`];
}
