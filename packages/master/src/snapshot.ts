/** The original's metrics by its flat names (mesos.md §12.1): every name is there, even when zero, for exporters that look each one up. */
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { isTerminal, Resources, type TaskState } from '@pronoia/mesos';
import { isConnected, type MasterState } from './state.ts';
import type { Timing } from './timing.ts';
import { usedOn } from './views/operator-views.ts';

const countedOnly = [
  'dropped_messages',
  'http_cache_hits',
  'slave_registrations',
  'slave_reregistrations',
  'slave_removals',
  'slave_removals/reason_unhealthy',
  'slave_removals/reason_unregistered',
  'slave_removals/reason_registered',
  'slave_unreachable_scheduled',
  'slave_unreachable_completed',
  'slave_unreachable_canceled',
  'slave_shutdowns_scheduled',
  'slave_shutdowns_completed',
  'slave_shutdowns_canceled',
  'recovery_slave_removals',
  'tasks_finished',
  'tasks_failed',
  'tasks_killed',
  'tasks_lost',
  'tasks_error',
  'tasks_dropped',
  'tasks_gone',
  'tasks_gone_by_operator',
  ...[
    'register_framework',
    'reregister_framework',
    'unregister_framework',
    'deactivate_framework',
    'kill_task',
    'status_update_acknowledgement',
    'operation_status_update_acknowledgement',
    'resource_request',
    'launch_tasks',
    'decline_offers',
    'revive_offers',
    'suppress_offers',
    'reconcile_tasks',
    'reconcile_operations',
    'framework_to_executor',
    'executor_to_framework',
    'register_slave',
    'reregister_slave',
    'unregister_slave',
    'status_update',
    'operation_status_update',
    'exited_executor',
    'update_slave',
    'authenticate',
  ].map((name) => `messages_${name}`),
  ...[
    'framework_to_executor_messages',
    'executor_to_framework_messages',
    'status_updates',
    'status_update_acknowledgements',
    'operation_status_updates',
    'operation_status_update_acknowledgements',
  ].flatMap((name) => [`valid_${name}`, `invalid_${name}`]),
].map((name) => `master/${name}`);

const operationTypes = ['reserve', 'unreserve', 'create', 'destroy', 'grow_volume', 'shrink_volume', 'create_disk', 'destroy_disk'];
const operationNames = ['total', 'pending', 'recovering', 'unreachable', 'finished', 'failed', 'error', 'dropped', 'gone_by_operator'];

const scalarNames = ['cpus', 'gpus', 'mem', 'disk'] as const;

/** Of the registry, whichever it is. */
export interface RegistrarFacts {
  readonly queuedOperations: number;
  readonly sizeBytes: number;
  /** How long reading it took. */
  readonly fetchMs: number;
}

export interface SnapshotOptions {
  readonly timings?: readonly Timing[];
  /** Default true. */
  readonly isLeading?: boolean;
  readonly registrar?: RegistrarFacts;
}

