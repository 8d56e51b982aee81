/**
 * A thin client of etcd 3 over its JSON gateway: read, write, transactions, watches, leases. It knows several endpoints and moves
 * on when one fails: a read is repeated elsewhere, a write only when it certainly did not happen (`etcd_unsure` otherwise, and
 * whoever wrote knows best what then). etcd numbers every change; revisions fit a `number`, lease ids (64 bits) stay strings.
 * The wire: etcd docs, "gRPC gateway" and api/etcdserverpb/rpc.proto; bytes are base64, 64-bit integers are JSON strings.
 */
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { type Clock, systemClock } from '../clock.ts';
import { CodedError } from '../errors.ts';
import { errors } from './errors.ts';
import { type KeyValue, keyValueOf, type WireKeyValue } from './key-value.ts';
import { type EtcdTls, type Post, postUnary, TransportError } from './transport.ts';
import { type WatchBatch, type WatchOptions, watch } from './watch.ts';

export interface EtcdOptions {
  /** `http://host:port` of each member; tried in this order, from the last one that answered. */
  readonly endpoints: readonly string[];
  /** How long one endpoint may take over one unary call; default 3000. */
  readonly timeoutMs?: number;
  /** For an etcd with authentication. */
  readonly username?: string;
  readonly password?: string;
  readonly tls?: EtcdTls;
  readonly clock?: Clock;
}

export interface RangeOptions {
  /** All keys that begin with `key`. */
  readonly prefix?: boolean;
  readonly limit?: number;
  /** The store as it was at this revision. */
  readonly revision?: number;
  /** Begin after this key (paging). */
  readonly after?: string;
  /** From the member's own copy, without asking its peers: faster, perhaps stale. */
  readonly serializable?: boolean;
  readonly signal?: AbortSignal;
}

export interface RangeResult {
  readonly kvs: KeyValue[];
  readonly revision: number;
  readonly more: boolean;
}

export type Compare =
  | { readonly key: string; readonly createRevision: number }
  | { readonly key: string; readonly modRevision: number }
  | { readonly key: string; readonly value: string | Uint8Array };

export type Operation =
  | { readonly put: string; readonly value: string | Uint8Array; readonly leaseId?: string }
  | { readonly delete: string; readonly prefix?: boolean }
  | { readonly get: string; readonly prefix?: boolean };

export interface Txn {
  /** All must hold (equality); a key that does not exist has createRevision and modRevision 0. */
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure?: readonly Operation[];
  readonly signal?: AbortSignal;
}

export interface TxnResult {
  readonly succeeded: boolean;
  readonly revision: number;
  /** What the `get`s of the branch that ran found, in their order. */
  readonly gets: KeyValue[][];
}

export class EtcdClient {
  readonly endpoints: readonly string[];
  readonly #options: EtcdOptions;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #agent: Agent;
  readonly #tlsAgent: TlsAgent;
  readonly #closed = new AbortController();
  #current = 0;
  #token: string | undefined;

  constructor(options: EtcdOptions) {
    this.endpoints = options.endpoints.map((endpoint) => endpoint.replace(/\/+$/, ''));
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? 3000;
    this.#agent = new Agent({ keepAlive: true });
    this.#tlsAgent = new TlsAgent({ keepAlive: true });
  }

