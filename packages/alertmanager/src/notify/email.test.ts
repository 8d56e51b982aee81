import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Labels } from '@pronoia/model';
import { afterEach, describe, expect, it } from 'vitest';
import { Alert, momentAt } from '../alert.ts';
import { parseConfig } from '../config/config.ts';
import { buildReceivers } from './build.ts';
import type { Notification } from './integration.ts';
import { Templates } from './template.ts';

// smtp-server is CommonJS without types for what is used here.
const { SMTPServer } = createRequire(import.meta.url)('smtp-server') as { SMTPServer: new (options: object) => Server };
interface Server {
  listen(port: number, host: string, done: () => void): { address(): AddressInfo };
  close(done: () => void): void;
  on(event: 'error', handle: () => void): void;
  server: { address(): AddressInfo };
}
interface Authentication {
  readonly method: string;
  readonly username: string;
  readonly password?: string;
  validatePassword?(password: string): boolean;
}

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly hello: string;
}

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await new Promise<void>((resolve) => server.close(resolve));
});

async function mailServer(options: object = {}): Promise<{ port: number; mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: [],
    onAuth(auth: Authentication, _session: object, done: (error: Error | null, answer?: object) => void) {
      const isRight =
        auth.method === 'CRAM-MD5'
          ? auth.validatePassword?.('cram secret') === true
          : auth.username === 'ann' && auth.password === 'pass word';
      if (isRight) done(null, { user: `${auth.method}:${auth.username}` });
      else done(new Error('wrong password'));
    },
    onData(
      stream: NodeJS.ReadableStream,
      session: {
        envelope: { mailFrom: { address: string }; rcptTo: { address: string }[] };
        secure: boolean;
        user?: string;
        hostNameAppearsAs: string;
      },
      done: () => void,
    ) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { envelope, secure, user, hostNameAppearsAs } = session;
        mails.push({
          from: envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          text: Buffer.concat(parts).toString(),
          isSecure: secure,
          user,
          hello: hostNameAppearsAs,
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.server.address().port, mails };
}

const nowMs = Date.UTC(2026, 10, 24, 9, 30, 0);

function notification(): Notification {
  const alert = (job: string, endsAtMs: number): Alert =>
    new Alert({
      labels: Labels.from({ alertname: 'Dïsk', job, path: '<b>' }),
      annotations: Labels.from({ summary: 'a & b' }),
      startsAt: momentAt(nowMs - 60_000),
      endsAt: momentAt(endsAtMs),
      generatorUrl: 'http://prom/graph?g0.expr=a&b',
      updatedAt: momentAt(nowMs),
      isTimeout: false,
    });
  return {
    alerts: [alert('x', nowMs + 1000).withoutEnd(), alert('y', nowMs - 1000)],
    receiver: 'mail',
    groupKey: '{}:{alertname="Dïsk"}',
    groupLabels: Labels.from({ alertname: 'Dïsk' }),
    routeLabels: {},
    reason: 'first notification',
    receiverData: {},
    nowMs,
    signal: new AbortController().signal,
  };
}

async function send(port: number, settings: string, global = ''): Promise<void> {
  const config = parseConfig(
    `global: { smtp_smarthost: '127.0.0.1:${port}', smtp_from: 'Alerts <am@example.org>', smtp_hello: am.test, smtp_tls_config: { insecure_skip_verify: true }${global} }
route: { receiver: mail }
receivers: [{ name: mail, email_configs: [{ to: 'Ann <ann@example.org>, bob@example.org'${settings} }] }]`,
    'am.yml',
  );
  const templates = new Templates([], 'http://am.example.org', () => nowMs);
  const [integration] = buildReceivers(config, templates).get('mail')?.integrations ?? [];
  await integration?.notify(notification());
}

function headersOf(mail: Mail | undefined): string {
  return (mail?.text ?? '').split('\r\n\r\n')[0]?.replace(/\r\n /g, ' ') ?? '';
}

describe('a mail', () => {
  it('goes over STARTTLS with text, HTML, subject and date', async () => {
    const { port, mails } = await mailServer();
    await send(port, `, text: 'firing: {{ len .Alerts.Firing }} é'`);
    const [mail] = mails;
    expect(mail).toMatchObject({ from: 'am@example.org', to: ['ann@example.org', 'bob@example.org'], isSecure: true, hello: 'am.test' });
    const headers = headersOf(mail);
    expect(headers).toContain('Subject: =?utf-8?q?=5BFIRING=3A1=5D_D=C3=AFsk_');
    expect(headers).toContain('To: Ann <ann@example.org>, bob@example.org');
    expect(headers).toContain('From: Alerts <am@example.org>');
    expect(headers).toContain('Date: Tue, 24 Nov 2026 09:30:00 +0000');
    expect(headers).toMatch(/Message-Id: <\d+\.\d+@.+>/);
    expect(headers).toContain('Content-Type: multipart/alternative;');
    expect(mail?.text).toContain('firing: 1 =C3=A9');
    expect(mail?.text).toContain('&lt;b&gt;');
    expect(mail?.text.indexOf('text/plain')).toBeLessThan(mail?.text.indexOf('text/html') as number);
  });

  it.each([
    ['PLAIN', ['PLAIN', 'LOGIN'], ", smtp_auth_username: ann, smtp_auth_password: 'pass word'"],
    ['LOGIN', ['LOGIN'], ", smtp_auth_username: ann, smtp_auth_password: 'pass word'"],
    ['CRAM-MD5', ['CRAM-MD5', 'PLAIN'], ", smtp_auth_username: ann, smtp_auth_secret: 'cram secret'"],
  ])('authenticates by %s', async (method, authMethods, global) => {
    const { port, mails } = await mailServer({ authMethods });
    await send(port, '', global);
    expect(mails[0]?.user).toBe(`${method}:ann`);
  });

  it('that is refused says why and may be tried again', async () => {
    const { port } = await mailServer({ authMethods: ['PLAIN'] });
    await expect(send(port, '', ', smtp_auth_username: ann, smtp_auth_password: wrong')).rejects.toMatchObject({
      isRetryable: true,
      message: expect.stringContaining('wrong password') as string,
    });
    await expect(send(1, '')).rejects.toMatchObject({ isRetryable: true });
  });

  it('without STARTTLS on the server is not sent, unless allowed', async () => {
    const { port, mails } = await mailServer({ disabledCommands: ['STARTTLS'] });
    await expect(send(port, '')).rejects.toThrow(/STARTTLS/);
    await send(port, ', require_tls: false');
    expect(mails).toHaveLength(1);
    expect(mails[0]?.isSecure).toBe(false);
  });

  it('goes over TLS from the start when told so', async () => {
    const { port, mails } = await mailServer({ secure: true });
    await send(port, ', force_implicit_tls: true');
    expect(mails[0]?.isSecure).toBe(true);
  });

  it('has the headers of the configuration, and a thread per group and day', async () => {
    const { port, mails } = await mailServer();
    await send(
      port,
      `, headers: { subject: 'about {{ .GroupLabels.alertname }}', X-Team: ops }, threading: { enabled: true, thread_by_date: daily }`,
    );
    const headers = headersOf(mails[0]);
    expect(headers).toContain('Subject: =?utf-8?q?about_D=C3=AFsk?=');
    expect(headers).toContain('X-Team: ops');
    expect(headers).toMatch(/References: <alert-[0-9a-f]{16}-2026-11-24@alertmanager>/);
    expect(headers).toMatch(/In-Reply-To: <alert-[0-9a-f]{16}-2026-11-24@alertmanager>/);
  });

  it('whose template or address is bad is not tried again', async () => {
    await expect(send(1, ", html: '{{ .Nothing }}'")).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining("can't evaluate field Nothing") as string,
    });
    await expect(send(1, ", from: 'a@b, c@d'")).rejects.toMatchObject({ isRetryable: false });
  });
});
