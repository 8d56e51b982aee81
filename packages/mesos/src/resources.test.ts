import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from './messages.ts';
import { withBothSpellings, withReservationStack, withRole } from './reservation.ts';
import { parseAttributes, parseResources, resourceFault } from './resource-text.ts';
import { Resources } from './resources.ts';

const r = (text: string): Resources => Resources.of(parseResources(text));

describe('resource arithmetic', () => {
  const sums: readonly [a: string, b: string, sum: string][] = [
    ['cpus:1', 'cpus:2', 'cpus:3'],
    ['cpus:0.1', 'cpus:0.2', 'cpus:0.3'],
    ['cpus:1', 'mem:2', 'cpus:1; mem:2'],
    ['cpus:1', 'cpus(eng):2', 'cpus:1; cpus(eng):2'],
    ['ports:[1-2]', 'ports:[3-4,8-9]', 'ports:[1-4, 8-9]'],
    ['x:{a,b}', 'x:{b,c}', 'x:{a, b, c}'],
    ['cpus:0', 'cpus:0.0004', ''],
  ];
  it.each(sums)('%s + %s = %s', (a, b, sum) => {
    expect(r(a).plus(r(b)).toString()).toBe(sum);
  });

  const differences: readonly [a: string, b: string, difference: string][] = [
    ['cpus:3', 'cpus:2', 'cpus:1'],
    ['cpus:0.3', 'cpus:0.1', 'cpus:0.2'],
    ['cpus:3', 'cpus:3', ''],
    ['cpus:3', 'cpus:4', ''],
    ['cpus:3', 'cpus(eng):1', 'cpus:3'],
    ['ports:[1-10]', 'ports:[3-4,6-6]', 'ports:[1-2, 5-5, 7-10]'],
    ['ports:[1-10]', 'ports:[1-10]', ''],
    ['x:{a,b}', 'x:{b,c}', 'x:{a}'],
  ];
  it.each(differences)('%s − %s = %s', (a, b, difference) => {
    expect(r(a).minus(r(b)).toString()).toBe(difference);
  });

  const containments: readonly [a: string, b: string, contained: boolean][] = [
    ['cpus:1', '', true],
    ['', 'cpus:1', false],
    ['cpus:1;mem:5', 'cpus:1', true],
    ['cpus:1', 'cpus:1.001', false],
    ['cpus:1', 'cpus:1.0004', true],
    ['cpus(a):1', 'cpus:1', false],
    ['ports:[1-5]', 'ports:[2-3,5-5]', true],
    ['ports:[1-2,4-5]', 'ports:[2-4]', false],
    ['x:{a}', 'x:{a,b}', false],
  ];
  it.each(containments)('%s contains %s: %s', (a, b, contained) => {
    expect(r(a).contains(r(b))).toBe(contained);
  });

  it('joins one-port ranges in any order', () => {
    expect(r('ports:[5-5,3-3,4-4]').toString()).toBe('ports:[3-5]');
  });

  const volume = (id: string, mb: number, isShared = false): Resource => ({
    name: 'disk',
    type: 'SCALAR',
    scalar: { value: mb },
    reservations: [{ type: 'DYNAMIC', role: 'eng' }],
    disk: { persistence: { id }, volume: { container_path: 'data', mode: 'RW' } },
    ...(isShared ? { shared: {} } : {}),
  });

  it('takes a persistent volume whole or not at all', () => {
    const disk = Resources.of([volume('v', 10)]);
    expect(disk.contains(Resources.of([volume('v', 5)]))).toBe(false);
    expect(disk.contains(Resources.of([volume('v', 10)]))).toBe(true);
    expect(disk.contains(Resources.of([volume('w', 10)]))).toBe(false);
    expect(disk.minus(Resources.of([volume('v', 10)])).isEmpty).toBe(true);
    expect(disk.shrink(new Map([['disk', 9999]])).isEmpty).toBe(true);
    expect(disk.shrink(new Map([['disk', 10000]])).scalar('disk')).toBe(10);
  });

  it('counts the users of a shared volume', () => {
    const one = Resources.of([volume('v', 10, true)]);
    const two = one.plus(one);
    expect(two.toArray()).toHaveLength(2);
    expect(two.scalar('disk')).toBe(10);
    expect(two.minus(one).equals(one)).toBe(true);
    expect(one.minus(one).isEmpty).toBe(true);
  });

  it('adds and subtracts like numbers', () => {
    const amount = fc.record({
      cpus: fc.integer({ min: 0, max: 9000 }),
      mem: fc.integer({ min: 0, max: 9000 }),
      from: fc.nat(50),
      size: fc.nat(50),
    });
    const build = ({ cpus, mem, from, size }: { cpus: number; mem: number; from: number; size: number }): Resources =>
      r(`cpus:${cpus / 1000};mem(eng):${mem / 1000};ports:[${from}-${from + size}]`);
    fc.assert(
      fc.property(amount, amount, (x, y) => {
        const [a, b] = [build(x), build(y)];
        const sum = a.plus(b);
        expect(sum.equals(b.plus(a))).toBe(true);
        expect(sum.contains(a)).toBe(true);
        expect(sum.milli('cpus')).toBe(x.cpus + y.cpus);
        const back = sum.minus(b);
        expect(back.milli('cpus')).toBe(x.cpus);
        expect(back.milli('mem')).toBe(x.mem);
        for (let port = 0; port <= 100; port++) {
          const has = (ranges: Resources): boolean => ranges.ranges('ports').some((range) => range.begin <= port && port <= range.end);
          expect(has(back)).toBe((has(a) || has(b)) && !has(b));
        }
      }),
    );
  });

  it('shrinks scalars to a limit and leaves the rest', () => {
    expect(
      r('cpus:4;cpus(eng):2;mem:10;ports:[1-2]')
        .shrink(new Map([['cpus', 5000]]))
        .toString(),
    ).toBe('cpus:4; cpus(eng):1; mem:10; ports:[1-2]');
    expect(r('cpus:4').shrink(new Map([['cpus', 0]])).isEmpty).toBe(true);
  });

  it('says who may be given what', () => {
    const all = r('cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ops):8');
    expect(all.allocatableTo('eng').scalar('cpus')).toBe(3);
    expect(all.allocatableTo('eng/web').scalar('cpus')).toBe(7);
    expect(all.allocatableTo('*').scalar('cpus')).toBe(1);
    expect(all.unreserved.scalar('cpus')).toBe(1);
    expect(all.reservedTo('eng').scalar('cpus')).toBe(2);
  });

  it('marks what is allocated, and unmarks it', () => {
    const marked = r('cpus:1;mem:2').allocatedTo('eng');
    expect(marked.contains(r('cpus:1'))).toBe(false);
    expect([...marked.byAllocationRole().keys()]).toEqual(['eng']);
    expect(marked.unallocated.equals(r('cpus:1;mem:2'))).toBe(true);
    expect(marked.allocatedByDefaultTo('ops').equals(marked)).toBe(true);
  });

  it('finds wanted amounts among reserved things first', () => {
    const all = r('cpus:1;cpus(eng):2;ports:[1-10]');
    expect(all.find(r('cpus:2.5;ports:[3-3]'))?.toString()).toBe('cpus(eng):2; cpus:0.5; ports:[3-3]');
    expect(all.find(r('cpus:4'))).toBeUndefined();
    expect(all.find(r('ports:[10-11]'))).toBeUndefined();
  });
});

