/** Debian's Prometheus scrapes us, in each format it knows, and answers queries about what it found. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Counter, Gauge, Histogram, HttpMetrics, Registry, Summary } from './node.ts';

/** Debian's packages prometheus (both). */
const prometheusProgram = 'prometheus';
const promtoolProgram = 'promtool';
const hasPrometheus = spawnSync(prometheusProgram, ['--version']).status === 0;
if (!hasPrometheus) process.stderr.write('SKIPPED: no prometheus on this machine; it does not scrape our exposition here\n');

const registry = new Registry(undefined, { created: true });
const registers = [registry];
/** Headers that the scraper was given. */
const given = new Set<string>();

describe.skipIf(!hasPrometheus)('Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-scrape-'));
  let server: Server;
  let prometheus: ChildProcess;
  let api = '';

  beforeAll(async () => {
    new Counter({ name: 'requests_total', help: 'Requests.', labelNames: ['code'], registers }).inc({ code: 'a"b\\c\nd é' }, 12.5, {
      trace_id: 't1',
    });
    new Gauge({ name: 'odd', help: 'Odd numbers.', labelNames: ['n'], registers }).set({ n: 'inf' }, -Infinity);
    new Summary({ name: 'rpc_seconds', help: 'RPCs.', registers, percentiles: [0.5] }).observe(3);
    const native = new Histogram({ name: 'native_seconds', help: 'Native.', native: { factor: 1.1 }, labelNames: ['x'], registers });
    for (let i = 1; i <= 1000; i++) native.observe({ x: 'y' }, i / 1000);
    for (let i = 1; i <= 10; i++) native.observe({ x: 'y' }, -i);
    native.observe({ x: 'y' }, 0);
    new Histogram({ name: 'empty_seconds', help: 'Native, nothing seen.', native: { factor: 2 }, registers });
    new Histogram({ name: 'classic_seconds', help: 'Classic.', buckets: [0.5, 1], registers }).observe(0.7);
    const big = new Gauge({ name: 'big', help: 'Many.', labelNames: ['i'], registers });
    for (let i = 0; i < 5000; i++) big.set({ i }, i);

    // The first time loads the format: on a busy machine longer than the scraper waits.
    await registry.render('application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited');
    const handler = new HttpMetrics({ registry }).handler();
    server = createServer((request, response) => {
      const setHeader = response.setHeader.bind(response);
      response.setHeader = (name, value) => {
        given.add(`${name}: ${String(value)}`);
        return setHeader(name, value);
      };
      handler(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: ours, static_configs: [{ targets: ['${target}'] }] }]\n`,
    );
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => free.once('listening', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    api = `http://127.0.0.1:${port}/api/v1`;
    prometheus = spawn(
      prometheusProgram,
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=native-histograms',
      ],
      { stdio: 'ignore' },
    );
    await until(async () => (await query('up'))[0]?.value === '1');
  });

  afterAll(async () => {
    const gone = new Promise((resolve) => prometheus.once('exit', resolve));
    prometheus.kill();
    await gone;
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  async function query(expression: string): Promise<{ metric: Record<string, string>; value: string }[]> {
    const response = await fetch(`${api}/query?query=${encodeURIComponent(expression)}`);
    const { data } = (await response.json()) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
    return data.result.map(({ metric, value }) => ({ metric, value: value[1] }));
  }

  it('asks for protobuf, compressed, and gets it', () => {
    expect([...given].sort()).toEqual([
      'content-encoding: gzip',
      'content-type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores',
      'vary: accept, accept-encoding',
    ]);
  });

  it.each([
    ['up', '1'],
    ['requests_total{code="a\\"b\\\\c\\nd é"}', '12.5'],
    ['odd', '-Inf'],
    ['rpc_seconds{quantile="0.5"}', '3'],
    ['rpc_seconds_count', '1'],
    ['classic_seconds_bucket{le="0.5"}', '0'],
    ['classic_seconds_bucket{le="1.0"}', '1'],
    ['classic_seconds_bucket{le="+Inf"}', '1'],
    ['classic_seconds_sum', '0.7'],
    ['histogram_count(native_seconds{x="y"})', '1011'],
    ['histogram_sum(native_seconds)', '445.5'],
    ['histogram_count(empty_seconds)', '0'],
    ['count(big)', '5000'],
  ])('answers %s with %s', async (expression, value) => {
    expect((await query(expression)).map((each) => each.value)).toEqual([value]);
  });

  it('computes quantiles of the native histogram within its resolution', async () => {
    const [result] = await query('histogram_quantile(0.9, native_seconds)');
    expect(Number(result?.value)).toBeGreaterThan(0.9 / 1.1);
    expect(Number(result?.value)).toBeLessThan(0.9 * 1.1);
  });
});

async function until(isDone: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await isDone().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe.skipIf(spawnSync(promtoolProgram, ['--version']).status !== 0)('promtool', () => {
  it('finds no fault with the text', async () => {
    const plain = new Registry();
    new Counter({ name: 'a_total', help: 'A.', labelNames: ['x'], registers: [plain] }).inc({ x: '"' });
    new Histogram({ name: 'h_seconds', help: 'H.', registers: [plain] }).observe(1);
    const { status, stdout, stderr } = spawnSync(promtoolProgram, ['check', 'metrics'], { input: await plain.metrics(), encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
