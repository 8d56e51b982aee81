/**
 * Bucket boundaries of native histograms. With schema n a bucket spans the factor b = 2^(2^−n); bucket k holds (b^(k−1), b^k]
 * (prometheus.io/docs/specs/native_histograms, "Schema").
 *
 * A value, being a double, is at most b^k exactly when it is at most the greatest double not above b^k. So the bounds within one power of two
 * are computed in integers, by repeated square roots with 64 guard bits, and rounded down: no rounding error can move an observation.
 */
import { bucketOf } from './buckets.ts';

/** Fixed point: 53 bits that a double keeps, and those that guard them. */
const ONE = 1n << 128n;
const CUT_BITS = 128n - 53n + 1n;

const boundsBySchema: Float64Array[] = [];

/** 2^schema bounds in [0.5, 1), ascending, 0.5 first; for schema > 0. */
export function fractionBounds(schema: number): Float64Array {
  return (boundsBySchema[schema] ??= Float64Array.from(powers(schema), (power) => Number(power >> CUT_BITS) / 2 ** 53));
}

/** 2^(i / 2^schema) for i from 0 to 2^schema − 1, each the root of one of the schema before or of twice that: errors halve on the way. */
function powers(schema: number): bigint[] {
  if (schema === 0) return [ONE];
  const squares = powers(schema - 1);
  return [...squares, ...squares.map((square) => 2n * square)].map((square) => squareRoot(square * ONE));
}

/** The greatest integer whose square is not above `value`, which is below 4·ONE² (Newton's method from above). */
function squareRoot(value: bigint): bigint {
  let guess = 2n * ONE;
  for (;;) {
    const better = (guess + value / guess) >> 1n;
    if (better >= guess) return guess;
    guess = better;
  }
}

/** The finest schema whose buckets grow by at most `factor`: 1.1 → 3, 2 → 0, 65536 → −4. */
export function schemaFor(factor: number): number {
  if (!(factor > 1)) throw new Error(`A native histogram's factor must be greater than 1, not ${factor}`);
  const floor = Math.floor(Math.log2(Math.log2(factor)));
  return Math.max(-4, Math.min(8, 0 - floor));
}

const words = new Uint32Array(2);
const float = new Float64Array(words.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** The bucket of a finite value > 0. */
export function bucketKey(value: number, schema: number): number {
  float[0] = value;
  let exponent = ((words[HIGH] as number) >>> 20) & 0x7ff;
  if (exponent === 0) {
    // Subnormal: shifted into the normal range, and the shift taken back.
    float[0] = value * 2 ** 54;
    exponent = (((words[HIGH] as number) >>> 20) & 0x7ff) - 54;
  }
  exponent -= 1022; // value = fraction · 2^exponent, fraction in [0.5, 1)
  words[HIGH] = ((words[HIGH] as number) & 0x800fffff) | 0x3fe00000;
  const fraction = float[0] as number;
  if (schema > 0) return bucketOf(fractionBounds(schema), fraction) + (exponent - 1) * 2 ** schema;
  // An exact power of two belongs to the bucket that it closes.
  const key = fraction === 0.5 ? exponent - 1 : exponent;
  const offset = 2 ** -schema - 1;
  return (key + offset) >> -schema;
}

/** The upper bound of bucket `key`; beyond the greatest double, that. */
export function upperBound(key: number, schema: number): number {
  if (schema <= 0) return Math.min(2 ** (key * 2 ** -schema), Number.MAX_VALUE);
  const perPower = 2 ** schema;
  const index = ((key % perPower) + perPower) % perPower;
  const exponent = Math.floor(key / perPower) + 1;
  const fraction = fractionBounds(schema)[index] as number;
  // 2^1024 is no double, though less than one times it may be.
  return Math.min(exponent > 1023 ? fraction * 2 * 2 ** (exponent - 1) : fraction * 2 ** exponent, Number.MAX_VALUE);
}
