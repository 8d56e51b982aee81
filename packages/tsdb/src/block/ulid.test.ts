import { expect, it } from 'vitest';
import { createUlid, isUlid, ulidTimeMs } from './ulid.ts';

it.each([0, 1, 31, 32, 1_700_000_000_123, 2 ** 48 - 1])('the name of a block made at %d tells its time', (tMs) => {
  const ulid = createUlid(tMs, () => 0.999);
  expect(isUlid(ulid)).toBe(true);
  expect(ulidTimeMs(ulid)).toBe(tMs);
});

it('names sort by age', () => {
  const times = [0, 5, 31, 32, 1000, 1_700_000_000_000, 1_700_000_000_001];
  const names = times.map((tMs) => createUlid(tMs, Math.random));
  expect([...names].sort()).toEqual(names);
});
