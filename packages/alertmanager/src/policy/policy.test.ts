import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, silentLogger } from '@pronoia/server';
import { describe, expect, it } from 'vitest';
import { start } from '../app.ts';
import { parseConfig } from '../config/config.ts';
import { parseMatchers } from '../matcher.ts';
import { checkSilence } from './silence-policy.ts';

const base = 'route: { receiver: a }\nreceivers: [{ name: a }]\n';
const hour = 3_600_000;

describe('a silence policy', () => {
  const policy = parseConfig(
    `${base}silence_policy:
  required: [comment, annotations.ticket]
  max_duration: 4h
  who:
    - { users: [root], max_duration: 30d }
    - { users: [ann, bob], matchers: ['team=~"db|web"'] }
    - { users: ['*'], matchers: [env=test] }
`,
    'am.yml',
  ).silence_policy;

  const rows: readonly [user: string | undefined, matchers: string, hours: number, fault: RegExp | undefined][] = [
    ['root', 'alertname=x', 24, undefined],
    ['ann', 'team=db', 4, undefined],
    ['ann', 'team=db,alertname=x', 1, undefined],
    ['ann', 'team=~"db|web"', 1, undefined],
    ['ann', 'team=~"web"', 1, undefined],
    ['ann', 'team=db', 5, /400 the policy allows silences of 4h at most; this one lasts 5h/],
    ['ann', 'team=~"db|web|x"', 1, /403 the policy lets ann silence team=~"db\|web" only/],
    ['ann', 'team=~"w.*"', 1, /403/],
    ['ann', 'team!=x', 1, /403/],
    ['ann', 'alertname=x', 1, /403/],
    // The first entry that names a user decides.
    ['ann', 'env=test', 1, /403/],
    ['carol', 'env=test', 1, undefined],
    [undefined, 'env=test', 1, undefined],
    [undefined, 'alertname=x', 1, /403 the policy lets who has no name silence env="test" only; add a matcher within env="test"/],
  ];
  it.each(rows)('%s silences %s for %d hours', (user, matchers, hours, fault) => {
    const silence = {
      matchers: parseMatchers(matchers),
      startsAtMs: 0,
      endsAtMs: hours * hour,
      createdBy: 'x',
      comment: 'c',
      annotations: { ticket: 'T1' },
    };
    const found = checkSilence(policy as NonNullable<typeof policy>, silence, user, 0);
    expect(found === undefined ? 'allowed' : `${found.status} ${found.reason}`).toMatch(fault ?? /^allowed$/);
  });

  it('names every field that is missing', () => {
    const silence = { matchers: parseMatchers('a=b'), startsAtMs: 0, endsAtMs: 1, createdBy: 'x', comment: ' ', annotations: {} };
    expect(checkSilence(policy as NonNullable<typeof policy>, silence, 'root', 0)?.reason).toBe(
      'the policy requires comment and annotations.ticket',
    );
  });

  it.each([
    ['silence_policy: { required: [id] }', 'id cannot be required'],
    ['silence_policy: { recurring: [{ name: n, matchers: [a=b], time_intervals: [night] }] }', 'undefined time interval "night"'],
    ['silence_policy: { recurring: [{ name: n, matchers: [], time_intervals: [] }] }', 'at least one matcher'],
    ['silence_policy: { who: [{ matchers: [a=b] }] }', '"users" is missing'],
  ])('%s is refused', (text, reason) => {
    expect(() => parseConfig(base + text, 'am.yml')).toThrow(reason);
  });

  it('makes silences that return, and alerts of silences that end soon', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-'));
    const clock = new ManualClock(Date.UTC(2026, 10, 23, 8, 58, 30));
    const file = join(folder, 'am.yml');
    const recurring = (
      matchers: string,
    ): string => `${base}time_intervals: [{ name: backup, time_intervals: [{ times: [{ start_time: '09:00', end_time: '10:00' }] }] }]
silence_policy:
  expiry_notice: 30m
  recurring: [{ name: backup, matchers: [${matchers}], time_intervals: [backup] }]
`;
    writeFileSync(file, recurring('job=disk'));
    const server = await start(
      { 'config.file': file, 'storage.path': join(folder, 'data'), 'web.listen-address': ['127.0.0.1:0'], 'cluster.listen-address': '' },
      { log: silentLogger, clock },
    );
    const get = async (path: string): Promise<Record<string, unknown>[]> =>
      (await (await fetch(`${server.url}/api/v2/${path}`)).json()) as Record<string, unknown>[];
    const post = (path: string, body: unknown): Promise<Response> =>
      fetch(`${server.url}/api/v2/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const states = async (): Promise<unknown[]> =>
      (await get('silences')).map(({ status, startsAt, endsAt }) => [(status as { state: string }).state, startsAt, endsAt]);
    const day = '2026-11-23T';
    try {
      expect(await states()).toEqual([]);
      await clock.advance(90_000);
      expect(await states()).toEqual([['active', `${day}09:00:00.000Z`, `${day}10:00:00.000Z`]]);
      await clock.advance(60_000);
      const [made] = (await get('silences')) as [{ id: string; comment: string }];
      expect(made.comment).toBe('recurring: backup');
      await fetch(`${server.url}/api/v2/silence/${made.id}`, { method: 'DELETE' });
      // Ended by hand: not before the next day.
      await clock.advance(120_000);
      expect(await states()).toEqual([['expired', `${day}09:00:00.000Z`, `${day}09:01:00.000Z`]]);
      await clock.advance(24 * hour);
      expect((await states()).map((one) => (one as string[])[0])).toEqual(['active', 'expired']);
      writeFileSync(file, recurring('job=other'));
      await server.reload();
      expect((await get('silences?expired=false')).map(({ matchers }) => (matchers as { value: string }[])[0]?.value)).toEqual(['other']);

      // A silence for an hour; after half an hour it is told, when it silences something.
      const until = new Date(clock.now() + hour).toISOString();
      const silence = {
        matchers: [{ name: 'alertname', value: 'Disk', isRegex: false }],
        startsAt: new Date(clock.now()),
        endsAt: until,
        createdBy: 'ann',
        comment: 'c',
      };
      const { silenceID: id } = (await (await post('silences', silence)).json()) as { silenceID: string };
      const notices = (): Promise<Record<string, unknown>[]> => get('alerts?filter=alertname=SilenceEndsSoon');
      await clock.advance(31 * 60_000);
      expect(await notices()).toEqual([]);
      await post('alerts', [{ labels: { alertname: 'Disk' }, endsAt: new Date(clock.now() + 5 * hour), startsAt: new Date(clock.now()) }]);
      await clock.advance(60_000);
      expect(await notices()).toMatchObject([
        {
          labels: { silence_id: id, created_by: 'ann' },
          endsAt: until,
          annotations: { summary: `a silence of ann ends at ${until} and keeps 1 firing alert still` },
        },
      ]);
      await post('silences', { ...silence, id, endsAt: new Date(clock.now() + 3 * hour) });
      await clock.advance(60_000);
      expect(await notices()).toEqual([]);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });

  it('knows who asks by the users of the web configuration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'policy-'));
    // bcrypt of `secret`.
    const hash = '$2b$04$xQ8l.DEdQNe9TqTtcC/YOur4eAqyU5iQxuiNoqO1BA1IO7NR9DMne';
    writeFileSync(join(folder, 'web.yml'), `basic_auth_users: { ann: '${hash}', bob: '${hash}' }`);
    writeFileSync(join(folder, 'am.yml'), `${base}silence_policy: { signed: true, who: [{ users: [ann], matchers: [team=db] }] }\n`);
    const server = await start(
      {
        'config.file': join(folder, 'am.yml'),
        'storage.path': join(folder, 'data'),
        'web.listen-address': ['127.0.0.1:0'],
        'web.config.file': join(folder, 'web.yml'),
        'cluster.listen-address': '',
      },
      { log: silentLogger },
    );
    const ask = async (user: string, method: string, path: string, body?: object): Promise<readonly [number, unknown]> => {
      const answer = await fetch(`${server.url}/api/v2/${path}`, {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return [answer.status, text === '' ? undefined : JSON.parse(text)];
    };
    const silence = (value: string): object => ({
      matchers: [{ name: 'team', value, isRegex: false }],
      startsAt: new Date(),
      endsAt: new Date(Date.now() + hour),
      createdBy: 'somebody',
      comment: 'c',
    });
    try {
      const [status, answer] = await ask('ann', 'POST', 'silences', silence('db'));
      expect(status).toBe(200);
      const { silenceID: id } = answer as { silenceID: string };
      expect(await ask('bob', 'GET', `silence/${id}`)).toMatchObject([200, { createdBy: 'ann' }]);
      expect(await ask('ann', 'POST', 'silences', silence('web'))).toMatchObject([403, expect.stringContaining('team="db" only')]);
      expect(await ask('bob', 'POST', 'silences', silence('db'))).toEqual([403, 'the policy lets bob silence nothing']);
      expect(await ask('bob', 'DELETE', `silence/${id}`)).toEqual([403, 'the policy lets bob silence nothing']);
      expect(await ask('ann', 'DELETE', `silence/${id}`)).toEqual([200, undefined]);
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
