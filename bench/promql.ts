/**
 * Queries over HTTP: `pronoia monitor` from the build beside Debian's prometheus and victoria-metrics, all loaded with the same
 * samples by remote write. SERIES, LONG_SERIES and ROUNDS make it smaller; ONLY (a regular expression over titles) picks queries;
 * KEEP names a folder that stays, so that the next run needs no loading.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { originalPrometheus, type Program, pronoiaMonitor, ServerProcess } from '../test/system/server-process.ts';
import { besideLoad } from './promql/beside.ts';
import { createSeries, endMs, type Sizes, wideStartMs, writeRequests } from './promql/data.ts';

const sizes: Sizes = { wide: Number(process.env['SERIES'] ?? 20_000), long: Number(process.env['LONG_SERIES'] ?? 1000) };
const rounds = Number(process.env['ROUNDS'] ?? 3);
const only = new RegExp(process.env['ONLY'] ?? '');

const programs: readonly Program[] = [
  pronoiaMonitor(),
  originalPrometheus(),
  {
    name: 'victoria-metrics',
    command: '/usr/bin/victoria-metrics',
    args: (folder, port) => [
      `-storageDataPath=${folder}/data`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-search.maxQueryDuration=5m',
      '-search.maxSeries=1000000',
    ],
    readyPath: '/health',
    extra: '&nocache=1',
    flushPath: '/internal/force_flush',
  },
];

interface Case {
  readonly title: string;
  readonly path: string;
  /** The most that ours may take of the original's time (issue C). */
  readonly aim: number;
}

const lastHourMs = wideStartMs + 3_600_000;

function range(query: string, stepSeconds: number, aim: number, fromMs = lastHourMs): Case {
  const span = fromMs === lastHourMs ? '1 h' : `${(endMs - fromMs) / 3_600_000} h`;
  const path = `/api/v1/query_range?query=${encodeURIComponent(query)}&start=${fromMs / 1000}&end=${endMs / 1000}&step=${stepSeconds}`;
  return { title: `\`${query}\` ${span} by ${stepSeconds} s`, path, aim };
}

function instant(query: string, aim: number): Case {
  return { title: `\`${query}\` instant`, path: `/api/v1/query?query=${encodeURIComponent(query)}&time=${endMs / 1000}`, aim };
}

const evaluated: readonly (readonly [query: string, aim: number])[] = [
  ['sum(rate(c[5m]))', 0.1],
  ['sum by (host)(rate(c[5m]))', 0.1],
  ['topk(5, rate(c[5m]))', 0.1],
  ['histogram_quantile(0.99, sum by (le)(rate(b_bucket[5m])))', 0.1],
  ['avg_over_time(g[30m])', 0.3],
  ['max by (host)(g)', 0.1],
  ['a / on(host) group_left n', 0.05],
  ['count(a + on(pod) g)', 0.05],
  ['sum(rate(c[1h]))', 0.05],
  ['sum(max_over_time(g[1h]))', 0.05],
  ['sum(quantile_over_time(0.9, g[10m]))', 0.1],
  ['g', 0.3],
  ['rate(c[5m])', 0.3],
  ['sum(rate(c{pod=~"p.?7.?1"}[5m]))', 1],
  ['rate(c{pod="p17"}[5m])', 1],
];

function metadata(title: string, path: string): Case {
  return { title, path: `${path}${path.includes('?') ? '&' : '?'}start=${wideStartMs / 1000}&end=${endMs / 1000}`, aim: 1 };
}

const dayMs = endMs - 24 * 3_600_000;

