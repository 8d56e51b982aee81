/**
 * Who leads: the process that holds one key in etcd under a lease. Two promises:
 *
 * - **A leader that is in doubt is none.** From the moment a renewal was sent it counts the lease's time on its own monotonic clock, less a
 *   fifth for clocks that run unequally; when no later renewal came through by then, `isLeader` is false at once (it is computed, not
 *   set by a timer that may be late) and the term ends. Others can be elected only after the whole lease ran out in etcd.
 * - **A leader that was wrong about it harms nothing.** Every write of a term is a transaction that compares the create revision of the
 *   leader's key (`term.txn`): it fails once the key is gone or another's. So a process that was stopped and woken cannot write.
 *
 * Everybody, candidate or not, learns of each leader by `onLeader`.
 */
import { type Clock, sleep, systemClock } from '../clock.ts';
import { type Logger, silentLogger } from '../log.ts';
import type { Compare, EtcdClient, Operation, TxnResult } from './client.ts';
import { errors } from './errors.ts';
import type { KeyValue } from './key-value.ts';

export interface ElectionOptions {
  readonly client: EtcdClient;
  /** The leader's key, `/pronoia/master/leader` say. */
  readonly key: string;
  /** What the leader says of itself (its address), asked each time it stands. Undefined: an observer that never stands. */
  readonly candidate?: () => string;
  /** How long a dead leader keeps its place; default 10 s. etcd has a minimum (about 1.5 election timeouts). */
  readonly ttlSeconds?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** This process leads until `term.ended` fires. */
  readonly onElected?: (term: Term) => void;
  /** Somebody leads (perhaps we), or nobody does. */
  readonly onLeader?: (leader: Leader | undefined) => void;
}

export interface Leader {
  readonly value: string;
  /** Grows with every new term. */
  readonly createRevision: number;
}

/** One time of leading, from being elected to the end. */
export class Term {
  readonly key: string;
  readonly createRevision: number;
  /** Fires when the term is over, whatever the reason. */
  readonly ended: AbortSignal;
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #end = new AbortController();
  #certainUntilMs: number;

  constructor(options: { key: string; createRevision: number; client: EtcdClient; clock: Clock; certainUntilMs: number }) {
    this.key = options.key;
    this.createRevision = options.createRevision;
    this.ended = this.#end.signal;
    this.#client = options.client;
    this.#clock = options.clock;
    this.#certainUntilMs = options.certainUntilMs;
  }

  /** True only while no other process can have been elected. */
  get isLeader(): boolean {
    return !this.ended.aborted && this.#clock.monotonic() < this.#certainUntilMs;
  }

  /** Monotonic milliseconds at which the doubt begins. */
  get certainUntilMs(): number {
    return this.#certainUntilMs;
  }

  /** The fence: add it to the compares of every write. */
  get fence(): Compare {
    return { key: this.key, createRevision: this.createRevision };
  }

  /** Writes, fenced. Throws `not_leader` (and ends the term) when this process leads no more. */
  async txn(operations: readonly Operation[], compare: readonly Compare[] = []): Promise<TxnResult> {
    if (!this.isLeader) throw errors.fail('not_leader', { key: this.key });
    const fenced = { compare: [this.fence, ...compare], success: operations, failure: [{ get: this.key }] as const, signal: this.ended };
    const result = await this.#client.txn(fenced);
    if (!result.succeeded && result.gets[0]?.[0]?.createRevision !== this.createRevision) {
      this.end('another process leads');
      throw errors.fail('not_leader', { key: this.key });
    }
    return result;
  }

  renewed(certainUntilMs: number): void {
    this.#certainUntilMs = Math.max(this.#certainUntilMs, certainUntilMs);
  }

  end(reason: string): void {
    if (!this.ended.aborted) this.#end.abort(new Error(reason));
  }
}

/** Share of the lease that is not trusted: clocks may run at different speed, and stopping takes a moment. */
const doubtShare = 0.2;

