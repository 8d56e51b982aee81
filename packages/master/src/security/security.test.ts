import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_PROTOCOL_PATH } from '@pronoia/mesos';
import { ManualClock, type Running } from '@pronoia/server';
import { afterEach, describe, expect, it } from 'vitest';
import { start } from '../app.ts';
import type { StartOptions } from '../options.ts';

const credentials = '{"credentials":[{"principal":"alice","secret":"a:b"},{"principal":"bob","secret":"pw"}]}';
const as = (principal: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${principal}:${secret}`).toString('base64')}`,
});
const alice = as('alice', 'a:b');
const bob = as('bob', 'pw');

let master: Running | undefined;
const clock = new ManualClock();
const begin = async (options: StartOptions): Promise<void> => {
  master = await start({ registry: 'in_memory', port: 0, credentials, ...options }, { clock });
};
afterEach(() => master?.stop());

const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> =>
  fetch(`${master?.url}${path}`, { ...init, headers, redirect: 'manual' });
const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  ask(path, { 'content-type': 'application/json', ...headers }, { method: 'POST', body: JSON.stringify(body) });
const health = { type: 'GET_HEALTH' };
const subscribe = (info: object = {}): object => ({
  type: 'SUBSCRIBE',
  subscribe: { framework_info: { user: 'www', name: 'f', ...info } },
});
/** What came until the word did. */
const readUntil = async (response: Response, word: string): Promise<string> => {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  while (!text.includes(word)) text += Buffer.from((await reader.read()).value ?? []).toString();
  await reader.cancel();
  return text;
};

describe('authentication', () => {
  const all: StartOptions = {
    authenticate_http_readonly: true,
    authenticate_http_readwrite: true,
    authenticate_http_frameworks: true,
    authenticate_agents: true,
  };
  const realms: readonly [method: string, path: string, realm: string][] = [
    ['GET', '/state', 'mesos-master-readonly'],
    ['GET', '/master/state', 'mesos-master-readonly'],
    ['GET', '/metrics/snapshot', 'mesos-master-readonly'],
    ['GET', '/metrics', 'mesos-master-readonly'],
    ['GET', '/nowhere', 'mesos-master-readonly'],
    ['POST', '/api/v1', 'mesos-master-readwrite'],
    ['POST', '/api/v1/operator', 'mesos-master-readwrite'],
    ['POST', '/master/api/v1', 'mesos-master-readwrite'],
    ['POST', '/teardown', 'mesos-master-readwrite'],
    ['PUT', '/weights', 'mesos-master-readwrite'],
    ['POST', '/api/v1/scheduler', 'mesos-master-scheduler'],
    ['POST', AGENT_PROTOCOL_PATH, 'mesos-master-agent'],
  ];
  it('asks for credentials by realm, and leaves health, version and redirect open', async () => {
    await begin(all);
    for (const [method, path, realm] of realms) {
      for (const headers of [{}, as('alice', 'wrong'), as('nobody', 'pw'), { authorization: 'Bearer x' }]) {
        const answer = await ask(path, headers, { method });
        expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([path, 401, `Basic realm="${realm}"`]);
      }
    }
    for (const path of ['/health', '/master/health', '/version', '/-/healthy']) expect((await ask(path)).status).toBe(200);
    expect((await ask('/redirect')).status).toBe(307);
    expect([(await ask('/state', alice)).status, (await post('/api/v1', health, bob)).status]).toEqual([200, 200]);
  });

  it('protects only the realms that were named', async () => {
    await begin({ authenticate_http_readwrite: true });
    expect([(await ask('/state')).status, (await post('/api/v1', health)).status]).toEqual([200, 401]);
  });

  it('gives a framework the principal of its requests, and holds it to it', async () => {
    await begin({ authenticate_http_frameworks: true });
    const mismatch = await post('/api/v1/scheduler', subscribe({ principal: 'bob' }), alice);
    expect([mismatch.status, await mismatch.text()]).toEqual([400, expect.stringContaining("'alice' does not match principal 'bob'")]);
    const stream = await post('/api/v1/scheduler', subscribe(), alice);
    expect(stream.status).toBe(200);
    const { frameworks } = (await (await ask('/frameworks')).json()) as { frameworks: { id: string; principal: string }[] };
    expect(frameworks[0]?.principal).toBe('alice');
    const call = { type: 'TEARDOWN', framework_id: { value: frameworks[0]?.id } };
    const streamId = { 'mesos-stream-id': stream.headers.get('mesos-stream-id') as string };
    expect((await post('/api/v1/scheduler', call, { ...bob, ...streamId })).status).toBe(400);
    expect((await post('/api/v1/scheduler', call, { ...alice, ...streamId })).status).toBe(202);
    await stream.body?.cancel();
  });

  it('does not start without credentials, or with wrong ones', async () => {
    const faults: readonly [options: StartOptions, reason: RegExp][] = [
      [{ authenticate_agents: true, credentials: undefined as never }, /--credentials: is needed/],
      [{ credentials: '{"credentials":[{"principal":"x"}]}' }, /credentials\[0\] needs a principal and a secret/],
      [{ credentials: '/nowhere/at/all' }, /--credentials: ENOENT/],
      [{ credentials: 'relative' }, /absolute path/],
    ];
    for (const [options, reason] of faults)
      await expect(start({ registry: 'in_memory', port: 0, credentials, ...options })).rejects.toThrow(reason);
    master = undefined;
  });

  it('reads credentials of the old form from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pronoia-credentials-'));
    await writeFile(join(folder, 'c'), 'carol  s3cret\n\n');
    await begin({ credentials: `file://${join(folder, 'c')}`, authenticate_http_readonly: true });
    expect([(await ask('/state', as('carol', 's3cret'))).status, (await ask('/state', alice)).status]).toEqual([200, 401]);
    await rm(folder, { recursive: true });
  });
});

