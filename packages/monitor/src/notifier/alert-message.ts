/** An alert as it goes to Alertmanagers, and the JSON of their API (prometheus-server.md §9). */
import { Labels, type RelabelRule, relabel } from '@pronoia/model';

/** Times in Unix ms. */
export interface AlertMessage {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly generatorUrl: string;
}

/** Adds the labels of this server where the alert has none, and lets the user's rules change or drop it. */
export function prepareAlert(alert: AlertMessage, externalLabels: Labels, rules: readonly RelabelRule[]): AlertMessage | undefined {
  const missing = [...externalLabels].filter(([name]) => !alert.labels.has(name));
  const labels = relabel(missing.length === 0 ? alert.labels : Labels.fromPairs([...alert.labels, ...missing]), rules);
  if (labels === undefined) return undefined;
  return labels === alert.labels ? alert : { ...alert, labels };
}

export function encodeAlerts(alerts: readonly AlertMessage[]): string {
  return JSON.stringify(
    alerts.map((alert) => ({
      annotations: alert.annotations.toObject(),
      endsAt: new Date(alert.endsAtMs).toISOString(),
      startsAt: new Date(alert.startsAtMs).toISOString(),
      generatorURL: alert.generatorUrl,
      labels: alert.labels.toObject(),
    })),
  );
}
