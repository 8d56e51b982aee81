import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankOf } from './ownership.ts';

const names = ['m0', 'm1', 'm2', 'm3', 'm4'];
const others = (self: string, all: readonly string[] = names): string[] => all.filter((name) => name !== self);
const ownerOf = (key: string, all: readonly string[]): string | undefined => all.find((name) => rankOf(key, name, others(name, all)) === 0);

describe('the sender of a group', () => {
  it('is one, and every member has a rank of its own', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(names.map((name) => rankOf(key, name, others(name))).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
      }),
    );
  });

  it('changes only for the groups of the member that goes, and to the next in rank', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...names), (key, gone) => {
        const before = ownerOf(key, names) as string;
        const left = others(gone);
        const second = names.find((name) => rankOf(key, name, others(name)) === 1);
        expect(ownerOf(key, left)).toBe(before === gone ? second : before);
      }),
    );
  });

  it('is each member about as often as any other', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 5000; i++) {
      const owner = ownerOf(`{}:{alertname="A${i}"}`, names) as string;
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
