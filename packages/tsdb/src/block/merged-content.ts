/**
 * Several blocks as the content of one. Chunks are copied as they are, except for series with overlapping chunks or deleted
 * samples, which are decoded, merged and encoded again.
 */
import { compareBytes, Labels } from '@pronoia/model';
import { keepSamples } from '../batch-filter.ts';
import { decodeChunk, sampleCount } from '../chunk/decode.ts';
import { BitBatch, type EncodedChunk, encodeChunks } from '../chunk/encode.ts';
import type { Interval } from '../interval.ts';
import { Turn } from '../turn.ts';
import type { Block } from './block.ts';
import type { BlockContent, SeriesToWrite } from './block-writer.ts';
import type { ChunkMeta } from './index-writer.ts';
import type { IndexSeries } from './series-cache.ts';

/**
 * Where two blocks have a sample for one time, the earlier in the list wins. Series of which every block calls the ref `dropped` are left
 * out, which makes sense for one block.
 */
export function mergedContent(blocks: readonly Block[], dropped: ReadonlySet<number> = new Set()): BlockContent {
  const texts = new Set<string>();
  for (const { index } of blocks) for (let i = 0; i < index.symbolCount; i++) texts.add(index.symbol(i));
  return { symbols: [...texts].sort(compareBytes), series: readSeries(blocks, dropped) };
}

/** A walk over the series of one block, in label order. */
class Walk {
  readonly block: Block;
  readonly #refs: Uint32Array;
  #at = 0;
  series: IndexSeries | undefined;

  constructor(block: Block) {
    this.block = block;
    this.#refs = block.index.all();
    this.advance();
  }

  /** Ref of the series before the step. */
  get ref(): number {
    return this.#refs[this.#at - 1] as number;
  }

  advance(): void {
    const ref = this.#refs[this.#at++];
    this.series = ref === undefined ? undefined : this.block.index.series(ref);
  }
}

async function* readSeries(blocks: readonly Block[], dropped: ReadonlySet<number>): AsyncGenerator<SeriesToWrite> {
  const walks = blocks.map((block) => new Walk(block));
  const turn = new Turn();
  for (;;) {
    await turn.pass();
    let labels: Labels | undefined;
    for (const { series } of walks) {
      if (series !== undefined && (labels === undefined || Labels.compare(series.labels, labels) < 0)) labels = series.labels;
    }
    if (labels === undefined) return;
    const parts: Part[] = [];
    for (const walk of walks) {
      const { series } = walk;
      if (series === undefined || !series.labels.equals(labels)) continue;
      if (!dropped.has(walk.ref)) parts.push({ block: walk.block, chunks: series.chunks, deleted: walk.block.deleted(walk.ref) });
      walk.advance();
    }
    yield { labels, chunks: seriesChunks(parts) };
  }
}

interface Part {
  readonly block: Block;
  readonly chunks: readonly ChunkMeta[];
  readonly deleted: readonly Interval[];
}

function seriesChunks(parts: readonly Part[]): EncodedChunk[] {
  const all = parts.flatMap(({ block, chunks, deleted }) => chunks.map((meta) => ({ meta, block, deleted })));
  all.sort((a, b) => a.meta.minMs - b.meta.minMs);
  const isPlain = all.every(
    ({ meta, deleted }, i) =>
      (i === 0 || meta.minMs > (all[i - 1]?.meta.maxMs ?? -Infinity)) &&
      !deleted.some(({ minMs, maxMs }) => minMs <= meta.maxMs && maxMs >= meta.minMs),
  );
  if (!isPlain) return mergeSamples(parts);
  return all.map(({ meta, block }) => {
    const { encoding, bytes } = block.chunks.read(meta.ref);
    return { minMs: meta.minMs, maxMs: meta.maxMs, encoding, count: sampleCount(encoding, bytes), bytes: bytes.slice() };
  });
}

/** All samples of one series from one block, without the deleted ones. */
function readPart({ block, chunks, deleted }: Part): { batch: BitBatch; count: number } {
  const read = chunks.map(({ ref }) => {
    const { encoding, bytes } = block.chunks.read(ref);
    return { encoding, bytes: bytes.slice(), count: sampleCount(encoding, bytes) };
  });
  const batch = new BitBatch(read.reduce((sum, { count }) => sum + count, 0));
  let filled = 0;
  for (const { encoding, bytes, count } of read) {
    decodeChunk(encoding, bytes, batch, filled);
    filled += keepSamples(batch, filled, count, -Infinity, Infinity, deleted);
  }
  return { batch, count: filled };
}

function mergeSamples(parts: readonly Part[]): EncodedChunk[] {
  const inputs = parts.map(readPart);
  const merged = new BitBatch(inputs.reduce((sum, { count }) => sum + count, 0));
  const at = inputs.map(() => 0);
  let count = 0;
  for (;;) {
    let tMs = Infinity;
    let winner = -1;
    for (const [i, { batch, count: inputCount }] of inputs.entries()) {
      const position = at[i] as number;
      if (position < inputCount && (batch.times[position] as number) < tMs) {
        tMs = batch.times[position] as number;
        winner = i;
      }
    }
    const input = inputs[winner];
    if (input === undefined) return encodeChunks(merged, count);
    const position = at[winner] as number;
    merged.times[count] = tMs;
    merged.stale[count] = input.batch.stale[position] as number;
    merged.bits.set(input.batch.bits.subarray(2 * position, 2 * position + 2), 2 * count);
    if (input.batch.hasHistograms) {
      merged.hasHistograms = true;
      merged.histograms[count] = input.batch.histograms[position];
    }
    count++;
    for (const [i, { batch, count: inputCount }] of inputs.entries()) {
      const next = at[i] as number;
      if (next < inputCount && batch.times[next] === tMs) at[i] = next + 1;
    }
  }
}
