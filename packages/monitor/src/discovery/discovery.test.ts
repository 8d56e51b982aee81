import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { ManualClock, silentLogger, systemClock } from '@pronoia/server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DiscoveryConfig } from '../config/discovery.ts';
import type { HttpFetch, HttpRequest, HttpResponse } from '../http-client.ts';
import type { TargetGroup } from './discoverer.ts';
import { createFileDiscoverer } from './file.ts';
import { createHttpDiscoverer } from './http.ts';
import { createDiscoveryMetrics, DiscoveryManager, type GroupsByJob } from './manager.ts';
import { createMesosDiscoverer, targetsOfState } from './mesos.ts';

const client = { follow_redirects: true, enable_http2: true };

/** A server whose next answers are set by the test. */
class Web {
  readonly requests: HttpRequest[] = [];
  status = 200;
  headers: Record<string, string> = { 'content-type': 'application/json' };
  body = '';
  readonly fetch: HttpFetch = async (request): Promise<HttpResponse> => {
    this.requests.push(request);
    if (this.status === 0) throw new Error('connection refused');
    return { status: this.status, header: (name) => this.headers[name] ?? '', body: Buffer.from(this.body) };
  };
}

function tools(web: Web, clock = new ManualClock()) {
  const failures = { count: 0, inc: () => failures.count++ };
  return { clock, log: silentLogger, fetch: web.fetch, failures };
}

describe('http discovery', () => {
  it('takes the list, and keeps the last good one', async () => {
    const web = new Web();
    web.body = '[{"targets":["a:1","b:2"],"labels":{"team":"x"}}]';
    const box = tools(web);
    const seen: (readonly TargetGroup[])[] = [];
    const stop = new AbortController();
    const done = createHttpDiscoverer({ url: 'http://sd/x', refresh_interval: 10_000, ...client }, box).run(
      (groups) => seen.push(groups),
      stop.signal,
    );
    await box.clock.settle();
    expect(seen).toEqual([
      [
        {
          source: 'http://sd/x:0',
          labels: { team: 'x', __meta_url: 'http://sd/x' },
          targets: [{ __address__: 'a:1' }, { __address__: 'b:2' }],
        },
      ],
    ]);
    expect(web.requests[0]).toMatchObject({ timeoutMs: 10_000, headers: { 'x-prometheus-refresh-interval-seconds': '10' } });
    for (const bad of [
      { status: 500 },
      { status: 0 },
      { body: '{' },
      { body: '[{"target":[]}]' },
      { headers: { 'content-type': 'text/plain' } },
    ]) {
      Object.assign(web, { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: '[]' }, bad);
      await box.clock.advance(10_000);
    }
    expect(seen).toHaveLength(1);
    expect(box.failures.count).toBe(5);
    Object.assign(web, { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: '[]' });
    await box.clock.advance(10_000);
    expect(seen[1]).toEqual([]);
    stop.abort();
    await done;
    expect(box.clock.pendingTimers).toBe(0);
  });
});

const state = {
  pid: 'master@127.0.0.1:5050',
  leader: 'master@10.0.0.1:5050',
  slaves: [
    { id: 'S0', hostname: 'node0', port: 5051, pid: 'slave(1)@10.0.0.2:5051', active: true },
    { id: 'S1', hostname: 'node1', pid: 'slave(1)@10.0.0.3:5061' },
    { id: 'S2', hostname: 'gone', port: 5051, active: false },
  ],
  frameworks: [
    {
      id: 'F0',
      name: 'wordcount',
      role: 'batch',
      active: true,
      labels: [{ key: 'metrics', value: 'http://10.0.0.9:8080/m?x=1' }],
      tasks: [
        {
          id: 'map-0',
          name: 'map',
          slave_id: 'S0',
          state: 'TASK_RUNNING',
          role: 'batch',
          labels: [{ key: 'task-type', value: 'map' }],
          discovery: {
            visibility: 'CLUSTER',
            ports: {
              ports: [
                { number: 31000, name: 'metrics', labels: { labels: [{ key: 'path', value: '/p' }] } },
                { number: 31001, name: 'http' },
              ],
            },
          },
        },
        {
          id: 'map-1',
          name: 'map',
          slave_id: 'S0',
          state: 'TASK_FINISHED',
          discovery: { ports: { ports: [{ number: 1, name: 'metrics' }] } },
        },
        {
          id: 'map-2',
          name: 'map',
          slave_id: 'S9',
          state: 'TASK_RUNNING',
          discovery: { ports: { ports: [{ number: 1, name: 'metrics' }] } },
        },
        { id: 'plain', name: 'plain', slave_id: 'S0', state: 'TASK_RUNNING' },
      ],
    },
    { id: 'F1', name: 'silent', tasks: [] },
  ],
};

