import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@pronoia/server';
import { assertSurvivesRandomRequests } from '@pronoia/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningAlertmanager, start } from './app.ts';
import { Recorder } from './recorder.ts';

let folder: string;
let hook: Recorder;
let server: RunningAlertmanager;

const configText = (url: string): string => `
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 10ms
  group_interval: 1s
  routes:
    - { receiver: other, matchers: ['team="x"'], labels: { tier: '{{ .GroupLabels.alertname }}-{{ routeLabels "base" }}', base: gold } }
receivers:
  - name: hook
    webhook_configs: [{ url: '${url}/hook' }]
  - name: other
    labels: { owner: ann }
inhibit_rules:
  - { source_matchers: [alertname=Cause], target_matchers: [alertname=Effect] }
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  hook = await Recorder.start();
  writeFileSync(join(folder, 'am.yml'), configText(hook.url));
  server = await start(
    {
      'config.file': join(folder, 'am.yml'),
      'storage.path': join(folder, 'data'),
      'web.listen-address': ['127.0.0.1:0'],
      'web.external-url': 'http://am.example.org/',
    },
    { log: silentLogger },
  );
});

afterAll(async () => {
  await server.stop();
  await hook.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    init.headers = { 'content-type': type };
  }
  const answer = await fetch(`${server.url}${path}`, init);
  const text = await answer.text();
  try {
    return { status: answer.status, body: JSON.parse(text) as unknown };
  } catch {
    return { status: answer.status, body: text };
  }
}

const names = (answer: Answer): string[] =>
  (answer.body as { labels: { alertname: string } }[]).map(({ labels }) => labels.alertname).sort();

describe('POST /api/v2/alerts', () => {
  it('an accepted alert is notified and shown', async () => {
    const posted = await call('POST', '/api/v2/alerts', [
      {
        labels: { alertname: 'First', empty: '' },
        annotations: { text: 'a < b' },
        generatorURL: 'http://prom/graph',
        startsAt: '2026-01-02T03:04:05.123456789+02:00',
      },
    ]);
    expect(posted).toEqual({ status: 200, body: '' });
    const [request] = await hook.waitFor(1);
    expect(request?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      version: '4',
      status: 'firing',
      receiver: 'hook',
      externalURL: 'http://am.example.org',
      groupKey: '{}:{alertname="First"}',
      notification_reason: 'first notification',
      truncatedAlerts: 0,
      alerts: [{ labels: { alertname: 'First' }, startsAt: '2026-01-02T03:04:05.123456789+02:00', endsAt: '0001-01-01T00:00:00Z' }],
    });
    expect(request?.body).toContain('a \\u003c b');
    const shown = await call('GET', '/api/v2/alerts?filter=alertname%3DFirst');
    expect(shown.body).toMatchObject([
      {
        labels: { alertname: 'First' },
        startsAt: '2026-01-02T03:04:05.123+02:00',
        receivers: [{ name: 'hook' }],
        generatorURL: 'http://prom/graph',
        status: { state: 'active', inhibitedBy: [], silencedBy: [], mutedBy: [] },
      },
    ]);
    expect(Object.keys((shown.body as object[])[0] as object)).toEqual([
      'annotations',
      'endsAt',
      'fingerprint',
      'receivers',
      'startsAt',
      'status',
      'updatedAt',
      'generatorURL',
      'labels',
    ]);
  });

  it.each([
    ['no JSON', 400, { code: 400 }, '{'],
    ['an empty body', 422, { code: 602 }, ''],
    ['no labels', 422, { code: 602, message: '0.labels in body is required' }, [{}]],
    ['no label with a value', 400, 'at least one label pair required', [{ labels: { a: '' } }]],
    ['a bad URL', 422, { code: 601 }, [{ labels: { a: 'b' }, generatorURL: 'no url' }]],
    [
      'an end before the start',
      400,
      'start time must be before end time',
      [{ labels: { a: 'b' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }],
    ],
    ['a bad time', 400, { code: 400 }, [{ labels: { a: 'b' }, startsAt: 'yesterday' }]],
    ['a number as label', 400, { code: 400 }, [{ labels: { a: 1 } }]],
    ['an object', 400, { code: 400 }, {}],
  ])('%s is refused with %i', async (_name, status, expected, body) => {
    const answer = await call('POST', '/api/v2/alerts', body);
    expect(answer).toMatchObject({ status, body: expected });
  });

  it('the valid alerts of a batch are kept, and every fault is told', async () => {
    const answer = await call('POST', '/api/v2/alerts', [
      { labels: {} },
      { labels: { alertname: 'Kept' } },
      { labels: { a: 'b' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' },
    ]);
    expect(answer).toEqual({ status: 400, body: 'at least one label pair required\nstart time must be before end time' });
    expect(names(await call('GET', '/api/v2/alerts?filter=alertname="Kept"'))).toEqual(['Kept']);
  });

  it('another content type is 415', async () => {
    expect(await call('POST', '/api/v2/alerts', '[]', 'text/plain')).toMatchObject({ status: 415, body: { code: 415 } });
  });
});

describe('GET /api/v2/alerts', () => {
  it.each([
    ['?receiver=oth.*', ['Routed']],
    ['?receiver=oth', []],
    ['?receiver_matchers=owner%3Dann', ['Routed']],
    ['?filter=team%3D%22x%22&filter=alertname!%3DOther', ['Routed']],
    ['?filter=alertname%3D~%22Cause|Effect%22', ['Cause', 'Effect']],
    ['?filter=alertname%3D~%22Cause|Effect%22&inhibited=false', ['Cause']],
    ['?filter=alertname%3D~%22Cause|Effect%22&active=false', ['Effect']],
  ])('%s', async (query, expected) => {
    await call('POST', '/api/v2/alerts', [
      { labels: { alertname: 'Routed', team: 'x' } },
      { labels: { alertname: 'Cause' } },
      { labels: { alertname: 'Effect' } },
    ]);
    expect(names(await call('GET', `/api/v2/alerts${query}`))).toEqual(expected);
  });

  it.each([
    ['?filter=bad', 'bad matcher format: bad'],
    ['?filter=a%3D~%22(%22', 'error parsing regexp: missing closing ): `^(?:()$`'],
    ['?receiver=(', 'failed to parse receiver param: error parsing regexp: missing closing ): `^(?:()$`'],
  ])('%s is refused', async (query, message) => {
    expect(await call('GET', `/api/v2/alerts${query}`)).toEqual({ status: 400, body: message });
  });

  it('groups show their labels, route labels and alerts', async () => {
    await call('POST', '/api/v2/alerts', [
      { labels: { alertname: 'Grouped', team: 'x', n: '1' } },
      { labels: { alertname: 'Grouped', team: 'x', n: '2' } },
    ]);
    const answer = await call('GET', '/api/v2/alerts/groups?filter=alertname%3DGrouped');
    expect(answer.body).toMatchObject([
      { labels: { alertname: 'Grouped' }, receiver: { name: 'other' }, routeLabels: { tier: 'Grouped-gold', base: 'gold' } },
    ]);
    expect((answer.body as { alerts: object[] }[])[0]?.alerts).toHaveLength(2);
  });
});

describe('GET /api/v2/alerts/{fingerprint}/explain', () => {
  it('says where an alert went and what keeps another still', async () => {
    await call('POST', '/api/v2/alerts', [{ labels: { alertname: 'Cause' } }, { labels: { alertname: 'Effect' } }]);
    const fingerprint = async (name: string): Promise<string> =>
      ((await call('GET', `/api/v2/alerts?filter=alertname%3D${name}`)).body as { fingerprint: string }[])[0]?.fingerprint ?? '';
    const cause = await fingerprint('Cause');
    const explain = async (id: string): Promise<unknown> => (await call('GET', `/api/v2/alerts/${id}/explain`)).body;
    let told = false;
    for (let i = 0; i < 100 && !told; i++) {
      const { routes } = (await explain(cause)) as { routes: { integrations: { toldFiring: boolean }[] }[] };
      told = routes[0]?.integrations[0]?.toldFiring ?? false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await explain(cause)).toMatchObject({
      state: 'active',
      routes: [
        {
          receiver: 'hook',
          groupKey: '{}:{alertname="Cause"}',
          integrations: [{ integration: 'webhook', index: 0, toldFiring: true, toldResolved: false }],
        },
      ],
    });
    expect(await explain(await fingerprint('Effect'))).toMatchObject({
      state: 'suppressed',
      inhibitedBy: [{ fingerprint: cause, labels: { alertname: 'Cause' } }],
      routes: [{ integrations: [{ toldFiring: false }] }],
    });
    expect(await call('GET', '/api/v2/alerts/0000000000000000/explain')).toEqual({
      status: 404,
      body: 'there is no alert 0000000000000000',
    });
    expect(await call('GET', '/api/v2/alerts/x/explain')).toMatchObject({ status: 422, body: { code: 601 } });
  });
});

describe('silences', () => {
  const hour = 3_600_000;
  const at = (offsetMs: number): string => new Date(Date.now() + offsetMs).toISOString();
  const request = (changes: object = {}): object => ({
    matchers: [{ name: 'alertname', value: 'Quiet', isRegex: false }],
    startsAt: at(0),
    endsAt: at(hour),
    createdBy: 'ann',
    comment: 'why',
    ...changes,
  });

  it('one is made, shown, hides alerts, changed in place and ended', async () => {
    const made = await call('POST', '/api/v2/silences', request());
    const { silenceID: id } = made.body as { silenceID: string };
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await call('POST', '/api/v2/alerts', [{ labels: { alertname: 'Quiet' } }]);
    expect((await call('GET', '/api/v2/alerts?filter=alertname%3DQuiet')).body).toMatchObject([
      { status: { state: 'suppressed', silencedBy: [id] } },
    ]);
    expect(names(await call('GET', '/api/v2/alerts?filter=alertname%3DQuiet&silenced=false'))).toEqual([]);
    const shown = (await call('GET', `/api/v2/silence/${id}`)).body as { startsAt: string };
    expect(shown).toMatchObject({
      id,
      status: { state: 'active' },
      matchers: [{ name: 'alertname', value: 'Quiet', isRegex: false, isEqual: true }],
      createdBy: 'ann',
      comment: 'why',
    });
    expect(
      await call('POST', '/api/v2/silences', request({ id, startsAt: shown.startsAt, endsAt: at(2 * hour), comment: 'longer' })),
    ).toEqual({ status: 200, body: { silenceID: id } });
    const moved = await call('POST', '/api/v2/silences', request({ id, matchers: [{ name: 'a', value: 'b.*', isRegex: true }] }));
    expect((moved.body as { silenceID: string }).silenceID).not.toBe(id);
    expect((await call('GET', `/api/v2/silence/${id}`)).body).toMatchObject({ status: { state: 'expired' } });
    expect(await call('DELETE', `/api/v2/silence/${(moved.body as { silenceID: string }).silenceID}`)).toEqual({ status: 200, body: '' });
    const states = async (query: string) =>
      ((await call('GET', `/api/v2/silences${query}`)).body as { status: { state: string } }[]).map(({ status }) => status.state);
    expect(await states('')).toEqual(['expired', 'expired']);
    expect(await states('?expired=false')).toEqual([]);
    expect(await states('?filter=alertname%3DQuiet')).toEqual(['expired']);
  });

  it.each([
    ['no matchers', 422, { code: 612 }, { matchers: [] }],
    ['a missing comment', 422, { code: 602, message: 'comment in body is required' }, { comment: undefined }],
    [
      'only matchers of the empty string',
      400,
      'invalid silence: matcher set 0: at least one matcher must not match the empty string',
      { matchers: [{ name: 'a', value: '', isRegex: false }] },
    ],
    [
      'a bad pattern',
      400,
      expect.stringContaining('invalid silence: invalid label matcher 0 in set 0'),
      { matchers: [{ name: 'a', value: '(', isRegex: true }] },
    ],
    ['an end before the start', 400, 'Failed to create silence: start time must be before end time', { endsAt: '2020-01-01T00:00:00Z' }],
    [
      'an end in the past',
      400,
      "Failed to create silence: end time can't be in the past",
      { startsAt: '2020-01-01T00:00:00Z', endsAt: '2020-01-02T00:00:00Z' },
    ],
    ['an unknown id', 404, 'silence not found', { id: '00000000-0000-4000-8000-000000000000' }],
  ])('%s is refused', async (_name, status, expected, changes) => {
    const answer = await call('POST', '/api/v2/silences', request(changes));
    expect(answer).toMatchObject({ status, body: expected });
  });

  it('an id that is none is 422, an unknown one 404', async () => {
    expect(await call('GET', '/api/v2/silence/x')).toMatchObject({ status: 422, body: { code: 601 } });
    expect((await call('GET', '/api/v2/silence/00000000-0000-4000-8000-000000000000')).status).toBe(404);
    expect((await call('DELETE', '/api/v2/silence/00000000-0000-4000-8000-000000000000')).status).toBe(404);
  });
});

describe('the rest', () => {
  it('status lists the node itself, the version and the configuration', async () => {
    const { body } = await call('GET', '/api/v2/status');
    expect(body).toMatchObject({
      cluster: { status: 'ready', peers: [{ address: expect.stringMatching(/:9094$/) as string }] },
      versionInfo: { version: expect.stringMatching(/^0\.34\.0/) as string },
    });
    expect((body as { config: { original: string } }).config.original).toContain('receiver: hook');
  });

  it('receivers come in the order of the configuration, with labels', async () => {
    expect((await call('GET', '/api/v2/receivers')).body).toEqual([
      { name: 'hook', labels: { name: 'hook' } },
      { name: 'other', labels: { name: 'other', owner: 'ann' } },
    ]);
  });

  it('a receiver can be tried before it matters', async () => {
    const before = hook.requests.length;
    expect(await call('POST', '/api/v2/receivers/test', { receiver: 'hook', labels: { severity: 'info' } })).toEqual({
      status: 200,
      body: { receiver: 'hook', integrations: [{ integration: 'webhook', index: 0, outcome: 'sent' }] },
    });
    expect(JSON.parse(hook.requests[before]?.body ?? '')).toMatchObject({
      commonLabels: { alertname: 'TestNotification', severity: 'info' },
    });
    hook.answer = () => ({ status: 403, body: 'no' });
    expect((await call('POST', '/api/v2/receivers/test', { receiver: 'hook' })).body).toMatchObject({
      integrations: [{ outcome: 'failed', error: 'unexpected status code 403: no', isRetryable: false }],
    });
    hook.answer = () => ({});
    expect(await call('POST', '/api/v2/receivers/test', { receiver: 'none' })).toEqual({
      status: 404,
      body: 'there is no receiver "none"; known: hook, other',
    });
  });

  it('a configuration can be tried on the alerts of the moment', async () => {
    await call('POST', '/api/v2/alerts', [{ labels: { alertname: 'Moved', team: 'x' } }]);
    const same = await call('POST', '/api/v2/config/dry-run', { config: configText(hook.url) });
    expect(same.body).toMatchObject({ valid: true, changedCount: 0, changed: [] });
    const other = configText(hook.url).replace('team="x"', 'team="y"');
    const { body } = await call('POST', '/api/v2/config/dry-run', { config: other });
    expect(
      (body as { changed: { labels: { alertname: string } }[] }).changed.find(({ labels }) => labels.alertname === 'Moved'),
    ).toMatchObject({
      before: [{ receiver: 'other', groupKey: '{}/{team="x"}:{alertname="Moved"}' }],
      after: [{ receiver: 'hook', groupKey: '{}:{alertname="Moved"}' }],
    });
    expect((await call('POST', '/api/v2/config/dry-run', { config: 'route: {}' })).body).toMatchObject({
      valid: false,
      faults: [{ line: 1, column: 8, path: 'route' }],
    });
    expect(await call('POST', '/api/v2/config/dry-run', {})).toMatchObject({ status: 422, body: { code: 602 } });
  });

  it('API v1 is gone, other paths unknown, other methods not allowed', async () => {
    expect(await call('GET', '/api/v1/alerts')).toMatchObject({ status: 410, body: { status: 'deprecated' } });
    expect(await call('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 404 } });
    expect(await call('PUT', '/api/v2/alerts', [])).toMatchObject({ status: 405, body: { code: 405 } });
  });

  it('metrics carry the names of the original', async () => {
    const { body } = await call('GET', '/metrics');
    for (const name of [
      'alertmanager_alerts{state="active"}',
      'alertmanager_notifications_total{integration="webhook"}',
      'alertmanager_notifications_failed_total{integration="slack",reason="clientError"} 0',
      'alertmanager_config_last_reload_successful 1',
      'alertmanager_silences{state="expired"}',
      'alertmanager_cluster_members 1',
      'alertmanager_build_info{',
    ])
      expect(body).toContain(name);
  });

  it('a good configuration is taken by /-/reload, a bad one refused and the old kept', async () => {
    writeFileSync(join(folder, 'am.yml'), 'route: {}');
    const refused = await call('POST', '/-/reload');
    expect(refused.status).toBe(500);
    expect(refused.body).toContain('failed to reload config: ');
    expect((await call('GET', '/metrics')).body).toContain('alertmanager_config_last_reload_successful 0');
    expect((await call('GET', '/api/v2/receivers')).body).toHaveLength(2);
    writeFileSync(join(folder, 'am.yml'), configText(hook.url));
    expect(await call('POST', '/-/reload')).toEqual({ status: 200, body: '' });
    expect((await call('GET', '/metrics')).body).toContain('alertmanager_config_last_reload_successful 1');
  });

  it('survives whatever is sent to it', async () => {
    await assertSurvivesRandomRequests(server.url, [
      'GET /api/v2/status',
      'GET /api/v2/receivers',
      'GET /api/v2/alerts',
      'POST /api/v2/alerts',
      'GET /api/v2/alerts/groups',
      'GET /api/v2/silences',
      'POST /api/v2/silences',
      'GET /api/v2/silence/:id',
      'DELETE /api/v2/silence/:id',
      'GET /api/v1/*',
      'POST /api/v2/receivers/test',
      'POST /api/v2/config/dry-run',
      'GET /api/v2/alerts/:id/explain',
      'GET /',
    ]);
  });
});
