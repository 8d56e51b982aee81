import { createHash } from 'node:crypto';
import { type BulkReader, type ColumnDecoder, Labels, type Queryable, type SampleBatch, StagedChunks } from '@pronoia/model';
import { beforeEach, expect, test } from 'vitest';
import { Engine } from '../engine.ts';
import type { QueryValue } from '../value/query-result.ts';
import { shardPool } from './shard-pool.ts';

/** Decodes pieces that are an array of times and one of values; NaN stands for a stale marker. Runs in the threads. */
function createDecoder(): ColumnDecoder {
  return {
    decode({ bytes, pieces, ends, seriesCount }) {
      const times: number[] = [];
      const values: number[] = [];
      const staleTimes: number[] = [];
      const starts = [0];
      const staleStarts = [0];
      let piece = 0;
      for (let s = 0; s < seriesCount; s++) {
        for (; piece < (ends[s] as number); piece++) {
          const [start, end, count, minMs, maxMs] = pieces.subarray(5 * piece, 5 * piece + 5) as unknown as [
            number,
            number,
            number,
            number,
            number,
          ];
          if (count === 13) throw new Error('the chunk is damaged');
          const floats = new Float64Array(bytes.slice(start, end).buffer);
          for (let i = 0; i < count; i++) {
            const t = floats[i] as number;
            if (t < minMs || t > maxMs) continue;
            if (Number.isNaN(floats[count + i])) staleTimes.push(t);
            else {
              times.push(t);
              values.push(floats[count + i] as number);
            }
          }
        }
        starts.push(times.length);
        staleStarts.push(staleTimes.length);
      }
      return {
        seriesCount,
        starts: Uint32Array.from(starts),
        times: Float64Array.from(times),
        values: Float64Array.from(values),
        staleStarts: Uint32Array.from(staleStarts),
        staleTimes: Float64Array.from(staleTimes),
        sameTimes: new Uint8Array(seriesCount),
      };
    },
  };
}
const decoderUrl = `data:text/javascript,${encodeURIComponent(`export ${createDecoder.toString()}`)}`;

interface Column {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

let staged = 0;

function storageOf(list: readonly Column[]): Queryable {
  const series = list.map(({ labels, times, values }) => ({
    labels,
    samples: () => {
      let at = 0;
      return {
        read(into: SampleBatch): number {
          const from = at;
          at = Math.min(times.length, at + into.capacity);
          into.hasHistograms = false;
          into.times.set(times.subarray(from, at));
          into.values.set(values.subarray(from, at));
          for (let i = from; i < at; i++) into.stale[i - from] = Number.isNaN(values[i]) ? 1 : 0;
          return at - from;
        },
      };
    },
  }));
  const bulk: BulkReader = {
    decoderUrl,
    createDecoder,
    stage(from, to, samples, minMs, maxMs, into) {
      into.clear();
      let i = from;
      while (i < to && (i === from || into.samples < samples)) {
        const { times, values } = list[i] as Column;
        const start = into.take(16 * times.length);
        into.bytes.set(new Uint8Array(times.buffer), start);
        into.bytes.set(new Uint8Array(values.buffer), start + 8 * times.length);
        into.addPiece(start, start + 16 * times.length, times.length, minMs, maxMs);
        // Some are slow.
        into.endSeries(i % 17 === 3);
        i++;
        staged++;
      }
      return i - from;
    },
  };
  return {
    querier: () => ({
      select: () => Promise.resolve({ series, warnings: [], bulk }),
      labelNames: () => Promise.resolve([]),
      labelValues: () => Promise.resolve([]),
      close: () => undefined,
    }),
  };
}

/** 300 series, some of which stop for a while. */
function columns(samples = 400): Column[] {
  return Array.from({ length: 300 }, (_, i) => ({
    labels: Labels.from({ __name__: 'c_total', host: `h${i % 7}`, pod: String(i).padStart(3, '0') }),
    times: Float64Array.from({ length: samples }, (_value, k) => 1000 * (k + 1) * 10 + (i % 5)),
    values: Float64Array.from({ length: samples }, (_value, k) =>
      i % 11 === 0 && k % 100 === 50 ? Number.NaN : ((k * (1 + i)) % 977) / 7,
    ),
  }));
}

const [fromMs, toMs, stepMs] = [0, 4_400_000, 800];

/** A line for each series: comparing millions of points one by one takes too long. */
function digestOf(value: QueryValue | undefined): string[] {
  if (value?.kind !== 'matrix') throw new Error(`a ${value?.kind} is no matrix`);
  return value.series.map(({ labels, times, values }) => {
    const hash = createHash('sha1').update(new Uint8Array(times.slice().buffer)).update(new Uint8Array(values.slice().buffer));
    return `${labels.toString()} ${times.length} ${hash.digest('hex')}`;
  });
}

beforeEach(() => {
  staged = 0;
});

test('there are query threads, for the room is built', () => {
  expect(shardPool.size).toBeGreaterThan(0);
});

test.each([
  'sum by (host) (rate(c_total[1m]))',
  'rate(c_total[1m])',
  'c_total',
  'max(c_total)',
  'stddev by (host) (c_total)',
  'avg by (host) (sum_over_time(c_total[1m]))',
  'count(last_over_time(c_total[1m]))',
  'quantile_over_time(0.3, c_total[40s])',
  'topk(2, increase(c_total[2m]))',
  'sum(changes(c_total[1m]))',
])('%s is the same from threads, with its statistics', async (text) => {
  const storage = storageOf(columns());
  const [quick, slow] = await Promise.all(
    (['columnar', 'unhurried'] as const).map((evaluator) => new Engine({ evaluator }).range(storage, text, fromMs, toMs, stepMs)),
  );
  expect(staged).toBeGreaterThan(0);
  expect(digestOf(quick?.value)).toEqual(digestOf(slow?.value));
  expect(quick?.stats.samples).toEqual({ ...slow?.stats.samples, peakSamples: quick?.stats.samples.peakSamples });
  expect(quick?.infos).toEqual(slow?.infos);
});

test('a query is cancelled while threads work for it', async () => {
  const storage = storageOf(columns());
  const controller = new AbortController();
  const query = new Engine().range(storage, 'sum(avg_over_time(c_total[1h]))', fromMs, toMs, stepMs, {}, controller.signal);
  setImmediate(() => controller.abort());
  await expect(query).rejects.toThrow('query was canceled');
});

test('damaged chunks are a fault of the query, and the threads go on', async () => {
  await expect(new Engine().range(storageOf(columns(13)), 'sum(rate(c_total[1m]))', fromMs, toMs, stepMs)).rejects.toThrow('damaged');
  const after = await new Engine().range(storageOf(columns()), 'count(c_total)', fromMs, toMs, stepMs);
  expect(after.value.kind).toBe('matrix');
});

test('staged chunks can be filled again', () => {
  const chunks = new StagedChunks();
  for (let round = 0; round < 2; round++) {
    chunks.clear();
    for (let i = 0; i < 3000; i++) {
      const at = chunks.take(1000);
      chunks.addPiece(at, at + 1000, 10, 0, 1);
      chunks.endSeries(i % 2 === 0);
    }
    expect([chunks.seriesCount, chunks.pieceCount, chunks.samples, chunks.ends[2999]]).toEqual([3000, 1500, 15_000, 1500]);
  }
});
