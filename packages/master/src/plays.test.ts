/**
 * Runs plays/*.play: commands at the margin, what the master then says indented below. Adding a case needs no code; see plays/README.md.
 * `UPDATE_PLAYS=1` writes what was said into the files: read the difference before you commit it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type FrameworkInfo,
  type MasterToAgent,
  MessageError,
  parseAttributes,
  parseResources,
  Resources,
  readMessage,
  type SchedulerCall,
  type SchedulerEvent,
  type Task,
  type TaskState,
} from '@pronoia/mesos';
import { describe, expect, it } from 'vitest';
import { callRefusal } from './call-refusal.ts';
import type { Effect, MasterMessage } from './message.ts';
import { allowAll } from './security/acls.ts';
import { createState, type MasterOptions, type MasterState } from './state.ts';
import { step } from './step.ts';

const folder = fileURLToPath(new URL('../plays/', import.meta.url));

const defaults: MasterOptions = {
  allocationIntervalMs: 1000,
  agentPingTimeoutMs: 15_000,
  maxAgentPingTimeouts: 5,
  agentReregisterTimeoutMs: 600_000,
  agentRemovalSpacingMs: 0,
  offerTimeoutMs: undefined,
  maxCompletedFrameworks: 50,
  maxCompletedTasksPerFramework: 1000,
  maxUnreachableTasksPerFramework: 1000,
  maxOperatorStreams: 1000,
  heartbeatIntervalMs: 15_000,
  authorize: allowAll,
  domain: undefined,
  requireAgentDomain: false,
  publishPerFrameworkMetrics: true,
  rootSubmissions: true,
  roles: undefined,
  allocator: { minAllocatable: [new Map([['cpus', 10]]), new Map([['mem', 32_000]])] },
};

const masterId = '00000000-0000-4000-8000-000000000000';

class Stage {
  readonly state: MasterState;
  readonly #said: string[] = [];
  #nowMs = 0;
  #order = 0;
  #timers: { dueMs: number; order: number; message: MasterMessage }[] = [];
  #queue: MasterMessage[] = [];
  #streams = 0;
  readonly #operationUuids = new Map<string, string>();
  #uuids = 0;
  /** Stream by the player's name and back. */
  readonly #streamOf = new Map<string, string>();
  readonly #nameOf = new Map<string, string>();
  readonly #idOf = new Map<string, string>();
  readonly #infoOf = new Map<string, FrameworkInfo>();
  readonly #resourcesOf = new Map<string, string>();
  readonly #uuidOf = new Map<string, string>();
  #isQuiet = true;
  /** Agents that answer no pings. */
  readonly #silent = new Set<string>();

  constructor(options: Partial<MasterOptions> = {}) {
    this.state = createState({ id: masterId, ip: 0, port: 5050, version: '1.11.0' }, { ...defaults, ...options }, 0);
    this.#send({ kind: 'allocate', agents: 'all' });
  }

  play(line: string): string[] {
    this.#said.length = 0;
    const [verb = '', ...words] = line.split(/\s+/);
    this.#do(verb, words, line);
    return this.#said.map((text) => text.replaceAll(masterId, 'M'));
  }

  #do(verb: string, words: readonly string[], line: string): void {
    const [name = '', second = '', third = ''] = words;
    const rest = line.slice(line.indexOf(name, verb.length) + name.length).trim();
    switch (verb) {
      case 'heartbeats':
        this.#isQuiet = name !== 'shown';
        return;
      case 'agent':
      case 'agent-again':
        return this.#agent(verb, name, words.slice(1));
      case 'link-lost':
        return this.#send({ kind: 'agent_closed', streamId: this.#stream(name) });
      case 'unregister':
        return this.#report(name, { type: 'UNREGISTER' });
      case 'framework':
        return this.#framework(name, words.slice(1));
      case 'drop':
        return this.#send({ kind: 'scheduler_closed', streamId: this.#stream(name) });
      case 'ack-operation': {
        // ack-operation FRAMEWORK OPERATION AGENT: with the uuid of its last status
        const ack = {
          operation_id: { value: second },
          agent_id: { value: `${masterId}-${third}` },
          uuid: this.#operationUuids.get(second),
        };
        return this.#call(name, { type: 'ACKNOWLEDGE_OPERATION_STATUS', acknowledge_operation_status: ack });
      }
      case 'call':
        return this.#call(name, JSON.parse(rest));
      case 'launch': {
        // launch FRAMEWORK OFFER TASK=RESOURCES …
        const tasks = words.slice(2).map((word) => {
          const [task, amounts] = [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)];
          const offer = this.state.offers.get(this.#full(second));
          return {
            name: task,
            task_id: { value: task },
            agent_id: { value: offer?.agentId ?? 'nowhere' },
            resources: parseResources(amounts),
            command: { value: 'true' },
          };
        });
        return this.#call(name, {
          type: 'ACCEPT',
          accept: { offer_ids: [{ value: this.#full(second) }], operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }] },
        });
      }
      case 'decline':
        return this.#call(name, {
          type: 'DECLINE',
          decline: { offer_ids: [{ value: this.#full(second) }], ...(third === '' ? {} : { filters: { refuse_seconds: Number(third) } }) },
        });
      case 'kill':
        return this.#call(name, { type: 'KILL', kill: { task_id: { value: second } } });
      case 'ack':
        return this.#call(name, {
          type: 'ACKNOWLEDGE',
          acknowledge: {
            agent_id: { value: this.#idOf.get(third) ?? third },
            task_id: { value: second },
            uuid: words[3] === undefined ? this.#uuidOf.get(second) : uuid(Number(words[3])),
          },
        });
      case 'reconcile':
        return this.#call(name, {
          type: 'RECONCILE',
          reconcile: {
            tasks: words.slice(1).map((word) => {
              const [task = '', agent] = word.split('@');
              return { task_id: { value: task }, ...(agent === undefined ? {} : { agent_id: { value: this.#idOf.get(agent) ?? agent } }) };
            }),
          },
        });
      case 'teardown':
      case 'revive':
      case 'suppress':
        return this.#call(name, { type: verb.toUpperCase() });
      case 'update': {
        // update AGENT FRAMEWORK TASK STATE [LATEST]
        const [, , , state = '', latest = state] = words;
        const id = uuid(++this.#uuids);
        this.#uuidOf.set(third, id);
        return this.#report(name, {
          type: 'UPDATE',
          framework_id: { value: this.#idOf.get(second) },
          latest_state: `TASK_${latest}`,
          status: { task_id: { value: third }, state: `TASK_${state}`, source: 'SOURCE_EXECUTOR', uuid: id, timestamp: this.#nowMs / 1000 },
        });
      }
      case 'pong':
        this.#silent.delete(name);
        return this.#report(name, { type: 'PONG' });
      case 'silent':
        this.#silent.add(name);
        return;
      case 'operator': {
        const streamId = this.#newStream(name);
        return this.#send({ kind: 'operator_subscribe', streamId });
      }
      case 'operate': {
        const call = readMessage('MasterCall', JSON.parse(line.slice(verb.length).replaceAll('"M-', `"${masterId}-`)));
        if (call.type === 'RESERVE_RESOURCES') {
          const operation = { type: 'RESERVE', reserve: call.reserve_resources } as const;
          return this.#send({
            kind: 'operator_convert',
            principal: undefined,
            requestId: 'r',
            agentId: call.reserve_resources.agent_id.value,
            operation,
          });
        }
        return this.#send({
          kind: 'operator_call',
          requestId: 'r',
          call: call as Extract<MasterMessage, { kind: 'operator_call' }>['call'],
        });
      }
      case 'wait':
        return this.#wait(duration(name));
      case 'show':
        return this.#show();
      default:
        throw new Error(`no such command: ${line}`);
    }
  }

  #agent(verb: string, name: string, words: readonly string[]): void {
    const streamId = this.#newStream(name);
    const option = (key: string): string | undefined => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
    const [first = ''] = words;
    if (verb === 'agent') this.#resourcesOf.set(name, first);
    const resources = parseResources(this.#resourcesOf.get(name) ?? '');
    const features = words.includes('plain') ? [] : (['CHECKPOINTED_RESOURCES', 'TASK_GROUPS'] as const);
    const known = this.#idOf.get(name);
    const agentInfo = {
      hostname: option('hostname') ?? name,
      port: Number(option('port') ?? 5051),
      resources,
      attributes: parseAttributes(option('attributes') ?? ''),
      ...(verb === 'agent' || known === undefined ? {} : { id: { value: option('id') ?? known } }),
    };
    const ip = option('ip') ?? `10.0.0.${name.charCodeAt(0) - 96}`;
    if (verb === 'agent') {
      return this.#send({
        kind: 'agent_register',
        streamId,
        ip,
        message: { type: 'REGISTER', agent_info: agentInfo, version: '1.11.0', resources, features },
      });
    }
    // TASK=STATE@FRAMEWORK:RESOURCES
    const tasks = words
      .filter((word) => /^[\w.]+=[A-Z]+@/.test(word))
      .map((word): Task => {
        const found = /^([\w.]+)=([A-Z]+)@([\w-]+):(.*)$/.exec(word);
        const [, task = '', state = '', framework = '', amounts = ''] = found ?? [];
        return {
          name: task,
          task_id: { value: task },
          framework_id: { value: this.#idOf.get(framework) ?? framework },
          agent_id: { value: known ?? '' },
          state: `TASK_${state}` as TaskState,
          resources: parseResources(amounts).map((resource) => ({ ...resource, allocation_info: { role: '*' } })),
        };
      });
    const frameworks = [...new Set(tasks.map((task) => task.framework_id.value))].map(
      (id): FrameworkInfo => ({ ...(this.#infoOf.get(id) ?? { user: 'u', name: id }), id: { value: id } }),
    );
    this.#send({
      kind: 'agent_register',
      streamId,
      ip,
      message: {
        type: 'REREGISTER',
        agent_info: agentInfo,
        version: '1.11.0',
        resources,
        features,
        held: { frameworks, executors: [], tasks },
      },
    });
  }

  #framework(name: string, words: readonly string[]): void {
    const option = (key: string): string | undefined => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
    const capabilities = (option('caps') ?? '').split(',').filter((word) => word !== '');
    const roles = option('roles')?.split(',');
    const id = words.includes('again') ? this.#idOf.get(name) : option('id');
    const info: FrameworkInfo = readMessage('FrameworkInfo', {
      user: option('user') ?? 'u',
      name,
      capabilities: [...capabilities, ...(roles === undefined ? [] : ['MULTI_ROLE'])].map((type) => ({ type })),
      ...(roles === undefined ? {} : { roles }),
      ...(option('role') === undefined ? {} : { role: option('role') }),
      ...(option('principal') === undefined ? {} : { principal: option('principal') }),
      ...(option('failover') === undefined ? {} : { failover_timeout: Number(option('failover')) }),
      ...(words.includes('checkpoint') ? { checkpoint: true } : {}),
      ...(id === undefined ? {} : { id: { value: id } }),
    });
    const call: SchedulerCall = {
      type: 'SUBSCRIBE',
      ...(id === undefined ? {} : { framework_id: { value: id } }),
      subscribe: { framework_info: info, suppressed_roles: option('suppressed')?.split(',') ?? [] },
    };
    const refusal = callRefusal(this.state, call, undefined);
    if (refusal !== undefined) {
      this.#said.push(`${refusal.status} ${refusal.message}`);
      return;
    }
    this.#send({ kind: 'scheduler_subscribe', streamId: this.#newStream(name), call });
    const given = this.#idOf.get(name);
    if (given !== undefined) this.#infoOf.set(given, info);
  }

  #call(name: string, value: object): void {
    try {
      const id = this.#idOf.get(name) ?? name;
      const call = readMessage('SchedulerCall', { framework_id: { value: id }, ...value });
      const refusal = callRefusal(this.state, call, this.#streamOf.get(name));
      if (refusal !== undefined) this.#said.push(`${refusal.status} ${refusal.message}`);
      else if (call.type !== 'SUBSCRIBE') this.#send({ kind: 'scheduler_call', frameworkId: id, call });
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#said.push(`${error.kind}: ${error.message}`);
    }
  }

  #report(name: string, message: object): void {
    this.#send({
      kind: 'agent_report',
      streamId: this.#stream(name),
      message: message as Extract<MasterMessage, { kind: 'agent_report' }>['message'],
    });
  }

  #wait(ms: number): void {
    const until = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.dueMs <= until).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = due.dueMs;
      this.#send(due.message);
    }
    this.#nowMs = until;
  }

  #show(): void {
    for (const agent of this.state.agents.values()) {
      this.#said.push(
        `agent ${agent.id}${agent.streamId === undefined ? ' disconnected' : ''} free ${this.state.allocator.freeOn(agent.id).toString() || 'nothing'}`,
      );
    }
    for (const [where, frameworks] of [
      ['framework', this.state.frameworks],
      ['completed', this.state.completedFrameworks],
    ] as const) {
      for (const framework of frameworks.values()) {
        const list = (entries: Iterable<{ id: string; task: { state: string } }>): string =>
          [...entries].map((entry) => `${entry.id}=${entry.task.state.slice(5)}`).join(' ');
        const parts = [
          framework.isRecovered ? 'recovered' : framework.streamId === undefined ? 'disconnected' : 'connected',
          `tasks [${list(framework.tasks.values())}]`,
          `unreachable [${list(framework.unreachableTasks.values())}]`,
          `completed [${list(framework.completedTasks)}]`,
          `offers [${[...framework.offers].join(' ')}]`,
        ];
        this.#said.push(`${where} ${framework.id} ${parts.join(' ')}`);
      }
    }
  }

  #newStream(name: string): string {
    const streamId = `stream-${++this.#streams}`;
    this.#streamOf.set(name, streamId);
    this.#nameOf.set(streamId, name);
    return streamId;
  }

  #stream(name: string): string {
    const streamId = this.#streamOf.get(name);
    if (streamId === undefined) throw new Error(`${name} never opened a stream`);
    return streamId;
  }

  #full(short: string): string {
    return short.replace(/^O/, `${masterId}-O`);
  }

  #send(message: MasterMessage): void {
    this.#queue.push(message);
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const effect of step(this.state, next, this.#nowMs, () => 0)) this.#perform(effect);
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'to_scheduler':
        return this.#toScheduler(this.#nameOf.get(effect.streamId) ?? effect.streamId, effect.event);
      case 'to_agent':
        return this.#toAgent(this.#nameOf.get(effect.streamId) ?? effect.streamId, effect.message);
      case 'to_operators':
        for (const streamId of this.state.operatorStreams) this.#said.push(`${this.#nameOf.get(streamId)} < ${effect.event.type}`);
        return;
      case 'to_operator':
        if (effect.event.type !== 'HEARTBEAT' || !this.#isQuiet)
          this.#said.push(`${this.#nameOf.get(effect.streamId)} < ${effect.event.type}`);
        return;
      case 'close_scheduler':
      case 'close_agent':
      case 'close_operator':
        this.#said.push(`${this.#nameOf.get(effect.streamId)} closed`);
        return;
      case 'timer':
        this.#timers.push({ dueMs: this.#nowMs + effect.afterMs, order: this.#order++, message: effect.message });
        return;
      case 'soon':
      case 'registry':
        // Frameworks are written down at each subscription: said nowhere, or it would be said everywhere.
        if (effect.kind === 'registry' && !effect.operation.kind.startsWith('framework'))
          this.#said.push(`registry ${effect.operation.kind}`);
        this.#queue.push(effect.message);
        return;
      case 'reply':
        this.#said.push(`${effect.status}${effect.message === '' ? '' : ` ${effect.message}`}`);
        return;
      case 'log':
        return;
    }
  }

  #toScheduler(name: string, event: SchedulerEvent): void {
    const say = (text: string): void => void this.#said.push(`${name} < ${text}`);
    switch (event.type) {
      case 'HEARTBEAT':
        if (!this.#isQuiet) say('HEARTBEAT');
        return;
      case 'SUBSCRIBED':
        this.#idOf.set(name, event.subscribed.framework_id.value);
        return say(`SUBSCRIBED ${event.subscribed.framework_id.value}`);
      case 'OFFERS':
        for (const offer of event.offers.offers ?? []) {
          const role = offer.allocation_info?.role;
          say(
            `OFFER ${offer.id.value.replace(`${masterId}-`, '')} ${offer.hostname}${offer.unavailability === undefined ? '' : ' (unavailable)'}${role === undefined ? '' : ` (${role})`} ${Resources.of(offer.resources).toString()}`,
          );
        }
        return;
      case 'RESCIND':
        return say(`RESCIND ${event.rescind.offer_id.value.replace(`${masterId}-`, '')}`);
      case 'UPDATE': {
        const { status } = event.update;
        const ours = status.source === 'SOURCE_MASTER' ? ` ${status.reason} "${status.message}"` : '';
        return say(`UPDATE ${status.task_id.value} ${status.state}${ours}${status.uuid === undefined ? '' : ' needs ack'}`);
      }
      case 'UPDATE_OPERATION_STATUS': {
        const { status } = event.update_operation_status;
        if (status.uuid !== undefined) this.#operationUuids.set(status.operation_id?.value ?? '', status.uuid.value);
        const marks = status.uuid === undefined ? '' : ' to be acknowledged';
        return say(
          `OPERATION ${status.operation_id?.value} ${status.state}${status.message === undefined ? '' : ` "${status.message}"`}${marks}`,
        );
      }
      case 'ERROR':
        return say(`ERROR "${event.error.message}"`);
      case 'FAILURE':
        return say(
          `FAILURE ${event.failure.agent_id?.value}${event.failure.executor_id === undefined ? '' : ` ${event.failure.executor_id.value}`}`,
        );
      case 'INVERSE_OFFERS':
        for (const inverse of event.inverse_offers.inverse_offers ?? []) {
          say(`INVERSE_OFFER ${inverse.id.value.replace(`${masterId}-`, '')} ${inverse.agent_id?.value}`);
        }
        return;
      case 'RESCIND_INVERSE_OFFER':
        return say(`RESCIND_INVERSE_OFFER ${event.rescind_inverse_offer.inverse_offer_id.value.replace(`${masterId}-`, '')}`);
      case 'MESSAGE':
        return say(event.type);
    }
  }

  #toAgent(name: string, message: MasterToAgent): void {
    const say = (text: string): void => void this.#said.push(`${name} < ${text}`);
    switch (message.type) {
      case 'REGISTERED':
      case 'REREGISTERED':
        this.#idOf.set(name, message.agent_id.value);
        return say(`${message.type} ${message.agent_id.value}`);
      case 'PING':
        if (!this.#isQuiet) say('PING');
        if (!this.#silent.has(name)) this.#queue.push({ kind: 'agent_report', streamId: this.#stream(name), message: { type: 'PONG' } });
        return;
      case 'RUN_TASK_GROUP':
        return say(`RUN_TASK_GROUP ${(message.run_task_group.task_group.tasks ?? []).map((task) => task.task_id.value).join(' ')}`);
      case 'CHECKPOINT_RESOURCES':
        this.#resourcesOf.set(name, JSON.stringify(message.resources));
        return say(`CHECKPOINT_RESOURCES ${Resources.of(message.resources).toString()}`);
      case 'RUN_TASK':
        return say(`RUN_TASK ${message.run_task.task.task_id.value}`);
      case 'KILL_TASK':
        return say(`KILL_TASK ${message.task_id.value}`);
      case 'ACKNOWLEDGE':
        return say(`ACKNOWLEDGE ${message.task_id.value}`);
      case 'SHUTDOWN_FRAMEWORK':
        return say(`SHUTDOWN_FRAMEWORK ${message.framework_id.value}`);
      case 'SHUTDOWN_EXECUTOR':
        return say(`SHUTDOWN_EXECUTOR ${message.executor_id.value}`);
      case 'FRAMEWORK_MESSAGE':
        return say(`FRAMEWORK_MESSAGE ${message.executor_id.value}`);
      case 'SHUTDOWN':
        return say(`SHUTDOWN "${message.message}"`);
    }
  }
}

