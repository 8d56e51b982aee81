import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

/**
 * The monitor as a process of its own, from the built program: killed in the middle of its work, told to reload, told to stop.
 */
const root = resolve(import.meta.dirname, '../../..');
const built = join(root, 'packages/monitor/dist/index.js');

let folder: string;
let target: Server;
let value = 0;

beforeAll(async () => {
  if (!existsSync(built)) execFileSync(join(root, 'node_modules/.bin/tsc'), ['-b', 'packages/monitor'], { cwd: root });
  folder = await mkdtemp(join(tmpdir(), 'monitor-process-'));
  target = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(`counted ${++value}\n`);
  });
  await new Promise<void>((done) => target.listen(0, '127.0.0.1', done));
  await writeConfig('first');
}, 120_000);

afterAll(async () => {
  target.closeAllConnections();
  target.close();
  await rm(folder, { recursive: true, force: true });
});

function writeConfig(job: string): Promise<void> {
  const { port } = target.address() as AddressInfo;
  const text = `scrape_configs:\n- job_name: ${job}\n  scrape_interval: 100ms\n  static_configs: [{ targets: ["127.0.0.1:${port}"] }]\n`;
  return writeFile(join(folder, 'prometheus.yml'), text);
}

interface Process {
  readonly child: ChildProcess;
  readonly url: string;
  readonly log: () => string;
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

async function launch(...more: string[]): Promise<Process> {
  const script = `import(${JSON.stringify(built)}).then(({ main }) => main(process.argv.slice(1)))`;
  const flags = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0', ...more];
  const child = spawn(process.execPath, ['-e', script, '--', ...flags], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise<number | NodeJS.Signals | null>((done) => child.on('exit', (code, signal) => done(signal ?? code)));
  const url = await until(() => /msg="Server is ready.*url=(\S+)/.exec(log)?.[1] ?? (child.exitCode === null ? undefined : ''));
  return { child, url, log: () => log, ended };
}

async function until<T>(read: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const found = await read();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error('it did not come');
}

async function samples(url: string): Promise<string[]> {
  const response = await fetch(`${url}/api/v1/query?query=counted[1h]`);
  const { data } = (await response.json()) as { data: { result: { values: [number, string][] }[] } };
  return (data.result[0]?.values ?? []).map(([time, text]) => `${time} ${text}`);
}

it('keeps every sample that a query has shown, when it is killed', async () => {
  const shown = new Set<string>();
  for (let life = 0; life < 3; life++) {
    const { child, url, ended } = await launch();
    const before = new Set(await samples(url));
    for (const sample of shown) expect(before).toContain(sample);
    const seen = await until(async () => {
      const now = await samples(url);
      return now.length > shown.size + 4 ? now : undefined;
    });
    for (const sample of seen) shown.add(sample);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
  }
  expect(shown.size).toBeGreaterThan(14);
}, 60_000);

it('reloads on SIGHUP, keeps what runs when the new file is bad, and stops when told', async () => {
  const { child, url, log, ended } = await launch();
  const pools = async (): Promise<string> =>
    JSON.stringify(((await (await fetch(`${url}/api/v1/scrape_pools`)).json()) as { data: unknown }).data);
  expect(await pools()).toBe('{"scrapePools":["first"]}');
  await writeConfig('second');
  child.kill('SIGHUP');
  await until(async () => ((await pools()).includes('second') ? true : undefined));
  await writeFile(join(folder, 'prometheus.yml'), 'scrape_configs: [{ job_name: "" }]');
  child.kill('SIGHUP');
  await until(() => (log().includes('job_name is empty') ? true : undefined));
  expect(await pools()).toBe('{"scrapePools":["second"]}');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  await writeConfig('first');
}, 60_000);

it('ends when it is asked to by HTTP, if that is allowed', async () => {
  for (const allowed of [false, true]) {
    const { child, url, ended } = await launch(allowed ? '--web.enable-lifecycle' : '--no-web.enable-lifecycle');
    const answer = await fetch(`${url}/-/quit`, { method: 'POST' });
    expect([answer.status, (await answer.text()).trim()]).toEqual(
      allowed ? [200, 'Requesting termination... Goodbye!'] : [403, 'Lifecycle API is not enabled.'],
    );
    if (!allowed) child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }
}, 60_000);

it('does not start with a bad configuration, and says where it is wrong', async () => {
  await writeFile(join(folder, 'bad.yml'), 'scrape_configs:\n- job_nme: x\n');
  const { log, ended } = await launch('--config.file=bad.yml');
  expect(await ended).toBe(1);
  expect(log()).toMatch(/bad\.yml:2:3/);
}, 60_000);
