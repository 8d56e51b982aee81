import { type Clock, Election, EtcdClient, silentLogger, systemClock, type Term } from '@pronoia/server';
import { type EtcdCluster, etcdIsHere, startEtcd } from '@pronoia/server/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegistryOperation } from './message.ts';
import { applyOperation, emptyRegistry, operationsOf } from './registry-content.ts';
import { RegistryEtcd, readRegistry } from './registry-etcd.ts';

const ids = fc.constantFrom('a-S0', 'a-S1', 'b-S0');
const roles = fc.constantFrom('eng', 'eng/web', 'ops');
const atMs = fc.integer({ min: 1, max: 2_000_000_000_000 });
const operations: fc.Arbitrary<RegistryOperation> = fc.oneof(
  ids.map((id): RegistryOperation => ({ kind: 'admit', agent: { id: { value: id }, hostname: `host of ${id}`, resources: [] } })),
  fc.record({ kind: fc.constantFrom('unreachable' as const, 'gone' as const), agentId: ids, atMs }),
  fc.record({ kind: fc.constantFrom('remove' as const, 'reactivate' as const), agentId: ids }),
  ids.map((agentId): RegistryOperation => ({ kind: 'deactivate', agentId })),
  ids.map((agentId): RegistryOperation => ({ kind: 'deactivate', agentId, drain: { state: 'DRAINING', config: { mark_gone: true } } })),
  fc.tuple(roles, fc.constantFrom(0.5, 2)).map((weight): RegistryOperation => ({ kind: 'weights', weights: [weight] })),
  roles.map((role): RegistryOperation => ({ kind: 'quota', configs: [{ role, limits: { cpus: { value: 2 } } }] })),
  roles.map((role): RegistryOperation => ({ kind: 'quota', configs: [{ role }] })),
  fc.constantFrom('h1', 'h2').map((hostname): RegistryOperation => ({ kind: 'maintenance', schedule: {}, down: [{ hostname }] })),
  ids.map((id): RegistryOperation => ({ kind: 'framework', info: { id: { value: id }, name: 'é/ü', user: 'nobody' } })),
  ids.map((frameworkId): RegistryOperation => ({ kind: 'framework_removed', frameworkId })),
);

const sorted = (content: ReturnType<typeof emptyRegistry>): string[] =>
  operationsOf({
    ...content,
    weights: new Map([...content.weights].sort(([a], [b]) => (a < b ? -1 : 1))),
    quotas: new Map([...content.quotas].sort(([a], [b]) => (a < b ? -1 : 1))),
  })
    .map((operation) => JSON.stringify(operation))
    .sort();

describe.skipIf(!etcdIsHere('the registry in etcd'))('the registry in etcd', () => {
  let etcd: EtcdCluster;
  let client: EtcdClient;
  const elections: Election[] = [];
  beforeAll(async () => {
    etcd = await startEtcd();
    client = new EtcdClient({ endpoints: etcd.endpoints });
  });
  afterAll(async () => {
    for (const election of elections) await election.stop();
    client.close();
    await etcd.stop();
  });

  const elect = (path: string, clock: Clock = systemClock): Promise<Term> =>
    new Promise((resolve) => {
      const election = new Election({ client, key: `${path}/leader`, candidate: () => 'me', onElected: resolve, clock });
      elections.push(election);
      election.start();
    });
  const registryOf = (term: Term, path: string): RegistryEtcd => new RegistryEtcd({ term, path, clock: systemClock, log: silentLogger });
  const write = (registry: RegistryEtcd, operation: RegistryOperation): Promise<void> =>
    new Promise((resolve, reject) => registry.apply(operation, resolve, reject));

  it('holds what the same operations make of the content in memory, however they are batched', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(operations, { minLength: 1, maxLength: 6 }), { maxLength: 5 }), async (batches) => {
        const path = `/test/${run++}`;
        const registry = registryOf(await elect(path), path);
        const expected = emptyRegistry();
        for (const batch of batches) {
          for (const operation of batch) applyOperation(expected, operation);
          await Promise.all(batch.map((operation) => write(registry, operation)));
        }
        expect(sorted((await readRegistry(client, path)).content)).toEqual(sorted(expected));
      }),
      { numRuns: 40 },
    );
  });

  it('writes more than fits into one transaction, in order, and says done only then', async () => {
    const registry = registryOf(await elect('/many'), '/many');
    const done: number[] = [];
    await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        await write(registry, { kind: 'admit', agent: { id: { value: `S${i}` }, hostname: 'x'.repeat(5000), resources: [] } });
        done.push(i);
      }),
    );
    expect(done).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect((await readRegistry(client, '/many')).content.agents.size).toBe(500);
    expect(registry.queued).toBe(0);
  });

  it('refuses the write of a master that was replaced', async () => {
    const term = await elect('/replaced');
    const registry = registryOf(term, '/replaced');
    await write(registry, { kind: 'gone', agentId: 'S1', atMs: 5 });
    await client.delete('/replaced/leader');
    await expect(write(registry, { kind: 'gone', agentId: 'S2', atMs: 6 })).rejects.toMatchObject({ code: 'not_leader' });
    expect([...(await readRegistry(client, '/replaced')).content.gone]).toEqual([['S1', 5]]);
  });

  it('passes over keys of a later version', async () => {
    await client.put('/later/registry/moons/1', '{"x":1}');
    await client.put('/later/registry/weights/eng', '2');
    expect(sorted((await readRegistry(client, '/later')).content)).toEqual([JSON.stringify({ kind: 'weights', weights: [['eng', 2]] })]);
  });
});
