import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningMonitor, start } from './app.ts';

/**
 * The original, Debian's Prometheus, and ours scrape the same page with the same timestamps and are asked the same questions.
 * Answers must be equal to the byte, except where a row says why not (2.42 is older than the version that we follow).
 */
const original = '/usr/bin/prometheus';
const isMissing = !existsSync(original);

let folder: string;
let target: Server;
let theirs: ChildProcess;
let theirUrl: string;
let ours: RunningMonitor;
/** A minute ago, on a whole second, so that the page's samples lie inside every look-back. */
const atMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
const at = atMs / 1000;

const page = `# TYPE requests_total counter
# HELP requests_total Requests \\\\ with "quotes".
requests_total{code="200",path="/a"} 1027 ${atMs}
requests_total{code="500",path="/a"} 3 ${atMs}
requests_total{code="200",path="/ü\\"\\n"} 12.5 ${atMs}
# TYPE strange gauge
strange{kind="nan"} NaN ${atMs}
strange{kind="inf"} +Inf ${atMs}
strange{kind="small"} 1e-9 ${atMs}
strange{kind="large"} 123456789012345678901234 ${atMs}
strange{kind="zero"} -0 ${atMs}
# TYPE latency histogram
latency_bucket{le="0.5"} 3 ${atMs}
latency_bucket{le="1.0"} 5 ${atMs}
latency_bucket{le="+Inf"} 6 ${atMs}
latency_sum 4.2 ${atMs}
latency_count 6 ${atMs}
`;

beforeAll(async () => {
  if (isMissing) return;
  folder = await mkdtemp(join(tmpdir(), 'original-'));
  target = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(page);
  });
  await new Promise<void>((done) => target.listen(0, '127.0.0.1', done));
  const { port } = target.address() as AddressInfo;
  await writeFile(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
- job_name: page
  static_configs: [{ targets: ["127.0.0.1:${port}"] }]
  relabel_configs: [{ target_label: instance, replacement: target }]
`,
  );
  await writeFile(
    join(folder, 'rules.yml'),
    'groups:\n- name: g\n  rules:\n  - { alert: Errors, expr: "requests_total{code=\\"500\\"}>0", for: 1h, labels: { l: x }, annotations: { a: "{{ $value }}" } }\n  - { record: "r:sum", expr: "sum(requests_total)" }\n',
  );
  const theirPort = await freePort();
  theirUrl = `http://127.0.0.1:${theirPort}`;
  theirs = spawn(
    original,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'theirs')}`,
      `--web.listen-address=127.0.0.1:${theirPort}`,
    ],
    { stdio: 'ignore' },
  );
  ours = await start({
    'config.file': join(folder, 'prometheus.yml'),
    'storage.tsdb.path': join(folder, 'ours'),
    'web.listen-address': ['127.0.0.1:0'],
    'web.enable-remote-write-receiver': true,
  });
  for (const url of [theirUrl, ours.url]) await untilScraped(url);
}, 60_000);

afterAll(async () => {
  if (isMissing) return;
  await ours?.stop();
  if (theirs?.exitCode === null) {
    theirs.kill('SIGKILL');
    await new Promise((done) => theirs.once('exit', done));
  }
  target.closeAllConnections();
  target.close();
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

async function untilScraped(url: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const answer = await fetch(`${url}/api/v1/query?query=count(r:sum)`).catch(() => undefined);
    if (answer?.ok && (await answer.text()).includes('"1"')) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${url} does not scrape`);
}

async function ask(url: string, path: string, method: string): Promise<{ status: number; body: unknown }> {
  const [route, query] = path.split('?') as [string, string?];
  const response =
    method === 'GET'
      ? await fetch(`${url}/api/v1${path}`)
      : await fetch(`${url}/api/v1${route}`, {
          method,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: query ?? '',
        });
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) as unknown };
  } catch {
    return { status: response.status, body: text };
  }
}

const q = (expr: string): string => `/query?time=${at}&query=${encodeURIComponent(expr)}`;
const r = (expr: string, more = ''): string =>
  `/query_range?start=${at - 30}&end=${at + 30}&step=15&query=${encodeURIComponent(expr)}${more}`;

if (isMissing) process.stderr.write(`SKIPPED: ${original} is not installed (apt-get install prometheus); nothing was compared with it\n`);

