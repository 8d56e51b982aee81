/** One series of the head for a querier: read sample by sample, or staged with others. */
import type { Labels, SampleReader, StagedChunks } from '@pronoia/model';
import type { StageableSeries } from '../bulk-series.ts';
import { sampleCount } from '../chunk/decode.ts';
import { xorEncoding } from '../chunk/xor.ts';
import type { Head } from './head.ts';
import { HeadReader } from './head-reader.ts';

export class HeadSeries implements StageableSeries {
  readonly labels: Labels;
  readonly #head: Head;
  readonly #ref: number;
  readonly #minMs: number;
  readonly #maxMs: number;

  /** `maxMs` is at most the time of the last sample that the querier may see: what comes later is invisible. */
  constructor(head: Head, ref: number, labels: Labels, minMs: number, maxMs: number) {
    this.labels = labels;
    this.#head = head;
    this.#ref = ref;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  samples(): SampleReader {
    return new HeadReader(this.#head, this.#ref, this.#minMs, this.#maxMs);
  }

  stage(into: StagedChunks, minMs: number, maxMs: number): boolean {
    const head = this.#head;
    const { chunks } = head;
    if (head.tombstones.size > 0 && head.tombstones.has(this.#ref)) return false;
    const slot = head.series.slotOf(this.#ref);
    if (slot < 0) return true;
    const first = minMs > this.#minMs ? minMs : this.#minMs;
    const last = maxMs < this.#maxMs ? maxMs : this.#maxMs;
    for (let chunk = head.firstChunk(slot); chunk !== 0; chunk = chunks.next(chunk)) {
      if (chunks.maxMs(chunk) < first) continue;
      if (chunks.minMs(chunk) > last) return true;
      if (chunks.encoding(chunk) !== xorEncoding) return false;
      const bytes = chunks.bytes(chunk);
      const at = into.take(bytes.length);
      into.bytes.set(bytes, at);
      into.addPiece(at, at + bytes.length, sampleCount(xorEncoding, bytes), first, last);
    }
    return head.stageOpen(slot, into, first, last);
  }
}
