/**
 * Runs the core: feeds it messages one after the other and performs its effects on a clock, streams and a registry that are handed in.
 * The app gives it sockets and files; a simulation gives it queues.
 */

import {
  encodeJson,
  encodeProtobuf,
  type FrameworkInfo,
  type MasterEvent,
  type MasterToAgent,
  type MediaFormat,
  type MessageByName,
  type MessageName,
  type SchedulerEvent,
} from '@pronoia/mesos';
import type { Clock, Logger } from '@pronoia/server';
import type { Effect, MasterMessage, OperatorWrite, RegistryOperation } from './message.ts';
import type { FormOperation } from './operations.ts';
import { allowAll } from './security/acls.ts';
import { mayHear, type Viewer, visibleState } from './security/visible.ts';
import type { MasterState } from './state.ts';
import { firstMessages, step } from './step.ts';
import { Timing } from './timing.ts';
import { getState } from './views/operator-views.ts';

/** An open answer to a client that subscribed. */
export interface EventSink {
  readonly format: MediaFormat;
  /** One record in that format. */
  write(record: string | Uint8Array): void;
  close(): void;
}

export function encodeAs<N extends MessageName>(format: MediaFormat, name: N, message: MessageByName[N]): string | Buffer {
  return format === 'json' ? encodeJson(name, message) : encodeProtobuf(name, message);
}

export interface AgentRegistry {
  /** Calls one of the two, once, and not before it returns: `done` when the operation is durable. */
  apply(operation: RegistryOperation, done: () => void, failed: (error: unknown) => void): void;
}

export interface ConductorOptions {
  readonly state: MasterState;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly registry: AgentRegistry;
  /** Runs it when what is going on now is done; default `setImmediate`. A simulation has its own queue. */
  readonly soon?: (run: () => void) => void;
  /** The registry failed: the master cannot go on. */
  readonly onFailure: (error: unknown) => void;
}

/** What a master begins to lead with. */
export interface Beginning {
  readonly state: MasterState;
  readonly registry: AgentRegistry;
  /** Those that the registry knows. */
  readonly frameworks: Iterable<FrameworkInfo>;
}

export class Conductor {
  #state: MasterState;
  /** Grows when the state may have changed: what was shown under one version is still true under it. */
  version = 0;
  readonly allocationRun = new Timing('allocator/mesos/allocation_run_ms');
  readonly allocationLatency = new Timing('allocator/mesos/allocation_run_latency_ms');
  readonly registryStore = new Timing('registrar/state_store_ms');
  readonly #options: ConductorOptions;
  #registry: AgentRegistry;
  readonly #schedulers = new Map<string, EventSink>();
  readonly #agents = new Map<string, EventSink>();
  readonly #operators = new Map<string, EventSink & { readonly viewer: Viewer }>();
  readonly #timers = new Set<{ cancel(): void }>();
  readonly #queue: MasterMessage[] = [];
  readonly #waiting = new Map<string, (answer: { status: number; message: string }) => void>();
  #requests = 0;
  #isRunning = false;
  #isStopped = false;
  /** Counts beginnings: what was planned under an older one is void. */
  #term = 0;

  constructor(options: ConductorOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#registry = options.registry;
  }

  /** Another one after each `begin`. */
  get state(): MasterState {
    return this.#state;
  }

  /** After `stop`: leads anew, with what the registry says. */
  begin({ state, registry, frameworks }: Beginning): void {
    this.#term++;
    this.#state = state;
    this.#registry = registry;
    this.#queue.length = 0;
    this.#isStopped = false;
    this.version++;
    this.start(frameworks);
  }

  /** `frameworks`: those that the registry knows. */
  start(frameworks: Iterable<FrameworkInfo>): void {
    for (const message of firstMessages(this.state, frameworks)) this.dispatch(message);
  }

