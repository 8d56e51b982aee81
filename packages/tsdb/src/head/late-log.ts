/**
 * The write-behind log of late samples. A late sample is logged here before the rest of its batch is logged in the other log, so
 * that the batch can still be refused whole: what was logged here for nothing is taken back by a tombstone, at the latest before
 * anything else is logged here.
 */
import { ByteWriter } from '../byte-writer.ts';
import type { SampleColumns } from '../sample-columns.ts';
import { encodeHistograms, encodeSamples, encodeTombstones, type HistogramSample, histogramRuns } from '../wal/record.ts';
import type { WalWriter } from '../wal/writer.ts';
import type { OutOfOrderStore } from './out-of-order.ts';

type Tombstone = readonly [ref: number, minMs: number, maxMs: number];

export class LateLog {
  readonly store: OutOfOrderStore;
  /** So much older than the newest sample of all may a late one be. */
  readonly windowMs: number;
  readonly #log: WalWriter;
  readonly #record = new ByteWriter();
  /** Samples in the log that belong to batches that were refused. */
  #toRetract: Tombstone[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(store: OutOfOrderStore, windowMs: number, log: WalWriter) {
    this.store = store;
    this.windowMs = windowMs;
    this.#log = log;
  }

  /** With an out-of-order window batches take turns: whether a sample is late must not change between its logging and its use. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async logSamples(samples: SampleColumns, histograms: readonly HistogramSample[]): Promise<void> {
    await this.#logRetractions();
    if (samples.length > 0) this.#log.log(encodeSamples(this.#record, samples));
    for (const run of histogramRuns(histograms)) {
      encodeHistograms(this.#record.reset(), run);
      this.#log.log(this.#record.view());
    }
    await this.#log.flush();
  }

  async logTombstones(tombstones: readonly Tombstone[]): Promise<void> {
    if (tombstones.length === 0) return;
    await this.#logRetractions();
    encodeTombstones(this.#record.reset(), tombstones);
    this.#log.log(this.#record.view());
    await this.#log.flush();
  }

  /** The batch of these samples was refused. */
  async retract({ refs, times, length }: SampleColumns, histograms: readonly HistogramSample[]): Promise<void> {
    for (let i = 0; i < length; i++) this.#toRetract.push([refs[i] as number, times[i] as number, times[i] as number]);
    for (const { ref, tMs } of histograms) this.#toRetract.push([ref, tMs, tMs]);
    // The disk has just failed: then the next batch does it.
    await this.#logRetractions().catch(() => undefined);
  }

  async #logRetractions(): Promise<void> {
    const retracted = this.#toRetract;
    if (retracted.length === 0) return;
    encodeTombstones(this.#record.reset(), retracted);
    this.#log.log(this.#record.view());
    await this.#log.flush();
    this.#toRetract = this.#toRetract.slice(retracted.length);
  }

  get isEmpty(): boolean {
    return this.store.isEmpty && this.#toRetract.length === 0;
  }

  /** Cuts the log: what comes from now on is in the segment whose number is returned, and later ones. */
  async cut(): Promise<number> {
    await this.#logRetractions();
    return this.#log.nextSegment();
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
