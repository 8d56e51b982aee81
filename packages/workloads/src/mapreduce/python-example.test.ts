/** The shipped example: Python programs in a real job, scraped while they run. Needs Debian's python3-prometheus-client. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningAgent, start as startAgent } from '@pronoia/agent';
import { start as startMaster } from '@pronoia/master';
import type { Running } from '@pronoia/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMapReduce } from './run.ts';

const PYTHON = '/usr/bin/python3';
const example = fileURLToPath(new URL('../../../../examples/python-wordcount', import.meta.url));
const hasLibrary = spawnSync(PYTHON, ['-c', 'import prometheus_client']).status === 0;
if (!hasLibrary) process.stderr.write(`SKIPPED: ${PYTHON} has no prometheus_client; apt-get install python3-prometheus-client\n`);

describe.skipIf(!hasLibrary)('the Python example', () => {
  let root: string;
  let master: Running;
  let agent: RunningAgent;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'python-example-'));
    master = await startMaster({ port: 0, work_dir: join(root, 'master'), allocation_interval: 100 });
    // Below the ports that Linux gives to outgoing connections: one of those in the way would leave a program without metrics.
    const first = 20_000 + (process.pid % 600) * 20;
    agent = await startAgent({
      master: `127.0.0.1:${master.port}`,
      work_dir: join(root, 'agent'),
      port: 0,
      registration_backoff_factor: 20,
      resources: `cpus:2;mem:4096;disk:1000;ports:[${first}-${first + 20}]`,
    });
  });
  afterAll(async () => {
    await agent.stopWithTasks();
    await master.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('counts as the built-in does, and its tasks are seen', async () => {
    const input = join(root, 'input');
    writeFileSync(
      input,
      Buffer.concat([Buffer.from('the cat\tthe\u00a0dog\r\nthe end é é\n'.repeat(300)), Buffer.from([0xff, 0x20, 0xff])]),
    );
    const deps = { master: `127.0.0.1:${master.port}`, metricsLingerMs: 0 };
    await runMapReduce({ kind: 'wordcount', input: [input], output: join(root, 'built-in') }, deps);

    // What the monitor does: find published ports, scrape them.
    const seen = new Map<string, string>();
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const { tasks } = (await (await fetch(`http://127.0.0.1:${master.port}/tasks`)).json()) as {
          tasks: { id: string; state: string; discovery?: { ports?: { ports?: { number: number; name: string }[] } } }[];
        };
        for (const task of tasks.filter((one) => one.state === 'TASK_RUNNING')) {
          for (const { number } of task.discovery?.ports?.ports ?? []) {
            const page = await fetch(`http://127.0.0.1:${number}/metrics`).then(
              (answer) => answer.text(),
              () => '',
            );
            if (page !== '') seen.set(`${task.id} ${number}`, page);
          }
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    await runMapReduce(
      {
        kind: 'streaming',
        input: [input],
        output: join(root, 'python'),
        mapper: `${PYTHON} mapper.py`,
        reducer: `${PYTHON} reducer.py`,
        files: ['mapper.py', 'reducer.py', 'exporter.py'].map((name) => join(example, name)),
        programMetrics: true,
      },
      deps,
    );
    isOver = true;
    await watching;

    expect(readFileSync(join(root, 'python', 'part-00000'))).toEqual(readFileSync(join(root, 'built-in', 'part-r-00000')));
    const pages = [...seen.values()].join('\n');
    expect(pages).toMatch(/^task_count_total\{task_type="map"\} 1\.0$/m);
    expect(pages).toMatch(/^task_count_total\{task_type="reduce"\} 1\.0$/m);
    expect(pages).toMatch(/^resource_usage\{resource="memory",value="bytes"\} [\d.e+]+$/m);
    expect(pages).toMatch(/^mapreduce_attempt_progress_ratio\{job="job_\d+_\d+",stage="map"\} /m);
    expect(seen.size).toBe(4);
  });

  it('compiles', () => {
    execFileSync(PYTHON, ['-m', 'py_compile', ...['mapper.py', 'reducer.py', 'exporter.py'].map((name) => join(example, name))], {
      env: { ...process.env, PYTHONPYCACHEPREFIX: join(root, 'pycache') },
    });
  });
});
