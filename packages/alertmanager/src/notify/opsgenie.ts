/** opsgenie: an alert is created, updated and closed under the group's alias. */
import type { ReceiverConfig } from '../config/receivers.ts';
import { eventId } from '../hash.ts';
import type { BuildContext } from './context.ts';
import { orNothing, sorted, truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver, type JsonCall, refused } from './json-receiver.ts';
import { secret } from './secret.ts';

const maxMessage = 130;
const retryCodes = [429];

export function createOpsgenie(config: ReceiverConfig<'opsgenie'>, context: BuildContext): Integration {
  const { global } = context.config;
  const apiUrl = (config.api_url ?? global.opsgenie_api_url).replace(/\/?$/, '/');
  const hasOwnKey = config.api_key !== undefined || config.api_key_file !== undefined;
  return createReceiver('opsgenie', config, context, async ({ text, data, isFiring, notification }, { send }) => {
    const key = text(
      hasOwnKey ? await secret(config.api_key, config.api_key_file) : await secret(global.opsgenie_api_key, global.opsgenie_api_key_file),
    );
    const alias = eventId(notification.groupKey);
    const headers = { authorization: `GenieKey ${key}` };
    const source = text(config.source, 'opsgenie.default.source');
    const calls: JsonCall[] = [];
    if (isFiring) {
      const message = truncate(text(config.message, 'opsgenie.default.message'), maxMessage);
      const description = text(config.description, 'opsgenie.default.description');
      const common = data.CommonLabels.base as Map<string, string>;
      const details = new Map([...common, ...Object.entries(config.details ?? {}).map(([name, value]) => [name, text(value)] as const)]);
      const list = (value: string | undefined): string[] | undefined => {
        const rendered = text(value);
        return rendered === '' ? undefined : rendered.split(',').map((one) => one.trim());
      };
      calls.push({
        url: `${apiUrl}v2/alerts`,
        body: {
          alias,
          message,
          description: orNothing(description),
          details: sorted(details),
          source,
          responders: orNothing(responders(text)),
          tags: list(config.tags),
          note: orNothing(text(config.note)),
          priority: orNothing(text(config.priority)),
          entity: orNothing(text(config.entity)),
          actions: list(config.actions),
        },
      });
      if (config.update_alerts) {
        calls.push({ method: 'PUT', url: `${apiUrl}v2/alerts/${alias}/message?identifierType=alias`, body: { message } });
        calls.push({ method: 'PUT', url: `${apiUrl}v2/alerts/${alias}/description?identifierType=alias`, body: { description } });
      }
    } else calls.push({ url: `${apiUrl}v2/alerts/${alias}/close?identifierType=alias`, body: { source } });
    for (const call of calls) checkAnswer(await send({ ...call, headers }), retryCodes);
  });

  function responders(text: (template: string | undefined) => string): object[] {
    return config.responders.flatMap<object>((responder) => {
      const one = { id: text(responder.id), name: text(responder.name), username: text(responder.username), type: text(responder.type) };
      if (one.id === '' && one.name === '' && one.username === '') return [];
      if (one.type === 'teams') return one.name.split(',').map((name) => ({ name: name.trim(), type: 'team' }));
      if (!/^(?:team|user|escalation|schedule)$/.test(one.type.toLowerCase()))
        throw refused(`responder type ${JSON.stringify(one.type)} is none of team, teams, user, escalation, schedule`);
      return [{ id: orNothing(one.id), name: orNothing(one.name), username: orNothing(one.username), type: one.type }];
    });
  }
}
