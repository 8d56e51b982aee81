/** The web's own flags, with real clients: curl, amtool and Debian's prometheus. What is not installed is skipped, and said. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ManualClock, silentLogger } from '@pronoia/server';
import { hasOpenssl, makeAuthority, makeCertificate } from '@pronoia/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningAlertmanager, start } from './app.ts';

const run = promisify(execFile);
const isHere = (program: string): boolean => {
  if (existsSync(program)) return true;
  process.stderr.write(`SKIPPED: ${program} is not installed; the web configuration was not tried with it\n`);
  return false;
};

let folder: string;
let running: RunningAlertmanager;
const children: ChildProcess[] = [];

/** bcrypt of `secret`. */
const hash = '$2b$04$xQ8l.DEdQNe9TqTtcC/YOur4eAqyU5iQxuiNoqO1BA1IO7NR9DMne';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-web-'));
  writeFileSync(join(folder, 'am.yml'), 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n');
  if (!hasOpenssl) return;
  makeAuthority(folder);
  makeCertificate(folder, 'server', ['IP:127.0.0.1']);
  writeFileSync(
    join(folder, 'web.yml'),
    `tls_server_config: { cert_file: server.crt, key_file: server.key }\nbasic_auth_users: { alice: '${hash}' }\n`,
  );
  writeFileSync(
    join(folder, 'client.yml'),
    `tls_config: { ca_file: '${join(folder, 'ca.crt')}' }\nbasic_auth: { username: alice, password: secret }\n`,
  );
  running = await start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0', '127.0.0.1:0'],
      'web.config.file': join(folder, 'web.yml'),
      'cluster.listen-address': '',
    },
    { log: silentLogger },
  );
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await running?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!hasOpenssl)('a web configuration', () => {
  it.skipIf(!isHere('/usr/bin/curl'))('is met by curl', async () => {
    const curl = async (...args: string[]): Promise<string> => {
      const { stdout } = await run('curl', ['-s', '--cacert', join(folder, 'ca.crt'), '-w', ' %{http_code} %{http_version}', ...args]);
      return stdout;
    };
    expect(await curl(`${running.url}/-/healthy`)).toBe('Unauthorized\n 401 2');
    expect(await curl('-u', 'alice:secret', `${running.url}/-/healthy`)).toBe('Alertmanager is Healthy.\n 200 2');
    expect(await curl('--http1.1', '-u', 'alice:secret', '-d', '', `${running.url}/-/reload`)).toBe(' 200 1.1');
  });

  it.skipIf(!isHere('/usr/bin/amtool'))('is met by amtool', async () => {
    const amtool = (...args: string[]): Promise<{ stdout: string }> =>
      run('amtool', ['--alertmanager.url', running.url, '--http.config.file', join(folder, 'client.yml'), ...args]);
    await amtool('alert', 'add', 'alertname=Sealed');
    expect((await amtool('alert', 'query')).stdout).toContain('Sealed');
    await expect(run('amtool', ['--alertmanager.url', running.url, 'alert', 'query'])).rejects.toThrow(/certificate/);
  });

  it.skipIf(!isHere('/usr/bin/promtool'))('is accepted by promtool', async () => {
    const { stdout, stderr } = await run('promtool', ['check', 'web-config', join(folder, 'web.yml')]);
    expect(stdout + stderr).toContain('SUCCESS');
  });

  it.skipIf(!isHere('/usr/bin/prometheus'))(
    'is met by a Prometheus that scrapes and sends alerts',
    async () => {
      const target = `{ scheme: https, tls_config: { ca_file: ca.crt }, basic_auth: { username: alice, password: secret }, static_configs: [{ targets: ['127.0.0.1:${running.port}'] }]`;
      writeFileSync(
        join(folder, 'prometheus.yml'),
        `global: { scrape_interval: 200ms, evaluation_interval: 200ms }
rule_files: [rules.yml]
scrape_configs: [${target}, job_name: am }]
alerting: { alertmanagers: [${target} }] }\n`,
      );
      writeFileSync(join(folder, 'rules.yml'), 'groups: [{ name: g, rules: [{ alert: Scraped, expr: up == 1 }] }]\n');
      const port = await freePort();
      children.push(
        spawn(
          '/usr/bin/prometheus',
          [
            `--config.file=${join(folder, 'prometheus.yml')}`,
            `--storage.tsdb.path=${join(folder, 'tsdb')}`,
            `--web.listen-address=127.0.0.1:${port}`,
          ],
          { stdio: 'ignore' },
        ),
      );
      await expect
        .poll(
          () =>
            run('amtool', ['--alertmanager.url', running.url, '--http.config.file', join(folder, 'client.yml'), 'alert']).then(
              (r) => r.stdout,
            ),
          {
            timeout: 20_000,
            interval: 200,
          },
        )
        .toContain('Scraped');
    },
    25_000,
  );
});

it('a request that is not answered within --web.timeout is answered 503', async () => {
  const clock = new ManualClock();
  const slow = await start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'slow'),
      'web.listen-address': ['127.0.0.1:0'],
      'web.timeout': 30_000,
      'cluster.listen-address': '',
    },
    { log: silentLogger, clock },
  );
  try {
    const socket = connect(slow.port, '127.0.0.1');
    let answer = '';
    const ended = new Promise<void>((resolve) =>
      socket.on('data', (part: Buffer) => (answer += part.toString())).on('close', () => resolve()),
    );
    // The body never comes.
    socket.write('POST /api/v2/alerts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n[');
    await expect.poll(async () => (await (await fetch(`${slow.url}/metrics`)).text()).length).toBeGreaterThan(0);
    await clock.advance(30_000);
    await ended;
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*Exceeded configured timeout of 30s\.\n$/);
    expect((await fetch(`${slow.url}/api/v2/status`)).status).toBe(200);
  } finally {
    await slow.stop();
  }
});

