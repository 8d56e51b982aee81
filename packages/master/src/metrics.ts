/** The same facts as in /metrics/snapshot, as Prometheus likes them: few names, with labels. Read from the state when scraped. */
import { Counter, Gauge, type Registry } from '@pronoia/client';
import { isTerminal, Resources, taskStates } from '@pronoia/mesos';
import { isConnected, type MasterState } from './state.ts';
import { usedOn } from './views/operator-views.ts';

/** `current`: a master that leads again has another state. */
export function addMetrics(registry: Registry, current: () => MasterState, now: () => number, isLeading: () => boolean): void {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[], read: (metric: Gauge, state: MasterState) => void): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        read(this as Gauge, current());
      },
    });
  };
  gauge('mesos_master_uptime_seconds', 'Time since the master started.', [], (metric, state) =>
    metric.set((now() - state.startedMs) / 1000),
  );
  gauge('mesos_master_elected', 'Whether this master leads.', [], (metric) => metric.set(isLeading() ? 1 : 0));
  gauge('mesos_master_slaves_state', 'Agents by connection and activity.', ['state'], (metric, state) => {
    const counts = { connected: 0, disconnected: 0, active: 0, inactive: 0, unreachable: state.unreachableAgents.size };
    for (const agent of state.agents.values()) {
      counts[isConnected(agent) ? 'connected' : 'disconnected']++;
      counts[isConnected(agent) && !agent.isDeactivated ? 'active' : 'inactive']++;
    }
    for (const [label, count] of Object.entries(counts)) metric.set({ state: label }, count);
  });
  gauge('mesos_master_frameworks_state', 'Frameworks by connection and activity.', ['state'], (metric, state) => {
    const counts = { connected: 0, disconnected: 0, active: 0, inactive: 0 };
    for (const framework of state.frameworks.values()) {
      counts[isConnected(framework) ? 'connected' : 'disconnected']++;
      counts[framework.isActive ? 'active' : 'inactive']++;
    }
    for (const [label, count] of Object.entries(counts)) metric.set({ state: label }, count);
  });
  gauge('mesos_master_task_states_current', 'Tasks in states that can still change.', ['state'], (metric, state) => {
    const counts = new Map(taskStates.filter((name) => !isTerminal(name) && name !== 'TASK_UNKNOWN').map((name) => [name, 0]));
    for (const framework of state.frameworks.values()) {
      for (const { task } of framework.tasks.values())
        if (!isTerminal(task.state)) counts.set(task.state, (counts.get(task.state) ?? 0) + 1);
      counts.set('TASK_UNREACHABLE', (counts.get('TASK_UNREACHABLE') ?? 0) + framework.unreachableTasks.size);
    }
    for (const [name, count] of counts) metric.set({ state: name.slice(5).toLowerCase() }, count);
  });
  gauge(
    'mesos_master_resources',
    'Amounts of the cluster, by resource and by whether they exist, are used or are offered.',
    ['resource', 'type'],
    (metric, state) => {
      let total = Resources.empty;
      let used = Resources.empty;
      let offered = Resources.empty;
      for (const agent of state.agents.values()) {
        total = total.plus(agent.total);
        used = used.plus(usedOn(state, agent));
      }
      for (const offer of state.offers.values()) offered = offered.plus(offer.resources);
      for (const resource of ['cpus', 'mem', 'disk', 'gpus']) {
        metric.set({ resource, type: 'total' }, total.scalar(resource));
        metric.set({ resource, type: 'used' }, used.scalar(resource));
        metric.set({ resource, type: 'offered' }, offered.scalar(resource));
      }
    },
  );
  gauge('mesos_master_outstanding_offers', 'Offers that are not answered yet.', [], (metric, state) => metric.set(state.offers.size));
  gauge(
    'mesos_master_oldest_offer_age_seconds',
    'Age of the oldest unanswered offer, by framework: who hoards.',
    ['framework'],
    (metric, state) => {
      for (const framework of state.frameworks.values()) {
        // Offers are kept in the order in which they were made.
        const oldest = state.offers.get(framework.offers.values().next().value ?? '');
        if (oldest !== undefined) metric.set({ framework: framework.info.name }, (now() - oldest.madeMs) / 1000);
      }
    },
  );
  gauge('mesos_master_dominant_share', 'Dominant share by role.', ['role'], (metric, state) => {
    const roles = new Set<string>();
    for (const framework of state.frameworks.values()) for (const role of framework.roles) roles.add(role);
    for (const role of roles) metric.set({ role }, state.allocator.dominantShare(role));
  });

  const counter = (name: string, help: string, label: string, valueOf: (name: string) => string | undefined): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [key, value] of current().counters.entries()) {
          const labelValue = valueOf(key);
          if (labelValue !== undefined) this.inc({ [label]: labelValue }, value);
        }
      },
    });
  };
  const after = (pattern: RegExp) => (name: string) => pattern.exec(name)?.[1];
  counter('mesos_master_task_states_exit_total', 'Tasks that ended, by state.', 'state', after(/^master\/tasks_(\w+)$/));
  counter('mesos_master_messages_total', 'Messages received, by kind.', 'type', after(/^master\/messages_(\w+)$/));
  counter(
    'mesos_master_slave_events_total',
    'Agents that came and went.',
    'event',
    after(/^master\/slave_(registrations|reregistrations|removals|unreachable_\w+)$/),
  );
  counter('mesos_master_allocation_runs_total', 'Runs of the allocator.', 'allocator', (name) =>
    name === 'allocator/mesos/allocation_runs' ? 'hierarchical' : undefined,
  );
}
