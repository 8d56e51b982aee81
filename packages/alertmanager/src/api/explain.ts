/**
 * GET /api/v2/alerts/{fingerprint}/explain: what became of one alert, and why. For each route that it takes: the group, what keeps it
 * still, what each integration was last told of it, and when the group is looked at next. Not in the original.
 */
import type { Acknowledgements } from '../acknowledgement.ts';
import type { Alert } from '../alert.ts';
import type { Group } from '../dispatcher.ts';
import type { NotificationLog } from '../nflog.ts';
import { groupKey } from '../route.ts';
import { acknowledgementJson, checkFingerprint } from './acknowledge.ts';
import { type ApiContext, Refusal } from './context.ts';

export function explainAlert(
  fingerprint: string,
  { engine, store, clock }: ApiContext,
  notificationLog: NotificationLog,
  acknowledgements: Acknowledgements,
): object {
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
  };
}

function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

function labelsOf(alert: Alert | undefined): object {
  return alert?.labels.toObject() ?? {};
}
