/**
 * Our metrics library beside prom-client, its successor and the OpenTelemetry SDK (packages/client/bench). Every number comes from processes of
 * its own, so that each case is compiled for itself; the libraries alternate, the median of the rounds counts.
 *
 * `CASE=text` picks cases, `ROUNDS` (5) and `MS` (600) how long. The peers other than prom-client are installed outside the tree, into
 * `CLIENT_BENCH_PEERS` or a folder of the system's temporary ones; without a network they are left out.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const child = join(root, 'packages/client/bench/child.ts');
const rounds = Number(process.env.ROUNDS ?? 5);
const durationMs = process.env.MS ?? '600';

const speedCases = [
  'counter.inc()',
  'counter.inc(v)',
  'counter.inc({3 labels})',
  'cached child.inc()',
  'gauge.set(v)',
  'histogram.observe(v)',
  'histogram.observe({3 labels}, v)',
  'cached histogram child.observe(v)',
  'summary.observe(v)',
  'scrape of 10,000 counters',
  'scrape of 715 histograms (10,010 samples)',
];
const memoryCases = ['memory: counter', 'memory: histogram'];

interface Peer {
  readonly library: string;
  readonly title: string;
  readonly folder: string;
}

function peers(): Peer[] {
  const folder = process.env.CLIENT_BENCH_PEERS ?? join(tmpdir(), 'pronoia-client-peers');
  const wanted = [
    '@prometheus-io/client@0.16.1',
    '@opentelemetry/api@1.10.0',
    '@opentelemetry/sdk-metrics@3.1.1',
    '@opentelemetry/exporter-prometheus@0.301.0',
  ];
  if (!existsSync(join(folder, 'node_modules/@prometheus-io/client'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    // 0.16 asks for Node 22; what is measured here runs on 20 as well.
    spawnSync('npm', ['install', '--silent', '--engine-strict=false', ...wanted], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const here = { library: 'ours', title: 'ours', folder: root };
  const all: Peer[] = [
    { library: 'prom-client', title: 'prom-client 15.1.3', folder: root },
    { library: '@prometheus-io/client', title: '@prometheus-io/client 0.16.1', folder },
    { library: 'otel', title: 'OpenTelemetry SDK 3.1.1', folder },
  ];
  const isThere = ({ library, folder: at }: Peer) =>
    existsSync(join(at, 'node_modules', library === 'otel' ? '@opentelemetry/sdk-metrics' : library));
  return [here, ...all.filter(isThere)];
}

function measure(peer: Peer, name: string): number {
  const flags = ['--import', 'tsx', ...(name.startsWith('memory') ? ['--expose-gc'] : [])];
  const output = execFileSync(process.execPath, [...flags, child, peer.library, peer.folder, name, durationMs], {
    cwd: root,
    encoding: 'utf8',
  });
  return Number(output);
}

interface Result {
  readonly median: number;
  /** Greatest deviation from the median, as a share of it. */
  readonly spread: number;
}

function summarize(values: readonly number[]): Result {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] as number;
  return { median, spread: Math.max(...sorted.map((value) => Math.abs(value - median) / median)) };
}

function compare(all: readonly Peer[], name: string): Result[] {
  const measured: number[][] = all.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...all.keys()];
    if (round % 2 === 1) order.reverse();
    for (const at of order) measured[at]?.push(measure(all[at] as Peer, name));
    process.stderr.write('.');
  }
  return measured.map(summarize);
}

function short(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 0 : 2)} M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} k` : value.toFixed(value >= 100 ? 0 : 1);
}

/** Ours against the better of prom-client and its successor. */
function ratio([ours, ...others]: readonly Result[], isLessBetter: boolean): string {
  const proms = others.slice(0, 2).map(({ median }) => median);
  if (ours === undefined || proms.length === 0) return '–';
  const best = isLessBetter ? Math.min(...proms) : Math.max(...proms);
  return `${(ours.median / best).toFixed(2)} ×`;
}

function table(all: readonly Peer[], names: readonly string[], unit: string, isLessBetter: boolean): string {
  const rows = names.map((name) => {
    const results = compare(all, name);
    const cells = results.map(({ median, spread }) => (Number.isNaN(median) ? '–' : `${short(median)} ±${Math.round(spread * 100)} %`));
    return `| ${name.replace('memory: ', '')} | ${cells.join(' | ')} | ${ratio(results, isLessBetter)} |`;
  });
  return [
    `| ${unit} | ${all.map(({ title }) => title).join(' | ')} | ours to the better prom-client |`,
    `| --- | ${all.map(() => '---:').join(' | ')} | ---: |`,
    ...rows,
  ].join('\n');
}

/** Minified and gzipped: what is loaded at once, and what comes when a scraper first asks for it. */
function bundleSize(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pronoia-client-size-'));
  const entry = join(folder, 'entry.mjs');
  writeFileSync(entry, source.replace('CLIENT', join(root, 'packages/client/dist/index.js')));
  const flags = ['--bundle', '--minify', '--format=esm', '--target=es2022', '--splitting', `--outdir=${folder}/out`, '--log-level=error'];
  execFileSync(join(root, 'node_modules/.bin/esbuild'), [entry, ...flags]);
  const sizes = { atOnce: 0, negotiation: 0, protobuf: 0 };
  for (const file of readdirSync(join(folder, 'out'))) {
    const zipped = gzipSync(readFileSync(join(folder, 'out', file)), { level: 9 }).length;
    sizes[(/^(?:protobuf|negotiation)/.exec(file)?.[0] as keyof typeof sizes | undefined) ?? 'atOnce'] += zipped;
  }
  rmSync(folder, { recursive: true });
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  return `${kB(sizes.atOnce)} (+ ${kB(sizes.negotiation)} once a format is negotiated, + ${kB(sizes.protobuf)} for protobuf)`;
}

export default async function run(): Promise<string> {
  const built = join(root, 'packages/client/dist/index.js');
  if (!existsSync(built)) throw new Error('packages/client is not built: npx tsc -b packages/client');
  const all = peers();
  const missing = 4 - all.length;
  const chosen = (name: string) => name.includes(process.env.CASE ?? '');
  const { version } = JSON.parse(readFileSync(join(root, 'packages/client/package.json'), 'utf8')) as { version: string };
  return `
Ours is @pronoia/client ${version}. Median of ${rounds} rounds, libraries alternating, each number from a fresh process (call sites are monomorphic: the best case for
everyone), seconds of the process' own computing; ± is the greatest deviation from the median.${missing > 0 ? ` ${missing} of the peers could not be installed and are missing.` : ''}

${table(all, speedCases.filter(chosen), 'operations a second', false)}

OpenTelemetry has no bound instruments: its "cached child" is a recording with the same attribute object. prom-client's \`counter.inc()\` without
labels adds a constant to a field that the compiler keeps in a register over the whole loop; no program calls it like that.

${table(
  all.filter(({ library }) => library !== 'otel'),
  memoryCases.filter(chosen),
  'bytes a series (heap and array buffers)',
  true,
)}

Series have three labels, one of them different for every four series.

Minified and gzipped: everything of the root export ${bundleSize("export * from 'CLIENT';")}; \`Counter\`, \`Gauge\`, \`Histogram\` and \`Registry\`
${bundleSize("export { Counter, Gauge, Histogram, Registry } from 'CLIENT';")}; \`Counter\` and \`Registry\` ${bundleSize("export { Counter, Registry } from 'CLIENT';")}.
`;
}
