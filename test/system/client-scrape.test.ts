/** A program that measures itself with our client, scraped by real processes: our monitor and Debian's Prometheus, in every text format they know. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Counter, Gauge, Histogram, HttpMetrics, Info, Registry, StateSet, Summary } from '../../packages/client/src/node.ts';
import { query, until } from './pronoia.ts';

/** Debian's package of the same name. */
const prometheus = 'prometheus';

interface Job {
  readonly name: string;
  /** Lines of its scrape configuration. */
  readonly settings?: string;
  /** What the program is made to believe was asked for. */
  readonly accept?: string;
  /** What it must have answered. */
  readonly contentType: string;
  readonly hasExemplars: boolean;
  /** How the scraper is asked for `http.server`. */
  readonly dotted: string;
}

interface Scraper {
  readonly title: string;
  readonly command: readonly string[];
  readonly isThere: boolean;
  readonly jobs: readonly Job[];
}

const openMetrics = (version: string) => `application/openmetrics-text; version=${version}; charset=utf-8; escaping=underscores`;
const plain = 'text/plain; version=0.0.4; charset=utf-8';
const escaped = { dotted: 'http_server{JOB}', hasExemplars: false };

const scrapers: readonly Scraper[] = [
  {
    title: 'our monitor',
    command: [process.execPath, join(import.meta.dirname, '../../packages/cli/dist/main.js'), 'monitor'],
    isThere: true,
    jobs: [
      { ...escaped, name: 'text-0', settings: 'scrape_protocols: [PrometheusText0.0.4]', contentType: plain },
      {
        ...escaped,
        name: 'text-1',
        settings: 'scrape_protocols: [PrometheusText1.0.0]',
        contentType: 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
        dotted: '{"http.server",JOB}',
      },
      {
        ...escaped,
        name: 'open-0',
        settings: 'scrape_protocols: [OpenMetricsText0.0.1]',
        contentType: openMetrics('0.0.1'),
        hasExemplars: true,
      },
      {
        ...escaped,
        name: 'open-1',
        settings: 'scrape_protocols: [OpenMetricsText1.0.0]\n    metric_name_escaping_scheme: underscores',
        contentType: openMetrics('1.0.0'),
        hasExemplars: true,
      },
    ],
  },
  {
    title: "Debian's Prometheus",
    command: [prometheus],
    isThere: spawnSync(prometheus, ['--version']).status === 0,
    // Its protobuf is scraped in packages/client/src/prometheus-scrape.test.ts.
    jobs: [
      { ...escaped, name: 'text', accept: 'text/plain;version=0.0.4', contentType: plain },
      { ...escaped, name: 'open', contentType: openMetrics('1.0.0'), hasExemplars: true },
    ],
  },
];

const registry = new Registry();
const registers = [registry];
/** By job. */
const answered = new Map<string, string>();
let server: Server;

