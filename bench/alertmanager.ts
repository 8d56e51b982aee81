/**
 * The alertmanager under load: 50,000 alerts of 8 labels in 200 groups, ours beside Debian's prometheus-alertmanager, one after the
 * other and round again, each a fresh process. The load comes from this process, over two connections, with bodies made beforehand.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const rounds = Number(process.env['ROUNDS'] ?? 3);
const alertCount = 50_000;
const batchSize = 250;
const silenceCount = 1000;
const connections = 2;
const built = fileURLToPath(new URL('../packages/alertmanager/dist/index.js', import.meta.url));
const peer = '/usr/bin/prometheus-alertmanager';

/** What a round measures; `undefined` where the program does not tell. */
interface Figures {
  ingestPerSecond: number;
  ingestCpuSeconds: number;
  repostPerSecond: number;
  repostCpuSeconds: number;
  loadedMiB: number;
  getAllMs: number;
  getAllFirstByteMs: number;
  getAllMiB: number;
  getAllCpuSeconds: number;
  getFilteredMs: number;
  metricsMs: number;
  silencesPerSecond: number;
  getAfterSilencesMs: number;
  getAfterSilencesCpuSeconds: number;
  failedFlushes: number;
  oneAlertIdleMs: number;
  oneAlertLoadedMs: number;
  peakMiB: number;
  loopDelayMs: number | undefined;
}

function pick(list: readonly string[], i: number): string {
  return list[i % list.length] as string;
}

function labelsOf(i: number): Record<string, string> {
  const group = i % 200;
  return {
    alertname: `Alert${group % 20}`,
    cluster: `cluster-${Math.floor(group / 20)}`,
    instance: `host-${i % 5000}.example.org:9100`,
    job: pick(['node', 'api', 'db', 'queue', 'edge'], i >> 3),
    namespace: `ns-${i % 50}`,
    pod: `workload-${i}-7d9c`,
    severity: pick(['critical', 'warning', 'info'], i),
    team: pick(['infra', 'payments', 'search', 'mail'], i >> 5),
  };
}

/** As Prometheus writes them: members and labels in order of names. */
function batches(startsAtMs: number, endsAtMs: number): Buffer[] {
  const bodies: Buffer[] = [];
  for (let from = 0; from < alertCount; from += batchSize) {
    const alerts = Array.from({ length: batchSize }, (_, j) => {
      const i = from + j;
      return {
        annotations: {
          description: `The error ratio of workload-${i} has been above 5% for ten minutes; see the dashboard.`,
          summary: `Error ratio high on host-${i % 5000}`,
        },
        endsAt: new Date(endsAtMs).toISOString(),
        startsAt: new Date(startsAtMs + (i % 1000)).toISOString(),
        generatorURL: `http://prometheus.example.org:9090/graph?g0.expr=rate%28errors_total%5B5m%5D%29+%3E+0.05&g0.tab=1`,
        labels: labelsOf(i),
      };
    });
    bodies.push(Buffer.from(JSON.stringify(alerts)));
  }
  return bodies;
}

/** Half exact, half patterns; of the patterns a fifth has neither a literal beginning nor an exact matcher beside it. */
function silence(i: number, nowMs: number): Buffer {
  const exact = (name: string, value: string) => ({ name, value, isRegex: false, isEqual: true });
  const pattern = (name: string, value: string) => ({ name, value, isRegex: true, isEqual: true });
  const half = i >> 1;
  const matchers =
    i % 2 === 0
      ? [exact('alertname', `Alert${half % 20}`), exact('instance', `host-${half * 7}.example.org:9100`)]
      : [
          [exact('team', 'search'), pattern('instance', `host-${half}[0-9]\\..*`)],
          [pattern('pod', `workload-${half}[0-9]-.*`)],
          [pattern('instance', `host-(${half}|${half + 1})\\.example\\.org:.*`)],
          [pattern('alertname', 'Alert(1|2|3)'), pattern('namespace', `ns-${half % 50}x?`)],
          [pattern('pod', `.*-${half}7-[0-9a-f]+`)],
        ][half % 5];
  return Buffer.from(
    JSON.stringify({
      matchers,
      startsAt: new Date(nowMs).toISOString(),
      endsAt: new Date(nowMs + 3_600_000).toISOString(),
      createdBy: 'bench',
      comment: `silence ${i}`,
    }),
  );
}

