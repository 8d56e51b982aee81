/**
 * etcd between members: whoever wants to send writes its claim there first, and only one claim of a place can be. What was sent lies
 * beside it for some minutes. So members that cannot see each other, but see etcd, do not tell the same twice. When etcd does not
 * answer in time, nothing is decided here, and the members go on by what they know of each other.
 */
import { createHash } from 'node:crypto';
import type { Counter } from '@pronoia/client';
import type { Clock, EtcdClient, Logger, Timer } from '@pronoia/server';
import { decodeEntry, encodeEntry, type LogEntry } from '../nflog.ts';

export interface ArbiterOptions {
  readonly client: EtcdClient;
  /** Begins with a slash, ends without one. */
  readonly prefix: string;
  readonly self: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly unanswered: Counter;
}

export interface Ruling {
  readonly claim: 'mine' | 'theirs' | 'undecided';
  /** What was last told there, as far as etcd still knows. */
  readonly record: LogEntry | undefined;
}

/** A claim outlives its member by so much. etcd grants no less than one and a half of its election timeouts. */
const claimTtlSeconds = 2;
const renewMs = 500;
/** Records are for members that miss them for a while; after this they have heard them, or the cut is no passing one. */
const recordTtlSeconds = 900;
const recordLeaseMs = 300_000;

export class EtcdArbiter {
  readonly #options: ArbiterOptions;
  #claimLease: string | undefined;
  #claimUntilMs = 0;
  #recordLease: string | undefined;
  #recordLeaseAtMs = 0;
  #renewing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isStopped = false;
  #isDown = false;

  constructor(options: ArbiterOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#renew();
    this.#arm();
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimer(renewMs, () => {
      void this.#renew().then(() => {
        if (!this.#isStopped) this.#arm();
      });
    });
  }

  /** One at a time. Never throws: without a lease there are no rulings. */
  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { client, clock } = this.#options;
    const sentAtMs = clock.monotonic();
    try {
      if (this.#claimLease !== undefined) {
        const { ttlSeconds } = await client.keepLeaseAlive(this.#claimLease);
        this.#claimUntilMs = sentAtMs + ttlSeconds * 1000;
      } else {
        const { leaseId, ttlSeconds } = await client.grantLease(claimTtlSeconds);
        this.#claimLease = leaseId;
        this.#claimUntilMs = sentAtMs + ttlSeconds * 1000;
      }
      if (this.#recordLease === undefined || sentAtMs - this.#recordLeaseAtMs > recordLeaseMs) {
        this.#recordLease = (await client.grantLease(recordTtlSeconds)).leaseId;
        this.#recordLeaseAtMs = sentAtMs;
      }
      this.#answered();
    } catch (error) {
      if (clock.monotonic() > this.#claimUntilMs) this.#claimLease = undefined;
      this.#failed(error);
    }
  }

  async claim(place: string): Promise<Ruling> {
    const { client, clock, prefix, self } = this.#options;
    const key = keyOf(place);
    const record = `${prefix}/alertmanager/records/${key}`;
    const claim = `${prefix}/alertmanager/claims/${key}`;
    if (this.#claimLease === undefined || clock.monotonic() > this.#claimUntilMs) await this.#renew();
    if (this.#claimLease === undefined) return { claim: 'undecided', record: undefined };
    try {
      const { succeeded, gets } = await client.txn({
        compare: [{ key: claim, createRevision: 0 }],
        success: [{ put: claim, value: self, leaseId: this.#claimLease }, { get: record }],
        failure: [{ get: claim }, { get: record }],
      });
      this.#answered();
      const holder = succeeded ? self : gets[0]?.[0]?.value.toString();
      const told = gets.at(-1)?.[0]?.value;
      return { claim: holder === self ? 'mine' : 'theirs', record: told === undefined ? undefined : decodeEntry(told) };
    } catch (error) {
      this.#failed(error);
      return { claim: 'undecided', record: undefined };
    }
  }

  /** Frees the place, and leaves what was told there. Nobody else writes there meanwhile, or the claim has run out and theirs stands. */
  async release(place: string, entry: LogEntry | undefined): Promise<void> {
    const { client, prefix, self } = this.#options;
    const key = keyOf(place);
    const claim = `${prefix}/alertmanager/claims/${key}`;
    const put = { put: `${prefix}/alertmanager/records/${key}`, value: entry === undefined ? '' : encodeEntry(entry) };
    try {
      await client.txn({
        compare: [{ key: claim, value: self }],
        success: [
          ...(entry === undefined ? [] : [this.#recordLease === undefined ? put : { ...put, leaseId: this.#recordLease }]),
          { delete: claim },
        ],
      });
    } catch (error) {
      // The claim ends with its lease at the latest when this member does, or is taken up again by it.
      this.#failed(error);
    }
  }

  #answered(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#options.log.info({}, 'etcd answers again');
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    this.#options.unanswered.inc(1);
    if (this.#isDown) return;
    this.#isDown = true;
    this.#options.log.warn({ err: error }, 'etcd does not answer: the members of the cluster go on by what they know of each other');
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#renewing;
    if (this.#claimLease !== undefined) await this.#options.client.revokeLease(this.#claimLease).catch(() => {});
    this.#options.client.close();
  }
}

/** Places hold any text; etcd's keys stay short. */
function keyOf(place: string): string {
  return createHash('sha256').update(place).digest('hex');
}
