/** A real disk of half a megabyte becomes full under an alertmanager, and has room again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningAlertmanager, start } from '@pronoia/alertmanager';
import { createLogger } from '@pronoia/server';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from './pronoia.ts';

let folder = '';
let server: RunningAlertmanager | undefined;
let hook: Server | undefined;
const logged: string[] = [];

/** Why this cannot run here, if so: mounting takes root. */
function mount(): string | undefined {
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-full-'));
  mkdirSync(join(folder, 'data'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', join(folder, 'data')], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    rmSync(folder, { recursive: true });
    return (error as Error).message;
  }
}

const refusal = mount();
if (refusal !== undefined) process.stderr.write(`SKIPPED: a full disk under the alertmanager: no tmpfs can be mounted here (${refusal})\n`);

afterEach(async () => {
  await server?.stop();
  hook?.closeAllConnections();
  hook?.close();
  execFileSync('umount', [join(folder, 'data')]);
  rmSync(folder, { recursive: true, force: true });
});

function run(): Promise<RunningAlertmanager> {
  return start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      'cluster.listen-address': '',
      'data.maintenance-interval': 100,
    },
    { log: createLogger({ write: (line) => logged.push(line) }) },
  );
}

async function call(path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`${server?.url}${path}`, body === undefined ? {} : post);
  return { status: answer.status, text: await answer.text() };
}

function silence(comment: string): Promise<{ status: number; text: string }> {
  const nowMs = Date.now();
  return call('/api/v2/silences', {
    matchers: [{ name: 'quiet', value: comment, isRegex: false }],
    startsAt: new Date(nowMs).toISOString(),
    endsAt: new Date(nowMs + 600_000).toISOString(),
    createdBy: 'drill',
    comment,
  });
}

async function comments(): Promise<string[]> {
  return (JSON.parse((await call('/api/v2/silences')).text) as { comment: string }[]).map(({ comment }) => comment.slice(0, 10)).sort();
}

async function metric(name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await call('/metrics')).text)?.[1]);
}

function alert(n: string): Promise<unknown> {
  return call('/api/v2/alerts', [{ labels: { alertname: 'A', n } }]);
}

/** Takes what is left, to the last byte. */
function fill(): void {
  for (let bytes = 64 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    for (;;) {
      try {
        writeFileSync(join(folder, 'data', 'ballast'), Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
}

describe.skipIf(refusal !== undefined)('an alertmanager whose disk is full', () => {
  it('says so, goes on telling, tells nothing twice, and loses nothing', { timeout: 30_000 }, async () => {
    const told: string[] = [];
    hook = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        told.push((JSON.parse(Buffer.concat(parts).toString()) as { groupLabels: { n: string } }).groupLabels.n);
        response.end();
      });
    });
    await new Promise<void>((resolve) => hook?.listen(0, '127.0.0.1', resolve));
    writeFileSync(
      join(folder, 'am.yml'),
      `route: { receiver: hook, group_by: [n], group_wait: 10ms, group_interval: 200ms, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: 'http://127.0.0.1:${(hook.address() as AddressInfo).port}/' }] }]`,
    );
    server = await run();
    expect((await silence('before')).status).toBe(200);

    fill();
    // A maintenance that runs meanwhile may give room back behind it.
    await until('maintenance fails', async () => {
      fill();
      return (await metric('alertmanager_silences_maintenance_errors_total')) > 0;
    });
    fill();
    const refused = await silence(`during ${'x'.repeat(20_000)}`);
    expect(refused).toMatchObject({
      status: 500,
      text: expect.stringMatching(/cannot write .*silences.log: ENOSPC.*nothing was changed/) as unknown,
    });
    expect(await comments()).toEqual(['before']);
    for (let n = 0; n < 100; n++) await alert(`during ${n} ${'y'.repeat(500)}`);
    await until('all are told', async () => told.length >= 100);
    await until('the log tells of it', async () => logged.some((line) => line.includes('could not be written down')));

    rmSync(join(folder, 'data', 'ballast'));
    const errorsBefore = await metric('alertmanager_nflog_maintenance_errors_total');
    const runsBefore = await metric('alertmanager_nflog_maintenance_total');
    await until('maintenance runs again', async () => (await metric('alertmanager_nflog_maintenance_total')) > runsBefore + 1);
    expect(await metric('alertmanager_nflog_maintenance_errors_total')).toBe(errorsBefore);
    expect((await silence('after')).status).toBe(200);
    expect(told).toHaveLength(100);

    await server.stop();
    server = await run();
    expect(await comments()).toEqual(['after', 'before']);
    for (let n = 0; n < 100; n++) await alert(`during ${n} ${'y'.repeat(500)}`);
    await alert('last');
    await until('the last is told', async () => told.includes('last'));
    expect(told).toHaveLength(101);
  });
});
