/** email: one message of text and HTML over SMTP, with STARTTLS, authentication and threads. */
import { createHmac, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { formatTime, utcZone } from '@pronoia/model';
import type { HostPort } from '../config/common.ts';
import type { ReceiverConfig } from '../config/receivers.ts';
import { eventId } from '../hash.ts';
import type { BuildContext } from './context.ts';
import { tlsOptions } from './http-client.ts';
import { type Integration, type Notification, NotifyError } from './integration.ts';
import { type Address, composeMail, encodeHeader, type MailPart, parseAddresses } from './mime.ts';
import { secret } from './secret.ts';
import type { TemplateData } from './template.ts';

const implicitTlsPort = 465;

export function createEmail(config: ReceiverConfig<'email'>, context: BuildContext): Integration {
  const { global } = context.config;
  const { templates } = context;
  const smarthost = (config.smarthost ?? global.smtp_smarthost) as HostPort;

  /** Own settings first; a secret's two forms count as one. */
  const credentials = async (): Promise<Credentials> => {
    const hasPassword = config.auth_password !== undefined || config.auth_password_file !== undefined;
    const hasSecret = config.auth_secret !== undefined || config.auth_secret_file !== undefined;
    const [password, cramSecret] = await Promise.all([
      hasPassword
        ? secret(config.auth_password, config.auth_password_file)
        : secret(global.smtp_auth_password, global.smtp_auth_password_file),
      hasSecret
        ? secret(config.auth_secret, config.auth_secret_file, { trim: false })
        : secret(global.smtp_auth_secret, global.smtp_auth_secret_file, { trim: false }),
    ]);
    return {
      user: config.auth_username ?? global.smtp_auth_username ?? '',
      password,
      secret: cramSecret,
      identity: config.auth_identity ?? global.smtp_auth_identity ?? '',
    };
  };

  return {
    kind: 'email',
    index: context.index,
    sendResolved: config.send_resolved,
    async notify(notification) {
      const data = templates.data(notification);
      const from = addresses('from', templates.text(config.from ?? global.smtp_from ?? '', data));
      if (from.length !== 1) throw final(`must be exactly one 'from' address (got: ${from.length})`);
      const to = addresses('to', templates.text(config.to ?? '', data));
      const message = composeMessage(notification, data, from, to);
      const auth = await credentials();
      // Loaded with the first mail: not everybody sends one.
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        host: smarthost.host,
        port: smarthost.port,
        secure: config.force_implicit_tls ?? global.smtp_force_implicit_tls ?? smarthost.port === implicitTlsPort,
        requireTLS: config.require_tls ?? global.smtp_require_tls,
        ignoreTLS: !(config.require_tls ?? global.smtp_require_tls),
        name: config.hello ?? global.smtp_hello,
        tls: tlsOptions(config.tls_config ?? global.smtp_tls_config, dirname(context.config.file)),
        connectionTimeout: 30_000,
        greetingTimeout: 30_000,
        socketTimeout: 60_000,
        ...(auth.user === ''
          ? {}
          : { auth: { type: 'custom', method: 'ALERTMANAGER', user: auth.user, pass: auth.password || auth.secret || ' ' } as const }),
        customAuth: { ALERTMANAGER: (exchange: Exchange) => authenticate(exchange, auth) },
      });
      const sending = transport.sendMail({
        envelope: { from: from[0]?.address ?? '', to: to.map(({ address }) => address) },
        raw: message,
      });
      try {
        await untilAborted(sending, notification.signal);
      } catch (error) {
        // Whatever the server says today it may not say tomorrow.
        throw new NotifyError(`send email: ${(error as Error).message}`, { isRetryable: true, cause: error });
      } finally {
        transport.close();
      }
      return undefined;
    },
  };

  function composeMessage(notification: Notification, data: TemplateData, from: readonly Address[], to: readonly Address[]): string {
    const headers = new Map<string, string>();
    for (const [name, template] of Object.entries(config.headers ?? {})) headers.set(canonicalName(name), templates.text(template, data));
    const setDefault = (name: string, value: () => string): void => {
      if (!headers.has(name)) headers.set(name, value());
    };
    setDefault('Subject', () => templates.text('{{ template "email.default.subject" . }}', data));
    setDefault('To', () => printAddresses(to));
    setDefault('From', () => printAddresses(from));
    const lines: [string, string][] = [...headers].map(([name, value]) => [name, encodeHeader(value)]);
    if (!headers.has('Message-Id'))
      lines.push(['Message-Id', `<${notification.nowMs}000000.${randomBytes(8).readBigUInt64BE()}@${hostname()}>`]);
    if (config.threading?.enabled) {
      // One thread per group, or per group and day: the id of a message that never was, to which all answer.
      const day = config.threading.thread_by_date === 'daily' ? new Date(notification.nowMs).toISOString().slice(0, 10) : '';
      const thread = `<alert-${eventId(notification.groupKey).slice(0, 16)}-${day}@alertmanager>`;
      lines.push(['References', thread], ['In-Reply-To', thread]);
    }
    lines.push(['Date', formatTime({ unixMs: notification.nowMs, nanoseconds: 0, zone: utcZone }, 'Mon, 02 Jan 2006 15:04:05 -0700')]);
    const parts: MailPart[] = [];
    if (config.text !== undefined && config.text !== '')
      parts.push({ contentType: 'text/plain; charset=UTF-8', text: templates.text(config.text, data) });
    const html = config.html ?? '{{ template "email.default.html" . }}';
    // The richest form stands last (RFC 2046 §5.1.4).
    if (html !== '') parts.push({ contentType: 'text/html; charset=UTF-8', text: templates.html(html, data) });
    return composeMail(lines, parts, randomBytes(30).toString('hex'));
  }
}