describe('spellings of a reservation', () => {
  const cpus = { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } } as const;
  it('reads the older one', () => {
    expect(withReservationStack({ ...cpus, role: '*' })).toEqual(cpus);
    expect(withReservationStack({ ...cpus, role: 'eng' }).reservations).toEqual([{ type: 'STATIC', role: 'eng' }]);
    expect(withReservationStack({ ...cpus, role: 'eng', reservation: { principal: 'p' } }).reservations).toEqual([
      { type: 'DYNAMIC', role: 'eng', principal: 'p' },
    ]);
  });
  it('writes the older one, unless the reservation is refined', () => {
    expect(withRole(cpus)).toEqual({ ...cpus, role: '*' });
    expect(withRole({ ...cpus, reservations: [{ type: 'STATIC', role: 'eng' }] })).toEqual({ ...cpus, role: 'eng' });
    expect(withRole({ ...cpus, reservations: [{ type: 'DYNAMIC', role: 'eng', principal: 'p' }] })).toEqual({
      ...cpus,
      role: 'eng',
      reservation: { principal: 'p' },
    });
    const refined: Resource = {
      ...cpus,
      reservations: [
        { type: 'STATIC', role: 'eng' },
        { type: 'DYNAMIC', role: 'eng/web' },
      ],
    };
    expect(withRole(refined)).toBeUndefined();
    expect(withBothSpellings(refined)).toEqual(refined);
    expect(withBothSpellings({ ...cpus, role: 'eng' })).toMatchObject({ role: 'eng', reservations: [{ role: 'eng' }] });
  });
});

