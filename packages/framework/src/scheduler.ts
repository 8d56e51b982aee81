/**
 * The scheduler's half of the v1 scheduler API (mesos.md §2): subscribe, receive events in order, call, and stay subscribed
 * through broken connections and new leaders.
 *
 * A lost stream is opened again with growing pauses, under the same framework id, so the master sees one framework. Updates are
 * acknowledged after the handler has returned (or by hand), so that an update whose handler did not finish is sent again.
 */
import {
  type AgentID,
  decodeJson,
  type ExecutorID,
  encodeJson,
  type Filters,
  type FrameworkInfo,
  type KillPolicy,
  type MasterInfo,
  type Offer,
  type OfferConstraints,
  type OfferID,
  type OfferOperation,
  type OperationStatus,
  type Request,
  type SchedulerCall,
  type SchedulerCallReconcileTask,
  type SchedulerEvent,
  type TaskID,
  type TaskStatus,
} from '@pronoia/mesos';
import { Agent, type Dispatcher, request } from 'undici';
import { realClock, type SchedulerClock } from './clock.ts';
import { SchedulerError } from './errors.ts';
import { type EventStream, openEventStream } from './event-stream.ts';
import { askForLeader } from './leader-check.ts';

const apiPath = '/api/v1/scheduler';

type Handled = void | Promise<void>;

/** Called one at a time, in the order of the master's events; the next waits for the promise of the one before. */
export interface SchedulerHandlers {
  /** First subscription and every later one. A good moment to reconcile when `isAgain`. */
  subscribed?(subscription: { frameworkId: string; masterInfo: MasterInfo | undefined; isAgain: boolean }): Handled;
  offers(offers: readonly Offer[]): Handled;
  rescinded?(offerId: OfferID): Handled;
  update(status: TaskStatus): Handled;
  operationUpdate?(status: OperationStatus): Handled;
  message?(message: { agent_id: AgentID; executor_id: ExecutorID; data: string }): Handled;
  /** An agent was lost, or (with `executor_id`) an executor ended. */
  failure?(failure: { agent_id?: AgentID; executor_id?: ExecutorID; status?: number }): Handled;
  /** The stream broke; it is being opened again. Offers in hand are void. */
  disconnected?(reason: string): Handled;
  /** Once per outage, when it has lasted `masterLostAfterMs`. The scheduler keeps trying: stop it when that is not wanted. */
  masterLost?(outage: { forMs: number; attempts: number; lastError: string }): Handled;
  /** The end: the master refused the framework (also when another instance took over). Nothing more will happen. */
  error(message: string): Handled;
}

export interface SchedulerOptions {
  /** `http://host:port`, or several that are tried in turn; a master that does not lead points at the one that does. */
  readonly master: string | readonly string[];
  /** With an `id`: take that framework over. `roles` and the capability MULTI_ROLE go together. */
  readonly info: FrameworkInfo;
  readonly suppressedRoles?: readonly string[];
  readonly offerConstraints?: OfferConstraints;
  readonly handlers: SchedulerHandlers;
  /** `automatic` (default): an update is acknowledged when its handler has returned without an error. */
  readonly acknowledge?: 'automatic' | 'explicit';
  readonly clock?: SchedulerClock;
  /** In [0, 1); spreads reconnections. Default Math.random. */
  readonly random?: () => number;
  /** Default 75 s, the time after which a master gives up on a silent agent too. */
  readonly masterLostAfterMs?: number;
  /** The first pause before reconnecting (default 250 ms); each is twice the one before, up to `backoffLimitMs` (default 10 s, of several masters 2 s). */
  readonly backoffMs?: number;
  readonly backoffLimitMs?: number;
  /** How often one of several masters is asked whether another one leads by now; default 5 s, 0: never. */
  readonly leaderCheckMs?: number;
  /** Added to every request; for authentication. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A handler threw: default, the error becomes an unhandled rejection. */
  readonly onHandlerError?: (error: unknown) => void;
}

export interface Scheduler {
  /** Known from the first SUBSCRIBED on (or given in the info). */
  readonly frameworkId: string | undefined;
  readonly isSubscribed: boolean;
  /** Resolves when the scheduler has ended: stopped, torn down or refused. */
  readonly ended: Promise<void>;

