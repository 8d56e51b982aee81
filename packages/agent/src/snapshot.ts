/**
 * `/metrics/snapshot`: one flat object of names that the original documents (mesos.md §12.2). Names of things that this agent has not
 * are there with 0, because mesos_exporter complains about each that is missing.
 */
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { type Resource, Resources } from '@pronoia/mesos';
import type { Agent } from './agent.ts';
import type { FetchCache } from './fetch-cache.ts';
import type { GarbageCollector } from './garbage.ts';
import { type AgentMetrics, valueOf } from './metrics.ts';
import { usedResources } from './state.ts';

const ALWAYS_ZERO = [
  'slave/invalid_status_updates',
  'containerizer/mesos/container_destroy_errors',
  'containerizer/mesos/provisioner/remove_container_errors',
  'containerizer/mesos/provisioner/bind/remove_rootfs_errors',
  'containerizer/mesos/filesystem/containers_new_rootfs',
  'containerizer/mesos/disk/project_ids_total',
  'containerizer/mesos/disk/project_ids_free',
  'resource_provider_manager/subscribed',
  'resource_provider_manager/events/subscribe',
  'resource_provider_manager/events/disconnect',
  'volume_gid_manager/volume_gids_total',
  'volume_gid_manager/volume_gids_free',
];

export async function snapshot(
  agent: Agent,
  metrics: AgentMetrics,
  garbage: GarbageCollector,
  cache: FetchCache,
  nowMs: number,
): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const name of ALWAYS_ZERO) values[name] = 0;

  const isRevocable = (resource: Resource): boolean => resource.revocable !== undefined;
  const all = [...agent.total];
  const allUsed = [...usedResources(agent)];
  const total = Resources.of(all.filter((resource) => !isRevocable(resource)));
  const used = Resources.of(allUsed.filter((resource) => !isRevocable(resource)));
  const revocable = Resources.of(all.filter(isRevocable));
  const revocableUsed = Resources.of(allUsed.filter(isRevocable));
  for (const name of ['cpus', 'gpus', 'mem', 'disk']) {
    values[`slave/${name}_total`] = total.scalar(name);
    values[`slave/${name}_used`] = used.scalar(name);
    values[`slave/${name}_percent`] = total.scalar(name) === 0 ? 0 : used.scalar(name) / total.scalar(name);
    values[`slave/${name}_revocable_total`] = revocable.scalar(name);
    values[`slave/${name}_revocable_used`] = revocableUsed.scalar(name);
    values[`slave/${name}_revocable_percent`] = revocable.scalar(name) === 0 ? 0 : revocableUsed.scalar(name) / revocable.scalar(name);
  }

  values['slave/uptime_secs'] = (nowMs - agent.startTimeMs) / 1_000;
  values['slave/registered'] = agent.isRegistered ? 1 : 0;
  values['slave/recovery_errors'] = await valueOf(metrics.recoveryErrors);
  values['slave/executor_directory_max_allowed_age_secs'] = garbage.maxAgeMs / 1_000;
  values['slave/container_launch_errors'] = await valueOf(metrics.launchErrors);
  values['slave/frameworks_active'] = agent.frameworks.size;
  values['slave/executors_terminated'] = await valueOf(metrics.executorsTerminated);
  values['slave/valid_status_updates'] = await valueOf(metrics.statusUpdates);

  const live = { staging: 0, starting: 0, running: 0, killing: 0 };
  const executors = { registering: 0, running: 0, terminating: 0 };
  for (const executor of agent.executors()) {
    const executorState = executor.state.toLowerCase();
    if (executorState in executors) executors[executorState as keyof typeof executors]++;
    for (const { updates } of executor.tasks.values()) {
      const name = (updates.latest?.state ?? 'TASK_STAGING').slice('TASK_'.length).toLowerCase();
      if (name in live) live[name as keyof typeof live]++;
    }
  }
  for (const [name, count] of Object.entries(live)) values[`slave/tasks_${name}`] = count;
  for (const [name, count] of Object.entries(executors)) values[`slave/executors_${name}`] = count;
  values['slave/executors_preempted'] = await valueOf(metrics.executorsPreempted);
  values['slave/recovery_time_secs'] = agent.recoveryMs / 1_000;
  for (const result of ['valid', 'invalid'])
    values[`slave/${result}_framework_messages`] = await valueOf(metrics.frameworkMessages, { result });
  values['containerizer/fetcher/cache_size_total_bytes'] = cache.limitBytes;
  values['containerizer/fetcher/cache_size_used_bytes'] = cache.usedBytes;
  for (const state of ['finished', 'failed', 'killed', 'lost', 'gone'])
    values[`slave/tasks_${state}`] = await valueOf(metrics.tasksEnded, { state });

  for (const result of ['succeeded', 'failed']) {
    values[`containerizer/fetcher/task_fetches_${result}`] = await valueOf(metrics.fetches, { result });
    values[`gc/path_removals_${result}`] = await valueOf(metrics.pathRemovals, { result });
  }
  values['gc/path_removals_pending'] = garbage.pending;

  const [one = 0, five = 0, fifteen = 0] = loadavg();
  values['system/cpus_total'] = availableParallelism();
  values['system/load_1min'] = one;
  values['system/load_5min'] = five;
  values['system/load_15min'] = fifteen;
  values['system/mem_total_bytes'] = totalmem();
  values['system/mem_free_bytes'] = freemem();
  return values;
}
