/**
 * All alerts, in memory: those who send them repeat them, so nothing is written to disk. Subscribers are told of each stored alert in
 * the order in which it came.
 */
import type { Alert } from './alert.ts';

export interface AlertStoreOptions {
  /** More alerts of one name than this are dropped; 0 for no limit. */
  readonly perNameLimit: number;
}

export class AlertStore {
  readonly #options: AlertStoreOptions;
  readonly #byFingerprint = new Map<string, Alert>();
  readonly #countByName = new Map<string, number>();
  /** Fingerprints of all alerts; in order when `#isSorted`. */
  #order: string[] = [];
  #isSorted = true;
  readonly #subscribers = new Set<(alert: Alert) => void>();

  constructor(options: AlertStoreOptions = { perNameLimit: 0 }) {
    this.#options = options;
  }

  get size(): number {
    return this.#byFingerprint.size;
  }

  get(fingerprint: string): Alert | undefined {
    return this.#byFingerprint.get(fingerprint);
  }

  all(): IterableIterator<Alert> {
    return this.#byFingerprint.values();
  }

  /** A list of its own, by fingerprint: the API's order. Sorts only what came since it was last asked. */
  sorted(): Alert[] {
    if (!this.#isSorted) {
      // Default order: UTF-16 units, which for hexadecimal digits is byte order.
      this.#order.sort();
      this.#isSorted = true;
    }
    return this.#order.map((fingerprint) => this.#byFingerprint.get(fingerprint) as Alert);
  }

  subscribe(onAlert: (alert: Alert) => void): () => void {
    this.#subscribers.add(onAlert);
    return () => this.#subscribers.delete(onAlert);
  }

  /** Merges with what is known. Returns how many were dropped for the limit. */
  put(alerts: Iterable<Alert>, nowMs: number): number {
    let dropped = 0;
    for (const alert of alerts) {
      const old = this.#byFingerprint.get(alert.fingerprint);
      if (old === undefined) {
        const count = this.#countByName.get(alert.name) ?? 0;
        if (this.#options.perNameLimit > 0 && count >= this.#options.perNameLimit) {
          dropped++;
          continue;
        }
        this.#countByName.set(alert.name, count + 1);
        this.#order.push(alert.fingerprint);
        this.#isSorted = false;
      }
      const stored = old !== undefined && old.overlaps(alert) ? old.merge(alert, nowMs) : alert;
      this.#byFingerprint.set(stored.fingerprint, stored);
      for (const tell of this.#subscribers) tell(stored);
    }
    return dropped;
  }

  /** Forgets what is resolved. */
  collectGarbage(nowMs: number): void {
    const sizeBefore = this.#byFingerprint.size;
    for (const [fingerprint, alert] of this.#byFingerprint) {
      if (!alert.isResolvedAt(nowMs)) continue;
      this.#byFingerprint.delete(fingerprint);
      const left = (this.#countByName.get(alert.name) ?? 1) - 1;
      if (left > 0) this.#countByName.set(alert.name, left);
      else this.#countByName.delete(alert.name);
    }
    if (this.#byFingerprint.size < sizeBefore) this.#order = this.#order.filter((fingerprint) => this.#byFingerprint.has(fingerprint));
  }
}
