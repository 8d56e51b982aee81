import { describe, expect, it } from 'vitest';
import { nextSlot } from './slot.ts';

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
