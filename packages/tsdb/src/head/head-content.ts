/**
 * A span of the head, packed for whoever writes it into a block.
 */
import { clearExtras } from '../batch-filter.ts';
import { SeriesPacker } from '../block/packed-series.ts';
import { BitBatch, encodeChunks } from '../chunk/encode.ts';
import { Turn } from '../turn.ts';
import type { Head } from './head.ts';

/** More than a chunk ever has. */
const mostSamples = 512;

/**
 * Series with samples in `[minMs, maxMs]`, in slices of the event loop. Chunks that lie in files are only named: the files must stay until
 * the block is written. Nothing may be appended to the span or removed from the head while this is read.
 */
export async function* packHead(head: Head, minMs: number, maxMs: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const packer = new SeriesPacker();
  const turn = new Turn();
  const batch = new BitBatch(mostSamples);
  const textOf = (id: number): string => head.series.symbols.text(id);
  for (let slot = 0; slot < head.series.count; slot++) {
    await turn.pass();
    if (head.firstMs(slot) > maxMs || head.lastMs(slot) < minMs) continue;
    packer.labels(head.series.ids(slot), textOf);
    packChunks(packer, head, slot, minMs, maxMs, batch);
    const deleted = head.tombstones.get(head.series.ref(slot)) ?? [];
    packer.count(deleted.length);
    for (const interval of deleted) packer.interval(interval);
    const part = packer.take();
    if (part !== undefined) yield part;
  }
  const last = packer.take(0);
  if (last !== undefined) yield last;
}

function packChunks(packer: SeriesPacker, head: Head, slot: number, minMs: number, maxMs: number, batch: BitBatch): void {
  const { chunks } = head;
  const isWanted = (chunk: number): boolean => chunks.maxMs(chunk) >= minMs && chunks.minMs(chunk) <= maxMs;
  let count = 0;
  for (let chunk = head.firstChunk(slot); chunk !== 0; chunk = chunks.next(chunk)) if (isWanted(chunk)) count++;
  // The open chunk is not in the form of a block's yet. Few series have one here: those that are no longer written to.
  const openCount = head.openStartMs(slot) <= maxMs ? head.openCount(slot) : 0;
  clearExtras(batch);
  if (openCount > 0) head.decodeOpen(slot, batch, 0);
  const histograms = batch.hasHistograms ? encodeChunks(batch, openCount) : [];
  const hasFloats = openCount > 0 && !batch.hasHistograms;
  packer.count(count + histograms.length + (hasFloats ? 1 : 0));
  for (let chunk = head.firstChunk(slot); chunk !== 0; chunk = chunks.next(chunk)) {
    if (!isWanted(chunk)) continue;
    const dataAt = chunks.dataAt(chunk);
    if (dataAt === undefined) packer.chunk(chunks.minMs(chunk), chunks.maxMs(chunk), chunks.encoding(chunk), chunks.bytes(chunk));
    else packer.storedChunk(chunks.minMs(chunk), chunks.maxMs(chunk), chunks.encoding(chunk), chunks.length(chunk), dataAt);
  }
  if (hasFloats) packer.samples(batch, openCount);
  for (const { minMs: first, maxMs: last, encoding, bytes } of histograms) packer.chunk(first, last, encoding, bytes);
}
