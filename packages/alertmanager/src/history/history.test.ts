/** The history through the front door: what is sent, suppressed and tried is found again, after a restart too. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@pronoia/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningAlertmanager, start } from '../app.ts';
import { Recorder } from '../recorder.ts';

let folder: string;
let hook: Recorder;
let server: RunningAlertmanager;

const launch = (): Promise<RunningAlertmanager> =>
  start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      'cluster.listen-address': '',
    },
    { log: silentLogger, random: () => 0 },
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'history-'));
  hook = await Recorder.start();
  writeFileSync(
    join(folder, 'am.yml'),
    `route: { receiver: hook, group_by: [alertname], group_wait: 50ms, group_interval: 200ms, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: '${hook.url}/' }] }]
inhibit_rules: [{ source_matchers: [alertname=Cause], target_matchers: [alertname=Effect] }]
`,
  );
  server = await launch();
});
afterAll(async () => {
  await server.stop();
  await hook.stop();
  rmSync(folder, { recursive: true });
});

interface Event {
  readonly at: string;
  readonly event: string;
  readonly alerts?: readonly { readonly fingerprint: string; readonly labels: Record<string, string> }[];
  readonly [field: string]: unknown;
}

async function history(query: string): Promise<Event[]> {
  const answer = await fetch(`${server.url}/api/v2/history?${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Event[];
}

function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${server.url}/api/v2/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const alert = (alertname: string, more: object = {}): object => ({
  labels: { alertname, job: 'j' },
  annotations: { summary: 's' },
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '2036-01-01T00:00:00Z',
  ...more,
});

describe('the history', () => {
  it('tells of beginnings, attempts with their answers, and ends', async () => {
    let failures = 1;
    hook.answer = () => (failures-- > 0 ? { status: 503, body: 'later' } : {});
    await post('alerts', [alert('Disk')]);
    await hook.waitFor(2);
    await post('alerts', [alert('Disk', { endsAt: '2026-01-02T00:00:00Z' })]);
    await hook.waitFor(3);
    await expect.poll(async () => (await history('filter=alertname=Disk')).length).toBe(4);
    const [told, end, first, begin] = (await history('filter=alertname=Disk')) as [Event, Event, Event, Event];
    expect(begin).toMatchObject({ event: 'firing', startsAt: '2026-01-01T00:00:00.000Z', annotations: { summary: 's' } });
    expect(begin.alerts).toMatchObject([{ labels: { alertname: 'Disk', job: 'j' } }]);
    expect(first).toMatchObject({
      event: 'notified',
      receiver: 'hook',
      integration: 'webhook',
      groupKey: '{}:{alertname="Disk"}',
      reason: 'first notification',
      attemptCount: 2,
      attempts: [{ error: 'unexpected status code 503: later' }, {}],
    });
    expect(end).toMatchObject({ event: 'resolved', endsAt: '2026-01-02T00:00:00.000Z' });
    expect(told).toMatchObject({ event: 'notified', reason: 'all alerts resolved', resolved: [told.alerts?.[0]?.fingerprint] });
  });

  it('tells what was left out and why, once for each change', async () => {
    hook.requests.length = 0;
    await post('alerts', [alert('Cause')]);
    await post('alerts', [alert('Effect')]);
    const silence = { startsAt: new Date(), endsAt: '2036-01-01T00:00:00Z', createdBy: 'ann', comment: 'c' };
    const answer = await post('silences', { ...silence, matchers: [{ name: 'alertname', value: 'Quiet', isRegex: false }] });
    const { silenceID: id } = (await answer.json()) as { silenceID: string };
    await post('alerts', [alert('Quiet')]);
    await expect.poll(async () => (await history('event=suppressed')).length).toBe(2);
    await fetch(`${server.url}/api/v2/silence/${id}`, { method: 'DELETE' });
    await hook.waitFor(2);
    await expect.poll(async () => (await history('event=unsuppressed')).length).toBe(1);
    const cause = (await history('filter=alertname=Cause&event=firing'))[0]?.alerts?.[0]?.fingerprint;
    expect(await history('filter=alertname=Effect')).toMatchObject([
      { event: 'suppressed', reason: 'inhibition', by: [cause] },
      { event: 'firing' },
    ]);
    expect((await history('filter=alertname=Quiet')).map(({ event, reason, by }) => [event, reason, by])).toEqual([
      ['notified', 'first notification', undefined],
      ['unsuppressed', undefined, undefined],
      ['suppressed', 'silence', [id]],
      ['firing', undefined, undefined],
    ]);
    expect(await history('event=silence active')).toMatchObject([{ silenceID: id, by: 'ann', matchers: ['alertname="Quiet"'] }]);
  });

  it('is there after a restart, and part of explain', async () => {
    const before = await history('');
    await server.stop();
    server = await launch();
    expect(await history('')).toEqual(before);
    await post('alerts', [alert('Effect'), alert('Cause')]);
    const [
      {
        alerts: [{ fingerprint }],
      },
    ] = (await history('filter=alertname=Effect&event=suppressed')) as unknown as [{ alerts: [{ fingerprint: string }] }];
    const answer = await fetch(`${server.url}/api/v2/alerts/${fingerprint}/explain`);
    expect(await answer.json()).toMatchObject({
      routes: [{ groupKey: '{}:{alertname="Effect"}' }],
      history: expect.arrayContaining([expect.objectContaining({ event: 'suppressed', reason: 'inhibition' })]),
    });
  });

  it.each([
    ['limit=0', 'bad limit'],
    ['start=yesterday', 'bad start'],
    ['filter=bad', 'bad matcher format'],
  ])('?%s is refused: %s', async (query, reason) => {
    const answer = await fetch(`${server.url}/api/v2/history?${query}`);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(reason)]);
  });

  it('gives the newest up to the limit, between two times', async () => {
    const all = await history('');
    expect(await history('limit=2')).toEqual(all.slice(0, 2));
    const middle = all[3] as Event;
    expect((await history(`start=${middle.at}&end=${middle.at}`)).every(({ at }) => at === middle.at)).toBe(true);
    expect(await history('end=2026-01-01T00:00:00Z')).toEqual([]);
  });
});