describe('authorisation', () => {
  const none = { type: 'NONE' };
  const any = { type: 'ANY' };
  const some = (...values: string[]): object => ({ values });
  const rules = (lists: object): StartOptions => ({
    authenticate_http_readonly: true,
    authenticate_http_readwrite: true,
    authenticate_http_frameworks: true,
    acls: JSON.stringify(lists),
  });

  it('refuses a role to a framework by an ERROR event', async () => {
    await begin(
      rules({
        register_frameworks: [
          { principals: some('bob'), roles: some('eng') },
          { principals: any, roles: none },
        ],
      }),
    );
    expect(await readUntil(await post('/api/v1/scheduler', subscribe({ role: 'ops' }), bob), 'ERROR')).toContain(
      '"message":"Not authorized to use role \'ops\'"',
    );
    expect(await readUntil(await post('/api/v1/scheduler', subscribe({ role: 'eng' }), bob), 'SUBSCRIBED')).toContain('SUBSCRIBED');
  });

  it('refuses an operator what it may not do, by both APIs', async () => {
    await begin(
      rules({
        update_weights: [
          { principals: some('alice'), roles: some('eng') },
          { principals: any, roles: none },
        ],
      }),
    );
    const weights = (role: string): object => ({ type: 'UPDATE_WEIGHTS', update_weights: { weight_infos: [{ role, weight: 2 }] } });
    const legacy = (who: Record<string, string>): Promise<Response> =>
      ask('/weights', who, { method: 'PUT', body: '[{"role":"eng","weight":3}]' });
    const statuses = [
      (await post('/api/v1', weights('eng'), alice)).status,
      (await post('/api/v1', weights('ops'), alice)).status,
      (await post('/api/v1', weights('eng'), bob)).status,
      (await legacy(alice)).status,
      (await legacy(bob)).status,
    ];
    expect(statuses).toEqual([200, 403, 403, 200, 403]);
  });

  it('shows each principal only the frameworks that it may view, in lists and in events', async () => {
    await begin(
      rules({
        view_frameworks: [
          { principals: some('bob'), users: some('www') },
          { principals: some('bob'), users: none },
        ],
        view_flags: [{ principals: some('bob'), flags: none }],
      }),
    );
    const events = await post('/api/v1', { type: 'SUBSCRIBE' }, bob);
    const hidden = await post('/api/v1/scheduler', subscribe({ user: 'root', name: 'hidden' }), alice);
    const shown = await post('/api/v1/scheduler', subscribe({ user: 'www', name: 'shown' }), alice);
    const names = async (who: Record<string, string>): Promise<string[]> => {
      const { frameworks } = (await (await ask('/state', who)).json()) as { frameworks: { name: string }[] };
      const v1 = (await (await post('/api/v1', { type: 'GET_FRAMEWORKS' }, who)).json()) as {
        get_frameworks: { frameworks: { framework_info: { name: string } }[] };
      };
      expect(v1.get_frameworks.frameworks.map((one) => one.framework_info.name)).toEqual(frameworks.map((one) => one.name));
      return frameworks.map((one) => one.name);
    };
    expect([await names(alice), await names(bob)]).toEqual([['hidden', 'shown'], ['shown']]);
    expect([(await ask('/flags', bob)).status, (await ask('/flags', alice)).status]).toEqual([403, 200]);
    const heard = await readUntil(events, '"name":"shown"');
    expect([heard.includes('"name":"hidden"'), heard.includes('"name":"shown"')]).toEqual([false, true]);
    await hidden.body?.cancel();
    await shown.body?.cancel();
  });

  it('closes endpoints by the firewall', async () => {
    await begin({ firewall_rules: '{"disabled_endpoints":{"paths":["/files/browse","/state"]}}' });
    const statuses = await Promise.all(
      ['/files/browse?path=/', '/master/state', '/state/', '/health'].map(async (at) => (await ask(at)).status),
    );
    expect(statuses).toEqual([403, 403, 403, 200]);
  });
});

describe('the logging level', () => {
  const level = async (): Promise<[number, string]> => {
    const v1 = (await (await post('/api/v1', { type: 'GET_LOGGING_LEVEL' })).json()) as { get_logging_level: { level: number } };
    return [v1.get_logging_level.level, await (await ask('/logging/toggle')).text()];
  };
  it('is raised for a time, by both APIs', async () => {
    await begin({});
    expect(await level()).toEqual([0, '0\n']);
    const set = { type: 'SET_LOGGING_LEVEL', set_logging_level: { level: 2, duration: { nanoseconds: 60_000_000_000 } } };
    expect((await post('/api/v1', set)).status).toBe(200);
    expect(await level()).toEqual([2, '2\n']);
    await clock.advance(60_000);
    expect(await level()).toEqual([0, '0\n']);
    expect((await ask('/logging/toggle?level=1&duration=5mins')).status).toBe(200);
    expect(await level()).toEqual([1, '1\n']);
  });
  const rows = ['level=1', 'duration=5mins', 'level=-1&duration=5mins', 'level=x&duration=5mins', 'level=1&duration=5'];
  it.each(rows)('is not set by %s', async (query) => {
    await begin({});
    expect((await ask(`/logging/toggle?${query}`)).status).toBe(400);
  });
});
