// The page in a real browser, over a server that answers with fixed data: what a person sees on each route.
import { createReadStream, existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const chromiumPath = '/usr/bin/chromium';
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const ready = existsSync(chromiumPath) && existsSync(join(dist, 'index.html'));
if (!ready) process.stderr.write('SKIPPED: tests of the page need /usr/bin/chromium and a built page (npm run build)\n');

const now = Math.floor(Date.now() / 1000);
const task = (id: string, state: string): object => ({
  id,
  name: `wordcount ${id}`,
  framework_id: 'm-0000',
  executor_id: '',
  slave_id: 'm-S0',
  state,
  resources: { cpus: 0.5, mem: 128, disk: 0 },
  statuses: [{ state, timestamp: now }],
});

const answers: Readonly<Record<string, unknown>> = {
  '/proxy/master/state': {
    id: 'm',
    version: '1.11.0',
    slaves: [
      {
        id: 'm-S0',
        hostname: 'laptop',
        active: true,
        resources: { cpus: 4, mem: 8192, disk: 100_000 },
        used_resources: { cpus: 1, mem: 256, disk: 0 },
        offered_resources: { cpus: 0, mem: 0, disk: 0 },
      },
    ],
    frameworks: [
      {
        id: 'm-0000',
        name: 'wordcount',
        roles: ['*'],
        active: true,
        used_resources: { cpus: 1, mem: 256 },
        registered_time: now - 20,
        tasks: [task('map-000003', 'TASK_RUNNING')],
        completed_tasks: [task('map-000001', 'TASK_FINISHED')],
      },
    ],
    completed_frameworks: [],
  },
  '/api/v1/alerts': {
    status: 'success',
    data: {
      alerts: [
        {
          labels: { alertname: 'TaskBusy', framework: 'wordcount' },
          annotations: { summary: 'wordcount uses 1.2 cores' },
          state: 'firing',
          activeAt: new Date().toISOString(),
          value: '1.2e+00',
        },
      ],
    },
  },
  '/api/v1/rules': {
    status: 'success',
    data: {
      groups: [
        {
          name: 'tasks',
          file: 'rules/tasks.yml',
          interval: 1,
          rules: [
            {
              type: 'alerting',
              name: 'TaskBusy',
              query: 'resource_usage > 1',
              health: 'ok',
              state: 'firing',
              duration: 0,
              annotations: {},
              alerts: [],
            },
          ],
        },
      ],
    },
  },
  '/api/v1/targets': {
    status: 'success',
    data: {
      activeTargets: [
        {
          labels: { job: 'master', instance: '127.0.0.1:5050' },
          scrapePool: 'master',
          scrapeUrl: 'http://127.0.0.1:5050/metrics',
          health: 'up',
          lastError: '',
          lastScrape: new Date().toISOString(),
          lastScrapeDuration: 0.003,
        },
      ],
    },
  },
  '/api/v1/query': {
    status: 'success',
    data: { resultType: 'vector', result: [{ metric: { __name__: 'up', job: 'master' }, value: [now, '1'] }] },
  },
  '/proxy/agent/m-S0/files/browse': [
    { path: '/frameworks/m-0000/executors/map-000003/runs/latest/stdout', size: 12, mtime: now, mode: '-rw-r--r--' },
    { path: '/frameworks/m-0000/executors/map-000003/runs/latest/stderr', size: 0, mtime: now, mode: '-rw-r--r--' },
  ],
};

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

function respond(url: URL): { readonly status: number; readonly body: unknown } {
  if (url.pathname === '/api/v1/query_range') {
    const expr = url.searchParams.get('query') ?? '';
    if (expr === 'bad(') return { status: 400, body: { status: 'error', errorType: 'bad_data', error: 'unclosed left parenthesis' } };
    const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(url.searchParams.get(name))) as [number, number, number];
    const values = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => [
      start + index * step,
      String(1 + Math.sin(index / 9)),
    ]);
    return {
      status: 200,
      body: { status: 'success', data: { resultType: 'matrix', result: [{ metric: { task: 'map-000003' }, values }] } },
    };
  }
  if (url.pathname === '/proxy/agent/m-S0/files/read') {
    const offset = Number(url.searchParams.get('offset'));
    if (offset < 0) return { status: 200, body: { offset: 12, data: '' } };
    return { status: 200, body: { offset, data: 'hello world\n'.slice(offset) } };
  }
  const answer = answers[url.pathname];
  return answer === undefined ? { status: 404, body: { error: 'not here' } } : { status: 200, body: answer };
}

function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (/^\/(api|proxy)\//.test(url.pathname)) {
      const { status, body } = respond(url);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      return;
    }
    const file = join(dist, url.pathname);
    const found = url.pathname !== '/' && existsSync(file) ? file : join(dist, 'index.html');
    response.writeHead(200, { 'content-type': types[extname(found)] ?? 'application/octet-stream' });
    createReadStream(found).pipe(response);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

describe.skipIf(!ready)('the page', () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let base: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await serve();
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });
  beforeEach(async () => {
    complaints.length = 0;
    page = await browser.newPage({ colorScheme: 'light', viewport: { width: 1280, height: 1000 } });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  });
  afterEach(async () => {
    await page.close();
  });

  it('shows agents with their bars, frameworks, tasks with logs, a graph and what alerts', async () => {
    await page.goto(base);
    await page.getByText('laptop').first().waitFor();
    await page.getByText('map-000003').first().waitFor();
    expect(await page.getByLabel('CPU: 1 of 4 used').count()).toBe(1);
    expect(await page.getByRole('link', { name: 'stdout' }).count()).toBe(2);
    await page.getByText('wordcount uses 1.2 cores').waitFor();
    await page.locator('.chart canvas').waitFor();
    expect(complaints).toEqual([]);
  });

  it('draws a query, keeps it in the address, and shows the reason when it is wrong', async () => {
    await page.goto(`${base}/query?expr=up`);
    await page.locator('.chart canvas').waitFor();
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('rate(task_count[1m])');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.waitForURL(/rate/);
    await page.getByRole('tab', { name: 'Table' }).click();
    await page.getByText('up{job="master"}').waitFor();
    await page.goto(`${base}/query?expr=bad(`);
    await page.getByText('unclosed left parenthesis').waitFor();
  });

  it('leads from an old Prometheus link to the same query', async () => {
    await page.goto(`${base}/graph?g0.expr=up%7Bjob%3D%22master%22%7D&g0.tab=1`);
    await page.waitForURL(/\/query\?expr=up/);
    expect(await page.getByRole('tab', { name: 'Table' }).getAttribute('aria-selected')).toBe('true');
  });

  it('shows alerts with their rules, and targets with their health', async () => {
    await page.goto(`${base}/alerts`);
    await page.getByRole('button', { name: /TaskBusy/ }).click();
    await page.getByText('resource_usage > 1').waitFor();
    await page.getByRole('link', { name: 'Targets' }).click();
    await page.getByText('http://127.0.0.1:5050/metrics').waitFor();
    expect(complaints).toEqual([]);
  });

  it('reads a task log from its sandbox', async () => {
    await page.goto(base);
    await page.getByRole('link', { name: 'stdout' }).first().click();
    await page.getByText('hello world').waitFor();
    expect(complaints).toEqual([]);
  });

  it('changes to dark colours and stays so', async () => {
    await page.goto(base);
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Use light colours' }).waitFor();
    expect(await page.locator('html').getAttribute('data-mantine-color-scheme')).toBe('dark');
  });
});