it('sockets that systemd opened are listened on', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  const { _handle: handle } = holder as unknown as { _handle: { fd: number } };
  const built = new URL('../dist/index.js', import.meta.url).href;
  const argv = [
    `--config.file=${join(folder, 'am.yml')}`,
    `--storage.path=${join(folder, 'sockets')}`,
    '--web.systemd-socket',
    '--cluster.listen-address=',
  ];
  const code = `process.env.LISTEN_PID = String(process.pid); process.env.LISTEN_FDS = '1';
const { main } = await import(${JSON.stringify(built)}); await main(${JSON.stringify(argv)});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'ignore', 'pipe', handle.fd] });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    let told = '';
    child.stderr?.on('data', (part: Buffer) => {
      told += part.toString();
      if (told.includes('Listening on')) resolve(told);
    });
    child.on('exit', () => reject(new Error(told)));
  });
  holder.close();
  expect(line).toContain(`address=127.0.0.1:${port}`);
  expect((await fetch(`http://127.0.0.1:${port}/-/ready`)).status).toBe(200);
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

it('an acknowledgement is kept over a restart, shown by explain, and withdrawn', async () => {
  const options = {
    'config.file': join(folder, 'am.yml'),
    'storage.path': join(folder, 'acknowledged'),
    'web.listen-address': ['127.0.0.1:0'],
    'cluster.listen-address': '',
  };
  const call = async (url: string, method: string, path: string, body?: object): Promise<readonly [number, unknown]> => {
    const answer = await fetch(`${url}/api/v2${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    return [answer.status, text === '' ? undefined : JSON.parse(text)];
  };
  const alert = [{ labels: { alertname: 'Disk' }, startsAt: '2026-01-01T00:00:00Z', endsAt: '2036-01-01T00:00:00Z' }];
  const path = '/alerts/4b1a12d0e48bb5d9/acknowledge';
  let url = '';
  let server = await start(options, { log: silentLogger });
  try {
    url = server.url;
    await call(url, 'POST', '/alerts', alert);
    const [, [found]] = (await call(url, 'GET', '/alerts')) as [number, [{ fingerprint: string }]];
    const own = path.replace(/[0-9a-f]{16}/, found.fingerprint);
    expect(await call(url, 'POST', own, {})).toEqual([422, { code: 602, message: 'by in body is required: who acknowledges' }]);
    expect(await call(url, 'POST', path, { by: 'ann' })).toEqual([404, 'no alert 4b1a12d0e48bb5d9 fires']);
    expect((await call(url, 'POST', own, { by: 'ann', comment: 'on it' }))[0]).toBe(200);
    await server.stop();
    server = await start(options, { log: silentLogger });
    url = server.url;
    await call(url, 'POST', '/alerts', alert);
    expect(await call(url, 'GET', '/acknowledgements')).toMatchObject([
      200,
      [{ by: 'ann', comment: 'on it', labels: { alertname: 'Disk' } }],
    ]);
    expect(await call(url, 'GET', `/alerts/${found.fingerprint}/explain`)).toMatchObject([200, { acknowledged: { by: 'ann' } }]);
    expect(await call(url, 'DELETE', own)).toEqual([200, undefined]);
    expect((await call(url, 'DELETE', own))[0]).toBe(404);
    expect(await call(url, 'GET', '/acknowledgements')).toEqual([200, []]);
  } finally {
    await server.stop();
  }
});

it('--log.silences tells of each change, receiver-name-in-metrics names receivers', async () => {
  const hook = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const file = join(folder, 'named.yml');
  writeFileSync(
    file,
    `route: { receiver: team, group_wait: 0s }\nreceivers: [{ name: team, webhook_configs: [{ url: 'http://127.0.0.1:${(hook.address() as AddressInfo).port}/' }] }]\n`,
  );
  const told: string[] = [];
  const server = await start(
    {
      'config.file': file,
      'storage.path': join(folder, 'named'),
      'web.listen-address': ['127.0.0.1:0'],
      'cluster.listen-address': '',
      'log.silences': true,
      'enable-feature': 'receiver-name-in-metrics',
    },
    { log: { ...silentLogger, info: (fields: object, message: string) => told.push(`${message} ${JSON.stringify(fields)}`) } },
  );
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${server.url}/api/v2/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  try {
    const matchers = [{ name: 'a', value: 'b', isRegex: false }];
    await post('silences', { matchers, startsAt: new Date(), endsAt: '2036-01-01T00:00:00Z', createdBy: 'ann', comment: 'c' });
    expect(told.filter((line) => line.startsWith('Silence changed'))).toEqual([
      expect.stringMatching(/"state":"active","matchers":"\{a=\\"b\\"\}".*"createdBy":"ann"/),
    ]);
    await post('alerts', [{ labels: { alertname: 'x' }, startsAt: new Date(), endsAt: '2036-01-01T00:00:00Z' }]);
    await expect
      .poll(async () => (await fetch(`${server.url}/metrics`)).text())
      .toContain('alertmanager_notifications_total{integration="webhook",receiver_name="team"} 1');
  } finally {
    await server.stop();
    hook.close();
  }
});
