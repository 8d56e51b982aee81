import type { FrameworkInfoCapabilityType } from '@pronoia/mesos';
import { parseResources, Resources } from '@pronoia/mesos';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator, type AllocatorOptions, type Grant } from './allocator.ts';

const r = (text: string): Resources => Resources.of(parseResources(text));

class Cluster {
  readonly allocator: Allocator;
  nowMs = 1_000_000;

  constructor(options: Partial<AllocatorOptions> = {}) {
    this.allocator = new Allocator({
      minAllocatable: [new Map([['cpus', 10]]), new Map([['mem', 32_000]])],
      allocationIntervalMs: 1000,
      ...options,
    });
  }

  framework(id: string, role = '*', capabilities: FrameworkInfoCapabilityType[] = []): this {
    this.allocator.addFramework(id, { roles: [role], capabilities: new Set(capabilities) }, { isActive: true, suppressed: [] });
    return this;
  }

  agent(id: string, total: string): this {
    this.allocator.addAgent(id, { total: r(total), hostname: id, attributes: [] }, new Map());
    return this;
  }

  grants(agents: 'touched' | 'all' = 'all'): Grant[] {
    return this.allocator.allocate({ agents, nowMs: this.nowMs, random: () => 0 });
  }

  offers(agents: 'touched' | 'all' = 'all'): string {
    return this.grants(agents)
      .map((grant) => `${grant.framework}@${grant.agent} ${grant.resources.unallocated.toString()}`)
      .sort()
      .join(' | ');
  }

  decline(grant: Grant, refuseSeconds: number): void {
    this.allocator.recover(grant.framework, grant.agent, grant.resources, { refuseSeconds, nowMs: this.nowMs });
  }
}

