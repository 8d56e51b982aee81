/** The state as the v1 operator API shows it (mesos.md §4.1, appendix A4). */
import type {
  MasterResponseGetAgents,
  MasterResponseGetAgentsAgent,
  MasterResponseGetExecutors,
  MasterResponseGetFrameworks,
  MasterResponseGetFrameworksFramework,
  MasterResponseGetRoles,
  MasterResponseGetState,
  MasterResponseGetTasks,
  Operation,
  Task,
  TimeInfo,
} from '@pronoia/mesos';
import { defaultRole, Resources } from '@pronoia/mesos';
import { wireOffer } from '../offers.ts';
import { type AgentEntry, type FrameworkEntry, isConnected, type MasterState } from '../state.ts';
import { msToNanoseconds } from '../tasks.ts';

const time = (ms: number): TimeInfo => ({ nanoseconds: msToNanoseconds(ms) });

/** What its tasks and executors use, on every agent: what it holds there less what it is merely offered. */
export function usedBy(state: MasterState, framework: FrameworkEntry): Resources {
  const agents = new Set<string>(framework.executors.keys());
  for (const entry of framework.tasks.values()) agents.add(entry.agentId);
  let used = Resources.empty;
  for (const id of agents) {
    let held = state.allocator.heldOn(id).get(framework.id) ?? Resources.empty;
    for (const offerId of state.agents.get(id)?.offers ?? []) {
      const offer = state.offers.get(offerId);
      if (offer?.frameworkId === framework.id) held = held.minus(offer.resources);
    }
    used = used.plus(held);
  }
  return used;
}

export function offeredTo(state: MasterState, framework: FrameworkEntry): Resources {
  let offered = Resources.empty;
  for (const id of framework.offers) offered = offered.plus(state.offers.get(id)?.resources ?? Resources.empty);
  return offered;
}

export function usedOn(state: MasterState, agent: AgentEntry): Resources {
  let used = Resources.empty;
  for (const held of state.allocator.heldOn(agent.id).values()) used = used.plus(held);
  return used.minus(offeredOn(state, agent));
}

export function offeredOn(state: MasterState, agent: AgentEntry): Resources {
  let offered = Resources.empty;
  for (const id of agent.offers) offered = offered.plus(state.offers.get(id)?.resources ?? Resources.empty);
  return offered;
}

export const pidOf = (agent: AgentEntry): string => `slave(1)@${agent.ip}:${agent.info.port ?? 5051}`;

export function frameworkView(state: MasterState, framework: FrameworkEntry): MasterResponseGetFrameworksFramework {
  return {
    framework_info: framework.info,
    active: framework.isActive,
    connected: isConnected(framework),
    recovered: framework.isRecovered,
    registered_time: time(framework.registeredMs),
    ...(framework.reregisteredMs === undefined ? {} : { reregistered_time: time(framework.reregisteredMs) }),
    ...(framework.unregisteredMs === undefined ? {} : { unregistered_time: time(framework.unregisteredMs) }),
    offers: [...framework.offers].flatMap((id) => {
      const offer = state.offers.get(id);
      const agent = offer === undefined ? undefined : state.agents.get(offer.agentId);
      return offer === undefined || agent === undefined ? [] : [wireOffer(framework, agent, offer)];
    }),
    allocated_resources: usedBy(state, framework).toArray(),
    offered_resources: offeredTo(state, framework).toArray(),
    ...(framework.offerConstraints === undefined ? {} : { offer_constraints: framework.offerConstraints }),
  };
}

export function agentView(state: MasterState, agent: AgentEntry): MasterResponseGetAgentsAgent {
  return {
    agent_info: agent.info,
    active: isConnected(agent) && !agent.isDeactivated,
    deactivated: agent.isDeactivated,
    version: agent.version,
    pid: pidOf(agent),
    registered_time: time(agent.registeredMs),
    ...(agent.reregisteredMs === undefined ? {} : { reregistered_time: time(agent.reregisteredMs) }),
    total_resources: agent.total.toArray(),
    allocated_resources: usedOn(state, agent).toArray(),
    offered_resources: offeredOn(state, agent).toArray(),
    capabilities: agent.capabilities,
    ...(agent.drain === undefined ? {} : { drain_info: agent.drain }),
    ...(agent.drainStartMs === undefined ? {} : { estimated_drain_start_time: time(agent.drainStartMs) }),
  };
}

export const getAgents = (state: MasterState): MasterResponseGetAgents => ({
  agents: [...state.agents.values()].map((agent) => agentView(state, agent)),
  recovered_agents: [...state.recoveredAgents.values()],
});

export const getFrameworks = (state: MasterState): MasterResponseGetFrameworks => ({
  frameworks: [...state.frameworks.values()].map((framework) => frameworkView(state, framework)),
  completed_frameworks: [...state.completedFrameworks.values()].map((framework) => frameworkView(state, framework)),
  recovered_frameworks: [],
});

export const getExecutors = (state: MasterState): MasterResponseGetExecutors => ({
  executors: [...state.agents.values()].flatMap((agent) =>
    [...agent.executors.values()].flatMap((executors) =>
      [...executors.values()].map((entry) => ({ executor_info: entry.info, agent_id: { value: agent.id } })),
    ),
  ),
  orphan_executors: [],
});

/** Those whose end their framework has not acknowledged yet. */
export const getOperations = (state: MasterState): Operation[] =>
  [...state.frameworks.values()].flatMap((framework) => [...framework.pendingOperations.values()].map(({ operation }) => operation));

export function getTasks(state: MasterState): MasterResponseGetTasks {
  const tasks: Task[] = [];
  const unreachable: Task[] = [];
  const completed: Task[] = [];
  for (const framework of state.frameworks.values()) {
    for (const entry of framework.tasks.values()) tasks.push(entry.task);
    for (const entry of framework.unreachableTasks.values()) unreachable.push(entry.task);
    for (const entry of framework.completedTasks) completed.push(entry.task);
  }
  for (const framework of state.completedFrameworks.values()) {
    for (const entry of framework.unreachableTasks.values()) unreachable.push(entry.task);
    for (const entry of framework.completedTasks) completed.push(entry.task);
  }
  return { pending_tasks: [], tasks, unreachable_tasks: unreachable, completed_tasks: completed, orphan_tasks: [] };
}

/** Only the four well-known amounts, allocated and offered together (mesos.md §4.1). */
export function getRoles(state: MasterState): MasterResponseGetRoles {
  const names = new Set<string>([defaultRole, ...state.weights.keys()]);
  for (const framework of state.frameworks.values()) for (const role of framework.roles) names.add(role);
  return {
    roles: [...names].sort().map((name) => {
      let held = Resources.empty;
      for (const framework of state.frameworks.values()) {
        held = held.plus(
          usedBy(state, framework)
            .plus(offeredTo(state, framework))
            .filter((kind) => kind.allocation_info?.role === name),
        );
      }
      return {
        name,
        weight: state.weights.get(name) ?? 1,
        frameworks: [...state.frameworks.values()].filter((framework) => framework.roles.includes(name)).map(({ id }) => ({ value: id })),
        resources: ['cpus', 'gpus', 'mem', 'disk']
          .filter((amount) => held.milli(amount) > 0)
          .map((amount) => ({ name: amount, type: 'SCALAR', scalar: { value: held.scalar(amount) } })),
      };
    }),
  };
}

export const getState = (state: MasterState): MasterResponseGetState => ({
  get_tasks: getTasks(state),
  get_executors: getExecutors(state),
  get_frameworks: getFrameworks(state),
  get_agents: getAgents(state),
});
