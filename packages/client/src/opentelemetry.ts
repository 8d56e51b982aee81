/**
 * Lets libraries that measure themselves with the OpenTelemetry API show up in a registry: a MeterProvider whose instruments are metrics of ours.
 * Names and units are translated as OpenTelemetry's "Prometheus and OpenMetrics Compatibility" says. Only types are taken from
 * `@opentelemetry/api`; this file loads without it.
 */
import type {
  Attributes,
  BatchObservableCallback,
  Meter,
  MeterOptions,
  MeterProvider,
  MetricOptions,
  Observable,
  ObservableCallback,
  Counter as OtelCounter,
  Gauge as OtelGauge,
  Histogram as OtelHistogram,
  UpDownCounter,
} from '@opentelemetry/api';
import { Counter } from './counter.ts';
import type { Collectable, LabelValues, MetricObjectWithValues } from './family.ts';
import { Gauge } from './gauge.ts';
import { Histogram, type NativeConfiguration } from './histogram.ts';
import { globalRegistry, type Registry } from './registry.ts';

export interface RegistryMeterProviderOptions {
  /** The global registry by default. */
  registry?: Registry | undefined;
  /** Also keep histograms as native ones. */
  native?: NativeConfiguration | undefined;
  /** Attribute sets beyond this number are dropped, for each instrument. Default 2000, as in the OpenTelemetry SDK. */
  maxSeries?: number | undefined;
}

type Kind = 'counter' | 'gauge' | 'histogram';

export class RegistryMeterProvider implements MeterProvider {
  readonly #registry: Registry;
  readonly #options: RegistryMeterProviderOptions;
  readonly #instruments = new Map<string, Instrument>();
  readonly #batches: [callback: BatchObservableCallback, observables: ReadonlySet<Observable>][] = [];
  #observing: Promise<void> | undefined;

  constructor(options: RegistryMeterProviderOptions = {}) {
    this.#registry = options.registry ?? globalRegistry;
    this.#options = options;
  }

  getMeter(name: string, version?: string, _options?: MeterOptions): Meter {
    const scope: LabelValues = { ...(name !== '' && { otel_scope_name: name }), ...(version && { otel_scope_version: version }) };
    const push = (kind: Kind, isDown: boolean) => (instrument: string, options?: MetricOptions) =>
      new Recorder(this.#instrument(instrument, kind, options, isDown), scope);
    const pull = (kind: Kind, isDown: boolean) => (instrument: string, options?: MetricOptions) =>
      new PulledInstrument(this.#instrument(instrument, kind, options, isDown), scope);
    return {
      createCounter: push('counter', false) as Meter['createCounter'],
      createUpDownCounter: push('gauge', true) as Meter['createUpDownCounter'],
      createGauge: push('gauge', false) as Meter['createGauge'],
      createHistogram: push('histogram', false) as Meter['createHistogram'],
      createObservableCounter: pull('counter', false) as Meter['createObservableCounter'],
      createObservableUpDownCounter: pull('gauge', true) as Meter['createObservableUpDownCounter'],
      createObservableGauge: pull('gauge', false) as Meter['createObservableGauge'],
      addBatchObservableCallback: (callback, observables) => {
        this.#batches.push([callback as BatchObservableCallback, new Set(observables as Observable[])]);
      },
      removeBatchObservableCallback: (callback) => {
        const at = this.#batches.findIndex(([known]) => known === callback);
        if (at >= 0) this.#batches.splice(at, 1);
      },
    };
  }

  #instrument(name: string, kind: Kind, options: MetricOptions | undefined, isUpDown: boolean): Instrument {
    const family = familyName(name, kind, options?.unit, isUpDown);
    let instrument = this.#instruments.get(family);
    if (instrument === undefined) {
      instrument = new Instrument(family, kind, options, this.#options, () => this.#observe());
      this.#registry.registerMetric(instrument);
      this.#instruments.set(family, instrument);
    }
    return instrument;
  }

  /** Runs all callbacks once, however many instruments are read at the moment. */
  #observe(): Promise<void> {
    this.#observing ??= this.#runCallbacks().finally(() => {
      this.#observing = undefined;
    });
    return this.#observing;
  }

  async #runCallbacks(): Promise<void> {
    await Promise.all([...this.#instruments.values()].map((instrument) => instrument.runCallbacks()));
    for (const [callback, observables] of this.#batches) {
      await callback({
        observe: (observable, value, attributes) => {
          if (observables.has(observable)) (observable as unknown as PulledInstrument).write(value, attributes);
        },
      });
    }
  }
}

/** One family. OpenTelemetry does not declare attribute names, so there is a metric of ours for every set of names met. */
class Instrument implements Collectable {
  readonly name: string;
  readonly help: string;
  readonly type: Kind;
  readonly aggregator = 'sum';
  readonly callbacks: [ObservableCallback, PulledInstrument][] = [];
  readonly #options: MetricOptions | undefined;
  readonly #settings: RegistryMeterProviderOptions;
  readonly #observe: () => Promise<void>;
  readonly #byNames = new Map<string, Counter | Gauge | Histogram>();

