/**
 * Scenarios beside the original that need a life of their own: a cold start, reloads, a prefix, time intervals, the deprecated forms of
 * matchers. The same script for both, and an equal outcome. Skipped, and said so, where the original is not installed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, hasOriginal, iso, pause, type Side, type SideOptions, startSide, stopSides } from './original.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scenarios-'));
});
afterAll(async () => {
  await stopSides();
  rmSync(folder, { recursive: true, force: true });
});

interface Told {
  readonly receiver: string;
  readonly groupKey: string;
  readonly status: string;
  /** Name and n of each, with a tick when it is over. */
  readonly alerts: string;
}

interface Body {
  readonly groupKey: string;
  readonly status: string;
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[];
}

/** In order for each group; groups in the order of their keys. */
function toldBy({ hook }: Side): Told[] {
  const all = hook.requests.map(({ path, body }) => {
    const { groupKey, status, alerts } = JSON.parse(body) as Body;
    const shown = alerts.map(({ labels, status: own }) => `${labels['alertname']}/${labels['n'] ?? ''}${own === 'resolved' ? '✓' : ''}`);
    return { receiver: path.slice(1), groupKey, status, alerts: shown.join(' ') };
  });
  return all
    .map((told, i) => ({ told, i }))
    .sort((a, b) =>
      `${a.told.receiver} ${a.told.groupKey}` < `${b.told.receiver} ${b.told.groupKey}`
        ? -1
        : `${a.told.receiver} ${a.told.groupKey}` > `${b.told.receiver} ${b.told.groupKey}`
          ? 1
          : a.i - b.i,
    )
    .map(({ told }) => told);
}

const fire = (side: Side, ...list: { labels: Record<string, string>; startsAt?: string; endsAt?: string }[]): Promise<unknown> =>
  call(
    side,
    'POST',
    '/api/v2/alerts',
    list.map((one) => ({ startsAt: iso(Date.now()), endsAt: '2036-01-01T00:00:00Z', ...one })),
  );

/** The script for both at the same time; what each told is equal, and as expected. */
async function compare(
  config: (hook: string) => string,
  script: (side: Side, restart: () => Promise<Side>) => Promise<Side>,
  expected: readonly Told[],
  options: SideOptions = {},
): Promise<void> {
  const [theirs, ours] = await Promise.all(
    (['original', 'ours'] as const).map(async (name) => {
      const first = await startSide(name, folder, config, options);
      const restart = async (): Promise<Side> => {
        const ended = new Promise((resolve) => first.child.once('exit', resolve));
        first.child.kill('SIGTERM');
        await ended;
        return startSide(name, folder, config, { ...options, folder: first.folder, hook: first.hook });
      };
      return toldBy(await script(first, restart));
    }),
  );
  expect(theirs).toEqual(expected);
  expect(ours).toEqual(theirs);
}

const receivers = (hook: string, ...names: readonly string[]): string =>
  `receivers: [${names.map((name) => `{ name: ${name}, webhook_configs: [{ url: '${hook}/${name}' }] }`).join(', ')}]\n`;

