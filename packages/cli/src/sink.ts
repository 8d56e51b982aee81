/** Where the demonstration's alerts arrive: a webhook receiver and a mailbox on this machine, both on free ports. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface Notification {
  readonly kind: 'webhook' | 'e-mail';
  /** `firing` or `resolved`. */
  readonly status: string;
  /** Names of the alerts in it. */
  readonly alerts: readonly string[];
  /** A few lines for a person. */
  readonly text: string;
}

export interface Sink {
  readonly webhookUrl: string;
  readonly smtpAddress: string;
  stop(): Promise<void>;
}

const bodyLimitBytes = 4 * 1024 * 1024;

export async function startSink(take: (notification: Notification) => void): Promise<Sink> {
  const webhook = createServer((request, response) => {
    readAll(request).then(
      (body) => {
        const notification = readWebhook(body);
        response.writeHead(notification === undefined ? 400 : 200).end();
        if (notification !== undefined) take(notification);
      },
      () => response.destroy(),
    );
  });
  const mail = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, _session, done) {
      readAll(stream).then(
        (message) => {
          take(readMail(message));
          done();
        },
        (error: Error) => done(error),
      );
    },
  });
  // A client that breaks off must not end the demonstration.
  mail.on('error', () => {});
  const mailServer = mail.listen(0, '127.0.0.1');
  await Promise.all([
    new Promise<void>((done) => webhook.listen(0, '127.0.0.1', done)),
    new Promise<void>((done) => (mailServer.listening ? done() : mailServer.once('listening', () => done()))),
  ]);
  return {
    webhookUrl: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/alerts`,
    smtpAddress: `127.0.0.1:${(mailServer.address() as AddressInfo).port}`,
    async stop() {
      webhook.closeAllConnections();
      await Promise.all([new Promise((done) => webhook.close(done)), new Promise<void>((done) => mail.close(() => done()))]);
    },
  };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > bodyLimitBytes) throw new Error('the message is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface WebhookAlert {
  readonly status?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Alertmanager's webhook body, version 4. */
function readWebhook(body: string): Notification | undefined {
  try {
    const message = JSON.parse(body) as { readonly status: string; readonly alerts: readonly WebhookAlert[]; readonly receiver?: string };
    return {
      kind: 'webhook',
      status: message.status,
      alerts: message.alerts.map((alert) => alert.labels?.['alertname'] ?? ''),
      text: message.alerts
        .map(
          (alert) =>
            `${alert.labels?.['alertname'] ?? 'alert'} ${alert.status ?? message.status}: ${alert.annotations?.['summary'] ?? JSON.stringify(alert.labels)}`,
        )
        .join('\n'),
    };
  } catch {
    return undefined;
  }
}

function readMail(message: string): Notification {
  const [head = ''] = message.split(/\r?\n\r?\n/, 1);
  // Long headers continue on lines that begin with a space (RFC 5322 §2.2.3).
  const lines = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  const header = (name: string): string =>
    decodeWords(
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim() ?? '',
    );
  const subject = header('subject');
  const alerts = /^\[[^\]]*\]\s*(\S+)/.exec(subject);
  return {
    kind: 'e-mail',
    status: /^\[(\w+)/.exec(subject)?.[1]?.toLowerCase() ?? '',
    alerts: alerts === null ? [] : [alerts[1] as string],
    text: `From: ${header('from')}\nTo: ${header('to')}\nSubject: ${subject}`,
  };
}

/** Encoded words: `=?UTF-8?Q?…?=` and `=?UTF-8?B?…?=` (RFC 2047). */
function decodeWords(text: string): string {
  return text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, (_match, encoding: string, word: string) => {
    if (encoding.toUpperCase() === 'B') return Buffer.from(word, 'base64').toString('utf8');
    const bytes = word
      .replace(/_/g, ' ')
      .replace(/=([\dA-F]{2})/gi, (_hex, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
    return Buffer.from(bytes, 'latin1').toString('utf8');
  });
}
