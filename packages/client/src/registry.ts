/**
 * Holds the metrics of a program and writes them for a scraper. Reading runs in turns of a few milliseconds (`PAUSE_AFTER_MS`): a registry of
 * any size neither stops the event loop nor stops anyone from recording meanwhile.
 */
import { aggregateFamilies } from './aggregate.ts';
import type { Aggregator, Collectable, LabelValues, MetricObjectWithValues, MetricValue } from './family.ts';
import { type Format, negotiate } from './negotiation.ts';
import type { ProtobufWriter } from './protobuf-writer.ts';
import type { SeriesTable } from './series-table.ts';
import type { Sink } from './sink.ts';
import { TextWriter } from './text-writer.ts';

export type PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';
export type OpenMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export type RegistryContentType = PrometheusContentType | OpenMetricsContentType;

const PROMETHEUS: PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';
const OPENMETRICS: OpenMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

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

type Writer = TextWriter | ProtobufWriter;

/** What each metric has to say; undefined for those that speak for themselves. */
type Families = ReadonlyMap<Collectable, MetricObjectWithValues | undefined>;

/** Size of the pieces in which a stream comes, at least. */
const STREAM_PIECE_BYTES = 65536;

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
  /** Size of the last exposition; the next one will hardly differ. */
  #lastBytes = 0;
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
    const families = await this.#collect();
    const writer = this.#writer(this.#ownFormat, this.#lastBytes);
    await paced(this.#write(writer, families));
    this.#lastBytes = writer.at;
    return writer.toString();
  }

  /** As `metrics`, at once. Throws when some metric has an asynchronous `collect`. */
  metricsSync(): string {
    const writer = this.#writer(this.#ownFormat, this.#lastBytes);
    const families = this.#collectSync();
    for (const _ of this.#write(writer, families));
    return writer.toString();
  }

  /** Everything in the format that the scraper's Accept header asks for. `body` belongs to the caller. */
  async render(accept?: string): Promise<{ contentType: string; body: Uint8Array<ArrayBuffer> }> {
    const format = this.#negotiate(accept);
    const families = await this.#collect();
    const writer = await this.#negotiatedWriter(format, this.#lastBytes);
    await paced(this.#write(writer, families));
    this.#lastBytes = writer.at;
    return { contentType: format.contentType, body: writer.take() };
  }

  /** As `render`, in pieces as they come to be, for registries of many megabytes. */
  stream(accept?: string): { contentType: string; body: AsyncIterable<Uint8Array<ArrayBuffer>> } {
    const format = this.#negotiate(accept);
    return { contentType: format.contentType, body: this.#pieces(format) };
  }

  async *#pieces(format: Format): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const families = await this.#collect();
    const writer = await this.#negotiatedWriter(format, 2 * STREAM_PIECE_BYTES);
    const steps = this.#write(writer, families);
    const pause = new Pause();
    try {
      for (const isWhole of steps) {
        // A protobuf family carries its length in front, so it leaves as a whole.
        if (writer.at >= STREAM_PIECE_BYTES && (isWhole || format.kind !== 'protobuf')) yield writer.take();
        if (pause.isDue) await pause.take();
      }
    } finally {
      steps.return(undefined);
    }
    if (writer.at > 0) yield writer.take();
  }

  /** One metric as text, without a newline at the end. */
  async getMetricsAsString(metric: Collectable): Promise<string> {
    const writer = this.#writer(this.#ownFormat, 0);
    for (const _ of this.#writeFamily(writer, metric, await collectOne(metric)));
    return writer.toString().slice(0, -1);
  }

  async getSingleMetricAsString(name: string): Promise<string> {
    return this.getMetricsAsString(this.#metrics.get(name) as Collectable);
  }

  #negotiate(accept: string | undefined): Format {
    return negotiate(accept, this.#contentType === OPENMETRICS ? 'openmetrics' : 'text');
  }

  get #ownFormat(): Format {
    return { kind: this.#contentType === OPENMETRICS ? 'openmetrics' : 'text', escaping: 'underscores', contentType: this.#contentType };
  }

  /** Protobuf comes when it is first asked for: pages and edge functions never do. */
  async #negotiatedWriter(format: Format, expectedBytes: number): Promise<Writer> {
    if (format.kind !== 'protobuf') return this.#writer(format, expectedBytes);
    const { ProtobufWriter } = await import('./protobuf-writer.ts');
    return new ProtobufWriter(format.escaping, this.#defaultLabels, Math.ceil(expectedBytes * 1.05) + 4096);
  }

  #writer({ kind, escaping }: Format, expectedBytes: number): TextWriter {
    const sizeBytes = Math.ceil(expectedBytes * 1.05) + 4096;
    return new TextWriter({ isOpenMetrics: kind === 'openmetrics', escaping }, this.#defaultLabels, sizeBytes);
  }

  /** Brings all metrics up to date. Those that only come as JSON have answered with it. */
  async #collect(): Promise<Families> {
    const metrics = [...this.#metrics.values()];
    const families = await Promise.all(metrics.map(collectOne));
    return new Map(metrics.map((metric, i) => [metric, families[i]]));
  }

  #collectSync(): Families {
    const families = new Map<Collectable, MetricObjectWithValues | undefined>();
    for (const metric of this.#metrics.values()) {
      const answer = isExposed(metric) ? metric.collect?.() : metric.get();
      if (answer instanceof Promise) {
        answer.catch(() => {}); // nobody waits for it; the caller learns of the mistake below
        throw new Error(`The metric ${metric.name} collects asynchronously; use metrics() instead of metricsSync()`);
      }
      families.set(metric, isExposed(metric) ? undefined : (answer as MetricObjectWithValues));
    }
    return families;
  }

  /** Writes everything; after each step the driver may pause. The steps say whether a family has just ended. */
  *#write(writer: Writer, families: Families): Generator<boolean> {
    for (const [metric, family] of families) yield* this.#writeFamily(writer, metric, family);
    const dropped = droppedFamily(families.keys());
    if (dropped !== undefined && !this.#metrics.has(dropped.name)) {
      yield* this.#writeFamily(writer, { ...dropped, get: () => dropped }, dropped);
    }
    writer.end();
  }

  *#writeFamily(writer: Writer, metric: Collectable, family: MetricObjectWithValues | undefined): Generator<boolean> {
    if (!isExposed(metric)) {
      writer.family(metric, false, this.#isNameTaken(metric));
      if (family !== undefined) writer.values(family);
      writer.endFamily();
      yield true;
      return;
    }
    const { series } = metric;
    series.sweep(Date.now());
    writer.family(metric, metric.created ?? this.#isCreatedShown, this.#isNameTaken(metric));
    // Series that appear during a pause wait for the next scrape, else one removed and recorded again would be written twice.
    const { size, generation } = series;
    const step = metric.type === 'summary' ? SUMMARIES_A_STEP : Math.ceil(NUMBERS_A_STEP / series.stride);
    series.hold();
    try {
      for (let from = 0; from < size && series.generation === generation; from += step) {
        metric.expose(writer, from, Math.min(size, from + step));
        if (from + step < size) yield false;
      }
    } finally {
      series.release();
    }
    writer.endFamily();
    yield true;
  }

  /** OpenMetrics names the family of `x_total` just `x`: a name that another metric may have. */
  #isNameTaken({ name, type }: Collectable): boolean {
    const suffix = type === 'counter' ? '_total' : type === 'info' ? '_info' : '';
    return suffix !== '' && name.endsWith(suffix) && this.#metrics.has(name.slice(0, -suffix.length));
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

function isExposed(metric: Collectable): metric is Exposed {
  return 'expose' in metric;
}

async function collectOne(metric: Collectable): Promise<MetricObjectWithValues | undefined> {
  if (!isExposed(metric)) return metric.get();
  await metric.collect?.();
  return undefined;
}

/** Recordings that `maxSeries` turned away, so that the loss is seen. */
function droppedFamily(metrics: Iterable<Collectable>): MetricObjectWithValues | undefined {
  const values: MetricValue[] = [];
  for (const metric of metrics) {
    if (isExposed(metric) && metric.series.dropped > 0) values.push({ value: metric.series.dropped, labels: { metric: metric.name } });
  }
  if (values.length === 0) return undefined;
  const help = 'Recordings that were dropped because the metric had reached its maxSeries.';
  return { name: 'metrics_dropped_total', help, type: 'counter', aggregator: 'sum', values };
}

/** Lets the event loop have a turn whenever we have held it for long. */
class Pause {
  #startedMs = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#startedMs >= PAUSE_AFTER_MS;
  }

  async take(): Promise<void> {
    await new Promise<void>((resolve) => {
      // Browsers have no setImmediate.
      if (typeof setImmediate === 'function') setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    this.#startedMs = performance.now();
  }
}

async function paced(steps: Iterable<unknown>): Promise<void> {
  const pause = new Pause();
  for (const _ of steps) if (pause.isDue) await pause.take();
}

/** The registry that metrics join when none is named. */
export const globalRegistry: Registry = new Registry();
