/**
 * GET /api/v2/alerts/{fingerprint}/explain: what became of one alert, and why. For each route that it takes: the group, what keeps it
 * still, what each integration was last told of it, when the group is looked at next; and its past. Not in the original.
 */
import type { Acknowledgements } from '../acknowledgement.ts';
import type { Alert } from '../alert.ts';
import type { Group } from '../dispatcher.ts';
import type { HistoryLog } from '../history/log.ts';
import type { NotificationLog } from '../nflog.ts';
import { groupKey } from '../route.ts';
import { acknowledgementJson, checkFingerprint } from './acknowledge.ts';
import { type ApiContext, Refusal } from './context.ts';
import { findEvents } from './history.ts';

interface ExplainSources {
  readonly notificationLog: NotificationLog;
  readonly acknowledgements: Acknowledgements;
  readonly history: HistoryLog | undefined;
}

export async function explainAlert(
  fingerprint: string,
  { engine, store, clock }: ApiContext,
  { notificationLog, acknowledgements, history }: ExplainSources,
): Promise<object> {
  checkFingerprint(fingerprint);
  const alert = store.get(fingerprint);
  if (alert === undefined) throw new Refusal(404, `there is no alert ${fingerprint}`);
  const nowMs = clock.now();
  const { inhibitedBy, silencedBy } = engine.statusOf(alert, nowMs);
  const groupsByKey = new Map<string, Group>();
  for (const group of engine.groups()) groupsByKey.set(`${group.route.id} ${group.key}`, group);
  const routes = engine.root.match(alert.labels).map((route) => {
    const key = groupKey(route, route.groupLabels(alert.labels));
    const group = groupsByKey.get(`${route.id} ${key}`);
    const receiver = engine.receivers.get(route.options.receiver);
    return {
      routeId: route.id,
      receiver: route.options.receiver,
      groupKey: key,
      mutedBy: group?.mutedBy ?? [],
      nextFlushAt: group === undefined ? undefined : timeText(group.dueAtMs),
      integrations: (receiver?.integrations ?? []).map(({ kind, index, sendResolved }) => {
        const entry = notificationLog.get({ groupKey: key, receiver: route.options.receiver, integration: kind, index });
        return {
          integration: kind,
          index,
          sendResolved,
          lastNotifiedAt: entry === undefined ? undefined : timeText(entry.timestampMs),
          toldFiring: entry?.firing.includes(alert.hash) ?? false,
          toldResolved: entry?.resolved.includes(alert.hash) ?? false,
        };
      }),
    };
  });
  const acknowledgement = acknowledgements.of(alert);
  return {
    fingerprint,
    labels: alert.labels.toObject(),
    state: alert.isResolvedAt(nowMs) ? 'resolved' : inhibitedBy.length + silencedBy.length > 0 ? 'suppressed' : 'active',
    inhibitedBy: inhibitedBy.map((source) => ({ fingerprint: source, labels: labelsOf(store.get(source)) })),
    silencedBy,
    acknowledged: acknowledgement === undefined ? undefined : acknowledgementJson(acknowledgement),
    routes,
    history: history === undefined ? undefined : await pastOf(fingerprint, history),
  };
}

/** The newest events of this alert: its beginnings and ends, what suppressed it, each delivery with its attempts and answers. */
async function pastOf(fingerprint: string, history: HistoryLog): Promise<object[]> {
  const query = {
    matchers: [],
    fingerprints: [fingerprint],
    receivers: [],
    events: [],
    startMs: -Infinity,
    endMs: Infinity,
    limit: maxPast,
  };
  const events: object[] = [];
  for await (const { alerts: _itself, ...event } of findEvents(history, query)) events.push(event);
  return events;
}

const maxPast = 50;

function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

function labelsOf(alert: Alert | undefined): object {
  return alert?.labels.toObject() ?? {};
}
