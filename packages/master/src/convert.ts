/** Reservations and volumes on one agent: in a framework's offers, or by an operator's call. */
import { type OfferOperation, Resources } from '@pronoia/mesos';
import type { Step } from './message.ts';
import { withdrawOffer } from './offers.ts';
import { type Conversion, conversionOf, type FormOperation, type OperationContext } from './operations.ts';
import type { Refusal } from './refusal.ts';
import { operationFault } from './security/rights.ts';
import type { AgentEntry, FrameworkEntry, MasterState } from './state.ts';

/** Volumes that tasks and executors use, without allocation marks. */
function volumesInUse(agent: AgentEntry): Resources {
  let used = Resources.empty;
  const add = (resources: Resources): void => {
    used = used.plus(resources.filter((kind) => kind.disk?.persistence !== undefined).unallocated);
  };
  for (const tasks of agent.tasks.values()) for (const entry of tasks.values()) if (!entry.isFreed) add(entry.resources);
  for (const executors of agent.executors.values()) for (const entry of executors.values()) add(entry.resources);
  return used;
}

const context = (agent: AgentEntry, principal: string | undefined, role: string | undefined): OperationContext => ({
  principal,
  role,
  total: agent.total,
  inUse: volumesInUse(agent),
});

/** Tells the agent what it has now. */
function commit(agent: AgentEntry, { before, after }: Conversion, step: Step): void {
  agent.total = agent.total.minus(before.unallocated).plus(after.unallocated);
  if (agent.streamId === undefined) return;
  step.out.push({
    kind: 'to_agent',
    streamId: agent.streamId,
    message: { type: 'CHECKPOINT_RESOURCES', resources: agent.total.toArray() },
  });
}

/** With what is left of the framework's offers; the conversion that was done, or why not. */
export function convertOffered(
  state: MasterState,
  framework: FrameworkEntry,
  agent: AgentEntry,
  role: string,
  operation: FormOperation,
  left: Resources,
  step: Step,
): Conversion | string {
  if (!agent.features.has('CHECKPOINTED_RESOURCES'))
    return `the agent does not keep reservations or volumes, so ${operation.type} is refused`;
  const denied = operationFault(operation, { authorize: state.options.authorize, principal: framework.info.principal });
  if (denied !== undefined) return denied;
  const wanted = conversionOf(operation, context(agent, framework.info.principal, role));
  if (typeof wanted === 'string') return wanted;
  const conversion = { before: wanted.before.allocatedByDefaultTo(role), after: wanted.after.allocatedByDefaultTo(role) };
  if (!left.contains(conversion.before))
    return `Invalid ${operation.type} operation: it needs ${conversion.before.toString()}, but ${left.toString() || 'nothing'} is left`;
  state.allocator.convert(framework.id, agent.id, conversion.before, conversion.after);
  commit(agent, conversion, step);
  return conversion;
}

/** By an operator: with what is free, and with offers taken back where that is not enough. */
export function convertFree(
  state: MasterState,
  agentId: string,
  operation: FormOperation,
  principal: string | undefined,
  step: Step,
): Refusal {
  const agent = state.agents.get(agentId);
  if (agent === undefined) return { status: 400, message: 'No agent found with specified ID' };
  if (!agent.features.has('CHECKPOINTED_RESOURCES'))
    return { status: 400, message: `The agent does not keep reservations or volumes, so ${operation.type} is refused` };
  const conversion = conversionOf(operation, context(agent, principal, undefined));
  if (typeof conversion === 'string') return { status: 400, message: `Invalid ${operation.type} operation: ${conversion}` };
  const before = conversion.before.unallocated;
  for (const id of agent.offers) {
    if (state.allocator.freeOn(agentId).contains(before)) break;
    const offer = state.offers.get(id);
    if (offer !== undefined) withdrawOffer(state, offer, step, { tell: true });
  }
  if (!state.allocator.freeOn(agentId).contains(before))
    return { status: 409, message: `Invalid ${operation.type} operation: ${before.toString()} is not available on the agent` };
  state.allocator.convertFree(agentId, before, conversion.after.unallocated);
  commit(agent, conversion, step);
  countOperation(state, undefined, operation.type, 'finished');
  return { status: 202, message: '' };
}

export function countOperation(
  state: MasterState,
  framework: FrameworkEntry | undefined,
  type: OfferOperation['type'],
  outcome: 'finished' | 'error' | 'dropped',
): void {
  state.counters.add(`master/operations/${outcome}`);
  state.counters.add(`master/operations/${type.toLowerCase()}/${outcome}`);
  framework?.counters.add('operations');
}
