/** Late samples of one span, packed for whoever writes them into a block. */
import { SeriesPacker } from '../block/packed-series.ts';
import { BitBatch, encodeChunks } from '../chunk/encode.ts';
import { isStaleAt } from '../sample-columns.ts';
import { Turn } from '../turn.ts';
import type { Head } from './head.ts';
import type { LateSamples } from './out-of-order.ts';

/** Samples in `[minMs, maxMs]`, in slices of the event loop. */
export async function* packLate(
  head: Head,
  late: ReadonlyMap<number, LateSamples>,
  minMs: number,
  maxMs: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const packer = new SeriesPacker();
  const turn = new Turn();
  const textOf = (id: number): string => head.series.symbols.text(id);
  for (const [ref, samples] of late) {
    await turn.pass();
    const slot = head.series.slotOf(ref);
    const from = samples.find(minMs);
    const count = samples.find(maxMs + 1) - from;
    if (slot < 0 || count === 0) continue;
    const batch = new BitBatch(count);
    batch.times.set(samples.times.subarray(from, from + count));
    batch.values.set(samples.values.subarray(from, from + count));
    packer.labels(head.series.ids(slot), textOf);
    const { histograms } = samples;
    if (histograms !== undefined && histograms.size > 0) {
      batch.hasHistograms = true;
      for (let i = 0; i < count; i++) {
        batch.histograms[i] = histograms.get(batch.times[i] as number);
        batch.stale[i] = isStaleAt(batch.bits, i) ? 1 : 0;
      }
      const chunks = encodeChunks(batch, count);
      packer.count(chunks.length);
      for (const { minMs: first, maxMs: last, encoding, bytes } of chunks) packer.chunk(first, last, encoding, bytes);
    } else {
      packer.count(1);
      packer.samples(batch, count);
    }
    packer.count(0);
    const part = packer.take();
    if (part !== undefined) yield part;
  }
  const last = packer.take(0);
  if (last !== undefined) yield last;
}
