import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdClient } from './client.ts';
import { type EtcdCluster, etcdIsHere, startEtcd } from './testing.ts';
import type { WatchEvent } from './watch.ts';

const clients: EtcdClient[] = [];
const open = (endpoints: readonly string[], timeoutMs = 3000): EtcdClient => {
  const client = new EtcdClient({ endpoints, timeoutMs });
  clients.push(client);
  return client;
};
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** Reads a watch until the predicate is content. */
async function take(watch: AsyncIterable<{ events: readonly WatchEvent[] }>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of watch) {
    seen.push(...batch.events.map((e) => `${e.type} ${e.kv.key}${e.type === 'put' ? `=${e.kv.value.toString()}` : ''}`));
    if (seen.length >= count) break;
  }
  return seen;
}

describe.skipIf(!etcdIsHere('the etcd client'))('a client of one etcd', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.stop());

  it('reads what was put, byte for byte, and nothing after a delete', async () => {
    const client = open(etcd.endpoints);
    const bytes = Buffer.from([0, 255, 10, 200]);
    const { revision } = await client.put('a/é', bytes);
    expect(await client.get('a/é')).toMatchObject({
      key: 'a/é',
      value: bytes,
      createRevision: revision,
      modRevision: revision,
      leaseId: '0',
    });
    await client.put('a/é', '');
    expect(await client.get('a/é')).toMatchObject({ value: Buffer.alloc(0), createRevision: revision, version: 2 });
    expect((await client.delete('a/é')).deleted).toBe(1);
    expect((await client.delete('a/é')).deleted).toBe(0);
    expect(await client.get('a/é')).toBeUndefined();
  });

  it('reads all keys of a prefix in pages, as of one revision', async () => {
    const client = open(etcd.endpoints);
    for (const name of ['p/1', 'p/2', 'p/3', 'p/4', 'p/5', 'q/1', 'p0']) await client.put(name, name);
    const { kvs } = await client.readAll('p/', 2);
    expect(kvs.map((kv) => kv.key)).toEqual(['p/1', 'p/2', 'p/3', 'p/4', 'p/5']);
  });

  it('runs the branch of a transaction that the comparison chooses', async () => {
    const client = open(etcd.endpoints);
    const claim = { compare: [{ key: 't', createRevision: 0 }], success: [{ put: 't', value: 'mine' }], failure: [{ get: 't' }] } as const;
    expect(await client.txn(claim)).toMatchObject({ succeeded: true, gets: [] });
    const second = await client.txn(claim);
    expect([second.succeeded, second.gets[0]?.[0]?.value.toString()]).toEqual([false, 'mine']);
    const swap = { compare: [{ key: 't', value: 'mine' }], success: [{ delete: 't' }, { put: 'u', value: '1' }] } as const;
    expect((await client.txn(swap)).succeeded).toBe(true);
    expect([await client.get('t'), (await client.get('u'))?.value.toString()]).toEqual([undefined, '1']);
  });

  it('holds keys as long as their lease, and says when the lease is gone', async () => {
    const client = open(etcd.endpoints);
    const { leaseId, ttlSeconds } = await client.grantLease(60);
    expect(ttlSeconds).toBe(60);
    await client.put('leased', 'x', { leaseId });
    expect((await client.keepLeaseAlive(leaseId)).ttlSeconds).toBe(60);
    expect((await client.get('leased'))?.leaseId).toBe(leaseId);
    await client.revokeLease(leaseId);
    await client.revokeLease(leaseId);
    expect(await client.get('leased')).toBeUndefined();
    await expect(client.keepLeaseAlive(leaseId)).rejects.toMatchObject({ code: 'etcd_lease_gone' });
    await expect(client.put('leased', 'x', { leaseId })).rejects.toMatchObject({ code: 'etcd_refused', message: /lease not found/ });
  });

  it('watches a prefix from a revision on, the past included', async () => {
    const client = open(etcd.endpoints);
    const { revision } = await client.put('w/a', '1');
    await client.put('w/b', '2');
    await client.put('other', '2');
    const watched = take(client.watch('w/', { prefix: true, startRevision: revision }), 4);
    await client.delete('w/a');
    await client.put('w/c', '3');
    expect(await watched).toEqual(['put w/a=1', 'put w/b=2', 'delete w/a', 'put w/c=3']);
  });

  it('says that a revision was compacted instead of skipping changes', async () => {
    const client = open(etcd.endpoints);
    const { revision } = await client.put('c', '1');
    const later = await client.put('c', '2');
    await fetch(`${etcd.endpoints[0]}/v3/kv/compaction`, { method: 'POST', body: JSON.stringify({ revision: String(later.revision) }) });
    await expect(take(client.watch('c', { startRevision: revision }), 1)).rejects.toMatchObject({ code: 'etcd_compacted' });
  });

  it('ends a watch when its signal fires and when the client is closed', async () => {
    const client = open(etcd.endpoints);
    const abort = new AbortController();
    const both = [
      take(client.watch('none', { startRevision: 1_000_000, signal: abort.signal }), 1),
      take(client.watch('none', { startRevision: 1_000_000 }), 1),
    ];
    abort.abort();
    client.close();
    expect(await Promise.all(both)).toEqual([[], []]);
  });
});