describe.runIf(hasOriginal)('beside the original', () => {
  it('a cold start tells nothing twice, and what ended or began meanwhile', { timeout: 40_000 }, async () => {
    const old = iso(Date.now() - 60_000);
    await compare(
      (hook) =>
        `route: { receiver: a, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h }\n${receivers(hook, 'a')}`,
      async (side, restart) => {
        await fire(side, { labels: { alertname: 'stays' }, startsAt: old }, { labels: { alertname: 'ends' }, startsAt: old });
        await side.hook.waitFor(2);
        await pause(300);
        const again = await restart();
        await fire(
          again,
          { labels: { alertname: 'stays' }, startsAt: old },
          { labels: { alertname: 'ends' }, startsAt: old, endsAt: iso(Date.now() - 1000) },
          { labels: { alertname: 'begins' }, startsAt: old },
        );
        await pause(2500);
        return again;
      },
      [
        { receiver: 'a', groupKey: '{}:{alertname="begins"}', status: 'firing', alerts: 'begins/' },
        { receiver: 'a', groupKey: '{}:{alertname="ends"}', status: 'firing', alerts: 'ends/' },
        { receiver: 'a', groupKey: '{}:{alertname="ends"}', status: 'resolved', alerts: 'ends/✓' },
        { receiver: 'a', groupKey: '{}:{alertname="stays"}', status: 'firing', alerts: 'stays/' },
      ],
    );
  });

  it('a bad configuration is refused and the old one goes on; a good one moves alerts to the new route', { timeout: 40_000 }, async () => {
    const config =
      (routes: string) =>
      (hook: string): string =>
        `route: { receiver: a, group_by: [alertname], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h, routes: [${routes}] }\n${receivers(hook, 'a', 'b')}`;
    const answers: unknown[] = [];
    await compare(
      config(''),
      async (side) => {
        await fire(side, { labels: { alertname: 'x', n: '1' } });
        await side.hook.waitFor(1);
        const file = join(side.folder, 'am.yml');
        writeFileSync(file, 'route: { receiver: nobody }\n');
        answers.push((await call(side, 'POST', '/-/reload'))[0]);
        await fire(side, { labels: { alertname: 'y' } });
        await side.hook.waitFor(2);
        writeFileSync(file, config('{ receiver: b, matchers: [alertname=x] }')(side.hook.url));
        answers.push((await call(side, 'POST', '/-/reload'))[0]);
        await side.hook.waitFor(3);
        writeFileSync(file, config('{ receiver: b, matchers: [alertname=y] }')(side.hook.url));
        side.child.kill('SIGHUP');
        await side.hook.waitFor(4);
        await pause(1500);
        return side;
      },
      [
        { receiver: 'a', groupKey: '{}:{alertname="x"}', status: 'firing', alerts: 'x/1' },
        { receiver: 'a', groupKey: '{}:{alertname="y"}', status: 'firing', alerts: 'y/' },
        { receiver: 'b', groupKey: '{}/{alertname="x"}:{alertname="x"}', status: 'firing', alerts: 'x/1' },
        { receiver: 'b', groupKey: '{}/{alertname="y"}:{alertname="y"}', status: 'firing', alerts: 'y/' },
      ],
    );
    expect(answers.sort((a, b) => Number(a) - Number(b))).toEqual([200, 200, 500, 500]);
  });

  it('with a prefix all paths begin with it', { timeout: 30_000 }, async () => {
    const statuses: Record<string, unknown[]> = {};
    await compare(
      (hook) => `route: { receiver: a, group_wait: 0s }\n${receivers(hook, 'a')}`,
      async (side) => {
        await fire(side, { labels: { alertname: 'x' } });
        await side.hook.waitFor(1);
        const root = side.url.replace(/\/am$/, '');
        const found: unknown[] = (statuses[side.name] = []);
        for (const path of [
          '/',
          '/am',
          '/am/',
          '/api/v2/status',
          '/am/api/v2/status',
          '/am/-/healthy',
          '/-/healthy',
          '/am/metrics',
          '/amx/-/healthy',
        ]) {
          const answer = await fetch(`${root}${path}`, { redirect: 'manual' });
          found.push([path, answer.status, answer.headers.get('location')]);
        }
        return side;
      },
      [{ receiver: 'a', groupKey: '{}:{}', status: 'firing', alerts: 'x/' }],
      { prefix: '/am' },
    );
    expect(statuses['ours']).toEqual(statuses['original']);
  });

  it('time intervals mute by hour, weekday, day, month, year and zone; match and match_re make the same keys', {
    timeout: 30_000,
  }, async () => {
    const now = new Date();
    const weekday = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'][now.getUTCDay()] as string;
    const other = weekday === 'sunday' ? 'monday' : 'sunday';
    const intervals: readonly (readonly [name: string, spec: string, isMuted: boolean])[] = [
      ['weekday', `weekdays: ['${weekday}']`, true],
      ['otherday', `weekdays: ['${other}']`, false],
      ['month', `months: ['${now.getUTCMonth() + 1}'], years: ['${now.getUTCFullYear()}:2100']`, true],
      ['lastyear', `years: ['${now.getUTCFullYear() - 1}']`, false],
      ['days', "days_of_month: ['1:15', '-20:-1']", true],
      ['allday', "times: [{ start_time: '00:00', end_time: '24:00' }], location: Asia/Kolkata", true],
    ];
    const route = ([name]: (typeof intervals)[number]): string => `{ matchers: [zone=${name}], mute_time_intervals: [${name}] }`;
    const active = ([name]: (typeof intervals)[number]): string => `{ matchers: [active=${name}], active_time_intervals: [${name}] }`;
    await compare(
      (hook) => `route:
  receiver: a
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  routes: [${[...intervals.map(route), ...intervals.map(active)].join(', ')}, { match: { old: form }, match_re: { n: '1|2' }, matchers: ['x!~"y.*"'] }]
time_intervals: [${intervals.map(([name, spec]) => `{ name: ${name}, time_intervals: [{ ${spec} }] }`).join(', ')}]
${receivers(hook, 'a')}`,
      async (side) => {
        await fire(
          side,
          ...intervals.flatMap(([name]) => [{ labels: { alertname: 'm', zone: name } }, { labels: { alertname: 'm', active: name } }]),
          { labels: { alertname: 'm', old: 'form', n: '2' } },
        );
        await pause(2500);
        return side;
      },
      [
        ...intervals.map(([name, , isMuted]) => `{}/{${isMuted ? 'active' : 'zone'}="${name}"}:{alertname="m"}`),
        '{}/{n=~"^(?:1|2)$",old="form",x!~"y.*"}:{alertname="m"}',
      ]
        .sort()
        .map((groupKey) => ({ receiver: 'a', groupKey, status: 'firing', alerts: groupKey.includes('old') ? 'm/2' : 'm/' })),
    );
  });
});
