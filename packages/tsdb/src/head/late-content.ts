/** Late samples of one span as the content of a block. */
import { compareBytes, Labels } from '@pronoia/model';
import type { BlockContent, SeriesToWrite } from '../block/block-writer.ts';
import { BitBatch, encodeChunks } from '../chunk/encode.ts';
import { Turn } from '../turn.ts';
import type { Head } from './head.ts';
import type { LateSamples } from './out-of-order.ts';

/** Samples in `[minMs, maxMs]`. */
export function lateContent(head: Head, late: ReadonlyMap<number, LateSamples>, minMs: number, maxMs: number): BlockContent {
  const texts = new Set<string>();
  const found: { labels: Labels; samples: LateSamples }[] = [];
  for (const [ref, samples] of late) {
    const slot = head.series.slotOf(ref);
    if (slot < 0 || samples.find(minMs) >= samples.find(maxMs + 1)) continue;
    const labels = head.series.labels(slot);
    for (const text of labels.pairs) texts.add(text);
    found.push({ labels, samples });
  }
  found.sort((a, b) => Labels.compare(a.labels, b.labels));
  return { symbols: [...texts].sort(compareBytes), series: readSeries(found, minMs, maxMs) };
}

async function* readSeries(
  found: readonly { labels: Labels; samples: LateSamples }[],
  minMs: number,
  maxMs: number,
): AsyncGenerator<SeriesToWrite> {
  const turn = new Turn();
  for (const { labels, samples } of found) {
    await turn.pass();
    const from = samples.find(minMs);
    const count = samples.find(maxMs + 1) - from;
    const batch = new BitBatch(Math.max(count, 1));
    batch.times.set(samples.times.subarray(from, from + count));
    batch.values.set(samples.values.subarray(from, from + count));
    yield { labels, chunks: encodeChunks(batch, count) };
  }
}
