import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Labels } from '@pronoia/model';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Alert, momentAt } from '../alert.ts';
import { parseConfig } from '../config/config.ts';
import { buildReceivers } from './build.ts';
import { type HttpAnswer, HttpClient, type HttpRequest } from './http-client.ts';
import type { Notification } from './integration.ts';
import { sign } from './sns.ts';
import { Templates } from './template.ts';

const nowMs = Date.UTC(2026, 10, 24, 9, 30, 0);

function alert(job: string, endsAtMs: number): Alert {
  return new Alert({
    labels: Labels.from({ alertname: 'Disk', job, severity: 'critical', path: '<b>&' }),
    annotations: Labels.from({ summary: 'almost full' }),
    startsAt: momentAt(nowMs - 60_000),
    endsAt: momentAt(endsAtMs),
    generatorUrl: 'http://prom/graph?g0.expr=a&b',
    updatedAt: momentAt(nowMs),
    isTimeout: false,
  });
}

function notification(changes: Partial<Notification> = {}): Notification {
  return {
    alerts: [alert('x', nowMs + 1000).withoutEnd(), alert('y', nowMs - 1000)],
    receiver: 'r.1',
    groupKey: '{}:{alertname="Disk"}',
    groupLabels: Labels.from({ alertname: 'Disk' }),
    routeLabels: { tier: 'gold-{{ .GroupLabels.alertname }}' },
    reason: 'first notification',
    receiverData: {},
    nowMs,
    signal: new AbortController().signal,
    ...changes,
  };
}

const resolved = (): Partial<Notification> => ({
  alerts: [alert('x', nowMs - 1000), alert('y', nowMs - 1000)],
  reason: 'all alerts resolved',
});

interface Call {
  readonly request: string;
  readonly headers: HttpRequest['headers'];
  readonly body: unknown;
}

const globals = `{ slack_api_url: 'https://hooks.slack.com/T/B/x', opsgenie_api_key: ogkey, victorops_api_key: vokey, telegram_bot_token: 'bot:token', wechat_api_secret: ws, wechat_api_corp_id: wc,
  rocketchat_token: rt, rocketchat_token_id: ri, mattermost_webhook_url: 'https://mm/hooks/x', jira_api_url: 'https://j.example.org/rest/api/2', pagerduty_url: 'https://pd/v2/enqueue' }`;

/** What one notification asks of the service, whose answers are `answers` in order (the last one repeats). */
async function calls(
  kind: string,
  settings: string,
  options: { answers?: readonly Partial<HttpAnswer>[]; changes?: Partial<Notification> } = {},
): Promise<{ calls: Call[]; kept: unknown }> {
  const made: Call[] = [];
  const answers = [...(options.answers ?? [{}])];
  vi.spyOn(HttpClient.prototype, 'send').mockImplementation((url, { method = 'POST', headers = {}, body }) => {
    const text = body === undefined ? '' : body.toString();
    made.push({
      request: `${method} ${url}`,
      headers,
      body: text.startsWith('{') && text.endsWith('\n') ? (JSON.parse(text) as unknown) : text,
    });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return Promise.resolve({ status: 200, headers: {}, text: '', ...answer });
  });
  const config = parseConfig(
    `global: ${globals}\nroute: { receiver: r.1 }\nreceivers: [{ name: r.1, ${kind}_configs: [{ ${settings} }] }]`,
    'am.yml',
  );
  const [integration] = buildReceivers(config, new Templates([], 'http://am', () => nowMs)).get('r.1')?.integrations ?? [];
  const kept = await integration?.notify(notification(options.changes));
  return { calls: made, kept };
}

afterEach(() => vi.restoreAllMocks());

const json = { 'content-type': 'application/json' };
const jiraFound = { text: JSON.stringify({ issues: [{ key: 'OPS-7', fields: { status: { statusCategory: { key: 'done' } } } }] }) };

