/** What all metrics share: configuration and its faults, registration, label handling. The constructor's checks and their texts are prom-client's. */
import type { Aggregator, LabelValues, MetricObjectWithValues, MetricType, MetricValue } from './family.ts';
import { type Exposed, globalRegistry, Registry } from './registry.ts';
import { SeriesTable } from './series-table.ts';
import type { Sink } from './sink.ts';
import { isUnicodeName, validateLabelName, validateMetricName } from './validation.ts';

export interface MetricConfiguration<T extends string, Self = unknown> {
  name: string;
  help: string;
  labelNames?: readonly T[] | undefined;
  /** Where the metric is registered; the global `register` by default, nowhere with `[]`. */
  registers?: readonly AnyRegistry[] | undefined;
  aggregator?: Aggregator | undefined;
  /** Called before the metric is read, to bring it up to date. */
  collect?: ((this: Self) => void | Promise<void>) | undefined;
  enableExemplars?: boolean | undefined;
  /** Base unit in the plural (`seconds`), for OpenMetrics and protobuf. The name must end with it (before `_total`). */
  unit?: string | undefined;
  /** Show when each series began (`_created` in OpenMetrics; in protobuf always). Default: as the registry says. */
  created?: boolean | undefined;
  /** Recordings for series beyond this number are dropped and counted in `metrics_dropped_total`. */
  maxSeries?: number | undefined;
  /** Series that were not recorded to for so long are forgotten. */
  ttlSeconds?: number | undefined;
  /** Take any Unicode text as a name, as Prometheus 3 does; scrapers which cannot read it get it escaped. */
  utf8Names?: boolean | undefined;
}

// A registry's content type parameter does not matter to the metrics in it.
type AnyRegistry = Pick<Registry, 'registerMetric' | 'contentType'>;

export abstract class Metric<T extends string = string> implements Exposed {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly T[];
  readonly aggregator: Aggregator;
  readonly registers: readonly AnyRegistry[];
  readonly enableExemplars: boolean;
  readonly unit: string;
  readonly created: boolean | undefined;
  collect: (() => void | Promise<void>) | undefined;
  abstract readonly type: MetricType;
  /** The numbers of all series. Its layout is the library's own affair. */
  readonly series: SeriesTable;

  protected constructor(config: MetricConfiguration<T, never>, reservedLabel: string | undefined, stride: number) {
    if (config === null || typeof config !== 'object') throw new TypeError('constructor expected a config object');
    this.name = config.name;
    this.help = config.help;
    this.labelNames = config.labelNames ?? [];
    this.aggregator = config.aggregator ?? 'sum';
    this.registers = config.registers ?? [globalRegistry];
    this.enableExemplars = config.enableExemplars ?? false;
    this.unit = config.unit ?? '';
    this.created = config.created;
    this.collect = config.collect as (() => void | Promise<void>) | undefined;
    if (!this.help) throw new Error('Missing mandatory help parameter');
    if (!this.name) throw new Error('Missing mandatory name parameter');
    if (!(config.utf8Names === true ? isUnicodeName(this.name) : validateMetricName(this.name))) throw new Error('Invalid metric name');
    if (!(config.utf8Names === true ? this.labelNames.every(isUnicodeName) : validateLabelName(this.labelNames))) {
      throw new Error('Invalid label name');
    }
    if (this.collect && typeof this.collect !== 'function') throw new Error('Optional "collect" parameter must be a function');
    if (reservedLabel !== undefined && (this.labelNames as readonly string[]).includes(reservedLabel)) {
      throw new Error(`${reservedLabel} is a reserved label keyword`);
    }
    if (this.unit !== '' && !this.name.replace(/_total$/, '').endsWith(`_${this.unit}`)) {
      throw new Error(`The name ${this.name} must end with its unit _${this.unit}`);
    }
    const maxSeries = limit('maxSeries', config.maxSeries);
    this.series = new SeriesTable(this.labelNames, stride, { maxSeries, ttlMs: limit('ttlSeconds', config.ttlSeconds) * 1000 });
  }

  /** Last step of every constructor, when the metric is whole. */
  protected register(): void {
    for (const registry of this.registers) {
      if (this.enableExemplars && registry.contentType === Registry.PROMETHEUS_CONTENT_TYPE) {
        throw new TypeError('Exemplars are supported only on OpenMetrics registries');
      }
      registry.registerMetric(this);
    }
  }

  /** The metric with all its values, after `collect` has run. */
  async get(): Promise<MetricObjectWithValues<MetricValue<T>>> {
    await this.collect?.();
    return this.snapshot() as MetricObjectWithValues<MetricValue<T>>;
  }

  /** As `get`, without `collect`. */
  snapshot(): MetricObjectWithValues {
    const { help, name, type, aggregator } = this;
    const values: MetricValue[] = [];
    const { series } = this;
    series.sweep(Date.now());
    series.hold();
    for (let slot = 0; slot < series.size; slot++) if (!series.isDead(slot)) this.pushValues(slot, values);
    series.release();
    return { help, name, type, values, aggregator };
  }

  /** Appends the JSON values of one living series. */
  protected abstract pushValues(slot: number, values: MetricValue[]): void;

  /** Tells the sink the living series in slots `[from, to)`. */
  abstract expose(sink: Sink, from: number, to: number): void;

  reset(): void {
    this.series.reset();
  }

  /** Forgets one series: `remove('GET', '200')` or `remove({ method: 'GET', code: '200' })`. */
  remove(labels: LabelValues<T>): void;
  remove(...values: (string | number)[]): void;
  remove(...args: unknown[]): void {
    const slot = this.series.lookup(labelsFrom(this.labelNames, args));
    if (slot >= 0) this.series.remove(slot);
  }
}

/** The label object of a call like `labels('a', 'b')` or `labels({ x: 'a', y: 'b' })`. */
export function labelsFrom(names: readonly string[], args: readonly unknown[]): LabelValues {
  if (typeof args[0] === 'object') return (args[0] ?? {}) as LabelValues;
  if (names.length !== args.length) {
    throw new Error(
      `Invalid number of arguments (${args.length}): "${args.join(', ')}" for label names (${names.length}): "${names.join(', ')}".`,
    );
  }
  return Object.fromEntries(names.map((name, i) => [name, args[i] as string | number]));
}

function limit(name: string, value: number | undefined): number {
  if (value === undefined) return Infinity;
  if (!(value > 0)) throw new Error(`${name} must be a positive number, not ${value}`);
  return value;
}
