/**
 * The same play for the original (Debian's prometheus-alertmanager) and for us, in real time: the same notifications at the same
 * moments, the same answers of the API, the same output of amtool. Skipped, and said so, where the original is not installed.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, amtoolPath, call, hasOriginal, iso, pause, type Side, startSide, stopSides } from './original.ts';

let folder: string;
let sides: readonly [original: Side, ours: Side];

/** repeat_interval is no multiple of group_interval: there the original is now and then one interval late, as its clock falls. */
const configText = (hook: string): string => `
global: { resolve_timeout: 2s }
route:
  receiver: default
  group_by: [alertname]
  group_wait: 200ms
  group_interval: 1s
  repeat_interval: 2500ms
  routes:
    - { receiver: batch, matchers: [play=batch], group_by: [play], group_wait: 1s }
    - { receiver: all, matchers: [play=all], group_by: ['...'] }
    - { receiver: no-resolved, matchers: [play=no-resolved] }
    - { receiver: flaky, matchers: [play=flaky], group_interval: 2s, repeat_interval: 1h }
    - { receiver: broken, matchers: [play=broken], group_interval: 1s, repeat_interval: 1h }
    - { receiver: muted, matchers: [play=muted], mute_time_intervals: [always] }
    - { receiver: inactive, matchers: [play=inactive], active_time_intervals: [never] }
    - { receiver: first, matchers: [play=continue], continue: true, repeat_interval: 1h }
    - { receiver: second, matchers: ['play=~"cont.*"'], repeat_interval: 1h, routes: [{ receiver: deep, matchers: ['deep!=""'] }] }
    - { receiver: quiet, matchers: [play=~"inhibit|silence|utf8|times|limit"], repeat_interval: 1h }
receivers:
${['default', 'batch', 'all', 'flaky', 'broken', 'muted', 'inactive', 'first', 'second', 'deep', 'quiet'].map((name) => `  - { name: ${name}, webhook_configs: [{ url: '${hook}/${name}' }] }`).join('\n')}
  - { name: no-resolved, webhook_configs: [{ url: '${hook}/no-resolved', send_resolved: false, max_alerts: 1 }] }
inhibit_rules:
  - { source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [play, node] }
time_intervals:
  - { name: always, time_intervals: [{ times: [{ start_time: '00:00', end_time: '24:00' }] }] }
  - { name: never, time_intervals: [{ years: ['1999'] }] }
`;

beforeAll(async () => {
  if (!hasOriginal) return;
  folder = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  sides = [await startSide('original', folder, configText), await startSide('ours', folder, configText)];
});
afterAll(async () => {
  if (!hasOriginal) return;
  await stopSides();
  rmSync(folder, { recursive: true, force: true });
});

type Step = readonly [atMs: number, act: (side: Side, startMs: number) => Promise<unknown>];

/** startsAt and endsAt in milliseconds after the play's start. */
function alerts(
  ...list: { labels: Record<string, string>; startsMs?: number; endsMs?: number; annotations?: Record<string, string> }[]
): Step[1] {
  return (side, startMs) =>
    call(
      side,
      'POST',
      '/api/v2/alerts',
      list.map(({ labels, startsMs = 0, endsMs, annotations }) => ({
        labels,
        annotations: annotations ?? {},
        startsAt: iso(startMs + startsMs),
        ...(endsMs === undefined ? { endsAt: iso(startMs + 60_000) } : { endsAt: iso(startMs + endsMs) }),
        generatorURL: 'http://prom/graph',
      })),
    );
}

function silence(matchers: readonly object[]): Step[1] {
  return (side, startMs) =>
    call(side, 'POST', '/api/v2/silences', {
      matchers,
      startsAt: iso(startMs),
      endsAt: iso(startMs + 3_600_000),
      createdBy: 'play',
      comment: 'c',
    });
}

