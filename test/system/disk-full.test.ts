/** A real disk of a few megabytes becomes full under a monitor, and has room again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { check } from '../../packages/tsdb/dist/check.js';
import { until } from './pronoia.ts';
import { encodeRequest, encodeSample, encodeSeries, encodeSeriesHead } from './remote-write.ts';
import { type Answer, pronoiaMonitor, ServerProcess } from './server-process.ts';

const sizeMiB = 8;
const ballastMiB = 4;
const seriesCount = 500;
const stepMs = 1000;
const heads = Array.from({ length: seriesCount }, (_, i) =>
  encodeSeriesHead([
    ['__name__', 'written'],
    ['i', String(i)],
  ]),
);
const startMs = Math.floor(Date.now() / 60_000) * 60_000 - 1_800_000;

/** Values without a pattern: nothing to compress. */
const valueOf = (n: number, i: number): number => Math.sin(n * seriesCount + i);

function batchOf(n: number): Buffer {
  return encodeRequest(heads.map((head, i) => encodeSeries([head, encodeSample(valueOf(n, i), startMs + n * stepMs)])));
}

let folder = '';
let server: ServerProcess | undefined;

/** Why this cannot run here, if so: mounting takes root. */
function mount(): string | undefined {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-full-'));
  mkdirSync(join(folder, 'data'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', join(folder, 'data')], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    rmSync(folder, { recursive: true });
    return (error as Error).message;
  }
}

const refusal = mount();
if (refusal !== undefined) process.stderr.write(`SKIPPED: a full disk under the monitor: no tmpfs can be mounted here (${refusal})\n`);

afterEach(async () => {
  await server?.stop();
  execFileSync('umount', [join(folder, 'data')]);
  rmSync(folder, { recursive: true, force: true });
});

function send(n: number): Promise<Answer> {
  return (server as ServerProcess).post('/api/v1/write', batchOf(n), {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
  });
}

async function valuesOf(i: number, batches: number): Promise<string[]> {
  const query = `written{i="${i}"}[${batches + 10}s]`;
  const { body } = await (server as ServerProcess).get(
    `/api/v1/query?query=${encodeURIComponent(query)}&time=${(startMs + batches * stepMs) / 1000}`,
  );
  const { data } = JSON.parse(body.toString()) as { data: { result: { values: [number, string][] }[] } };
  return data.result[0]?.values.map(([t, value]) => `${t} ${value}`) ?? [];
}

async function metric(name: string): Promise<number> {
  const page = (await (server as ServerProcess).get('/metrics')).body.toString();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
}

describe.skipIf(refusal !== undefined)('a monitor whose disk is full', () => {
  it('refuses samples in a sentence, answers queries, and goes on by itself when there is room', { timeout: 120_000 }, async () => {
    const monitor = new ServerProcess(pronoiaMonitor('--web.enable-lifecycle'), folder);
    server = monitor;
    const ballast = join(folder, 'data/ballast');
    writeFileSync(ballast, Buffer.alloc(ballastMiB << 20));
    await monitor.start();
    // It scrapes itself, too.
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `scrape_configs: [{ job_name: self, scrape_interval: 500ms, scrape_timeout: 500ms, static_configs: [{ targets: ["${monitor.url.slice(7)}"] }] }]\n`,
    );
    expect((await monitor.post('/-/reload')).status).toBe(200);

    let answer = await send(0);
    let next = 0;
    for (; answer.status === 204; answer = await send(next)) next++;
    expect(next).toBeGreaterThan(50);
    // The original's status: the sender tries again later.
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).toContain('no space left on device');
    const acknowledged = Array.from({ length: next }, (_, n) => `${(startMs + n * stepMs) / 1000} ${valueOf(n, 7)}`);
    expect(await valuesOf(7, next)).toEqual(acknowledged);

    const failedBefore = await metric('prometheus_tsdb_wal_writes_failed_total');
    expect(failedBefore).toBeGreaterThan(0);
    // Scrapes fail as well, are counted, and told.
    await until('a scrape that could not be stored', async () => (await metric('prometheus_tsdb_wal_writes_failed_total')) > failedBefore);
    const log = readFileSync(join(folder, 'log'), 'utf8');
    expect(log).toMatch(/level=ERROR msg="A scrape could not be stored" .*no space left on device/);
    expect(log).toMatch(/level=ERROR msg="Samples were refused: the write-ahead log cannot be written"/);
    for (let i = 0; i < 5; i++) expect((await send(next)).status).toBe(500);
    expect(await valuesOf(7, next)).toEqual(acknowledged);

    rmSync(ballast);
    await until('room for samples', async () => (await send(next)).status === 204);
    next++;
    for (; next < acknowledged.length + 20; next++) expect((await send(next)).status).toBe(204);
    const all = Array.from({ length: next }, (_, n) => `${(startMs + n * stepMs) / 1000} ${valueOf(n, 7)}`);
    expect(await valuesOf(7, next)).toEqual(all);

    await monitor.kill();
    rmSync(join(folder, 'prometheus.yml'));
    expect((await check(join(folder, 'data'))).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    await monitor.start();
    expect(await valuesOf(7, next)).toEqual(all);
  });
});