const golden: readonly (readonly [name: string, kind: string, settings: string, options?: Parameters<typeof calls>[2]])[] = [
  ['webhook', 'webhook', "url: 'https://hook/{{ .GroupLabels.alertname }}', max_alerts: 1"],
  [
    'webhook with a payload',
    'webhook',
    "url: 'https://hook', payload: { 'n{{ 1 }}': '{{ len .Alerts }}', status: '{{ .Status }}', list: ['{{ true }}', '[1, 2]', 'a: b'], raw: '{{ .CommonLabels.path }}', zero: 0 }",
  ],
  [
    'slack',
    'slack',
    "channel: '#ops', fields: [{ title: t, value: '{{ .Status }}' }], short_fields: true, actions: [{ type: button, text: go, url: 'https://x' }, { type: button, text: ack, name: n, value: v, confirm: { text: sure } }]",
    { answers: [{ text: 'ok' }] },
  ],
  [
    'slack app updating its message',
    'slack',
    "app_token: xoxb, channel: C, update_message: true, app_url: 'https://slack.com/api/chat.postMessage'",
    {
      answers: [{ headers: json, text: '{"ok":true,"ts":"1.2","channel":"C9"}' }],
      changes: { receiverData: { threadTs: '1.1', channelId: 'C9' } },
    },
  ],
  [
    'pagerduty v2',
    'pagerduty',
    "routing_key: rk, details: { extra: '{{ .Status }}' }, images: [{ src: i }, { alt: no }], links: [{ href: h, text: t }]",
  ],
  ['pagerduty v2 resolved', 'pagerduty', 'routing_key: rk', { changes: resolved() }],
  ['pagerduty v1', 'pagerduty', 'service_key: sk'],
  [
    'opsgenie',
    'opsgenie',
    "tags: 'a, b', priority: P1, responders: [{ name: 'x,y', type: teams }, { username: u, type: user }, { name: '{{ \"\" }}', type: team }], update_alerts: true, details: { job: all }",
  ],
  ['opsgenie resolved', 'opsgenie', 'source: s', { changes: resolved() }],
  ['victorops', 'victorops', "routing_key: 'team a', message_type: odd, custom_fields: { f: '{{ .Status }}' }"],
  ['victorops resolved', 'victorops', 'routing_key: t', { changes: resolved() }],
  ['pushover', 'pushover', "user_key: uk, token: tk, html: true, ttl: 1m, message: '{{ .CommonLabels.path }}'"],
  [
    'sns',
    'sns',
    "topic_arn: 'arn:aws:sns:eu-west-1:1:t.fifo', sigv4: { region: eu-west-1, access_key: AK, secret_key: SK }, attributes: { severity: '{{ .CommonLabels.severity }}' }, subject: s, message: m",
  ],
  [
    'telegram',
    'telegram',
    'chat_id: -100, disable_notifications: true, message_thread_id: 7',
    { answers: [{ text: '{"ok":true,"result":{}}' }] },
  ],
  ['discord', 'discord', "webhook_url: 'https://discord/x', username: am"],
  ['webex', 'webex', 'room_id: room, http_config: { authorization: { credentials: c } }'],
  ['msteams', 'msteams', "webhook_url: 'https://teams/x'"],
  ['msteamsv2 resolved', 'msteamsv2', "webhook_url: 'https://teams/x'", { changes: resolved() }],
  [
    'wechat',
    'wechat',
    'to_user: u, agent_id: a, message_type: markdown',
    { answers: [{ text: '{"access_token":"tok"}' }, { text: '{"errcode":0}' }] },
  ],
  [
    'jira creates',
    'jira',
    "project: OPS, issue_type: Bug, labels: [z, '{{ .CommonLabels.severity }}'], fields: { customfield_1: { value: '{{ .Status }}' }, customfield_2: 5 }",
    { answers: [{ text: '{"issues":[]}' }, { status: 201 }] },
  ],
  [
    'jira reopens',
    'jira',
    'project: OPS, issue_type: Bug, reopen_transition: Reopen, reopen_duration: 1h, wont_fix_resolution: Wont, summary: { template: s, enable_update: false }',
    { answers: [jiraFound, { status: 204 }, { text: '{"transitions":[{"id":"3","name":"Reopen"}]}' }, { status: 204 }] },
  ],
  ['incidentio', 'incidentio', "url: 'https://inc', alert_source_token: tok"],
  [
    'rocketchat',
    'rocketchat',
    "channel: c, fields: [{ title: t, value: v }], actions: [{ text: go, url: 'https://x' }]",
    { answers: [{ text: '{"success":true}' }] },
  ],
  [
    'mattermost',
    'mattermost',
    'channel: c, priority: { priority: urgent, requested_ack: true, persistent_notifications: true }, props: { card: k }',
  ],
  [
    'mattermost of the older form',
    'mattermost',
    'text: top, attachments: [{ text: inner }], priority: { priority: whatever, requested_ack: true }',
  ],
];

describe('a receiver sends exactly', () => {
  for (const [name, kind, settings, options] of golden) {
    it(`by ${name}`, async () => {
      const result = await calls(kind, settings, options);
      await expect(`${JSON.stringify(result, null, 2)}\n`).toMatchFileSnapshot(`testdata/${name.replaceAll(' ', '-')}.golden`);
    });
  }
});