/** An SMTP exchange cannot be called back; the flush does not wait for it longer than it may. */
async function untilAborted(sending: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([sending, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    sending.catch(() => {});
  }
}

function addresses(what: string, text: string): Address[] {
  try {
    return parseAddresses(text);
  } catch (error) {
    throw final(`parse '${what}' addresses: ${(error as Error).message}`);
  }
}

function final(message: string): NotifyError {
  return new NotifyError(message, { isRetryable: false, reason: 'clientError' });
}

function printAddresses(list: readonly Address[]): string {
  return list
    .map(({ name, address }) => {
      if (name === '') return address;
      return /^[\w !#$%&'*+/=?^`{|}~-]*$/.test(name) ? `${name} <${address}>` : `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`;
    })
    .join(', ');
}

/** `reply-to` → `Reply-To`. */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}

interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly secret: string;
  readonly identity: string;
}

/** The part of nodemailer's custom authentication that is used here. */
interface Exchange {
  readonly authMethods: readonly string[];
  sendCommand(command: string): Promise<{ status: number; text: string }>;
}

/** The first mechanism that the server offers and for which there is a secret or password (RFC 4954). */
async function authenticate(exchange: Exchange, { user, password, secret: cramSecret, identity }: Credentials): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const expect = (answer: { status: number; text: string }, status: number): string => {
    if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}`);
    return answer.text;
  };
  const offers = (name: string): boolean => exchange.authMethods.includes(name);
  if (offers('CRAM-MD5') && cramSecret !== '') {
    const challenge = expect(await exchange.sendCommand('AUTH CRAM-MD5'), 334);
    const digest = createHmac('md5', cramSecret).update(Buffer.from(challenge, 'base64')).digest('hex');
    expect(await exchange.sendCommand(base64(`${user} ${digest}`)), 235);
  } else if (offers('PLAIN') && password !== '') {
    expect(await exchange.sendCommand(`AUTH PLAIN ${base64(`${identity}\0${user}\0${password}`)}`), 235);
  } else if (offers('LOGIN') && password !== '') {
    expect(await exchange.sendCommand('AUTH LOGIN'), 334);
    expect(await exchange.sendCommand(base64(user)), 334);
    expect(await exchange.sendCommand(base64(password)), 235);
  } else {
    throw new Error(
      `no usable authentication mechanism: the server offers ${exchange.authMethods.join(', ') || 'none'}, and auth_password is for PLAIN and LOGIN, auth_secret for CRAM-MD5`,
    );
  }
}
