/** The state as the legacy JSON endpoints show it (mesos.md §6.1, 6.3). Clients of many years read exactly these keys. */
import {
  type Attribute,
  defaultRole,
  type ExecutorInfo,
  formatRanges,
  fromMilli,
  type Resource,
  Resources,
  reservationRole,
  type Task,
  type TaskState,
  withBothSpellings,
} from '@pronoia/mesos';
import { consumedBy, quantitiesOf } from '../quota-calls.ts';
import { type AgentEntry, type FrameworkEntry, isConnected, type MasterState, type TaskEntry } from '../state.ts';
import { offeredOn, offeredTo, pidOf, usedBy, usedOn } from './operator-views.ts';

type Json = Readonly<Record<string, unknown>>;

const seconds = (ms: number): number => ms / 1000;

/** `{cpus, mem, disk, gpus, ports: "[31000-32000]", …}`; the four are always there. */
export function resourcesView(resources: Resources): Json {
  const view: Record<string, unknown> = { cpus: 0, gpus: 0, mem: 0, disk: 0 };
  for (const [suffix, part] of [
    ['', resources.nonRevocable],
    ['_revocable', resources.revocable],
  ] as const) {
    for (const [name, type] of part.names()) {
      const key = `${name}${suffix}`;
      if (type === 'SCALAR') view[key] = fromMilli(part.milli(name));
      else if (type === 'RANGES') view[key] = formatRanges(part.ranges(name));
      else if (type === 'SET') view[key] = `{${part.items(name).join(', ')}}`;
    }
  }
  return view;
}

function reservedView(resources: Resources): Json {
  return Object.fromEntries(reservedRoles(resources).map((role) => [role, resourcesView(resources.reservedTo(role))]));
}

const reservedRoles = (resources: Resources): string[] => [...new Set(resources.reserved.toArray().map(reservationRole))].sort();

function attributesView(attributes: readonly Attribute[]): Json {
  return Object.fromEntries(
    attributes.map((attribute) => [
      attribute.name,
      attribute.scalar?.value ??
        (attribute.ranges === undefined ? (attribute.text?.value ?? '') : formatRanges(attribute.ranges.range ?? [])),
    ]),
  );
}

export function agentView(state: MasterState, agent: AgentEntry): Json {
  return {
    id: agent.id,
    hostname: agent.info.hostname,
    port: agent.info.port ?? 5051,
    attributes: attributesView(agent.info.attributes ?? []),
    ...(agent.info.domain === undefined ? {} : { domain: agent.info.domain }),
    pid: pidOf(agent),
    registered_time: seconds(agent.registeredMs),
    ...(agent.reregisteredMs === undefined ? {} : { reregistered_time: seconds(agent.reregisteredMs) }),
    resources: resourcesView(agent.total),
    used_resources: resourcesView(usedOn(state, agent)),
    offered_resources: resourcesView(offeredOn(state, agent)),
    reserved_resources: reservedView(agent.total),
    unreserved_resources: resourcesView(agent.total.unreserved),
    active: isConnected(agent) && !agent.isDeactivated,
    deactivated: agent.isDeactivated,
    version: agent.version,
    capabilities: agent.capabilities.map((capability) => capability.type),
    ...(agent.drain === undefined ? {} : { drain_info: agent.drain }),
    ...(agent.drainStartMs === undefined ? {} : { estimated_drain_start_time_seconds: seconds(agent.drainStartMs) }),
  };
}

function fullAgentView(state: MasterState, agent: AgentEntry): Json {
  const full = (resources: Resources): unknown[] => resources.toArray().map(withBothSpellings);
  return {
    ...agentView(state, agent),
    reserved_resources_full: Object.fromEntries(reservedRoles(agent.total).map((role) => [role, full(agent.total.reservedTo(role))])),
    unreserved_resources_full: full(agent.total.unreserved),
    used_resources_full: full(usedOn(state, agent)),
    offered_resources_full: full(offeredOn(state, agent)),
  };
}

/** A task's resources never change, and their view is most of the work of showing it. */
const amountViews = new WeakMap<readonly Resource[], { readonly resources: Json; readonly role: string }>();

function amountView(task: Task): { readonly resources: Json; readonly role: string } {
  const key = task.resources ?? [];
  const known = amountViews.get(key);
  if (known !== undefined) return known;
  const resources = Resources.of(key);
  const view = { resources: resourcesView(resources), role: resources.byAllocationRole().keys().next().value ?? defaultRole };
  amountViews.set(key, view);
  return view;
}

const plainText = /^[\w .:@/+=-]*$/;
const quoted = (text: string): string => (plainText.test(text) ? `"${text}"` : JSON.stringify(text));

