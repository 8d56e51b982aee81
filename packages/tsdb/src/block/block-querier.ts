/**
 * Questions to one block. Finding series reads the index; samples are decoded only when a reader asks for them.
 */
import {
  compareBytes,
  type Labels,
  type Matcher,
  type Querier,
  SampleBatch,
  type SampleReader,
  type SelectHints,
  type Series,
  type SeriesSet,
  type StagedChunks,
} from '@pronoia/model';
import { clearExtras, copySamples, keepSamples } from '../batch-filter.ts';
import { BulkSeries, type StageableSeries } from '../bulk-series.ts';
import { decodeChunk, sampleCount } from '../chunk/decode.ts';
import { xorEncoding } from '../chunk/xor.ts';
import { intersect, selectPostings } from '../postings-query.ts';
import { Turn } from '../turn.ts';
import type { Block } from './block.ts';
import type { ChunkMeta } from './index-writer.ts';
import type { IndexSeries } from './series-cache.ts';

class BlockReader implements SampleReader {
  readonly #block: Block;
  readonly #ref: number;
  readonly #chunks: readonly ChunkMeta[];
  readonly #maxMs: number;
  #afterMs: number;
  #next = 0;
  #own: SampleBatch | undefined;

  constructor(block: Block, ref: number, chunks: readonly ChunkMeta[], minMs: number, maxMs: number) {
    this.#block = block;
    this.#ref = ref;
    this.#chunks = chunks;
    this.#afterMs = minMs - 1;
    this.#maxMs = maxMs;
  }

  read(into: SampleBatch): number {
    clearExtras(into);
    const deleted = this.#block.deleted(this.#ref);
    let filled = 0;
    for (let chunk = this.#chunks[this.#next]; chunk !== undefined; chunk = this.#chunks[this.#next]) {
      const { encoding, bytes } = this.#block.chunks.read(chunk.ref);
      const count = sampleCount(encoding, bytes);
      const fits = count <= into.capacity - filled;
      if (!fits && filled > 0) return filled;
      const target = fits ? into : this.#scratch(count);
      decodeChunk(encoding, bytes, target, filled);
      const kept = keepSamples(target, filled, count, this.#afterMs + 1, this.#maxMs, deleted);
      if (!fits) {
        const given = Math.min(kept, into.capacity);
        copySamples(target, into, given);
        if (given > 0) this.#afterMs = into.times[given - 1] as number;
        // The rest of the chunk is decoded again next time.
        if (given < kept) return given;
      }
      filled += kept;
      this.#next++;
    }
    return filled;
  }

  #scratch(count: number): SampleBatch {
    if (this.#own === undefined || this.#own.capacity < count) this.#own = new SampleBatch(count);
    clearExtras(this.#own);
    return this.#own;
  }
}

class BlockSeries implements StageableSeries {
  readonly labels: Labels;
  readonly #block: Block;
  readonly #ref: number;
  readonly #chunks: readonly ChunkMeta[];
  readonly #minMs: number;
  readonly #maxMs: number;

  constructor(block: Block, ref: number, { labels, chunks }: IndexSeries, minMs: number, maxMs: number) {
    this.labels = labels;
    this.#block = block;
    this.#ref = ref;
    this.#chunks = chunks;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  samples(): SampleReader {
    const wanted = this.#chunks.filter(({ minMs, maxMs }) => minMs <= this.#maxMs && maxMs >= this.#minMs);
    return new BlockReader(this.#block, this.#ref, wanted, this.#minMs, this.#maxMs);
  }

  stage(into: StagedChunks, minMs: number, maxMs: number): boolean {
    const block = this.#block;
    if (block.deleted(this.#ref).length > 0) return false;
    const first = minMs > this.#minMs ? minMs : this.#minMs;
    const last = maxMs < this.#maxMs ? maxMs : this.#maxMs;
    for (const chunk of this.#chunks) {
      if (chunk.maxMs < first) continue;
      if (chunk.minMs > last) break;
      const { encoding, bytes } = block.chunks.read(chunk.ref);
      if (encoding !== xorEncoding) return false;
      const at = into.take(bytes.length);
      into.bytes.set(bytes, at);
      into.addPiece(at, at + bytes.length, sampleCount(encoding, bytes), first, last);
    }
    return true;
  }
}

export class BlockQuerier implements Querier {
  readonly #block: Block;
  readonly #minMs: number;
  readonly #maxMs: number;

  /** Holds the block until `close`. */
  constructor(block: Block, minMs: number, maxMs: number) {
    this.#block = block.hold();
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  async select(matchers: readonly Matcher[], hints?: SelectHints, signal?: AbortSignal): Promise<SeriesSet> {
    const block = this.#block;
    const series: Series[] = [];
    const limit = hints?.limit ?? 0;
    const turn = new Turn(signal);
    for (const ref of selectPostings(block.index, matchers)) {
      if (limit > 0 && series.length >= limit) break;
      const pause = turn.pass();
      if (pause !== undefined) await pause;
      const found = block.index.series(ref);
      if (!found.chunks.some(({ minMs, maxMs }) => minMs <= this.#maxMs && maxMs >= this.#minMs)) continue;
      series.push(new BlockSeries(block, ref, found, this.#minMs, this.#maxMs));
    }
    return { series, warnings: [], bulk: new BulkSeries(series) };
  }

  async labelNames(matchers: readonly Matcher[], limit = 0, signal?: AbortSignal): Promise<string[]> {
    signal?.throwIfAborted();
    const names = new Set<string>();
    if (matchers.length === 0) {
      for (const name of this.#block.index.labelNames()) if (name !== '') names.add(name);
    } else {
      const turn = new Turn(signal);
      for (const ref of selectPostings(this.#block.index, matchers)) {
        await turn.pass();
        for (const [name] of this.#block.index.series(ref).labels) names.add(name);
      }
    }
    const sorted = [...names].sort(compareBytes);
    return limit > 0 ? sorted.slice(0, limit) : sorted;
  }

  async labelValues(name: string, matchers: readonly Matcher[], limit = 0, signal?: AbortSignal): Promise<string[]> {
    signal?.throwIfAborted();
    const { index } = this.#block;
    const selected = matchers.length === 0 ? undefined : selectPostings(index, matchers);
    const values: string[] = [];
    const turn = new Turn(signal);
    for (const value of index.values(name, '')) {
      if (limit > 0 && values.length >= limit) break;
      const pause = turn.pass();
      if (pause !== undefined) await pause;
      if (selected === undefined || intersect(selected, index.postings(name, value)).length > 0) values.push(value);
    }
    return values;
  }

  close(): void {
    this.#block.release();
  }
}
