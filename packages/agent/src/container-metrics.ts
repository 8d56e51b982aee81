/** Every container under cAdvisor's metric names where it has one; `task` and `framework` say whose it is. */
import type { Registry } from '@pronoia/client';
import type { ResourceStatistics } from '@pronoia/mesos';
import type { Agent } from './agent.ts';
import { listContainers } from './container-list.ts';
import type { Executor } from './executor.ts';
import { type ReadValue, reading } from './reading.ts';
import type { ContainerStatistics } from './statistics.ts';

export function registerContainerMetrics(registry: Registry, agent: Agent, statistics: ContainerStatistics): void {
  const add = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (s: ResourceStatistics, executor: Executor) => number | undefined,
  ): void => registry.registerMetric(reading(name, type, help, () => values(agent, statistics, value)));

  add(
    'container_cpu_usage_seconds_total',
    'counter',
    'CPU time of the container.',
    (s) => (s.cpus_user_time_secs ?? 0) + (s.cpus_system_time_secs ?? 0),
  );
  add('container_cpu_user_seconds_total', 'counter', 'CPU time of the container in user mode.', (s) => s.cpus_user_time_secs);
  add('container_cpu_system_seconds_total', 'counter', 'CPU time of the container in the kernel.', (s) => s.cpus_system_time_secs);
  add('container_memory_rss', 'gauge', 'Resident memory of all processes of the container, in bytes.', (s) => s.mem_rss_bytes);
  add('container_processes', 'gauge', 'Processes in the container.', (s) => s.processes);
  add('container_threads', 'gauge', 'Threads in the container.', (s) => s.threads);
  add('container_spec_cpus', 'gauge', 'CPUs that were given to the container.', (s) => s.cpus_limit);
  add('container_spec_memory_limit_bytes', 'gauge', 'Memory that was given to the container, in bytes.', (s) => s.mem_limit_bytes);
  add('container_memory_usage_bytes', 'gauge', 'Memory of the control group, caches included, in bytes.', (s) => s.mem_total_bytes);
  add('container_memory_cache', 'gauge', 'Memory of the control group that holds file pages, in bytes.', (s) => s.mem_cache_bytes);
  add('container_memory_mapped_file', 'gauge', 'Memory-mapped files of the control group, in bytes.', (s) => s.mem_mapped_file_bytes);
  add('container_memory_swap', 'gauge', 'Swap that the control group uses, in bytes.', (s) => s.mem_swap_bytes);
  add('container_cpu_cfs_periods_total', 'counter', 'Periods in which the CPU quota was counted.', (s) => s.cpus_nr_periods);
  add('container_cpu_cfs_throttled_periods_total', 'counter', 'Periods in which the CPU quota ran out.', (s) => s.cpus_nr_throttled);
  add(
    'container_cpu_cfs_throttled_seconds_total',
    'counter',
    'Time that the container waited because its CPU quota had run out.',
    (s) => s.cpus_throttled_time_secs,
  );
  add(
    'container_start_time_seconds',
    'gauge',
    'When the container was launched, in Unix seconds.',
    (_, executor) => executor.launchedAtMs / 1_000,
  );
}

function* values(
  agent: Agent,
  statistics: ContainerStatistics,
  value: (s: ResourceStatistics, executor: Executor) => number | undefined,
): Iterable<ReadValue> {
  const byContainer = statistics.sample();
  for (const { containerId, executor, task } of listContainers(agent, true)) {
    const sample = byContainer.get(containerId);
    const found = sample === undefined || executor === undefined ? undefined : value(sample, executor);
    if (found === undefined || executor === undefined) continue;
    yield {
      labels: {
        framework: executor.framework.info.name,
        framework_id: executor.path.frameworkId,
        task: task?.task_id.value ?? executor.id,
        task_name: task?.name ?? executor.name,
        id: containerId,
      },
      value: found,
    };
  }
}
