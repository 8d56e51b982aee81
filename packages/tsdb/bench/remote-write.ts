/**
 * Remote write into whole servers, side by side: ours (`pronoia monitor` from the build), Debian's prometheus and victoria-metrics.
 * Smaller and quicker: PRONOIA_BENCH_SCALE=0.1 (of the series, and of the samples of the first case), PRONOIA_BENCH_CASE=0 or 1,
 * PRONOIA_BENCH_ONLY=prometheus,….
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Sent, Shape } from './remote-write-load.ts';

const root = resolve(import.meta.dirname, '../../..');
const scale = Number(process.env['PRONOIA_BENCH_SCALE'] ?? 1);
const only = process.env['PRONOIA_BENCH_ONLY']?.split(',');
const ticksPerSecond = 100;

interface Peer {
  readonly name: string;
  command(folder: string, port: number): string[];
  readonly ready: string;
  /** Path that makes a snapshot, whose folder under the data folder then holds blocks only. */
  readonly snapshot?: string;
}

const all: readonly Peer[] = [
  {
    name: 'pronoia monitor',
    command: (folder, port) => [
      process.execPath,
      `${root}/packages/cli/dist/main.js`,
      'monitor',
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--web.enable-admin-api',
    ],
    ready: '/-/ready',
    snapshot: '/api/v1/admin/tsdb/snapshot',
  },
  {
    name: 'prometheus',
    command: (folder, port) => [
      '/usr/bin/prometheus',
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--web.enable-admin-api',
    ],
    ready: '/-/ready',
    snapshot: '/api/v1/admin/tsdb/snapshot',
  },
  {
    name: 'victoria-metrics',
    command: (folder, port) => ['/usr/bin/victoria-metrics', `-storageDataPath=${folder}/data`, `-httpListenAddr=127.0.0.1:${port}`],
    ready: '/health',
  },
];

const peers = all.filter((peer) => (only === undefined || only.includes(peer.name)) && existsSync(peer.command('', 0)[0] as string));

interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly peakBytes: number;
}

function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    rssBytes: kilobytes('VmRSS'),
    peakBytes: kilobytes('VmHWM'),
  };
}

function diskBytes(folder: string): number {
  return existsSync(folder) ? Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]) : 0;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

class Server {
  readonly #peer: Peer;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #url = '';
  readySeconds = 0;

  constructor(peer: Peer, folder: string) {
    this.#peer = peer;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/prometheus.yml`, 'global: {}\n');
  }

  get url(): string {
    return this.#url;
  }

  get usage(): Usage {
    return usage(this.#child?.pid ?? 0);
  }

  async start(): Promise<void> {
    const port = await freePort();
    this.#url = `http://127.0.0.1:${port}`;
    const [program = '', ...args] = this.#peer.command(this.#folder, port);
    const started = performance.now();
    this.#child = spawn(program, args, { stdio: 'ignore', cwd: this.#folder });
    while ((await fetch(`${this.#url}${this.#peer.ready}`).catch(() => undefined))?.status !== 200) await wait(5);
    this.readySeconds = (performance.now() - started) / 1000;
  }

  async kill(): Promise<void> {
    const child = this.#child as ChildProcess;
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  }

  /** Bytes of what has gone to the log; victoria-metrics has none. */
  get logBytes(): number {
    return diskBytes(`${this.#folder}/data/wal`);
  }

  /** All samples as blocks. */
  async blockBytes(): Promise<number> {
    if (this.#peer.snapshot === undefined) {
      await fetch(`${this.#url}/internal/force_flush`);
      await fetch(`${this.#url}/internal/force_merge`);
      return diskBytes(`${this.#folder}/data`);
    }
    const response = await fetch(`${this.#url}${this.#peer.snapshot}`, { method: 'POST' });
    const { data } = (await response.json()) as { data: { name: string } };
    return diskBytes(`${this.#folder}/data/snapshots/${data.name}`);
  }
}

interface Outcome {
  readonly million: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly rssPerSeries: number;
  readonly logBytesPerSample: number;
  readonly blockBytesPerSample: number;
  readonly readySeconds: number;
  readonly readyCpuSeconds: number;
  readonly churnRssBytes: number;
  readonly failures: number;
}

class Sender {
  readonly #child = fork(join(import.meta.dirname, 'remote-write-load.ts'), { execArgv: process.execArgv });

  async #ask<T>(message: object | string): Promise<T> {
    const answer = once(this.#child, 'message');
    this.#child.send(message);
    return (await answer)[0] as T;
  }

  encode(shape: Shape): Promise<void> {
    return this.#ask(shape);
  }

  send(url: string): Promise<Sent> {
    return this.#ask(`${url}/api/v1/write`);
  }

