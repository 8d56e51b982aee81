/**
 * Holds the metrics of a program and writes them for a scraper. Reading runs in turns of a few milliseconds (`PAUSE_AFTER_MS`): a registry of
 * any size neither stops the event loop nor stops anyone from recording meanwhile.
 */
import { aggregateFamilies } from './aggregate.ts';
import { ByteWriter } from './byte-writer.ts';
import { escapeName } from './escaping.ts';
import type { Aggregator, Collectable, LabelValues, MetricObjectWithValues } from './family.ts';
import type { Format } from './negotiation.ts';
import type { SeriesTable } from './series-table.ts';
import type { FamilyHeader, Sink } from './sink.ts';
import { familyName, TextWriter } from './text-writer.ts';

export type PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';
export type OpenMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export type RegistryContentType = PrometheusContentType | OpenMetricsContentType;

export const PROMETHEUS: PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS: OpenMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** The library's own metrics: they write their series themselves, some at a time. */
export interface Exposed extends Collectable {
  readonly unit: string;
  readonly created: boolean | undefined;
  readonly series: SeriesTable;
  collect: (() => void | Promise<void>) | undefined;
  snapshot(): MetricObjectWithValues;
  expose(sink: Sink, from: number, to: number): void;
}

export interface RegistryOptions {
  /** Show when each series began (`_created`) in OpenMetrics; it doubles the series of counters. Protobuf always tells. Default false. */
  created?: boolean | undefined;
}

/** What each metric has to say; undefined for those that speak for themselves. */
type Families = readonly (readonly [metric: Collectable, family: MetricObjectWithValues | undefined])[];

/** Writes into a buffer, from which the reader takes. */
interface Writer {
  readonly sink: Sink;
  readonly buffer: ByteWriter;
}

/** What a reader takes at once, at least. */
const PIECE_BYTES = 65536;
/** A piece and what one step may add to it. */
const BUFFER_BYTES = 2 * PIECE_BYTES;

/** Half of what an interactive server should ever be held up. */
const PAUSE_AFTER_MS = 5;
/** Numbers written between two looks at the clock; some hundred microseconds. A summary's cost more: each series is a digest to be merged. */
const NUMBERS_A_STEP = 1024;
const SUMMARIES_A_STEP = 16;

export class Registry<T extends RegistryContentType = RegistryContentType> {
  static readonly PROMETHEUS_CONTENT_TYPE: PrometheusContentType = PROMETHEUS;
  static readonly OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType = OPENMETRICS;

  /** The registry that metrics join when none is named. */
  static get globalRegistry(): Registry {
    return globalRegistry;
  }

  readonly #metrics = new Map<string, Collectable>();
  readonly #listeners: ((metric: Exposed) => void)[] = [];
  #defaultLabels: LabelValues = {};
  #contentType: T;
  readonly #isCreatedShown: boolean;

  constructor(contentType: T = PROMETHEUS as T, options: RegistryOptions = {}) {
    if (!isSupported(contentType)) throw new TypeError(unsupported(contentType));
    this.#contentType = contentType;
    this.#isCreatedShown = options.created ?? false;
  }

  get contentType(): T {
    return this.#contentType;
  }

  /** Which text format `metrics()` gives. */
  setContentType(contentType: T): void {
    if (!isSupported(contentType)) throw new Error(unsupported(contentType));
    this.#contentType = contentType;
  }

  /** Everything in the registry as text, in the format of `contentType`. */
  async metrics(): Promise<string> {
    let text = '';
    for await (const buffer of this.#filled(this.#ownFormat)) text += buffer.takeText();
    return text;
  }

  /** As `metrics`, at once. Throws when some metric has an asynchronous `collect`. */
  metricsSync(): string {
    const writer = this.#textWriter(this.#ownFormat);
    for (const _ of this.#write(writer, this.#collectSync()));
    return writer.takeText();
  }

  /** Everything in the format that the scraper's Accept header asks for. `body` belongs to the caller. */
  async render(accept?: string): Promise<{ contentType: string; body: Uint8Array<ArrayBuffer> }> {
    const { contentType, body } = await this.stream(accept);
    const pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const piece of body) {
      pieces.push(piece);
      sizeBytes += piece.length;
    }
    const whole = new Uint8Array(sizeBytes);
    const pace = pacer();
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
      await pace();
    }
    return { contentType, body: whole };
  }

  /** As `render`, in pieces as they come to be, for registries of many megabytes. */
  async stream(accept?: string): Promise<{ contentType: string; body: AsyncIterable<Uint8Array<ArrayBuffer>> }> {
    const format = await this.#format(accept);
    return { contentType: format.contentType, body: this.#stream(format) };
  }

  /** Negotiation, like protobuf, comes when it is first asked for: pages and edge functions never do. */
  async #format(accept: string | undefined): Promise<Format> {
    if (accept === undefined) return this.#ownFormat;
    const { negotiate } = await import('./negotiation.ts');
    return negotiate(accept, this.#ownFormat.kind);
  }

  async *#stream(format: Format): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const buffer of this.#filled(format)) yield buffer.take();
  }

