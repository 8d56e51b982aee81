/** webhook: the group as JSON, version 4; or a body of the user's own (`payload`). */

import type { Typed } from '@pronoia/model';
import { readConfig, schema } from '@pronoia/server';
import { type Alert, nanoTime } from '../alert.ts';
import type { ReceiverConfig } from '../config/receivers.ts';
import { type BuildContext, httpClient, jsonHeaders } from './context.ts';
import { goJson, sorted } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import { type Integration, type Notification, NotifyError } from './integration.ts';
import { secret } from './secret.ts';
import type { TemplateData, Templates } from './template.ts';

export function createWebhook(config: ReceiverConfig<'webhook'>, context: BuildContext): Integration {
  const client = httpClient(context, config.http_config);
  const { templates } = context;
  return {
    kind: 'webhook',
    index: context.index,
    sendResolved: config.send_resolved,
    async notify(notification) {
      // What is common is common to the alerts that are sent, as in the original.
      const sent = cutAlerts(notification, config.max_alerts);
      const data = templates.data(sent);
      const url = templates.text(await secret(config.url, config.url_file), data);
      if (!URL.canParse(url)) throw new NotifyError('the rendered url is not a URL', { isRetryable: false, reason: 'clientError' });
      const body =
        config.payload === undefined
          ? goJson(webhookMessage(sent, data, notification.alerts.length - sent.alerts.length, '4'))
          : goJson(renderPayload(config.payload, data, templates));
      checkAnswer(await client.send(url, { headers: jsonHeaders, body, signal: notification.signal, timeoutMs: config.timeout }));
      return undefined;
    },
    close: () => client.close(),
  };
}

/** 0 for no limit. */
export function cutAlerts(notification: Notification, maxAlerts: number): Notification {
  const { alerts } = notification;
  return maxAlerts > 0 && alerts.length > maxAlerts ? { ...notification, alerts: alerts.slice(0, maxAlerts) } : notification;
}

/** The members in the wire's order. */
export function webhookMessage(notification: Notification, data: TemplateData, truncatedAlerts: number, version: string): object {
  const { alerts, nowMs, groupKey } = notification;
  return {
    receiver: data.Receiver,
    status: data.Status,
    alerts: alerts.map((alert) => webhookAlert(alert, nowMs)),
    notification_reason: data.NotificationReason,
    groupLabels: mapOf(data.GroupLabels),
    commonLabels: mapOf(data.CommonLabels),
    commonAnnotations: mapOf(data.CommonAnnotations),
    routeLabels: mapOf(data.RouteLabels),
    externalURL: data.ExternalURL,
    version,
    groupKey,
    truncatedAlerts,
  };
}

function webhookAlert(alert: Alert, nowMs: number): object {
  return {
    status: alert.isResolvedAt(nowMs) ? 'resolved' : 'firing',
    labels: sorted(alert.labels),
    annotations: sorted(alert.annotations),
    startsAt: nanoTime(alert.startsAt),
    endsAt: nanoTime(alert.endsAt),
    generatorURL: alert.generatorUrl,
    fingerprint: alert.fingerprint,
  };
}

function mapOf(kv: Typed): Record<string, string> {
  return sorted(kv.base as Map<string, string>);
}

/**
 * Keys and texts are templates. A rendered text that YAML reads as something else than text (a number, a list, …) becomes that; what
 * came out of such a text is not rendered again.
 */
export function renderPayload(value: unknown, data: TemplateData, templates: Templates): unknown {
  if (typeof value === 'string') {
    const text = templates.text(value, data);
    try {
      const read = readConfig(
        text,
        'payload',
        schema.custom((plain) => plain),
      );
      const isEmptyDocument =
        text.trim() === '' || (typeof read === 'object' && read !== null && Object.keys(read).length === 0 && !/[{}[\]]/.test(text));
      return isEmptyDocument || typeof read === 'string' ? text : read;
    } catch {
      return text;
    }
  }
  if (Array.isArray(value)) return value.map((item) => renderPayload(item, data, templates));
  if (value === null || typeof value !== 'object') return value;
  return sorted(Object.entries(value).map(([key, inner]) => [templates.text(key, data), renderPayload(inner, data, templates)] as const));
}
