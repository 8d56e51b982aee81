/**
 * When alerts begin and end. A sender repeats an alert that fires again and again and may never report its end, so beginnings are seen as
 * alerts come, ends as they come or when their time has passed.
 */
import type { Clock, Timer } from '@pronoia/server';
import type { Alert } from '../alert.ts';
import type { AlertStore } from '../alert-store.ts';
import type { AlertIdentity } from '../identity.ts';
import { Slice } from '../turns.ts';
import type { Observer } from './observer.ts';

const sweepIntervalMs = 10_000;

export class Lives {
  readonly #clock: Clock;
  readonly #store: AlertStore;
  readonly #observer: Observer;
  readonly #firing = new Set<AlertIdentity>();
  readonly #unsubscribe: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, store: AlertStore, observer: Observer) {
    this.#clock = clock;
    this.#store = store;
    this.#observer = observer;
    this.#unsubscribe = store.subscribe((alert) => this.see(alert));
    this.#arm();
  }

  see(alert: Alert): void {
    const nowMs = this.#clock.now();
    const isFiring = !alert.isResolvedAt(nowMs);
    if (this.#firing.has(alert.identity) === isFiring) return;
    if (isFiring) {
      this.#firing.add(alert.identity);
      this.#observer.fired(alert, nowMs);
    } else {
      this.#firing.delete(alert.identity);
      this.#observer.resolved(alert, nowMs);
    }
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(sweepIntervalMs, () => {
      void this.#sweep().then(() => {
        if (this.#timer !== undefined) this.#arm();
      });
    });
  }

  /** Ends that nobody reported. */
  async #sweep(): Promise<void> {
    const slice = new Slice();
    let count = 0;
    for (const identity of this.#firing) {
      const alert = this.#store.get(identity.fingerprint);
      if (alert === undefined) this.#firing.delete(identity);
      else if (alert.isResolvedAt(this.#clock.now())) this.see(alert);
      if ((++count & 1023) === 0 && slice.isOver()) await slice.next();
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#unsubscribe();
  }
}
