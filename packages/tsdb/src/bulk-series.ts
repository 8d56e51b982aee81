/** The fast lane of the storage contract (model, bulk.ts) over series that can stage themselves. */
import type { BulkReader, ColumnDecoder, Series, StagedChunks } from '@pronoia/model';
import { createDecoder } from './chunk/bulk-decoder.ts';

export interface StageableSeries extends Series {
  /**
   * Adds the pieces with samples in the inclusive range, ascending in time. False when they must be read one by one; what was added
   * does not count then.
   */
  stage(into: StagedChunks, minMs: number, maxMs: number): boolean;
}

export function isStageable(series: Series): series is StageableSeries {
  return 'stage' in series;
}

/** The file that workers load. From sources, which Node 20 cannot start, the built one is used. */
const decoderUrl = new URL(import.meta.url.endsWith('.ts') ? '../dist/chunk/bulk-decoder.js' : './chunk/bulk-decoder.js', import.meta.url)
  .href;
/** Times outside of it are no times; the kernel takes no infinity. */
const endOfTimeMs = Number.MAX_SAFE_INTEGER;

export class BulkSeries implements BulkReader {
  readonly decoderUrl = decoderUrl;
  readonly #series: readonly Series[];

  constructor(series: readonly Series[]) {
    this.#series = series;
  }

  createDecoder(): ColumnDecoder {
    return createDecoder();
  }

  stage(from: number, to: number, samples: number, minMs: number, maxMs: number, into: StagedChunks): number {
    into.clear();
    const [first, last] = [Math.max(minMs, -endOfTimeMs), Math.min(maxMs, endOfTimeMs)];
    let i = from;
    while (i < to && (i === from || into.samples < samples)) {
      const series = this.#series[i++] as Series;
      into.endSeries(!isStageable(series) || !series.stage(into, first, last));
    }
    return i - from;
  }
}
