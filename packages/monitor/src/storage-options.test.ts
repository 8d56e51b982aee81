import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import { createLogger } from '@pronoia/server';
import { open, openReadOnly } from '@pronoia/tsdb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RunningMonitor, start } from './app.ts';
import { completeOptions, formatBytes, type MonitorOptions } from './flags.ts';
import { describeRetention, retentionLimits } from './retention.ts';

let folder: string;
let monitor: RunningMonitor | undefined;
let target: Server | undefined;
let logged = '';
const nowMs = Math.floor(Date.now() / 1000) * 1000;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'monitor-storage-'));
  logged = '';
});
afterEach(async () => {
  await monitor?.stop();
  monitor = undefined;
  target?.closeAllConnections();
  target?.close();
  target = undefined;
  await rm(folder, { recursive: true });
});

const writeConfig = (text: string): Promise<void> => writeFile(join(folder, 'prometheus.yml'), text);

async function launch(options: Partial<MonitorOptions> = {}): Promise<RunningMonitor> {
  const registry = new Registry();
  const log = createLogger({ level: 'warn', write: (line) => (logged += line) });
  monitor = await start(
    {
      'config.file': join(folder, 'prometheus.yml'),
      'storage.tsdb.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      ...options,
    },
    { registry, log },
  );
  return monitor;
}

async function ask(path: string, method = 'GET'): Promise<{ status: number; text: string }> {
  const response = await fetch(`${monitor?.url}/api/v1${path}`, { method });
  return { status: response.status, text: await response.text() };
}

async function data<T>(path: string): Promise<T> {
  return (JSON.parse((await ask(path)).text) as { data: T }).data;
}

/** `room value` of every sample, in the order of the answer. */
async function samples(selector: string): Promise<string[]> {
  const query = `/query?time=${nowMs / 1000}&query=${encodeURIComponent(`${selector}[1h]`)}`;
  const { result } = await data<{ result: { metric: Record<string, string>; values: [number, string][] }[] }>(query);
  return result.flatMap(({ metric, values }) => values.map(([, value]) => `${metric.room} ${value}`));
}

/** A target; returns its port. */
async function serve(page: () => string): Promise<number> {
  target = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(page());
  });
  await new Promise<void>((done) => target?.listen(0, '127.0.0.1', done));
  return (target.address() as AddressInfo).port;
}

async function fill(): Promise<void> {
  const tsdb = await open(join(folder, 'data'), { registry: new Registry() });
  const appender = tsdb.appender();
  for (const [i, room] of ['attic', 'cellar'].entries())
    for (let k = 0; k < 3; k++)
      appender.append(0, Labels.from({ __name__: 'temperature', room }), nowMs - 60_000 * (3 - k), 10 * (i + 1) + k);
  await appender.commit();
  await tsdb.close();
}

describe('retention', () => {
  const day = 24 * 3_600_000;
  it.each([
    [0, 0, { retentionMs: 15 * day }, '15d'],
    [7 * day, 0, { retentionMs: 7 * day }, '1w'],
    [0, 512 * 1024 ** 2, { retentionBytes: 512 * 1024 ** 2 }, '512MiB'],
    [day, 1537 * 1024 ** 2, { retentionMs: day, retentionBytes: 1537 * 1024 ** 2 }, '1d or 1GiB513MiB'],
  ])('of %i ms and %i bytes is %j, in words %s', (ms, bytes, limits, words) => {
    const options = completeOptions({ 'storage.tsdb.retention.time': ms, 'storage.tsdb.retention.size': bytes });
    expect(retentionLimits(options)).toEqual(limits);
    expect(describeRetention(options)).toBe(words);
  });

  it.each([
    [0, '0B'],
    [1, '1B'],
    [1023, '1023B'],
    [1024, '1KiB'],
    [1025, '1KiB1B'],
    [1024 ** 5, '1PiB'],
    [1024 ** 6, '1024PiB'],
  ])('%i bytes are printed as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('and the other flags of the database are shown', async () => {
    await writeConfig('{}');
    await launch({ 'storage.tsdb.retention.size': 1537 * 1024 ** 2, 'storage.wal-fsync': 'always', 'storage.tsdb.wal-compression': false });
    expect(await data('/status/runtimeinfo')).toMatchObject({ storageRetention: '1GiB513MiB' });
    expect(await data('/status/flags')).toMatchObject({
      'storage.tsdb.retention.size': '1GiB513MiB',
      'storage.tsdb.retention.time': '0s',
      'storage.tsdb.wal-compression': 'false',
      'storage.wal-fsync': 'always',
      'web.enable-admin-api': 'false',
    });
    expect(await (await fetch(`${monitor?.url}/metrics`)).text()).toMatch(/^prometheus_tsdb_retention_limit_bytes 1611661312$/m);
  });
});

