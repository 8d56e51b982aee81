/**
 * An executor's end of the v1 executor API (mesos.md §3), as a process that an agent has launched: it subscribes where its environment
 * says, hands out tasks, sends updates in order and keeps each until the agent has confirmed it. With checkpointing an agent that is gone is
 * waited for; what was not confirmed is told again then.
 */
import {
  decodeJson,
  type ExecutorCall,
  type ExecutorEvent,
  type ExecutorEventSubscribed,
  encodeJson,
  type KillPolicy,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
  uuidBase64,
} from '@pronoia/mesos';
import { Agent as HttpPool, request } from 'undici';
import { realClock, type SchedulerClock } from './clock.ts';
import { type EventStream, openEventStream } from './event-stream.ts';

export interface ExecutorHandlers {
  /** First subscription, and each later one. */
  subscribed?(subscription: ExecutorEventSubscribed): void;
  /** Tasks of one group come in one call, a task on its own as a list of one. */
  launch(tasks: readonly TaskInfo[]): void;
  kill(taskId: string, policy: KillPolicy | undefined): void;
  message?(data: Uint8Array): void;
  /** End everything and exit soon: the agent waits only for the grace period. */
  shutdown(): void;
}

export interface ExecutorOptions {
  readonly handlers: ExecutorHandlers;
  /** The `MESOS_*` variables; default those of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: SchedulerClock;
  readonly random?: () => number;
}

export interface Executor {
  /** Kept until the agent has confirmed it; sent at once when it is there. */
  update(
    taskId: string,
    state: TaskState,
    more?: Pick<TaskStatus, 'message' | 'data' | 'healthy' | 'labels' | 'reason' | 'check_status'>,
  ): void;
  /** To the framework; lost when the agent is not there. */
  message(data: Uint8Array): Promise<void>;
  /** Resolves, with the reason, when there is no agent to wait for any more: end everything and exit. */
  readonly ended: Promise<string>;
  stop(): void;
}

const path = '/api/v1/executor';
const timeoutMs = 15_000;
const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  secs: 1_000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** Starts to subscribe at once. Throws when the environment is not an executor's. */
export function createExecutor(options: ExecutorOptions): Executor {
  return new HttpExecutor(options);
}

class HttpExecutor implements Executor {
  readonly ended: Promise<string>;
  readonly #options: ExecutorOptions;
  readonly #clock: SchedulerClock;
  readonly #random: () => number;
  readonly #origin: string;
  readonly #ids: Pick<ExecutorCall, 'executor_id' | 'framework_id'>;
  readonly #headers: Record<string, string>;
  readonly #isCheckpointing: boolean;
  readonly #recoveryTimeoutMs: number;
  readonly #backoffMs: number;
  readonly #pool = new HttpPool({ headersTimeout: timeoutMs, bodyTimeout: 0 });
  /** By uuid, in order. */
  readonly #updates = new Map<string, TaskStatus>();
  /** By id: none of its updates was confirmed yet. */
  readonly #tasks = new Map<string, TaskInfo>();
  #stream: EventStream | undefined;
  #isOver = false;
  #goneSinceMs: number | undefined;
  #timer: { cancel(): void } | undefined;
  #last: Promise<void> = Promise.resolve();
  #end: (reason: string) => void = () => undefined;

  constructor(options: ExecutorOptions) {
    const environment = options.environment ?? process.env;
    const read = (name: string): string => {
      const value = environment[name];
      if (value === undefined || value === '') throw new Error(`${name} is not set: an executor is started by its agent`);
      return value;
    };
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
    this.#origin = `http://${read('MESOS_AGENT_ENDPOINT')}`;
    this.#ids = { executor_id: { value: read('MESOS_EXECUTOR_ID') }, framework_id: { value: read('MESOS_FRAMEWORK_ID') } };
    this.#isCheckpointing = environment['MESOS_CHECKPOINT'] === '1';
    this.#recoveryTimeoutMs = durationMs(environment['MESOS_RECOVERY_TIMEOUT'] ?? '15mins');
    this.#backoffMs = durationMs(environment['MESOS_SUBSCRIPTION_BACKOFF_MAX'] ?? '2secs');
    const token = environment['MESOS_EXECUTOR_AUTHENTICATION_TOKEN'];
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    void this.#subscribe();
  }

