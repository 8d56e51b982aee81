/** Is this task fit to be launched? The checks and their order are the original's (mesos.md §2.7). */
import {
  type CheckInfo,
  type CommandInfo,
  type ContainerInfo,
  type Environment,
  type ExecutorInfo,
  encodeJson,
  type HealthCheck,
  idFault,
  type Resource,
  Resources,
  resourceFault,
  type TaskInfo,
  toMilli,
} from '@pronoia/mesos';
import type { AgentEntry, FrameworkEntry } from './state.ts';

/** In place of offered resources where amounts are checked for a whole group. */
const EVERYTHING = 'everything';

export interface TaskToLaunch {
  /** With allocation roles and executor's framework id filled in. */
  readonly task: TaskInfo;
  readonly framework: FrameworkEntry;
  readonly agent: AgentEntry;
  readonly role: string;
  /** What is left of the offers. */
  readonly offered: Resources | typeof EVERYTHING;
}

export interface GroupToLaunch extends Omit<TaskToLaunch, 'task' | 'offered'> {
  readonly offered: Resources;
  /** As they came. */
  readonly given: readonly TaskInfo[];
  /** With the executor and all that may be left out filled in. */
  readonly tasks: readonly TaskInfo[];
  readonly executor: ExecutorInfo;
}

/** Below this the default executor itself cannot run. */
const leastExecutorCpus = 0.01;
const leastExecutorMem = 32;

/** The first thing that is wrong with a task group: none of its tasks is launched then. */
export function groupFault(launch: GroupToLaunch): string | undefined {
  const { given, tasks, executor, framework, agent } = launch;
  if (tasks.length === 0) return 'The task group has no tasks';
  const ids = new Set<string>();
  for (const [i, task] of tasks.entries()) {
    const id = task.task_id.value;
    if (ids.has(id)) return `Task '${id}' is in the group twice`;
    ids.add(id);
    const own = given[i]?.executor;
    if (own !== undefined && own.executor_id.value !== executor.executor_id.value)
      return `Task '${id}' names another executor than its group`;
    if (task.container?.type === 'DOCKER') return `Task '${id}' uses a DOCKER container, which a task group cannot have`;
    if ((task.container?.network_infos ?? []).length > 0) {
      if (task.health_check?.type === 'HTTP' || task.health_check?.type === 'TCP')
        return `Task '${id}' has a network of its own, so HTTP and TCP health checks cannot reach it`;
    }
    if (Object.keys(task.limits ?? {}).length > 0 && task.container?.linux_info?.share_cgroups !== false) {
      return `Task '${id}' has limits, which need 'linux_info.share_cgroups' to be false`;
    }
    const { executor: _executor, ...bare } = task;
    // Checked as a command task: the group's executor is checked once, below.
    const fault = taskFault({ ...launch, task: { ...bare, command: task.command ?? {} }, offered: EVERYTHING });
    if (fault !== undefined) return `Task '${id}' is invalid: ${fault}`;
  }
  const shared = tasks.map((task) => task.container?.linux_info?.share_cgroups ?? true);
  if (new Set(shared).size > 1) return "Tasks of a group must agree on 'linux_info.share_cgroups'";
  return groupExecutorFault(launch) ?? groupAmountFault(tasks, executor, framework, agent, launch.offered);
}

function groupExecutorFault({ executor, framework, agent }: GroupToLaunch): string | undefined {
  const id = executor.executor_id.value;
  const fault = prefixed('ExecutorID', idFault(id));
  if (fault !== undefined) return fault;
  if (executor.framework_id?.value !== framework.id) return 'ExecutorInfo has an invalid FrameworkID';
  if (executor.type !== 'DEFAULT' && executor.type !== 'CUSTOM') return "'ExecutorInfo.type' must be DEFAULT or CUSTOM for LAUNCH_GROUP";
  if (executor.type === 'DEFAULT') {
    if (executor.command !== undefined) return "'ExecutorInfo.command' must not be set for the DEFAULT executor";
    if (executor.container !== undefined && (executor.container.type !== 'MESOS' || executor.container.mesos?.image !== undefined)) {
      return "'ExecutorInfo.container' of the DEFAULT executor must be of type MESOS, without an image";
    }
  } else if (executor.command === undefined) return "'ExecutorInfo.command' must be set for a custom executor";
  const running = agent.executors.get(framework.id)?.get(id);
  if (running !== undefined) {
    return isSameExecutor(running.info, executor)
      ? undefined
      : `ExecutorInfo is not compatible with the existing ExecutorInfo of the same ExecutorID '${id}'`;
  }
  for (const resource of executor.resources ?? []) {
    const wrong = resourceFault(resource);
    if (wrong !== undefined) return `Executor uses invalid resources: ${wrong}`;
  }
  const resources = Resources.of(executor.resources);
  if (resources.scalar('cpus') < leastExecutorCpus)
    return `Executor '${id}' uses less CPUs (${resources.scalar('cpus')}) than the minimum required (${leastExecutorCpus})`;
  if (resources.scalar('mem') < leastExecutorMem)
    return `Executor '${id}' uses less memory (${resources.scalar('mem')}MB) than the minimum required (${leastExecutorMem}MB)`;
  if (resources.scalar('disk') <= 0) return `Executor '${id}' does not use any disk`;
  return undefined;
}

