/** pushover: everything in the query string. */
import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { truncate } from './go-json.ts';
import { checkAnswer } from './http-client.ts';
import type { Integration } from './integration.ts';
import { createReceiver, refused } from './json-receiver.ts';
import { secret } from './secret.ts';

const apiUrl = 'https://api.pushover.net/1/messages.json';
const maxTitle = 250;
const maxMessage = 1024;
const maxUrl = 512;

export function createPushover(config: ReceiverConfig<'pushover'>, context: BuildContext): Integration {
  return createReceiver('pushover', config, context, async ({ text, html, notification }, { client }) => {
    const [token, user] = await Promise.all([
      secret(config.token, config.token_file, { trim: false }),
      secret(config.user_key, config.user_key_file, { trim: false }),
    ]);
    const query = new URLSearchParams({
      token: text(token),
      user: text(user),
      title: truncate(text(config.title, 'pushover.default.title'), maxTitle),
    });
    if (config.html) query.set('html', '1');
    if (config.monospace) query.set('monospace', '1');
    const render = config.html ? html : text;
    const message = truncate(render(config.message, 'pushover.default.message'), maxMessage).trim();
    query.set('message', message === '' ? '(no details)' : message);
    const url = truncate(text(config.url, 'pushover.default.url'), maxUrl);
    query.set('url', url);
    query.set('url_title', text(config.url_title));
    query.set('priority', text(config.priority ?? '{{ if eq .Status "firing" }}2{{ else }}0{{ end }}'));
    query.set('retry', String(Math.trunc(config.retry / 1000)));
    query.set('expire', String(Math.trunc(config.expire / 1000)));
    query.set('device', text(config.device));
    query.set('sound', text(config.sound));
    if (config.ttl > 0) query.set('ttl', String(Math.trunc(config.ttl / 1000)));
    if (query.get('token') === '' || query.get('user') === '') throw refused('token and user key must not be empty');
    // Go writes the parameters in the order of their names.
    query.sort();
    checkAnswer(
      await client.send(`${apiUrl}?${query.toString()}`, {
        headers: { 'content-type': 'text/plain' },
        body: '',
        signal: notification.signal,
      }),
    );
  });
}
