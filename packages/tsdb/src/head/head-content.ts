/**
 * A span of the head as the content of a new block.
 */
import { compareBytes, type Labels } from '@pronoia/model';
import { keepSamples } from '../batch-filter.ts';
import type { BlockContent, SeriesToWrite } from '../block/block-writer.ts';
import { decodeChunk, sampleCount } from '../chunk/decode.ts';
import { BitBatch, type EncodedChunk, encodeChunks } from '../chunk/encode.ts';
import type { Head } from './head.ts';

/** The event loop gets a turn after this much work. */
const turnMs = 4;

/**
 * Samples in `[minMs, maxMs]`, without the deleted ones. Chunks inside the span are taken as they are, others are cut. Nothing
 * may be appended to the span or removed from the head while this is read.
 */
export function headContent(head: Head, minMs: number, maxMs: number): BlockContent {
  const { symbols } = head.series;
  const texts = new Set<string>();
  const slots: number[] = [];
  for (let slot = 0; slot < head.series.count; slot++) {
    if (head.firstMs(slot) > maxMs || head.lastMs(slot) < minMs) continue;
    slots.push(slot);
    for (const id of head.series.ids(slot)) texts.add(symbols.text(id));
  }
  const sorted = [...texts].sort(compareBytes);
  // Labels are compared by the rank of their symbols: no text is looked at twice.
  const ranks = new Uint32Array(symbols.size);
  for (const [rank, text] of sorted.entries()) ranks[symbols.find(text)] = rank;
  slots.sort((a, b) => compareIds(head.series.ids(a), head.series.ids(b), ranks));
  const refs = slots.map((slot) => head.series.ref(slot));
  return { symbols: sorted, series: readSeries(head, refs, minMs, maxMs) };
}

function compareIds(a: Uint32Array, b: Uint32Array, ranks: Uint32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = (ranks[a[i] as number] as number) - (ranks[b[i] as number] as number);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

async function* readSeries(head: Head, refs: readonly number[], minMs: number, maxMs: number): AsyncGenerator<SeriesToWrite> {
  const batch = new BitBatch(512);
  let turnEnds = performance.now() + turnMs;
  for (const ref of refs) {
    if (performance.now() > turnEnds) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      turnEnds = performance.now() + turnMs;
    }
    const slot = head.series.slotOf(ref);
    if (slot < 0) continue;
    const labels: Labels = head.series.labels(slot);
    yield { labels, chunks: seriesChunks(head, slot, minMs, maxMs, batch) };
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
    batch.clearHistograms();
    decodeChunk(encoding, bytes, batch, 0);
    result.push(...encodeChunks(batch, keepSamples(batch, 0, count, minMs, maxMs, deleted)));
  }
  const count = head.openCount(slot);
  if (count > 0 && head.openStartMs(slot) <= maxMs) {
    batch.clearHistograms();
    head.decodeOpen(slot, batch, 0);
    result.push(...encodeChunks(batch, keepSamples(batch, 0, count, minMs, maxMs, deleted)));
  }
  return result;
}