function groupAmountFault(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  framework: FrameworkEntry,
  agent: AgentEntry,
  offered: Resources,
): string | undefined {
  let needed =
    agent.executors.get(framework.id)?.has(executor.executor_id.value) === true ? Resources.empty : Resources.of(executor.resources);
  for (const task of tasks) needed = needed.plus(Resources.of(task.resources));
  return offered.contains(needed)
    ? undefined
    : `The task group and its executor use ${needed.toString()}, more than available ${offered.toString()}`;
}

/** The first thing that is wrong with it, as a sentence for the framework's author. */
export function taskFault(launch: TaskToLaunch): string | undefined {
  const { task, framework, agent } = launch;
  const id = task.task_id.value;
  return (
    prefixed('TaskID', idFault(id)) ??
    (framework.tasks.has(id) || framework.unreachableTasks.has(id) ? `Task has duplicate ID: ${id}` : undefined) ??
    (task.agent_id.value === agent.id ? undefined : `Task uses invalid agent ${task.agent_id.value} while agent ${agent.id} is expected`) ??
    negative('kill_policy.grace_period', task.kill_policy?.grace_period?.nanoseconds) ??
    negative('max_completion_time', task.max_completion_time?.nanoseconds) ??
    checkFault(task.check) ??
    healthCheckFault(task.health_check) ??
    resourcesFault(launch) ??
    commandFault(task.command, 'command') ??
    containerFault(task.container) ??
    limitsFault(task) ??
    executorFault(launch) ??
    amountFault(launch)
  );
}

const prefixed = (what: string, fault: string | undefined): string | undefined => (fault === undefined ? undefined : `${what}: ${fault}`);

function negative(what: string, value: number | bigint | undefined): string | undefined {
  return value !== undefined && value < 0 ? `Task's '${what}' must be non-negative, found ${value}` : undefined;
}

function checkFault(check: CheckInfo | undefined): string | undefined {
  if (check === undefined) return undefined;
  const fault =
    negativeSeconds(check.delay_seconds, 'delay_seconds') ??
    negativeSeconds(check.interval_seconds, 'interval_seconds') ??
    negativeSeconds(check.timeout_seconds, 'timeout_seconds');
  if (fault !== undefined) return `Task uses invalid check: ${fault}`;
  switch (check.type) {
    case 'COMMAND':
      return check.command === undefined
        ? "Task uses invalid check: expecting 'command' to be set for COMMAND check"
        : commandFault(check.command.command, 'check.command');
    case 'HTTP':
      if (check.http === undefined) return "Task uses invalid check: expecting 'http' to be set for HTTP check";
      return pathFault(check.http.path, 'check');
    case 'TCP':
      return check.tcp === undefined ? "Task uses invalid check: expecting 'tcp' to be set for TCP check" : undefined;
    case 'UNKNOWN':
    case undefined:
      return "Task uses invalid check: 'type' must be set";
  }
}

function healthCheckFault(check: HealthCheck | undefined): string | undefined {
  if (check === undefined) return undefined;
  const fault =
    negativeSeconds(check.delay_seconds, 'delay_seconds') ??
    negativeSeconds(check.interval_seconds, 'interval_seconds') ??
    negativeSeconds(check.timeout_seconds, 'timeout_seconds') ??
    negativeSeconds(check.grace_period_seconds, 'grace_period_seconds');
  if (fault !== undefined) return `Task uses invalid health check: ${fault}`;
  switch (check.type) {
    case 'COMMAND':
      return check.command === undefined
        ? "Task uses invalid health check: expecting 'command' to be set for COMMAND health check"
        : commandFault(check.command, 'health_check.command');
    case 'HTTP': {
      if (check.http === undefined) return "Task uses invalid health check: expecting 'http' to be set for HTTP health check";
      const { scheme } = check.http;
      if (scheme !== undefined && scheme !== 'http' && scheme !== 'https')
        return `Task uses invalid health check: unsupported HTTP scheme '${scheme}'`;
      return pathFault(check.http.path, 'health check');
    }
    case 'TCP':
      return check.tcp === undefined ? "Task uses invalid health check: expecting 'tcp' to be set for TCP health check" : undefined;
    case 'UNKNOWN':
    case undefined:
      return "Task uses invalid health check: 'type' must be set";
  }
}

const pathFault = (path: string | undefined, what: string): string | undefined =>
  path === undefined || path.startsWith('/')
    ? undefined
    : `Task uses invalid ${what}: the path '${path}' of HTTP ${what} must start with '/'`;

const negativeSeconds = (value: number | undefined, name: string): string | undefined =>
  value === undefined || value >= 0 ? undefined : `expecting '${name}' to be non-negative`;

