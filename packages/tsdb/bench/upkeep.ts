/**
 * How long appends and queries wait for upkeep: the worst gap of the event loop while 100,000 series of the head become a block, half of
 * them leave the head, and three blocks become one; with a batch of 1,000 samples every 10 ms and a query of 100 series every 50 ms beside it.
 * Run: `npm run bench -- tsdb-upkeep`, after a build.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const rounds = 3;

interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly worstGapMs: number;
  readonly worstCpuMs: number;
  readonly gapsAbove20: number;
  readonly p99GapMs: number;
  readonly worstAppendMs: number;
  readonly worstQueryMs: number;
}

/** In a process of its own: nothing else runs on its loop. */
const work = `
import { open } from '@pronoia/tsdb';
import { Registry } from '@pronoia/client';
import { createMatcher, Labels, SampleBatch } from '@pronoia/model';
import { openSync, readSync } from 'node:fs';
const folder = process.argv[1];
const seriesCount = 100_000, stepMs = 60_000, hour = 3_600_000;
const start = Math.floor(1_700_000_000_000 / (6 * hour)) * 6 * hour;
const noTimer = { now: () => Date.now(), setTimer: () => ({ cancel() {} }) };
const tsdb = await open(folder, { registry: new Registry(), clock: noTimer });
const labels = Array.from({ length: seriesCount * 1.5 }, (_, i) => Labels.from({ __name__: 'metric_' + (i % 200), instance: 'host-' + Math.floor(i / 200) + ':9100', job: 'node', mode: 'mode-' + (i % 7), device: 'sd' + (i % 13) }));
const refs = new Float64Array(labels.length);
let tMs = start;
// The second half of the first series ends after two hours, others take their places.
async function fill(untilMs) {
  for (; tMs < untilMs; tMs += stepMs) {
    const from = tMs < start + 2 * hour ? 0 : seriesCount / 2;
    for (let at = from; at < from + seriesCount; at += 1000) {
      const appender = tsdb.appender();
      for (let i = at; i < at + 1000; i++) refs[i] = appender.append(refs[i], labels[i], tMs, Math.sin(i) * tMs);
      await appender.commit();
    }
  }
}
// What this thread alone has used, in milliseconds: the main thread has the process' number.
const schedstat = openSync('/proc/self/task/' + process.pid + '/schedstat', 'r');
const buffer = Buffer.alloc(64);
function cpuMs() { return Number(buffer.toString('latin1', 0, readSync(schedstat, buffer, 0, 64, 0)).split(' ')[0]) / 1e6; }
const phases = [];
async function measured(name, run) {
  let isRunning = true, lastTick = performance.now(), worstAppendMs = 0, worstQueryMs = 0, beat = 0;
  const gaps = [];
  let lastCpu = cpuMs(), worstCpuMs = 0;
  const tick = () => {
    const now = performance.now(), cpu = cpuMs();
    gaps.push(now - lastTick);
    worstCpuMs = Math.max(worstCpuMs, cpu - lastCpu);
    lastTick = now; lastCpu = cpu;
    if (isRunning) setImmediate(tick);
  };
  setImmediate(tick);
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const appends = (async () => {
    while (isRunning) {
      const before = performance.now();
      const appender = tsdb.appender();
      for (let i = 0; i < 1000; i++) { const n = seriesCount + (beat * 1000 + i) % (seriesCount / 2); appender.append(refs[n], labels[n], tMs + beat, beat); }
      await appender.commit();
      beat++;
      worstAppendMs = Math.max(worstAppendMs, performance.now() - before);
      await wait(10);
    }
  })();
  const queries = (async () => {
    const batch = new SampleBatch();
    for (let n = 0; isRunning; n++) {
      const before = performance.now();
      const querier = tsdb.querier(tMs - 600_000, tMs);
      const { series } = await querier.select([createMatcher('=', 'instance', 'host-' + (500 + n % 200) + ':9100')]);
      for (const one of series.slice(0, 100)) { const reader = one.samples(); while (reader.read(batch) > 0); }
      querier.close();
      worstQueryMs = Math.max(worstQueryMs, performance.now() - before);
      await wait(50);
    }
  })();
  const before = performance.now();
  if (run === undefined) await wait(3000); else await run();
  const seconds = (performance.now() - before) / 1000;
  isRunning = false;
  await appends; await queries;
  tMs += beat;
  gaps.sort((a, b) => a - b);
  phases.push({ name, seconds, worstGapMs: gaps.at(-1), worstCpuMs, gapsAbove20: gaps.filter((gap) => gap > 20).length, p99GapMs: gaps[Math.floor(gaps.length * 0.99)], worstAppendMs, worstQueryMs });
}
await fill(start + 3.2 * hour);
await measured('nothing (for comparison)');
await measured('head of 100,000 series to a block, 50,000 leave', () => tsdb.maintain());
tMs = start + 3.3 * hour;
for (const hours of [5.2, 7.2]) { await fill(start + hours * hour); await tsdb.maintain(); }
await fill(start + 9.2 * hour);
await measured('one more block, then three blocks to one', () => tsdb.maintain());
const levels = tsdb.blocks().map(({ compaction }) => compaction.level);
if (!levels.includes(2)) throw new Error('no blocks were merged: ' + levels);
await tsdb.close();
console.log(JSON.stringify(phases));
`;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export default async function bench(): Promise<string> {
  if (!existsSync(`${root}/packages/tsdb/dist/index.js`)) return 'Not measured: build first (`npm run build`).';
  const results: Phase[][] = [];
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'bench-upkeep-'));
    try {
      const output = execFileSync(process.execPath, ['--input-type=module', '-e', work, folder], { cwd: root, encoding: 'utf8' });
      results.push(JSON.parse(output) as Phase[]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const lines = (results[0] ?? []).map(({ name }, i) => {
    const cell = (pick: (phase: Phase) => number): string => {
      const values = results.map((phases) => pick(phases[i] as Phase));
      return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`;
    };
    return `| ${name} | ${cell((p) => p.seconds)} | ${cell((p) => p.worstGapMs)} | ${cell((p) => p.worstCpuMs)} | ${cell((p) => p.gapsAbove20)} | ${cell((p) => p.p99GapMs)} | ${cell((p) => p.worstAppendMs)} | ${cell((p) => p.worstQueryMs)} |`;
  });
  return `100,000 series a minute apart, half of them new after two hours. Median of ${rounds} runs (lowest–highest). A gap is the time between two turns of the event loop, which is how long anything can wait for it; what other processes of the machine take is in it, and not in the computing of this thread in the same gap.

| while | seconds | worst gap, ms | worst computing in one gap, ms | gaps above 20 ms | 99 % of gaps below, ms | slowest batch of 1,000, ms | slowest query of 100 series, ms |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${lines.join('\n')}`;
}
