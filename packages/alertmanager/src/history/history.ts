/** What happens to alerts as events in the log: each change once, however often it is seen. */
import type { Acknowledgement } from '../acknowledgement.ts';
import type { Alert } from '../alert.ts';
import { apiTime } from '../alert.ts';
import type { Group } from '../dispatcher.ts';
import { type Silence, silenceState } from '../silence.ts';
import type { HistoryLog } from './log.ts';
import type { Delivery, Observer, Suppression } from './observer.ts';

export class History implements Observer {
  readonly #log: HistoryLog;
  /** What the last flush of a group has left out, by fingerprint. */
  readonly #suppressedByGroup = new WeakMap<Group, ReadonlyMap<string, string>>();

  constructor(log: HistoryLog) {
    this.#log = log;
  }

  fired(alert: Alert, atMs: number): void {
    const { fingerprint, identity, annotationsJson } = alert;
    // By hand: fifty thousand alerts may begin in a few seconds.
    this.#log.append(
      () =>
        `{"atMs":${atMs},"event":"firing","alerts":["${fingerprint}"],"startsAt":"${apiTime(alert.startsAt)}","annotations":${annotationsJson}}`,
      [identity],
    );
  }

  resolved(alert: Alert, atMs: number): void {
    const { fingerprint, identity } = alert;
    this.#log.append(
      () => `{"atMs":${atMs},"event":"resolved","alerts":["${fingerprint}"],"endsAt":"${apiTime(alert.endsAt)}"}`,
      [identity],
    );
  }

  flushed(group: Group, suppressed: readonly Suppression[], atMs: number): void {
    const before = this.#suppressedByGroup.get(group);
    if (before === undefined && suppressed.length === 0) return;
    const now = new Map<string, string>();
    const news = new Map<string, Suppression[]>();
    for (const one of suppressed) {
      const why = `${one.reason} ${one.by.join(' ')}`;
      now.set(one.alert.fingerprint, why);
      if (before?.get(one.alert.fingerprint) === why) continue;
      const list = news.get(why);
      if (list === undefined) news.set(why, [one]);
      else list.push(one);
    }
    this.#suppressedByGroup.set(group, now);
    const place = { receiver: group.route.options.receiver, groupKey: group.key };
    for (const list of news.values()) {
      const { reason, by } = list[0] as Suppression;
      const alerts = list.map(({ alert }) => alert.fingerprint);
      this.#log.append(
        { atMs, event: 'suppressed', ...place, reason, by, alerts },
        list.map(({ alert }) => alert.identity),
      );
    }
    const freed = [...(before?.keys() ?? [])].flatMap((fingerprint) => {
      const alert = now.has(fingerprint) ? undefined : group.alertsByFingerprint.get(fingerprint);
      return alert === undefined || alert.isResolvedAt(atMs) ? [] : [alert.identity];
    });
    if (freed.length > 0)
      this.#log.append({ atMs, event: 'unsuppressed', ...place, alerts: freed.map(({ fingerprint }) => fingerprint) }, freed);
  }

  delivered(delivery: Delivery): void {
    const { group, receiver, integration, index, reason, alerts, nowMs, attempts, attemptCount, isDelivered } = delivery;
    const resolved = alerts.filter((alert) => alert.isResolvedAt(nowMs)).map(({ fingerprint }) => fingerprint);
    const last = attempts.at(-1);
    this.#log.append(
      {
        atMs: last === undefined ? nowMs : last.atMs + last.durationMs,
        event: isDelivered ? 'notified' : 'notification failed',
        receiver,
        integration,
        index,
        groupKey: group.key,
        reason,
        alerts: alerts.map(({ fingerprint }) => fingerprint),
        resolved,
        attemptCount,
        attempts: attempts.map(({ atMs, durationMs, error }) => ({
          at: new Date(atMs).toISOString(),
          durationMs: Math.round(durationMs),
          ...(error === undefined ? {} : { error }),
        })),
      },
      alerts.map(({ identity }) => identity),
    );
  }

  silenced(silence: Silence, atMs: number): void {
    this.#log.append({
      atMs,
      event: `silence ${silenceState(silence, atMs)}`,
      silenceID: silence.id,
      by: silence.createdBy,
      comment: silence.comment,
      startsAt: new Date(silence.startsAtMs).toISOString(),
      endsAt: new Date(silence.endsAtMs).toISOString(),
      matchers: silence.matchers.map(String),
    });
  }

  acknowledged({ fingerprint, by, comment, isWithdrawn }: Acknowledgement, atMs: number): void {
    this.#log.append({
      atMs,
      event: isWithdrawn === true ? 'acknowledgement withdrawn' : 'acknowledged',
      alerts: [fingerprint],
      by,
      comment,
    });
  }
}
