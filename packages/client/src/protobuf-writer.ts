/**
 * Writes families as length-delimited `io.prometheus.client.MetricFamily` messages (prometheus/client_model io/prometheus/client/metrics.proto),
 * the one format in which Prometheus takes native histograms. Field numbers stand beside the fields' names.
 *
 * Loaded on demand, so it imports nothing of what is there before it: what it needs of the library it is given, and no bundler cuts the library in pieces for it.
 */
import type { ByteWriter } from './byte-writer.ts';
import type { Exemplars } from './exemplars.ts';
import type { Exemplar, LabelValue, LabelValues, MetricObjectWithValues, MetricType, MetricValue } from './family.ts';
import type { NativeBuckets } from './native-buckets.ts';
import { type Span, spansOf } from './native-spans.ts';
import type { SeriesTable } from './series-table.ts';
import type { FamilyHeader, Sink } from './sink.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

/** Samples that come as JSON taken in between two pauses. */
const VALUES_A_STEP = 256;

const TYPES: Record<MetricType, number> = { counter: 0, gauge: 1, summary: 2, unknown: 3, histogram: 4, info: 1, stateset: 1 };
/** Fields of Metric that hold a value, by type number. */
const VALUE_FIELD = [3, 2, 4, 5, 7];

const doubles = new Float64Array(1);
const doubleBytes = new Uint8Array(doubles.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export class ProtobufWriter implements Sink {
  readonly #out: ByteWriter;
  readonly #escape: (name: string, isMetricName: boolean) => string;
  readonly #defaults: readonly [string, LabelValue][];
  #family = 0;
  #type = 0;
  #names: string[] = [];

  /** `escape` spells names as the scraper wants them. */
  constructor(out: ByteWriter, escape: (name: string, isMetricName: boolean) => string, defaultLabels: LabelValues) {
    this.#out = out;
    this.#escape = escape;
    this.#defaults = Object.entries(defaultLabels).filter((entry): entry is [string, LabelValue] => entry[1] !== undefined);
  }

  family({ name, help, type, unit, series }: FamilyHeader): void {
    this.#family = this.#begin();
    this.#type = TYPES[type];
    this.#string(1, this.#escape(name, true)); // name
    this.#string(2, help); // help
    this.#unsigned(3, this.#type); // type
    if (unit) this.#string(5, unit); // unit
    this.#names = (series?.names ?? []).map((label) => this.#escape(label, false));
  }

  endFamily(): void {
    this.#finish(this.#family);
  }

  end(): void {}

  scalar(series: SeriesTable, slot: number, exemplars?: Exemplars): void {
    const metric = this.#beginMetric(series, slot);
    const value = this.#message(VALUE_FIELD[this.#type] as number);
    this.#double(1, series.values[slot] as number); // value
    if (this.#type === TYPES.counter) {
      this.#exemplar(2, exemplars?.get(slot, 0)); // exemplar
      this.#timestamp(3, series.created[slot] as number); // start_timestamp
    }
    this.#finish(value);
    this.#finish(metric);
  }

  histogram(series: SeriesTable, slot: number, bounds: readonly number[], exemplars: Exemplars, native: NativeBuckets | undefined): void {
    const { values, stride } = series;
    const at = slot * stride;
    let count = 0;
    for (let i = 0; i <= bounds.length; i++) count += values[at + i] as number;
    const metric = this.#beginMetric(series, slot);
    const histogram = this.#message(7); // histogram
    this.#unsigned(1, count); // sample_count
    this.#double(2, values[at + stride - 1] as number); // sample_sum
    let cumulated = 0;
    for (let i = 0; i <= bounds.length; i++) {
      cumulated += values[at + i] as number;
      const exemplar = exemplars.get(slot, i);
      // The last bucket is understood; it is written for its exemplar only.
      if (i < bounds.length || exemplar !== undefined) this.#bucket(cumulated, bounds[i] ?? Infinity, exemplar);
    }
    this.#timestamp(15, series.created[slot] as number); // start_timestamp
    if (native !== undefined) this.#native(native);
    this.#finish(histogram);
    this.#finish(metric);
  }

  #bucket(cumulated: number, bound: number, exemplar: Exemplar | undefined): void {
    const bucket = this.#message(3); // bucket
    this.#unsigned(1, cumulated); // cumulative_count
    this.#double(2, bound); // upper_bound
    this.#exemplar(3, exemplar); // exemplar
    this.#finish(bucket);
  }

  #native(native: NativeBuckets): void {
    const positive = spansOf(native.positive);
    const negative = spansOf(native.negative);
    this.#unsigned(5, zigzag(native.schema)); // schema
    this.#double(6, native.zeroThreshold); // zero_threshold
    this.#unsigned(7, native.zeroCount); // zero_count
    this.#spans(9, negative.spans); // negative_span
    this.#deltas(10, negative.deltas); // negative_delta
    // A span of nothing tells a native histogram that has seen nothing from none.
    const isEmpty = positive.spans.length === 0 && negative.spans.length === 0 && native.zeroCount === 0;
    this.#spans(12, isEmpty ? [{ offset: 0, length: 0 }] : positive.spans); // positive_span
    this.#deltas(13, positive.deltas); // positive_delta
    for (const exemplar of native.exemplars) this.#exemplar(16, exemplar); // exemplars
  }

  #spans(field: number, spans: readonly Span[]): void {
    for (const { offset, length } of spans) {
      const span = this.#message(field);
      this.#unsigned(1, zigzag(offset)); // offset
      this.#unsigned(2, length); // length
      this.#finish(span);
    }
  }

  #deltas(field: number, deltas: readonly number[]): void {
    if (deltas.length === 0) return;
    const packed = this.#message(field);
    for (const delta of deltas) this.#varint(zigzag(delta));
    this.#finish(packed);
  }

  summary(series: SeriesTable, slot: number, quantiles: readonly number[], values: readonly number[]): void {
    const metric = this.#beginMetric(series, slot);
    const summary = this.#message(4); // summary
    this.#unsigned(1, series.values[2 * slot] as number); // sample_count
    this.#double(2, series.values[2 * slot + 1] as number); // sample_sum
    for (const [i, quantile] of quantiles.entries()) this.#quantile(quantile, values[i] as number);
    this.#timestamp(4, series.created[slot] as number); // start_timestamp
    this.#finish(summary);
    this.#finish(metric);
  }

  #quantile(quantile: number, value: number): void {
    const message = this.#message(3); // quantile
    this.#double(1, quantile); // quantile
    this.#double(2, value); // value
    this.#finish(message);
  }

  *values(family: MetricObjectWithValues): Generator<boolean> {
    let taken = 0;
    // Only these have several values a series.
    const isLadder = this.#type === TYPES.histogram || this.#type === TYPES.summary;
    const bySeries = new Map<string, MetricValue[]>();
    for (const value of family.values ?? []) {
      if (!isLadder) this.#valuesOfSeries(family, [value]);
      else {
        const { le: _le, quantile: _quantile, ...labels } = value.labels;
        const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
        const known = bySeries.get(key);
        if (known === undefined) bySeries.set(key, [value]);
        else known.push(value);
      }
      if (++taken % VALUES_A_STEP === 0) yield false;
    }
    for (const values of bySeries.values()) {
      this.#valuesOfSeries(family, values);
      if (++taken % VALUES_A_STEP === 0) yield false;
    }
  }

  #valuesOfSeries(family: MetricObjectWithValues, values: readonly MetricValue[]): void {
    const metric = this.#message(4); // metric
    const { le: _le, quantile: _quantile, ...labels } = (values[0] as MetricValue).labels;
    for (const [name, value] of Object.entries({ ...Object.fromEntries(this.#defaults), ...labels })) this.#label(1, name, value);
    const message = this.#message(VALUE_FIELD[this.#type] as number);
    for (const { value, labels: own, metricName, exemplar } of values) {
      if (this.#type !== TYPES.histogram && this.#type !== TYPES.summary) {
        this.#double(1, value); // value
        if (this.#type === TYPES.counter) this.#exemplar(2, exemplar ?? undefined);
      } else if (metricName === `${family.name}_count`)
        this.#unsigned(1, value); // sample_count
      else if (metricName === `${family.name}_sum`)
        this.#double(2, value); // sample_sum
      else if (own.le !== undefined && own.le !== '+Inf') this.#bucket(value, Number(own.le), exemplar ?? undefined);
      else if (own.quantile !== undefined) this.#quantile(Number(own.quantile), value);
    }
    this.#finish(message);
    this.#finish(metric);
  }

  #beginMetric(series: SeriesTable, slot: number): number {
    const metric = this.#message(4); // metric
    const labels = series.labels(slot);
    for (const [i, name] of series.names.entries()) {
      const value = labels[name];
      if (value !== undefined) this.#label(1, this.#names[i] as string, value);
    }
    for (const [name, value] of this.#defaults) if (labels[name] === undefined) this.#label(1, this.#escape(name, false), value);
    return metric;
  }

  #label(field: number, name: string, value: LabelValue): void {
    const label = this.#message(field);
    this.#string(1, name); // name
    this.#string(2, String(value)); // value
    this.#finish(label);
  }

  #exemplar(field: number, exemplar: Exemplar | undefined): void {
    if (exemplar === undefined) return;
    const message = this.#message(field);
    for (const [name, value] of Object.entries(exemplar.labelSet)) if (value !== undefined) this.#label(1, name, value);
    this.#double(2, exemplar.value); // value
    this.#timestamp(3, exemplar.timestamp * 1000); // timestamp
    this.#finish(message);
  }

  /** google.protobuf.Timestamp. */
  #timestamp(field: number, unixMs: number): void {
    const message = this.#message(field);
    const seconds = Math.floor(unixMs / 1000);
    this.#unsigned(1, seconds); // seconds
    this.#unsigned(2, Math.round((unixMs - seconds * 1000) * 1e6)); // nanos
    this.#finish(message);
  }

  #string(field: number, text: string): void {
    const message = this.#message(field);
    this.#out.text(text);
    this.#finish(message);
  }

  #double(field: number, value: number): void {
    this.#varint((field << 3) | FIXED64);
    doubles[0] = value;
    this.#out.all(isLittleEndian ? doubleBytes : doubleBytes.slice().reverse());
  }

  #unsigned(field: number, value: number): void {
    this.#varint((field << 3) | VARINT);
    this.#varint(value);
  }

  /** Non-negative integers up to 2^53. */
  #varint(value: number): void {
    while (value >= 128) {
      this.#out.byte((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.#out.byte(value);
  }

  /** Opens a nested message; `finish` writes its length in front. */
  #message(field: number): number {
    this.#varint((field << 3) | LENGTH);
    return this.#begin();
  }

  #begin(): number {
    this.#out.byte(0); // most messages are shorter than 128 bytes
    return this.#out.at;
  }

  #finish(start: number): void {
    const out = this.#out;
    const length = out.at - start;
    if (length < 128) {
      out.bytes[start - 1] = length;
      return;
    }
    let extra = 0;
    for (let rest = length; rest >= 128; rest = Math.floor(rest / 128)) extra++;
    out.reserve(extra);
    out.bytes.copyWithin(start + extra, start, start + length);
    out.at = start - 1;
    this.#varint(length);
    out.at += length;
  }
}

/** Signed to unsigned, small staying small. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