describe('mesos discovery', () => {
  it('finds master, agents, frameworks and running tasks', () => {
    expect(targetsOfState(state, 'http://m:5050')).toEqual([
      { source: 'master', labels: { __meta_mesos_role: 'master' }, targets: [{ __address__: '10.0.0.1:5050' }] },
      {
        source: 'agents',
        labels: { __meta_mesos_role: 'agent' },
        targets: [
          { __address__: 'node0:5051', __meta_mesos_agent_id: 'S0', __meta_mesos_agent_hostname: 'node0' },
          { __address__: '10.0.0.3:5061', __meta_mesos_agent_id: 'S1', __meta_mesos_agent_hostname: 'node1' },
        ],
      },
      {
        source: 'framework/F0',
        labels: { __meta_mesos_framework_id: 'F0', __meta_mesos_framework_name: 'wordcount' },
        targets: [
          {
            __address__: '10.0.0.9:8080',
            __scheme__: 'http',
            __metrics_path__: '/m',
            __param_x: '1',
            __meta_mesos_role: 'framework',
            __meta_mesos_allocation_role: 'batch',
          },
          {
            __address__: 'node0:31000',
            __metrics_path__: '/p',
            __meta_mesos_role: 'task',
            __meta_mesos_task_id: 'map-0',
            __meta_mesos_task_name: 'map',
            __meta_mesos_allocation_role: 'batch',
            __meta_mesos_port_name: 'metrics',
            __meta_mesos_agent_id: 'S0',
            __meta_mesos_agent_hostname: 'node0',
            __meta_mesos_task_label_task_type: 'map',
          },
        ],
      },
    ]);
  });

  it('answers from an empty state, and from one that says nothing', () => {
    for (const empty of [{}, { slaves: [], frameworks: [] }]) {
      expect(targetsOfState(empty, 'http://m:5050/')).toEqual([
        { source: 'master', labels: { __meta_mesos_role: 'master' }, targets: [{ __address__: 'm:5050' }] },
        { source: 'agents', labels: { __meta_mesos_role: 'agent' }, targets: [] },
      ]);
    }
  });

  it('reports only when the state has changed, and keeps it while the master is away', async () => {
    const web = new Web();
    const box = tools(web);
    let reports = 0;
    const stop = new AbortController();
    web.body = JSON.stringify(state);
    web.headers = { etag: '"v1"' };
    const discoverer = createMesosDiscoverer({ master: 'http://m:5050/', refresh_interval: 1000, ...client }, box);
    const done = discoverer.run(() => reports++, stop.signal);
    await box.clock.advance(3000);
    expect(reports).toBe(1);
    expect(web.requests[0]?.url).toBe('http://m:5050/master/state');
    expect(web.requests[1]?.headers).toMatchObject({ 'if-none-match': '"v1"' });
    web.status = 0;
    await box.clock.advance(2000);
    expect(box.failures.count).toBe(2);
    Object.assign(web, { status: 304, body: '' });
    await box.clock.advance(2000);
    Object.assign(web, { status: 200, body: 'not json' });
    await box.clock.advance(1000);
    expect(reports).toBe(1);
    Object.assign(web, { status: 200, body: '{}' });
    await box.clock.advance(1000);
    expect(reports).toBe(2);
    stop.abort();
    await done;
  });
});

describe('file discovery', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sd-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('sees files come, change, break and go', async () => {
    let groups: readonly TargetGroup[] = [];
    const addresses = (): string[] => groups.flatMap(({ targets }) => targets.map((target) => target.__address__ ?? '')).sort();
    const stop = new AbortController();
    const failures = { count: 0, inc: () => failures.count++ };
    await writeFile(join(folder, 'a.json'), '[{"targets":["a:1"]}]');
    const config = { files: [join(folder, '*.json'), join(folder, 'b.yml')], refresh_interval: 300_000 };
    const done = createFileDiscoverer(config, { clock: systemClock, log: silentLogger, failures }).run((next) => {
      groups = next;
    }, stop.signal);
    await vi.waitFor(() => expect(addresses()).toEqual(['a:1']));
    expect(groups[0]).toMatchObject({ labels: { __meta_filepath: join(folder, 'a.json') }, source: `${join(folder, 'a.json')}:0` });
    await writeFile(join(folder, 'b.yml'), '- targets: [b:1]\n  labels: { x: y }\n');
    await vi.waitFor(() => expect(addresses()).toEqual(['a:1', 'b:1']));
    await writeFile(join(folder, 'a.json'), '[{"targets":');
    await vi.waitFor(() => expect(failures.count).toBeGreaterThan(0));
    expect(addresses()).toEqual(['a:1', 'b:1']);
    await rm(join(folder, 'a.json'));
    await vi.waitFor(() => expect(addresses()).toEqual(['b:1']));
    stop.abort();
    await done;
  });
});

describe('the discovery manager', () => {
  const none: DiscoveryConfig = { static_configs: [], file_sd_configs: [], http_sd_configs: [], mesos_sd_configs: [] };

  it('tells changes at once but not too often, and shares what jobs have in common', async () => {
    const clock = new ManualClock();
    const web = new Web();
    const applied: GroupsByJob[] = [];
    const manager = new DiscoveryManager({
      name: 'scrape',
      clock,
      log: silentLogger,
      metrics: createDiscoveryMetrics(new Registry()),
      throttleMs: 1000,
      apply: (groups) => applied.push(groups),
      createClient: () => ({ fetch: web.fetch, close: async () => undefined }),
    });
    const addresses = (job: string): string[] =>
      (applied.at(-1)?.get(job) ?? []).flatMap(({ targets }) => targets.map((target) => target.__address__ ?? ''));
    const http = { http_sd_configs: [{ url: 'http://sd/x', refresh_interval: 400, ...client }] };
    web.body = '[{"targets":["a:1"]}]';
    manager.configure(
      new Map([
        ['one', { ...none, ...http, static_configs: [{ targets: ['s:1'], labels: {} }] }],
        ['two', { ...none, ...http }],
      ]),
    );
    expect(addresses('one')).toEqual(['s:1']);
    await clock.advance(1000);
    expect(web.requests).toHaveLength(3);
    expect(addresses('one')).toEqual(['s:1', 'a:1']);
    expect(addresses('two')).toEqual(['a:1']);
    web.body = '[{"targets":["b:1"]}]';
    await clock.advance(5000);
    expect(applied.length).toBeLessThan(9);
    expect(addresses('two')).toEqual(['b:1']);
    manager.configure(new Map([['two', none]]));
    const asked = web.requests.length;
    await clock.advance(5000);
    expect(web.requests).toHaveLength(asked);
    expect(addresses('two')).toEqual([]);
    await manager.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
