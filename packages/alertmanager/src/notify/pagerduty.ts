/** pagerduty: Events API v2 (routing key) or v1 (service key). */
import type { ReceiverConfig } from '../config/receivers.ts';
import { eventId } from '../hash.ts';
import type { BuildContext } from './context.ts';
import { goJson, orNothing, sorted, truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver, refused } from './json-receiver.ts';
import { secret } from './secret.ts';
import { renderPayload } from './webhook.ts';

const v1Url = 'https://events.pagerduty.com/generic/2010-04-15/create_event.json';
const maxDescription = 1024;
const maxEventBytes = 512_000;

const defaultDetails: Readonly<Record<string, string>> = {
  firing: '{{ .Alerts.Firing | toJson }}',
  resolved: '{{ .Alerts.Resolved | toJson }}',
  num_firing: '{{ .Alerts.Firing | len }}',
  num_resolved: '{{ .Alerts.Resolved | len }}',
};

export function createPagerduty(config: ReceiverConfig<'pagerduty'>, context: BuildContext): Integration {
  const isV1 = config.service_key !== undefined || config.service_key_file !== undefined;
  return createReceiver('pagerduty', config, context, async ({ text, data, isFiring, notification }, { send }) => {
    const key = text(
      isV1 ? await secret(config.service_key, config.service_key_file) : await secret(config.routing_key, config.routing_key_file),
    );
    if (key === '') throw refused(`${isV1 ? 'service' : 'routing'} key cannot be empty`);
    const id = eventId(notification.groupKey);
    const event = isFiring ? 'trigger' : 'resolve';
    const details = renderPayload({ ...defaultDetails, ...config.details }, data, context.templates) as Record<string, unknown>;
    const description = truncate(text(config.description, 'pagerduty.default.description'), maxDescription);
    const client = orNothing(text(config.client, 'pagerduty.default.client'));
    const clientUrl = orNothing(text(config.client_url, 'pagerduty.default.clientURL'));
    const images = orNothing(
      config.images.map(({ src, alt, href }) => ({ src: text(src), alt: text(alt), href: text(href) })).filter(({ src }) => src !== ''),
    );
    const links = orNothing(
      config.links.map((link) => ({ href: text(link.href), text: text(link.text) })).filter(({ href }) => href !== ''),
    );

    const bodyWith = (custom: Record<string, unknown>): object =>
      isV1
        ? {
            service_key: key,
            incident_key: id,
            event_type: event,
            description: orNothing(description),
            event_action: '',
            payload: null,
            ...(isFiring ? { client, client_url: clientUrl } : {}),
            details: orNothing(custom),
          }
        : {
            routing_key: key,
            dedup_key: id,
            event_action: event,
            payload: {
              summary: description,
              source: text(config.source) || text(config.client, 'pagerduty.default.client'),
              severity: text(config.severity ?? 'error'),
              class: orNothing(text(config.class)),
              component: orNothing(text(config.component)),
              group: orNothing(text(config.group)),
              custom_details: orNothing(custom),
            },
            client,
            client_url: clientUrl,
            images,
            links,
          };
    let body = bodyWith(sorted(Object.entries(details)));
    if (Buffer.byteLength(goJson(body)) > maxEventBytes)
      body = bodyWith({
        error: `Custom details have been removed because the original event exceeds the maximum size of ${maxEventBytes / 1000} KB`,
      });
    const answer = await send({ url: isV1 ? v1Url : (config.url ?? context.config.global.pagerduty_url), body });
    checkAnswer(answer, [isV1 ? 403 : 429], (reply) => (answer.status === 400 ? reasons(reply) : reply));
  });
}

/** What PagerDuty finds wrong, from its 400. */
function reasons(reply: string): string {
  try {
    const { message = '', errors = [] } = JSON.parse(reply) as { message?: string; errors?: string[] };
    return [message, ...errors].join(', ');
  } catch {
    return reply;
  }
}
