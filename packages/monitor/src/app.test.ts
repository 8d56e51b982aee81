import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { assertSurvivesRandomRequests } from '@pronoia/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningMonitor, start } from './app.ts';

/** A real target, a real database, a real port. */
let folder: string;
let target: Server;
let targetPort: number;
let page = '';
let monitor: RunningMonitor;
const alerts: unknown[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'monitor-'));
  target = createServer((request, response) => {
    if (request.url === '/api/v2/alerts') {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        alerts.push(...(JSON.parse(body) as unknown[]));
        response.end('{}');
      });
      return;
    }
    if (request.url === '/openmetrics') {
      response.writeHead(200, { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' });
      response.end('# TYPE traced counter\ntraced_total 1 # {trace_id="abc"} 0.67 1700000000.5\n# EOF\n');
      return;
    }
    if (request.url?.startsWith('/metrics')) {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'content-encoding': 'gzip' });
      response.end(gzipSync(page));
      return;
    }
    if (request.url === '/slaves') {
      response.end(JSON.stringify({ slaves: [{ id: 'S0', hostname: '127.0.0.1', port: targetPort }] }));
      return;
    }
    if (request.url === '/files/read?path=%2Fstdout') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"data":"hello"}');
      return;
    }
    response.writeHead(404);
    response.end('nothing here');
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  targetPort = (target.address() as AddressInfo).port;
  page =
    '# TYPE demo_total counter\n# HELP demo_total A demo.\ndemo_total{path="/a"} 5\ndemo_total{path="/b"} 7\n# TYPE temp gauge\ntemp 20.5\n';
  await writeConfig();
  await writeFile(
    join(folder, 'rules.yml'),
    `groups:
- name: g
  interval: 1s
  rules:
  - record: job:demo:sum
    expr: sum by (job) (demo_total)
  - alert: Warm
    expr: temp > 20
    labels: { severity: page }
    annotations: { summary: "{{ $labels.instance }} has {{ $value }}" }
`,
  );
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'assets/app.js'), 'export {};');
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>');
  monitor = await start({
    'config.file': join(folder, 'prometheus.yml'),
    'storage.tsdb.path': join(folder, 'data'),
    'web.listen-address': ['127.0.0.1:0'],
    'web.enable-lifecycle': true,
    'web.enable-admin-api': true,
    'enable-feature': ['exemplar-storage'],
    'web.enable-remote-write-receiver': true,
    'web.page-dir': folder,
    'cluster.master-url': `http://127.0.0.1:${targetPort}`,
  });
}, 30_000);

afterAll(async () => {
  await monitor?.stop();
  target?.closeAllConnections();
  target?.close();
  await rm(folder, { recursive: true, force: true });
});