/** Equal amounts are written once and shared: a cluster has many tasks and few sizes. */
const amountTexts = new WeakMap<readonly Resource[], string>();
const knownTexts = new Map<string, string>();

function amountText(task: Task): string {
  const key = task.resources ?? [];
  const known = amountTexts.get(key);
  if (known !== undefined) return known;
  const { resources, role } = amountView(task);
  const text = `"resources":${JSON.stringify(resources)},"role":${JSON.stringify(role)}`;
  const shared = knownTexts.get(text) ?? text;
  if (knownTexts.size < 10_000) knownTexts.set(shared, shared);
  amountTexts.set(key, shared);
  return shared;
}

/** `JSON.stringify(taskView(task))`, made by hand: a large /state is made of little else (bench/cluster.ts). */
export function taskText(task: Task): string {
  let text = `{"id":${quoted(task.task_id.value)},"name":${quoted(task.name)},"framework_id":${quoted(task.framework_id.value)}`;
  text += `,"executor_id":${quoted(task.executor_id?.value ?? '')},"slave_id":${quoted(task.agent_id.value)},"state":"${task.state}"`;
  text += `,${amountText(task)},"statuses":[`;
  let separator = '';
  for (const { state, timestamp, labels, container_status, healthy } of task.statuses ?? []) {
    text += `${separator}{"state":"${state}","timestamp":${timestamp ?? 0}`;
    if (labels !== undefined) text += `,"labels":${JSON.stringify(labels.labels ?? [])}`;
    if (container_status !== undefined) text += `,"container_status":${JSON.stringify(container_status)}`;
    if (healthy !== undefined) text += `,"healthy":${healthy}`;
    text += '}';
    separator = ',';
  }
  text += ']';
  if (task.limits !== undefined)
    text += `,"limits":${JSON.stringify(Object.fromEntries(Object.entries(task.limits).map(([name, { value }]) => [name, value])))}`;
  if (task.user !== undefined) text += `,"user":${quoted(task.user)}`;
  if (task.labels !== undefined) text += `,"labels":${JSON.stringify(task.labels.labels ?? [])}`;
  if (task.discovery !== undefined) text += `,"discovery":${JSON.stringify(task.discovery)}`;
  if (task.container !== undefined) text += `,"container":${JSON.stringify(task.container)}`;
  if (task.health_check !== undefined) text += `,"health_check":${JSON.stringify(task.health_check)}`;
  return `${text}}`;
}

export function taskView(task: Task): Json {
  const { resources, role } = amountView(task);
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: task.framework_id.value,
    executor_id: task.executor_id?.value ?? '',
    slave_id: task.agent_id.value,
    state: task.state,
    resources,
    ...(task.limits === undefined
      ? {}
      : { limits: Object.fromEntries(Object.entries(task.limits).map(([name, { value }]) => [name, value])) }),
    role,
    statuses: (task.statuses ?? []).map((status) => ({
      state: status.state,
      timestamp: status.timestamp ?? 0,
      ...(status.labels === undefined ? {} : { labels: status.labels.labels ?? [] }),
      ...(status.container_status === undefined ? {} : { container_status: status.container_status }),
      ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
    })),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(task.labels === undefined ? {} : { labels: task.labels.labels ?? [] }),
    ...(task.discovery === undefined ? {} : { discovery: task.discovery }),
    ...(task.container === undefined ? {} : { container: task.container }),
    ...(task.health_check === undefined ? {} : { health_check: task.health_check }),
  };
}

function executorView(info: ExecutorInfo, frameworkId: string, agentId: string): Json {
  const resources = Resources.of(info.resources);
  return {
    executor_id: info.executor_id.value,
    name: info.name ?? '',
    framework_id: frameworkId,
    command: {
      shell: info.command?.shell ?? true,
      ...(info.command?.value === undefined ? {} : { value: info.command.value }),
      argv: info.command?.arguments ?? [],
      ...(info.command?.environment === undefined ? {} : { environment: info.command.environment }),
      uris: info.command?.uris ?? [],
    },
    resources: resourcesView(resources),
    role: resources.byAllocationRole().keys().next().value ?? defaultRole,
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    ...(info.type === undefined ? {} : { type: info.type }),
    slave_id: agentId,
  };
}

const frameworkSummary = (state: MasterState, framework: FrameworkEntry): Json =>
  summaryOf(framework, usedBy(state, framework), offeredTo(state, framework));

