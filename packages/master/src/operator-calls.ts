/**
 * Operator calls that change something (mesos.md §4.2). Each is checked, written into the registry, then applied and answered: what an
 * operator was told is done survives the master.
 */
import { type DrainInfo, defaultRole, roleFault } from '@pronoia/mesos';
import { markGone, takeDown } from './agents.ts';
import { startDraining } from './drain.ts';
import {
  applySchedule,
  checkedMachines,
  checkedSchedule,
  includesMachine,
  isDown,
  isInSchedule,
  isScheduled,
  withoutMachines,
} from './maintenance.ts';
import type { OperatorWrite, RegistryOperation, Step } from './message.ts';
import { withdrawOffers } from './offers.ts';
import { applyQuota, checkedQuota, configOfRequest } from './quota-calls.ts';
import type { Refusal } from './refusal.ts';
import { type AgentEntry, isOffered, type MasterState } from './state.ts';

const refuse = (status: number, message: string): Refusal => ({ status, message });
const isRefusal = (value: object): value is Refusal => 'status' in value && 'message' in value;

export function operatorCall(state: MasterState, requestId: string, call: OperatorWrite, step: Step): void {
  const operation = operationFor(state, call, step);
  if (operation === 'done') return step.out.push({ kind: 'reply', requestId, status: 200, message: '' });
  if (isRefusal(operation)) return step.out.push({ kind: 'reply', requestId, ...operation });
  step.out.push({ kind: 'registry', operation, message: { kind: 'operator_applied', requestId, call, operation } });
}

export function operatorApplied(state: MasterState, requestId: string, operation: RegistryOperation, step: Step): void {
  const refusal = apply(state, operation, step);
  step.out.push({ kind: 'reply', requestId, ...(refusal ?? { status: 200, message: '' }) });
}

/** What the registry must be told; `done` when it holds already. */
function operationFor(state: MasterState, call: OperatorWrite, step: Step): RegistryOperation | Refusal | 'done' {
  switch (call.type) {
    case 'UPDATE_WEIGHTS': {
      const weights: [role: string, weight: number][] = [];
      for (const { role = '', weight } of call.update_weights.weight_infos ?? []) {
        const fault = roleFault(role);
        if (fault !== undefined) return refuse(400, `Failed to validate update weights request: ${fault}`);
        if (role === defaultRole)
          return refuse(400, `Failed to validate update weights request: the weight of '${defaultRole}' cannot be set`);
        if (state.options.roles !== undefined && !state.options.roles.has(role))
          return refuse(400, `Role '${role}' is not in the list of roles`);
        if (!(weight > 0 && Number.isFinite(weight)))
          return refuse(400, `Failed to validate update weights request: invalid weight '${weight}' for role '${role}'`);
        weights.push([role, weight]);
      }
      return { kind: 'weights', weights };
    }
    case 'UPDATE_QUOTA': {
      const configs = checkedQuota(state, call.update_quota.quota_configs ?? [], call.update_quota.force === true);
      return isRefusal(configs) ? configs : { kind: 'quota', configs };
    }
    case 'SET_QUOTA': {
      const config = configOfRequest(state, call.set_quota.quota_request);
      if (isRefusal(config)) return config;
      const configs = checkedQuota(state, [config], call.set_quota.quota_request.force === true);
      return isRefusal(configs) ? configs : { kind: 'quota', configs };
    }
    case 'REMOVE_QUOTA': {
      const { role } = call.remove_quota;
      if (!state.quotas.has(role)) return refuse(400, `Failed to remove quota: role '${role}' has none`);
      return { kind: 'quota', configs: [{ role }] };
    }
    case 'UPDATE_MAINTENANCE_SCHEDULE': {
      const schedule = checkedSchedule(state, call.update_maintenance_schedule.schedule);
      return isRefusal(schedule) ? schedule : { kind: 'maintenance', schedule, down: state.downMachines };
    }
    case 'START_MAINTENANCE': {
      const machines = checkedMachines(call.start_maintenance.machines ?? [], (machine) =>
        isInSchedule(state, machine) && !includesMachine(state.downMachines, machine)
          ? undefined
          : 'Machine is not in DRAINING mode and cannot be brought down',
      );
      return isRefusal(machines) ? machines : { kind: 'maintenance', schedule: state.schedule, down: [...state.downMachines, ...machines] };
    }
    case 'STOP_MAINTENANCE': {
      const machines = checkedMachines(call.stop_maintenance.machines ?? [], (machine) =>
        includesMachine(state.downMachines, machine) ? undefined : 'Machine is not in DOWN mode and cannot be brought up',
      );
      if (isRefusal(machines)) return machines;
      const down = state.downMachines.filter((machine) => !includesMachine(machines, machine));
      return { kind: 'maintenance', schedule: withoutMachines(state.schedule, machines), down };
    }
    case 'DRAIN_AGENT': {
      const id = call.drain_agent.agent_id.value;
      const agent = state.agents.get(id);
      if (agent === undefined) return refuse(400, `Cannot drain agent '${id}' because it is not currently registered`);
      if (isScheduled(state, agent)) return refuse(400, `Cannot drain agent '${id}' because it is part of a maintenance schedule`);
      if (agent.isLeaving) return refuse(409, `Cannot drain agent '${id}' because it is being removed`);
      const { max_grace_period: grace, mark_gone = false } = call.drain_agent;
      const nanoseconds = grace === undefined ? undefined : Number(grace.seconds ?? 0) * 1e9 + (grace.nanos ?? 0);
      if (nanoseconds !== undefined && nanoseconds < 0) return refuse(400, "'max_grace_period' must be non-negative");
      const config = { mark_gone, ...(nanoseconds === undefined ? {} : { max_grace_period: { nanoseconds } }) };
      return { kind: 'deactivate', agentId: id, drain: { state: 'DRAINING', config } };
    }
    case 'DEACTIVATE_AGENT': {
      const id = call.deactivate_agent.agent_id.value;
      const agent = state.agents.get(id);
      if (agent === undefined) return refuse(400, `Cannot deactivate agent '${id}' because it is not currently registered`);
      if (agent.isDeactivated) return 'done';
      return { kind: 'deactivate', agentId: id };
    }
    case 'REACTIVATE_AGENT': {
      const id = call.reactivate_agent.agent_id.value;
      const agent = state.agents.get(id);
      if (agent === undefined) return refuse(400, `Cannot reactivate agent '${id}' because it is not currently registered`);
      if (!agent.isDeactivated) return refuse(400, `Agent '${id}' is not deactivated`);
      if (agent.drain?.state === 'DRAINING') return refuse(400, `Agent '${id}' is still draining`);
      return { kind: 'reactivate', agentId: id };
    }
    case 'MARK_AGENT_GONE': {
      const id = call.mark_agent_gone.agent_id.value;
      if (state.goneAgents.has(id)) return 'done';
      const agent = state.agents.get(id);
      if (agent?.isLeaving === true) return refuse(503, 'Agent is in another transition; try again');
      if (agent === undefined && !state.unreachableAgents.has(id) && !state.recoveredAgents.has(id))
        return refuse(404, 'Agent is not found');
      if (agent !== undefined) agent.isLeaving = true;
      return { kind: 'gone', agentId: id, atMs: step.nowMs };
    }
  }
}