function writeConfig(extra = ''): Promise<void> {
  return writeFile(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, evaluation_interval: 1s, external_labels: { zone: eu } }
rule_files: [rules.yml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:${targetPort}"] }] }] }
scrape_configs:
- job_name: demo
  static_configs: [{ targets: ["127.0.0.1:${targetPort}"], labels: { team: a } }]
- job_name: traced
  metrics_path: /openmetrics
  static_configs: [{ targets: ["127.0.0.1:${targetPort}"] }]
${extra}`,
  );
}

interface Body {
  status: string;
  data: never;
  errorType?: string;
  error?: string;
  warnings?: string[];
}

async function get(path: string, init: RequestInit = {}): Promise<{ status: number; text: string; headers: Headers; json: () => Body }> {
  const response = await fetch(`${monitor.url}${path}`, init);
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, json: () => JSON.parse(text) as Body };
}

async function data<T>(path: string): Promise<T> {
  const answer = await get(path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json().data as T;
}

/** Asks again until the answer is as wanted; real scrapes take real time. */
async function eventually<T>(path: string, isWanted: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const value = await data<T>(path);
    if (isWanted(value)) return value;
    if (Date.now() > deadline) throw new Error(`${path} still answers ${JSON.stringify(value).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('the running monitor', () => {
  it('scrapes its target and shows it', async () => {
    const found = await eventually<{ activeTargets: Record<string, unknown>[] }>('/api/v1/targets', ({ activeTargets }) =>
      activeTargets.every(({ health }) => health === 'up'),
    );
    expect(found.activeTargets.filter(({ scrapePool }) => scrapePool === 'demo')).toMatchObject([
      {
        labels: { instance: `127.0.0.1:${targetPort}`, job: 'demo', team: 'a' },
        scrapePool: 'demo',
        scrapeUrl: `http://127.0.0.1:${targetPort}/metrics`,
        lastError: '',
        health: 'up',
        scrapeInterval: '1s',
        scrapeTimeout: '1s',
      },
    ]);
  });

  it('knows series, labels, values and metadata', async () => {
    await eventually<unknown[]>('/api/v1/series?match[]=demo_total', (series) => series.length === 2);
    expect(await data('/api/v1/label/path/values')).toEqual(['/a', '/b']);
    expect(await data('/api/v1/label/path/values?match[]=temp')).toEqual([]);
    expect(await data('/api/v1/labels?match[]=temp')).toEqual(['__name__', 'instance', 'job', 'team']);
    expect(await data('/api/v1/metadata?metric=demo_total')).toEqual({ demo_total: [{ type: 'counter', unit: '', help: 'A demo.' }] });
    expect(await data<unknown[]>('/api/v1/targets/metadata?metric=temp')).toHaveLength(1);
    const limited = await get('/api/v1/series?match[]=demo_total&limit=1');
    expect(limited.json()).toMatchObject({ warnings: ['results truncated due to limit'] });
    expect(limited.json().data).toHaveLength(1);
  });

  it('answers queries in the envelope of the original', async () => {
    type Vector = { resultType: string; result: { metric: Record<string, string>; value: [number, string] }[] };
    const { resultType, result } = await data<Vector>('/api/v1/query?query=demo_total{path="/a"}');
    expect(resultType).toBe('vector');
    expect(result).toMatchObject([{ metric: { __name__: 'demo_total', path: '/a', job: 'demo' }, value: [expect.any(Number), '5'] }]);
    const form = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'query=1%2B1&time=1435781451.781',
    };
    expect((await get('/api/v1/query', form)).text).toBe(
      '{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"2"]}}',
    );
    expect((await get('/api/v1/query?query="a"&time=1')).text).toBe('{"status":"success","data":{"resultType":"string","result":[1,"a"]}}');
    expect((await get('/api/v1/query_range?query=vector(0.5)&start=1&end=2&step=500ms')).text).toBe(
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"0.5"],[1.500,"0.5"],[2,"0.5"]]}]}}',
    );
    expect((await get('/api/v1/query?query=nope')).text).toBe('{"status":"success","data":{"resultType":"vector","result":[]}}');
    expect(await data('/api/v1/query?query=up&stats=all')).toHaveProperty('stats.timings.evalTotalTime');
    expect(await data('/api/v1/format_query?query=sum(up)by(job)')).toBe('sum by (job) (up)');
    expect(await data('/api/v1/parse_query?query=up')).toMatchObject({ type: 'vectorSelector', name: 'up' });
    const bad = await get('/api/v1/query?query=sum(');
    expect(bad.status).toBe(400);
    expect(bad.json()).toMatchObject({
      errorType: 'bad_data',
      error: 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    });
  });

  it('sends a large answer in slices, whole and compressed', async () => {
    const path =
      '/api/v1/query_range?query=label_replace(vector(1.2345678901),"x","$1","","")%20or%20vector(time())&start=0&end=10999&step=1';
    const answer = await get(path);
    const { result } = answer.json().data as { result: { values: [number, string][] }[] };
    expect(result[0]?.values).toHaveLength(11_000);
    const plain = await get(path, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.text).toBe(answer.text);
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(answer.headers.get('content-encoding')).toBe('gzip');
  });

  it('keeps exemplars of OpenMetrics pages', async () => {
    type Exemplars = { seriesLabels: object; exemplars: object[] }[];
    const found = await eventually<Exemplars>('/api/v1/query_exemplars?query=rate(traced_total[5m])', (value) => value.length > 0);
    expect(found).toMatchObject([
      {
        seriesLabels: { __name__: 'traced_total', job: 'traced' },
        exemplars: [{ labels: { trace_id: 'abc' }, value: '0.67', timestamp: expect.any(Number) }],
      },
    ]);
  });

  it('evaluates rules, and alerts', async () => {
    type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] };
    const { result } = await eventually<Vector>('/api/v1/query?query=job:demo:sum', (value) => value.result.length > 0);
    expect(result).toMatchObject([{ metric: { __name__: 'job:demo:sum', job: 'demo' }, value: [expect.any(Number), '12'] }]);
    const { alerts: active } = await eventually<{ alerts: object[] }>('/api/v1/alerts', (value) => value.alerts.length > 0);
    expect(active).toMatchObject([
      {
        labels: { alertname: 'Warm', severity: 'page', job: 'demo' },
        annotations: { summary: `127.0.0.1:${targetPort} has 20.5` },
        state: 'firing',
        value: '2.05e+01',
      },
    ]);
    const { groups } = await data<{ groups: { rules: Record<string, unknown>[] }[] }>('/api/v1/rules?type=alert');
    expect(groups[0]?.rules).toMatchObject([
      { name: 'Warm', query: 'temp > 20', state: 'firing', health: 'ok', type: 'alerting', duration: 0 },
    ]);
    expect(await eventually<Vector>('/api/v1/query?query=ALERTS', (value) => value.result.length > 0)).toMatchObject({
      result: [{ metric: { alertname: 'Warm', alertstate: 'firing' }, value: [expect.any(Number), '1'] }],
    });
    const deadline = Date.now() + 5000;
    while (alerts.length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(alerts[0]).toMatchObject({
      labels: { alertname: 'Warm', severity: 'page', zone: 'eu' },
      annotations: { summary: `127.0.0.1:${targetPort} has 20.5` },
      generatorURL: expect.stringContaining('/graph?g0.expr=temp+%3E+20&g0.tab=1') as string,
      startsAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    });
  });

  it('federates the newest samples with the labels of this server', async () => {
    const { text, headers } = await get('/federate?match[]=demo_total');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.replace(/ \d+\n/g, ' T\n').replaceAll(String(targetPort), 'PORT')).toBe(
      '# TYPE demo_total untyped\n' +
        'demo_total{instance="127.0.0.1:PORT",job="demo",path="/a",team="a",zone="eu"} 5 T\n' +
        'demo_total{instance="127.0.0.1:PORT",job="demo",path="/b",team="a",zone="eu"} 7 T\n',
    );
    expect((await get('/federate')).text).toBe('');
    expect((await get('/federate?match[]={')).status).toBe(400);
  });

  it('tells about itself', async () => {
    const { yaml } = await data<{ yaml: string }>('/api/v1/status/config');
    expect(yaml).toContain('job_name: demo');
    expect(await data('/api/v1/status/flags')).toMatchObject({ 'query.lookback-delta': '5m', 'web.enable-lifecycle': 'true' });
    expect(await data('/api/v1/status/runtimeinfo')).toMatchObject({ reloadConfigSuccess: true, storageRetention: '15d' });
    expect(await data('/api/v1/status/buildinfo')).toHaveProperty('version');
    expect(await data('/api/v1/status/tsdb')).toHaveProperty('headStats.numSeries');
    expect(await data('/api/v1/status/walreplay')).toHaveProperty('current');
    expect(await data('/api/v1/alertmanagers')).toEqual({
      activeAlertmanagers: [{ url: `http://127.0.0.1:${targetPort}/api/v2/alerts` }],
      droppedAlertmanagers: [],
    });
    expect((await get('/-/healthy')).text).toBe('Prometheus Server is Healthy.\n');
    expect((await get('/-/ready')).text).toBe('Prometheus Server is Ready.\n');
    const { text } = await get('/metrics');
    for (const name of [
      'prometheus_build_info',
      'prometheus_target_scrape_pool_targets',
      'prometheus_tsdb_head_series',
      'process_cpu_seconds_total',
    ]) {
      expect(text).toContain(name);
    }
  });

  it('measures its queries under the names of the original', async () => {
    expect((await get('/api/v1/query?query=sum(temp)')).status).toBe(200);
    const { text } = await get('/metrics');
    expect(text).toMatch(/^prometheus_engine_queries \d+$/m);
    expect(text).toMatch(/^prometheus_engine_queries_concurrent_max 20$/m);
    for (const slice of ['queue_time', 'prepare_time', 'inner_eval', 'result_sort'])
      expect(text).toMatch(new RegExp(`^prometheus_engine_query_duration_seconds_count\\{slice="${slice}"\\} [1-9]`, 'm'));
  });

  it.each<[string, number, string, string]>([
    ['/api/v1/series', 400, 'bad_data', 'no match[] parameter provided'],
    ['/api/v1/series?match[]={x=~".*"}', 400, 'bad_data', 'match[] must contain at least one non-empty matcher'],
    ['/api/v1/series?match[]={', 400, 'bad_data', 'invalid parameter "match[]"'],
    [
      '/api/v1/labels?start=x',
      400,
      'bad_data',
      `invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp`,
    ],
    ['/api/v1/labels?limit=-1', 400, 'bad_data', 'limit must be non-negative'],
    [
      '/api/v1/query_range?query=up&start=2&end=1&step=1',
      400,
      'bad_data',
      'invalid parameter "end": end timestamp must not be before start time',
    ],
    [
      '/api/v1/query_range?query=up&start=1&end=2&step=0',
      400,
      'bad_data',
      'invalid parameter "step": zero or negative query resolution step widths',
    ],
    [
      '/api/v1/query_range?query=up&start=1&end=2&step=x',
      400,
      'bad_data',
      'invalid parameter "step": cannot parse "x" to a valid duration',
    ],
    [
      '/api/v1/query_range?query=up&start=0&end=11001&step=1',
      400,
      'bad_data',
      'exceeded maximum resolution of 11,000 points per timeseries',
    ],
    [
      '/api/v1/parse_query?query=up{',
      400,
      'bad_data',
      'invalid parameter "query": 1:4: parse error: unexpected end of input inside braces',
    ],
    ['/api/v1/rules?type=x', 400, 'bad_data', 'not supported value "x"'],
    ['/api/v1/rules?group_next_token=x', 400, 'bad_data', 'group_limit needs to be set'],
    ['/api/v1/status/tsdb?limit=0', 400, 'bad_data', 'limit must be a positive number'],
    ['/api/v1/nope', 404, 'not_found', 'nothing at'],
  ])('%s is refused with %i', async (path, status, errorType, message) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ status: 'error', errorType });
    expect(answer.json().error).toContain(message);
  });

  it('answers browsers of other origins', async () => {
    const { headers } = await get('/api/v1/status/buildinfo', { headers: { origin: 'http://elsewhere' } });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST, OPTIONS');
    expect((await get('/api/v1/query', { method: 'OPTIONS' })).status).toBe(204);
  });

  it('serves the page for its own paths and for those of the original', async () => {
    for (const path of ['/', '/cluster/agents', '/graph?g0.expr=up', '/alerts', '/targets'])
      expect((await get(path)).text).toContain('<title>page</title>');
    const script = await get('/assets/app.js');
    expect(script.text).toBe('export {};');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toContain('immutable');
    expect((await get('/assets/app.js', { headers: { 'if-none-match': script.headers.get('etag') ?? '' } })).status).toBe(304);
    for (const path of ['/assets', '/assets/nope.js', '/proxy/nope', '/-/nope']) expect((await get(path)).status).toBe(404);
    expect((await get('/..%2f..%2fetc/passwd')).text).not.toContain('root:');
  });

  it('reads the cluster and the Alertmanager for the page, and changes neither', async () => {
    expect(JSON.parse((await get('/proxy/master/slaves')).text)).toHaveProperty('slaves');
    expect((await get('/proxy/agent/S0/files/read?path=%2Fstdout')).text).toBe('{"data":"hello"}');
    expect((await get('/proxy/agent/nope/files/read')).text).toContain('the master knows no agent "nope"');
    expect((await get('/proxy/alertmanager/api/v2/silences')).text).toBe('nothing here');
    expect((await get('/proxy/master/slaves', { method: 'POST' })).status).toBe(405);
  });

  it('survives whatever is thrown at it', async () => {
    const routes = [
      ...['query', 'query_range', 'query_exemplars', 'format_query', 'parse_query', 'series', 'labels'].flatMap((name) => [
        `GET /api/v1/${name}`,
        `POST /api/v1/${name}`,
      ]),
      ...['label/:name/values', 'targets', 'scrape_pools', 'targets/metadata', 'metadata', 'alertmanagers', 'rules', 'alerts'].map(
        (name) => `GET /api/v1/${name}`,
      ),
      ...['config', 'flags', 'runtimeinfo', 'buildinfo', 'tsdb', 'walreplay'].map((name) => `GET /api/v1/status/${name}`),
      ...['delete_series', 'clean_tombstones', 'snapshot'].map((name) => `POST /api/v1/admin/tsdb/${name}`),
      'GET /federate',
      'POST /api/v1/write',
      'GET /version',
      'POST /-/reload',
      'GET /proxy/master/*',
      'GET /proxy/agent/:id/*',
      'GET /proxy/alertmanager/*',
      'GET /*',
    ];
    await assertSurvivesRandomRequests(monitor.url, routes, { runs: 25 });
  }, 60_000);

  it('takes a good configuration on reload, and keeps the old one when the new one is bad', async () => {
    await writeConfig('- job_name: second\n  static_configs: [{ targets: ["127.0.0.1:1"] }]\n');
    expect((await get('/-/reload', { method: 'POST' })).status).toBe(200);
    expect(await data('/api/v1/scrape_pools')).toEqual({ scrapePools: ['demo', 'second', 'traced'] });
    await writeConfig('- job_name: third\n  scrape_interval: 5x\n');
    const answer = await get('/-/reload', { method: 'POST' });
    expect(answer.status).toBe(500);
    expect(answer.text).toMatch(/^failed to reload config: .*prometheus\.yml:\d+:\d+: scrape_configs\[2\]\.scrape_interval/s);
    expect(await data('/api/v1/scrape_pools')).toEqual({ scrapePools: ['demo', 'second', 'traced'] });
    expect(await data('/api/v1/status/runtimeinfo')).toMatchObject({ reloadConfigSuccess: false });
    await writeConfig();
    await monitor.reload();
    expect(await data('/api/v1/scrape_pools')).toEqual({ scrapePools: ['demo', 'traced'] });
    expect((await get('/-/reload')).status).toBe(405);
  });
});
