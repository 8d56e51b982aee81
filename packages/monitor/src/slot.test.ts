import { describe, expect, it } from 'vitest';
import { followingSlot, nextSlot } from './slot.ts';

describe('nextSlot', () => {
  it.each([
    [100, 10, 3, 103],
    [103, 10, 3, 103],
    [104, 10, 3, 113],
    [109, 10, 0, 110],
    [110, 10, 0, 110],
  ])('after %i every %i at %i is %i', (now, interval, offset, slot) => {
    expect(nextSlot(now, interval, offset)).toBe(slot);
  });
});

describe('followingSlot', () => {
  it.each([
    ['in time', 100, 100, 110],
    ['early', 100, 99, 110],
    ['late', 100, 105, 110],
    ['very late', 100, 131, 140],
    ['a clock that was set back', 100, 51, 60],
    ['a clock that was set back by one interval', 100, 89, 90],
  ])('%s: done at %i + …', (_, slot, now, next) => {
    expect(followingSlot(slot, now, 10, 0)).toBe(next);
  });
});
