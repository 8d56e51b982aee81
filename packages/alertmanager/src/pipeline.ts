/**
 * From a flush to notifications: leave out what is inhibited or silenced, keep still in muted times, then for each integration of the
 * receiver, side by side: is there something new, send it with retries, write it down.
 */
import { type Clock, type Logger, sleep } from '@pronoia/server';
import type { Acknowledgements } from './acknowledgement.ts';
import type { Alert } from './alert.ts';
import type { Cluster } from './cluster/cluster.ts';
import { reasonToNotify, toTell } from './dedup.ts';
import { type Flush, FlushTimeout } from './dispatcher.ts';
import type { Attempt, Observer, SuppressedReason, Suppression } from './history/observer.ts';
import type { Inhibitor } from './inhibit.ts';
import type { NotificationMetrics } from './metrics.ts';
import { type LogEntry, type NotificationLog, placeKey } from './nflog.ts';
import { type Integration, type Notification, NotifyError, type ReceiverRuntime } from './notify/integration.ts';
import type { Silences } from './silence.ts';
import { containsTime, type TimeInterval } from './time-interval.ts';

export interface PipelineOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Of whom somebody has taken on: neither repeated nor passed on. */
  readonly acknowledgements?: Acknowledgements;
  /** Is told of every decision. */
  readonly observer?: Observer;
  readonly metrics: NotificationMetrics;
  readonly receivers: ReadonlyMap<string, ReceiverRuntime>;
  readonly inhibitor: Inhibitor;
  readonly silences: Silences;
  readonly notificationLog: NotificationLog;
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>;
  readonly retentionMs: number;
  /** 0…1, for the spread of retries. */
  readonly random: () => number;
  /** Of whom one sends; alone without it. */
  readonly cluster?: Cluster;
}

const firstRetryMs = 500;
const maxRetryMs = 60_000;

