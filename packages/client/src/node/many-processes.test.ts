/** Real cluster workers and real threads; they run the built library (`npx tsc -b packages/client`), as programs do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

const built = JSON.stringify(new URL('../../dist/node.js', import.meta.url).href);
const folder = mkdtempSync(join(tmpdir(), 'client-processes-'));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program and gives what it printed as JSON lines. */
async function run(program: string): Promise<Record<string, string[]>> {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += String(chunk);
  });
  await new Promise((resolve) => child?.once('close', resolve));
  return Object.assign(
    {},
    ...output
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as object),
  ) as Record<string, string[]>;
}

const shown = `
const lines = (text) => text.split('\\n').filter((line) => line !== '' && !line.startsWith('#'));
const print = (name, text) => process.stdout.write(JSON.stringify({ [name]: lines(text) }) + '\\n');
const until = async (isDone) => { while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 10)); };
`;

describe('worker threads', () => {
  const worker = JSON.stringify(`
import(${built}).then(({ Counter, Gauge, Histogram, WorkerRegistry }) => {
  const { parentPort, workerData, threadId } = require('node:worker_threads');
  const registry = new WorkerRegistry();
  const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'] });
  const busy = new Gauge({ name: 'busy', help: 'Busy.' });
  let collected = 0;
  new Gauge({ name: 'collected', help: 'Set when asked.', aggregator: 'max', collect() { this.set(++collected); } });
  const times = new Histogram({ name: 'times', help: 'Times.', buckets: [1] });
  busy.set(1);
  for (let i = 0; i < 100; i++) jobs.inc({ kind: i % 50 });
  for (let i = 0; i < 40; i++) jobs.remove({ kind: i });
  times.observe(0.5);
  parentPort.on('message', async (message) => {
    if (message === 'shutdown') { await registry.shutdown(); process.exit(); }
    // Never back to the event loop: only shared memory tells of these.
    const kept = jobs.labels('49');
    parentPort.postMessage('spinning');
    for (let n = 0; ; n++) kept.inc(n === 0 ? 1000 : 0);
  });
  setTimeout(() => parentPort.postMessage('ready'), 20);
});`);

  it('are read from shared memory, busy or dead, and their counters stay', async () => {
    const output = await run(`${shown}
import { Worker } from 'node:worker_threads';
import { Counter, WorkerRegistry } from ${built};
const registry = new WorkerRegistry();
new Counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'] }).inc({ kind: 'main' });
const next = (worker) => new Promise((resolve) => worker.once('message', resolve));
const workers = [1, 2].map(() => new Worker(${worker}, { eval: true }));
await Promise.all(workers.map(next));
await until(() => WorkerRegistry.workerCount() === 2);
print('both', await registry.workerMetrics());
workers[0].postMessage('spin');
await next(workers[0]);
print('spinning', await registry.workerMetrics());
const gone = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
workers[1].postMessage('shutdown');
await gone[1];
await workers[0].terminate();
await until(() => WorkerRegistry.workerCount() === 0);
print('none', await registry.workerMetrics());
`);
    expect(output.both).toEqual(
      expect.arrayContaining(['jobs_total{kind="main"} 1', 'jobs_total{kind="49"} 4', 'busy 2', 'times_bucket{le="1"} 2', 'times_count 2']),
    );
    expect(output.both?.filter((line) => line.startsWith('jobs_total'))).toHaveLength(11);
    expect(output.both).toContain('collected 1');
    expect(output.spinning).toContain('jobs_total{kind="49"} 1004');
    expect(output.none).toEqual(expect.arrayContaining(['jobs_total{kind="49"} 1004', 'times_count 2']));
    expect(output.none?.some((line) => line.startsWith('busy'))).toBe(false);
  });
});

describe('a cluster', () => {
  it('sums over the primary and its workers, and keeps what a killed worker had told', async () => {
    const output = await run(`${shown}
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { writeFileSync } from 'node:fs';
import { Counter, ClusterRegistry } from ${built};
const file = new URL('worker.mjs', import.meta.url);
writeFileSync(file, \`
import { ClusterRegistry, Counter, Gauge } from ${built.replaceAll('`', '')};
const registry = new ClusterRegistry();
const counter = new Counter({ name: 'requests_total', help: 'Requests.' });
new Gauge({ name: 'open', help: 'Open.' }).set(1);
new Gauge({ name: 'started', help: 'First.', aggregator: 'first' }).set(7);
counter.inc(10);
process.on('message', async (message) => {
  if (message === 'more') { counter.inc(5); await registry.shutdown(); process.exit(); }
});
process.send('ready');
\`);
cluster.setupPrimary({ exec: fileURLToPath(file) });
const registry = new ClusterRegistry();
new Counter({ name: 'requests_total', help: 'Requests.' }).inc(1);
const workers = [cluster.fork(), cluster.fork(), cluster.fork()];
const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
await Promise.all(workers.map((worker) => new Promise((resolve) => worker.on('message', (message) => message === 'ready' && resolve()))));
print('three', await registry.clusterMetrics());
workers[0].process.kill('SIGKILL');
await ended[0];
print('killed', await registry.clusterMetrics());
workers[1].send('more');
await ended[1];
print('left', await registry.clusterMetrics());
workers[2].process.kill('SIGKILL');
await ended[2];
print('none', await registry.clusterMetrics());
process.exit();
`);
    expect(output.three).toEqual(['requests_total 31', 'open 3', 'started 7']);
    expect(output.killed).toEqual(['requests_total 31', 'open 2', 'started 7']);
    expect(output.left).toEqual(['requests_total 36', 'open 1', 'started 7']);
    expect(output.none).toEqual(['requests_total 36']);
  });
});