describe('the allocator', () => {
  it('offers a whole agent to the only framework, once', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4;mem:1024;ports:[1-9]');
    expect(cluster.offers('touched')).toBe('f@a cpus:4; mem:1024; ports:[1-9]');
    expect(cluster.offers()).toBe('');
    expect(cluster.allocator.freeOn('a').isEmpty).toBe(true);
  });

  it('gives the next agent to who has less', () => {
    const cluster = new Cluster().framework('f1', 'a').framework('f2', 'b').agent('x', 'cpus:4').agent('y', 'cpus:4');
    const grants = cluster.grants();
    expect(grants.map((grant) => grant.framework).sort()).toEqual(['f1', 'f2']);
  });

  it('offers what comes back at once, also to others', () => {
    const cluster = new Cluster().framework('f1').agent('a', 'cpus:4');
    const [grant] = cluster.grants();
    cluster.framework('f2').offers('touched');
    cluster.allocator.recover('f1', 'a', (grant as Grant).resources);
    expect(cluster.allocator.isTouched).toBe(true);
    expect(cluster.offers('touched')).toBe('f1@a cpus:4');
  });

  it('does not offer again what was refused, until the filter ends', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4;mem:64');
    cluster.decline(cluster.grants()[0] as Grant, 10);
    expect(cluster.offers('touched')).toBe('');
    expect(cluster.allocator.explain('f', '*', 'a', cluster.nowMs)).toEqual({ kind: 'filtered', untilMs: cluster.nowMs + 10_000 });
    cluster.nowMs += 9_999;
    expect(cluster.offers()).toBe('');
    cluster.nowMs += 1;
    expect(cluster.offers()).toBe('f@a cpus:4; mem:64');
  });

  it('lets more than was refused through a filter', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4');
    const [grant] = cluster.grants();
    const used = r('cpus:3').allocatedTo('*');
    cluster.decline({ ...(grant as Grant), resources: (grant as Grant).resources.minus(used) }, 60);
    expect(cluster.offers()).toBe('');
    cluster.allocator.recover('f', 'a', used);
    expect(cluster.offers('touched')).toBe('f@a cpus:4');
  });

  it('a refusal of 0 seconds waits for the next batch', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4');
    cluster.decline(cluster.grants()[0] as Grant, 0);
    expect(cluster.allocator.isTouched).toBe(false);
    expect(cluster.offers('touched')).toBe('');
    expect(cluster.offers('all')).toBe('f@a cpus:4');
  });

  it.each([
    [-1, 5000],
    [Number.NaN, 5000],
    [0.1, 1000],
    [1e12, 365 * 24 * 3600 * 1000],
  ])('a refusal of %s seconds lasts %s ms', (refuseSeconds, lifeMs) => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4');
    cluster.decline(cluster.grants()[0] as Grant, refuseSeconds);
    cluster.nowMs += lifeMs - 1;
    expect(cluster.offers()).toBe('');
    cluster.nowMs += 1;
    expect(cluster.offers()).toBe('f@a cpus:4');
  });

  it('another framework gets what the first refused', () => {
    const cluster = new Cluster().framework('f1').framework('f2').agent('a', 'cpus:4');
    const [grant] = cluster.grants();
    cluster.decline(grant as Grant, 60);
    expect(cluster.offers('touched')).toBe('f2@a cpus:4');
  });

  it('suppressed roles get nothing until they revive, which clears filters too', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4');
    cluster.decline(cluster.grants()[0] as Grant, 600);
    cluster.allocator.suppress('f', []);
    expect(cluster.allocator.explain('f', '*', 'a', cluster.nowMs)).toEqual({ kind: 'role_suppressed' });
    cluster.allocator.revive('f', ['*']);
    expect(cluster.offers('touched')).toBe('f@a cpus:4');
  });

  it('inactive frameworks and agents are passed over', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4').agent('b', 'cpus:2');
    cluster.allocator.deactivateAgent('a');
    expect(cluster.offers()).toBe('f@b cpus:2');
    cluster.allocator.deactivateFramework('f');
    cluster.allocator.activateAgent('a');
    expect(cluster.offers()).toBe('');
    cluster.allocator.activateFramework('f');
    expect(cluster.offers('touched')).toBe('f@a cpus:4');
  });

  it('offers nothing that is too small', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:0.009;mem:31').agent('b', 'mem:32').agent('c', 'cpus:0.01');
    expect(cluster.offers()).toBe('f@b mem:32 | f@c cpus:0.01');
    cluster.allocator.addFramework(
      'g',
      { roles: ['*'], capabilities: new Set(), minAllocatable: new Map([['*', []]]) },
      { isActive: true, suppressed: [] },
    );
    expect(cluster.offers()).toBe('g@a cpus:0.009; mem:31');
  });

  it('reserved resources go to their role and its descendants only', () => {
    const cluster = new Cluster()
      .framework('f1', 'ops')
      .framework('f2', 'eng')
      .framework('f3', 'eng/web')
      .agent('a', 'cpus(eng):2;cpus(eng/web):1;mem(none):64');
    expect(cluster.offers()).toBe('f2@a cpus(eng):2 | f3@a cpus(eng/web):1');
  });

  it('agents with GPUs are for frameworks that ask for them', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4;gpus:1');
    expect(cluster.offers()).toBe('');
    expect(cluster.allocator.explain('f', '*', 'a', 0)).toEqual({ kind: 'gpu_agent' });
    cluster.framework('g', '*', ['GPU_RESOURCES']);
    expect(cluster.offers()).toBe('g@a cpus:4; gpus:1');
    expect(new Cluster({ filterGpuResources: false }).framework('f').agent('a', 'cpus:4;gpus:1').offers()).toBe('f@a cpus:4; gpus:1');
  });

  it('an agent that comes with tasks is offered without what they use', () => {
    const cluster = new Cluster().framework('f');
    cluster.allocator.addAgent(
      'a',
      { total: r('cpus:4;ports:[1-9]'), hostname: 'a', attributes: [] },
      new Map([
        ['f', r('cpus:1;ports:[3-3]').allocatedTo('*')],
        ['unknown', r('cpus:1').allocatedTo('x')],
      ]),
    );
    expect(cluster.offers()).toBe('f@a cpus:2; ports:[1-2, 4-9]');
    // The unknown one arrives later and gives back what it was using.
    cluster.framework('unknown', 'x');
    cluster.allocator.recover('unknown', 'a', r('cpus:1').allocatedTo('x'));
    expect(cluster.allocator.freeOn('a').toString()).toBe('cpus:1');
  });

  it('what is made into a volume changes the agent’s total', () => {
    const cluster = new Cluster().framework('f', 'eng').agent('a', 'cpus:1;disk:100');
    const [grant] = cluster.grants();
    const before = r('disk:40').allocatedTo('eng');
    const after = r('disk(eng):40').allocatedTo('eng');
    cluster.allocator.convert('f', 'a', before, after);
    cluster.allocator.recover('f', 'a', (grant as Grant).resources.minus(before).plus(after));
    expect(cluster.allocator.freeOn('a').toString()).toBe('cpus:1; disk:60; disk(eng):40');
  });

  it('removing an agent takes what is held there with it', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4').agent('b', 'cpus:4');
    cluster.grants();
    cluster.allocator.removeAgent('a');
    expect(cluster.allocator.dominantShare('*')).toBe(1);
    cluster.allocator.removeAgent('b');
    cluster.allocator.removeFramework('f');
    expect(cluster.offers()).toBe('');
  });

  it('refuses to take back what is not held', () => {
    const cluster = new Cluster().framework('f').agent('a', 'cpus:4');
    expect(() => cluster.allocator.recover('f', 'a', r('cpus:1').allocatedTo('*'))).toThrow(/BUG: framework f gives back/);
  });
});

