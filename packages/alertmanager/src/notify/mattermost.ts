import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { orNothing, truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver } from './json-receiver.ts';
import { secret } from './secret.ts';

const maxText = 16_383;

type Attachment = Pick<
  ReceiverConfig<'mattermost'>,
  | 'fallback'
  | 'color'
  | 'pretext'
  | 'text'
  | 'author_name'
  | 'author_link'
  | 'author_icon'
  | 'title'
  | 'title_link'
  | 'fields'
  | 'thumb_url'
  | 'footer'
  | 'footer_icon'
  | 'image_url'
>;

/** mattermost: an incoming webhook with one attachment of the flat fields, or with attachments of the older form. */
export function createMattermost(config: ReceiverConfig<'mattermost'>, context: BuildContext): Integration {
  const { global } = context.config;
  const hasOwnUrl = config.webhook_url !== undefined || config.webhook_url_file !== undefined;
  return createReceiver('mattermost', config, context, async ({ text }, { send }) => {
    const url = hasOwnUrl
      ? await secret(config.webhook_url, config.webhook_url_file)
      : await secret(global.mattermost_webhook_url, global.mattermost_webhook_url_file);
    const attachmentOf = (of: Attachment, defaults: boolean): object => {
      const or = (value: string | undefined, name: string): string => (defaults ? text(value, `mattermost.default.${name}`) : text(value));
      return {
        fallback: orNothing(or(of.fallback, 'fallback')),
        color: orNothing(or(of.color, 'color')),
        pretext: orNothing(text(of.pretext)),
        text: orNothing(truncate(or(of.text, 'text'), maxText)),
        author_name: orNothing(text(of.author_name)),
        author_link: orNothing(text(of.author_link)),
        author_icon: orNothing(text(of.author_icon)),
        title: orNothing(or(of.title, 'title')),
        title_link: orNothing(or(of.title_link, 'titlelink')),
        fields: orNothing(
          of.fields.map((field) => ({ title: text(field.title), value: text(field.value), short: field.short ?? undefined })),
        ),
        thumb_url: orNothing(text(of.thumb_url)),
        footer: orNothing(text(of.footer)),
        footer_icon: orNothing(text(of.footer_icon)),
        image_url: orNothing(text(of.image_url)),
      };
    };
    const isOldForm = config.attachments.length > 0;
    const body = {
      text: isOldForm ? truncate(text(config.text, 'mattermost.default.text'), maxText) : undefined,
      channel: orNothing(text(config.channel)),
      username: orNothing(text(config.username, 'mattermost.default.username')),
      icon_url: orNothing(text(config.icon_url)),
      icon_emoji: orNothing(text(config.icon_emoji)),
      attachments: isOldForm ? config.attachments.map((one) => attachmentOf(one, false)) : [attachmentOf(config, true)],
      type: orNothing(text(config.type)),
      props: config.props === undefined ? undefined : { card: orNothing(text(config.props.card)) },
      priority: priorityOf(text(config.priority?.priority)),
    };
    checkAnswer(await send({ url, body }));
  });

  function priorityOf(wanted: string): object | undefined {
    if (config.priority === undefined) return undefined;
    const priority = ['urgent', 'important', 'standard'].includes(wanted) ? wanted : 'standard';
    return {
      priority,
      requested_ack: priority === 'standard' ? undefined : orNothing(config.priority.requested_ack ?? false),
      persistent_notifications: priority === 'urgent' ? orNothing(config.priority.persistent_notifications ?? false) : undefined,
    };
  }
}
