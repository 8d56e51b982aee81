/**
 * One batch of samples on its way into the head. The order in `commit` is the durability argument:
 *
 * 1. new series, then samples, are put in line for the log: replay reads forward once and must know a ref before it meets it;
 * 2. we wait until the log has been handed to the operating system: from here on the death of the process loses nothing;
 * 3. only then the samples enter the head, all in one step: what a query has seen is in the log.
 *
 * With an out-of-order window batches take turns, and late samples are logged in a log of their own before the rest: when the process
 * dies between the two, late samples of a batch that was never acknowledged may be there.
 *
 * A sample may have become out of order since it was taken (two appenders, one series). It is dropped in step 3, and replay,
 * which applies the log in the same order by the same rule, drops it too.
 */
import type { Appender, AppendOptions, Exemplar, FloatHistogram, Labels, Rejection, SeriesRef } from '@pronoia/model';
import { ByteWriter } from '../byte-writer.ts';
import { areCountsWhole } from '../chunk/histogram.ts';
import type { TsdbMetrics } from '../metrics.ts';
import { highWord, nanHigh, nanLow, SampleColumns, staleHigh, staleLow } from '../sample-columns.ts';
import { Turn } from '../turn.ts';
import {
  encodeExemplars,
  encodeHistograms,
  encodeNoSeries,
  encodeSamples,
  encodeSeriesIds,
  type HistogramSample,
  histogramRuns,
} from '../wal/record.ts';
import type { WalWriter } from '../wal/writer.ts';
import type { ExemplarRing } from './exemplars.ts';
import type { Head } from './head.ts';
import type { LateLog } from './late-log.ts';
import { emptyHistogram, isValidHistogram } from './open-histograms.ts';

/** The budget that is used up. */
export type SeriesRefusal = 'series_limit' | 'memory_limit' | 'metric_limit' | 'job_limit';

/** What appenders of one database share. */
export interface AppenderContext {
  readonly head: Head;
  readonly wal: WalWriter;
  readonly exemplars: ExemplarRing;
  readonly metrics: TsdbMetrics;
  /** Where late samples go; undefined: they are refused. */
  readonly late: LateLog | undefined;
  /** Why this new series may not be made now, if so. */
  refusesSeries(labels: Labels): SeriesRefusal | undefined;
  created(labels: Labels): void;
  /** Throws when nothing may be appended any more. */
  check(): void;
  /** The batch is in the head now. */
  committed(columns: SampleColumns, histograms: readonly HistogramSample[]): void;
  /** The appender is done with; its columns may serve another. */
  finished(appender: HeadAppender, columns: SampleColumns): void;
}

const valueBits = new Float64Array(1);
const valueWords = new Uint32Array(valueBits.buffer);
const record = new ByteWriter(64 * 1024);
/** New series that are named in the log at one go: half a millisecond. */
const seriesPerSlice = 500;

export class HeadAppender implements Appender {
  readonly #context: AppenderContext;
  readonly #columns: SampleColumns;
  readonly #exemplars: (readonly [ref: number, exemplar: Exemplar])[] = [];
  readonly #histograms: HistogramSample[] = [];
  #late: SampleColumns | undefined;
  readonly #lateHistograms: HistogramSample[] = [];
  /** Series whose records are in line for the log. */
  #unconfirmed: number[] = [];
  #isOpen = true;

  constructor(context: AppenderContext, columns: SampleColumns) {
    this.#context = context;
    this.#columns = columns;
    columns.length = 0;
  }

  append(ref: SeriesRef, labels: Labels, tMs: number, value: number | FloatHistogram, options?: AppendOptions): SeriesRef | Rejection {
    const { head } = this.#context;
    this.#mustBeOpen();
    let slot = head.series.slotOf(ref);
    if (slot < 0) {
      const made = this.#getOrCreate(labels);
      if (typeof made === 'string') return made;
      slot = made;
    }
    let high: number;
    let low: number;
    if (options?.stale === true) {
      if (head.isHistogramSeries(slot)) return this.#appendHistogram(slot, tMs, undefined);
      high = staleHigh;
      low = staleLow;
    } else if (typeof value !== 'number') {
      if (!isValidHistogram(value)) return 'histogram_invalid';
      // A claim that does not hold, or whole counts beyond what a chunk's differences can say exactly: they are kept as floats.
      const isRefuted = value.isInteger === true && !areCountsWhole(value);
      return this.#appendHistogram(slot, tMs, isRefuted ? { ...value, isInteger: false } : value);
    } else if (value !== value) {
      high = nanHigh;
      low = nanLow;
    } else {
      valueBits[0] = value;
      high = valueWords[highWord] as number;
      low = valueWords[1 - highWord] as number;
    }
    const answer = head.appendable(slot, tMs, high, low);
    const ownRef = head.series.ref(slot);
    if (answer === 'yes') this.#columns.pushWords(ownRef, tMs, high, low);
    else if (answer === 'out_of_order' || answer === 'out_of_bounds') return this.#appendLate(ownRef, tMs, high, low, answer);
    else if (answer !== 'repeated') return this.#rejected(answer, 'float');
    return ownRef;
  }