const steps: readonly Step[] = [
  // batching, merging, order of alerts
  [
    0,
    alerts({ labels: { alertname: 'b', play: 'batch', job: 'z' } }, { labels: { alertname: 'a', play: 'batch', job: 'y', instance: '2' } }),
  ],
  [200, alerts({ labels: { alertname: 'a', play: 'batch', job: 'y', instance: '1' } }, { labels: { alertname: 'c', play: 'batch' } })],
  // repeat, new alert, resolved by endsAt, fired again
  [0, alerts({ labels: { alertname: 'r', n: '1' }, endsMs: 5_300 })],
  [900, alerts({ labels: { alertname: 'r', n: '2' }, startsMs: 900, endsMs: 2_700 })],
  [7_000, alerts({ labels: { alertname: 'r', n: '1' }, startsMs: 7_000 })],
  // one group per alert
  [0, alerts({ labels: { alertname: 'x', play: 'all', n: '1' } }, { labels: { alertname: 'x', play: 'all', n: '2', empty: '' } })],
  // without send_resolved, and cut
  [
    0,
    alerts(
      { labels: { alertname: 'nr', play: 'no-resolved', n: '1' }, endsMs: 700 },
      { labels: { alertname: 'nr', play: 'no-resolved', n: '2' } },
    ),
  ],
  // retries
  [0, alerts({ labels: { alertname: 'f', play: 'flaky' } }, { labels: { alertname: 'f', play: 'broken' } })],
  // never told
  [0, alerts({ labels: { alertname: 'm', play: 'muted' } }, { labels: { alertname: 'm', play: 'inactive' } })],
  // an old alert does not wait
  [300, alerts({ labels: { alertname: 'old', play: 'limit' }, startsMs: -60_000 })],
  // routing
  [
    0,
    alerts(
      { labels: { alertname: 'c1', play: 'continue' } },
      { labels: { alertname: 'c2', play: 'contrary', deep: '1' } },
      { labels: { alertname: 'c3', play: 'contrary' } },
    ),
  ],
  // inhibition and its end
  [0, alerts({ labels: { alertname: 'cause', play: 'inhibit', node: 'n1', severity: 'critical' }, endsMs: 2_000 })],
  [
    50,
    alerts(
      { labels: { alertname: 'effect', play: 'inhibit', node: 'n1', severity: 'warning' } },
      { labels: { alertname: 'effect', play: 'inhibit', node: 'n2', severity: 'warning' } },
    ),
  ],
  // silences
  [
    0,
    silence([
      { name: 'play', value: 'silence', isRegex: false },
      { name: 'n', value: '1|2', isRegex: true },
    ]),
  ],
  [100, alerts({ labels: { alertname: 's', play: 'silence', n: '1' } }, { labels: { alertname: 's', play: 'silence', n: '3' } })],
  [
    1_600,
    async (side) => {
      const [, list] = await call(side, 'GET', '/api/v2/silences');
      for (const { id } of list as { id: string }[]) await call(side, 'DELETE', `/api/v2/silence/${id}`);
    },
  ],
  // odd text
  [
    0,
    alerts(
      { labels: { alertname: 'ü<&>"\\\n\u2028', play: 'utf8', zone: 'x' }, annotations: { text: 'é "q" \t <b>&amp;', empty: '' } },
      { labels: { alertname: 'ümlaut <&>"\\\n', play: 'utf8', b: '😀' }, annotations: { text: 'é "q" \t <b>&amp;\u2028', empty: '' } },
    ),
  ],
  [
    0,
    (side, startMs) =>
      call(side, 'POST', '/api/v2/alerts', [
        { labels: { alertname: 'zone', play: 'times' }, startsAt: '2026-01-02T03:04:05.1234567+02:00', endsAt: iso(startMs + 60_000) },
      ]),
  ],
];

const playLengthMs = 9_000;
const toleranceMs = 150;

interface Told {
  readonly receiver: string;
  readonly atMs: number;
  readonly body: Record<string, unknown>;
}

