import { Registry } from '@pronoia/client';
import { EtcdClient, type Running } from '@pronoia/server';
import { type EtcdCluster, etcdIsHere, startEtcd } from '@pronoia/server/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { start } from './app.ts';

const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe.skipIf(!etcdIsHere('elected masters'))('masters that share an etcd', () => {
  let etcd: EtcdCluster;
  let path = '';
  let run = 0;
  const masters: Running[] = [];
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());
  beforeEach(() => {
    path = `/run${run++}`;
  });
  afterEach(async () => {
    await Promise.all(masters.splice(0).map((master) => master.stop()));
  });

  async function startMaster(): Promise<Running> {
    const master = await start(
      { port: 0, etcd: `${etcd.endpoints.join()}${path}`, etcd_session_timeout: 1000 },
      { registry: new Registry() },
    );
    masters.push(master);
    return master;
  }
  const ask = (master: Running, at: string, init: RequestInit = {}): Promise<Response> =>
    fetch(master.url + at, { redirect: 'manual', ...init });
  const untilReady = async (master: Running): Promise<void> => {
    while ((await ask(master, '/-/ready')).status !== 200) await aMoment();
  };
  const untilLeading = async (master: Running): Promise<void> => {
    while ((await ask(master, '/state')).status !== 200) await aMoment();
  };
  const post = (master: Running, at: string, body: object): Promise<Response> =>
    ask(master, at, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

  it('send clients to the leader, path, query and all, and answer some questions themselves', async () => {
    const leader = await startMaster();
    await untilLeading(leader);
    const follower = await startMaster();
    await untilReady(follower);
    const address = `//127.0.0.1:${leader.port}`;
    const rows: [path: string, status: number, location: string | null][] = [
      ['/state', 307, `${address}/state`],
      ['/master/tasks?limit=3&order=asc', 307, `${address}/master/tasks?limit=3&order=asc`],
      ['/frameworks/', 307, `${address}/frameworks/`],
      ['/nowhere', 307, `${address}/nowhere`],
      ['/redirect', 307, address],
      ['/master/redirect', 307, address],
      ['/health', 200, null],
      ['/version', 200, null],
      ['/master/version', 200, null],
      ['/flags', 200, null],
      ['/metrics/snapshot', 200, null],
      ['/metrics', 200, null],
      ['/files/debug', 200, null],
    ];
    for (const [at, status, location] of rows) {
      const answer = await ask(follower, at);
      expect([at, answer.status, answer.headers.get('location')]).toEqual([at, status, location]);
    }
    const subscribe = { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'nobody', name: 'f' } } };
    const redirected = await post(follower, '/api/v1/scheduler', subscribe);
    expect([redirected.status, redirected.headers.get('location')]).toEqual([307, `${address}/api/v1/scheduler`]);
    expect((await ask(leader, '/redirect')).headers.get('location')).toBe(address);
    const elected = async (master: Running): Promise<unknown> =>
      ((await (await ask(master, '/metrics/snapshot')).json()) as Record<string, unknown>)['master/elected'];
    expect([await elected(leader), await elected(follower)]).toEqual([1, 0]);
    const {
      leader: pid,
      leader_info: info,
      elected_time: electedTime,
      start_time: startTime,
    } = (await (await ask(leader, '/state')).json()) as {
      leader: string;
      leader_info: { id: string; port: number };
      elected_time: number;
      start_time: number;
    };
    expect([pid, info.port, electedTime >= startTime]).toEqual([`master@127.0.0.1:${leader.port}`, leader.port, true]);
  });

  it('hand over what the registry holds when the leader stops', async () => {
    const first = await startMaster();
    await untilLeading(first);
    const second = await startMaster();
    await untilReady(second);
    await post(first, '/api/v1', { type: 'UPDATE_WEIGHTS', update_weights: { weight_infos: [{ role: 'eng/web', weight: 3 }] } });
    const before = (await (await ask(first, '/state')).json()) as { id: string };
    await masters.shift()?.stop();
    await untilLeading(second);
    expect(await (await ask(second, '/weights')).json()).toEqual([{ role: 'eng/web', weight: 3 }]);
    expect(((await (await ask(second, '/state')).json()) as { id: string }).id).not.toBe(before.id);
  });

  it('step down when their place is taken, refuse what is asked of them then, and can lead again under a new id', async () => {
    const master = await startMaster();
    await untilLeading(master);
    const before = (await (await ask(master, '/state')).json()) as { id: string };
    const client = new EtcdClient({ endpoints: etcd.endpoints });
    await client.put(`${path}/registry/weights/ops`, '2');
    await client.put(`${path}/leader`, JSON.stringify({ id: 'x', ip: 0, port: 1, hostname: 'other' }));
    await client.delete(`${path}/leader`);
    // It learns by the fence of its next write.
    const refused = await post(master, '/api/v1', {
      type: 'UPDATE_WEIGHTS',
      update_weights: { weight_infos: [{ role: 'eng', weight: 3 }] },
    });
    expect(refused.status).toBe(503);
    await untilLeading(master);
    expect(await (await ask(master, '/weights')).json()).toEqual([{ role: 'ops', weight: 2 }]);
    expect(((await (await ask(master, '/state')).json()) as { id: string }).id).not.toBe(before.id);
    client.close();
  });

  it('say 503 while nobody leads', async () => {
    const lonely = await start({ port: 0, etcd: 'http://127.0.0.1:1/x' }, { registry: new Registry() });
    masters.push(lonely);
    const statuses = await Promise.all(['/state', '/redirect', '/-/ready', '/health'].map(async (at) => (await ask(lonely, at)).status));
    expect(statuses).toEqual([503, 503, 503, 200]);
  });
});
