/** A modelled scheduler: launches small tasks, acknowledges what it hears, reconciles what it is not sure of, and never gives up. */
import { isTerminal, type Offer, Resources, type SchedulerCall, type SchedulerEvent, type TaskInfo, type TaskState } from '@pronoia/mesos';
import { type Link, readSchedulerEvent, type Surroundings, writeCall } from './link.ts';

interface KnownTask {
  readonly id: string;
  readonly agentId: string;
  state: TaskState;
}

export class SimulatedScheduler {
  readonly name: string;
  readonly tasks = new Map<string, KnownTask>();
  id: string | undefined;
  isLaunching = true;
  readonly #world: Surroundings;
  readonly #role: string;
  readonly #isPartitionAware: boolean;
  #link: Link | undefined;
  #epoch = 0;
  #launches = 0;

  constructor(world: Surroundings, index: number) {
    this.#world = world;
    this.name = `f${index}`;
    this.#role = ['*', 'eng', 'eng/web', 'ops'][index % 4] as string;
    this.#isPartitionAware = world.chance(0.6);
    world.plan(world.between(0, 1000), () => this.#connect());
    this.#reconcileLater();
  }

  #connect(): void {
    if (this.#link !== undefined) return;
    const epoch = ++this.#epoch;
    const id = this.id === undefined ? {} : { id: { value: this.id } };
    const call: SchedulerCall = {
      type: 'SUBSCRIBE',
      ...(this.id === undefined ? {} : { framework_id: { value: this.id } }),
      subscribe: {
        framework_info: {
          user: 'u',
          name: this.name,
          role: this.#role,
          checkpoint: true,
          failover_timeout: 1e6,
          capabilities: this.#isPartitionAware ? [{ type: 'PARTITION_AWARE' }] : [],
          ...id,
        },
      },
    };
    this.#link = this.#world.connect('scheduler', writeCall(call), '', {
      receive: (json) => {
        if (epoch === this.#epoch) this.#receive(readSchedulerEvent(json));
      },
      closed: () => {
        if (epoch !== this.#epoch) return;
        this.#link = undefined;
        this.#again();
      },
    });
    if (this.#link === undefined) this.#again();
  }

  #again(): void {
    this.#world.plan(this.#world.between(100, 20_000), () => this.#connect());
  }

  #call(call: SchedulerCall): void {
    if (this.id !== undefined) this.#link?.send(writeCall({ ...call, framework_id: { value: this.id } }));
  }

  /** Every minute: what is not known to have ended is asked about. */
  #reconcileLater(): void {
    this.#world.plan(60_000, () => {
      const open = [...this.tasks.values()].filter((task) => !isTerminal(task.state));
      if (open.length > 0) {
        this.#call({
          type: 'RECONCILE',
          reconcile: { tasks: open.map((task) => ({ task_id: { value: task.id }, agent_id: { value: task.agentId } })) },
        });
      }
      this.#reconcileLater();
    });
  }

  #receive(event: SchedulerEvent): void {
    switch (event.type) {
      case 'SUBSCRIBED':
        this.id = event.subscribed.framework_id.value;
        return;
      case 'OFFERS':
        for (const offer of event.offers.offers ?? []) {
          // Some answer late, some forget.
          if (!this.#world.chance(0.05)) this.#world.plan(this.#world.between(0, 2000), () => this.#answer(offer));
        }
        return;
      case 'UPDATE': {
        const { status } = event.update;
        const task = this.tasks.get(status.task_id.value);
        if (task !== undefined && !isTerminal(task.state)) task.state = status.state;
        const { uuid, agent_id, task_id } = status;
        if (uuid !== undefined && agent_id !== undefined) {
          this.#world.plan(this.#world.between(0, 200), () =>
            this.#call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } }),
          );
        }
        if (this.#world.chance(0.02)) this.#call({ type: 'KILL', kill: { task_id } });
        return;
      }
      case 'ERROR':
        this.#world.faults.push(`${this.name} got ERROR ${event.error.message}`);
        return;
      case 'HEARTBEAT':
      case 'RESCIND':
      case 'RESCIND_INVERSE_OFFER':
      case 'INVERSE_OFFERS':
      case 'MESSAGE':
      case 'FAILURE':
      case 'UPDATE_OPERATION_STATUS':
        return;
    }
  }

  #answer(offer: Offer): void {
    const offered = Resources.of(offer.resources);
    const refuse_seconds = this.#world.between(0, 10);
    let cpus = offered.milli('cpus');
    let mem = offered.milli('mem');
    const tasks: TaskInfo[] = [];
    while (this.isLaunching && tasks.length < 4 && this.#world.chance(0.7)) {
      const needCpus = this.#world.between(1, 20) * 100;
      const needMem = this.#world.between(1, 16) * 64_000;
      if (needCpus > cpus || needMem > mem) break;
      cpus -= needCpus;
      mem -= needMem;
      const id = `${this.name}-t${this.#launches++}`;
      this.tasks.set(id, { id, agentId: offer.agent_id.value, state: 'TASK_STAGING' });
      tasks.push({
        name: id,
        task_id: { value: id },
        agent_id: offer.agent_id,
        resources: [
          { name: 'cpus', type: 'SCALAR', scalar: { value: needCpus / 1000 } },
          { name: 'mem', type: 'SCALAR', scalar: { value: needMem / 1000 } },
        ],
        command: { value: 'true' },
      });
    }
    if (tasks.length === 0) this.#call({ type: 'DECLINE', decline: { offer_ids: [offer.id], filters: { refuse_seconds } } });
    else {
      this.#call({
        type: 'ACCEPT',
        accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }], filters: { refuse_seconds } },
      });
    }
  }
}
