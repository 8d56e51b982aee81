/**
 * A cluster in one process from one seed (design decision 4): the real core with modelled agents, schedulers and links, under faults.
 *
 * Links behave as TCP does: in order, with a delay, and when they break what was on its way is lost and both ends learn of it at
 * different moments. Nothing here reads a clock or a random source of the machine.
 */
import type { AgentToMaster } from '@pronoia/mesos';
import { decodeJson, Resources } from '@pronoia/mesos';
import { type Clock, silentLogger } from '@pronoia/server';
import { callRefusal } from '../call-refusal.ts';
import { Conductor, type EventSink } from '../conductor.ts';
import { applyOperation, emptyRegistry } from '../registry-content.ts';
import { allowAll } from '../security/acls.ts';
import { createState, type MasterOptions } from '../state.ts';
import { SimulatedAgent } from './agent.ts';
import type { Link, LinkEnd, Surroundings } from './link.ts';
import { SimulatedScheduler } from './scheduler.ts';

/** mulberry32: small, fast, and the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Planned {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

export interface WorldOptions {
  readonly seed: number;
  readonly agents: number;
  readonly schedulers: number;
  readonly master?: Partial<MasterOptions>;
}

const masterOptions: MasterOptions = {
  allocationIntervalMs: 1000,
  agentPingTimeoutMs: 15_000,
  maxAgentPingTimeouts: 5,
  agentReregisterTimeoutMs: 600_000,
  agentRemovalSpacingMs: 0,
  offerTimeoutMs: 30_000,
  maxCompletedFrameworks: 50,
  maxCompletedTasksPerFramework: 1000,
  maxUnreachableTasksPerFramework: 1000,
  maxOperatorStreams: 10,
  heartbeatIntervalMs: 15_000,
  authorize: allowAll,
  domain: undefined,
  requireAgentDomain: false,
  publishPerFrameworkMetrics: true,
  rootSubmissions: true,
  roles: undefined,
  allocator: { minAllocatable: [new Map([['cpus', 10]]), new Map([['mem', 32_000]])] },
};

export class World implements Surroundings {
  readonly random: () => number;
  readonly agents: SimulatedAgent[] = [];
  readonly schedulers: SimulatedScheduler[] = [];
  /** Task ids that any agent was ever told to run. */
  readonly launched = new Set<string>();
  readonly faults: string[] = [];
  readonly #options: WorldOptions;
  readonly #registry = emptyRegistry();
  #nowMs = 1_700_000_000_000;
  #order = 0;
  #planned: Planned[] = [];
  #master: Conductor | undefined;
  #masters = 0;
  #streams = 0;
  /** Streams of the running master: how to break each from the master's end. */
  readonly #links = new Map<string, { break(): void }>();
  areFaultsOn = true;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = seeded(options.seed);
    this.startMaster();
    for (let i = 0; i < options.agents; i++) this.agents.push(new SimulatedAgent(this, i));
    for (let i = 0; i < options.schedulers; i++) this.schedulers.push(new SimulatedScheduler(this, i));
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get master(): Conductor | undefined {
    return this.#master;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  plan(delayMs: number, run: () => void): { cancel(): void } {
    const planned: Planned = { dueMs: this.#nowMs + Math.max(0, Math.round(delayMs)), order: this.#order++, run, isCancelled: false };
    // Kept as a heap by due time, then order.
    let at = this.#planned.push(planned) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(planned, this.#planned[parent] as Planned)) break;
      this.#planned[at] = this.#planned[parent] as Planned;
      at = parent;
    }
    this.#planned[at] = planned;
    return {
      cancel: () => {
        planned.isCancelled = true;
      },
    };
  }

  /** Runs until `ms` have passed, checking what must hold after every event. */
  advance(ms: number, check: () => void = () => {}): void {
    const until = this.#nowMs + ms;
    for (let next = this.#planned[0]; next !== undefined && next.dueMs <= until; next = this.#planned[0]) {
      this.#pop();
      if (next.isCancelled) continue;
      this.#nowMs = next.dueMs;
      next.run();
      check();
    }
    this.#nowMs = until;
  }

  #pop(): void {
    const last = this.#planned.pop();
    if (last === undefined || this.#planned.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#planned.length) break;
      if (child + 1 < this.#planned.length && isBefore(this.#planned[child + 1] as Planned, this.#planned[child] as Planned)) child++;
      if (!isBefore(this.#planned[child] as Planned, last)) break;
      this.#planned[at] = this.#planned[child] as Planned;
      at = child;
    }
    this.#planned[at] = last;
  }

  // The master

  startMaster(): void {
    if (this.#master !== undefined) return;
    const id = `master${this.#masters++}`;
    const clock: Clock = { now: () => this.#nowMs, monotonic: () => this.#nowMs, setTimer: (delayMs, run) => this.plan(delayMs, run) };
    const state = createState({ id, ip: 0, port: 5050, version: '1.11.0' }, { ...masterOptions, ...this.#options.master }, this.#nowMs);
    for (const [agentId, info] of this.#registry.agents) state.recoveredAgents.set(agentId, info);
    for (const [agentId, atMs] of this.#registry.unreachable) state.unreachableAgents.set(agentId, atMs);
    const conductor: Conductor = new Conductor({
      state,
      clock,
      random: this.random,
      log: silentLogger,
      soon: (run) => void this.plan(0, run),
      onFailure: (error) => {
        throw error;
      },
      registry: {
        apply: (operation, done) => {
          this.plan(this.between(1, 20), () => {
            if (this.#master !== conductor) return;
            applyOperation(this.#registry, operation);
            done();
          });
        },
      },
    });
    this.#master = conductor;
    conductor.start(this.#registry.frameworks.values());
  }

  /** kill −9: what it had in mind is gone, every stream breaks. */
  crashMaster(): void {
    const master = this.#master;
    if (master === undefined) return;
    this.#master = undefined;
    for (const link of new Map(this.#links).values()) link.break();
    this.#links.clear();
    master.stop();
  }

  // Links

  /** Opens a stream; `undefined` when no master listens. The first message opens it, as in the protocol. */
  connect(kind: 'agent' | 'scheduler', first: string, ip: string, end: LinkEnd): Link | undefined {
    const master = this.#master;
    if (master === undefined) return undefined;
    const streamId = `s${this.#streams++}`;
    let isUp = true;
    let toMasterMs = this.#nowMs;
    let fromMasterMs = this.#nowMs;
    const isCurrent = (): boolean => this.#master === master;
    const deliverToMaster = (run: () => void): void => {
      toMasterMs = Math.max(toMasterMs, this.#nowMs + this.between(1, 50));
      this.plan(toMasterMs - this.#nowMs, () => {
        if (isUp && isCurrent()) run();
      });
    };
    const hangUp = (): void => {
      if (!isUp) return;
      isUp = false;
      this.#links.delete(streamId);
      // Each end notices in its own time.
      this.plan(this.between(1, 100), () => end.closed());
      this.plan(this.between(1, 100), () => {
        if (!isCurrent()) return;
        if (kind === 'agent') master.agentClosed(streamId);
        else master.schedulerClosed(streamId);
      });
    };
    const sink: EventSink = {
      format: 'json',
      write: (record): void => {
        const json = String(record);
        fromMasterMs = Math.max(fromMasterMs, this.#nowMs + this.between(1, 50));
        this.plan(fromMasterMs - this.#nowMs, () => {
          if (isUp) end.receive(json);
        });
      },
      close: (): void => {
        // What was written before is still delivered.
        this.plan(Math.max(fromMasterMs - this.#nowMs, 0) + 1, hangUp);
      },
    };
    deliverToMaster(() => {
      if (kind === 'agent') {
        const message = JSON.parse(first) as Extract<AgentToMaster, { type: 'REGISTER' | 'REREGISTER' }>;
        master.attachAgent(streamId, sink);
        master.dispatch({ kind: 'agent_register', streamId, ip, message });
      } else {
        const call = decodeJson('SchedulerCall', first);
        const refusal = callRefusal(master.state, call, undefined);
        if (refusal !== undefined || call.type !== 'SUBSCRIBE') throw new Error(`a subscription was refused: ${refusal?.message}`);
        master.attachScheduler(streamId, sink);
        master.dispatch({ kind: 'scheduler_subscribe', streamId, call });
      }
    });
    this.#links.set(streamId, { break: hangUp });
    return {
      send: (json) => {
        deliverToMaster(() => {
          if (kind === 'agent') {
            if (!master.hasAgentStream(streamId)) return;
            master.dispatch({
              kind: 'agent_report',
              streamId,
              message: JSON.parse(json) as Exclude<AgentToMaster, { type: 'REGISTER' | 'REREGISTER' }>,
            });
            return;
          }
          const call = decodeJson('SchedulerCall', json);
          if (call.type === 'SUBSCRIBE' || callRefusal(master.state, call, streamId) !== undefined || call.framework_id === undefined)
            return;
          master.dispatch({ kind: 'scheduler_call', frameworkId: call.framework_id.value, call });
        });
      },
      close: hangUp,
    };
  }

  /** Breaks one link that is open now. */
  breakSomeLink(): void {
    const links = [...this.#links.values()];
    links[this.between(0, links.length - 1)]?.break();
  }

  // What must hold

  /** After every event: no agent has more given away than it has. */
  checkAccounts(): void {
    const state = this.#master?.state;
    if (state === undefined) return;
    for (const agent of state.agents.values()) {
      let sum = state.allocator.freeOn(agent.id);
      for (const held of state.allocator.heldOn(agent.id).values()) sum = sum.plus(held.unallocated);
      if (!sum.equals(agent.total))
        throw new Error(`agent ${agent.id} has ${agent.total.toString()} but free and held make ${sum.toString()}`);
      let used = Resources.empty;
      for (const tasks of agent.tasks.values()) for (const entry of tasks.values()) if (!entry.isFreed) used = used.plus(entry.resources);
      for (const id of agent.offers) used = used.plus(state.offers.get(id)?.resources ?? Resources.empty);
      let held = Resources.empty;
      for (const part of state.allocator.heldOn(agent.id).values()) held = held.plus(part);
      if (!used.equals(held))
        throw new Error(`agent ${agent.id}: tasks and offers hold ${used.toString()}, the allocator says ${held.toString()}`);
    }
  }
}

const isBefore = (a: Planned, b: Planned): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
