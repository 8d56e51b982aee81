/**
 * A number in [0, 1) from a label set, the same everywhere and for ever: xxhash64 of the original's byte string of the labels
 * (promql.md §6.2). `limit_ratio` takes the series below the ratio.
 */
import type { Labels } from '@pronoia/model';

export function ratioOffset(labels: Labels): number {
  return Number(xxhash64(encodeLabels(labels))) / 2 ** 64;
}

function encodeLabels(labels: Labels): Uint8Array {
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (const text of labels.pairs) {
    const encoded = encoder.encode(text);
    const { length } = encoded;
    if (length < 255) bytes.push(length);
    else bytes.push(255, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff);
    bytes.push(...encoded);
  }
  return Uint8Array.from(bytes);
}

const mask = 0xffff_ffff_ffff_ffffn;
const p1 = 11400714785074694791n;
const p2 = 14029467366897019727n;
const p3 = 1609587929392839161n;
const p4 = 9650029242287828579n;
const p5 = 2870177450012600261n;

const rotate = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & mask;
const round = (acc: bigint, lane: bigint): bigint => (rotate((acc + lane * p2) & mask, 31n) * p1) & mask;
const mergeRound = (hash: bigint, acc: bigint): bigint => ((hash ^ round(0n, acc)) * p1 + p4) & mask;

/** xxHash, XXH64 with seed 0 (xxHash specification §XXH64). */
export function xxhash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    const acc = [(p1 + p2) & mask, p2, 0n, -p1 & mask] as [bigint, bigint, bigint, bigint];
    for (; at + 32 <= length; at += 32) {
      for (let i = 0; i < 4; i++) acc[i] = round(acc[i] as bigint, view.getBigUint64(at + i * 8, true));
    }
    hash = (rotate(acc[0], 1n) + rotate(acc[1], 7n) + rotate(acc[2], 12n) + rotate(acc[3], 18n)) & mask;
    for (const part of acc) hash = mergeRound(hash, part);
  } else hash = p5;
  hash = (hash + BigInt(length)) & mask;
  for (; at + 8 <= length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4) & mask;
  }
  if (at + 4 <= length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * p1) & mask), 23n) * p2 + p3) & mask;
    at += 4;
  }
  for (; at < length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at] as number) * p5) & mask), 11n) * p1) & mask;
  hash = ((hash ^ (hash >> 33n)) * p2) & mask;
  hash = ((hash ^ (hash >> 29n)) * p3) & mask;
  return hash ^ (hash >> 32n);
}
