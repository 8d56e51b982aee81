import { describe, expect, it } from 'vitest';
import { FairShare } from './fair-share.ts';

const amount = (cpus: number, mem = 0): ReadonlyMap<string, number> =>
  new Map([
    ['cpus', cpus],
    ['mem', mem],
  ]);

/** `a:f1,f2 b:f3` */
const shown = (share: FairShare): string =>
  share
    .order()
    .map(({ role, frameworks }) => `${role}:${frameworks.join(',')}`)
    .join(' ');

function cluster(cpus: number, mem: number, ...clients: string[]): FairShare {
  const share = new FairShare();
  share.changeTotals(amount(cpus, mem), new Map());
  for (const client of clients) {
    const [role = '', framework = ''] = client.split(':');
    share.add(role, framework);
  }
  return share;
}

describe('fair share', () => {
  it('serves by name when nobody holds anything', () => {
    expect(shown(cluster(10, 10, 'b:f2', 'a:f3', 'a:f1'))).toBe('a:f1,f3 b:f2');
  });

  it('puts the least dominant share first', () => {
    // The DRF paper's example: A's task takes 1 cpu and 4 mem, B's takes 3 cpus and 1 mem, of 9 and 18.
    const share = cluster(9, 18, 'a:A', 'b:B');
    const taken: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { role } = share.order()[0] as { role: string };
      taken.push(role);
      share.give(role, role.toUpperCase(), role === 'a' ? amount(1, 4) : amount(3, 1));
    }
    expect(taken.filter((role) => role === 'a')).toHaveLength(3);
    expect(taken.filter((role) => role === 'b')).toHaveLength(2);
    expect(share.dominantShare('a')).toBeCloseTo(2 / 3);
    expect(share.dominantShare('b')).toBeCloseTo(2 / 3);
  });

  it('divides by weight', () => {
    const share = cluster(10, 10, 'a:f1', 'b:f2');
    share.setWeight('b', 2);
    share.give('a', 'f1', amount(2));
    share.give('b', 'f2', amount(3));
    expect(shown(share)).toBe('b:f2 a:f1');
    share.give('b', 'f2', amount(2));
    expect(shown(share)).toBe('a:f1 b:f2');
  });

  it('breaks ties by how often something was given, then by name', () => {
    const share = cluster(10, 10, 'a:f1', 'b:f2');
    share.give('a', 'f1', amount(0));
    expect(shown(share)).toBe('b:f2 a:f1');
    share.take('a', 'f1', amount(0));
    expect(shown(share)).toBe('a:f1 b:f2');
  });

  it('compares siblings level by level, a role’s own frameworks beside its children', () => {
    const share = cluster(10, 10, 'eng:boss', 'eng/web:w', 'eng/db:d', 'ops:o');
    share.give('eng/web', 'w', amount(1));
    share.give('ops', 'o', amount(2));
    expect(shown(share)).toBe('eng:boss eng/db:d eng/web:w ops:o');
    share.give('eng', 'boss', amount(2));
    expect(shown(share)).toBe('ops:o eng/db:d eng/web:w eng:boss');
  });

  it('follows a cluster that grows, also while things are given', () => {
    const share = cluster(10, 1000, 'a:f1', 'b:f2');
    share.give('a', 'f1', amount(1));
    share.give('b', 'f2', amount(0, 50));
    expect(shown(share)).toBe('b:f2 a:f1');
    share.changeTotals(amount(90), new Map());
    share.give('b', 'f2', amount(0, 10));
    expect(shown(share)).toBe('a:f1 b:f2');
  });

  it('forgets who leaves', () => {
    const share = cluster(10, 10, 'a/x:f1', 'b:f2');
    share.give('a/x', 'f1', amount(1));
    expect(() => share.remove('a/x', 'f1')).toThrow(/BUG/);
    share.take('a/x', 'f1', amount(1));
    share.remove('a/x', 'f1');
    expect(shown(share)).toBe('b:f2');
    share.add('a/x', 'f3');
    expect(shown(share)).toBe('a/x:f3 b:f2');
  });

  it('leaves excluded names out of the share', () => {
    const share = new FairShare(new Set(['mem']));
    share.changeTotals(amount(10, 10), new Map());
    share.add('a', 'f1');
    share.give('a', 'f1', amount(1, 9));
    expect(share.dominantShare('a')).toBeCloseTo(0.1);
  });
});

it('a random sorter draws roles by weight and frameworks evenly, and the rest in the order of its draw', () => {
  let state = 5;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state + 1) / 0x8000_0001;
  };
  const tree = new FairShare(new Set(), { roles: 'random', frameworks: 'random' });
  tree.setWeight('a', 3);
  for (const [role, framework] of [
    ['a', 'x'],
    ['a', 'y'],
    ['b', 'z'],
  ] as const)
    tree.add(role, framework);
  const firstRoles = { a: 0, b: 0 };
  const firstOfA = { x: 0, y: 0 };
  for (let i = 0; i < 4000; i++) {
    const order = tree.order(random);
    expect(order.map(({ role, frameworks }) => `${role}: ${[...frameworks].sort().join()}`).sort()).toEqual(['a: x,y', 'b: z']);
    firstRoles[order[0]?.role as 'a' | 'b']++;
    firstOfA[order.find(({ role }) => role === 'a')?.frameworks[0] as 'x' | 'y']++;
  }
  // 3 to 1, and 1 to 1; seven standard deviations are 190 and 220.
  expect(Math.abs(firstRoles.a - 3000)).toBeLessThan(190);
  expect(Math.abs(firstOfA.x - 2000)).toBeLessThan(220);
});
