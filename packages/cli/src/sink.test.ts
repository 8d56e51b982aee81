import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Notification, type Sink, startSink } from './sink.ts';

const taken: Notification[] = [];
let sink: Sink;
beforeEach(async () => {
  taken.length = 0;
  sink = await startSink((notification) => taken.push(notification));
});
afterEach(() => sink.stop());

it('takes a webhook', async () => {
  const answer = await fetch(sink.webhookUrl, {
    method: 'POST',
    body: JSON.stringify({
      status: 'firing',
      alerts: [{ status: 'firing', labels: { alertname: 'TaskBusy' }, annotations: { summary: 'busy' } }],
    }),
  });
  expect(answer.status).toBe(200);
  expect(taken).toEqual([{ kind: 'webhook', status: 'firing', alerts: ['TaskBusy'], text: 'TaskBusy firing: busy' }]);
});

it('refuses what is no webhook', async () => {
  for (const body of ['', '{', '[]', 'null', '{"status":"firing"}']) {
    expect((await fetch(sink.webhookUrl, { method: 'POST', body })).status).toBe(400);
  }
  expect(taken).toEqual([]);
});

it('takes an e-mail, also with a subject that is no ASCII', async () => {
  const [host, port] = sink.smtpAddress.split(':') as [string, string];
  await speak(Number(port), host, [
    'EHLO test',
    'MAIL FROM:<a@x.invalid>',
    'RCPT TO:<b@x.invalid>',
    'DATA',
    'From: a@x.invalid\r\nTo: b@x.invalid\r\nSubject: [FIRING:1] TaskBusy (=?UTF-8?Q?w=C3=B6rter?=\r\n =?UTF-8?B?IOKYgw==?=)\r\n\r\nbusy\r\n.',
    'QUIT',
  ]);
  expect(taken).toMatchObject([{ kind: 'e-mail', status: 'firing', alerts: ['TaskBusy'] }]);
  expect(taken[0]?.text).toContain('Subject: [FIRING:1] TaskBusy (wörter ☃)');
});

/** Says each line when the one before was answered. */
function speak(port: number, host: string, lines: string[]): Promise<void> {
  return new Promise((done, failed) => {
    const socket = connect(port, host).setEncoding('utf8');
    let answer = '';
    socket.on('data', (text: string) => {
      answer += text;
      // The last line of an answer has a space after its code.
      if (!/^\d{3} .*\r\n$/m.test(answer)) return;
      answer = '';
      const next = lines.shift();
      if (next !== undefined) socket.write(`${next}\r\n`);
    });
    socket.on('close', () => done()).on('error', failed);
  });
}
