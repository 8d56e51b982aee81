/** All containers of the agent in one list, for whoever shows or measures them: executors', those nested in them, standalone ones. */
import { isTerminal, type Resource, type TaskInfo } from '@pronoia/mesos';
import type { Agent } from './agent.ts';
import { type Quantities, quantitiesOf } from './containerizer.ts';
import type { Executor, HeldTask } from './executor.ts';
import type { MeasuredContainer } from './statistics.ts';
import { EXECUTOR_CPUS, EXECUTOR_MEM_MB } from './task-run.ts';

export interface ListedContainer extends MeasuredContainer {
  readonly parentId: string | undefined;
  readonly pid: number;
  /** Undefined: standalone. */
  readonly executor: Executor | undefined;
  /** What runs in it, when that is one task. */
  readonly task: TaskInfo | undefined;
}

/** Containers that run; of an executor its own comes first. */
export function* listContainers(agent: Agent, isNestedShown: boolean, isStandaloneShown = isNestedShown): Iterable<ListedContainer> {
  for (const executor of agent.executors()) yield* containersOf(agent, executor, isNestedShown);
  for (const { id, executor, container } of agent.operatorContainers.list()) {
    if (container.hasExited || !(executor === undefined ? isStandaloneShown : isNestedShown)) continue;
    yield {
      containerId: id.value,
      parentId: id.parent?.value,
      pid: container.pid,
      pids: [container.pid],
      quantities: { cpus: 0, memMb: 0 },
      measured: () => container.statistics(),
      executor,
      task: undefined,
    };
  }
}

function* containersOf(agent: Agent, executor: Executor, isNestedShown: boolean): Iterable<ListedContainer> {
  const running = executor.driver.containers().filter(({ pid }) => pid !== 0);
  if (executor.state === 'TERMINATED' || (running.length === 0 && executor.kind !== 'default')) return;
  const live = [...executor.tasks.values()].filter(isLive);
  const { process } = agent.containers;
  const id = executor.path.containerId;
  const [only] = executor.kind === 'default' ? [] : running;
  const single = live.length === 1 ? live[0]?.info : undefined;
  yield {
    containerId: id,
    parentId: undefined,
    pid: only?.pid ?? 0,
    pids: running.map(({ pid }) => pid),
    quantities: executorQuantities(executor, live),
    measured: () => (only === undefined ? process.groupStatistics(id) : (only.container?.statistics() ?? {})),
    executor,
    task: executor.kind === 'command' ? running[0]?.task : single,
  };
  if (!isNestedShown || executor.kind !== 'default') return;
  for (const { containerId, parentId, pid, task, container } of running) {
    yield {
      containerId,
      parentId,
      pid,
      pids: [pid],
      quantities: quantitiesOf(task?.resources ?? [], task?.limits),
      measured: () => container?.statistics() ?? {},
      executor,
      task,
    };
  }
}

function executorQuantities(executor: Executor, live: readonly HeldTask[]): Quantities {
  const [only] = live;
  if (executor.kind === 'command' && only !== undefined)
    return quantitiesOf(only.info.resources ?? [], only.info.limits, { cpus: EXECUTOR_CPUS, memMb: EXECUTOR_MEM_MB });
  return quantitiesOf(resourcesOf(executor, live), undefined);
}

/** What an executor holds: its own and that of the tasks that are not over. */
export function resourcesOf(executor: Executor, live: readonly HeldTask[] = [...executor.tasks.values()].filter(isLive)): Resource[] {
  return [...(executor.info.resources ?? []), ...live.flatMap(({ info }) => info.resources ?? [])];
}

export const isLive = ({ updates }: HeldTask): boolean => updates.latest === undefined || !isTerminal(updates.latest.state);
