import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { start } from './app.ts';

/** In real time: that a task is seen which lives for two seconds is the whole point. */

async function serve(answer: () => { type: string; body: string }): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => {
    const { type, body } = answer();
    response.setHeader('content-type', type);
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it('measures a task that lives for two seconds, and knows that it ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'short-task-'));
  const tasks: object[] = [];
  const master = await serve(() => ({
    type: 'application/json',
    body: JSON.stringify({
      leader: `master@127.0.0.1:1`,
      slaves: [{ id: 'S0', hostname: '127.0.0.1', port: 1 }],
      frameworks: [{ id: 'F0', name: 'wordcount', role: 'batch', tasks }],
    }),
  }));
  await writeFile(
    join(folder, 'prometheus.yml'),
    `scrape_configs:
- job_name: tasks
  scrape_interval: 1s
  mesos_sd_configs: [{ master: "http://127.0.0.1:${master.port}", refresh_interval: 1s }]
  relabel_configs:
  - { source_labels: [__meta_mesos_role], regex: task, action: keep }
  - { source_labels: [__meta_mesos_framework_name], target_label: framework }
  - { source_labels: [__meta_mesos_task_id], target_label: task }
`,
  );
  const monitor = await start({
    'config.file': join(folder, 'prometheus.yml'),
    'storage.tsdb.path': join(folder, 'data'),
    'web.listen-address': ['127.0.0.1:0'],
  });
  const ask = async (query: string): Promise<{ metric: Record<string, string>; values?: [number, string][] }[]> => {
    const response = await fetch(`${monitor.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    return ((await response.json()) as { data: { result: never[] } }).data.result;
  };
  try {
    for (const name of ['one', 'two']) {
      // At some moment between two polls.
      await wait(name === 'one' ? 300 : 650);
      const task = await serve(() => ({ type: 'text/plain', body: 'processed 7\n' }));
      const ports = { ports: { ports: [{ number: task.port, name: 'metrics' }] } };
      tasks.push({ id: name, name, slave_id: 'S0', state: 'TASK_RUNNING', discovery: ports });
      await wait(2000);
      tasks.length = 0;
      await close(task.server);
    }
    for (const name of ['one', 'two']) {
      const [series] = await ask(`processed{task="${name}"}[1m]`);
      expect(series?.metric).toMatchObject({ framework: 'wordcount', task: name, job: 'tasks' });
      expect(series?.values?.length).toBeGreaterThanOrEqual(1);
    }
    // By a failed scrape, or one poll and two intervals after the task left the master.
    for (let i = 0; i < 60 && (await ask('processed')).length > 0; i++) await wait(100);
    expect(await ask('processed')).toEqual([]);
  } finally {
    await monitor.stop();
    await close(master.server);
    await rm(folder, { recursive: true });
  }
}, 30_000);
