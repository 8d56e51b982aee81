/** What the agent shows of itself in the legacy JSON endpoints (mesos.md §6.4). Times are seconds. */
import {
  type Attribute,
  type ContainerStatus,
  formatRanges,
  type Resource,
  type ResourceStatistics,
  Resources,
  type Task,
  withBothSpellings,
} from '@pronoia/mesos';
import { AGENT_VERSION, type Agent } from './agent.ts';
import { isLive, type ListedContainer, listContainers, resourcesOf } from './container-list.ts';
import { type Executor, type Framework, type HeldTask, taskOf } from './executor.ts';
import type { ContainerStatistics } from './statistics.ts';

export interface VersionInfo {
  readonly version: string;
  readonly build_date: string;
  readonly build_time: number;
  readonly build_user: string;
}

export const VERSION: VersionInfo = { version: AGENT_VERSION, build_date: '1970-01-01 00:00:00', build_time: 0, build_user: 'pronoia' };

export const AGENT_CAPABILITIES = ['MULTI_ROLE', 'HIERARCHICAL_ROLE', 'RESERVATION_REFINEMENT', 'AGENT_DRAINING', 'TASK_RESOURCE_LIMITS'];

type JsonObject = Readonly<Record<string, unknown>>;

/** `{"cpus":4,"gpus":0,"mem":1024,"disk":0,"ports":"[31000-32000]"}`: the four scalars are always there. */
export function resourcesJson(list: Iterable<Resource> | undefined): JsonObject {
  const resources = Resources.of(list);
  const json: Record<string, unknown> = { cpus: 0, gpus: 0, mem: 0, disk: 0 };
  for (const [name, type] of resources.names()) {
    if (type === 'SCALAR') json[name] = resources.scalar(name);
    else if (type === 'RANGES') json[name] = formatRanges(resources.ranges(name));
    else if (type === 'SET') json[name] = `{${resources.items(name).join(', ')}}`;
  }
  return json;
}

export function attributesJson(attributes: readonly Attribute[]): JsonObject {
  const json: Record<string, unknown> = {};
  for (const { name, scalar, ranges, text } of attributes) {
    json[name] = scalar?.value ?? (ranges === undefined ? text?.value : formatRanges(ranges.range ?? []));
  }
  return json;
}

export function stateJson(agent: Agent, flags: JsonObject, masterHostname: string | undefined): JsonObject {
  const { info, options } = agent;
  const resources = Resources.of(agent.total);
  const used = usedResources(agent);
  return {
    ...VERSION,
    start_time: agent.startTimeMs / 1_000,
    id: info.id?.value ?? '',
    pid: `slave(1)@${agent.endpoint}`,
    hostname: options.hostname,
    capabilities: AGENT_CAPABILITIES,
    resources: resourcesJson(resources),
    reserved_resources: reservedByRole(resources),
    unreserved_resources: resourcesJson(resources.unreserved),
    reserved_resources_full: Object.fromEntries(
      [...reservations(resources)].map(([role, list]) => [role, list.map((resource) => withBothSpellings(resource))]),
    ),
    unreserved_resources_full: [...resources.unreserved],
    reserved_resources_allocated: reservedByRole(used),
    unreserved_resources_allocated: resourcesJson(used.unreserved),
    resource_providers: [],
    attributes: attributesJson(options.attributes),
    ...(masterHostname === undefined ? {} : { master_hostname: masterHostname }),
    flags,
    frameworks: [...agent.frameworks.values()].map(frameworkJson),
    completed_frameworks: agent.completedFrameworks.map(frameworkJson),
  };
}

/** What the running tasks hold. */
export function usedResources(agent: Agent): Resources {
  let used = Resources.empty;
  for (const executor of agent.executors()) {
    // An executor of ours is accounted with its task, as the master counts it.
    const own = executor.kind === 'command' ? [] : (executor.info.resources ?? []);
    const live = [...executor.tasks.values()].filter(isLive).flatMap(({ info }) => info.resources ?? []);
    if (executor.state !== 'TERMINATED' || live.length > 0) used = used.plus(Resources.of([...own, ...live]));
  }
  return used;
}

function reservedByRole(resources: Resources): JsonObject {
  return Object.fromEntries([...reservations(resources)].map(([role, list]) => [role, resourcesJson(list)]));
}

function reservations(resources: Resources): Map<string, Resource[]> {
  const byRole = new Map<string, Resource[]>();
  for (const resource of resources.reserved) {
    const role = resource.reservations?.at(-1)?.role ?? resource.role ?? '*';
    byRole.set(role, [...(byRole.get(role) ?? []), resource]);
  }
  return byRole;
}