it('refuses a way of syncing that there is not', async () => {
  await writeConfig('{}');
  await expect(launch({ 'storage.wal-fsync': 'never' })).rejects.toThrow('--storage.wal-fsync=never: always or interval is expected');
});

it('syncs every batch with --storage.wal-fsync=always, and leaves the log plain without compression', async () => {
  const page = `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1\n`;
  const port = await serve(() => page);
  await writeConfig(`scrape_configs: [{ job_name: a, scrape_interval: 1s, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]`);
  await launch({ 'storage.wal-fsync': 'always', 'storage.tsdb.wal-compression': false });
  const syncs = async (): Promise<number> =>
    Number(
      /^prometheus_tsdb_wal_fsync_duration_seconds_count (\d+)/m.exec(await (await fetch(`${monitor?.url}/metrics`)).text())?.[1] ?? 0,
    );
  await vi.waitFor(async () => expect(await syncs()).toBeGreaterThan(0), { timeout: 5000 });
  await monitor?.stop();
  expect(await readFile(join(folder, 'data/wal/00000000'), 'latin1')).toContain(page.slice(0, 80));
});

describe('the admin API', () => {
  const paths = ['delete_series?match[]=temperature', 'clean_tombstones', 'snapshot'];

  it('is closed without --web.enable-admin-api', async () => {
    await fill();
    await writeConfig('{}');
    await launch();
    for (const path of paths) {
      expect(await ask(`/admin/tsdb/${path}`, 'POST')).toEqual({
        status: 500,
        text: '{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}',
      });
      expect((await ask(`/admin/tsdb/${path}`)).status).toBe(405);
    }
    expect(await samples('temperature')).toHaveLength(6);
    expect(existsSync(join(folder, 'data/snapshots'))).toBe(false);
  });

  it('deletes samples of the series and times that are named', async () => {
    await fill();
    await writeConfig('{}');
    await launch({ 'web.enable-admin-api': true });
    const at = (minutes: number): number => nowMs / 1000 - 60 * minutes;
    expect(await ask(`/admin/tsdb/delete_series?match[]=temperature{room="attic"}&start=${at(2)}&end=${at(1)}`, 'POST')).toEqual({
      status: 204,
      text: '',
    });
    expect(await samples('temperature')).toEqual(['attic 10', 'cellar 20', 'cellar 21', 'cellar 22']);
    expect((await ask('/admin/tsdb/delete_series?match[]={room="cellar"}&match[]=nope', 'PUT')).status).toBe(204);
    expect(await samples('temperature')).toEqual(['attic 10']);
    expect((await ask('/admin/tsdb/clean_tombstones', 'POST')).status).toBe(204);
    expect(await samples('temperature')).toEqual(['attic 10']);
  });

  it.each([
    ['delete_series', 'no match[] parameter provided'],
    ['delete_series?match[]={', 'invalid parameter "match[]": 1:2: parse error: unexpected end of input inside braces'],
    ['delete_series?match[]=temperature&match[]={}', 'invalid parameter "match[]": match[] must contain at least one non-empty matcher'],
    [
      'delete_series?match[]=temperature&start=x',
      `invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp`,
    ],
    ['snapshot?skip_head=x', 'invalid parameter "skip_head": unable to parse boolean: strconv.ParseBool: parsing "x": invalid syntax'],
  ])('refuses %s and deletes nothing', async (path, error) => {
    await fill();
    await writeConfig('{}');
    await launch({ 'web.enable-admin-api': true });
    expect(await ask(`/admin/tsdb/${path}`, 'POST')).toEqual({
      status: 400,
      text: JSON.stringify({ status: 'error', errorType: 'bad_data', error }),
    });
    expect(await samples('temperature')).toHaveLength(6);
  });

  it('deletes nothing in a span that ends before it begins, which the original accepts', async () => {
    await fill();
    await writeConfig('{}');
    await launch({ 'web.enable-admin-api': true });
    const path = `/admin/tsdb/delete_series?match[]=temperature&start=${nowMs / 1000}&end=${nowMs / 1000 - 3600}`;
    expect(await ask(path, 'POST')).toEqual({ status: 204, text: '' });
    expect(await samples('temperature')).toHaveLength(6);
  });

  it('makes snapshots, which are data folders, with and without what is in memory', async () => {
    await fill();
    await writeConfig('{}');
    await launch({ 'web.enable-admin-api': true });
    const found: number[] = [];
    for (const query of ['', '?skip_head=true']) {
      const { text } = await ask(`/admin/tsdb/snapshot${query}`, 'POST');
      const { name } = (JSON.parse(text) as { data: { name: string } }).data;
      expect(name).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{16}$/);
      const copy = await openReadOnly(join(folder, 'data/snapshots', name));
      found.push(copy.blocks().reduce((sum, { meta }) => sum + (meta.stats.numSamples ?? 0), 0));
      copy.close();
    }
    expect(found).toEqual([6, 0]);
    expect(await readdir(join(folder, 'data/snapshots'))).toHaveLength(2);
  });
});

