/** Two members in this process, over real connections. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@pronoia/server';
import { hasOpenssl, makeAuthority, makeCertificate } from '@pronoia/server/testing';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type Options, type RunningAlertmanager, start } from '../app.ts';

const running: RunningAlertmanager[] = [];
const logged: string[] = [];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'members-'));
  writeFileSync(
    join(folder, 'am.yml'),
    `route: { receiver: none }\nreceivers: [{ name: none }]\nevent_recorder: { file_outputs: [{ path: events }] }`,
  );
  if (!hasOpenssl) return;
  makeAuthority(folder);
  makeCertificate(folder, 'member', ['IP:127.0.0.1']);
  makeCertificate(folder, 'elsewhere', ['DNS:elsewhere.example']);
  for (const [file, certificate] of [
    ['tls', 'member'],
    ['strange', 'elsewhere'],
  ] as const)
    writeFileSync(
      join(folder, `${file}.yml`),
      `tls_server_config: { cert_file: member.crt, key_file: member.key, client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [127.0.0.1] }
tls_client_config: { ca_file: ca.crt, cert_file: ${certificate}.crt, key_file: ${certificate}.key }`,
    );
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((member) => member.stop()));
});

afterAll(() => rmSync(folder, { recursive: true }));

async function member(name: string, port: number, peer: number, more: Options = {}): Promise<RunningAlertmanager> {
  const options: Options = {
    'config.file': join(folder, 'am.yml'),
    'storage.path': join(folder, name),
    'web.listen-address': ['127.0.0.1:0'],
    'cluster.listen-address': `127.0.0.1:${port}`,
    'cluster.peer': [`127.0.0.1:${peer}`],
    'cluster.peer-name': name,
    ...more,
  };
  const made = await start(options, { log: createLogger({ write: (line) => logged.push(`${name} ${line}`) }) });
  running.push(made);
  return made;
}

async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as unknown as readonly [number, number];
}

async function call({ url }: RunningAlertmanager, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${url}/api/v2${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await answer.text();
  return text === '' ? undefined : JSON.parse(text);
}

async function peersOf(one: RunningAlertmanager): Promise<string[]> {
  return ((await call(one, 'GET', '/status')) as { cluster: { peers: { name: string }[] } }).cluster.peers.map(({ name }) => name);
}

async function acknowledgers(one: RunningAlertmanager): Promise<string[]> {
  return ((await call(one, 'GET', '/acknowledgements')) as { by: string }[]).map(({ by }) => by);
}

const seen = { timeout: 10_000, interval: 20 };

it('an acknowledgement is everybody’s, with a member that was away too, and so is its withdrawal', async () => {
  const [first, second] = await freePorts();
  const a = await member('a', first, second, { 'enable-feature': 'event-recorder' });
  let b = await member('b', second, first, { 'enable-feature': 'event-recorder' });
  await vi.waitFor(async () => expect(await peersOf(a)).toEqual(['a', 'b']), seen);
  await call(a, 'POST', '/alerts', [{ labels: { alertname: 'Disk' }, endsAt: '2036-01-01T00:00:00Z' }]);
  const [{ fingerprint }] = (await call(a, 'GET', '/alerts')) as [{ fingerprint: string }];
  const path = `/alerts/${fingerprint}/acknowledge`;
  await call(a, 'POST', path, { by: 'ann' });
  await vi.waitFor(async () => expect(await acknowledgers(b)).toEqual(['ann']), seen);

  await b.stop();
  running.splice(running.indexOf(b), 1);
  await call(a, 'DELETE', path);
  expect(await acknowledgers(a)).toEqual([]);
  b = await member('b', second, first);
  await vi.waitFor(async () => expect(await peersOf(b)).toEqual(['a', 'b']), seen);
  await vi.waitFor(
    async () => expect([(await call(b, 'GET', '/alerts')) as unknown[], await acknowledgers(b)]).toMatchObject([[{ fingerprint }], []]),
    seen,
  );
  await call(b, 'POST', path, { by: 'bob' });
  await vi.waitFor(async () => expect(await acknowledgers(a)).toEqual(['bob']), seen);
  await Promise.all(running.splice(0).map((one) => one.stop()));
  const events = readFileSync(join(folder, 'events'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { clusterPosition: number });
  expect(new Set(events.map(({ clusterPosition }) => clusterPosition))).toEqual(new Set([0, 1]));
}, 30_000);

it.skipIf(!hasOpenssl)(
  'members with --cluster.tls-config speak over TLS, and refuse who has no certificate or another one',
  async () => {
    const [first, second] = await freePorts();
    const tls = { 'cluster.tls-config': join(folder, 'tls.yml') };
    const a = await member('ta', first, second, tls);
    const b = await member('tb', second, first, tls);
    await vi.waitFor(async () => expect(await peersOf(a)).toEqual(['ta', 'tb']), seen);
    await vi.waitFor(async () => expect(await peersOf(b)).toEqual(['ta', 'tb']), seen);
    const [plain, strange] = await freePorts();
    const others = [
      await member('plain', plain, first, { 'cluster.settle-timeout': 100 }),
      await member('strange', strange, first, { 'cluster.tls-config': join(folder, 'strange.yml') }),
    ];
    const refusals = [/^ta .*TLS handshake on the cluster port failed/, /^ta .*refused for its certificate.*elsewhere\.example/];
    await vi.waitFor(() => expect(refusals.map((one) => logged.some((line) => one.test(line)))).toEqual([true, true]), seen);
    expect(await Promise.all([a, ...others].map(peersOf))).toEqual([['ta', 'tb'], ['plain'], ['strange']]);
  },
  30_000,
);

it.each([
  ['tls_server_config: {}', /tls_client_config/],
  ['tls_server_config: {}\ntls_client_config: {}', /tls_server_config/],
  ['tls_server_config: { cert_file: no.crt, key_file: no.key }\ntls_client_config: {}', /no\.crt/],
])('a --cluster.tls-config of %j is refused at the start', async (text, reason) => {
  writeFileSync(join(folder, 'bad.yml'), text);
  await expect(member('bad', 0, 1, { 'cluster.tls-config': join(folder, 'bad.yml') })).rejects.toThrow(reason);
});