  close(): void {
    this.#child.disconnect();
  }
}

async function measure(shape: Shape, churns: boolean): Promise<Map<string, Outcome>> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-remote-write-'));
  const outcomes = new Map<string, Outcome>();
  const sender = new Sender();
  const next = churns ? new Sender() : undefined;
  try {
    await sender.encode(shape);
    await next?.encode({ ...shape, generation: 1, samples: 1, startMs: shape.startMs + shape.samples * shape.stepMs });
    for (const peer of peers) {
      process.stderr.write(`  ${shape.series} series × ${shape.samples}: ${peer.name} …\n`);
      const server = new Server(peer, join(folder, peer.name.replace(' ', '-')));
      await server.start();
      const empty = server.usage;
      const sent = await sender.send(server.url);
      const full = server.usage;
      const logBytes = server.logBytes;
      const samples = shape.series * shape.samples;
      await server.kill();
      await server.start();
      const again = server.usage;
      const { readySeconds } = server;
      const blockBytes = await server.blockBytes();
      let churnRssBytes = Number.NaN;
      if (next !== undefined) {
        await next.send(server.url);
        churnRssBytes = server.usage.rssBytes;
      }
      await server.kill();
      const outcome: Outcome = {
        million: samples / 1e6,
        seconds: sent.seconds,
        cpuSeconds: full.cpuSeconds - empty.cpuSeconds,
        rssBytes: full.rssBytes,
        rssPerSeries: (full.rssBytes - empty.rssBytes) / shape.series,
        logBytesPerSample: logBytes / samples,
        blockBytesPerSample: blockBytes / samples,
        readySeconds,
        readyCpuSeconds: again.cpuSeconds,
        churnRssBytes,
        failures: sent.failures,
      };
      outcomes.set(peer.name, outcome);
      process.stderr.write(`  ${JSON.stringify(outcome)}\n`);
      rmSync(join(folder, peer.name.replace(' ', '-')), { recursive: true, force: true });
    }
  } finally {
    sender.close();
    next?.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return outcomes;
}

function table(outcomes: Map<string, Outcome>): string {
  const names = [...outcomes.keys()];
  const row = (title: string, pick: (outcome: Outcome) => number, digits: number): string => {
    const values = names.map((name) => pick(outcomes.get(name) as Outcome));
    const text = values.map((value) => (Number.isFinite(value) && value !== 0 ? value.toFixed(digits) : '–'));
    const peer = outcomes.get('prometheus');
    const ratio = peer === undefined ? Number.NaN : (values[0] as number) / pick(peer);
    return `| ${title} | ${text.join(' | ')} | ${Number.isFinite(ratio) ? ratio.toFixed(2) : '–'} |`;
  };
  return [
    `| | ${names.join(' | ')} | ratio to prometheus |`,
    `| --- |${' --- |'.repeat(names.length + 1)}`,
    row('samples/s, million', ({ million, seconds }) => million / seconds, 2),
    row('CPU seconds per million samples', ({ million, cpuSeconds }) => cpuSeconds / million, 2),
    row('memory of the process, MB', ({ rssBytes }) => rssBytes / 1e6, 0),
    row('… more than empty, bytes per series', ({ rssPerSeries }) => rssPerSeries, 0),
    row('bytes per sample, log', ({ logBytesPerSample }) => logBytesPerSample, 2),
    row('bytes per sample, blocks with index', ({ blockBytesPerSample }) => blockBytesPerSample, 2),
    row('seconds from start to ready after kill -9', ({ readySeconds }) => readySeconds, 2),
    row('… CPU seconds', ({ readyCpuSeconds }) => readyCpuSeconds, 2),
    row('memory when all names have changed, MB', ({ churnRssBytes }) => churnRssBytes / 1e6, 0),
    row('requests refused', ({ failures }) => failures, 0),
  ].join('\n');
}

export async function benchRemoteWrite(): Promise<string> {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const shapes: [Shape, boolean][] = [
    [{ series: 20_000, samples: Math.ceil(480 * scale), generation: 0, startMs: now - 480 * 15_000, stepMs: 15_000 }, false],
    [{ series: Math.ceil(1_000_000 * scale), samples: 20, generation: 0, startMs: now - 30 * 15_000, stepMs: 15_000 }, true],
  ];
  const parts = [
    '## Through remote write (HTTP, snappy, log)',
    '',
    `Requests of 10,000 samples over four connections; sender and server share the machine.`,
  ];
  const wanted = process.env['PRONOIA_BENCH_CASE'];
  const load = (): string => (loadavg()[0] as number).toFixed(0);
  for (const [i, [shape, churns]] of shapes.entries()) {
    if (wanted !== undefined && wanted !== String(i)) continue;
    const before = load();
    const result = table(await measure(shape, churns));
    const title = `${shape.series.toLocaleString('en')} series × ${shape.samples} samples (load of the machine ${before} before, ${load()} after):`;
    parts.push('', title, '', result);
  }
  return parts.join('\n');
}
