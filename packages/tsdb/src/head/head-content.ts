/**
 * A span of the head as the content of a new block.
 */
import { compareBytes } from '@pronoia/model';
import { clearExtras, keepSamples } from '../batch-filter.ts';
import type { BlockContent, SeriesToWrite } from '../block/block-writer.ts';
import { decodeChunk, sampleCount } from '../chunk/decode.ts';
import { BitBatch, type EncodedChunk, encodeChunks } from '../chunk/encode.ts';
import { Turn } from '../turn.ts';
import type { Head } from './head.ts';

/** So many series are sorted at once; the sorted runs are merged while they are written. */
const seriesPerRun = 2048;

/**
 * Samples in `[minMs, maxMs]`, without the deleted ones. Chunks inside the span are taken as they are, others are cut. Nothing
 * may be appended to the span or removed from the head while this is read.
 */
export async function headContent(head: Head, minMs: number, maxMs: number): Promise<BlockContent> {
  const { symbols } = head.series;
  const turn = new Turn();
  const texts = new Set<string>();
  const slots: number[] = [];
  for (let slot = 0; slot < head.series.count; slot++) {
    await turn.pass();
    if (head.firstMs(slot) > maxMs || head.lastMs(slot) < minMs) continue;
    slots.push(slot);
    for (const id of head.series.ids(slot)) texts.add(symbols.text(id));
  }
  const sorted = [...texts].sort(compareBytes);
  // Labels are compared by the rank of their symbols: no text is looked at twice.
  const ranks = new Uint32Array(symbols.size);
  for (const [rank, text] of sorted.entries()) ranks[symbols.find(text)] = rank;
  const compare = (a: number, b: number): number => compareIds(head.series.ids(a), head.series.ids(b), ranks);
  const runs: number[][] = [];
  for (let from = 0; from < slots.length; from += seriesPerRun) {
    runs.push(slots.slice(from, from + seriesPerRun).sort(compare));
    await turn.yield();
  }
  return { symbols: sorted, series: readSeries(head, mergeRuns(runs, compare), minMs, maxMs) };
}

/** Slots stay as they are meanwhile: series are removed by the same upkeep that calls this. */
function* mergeRuns(runs: readonly number[][], compare: (a: number, b: number) => number): Generator<number> {
  // A heap of runs by their next slot.
  const heap = runs.map((run) => ({ run, at: 0 }));
  const isBefore = (a: number, b: number): boolean => {
    const x = heap[a] as { run: number[]; at: number };
    const y = heap[b] as { run: number[]; at: number };
    return compare(x.run[x.at] as number, y.run[y.at] as number) < 0;
  };
  const sink = (start: number): void => {
    for (let i = start; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && isBefore(child, least)) least = child;
      if (least === i) return;
      const moved = heap[i] as { run: number[]; at: number };
      heap[i] = heap[least] as { run: number[]; at: number };
      heap[least] = moved;
      i = least;
    }
  };
  for (let i = (heap.length >>> 1) - 1; i >= 0; i--) sink(i);
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    yield top.run[top.at] as number;
    top.at++;
    if (top.at === top.run.length) {
      const last = heap.pop() as { run: number[]; at: number };
      if (heap.length === 0) return;
      if (last !== top) heap[0] = last;
    }
    sink(0);
  }
}

function compareIds(a: Uint32Array, b: Uint32Array, ranks: Uint32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = (ranks[a[i] as number] as number) - (ranks[b[i] as number] as number);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

async function* readSeries(head: Head, slots: Iterable<number>, minMs: number, maxMs: number): AsyncGenerator<SeriesToWrite> {
  const batch = new BitBatch(512);
  const turn = new Turn();
  for (const slot of slots) {
    await turn.pass();
    yield { labels: head.series.labels(slot), chunks: seriesChunks(head, slot, minMs, maxMs, batch) };
  }
}

function seriesChunks(head: Head, slot: number, minMs: number, maxMs: number, batch: BitBatch): EncodedChunk[] {
  const deleted = head.tombstones.get(head.series.ref(slot)) ?? [];
  const result: EncodedChunk[] = [];
  for (let chunk = head.firstChunk(slot); chunk !== 0; chunk = head.chunks.next(chunk)) {
    const chunkMin = head.chunks.minMs(chunk);
    const chunkMax = head.chunks.maxMs(chunk);
    if (chunkMax < minMs || chunkMin > maxMs) continue;
    const isWhole =
      chunkMin >= minMs && chunkMax <= maxMs && !deleted.some((interval) => interval.minMs <= chunkMax && interval.maxMs >= chunkMin);
    const encoding = head.chunks.encoding(chunk);
    const bytes = head.chunks.bytes(chunk);
    const count = sampleCount(encoding, bytes);
    if (isWhole) {
      result.push({ minMs: chunkMin, maxMs: chunkMax, encoding, count, bytes });
      continue;
    }
    clearExtras(batch);
    decodeChunk(encoding, bytes, batch, 0);
    result.push(...encodeChunks(batch, keepSamples(batch, 0, count, minMs, maxMs, deleted)));
  }
  const count = head.openCount(slot);
  if (count > 0 && head.openStartMs(slot) <= maxMs) {
    clearExtras(batch);
    head.decodeOpen(slot, batch, 0);
    result.push(...encodeChunks(batch, keepSamples(batch, 0, count, minMs, maxMs, deleted)));
  }
  return result;
}
