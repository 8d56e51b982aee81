/** victorops (Splunk On-Call). */
import type { ReceiverConfig } from '../config/receivers.ts';
import { eventId } from '../hash.ts';
import type { BuildContext } from './context.ts';
import { sorted, truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver } from './json-receiver.ts';
import { secret } from './secret.ts';

const maxMessage = 20_480;

export function createVictorops(config: ReceiverConfig<'victorops'>, context: BuildContext): Integration {
  const { global } = context.config;
  const apiUrl = (config.api_url ?? global.victorops_api_url).replace(/\/?$/, '/');
  const hasOwnKey = config.api_key !== undefined || config.api_key_file !== undefined;
  return createReceiver('victorops', config, context, async ({ text, isFiring, notification }, { send }) => {
    const key = hasOwnKey
      ? await secret(config.api_key, config.api_key_file)
      : await secret(global.victorops_api_key, global.victorops_api_key_file);
    const wanted = text(config.message_type ?? 'CRITICAL');
    const type = !isFiring ? 'RECOVERY' : ['INFO', 'WARNING', 'CRITICAL'].includes(wanted) ? wanted : 'CRITICAL';
    const fields: [string, string][] = [
      ['message_type', type],
      ['entity_id', eventId(notification.groupKey)],
      ['entity_display_name', text(config.entity_display_name, 'victorops.default.entity_display_name')],
      ['state_message', truncate(text(config.state_message, 'victorops.default.state_message'), maxMessage)],
      ['monitoring_tool', text(config.monitoring_tool, 'victorops.default.monitoring_tool')],
    ];
    for (const [name, value] of Object.entries(config.custom_fields ?? {})) fields.push([name, text(value)]);
    checkAnswer(await send({ url: `${apiUrl}${key}/${encodeURIComponent(text(config.routing_key))}`, body: sorted(fields) }));
  });
}
