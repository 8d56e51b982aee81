/**
 * XOR chunks, second version (tsdb-format.md §5.4): control bits for time and value together, stale markers in two or five bits,
 * start timestamps. Newer versions of the original may write them; we only read.
 */
import type { SampleBatch } from '@pronoia/model';
import { damaged } from '../errors.ts';
import { highWord, staleHigh, staleLow } from '../sample-columns.ts';
import { BitReader } from './bit-stream.ts';
import { StartTimes } from './start-times.ts';

export const xor2Encoding = 4;
const headerBytes = 3;
const two32 = 2 ** 32;

export function decodeXor2(bytes: Uint8Array, samples: number, into: SampleBatch, at: number): void {
  if (bytes.length < headerBytes) throw damaged('an XOR2 chunk without a header');
  const from = new BitReader(bytes, headerBytes);
  const starts = new StartTimes(bytes[2] as number);
  const values = new ValueChain(from);
  const words = new Uint32Array(into.values.buffer, into.values.byteOffset, into.values.length * 2);
  if (starts.isUsed) into.hasStartTimes = true;
  let tMs = 0;
  let deltaMs = 0;
  for (let i = 0; i < samples; i++) {
    const previousMs = tMs;
    let isStale = false;
    if (i === 0) {
      tMs = from.varint();
      isStale = values.first();
    } else if (i === 1) {
      deltaMs = from.uvarint();
      tMs += deltaMs;
      isStale = values.fieldA();
    } else {
      const ones = countOnes(from, 5);
      if (ones === 2) deltaMs += signed(from.bits(13), 13);
      else if (ones === 3) deltaMs += signed(from.bits(20), 20);
      else if (ones === 4) deltaMs += (from.bits(32) | 0) * two32 + from.bits(32);
      tMs += deltaMs;
      if (ones === 1) values.fieldB();
      else if (ones === 5) isStale = true;
      else if (ones > 1) isStale = values.fieldA();
    }
    const out = at + i;
    into.times[out] = tMs;
    into.stale[out] = isStale ? 1 : 0;
    words[2 * out + highWord] = isStale ? staleHigh : values.high;
    words[2 * out + 1 - highWord] = isStale ? staleLow : values.low;
    into.startTimes[out] = starts.next(from, i, tMs, previousMs);
  }
}

/** Ones before the first zero, at most `limit` of them (then there is no zero). */
function countOnes(from: BitReader, limit: number): number {
  let ones = 0;
  while (ones < limit && from.bits(1) === 1) ones++;
  return ones;
}

/** Plain two's complement, unlike the first version. */
function signed(raw: number, width: number): number {
  return raw >= 2 ** (width - 1) ? raw - 2 ** width : raw;
}

/** The values; a stale marker leaves them as they are. */
class ValueChain {
  readonly #from: BitReader;
  high = 0;
  low = 0;
  #leading = 0;
  #trailing = 0;

  constructor(from: BitReader) {
    this.#from = from;
  }

  /** The methods return whether the sample is a stale marker. */
  first(): boolean {
    const high = this.#from.bits(32);
    const low = this.#from.bits(32);
    if (high === staleHigh && low === staleLow) return true;
    this.high = high;
    this.low = low;
    return false;
  }

  fieldA(): boolean {
    const ones = countOnes(this.#from, 3);
    if (ones === 1) this.#reuse();
    else if (ones === 2) this.#window();
    return ones === 3;
  }

  fieldB(): void {
    if (this.#from.bits(1) === 0) this.#reuse();
    else this.#window();
  }

  #window(): void {
    this.#leading = this.#from.bits(5);
    this.#trailing = 64 - this.#leading - (this.#from.bits(6) || 64);
    if (this.#trailing < 0) throw damaged('a window of more than 64 bits in a chunk');
    this.#reuse();
  }

  #reuse(): void {
    if (this.#trailing >= 32) {
      this.high = (this.high ^ (this.#from.bits(64 - this.#leading - this.#trailing) << (this.#trailing - 32))) >>> 0;
      return;
    }
    this.high = (this.high ^ this.#from.bits(32 - this.#leading)) >>> 0;
    this.low = (this.low ^ (this.#from.bits(32 - this.#trailing) << this.#trailing)) >>> 0;
  }
}
