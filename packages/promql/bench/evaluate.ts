/**
 * Queries over 2,000 counters, 2,000 gauges and 2,000 buckets, two hours at 15 s: our two evaluators in this process over columns in
 * memory, and Debian's prometheus over HTTP on the same samples. Ours is computing alone; theirs includes decoding chunks and
 * HTTP, so this tells whether the evaluator is worth its place, not how the servers compare.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Labels, type Matcher, type Queryable, type SampleBatch } from '@pronoia/model';
import { Engine } from '../src/index.ts';

const [prometheus, promtool] = ['/usr/bin/prometheus', '/usr/bin/promtool'];
const rounds = Number(process.env['ROUNDS'] ?? 5);
const samples = 480;
const startMs = 1_700_000_000_000 - (1_700_000_000_000 % 7_200_000);
const times = Float64Array.from({ length: samples }, (_, i) => startMs + 137 + i * 15_000);
const from = startMs + 3_600_000;
const to = startMs + 7_150_000;
const stepMs = 15_000;

interface Column {
  readonly labels: Labels;
  readonly values: Float64Array;
}

/** The same numbers in every run. */
function columns(): Column[] {
  let seed = 42;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const bounds = ['0.1', '0.25', '0.5', '1', '2.5', '5', '10', '30', '60', '+Inf'];
  const list: Column[] = [];
  for (let i = 0; i < 2000; i++) {
    const place = { host: `h${i % 100}`, pod: `p${i}` };
    let c = 0;
    list.push({ labels: Labels.from({ __name__: 'c_total', ...place }), values: times.map(() => (c += Math.round(random() * 20))) });
    list.push({ labels: Labels.from({ __name__: 'g', ...place }), values: times.map(() => Math.round(random() * 1000) / 10) });
    const le = i % bounds.length;
    let b = 0;
    const bucket = { __name__: 'b_bucket', host: `h${Math.floor(i / 10)}`, le: bounds[le] as string };
    list.push({ labels: Labels.from(bucket), values: times.map(() => (b += 10 * (le + 1))) });
  }
  return list.sort((x, y) => Labels.compare(x.labels, y.labels));
}

function storageOf(list: readonly Column[]): Queryable {
  return {
    querier: (minMs, maxMs) => {
      let lo = 0;
      while (lo < samples && (times[lo] as number) < minMs) lo++;
      let hi = samples;
      while (hi > lo && (times[hi - 1] as number) > maxMs) hi--;
      const series = (matchers: readonly Matcher[]) =>
        list
          .filter(({ labels }) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))))
          .map(({ labels, values }) => ({
            labels,
            samples: () => {
              let at = lo;
              return {
                read(into: SampleBatch): number {
                  const n = Math.min(into.capacity, hi - at);
                  into.times.set(times.subarray(at, at + n));
                  into.values.set(values.subarray(at, at + n));
                  into.stale.fill(0, 0, n);
                  into.hasHistograms = false;
                  at += n;
                  return n;
                },
              };
            },
          }));
      return {
        select: (matchers) => Promise.resolve({ series: series(matchers), warnings: [] }),
        labelNames: () => Promise.resolve([]),
        labelValues: () => Promise.resolve([]),
        close: () => undefined,
      };
    },
  };
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
  'sum(rate(c_total[30m]))',
  'sum(max_over_time(g[30m]))',
  'sum(quantile_over_time(0.9, g[10m]))',
  'rate(c_total[5m])',
];

interface Peer {
  query(text: string): Promise<void>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function startPeer(list: readonly Column[]): Promise<Peer | undefined> {
  if (!existsSync(prometheus) || !existsSync(promtool)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'bench-promql-'));
  const text = createWriteStream(join(folder, 'in.om'));
  let name = '';
  for (const { labels, values } of list) {
    if (labels.get('__name__') !== name) {
      name = labels.get('__name__');
      text.write(`# TYPE ${name} unknown\n`);
    }
    const series = labels.toString().replaceAll(', ', ',');
    text.write(Array.from(values, (v, i) => `${series} ${v} ${(times[i] as number) / 1000}\n`).join(''));
  }
  await new Promise<void>((resolve) => text.end('# EOF\n', () => resolve()));
  execFileSync(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'in.om'), join(folder, 'data')], { stdio: 'ignore' });
  writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
  const port = await freePort();
  const files = [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`];
  const args = [...files, `--web.listen-address=127.0.0.1:${port}`, '--storage.tsdb.retention.time=100y'];
  const child = spawn(prometheus, args, { stdio: 'ignore' });
  const base = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 200; i++) {
    const ready = await fetch(`${base}/-/ready`).catch(() => undefined);
    if (ready?.ok === true) break;
    await sleep(100);
  }
  return {
    async query(query) {
      const range = `start=${from / 1000}&end=${to / 1000}&step=${stepMs / 1000}`;
      const response = await fetch(`${base}/api/v1/query_range?query=${encodeURIComponent(query)}&${range}`);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`prometheus: ${response.status}`);
    },
    async stop() {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function median(run: () => Promise<unknown>, times_: number): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < times_; i++) {
    const start = performance.now();
    await run();
    took.push(performance.now() - start);
  }
  return took.sort((a, b) => a - b)[Math.floor(took.length / 2)] as number;
}

export default async function bench(): Promise<string> {
  const list = columns();
  const storage = storageOf(list);
  const fast = new Engine();
  const literal = new Engine({ evaluator: 'unhurried' });
  const peer = await startPeer(list);
  const rows: string[] = [];
  try {
    for (const query of queries) {
      const ours = await median(() => fast.range(storage, query, from, to, stepMs), rounds);
      const slow = await median(() => literal.range(storage, query, from, to, stepMs), 1);
      const theirs = peer === undefined ? undefined : await median(() => peer.query(query), rounds);
      const ratio = theirs === undefined ? '–' : `${(ours / theirs).toFixed(2)}×`;
      rows.push(`| \`${query}\` | ${ours.toFixed(0)} | ${slow.toFixed(0)} | ${theirs?.toFixed(0) ?? 'not installed'} | ${ratio} |`);
    }
  } finally {
    await peer?.stop();
  }
  const steps = Math.floor((to - from) / stepMs) + 1;
  return `2,000 series of each metric, ${samples} samples each; range queries of ${steps} steps. Milliseconds, median of ${rounds}.
Ours is the evaluator alone over columns in memory; Debian's prometheus answers over HTTP from its blocks, warm.

| query | columnar | unhurried | prometheus | ratio |
| --- | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`;
}
