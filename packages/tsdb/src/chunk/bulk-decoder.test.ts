import { StagedChunks } from '@pronoia/model';
import { kernelsAllowed } from '@pronoia/model/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highWord } from '../sample-columns.ts';
import { createDecoder, PlainDecoder } from './bulk-decoder.ts';
import { BitBatch, encodeChunks } from './encode.ts';

type Sample = readonly [t: number, value: number | 'stale'];

interface Piece {
  readonly samples: readonly Sample[];
  readonly minMs: number;
  readonly maxMs: number;
}

function batchOf(samples: readonly Sample[]): BitBatch {
  const batch = new BitBatch(samples.length);
  for (const [i, [t, value]] of samples.entries()) {
    batch.times[i] = t;
    if (value !== 'stale') batch.values[i] = value;
    else {
      batch.bits[2 * i + highWord] = 0x7ff00000;
      batch.bits[2 * i + 1 - highWord] = 2;
    }
  }
  return batch;
}

function stage(series: readonly (readonly Piece[])[]): StagedChunks {
  const staged = new StagedChunks();
  for (const pieces of series) {
    for (const { samples, minMs, maxMs } of pieces) {
      const batch = batchOf(samples);
      for (const { bytes, count } of encodeChunks(batch, samples.length)) {
        const start = staged.take(bytes.length);
        staged.bytes.set(bytes, start);
        staged.addPiece(start, start + bytes.length, count, minMs, maxMs);
      }
    }
    staged.endSeries(false);
  }
  return staged;
}

/** The message of what it throws, '' when it throws nothing. */
function faultOf(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** The samples and stale times of each series, as text: NaN is equal to itself then. */
function decoded(decoder: { decode: PlainDecoder['decode'] }, staged: StagedChunks): string[] {
  const { seriesCount, starts, times, values, staleStarts, staleTimes, sameTimes } = decoder.decode(staged);
  return Array.from({ length: seriesCount }, (_, s) => {
    const samples = [...times.subarray(starts[s], starts[s + 1])].map((t, i) => {
      const value = values[(starts[s] as number) + i] as number;
      return `${t}=${Object.is(value, -0) ? '-0' : value}`;
    });
    return `${sameTimes[s]} ${samples.join(' ')} stale ${[...staleTimes.subarray(staleStarts[s], staleStarts[s + 1])].join(' ')}`;
  });
}

function expected(series: readonly (readonly Piece[])[]): string[] {
  let before: string | undefined;
  return series.map((pieces) => {
    const kept = pieces.flatMap(({ samples, minMs, maxMs }) => samples.filter(([t]) => t >= minMs && t <= maxMs));
    const floats = kept.filter(([, value]) => value !== 'stale').map(([t, value]) => `${t}=${Object.is(value, -0) ? '-0' : value}`);
    const times = floats.map((text) => text.slice(0, text.indexOf('='))).join();
    const isSame = times === before;
    before = times;
    const stale = kept.filter(([, value]) => value === 'stale').map(([t]) => t);
    return `${isSame ? 1 : 0} ${floats.join(' ')} stale ${stale.join(' ')}`;
  });
}

const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1000, max: 1_000_000 }) },
  { weight: 2, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE) },
  { weight: 1, arbitrary: fc.constant('stale' as const) },
);
const step = fc.oneof(
  fc.constantFrom(15_000, 15_000, 15_001, 1, 8191, 8192, 8193, 65_535, 65_536, 65_537, 524_287, 524_288, 524_289, 2 ** 31, 2 ** 40),
  fc.integer({ min: 1, max: 1_000_000 }),
);
const piece = (bound: fc.Arbitrary<number>): fc.Arbitrary<Piece> =>
  fc
    .record({
      startMs: fc.constantFrom(0, -5, 1_700_000_000_000, -1_700_000_000_000),
      steps: fc.array(fc.tuple(step, value), { maxLength: 300 }),
      minMs: bound,
      maxMs: bound,
    })
    .map(({ startMs, steps, minMs, maxMs }) => {
      let t = startMs;
      return { samples: steps.map(([ms, v]): Sample => [(t += ms), v]), minMs: startMs + minMs, maxMs: startMs + maxMs };
    })
    .filter(({ samples }) => samples.length > 0);
const bound = fc.constantFrom(-(2 ** 42), 0, 15_000, 30_000, 300_000, 5_000_000, 2 ** 42);

describe('staged chunks', () => {
  const decoder = createDecoder();

  it('are decoded by the kernel, unless it was switched off', () => {
    expect(decoder instanceof PlainDecoder).toBe(!kernelsAllowed);
  });

  it('give the samples in the range, by the kernel and by its twin', () => {
    fc.assert(
      fc.property(fc.array(fc.array(piece(bound), { maxLength: 3 }), { maxLength: 5 }), (series) => {
        const staged = stage(series);
        expect(decoded(new PlainDecoder(), staged)).toEqual(expected(series));
        expect(decoded(decoder, staged)).toEqual(expected(series));
      }),
    );
  });

  it('that are damaged are refused, or give something', () => {
    fc.assert(
      fc.property(
        piece(fc.constantFrom(2 ** 42, -(2 ** 42))),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1 }),
        (one, damage) => {
          const staged = stage([[{ ...one, minMs: -(2 ** 52), maxMs: 2 ** 52 }]]);
          for (const [at, byte] of damage) staged.bytes[at % staged.length] = byte;
          expect(faultOf(() => decoder.decode(staged))).toMatch(/^$|XOR chunk/);
        },
      ),
    );
  });

  it.each([1, 2, 5, 9])('whose last %i bytes are missing are refused', (missing) => {
    const samples = Array.from({ length: 40 }, (_, i): Sample => [i * 15_000, Math.sqrt(i)]);
    for (const one of [decoder, new PlainDecoder()]) {
      const staged = stage([[{ samples, minMs: 0, maxMs: 2 ** 42 }]]);
      staged.pieces[1] = (staged.pieces[1] as number) - missing;
      staged.length -= missing;
      expect(() => one.decode(staged)).toThrow('XOR chunk');
    }
  });
});
