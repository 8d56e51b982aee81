/**
 * Points as the API's JSON, `[1700000000.137,"0.1"],…`, written into bytes: by a kernel where there is one (kernel/number-text.ts),
 * else by its twin below, which is also what tests hold it against. Hot: see bench `query-json`.
 */
import { formatFloat } from '@pronoia/model';
import { type KernelMemory, loadKernel } from '@pronoia/model/kernel';

/** Unix seconds, with three decimals where there are milliseconds. */
export function formatTime(tMs: number): string {
  const size = Math.abs(tMs);
  const ms = size % 1000;
  const seconds = (size - ms) / 1000;
  return `${tMs < 0 ? '-' : ''}${seconds}${ms === 0 ? '' : `.${String(ms).padStart(3, '0')}`}`;
}

/** Bytes that one point may take, with the comma before it. */
export const maxPointBytes = 64;

/** Where JSON is written: a window of `capacity` bytes that is emptied when it is full. */
export interface PointWriter {
  /** The window; the same until the writer is let go. */
  readonly bytes: Buffer;
  /**
   * Writes points `from` ≤ i < `to` at `at`, with commas between them and, if `follows`, before the first. @returns where they end. The
   * caller sees to it that there is room: `maxPointBytes` each.
   */
  write(at: number, times: Float64Array, values: Float64Array, from: number, to: number, follows: boolean): number;
}

/** In plain TypeScript. */
export class PlainPointWriter implements PointWriter {
  readonly bytes: Buffer;
  /** Series of one query share their steps: each step's text is made once. */
  readonly #timeTexts = new Map<number, string>();

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  write(at: number, times: Float64Array, values: Float64Array, from: number, to: number, follows: boolean): number {
    let text = '';
    for (let i = from; i < to; i++) {
      const tMs = times[i] as number;
      let time = this.#timeTexts.get(tMs);
      if (time === undefined) {
        if (this.#timeTexts.size > 20_000) this.#timeTexts.clear();
        time = formatTime(tMs);
        this.#timeTexts.set(tMs, time);
      }
      text += `${i > from || follows ? ',[' : '['}${time},"${formatFloat(values[i] as number)}"]`;
    }
    return at + this.bytes.write(text, at, 'latin1');
  }
}

interface NumberTextKernel {
  readonly memory: KernelMemory;
  freeFrom(): number;
  place(powers: number, pairs: number, slots: number): void;
  writePoints(times: number, values: number, count: number, out: number, follows: number): number;
}

/** Points that one call of the kernel takes. */
const maxCallPoints = 4096;
const slotBytes = 8192 * 32;

class KernelPointWriter implements PointWriter {
  readonly bytes: Buffer;
  readonly #kernel: NumberTextKernel;
  readonly #times: Float64Array;
  readonly #values: Float64Array;

  constructor(kernel: NumberTextKernel, capacity: number) {
    const powers = kernel.freeFrom();
    const pairs = powers + powerCount * 16;
    const slots = (pairs + 200 + 63) & ~63;
    const times = slots + slotBytes;
    const values = times + maxCallPoints * 8;
    const out = values + maxCallPoints * 8;
    // The kernel writes a few bytes more than it returns.
    const missing = out + capacity + 64 - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65_536));
    const { buffer } = kernel.memory;
    new BigUint64Array(buffer, powers, powerCount * 2).set(powersOfTen());
    for (let i = 0; i < 100; i++) Buffer.from(buffer, pairs + 2 * i, 2).write(String(i).padStart(2, '0'), 'latin1');
    kernel.place(powers, pairs, slots);
    this.#kernel = kernel;
    this.#times = new Float64Array(buffer, times, maxCallPoints);
    this.#values = new Float64Array(buffer, values, maxCallPoints);
    this.bytes = Buffer.from(buffer, out, capacity);
  }

  write(at: number, times: Float64Array, values: Float64Array, from: number, to: number, follows: boolean): number {
    const out = this.bytes.byteOffset;
    let end = out + at;
    for (let i = from; i < to; i += maxCallPoints) {
      const count = Math.min(maxCallPoints, to - i);
      if (count === 1) {
        this.#times[0] = times[i] as number;
        this.#values[0] = values[i] as number;
      } else {
        this.#times.set(times.subarray(i, i + count));
        this.#values.set(values.subarray(i, i + count));
      }
      end = this.#kernel.writePoints(this.#times.byteOffset, this.#values.byteOffset, count, end, i > from || follows ? 1 : 0);
    }
    return end - out;
  }
}

const smallestPower = -292;
const powerCount = 617;

/** The first 128 bits of 10^-292 … 10^324, rounded up where that is not all of them; the high half first. */
function powersOfTen(): BigUint64Array {
  const words = new BigUint64Array(powerCount * 2);
  for (let i = 0; i < powerCount; i++) {
    const exponent = smallestPower + i;
    const bits = exponent < 0 ? inverseBits(10n ** BigInt(-exponent)) : leadingBits(10n ** BigInt(exponent));
    words[2 * i] = bits >> 64n;
    words[2 * i + 1] = bits & 0xffff_ffff_ffff_ffffn;
  }
  return words;
}

function leadingBits(power: bigint): bigint {
  const surplus = power.toString(2).length - 128;
  if (surplus <= 0) return power << BigInt(-surplus);
  return divideUp(power, 1n << BigInt(surplus));
}

function inverseBits(power: bigint): bigint {
  return divideUp(1n << BigInt(power.toString(2).length + 127), power);
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

/** A writer of its own: what is in its window stays until its owner writes again. */
export function createPointWriter(capacity: number): PointWriter {
  const kernel = loadKernel<NumberTextKernel>(new URL('../../kernel/kernel.wasm', import.meta.url));
  return kernel === undefined ? new PlainPointWriter(capacity) : new KernelPointWriter(kernel, capacity);
}