export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** True when the receiver knows all there is to know. */
  async run(flush: Flush): Promise<boolean> {
    const { receivers, inhibitor, silences, observer } = this.#options;
    const { group, nowMs } = flush;
    const suppressed: Suppression[] = [];
    let alerts = this.#without(flush.alerts, 'inhibition', (alert) => inhibitor.inhibitedBy(alert.labels, nowMs), suppressed);
    const muted = this.#mutedBy(flush);
    group.mutedBy = muted?.names ?? [];
    if (muted !== undefined) alerts = this.#without(alerts, muted.reason, () => muted.names, suppressed);
    alerts = this.#without(alerts, 'silence', (alert) => silences.silencedBy(alert.identity, nowMs), suppressed);
    observer?.flushed(group, suppressed, nowMs);
    if (alerts.length === 0) return true;
    const tell = (name: string, told: readonly Alert[]): Promise<boolean>[] => {
      const receiver = receivers.get(name);
      if (receiver === undefined || told.length === 0) return [];
      return receiver.integrations.map((integration) => this.#notifyInTurn(flush, told, receiver, integration));
    };
    const { receiver: first, escalate } = group.route.options;
    const results = await Promise.all([
      ...tell(first, alerts),
      ...escalate.flatMap((step) => tell(step.receiver, this.#escalated(flush, alerts, step))),
    ]);
    return !results.includes(false);
  }

  /** What a further receiver hears of: alerts that fire for so long and that nobody has acknowledged; and of these to their end. */
  #escalated({ group, nowMs }: Flush, alerts: readonly Alert[], step: { afterMs: number; receiver: string }): readonly Alert[] {
    const { receivers, notificationLog, acknowledgements } = this.#options;
    const told = new Set<bigint>();
    for (const { kind, index } of receivers.get(step.receiver)?.integrations ?? []) {
      const entry = notificationLog.get({ groupKey: group.key, receiver: step.receiver, integration: kind, index });
      for (const hash of entry?.firing ?? []) told.add(hash);
    }
    return alerts.filter((alert) => {
      if (told.has(alert.hash)) return true;
      if (alert.isResolvedAt(nowMs)) return false;
      return alert.startsAt.unixMs + step.afterMs <= nowMs && acknowledgements?.of(alert) === undefined;
    });
  }

  #without(
    alerts: readonly Alert[],
    reason: SuppressedReason,
    suppressedBy: (alert: Alert) => readonly string[],
    into: Suppression[],
  ): readonly Alert[] {
    const kept = alerts.filter((alert) => {
      const by = suppressedBy(alert);
      if (by.length > 0) into.push({ alert, reason, by });
      return by.length === 0;
    });
    if (kept.length < alerts.length) this.#options.metrics.suppressed.inc({ reason }, alerts.length - kept.length);
    return kept;
  }

  #mutedBy({ group, nowMs }: Flush): { reason: SuppressedReason; names: readonly string[] } | undefined {
    const { activeTimeIntervals, muteTimeIntervals } = group.route.options;
    const isIn = (name: string): boolean => (this.#options.timeIntervals.get(name) ?? []).some((interval) => containsTime(interval, nowMs));
    if (activeTimeIntervals.length > 0 && !activeTimeIntervals.some(isIn))
      return { reason: 'active_time_interval', names: activeTimeIntervals };
    const names = muteTimeIntervals.filter(isIn);
    return names.length > 0 ? { reason: 'mute_time_interval', names } : undefined;
  }

  /** While this member sends, the others of its cluster keep still; however it ends, they must know. */
  async #notifyInTurn(flush: Flush, alerts: readonly Alert[], receiver: ReceiverRuntime, integration: Integration): Promise<boolean> {
    try {
      return await this.#notify(flush, alerts, receiver, integration);
    } finally {
      const { key } = flush.group;
      this.#options.cluster?.release(
        key,
        placeKey({ groupKey: key, receiver: receiver.name, integration: integration.kind, index: integration.index }),
      );
    }
  }

  /** False: the flush failed for this integration, and the next one begins afresh. */
  async #notify(flush: Flush, alerts: readonly Alert[], receiver: ReceiverRuntime, integration: Integration): Promise<boolean> {
    const { notificationLog, retentionMs, log, cluster } = this.#options;
    const { group, nowMs } = flush;
    const { repeatIntervalMs } = group.route.options;
    const place = { groupKey: group.key, receiver: receiver.name, integration: integration.kind, index: integration.index };
    let entry = notificationLog.get(place);
    const told = toTell(alerts, nowMs);
    const why = () => reasonToNotify(entry, told, { sendResolved: integration.sendResolved, repeatIntervalMs, nowMs });
    let reason = why();
    if (reason === undefined) return true;
    // Somebody is at it: news are told, the old is not repeated.
    if (reason === 'repeat interval elapsed' && this.#areAcknowledged(alerts, nowMs)) return true;
    if (cluster !== undefined) {
      const before = entry;
      // A record that comes now is of this round: what it lacks, the member that wrote it tells in the next.
      const turn = await cluster.turn(group.key, placeKey(place), () => notificationLog.get(place) !== before, flush.signal);
      entry = notificationLog.get(place);
      reason = why();
      if (reason === undefined) return true;
      if (turn !== 'send') return false;
    }
    const sent = integration.sendResolved ? alerts : alerts.filter((alert) => !alert.isResolvedAt(nowMs));
    // Slack's thread and the like belong to one story: a first notification begins another.
    let receiverData = reason === 'first notification' ? {} : (entry?.receiverData ?? {});
    if (sent.length > 0) {
      // Before each further attempt: another member may have taken over and told.
      const mayRetry = async (): Promise<boolean> => {
        const before = entry;
        return (
          cluster === undefined ||
          (await cluster.turn(group.key, placeKey(place), () => notificationLog.get(place) !== before, flush.signal)) === 'send'
        );
      };
      const attempts = new Attempts();
      const outcome = await this.#send(integration, mayRetry, attempts, {
        alerts: sent,
        receiver: receiver.name,
        groupKey: group.key,
        groupLabels: group.labels,
        routeLabels: group.route.options.labels,
        reason,
        receiverData,
        nowMs,
        signal: flush.signal,
      });
      this.#options.observer?.delivered({
        group,
        receiver: receiver.name,
        integration: integration.kind,
        index: integration.index,
        reason,
        alerts: sent,
        nowMs,
        attempts: attempts.kept,
        attemptCount: attempts.count,
        isDelivered: outcome !== undefined,
      });
      if (outcome === undefined) return false;
      receiverData = outcome.receiverData ?? receiverData;
    }
    const record: LogEntry = {
      ...place,
      timestampMs: nowMs,
      ...told,
      receiverData,
      expiresAtMs: nowMs + Math.min(retentionMs, 2 * repeatIntervalMs),
    };
    cluster?.record(record, entry?.timestampMs ?? 0);
    try {
      notificationLog.record(record);
    } catch (error) {
      // It was told; after a restart it may be told once more.
      log.error({ err: error, receiver: receiver.name }, 'The notification was sent but could not be written down');
    }
    return true;
  }

  #areAcknowledged(alerts: readonly Alert[], nowMs: number): boolean {
    const { acknowledgements } = this.#options;
    return acknowledgements !== undefined && alerts.every((alert) => alert.isResolvedAt(nowMs) || acknowledgements.of(alert) !== undefined);
  }

  /** Attempts until one succeeds, fails for good, or the flush's time is over. Undefined: not told. */
  async #send(
    integration: Integration,
    mayRetry: () => Promise<boolean>,
    attempts: Attempts,
    notification: Notification,
  ): Promise<{ receiverData: Notification['receiverData'] | undefined } | undefined> {
    const { clock, metrics, log, random } = this.#options;
    const { signal, receiver } = notification;
    const labels = metrics.labelsOf(integration.kind, receiver);
    const seen = new Set<string>();
    let last: NotifyError | undefined;
    metrics.notifications.inc(labels);
    for (let attempt = 1; !signal.aborted; attempt++) {
      if (attempt > 1 && !(await mayRetry())) return undefined;
      const startedAt = clock.monotonic();
      const atMs = clock.now();
      metrics.requests.inc(labels);
      try {
        const receiverData = await integration.notify(notification);
        metrics.latency.observe(labels, (clock.monotonic() - startedAt) / 1000);
        attempts.add({ atMs, durationMs: clock.monotonic() - startedAt });
        const fields = {
          receiver,
          integration: `${integration.kind}[${integration.index}]`,
          attempts: attempt,
          aggrGroup: notification.groupKey,
        };
        if (attempt > 1) log.info(fields, 'Notify success');
        else log.debug(fields, 'Notify success');
        return { receiverData };
      } catch (error) {
        metrics.latency.observe(labels, (clock.monotonic() - startedAt) / 1000);
        metrics.requestsFailed.inc(labels);
        last = asNotifyError(error);
        attempts.add({ atMs, durationMs: clock.monotonic() - startedAt, error: last.message });
        if (!last.isRetryable) break;
        if (!seen.has(last.message) && !signal.aborted) {
          seen.add(last.message);
          log.warn(
            { err: last, receiver, integration: `${integration.kind}[${integration.index}]`, attempts: attempt },
            'Notify attempt failed, will retry later',
          );
        }
      }
      const delayMs = Math.min(maxRetryMs, firstRetryMs * 1.5 ** (attempt - 1)) * (0.5 + random());
      await sleep(clock, delayMs, signal).catch(() => {});
    }
    const reason =
      !signal.aborted || last?.isRetryable === false
        ? (last?.reason ?? 'other')
        : signal.reason instanceof FlushTimeout
          ? 'contextDeadlineExceeded'
          : 'contextCanceled';
    metrics.failed.inc({ ...labels, reason });
    if (reason !== 'contextCanceled') {
      log.error(
        { err: last, receiver, integration: `${integration.kind}[${integration.index}]`, numAlerts: notification.alerts.length },
        'Notify for alerts failed',
      );
    }
    return undefined;
  }
}

/** Of many attempts the first and the last ones are kept. */
class Attempts {
  readonly kept: Attempt[] = [];
  count = 0;

  add(attempt: Attempt): void {
    this.count++;
    if (this.kept.length >= maxKeptAttempts) this.kept.splice(maxKeptAttempts / 2, 1);
    this.kept.push(attempt);
  }
}

const maxKeptAttempts = 20;

function asNotifyError(error: unknown): NotifyError {
  if (error instanceof NotifyError) return error;
  return new NotifyError(error instanceof Error ? error.message : String(error), {
    isRetryable: false,
    reason: 'clientError',
    cause: error,
  });
}
