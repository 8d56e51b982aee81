/**
 * What queries cost inside this process, by stage: 20,000 series (8,000 counters, 8,000 gauges, 4,000 buckets), two hours at 15 s, of
 * 200 targets that are scraped at times of their own; once in the head, once in a block. No HTTP: how the servers compare is another
 * bench. The worst delay of the event loop is what a timer saw meanwhile.
 *
 * `STAGES_DATA=folder` keeps the data between runs; `STAGES_ONLY=text` runs the queries that contain it.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { Engine } from '@pronoia/promql';
import { open, type Tsdb } from '@pronoia/tsdb';

const samples = 480;
const baseMs = 1_700_000_000_000 - (1_700_000_000_000 % 7_200_000);
const from = baseMs + 3_600_000;
const to = baseMs + 7_150_000;
const stepMs = 15_000;
const rounds = Number(process.env['ROUNDS'] ?? 5);

function makeRandom(): () => number {
  let seed = 42;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
}

async function fill(folder: string): Promise<void> {
  const tsdb = await open(folder, { registry: new Registry() });
  const random = makeRandom();
  const series: { labels: Labels; ref: number; value: number; kind: number; offsetMs: number; scale: number }[] = [];
  for (let host = 0; host < 200; host++) {
    const offsetMs = Math.floor(random() * 15_000);
    const add = (kind: number, record: Record<string, string>): void => {
      const labels = Labels.from({ host: `host-${host}`, job: 'node', zone: `z${host % 3}`, ...record });
      series.push({ labels, ref: 0, value: Math.floor(random() * 1000), kind, offsetMs, scale: 1 + Math.floor(random() * 100) });
    };
    for (let i = 0; i < 40; i++) add(0, { __name__: 'c_total', pod: `pod-${host}-${i}` });
    for (let i = 0; i < 40; i++) add(1, { __name__: 'g', pod: `pod-${host}-${i}` });
    for (let i = 0; i < 20; i++) add(2, { __name__: 'b_bucket', handler: `/${i >> 2}`, le: ['0.1', '0.5', '1', '+Inf'][i & 3] as string });
  }
  for (let n = 0; n < samples; n++) {
    const appender = tsdb.appender();
    for (const one of series) {
      if (one.kind === 0) one.value += Math.floor(random() * one.scale);
      else if (one.kind === 1) one.value = Math.round((one.value + random() * 20 - 10) * 10) / 10;
      else if (random() < 0.4) one.value += 1 + Math.floor(random() * 5);
      const ref = appender.append(one.ref, one.labels, baseMs + n * 15_000 + one.offsetMs, one.value);
      if (typeof ref === 'string') throw new Error(ref);
      one.ref = ref;
    }
    await appender.commit();
  }
  await tsdb.snapshot(true);
  await tsdb.close();
}

const queries = [
  'sum(rate(c_total[5m]))',
  'sum by (host) (rate(c_total[5m]))',
  'topk(5, rate(c_total[5m]))',
  'histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m])))',
  'avg_over_time(g[30m])',
  'max by (host) (g)',
  'c_total / on (host, pod) group_left () g',
  'count(c_total + on (host, pod) g)',
  'sum(rate(c_total[1h]))',
  'sum(max_over_time(g[1h]))',
  'sum(quantile_over_time(0.9, g[10m]))',
  'rate(c_total[5m])',
  'g',
  'count({job="node"})',
  'sum(g{pod=~"pod-7-.*"})',
  'g{pod="pod-7-7"}',
];

interface Timing {
  readonly ms: number;
  readonly cpuMs: number;
  readonly loopMs: number;
}

async function timed(run: () => Promise<unknown>): Promise<Timing> {
  const results: Timing[] = [];
  for (let i = 0; i <= rounds; i++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await new Promise((resolve) => setTimeout(resolve, 5));
    delay.reset();
    const cpu = process.cpuUsage();
    const before = performance.now();
    await run();
    const ms = performance.now() - before;
    const { user, system } = process.cpuUsage(cpu);
    await new Promise((resolve) => setTimeout(resolve, 3));
    delay.disable();
    if (i > 0) results.push({ ms, cpuMs: (user + system) / 1000, loopMs: delay.max / 1e6 });
  }
  results.sort((a, b) => a.ms - b.ms);
  return results[results.length >> 1] as Timing;
}

async function measure(tsdb: Tsdb): Promise<string[][]> {
  const engine = new Engine();
  const only = process.env['STAGES_ONLY'];
  const rows: string[][] = [];
  const cell = ({ ms, cpuMs, loopMs }: Timing): string => `${ms.toFixed(1)} (${cpuMs.toFixed(0)}, ${loopMs.toFixed(0)})`;
  for (const text of queries) {
    if (only !== undefined && !text.includes(only)) continue;
    const range = await timed(() => engine.range(tsdb, text, from, to, stepMs));
    const minute = await timed(() => engine.range(tsdb, text, from, to, 60_000));
    const instant = await timed(() => engine.instant(tsdb, text, to));
    rows.push([`\`${text}\``, cell(range), cell(minute), cell(instant)]);
  }
  if (only !== undefined) return rows;
  const matchers = [createMatcher('=', 'job', 'node')];
  const select = await timed(async () => {
    const querier = tsdb.querier(baseMs, to);
    await querier.select(matchers);
    querier.close();
  });
  rows.push(['select 20,000 series', cell(select), '', '']);
  const read = await timed(async () => {
    const querier = tsdb.querier(baseMs, to);
    const batch = new SampleBatch(1024);
    for (const series of (await querier.select(matchers)).series) {
      const reader = series.samples();
      while (reader.read(batch) > 0);
    }
    querier.close();
  });
  rows.push(['select and read them, one by one', cell(read), '', '']);
  const values = await timed(async () => {
    const querier = tsdb.querier(baseMs, to);
    await querier.labelValues('pod', []);
    querier.close();
  });
  rows.push(['label values of pod', cell(values), '', '']);
  return rows;
}

export default async function bench(): Promise<string> {
  const kept = process.env['STAGES_DATA'];
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'bench-stages-'));
  if (!existsSync(join(folder, 'wal'))) await fill(folder);
  const pages: string[] = ['Milliseconds, median (CPU milliseconds, worst delay of the event loop).'];
  const snapshots = join(folder, 'snapshots');
  for (const [title, path] of [
    ['head', folder],
    ['block', join(snapshots, readdirSync(snapshots)[0] as string)],
  ] as const) {
    if (process.env['STAGES_PLACE'] !== undefined && process.env['STAGES_PLACE'] !== title) continue;
    const tsdb = await open(path, { registry: new Registry() });
    const rows = await measure(tsdb);
    pages.push(
      `## In the ${title}\n\n| query | 238 steps | 60 steps | instant |\n| --- | ---: | ---: | ---: |\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}`,
    );
    await tsdb.close();
  }
  if (kept === undefined) rmSync(folder, { recursive: true });
  return pages.join('\n\n');
}
