/** The v1 operator API of the agent (mesos.md §5.1), the calls that are answered with a body. What we never do is answered 501 with its name. */
import { type AgentCall, type AgentResponse, type ExecutorInfo, isTerminal, type Task } from '@pronoia/mesos';
import type { Verbosity } from '@pronoia/server';
import type { Agent } from './agent.ts';
import { listContainers } from './container-list.ts';
import { errors } from './errors.ts';
import { type Executor, taskOf } from './executor.ts';
import type { SandboxFiles } from './files.ts';
import type { OperatorContainers } from './operator-containers.ts';
import { containerStatus, VERSION } from './state.ts';
import type { ContainerStatistics } from './statistics.ts';

export interface OperatorDeps {
  readonly agent: Agent;
  readonly files: SandboxFiles;
  readonly statistics: ContainerStatistics;
  readonly flags: Readonly<Record<string, string>>;
  readonly snapshot: () => Promise<Record<string, number>>;
  readonly operatorContainers: OperatorContainers;
  readonly verbosity: Verbosity;
}

export async function answerCall(call: AgentCall, deps: OperatorDeps): Promise<AgentResponse> {
  const { agent } = deps;
  switch (call.type) {
    case 'GET_HEALTH':
      return { type: 'GET_HEALTH', get_health: { healthy: true } };
    case 'GET_FLAGS':
      return { type: 'GET_FLAGS', get_flags: { flags: Object.entries(deps.flags).map(([name, value]) => ({ name, value })) } };
    case 'GET_VERSION':
      return { type: 'GET_VERSION', get_version: { version_info: VERSION } };
    case 'GET_METRICS': {
      if (call.get_metrics === undefined) throw errors.fail('bad_call', { reason: "Expecting 'get_metrics' to be present" });
      const metrics = Object.entries(await deps.snapshot()).map(([name, value]) => ({ name, value }));
      return { type: 'GET_METRICS', get_metrics: { metrics } };
    }
    case 'GET_LOGGING_LEVEL':
      return { type: 'GET_LOGGING_LEVEL', get_logging_level: { level: deps.verbosity.level } };
    case 'LIST_FILES':
      return { type: 'LIST_FILES', list_files: { file_infos: await deps.files.list(call.list_files.path) } };
    case 'READ_FILE': {
      const { path, offset, length } = call.read_file;
      const { size, data } = await deps.files.read(path, offset, length);
      return { type: 'READ_FILE', read_file: { size, data: data.toString('base64') } };
    }
    case 'GET_STATE':
      return {
        type: 'GET_STATE',
        get_state: { get_tasks: tasksOf(agent), get_executors: executorsOf(agent), get_frameworks: frameworksOf(agent) },
      };
    case 'GET_CONTAINERS':
      return {
        type: 'GET_CONTAINERS',
        get_containers: {
          containers: containersOf(
            agent,
            deps.statistics,
            call.get_containers?.show_nested === true,
            call.get_containers?.show_standalone === true,
          ),
        },
      };
    case 'GET_FRAMEWORKS':
      return { type: 'GET_FRAMEWORKS', get_frameworks: frameworksOf(agent) };
    case 'GET_EXECUTORS':
      return { type: 'GET_EXECUTORS', get_executors: executorsOf(agent) };
    case 'GET_OPERATIONS':
      return { type: 'GET_OPERATIONS', get_operations: { operations: [] } };
    case 'GET_TASKS':
      return { type: 'GET_TASKS', get_tasks: tasksOf(agent) };
    case 'GET_AGENT':
      return { type: 'GET_AGENT', get_agent: { agent_info: agent.info } };
    case 'GET_RESOURCE_PROVIDERS':
      return { type: 'GET_RESOURCE_PROVIDERS', get_resource_providers: { resource_providers: [] } };
    case 'WAIT_NESTED_CONTAINER':
      return {
        type: 'WAIT_NESTED_CONTAINER',
        wait_nested_container: await deps.operatorContainers.wait(call.wait_nested_container.container_id),
      };
    case 'WAIT_CONTAINER':
      return { type: 'WAIT_CONTAINER', wait_container: await deps.operatorContainers.wait(call.wait_container.container_id) };
    case 'SET_LOGGING_LEVEL':
    case 'LAUNCH_NESTED_CONTAINER':
    case 'KILL_NESTED_CONTAINER':
    case 'REMOVE_NESTED_CONTAINER':
    case 'LAUNCH_NESTED_CONTAINER_SESSION':
    case 'ATTACH_CONTAINER_INPUT':
    case 'ATTACH_CONTAINER_OUTPUT':
    case 'LAUNCH_CONTAINER':
    case 'KILL_CONTAINER':
    case 'REMOVE_CONTAINER':
      throw new Error(`BUG: the call ${call.type} has no answer of its own`);
    case 'ADD_RESOURCE_PROVIDER_CONFIG':
    case 'UPDATE_RESOURCE_PROVIDER_CONFIG':
    case 'REMOVE_RESOURCE_PROVIDER_CONFIG':
    case 'MARK_RESOURCE_PROVIDER_GONE':
    case 'PRUNE_IMAGES':
      throw errors.fail('not_implemented', { what: `the call ${call.type}` });
    default:
      call satisfies never;
      throw errors.fail('not_implemented', { what: `the call ${String((call as { type?: unknown }).type)}` });
  }
}

function frameworksOf(agent: Agent) {
  return {
    frameworks: [...agent.frameworks.values()].map((framework) => ({ framework_info: framework.info })),
    completed_frameworks: agent.completedFrameworks.map((framework) => ({ framework_info: framework.info })),
  };
}

function executorsOf(agent: Agent) {
  const info = (executor: Executor): { executor_info: ExecutorInfo } => ({ executor_info: executor.info });
  return { executors: [...agent.executors()].map(info), completed_executors: completed(agent).map(info) };
}

function tasksOf(agent: Agent) {
  const launched: Task[] = [];
  const queued: Task[] = [];
  const terminated: Task[] = [];
  const executors = [...agent.executors()];
  for (const task of executors.flatMap((executor) => [...executor.tasks.values()].map((held) => taskOf(executor, held)))) {
    if (isTerminal(task.state)) terminated.push(task);
    else if (task.state === 'TASK_STAGING') queued.push(task);
    else launched.push(task);
  }
  return {
    pending_tasks: [],
    queued_tasks: queued,
    launched_tasks: launched,
    terminated_tasks: terminated,
    completed_tasks: [...executors, ...completed(agent)].flatMap((executor) =>
      executor.completedTasks.map((held) => taskOf(executor, held)),
    ),
  };
}

function completed(agent: Agent): Executor[] {
  return [...agent.frameworks.values(), ...agent.completedFrameworks].flatMap((framework) => framework.completedExecutors);
}

function containersOf(agent: Agent, statistics: ContainerStatistics, isNestedShown: boolean, isStandaloneShown: boolean) {
  const byContainer = statistics.sample();
  return [...listContainers(agent, isNestedShown, isStandaloneShown)].map((listed) => {
    const { executor, containerId, parentId } = listed;
    const sample = byContainer.get(containerId);
    return {
      ...(executor === undefined
        ? {}
        : { framework_id: { value: executor.path.frameworkId }, executor_id: { value: executor.id }, executor_name: executor.name }),
      container_id: { value: containerId, ...(parentId === undefined ? {} : { parent: { value: parentId } }) },
      container_status: containerStatus(listed, agent.options.ip),
      ...(sample === undefined ? {} : { resource_statistics: sample }),
    };
  });
}