function summaryOf(framework: FrameworkEntry, used: Resources, offered: Resources): Json {
  const { info } = framework;
  return {
    id: framework.id,
    name: info.name,
    used_resources: resourcesView(used),
    offered_resources: resourcesView(offered),
    capabilities: [...framework.capabilities],
    hostname: info.hostname ?? '',
    webui_url: info.webui_url ?? '',
    active: framework.isActive,
    connected: isConnected(framework),
    recovered: framework.isRecovered,
  };
}

/** All but its tasks. */
export function frameworkFrame(state: MasterState, framework: FrameworkEntry): Json {
  const { info } = framework;
  const used = usedBy(state, framework);
  const offered = offeredTo(state, framework);
  const roles = framework.capabilities.has('MULTI_ROLE') ? { roles: framework.roles } : { role: framework.roles[0] ?? defaultRole };
  return {
    ...summaryOf(framework, used, offered),
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: seconds(framework.registeredMs),
    unregistered_time: seconds(framework.unregisteredMs ?? 0),
    ...(framework.reregisteredMs === undefined ? {} : { reregistered_time: seconds(framework.reregisteredMs) }),
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: resourcesView(used.plus(offered)),
    ...roles,
    offers: [...framework.offers].flatMap((id) => {
      const offer = state.offers.get(id);
      return offer === undefined
        ? []
        : [
            {
              id: offer.id,
              framework_id: offer.frameworkId,
              allocation_info: { role: offer.role },
              slave_id: offer.agentId,
              resources: resourcesView(offer.resources),
            },
          ];
    }),
    executors: [...framework.executors].flatMap(([agentId, executors]) =>
      [...executors.values()].map((entry) => executorView(entry.info, framework.id, agentId)),
    ),
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    ...(framework.offerConstraints === undefined ? {} : { offer_constraints: framework.offerConstraints }),
  };
}

export function frameworkView(state: MasterState, framework: FrameworkEntry): Json {
  return {
    ...frameworkFrame(state, framework),
    tasks: [...framework.tasks.values()].map((entry) => taskView(entry.task)),
    unreachable_tasks: [...framework.unreachableTasks.values()].map((entry) => taskView(entry.task)),
    completed_tasks: framework.completedTasks.map((entry) => taskView(entry.task)),
  };
}

export const pid = (state: MasterState): string => `master@${state.info.address?.ip ?? '127.0.0.1'}:${state.info.port}`;