  async range(key: string, options: RangeOptions = {}): Promise<RangeResult> {
    const first = options.after === undefined ? key : `${options.after}\0`;
    const body = {
      key: encode(first),
      ...(options.prefix === true ? { range_end: encodePrefixEnd(key) } : {}),
      ...(options.limit === undefined ? {} : { limit: String(options.limit) }),
      ...(options.revision === undefined ? {} : { revision: String(options.revision) }),
      ...(options.serializable === true ? { serializable: true } : {}),
    };
    const answer = (await this.#call('/v3/kv/range', body, 'read', options.signal)) as WireRange;
    return { kvs: (answer.kvs ?? []).map(keyValueOf), revision: revisionOf(answer), more: answer.more === true };
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<KeyValue | undefined> {
    return (await this.range(key, options)).kvs[0];
  }

  /** Every key under the prefix as of one revision, read in pages, so that no answer grows beyond a few megabytes. */
  async readAll(prefix: string, pageSize = 500): Promise<{ kvs: KeyValue[]; revision: number }> {
    const first = await this.range(prefix, { prefix: true, limit: pageSize });
    const kvs = first.kvs;
    for (let more = first.more; more; ) {
      const after = kvs.at(-1)?.key ?? prefix;
      const page = await this.range(prefix, { prefix: true, limit: pageSize, after, revision: first.revision });
      kvs.push(...page.kvs);
      more = page.more;
    }
    return { kvs, revision: first.revision };
  }

  async put(
    key: string,
    value: string | Uint8Array,
    options: { leaseId?: string; signal?: AbortSignal } = {},
  ): Promise<{ revision: number }> {
    const body = { key: encode(key), value: encode(value), ...(options.leaseId === undefined ? {} : { lease: options.leaseId }) };
    return { revision: revisionOf((await this.#call('/v3/kv/put', body, 'write', options.signal)) as WireAnswer) };
  }

  async delete(key: string, options: { prefix?: boolean; signal?: AbortSignal } = {}): Promise<{ deleted: number; revision: number }> {
    const answer = (await this.#call('/v3/kv/deleterange', deleteBody(key, options.prefix), 'write', options.signal)) as WireAnswer & {
      deleted?: string;
    };
    return { deleted: Number(answer.deleted ?? 0), revision: revisionOf(answer) };
  }

  /** etcd takes at most 128 operations and about 1.5 MB in one (its flags --max-txn-ops, --max-request-bytes). */
  async txn(txn: Txn): Promise<TxnResult> {
    const body = {
      compare: txn.compare.map(compareBody),
      success: txn.success.map(operationBody),
      failure: (txn.failure ?? []).map(operationBody),
    };
    const reads = [...txn.success, ...(txn.failure ?? [])].every((operation) => 'get' in operation);
    const answer = (await this.#call('/v3/kv/txn', body, reads ? 'read' : 'write', txn.signal)) as WireTxn;
    const gets = (answer.responses ?? []).flatMap((one) =>
      one.response_range === undefined ? [] : [(one.response_range.kvs ?? []).map(keyValueOf)],
    );
    return { succeeded: answer.succeeded === true, revision: revisionOf(answer), gets };
  }

  /** The server may grant more than was asked (its minimum follows from its election timeout). */
  async grantLease(ttlSeconds: number, options: { signal?: AbortSignal } = {}): Promise<{ leaseId: string; ttlSeconds: number }> {
    // A grant without an answer leaves a lease that nobody keeps; it ends by itself. So trying elsewhere is safe.
    const answer = (await this.#call('/v3/lease/grant', { TTL: String(ttlSeconds) }, 'read', options.signal)) as {
      ID?: string;
      TTL?: string;
    };
    return { leaseId: answer.ID ?? '0', ttlSeconds: Number(answer.TTL ?? ttlSeconds) };
  }

  /** Renews once and says for how long from the moment of sending. Throws `etcd_lease_gone` when it has ended. */
  async keepLeaseAlive(leaseId: string, options: { signal?: AbortSignal } = {}): Promise<{ ttlSeconds: number }> {
    const answer = (await this.#call('/v3/lease/keepalive', { ID: leaseId }, 'read', options.signal)) as { result?: { TTL?: string } };
    const ttlSeconds = Number(answer.result?.TTL ?? 0);
    if (!(ttlSeconds > 0)) throw errors.fail('etcd_lease_gone', { leaseId });
    return { ttlSeconds };
  }

  /** Ends the lease and deletes the keys that it holds. No error when it is gone already. */
  async revokeLease(leaseId: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    try {
      await this.#call('/v3/lease/revoke', { ID: leaseId }, 'read', options.signal);
    } catch (error) {
      if (!(error instanceof CodedError && /lease not found/.test(error.message))) throw error;
    }
  }

  /**
   * Changes of a key (or of all keys under a prefix) in order, without a gap or a repetition, across reconnections and endpoints.
   * Ends when the signal fires; throws `etcd_compacted` when etcd no longer has the revision to go on from.
   */
  watch(key: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, void> {
    const signal = AbortSignal.any([this.#closed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    return watch(
      {
        clock: this.#clock,
        post: async (path, body, abort) => ({ ...this.#post(this.#endpoint, path, body, abort), token: await this.#authenticate(abort) }),
        moveOn: (endpoint) => this.#moveOn(endpoint),
        isAlive: (endpoint, abort) => this.#isAlive(endpoint, abort),
      },
      { key: encode(key), ...(options.prefix === true ? { range_end: encodePrefixEnd(key) } : {}) },
      { ...options, signal },
    );
  }

  /** Ends watches and connections; calls under way fail. */
  close(): void {
    this.#closed.abort(new Error('the etcd client was closed'));
    this.#agent.destroy();
    this.#tlsAgent.destroy();
  }

  get #endpoint(): string {
    return this.endpoints[this.#current % this.endpoints.length] ?? '';
  }

  #moveOn(from: string): void {
    if (this.#endpoint === from) this.#current = (this.#current + 1) % this.endpoints.length;
  }

  #post(endpoint: string, path: string, body: object, signal: AbortSignal): Post {
    const agent = endpoint.startsWith('https:') ? this.#tlsAgent : this.#agent;
    return { endpoint, path, body, agent, tls: this.#options.tls ?? {}, token: this.#token, signal };
  }

  /** One attempt at one endpoint, within the time limit. */
  async #attempt(endpoint: string, path: string, body: object, signal: AbortSignal | undefined): Promise<unknown> {
    const limit = new AbortController();
    const timer = this.#clock.setTimer(this.#timeoutMs, () => limit.abort(new Error(`no answer within ${this.#timeoutMs} ms`)));
    const abort = AbortSignal.any([limit.signal, this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      return await postUnary(this.#post(endpoint, path, body, abort));
    } finally {
      timer.cancel();
    }
  }

  async #call(path: string, body: object, kind: 'read' | 'write', signal?: AbortSignal): Promise<unknown> {
    if (this.#options.username !== undefined && this.#token === undefined) await this.#authenticate(signal);
    const reasons: string[] = [];
    for (let attempt = 0; attempt < Math.max(2, this.endpoints.length); attempt++) {
      const endpoint = this.#endpoint;
      try {
        return await this.#attempt(endpoint, path, body, signal);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        signal?.throwIfAborted();
        if (error.status === 401 && /token/.test(error.message) && this.#token !== undefined) {
          this.#token = undefined;
          await this.#authenticate(signal);
          continue;
        }
        // A refusal that every member would repeat is an answer; one that says "not now" is worth another member.
        if (error.rejected && error.status < 500) throw errors.fail('etcd_refused', { endpoint, reason: error.message }, error);
        this.#moveOn(endpoint);
        if (kind === 'write' && error.sent && !error.rejected) throw errors.fail('etcd_unsure', { endpoint, reason: error.message }, error);
        reasons.push(error.message);
      }
    }
    throw errors.fail('etcd_unreachable', { endpoints: this.endpoints, reason: [...new Set(reasons)].join('; ') });
  }

  async #authenticate(signal?: AbortSignal): Promise<string | undefined> {
    const { username, password } = this.#options;
    if (username === undefined || this.#token !== undefined) return this.#token;
    for (const endpoint of this.endpoints) {
      try {
        const answer = (await this.#attempt(endpoint, '/v3/auth/authenticate', { name: username, password: password ?? '' }, signal)) as {
          token?: string;
        };
        this.#token = answer.token;
        return this.#token;
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        if (error.rejected) throw errors.fail('etcd_refused', { endpoint, reason: error.message }, error);
      }
    }
    throw errors.fail('etcd_unreachable', { endpoints: this.endpoints, reason: 'authentication was not answered' });
  }

  /** Whether this member can still speak for the cluster: a read that needs its peers. */
  async #isAlive(endpoint: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#attempt(endpoint, '/v3/kv/range', { key: encode('\0'), count_only: true }, signal);
      return true;
    } catch (error) {
      // A refusal (permission, say) is a sign of life too.
      return error instanceof TransportError && error.rejected && error.status < 500;
    }
  }
}

interface WireAnswer {
  readonly header?: { readonly revision?: string };
}
interface WireRange extends WireAnswer {
  readonly kvs?: readonly WireKeyValue[];
  readonly more?: boolean;
}
interface WireTxn extends WireAnswer {
  readonly succeeded?: boolean;
  readonly responses?: readonly { readonly response_range?: WireRange }[];
}
function revisionOf(answer: WireAnswer): number {
  return Number(answer.header?.revision ?? 0);
}

function encode(value: string | Uint8Array): string {
  return Buffer.from(value as Uint8Array).toString('base64');
}

/** The first key after all that begin with the prefix: its last byte plus one (etcd clientv3 GetPrefixRangeEnd). */
function encodePrefixEnd(prefix: string): string {
  const bytes = Buffer.from(prefix);
  for (let i = bytes.length - 1; i >= 0; i--) {
    const byte = bytes[i] ?? 0;
    if (byte < 0xff) return Buffer.concat([bytes.subarray(0, i), Buffer.of(byte + 1)]).toString('base64');
  }
  return encode('\0');
}

function deleteBody(key: string, prefix: boolean | undefined): object {
  return { key: encode(key), ...(prefix === true ? { range_end: encodePrefixEnd(key) } : {}) };
}

function compareBody(compare: Compare): object {
  const key = encode(compare.key);
  if ('createRevision' in compare) return { key, target: 'CREATE', result: 'EQUAL', create_revision: String(compare.createRevision) };
  if ('modRevision' in compare) return { key, target: 'MOD', result: 'EQUAL', mod_revision: String(compare.modRevision) };
  return { key, target: 'VALUE', result: 'EQUAL', value: encode(compare.value) };
}

function operationBody(operation: Operation): object {
  if ('put' in operation) {
    const lease = operation.leaseId === undefined ? {} : { lease: operation.leaseId };
    return { request_put: { key: encode(operation.put), value: encode(operation.value), ...lease } };
  }
  if ('delete' in operation) return { request_delete_range: deleteBody(operation.delete, operation.prefix) };
  return { request_range: deleteBody(operation.get, operation.prefix) };
}
