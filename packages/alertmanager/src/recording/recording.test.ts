/** Events and traces as their receivers see them. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, silentLogger } from '@pronoia/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningAlertmanager, start } from '../app.ts';
import { parseConfig } from '../config/config.ts';
import { Recorder } from '../recorder.ts';

let folder: string;
let hook: Recorder;
let server: RunningAlertmanager | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'recording-'));
  hook = await Recorder.start();
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await hook.stop();
  rmSync(folder, { recursive: true });
});

const clock = new ManualClock(Date.UTC(2026, 10, 23));

async function launch(sections: string): Promise<string> {
  writeFileSync(
    join(folder, 'am.yml'),
    `route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1m }
receivers: [{ name: hook, webhook_configs: [{ url: '${hook.url}/hook' }] }]
${sections}`,
  );
  server = await start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      'cluster.listen-address': '',
      'enable-feature': 'event-recorder',
      'history.retention': 0,
    },
    { log: silentLogger, clock },
  );
  return server.url;
}

async function fire(url: string, alertname: string): Promise<void> {
  await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ labels: { alertname }, startsAt: new Date(clock.now()), endsAt: new Date(clock.now() + 3_600_000) }]),
  });
  await clock.advance(1);
}

type Event = Readonly<Record<string, Record<string, unknown>>>;

describe('the event recorder', () => {
  const typeOf = (line: string): string => Object.keys((JSON.parse(line) as { data: object }).data)[0] ?? '';

  it('writes lines to a file, anew when it was moved away, and a shutdown at the end', async () => {
    const url = await launch('event_recorder: { file_outputs: [{ path: events.json }] }');
    const file = join(folder, 'events.json');
    const lines = (path: string): string[] => readFileSync(path, 'utf8').trim().split('\n');
    await fire(url, 'Disk');
    await hook.waitFor(1);
    await expect.poll(() => lines(file).map(typeOf)).toEqual(['alertmanagerStartupEvent', 'alertCreated', 'notification']);
    expect(JSON.parse(lines(file)[2] as string)).toMatchObject({
      '@timestamp': expect.stringMatching(/^2026-11-23T00:00:00\.\d{3}Z$/),
      clusterPosition: 0,
      data: {
        notification: {
          groupInfo: { groupKey: '{}:{alertname="Disk"}', groupLabels: { alertname: 'Disk' }, receiverName: 'hook' },
          reason: 'first notification',
          firingAlerts: [{ labels: { alertname: 'Disk' } }],
          success: true,
        },
      },
    });
    renameSync(file, `${file}.1`);
    await fire(url, 'Net');
    await expect.poll(() => lines(file).map(typeOf)).toEqual(['alertCreated', 'notification']);
    await server?.stop();
    server = undefined;
    expect(typeOf(lines(file).at(-1) as string)).toBe('alertmanagerShutdownEvent');
  });

  it('posts to a webhook, again when it is refused, in batches when told so', async () => {
    let failures = 2;
    hook.answer = ({ path }) => (path === '/events' && failures-- > 0 ? { status: 503 } : {});
    const url = await launch(
      `event_recorder: { webhook_outputs: [{ url: '${hook.url}/events', batch: true, batch_flush_interval: 100ms, retry_backoff: 1s }] }`,
    );
    await fire(url, 'Disk');
    const events = (): readonly { body: string }[] => hook.requests.filter(({ path }) => path === '/events');
    for (const [moveMs, count] of [
      [100, 1],
      [1000, 2],
      [2000, 3],
    ] as const) {
      await clock.advance(moveMs);
      await expect.poll(() => events().length).toBe(count);
      await clock.settle();
    }
    const posted = events().map(({ body }) => (JSON.parse(body) as { data: Event }[]).map((event) => Object.keys(event.data)[0]));
    expect(posted[0]).toEqual(['alertmanagerStartupEvent', 'alertCreated', 'notification']);
    expect(posted[1]).toEqual(posted[0]);
    expect(posted[2]).toEqual(posted[0]);
  });

  it('refuses Kafka with a way out', () => {
    const text = 'route: { receiver: a }\nreceivers: [{ name: a }]\nevent_recorder: { kafka_outputs: [{ brokers: [x] }] }';
    expect(() => parseConfig(text, 'am.yml')).toThrow(
      /event_recorder\.kafka_outputs\[0\]: Kafka is not spoken here; use a webhook_outputs/,
    );
  });
});

describe('traces', () => {
  it('have a span for a notification and one for each attempt', async () => {
    let failures = 1;
    hook.answer = ({ path }) => (path === '/hook' && failures-- > 0 ? { status: 500, body: 'ill' } : {});
    const url = await launch(
      `tracing: { client_type: http, endpoint: '${hook.url.slice('http://'.length)}', insecure: true, sampling_fraction: 1, http_headers: { X-Tenant: t } }`,
    );
    await fire(url, 'Disk');
    await hook.waitFor(1);
    await clock.settle();
    await clock.advance(1000);
    await hook.waitFor(2);
    await clock.settle();
    await clock.advance(6000);
    await hook.waitFor(3);
    const [trace] = hook.requests.filter(({ path }) => path === '/v1/traces');
    expect(trace?.headers['x-tenant']).toBe('t');
    const { resourceSpans } = JSON.parse(trace?.body ?? '{}') as {
      resourceSpans: [{ scopeSpans: [{ spans: Record<string, unknown>[] }] }];
    };
    const [parent, first, second] = resourceSpans[0].scopeSpans[0].spans;
    expect(parent).toMatchObject({ name: 'notify', status: { code: 1 } });
    expect(first).toMatchObject({
      name: 'notify.attempt',
      parentSpanId: parent?.['spanId'],
      traceId: parent?.['traceId'],
      status: { code: 2, message: expect.stringContaining('500') },
    });
    expect(second).toMatchObject({ name: 'notify.attempt', status: { code: 1 } });
  });
});