  // Calls resolve when the master has taken them (202: they are queued, not done) and reject with SchedulerError. They are sent one
  // after the other, in the order in which they were made.
  accept(offerIds: readonly OfferID[], operations: readonly OfferOperation[], filters?: Filters): Promise<void>;
  decline(offerIds: readonly OfferID[], filters?: Filters): Promise<void>;
  revive(roles?: readonly string[]): Promise<void>;
  suppress(roles?: readonly string[]): Promise<void>;
  kill(taskId: TaskID, options?: { agentId?: AgentID; killPolicy?: KillPolicy }): Promise<void>;
  shutdown(executorId: ExecutorID, agentId: AgentID): Promise<void>;
  /** Nothing happens for an update without uuid: those need none. */
  acknowledge(status: TaskStatus): Promise<void>;
  /** No tasks: ask for all. The answers come as updates. */
  reconcile(tasks?: readonly SchedulerCallReconcileTask[]): Promise<void>;
  message(agentId: AgentID, executorId: ExecutorID, data: Uint8Array): Promise<void>;
  request(requests: readonly Request[]): Promise<void>;
  /** Any other call; the framework id is filled in. */
  call(call: SchedulerCall): Promise<void>;
  /** Ends the framework: the master kills its tasks. Then as `stop`. */
  teardown(): Promise<void>;
  /** Closes the stream. The master keeps the framework for its `failover_timeout`. */
  stop(): Promise<void>;
}

/** Three missed heartbeats: one lost packet is not an outage, a silent minute is. */
const heartbeatsMissed = 3;
const headersTimeoutMs = 15_000;
/** Another may answer at once. */
const headersTimeoutOfSeveralMs = 5000;
const stopLimitMs = 2000;