export class Election {
  readonly #options: ElectionOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  #term: Term | undefined;
  #leader: Leader | undefined;
  #lastRevision = 0;
  #told = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLogger;
  }

  /** Our term, while it lasts beyond doubt. */
  get term(): Term | undefined {
    return this.#term?.isLeader === true ? this.#term : undefined;
  }

  /** Who leads as far as this process knows. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  /** Begins; returns at once. What etcd refuses or fails is logged and tried again. */
  start(): void {
    this.#running = this.#run();
  }

  /** Steps down (the next leader need not wait for the lease to run out) and forgets everything. */
  async stop(): Promise<void> {
    this.#endTerm('stopped');
    this.#stopped.abort(new Error('the election was stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const signal = this.#stopped.signal;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ err: error, key: this.#options.key }, 'The election lost its etcd; trying again');
        await sleep(this.#clock, 500, signal).catch(() => {});
      }
    }
  }

  /** Reads the key, waits until it is free, then stands for it. Returns to begin anew; throws when etcd is lost. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { client, key, candidate } = this.#options;
    const { kvs, revision } = await client.range(key, { signal });
    this.#see(kvs[0]);
    let free = kvs[0] === undefined;
    if (!free || candidate === undefined) {
      for await (const batch of client.watch(key, { startRevision: revision + 1, signal })) {
        const last = batch.events.at(-1);
        this.#see(last?.type === 'put' ? last.kv : undefined);
        free = last?.type === 'delete';
        if (free && candidate !== undefined) break;
      }
    }
    if (free && candidate !== undefined) await this.#stand(candidate(), signal);
  }

  async #stand(candidate: string, signal: AbortSignal): Promise<void> {
    const { client, key } = this.#options;
    const sentMs = this.#clock.monotonic();
    const { leaseId, ttlSeconds } = await client.grantLease(this.#options.ttlSeconds ?? 10, { signal });
    try {
      const put = { put: key, value: candidate, leaseId };
      const result = await client.txn({ compare: [{ key, createRevision: 0 }], success: [put], signal });
      if (result.succeeded) {
        const certainUntilMs = sentMs + ttlSeconds * 1000 * (1 - doubtShare);
        const term = new Term({ key, createRevision: result.revision, client, clock: this.#clock, certainUntilMs });
        await this.#lead(term, { candidate, leaseId, ttlSeconds, signal });
      }
    } finally {
      // Lost, over, or sent and never answered (our key may stand there): with the lease goes the key.
      await client
        .revokeLease(leaseId)
        .catch((error: unknown) => this.#log.warn({ err: error }, 'The lease was not given back; it runs out'));
    }
  }

  async #lead(
    term: Term,
    { candidate, leaseId, ttlSeconds, signal }: { candidate: string; leaseId: string; ttlSeconds: number; signal: AbortSignal },
  ): Promise<void> {
    const { client } = this.#options;
    this.#term = term;
    this.#lastRevision = term.createRevision;
    this.#log.info({ key: term.key, createRevision: term.createRevision }, 'Elected');
    this.#setLeader({ value: candidate, createRevision: term.createRevision });
    this.#options.onElected?.(term);
    const doubt = this.#armDoubt(term);
    try {
      while (term.isLeader) {
        await sleep(this.#clock, (ttlSeconds * 1000) / 5, AbortSignal.any([signal, term.ended])).catch(() => {});
        if (!term.isLeader) break;
        const sentMs = this.#clock.monotonic();
        try {
          const renewed = await client.keepLeaseAlive(leaseId, { signal: AbortSignal.any([signal, term.ended]) });
          term.renewed(sentMs + renewed.ttlSeconds * 1000 * (1 - doubtShare));
        } catch (error) {
          if ((error as { code?: string }).code === 'etcd_lease_gone') this.#endTerm('the lease ran out');
          else if (!term.ended.aborted) this.#log.warn({ err: error }, 'The lease could not be renewed; trying again');
        }
      }
    } finally {
      doubt.cancel();
      this.#endTerm('the lease could not be renewed in time');
    }
  }

  /** Ends the term when its certainty runs out, although a renewal may still hang. */
  #armDoubt(term: Term): { cancel(): void } {
    const arm = (): ReturnType<Clock['setTimer']> =>
      this.#clock.setTimer(term.certainUntilMs - this.#clock.monotonic(), () => {
        if (term.ended.aborted) return;
        if (term.isLeader) timer = arm();
        else if (this.#term === term) this.#endTerm('the lease could not be renewed in time');
      });
    let timer = arm();
    return { cancel: () => timer.cancel() };
  }

  #endTerm(reason: string): void {
    const term = this.#term;
    if (term === undefined) return;
    this.#term = undefined;
    this.#log.warn({ key: term.key, reason }, 'No longer leading');
    term.end(reason);
    this.#setLeader(undefined);
  }

  #see(kv: KeyValue | undefined): void {
    // Our own key of a term that we ended in doubt: it stands until its lease runs out, and nobody leads.
    const past = this.#term === undefined && kv?.createRevision === this.#lastRevision;
    this.#setLeader(kv === undefined || past ? undefined : { value: kv.value.toString(), createRevision: kv.createRevision });
  }

  #setLeader(leader: Leader | undefined): void {
    if (this.#told && this.#leader?.createRevision === leader?.createRevision) return;
    this.#told = true;
    this.#leader = leader;
    this.#options.onLeader?.(leader);
  }
}
