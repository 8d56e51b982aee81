/**
 * All alerts, in memory: those who send them repeat them, so nothing is written to disk. Subscribers are told of each stored alert in
 * the order in which it came.
 */
import { Alert } from './alert.ts';
import type { AlertIdentity } from './identity.ts';

export interface AlertStoreOptions {
  /** More alerts of one name than this are dropped; 0 for no limit. */
  readonly perNameLimit: number;
}

/** `known` is what was stored before. */
export type OnAlert = (alert: Alert, known: Alert | undefined) => void;

/** Fingerprints by their first two digits: one bucket is sorted in no time, so the whole is walked in order without holding the loop. */
interface Bucket {
  fingerprints: string[];
  isSorted: boolean;
}

const bucketCount = 256;

export class AlertStore {
  readonly #options: AlertStoreOptions;
  /** The alert itself is `current` of its identity: a report of a known one touches no map here. */
  readonly #byFingerprint = new Map<string, AlertIdentity>();
  /** Identities by the text in which their sender writes the label set. */
  readonly #identityByText = new Map<string, AlertIdentity>();
  readonly #countByName = new Map<string, number>();
  readonly #buckets: readonly Bucket[] = Array.from({ length: bucketCount }, () => ({ fingerprints: [], isSorted: true }));
  readonly #subscribers = new Set<OnAlert>();

  constructor(options: AlertStoreOptions = { perNameLimit: 0 }) {
    this.#options = options;
  }

  get size(): number {
    return this.#byFingerprint.size;
  }

  get(fingerprint: string): Alert | undefined {
    return currentOf(this.#byFingerprint.get(fingerprint));
  }

  /** The alert whose label set came in this very text before. */
  knownBy(labelsText: string): Alert | undefined {
    return currentOf(this.#identityByText.get(labelsText));
  }

  *all(): IterableIterator<Alert> {
    for (const identity of this.#byFingerprint.values()) {
      const alert = currentOf(identity);
      if (alert !== undefined) yield alert;
    }
  }

  /** By fingerprint: the API's order. May be walked while alerts come and go: those that stay are each met once. */
  *sorted(): IterableIterator<Alert> {
    for (const bucket of this.#buckets) {
      if (!bucket.isSorted) {
        // Default order: UTF-16 units, which for hexadecimal digits is byte order.
        bucket.fingerprints.sort();
        bucket.isSorted = true;
      }
      // A list of its own, for the bucket may change while this waits to go on.
      const fingerprints = bucket.fingerprints.slice();
      for (const fingerprint of fingerprints) {
        const alert = this.get(fingerprint);
        if (alert !== undefined) yield alert;
      }
    }
  }

  subscribe(onAlert: OnAlert): () => void {
    this.#subscribers.add(onAlert);
    return () => this.#subscribers.delete(onAlert);
  }

  /** Merges with what is known. Returns how many were dropped for the limit. */
  put(alerts: Iterable<Alert>, nowMs: number): number {
    let dropped = 0;
    for (const alert of alerts) if (!this.#putOne(alert, nowMs)) dropped++;
    return dropped;
  }

  #putOne(alert: Alert, nowMs: number): boolean {
    const { identity } = alert;
    const { fingerprint } = identity;
    const old = currentOf(identity) ?? this.get(fingerprint);
    if (old === undefined) {
      const { name } = alert;
      const count = this.#countByName.get(name) ?? 0;
      if (this.#options.perNameLimit > 0 && count >= this.#options.perNameLimit) return false;
      this.#countByName.set(name, count + 1);
      const bucket = this.#buckets[Number.parseInt(fingerprint.slice(0, 2), 16)] as Bucket;
      bucket.fingerprints.push(fingerprint);
      bucket.isSorted = false;
      this.#identityByText.set(identity.text, identity);
      this.#byFingerprint.set(fingerprint, identity);
      this.#keep(alert, undefined);
      return true;
    }
    if (alert.identity !== old.identity && alert.identity.text !== old.identity.text) {
      // The same labels in another writing: the latest is the likeliest to come again.
      this.#identityByText.delete(old.identity.text);
      old.identity.text = alert.identity.text;
      this.#identityByText.set(old.identity.text, old.identity);
    }
    if (old.overlaps(alert)) this.#keep(old.merge(alert, nowMs), old);
    else this.#keep(alert.identity === old.identity ? alert : alert.with({ identity: old.identity }), old);
    return true;
  }

  #keep(alert: Alert, known: Alert | undefined): void {
    alert.identity.current = alert;
    for (const tell of this.#subscribers) tell(alert, known);
  }

  /** Forgets what is resolved. */
  collectGarbage(nowMs: number): void {
    const sizeBefore = this.#byFingerprint.size;
    for (const alert of this.all()) {
      if (!alert.isResolvedAt(nowMs)) continue;
      this.#byFingerprint.delete(alert.fingerprint);
      alert.identity.current = undefined;
      this.#identityByText.delete(alert.identity.text);
      const left = (this.#countByName.get(alert.name) ?? 1) - 1;
      if (left > 0) this.#countByName.set(alert.name, left);
      else this.#countByName.delete(alert.name);
    }
    if (this.#byFingerprint.size === sizeBefore) return;
    for (const bucket of this.#buckets)
      bucket.fingerprints = bucket.fingerprints.filter((fingerprint) => this.#byFingerprint.has(fingerprint));
  }
}

function currentOf(identity: AlertIdentity | undefined): Alert | undefined {
  return identity?.current instanceof Alert ? identity.current : undefined;
}