describe.skipIf(!etcdIsHere('the etcd client on three members'))('a client of three members', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await startEtcd(3);
  });
  afterAll(() => etcd.stop());

  it('goes on at another member when one is killed, and a watch misses nothing and repeats nothing', async () => {
    const client = open(etcd.endpoints, 1500);
    const { revision } = await client.put('k/0', '0');
    const watched = take(client.watch('k/', { prefix: true, startRevision: revision, idleCheckMs: 300 }), 4);
    await client.put('k/1', '1');
    etcd.members[0]?.signal('SIGKILL');
    // A write in the moment of the kill may be unsure or refused (no leader yet); the same put again is the same.
    const put = async (key: string, value: string): Promise<void> => {
      for (;;) {
        try {
          await client.put(key, value);
          return;
        } catch (error) {
          if (!/^etcd_(unsure|unreachable)$/.test((error as { code: string }).code)) throw error;
        }
      }
    };
    await put('k/2', '2');
    await put('k/3', '3');
    const seen = await watched;
    expect([...new Set(seen)]).toEqual(['put k/0=0', 'put k/1=1', 'put k/2=2', 'put k/3=3']);
    await etcd.members[0]?.restart();
  });

  it('leaves a member that hears it but has lost its peers', async () => {
    const endpoint = etcd.endpoints[1] as string;
    const client = open([endpoint, etcd.endpoints[2] as string, etcd.endpoints[0] as string], 1000);
    const { revision } = await client.put('s', '1');
    const watched = take(client.watch('s', { startRevision: revision + 1, idleCheckMs: 200 }), 1);
    etcd.members[1]?.signal('SIGSTOP');
    const other = open([etcd.endpoints[0] as string, etcd.endpoints[2] as string], 2000);
    for (;;) {
      try {
        await other.put('s', '2');
        break;
      } catch {
        // No leader yet.
      }
    }
    expect(await watched).toEqual(['put s=2']);
    expect((await client.get('s'))?.value.toString()).toBe('2');
    etcd.members[1]?.signal('SIGCONT');
  });
});

describe('a request that fails', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  const member = async (answer: (path: string) => { status: number; body: object } | 'hang' | 'cut'): Promise<string> => {
    const server = createServer((request, response) => {
      const said = answer(request.url ?? '');
      if (said === 'cut') request.socket.destroy();
      else if (said !== 'hang') response.writeHead(said.status).end(JSON.stringify(said.body));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  };
  const good = { status: 200, body: { header: { revision: '7' } } };
  const error = (status: number, code: number, message: string) => ({ status, body: { error: message, message, code } });
  const nobody = 'http://127.0.0.1:1';

  const rows: readonly [name: string, first: ReturnType<typeof error> | 'hang' | 'cut' | 'nobody', write: string, read: string][] = [
    ['nobody listens: it did not happen, another may', 'nobody', 'ok', 'ok'],
    ['no answer: it may have happened', 'hang', 'etcd_unsure', 'ok'],
    ['cut off: it may have happened', 'cut', 'etcd_unsure', 'ok'],
    ['timed out inside: it may have happened', error(503, 14, 'etcdserver: request timed out'), 'etcd_unsure', 'ok'],
    ['no leader: it did not happen, another may', error(503, 14, 'etcdserver: no leader'), 'ok', 'ok'],
    ['refused: another would too', error(400, 3, 'etcdserver: key is not provided'), 'etcd_refused', 'etcd_refused'],
    ['no permission: another would too', error(403, 7, 'etcdserver: permission denied'), 'etcd_refused', 'etcd_refused'],
  ];
  it.each(rows)('%s', async (_name, first, write, read) => {
    const endpoints = [first === 'nobody' ? nobody : await member(() => first), await member(() => good)];
    const outcome = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => 'ok',
        (reason: { code: string }) => reason.code,
      );
    expect([await outcome(open(endpoints, 50).put('k', 'v')), await outcome(open(endpoints, 50).range('k'))]).toEqual([write, read]);
  });

  it('names every endpoint and reason when none answers', async () => {
    await expect(open([nobody, 'http://127.0.0.1:2']).get('k')).rejects.toMatchObject({
      code: 'etcd_unreachable',
      message: /127\.0\.0\.1:1, http:\/\/127\.0\.0\.1:2.*ECONNREFUSED/,
    });
  });

  it('logs in first, and again when the token has run out', async () => {
    const seen: string[] = [];
    let tokens = 0;
    const endpoint = await member((path) => {
      seen.push(path);
      if (path === '/v3/auth/authenticate') return { status: 200, body: { token: `t${++tokens}` } };
      return tokens === 1 && seen.filter((one) => one === '/v3/kv/put').length === 2
        ? error(401, 16, 'etcdserver: invalid auth token')
        : good;
    });
    const client = new EtcdClient({ endpoints: [endpoint], username: 'root', password: 'pw' });
    clients.push(client);
    await client.put('a', '1');
    await client.put('a', '2');
    expect(seen).toEqual(['/v3/auth/authenticate', '/v3/kv/put', '/v3/kv/put', '/v3/auth/authenticate', '/v3/kv/put']);
  });
});