function apply(state: MasterState, operation: RegistryOperation, step: Step): Refusal | undefined {
  switch (operation.kind) {
    case 'weights':
      for (const [role, weight] of operation.weights) {
        state.weights.set(role, weight);
        state.allocator.setWeight(role, weight);
      }
      // Offers that were made under the old weights are made again.
      if (operation.weights.some(([role]) => [...state.frameworks.values()].some((framework) => framework.roles.includes(role)))) {
        withdrawOffers(state, state.offers.keys(), step, { tell: true });
      }
      return undefined;
    case 'quota':
      applyQuota(state, operation.configs);
      withdrawOffers(state, state.offers.keys(), step, { tell: true });
      return undefined;
    case 'maintenance': {
      state.downMachines = operation.down;
      applySchedule(state, operation.schedule, step);
      for (const agent of state.agents.values()) if (isDown(state, agent)) takeDown(agent, step);
      return undefined;
    }
    case 'deactivate': {
      const agent = state.agents.get(operation.agentId);
      state.deactivatedAgents.set(operation.agentId, operation.drain);
      if (agent === undefined) return refuse(409, 'Agent was removed meanwhile');
      deactivate(state, agent, operation.drain, step);
      return undefined;
    }
    case 'reactivate': {
      const agent = state.agents.get(operation.agentId);
      state.deactivatedAgents.delete(operation.agentId);
      if (agent === undefined) return refuse(409, 'Agent was removed meanwhile');
      agent.isDeactivated = false;
      agent.drain = undefined;
      agent.drainStartMs = undefined;
      state.drainingAgents.delete(agent.id);
      if (agent.streamId !== undefined && isOffered(state, agent)) state.allocator.activateAgent(agent.id);
      return undefined;
    }
    case 'gone':
      markGone(state, operation.agentId, operation.atMs, step);
      return undefined;
    case 'admit':
    case 'unreachable':
    case 'remove':
    case 'framework':
    case 'framework_removed':
      throw new Error(`BUG: ${operation.kind} is not an operator's operation`);
  }
}

/** No more offers; with `drain`, its tasks are told to end. */
function deactivate(state: MasterState, agent: AgentEntry, drain: DrainInfo | undefined, step: Step): void {
  agent.isDeactivated = true;
  state.allocator.deactivateAgent(agent.id);
  withdrawOffers(state, agent.offers, step, { tell: true });
  if (drain === undefined) return;
  agent.drain = drain;
  agent.drainStartMs = step.nowMs;
  startDraining(state, agent, step);
}
