/**
 * The registry in etcd (decision 12): a key for each thing that is remembered, under `<path>/registry/`,
 *
 *     agents/<id>  unreachable/<id>  gone/<id>  deactivated/<id>  weights/<role>  quotas/<role>  frameworks/<id>  maintenance
 *
 * so that an admission among 20,000 agents writes one of them and not all. Each write is a transaction with the fence of the leader's
 * term: a master that was replaced cannot write. What is asked while a write is under way goes into the next one.
 */
import {
  type AgentInfo,
  type DrainInfo,
  type FrameworkInfo,
  type MachineID,
  type MaintenanceSchedule,
  parseJson,
  type QuotaConfig,
  readMessage,
} from '@pronoia/mesos';
import { type Clock, type EtcdClient, type KeyValue, type Logger, type Operation, sleep, type Term } from '@pronoia/server';
import { type AgentRegistry, bigintAsNumber } from './conductor.ts';
import type { RegistryOperation } from './message.ts';
import { emptyRegistry, type RegistryContent } from './registry-content.ts';

/** Reads the whole registry as of one moment. The reader leads, so nobody writes meanwhile. */
export async function readRegistry(client: EtcdClient, path: string): Promise<{ content: RegistryContent; sizeBytes: number }> {
  const content = emptyRegistry();
  const root = `${path}/registry/`;
  let sizeBytes = 0;
  for (const kv of (await client.readAll(root)).kvs) {
    readKey(content, kv, root);
    sizeBytes += kv.key.length + kv.value.length;
  }
  return { content, sizeBytes };
}

function readKey(content: RegistryContent, kv: KeyValue, root: string): void {
  const [kind = '', name = ''] = kv.key.slice(root.length).split('/');
  const id = decodeURIComponent(name);
  const value = parseJson(kv.value.toString());
  switch (kind) {
    case 'agents':
      content.agents.set(id, readMessage('AgentInfo', value));
      return;
    case 'frameworks':
      content.frameworks.set(id, readMessage('FrameworkInfo', value));
      return;
    case 'unreachable':
    case 'gone':
    case 'weights':
      content[kind].set(id, value as number);
      return;
    case 'deactivated':
      content.deactivated.set(id, (value as { drain?: DrainInfo }).drain);
      return;
    case 'quotas':
      content.quotas.set(id, value as QuotaConfig);
      return;
    case 'maintenance': {
      const { schedule, down } = value as { schedule: MaintenanceSchedule; down: readonly MachineID[] };
      content.schedule = schedule;
      content.down = down;
      return;
    }
    default:
      // Of a later version: not ours to understand, nor to lose.
      return;
  }
}

type Value =
  | AgentInfo
  | FrameworkInfo
  | QuotaConfig
  | number
  | { drain?: DrainInfo }
  | { schedule: MaintenanceSchedule; down: readonly MachineID[] };

/** The keys that an operation changes; undefined deletes. The mirror of `readKey`, with the meaning of `applyOperation`. */
function* changesOf(operation: RegistryOperation): Generator<readonly [key: string, value: Value | undefined]> {
  switch (operation.kind) {
    case 'admit': {
      const id = operation.agent.id?.value ?? '';
      yield [`agents/${id}`, operation.agent];
      yield [`unreachable/${id}`, undefined];
      return;
    }
    case 'unreachable':
      yield [`agents/${operation.agentId}`, undefined];
      yield [`unreachable/${operation.agentId}`, operation.atMs];
      return;
    case 'remove':
      yield [`agents/${operation.agentId}`, undefined];
      yield [`deactivated/${operation.agentId}`, undefined];
      return;
    case 'gone':
      for (const kind of ['agents', 'unreachable', 'deactivated']) yield [`${kind}/${operation.agentId}`, undefined];
      yield [`gone/${operation.agentId}`, operation.atMs];
      return;
    case 'deactivate':
      yield [`deactivated/${operation.agentId}`, operation.drain === undefined ? {} : { drain: operation.drain }];
      return;
    case 'reactivate':
      yield [`deactivated/${operation.agentId}`, undefined];
      return;
    case 'weights':
      for (const [role, weight] of operation.weights) yield [`weights/${role}`, weight];
      return;
    case 'quota':
      for (const config of operation.configs) {
        const isDefault = config.guarantees === undefined && config.limits === undefined;
        yield [`quotas/${config.role}`, isDefault ? undefined : config];
      }
      return;
    case 'maintenance':
      yield ['maintenance', { schedule: operation.schedule, down: operation.down }];
      return;
    case 'framework':
      yield [`frameworks/${operation.info.id?.value ?? ''}`, operation.info];
      return;
    case 'framework_removed':
      yield [`frameworks/${operation.frameworkId}`, undefined];
      return;
  }
}