describe.skipIf(isMissing)('beside the original', () => {
  it.each([
    q('requests_total'),
    q('requests_total{path!~"/a.*"}'),
    q('sum by (code) (requests_total)'),
    q('strange'),
    q('-strange'),
    q('requests_total[1m]'),
    q('requests_total - on(path, code) group_left requests_total'),
    q('histogram_quantile(0.9, latency_bucket)'),
    q('latency_bucket'),
    q('topk(1, requests_total)'),
    q('absent(nope{a="b"})'),
    q('nope'),
    q('1'),
    q('"text"'),
    q('scalar(nope)'),
    q('time()'),
    q('vector(1)'),
    r('requests_total'),
    r('sum(requests_total)'),
    r('1'),
    r('time()'),
    r('nope'),
    r('requests_total offset 15s > 5'),
    `/query?query=1&time=${new Date(atMs).toISOString()}`,
    `/query?query=1&time=1435781451.781`,
    '/series?match[]=requests_total&match[]={kind="nan"}',
    '/series?match[]=latency_bucket',
    '/labels?match[]=latency_bucket',
    '/label/le/values',
    '/label/code/values?match[]=requests_total{path="/a"}',
    '/label/nope/values',
    '/metadata?metric=requests_total',
    '/metadata?metric=nope',
    '/targets/metadata?metric=strange',
    '/format_query?query=sum(rate(requests_total{code="200"}[5m]))by(path)>1',
    '/alertmanagers',
    `/query_exemplars?query=requests_total&start=${at}&end=${at + 1}`,
  ])('answers GET and POST %s', async (path) => {
    for (const method of /^\/(query|series|labels|format)/.test(path) ? ['GET', 'POST'] : ['GET']) {
      expect(await ask(ours.url, path, method)).toEqual(await ask(theirUrl, path, method));
    }
  });

  it.each([
    '/query?query=sum(',
    '/query?query=',
    '/query?query=up&time=x',
    '/query?query=up&timeout=x',
    q('rate(requests_total)'),
    '/query_range?query=up',
    `/query_range?query=up&start=${at}&end=${at + 1}&step=0`,
    `/query_range?query=up&start=${at}&end=${at + 1}&step=x`,
    `/query_range?query=up&start=${at}&end=${at - 1}&step=1`,
    `/query_range?query=up&start=0&end=11001&step=1`,
    '/series',
    '/series?match[]={x=~".*"}',
    '/series?match[]=up{',
    '/labels?start=x',
    '/rules?type=x',
    '/format_query?query=sum(',
  ])('refuses %s', async (path) => {
    const their = await ask(theirUrl, path, 'GET');
    // 3.x begins its errors in lower case.
    const body = JSON.parse(JSON.stringify(their.body).replace('Invalid time value', 'invalid time value')) as unknown;
    expect(await ask(ours.url, path, 'GET')).toEqual({ status: their.status, body });
  });

  it.each(['delete_series', 'clean_tombstones', 'snapshot'])('keeps %s closed', async (name) => {
    for (const method of ['POST', 'PUT'])
      expect(await ask(ours.url, `/admin/tsdb/${name}`, method)).toEqual(await ask(theirUrl, `/admin/tsdb/${name}`, method));
  });

  it('is a place that the original can write to', async () => {
    const port = await freePort();
    const config = join(folder, 'writer.yml');
    const page = (target.address() as AddressInfo).port;
    await writeFile(
      config,
      `global: { scrape_interval: 1s, external_labels: { from: original } }
remote_write: [{ url: "${ours.url}/api/v1/write", queue_config: { batch_send_deadline: 100ms } }]
scrape_configs: [{ job_name: written, static_configs: [{ targets: ["127.0.0.1:${page}"] }], relabel_configs: [{ target_label: instance, replacement: target }] }]
`,
    );
    const writer = spawn(
      original,
      [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'writer')}`, `--web.listen-address=127.0.0.1:${port}`],
      { stdio: 'ignore' },
    );
    try {
      // What is older than the writer's start (the page) is never sent; its reports are.
      const expr = 'count by (from, job) ({from="original", __name__=~"up|scrape_.*"})';
      for (let i = 0; i < 200; i++) {
        const { body } = await ask(ours.url, `/query?query=${encodeURIComponent(expr)}`, 'GET');
        const { result } = (body as { data: { result: { value: [number, string] }[] } }).data;
        if (result[0]?.value[1] === '5') return;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error('the samples of the other server did not arrive');
    } finally {
      writer.kill('SIGKILL');
      await new Promise((done) => writer.once('exit', done));
    }
  });

  it('shows rules, alerts and targets with the same keys', async () => {
    for (const path of [
      '/rules',
      '/alerts',
      '/targets',
      '/status/tsdb',
      '/status/runtimeinfo',
      '/status/buildinfo',
      '/status/walreplay',
      '/status/config',
    ]) {
      const [own, their] = [await ask(ours.url, path, 'GET'), await ask(theirUrl, path, 'GET')];
      const missing = [...keysOf(their.body)].filter((key) => !keysOf(own.body).has(key));
      expect([path, missing]).toEqual([path, []]);
    }
  });
});

/** `data.groups.rules.state`, over all elements of lists. */
function keysOf(value: unknown, path = '', keys = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) keysOf(item, path, keys);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value))
      keysOf(inner, path === '' ? key : `${path}.${key}`, keys.add(path === '' ? key : `${path}.${key}`));
  }
  return keys;
}
