/** wechat (WeCom): a token first, then the message. */
import type { ReceiverConfig } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { orNothing } from './go-json.ts';
import { reasonOf } from './http-client.ts';
import { type Integration, NotifyError } from './integration.ts';
import { createReceiver, parseAnswer, refused } from './json-receiver.ts';
import { secret } from './secret.ts';

const tokenLifeMs = 2 * 3_600_000;
const tokenExpired = 42_001;

export function createWechat(config: ReceiverConfig<'wechat'>, context: BuildContext): Integration {
  const { global } = context.config;
  const apiUrl = (config.api_url ?? global.wechat_api_url).replace(/\/?$/, '/');
  const hasOwnSecret = config.api_secret !== undefined || config.api_secret_file !== undefined;
  let token: { readonly value: string; readonly takenAtMs: number } | undefined;
  return createReceiver('wechat', config, context, async ({ text, notification }, { client, send }) => {
    const expectOk = (answer: { status: number; text: string }): void => {
      if (answer.status !== 200)
        throw new NotifyError(`unexpected status code ${answer.status}: ${answer.text.slice(0, 500)}`, {
          isRetryable: true,
          reason: reasonOf(answer.status),
        });
    };
    if (token === undefined || notification.nowMs - token.takenAtMs > tokenLifeMs) {
      const corpSecret = text(
        hasOwnSecret
          ? await secret(config.api_secret, config.api_secret_file)
          : await secret(global.wechat_api_secret, global.wechat_api_secret_file),
      );
      const query = new URLSearchParams({ corpid: text(config.corp_id ?? global.wechat_api_corp_id), corpsecret: corpSecret });
      const answer = await client.send(`${apiUrl}gettoken?${query.toString()}`, { method: 'GET', signal: notification.signal });
      expectOk(answer);
      const value = parseAnswer(answer)['access_token'];
      if (typeof value !== 'string' || value === '') throw refused('invalid APISecret for CorpID: no access token in the answer');
      token = { value, takenAtMs: notification.nowMs };
    }
    const content = { content: text(config.message, 'wechat.default.message') };
    const isMarkdown = config.message_type === 'markdown';
    const answer = await send({
      url: `${apiUrl}message/send?access_token=${encodeURIComponent(token.value)}`,
      body: {
        text: isMarkdown ? { content: '' } : content,
        touser: orNothing(text(config.to_user, 'wechat.default.to_user')),
        toparty: orNothing(text(config.to_party, 'wechat.default.to_party')),
        totag: orNothing(text(config.to_tag, 'wechat.default.to_tag')),
        agentid: orNothing(text(config.agent_id, 'wechat.default.agent_id')),
        safe: '0',
        msgtype: config.message_type,
        markdown: isMarkdown ? content : { content: '' },
      },
    });
    expectOk(answer);
    const { errcode = 0, errmsg } = parseAnswer(answer);
    if (errcode === 0) return;
    if (errcode === tokenExpired) {
      token = undefined;
      throw new NotifyError(`wechat: ${String(errmsg)}`, { isRetryable: true, reason: 'authError' });
    }
    throw refused(`wechat: ${typeof errmsg === 'string' ? errmsg : 'error'} (${JSON.stringify(errcode)})`);
  });
}
