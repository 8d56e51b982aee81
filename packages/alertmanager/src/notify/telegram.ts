/** telegram: sendMessage of the bot API; all values are strings. */
import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { truncate } from './go-json.ts';
import { reasonOf } from './http-client.ts';
import { type Integration, NotifyError } from './integration.ts';
import { createReceiver } from './json-receiver.ts';
import { secret } from './secret.ts';

const maxMessage = 4096;

export function createTelegram(config: ReceiverConfig<'telegram'>, context: BuildContext): Integration {
  const { global } = context.config;
  const hasOwnToken = config.bot_token !== undefined || config.bot_token_file !== undefined;
  const apiUrl = (config.api_url ?? global.telegram_api_url).replace(/\/+$/, '');
  return createReceiver('telegram', config, context, async ({ text, html }, { send }) => {
    const token = hasOwnToken
      ? await secret(config.bot_token, config.bot_token_file)
      : await secret(global.telegram_bot_token, global.telegram_bot_token_file);
    const chat = config.chat_id !== undefined ? String(config.chat_id) : await secret(undefined, config.chat_id_file);
    const mode = config.parse_mode ?? 'HTML';
    let message = (mode === 'HTML' ? html : text)(config.message, 'telegram.default.message');
    // Cut HTML could leave a tag open, and Telegram would refuse it.
    if (mode === 'HTML' && Array.from(message).length > maxMessage)
      message = 'The message is too long to be shown here; see the Alertmanager for the alerts.';
    const answer = await send({
      url: `${apiUrl}/bot${token}/sendMessage`,
      body: {
        chat_id: chat,
        disable_notification: config.disable_notifications ? 'true' : undefined,
        disable_web_page_preview: 'true',
        message_thread_id:
          config.message_thread_id === undefined || config.message_thread_id === 0 ? undefined : String(config.message_thread_id),
        parse_mode: mode === '' ? undefined : mode,
        text: truncate(message, maxMessage),
      },
    });
    let reply: { ok?: unknown; description?: unknown; error_code?: unknown } = {};
    try {
      reply = JSON.parse(answer.text) as typeof reply;
    } catch {
      // No reply of the API.
    }
    // Every error is worth another try: the API says little about which would be useless.
    if (reply.ok !== true) {
      const status = typeof reply.error_code === 'number' ? reply.error_code : answer.status;
      throw new NotifyError(
        `telegram: ${typeof reply.description === 'string' ? reply.description : answer.text.slice(0, 500)} (${status})`,
        { isRetryable: true, reason: reasonOf(status) },
      );
    }
  });
}