/** Below etcd's own limits of 128 operations and 1.5 MB a transaction (its base64 counts). */
const batchOperations = 120;
const batchBytes = 700_000;

interface Waiting {
  readonly changes: readonly (readonly [key: string, operation: Operation])[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class RegistryEtcd implements AgentRegistry {
  readonly #options: { term: Term; path: string; clock: Clock; log: Logger };
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(options: { term: Term; path: string; clock: Clock; log: Logger }) {
    this.#options = options;
  }

  /** How many wait for their write: what `registrar/queued_operations` shows. */
  get queued(): number {
    return this.#waiting.length;
  }

  apply(operation: RegistryOperation, done: () => void, failed: (error: unknown) => void): void {
    const root = `${this.#options.path}/registry/`;
    const changes = [...changesOf(operation)].map(([name, value]) => {
      const [kind, id] = split(name);
      const key = id === undefined ? `${root}${kind}` : `${root}${kind}/${encodeURIComponent(id)}`;
      const change: Operation = value === undefined ? { delete: key } : { put: key, value: JSON.stringify(value, bigintAsNumber) };
      return [key, change] as const;
    });
    this.#waiting.push({ changes, done, failed });
    if (this.#isWriting) return;
    this.#isWriting = true;
    void this.#write();
  }

  async #write(): Promise<void> {
    // After this turn of the loop: what is asked in the same breath shares the first write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const { batch, operations } = this.#takeBatch();
      try {
        await this.#commit(operations);
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#isWriting = false;
  }

  /** The next ones in order, as far as they fit. Of several changes of one key the last counts; etcd takes a key only once. */
  #takeBatch(): { batch: Waiting[]; operations: Operation[] } {
    const byKey = new Map<string, Operation>();
    let bytes = 0;
    let count = 0;
    for (const { changes } of this.#waiting) {
      const size = changes.reduce((sum, [, change]) => sum + ('put' in change ? change.value.length : 0), 0);
      if (count > 0 && (byKey.size + changes.length > batchOperations || bytes + size > batchBytes)) break;
      for (const [key, change] of changes) byKey.set(key, change);
      bytes += size;
      count++;
    }
    return { batch: this.#waiting.splice(0, count), operations: [...byKey.values()] };
  }

  /** Again and again until etcd took it or the term is over: only this leader writes, so a write that happened twice is as one. */
  async #commit(operations: readonly Operation[]): Promise<void> {
    const { term, clock, log } = this.#options;
    for (;;) {
      try {
        await term.txn(operations);
        return;
      } catch (error) {
        if (!term.isLeader) throw error;
        const { code } = error as { code?: string };
        if (code !== 'etcd_unsure' && code !== 'etcd_unreachable') throw error;
        log.warn({ err: error }, 'The registry could not be written; trying again');
        await sleep(clock, 100, term.ended);
      }
    }
  }
}

/** `kind/id`, where the id may hold slashes of its own (roles do). */
function split(name: string): [kind: string, id: string | undefined] {
  const slash = name.indexOf('/');
  return slash < 0 ? [name, undefined] : [name.slice(0, slash), name.slice(slash + 1)];
}
