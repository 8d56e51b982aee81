/**
 * Holds the metrics of a program and writes them for a scraper. Reading runs in turns of a few milliseconds (`PAUSE_AFTER_MS`): a registry of
 * any size neither stops the event loop nor stops anyone from recording meanwhile.
 */
import { aggregateFamilies } from './aggregate.ts';
import type { Aggregator, Collectable, LabelValues, MetricObjectWithValues } from './family.ts';
import type { SeriesTable } from './series-table.ts';
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
  writeText(out: TextWriter, from: number, to: number): void;
}

/** Half of what an interactive server should ever be held up. */
const PAUSE_AFTER_MS = 5;
/** Series between two looks at the clock; some hundred microseconds. */
const SERIES_A_STEP = 512;

export class Registry<T extends RegistryContentType = RegistryContentType> {
  static readonly PROMETHEUS_CONTENT_TYPE: PrometheusContentType = PROMETHEUS;
  static readonly OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType = OPENMETRICS;

  readonly #metrics = new Map<string, Collectable>();
  #defaultLabels: LabelValues = {};
  #contentType: T;

  constructor(contentType: T = PROMETHEUS as T) {
    if (!isSupported(contentType)) throw new TypeError(`Content type ${contentType} is unsupported`);
    this.#contentType = contentType;
  }

  get contentType(): T {
    return this.#contentType;
  }

  /** Which text format `metrics()` gives. */
  setContentType(contentType: T): void {
    if (!isSupported(contentType)) throw new Error(`Content type ${contentType} is unsupported`);
    this.#contentType = contentType;
  }

  /** Everything in the registry as text, in the format of `contentType`. */
  async metrics(): Promise<string> {
    const writer = this.#writer();
    await paced(this.#write(writer, await this.#collect()));
    return writer.toString();
  }

  /** As `metrics`, at once. Throws when some metric has an asynchronous `collect`. */
  metricsSync(): string {
    const writer = this.#writer();
    const families = this.#collectSync();
    for (const _ of this.#write(writer, families));
    return writer.toString();
  }

  /** One metric as text, without a newline at the end. */
  async getMetricsAsString(metric: Collectable): Promise<string> {
    const writer = this.#writer();
    for (const _ of this.#writeFamily(writer, metric, await collectOne(metric)));
    return writer.toString().slice(0, -1);
  }

  async getSingleMetricAsString(name: string): Promise<string> {
    return this.getMetricsAsString(this.#metrics.get(name) as Collectable);
  }

  #writer(): TextWriter {
    return new TextWriter({ isOpenMetrics: this.#contentType === OPENMETRICS, escaping: 'underscores' }, this.#defaultLabels);
  }

  /** Brings all metrics up to date. Those that only come as JSON have answered with it. */
  async #collect(): Promise<Map<Collectable, MetricObjectWithValues | undefined>> {
    const metrics = [...this.#metrics.values()];
    const families = await Promise.all(metrics.map(collectOne));
    return new Map(metrics.map((metric, i) => [metric, families[i]]));
  }

  #collectSync(): Map<Collectable, MetricObjectWithValues | undefined> {
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

  /** Writes everything; after each step the driver may pause. */
  *#write(writer: TextWriter, families: Map<Collectable, MetricObjectWithValues | undefined>): Generator<void> {
    for (const [metric, family] of families) yield* this.#writeFamily(writer, metric, family);
    writer.end();
  }

  *#writeFamily(writer: TextWriter, metric: Collectable, family: MetricObjectWithValues | undefined): Generator<void> {
    if (!isExposed(metric)) {
      writer.family(metric);
      if (family !== undefined) writer.values(family);
      yield;
      return;
    }
    const { series } = metric;
    series.sweep(Date.now());
    writer.family(metric);
    // Series that appear during a pause wait for the next scrape, else one removed and recorded again would be written twice.
    const { size, generation } = series;
    series.hold();
    try {
      for (let from = 0; from < size && series.generation === generation; from += SERIES_A_STEP) {
        metric.writeText(writer, from, Math.min(size, from + SERIES_A_STEP));
        yield;
      }
    } finally {
      series.release();
    }
  }

  /** Adds a metric or a collector of one's own. The same object twice is no fault; another one of the same name is. */
  registerMetric(metric: Collectable): void {
    const known = this.#metrics.get(metric.name);
    if (known !== undefined && known !== metric) throw new Error(`A metric with the name ${metric.name} has already been registered.`);
    this.#metrics.set(metric.name, metric);
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
    const families = await Promise.all(this.getMetricsAsArray(aggregator).map((metric) => metric.get()));
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

function isExposed(metric: Collectable): metric is Exposed {
  return 'writeText' in metric;
}

async function collectOne(metric: Collectable): Promise<MetricObjectWithValues | undefined> {
  if (!isExposed(metric)) return metric.get();
  await metric.collect?.();
  return undefined;
}

/** Runs the steps, letting the event loop have a turn whenever they have held it for long. */
async function paced(steps: Iterable<void>): Promise<void> {
  let startedMs = performance.now();
  for (const _ of steps) {
    if (performance.now() - startedMs < PAUSE_AFTER_MS) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    startedMs = performance.now();
  }
}

/** The registry that metrics join when none is named. */
export const globalRegistry: Registry = new Registry();
