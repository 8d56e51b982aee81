/**
 * The two hashes of a label set: FNV-1a 64 (fingerprint, on every received alert, hence on 32-bit halves) and xxHash64 (the
 * notification log's alert hash). Both over name, 0xFF, value, 0xFF in order of names.
 */
import { createHash } from 'node:crypto';
import type { Labels } from '@pronoia/model';

/** 16 lower-case hex digits: `{ok="1"}` → 8d4653b8b9db0024. Hot: flat, and only 32-bit integers. */
export function fingerprintOf(labels: Labels): string {
  let high = 0xcbf29ce4 | 0;
  let low = 0x84222325 | 0;
  const { pairs } = labels;
  for (let i = 0; i < pairs.length; i++) {
    const text = pairs[i] as string;
    let bytes: Buffer | undefined;
    let length = text.length;
    // The separator is the last round of each text.
    for (let j = 0; j <= length; j++) {
      let byte = j === length ? 0xff : bytes === undefined ? text.charCodeAt(j) : (bytes[j] as number);
      if (byte >= 0x80 && bytes === undefined && j < length) {
        // Not ASCII: from here on its UTF-8 bytes. What came before is the same in both.
        bytes = Buffer.from(text);
        length = bytes.length;
        byte = bytes[j] as number;
      }
      low ^= byte;
      // hash × (2^40 + 0x1b3) mod 2^64
      const lower = (low & 0xffff) * 0x1b3;
      const upper = (low >>> 16) * 0x1b3 + (lower >>> 16);
      high = (Math.imul(high, 0x1b3) + (upper >>> 16) + (low << 8)) | 0;
      low = (upper << 16) | (lower & 0xffff);
    }
  }
  // Flat at once: a concatenation would be flattened by the first map that keeps it.
  return String.fromCharCode(
    hexDigit(high, 28),
    hexDigit(high, 24),
    hexDigit(high, 20),
    hexDigit(high, 16),
    hexDigit(high, 12),
    hexDigit(high, 8),
    hexDigit(high, 4),
    hexDigit(high, 0),
    hexDigit(low, 28),
    hexDigit(low, 24),
    hexDigit(low, 20),
    hexDigit(low, 16),
    hexDigit(low, 12),
    hexDigit(low, 8),
    hexDigit(low, 4),
    hexDigit(low, 0),
  );
}

function hexDigit(word: number, shift: number): number {
  const digit = (word >>> shift) & 15;
  return digit + (digit < 10 ? 48 : 87);
}

// xxHash64 on pairs of 32-bit halves: with bigint it costs ten times as much, and every alert of a flush is hashed.

/** Result of the last 64-bit operation. */
let outHigh = 0;
let outLow = 0;

function multiply(high: number, low: number, byHigh: number, byLow: number): void {
  const a = low >>> 16;
  const b = low & 0xffff;
  const c = byLow >>> 16;
  const d = byLow & 0xffff;
  const bd = b * d;
  const middle = (bd >>> 16) + a * d;
  const middle2 = (middle & 0xffff) + b * c;
  outLow = ((middle2 << 16) | (bd & 0xffff)) >>> 0;
  const carry = a * c + Math.floor(middle / 0x1_0000) + Math.floor(middle2 / 0x1_0000);
  outHigh = (carry + Math.imul(high, byLow) + Math.imul(low, byHigh)) >>> 0;
}

