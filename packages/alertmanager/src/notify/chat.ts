/** The chat services whose message is little more than a title and a text: discord, webex, msteams, msteamsv2. */

import { defaultHttpConfig } from '../config/http-config.ts';
import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { orNothing, truncate, truncateBytes } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver } from './json-receiver.ts';
import { secret } from './secret.ts';

export function createDiscord(config: ReceiverConfig<'discord'>, context: BuildContext): Integration {
  return createReceiver('discord', config, context, async ({ text, isFiring }, { send }) => {
    const body = {
      content: truncate(text(config.content, 'discord.default.content'), 2000),
      embeds: [
        {
          title: truncate(text(config.title, 'discord.default.title'), 256),
          description: truncate(text(config.message, 'discord.default.message'), 4096),
          color: isFiring ? 0x992d22 : 0x2ecc71,
        },
      ],
      username: orNothing(config.username),
      avatar_url: orNothing(config.avatar_url),
    };
    checkAnswer(await send({ url: await secret(config.webhook_url, config.webhook_url_file), body }));
  });
}

export function createWebex(config: ReceiverConfig<'webex'>, context: BuildContext): Integration {
  return createReceiver('webex', config, context, async ({ text }, { send }) => {
    const body = { markdown: truncateBytes(text(config.message, 'webex.default.message'), 7439), roomId: text(config.room_id) };
    checkAnswer(await send({ url: config.api_url ?? context.config.global.webex_api_url, body }));
  });
}

export function createMsteams(config: ReceiverConfig<'msteams'>, context: BuildContext): Integration {
  return createReceiver('msteams', config, context, async ({ text, isFiring }, { send }) => {
    const body = {
      '@context': 'http://schema.org/extensions',
      type: 'MessageCard',
      title: text(config.title, 'msteams.default.title'),
      summary: text(config.summary, 'msteams.default.summary'),
      text: text(config.text, 'msteams.default.text'),
      themeColor: isFiring ? '8C1A1A' : '2DC72D',
    };
    checkAnswer(await send({ url: await secret(config.webhook_url, config.webhook_url_file), body }));
  });
}

export function createMsteamsv2(config: ReceiverConfig<'msteamsv2'>, context: BuildContext): Integration {
  // Alone among all kinds this one takes the global proxy when its own http_config names none.
  const proxy = context.config.global.http_config?.proxy_url;
  const http = config.http_config;
  const settings =
    http !== undefined && http.proxy_url === undefined && proxy !== undefined
      ? { ...config, http_config: { ...defaultHttpConfig, ...http, proxy_url: proxy } }
      : config;
  return createReceiver('msteamsv2', settings, context, async ({ text, isFiring }, { send }) => {
    const body = {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: {
            $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
            type: 'AdaptiveCard',
            version: '1.2',
            body: [
              {
                type: 'TextBlock',
                text: text(config.title, 'msteamsv2.default.title'),
                weight: 'Bolder',
                size: 'Medium',
                wrap: true,
                style: 'heading',
                color: isFiring ? 'Attention' : 'Good',
              },
              { type: 'TextBlock', text: text(config.text, 'msteamsv2.default.text'), wrap: true },
            ],
            msteams: { width: 'full' },
          },
        },
      ],
    };
    checkAnswer(await send({ url: await secret(config.webhook_url, config.webhook_url_file), body }));
  });
}
