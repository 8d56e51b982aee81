import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Recorder } from './recorder.ts';

// Processes run what is built: `npx tsc -b packages/alertmanager`.
const built = new URL('../dist/index.js', import.meta.url);

let folder: string;
let hook: Recorder;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  if (!existsSync(built)) throw new Error('packages/alertmanager/dist is missing; run npx tsc -b packages/alertmanager');
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  hook = await Recorder.start();
  writeFileSync(
    join(folder, 'am.yml'),
    `route: { receiver: hook, group_by: [alertname], group_wait: 10ms, group_interval: 200ms, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: '${hook.url}/' }] }]`,
  );
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});
afterAll(async () => {
  await hook.stop();
  rmSync(folder, { recursive: true });
});

interface Process {
  readonly url: string;
  readonly lines: string[];
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
}

async function run(...argv: string[]): Promise<Process> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', `import { main } from ${JSON.stringify(built.href)}; await main(process.argv.slice(1));`, '--', ...argv],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  children.add(child);
  const lines: string[] = [];
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      lines.push(chunk.toString());
      // In one write: whoever reads it line by line or chunk by chunk finds it whole.
      const found = lines.find((line) => line.includes('Listening on'));
      const address = /address=(\S+)/.exec(found ?? '')?.[1];
      if (address !== undefined) resolve(`http://${address}`);
    });
    void ended.then((code) => reject(new Error(`ended with ${code}:\n${lines.join('')}`)));
  });
  return { url, lines, ended, kill: (signal) => child.kill(signal) };
}

const flags = (): string[] => [
  '--config.file',
  join(folder, 'am.yml'),
  `--storage.path=${join(folder, 'data')}`,
  '--web.listen-address=127.0.0.1:0',
  '--cluster.listen-address=',
];

async function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

describe('the process', () => {
  it('killed after a notification tells nothing twice, and keeps silences', async () => {
    const first = await run(...flags());
    const alert = [{ labels: { alertname: 'Disk' }, startsAt: new Date(Date.now() - 3_600_000).toISOString() }];
    await post(`${first.url}/api/v2/alerts`, alert);
    await hook.waitFor(1);
    const silence = {
      matchers: [{ name: 'alertname', value: 'Quiet', isRegex: false }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: 'ann',
      comment: '',
    };
    const { silenceID: id } = (await (await post(`${first.url}/api/v2/silences`, silence)).json()) as { silenceID: string };
    // The log is written right after the answer of the receiver; the next flush of the group shows that it was.
    await post(`${first.url}/api/v2/alerts`, [{ labels: { alertname: 'Marker' } }]);
    await hook.waitFor(2);
    first.kill('SIGKILL');
    await first.ended;

    const second = await run(...flags());
    await post(`${second.url}/api/v2/alerts`, [...alert, { labels: { alertname: 'Quiet' } }, { labels: { alertname: 'Fresh' } }]);
    await hook.waitFor(3);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(hook.requests.map(({ body }) => (JSON.parse(body) as { groupLabels: { alertname: string } }).groupLabels.alertname)).toEqual([
      'Disk',
      'Marker',
      'Fresh',
    ]);
    expect(await (await fetch(`${second.url}/api/v2/silence/${id}`)).json()).toMatchObject({ status: { state: 'active' } });
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);

    // A clean stop leaves a snapshot; it says the same.
    const third = await run(...flags());
    await post(`${third.url}/api/v2/alerts`, alert);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(hook.requests).toHaveLength(3);
    third.kill('SIGTERM');
    expect(await third.ended).toBe(0);
  });

  it('reads its configuration again on SIGHUP', async () => {
    const server = await run(...flags());
    const file = join(folder, 'am.yml');
    writeFileSync(file, `route: { receiver: new }\nreceivers: [{ name: new }]`);
    server.kill('SIGHUP');
    let names: unknown;
    for (let i = 0; i < 100 && names !== 'new'; i++) {
      names = ((await (await fetch(`${server.url}/api/v2/receivers`)).json()) as { name: string }[])[0]?.name;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(names).toBe('new');
    writeFileSync(file, 'route: 5');
    server.kill('SIGHUP');
    for (let i = 0; i < 100 && !server.lines.join('').includes('Reload failed'); i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.lines.join('')).toMatch(/Reload failed.*am\.yml:1:8/);
    expect((await fetch(`${server.url}/-/ready`)).status).toBe(200);
  });

  it('lives under a prefix, and on several addresses', async () => {
    writeFileSync(join(folder, 'am.yml'), `route: { receiver: r }\nreceivers: [{ name: r }]`);
    const server = await run(...flags(), '--web.external-url=http://example.org/am/', '--web.listen-address=127.0.0.1:0');
    const ask = async (path: string, method = 'GET'): Promise<string> => {
      const answer = await fetch(`${server.url}${path}`, {
        method,
        redirect: 'manual',
        ...(method === 'POST' ? { body: new URLSearchParams() } : {}),
      });
      return `${answer.status} ${answer.headers.get('location') ?? ''}`.trim();
    };
    expect([
      await ask('/'),
      await ask('/am/'),
      await ask('/am/-/ready'),
      await ask('/am/api/v2/status'),
      await ask('/api/v2/status'),
    ]).toEqual(['302 /am', '200', '200', '200', '404']);
    expect(await ask('/am/-/reload', 'POST')).toBe('200');
    for (let i = 0; i < 100 && [...server.lines.join('').matchAll(/address=(\S+)/g)].length < 2; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const [, second] = [...server.lines.join('').matchAll(/address=(\S+)/g)].map(([, address]) => address);
    expect((await fetch(`http://${second}/am/-/ready`)).status).toBe(200);
    server.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it.each([
    [['--config.fil=x'], /unknown long flag '--config\.fil' \(did you mean "--config\.file"/],
    [['--config.file=/nowhere/am.yml'], /no such file or directory/],
    [['--enable-feature=time-travel'], /unknown option \\"time-travel\\" for --enable-feature/],
    [['--enable-feature=classic-mode,utf8-strict-mode'], /cannot enable both/],
    [['--web.listen-address=nine'], /--web\.listen-address=nine: write host:port/],
  ])('ends at once with %j', async (argv, message) => {
    await expect(run(`--storage.path=${join(folder, 'other')}`, ...argv)).rejects.toThrow(message);
  });
});