beforeAll(async () => {
  const requests = new Counter({ name: 'requests_total', help: 'Requests "served"\nor not.', labelNames: ['code'], registers });
  requests.inc({ code: 'a"b\\c\nd é' }, 12.5, { trace_id: 't1' });
  const odd = new Gauge({ name: 'odd', help: 'Odd numbers.', labelNames: ['n'], registers });
  odd.set({ n: 'inf' }, -Infinity);
  odd.set({ n: 'nan' }, NaN);
  odd.set({ n: 'small' }, 5e-324);
  new Summary({ name: 'rpc_seconds', help: 'RPCs.', unit: 'seconds', registers, percentiles: [0.5] }).observe(3);
  const classic = new Histogram({ name: 'classic_seconds', help: 'Classic.', buckets: [0.5, 1], registers });
  for (const value of [0.5, 0.7, 30]) classic.observe(value);
  const native = new Histogram({
    name: 'native_seconds',
    help: 'Native, of which text shows the sum.',
    native: { factor: 1.1 },
    registers,
  });
  for (let i = 1; i <= 1000; i++) native.observe(i);
  new Info({ name: 'build', help: 'Build.', labelNames: ['version'], registers }).set({ version: '1.2' });
  new StateSet({ name: 'light', help: 'Light.', states: ['red', 'green'], registers }).set('green');
  new Gauge({ name: 'http.server', help: 'A dotted name.', utf8Names: true, registers }).set(7);
  const big = new Gauge({ name: 'big', help: 'Many.', labelNames: ['i'], registers });
  for (let i = 0; i < 5000; i++) big.set({ i }, i);

  const metrics = new HttpMetrics({ registry });
  const handler = metrics.handler();
  const jobs = scrapers.flatMap((scraper) => scraper.jobs);
  server = createServer((request, response) => {
    const job = jobs.find(({ name }) => request.url === `/${name}`);
    if (job?.accept !== undefined) request.headers.accept = job.accept;
    response.once('finish', () => job && answered.set(job.name, String(response.getHeader('content-type'))));
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

for (const { title, command, isThere, jobs } of scrapers) {
  if (!isThere) process.stderr.write(`SKIPPED: ${title} is not on this machine; it does not scrape our client here\n`);
  describe.skipIf(!isThere)(`scraped by ${title}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'pronoia-client-scrape-'));
    let scraper: ChildProcess;
    let url = '';

    beforeAll(async () => {
      const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const configs = jobs.map(({ name, settings = 'scheme: http' }) => {
        return `  - job_name: ${name}\n    metrics_path: /${name}\n    static_configs: [{ targets: ['${target}'] }]\n    ${settings}\n`;
      });
      writeFileSync(join(folder, 'prometheus.yml'), `global: { scrape_interval: 1s }\nscrape_configs:\n${configs.join('')}`);
      const [program = '', ...first] = command;
      const flags = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', '--web.listen-address=127.0.0.1:0'];
      scraper = spawn(program, [...first, ...flags, '--enable-feature=exemplar-storage'], {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let output = '';
      scraper.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      url = await until(`${title} listens`, async () => {
        if (scraper.exitCode !== null) throw new Error(output);
        const address = /msg="Listening on" address=(\S+)/.exec(output)?.[1];
        return address && `http://${address}`;
      });
      await until('every job is scraped', async () => (await query(url, 'up == 1')).length === jobs.length);
    });

    afterAll(async () => {
      if (scraper.exitCode === null) {
        scraper.kill();
        await once(scraper, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    });

    describe.each(jobs)('asking for $contentType', ({ name, contentType, dotted }) => {
      it('is answered with it', () => {
        expect(answered.get(name)).toBe(contentType);
      });

      it.each([
        ['requests_total{code="a\\"b\\\\c\\nd é",JOB}', ['12.5']],
        ['odd{n="inf",JOB}', ['-Inf']],
        ['odd{n="nan",JOB}', ['NaN']],
        ['odd{n="small",JOB}', ['5e-324']],
        ['rpc_seconds{quantile="0.5",JOB}', ['3']],
        ['rpc_seconds_count{JOB}', ['1']],
        ['classic_seconds_bucket{le="0.5",JOB}', ['1']],
        ['classic_seconds_bucket{le=~"1|1.0",JOB}', ['2']],
        ['classic_seconds_bucket{le="+Inf",JOB}', ['3']],
        ['classic_seconds_sum{JOB}', ['31.2']],
        ['native_seconds_sum{JOB}', ['500500']],
        ['build_info{version="1.2",JOB}', ['1']],
        ['light{light="red",JOB}', ['0']],
        ['light{light="green",JOB}', ['1']],
        [dotted, ['7']],
        ['count(big{JOB})', ['5000']],
        ['sum(big{JOB})', ['12497500']],
      ])('finds %s to be %j', async (expression, values) => {
        const found = await query(url, expression.replace('JOB', `job="${name}"`));
        expect(found.map(({ value }) => value[1])).toEqual(values);
      });
    });

    it.each(jobs.filter(({ hasExemplars }) => hasExemplars))('finds the exemplar in $contentType', async ({ name }) => {
      const now = Date.now() / 1000;
      const wanted = new URLSearchParams({ query: `requests_total{job="${name}"}`, start: `${now - 600}`, end: `${now + 60}` });
      const found = await until('the exemplar', async () => {
        const answer = await fetch(`${url}/api/v1/query_exemplars?${wanted}`);
        const { data } = (await answer.json()) as { data: { exemplars: { labels: object; value: string }[] }[] };
        return data.length > 0 && data;
      });
      expect(found.flatMap(({ exemplars }) => exemplars.map(({ labels, value }) => ({ labels, value })))).toEqual([
        { labels: { trace_id: 't1' }, value: '12.5' },
      ]);
    });
  });
}