  /** Works on the message (and on what it brings about at once) before it returns, unless called from within. */
  dispatch(message: MasterMessage): void {
    if (this.#isStopped) return;
    this.#queue.push(message);
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const startMs = this.#options.clock.monotonic();
        const effects = step(this.state, next, this.#options.clock.now(), this.#options.random);
        if (next.kind === 'allocate') this.allocationRun.add(this.#options.clock.monotonic() - startMs);
        if (!isIdle(next, effects)) this.version++;
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  get timings(): readonly Timing[] {
    return [this.allocationRun, this.allocationLatency, this.registryStore];
  }

  attachScheduler(streamId: string, sink: EventSink): void {
    this.#schedulers.set(streamId, sink);
  }

  attachAgent(streamId: string, sink: EventSink): void {
    this.#agents.set(streamId, sink);
  }

  /** `viewer`: whose eyes the stream is for. */
  attachOperator(streamId: string, sink: EventSink, viewer: Viewer = { authorize: allowAll, principal: undefined }): void {
    this.#operators.set(streamId, { ...sink, viewer });
  }

  /** An operator's call that changes something; resolves when it is durable and done, or refused. */
  ask(call: OperatorWrite): Promise<{ readonly status: number; readonly message: string }> {
    const requestId = `r${this.#requests++}`;
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve);
      this.dispatch({ kind: 'operator_call', requestId, call });
    });
  }

  /** An operator reserves or makes volumes on an agent: done at once, or refused. The agent keeps it, not the registry. */
  convert(agentId: string, operation: FormOperation, principal?: string): { readonly status: number; readonly message: string } {
    let answer = { status: 503, message: 'The master stops' };
    const requestId = `r${this.#requests++}`;
    this.#waiting.set(requestId, (given) => {
      answer = given;
    });
    this.dispatch({ kind: 'operator_convert', requestId, agentId, operation, principal });
    return answer;
  }

  /** The client closed its stream. */
  schedulerClosed(streamId: string): void {
    if (this.#schedulers.delete(streamId)) this.dispatch({ kind: 'scheduler_closed', streamId });
  }

  agentClosed(streamId: string): void {
    if (this.#agents.delete(streamId)) this.dispatch({ kind: 'agent_closed', streamId });
  }

  operatorClosed(streamId: string): void {
    if (this.#operators.delete(streamId)) this.dispatch({ kind: 'operator_closed', streamId });
  }

  /** Whether a report on this stream will be heard. */
  hasAgentStream(streamId: string): boolean {
    return this.#agents.has(streamId);
  }

  stop(): void {
    this.#isStopped = true;
    this.#term++;
    this.#queue.length = 0;
    for (const answer of this.#waiting.values()) answer({ status: 503, message: 'The master stops' });
    this.#waiting.clear();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const sinks of [this.#schedulers, this.#agents, this.#operators]) {
      for (const sink of sinks.values()) sink.close();
      sinks.clear();
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'to_scheduler':
        return this.#toScheduler(effect.streamId, effect.event);
      case 'close_scheduler':
        return this.#close(this.#schedulers, effect.streamId);
      case 'to_agent':
        return this.#toAgent(effect.streamId, effect.message);
      case 'close_agent':
        return this.#close(this.#agents, effect.streamId);
      case 'to_operators': {
        // Encoded once per format, however many listen.
        const records = new Map<MediaFormat, string | Buffer>();
        for (const streamId of this.state.operatorStreams) {
          const sink = this.#operators.get(streamId);
          if (sink === undefined || !mayHear(this.state, effect.event, sink.viewer)) continue;
          const record = records.get(sink.format) ?? encodeAs(sink.format, 'MasterEvent', effect.event);
          records.set(sink.format, record);
          sink.write(record);
        }
        return;
      }
      case 'to_operator':
        return this.#toOperator(effect.streamId, effect.event);
      case 'close_operator':
        return this.#close(this.#operators, effect.streamId);
      case 'timer': {
        const timer = this.#options.clock.setTimer(effect.afterMs, () => {
          this.#timers.delete(timer);
          this.dispatch(effect.message);
        });
        this.#timers.add(timer);
        return;
      }
      case 'soon':
        (this.#options.soon ?? setImmediate)(
          this.#later(effect.message, effect.message.kind === 'allocate' ? this.allocationLatency : undefined),
        );
        return;
      case 'registry':
        this.#registry.apply(effect.operation, this.#later(effect.message, this.registryStore), this.#options.onFailure);
        return;
      case 'reply': {
        const answer = this.#waiting.get(effect.requestId);
        this.#waiting.delete(effect.requestId);
        answer?.({ status: effect.status, message: effect.message });
        return;
      }
      case 'log':
        this.#options.log[effect.level](effect.fields, effect.message);
        return;
    }
  }

  /** `timing`: how long it waited. */
  #later(message: MasterMessage, timing?: Timing): () => void {
    const term = this.#term;
    const sinceMs = this.#options.clock.monotonic();
    return () => {
      if (term !== this.#term) return;
      timing?.add(this.#options.clock.monotonic() - sinceMs);
      this.dispatch(message);
    };
  }

  #toScheduler(streamId: string, event: SchedulerEvent): void {
    const sink = this.#schedulers.get(streamId);
    if (sink !== undefined) sink.write(encodeAs(sink.format, 'SchedulerEvent', event));
  }

  #toOperator(streamId: string, event: MasterEvent): void {
    const sink = this.#operators.get(streamId);
    if (sink === undefined) return;
    const seen: MasterEvent =
      event.type === 'SUBSCRIBED'
        ? { ...event, subscribed: { ...event.subscribed, get_state: getState(visibleState(this.state, sink.viewer)) } }
        : event;
    sink.write(encodeAs(sink.format, 'MasterEvent', sink.viewer.authorize === allowAll ? event : seen));
  }

  #toAgent(streamId: string, message: MasterToAgent): void {
    const sink = this.#agents.get(streamId);
    if (sink !== undefined) sink.write(JSON.stringify(message, bigintAsNumber));
    // It hung up while the registry was admitting it: the core must hear of that after it has taken it in.
    else this.#queue.push({ kind: 'agent_closed', streamId });
  }

  #close(sinks: Map<string, EventSink>, streamId: string): void {
    const sink = sinks.get(streamId);
    sinks.delete(streamId);
    sink?.close();
  }
}

/** Messages that come all the time and leave everything as it was. */
function isIdle(message: MasterMessage, effects: readonly Effect[]): boolean {
  if (message.kind === 'noted' || message.kind === 'heartbeat') return true;
  if (message.kind === 'agent_report') return message.message.type === 'PONG';
  if (message.kind === 'allocate') return effects.every((effect) => effect.kind === 'timer');
  return message.kind === 'ping' && effects.every((effect) => effect.kind === 'timer' || effect.kind === 'to_agent');
}

/** Durations of a client may be longer than a number can hold exactly; nothing of ours needs such a digit. */
export const bigintAsNumber = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