function frameworkJson(framework: Framework): JsonObject {
  const { info } = framework;
  return {
    id: info.id?.value ?? '',
    name: info.name,
    user: info.user,
    failover_timeout: info.failover_timeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? '',
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    ...(info.roles === undefined ? { role: info.role ?? '*' } : { roles: info.roles }),
    executors: [...framework.executors.values()].map((executor) => executorJson(executor)),
    completed_executors: framework.completedExecutors.map((executor) => executorJson(executor)),
  };
}

function executorJson(executor: Executor): JsonObject {
  const { info, kind } = executor;
  const resources = resourcesOf(executor);
  const show = (task: HeldTask): JsonObject => taskJson(taskOf(executor, task), kind);
  const held = [...executor.tasks.values()];
  const isQueued = (task: HeldTask): boolean => kind !== 'command' && executor.state === 'REGISTERING' && task.updates.latest === undefined;
  return {
    id: executor.id,
    name: executor.name,
    source: info.source ?? '',
    container: executor.path.containerId,
    directory: executor.sandbox,
    resources: resourcesJson(resources),
    role: resources.find((resource) => resource.allocation_info?.role !== undefined)?.allocation_info?.role ?? '*',
    ...(info.labels === undefined ? {} : { labels: info.labels.labels ?? [] }),
    ...(kind === 'command' ? {} : { type: kind === 'default' ? 'DEFAULT' : 'CUSTOM' }),
    tasks: held.filter((task) => !isQueued(task)).map(show),
    queued_tasks: held.filter(isQueued).map(show),
    completed_tasks: executor.completedTasks.map(show),
  };
}

export function taskJson(task: Task, kind: Executor['kind']): JsonObject {
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: task.framework_id.value,
    executor_id: kind === 'command' ? '' : (task.executor_id?.value ?? ''),
    slave_id: task.agent_id.value,
    state: task.state,
    resources: resourcesJson(task.resources),
    role: task.resources?.[0]?.allocation_info?.role ?? '*',
    statuses: (task.statuses ?? []).map(({ state, timestamp, container_status, healthy, labels }) => ({
      state,
      timestamp,
      ...(labels?.labels === undefined ? {} : { labels: labels.labels }),
      ...(container_status === undefined ? {} : { container_status }),
      ...(healthy === undefined ? {} : { healthy }),
    })),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(task.labels === undefined ? {} : { labels: task.labels.labels ?? [] }),
    ...(task.discovery === undefined ? {} : { discovery: task.discovery }),
    ...(task.container === undefined ? {} : { container: task.container }),
    ...(task.health_check === undefined ? {} : { health_check: task.health_check }),
    ...(task.limits === undefined
      ? {}
      : { limits: Object.fromEntries(Object.entries(task.limits).map(([name, { value }]) => [name, value])) }),
  };
}

export interface ContainerQuery {
  readonly containerId?: string;
  readonly frameworkId?: string;
  readonly executorId?: string;
}

export function containersJson(agent: Agent, statistics: ContainerStatistics, query: ContainerQuery = {}): JsonObject[] {
  const byContainer = statistics.sample();
  const containers: JsonObject[] = [];
  for (const listed of listContainers(agent, query.containerId !== undefined)) {
    const { executor, containerId } = listed;
    if (executor === undefined) continue;
    if (query.containerId !== undefined && query.containerId !== containerId) continue;
    if (query.frameworkId !== undefined && query.frameworkId !== executor.path.frameworkId) continue;
    if (query.executorId !== undefined && query.executorId !== executor.id) continue;
    containers.push({
      ...identity(executor),
      container_id: containerId,
      status: containerStatus(listed, agent.options.ip),
      statistics: byContainer.get(containerId) ?? {},
    });
  }
  return containers;
}

export function statisticsJson(agent: Agent, statistics: ContainerStatistics): JsonObject[] {
  const byContainer: ReadonlyMap<string, ResourceStatistics> = statistics.sample();
  return [...listContainers(agent, false)].flatMap(({ executor, containerId }) => {
    const sample = byContainer.get(containerId);
    return executor === undefined || sample === undefined ? [] : [{ ...identity(executor), statistics: sample }];
  });
}

function identity(executor: Executor): JsonObject {
  return {
    framework_id: executor.path.frameworkId,
    executor_id: executor.id,
    executor_name: executor.name,
    source: executor.info.source ?? '',
  };
}

export function containerStatus({ containerId, parentId, pid }: ListedContainer, ip: string): ContainerStatus {
  return {
    container_id: { value: containerId, ...(parentId === undefined ? {} : { parent: { value: parentId } }) },
    network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: ip }] }],
    ...(pid === 0 ? {} : { executor_pid: pid }),
  };
}