/** All but agents, frameworks and tasks. */
export function stateFrame(state: MasterState, build: Json, flags: Json): Json {
  const agents = [...state.agents.values()];
  const activated = agents.filter((agent) => isConnected(agent) && !agent.isDeactivated).length;
  return {
    ...build,
    start_time: seconds(state.startedMs),
    elected_time: seconds(state.electedMs),
    id: state.info.id,
    pid: pid(state),
    hostname: state.info.hostname ?? '',
    capabilities: (state.info.capabilities ?? []).map((capability) => capability.type),
    activated_slaves: activated,
    deactivated_slaves: agents.length - activated,
    unreachable_slaves: state.unreachableAgents.size,
    leader: pid(state),
    leader_info: {
      id: state.info.id,
      pid: pid(state),
      port: state.info.port,
      hostname: state.info.hostname ?? '',
      ...(state.info.domain === undefined ? {} : { domain: state.info.domain }),
    },
    ...(state.info.domain === undefined ? {} : { domain: state.info.domain }),
    ...(typeof flags['cluster'] === 'string' ? { cluster: flags['cluster'] } : {}),
    flags,
    recovered_slaves: recoveredView(state),
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

const recoveredView = (state: MasterState): Json[] =>
  [...state.recoveredAgents.values()].map((info) => ({ id: info.id?.value ?? '', hostname: info.hostname, port: info.port ?? 5051 }));

const countedStates = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
] as const satisfies readonly TaskState[];

function countStates(entries: Iterable<TaskEntry>): Json {
  const counts: Record<string, number> = Object.fromEntries(countedStates.map((name) => [name, 0]));
  for (const { task } of entries) if (counts[task.state] !== undefined) counts[task.state] = (counts[task.state] ?? 0) + 1;
  return counts;
}

const tasksOf = (framework: FrameworkEntry): TaskEntry[] => [
  ...framework.tasks.values(),
  ...framework.unreachableTasks.values(),
  ...framework.completedTasks,
];

export function summaryView(state: MasterState, cluster: string | undefined): Json {
  const tasksByAgent = new Map<string, TaskEntry[]>();
  for (const framework of state.frameworks.values()) {
    for (const entry of tasksOf(framework)) {
      const known = tasksByAgent.get(entry.agentId);
      if (known === undefined) tasksByAgent.set(entry.agentId, [entry]);
      else known.push(entry);
    }
  }
  return {
    hostname: state.info.hostname ?? '',
    ...(cluster === undefined ? {} : { cluster }),
    slaves: [...state.agents.values()].map((agent) => {
      const tasks = tasksByAgent.get(agent.id) ?? [];
      return { ...agentView(state, agent), ...countStates(tasks), framework_ids: [...new Set(tasks.map((entry) => entry.frameworkId))] };
    }),
    frameworks: [...state.frameworks.values()].map((framework) => {
      const tasks = tasksOf(framework);
      return { ...frameworkSummary(state, framework), ...countStates(tasks), slave_ids: [...new Set(tasks.map((entry) => entry.agentId))] };
    }),
  };
}

export function agentsView(state: MasterState, id: string | undefined): Json {
  const agents = [...state.agents.values()].filter((agent) => id === undefined || agent.id === id);
  return {
    slaves: agents.map((agent) => fullAgentView(state, agent)),
    recovered_slaves: recoveredView(state).filter((agent) => id === undefined || agent['id'] === id),
  };
}

export function frameworksView(state: MasterState, id: string | undefined): Json {
  const wanted = (frameworks: Iterable<FrameworkEntry>): Json[] =>
    [...frameworks].filter((framework) => id === undefined || framework.id === id).map((framework) => frameworkView(state, framework));
  return {
    frameworks: wanted(state.frameworks.values()),
    completed_frameworks: wanted(state.completedFrameworks.values()),
    unregistered_frameworks: [],
  };
}

export interface TasksQuery {
  /** −1: all. */
  readonly limit: number;
  readonly offset: number;
  readonly order: 'asc' | 'desc';
  readonly frameworkId: string | undefined;
  readonly taskId: string | undefined;
}

export function tasksView(state: MasterState, query: TasksQuery): Json {
  const entries: TaskEntry[] = [];
  for (const framework of [...state.frameworks.values(), ...state.completedFrameworks.values()]) {
    if (query.frameworkId !== undefined && query.frameworkId !== framework.id) continue;
    for (const entry of tasksOf(framework)) if (query.taskId === undefined || query.taskId === entry.id) entries.push(entry);
  }
  const firstSeen = (entry: TaskEntry): number => entry.task.statuses?.[0]?.timestamp ?? Number.POSITIVE_INFINITY;
  const direction = query.order === 'asc' ? 1 : -1;
  entries.sort((a, b) => {
    const [x, y] = [firstSeen(a), firstSeen(b)];
    return x === y ? 0 : direction * (x < y ? -1 : 1);
  });
  const end = query.limit < 0 ? undefined : query.offset + query.limit;
  return { tasks: entries.slice(query.offset, end).map((entry) => taskView(entry.task)) };
}

function quotaView(state: MasterState, role: string): Json {
  const amounts = (quantities: Iterable<readonly [string, number]>): Json =>
    Object.fromEntries([...quantities].map(([name, milli]) => [name, fromMilli(milli)]));
  const config = state.quotas.get(role);
  return {
    role,
    guarantee: amounts(quantitiesOf(config?.guarantees)),
    limit: amounts(quantitiesOf(config?.limits)),
    consumed: role.includes('/') || role === defaultRole ? {} : amounts([...consumedBy(state, role)].filter(([, milli]) => milli > 0)),
  };
}

export function rolesView(state: MasterState): Json {
  const names = new Set<string>([defaultRole, ...state.weights.keys(), ...state.quotas.keys()]);
  for (const framework of state.frameworks.values()) for (const role of framework.roles) names.add(role);
  for (const agent of state.agents.values()) for (const role of reservedRoles(agent.total)) names.add(role);
  return {
    roles: [...names].sort().map((name) => {
      const frameworks = [...state.frameworks.values()].filter((framework) => framework.roles.includes(name));
      const within = (resources: Resources): Resources => resources.filter((kind) => kind.allocation_info?.role === name);
      let allocated = Resources.empty;
      let offered = Resources.empty;
      let reserved = Resources.empty;
      for (const framework of state.frameworks.values()) {
        allocated = allocated.plus(within(usedBy(state, framework)));
        offered = offered.plus(within(offeredTo(state, framework)));
      }
      for (const agent of state.agents.values()) reserved = reserved.plus(agent.total.reservedTo(name));
      return {
        name,
        weight: state.weights.get(name) ?? 1,
        quota: quotaView(state, name),
        allocated: resourcesView(allocated),
        offered: resourcesView(offered),
        reserved: resourcesView(reserved),
        resources: resourcesView(allocated.plus(offered)),
        frameworks: frameworks.map((framework) => framework.id),
      };
    }),
  };
}
