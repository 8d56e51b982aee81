/** Late samples of one span, packed for whoever writes them into a block. */
import { SeriesPacker } from '../block/packed-series.ts';
import { BitBatch } from '../chunk/encode.ts';
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
    packer.count(1);
    packer.samples(batch, count);
    packer.count(0);
    const part = packer.take();
    if (part !== undefined) yield part;
  }
  const last = packer.take(0);
  if (last !== undefined) yield last;
}