/** Starts to subscribe at once. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new HttpScheduler(options);
}

class HttpScheduler implements Scheduler {
  readonly #options: SchedulerOptions;
  readonly #clock: SchedulerClock;
  readonly #random: () => number;
  readonly #masters: readonly string[];
  readonly #dispatcher: Dispatcher;
  /** Calls on a connection of their own, one after the other: order matters (ACCEPT before KILL). */
  readonly #callDispatcher: Dispatcher;
  #frameworkId: string | undefined;
  #stream: EventStream | undefined;
  #wasSubscribed = false;
  #isSubscribed = false;
  #isOver = false;
  #isEnding = false;
  #attempts = 0;
  #nextMaster = 0;
  #outageSinceMs: number;
  #lostTimer: { cancel(): void } | undefined;
  #retryTimer: { cancel(): void } | undefined;
  #silenceTimer: { cancel(): void } | undefined;
  #leaderTimer: { cancel(): void } | undefined;
  /** How the master that leads us calls itself; its address in our list may be another name of it. */
  #leaderOrigin: string | undefined;
  /** Where to go next, by another master's word; the one after ours in the list may be the one that was stopped. */
  #namedLeader: string | undefined;
  #silenceLimitMs = heartbeatsMissed * 15_000;
  /** The tail of the queue of handlers. */
  #handling: Promise<void> = Promise.resolve();
  /** The tail of the queue of calls. */
  #calling: Promise<void> = Promise.resolve();
  readonly ended: Promise<void>;
  #end: () => void = () => {};

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#random = options.random ?? Math.random;
    this.#masters = typeof options.master === 'string' ? [options.master] : options.master;
    if (this.#masters.length === 0) throw new Error('a scheduler needs the address of at least one master');
    this.#dispatcher = new Agent({ pipelining: 0 });
    this.#callDispatcher = new Agent({ connections: 1, keepAliveTimeout: 30_000 });
    this.#frameworkId = options.info.id?.value;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#outageSinceMs = this.#clock.now();
    this.#watchOutage();
    void this.#connect();
  }

  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  // Staying subscribed

  async #connect(): Promise<void> {
    if (this.#isOver) return;
    const origin = this.#namedLeader ?? (this.#masters[this.#nextMaster % this.#masters.length] as string);
    this.#namedLeader = undefined;
    this.#attempts++;
    try {
      const stream = await openEventStream({
        origin,
        path: apiPath,
        body: this.#subscribeBody(),
        dispatcher: this.#dispatcher,
        headersTimeoutMs: this.#masters.length > 1 ? headersTimeoutOfSeveralMs : headersTimeoutMs,
        ...(this.#options.headers === undefined ? {} : { headers: this.#options.headers }),
        onRecord: (json) => this.#onRecord(json),
        onEnd: (reason) => this.#onBroken(reason),
      });
      if (this.#isOver) {
        if ('origin' in stream) stream.close();
        return;
      }
      if ('origin' in stream) {
        this.#stream = stream;
        this.#watchSilence();
      } else if (stream.status === 503 || stream.status === 307 || stream.status >= 500) this.#retry(`${origin}: ${stream.message}`);
      else this.#fail(`SUBSCRIBE was refused by ${origin} with ${stream.status}: ${stream.message}`);
    } catch (error) {
      this.#retry(`${origin}: ${reasonOf(error)}`);
    }
  }

  #subscribeBody(): string {
    const { info, suppressedRoles, offerConstraints } = this.#options;
    const id = this.#frameworkId === undefined ? undefined : { value: this.#frameworkId };
    return encodeJson('SchedulerCall', {
      type: 'SUBSCRIBE',
      ...(id === undefined ? {} : { framework_id: id }),
      subscribe: {
        framework_info: id === undefined ? info : { ...info, id },
        ...(suppressedRoles === undefined ? {} : { suppressed_roles: suppressedRoles }),
        ...(offerConstraints === undefined ? {} : { offer_constraints: offerConstraints }),
      },
    });
  }

  #lastError = 'no attempt has ended yet';

  #retry(reason: string): void {
    if (this.#isOver) return;
    this.#lastError = reason;
    this.#nextMaster++;
    const limit = this.#options.backoffLimitMs ?? (this.#masters.length > 1 ? 2000 : 10_000);
    const pause = Math.min(limit, (this.#options.backoffMs ?? 250) * 2 ** Math.min(this.#attempts - 1, 20));
    // Between half and the whole: many schedulers that lost one master do not come back in one moment.
    this.#retryTimer = this.#clock.setTimer(pause * (0.5 + this.#random() / 2), () => void this.#connect());
  }

  #onBroken(reason: string): void {
    if (this.#isOver || this.#isEnding) return;
    this.#stream?.close();
    this.#stream = undefined;
    this.#silenceTimer?.cancel();
    this.#leaderTimer?.cancel();
    if (this.#isSubscribed) {
      this.#isSubscribed = false;
      this.#attempts = 0;
      this.#outageSinceMs = this.#clock.now();
      this.#watchOutage();
      this.#handle(() => this.#options.handlers.disconnected?.(reason));
    }
    this.#retry(reason);
  }

  #watchOutage(): void {
    this.#lostTimer = this.#clock.setTimer(this.#options.masterLostAfterMs ?? 75_000, () => {
      const forMs = this.#clock.now() - this.#outageSinceMs;
      this.#handle(() => this.#options.handlers.masterLost?.({ forMs, attempts: this.#attempts, lastError: this.#lastError }));
    });
  }

  #watchSilence(): void {
    this.#silenceTimer?.cancel();
    this.#silenceTimer = this.#clock.setTimer(this.#silenceLimitMs, () =>
      this.#onBroken(`nothing came from the master for ${this.#silenceLimitMs / 1000} s`),
    );
  }

  /** A stopped leader keeps its stream open; the other masters know better. */
  #watchLeader(): void {
    const everyMs = this.#options.leaderCheckMs ?? 5000;
    const leaderOrigin = this.#leaderOrigin;
    const stream = this.#stream;
    this.#leaderTimer?.cancel();
    if (this.#masters.length < 2 || everyMs <= 0 || leaderOrigin === undefined) return;
    this.#leaderTimer = this.#clock.setTimer(everyMs, () => {
      const others = this.#masters.filter((master) => ![stream?.origin, leaderOrigin].includes(new URL(master).origin));
      void askForLeader(others, { dispatcher: this.#dispatcher, timeoutMs: everyMs }).then((leader) => {
        if (this.#stream !== stream || this.#isOver) return;
        if (leader === undefined || leader === stream?.origin || leader === leaderOrigin) this.#watchLeader();
        else {
          this.#namedLeader = leader;
          this.#onBroken(`${leader} leads now`);
        }
      });
    });
  }

  /** The end, by the master's word. */
  #fail(message: string): void {
    if (this.#isOver) return;
    this.#handle(() => this.#options.handlers.error(message));
    void this.#close();
  }

  async #close(): Promise<void> {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#isSubscribed = false;
      this.#retryTimer?.cancel();
      this.#silenceTimer?.cancel();
      this.#leaderTimer?.cancel();
      this.#lostTimer?.cancel();
      this.#stream?.close();
      this.#stream = undefined;
      await Promise.all([this.#dispatcher.destroy(), this.#callDispatcher.destroy()]);
      this.#end();
    }
    await this.ended;
  }

  // Events

  #onRecord(json: string): void {
    this.#watchSilence();
    let event: SchedulerEvent;
    try {
      event = decodeJson('SchedulerEvent', json);
    } catch {
      // An event type of a later master: not ours to understand.
      return;
    }
    const { handlers } = this.#options;
    switch (event.type) {
      case 'SUBSCRIBED': {
        const { framework_id, heartbeat_interval_seconds, master_info } = event.subscribed;
        const isAgain = this.#wasSubscribed;
        this.#frameworkId = framework_id.value;
        this.#leaderOrigin = originOf(master_info);
        this.#watchLeader();
        if (heartbeat_interval_seconds !== undefined && heartbeat_interval_seconds > 0) {
          this.#silenceLimitMs = heartbeatsMissed * heartbeat_interval_seconds * 1000;
          this.#watchSilence();
        }
        this.#isSubscribed = true;
        this.#wasSubscribed = true;
        this.#attempts = 0;
        this.#lostTimer?.cancel();
        this.#handle(() => handlers.subscribed?.({ frameworkId: framework_id.value, masterInfo: master_info, isAgain }));
        return;
      }
      case 'HEARTBEAT':
      case 'INVERSE_OFFERS':
      case 'RESCIND_INVERSE_OFFER':
        return;
      case 'OFFERS': {
        const { offers } = event.offers;
        this.#handle(() => handlers.offers(offers ?? []));
        return;
      }
      case 'RESCIND': {
        const { offer_id } = event.rescind;
        this.#handle(() => handlers.rescinded?.(offer_id));
        return;
      }
      case 'UPDATE': {
        const { status } = event.update;
        this.#handle(async () => {
          await handlers.update(status);
          // Not awaited: an acknowledgement that is lost makes the agent repeat the update.
          if (this.#options.acknowledge !== 'explicit') this.acknowledge(status).catch(() => {});
        });
        return;
      }
      case 'UPDATE_OPERATION_STATUS': {
        const { status } = event.update_operation_status;
        this.#handle(() => handlers.operationUpdate?.(status));
        return;
      }
      case 'MESSAGE': {
        const { message } = event;
        this.#handle(() => handlers.message?.(message));
        return;
      }
      case 'FAILURE': {
        const { failure } = event;
        this.#handle(() => handlers.failure?.(failure));
        return;
      }
      case 'ERROR':
        this.#fail(event.error.message);
        return;
    }
  }

  #handle(run: () => Handled): void {
    this.#handling = this.#handling.then(run).catch((error: unknown) => {
      if (this.#options.onHandlerError === undefined) throw error;
      this.#options.onHandlerError(error);
    });
  }

  // Calls

  call(call: SchedulerCall): Promise<void> {
    const sent = this.#calling.then(() => this.#send(call));
    this.#calling = sent.catch(() => {});
    return sent;
  }

  async #send(call: SchedulerCall): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || !this.#isSubscribed || this.#frameworkId === undefined) {
      throw new SchedulerError('not_subscribed', `${call.type} was not sent: the scheduler is not subscribed`);
    }
    let status: number;
    let text: string;
    try {
      const response = await request(new URL(apiPath, stream.origin), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(stream.streamId === undefined ? {} : { 'mesos-stream-id': stream.streamId }),
          ...this.#options.headers,
        },
        body: encodeJson('SchedulerCall', { ...call, framework_id: { value: this.#frameworkId } }),
        dispatcher: this.#callDispatcher,
        headersTimeout: headersTimeoutMs,
        bodyTimeout: headersTimeoutMs,
      });
      status = response.statusCode;
      text = await response.body.text();
    } catch (error) {
      throw new SchedulerError('unreachable', `${call.type} was not answered by ${stream.origin}: ${reasonOf(error)}`, { cause: error });
    }
    if (status === 200 || status === 202) return;
    throw new SchedulerError('refused', `${call.type} was refused with ${status}: ${text.trim()}`, { status });
  }

  accept(offerIds: readonly OfferID[], operations: readonly OfferOperation[], filters?: Filters): Promise<void> {
    return this.call({ type: 'ACCEPT', accept: { offer_ids: offerIds, operations, ...(filters === undefined ? {} : { filters }) } });
  }

  decline(offerIds: readonly OfferID[], filters?: Filters): Promise<void> {
    return this.call({ type: 'DECLINE', decline: { offer_ids: offerIds, ...(filters === undefined ? {} : { filters }) } });
  }

  revive(roles: readonly string[] = []): Promise<void> {
    return this.call({ type: 'REVIVE', revive: { roles } });
  }

  suppress(roles: readonly string[] = []): Promise<void> {
    return this.call({ type: 'SUPPRESS', suppress: { roles } });
  }

  kill(taskId: TaskID, options: { agentId?: AgentID; killPolicy?: KillPolicy } = {}): Promise<void> {
    return this.call({
      type: 'KILL',
      kill: {
        task_id: taskId,
        ...(options.agentId === undefined ? {} : { agent_id: options.agentId }),
        ...(options.killPolicy === undefined ? {} : { kill_policy: options.killPolicy }),
      },
    });
  }

  shutdown(executorId: ExecutorID, agentId: AgentID): Promise<void> {
    return this.call({ type: 'SHUTDOWN', shutdown: { executor_id: executorId, agent_id: agentId } });
  }

  acknowledge(status: TaskStatus): Promise<void> {
    const { uuid, agent_id, task_id } = status;
    if (uuid === undefined || agent_id === undefined) return Promise.resolve();
    return this.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
  }

  reconcile(tasks: readonly SchedulerCallReconcileTask[] = []): Promise<void> {
    return this.call({ type: 'RECONCILE', reconcile: { tasks } });
  }

  message(agentId: AgentID, executorId: ExecutorID, data: Uint8Array): Promise<void> {
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    return this.call({ type: 'MESSAGE', message: { agent_id: agentId, executor_id: executorId, data: text } });
  }

  request(requests: readonly Request[]): Promise<void> {
    return this.call({ type: 'REQUEST', request: { requests } });
  }

  async teardown(): Promise<void> {
    const sent = this.call({ type: 'TEARDOWN' });
    // The master closes the stream: as asked, so nobody is told of a broken one and nothing is opened again.
    this.#isEnding = true;
    try {
      await Promise.race([sent, this.#patience()]);
    } finally {
      // Closing ends a call that is still waiting, and `sent` tells how it ended.
      await this.#close();
    }
    await sent;
  }

  async stop(): Promise<void> {
    // Calls that were made before are still sent, such as the last acknowledgements.
    await Promise.race([this.#calling, this.#patience()]);
    await this.#close();
  }

  /** A master that does not answer must not keep a program from stopping. */
  #patience(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(stopLimitMs, resolve);
      void this.ended.then(() => timer.cancel());
    });
  }
}

function originOf(info: MasterInfo | undefined): string | undefined {
  const host = info?.hostname ?? info?.address?.ip;
  return host === undefined ? undefined : new URL(`http://${host}:${info?.port ?? 5050}`).origin;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A refused connection to `localhost` is an AggregateError of one failure per address, with an empty message.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error.message === '' ? error.name : error.message;
}