  appendMany(refs: Float64Array, times: Float64Array, values: Float64Array, from: number, to: number): number {
    const { head } = this.#context;
    this.#mustBeOpen();
    const count = head.appendableCount(refs, times, from, to);
    this.#columns.pushAll(refs.subarray(from, from + count), times.subarray(from, from + count), values.subarray(from, from + count));
    return count;
  }

  #appendLate(ref: number, tMs: number, high: number, low: number, otherwise: Rejection): SeriesRef | Rejection {
    const { head, late } = this.#context;
    if (late === undefined) return this.#rejected(otherwise, 'float');
    if (tMs < Math.max(head.maxMs, head.minValidMs) - late.windowMs) return this.#rejected('too_old', 'float');
    switch (late.store.at(ref, tMs, high, low)) {
      case 'free':
        this.#late ??= new SampleColumns(16);
        this.#late.pushWords(ref, tMs, high, low);
        return ref;
      case 'same':
        return ref;
      case 'other':
        return this.#rejected('duplicate_timestamp', 'float');
    }
  }

  /** Without a histogram: the stale marker. */
  #appendHistogram(slot: number, tMs: number, histogram: FloatHistogram | undefined): SeriesRef | Rejection {
    const { head } = this.#context;
    const answer = head.appendableHistogram(slot, tMs, histogram);
    const ref = head.series.ref(slot);
    if (answer === 'yes') {
      const isStale = histogram === undefined;
      const isInteger = isStale ? head.hasWholeCounts(slot) : histogram.isInteger === true;
      this.#histograms.push({ ref, tMs, histogram: histogram ?? emptyHistogram, isStale, isInteger });
    }
    if (answer === 'out_of_order' || answer === 'out_of_bounds') return this.#appendLateHistogram(ref, tMs, histogram, answer);
    if (answer !== 'yes' && answer !== 'repeated') return this.#rejected(answer, 'histogram');
    return ref;
  }

  #appendLateHistogram(ref: number, tMs: number, histogram: FloatHistogram | undefined, otherwise: Rejection): SeriesRef | Rejection {
    // A stale marker is the same among late samples, whatever it ends.
    if (histogram === undefined) return this.#appendLate(ref, tMs, staleHigh, staleLow, otherwise);
    const { head, late } = this.#context;
    if (late === undefined) return this.#rejected(otherwise, 'histogram');
    if (tMs < Math.max(head.maxMs, head.minValidMs) - late.windowMs) return this.#rejected('too_old', 'histogram');
    switch (late.store.at(ref, tMs, 0, 0, histogram)) {
      case 'free':
        this.#pushLateHistogram(ref, tMs, histogram);
        return ref;
      case 'same':
        return ref;
      case 'other':
        return this.#rejected('duplicate_timestamp', 'histogram');
    }
  }

  /** Who sent it knew of resets since another sample than the one that is now before it. */
  #pushLateHistogram(ref: number, tMs: number, histogram: FloatHistogram): void {
    const counterResetHint = histogram.counterResetHint === 'gauge' ? 'gauge' : 'unknown';
    const isInteger = histogram.isInteger === true;
    this.#lateHistograms.push({ ref, tMs, histogram: { ...histogram, counterResetHint }, isStale: false, isInteger });
  }

  #rejected(rejection: Rejection, type: 'float' | 'histogram'): Rejection {
    const { metrics } = this.#context;
    if (rejection === 'out_of_order') metrics.outOfOrder.inc({ type });
    else if (rejection === 'out_of_bounds') metrics.outOfBounds.inc({ type });
    else if (rejection === 'too_old') metrics.tooOld.inc({ type });
    else if (rejection === 'duplicate_timestamp') metrics.duplicates.inc();
    return rejection;
  }

  #getOrCreate(labels: Labels): number | Rejection {
    const { head, metrics } = this.#context;
    const known = head.series.find(labels);
    if (known >= 0) return known;
    const refusal = this.#context.refusesSeries(labels);
    if (refusal !== undefined) {
      metrics.seriesRefused.inc({ reason: refusal });
      return refusal === 'memory_limit' ? refusal : 'series_limit';
    }
    const slot = head.getOrCreate(labels);
    if (typeof slot === 'number') this.#context.created(labels);
    return slot;
  }

  appendExemplar(ref: SeriesRef, labels: Labels, exemplar: Exemplar): SeriesRef | Rejection {
    const { head, exemplars, metrics } = this.#context;
    this.#mustBeOpen();
    let slot = head.series.slotOf(ref);
    if (slot < 0) {
      const made = this.#getOrCreate(labels);
      if (typeof made === 'string') return made;
      slot = made;
    }
    const ownRef = head.series.ref(slot);
    if (!exemplars.isOn) return ownRef;
    const answer = exemplars.appendable(ownRef, exemplar);
    if (answer === 'yes') this.#exemplars.push([ownRef, exemplar]);
    else if (answer !== 'repeated') {
      if (answer === 'out_of_order') metrics.exemplarsOutOfOrder.inc();
      return answer;
    }
    return ownRef;
  }

  /** Refs that wait in this batch: their series must stay. */
  *pendingRefs(): Iterable<number> {
    const { refs, length } = this.#columns;
    for (let i = 0; i < length; i++) yield refs[i] as number;
    for (const { ref } of this.#histograms) yield ref;
    for (let i = 0; i < (this.#late?.length ?? 0); i++) yield this.#late?.refs[i] as number;
    for (const { ref } of this.#lateHistograms) yield ref;
    for (const [ref] of this.#exemplars) yield ref;
  }

  /** Time of the oldest sample that waits; Infinity without any. */
  get oldestPendingMs(): number {
    const { times, length } = this.#columns;
    let oldestMs = Infinity;
    for (let i = 0; i < length; i++) oldestMs = Math.min(oldestMs, times[i] as number);
    for (const { tMs } of this.#histograms) oldestMs = Math.min(oldestMs, tMs);
    return oldestMs;
  }

  /** The log lost what was in line: the next batch must name these series again. */
  logFailed(): void {
    const { head } = this.#context;
    for (const ref of this.#unconfirmed) {
      const slot = head.series.slotOf(ref);
      if (slot >= 0) head.setLogged(slot, false);
    }
    this.#unconfirmed = [];
  }

  async commit(): Promise<void> {
    this.#mustBeOpen();
    this.#isOpen = false;
    const { late } = this.#context;
    try {
      this.#context.check();
      const isEmpty = this.#columns.length === 0 && this.#histograms.length === 0 && this.#exemplars.length === 0;
      if (isEmpty && this.#late === undefined && this.#lateHistograms.length === 0) return;
      if (late === undefined) await this.#commit();
      else await late.alone(() => this.#commitWithLate(late));
    } finally {
      this.#context.finished(this, this.#columns);
    }
  }

  async #commit(): Promise<void> {
    const { wal } = this.#context;
    const columns = this.#columns;
    // 1.
    if (this.#context.head.unloggedCount > seriesPerSlice) await this.#logManySeries();
    this.#logSeries();
    if (columns.length > 0) {
      wal.log(encodeSamples(record, columns));
    }
    for (const samples of histogramRuns(this.#histograms)) {
      encodeHistograms(record.reset(), samples);
      wal.log(record.view());
    }
    if (this.#exemplars.length > 0) {
      encodeExemplars(record.reset(), this.#exemplars);
      wal.log(record.view());
    }
    // 2.
    await wal.flush();
    this.#unconfirmed = [];
    // 3.
    this.#apply();
  }

  async #commitWithLate(late: LateLog): Promise<void> {
    this.#setLateApart(late);
    const hasLate = this.#late !== undefined || this.#lateHistograms.length > 0;
    const samples = this.#late ?? new SampleColumns(0);
    if (hasLate) {
      // The other log alone names series: it must know them before this one does, or a ref could be given twice.
      this.#logSeries();
      await this.#context.wal.flush();
      this.#unconfirmed = [];
      await late.logSamples(samples, this.#lateHistograms);
    }
    try {
      await this.#commit();
    } catch (error) {
      if (hasLate) await late.retract(samples, this.#lateHistograms);
      throw error;
    }
  }

  /** Samples that other batches, or others of this one, have overtaken since they were taken. */
  #setLateApart(late: LateLog): void {
    const { head } = this.#context;
    const columns = this.#columns;
    const { length } = columns;
    const newest = new Map<number, number>();
    columns.length = 0;
    for (let i = 0; i < length; i++) {
      const ref = columns.refs[i] as number;
      const tMs = columns.times[i] as number;
      const high = columns.high(i);
      const low = columns.low(i);
      const slot = head.series.slotOf(ref);
      if (slot < 0) continue;
      const lastMs = newest.get(ref) ?? head.lastMs(slot);
      if (tMs > lastMs) {
        newest.set(ref, tMs);
        columns.pushWords(ref, tMs, high, low);
      } else if (tMs !== lastMs && late.store.at(ref, tMs, high, low) === 'free') {
        this.#late ??= new SampleColumns(16);
        this.#late.pushWords(ref, tMs, high, low);
      }
    }
    for (const sample of this.#histograms.splice(0)) {
      const { ref, tMs, histogram, isStale } = sample;
      const slot = head.series.slotOf(ref);
      if (slot < 0) continue;
      const lastMs = newest.get(ref) ?? head.lastMs(slot);
      if (tMs > lastMs) {
        newest.set(ref, tMs);
        this.#histograms.push(sample);
      } else if (tMs === lastMs) continue;
      else if (isStale) this.#appendLate(ref, tMs, staleHigh, staleLow, 'out_of_order');
      else if (late.store.at(ref, tMs, 0, 0, histogram) === 'free') this.#pushLateHistogram(ref, tMs, histogram);
    }
  }

  /** What is new in the batch is named in the log before its samples; in one step with them, or a failure could part the two. */
  #logSeries(): void {
    const { head, wal } = this.#context;
    if (head.unloggedCount === 0) return;
    encodeNoSeries(record.reset());
    const before = this.#unconfirmed.length;
    for (const ref of this.pendingRefs()) this.#nameInLog(ref);
    if (this.#unconfirmed.length > before) wal.log(record.view());
  }

  /** Puts the series into the record, unless the log knows it. */
  #nameInLog(ref: number): void {
    const { head } = this.#context;
    const slot = head.series.slotOf(ref);
    if (slot < 0 || head.isLogged(slot)) return;
    head.setLogged(slot, true);
    this.#unconfirmed.push(ref);
    encodeSeriesIds(record, ref, head.series.ids(slot), head.series.symbols);
  }

  /**
   * Ten thousand new series take longer than others should wait: most of them are named beforehand, in slices. Where the log failed
   * meanwhile they count as not named, and `#logSeries` does it again.
   */
  async #logManySeries(): Promise<void> {
    const { head, wal } = this.#context;
    const columns = this.#columns;
    const turn = new Turn();
    for (let from = 0; from < columns.length && head.unloggedCount > seriesPerSlice; from += seriesPerSlice) {
      encodeNoSeries(record.reset());
      const before = this.#unconfirmed.length;
      const to = Math.min(columns.length, from + seriesPerSlice);
      for (let i = from; i < to; i++) this.#nameInLog(columns.refs[i] as number);
      if (this.#unconfirmed.length > before) wal.log(record.view());
      const pause = turn.passNow();
      if (pause !== undefined) await pause;
    }
  }

  #apply(): void {
    const { head, exemplars, metrics } = this.#context;
    const columns = this.#columns;
    head.commits++;
    const appended = head.appendAll(columns) + this.#applyLate();
    let histograms = this.#applyLateHistograms();
    for (const { ref, tMs, histogram, isStale } of this.#histograms) {
      const slot = head.series.slotOf(ref);
      if (slot >= 0 && head.appendHistogram(slot, tMs, isStale ? undefined : histogram)) histograms++;
    }
    for (const [ref, exemplar] of this.#exemplars) {
      const slot = head.series.slotOf(ref);
      if (slot >= 0) exemplars.add(ref, head.series.labels(slot), exemplar);
    }
    if (appended > 0) metrics.samplesAppended.inc({ type: 'float' }, appended);
    const refused = columns.length + (this.#late?.length ?? 0) - appended;
    if (refused > 0) metrics.outOfOrder.inc({ type: 'float' }, refused);
    if (histograms > 0) metrics.samplesAppended.inc({ type: 'histogram' }, histograms);
    if (this.#exemplars.length > 0) metrics.exemplarsAppended.inc(this.#exemplars.length);
    this.#context.committed(columns, this.#histograms);
  }

  #applyLate(): number {
    const samples = this.#late;
    if (samples === undefined) return 0;
    const { head, late } = this.#context;
    let appended = 0;
    for (let i = 0; i < samples.length; i++) {
      const ref = samples.refs[i] as number;
      if (head.series.slotOf(ref) >= 0 && late?.store.append(ref, samples.times[i] as number, samples.high(i), samples.low(i))) appended++;
    }
    return appended;
  }

  #applyLateHistograms(): number {
    const { head, late } = this.#context;
    let appended = 0;
    for (const { ref, tMs, histogram } of this.#lateHistograms) {
      if (head.series.slotOf(ref) >= 0 && late?.store.append(ref, tMs, 0, 0, histogram)) appended++;
    }
    return appended;
  }

  rollback(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#context.finished(this, this.#columns);
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw new Error('BUG: an appender is used after commit or rollback');
  }
}
