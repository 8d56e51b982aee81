/** What happens to alerts, for whoever keeps a record of it. Observers must return at once and must not throw. */
import type { Acknowledgement } from '../acknowledgement.ts';
import type { Alert } from '../alert.ts';
import type { Group } from '../dispatcher.ts';
import type { NotificationReason } from '../notify/integration.ts';
import type { Silence } from '../silence.ts';

export type SuppressedReason = 'inhibition' | 'silence' | 'mute_time_interval' | 'active_time_interval';

export interface Suppression {
  readonly alert: Alert;
  readonly reason: SuppressedReason;
  /** Fingerprints of sources, ids of silences, names of intervals. */
  readonly by: readonly string[];
}

export interface Attempt {
  readonly atMs: number;
  readonly durationMs: number;
  /** What the receiver answered, or why there was no answer. None: it took the notification. */
  readonly error?: string;
}

export interface Delivery {
  readonly group: Group;
  readonly receiver: string;
  readonly integration: string;
  readonly index: number;
  readonly reason: NotificationReason;
  readonly alerts: readonly Alert[];
  readonly nowMs: number;
  /** The first and the last ones; `attemptCount` says how many there were. */
  readonly attempts: readonly Attempt[];
  readonly attemptCount: number;
  readonly isDelivered: boolean;
}

export interface Observer {
  fired(alert: Alert, atMs: number): void;
  resolved(alert: Alert, atMs: number): void;
  /** A flush has left these out, and would tell the others. */
  flushed(group: Group, suppressed: readonly Suppression[], atMs: number): void;
  delivered(delivery: Delivery): void;
  silenced(silence: Silence, atMs: number): void;
  acknowledged(acknowledgement: Acknowledgement, atMs: number): void;
}

/** Tells each of them. */
export function observeWith(observers: readonly Observer[]): Observer {
  return {
    fired: (...args) => observers.forEach((one) => one.fired(...args)),
    resolved: (...args) => observers.forEach((one) => one.resolved(...args)),
    flushed: (...args) => observers.forEach((one) => one.flushed(...args)),
    delivered: (...args) => observers.forEach((one) => one.delivered(...args)),
    silenced: (...args) => observers.forEach((one) => one.silenced(...args)),
    acknowledged: (...args) => observers.forEach((one) => one.acknowledged(...args)),
  };
}
