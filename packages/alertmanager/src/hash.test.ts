import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertHash, eventId, fingerprintOf, xxHash64 } from './hash.ts';

describe('the fingerprint', () => {
  it.each([
    [{ ok: '1' }, '8d4653b8b9db0024'],
    [{}, 'cbf29ce484222325'],
  ])('of %j is %s', (labels, expected) => {
    expect(fingerprintOf(Labels.from(labels as Record<string, string>))).toBe(expected);
  });

  it('equals FNV-1a counted with bigints', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ minLength: 1, unit: 'grapheme' })), (record) => {
        const labels = Labels.from(record);
        let hash = 0xcbf29ce484222325n;
        for (const text of labels.pairs)
          for (const byte of [...Buffer.from(text), 0xff]) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & ((1n << 64n) - 1n);
        expect(fingerprintOf(labels)).toBe(hash.toString(16).padStart(16, '0'));
      }),
    );
  });
});

describe('xxHash64', () => {
  it.each([
    ['', 0xef46db3751d8e999n],
    ['abc', 0x44bc2cf5ad770999n],
    ['The quick brown fox jumps over the lazy dog', 0x0b242d361fda71bcn],
  ])('of %j', (text, expected) => {
    expect(xxHash64(Buffer.from(text))).toBe(expected);
  });

  it('equals the description, counted with bigints', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(xxHash64(Buffer.from(bytes))).toBe(slowXxHash64(Buffer.from(bytes)));
      }),
    );
    expect(alertHash(Labels.from({ a: 'b' }))).toBe(slowXxHash64(Buffer.from([0x61, 0xff, 0x62, 0xff])));
  });
});

it('an event id is the SHA-256 of the group key', () => {
  expect(eventId('{}:{}')).toBe('cc9772a1ec901d26ef71dae861793e4d08979fa5030a3f0a5f3ba549f1f2d0b6');
});

/** The oracle. */
function slowXxHash64(bytes: Buffer): bigint {
  const mask = (1n << 64n) - 1n;
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const satisfies readonly bigint[];
  const { length } = bytes;
  const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & mask;
  const round = (sum: bigint, lane: bigint): bigint => (rotate((sum + lane * p2) & mask, 31n) * p1) & mask;
  let at = 0;
  let hash: bigint = p5;
  if (length >= 32) {
    const sums = [(p1 + p2) & mask, p2, 0n, -p1 & mask];
    for (; at + 32 <= length; at += 32) for (let i = 0; i < 4; i++) sums[i] = round(sums[i] as bigint, bytes.readBigUInt64LE(at + 8 * i));
    hash = [1n, 7n, 12n, 18n].reduce((total, by, i) => (total + rotate(sums[i] as bigint, by)) & mask, 0n);
    for (const sum of sums) hash = ((hash ^ round(0n, sum)) * p1 + p4) & mask;
  }
  hash = (hash + BigInt(length)) & mask;
  for (; at + 8 <= length; at += 8) hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * p1 + p4) & mask;
  if (at + 4 <= length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * p1) & mask), 23n) * p2 + p3) & mask;
    at += 4;
  }
  for (; at < length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at] as number) * p5) & mask), 11n) * p1) & mask;
  hash = ((hash ^ (hash >> 33n)) * p2) & mask;
  hash = ((hash ^ (hash >> 29n)) * p3) & mask;
  return hash ^ (hash >> 32n);
}
