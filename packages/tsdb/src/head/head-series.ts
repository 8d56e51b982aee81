/** One series of the head for a querier: read sample by sample, or staged with others. */
import { type Labels, SampleBatch, type SampleReader, type StagedChunks } from '@pronoia/model';
import { clearExtras } from '../batch-filter.ts';
import type { StageableSeries } from '../bulk-series.ts';
import { rawEncoding } from '../chunk/bulk-decoder.ts';
import { sampleCount } from '../chunk/decode.ts';
import { xorEncoding } from '../chunk/xor.ts';
import type { Head } from './head.ts';
import { HeadReader } from './head-reader.ts';

/** Samples of one open chunk on their way. */
const open = new SampleBatch(512);
const openTimes = new Uint8Array(open.times.buffer);
const openValues = new Uint8Array(open.values.buffer);

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
      into.addPiece(at, at + bytes.length, sampleCount(xorEncoding, bytes), xorEncoding, first, last);
    }
    return this.#stageOpen(slot, into, first, last);
  }

  #stageOpen(slot: number, into: StagedChunks, first: number, last: number): boolean {
    const head = this.#head;
    const count = head.openCount(slot);
    if (count === 0 || head.openStartMs(slot) > last || head.lastMs(slot) < first) return true;
    if (head.isHistogramSeries(slot) || count > open.capacity) return false;
    clearExtras(open);
    head.decodeOpen(slot, open, 0);
    let from = 0;
    while (from < count && (open.times[from] as number) < first) from++;
    let to = count;
    while (to > from && (open.times[to - 1] as number) > last) to--;
    const bytes = 8 * (to - from);
    const at = into.take(2 * bytes);
    into.bytes.set(openTimes.subarray(8 * from, 8 * to), at);
    into.bytes.set(openValues.subarray(8 * from, 8 * to), at + bytes);
    into.addPiece(at, at + 2 * bytes, to - from, rawEncoding, first, last);
    return true;
  }
}
