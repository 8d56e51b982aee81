/** Receivers that misbehave, in company: whatever they do, the well one hears of every alert while they still do it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@pronoia/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningAlertmanager, start } from '../app.ts';
import { Recorder } from '../recorder.ts';

let folder: string;
let hook: Recorder;
let server: RunningAlertmanager;
const servers: Server[] = [];
const sockets = new Set<Socket>();

async function tcp(onConnect: (socket: Socket) => void): Promise<number> {
  const made = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnect(socket);
  });
  servers.push(made);
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return (made.address() as AddressInfo).port;
}

const seen = new Map<string, number>();
const count = (name: string): void => void seen.set(name, (seen.get(name) ?? 0) + 1);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  hook = await Recorder.start();
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const chunk = 'x'.repeat(1 << 20);
  hook.answer = ({ path }) => {
    count(path);
    switch (path) {
      case '/storm':
        return { status: 503, body: chunk };
      case '/silent':
        return { hangs: true };
      case '/deep':
        return { headers: { 'content-type': 'application/json' }, body: deep };
      case '/nojson':
        return { headers: { 'content-type': 'application/json' }, body: '<html>' };
      case '/huge':
        return { headers: { 'content-type': 'application/json' }, body: chunk.repeat(8) };
      default:
        return {};
    }
  };
  // Takes the connection and says nothing, ever; shuts its own half; breaks off in the middle; answers with what is no HTTP.
  const mute = await tcp(() => count('mute'));
  const half = await tcp((socket) => {
    count('half');
    socket.end();
    socket.resume();
  });
  const cut = await tcp((socket) => {
    count('cut');
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
      socket.destroy();
    });
  });
  const babble = await tcp((socket) => {
    count('babble');
    socket.write('220-hello\r\nHELO? \0\r\n\r\n');
  });
  const at = (port: number): string => `http://127.0.0.1:${port}/`;
  const bad: readonly string[] = [
    `webhook_configs: [{ url: '${at(mute)}' }, { url: '${at(half)}' }, { url: '${at(cut)}' }, { url: '${at(babble)}' }, { url: '${hook.url}/storm' }, { url: '${hook.url}/silent' }]`,
    `slack_configs: [{ api_url: '${hook.url}/deep', channel: c }, { api_url: '${hook.url}/nojson', channel: c }, { api_url: '${hook.url}/huge', channel: c }]`,
    `email_configs: [{ to: a@b.example, from: c@d.example, smarthost: '127.0.0.1:${mute}', require_tls: false }, { to: a@b.example, from: c@d.example, smarthost: '127.0.0.1:${babble}', require_tls: false }]`,
  ];
  writeFileSync(
    join(folder, 'am.yml'),
    `route:
  receiver: both
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1m
receivers: [{ name: both, ${bad.join(', ').replace('webhook_configs: [', `webhook_configs: [{ url: '${hook.url}/well' }, `)} }]
`,
  );
  server = await start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      'cluster.listen-address': '',
    },
    { log: silentLogger, random: () => 0 },
  );
});
afterAll(async () => {
  // The flush is under way still: a stop does not wait for those who never answer.
  await server.stop();
  await hook.stop();
  for (const socket of sockets) socket.destroy();
  for (const one of servers) one.close();
  rmSync(folder, { recursive: true, force: true });
});

it('are tried, and delay nobody', { timeout: 30_000 }, async () => {
  const names = Array.from({ length: 20 }, (_, i) => `alert${i}`);
  for (const alertname of names)
    await fetch(`${server.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ labels: { alertname }, endsAt: '2036-01-01T00:00:00Z', startsAt: new Date() }]),
    });
  const told = (): string[] =>
    hook.requests
      .filter(({ path }) => path === '/well')
      .map(({ body }) => (JSON.parse(body) as { groupLabels: { alertname: string } }).groupLabels.alertname);
  await expect.poll(() => told().sort(), { timeout: 20_000 }).toEqual([...names].sort());
  // The others were asked, those with hope of betterment again and again.
  for (const name of ['mute', 'half', 'cut', 'babble', '/silent', '/deep', '/nojson', '/huge'])
    expect([name, (seen.get(name) ?? 0) > 0]).toEqual([name, true]);
  await expect.poll(() => seen.get('/storm') ?? 0, { timeout: 10_000 }).toBeGreaterThan(names.length);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('alertmanager_notifications_total{integration="webhook"}');
  expect((await fetch(`${server.url}/-/healthy`)).status).toBe(200);
});