describe('quota', () => {
  const quota = (guarantees: string, limits = ''): { guarantees: ReadonlyMap<string, number>; limits: ReadonlyMap<string, number> } => ({
    guarantees: r(guarantees).quantities(),
    limits: r(limits).quantities(),
  });

  it('a limit is never exceeded, in the whole subtree of the role', () => {
    const cluster = new Cluster().framework('f1', 'eng').framework('f2', 'eng/web').agent('a', 'cpus:10;mem:1000');
    cluster.allocator.setQuota('eng', quota('', 'cpus:3'));
    const given = Resources.of(cluster.grants().flatMap((grant) => grant.resources.toArray()));
    expect(given.scalar('cpus')).toBe(3);
    expect(given.scalar('mem')).toBe(1000);
    expect([...cluster.allocator.consumed('eng')]).toEqual([
      ['cpus', 3000],
      ['mem', 1_000_000],
    ]);
    expect(cluster.allocator.explain('f1', 'eng', 'a', 0)).toMatchObject({ kind: 'quota' });
  });

  it('reserved resources are offered whatever the limit', () => {
    const cluster = new Cluster().framework('f1', 'eng').agent('a', 'cpus:10;cpus(eng):5');
    cluster.allocator.setQuota('eng', quota('', 'cpus:5'));
    expect(cluster.offers()).toBe('f1@a cpus(eng):5');
  });

  it('a guarantee is met before fair share, and kept free for who comes later', () => {
    const cluster = new Cluster().framework('f1', 'ops').agent('a', 'cpus:10');
    cluster.allocator.setQuota('eng', quota('cpus:4'));
    expect(cluster.offers()).toBe('f1@a cpus:6');
    cluster.framework('f2', 'eng');
    expect(cluster.offers()).toBe('f2@a cpus:4');
  });

  it('a guarantee and a fair share on one agent are one offer', () => {
    const cluster = new Cluster().framework('f1', 'eng').agent('a', 'cpus:10;mem:64');
    cluster.allocator.setQuota('eng', quota('cpus:4'));
    expect(cluster.offers()).toBe('f1@a cpus:10; mem:64');
  });

  it('what is reserved for a role counts towards its guarantee', () => {
    const cluster = new Cluster().framework('f1', 'ops').agent('a', 'cpus:6;cpus(eng):4');
    cluster.allocator.setQuota('eng', quota('cpus:4'));
    expect(cluster.offers()).toBe('f1@a cpus:6');
  });

  it('taking quota away frees what it kept', () => {
    const cluster = new Cluster().framework('f1', 'ops').agent('a', 'cpus:10');
    cluster.allocator.setQuota('eng', quota('cpus:10'));
    expect(cluster.offers()).toBe('');
    expect(cluster.allocator.explain('f1', 'ops', 'a', 0)).toMatchObject({ kind: 'quota' });
    cluster.allocator.setQuota('eng', undefined);
    expect(cluster.offers()).toBe('f1@a cpus:10');
  });

  it('limits hold and guarantees are kept free in every random cluster', () => {
    const roles = ['a', 'a/x', 'b', 'c'];
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { minLength: 1, maxLength: 6 }),
        fc.array(fc.constantFrom(...roles), { minLength: 1, maxLength: 6 }),
        fc.nat(12),
        fc.nat(12),
        fc.nat(99),
        (sizes, frameworks, guarantee, limit, seed) => {
          const cluster = new Cluster();
          for (const [i, cpus] of sizes.entries()) cluster.agent(`s${i}`, `cpus:${cpus + 1}`);
          for (const [i, role] of frameworks.entries()) cluster.framework(`f${i}`, role);
          cluster.allocator.setQuota('b', quota(`cpus:${guarantee}`));
          // A limit of 0 is a limit, so it is not written as resources, which drop zeros.
          cluster.allocator.setQuota('a', { guarantees: new Map(), limits: new Map([['cpus', limit * 1000]]) });
          let n = seed;
          cluster.allocator.allocate({ agents: 'all', nowMs: 0, random: () => (n = (n * 7 + 3) % 101) / 101 });
          const total = sizes.reduce((sum, cpus) => sum + cpus + 1, 0) * 1000;
          const held = (top: string): number => cluster.allocator.consumed(top).get('cpus') ?? 0;
          expect(held('a')).toBeLessThanOrEqual(limit * 1000);
          const others = held('a') + held('c');
          const due = Math.min(guarantee * 1000, total);
          // Either the guarantee is met, or what it lacks is still free.
          expect(Math.max(held('b'), total - others)).toBeGreaterThanOrEqual(due);
        },
      ),
    );
  });
});

