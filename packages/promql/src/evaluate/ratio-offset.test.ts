import { Labels } from '@pronoia/model';
import { expect, test } from 'vitest';
import { ratioOffset, xxhash64 } from './ratio-offset.ts';

test.each([
  ['', 0xef46db3751d8e999n],
  ['a', 0xd24ec4f1a98c6e5bn],
  ['abc', 0x44bc2cf5ad770999n],
  ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
])('the hash of %j is that of the specification', (text, hash) => {
  expect(xxhash64(new TextEncoder().encode(text))).toBe(hash);
});

test('offsets are in [0, 1) and spread evenly', () => {
  const offsets = Array.from({ length: 1000 }, (_, i) => ratioOffset(Labels.from({ __name__: 'up', i: String(i), long: 'x'.repeat(300) })));
  expect(offsets.every((offset) => offset >= 0 && offset < 1)).toBe(true);
  expect(Math.abs(offsets.filter((offset) => offset < 0.5).length - 500)).toBeLessThan(80);
});