  constructor(
    name: string,
    kind: Kind,
    options: MetricOptions | undefined,
    settings: RegistryMeterProviderOptions,
    observe: () => Promise<void>,
  ) {
    this.name = name;
    this.type = kind;
    this.help = options?.description || name;
    this.#options = options;
    this.#settings = settings;
    this.#observe = observe;
  }

  metric(labels: LabelValues): Counter | Gauge | Histogram {
    const names = Object.keys(labels);
    const key = names.join('\n');
    let metric = this.#byNames.get(key);
    if (metric === undefined) {
      const config = { name: this.name, help: this.help, labelNames: names, registers: [], maxSeries: this.#settings.maxSeries ?? 2000 };
      if (this.type === 'counter') metric = new Counter(config);
      else if (this.type === 'gauge') metric = new Gauge(config);
      else
        metric = new Histogram({
          ...config,
          buckets: this.#options?.advice?.explicitBucketBoundaries ?? DEFAULT_BOUNDARIES,
          native: this.#settings.native,
        });
      this.#byNames.set(key, metric);
    }
    return metric;
  }

  async runCallbacks(): Promise<void> {
    for (const [callback, observable] of this.callbacks)
      await callback({ observe: (value, attributes) => observable.write(value, attributes) });
  }

  async get(): Promise<MetricObjectWithValues> {
    await this.#observe();
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: [...this.#byNames.values()].flatMap((metric) => metric.snapshot().values) };
  }

  reset(): void {
    for (const metric of this.#byNames.values()) metric.reset();
  }
}

/** What the SDK takes without advice. */
const DEFAULT_BOUNDARIES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];

/** Counter, up-down counter, gauge and histogram in one: their methods do not collide. What the API calls wrong is ignored, as it demands. */
class Recorder implements OtelCounter, UpDownCounter, OtelHistogram, OtelGauge {
  readonly #instrument: Instrument;
  readonly #scope: LabelValues;

  constructor(instrument: Instrument, scope: LabelValues) {
    this.#instrument = instrument;
    this.#scope = scope;
  }

  add(value: number, attributes?: Attributes): void {
    const isDown = value < 0 && this.#instrument.type === 'counter';
    if (!Number.isFinite(value) || isDown) return;
    const labels = labelsOf(attributes, this.#scope);
    const metric = this.#instrument.metric(labels);
    if (!(metric instanceof Histogram)) metric.inc(labels, value);
  }

  record(value: number, attributes?: Attributes): void {
    if (!Number.isFinite(value) && this.#instrument.type === 'histogram') return;
    const labels = labelsOf(attributes, this.#scope);
    const metric = this.#instrument.metric(labels);
    if (metric instanceof Gauge) metric.set(labels, value);
    else if (metric instanceof Histogram) metric.observe(labels, value);
  }
}

/** An instrument whose callbacks say what it shows. */
class PulledInstrument implements Observable {
  readonly #instrument: Instrument;
  readonly #scope: LabelValues;

  constructor(instrument: Instrument, scope: LabelValues) {
    this.#instrument = instrument;
    this.#scope = scope;
  }

  addCallback(callback: ObservableCallback): void {
    this.#instrument.callbacks.push([callback, this]);
  }

  removeCallback(callback: ObservableCallback): void {
    const at = this.#instrument.callbacks.findIndex(([known, owner]) => known === callback && owner === this);
    if (at >= 0) this.#instrument.callbacks.splice(at, 1);
  }

  write(value: number, attributes?: Attributes): void {
    const labels = labelsOf(attributes, this.#scope);
    const metric = this.#instrument.metric(labels);
    const slot = metric.series.slot(labels);
    if (slot >= 0) metric.series.values[slot] = value;
  }
}

/** Attribute names as label names, values as text; lists as JSON. */
function labelsOf(attributes: Attributes | undefined, scope: LabelValues): LabelValues {
  const labels: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' || typeof value === 'number') labels[sanitized(name)] = value;
    else labels[sanitized(name)] = JSON.stringify(value);
  }
  return { ...labels, ...scope };
}

function sanitized(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_');
}

/** Units of UCUM as Prometheus calls them. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
};

function familyName(name: string, kind: Kind, unit: string | undefined, isUpDown: boolean): string {
  let family = sanitized(name).replace(/_total$/, '');
  // Annotations like {request} are for people.
  const plain = unit?.replace(/\{[^}]*\}/g, '') ?? '';
  const [base = '', per] = plain.split('/');
  let word = UNITS[base] ?? (base === '1' && kind === 'gauge' && !isUpDown ? 'ratio' : base === '1' ? '' : sanitized(base));
  if (per) word += `_per_${(UNITS[per] ?? sanitized(per)).replace(/s$/, '')}`;
  if (word !== '' && family !== word && !family.endsWith(`_${word}`)) family += `_${word}`;
  return kind === 'counter' ? `${family}_total` : family;
}