export function metricsSnapshot(state: MasterState, nowMs: number, options: SnapshotOptions = {}): Record<string, number> {
  const values: Record<string, number> = {};
  for (const timing of options.timings ?? []) timing.writeTo(values);
  // The registry is whole before the master answers.
  Object.assign(values, {
    'registrar/queued_operations': options.registrar?.queuedOperations ?? 0,
    'registrar/registry_size_bytes': options.registrar?.sizeBytes ?? 0,
    'registrar/state_fetch_ms': options.registrar?.fetchMs ?? 0,
    'registrar/log/recovered': 1,
    'registrar/log/ensemble_size': 1,
  });
  for (const name of countedOnly) values[name] = 0;
  for (const name of operationNames) {
    values[`master/operations/${name}`] = 0;
    for (const type of operationTypes) values[`master/operations/${type}/${name}`] = 0;
  }
  for (const [name, value] of state.counters.entries()) values[name] = value;

  let total = Resources.empty;
  let used = Resources.empty;
  const agents = { connected: 0, disconnected: 0, active: 0, inactive: 0 };
  for (const agent of state.agents.values()) {
    total = total.plus(agent.total);
    used = used.plus(usedOn(state, agent));
    agents[isConnected(agent) ? 'connected' : 'disconnected']++;
    agents[isConnected(agent) && !agent.isDeactivated ? 'active' : 'inactive']++;
  }
  for (const [kind, count] of Object.entries(agents)) values[`master/slaves_${kind}`] = count;
  values['master/slaves_unreachable'] = state.unreachableAgents.size;
  let offered = Resources.empty;
  for (const offer of state.offers.values()) offered = offered.plus(offer.resources);
  for (const name of scalarNames) {
    for (const [suffix, part] of [
      ['', 'nonRevocable'],
      ['_revocable', 'revocable'],
    ] as const) {
      const all = total[part].milli(name);
      const taken = used[part].milli(name);
      values[`master/${name}${suffix}_total`] = all / 1000;
      values[`master/${name}${suffix}_used`] = taken / 1000;
      values[`master/${name}${suffix}_percent`] = all === 0 ? 0 : taken / all;
    }
    values[`allocator/mesos/resources/${name}/total`] = total.scalar(name);
    values[`allocator/mesos/resources/${name}/offered_or_allocated`] = used.scalar(name) + offered.scalar(name);
  }

  values['master/uptime_secs'] = (nowMs - state.startedMs) / 1000;
  values['master/elected'] = options.isLeading === false ? 0 : 1;
  values['master/outstanding_offers'] = state.offers.size;
  values['master/operator_event_stream_subscribers'] = state.operatorStreams.size;
  for (const queue of ['messages', 'dispatches', 'http_requests']) values[`master/event_queue_${queue}`] = 0;

  const frameworks = { connected: 0, disconnected: 0, active: 0, inactive: 0 };
  const tasks: Record<string, number> = { staging: 0, starting: 0, running: 0, killing: 0, unreachable: 0 };
  for (const framework of state.frameworks.values()) {
    frameworks[isConnected(framework) ? 'connected' : 'disconnected']++;
    frameworks[framework.isActive ? 'active' : 'inactive']++;
    const base = `master/frameworks/${encodeURIComponent(framework.info.name)}/${framework.id}`;
    const isShown = state.options.publishPerFrameworkMetrics;
    if (isShown) {
      values[`${base}/subscribed`] = isConnected(framework) ? 1 : 0;
      let events = 0;
      for (const [name, value] of framework.counters.entries()) {
        values[`${base}/${name}`] = value;
        if (name.startsWith('events/')) events += value;
      }
      values[`${base}/events`] = events;
    }
    const active = new Map<TaskState, number>();
    for (const { task } of framework.tasks.values()) {
      if (isTerminal(task.state)) continue;
      active.set(task.state, (active.get(task.state) ?? 0) + 1);
      const short = task.state.slice('TASK_'.length).toLowerCase();
      if (tasks[short] !== undefined) tasks[short]++;
    }
    if (isShown) for (const [taskState, count] of active) values[`${base}/tasks/active/${taskState.toLowerCase()}`] = count;
    for (const role of framework.roles) {
      if (isShown) values[`${base}/roles/${role}/suppressed`] = state.allocator.isSuppressed(framework.id, role) ? 1 : 0;
      values[`allocator/mesos/roles/${role}/shares/dominant`] = state.allocator.dominantShare(role);
    }
    if (tasks['unreachable'] !== undefined) tasks['unreachable'] += framework.unreachableTasks.size;
  }
  for (const [kind, count] of Object.entries(frameworks)) values[`master/frameworks_${kind}`] = count;
  for (const [kind, count] of Object.entries(tasks)) values[`master/tasks_${kind}`] = count;
  for (const [role, count] of state.allocator.activeFilters(nowMs)) values[`allocator/mesos/offer_filters/roles/${role}/active`] = count;
  for (const [role, config] of state.quotas) {
    const base = `allocator/mesos/quota/roles/${role}/resources`;
    const held = state.allocator.consumed(role);
    for (const [kind, amounts] of [
      ['guarantee', config.guarantees],
      ['limit', config.limits],
    ] as const) {
      for (const [name, { value }] of Object.entries(amounts ?? {})) {
        values[`${base}/${name}/${kind}`] = value;
        values[`${base}/${name}/offered_or_allocated`] = (held.get(name) ?? 0) / 1000;
      }
    }
  }
  values['allocator/mesos/event_queue_dispatches'] = 0;
  values['allocator/event_queue_dispatches'] = 0;

  Object.assign(values, systemMetrics());
  return values;
}

function systemMetrics(): Record<string, number> {
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return {
    'system/cpus_total': cpus().length,
    'system/load_1min': one,
    'system/load_5min': five,
    'system/load_15min': fifteen,
    'system/mem_free_bytes': freemem(),
    'system/mem_total_bytes': totalmem(),
  };
}