describe('an answer is judged', () => {
  const rows: readonly (readonly [kind: string, settings: string, answer: Partial<HttpAnswer>, expected: object | undefined])[] = [
    ['webhook', "url: 'https://x'", { status: 204 }, undefined],
    [
      'webhook',
      "url: 'https://x'",
      { status: 503, text: 'later' },
      { isRetryable: true, reason: 'serverError', message: 'unexpected status code 503: later' },
    ],
    ['webhook', "url: 'https://x'", { status: 429 }, { isRetryable: false, reason: 'rateLimited' }],
    ['webhook', "url: 'https://x'", { status: 401 }, { isRetryable: false, reason: 'authError' }],
    ['slack', '', { text: 'no_service' }, { isRetryable: false, reason: 'clientError' }],
    ['slack', '', { headers: json, text: '{"ok":false,"error":"channel_not_found"}' }, { isRetryable: false }],
    ['slack', '', { headers: json, text: '<html>' }, { isRetryable: true }],
    ['pagerduty', 'routing_key: k', { status: 429 }, { isRetryable: true, reason: 'rateLimited' }],
    ['pagerduty', 'service_key: k', { status: 403 }, { isRetryable: true }],
    [
      'pagerduty',
      'routing_key: k',
      { status: 400, text: '{"message":"Event object is invalid","errors":["Length"]}' },
      { isRetryable: false, message: 'unexpected status code 400: Event object is invalid, Length' },
    ],
    ['pagerduty', 'routing_key: \'{{ "" }}\'', {}, { isRetryable: false, message: 'routing key cannot be empty' }],
    ['opsgenie', '', { status: 429 }, { isRetryable: true }],
    [
      'telegram',
      'chat_id: 1',
      { status: 400, text: '{"ok":false,"error_code":400,"description":"chat not found"}' },
      { isRetryable: true, reason: 'clientError', message: 'telegram: chat not found (400)' },
    ],
    ['wechat', '', { text: '{"access_token":"t","errcode":42001,"errmsg":"expired"}' }, { isRetryable: true, reason: 'authError' }],
    ['wechat', '', { status: 404 }, { isRetryable: true }],
    ['rocketchat', '', { text: '{"success":false,"error":"nope"}' }, { isRetryable: false }],
    ['jira', 'project: P, issue_type: T', { status: 429 }, { isRetryable: true }],
    ['discord', "webhook_url: 'https://x'", { status: 500 }, { isRetryable: true }],
  ];
  it.each(rows)('%s (%s) %j', async (kind, settings, answer, expected) => {
    const outcome = await calls(kind, settings, { answers: [answer] }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect({ outcome }).toMatchObject({ outcome: expected });
  });
});

describe('limits and secrets', () => {
  it('a title is cut by code points, with an ellipsis', async () => {
    const { calls: made } = await calls('discord', `webhook_url: 'https://x', title: '${'😀'.repeat(300)}'`);
    const { embeds } = made[0]!.body as { embeds: { title: string }[] };
    expect(Array.from(embeds[0]?.title ?? '')).toHaveLength(256);
    expect(embeds[0]?.title.endsWith('😀…')).toBe(true);
  });

  it('a secret in a file is read at each notification', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secret-'));
    const file = join(folder, 'url');
    for (const url of ['https://first/', 'https://second/']) {
      writeFileSync(file, `${url}\n`);
      expect((await calls('webhook', `url_file: '${file}'`)).calls[0]?.request).toBe(`POST ${url}`);
    }
    rmSync(folder, { recursive: true });
    await expect(calls('webhook', `url_file: '${file}'`)).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining('could not read') as string,
    });
  });

  it('details too large for PagerDuty are left out with a word', async () => {
    const { calls: made } = await calls('pagerduty', `routing_key: k, details: { big: '${'x'.repeat(600_000)}' }`);
    expect((made[0]!.body as { payload: { custom_details: object } }).payload.custom_details).toEqual({
      error: expect.stringContaining('512 KB') as string,
    });
  });

  it('a request is signed as in the example of AWS', () => {
    const headers = sign({
      method: 'GET',
      url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
      body: '',
      region: 'us-east-1',
      service: 'iam',
      credentials: { accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
      atMs: Date.UTC(2015, 7, 30, 12, 36, 0),
    });
    expect(headers['authorization']).toContain('Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
  });
});
