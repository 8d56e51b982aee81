/** What the agent counts about itself. Containers and the host are read when somebody asks (`container-metrics.ts`, `host-metrics.ts`). */
import { Counter, type Registry } from '@pronoia/client';

export class AgentMetrics {
  readonly tasksEnded: Counter<'state'>;
  readonly executorsTerminated: Counter;
  readonly executorsPreempted: Counter;
  readonly frameworkMessages: Counter<'result'>;
  readonly launchErrors: Counter;
  readonly recoveryErrors: Counter;
  readonly statusUpdates: Counter;
  readonly fetches: Counter<'result'>;
  readonly pathRemovals: Counter<'result'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.tasksEnded = new Counter({
      name: 'mesos_agent_tasks_ended_total',
      help: 'Tasks that ended here, by final state.',
      labelNames: ['state'],
      registers,
    });
    this.executorsTerminated = new Counter({ name: 'mesos_agent_executors_terminated_total', help: 'Executors that ended.', registers });
    this.executorsPreempted = new Counter({
      name: 'mesos_agent_executors_preempted_total',
      help: 'Executors of revocable resources that were ended because the machine needed them.',
      registers,
    });
    this.frameworkMessages = new Counter({
      name: 'mesos_agent_framework_messages_total',
      help: 'Messages of frameworks to executors; invalid ones had no such executor.',
      labelNames: ['result'],
      registers,
    });
    this.launchErrors = new Counter({
      name: 'mesos_agent_container_launch_errors_total',
      help: 'Tasks that could not be started.',
      registers,
    });
    this.recoveryErrors = new Counter({
      name: 'mesos_agent_recovery_errors_total',
      help: 'Checkpoints that could not be read at start.',
      registers,
    });
    this.statusUpdates = new Counter({
      name: 'mesos_agent_status_updates_total',
      help: 'Status updates made here, repeats not counted.',
      registers,
    });
    this.fetches = new Counter({
      name: 'mesos_agent_task_fetches_total',
      help: 'Launches that fetched files, by result.',
      labelNames: ['result'],
      registers,
    });
    this.pathRemovals = new Counter({
      name: 'mesos_agent_gc_path_removals_total',
      help: 'Old sandboxes removed, by result.',
      labelNames: ['result'],
      registers,
    });
    for (const state of ['finished', 'failed', 'killed', 'lost', 'gone']) this.tasksEnded.inc({ state }, 0);
    for (const result of ['valid', 'invalid']) this.frameworkMessages.inc({ result }, 0);
    for (const counter of [this.fetches, this.pathRemovals]) for (const result of ['succeeded', 'failed']) counter.inc({ result }, 0);
  }
}

/** The value of one series, 0 when there is none. */
export async function valueOf(counter: Counter<string>, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const { values } = await counter.get();
  return values.find((entry) => Object.entries(labels).every(([name, value]) => entry.labels[name] === value))?.value ?? 0;
}