async function play(side: Side): Promise<Told[]> {
  const failing = new Map([
    ['/flaky', 2],
    ['/broken', 1],
  ]);
  side.hook.answer = ({ path }) => {
    const left = failing.get(path) ?? 0;
    if (left === 0) return {};
    failing.set(path, left - 1);
    return { status: path === '/flaky' ? 500 : 400 };
  };
  // The first requests find cold code on our side.
  await call(side, 'POST', '/api/v2/alerts', [
    { labels: { alertname: 'warm', play: 'limit' }, startsAt: '2026-01-01T00:00:00Z', endsAt: iso(Date.now() + 500) },
  ]);
  await side.hook.waitFor(1);
  await pause(2_000);
  side.hook.requests.length = 0;
  const startMs = Date.now();
  const acts: Promise<unknown>[] = [];
  for (const [atMs, act] of [...steps].sort(([a], [b]) => a - b)) {
    const waitMs = startMs + atMs - Date.now();
    if (waitMs > 0) await pause(waitMs);
    acts.push(act(side, startMs));
  }
  await Promise.all(acts);
  await pause(startMs + playLengthMs - Date.now());
  return side.hook.requests
    .filter(({ atMs }) => atMs < startMs + playLengthMs - 300)
    .map(({ path, atMs, body }) => {
      // What is newer than the original's release here, and what is the moment of the run.
      const {
        notification_reason: _reason,
        routeLabels: _labels,
        ...rest
      } = JSON.parse(
        body.replaceAll(
          /"20\d\d-[^"]*(?:Z|\+00:00)"/g,
          (time) => `"+${Math.round((Date.parse(JSON.parse(time) as string) - startMs) / 10)}"`,
        ),
      ) as Record<string, unknown>;
      return { receiver: path.slice(1), atMs: atMs - startMs, body: rest };
    });
}

const orderOf = (list: readonly Told[]): Map<string, Told[]> => {
  const groups = new Map<string, Told[]>();
  for (const told of list) {
    const key = `${told.receiver} ${String(told.body['groupKey'])}`;
    groups.set(key, [...(groups.get(key) ?? []), told]);
  }
  return groups;
};

describe.runIf(hasOriginal)('beside the original', () => {
  it('the same notifications at the same moments', { timeout: 40_000 }, async () => {
    const [theirs, ours] = (await Promise.all(sides.map(play))) as [Told[], Told[]];
    const [a, b] = [orderOf(theirs), orderOf(ours)];
    expect([...b.keys()].sort()).toEqual([...a.keys()].sort());
    const differencesMs: number[] = [];
    for (const [key, expected] of a) {
      const found = b.get(key) as Told[];
      const shown = (list: readonly Told[]): unknown => list.map(({ body }) => body);
      expect({ key, told: shown(found) }).toEqual({ key, told: shown(expected) });
      // Retries come after a random wait.
      if (!key.startsWith('flaky')) differencesMs.push(...expected.map(({ atMs }, i) => Math.abs(atMs - (found[i] as Told).atMs)));
    }
    differencesMs.sort((x, y) => x - y);
    // A busy machine delays the one or the other; on an idle one all are within 20 ms.
    expect(differencesMs[Math.floor(differencesMs.length / 2)]).toBeLessThan(toleranceMs);
    expect(differencesMs.at(-1)).toBeLessThan(1000);
    expect(theirs.length).toBeGreaterThan(20);
  });
});