function resourcesFault({ task, role }: TaskToLaunch): string | undefined {
  const all: readonly Resource[] = [...(task.resources ?? []), ...(task.executor?.resources ?? [])];
  if ((task.resources ?? []).length === 0) return 'Task uses no resources';
  const persistenceIds = new Set<string>();
  const isRevocable = new Map<string, boolean>();
  for (const resource of all) {
    const fault = resourceFault(resource);
    if (fault !== undefined) return `Task uses invalid resources: ${fault}`;
    if (resource.allocation_info?.role !== role)
      return `Task uses resources that are allocated to role '${resource.allocation_info?.role ?? ''}' while the offer is allocated to '${role}'`;
    const revocable = resource.revocable !== undefined;
    if (isRevocable.has(resource.name) && isRevocable.get(resource.name) !== revocable) {
      return `Task (and its executor, if exists) uses both revocable and non-revocable '${resource.name}'`;
    }
    isRevocable.set(resource.name, revocable);
    const persistence = resource.disk?.persistence?.id;
    if (persistence !== undefined) {
      if (persistenceIds.has(persistence) && resource.shared === undefined) return `Task uses duplicate persistence ID '${persistence}'`;
      persistenceIds.add(persistence);
    }
  }
  return undefined;
}

function commandFault(command: CommandInfo | undefined, what: string): string | undefined {
  return command === undefined ? undefined : prefixed(`Task's '${what}'`, environmentFault(command.environment));
}

function environmentFault(environment: Environment | undefined): string | undefined {
  for (const variable of environment?.variables ?? []) {
    switch (variable.type ?? 'VALUE') {
      case 'VALUE':
        if (variable.value === undefined) return `Environment variable '${variable.name}' of type 'VALUE' must have a value set`;
        break;
      case 'SECRET':
        if (variable.secret === undefined) return `Environment variable '${variable.name}' of type 'SECRET' must have a secret set`;
        break;
      case 'UNKNOWN':
        return `Environment variable '${variable.name}' has an unknown type`;
    }
  }
  return undefined;
}

function containerFault(container: ContainerInfo | undefined): string | undefined {
  if (container === undefined) return undefined;
  if (container.type === 'DOCKER' && container.docker === undefined) return "Task's ContainerInfo of type DOCKER must have 'docker' set";
  for (const volume of container.volumes ?? []) {
    if (volume.container_path === '') return "Task's volume has an empty 'container_path'";
    if (volume.host_path !== undefined && volume.source !== undefined) return "Task's volume sets both 'host_path' and 'source'";
  }
  return undefined;
}

function limitsFault(task: TaskInfo): string | undefined {
  const requested = Resources.of(task.resources);
  for (const [name, { value }] of Object.entries(task.limits ?? {})) {
    if (name !== 'cpus' && name !== 'mem') return `Task has a limit for '${name}': only cpus and mem can be limited`;
    if (Number.isNaN(value) || toMilli(value) < requested.milli(name)) {
      return `Task's limit of ${value} for '${name}' is less than its request of ${requested.scalar(name)}`;
    }
  }
  return undefined;
}

function executorFault({ task, framework, agent }: TaskToLaunch): string | undefined {
  const { executor, command } = task;
  if ((executor === undefined) === (command === undefined))
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  if (executor === undefined) return undefined;
  const id = executor.executor_id.value;
  const fault = prefixed('ExecutorID', idFault(id));
  if (fault !== undefined) return fault;
  if (executor.framework_id !== undefined && executor.framework_id.value !== framework.id) {
    return `ExecutorInfo has an invalid FrameworkID (Actual: ${executor.framework_id.value} vs Expected: ${framework.id})`;
  }
  if (executor.type === 'DEFAULT') return "'ExecutorInfo.type' must be CUSTOM or unset for LAUNCH; DEFAULT belongs to LAUNCH_GROUP";
  if (executor.command === undefined) return "'ExecutorInfo.command' must be set for a custom executor";
  if ((executor.resources ?? []).some((resource) => resource.shared !== undefined)) return 'Executor resources must not be shared';
  const running = agent.executors.get(framework.id)?.get(id);
  if (running !== undefined && !isSameExecutor(running.info, executor)) {
    return `ExecutorInfo is not compatible with the existing ExecutorInfo of the same ExecutorID '${id}'`;
  }
  return commandFault(executor.command, 'executor.command');
}

/** Equal on the wire, with resources compared as amounts. */
function isSameExecutor(a: ExecutorInfo, b: ExecutorInfo): boolean {
  const bare = ({ resources: _resources, ...rest }: ExecutorInfo): string => encodeJson('ExecutorInfo', sorted(rest));
  return bare(a) === bare(b) && Resources.of(a.resources).equals(Resources.of(b.resources));
}

function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  ) as T;
}

function amountFault({ task, framework, agent, offered }: TaskToLaunch): string | undefined {
  if (offered === EVERYTHING) return undefined;
  let needed = Resources.of(task.resources);
  const { executor } = task;
  if (executor !== undefined && agent.executors.get(framework.id)?.has(executor.executor_id.value) !== true) {
    needed = needed.plus(Resources.of(executor.resources));
  }
  if (needed.isEmpty) return 'Task uses no resources';
  if (offered.contains(needed)) return undefined;
  return `Task uses more resources ${needed.toString()} than available ${offered.toString()}`;
}
