/** Small queries beside heavy ones and beside ingestion: what someone feels who opens a page while others work. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from '../../test/system/server-process.ts';
import { endMs, liveRequests, type Sizes, wideStartMs } from './data.ts';

const seconds = Number(process.env['BESIDE_SECONDS'] ?? 15);
const samplesPerSecond = Number(process.env['INGEST'] ?? 200_000);

const small = `/api/v1/query_range?query=${encodeURIComponent('rate(c{pod="p17"}[5m])')}&start=${endMs / 1000 - 3600}&end=${endMs / 1000}&step=15`;
const heavy = ['sum by (host)(rate(c[5m]))', 'rate(c[5m])', 'sum(max_over_time(g[1h]))'].map(
  (query) => `/api/v1/query_range?query=${encodeURIComponent(query)}&start=${(wideStartMs + 3_600_000) / 1000}&end=${endMs / 1000}&step=15`,
);

interface Row {
  readonly times: number[];
  heavyCount: number;
  written: number;
  cpuSeconds: number;
  delayMs: number;
}

async function run(one: ServerProcess, sizes: Sizes, withHeavy: boolean, withIngest: boolean, round: number): Promise<Row> {
  const row: Row = { times: [], heavyCount: 0, written: 0, cpuSeconds: one.cpuSeconds(), delayMs: 0 };
  const ours = one.program.name === 'pronoia';
  if (ours) await one.eventLoopDelayMs();
  const untilMs = performance.now() + seconds * 1000;
  const isOver = (): boolean => performance.now() > untilMs;
  const asking = async (): Promise<void> => {
    while (!isOver()) {
      const started = performance.now();
      await one.get(`${small}${one.program.extra}`);
      row.times.push(performance.now() - started);
      await sleep(20);
    }
  };
  const working = async (): Promise<void> => {
    for (let i = 0; !isOver(); i++) {
      await one.get(`${heavy[i % heavy.length]}${one.program.extra}`);
      row.heavyCount++;
    }
  };
  const writing = async (): Promise<void> => {
    const started = performance.now();
    for (const request of liveRequests(sizes.wide, round)) {
      if (isOver()) return;
      await one.write(request.body);
      row.written += request.samples;
      const aheadMs = (row.written / samplesPerSecond) * 1000 - (performance.now() - started);
      if (aheadMs > 1) await sleep(aheadMs);
    }
  };
  await Promise.all([asking(), ...(withHeavy ? [working()] : []), ...(withIngest ? [writing()] : [])]);
  row.cpuSeconds = one.cpuSeconds() - row.cpuSeconds;
  if (ours) row.delayMs = await one.eventLoopDelayMs();
  return row;
}

export async function besideLoad(contestants: readonly ServerProcess[], sizes: Sizes): Promise<string> {
  const lines: string[] = [];
  for (const [title, withHeavy, withIngest] of [
    ['alone', false, false],
    ['beside heavy queries, one after another', true, false],
    ['beside ingestion', false, true],
    ['beside both', true, true],
  ] as const) {
    for (const one of contestants) {
      const row = await run(one, sizes, withHeavy, withIngest, lines.length);
      const sorted = row.times.sort((a, b) => a - b);
      const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
      const rate = `${(row.written / seconds / 1000).toFixed(0)}k/s`;
      lines.push(
        `| ${title} | ${one.program.name} | ${at(0.5)} | ${at(0.95)} | ${at(0.99)} | ${at(1)} | ${row.heavyCount} | ${withIngest ? rate : '–'} | ${row.cpuSeconds.toFixed(1)} | ${one.program.name === 'pronoia' ? row.delayMs.toFixed(0) : '–'} |`,
      );
      process.stderr.write(`  ${title}, ${one.program.name}: p99 ${at(0.99)} ms\n`);
    }
  }
  return `Small queries (\`rate(c{pod="p17"}[5m])\`, 1 h by 15 s, one every 20 ms) for ${seconds} s; ingestion is remote write of ${samplesPerSecond.toLocaleString('en')} samples/s to ${sizes.wide.toLocaleString('en')} further series,
from the same process that asks, on the same cores.

| small queries | server | p50 ms | p95 | p99 | worst | heavy queries done | ingested | CPU s | event loop ms |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}`;
}
