/** Fifty thousand alerts, a thousand silences, and bodies that nobody should send: every group is told in time, and the loop is never held. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningAlertmanager, start } from '@pronoia/alertmanager';
import { silentLogger } from '@pronoia/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './pronoia.ts';

const alertCount = 50_000;
const groupCount = 200;
const silenceCount = 1000;
const batchSize = 500;

let folder: string;
let server: RunningAlertmanager;
let hook: Server;
const alertsByGroup = new Map<string, number>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-load-'));
  hook = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { groupLabels, alerts } = JSON.parse(Buffer.concat(parts).toString()) as { groupLabels: { group: string }; alerts: unknown[] };
      alertsByGroup.set(groupLabels.group, Math.max(alerts.length, alertsByGroup.get(groupLabels.group) ?? 0));
      response.end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  writeFileSync(
    join(folder, 'am.yml'),
    `route: { receiver: hook, group_by: [group], group_wait: 2s, group_interval: 2s, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: 'http://127.0.0.1:${(hook.address() as AddressInfo).port}/' }] }]`,
  );
  server = await start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      'cluster.listen-address': '',
    },
    { log: silentLogger },
  );
});

afterAll(async () => {
  await server.stop();
  hook.closeAllConnections();
  hook.close();
  rmSync(folder, { recursive: true });
});

async function call(path: string, body?: string): Promise<{ status: number; text: string }> {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: body ?? '' };
  const answer = await fetch(`${server.url}${path}`, body === undefined ? {} : post);
  return { status: answer.status, text: await answer.text() };
}

function batch(from: number): string {
  return JSON.stringify(
    Array.from({ length: batchSize }, (_, j) => ({
      labels: { alertname: 'Load', group: String((from + j) % groupCount), instance: `host-${from + j}:9100`, job: 'node' },
      annotations: { summary: `alert ${from + j}` },
    })),
  );
}

/** Half exact, half patterns, some of which have nothing by which they could be found. None hides a group whole. */
function silence(i: number): string {
  const half = i >> 1;
  const patterns = [`host-4${half}.*:9100`, `.*39${half}:91[0-9]+`, `host-(7|8)${half}:.*`, `[a-z]+-49${half}.*`];
  const matcher =
    i % 2 === 0
      ? { name: 'instance', value: `host-${1000 + half}:9100`, isRegex: false }
      : { name: 'instance', value: patterns[half % patterns.length], isRegex: true };
  const nowMs = Date.now();
  return JSON.stringify({
    matchers: [matcher],
    startsAt: new Date(nowMs).toISOString(),
    endsAt: new Date(nowMs + 600_000).toISOString(),
    createdBy: 'load',
    comment: 'c',
  });
}

describe('under load', () => {
  it('all groups are told, none of the flushes fails, and silences hide what they match', { timeout: 120_000 }, async () => {
    for (let from = 0; from < alertCount; from += batchSize) expect((await call('/api/v2/alerts', batch(from))).status).toBe(200);
    for (let i = 0; i < silenceCount; i++) expect((await call('/api/v2/silences', silence(i))).status).toBe(200);
    const shown = JSON.parse((await call('/api/v2/alerts')).text) as { labels: { instance: string }; status: { silencedBy: string[] } }[];
    expect(shown).toHaveLength(alertCount);
    const silenced = new Map(shown.map(({ labels, status }) => [labels.instance, status.silencedBy.length]));
    expect([silenced.get('host-0:9100'), silenced.get('host-1000:9100')]).toEqual([0, 1]);
    expect(silenced.get('host-40:9100')).toBe(1);
    await until('every group is told', async () => alertsByGroup.size === groupCount);
    const metrics = (await call('/metrics')).text;
    const failed = [...metrics.matchAll(/^alertmanager_notifications_failed_total\{[^}]*\} (\d+)$/gm)].map(([, count]) => Number(count));
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.reduce((a, b) => a + b, 0)).toBe(0);
    const counts = (state: string): number =>
      Number(new RegExp(`^alertmanager_alerts\\{state="${state}"\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
    expect(counts('suppressed')).toBe([...silenced.values()].filter((count) => count > 0).length);
    expect(counts('active') + counts('suppressed')).toBe(alertCount);
  });

  it.each([
    ['too large', 413, () => `[${'{"labels":{"a":"b"}},'.repeat(3_500_000)}{"labels":{"a":"b"}}]`],
    ['deep', 400, () => `[{"labels":{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}}]`],
    ['deep and open', 400, () => '[{"a":'.repeat(500_000)],
    ['no JSON', 400, () => 'labels: {a: b}'],
    ['a text without end', 400, () => `[{"labels":{"a":"${'x'.repeat(1_000_000)}`],
    ['of half an alert', 400, () => `${batch(0).slice(0, -200)}`],
  ])('a body that is %s is refused with %i, and others are answered', { timeout: 30_000 }, async (_title, status, body) => {
    const [refused, other] = await Promise.all([call('/api/v2/alerts', body()), call('/-/ready')]);
    expect([refused.status, other.status]).toEqual([status, 200]);
  });
});