describe('resource text', () => {
  it('reads the original documentation’s example', () => {
    expect(r('cpus:24;gpus:2;mem:24576;disk:409600;ports:[21000-24000,30000-34000];bugs(debug_role):{a,b,c}').toString()).toBe(
      'cpus:24; gpus:2; mem:24576; disk:409600; ports:[21000-24000, 30000-34000]; bugs(debug_role):{a, b, c}',
    );
  });
  it('reads JSON', () => {
    expect(r('[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"eng"}]').toString()).toBe('cpus(eng):2');
  });
  it('gives a default role to what has none', () => {
    expect(Resources.of(parseResources('cpus:1;mem(ops):2', 'eng')).toString()).toBe('cpus(eng):1; mem(ops):2');
  });
  const refused: readonly [text: string, message: RegExp][] = [
    ['cpus', /expected 'name:value'/],
    ['cpus:abc', /expected a number/],
    ['cpus:-1', /negative/],
    ['gpus:0.5', /unsigned integer/],
    ['ports:[5-1]', /expected a range/],
    ['ports:[1-2', /must end with '\]'/],
    ['cpus(-eng):1', /starts with a dash/],
    ['[{"name":"cpus"}]', /type: is required/],
    ['[{"name":"cpus","type":"SCALAR"}]', /a value of type SCALAR is needed/],
  ];
  it.each(refused)('refuses %s', (text, message) => {
    expect(() => parseResources(text)).toThrow(message);
  });
  it('reads attributes', () => {
    expect(parseAttributes('rack:abc;zone:west;level:10;keys:[1000-1500]')).toEqual([
      { name: 'rack', type: 'TEXT', text: { value: 'abc' } },
      { name: 'zone', type: 'TEXT', text: { value: 'west' } },
      { name: 'level', type: 'SCALAR', scalar: { value: 10 } },
      { name: 'keys', type: 'RANGES', ranges: { range: [{ begin: 1000, end: 1500 }] } },
    ]);
    expect(() => parseAttributes('x:{a}')).toThrow(/cannot be a set/);
  });

  const cpus = { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } } as const;
  const faults: readonly [resource: Resource, fault: RegExp][] = [
    [cpus, /^none$/],
    [{ ...cpus, scalar: { value: Number.NaN } }, /not finite/],
    [{ ...cpus, name: '' }, /empty name/],
    [{ ...cpus, role: '*', reservation: {} }, /cannot be dynamically reserved/],
    [{ ...cpus, reservations: [{ type: 'DYNAMIC', role: 'eng' }], role: 'ops' }, /contradicts/],
    [
      {
        ...cpus,
        reservations: [
          { type: 'DYNAMIC', role: 'eng' },
          { type: 'DYNAMIC', role: 'ops' },
        ],
      },
      /does not refine/,
    ],
    [
      {
        ...cpus,
        reservations: [
          { type: 'STATIC', role: 'eng' },
          { type: 'STATIC', role: 'eng/a' },
        ],
      },
      /only the first/,
    ],
    [{ ...cpus, shared: {} }, /only persistent volumes/],
    [{ ...cpus, revocable: {}, reservations: [{ type: 'DYNAMIC', role: 'eng' }] }, /cannot be revocable/],
    [{ ...cpus, disk: {} }, /DiskInfo is set on 'cpus'/],
    [{ ...cpus, name: 'disk', disk: { persistence: { id: 'v' }, volume: { container_path: 'd', mode: 'RW' } } }, /needs a reserved disk/],
  ];
  it.each(faults)('checks %j', (resource, fault) => {
    expect(resourceFault(resource) ?? 'none').toMatch(fault);
  });
});
