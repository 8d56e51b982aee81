/** incidentio: the webhook's message with a token. */
import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { goJson } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver } from './json-receiver.ts';
import { secret } from './secret.ts';
import { cutAlerts, webhookMessage } from './webhook.ts';

const maxBytes = 512 * 1024;

export function createIncidentio(config: ReceiverConfig<'incidentio'>, context: BuildContext): Integration {
  return createReceiver('incidentio', config, context, async ({ notification }, { send }) => {
    const token = await secret(config.alert_source_token, config.alert_source_token_file);
    const bodyWith = (maxAlerts: number): object => {
      const sent = cutAlerts(notification, maxAlerts);
      return webhookMessage(sent, context.templates.data(sent), notification.alerts.length - sent.alerts.length, '1');
    };
    let body = bodyWith(config.max_alerts);
    if (Buffer.byteLength(goJson(body)) > maxBytes) body = bodyWith(1);
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    checkAnswer(await send({ url: await secret(config.url, config.url_file), body, headers }), [429]);
  });
}