describe.runIf(hasOriginal)('the API beside the original', () => {
  const at = (ms: number): string => iso(Date.now() + ms);
  const good = { matchers: [{ name: 'a', value: 'b', isRegex: false }], startsAt: at(0), endsAt: at(60_000), createdBy: 'x', comment: 'y' };
  const rows: readonly (readonly [method: string, path: string, body?: unknown])[] = [
    ['POST', '/api/v2/alerts', '{'],
    ['POST', '/api/v2/alerts', ''],
    ['POST', '/api/v2/alerts', '{}'],
    ['POST', '/api/v2/alerts', '[{}]'],
    ['POST', '/api/v2/alerts', '[]'],
    ['POST', '/api/v2/alerts', [{ labels: {} }]],
    ['POST', '/api/v2/alerts', [{ labels: { a: '' } }]],
    ['POST', '/api/v2/alerts', [{ labels: { a: 1 } }]],
    ['POST', '/api/v2/alerts', [{ labels: { a: 'b' }, startsAt: 'x' }]],
    ['POST', '/api/v2/alerts', [{ labels: { a: 'b' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }]],
    ['POST', '/api/v2/alerts', [{ labels: { a: 'b' }, generatorURL: ':' }]],
    ['PUT', '/api/v2/alerts', '[]'],
    ['GET', '/api/v2/alerts?filter=x'],
    ['GET', '/api/v2/alerts?filter=a%3D~%22(%22'],
    ['GET', '/api/v2/alerts?receiver=('],
    ['GET', '/api/v2/alerts?filter=nothing%3D%22here%22'],
    ['GET', '/api/v2/alerts/groups?filter=nothing%3D%22here%22'],
    ['GET', '/api/v2/silence/x'],
    ['GET', '/api/v2/silence/00000000-0000-4000-8000-000000000000'],
    ['DELETE', '/api/v2/silence/x'],
    ['GET', '/api/v2/silences?filter=x'],
    ['POST', '/api/v2/silences', '{'],
    ['POST', '/api/v2/silences', ''],
    ['POST', '/api/v2/silences', '{}'],
    ['POST', '/api/v2/silences', { ...good, matchers: [] }],
    ['POST', '/api/v2/silences', { ...good, comment: undefined }],
    ['POST', '/api/v2/silences', { ...good, matchers: [{ name: 'a', isRegex: false }] }],
    ['POST', '/api/v2/silences', { ...good, matchers: [{ name: 'a', value: '', isRegex: false }] }],
    ['POST', '/api/v2/silences', { ...good, matchers: [{ name: 'a', value: '(', isRegex: true }] }],
    ['POST', '/api/v2/silences', { ...good, endsAt: '2020-01-01T00:00:00Z' }],
    ['POST', '/api/v2/silences', { ...good, startsAt: '2020-01-01T00:00:00Z', endsAt: '2020-01-02T00:00:00Z' }],
    ['POST', '/api/v2/silences', { ...good, id: '00000000-0000-4000-8000-000000000000' }],
    ['POST', '/api/v2/silences', { ...good, id: 'x' }],
    ['GET', '/api/v2/nowhere'],
  ];
  /** Status and code must agree; the words are newer than 0.25 (silences), ours (JSON faults), or both but none (an unknown silence has no body there). */
  const inOtherWords = (answer: Answer): Answer => {
    const [status, body] = answer;
    const text = typeof body === 'object' ? String((body as { message?: string }).message) : typeof body === 'string' ? body : '';
    if (status === 404 && (text === '' || text === 'silence not found')) return [status, ''];
    if (/^(?:parsing|invalid silence|silence invalid|PUT|method PUT)/.test(text))
      return [status, typeof body === 'object' ? (body as { code: number }).code : ''];
    return answer;
  };
  for (const [method, path, body] of rows) {
    it(`${method} ${path} ${JSON.stringify(body)}`, async () => {
      const [theirs, ours] = (await Promise.all(sides.map((side) => call(side, method, path, body)))) as [Answer, Answer];
      expect(inOtherWords(ours)).toEqual(inOtherWords(theirs));
    });
  }
});

describe.runIf(hasOriginal)('amtool beside the original', () => {
  const run = promisify(execFile);
  async function amtool({ url }: Side, ...argv: string[]): Promise<string> {
    const { stdout, stderr } = await run(amtoolPath, ['--alertmanager.url', url, '--no-version-check', ...argv]).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    return `${stdout}${stderr}`.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replaceAll(/20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'TIME');
  }
  it.each([
    [
      [
        'alert',
        'add',
        'alertname=tool',
        'play=tool',
        '--annotation=summary=hi',
        '--start=2026-01-01T00:00:00Z',
        '--end=2036-01-01T00:00:00Z',
      ],
    ],
    [['alert', 'query', 'alertname=tool']],
    [['alert', 'query', '-o', 'extended', 'play=tool']],
    [['silence', 'add', '-a', 'ann', '-c', 'why', '-d', '1h', 'alertname=tool', 'x=~"a|b"']],
    [['silence', 'query', 'alertname=tool']],
    [['silence', 'query', '-o', 'extended', 'alertname=tool']],
    [['alert', 'query', '--silenced', 'alertname=tool']],
    [['silence', 'add', 'alertname=tool']],
    [['silence', 'expire', '00000000']],
    [['config', 'routes', 'show']],
    [['config', 'routes', 'test', 'play=continue']],
    [['config', 'routes', 'test', '--verify.receivers=deep', 'play=cont', 'deep=1']],
    [['config', 'routes', 'test', '--tree', 'play=batch']],
    [['cluster', 'show']],
  ])('%j', async (argv) => {
    const [theirs, ours] = (await Promise.all(sides.map((side) => amtool(side, ...argv)))) as [string, string];
    expect(ours).toEqual(theirs);
  });
});

/** Every kind that 0.25 knows and that can be pointed at another host. */
const receiversText = (hook: string): string => `
route: { receiver: all, group_by: [alertname, job], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: all
    slack_configs: [{ api_url: '${hook}/slack', channel: '#x', fields: [{ title: 'T {{ .Status }}', value: v }], actions: [{ type: button, text: go, url: 'http://x' }], send_resolved: true }]
    opsgenie_configs: [{ api_url: '${hook}/og', api_key: k, tags: 'a,b', details: { x: '{{ .Status }}' }, responders: [{ name: t, type: team }], priority: P1 }]
    pagerduty_configs: [{ url: '${hook}/pd', routing_key: rk, images: [{ src: s, alt: a, href: h }], links: [{ href: h, text: t }], class: c, component: co, group: g, details: { firing: f, resolved: r, num_firing: x, num_resolved: y } }]
    victorops_configs: [{ api_url: '${hook}/vo/', api_key: k, routing_key: r, custom_fields: { f: '{{ .Status }}' } }]
    telegram_configs: [{ api_url: '${hook}', bot_token: 'b:t', chat_id: -5 }]
    discord_configs: [{ webhook_url: '${hook}/discord' }]
    webex_configs: [{ api_url: '${hook}/webex', room_id: r, http_config: { authorization: { credentials: c } } }]
    wechat_configs: [{ api_url: '${hook}/wc/', api_secret: s, corp_id: c, to_user: u, agent_id: a, send_resolved: true }]
    sns_configs: [{ api_url: '${hook}/sns', sigv4: { region: us-east-1, access_key: AK, secret_key: SK }, topic_arn: 'arn:aws:sns:us-east-1:1:t', attributes: { k: v } }]
    webhook_configs: [{ url: '${hook}/webhook' }]
`;

describe.runIf(hasOriginal)('receivers beside the original', () => {
  /** The alerts begin at this moment, the same for both: at an old one the original does not wait for the rest of its batch. */
  async function requests(side: Side, startMs: number): Promise<string[]> {
    const startsAt = iso(startMs);
    const firesOn = '2036-01-01T00:00:00Z';
    const isOver = iso(startMs + 1);
    side.hook.answer = ({ path }) => {
      if (path.includes('gettoken')) return { body: '{"access_token":"tok"}' };
      if (path.includes('message/send')) return { body: '{"errcode":0}' };
      if (path.includes('sendMessage'))
        return { headers: { 'content-type': 'application/json' }, body: '{"ok":true,"result":{"message_id":1,"chat":{"id":1}}}' };
      if (path.includes('sns'))
        return {
          headers: { 'content-type': 'text/xml' },
          body: '<PublishResponse><PublishResult><MessageId>x</MessageId></PublishResult></PublishResponse>',
        };
      return { body: 'ok' };
    };
    const alert = (n: string, endsAt: string): object => ({
      labels: { alertname: 'Disk', job: 'x<y', severity: 'critical', n },
      annotations: { summary: 'almost & full', z: 'ü' },
      startsAt,
      endsAt,
      generatorURL: 'http://prom/graph?a=b&c=d',
    });
    const post = (...list: object[]): Promise<Answer> => call(side, 'POST', '/api/v2/alerts', list);
    await post(alert('1', firesOn), alert('2', firesOn));
    await side.hook.waitFor(11);
    await post(alert('1', isOver));
    await side.hook.waitFor(21);
    await post(alert('2', isOver));
    await side.hook.waitFor(31);
    side.child.kill('SIGKILL');
    await side.hook.stop();
    return side.hook.requests
      .map(({ method, path, headers, body }) => {
        const {
          notification_reason: _reason,
          routeLabels: _labels,
          ...webhook
        } = path === '/webhook' ? (JSON.parse(body) as Record<string, unknown>) : {};
        // SNS signs the moment too.
        const authorization = path.startsWith('/sns') ? '' : (headers.authorization ?? '');
        return `${method} ${path} ${headers['content-type'] ?? ''} ${authorization}\n${path === '/webhook' ? JSON.stringify(webhook) : body}`;
      })
      .sort();
  }

  it('the same requests, byte for byte', { timeout: 60_000 }, async () => {
    const [one, other] = await Promise.all([startSide('original', folder, receiversText), startSide('ours', folder, receiversText)]);
    const startMs = Date.now();
    const [theirs, ours] = await Promise.all([requests(one, startMs), requests(other, startMs)]);
    expect(ours).toEqual(theirs);
  });
});

describe.runIf(hasOriginal)('the state files', () => {
  const config = (hook: string): string => `
route: { receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 300ms, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: '${hook}/hook' }] }]
`;
  const alert = { labels: { alertname: 'Disk' }, startsAt: '2026-01-01T00:00:00Z', endsAt: '2036-01-01T00:00:00Z' };

  it.each([
    ['original', 'ours'],
    ['ours', 'original'],
  ] as const)('of %s are read by %s: silences are there, nothing is told twice', { timeout: 30_000 }, async (writer, reader) => {
    const own = mkdtempSync(join(folder, 'state-'));
    const first = await startSide(writer, folder, config, { folder: own });
    await call(first, 'POST', '/api/v2/alerts', [alert]);
    await first.hook.waitFor(1);
    const [, { silenceID: id }] = (await call(first, 'POST', '/api/v2/silences', {
      matchers: [
        { name: 'a', value: 'ü|b', isRegex: true, isEqual: true },
        { name: 'c', value: '', isRegex: false, isEqual: false },
      ],
      startsAt: iso(Date.now()),
      endsAt: iso(Date.now() + 3_600_000),
      createdBy: 'ann',
      comment: 'why',
    })) as [number, { silenceID: string }];
    const [, written] = await call(first, 'GET', `/api/v2/silence/${id}`);
    await pause(200);
    first.child.kill('SIGTERM');
    await new Promise((resolve) => first.child.once('exit', resolve));

    const second = await startSide(reader, folder, config, { folder: own });
    await call(second, 'POST', '/api/v2/alerts', [alert, { ...alert, labels: { alertname: 'Other' } }]);
    await second.hook.waitFor(1);
    await pause(500);
    expect(second.hook.requests.map(({ body }) => (JSON.parse(body) as { groupKey: string }).groupKey)).toEqual(['{}:{alertname="Other"}']);
    const { annotations: _old, ...rest } = written as Record<string, unknown>;
    const [, read] = await call(second, 'GET', `/api/v2/silence/${id}`);
    const { annotations: _new, ...found } = read as Record<string, unknown>;
    expect(found).toEqual(rest);
    for (const { child, hook } of [first, second]) {
      child.kill('SIGKILL');
      await hook.stop();
    }
  });
});