function add(high: number, low: number, otherHigh: number, otherLow: number): void {
  const sum = low + otherLow;
  outLow = sum >>> 0;
  outHigh = (high + otherHigh + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
}

/** 0 < by < 32 */
function rotate(high: number, low: number, by: number): void {
  outHigh = ((high << by) | (low >>> (32 - by))) >>> 0;
  outLow = ((low << by) | (high >>> (32 - by))) >>> 0;
}

const p1High = 0x9e3779b1;
const p1Low = 0x85ebca87;
const p2High = 0xc2b2ae3d;
const p2Low = 0x27d4eb4f;
const p3High = 0x165667b1;
const p3Low = 0x9e3779f9;
const p4High = 0x85ebca77;
const p4Low = 0xc2b2ae63;
const p5High = 0x27d4eb2f;
const p5Low = 0x165667c5;

/** rotate(sum + lane × p2, 31) × p1 */
function round(sumHigh: number, sumLow: number, laneHigh: number, laneLow: number): void {
  multiply(laneHigh, laneLow, p2High, p2Low);
  add(sumHigh, sumLow, outHigh, outLow);
  rotate(outHigh, outLow, 31);
  multiply(outHigh, outLow, p1High, p1Low);
}

/** xxHash64 with seed 0 (xxhash_spec.md, "XXH64 algorithm description"). */
export function xxHash64(bytes: Buffer): bigint {
  const { length } = bytes;
  let at = 0;
  let high: number;
  let low: number;
  if (length >= 32) {
    add(p1High, p1Low, p2High, p2Low);
    const highs = [outHigh, p2High, 0, 0];
    const lows = [outLow, p2Low, 0, 0];
    // −p1
    lows[3] = (~p1Low + 1) >>> 0;
    highs[3] = ~p1High >>> 0;
    for (; at + 32 <= length; at += 32) {
      for (let i = 0; i < 4; i++) {
        round(highs[i] as number, lows[i] as number, bytes.readUInt32LE(at + 8 * i + 4), bytes.readUInt32LE(at + 8 * i));
        highs[i] = outHigh;
        lows[i] = outLow;
      }
    }
    high = 0;
    low = 0;
    [1, 7, 12, 18].forEach((by, i) => {
      rotate(highs[i] as number, lows[i] as number, by);
      add(high, low, outHigh, outLow);
      high = outHigh;
      low = outLow;
    });
    for (let i = 0; i < 4; i++) {
      round(0, 0, highs[i] as number, lows[i] as number);
      multiply((high ^ outHigh) >>> 0, (low ^ outLow) >>> 0, p1High, p1Low);
      add(outHigh, outLow, p4High, p4Low);
      high = outHigh;
      low = outLow;
    }
  } else {
    high = p5High;
    low = p5Low;
  }
  add(high, low, 0, length);
  high = outHigh;
  low = outLow;
  for (; at + 8 <= length; at += 8) {
    round(0, 0, bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at));
    rotate((high ^ outHigh) >>> 0, (low ^ outLow) >>> 0, 27);
    multiply(outHigh, outLow, p1High, p1Low);
    add(outHigh, outLow, p4High, p4Low);
    high = outHigh;
    low = outLow;
  }
  if (at + 4 <= length) {
    multiply(0, bytes.readUInt32LE(at), p1High, p1Low);
    rotate((high ^ outHigh) >>> 0, (low ^ outLow) >>> 0, 23);
    multiply(outHigh, outLow, p2High, p2Low);
    add(outHigh, outLow, p3High, p3Low);
    high = outHigh;
    low = outLow;
    at += 4;
  }
  for (; at < length; at++) {
    multiply(0, bytes[at] as number, p5High, p5Low);
    rotate((high ^ outHigh) >>> 0, (low ^ outLow) >>> 0, 11);
    multiply(outHigh, outLow, p1High, p1Low);
    high = outHigh;
    low = outLow;
  }
  // Avalanche: hash ^= hash >> 33; × p2; ^= >> 29; × p3; ^= >> 32
  low = (low ^ (high >>> 1)) >>> 0;
  multiply(high, low, p2High, p2Low);
  high = (outHigh ^ (outHigh >>> 29)) >>> 0;
  low = (outLow ^ ((outHigh << 3) | (outLow >>> 29))) >>> 0;
  multiply(high, low, p3High, p3Low);
  low = (outLow ^ outHigh) >>> 0;
  return (BigInt(outHigh) << 32n) | BigInt(low);
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
