import { Labels, SampleBatch } from '@pronoia/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SampleColumns } from '../sample-columns.ts';
import { Head } from './head.ts';
import { HeadMemory } from './head-memory.ts';

const word = fc.integer({ min: 0, max: 0xffffffff });
/** The bits of a value: numbers that programs measure, and anything at all. */
const bits = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }).map(wordsOf),
  fc.double().map(wordsOf),
  fc.tuple(word, word),
  fc.constantFrom<[number, number]>([0, 0], [0x7ff00000, 2], [0x7ff80000, 1], [0xffffffff, 0xffffffff], [0, 1], [0x80000000, 0]),
);
const gap = fc.oneof(
  fc.constant(15_000),
  fc.integer({ min: -20, max: 70_000 }),
  fc.integer({ min: 500_000, max: 1_000_000 }),
  fc.constant(2 ** 31),
);

function wordsOf(value: number): [number, number] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return [view.getUint32(0), view.getUint32(4)];
}

const seriesCount = 3;

function headOf(memory: HeadMemory, samplesPerChunk: number, chunkRangeMs: number): Head {
  const head = new Head({ samplesPerChunk, chunkRangeMs }, undefined, memory);
  for (let i = 0; i < seriesCount; i++) head.create(Labels.from({ __name__: 'm', s: String(i) }));
  return head;
}

/** Everything that a head holds. */
function contentOf(head: Head): unknown {
  const all: unknown[] = [head.minMs, head.maxMs];
  for (let slot = 0; slot < head.series.count; slot++) {
    for (let id = head.firstChunk(slot); id !== 0; id = head.chunks.next(id))
      all.push([slot, head.chunks.minMs(id), head.chunks.maxMs(id), Buffer.from(head.chunks.bytes(id)).toString('hex')]);
    const batch = new SampleBatch(512);
    head.decodeOpen(slot, batch, 0);
    const count = head.openCount(slot);
    const values = Buffer.from(batch.values.buffer, 0, 8 * count).toString('hex');
    all.push([
      slot,
      count,
      count > 0 ? head.openStartMs(slot) : 0,
      [...batch.times.subarray(0, count)],
      values,
      [...batch.stale.subarray(0, count)],
    ]);
    all.push([head.lastMs(slot), head.lastCommit(slot)]);
  }
  return all;
}

it('the kernel and its twin build the same chunks, byte for byte', () => {
  const batches = fc.array(
    fc.tuple(fc.array(fc.tuple(fc.nat(seriesCount), gap, bits), { maxLength: 120 }), fc.integer({ min: 1, max: 6 })),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      batches,
      fc.constantFrom(1, 3, 4, 8, 120),
      fc.constantFrom(7_200_000, 100_000, 2 ** 40),
      (given, samplesPerChunk, chunkRangeMs) => {
        const fast = headOf(new HeadMemory(), samplesPerChunk, chunkRangeMs);
        const plain = headOf(new HeadMemory('plain'), samplesPerChunk, chunkRangeMs);
        const times = Array<number>(seriesCount + 1).fill(1_700_000_000_000);
        for (const [samples, repeats] of given) {
          const columns = new SampleColumns(1);
          for (let n = 0; n < repeats; n++) {
            for (const [series, gapMs, [high, low]] of samples) {
              times[series] = (times[series] as number) + Math.min(gapMs, chunkRangeMs);
              // One more than there are: a series that is gone.
              columns.pushWords(series + 1, times[series] as number, high, low);
            }
          }
          for (const head of [fast, plain]) head.commits++;
          expect(fast.appendAll(columns)).toBe(plain.appendAll(columns));
          expect(contentOf(fast)).toEqual(contentOf(plain));
        }
      },
    ),
    { numRuns: 150 },
  );
});

it('more chunks than one call can hand over are all there', () => {
  const [fast, plain] = [headOf(new HeadMemory(), 1, 1000), headOf(new HeadMemory('plain'), 1, 1000)];
  const columns = new SampleColumns();
  for (let i = 0; i < 10_000; i++) columns.push(1 + (i % seriesCount), 1000 * i, i / 7);
  expect([fast.appendAll(columns), plain.appendAll(columns)]).toEqual([10_000, 10_000]);
  expect(contentOf(fast)).toEqual(contentOf(plain));
});

it('floats and histograms take turns in a batch', () => {
  const histogram = { counterResetHint: 'unknown', schema: 0, zeroThreshold: 0, zeroCount: 0, count: 1, sum: 1 } as const;
  const buckets = { positiveSpans: [{ offset: 0, length: 1 }], negativeSpans: [], negativeBuckets: new Float64Array(0), customValues: [] };
  const contents = [new HeadMemory(), new HeadMemory('plain')].map((memory) => {
    const head = headOf(memory, 120, 7_200_000);
    const columns = new SampleColumns();
    columns.push(1, 1000, 1);
    columns.push(2, 1000, 1);
    head.appendAll(columns);
    head.appendHistogram(0, 2000, { ...histogram, ...buckets, positiveBuckets: new Float64Array([1]) });
    expect(head.isHistogramSeries(0)).toBe(true);
    columns.length = 0;
    columns.push(2, 3000, 1);
    columns.push(1, 3000, 1);
    columns.push(1, 4000, 1);
    columns.push(2, 4000, 1);
    expect(head.appendAll(columns)).toBe(4);
    expect(head.isHistogramSeries(0)).toBe(false);
    return contentOf(head);
  });
  expect(contents[0]).toEqual(contents[1]);
});