describe('storage.tsdb.out_of_order_time_window', () => {
  /** A page whose series gets older with every scrape. */
  function launchTarget(): Promise<number> {
    let scrapes = 0;
    return serve(() => `late{room="attic"} ${scrapes} ${nowMs - 10_000 * scrapes++}\n`);
  }
  const config = (port: number, storage: string): string =>
    `${storage}\nscrape_configs: [{ job_name: a, scrape_interval: 1s, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]`;

  it('lets samples in that come late', async () => {
    await writeConfig(config(await launchTarget(), 'storage: { tsdb: { out_of_order_time_window: 30m } }'));
    await launch();
    expect((await data<{ yaml: string }>('/status/config')).yaml).toContain('storage:\n  tsdb:\n    out_of_order_time_window: 30m\n');
    await vi.waitFor(async () => expect(await samples('late')).toEqual(expect.arrayContaining(['attic 1', 'attic 0'])), {
      timeout: 8000,
    });
  });

  it('takes a new value at the next start, and says so', async () => {
    await writeConfig('{}');
    await launch();
    expect(logged).toBe('');
    await writeConfig('storage: { tsdb: { out_of_order_time_window: 30m } }');
    await monitor?.reload();
    expect(logged).toContain('takes effect at the next start');
  });
});

describe('what the original lacks', () => {
  it('rules of retention are in effect at the start and after a reload, budgets are counted, and creators of series are named', async () => {
    await writeConfig('storage: { keep: [\'{job="audit"} 2y\'] }');
    const running = await launch({ 'storage.max-series-per-metric': 1, 'web.enable-lifecycle': true });
    expect((await data<{ yaml: string }>('/status/config')).yaml).toContain('storage:\n  keep:\n  - "{job=\\"audit\\"} 2y"');
    expect((await data<Record<string, string>>('/status/flags'))['storage.max-series-per-metric']).toBe('1');
    expect(await data('/status/tsdb')).toMatchObject({ seriesCreatedByMetricName: [], seriesCreatedByJob: [] });
    await writeConfig('storage: { keep: ["up"] }');
    await expect(running.reload()).rejects.toThrow('a selector and a duration are expected');
    await writeConfig('storage: { keep: ["{__name__=~\\"a.*\\"} 1d", "up 90d"] }');
    await running.reload();
  });

  it.each([
    [{ 'storage.tsdb.wal-segment-size': 1024 }, 'flag --storage.tsdb.wal-segment-size must be set between 10MB and 256MB'],
    [
      { 'storage.tsdb.min-block-duration': 60_000, 'storage.tsdb.max-block-duration': 1000 },
      '--storage.tsdb.max-block-duration not below it',
    ],
  ])('%o is refused in a sentence', async (options, sentence) => {
    await writeConfig('{}');
    await expect(launch(options)).rejects.toThrow(sentence);
  });
});