  /** Writes everything, and hands out the buffer whenever there is enough to take in it. */
  async *#filled(format: Format): AsyncGenerator<ByteWriter> {
    const families = await this.#collect();
    const { sink, buffer } = await this.#writer(format);
    const pace = pacer();
    for (const isWhole of this.#write(sink, families)) {
      // A protobuf family carries its length in front, so it leaves as a whole.
      if (buffer.at >= PIECE_BYTES && (isWhole || format.kind !== 'protobuf')) yield buffer;
      await pace();
    }
    if (buffer.at > 0) yield buffer;
  }

  /** One metric as text, without a newline at the end. */
  async getMetricsAsString(metric: Collectable): Promise<string> {
    const writer = this.#textWriter(this.#ownFormat);
    for (const _ of this.#writeFamily(writer, metric, await collectOne(metric)));
    return writer.takeText().slice(0, -1);
  }

  async getSingleMetricAsString(name: string): Promise<string> {
    return this.getMetricsAsString(this.#metrics.get(name) as Collectable);
  }

  get #ownFormat(): Format & { readonly kind: 'text' | 'openmetrics' } {
    return { kind: this.#contentType === OPENMETRICS ? 'openmetrics' : 'text', escaping: 'underscores', contentType: this.#contentType };
  }

  #textWriter({ kind, escaping }: Format): TextWriter {
    return new TextWriter(kind === 'openmetrics', escaping, this.#defaultLabels, BUFFER_BYTES);
  }

  async #writer(format: Format): Promise<Writer> {
    if (format.kind !== 'protobuf') {
      const writer = this.#textWriter(format);
      return { sink: writer, buffer: writer };
    }
    const { ProtobufWriter } = await import('./protobuf-writer.ts');
    const buffer = new ByteWriter(BUFFER_BYTES);
    const escape = (name: string, isMetricName: boolean) => escapeName(name, format.escaping, isMetricName);
    return { sink: new ProtobufWriter(buffer, escape, this.#defaultLabels), buffer };
  }

  /** Brings all metrics up to date. Those that only come as JSON have answered with it. */
  #collect(): Promise<Families> {
    return Promise.all(this.getMetricsAsArray().map(async (metric) => [metric, await collectOne(metric)] as const));
  }

  #collectSync(): Families {
    return this.getMetricsAsArray().map((metric) => {
      const answer = isExposed(metric) ? metric.collect?.() : metric.get();
      if (answer instanceof Promise) {
        answer.catch(() => {}); // nobody waits for it; the caller learns of the mistake below
        throw new Error(`The metric ${metric.name} collects asynchronously; use metrics() instead of metricsSync()`);
      }
      return [metric, answer as MetricObjectWithValues | undefined];
    });
  }

  /** Writes everything; after each step the driver may pause. The steps say whether a family has just ended. */
  *#write(sink: Sink, families: Families): Generator<boolean> {
    for (const [metric, family] of families) yield* this.#writeFamily(sink, metric, family);
    const dropped = droppedFamily(families);
    if (dropped.values.length > 0 && !this.#metrics.has(dropped.name)) yield* this.#writeFamily(sink, dropped, dropped);
    sink.end();
  }

  *#writeFamily(sink: Sink, metric: Exposed | FamilyHeader, family: MetricObjectWithValues | undefined): Generator<boolean> {
    const base = familyName(metric.name, metric.type);
    // OpenMetrics names the family of `x_total` just `x`: a name that another metric may have.
    const isNameTaken = base !== metric.name && this.#metrics.has(base);
    if (isExposed(metric)) {
      const { series } = metric;
      series.sweep(Date.now());
      sink.family(metric, metric.created ?? this.#isCreatedShown, isNameTaken);
      // Series that appear during a pause wait for the next scrape, else one removed and recorded again would be written twice.
      const { size, generation } = series;
      const step = metric.type === 'summary' ? SUMMARIES_A_STEP : Math.ceil(NUMBERS_A_STEP / series.stride);
      series.hold();
      try {
        for (let from = 0; from < size && series.generation === generation; from += step) {
          metric.expose(sink, from, Math.min(size, from + step));
          if (from + step < size) yield false;
        }
      } finally {
        series.release();
      }
    } else {
      sink.family(metric, false, isNameTaken);
      if (family !== undefined) yield* sink.values(family);
    }
    sink.endFamily();
    yield true;
  }

  /** Adds a metric or a collector of one's own. The same object twice is no fault; another one of the same name is. */
  registerMetric(metric: Collectable): void {
    const known = this.#metrics.get(metric.name);
    if (known !== undefined && known !== metric) throw new Error(`A metric with the name ${metric.name} has already been registered.`);
    this.#metrics.set(metric.name, metric);
    if (known === undefined && isExposed(metric)) for (const listener of this.#listeners) listener(metric);
  }

  /** Tells of each of the library's own metrics in the registry, those to come included. */
  onRegister(listener: (metric: Exposed) => void): void {
    this.#listeners.push(listener);
    for (const metric of this.#metrics.values()) if (isExposed(metric)) listener(metric);
  }

  /** The metric of that name, made by `make` if there is none yet. For modules that may be loaded twice. */
  getOrCreate<M extends Collectable>(name: string, make: (registers: [Registry<T>]) => M): M {
    return (this.#metrics.get(name) as M | undefined) ?? make([this]);
  }

  getSingleMetric(name: string): Collectable | undefined {
    return this.#metrics.get(name);
  }

  removeSingleMetric(name: string): void {
    this.#metrics.delete(name);
  }

  getMetricsAsArray(aggregator?: Aggregator): Collectable[] {
    const metrics = [...this.#metrics.values()];
    return aggregator === undefined ? metrics : metrics.filter((metric) => (metric.aggregator ?? 'sum') === aggregator);
  }

  async getMetricsAsJSON(aggregator?: Aggregator): Promise<MetricObjectWithValues[]> {
    const families = await Promise.all(this.getMetricsAsArray(aggregator).map(async (metric) => metric.get()));
    const defaults = Object.entries(this.#defaultLabels);
    if (defaults.length === 0) return families;
    return families.map((family) => ({
      ...family,
      values: family.values.map((value) => {
        const labels = { ...value.labels };
        for (const [name, labelValue] of defaults) if (labelValue !== undefined) labels[name] ??= labelValue;
        return { ...value, labels };
      }),
    }));
  }

  /** Labels for every series of the registry; a metric's own label of the same name wins. */
  setDefaultLabels(labels: LabelValues): void {
    this.#defaultLabels = labels;
  }

  /** Forgets all metrics and the default labels. */
  clear(): void {
    this.#metrics.clear();
    this.#defaultLabels = {};
  }

  /** All metrics back to their beginning. */
  resetMetrics(): void {
    for (const metric of this.#metrics.values()) metric.reset?.();
  }

  /** One registry with the metrics of several of the same content type. */
  static merge(registries: readonly Registry[]): Registry {
    const [first] = registries;
    const contentType = (first as Registry).contentType;
    if (registries.some((registry) => registry.contentType !== contentType)) {
      throw new Error('Registers can only be merged if they have the same content type');
    }
    const merged = new Registry(contentType);
    for (const registry of registries) for (const metric of registry.getMetricsAsArray()) merged.registerMetric(metric);
    return merged;
  }

  /** One registry out of what `getMetricsAsJSON` gave in several processes; each metric is combined as its `aggregator` says. */
  static aggregate(families: readonly (readonly MetricObjectWithValues[])[], contentType: RegistryContentType = PROMETHEUS): Registry {
    const registry = new Registry(contentType);
    for (const family of aggregateFamilies(families)) registry.registerMetric({ ...family, get: () => family } as Collectable);
    return registry;
  }
}

function isSupported(contentType: string): contentType is RegistryContentType {
  return contentType === PROMETHEUS || contentType === OPENMETRICS;
}

function unsupported(contentType: string): string {
  return `Content type ${contentType} is unsupported`;
}

function isExposed(metric: FamilyHeader): metric is Exposed {
  return 'expose' in metric;
}

async function collectOne(metric: Collectable): Promise<MetricObjectWithValues | undefined> {
  if (!isExposed(metric)) return metric.get();
  await metric.collect?.();
  return undefined;
}

/** Recordings that `maxSeries` turned away, so that the loss is seen. */
function droppedFamily(families: Families): MetricObjectWithValues {
  const help = 'Recordings that were dropped because the metric had reached its maxSeries.';
  const values = families.flatMap(([metric]) =>
    isExposed(metric) && metric.series.dropped > 0 ? [{ value: metric.series.dropped, labels: { metric: metric.name } }] : [],
  );
  return { name: 'metrics_dropped_total', help, type: 'counter', aggregator: 'sum', values };
}

/** To be awaited after every step: lets the event loop have a turn whenever we have held it for long. */
function pacer(): () => Promise<void> | undefined {
  let startedMs = performance.now();
  return () => (performance.now() - startedMs < PAUSE_AFTER_MS ? undefined : pause());

  async function pause(): Promise<void> {
    // Browsers have no setImmediate.
    await new Promise<void>((resolve) => void (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve)));
    startedMs = performance.now();
  }
}

/** The registry that metrics join when none is named. */
export const globalRegistry: Registry = new Registry();
