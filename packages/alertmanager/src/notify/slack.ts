/** slack: one attachment, by incoming webhook or as an app; later news may replace the message. */
import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { orNothing, truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver, parseAnswer, refused } from './json-receiver.ts';
import { secret } from './secret.ts';

const maxTitle = 1024;
const updateUrl = 'https://slack.com/api/chat.update';

export function createSlack(config: ReceiverConfig<'slack'>, context: BuildContext): Integration {
  const { global } = context.config;
  const hasOwnToken = config.app_token !== undefined || config.app_token_file !== undefined;
  const hasOwnUrl = config.api_url !== undefined || config.api_url_file !== undefined;
  return createReceiver('slack', config, context, async ({ text, notification }, { send }) => {
    const token = hasOwnToken
      ? await secret(config.app_token, config.app_token_file)
      : hasOwnUrl
        ? ''
        : await secret(global.slack_app_token, global.slack_app_token_file);
    const url = hasOwnUrl
      ? await secret(config.api_url, config.api_url_file)
      : token !== ''
        ? (config.app_url ?? global.slack_app_url)
        : await secret(global.slack_api_url, global.slack_api_url_file);

    const attachment = {
      title: orNothing(truncate(text(config.title, 'slack.default.title'), maxTitle)),
      title_link: orNothing(text(config.title_link, 'slack.default.titlelink')),
      pretext: orNothing(text(config.pretext, 'slack.default.pretext')),
      text: text(config.text, 'slack.default.text'),
      fallback: text(config.fallback, 'slack.default.fallback'),
      callback_id: text(config.callback_id, 'slack.default.callbackid'),
      fields: orNothing(
        config.fields.map((field) => ({ title: text(field.title), value: text(field.value), short: field.short ?? config.short_fields })),
      ),
      actions: orNothing(
        config.actions.map((action) => {
          const common = { type: text(action.type), text: text(action.text) };
          // A button with a URL only opens it; the rest would make Slack ask back.
          if (action.url !== undefined) return { ...common, url: text(action.url), style: orNothing(text(action.style)) };
          const { confirm } = action;
          return {
            ...common,
            style: orNothing(text(action.style)),
            name: orNothing(text(action.name)),
            value: orNothing(text(action.value)),
            confirm:
              confirm === undefined
                ? undefined
                : {
                    text: text(confirm.text),
                    title: orNothing(text(confirm.title)),
                    ok_text: orNothing(text(confirm.ok_text)),
                    dismiss_text: orNothing(text(confirm.dismiss_text)),
                  },
          };
        }),
      ),
      image_url: orNothing(text(config.image_url)),
      thumb_url: orNothing(text(config.thumb_url)),
      footer: text(config.footer, 'slack.default.footer'),
      color: orNothing(text(config.color, 'slack.default.color')),
      mrkdwn_in: config.mrkdwn_in ?? ['fallback', 'pretext', 'text'],
    };
    const { threadTs, channelId } = notification.receiverData;
    const updates = config.update_message && typeof threadTs === 'string' && typeof channelId === 'string';
    const body = {
      channel: updates ? channelId : orNothing(text(config.channel)),
      ts: updates ? threadTs : undefined,
      username: orNothing(text(config.username, 'slack.default.username')),
      icon_emoji: orNothing(text(config.icon_emoji, 'slack.default.iconemoji')),
      icon_url: orNothing(text(config.icon_url, 'slack.default.iconurl')),
      link_names: orNothing(config.link_names),
      text: orNothing(text(config.message_text)),
      attachments: [attachment],
    };
    const answer = await send({ url: updates ? updateUrl : url, body, headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
    checkAnswer(answer);
    if (!String(answer.headers['content-type'] ?? '').startsWith('application/json')) {
      if (answer.text !== 'ok') throw refused(`received an error response from Slack: ${answer.text.slice(0, 500)}`);
      return undefined;
    }
    const reply = parseAnswer(answer);
    if (reply['ok'] !== true) throw refused(`error response from Slack: ${JSON.stringify(reply['error'] ?? '').slice(0, 500)}`);
    const { ts, channel } = reply;
    return config.update_message && typeof ts === 'string' && typeof channel === 'string'
      ? { threadTs: ts, channelId: channel }
      : undefined;
  });
}