function uuid(n: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(n, 12);
  return bytes.toString('base64');
}

function duration(text: string): number {
  const found = /^(\d+)(ms|s|min)$/.exec(text);
  if (found === null) throw new Error(`expected a duration such as 15s, found ${text}`);
  return Number(found[1]) * { ms: 1, s: 1000, min: 60_000 }[found[2] as 'ms' | 's' | 'min'];
}

/** The play as it went: comments and commands as written, with what was said in place of what was expected. */
function perform(text: string): string {
  const result: string[] = [];
  let stage = new Stage();
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('  ')) continue;
    result.push(line);
    if (line.startsWith('## ')) {
      const options = Object.fromEntries([...line.matchAll(/\[(\w+)=(\d+)\]/g)].map(([, key, value]) => [key as string, Number(value)]));
      stage = new Stage(options);
    }
    if (line === '' || line.startsWith('#')) continue;
    result.push(...stage.play(line).map((said) => `  ${said}`));
  }
  return `${result.join('\n')}\n`;
}

describe('plays', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.play'))) {
    const text = readFileSync(join(folder, file), 'utf8');
    const [head = '', ...acts] = text.split(/^(?=## )/m);
    if (process.env['UPDATE_PLAYS'] === '1') writeFileSync(join(folder, file), perform(text));
    for (const act of acts) {
      it(`${file}: ${act.slice(3, act.indexOf('\n'))}`, () => {
        expect(perform(head + act)).toBe((head + act).replace(/\n+$/, '\n'));
      });
    }
  }
});
