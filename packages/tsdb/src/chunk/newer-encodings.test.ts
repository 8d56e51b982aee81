/**
 * Chunks that only newer versions of the original write, put together bit by bit from the tables of the format: there is no
 * program here that could make them.
 */
import { SampleBatch } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { BitWriter } from './bit-stream.ts';
import { decodeChunk, sampleCount } from './decode.ts';

/** Text of 0 and 1, blanks ignored, to bytes. */
function bits(...parts: string[]): Uint8Array {
  const out = new BitWriter();
  for (const digit of parts.join('').replaceAll(' ', '')) out.bits(Number(digit), 1);
  return out.view().slice();
}

function binary(value: number | bigint, width: number): string {
  return BigInt.asUintN(width, BigInt(value)).toString(2).padStart(width, '0');
}

function float(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return binary(view.getBigUint64(0), 64);
}

/** The varint of a small non-negative number below 64: one byte. */
function varint(value: number): string {
  return binary(value * 2, 8);
}

function read(encoding: number, bytes: Uint8Array): string[] {
  const count = sampleCount(encoding, bytes);
  const batch = new SampleBatch(count);
  decodeChunk(encoding, bytes, batch, 0);
  return Array.from({ length: count }, (_, i) => {
    const histogram = batch.hasHistograms ? batch.histograms[i] : undefined;
    const value =
      batch.stale[i] === 1
        ? 'stale'
        : histogram === undefined
          ? batch.values[i]
          : `${histogram.counterResetHint} ${histogram.count} ${histogram.sum}`;
    return `${batch.times[i]} ${value}${batch.hasStartTimes ? ` from ${batch.startTimes[i]}` : ''}`;
  });
}

// 1 and 2 differ in the bits 1 to 11: one leading zero, eleven significant bits, all ones.
const newWindowOneToTwo = `00001 001011 ${'1'.repeat(11)}`;

describe('an XOR2 chunk', () => {
  it('has every control', () => {
    const chunk = bits(
      binary(9, 16),
      '00000000',
      varint(10),
      float(1), // 10: 1
      '00000101',
      '0', // +5: unchanged
      '0', // +5: unchanged
      `10 1 ${newWindowOneToTwo}`, // +5: 2, new window
      `10 0 ${'1'.repeat(11)}`, // +5: 1, window used again
      `110 ${binary(-1, 13)} 111`, // +4: stale
      `1110 ${binary(4096, 20)} 0`, // +4100: 1 again, the marker changed nothing
      `11110 ${binary(2n ** 33n, 64)} 10 ${'1'.repeat(11)}`, // 2
      '11111', // stale, same step
    );
    const step = 4100 + 2 ** 33;
    expect(read(4, chunk)).toEqual([
      '10 1',
      '15 1',
      '20 1',
      '25 2',
      '30 1',
      '34 stale',
      '4134 1',
      `${4134 + step} 2`,
      `${4134 + 2 * step} stale`,
    ]);
  });

  it('has start timestamps from the first sample, or from a later one', () => {
    const first = bits(binary(2, 16), '10000000', varint(10), float(1), varint(4), '00000101', '0');
    expect(read(4, first)).toEqual(['10 1 from 6', '15 1 from 6']);
    // From sample 2 on: t1 − start = 3 (as `10` and three bits), then the change of that.
    const later = bits(binary(4, 16), '10000010', varint(10), float(1), varint(4), '00000101', '0', '0', '10 011', '0', '10 001');
    expect(read(4, later)).toEqual(['10 1 from 6', '15 1 from 6', '20 1 from 12', '25 1 from 16']);
  });

  it('may begin with a stale marker', () => {
    const chunk = bits(
      binary(2, 16),
      '00000000',
      varint(10),
      binary(0x7ff0000000000002n, 64),
      '00000101',
      `110 00010 001010 ${'1'.repeat(10)}`,
    );
    expect(read(4, chunk)).toEqual(['10 stale', '15 1']);
  });

  it('that is cut off is an error', () => {
    const chunk = bits(binary(2, 16), '00000000', varint(10), float(1), '00000101', '0');
    for (let end = 2; end < chunk.length; end++) expect(() => read(4, chunk.subarray(0, end))).toThrow('damaged data');
  });
});

describe('a histogram chunk with start timestamps', () => {
  // No zero bucket, schema 0, no spans.
  const layout = '00000000 0 0 0';

  it('of whole counts', () => {
    const chunk = bits(
      '01',
      binary(3, 14),
      '10000001',
      layout,
      '110 001010',
      '10 011',
      '0',
      float(1.5),
      varint(4), // 10: count 3, sum 1.5, start 6
      '10 100',
      '0',
      '0',
      '0',
      '10 010', // +4: t0 − start = 2
      '0',
      '10 001',
      '0',
      '0',
      '10 001', // +4: count +1; t1 − start = 3
    );
    expect(read(5, chunk)).toEqual(['10 unknown 3 1.5 from 6', '14 not_reset 3 1.5 from 8', '18 not_reset 4 1.5 from 11']);
  });

  it('of floats', () => {
    const chunk = bits('11', binary(2, 14), '00000000', layout, '110 001010', float(3), float(0), float(1.5), '10 100', '0', '0', '0');
    expect(read(6, chunk)).toEqual(['10 gauge 3 1.5', '14 gauge 3 1.5']);
  });
});
