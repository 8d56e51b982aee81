import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { orNothing, truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver, parseAnswer, refused } from './json-receiver.ts';
import { secret } from './secret.ts';

const maxTitle = 1024;

/** rocketchat: chat.postMessage with one attachment. */
export function createRocketchat(config: ReceiverConfig<'rocketchat'>, context: BuildContext): Integration {
  const { global } = context.config;
  const own = {
    token: config.token !== undefined || config.token_file !== undefined,
    id: config.token_id !== undefined || config.token_id_file !== undefined,
  };
  const apiUrl = (config.api_url ?? global.rocketchat_api_url).replace(/\/+$/, '');
  return createReceiver('rocketchat', config, context, async ({ text, isFiring }, { send }) => {
    const token = own.token
      ? await secret(config.token, config.token_file)
      : await secret(global.rocketchat_token, global.rocketchat_token_file);
    const id = own.id
      ? await secret(config.token_id, config.token_id_file)
      : await secret(global.rocketchat_token_id, global.rocketchat_token_id_file);
    const attachment = {
      title: orNothing(truncate(text(config.title, 'rocketchat.default.title'), maxTitle)),
      title_link: orNothing(text(config.title_link, 'rocketchat.default.titlelink')),
      text: orNothing(text(config.text, 'rocketchat.default.text')),
      image_url: orNothing(text(config.image_url)),
      thumb_url: orNothing(text(config.thumb_url)),
      color: orNothing(config.color === undefined ? (isFiring ? 'red' : 'green') : text(config.color)),
      fields: orNothing(
        config.fields.map((field) => ({
          short: field.short ?? config.short_fields,
          title: orNothing(text(field.title)),
          value: orNothing(text(field.value)),
        })),
      ),
      actions: orNothing(
        config.actions.map((action) => ({
          type: 'button',
          text: orNothing(text(action.text)),
          url: orNothing(text(action.url)),
          msg: orNothing(text(action.msg)),
        })),
      ),
    };
    const body = {
      channel: orNothing(text(config.channel)),
      emoji: orNothing(text(config.emoji, 'rocketchat.default.emoji')),
      avatar: orNothing(text(config.icon_url, 'rocketchat.default.iconurl')),
      attachments: [attachment],
    };
    const answer = await send({ url: `${apiUrl}/api/v1/chat.postMessage`, body, headers: { 'x-auth-token': token, 'x-user-id': id } });
    checkAnswer(answer);
    const reply = parseAnswer(answer);
    if (reply['success'] !== true) throw refused(`error response from Rocket.Chat: ${JSON.stringify(reply['error'] ?? '').slice(0, 500)}`);
  });
}
