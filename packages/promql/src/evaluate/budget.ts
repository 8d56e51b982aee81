/**
 * What one query may use: time, samples, and the event loop's patience. Work asks `due()` now and then, which is cheap, and
 * awaits `pause()` when it says yes; that is where cancelling and timeouts take effect.
 */
import { QueryError } from '../query-error.ts';
import type { Frame } from './frame.ts';

/** Others wait at most about this long for the event loop. */
const sliceMs = 10;

export class Budget {
  readonly #signal: AbortSignal | undefined;
  readonly #now: () => number;
  readonly #deadline: number;
  readonly #maxSamples: number;
  readonly #countedFrame: Frame | undefined;
  /** As `queryableSamples`, for each step of the query; only when asked for. */
  readonly samplesPerStep: Float64Array | undefined;
  #sliceEnd: number;
  #work = 0;
  #samples = 0;
  /** Most samples held at a time. */
  peakSamples = 0;
  /** Samples read from storage. */
  samplesRead = 0;
  /** Samples that steps looked at; one sample counts for every window it is in. */
  queryableSamples = 0;

  constructor(options: {
    signal?: AbortSignal | undefined;
    now: () => number;
    deadline: number;
    maxSamples: number;
    countedFrame?: Frame | undefined;
  }) {
    this.#signal = options.signal;
    this.#now = options.now;
    this.#deadline = options.deadline;
    this.#maxSamples = options.maxSamples;
    this.#countedFrame = options.countedFrame;
    this.samplesPerStep = options.countedFrame === undefined ? undefined : new Float64Array(options.countedFrame.count);
    this.#sliceEnd = this.#now() + sliceMs;
  }

  /** Whether the samples of this frame's steps are to be counted one by one: subqueries are not. */
  countsSteps(frame: Frame): boolean {
    return frame === this.#countedFrame;
  }

  /** Reports that about `work` samples were handled; true when it is time to `pause`. */
  due(work: number): boolean {
    this.#work += work;
    if (this.#work < 20_000) return false;
    this.#work = 0;
    return this.#now() >= this.#sliceEnd;
  }

  /** Lets others run. Throws QueryError when the query was cancelled or is late. */
  async pause(): Promise<void> {
    this.check();
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.check();
    this.#sliceEnd = this.#now() + sliceMs;
  }

  /** The event loop was free meanwhile: others have run. */
  rested(): void {
    this.#sliceEnd = this.#now() + sliceMs;
  }

  check(where = 'expression evaluation'): void {
    if (this.#signal?.aborted === true) throw new QueryError('canceled', `query was canceled in ${where}`);
    if (this.#now() >= this.#deadline) throw new QueryError('timeout', `query timed out in ${where}`);
  }

  /** Counts samples as held. Throws QueryError beyond the limit. */
  hold(samples: number): void {
    this.#samples += samples;
    if (this.#samples > this.peakSamples) this.peakSamples = this.#samples;
    if (this.#samples > this.#maxSamples) {
      throw new QueryError('execution', 'query processing would load too many samples into memory in query execution');
    }
  }

  get held(): number {
    return this.#samples;
  }

  release(samples: number): void {
    this.#samples -= samples;
  }
}
