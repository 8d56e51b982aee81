/**
 * Reads one series of the head forward, chunk by chunk, into the caller's batch.
 */
import { SampleBatch, type SampleReader } from '@pronoia/model';
import { clearExtras, copySamples, keepSamples } from '../batch-filter.ts';
import { decodeChunk, sampleCount } from '../chunk/decode.ts';
import type { Interval } from '../interval.ts';
import type { Head } from './head.ts';

const noIntervals: readonly Interval[] = [];
const nothing = new Uint8Array(0);

export class HeadReader implements SampleReader {
  readonly #head: Head;
  readonly #ref: number;
  readonly #maxMs: number;
  /** Only later samples are still to come. */
  #afterMs: number;
  /** The last full chunk that was read to its end; 0 before the first. */
  #chunk = 0;
  #done = false;
  /** For chunks that do not fit into the caller's batch at once. */
  #own: SampleBatch | undefined;

  /** `maxMs` is at most the time of the last sample that the querier may see: what comes later is invisible. */
  constructor(head: Head, ref: number, minMs: number, maxMs: number) {
    this.#head = head;
    this.#ref = ref;
    this.#afterMs = minMs - 1;
    this.#maxMs = maxMs;
  }

  read(into: SampleBatch): number {
    clearExtras(into);
    const head = this.#head;
    const slot = head.series.slotOf(this.#ref);
    if (slot < 0 || this.#done) return 0;
    const deleted = head.tombstones.get(this.#ref) ?? noIntervals;
    let filled = 0;
    for (;;) {
      let chunk = this.#chunk === 0 ? head.firstChunk(slot) : head.chunks.next(this.#chunk);
      while (chunk !== 0 && head.chunks.maxMs(chunk) <= this.#afterMs) chunk = head.chunks.next(chunk);
      const startMs = chunk === 0 ? head.openStartMs(slot) : head.chunks.minMs(chunk);
      if (startMs > this.#maxMs || (chunk === 0 && head.openCount(slot) === 0)) {
        this.#done = true;
        return filled;
      }
      const bytes = chunk === 0 ? nothing : head.chunks.bytes(chunk);
      const encoding = chunk === 0 ? 0 : head.chunks.encoding(chunk);
      const count = chunk === 0 ? head.openCount(slot) : sampleCount(encoding, bytes);
      const fits = count <= into.capacity - filled;
      if (!fits && filled > 0) return filled;
      const target = fits ? into : this.#scratch(count);
      if (chunk === 0) head.decodeOpen(slot, target, filled);
      else decodeChunk(encoding, bytes, target, filled);
      const kept = keepSamples(target, filled, count, this.#afterMs + 1, this.#maxMs, deleted);
      if (!fits && kept > into.capacity) return this.#hand(into, into.capacity);
      if (!fits) this.#hand(into, kept);
      filled += kept;
      if (filled > 0) this.#afterMs = Math.max(this.#afterMs, into.times[filled - 1] as number);
      if (chunk === 0) {
        this.#done = true;
        return filled;
      }
      // Only a chunk that reaches into our range is remembered: those stay while we are open.
      this.#chunk = chunk;
    }
  }

  #scratch(count: number): SampleBatch {
    if (this.#own === undefined || this.#own.capacity < count) this.#own = new SampleBatch(count);
    clearExtras(this.#own);
    return this.#own;
  }

  /** Copies the first samples of the scratch batch out; the rest of the chunk is decoded again next time. */
  #hand(into: SampleBatch, count: number): number {
    const own = this.#own as SampleBatch;
    copySamples(own, into, count);
    if (count > 0) this.#afterMs = into.times[count - 1] as number;
    return count;
  }
}