  update(taskId: string, state: TaskState, more: Partial<TaskStatus> = {}): void {
    const uuid = uuidBase64(this.#random);
    const timestamp = this.#clock.now() / 1_000;
    const status: TaskStatus = { ...more, task_id: { value: taskId }, state, source: 'SOURCE_EXECUTOR', uuid, timestamp };
    this.#updates.set(uuid, status);
    if (this.#stream !== undefined) this.#send({ ...this.#ids, type: 'UPDATE', update: { status } }).catch(() => undefined); // It is told again.
  }

  message(data: Uint8Array): Promise<void> {
    return this.#send({ ...this.#ids, type: 'MESSAGE', message: { data: Buffer.from(data).toString('base64') } });
  }

  stop(): void {
    this.#finish('stopped');
  }

  #finish(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#stream?.close();
    this.#end(reason);
    // What is on its way may still arrive.
    void this.#last.then(() => this.#pool.destroy());
  }

  async #subscribe(): Promise<void> {
    const subscribe = {
      unacknowledged_tasks: [...this.#tasks.values()],
      unacknowledged_updates: [...this.#updates.values()].map((status) => ({ status })),
    };
    try {
      const stream = await openEventStream({
        origin: this.#origin,
        path,
        body: encodeJson('ExecutorCall', { ...this.#ids, type: 'SUBSCRIBE', subscribe }),
        dispatcher: this.#pool,
        headersTimeoutMs: timeoutMs,
        headers: this.#headers,
        onRecord: (json) => this.#handle(decodeJson('ExecutorEvent', json)),
        onEnd: (reason) => this.#lost(reason),
      });
      if (this.#isOver) {
        if ('origin' in stream) stream.close();
      } else if ('origin' in stream) {
        this.#stream = stream;
        this.#goneSinceMs = undefined;
        // What was said while the subscription was on its way.
        const told = new Set(subscribe.unacknowledged_updates.map(({ status }) => status.uuid));
        for (const [uuid, status] of this.#updates)
          if (!told.has(uuid)) this.#send({ ...this.#ids, type: 'UPDATE', update: { status } }).catch(() => undefined);
      } else if (stream.status >= 500) this.#lost(stream.message);
      else this.#finish(`the agent refused with ${stream.status}: ${stream.message}`);
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error));
    }
  }

  /** Only with checkpointing does an executor outlive its agent (mesos.md §3). */
  #lost(reason: string): void {
    this.#stream = undefined;
    if (this.#isOver) return;
    this.#goneSinceMs ??= this.#clock.now();
    if (!this.#isCheckpointing) return this.#finish(`the agent is gone: ${reason}`);
    if (this.#clock.now() - this.#goneSinceMs >= this.#recoveryTimeoutMs) return this.#finish(`the agent did not come back: ${reason}`);
    this.#timer = this.#clock.setTimer(this.#random() * this.#backoffMs, () => void this.#subscribe());
  }

  #handle(event: ExecutorEvent): void {
    const { handlers } = this.#options;
    switch (event.type) {
      case 'SUBSCRIBED':
        return handlers.subscribed?.(event.subscribed);
      case 'LAUNCH':
        return this.#launch([event.launch.task]);
      case 'LAUNCH_GROUP':
        return this.#launch(event.launch_group.task_group.tasks ?? []);
      case 'KILL':
        return handlers.kill(event.kill.task_id.value, event.kill.kill_policy);
      case 'ACKNOWLEDGED':
        this.#updates.delete(event.acknowledged.uuid);
        this.#tasks.delete(event.acknowledged.task_id.value);
        return;
      case 'MESSAGE':
        return handlers.message?.(Buffer.from(event.message.data, 'base64'));
      case 'SHUTDOWN':
        return handlers.shutdown();
      case 'ERROR':
        return this.#finish(event.error.message);
      case 'HEARTBEAT':
        return;
    }
  }

  #launch(tasks: readonly TaskInfo[]): void {
    for (const task of tasks) this.#tasks.set(task.task_id.value, task);
    this.#options.handlers.launch(tasks);
  }

  /** One after the other, so that updates arrive in the order in which they were made. */
  #send(call: ExecutorCall): Promise<void> {
    const sent = this.#last.then(async () => {
      const { statusCode, body } = await request(new URL(path, this.#origin), {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...this.#headers },
        body: encodeJson('ExecutorCall', call),
        dispatcher: this.#pool,
      });
      const text = await body.text();
      if (statusCode !== 202) throw new Error(`the agent answered ${call.type} with ${statusCode}: ${text.slice(0, 500)}`);
    });
    this.#last = sent.catch(() => undefined);
    return sent;
  }
}

function durationMs(text: string): number {
  const [, value = '', unit = ''] = /^([\d.]+)([a-z]+)$/.exec(text) ?? [];
  const unitMs = unitsMs[unit];
  if (unitMs === undefined) throw new Error(`"${text}" is not a duration such as 15mins`);
  return Number(value) * unitMs;
}
