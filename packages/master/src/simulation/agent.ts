/** A modelled agent: runs tasks that end by themselves, reports each state until it is acknowledged, and survives its own restarts. */
import {
  type FrameworkInfo,
  isTerminal,
  type MasterToAgent,
  parseResources,
  type Resource,
  type TaskInfo,
  type TaskState,
  uuidBase64,
} from '@pronoia/mesos';
import { type Link, readMasterToAgent, type Surroundings } from './link.ts';

interface RunningTask {
  readonly info: TaskInfo;
  readonly frameworkId: string;
  state: TaskState;
  /** Oldest first; the head is the one that was sent. */
  readonly unacknowledged: { readonly state: TaskState; readonly uuid: string }[];
  retry: { cancel(): void } | undefined;
}

export class SimulatedAgent {
  readonly name: string;
  readonly resources: readonly Resource[];
  id: string | undefined;
  /** By framework id and task id. */
  readonly tasks = new Map<string, RunningTask>();
  readonly frameworks = new Map<string, FrameworkInfo>();
  readonly #world: Surroundings;
  #link: Link | undefined;
  /** Grows with each link: what belongs to an older one is void. */
  #epoch = 0;
  #isUp = true;
  #isRegistered = false;
  isDeaf = false;

  constructor(world: Surroundings, index: number) {
    this.#world = world;
    this.name = `agent${index}`;
    this.resources = parseResources(`cpus:${world.between(2, 16)};mem:${world.between(1, 16) * 1024};ports:[31000-31100]`);
    world.plan(world.between(0, 1000), () => this.#connect());
  }

  /** The agent's process dies and comes back; its tasks live on. */
  restart(): void {
    this.#isUp = false;
    this.#link?.close();
    this.#link = undefined;
    this.#isRegistered = false;
    this.#world.plan(this.#world.between(100, 150_000), () => {
      this.#isUp = true;
      this.#connect();
    });
  }

  #connect(): void {
    if (!this.#isUp || this.#link !== undefined) return;
    const epoch = ++this.#epoch;
    const info = {
      hostname: this.name,
      port: 5051,
      resources: this.resources,
      ...(this.id === undefined ? {} : { id: { value: this.id } }),
    };
    const first =
      this.id === undefined
        ? { type: 'REGISTER', agent_info: info, version: '1.11.0', resources: this.resources }
        : {
            type: 'REREGISTER',
            agent_info: info,
            version: '1.11.0',
            resources: this.resources,
            held: {
              frameworks: [...this.frameworks.values()],
              executors: [],
              tasks: [...this.tasks.values()].map((task) => ({
                name: task.info.name,
                task_id: task.info.task_id,
                framework_id: { value: task.frameworkId },
                agent_id: { value: this.id },
                state: task.state,
                resources: task.info.resources,
                statuses: [],
                ...(task.unacknowledged[0] === undefined
                  ? { status_update_state: task.state }
                  : { status_update_state: task.unacknowledged[0].state, status_update_uuid: task.unacknowledged[0].uuid }),
              })),
            },
          };
    this.#link = this.#world.connect('agent', JSON.stringify(first), `ip-${this.name}`, {
      receive: (json) => {
        if (epoch === this.#epoch && this.#isUp) this.#receive(readMasterToAgent(json));
      },
      closed: () => {
        if (epoch !== this.#epoch) return;
        this.#link = undefined;
        this.#isRegistered = false;
        this.#again();
      },
    });
    if (this.#link === undefined) this.#again();
  }

  #again(): void {
    this.#world.plan(this.#world.between(100, 5000), () => this.#connect());
  }

  #receive(message: MasterToAgent): void {
    switch (message.type) {
      case 'REGISTERED':
      case 'REREGISTERED':
        this.id = message.agent_id.value;
        this.#isRegistered = true;
        for (const task of this.tasks.values()) this.#sendHead(task);
        return;
      case 'PING':
        if (!this.isDeaf) this.#link?.send(JSON.stringify({ type: 'PONG' }));
        return;
      case 'RUN_TASK':
        return this.#run(message.run_task.task, message.run_task.framework_info);
      case 'KILL_TASK': {
        const task = this.tasks.get(`${message.framework_id.value}/${message.task_id.value}`);
        if (task !== undefined && !isTerminal(task.state)) this.#become(task, 'TASK_KILLED');
        return;
      }
      case 'ACKNOWLEDGE': {
        const key = `${message.framework_id.value}/${message.task_id.value}`;
        const task = this.tasks.get(key);
        if (task === undefined || task.unacknowledged[0]?.uuid !== message.uuid) return;
        const [done] = task.unacknowledged.splice(0, 1);
        task.retry?.cancel();
        if (done !== undefined && isTerminal(done.state)) this.tasks.delete(key);
        else this.#sendHead(task);
        return;
      }
      case 'SHUTDOWN_FRAMEWORK':
        for (const [key, task] of this.tasks) {
          if (task.frameworkId !== message.framework_id.value) continue;
          task.retry?.cancel();
          this.tasks.delete(key);
        }
        this.frameworks.delete(message.framework_id.value);
        return;
      case 'SHUTDOWN':
        this.id = undefined;
        this.tasks.clear();
        return;
      case 'RUN_TASK_GROUP':
      case 'CHECKPOINT_RESOURCES':
      case 'SHUTDOWN_EXECUTOR':
      case 'FRAMEWORK_MESSAGE':
        return;
    }
  }

  #run(info: TaskInfo, framework: FrameworkInfo): void {
    const frameworkId = framework.id?.value ?? '';
    const key = `${frameworkId}/${info.task_id.value}`;
    if (this.#world.launched.has(key)) this.#world.faults.push(`task ${key} was launched twice`);
    this.#world.launched.add(key);
    this.frameworks.set(frameworkId, framework);
    const task: RunningTask = { info, frameworkId, state: 'TASK_STAGING', unacknowledged: [], retry: undefined };
    this.tasks.set(key, task);
    this.#world.plan(this.#world.between(10, 500), () => this.#become(task, 'TASK_RUNNING'));
    this.#world.plan(this.#world.between(500, 120_000), () =>
      this.#become(task, this.#world.chance(0.8) ? 'TASK_FINISHED' : 'TASK_FAILED'),
    );
  }

  /** The task's own doing: it happens whether or not the agent's process is there to see it at once. */
  #become(task: RunningTask, state: TaskState): void {
    if (isTerminal(task.state)) return;
    task.state = state;
    task.unacknowledged.push({ state, uuid: uuidBase64(this.#world.random) });
    if (task.unacknowledged.length === 1) this.#sendHead(task);
  }

  #sendHead(task: RunningTask): void {
    const [head] = task.unacknowledged;
    task.retry?.cancel();
    if (head === undefined || !this.#isUp || !this.#isRegistered) return;
    this.#link?.send(
      JSON.stringify({
        type: 'UPDATE',
        framework_id: { value: task.frameworkId },
        latest_state: task.state,
        status: {
          task_id: task.info.task_id,
          state: head.state,
          source: 'SOURCE_EXECUTOR',
          uuid: head.uuid,
          timestamp: this.#world.nowMs / 1000,
        },
      }),
    );
    task.retry = this.#world.plan(10_000, () => this.#sendHead(task));
  }
}
