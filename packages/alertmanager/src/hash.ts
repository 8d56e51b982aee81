/**
 * The two hashes of a label set: FNV-1a 64 (fingerprint, on every received alert, hence on 32-bit halves) and xxHash64 (the
 * notification log's alert hash). Both over name, 0xFF, value, 0xFF in order of names.
 */
import { createHash } from 'node:crypto';
import type { Labels } from '@pronoia/model';

/** 16 lower-case hex digits: `{ok="1"}` → 8d4653b8b9db0024. */
export function fingerprintOf(labels: Labels): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  const mix = (byte: number): void => {
    low = (low ^ byte) >>> 0;
    // hash × (2^40 + 0x1b3) mod 2^64
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0;
    low = product >>> 0;
  };
  const { pairs } = labels;
  for (let i = 0; i < pairs.length; i++) {
    const text = pairs[i] as string;
    for (let j = 0; j < text.length; j++) {
      const code = text.charCodeAt(j);
      if (code < 0x80) {
        mix(code);
        continue;
      }
      // Not ASCII: the rest of this text goes the slow way.
      for (const byte of Buffer.from(text.slice(j))) mix(byte);
      break;
    }
    mix(0xff);
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

const mask = (1n << 64n) - 1n;
const p1 = 0x9e3779b185ebca87n;
const p2 = 0xc2b2ae3d27d4eb4fn;
const p3 = 0x165667b19e3779f9n;
const p4 = 0x85ebca77c2b2ae63n;
const p5 = 0x27d4eb2f165667c5n;

/** xxHash64 with seed 0 (xxhash_spec.md, "XXH64 algorithm description"). */
export function xxHash64(bytes: Buffer): bigint {
  const { length } = bytes;
  const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & mask;
  const round = (sum: bigint, lane: bigint): bigint => (rotate((sum + lane * p2) & mask, 31n) * p1) & mask;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    const sums: [bigint, bigint, bigint, bigint] = [(p1 + p2) & mask, p2, 0n, -p1 & mask];
    for (; at + 32 <= length; at += 32) {
      for (let i = 0; i < 4; i++) sums[i] = round(sums[i] as bigint, bytes.readBigUInt64LE(at + 8 * i));
    }
    hash = (rotate(sums[0], 1n) + rotate(sums[1], 7n) + rotate(sums[2], 12n) + rotate(sums[3], 18n)) & mask;
    for (const sum of sums) hash = ((hash ^ round(0n, sum)) * p1 + p4) & mask;
  } else hash = p5;
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

/** The notification log knows an alert by this. */
export function alertHash(labels: Labels): bigint {
  const parts: Buffer[] = [];
  const end = Buffer.of(0xff);
  for (const text of labels.pairs) parts.push(Buffer.from(text), end);
  return xxHash64(Buffer.concat(parts));
}

/** The id under which receivers know a group: lower-case hex SHA-256 of its key. */
export function eventId(groupKey: string): string {
  return createHash('sha256').update(groupKey).digest('hex');
}
