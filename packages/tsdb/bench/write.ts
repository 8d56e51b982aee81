/**
 * How fast the database takes samples as a library, what they cost, and how soon it is back: beside `promtool tsdb bench write`,
 * which does the same with the original (20,000 series, 500 samples each, 30 s apart, values that grow).
 * Run: `npm run bench -- tsdb`, after a build.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { benchRemoteWrite } from './remote-write.ts';

const root = resolve(import.meta.dirname, '../../..');
const seriesCount = 20_000;
/** The original's bench rounds up to a hundred. */
const scrapes = 500;
const million = (seriesCount * scrapes) / 1e6;
const rounds = 3;

interface Result {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly diskBytes: number;
  readonly reopenCpuSeconds?: number;
}

/** In a process of its own, so that memory and processor time are its own. */
const ours = `
import { open } from '@pronoia/tsdb';
import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import { readFileSync } from 'node:fs';
const [page, folder, scrapes] = [process.argv[1], process.argv[2], Number(process.argv[3])];
const series = readFileSync(page, 'utf8').trim().split('\\n').map((line) => Labels.from(JSON.parse(line)));
const refs = new Float64Array(series.length);
let tsdb = await open(folder, { registry: new Registry(), walCompression: 'none' });
const before = performance.now();
const cpu = process.cpuUsage();
for (let n = 0; n < scrapes; n++) {
  for (let from = 0; from < series.length; from += 1000) {
    const appender = tsdb.appender();
    for (let i = from; i < from + 1000 && i < series.length; i++) refs[i] = appender.append(refs[i], series[i], n * 30000, 123456789 + n * 1000);
    await appender.commit();
  }
}
const seconds = (performance.now() - before) / 1000;
const used = process.cpuUsage(cpu);
const rssBytes = process.memoryUsage.rss();
await tsdb.close();
const again = process.cpuUsage();
tsdb = await open(folder, { registry: new Registry() });
const reopened = process.cpuUsage(again);
await tsdb.close();
console.log(JSON.stringify({ seconds, cpuSeconds: (used.user + used.system) / 1e6, rssBytes, reopenCpuSeconds: (reopened.user + reopened.system) / 1e6 }));
`;

function diskBytes(folder: string): number {
  return Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]);
}

function runOurs(page: string, folder: string): Result {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', ours, page, folder, String(scrapes)], {
    cwd: root,
    encoding: 'utf8',
  });
  return { ...(JSON.parse(output) as Omit<Result, 'diskBytes'>), diskBytes: diskBytes(folder) };
}

/** The shell's `times` tells what its children used: the last line, minutes and seconds. */
function runTheirs(page: string, folder: string): Result {
  const command = `/usr/bin/promtool tsdb bench write --out="${folder}" --metrics=${seriesCount} --scrapes=${scrapes} "${page}" 2>&1 & pid=$!
peak=0; while kill -0 $pid 2>/dev/null; do now=$(awk '/VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null); [ -n "$now" ] && peak=$now; sleep 0.1; done; wait $pid; echo "peak $peak"; times`;
  const output = execFileSync('bash', ['-c', command], { encoding: 'utf8' });
  const [, seconds] = /> total samples: \d+[\s\S]*?> samples\/sec: ([\d.e+]+)/.exec(output) ?? [];
  const cpu = [...(output.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => Number(m) * 60 + Number(s));
  return {
    seconds: (seriesCount * scrapes) / Number(seconds),
    cpuSeconds: cpu.reduce((sum, one) => sum + one, 0),
    rssBytes: Number(/peak (\d+)/.exec(output)?.[1] ?? Number.NaN) * 1024,
    diskBytes: diskBytes(folder),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export default async function bench(): Promise<string> {
  const asLibrary = await benchLibrary();
  return `${asLibrary}\n\n${await benchRemoteWrite()}`;
}

async function benchLibrary(): Promise<string> {
  if (!existsSync(`${root}/packages/tsdb/dist/index.js`)) return 'Not measured: build first (`npm run build`).';
  const folder = mkdtempSync(join(tmpdir(), 'bench-tsdb-'));
  const page = join(folder, 'series.json');
  const lines = Array.from({ length: seriesCount }, (_, i) =>
    JSON.stringify({
      __name__: `metric_${i % 200}`,
      instance: `host-${Math.floor(i / 200)}:9100`,
      job: 'node',
      mode: `mode-${i % 7}`,
      device: `sd${i % 13}`,
    }),
  );
  writeFileSync(page, `${lines.join('\n')}\n`);
  const hasPeer = existsSync('/usr/bin/promtool');
  const results: { ours: Result; theirs: Result | undefined }[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const own = runOurs(page, join(folder, `ours-${round}`));
      results.push({ ours: own, theirs: hasPeer ? runTheirs(page, join(folder, `theirs-${round}`)) : undefined });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const row = (name: string, pick: (result: Result) => number | undefined, digits: number): string => {
    const mine = results.map((result) => pick(result.ours) ?? Number.NaN);
    const peers = results.map((result) => (result.theirs === undefined ? Number.NaN : (pick(result.theirs) ?? Number.NaN)));
    const text = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(digits));
    const [a, b] = [median(mine), median(peers)];
    const spread = `${text(Math.min(...mine))} … ${text(Math.max(...mine))}`;
    return `| ${name} | ${text(a)} (${spread}) | ${text(b)} | ${Number.isNaN(b) ? '–' : (a / b).toFixed(2)} |`;
  };
  return [
    '## As a library',
    '',
    `${seriesCount.toLocaleString('en')} series × ${scrapes} samples, batches of 1,000, log not compressed, no compaction (as the original's bench does it); medians of ${rounds}, alternating.`,
    hasPeer ? '' : '\nThe peer is missing: /usr/bin/promtool is not installed.\n',
    '| | ours | promtool tsdb bench write | ratio |',
    '| --- | --- | --- | --- |',
    row('samples/s, million', ({ seconds }) => million / seconds, 2),
    row('CPU seconds per million samples', ({ cpuSeconds }) => cpuSeconds / million, 2),
    row('memory of the process, MB', ({ rssBytes }) => rssBytes / 1e6, 0),
    row('bytes on disk per sample, log included', ({ diskBytes: bytes }) => bytes / (million * 1e6), 2),
    row('CPU seconds to open again', ({ reopenCpuSeconds }) => reopenCpuSeconds, 2),
  ].join('\n');
}
