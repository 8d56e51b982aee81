/**
 * A watch that survives its connection: it remembers the next revision it wants and opens the stream again elsewhere. etcd is silent
 * when nothing changes, so a silent stream is checked: when its member cannot speak for the cluster, the watch moves on.
 */
import { type Clock, sleep } from '../clock.ts';
import { errors } from './errors.ts';
import { type KeyValue, keyValueOf, type WireKeyValue } from './key-value.ts';
import { type Post, postStream, TransportError } from './transport.ts';

export interface WatchOptions {
  readonly prefix?: boolean;
  /** First revision to report: one more than that of the read that the watch continues. */
  readonly startRevision: number;
  /** After so long without a word the member is asked whether it is still part of the cluster; default 5000. */
  readonly idleCheckMs?: number;
  readonly signal?: AbortSignal;
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a deleted key: only `key` and `modRevision` mean something. */
  readonly kv: KeyValue;
}

export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

interface Connection {
  readonly clock: Clock;
  readonly post: (path: string, body: object, signal: AbortSignal) => Promise<Post>;
  readonly moveOn: (endpoint: string) => void;
  readonly isAlive: (endpoint: string, signal: AbortSignal) => Promise<boolean>;
}

interface WireWatch {
  readonly result?: {
    readonly header?: { readonly revision?: string };
    readonly created?: boolean;
    readonly canceled?: boolean;
    readonly cancel_reason?: string;
    readonly compact_revision?: string;
    readonly events?: readonly { readonly type?: string; readonly kv?: WireKeyValue }[];
  };
}

const retryMs = 200;

export async function* watch(
  connection: Connection,
  range: object,
  options: WatchOptions & { signal: AbortSignal },
): AsyncGenerator<WatchBatch, void, void> {
  let nextRevision = options.startRevision;
  while (!options.signal.aborted) {
    const stream = new AbortController();
    const signal = AbortSignal.any([options.signal, stream.signal]);
    let endpoint = '';
    let idle = idleCheck(connection, () => endpoint, stream, options.idleCheckMs ?? 5000);
    try {
      const create = { create_request: { ...range, start_revision: String(nextRevision) } };
      const post = await connection.post('/v3/watch', create, signal);
      endpoint = post.endpoint;
      for await (const message of postStream(post)) {
        idle.cancel();
        idle = idleCheck(connection, () => endpoint, stream, options.idleCheckMs ?? 5000);
        const result = (message as WireWatch).result;
        if (result === undefined) break;
        const compactRevision = Number(result.compact_revision ?? 0);
        if (compactRevision > 0) throw errors.fail('etcd_compacted', { revision: nextRevision, compactRevision });
        if (result.canceled === true) break;
        const events = (result.events ?? []).map(
          (event): WatchEvent => ({
            type: event.type === 'DELETE' ? 'delete' : 'put',
            kv: keyValueOf(event.kv ?? {}),
          }),
        );
        if (events.length === 0) continue;
        const revision = Math.max(...events.map((event) => event.kv.modRevision));
        nextRevision = revision + 1;
        yield { revision, events };
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
    } finally {
      idle.cancel();
      stream.abort(new Error('the watch moved on'));
    }
    if (options.signal.aborted) return;
    connection.moveOn(endpoint);
    await sleep(connection.clock, retryMs, options.signal).catch(() => {});
  }
}

/** Asks every so often whether the silent stream's member is alive; ends the stream when it is not. */
function idleCheck(connection: Connection, endpoint: () => string, stream: AbortController, afterMs: number): { cancel(): void } {
  let cancelled = false;
  const check = async (): Promise<void> => {
    const alive = await connection.isAlive(endpoint(), stream.signal);
    if (cancelled) return;
    if (alive) timer = connection.clock.setTimer(afterMs, () => void check());
    else stream.abort(new Error('the member fell silent'));
  };
  let timer = connection.clock.setTimer(afterMs, () => void check());
  return {
    cancel: () => {
      cancelled = true;
      timer.cancel();
    },
  };
}