const agent = new Agent({ keepAlive: true, maxSockets: connections });

interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly firstByteMs: number;
  readonly totalMs: number;
  readonly text: string;
}

function call(url: string, body?: Buffer, keepText = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const outgoing = request(
      url,
      body === undefined
        ? { agent }
        : { agent, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length } },
      (answer) => {
        let firstByteMs = 0;
        let bytes = 0;
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => {
          if (bytes === 0) firstByteMs = performance.now() - startedAt;
          bytes += part.length;
          if (keepText) parts.push(part);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            bytes,
            firstByteMs,
            totalMs: performance.now() - startedAt,
            text: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Posts all, `connections` at a time. Returns the seconds. */
async function postAll(url: string, bodies: readonly Buffer[]): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const { status } = await call(url, body);
      if (status !== 200) throw new Error(`POST ${url} was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return (performance.now() - startedAt) / 1000;
}

class Sink {
  readonly #server: Server;
  #wake: (() => void) | undefined;
  url = '';

  constructor() {
    this.#server = createServer((incoming, outgoing) => {
      incoming.resume().on('end', () => {
        outgoing.end();
        if (incoming.url === '/probe') this.#wake?.();
      });
    });
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  probe(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

interface Subject {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
  failedFlushes: number;
}

/** Written by the preload at SIGUSR2: the longest that the event loop was held since the last time. */
const preload = `data:text/javascript,${encodeURIComponent(`
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeFileSync } from 'node:fs';
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('SIGUSR2', () => { writeFileSync(process.env.LOOP_DELAY_FILE, String(delay.max / 1e6)); delay.reset(); });
`)}`;

async function startSubject(name: 'ours' | 'original', folder: string): Promise<Subject> {
  const args = [`--config.file=${join(folder, 'am.yml')}`, `--storage.path=${join(folder, 'data')}`, '--cluster.listen-address='];
  const port = await freePort();
  args.push(`--web.listen-address=127.0.0.1:${port}`);
  const script = `import { main } from ${JSON.stringify(built)}; await main(process.argv.slice(1));`;
  const profile = process.env['PROFILE'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${process.env['PROFILE']}`];
  const child =
    name === 'ours'
      ? spawn(process.execPath, [...profile, '--import', preload, '--input-type=module', '-e', script, '--', ...args], {
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { ...process.env, LOOP_DELAY_FILE: join(folder, 'delay') },
        })
      : spawn(peer, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const subject: Subject = { child, pid: child.pid ?? 0, url: `http://127.0.0.1:${port}`, failedFlushes: 0 };
  child.stderr?.on('data', (chunk: Buffer) => {
    if (process.env['SHOW'] !== undefined) process.stderr.write(chunk);
    subject.failedFlushes += chunk.toString().split('Notify for alerts failed').length - 1;
  });
  for (let i = 0; ; i++) {
    const ready = await call(`${subject.url}/-/ready`).catch(() => undefined);
    if (ready?.status === 200) break;
    if (i > 200) throw new Error(`${name} does not become ready`);
    await pause(50);
  }
  return subject;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

/** User and system time; a clock tick is 10 ms. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

async function repeat(count: number, run: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await run());
  return median(times);
}

async function measure(name: 'ours' | 'original'): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-alertmanager-'));
  const sink = new Sink();
  await sink.open();
  writeFileSync(
    join(folder, 'am.yml'),
    `route:
  receiver: hook
  group_by: [alertname, cluster]
  group_wait: 12s
  group_interval: 10s
  repeat_interval: 4h
  routes: [{ receiver: probe, matchers: ['probe="yes"'], group_by: [n], group_wait: 0s }]
receivers:
  - { name: hook, webhook_configs: [{ url: '${sink.url}/hook' }] }
  - { name: probe, webhook_configs: [{ url: '${sink.url}/probe' }] }
`,
  );
  const subject = await startSubject(name, folder);
  const { url, pid } = subject;
  try {
    const alertsUrl = `${url}/api/v2/alerts`;
    let probes = 0;
    const oneAlert = (): Promise<number> =>
      repeat(20, async () => {
        await pause(20);
        const told = sink.probe();
        const startedAt = performance.now();
        await call(alertsUrl, Buffer.from(JSON.stringify([{ labels: { alertname: 'Probe', probe: 'yes', n: String(probes++) } }])));
        await told;
        return performance.now() - startedAt;
      });
    const oneAlertIdleMs = await oneAlert();
    // Loading the program is not work of its loop.
    if (name === 'ours') process.kill(pid, 'SIGUSR2');

    // A story that began before the group's wait would be told at once: these begin now.
    const nowMs = Date.now();
    const first = batches(nowMs, nowMs + 600_000);
    const again = batches(nowMs, nowMs + 601_000);
    const filtered = `${alertsUrl}?filter=${encodeURIComponent('alertname="Alert3"')}&filter=${encodeURIComponent('cluster="cluster-4"')}`;
    await pause(300);
    let cpu = cpuSeconds(pid);
    const ingestSeconds = await postAll(alertsUrl, first);
    const ingestCpuSeconds = cpuSeconds(pid) - cpu;
    // Past the first flush of all groups.
    await pause(14_500 - ingestSeconds * 1000);
    cpu = cpuSeconds(pid);
    const repostSeconds = await postAll(alertsUrl, again);
    const repostCpuSeconds = cpuSeconds(pid) - cpu;
    await pause(1000);
    const loadedMiB = memoryMiB(pid, 'VmRSS');

    const getFilteredMs = await repeat(11, async () => (await call(filtered)).totalMs);
    const metricsMs = await repeat(11, async () => (await call(`${url}/metrics`)).totalMs);
    let getAllMiB = 0;
    cpu = cpuSeconds(pid);
    const firstBytes: number[] = [];
    const getAllMs = await repeat(3, async () => {
      const answer = await call(alertsUrl);
      getAllMiB = answer.bytes / 2 ** 20;
      firstBytes.push(answer.firstByteMs);
      return answer.totalMs;
    });
    const getAllCpuSeconds = (cpuSeconds(pid) - cpu) / 3;
    const oneAlertLoadedMs = await oneAlert();

    const silences = Array.from({ length: silenceCount }, (_, i) => silence(i, Date.now() + 100));
    const silenceSeconds = await postAll(`${url}/api/v2/silences`, silences);
    cpu = cpuSeconds(pid);
    const getAfterSilencesMs = (await call(alertsUrl)).totalMs;
    const getAfterSilencesCpuSeconds = cpuSeconds(pid) - cpu;
    await pause(13_000);

    let loopDelayMs: number | undefined;
    if (name === 'ours') {
      process.kill(pid, 'SIGUSR2');
      await pause(200);
      loopDelayMs = Number(readFileSync(join(folder, 'delay'), 'utf8'));
    }
    return {
      ingestPerSecond: alertCount / ingestSeconds,
      ingestCpuSeconds,
      repostPerSecond: alertCount / repostSeconds,
      repostCpuSeconds,
      loadedMiB,
      getAllMs,
      getAllFirstByteMs: median(firstBytes),
      getAllMiB,
      getAllCpuSeconds,
      getFilteredMs,
      metricsMs,
      silencesPerSecond: silenceCount / silenceSeconds,
      getAfterSilencesMs,
      getAfterSilencesCpuSeconds,
      failedFlushes: subject.failedFlushes,
      oneAlertIdleMs,
      oneAlertLoadedMs,
      peakMiB: memoryMiB(pid, 'VmHWM'),
      loopDelayMs,
    };
  } finally {
    const ended = new Promise((resolve) => subject.child.once('exit', resolve));
    subject.child.kill('SIGTERM');
    await Promise.race([ended, pause(10_000)]);
    subject.child.kill('SIGKILL');
    sink.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly title: string;
  readonly of: keyof Figures;
  readonly digits: number;
  readonly isRate?: boolean;
}

const rows: readonly Row[] = [
  { title: 'ingest, alerts/s', of: 'ingestPerSecond', digits: 0, isRate: true },
  { title: 'ingest, CPU s', of: 'ingestCpuSeconds', digits: 2 },
  { title: 'the same again with a later end, alerts/s', of: 'repostPerSecond', digits: 0, isRate: true },
  { title: 'the same again, CPU s', of: 'repostCpuSeconds', digits: 2 },
  { title: 'memory loaded, MiB', of: 'loadedMiB', digits: 0 },
  { title: 'memory peak, MiB', of: 'peakMiB', digits: 0 },
  { title: 'GET all alerts, ms', of: 'getAllMs', digits: 0 },
  { title: 'GET all alerts, CPU s', of: 'getAllCpuSeconds', digits: 2 },
  { title: 'GET all alerts, first byte, ms', of: 'getAllFirstByteMs', digits: 1 },
  { title: 'GET all alerts, MiB', of: 'getAllMiB', digits: 1 },
  { title: 'GET one group by two filters, ms', of: 'getFilteredMs', digits: 1 },
  { title: '/metrics, ms', of: 'metricsMs', digits: 1 },
  { title: 'silences made, 1/s', of: 'silencesPerSecond', digits: 0, isRate: true },
  { title: 'first GET after 1,000 silences, ms', of: 'getAfterSilencesMs', digits: 0 },
  { title: 'first GET after 1,000 silences, CPU s', of: 'getAfterSilencesCpuSeconds', digits: 2 },
  { title: 'flushes failed', of: 'failedFlushes', digits: 0 },
  { title: 'one alert to the webhook, empty, ms', of: 'oneAlertIdleMs', digits: 1 },
  { title: 'one alert to the webhook, loaded, ms', of: 'oneAlertLoadedMs', digits: 1 },
  { title: 'longest hold of the event loop, ms', of: 'loopDelayMs', digits: 0 },
];

export default async function bench(): Promise<string> {
  const names = existsSync(peer) && process.env['ONLY'] === undefined ? (['original', 'ours'] as const) : (['ours'] as const);
  const runs: Record<'ours' | 'original', Figures[]> = { ours: [], original: [] };
  const load = loadavg()[0]?.toFixed(2);
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      process.stderr.write(`  round ${round + 1}, ${name}\n`);
      runs[name].push(await measure(name));
    }
  }
  agent.destroy();
  const cell = (list: readonly Figures[], { of, digits }: Row): { text: string; value: number | undefined } => {
    const values = list.map((figures) => figures[of]).filter((value) => value !== undefined);
    if (values.length === 0) return { text: '–', value: undefined };
    const value = median(values);
    const [low, high] = [Math.min(...values), Math.max(...values)].map((one) => one.toFixed(digits));
    return { text: `${value.toFixed(digits)} (${low}…${high})`, value };
  };
  const table = rows.map((row) => {
    const ours = cell(runs.ours, row);
    const theirs = cell(runs.original, row);
    const ratio =
      ours.value === undefined || theirs.value === undefined || ours.value === 0 || theirs.value === 0
        ? '–'
        : `${(row.isRate === true ? ours.value / theirs.value : theirs.value / ours.value).toFixed(2)}×`;
    return `| ${row.title} | ${ours.text} | ${theirs.text} | ${ratio} |`;
  });
  const version = names.length > 1 ? peerVersion() : 'not installed: ours alone';
  return `${alertCount.toLocaleString('en')} alerts of 8 labels in 200 groups, POSTed by ${batchSize} over ${connections} connections; ${silenceCount.toLocaleString('en')} silences, half of them patterns; no inhibition (0.25 compares every source with every target); every flush goes to a webhook.
Original: ${version}. Median (lowest…highest) of ${rounds} rounds, fresh processes, alternating; load average at the start ${load}, at the end ${loadavg()[0]?.toFixed(2)}.
A ratio above 1 is in our favour, whatever the unit. The load generator and the webhook share the machine's cores with the subject.

| | ours | original | ratio |
| --- | --- | --- | --- |
${table.join('\n')}
`;
}

function peerVersion(): string {
  return execFileSync(peer, ['--version'], { encoding: 'utf8' }).split('\n', 1)[0]?.replace(/ \(.*/, '') ?? '';
}