const cases: readonly Case[] = [
  ...evaluated.map(([query, aim]) => range(query, 15, aim)),
  ...evaluated.map(([query, aim]) => range(query, 60, aim)),
  ...evaluated.map(([query, aim]) => instant(query, Math.max(aim, 0.3))),
  range('sum(rate(dc[5m]))', 60, 0.1, dayMs),
  range('sum(rate(dc[1h]))', 60, 0.05, dayMs),
  range('sum(max_over_time(dg[1h]))', 60, 0.05, dayMs),
  range('avg_over_time(dg[30m])', 300, 0.3, dayMs),
  instant('sum(max_over_time(dg[24h]))', 0.3),
  metadata('label values of `pod`', '/api/v1/label/pod/values'),
  metadata('label names', '/api/v1/labels'),
  metadata('series of `g`', '/api/v1/series?match[]=g'),
  metadata('series of `g{host="h7"}`', '/api/v1/series?match[]=g%7Bhost%3D%22h7%22%7D'),
].filter(({ title }) => only.test(title));

interface Measured {
  coldMs: number;
  warmMs: number;
  cpuMs: number;
  peakMiB: number;
  delayMs: number;
  count: number;
}

async function load(contestants: readonly ServerProcess[]): Promise<string[]> {
  const before = contestants.map((one) => one.cpuSeconds());
  const started = performance.now();
  let samples = 0;
  for (const request of writeRequests(createSeries(sizes))) {
    samples += request.samples;
    await Promise.all(contestants.map((one) => one.write(request.body)));
    if (samples % 1_000_000 < request.samples)
      process.stderr.write(`  ${Math.floor(samples / 1e6)} M samples, ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
  for (const one of contestants) if (one.program.flushPath !== undefined) await one.get(one.program.flushPath);
  return contestants.map((one, i) => {
    const perMillion = ((one.cpuSeconds() - (before[i] as number)) / samples) * 1e6;
    return `${one.program.name} ${perMillion.toFixed(2)} CPU s per million samples, peak ${one.peakMiB().toFixed(0)} MiB`;
  });
}

/** Median of several. */
function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function countOf(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf('"metric"'); at >= 0; at = body.indexOf('"metric"', at + 8)) count++;
  return count;
}

async function ask(one: ServerProcess, { path }: Case): Promise<{ ms: number; body: Buffer }> {
  const started = performance.now();
  const { status, body } = await one.get(`${path}${one.program.extra}`);
  const ms = performance.now() - started;
  if (status !== 200) throw new Error(`${one.program.name} ${path}: ${status} ${body.toString().slice(0, 300)}`);
  return { ms, body };
}

async function measureCold(contestants: readonly ServerProcess[], results: Map<Case, Measured[]>): Promise<void> {
  for (const one of cases) {
    const row: Measured[] = [];
    for (const contestant of contestants) {
      const { ms, body } = await ask(contestant, one);
      row.push({ coldMs: ms, warmMs: 0, cpuMs: 0, peakMiB: 0, delayMs: 0, count: countOf(body) });
    }
    results.set(one, row);
  }
}

async function measureWarm(contestants: readonly ServerProcess[], results: Map<Case, Measured[]>): Promise<void> {
  for (const one of cases) {
    const row = results.get(one) as Measured[];
    const times: number[][] = contestants.map(() => []);
    const cpu = contestants.map(() => 0);
    for (const contestant of contestants) contestant.forgetPeak();
    for (const contestant of contestants) if (contestant.program.name === 'pronoia') await contestant.eventLoopDelayMs();
    // Quick ones oftener: clocks of /proc tick every 10 ms.
    const times_ = Math.max(rounds, Math.min(30, Math.round(600 / Math.max(...row.map(({ coldMs }) => coldMs)))));
    for (let round = 0; round < times_; round++) {
      for (const [i, contestant] of contestants.entries()) {
        const before = contestant.cpuSeconds();
        const { ms } = await ask(contestant, one);
        times[i]?.push(ms);
        cpu[i] = (cpu[i] as number) + contestant.cpuSeconds() - before;
      }
    }
    for (const [i, contestant] of contestants.entries()) {
      const measured = row[i] as Measured;
      measured.warmMs = median(times[i] as number[]);
      measured.cpuMs = ((cpu[i] as number) / times_) * 1000;
      measured.peakMiB = contestant.peakMiB();
      if (contestant.program.name === 'pronoia') measured.delayMs = await contestant.eventLoopDelayMs();
    }
    process.stderr.write(`  ${one.title}: ${row.map(({ warmMs }) => warmMs.toFixed(1)).join(' / ')} ms\n`);
  }
}

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const ratio = (ours: number, theirs: number | undefined): string =>
  theirs === undefined || theirs === 0 ? '–' : `${(ours / theirs).toFixed(2)}×`;

function printTable(contestants: readonly ServerProcess[], results: ReadonlyMap<Case, readonly Measured[]>): string {
  const at = (name: string): number => contestants.findIndex((one) => one.program.name === name);
  const [o, p, v] = [at('pronoia'), at('prometheus'), at('victoria-metrics')];
  const lines = [...results].map(([one, row]) => {
    const [ours, prometheus, victoria] = [row[o] as Measured, row[p], row[v]];
    const cells = (key: 'warmMs' | 'coldMs' | 'cpuMs'): string =>
      [ours, prometheus, victoria].map((measured) => (measured === undefined ? '–' : number(measured[key]))).join(' / ');
    const differs =
      prometheus !== undefined && prometheus.count !== ours.count ? ` (${ours.count} series, theirs ${prometheus.count})` : '';
    const reached = prometheus === undefined ? '' : ours.warmMs / prometheus.warmMs <= one.aim ? '' : ' ✗';
    return `| ${one.title}${differs} | ${cells('warmMs')} | ${ratio(ours.warmMs, prometheus?.warmMs)} (${one.aim})${reached} | ${ratio(ours.warmMs, victoria?.warmMs)} | ${cells('coldMs')} | ${cells('cpuMs')} | ${ratio(ours.cpuMs, prometheus?.cpuMs)} | ${ours.delayMs.toFixed(0)} | ${number(ours.peakMiB)} / ${number(prometheus?.peakMiB ?? 0)} / ${number(victoria?.peakMiB ?? 0)} |`;
  });
  return `| query | warm ms: ours / prometheus / victoria | ours/prometheus (aim) | ours/victoria | cold ms | CPU ms | CPU ratio | event loop ms | peak RSS MiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}`;
}

export default async function bench(): Promise<string> {
  const kept = process.env['KEEP'];
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'bench-promql-'));
  mkdirSync(folder, { recursive: true });
  const contestants = programs.map((one) => ServerProcess.create(one, folder)).filter((one) => one !== undefined);
  const loadedFile = join(folder, 'loaded');
  const results = new Map<Case, Measured[]>();
  let loading: string[] = ['loaded by an earlier run'];
  let beside = '';
  try {
    for (const one of contestants) await one.start();
    if (!existsSync(loadedFile)) {
      loading = await load(contestants);
      writeFileSync(loadedFile, JSON.stringify(sizes));
      for (const one of contestants) await one.stop();
      for (const one of contestants) await one.start();
    }
    await sleep(2000);
    await measureCold(contestants, results);
    await measureWarm(contestants, results);
    if (only.test('beside')) beside = await besideLoad(contestants, sizes);
  } finally {
    await Promise.all(contestants.map((one) => one.stop()));
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
  const missing = programs.filter((one) => !contestants.some((other) => other.program === one)).map(({ name }) => name);
  return `${sizes.wide.toLocaleString('en')} series × 2 h and ${sizes.long.toLocaleString('en')} series × 24 h, all at 15 s, loaded by remote write. Every answer is asked for without compression and read
whole; medians of at least ${rounds} rounds, the servers in turn. Cold: the first time after a restart. CPU: all threads, from /proc, a round. Event loop: the longest that ours was held during
the warm rounds of the query. Peak RSS: during the warm rounds. ✗: above the aim. Load of the machine at the end, of ${cpus().length} cores: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(
      ', ',
    )}; where it is above, waiting for a core is in all times and CPU tells more.${missing.length > 0 ? ` Not installed: ${missing.join(', ')}.` : ''}

Loading: ${loading.join('; ')}.

${printTable(contestants, results)}

${beside}`;
}
