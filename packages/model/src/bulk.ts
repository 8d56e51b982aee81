/**
 * The optional fast lane of the storage contract: many series at once, as copies of the encoded bytes that a storage keeps. What a
 * storage has copied no longer depends on it, so that it can be decoded later, in one call, or on another thread.
 */

/** Numbers that describe one piece of a series in `StagedChunks.pieces`. */
export const pieceFields = 5;

/**
 * Float samples of some series, encoded; owned by the caller and filled anew by each `BulkReader.stage`. All of it is plain typed
 * arrays: it can be posted to a worker. How they are encoded is the storage's matter.
 */
export class StagedChunks {
  bytes = new Uint8Array(512 * 1024);
  /** Bytes in use. */
  length = 0;
  /** Per piece: start and end in `bytes`, number of samples, and the inclusive time range to keep. Ascending in time. */
  pieces = new Float64Array(1024 * pieceFields);
  pieceCount = 0;
  /** Per series: its pieces end before this one. */
  ends = new Uint32Array(1024);
  /** Per series: 1 where its samples are not here and must be read one by one (histograms, late or deleted samples). */
  slow = new Uint8Array(1024);
  seriesCount = 0;
  /** Samples in all pieces: at least as many as are to be kept. */
  samples = 0;

  clear(): void {
    this.length = 0;
    this.pieceCount = 0;
    this.seriesCount = 0;
    this.samples = 0;
  }

  /** Makes room and returns where `length` bytes are to be written; they count as used. */
  take(length: number): number {
    const at = this.length;
    const end = at + length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
    }
    this.length = end;
    return at;
  }

  /** One more piece of the series that `endSeries` will end. */
  addPiece(start: number, end: number, samples: number, minMs: number, maxMs: number): void {
    const at = this.pieceCount * pieceFields;
    if (at === this.pieces.length) {
      const larger = new Float64Array(at * 2);
      larger.set(this.pieces);
      this.pieces = larger;
    }
    const { pieces } = this;
    pieces[at] = start;
    pieces[at + 1] = end;
    pieces[at + 2] = samples;
    pieces[at + 3] = minMs;
    pieces[at + 4] = maxMs;
    this.pieceCount++;
    this.samples += samples;
  }

  /** Ends a series. A slow one loses the pieces it may have got. */
  endSeries(isSlow: boolean): void {
    const i = this.seriesCount;
    if (i === this.ends.length) {
      const ends = new Uint32Array(i * 2);
      ends.set(this.ends);
      this.ends = ends;
      const slow = new Uint8Array(i * 2);
      slow.set(this.slow);
      this.slow = slow;
    }
    if (isSlow) {
      const first = i === 0 ? 0 : (this.ends[i - 1] as number);
      for (let piece = first; piece < this.pieceCount; piece++) this.samples -= this.pieces[piece * pieceFields + 2] as number;
      this.pieceCount = first;
    }
    this.ends[i] = this.pieceCount;
    this.slow[i] = isSlow ? 1 : 0;
    this.seriesCount = i + 1;
  }
}

/** The floats of some series, one behind the other. Views that are good until the next `decode`. */
export interface FloatColumns {
  readonly seriesCount: number;
  /** Samples of series i: `[starts[i], starts[i + 1])`. */
  readonly starts: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** Staleness markers are not among the samples; their times are here: `[staleStarts[i], staleStarts[i + 1])`. */
  readonly staleStarts: Uint32Array;
  readonly staleTimes: Float64Array;
  /** 1 where the times of a series are exactly those of the series before: what was worked out from them can be used again. */
  readonly sameTimes: Uint8Array;
}

/** Works on any thread; one call at a time. */
export interface ColumnDecoder {
  /** Throws on damaged data. */
  decode(staged: StagedChunks): FloatColumns;
}

/** Some series of a set at once. */
export interface BulkReader {
  /** Address of a module that exports `createDecoder(): ColumnDecoder`, for workers. */
  readonly decoderUrl: string;
  createDecoder(): ColumnDecoder;
  /**
   * Copies series `from`, `from + 1`, … of the set into `into`, until about `samples` of them are there or `to` is reached; at least
   * one. Returns how many series it copied. Only samples inside the inclusive time range, and inside the querier's, are wanted.
   */
  stage(from: number, to: number, samples: number, minMs: number, maxMs: number, into: StagedChunks): number;
}