it('keeps agents of another region for frameworks that are aware of regions', () => {
  const domain = (region: string) => ({ fault_domain: { region: { name: region }, zone: { name: 'z' } } });
  const cluster = new Cluster({ domain: domain('here') }).framework('plain').framework('aware', '*', ['REGION_AWARE']);
  for (const region of ['here', 'there'])
    cluster.allocator.addAgent(region, { total: r('cpus:1'), hostname: region, attributes: [], domain: domain(region) }, new Map());
  cluster.agent('nowhere', 'cpus:1');
  expect(cluster.allocator.explain('plain', '*', 'there', cluster.nowMs)).toEqual({ kind: 'other_region' });
  expect(cluster.offers()).toMatch(/aware@there/);
  expect(cluster.allocator.explain('plain', '*', 'nowhere', cluster.nowMs)?.kind).not.toBe('other_region');
});

/** A random history; after each step every agent's free and held amounts must add up to its total. */
it('held and free never exceed what an agent has, and a batch leaves nobody out', () => {
  const step = fc.record({
    what: fc.constantFrom('framework', 'agent', 'allocate', 'batch', 'decline', 'use', 'free', 'drop', 'suppress', 'revive', 'wait'),
    n: fc.nat(1000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const cluster = new Cluster();
      const missed: string[] = [];
      const open: Grant[] = [];
      const used: Grant[] = [];
      const frameworks: string[] = [];
      const agents: string[] = [];
      const total = new Map<string, Resources>();
      for (const { what, n } of steps) {
        const take = (list: Grant[]): Grant | undefined => list.splice(n % Math.max(1, list.length), 1)[0];
        if (what === 'framework') {
          frameworks.push(`f${frameworks.length}`);
          cluster.framework(frameworks.at(-1) as string, ['*', 'a', 'a/b', 'c'][n % 4] as string);
        } else if (what === 'agent') {
          agents.push(`s${total.size}`);
          const text = `cpus:${1 + (n % 8)};mem(a):${n};ports:[1-${1 + n}]`;
          total.set(agents.at(-1) as string, r(text));
          cluster.agent(agents.at(-1) as string, text);
        } else if (what === 'allocate') open.push(...cluster.grants('touched'));
        else if (what === 'batch') {
          // At once or in slices of one agent: nobody may be left who could have been given something.
          const budget = n % 2 === 0 ? {} : { budget: 1 };
          open.push(...cluster.allocator.allocate({ agents: 'all', nowMs: cluster.nowMs, random: () => 0.5, ...budget }));
          while (cluster.allocator.isTouched)
            open.push(...cluster.allocator.allocate({ agents: 'touched', nowMs: cluster.nowMs, random: () => 0.5, ...budget }));
          for (const framework of frameworks) {
            for (const agent of agents) {
              for (const role of ['*', 'a', 'a/b', 'c'])
                if (cluster.allocator.explain(framework, role, agent, cluster.nowMs) === undefined)
                  missed.push(`${framework} ${role} ${agent}`);
            }
          }
        }
        if (what === 'decline') {
          const grant = take(open);
          if (grant !== undefined) cluster.decline(grant, n % 7);
        } else if (what === 'use') {
          const grant = take(open);
          if (grant === undefined) continue;
          const half = grant.resources.shrink(new Map([['cpus', Math.floor(grant.resources.milli('cpus') / 2)]])).nonRevocable;
          used.push({ ...grant, resources: half });
          cluster.decline({ ...grant, resources: grant.resources.minus(half) }, 5);
        } else if (what === 'free') {
          const grant = take(used);
          if (grant !== undefined) cluster.allocator.recover(grant.framework, grant.agent, grant.resources);
        } else if (what === 'drop' && agents.length > 0) {
          const [agent] = agents.splice(n % agents.length, 1);
          cluster.allocator.removeAgent(agent as string);
          for (const list of [open, used]) list.splice(0, list.length, ...list.filter((grant) => grant.agent !== agent));
        } else if (what === 'suppress' && frameworks.length > 0)
          cluster.allocator.suppress(frameworks[n % frameworks.length] as string, []);
        else if (what === 'revive' && frameworks.length > 0) cluster.allocator.revive(frameworks[n % frameworks.length] as string, []);
        else if (what === 'wait') cluster.nowMs += n * 10;

        expect(missed).toEqual([]);
        for (const agent of agents) {
          let sum = cluster.allocator.freeOn(agent);
          for (const held of cluster.allocator.heldOn(agent).values()) sum = sum.plus(held.unallocated);
          expect(sum.equals(total.get(agent) as Resources)).toBe(true);
          let known = Resources.empty;
          for (const grant of [...open, ...used]) if (grant.agent === agent) known = known.plus(grant.resources.unallocated);
          expect(known.plus(cluster.allocator.freeOn(agent)).equals(total.get(agent) as Resources)).toBe(true);
        }
      }
    }),
    { numRuns: 200 },
  );
});

it('the same history gives the same grants', () => {
  const play = (): string => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed / 2147483648;
    };
    const cluster = new Cluster();
    for (let i = 0; i < 20; i++) cluster.agent(`a${i}`, `cpus:${1 + (i % 3)}`);
    for (let i = 0; i < 5; i++) cluster.framework(`f${i}`, `r${i % 2}`);
    return cluster.allocator
      .allocate({ agents: 'all', nowMs: 0, random })
      .map((grant) => `${grant.framework}@${grant.agent}`)
      .join();
  };
  expect(play()).toBe(play());
});
