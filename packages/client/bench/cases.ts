/** What is measured, for every library with prom-client's names and for the OpenTelemetry SDK. One call of a case is one operation. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

type Operation = (i: number) => unknown;
export type Cases = Record<string, () => Operation>;

/** The part of prom-client's surface that the cases use. */
interface Library {
  Registry: new () => object & { metrics(): Promise<string> };
  Counter: new (config: object) => Instrument;
  Gauge: new (config: object) => Instrument;
  Histogram: new (config: object) => Instrument;
  Summary: new (config: object) => Instrument;
}

interface Instrument {
  inc(first?: unknown, value?: number): void;
  set(first: unknown, value?: number): void;
  observe(first: unknown, value?: number): void;
  labels(labels: object): Instrument;
}

/** 128 sets of three labels. */
const sets = Array.from({ length: 128 }, (_, i) => ({
  method: ['GET', 'POST', 'PUT', 'DELETE'][i & 3] as string,
  route: `/r/${(i >> 2) & 15}`,
  code: ['200', '404'][(i >> 6) & 1] as string,
}));
const values = Float64Array.from({ length: 1024 }, (_, i) => Math.exp(((i * 7919) % 1024) / 114 - 6));
const value = (i: number) => values[i & 1023] as number;
const labelNames = ['method', 'route', 'code'];
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A new object each time, as a request handler makes it. */
function fresh(i: number) {
  const { method, route, code } = sets[i & 127] as (typeof sets)[number];
  return { method, route, code };
}

/** A different series for each i. */
export function wide(i: number) {
  return { method: ['GET', 'POST', 'PUT', 'DELETE'][i & 3] as string, route: `/api/v1/resource/${i >> 2}`, code: '200' };
}

/** A text put together from pieces is joined when it is first looked into; whoever sends it does, so it counts. */
function whole(text: string): number {
  return text.charCodeAt(text.length >> 1);
}

export function promCases({ Registry, Counter, Gauge, Histogram, Summary }: Library): Cases {
  const config = (name: string, more: object = {}) => ({ name, help: 'Help.', registers: [new Registry()], ...more });
  const labelled = { labelNames };
  return {
    'counter.inc()': () => {
      const m = new Counter(config('a_total'));
      return () => m.inc();
    },
    'counter.inc(v)': () => {
      const m = new Counter(config('a_total'));
      return (i) => m.inc(value(i));
    },
    'counter.inc({3 labels})': () => {
      const m = new Counter(config('a_total', labelled));
      return (i) => m.inc(fresh(i));
    },
    'cached child.inc()': () => {
      const m = new Counter(config('a_total', labelled));
      const children = sets.map((labels) => m.labels(labels));
      return (i) => (children[i & 127] as Instrument).inc();
    },
    'gauge.set(v)': () => {
      const m = new Gauge(config('g'));
      return (i) => m.set(value(i));
    },
    'histogram.observe(v)': () => {
      const m = new Histogram(config('h'));
      return (i) => m.observe(value(i));
    },
    'histogram.observe({3 labels}, v)': () => {
      const m = new Histogram(config('h', labelled));
      return (i) => m.observe(fresh(i), value(i));
    },
    'cached histogram child.observe(v)': () => {
      const m = new Histogram(config('h', labelled));
      const children = sets.map((labels) => m.labels(labels));
      return (i) => (children[i & 127] as Instrument).observe(value(i));
    },
    'summary.observe(v)': () => {
      const m = new Summary(config('s', { percentiles: [0.5, 0.9, 0.99] }));
      return (i) => m.observe(value(i));
    },
    'scrape of 10,000 counters': () => {
      const registry = new Registry();
      const m = new Counter({ name: 'a_total', help: 'Help.', labelNames, registers: [registry] });
      for (let i = 0; i < 10000; i++) m.inc(wide(i), i + 0.5);
      return async () => whole(await registry.metrics());
    },
    'scrape of 715 histograms (10,010 samples)': () => {
      const registry = new Registry();
      const m = new Histogram({ name: 'h', help: 'Help.', labelNames, registers: [registry] });
      for (let i = 0; i < 715 * 5; i++) m.observe(wide(i % 715), value(i));
      return async () => whole(await registry.metrics());
    },
  };
}

/** Keeps series alive and says what they are, for the memory cases. */
export function fill({ Counter, Histogram }: Library, kind: 'counter' | 'histogram', series: number): unknown {
  const config = { name: 'm', help: 'Help.', labelNames, registers: [] };
  const m = kind === 'counter' ? new Counter(config) : new Histogram(config);
  for (let i = 0; i < series; i++) {
    if (kind === 'counter') m.inc(wide(i), i + 0.5);
    else m.observe(wide(i), value(i));
  }
  return m;
}

interface OtelInstrument {
  add(value: number, attributes?: object): void;
  record(value: number, attributes?: object): void;
}

interface OtelMeter {
  createCounter(name: string): OtelInstrument;
  createGauge(name: string): OtelInstrument;
  createHistogram(name: string, options: object): OtelInstrument;
}

interface OtelSdk {
  MeterProvider: new (config: object) => { getMeter(name: string): OtelMeter };
  MetricReader: abstract new () => { collect(): Promise<{ resourceMetrics: object }> };
}

/** OpenTelemetry has no bound instruments: its "cached child" is the same attribute object again. */
function otelCases(sdk: OtelSdk, exporter: { PrometheusSerializer: new () => { serialize(metrics: object): string } }): Cases {
  class Reader extends sdk.MetricReader {
    async onForceFlush() {}
    async onShutdown() {}
  }
  const make = () => {
    const reader = new Reader();
    const views = [{ instrumentName: '*', aggregationCardinalityLimit: 20000 }];
    return { reader, meter: new sdk.MeterProvider({ readers: [reader], views }).getMeter('bench') };
  };
  const histogram = (meter: OtelMeter) => meter.createHistogram('h', { advice: { explicitBucketBoundaries: bounds } });
  const serializer = new exporter.PrometheusSerializer();
  const scrape = (reader: Reader) => async () => whole(serializer.serialize((await reader.collect()).resourceMetrics));
  const counting = (operation: (m: OtelInstrument, i: number) => void) => () => {
    const m = make().meter.createCounter('a');
    return (i: number) => operation(m, i);
  };
  const observing = (operation: (m: OtelInstrument, i: number) => void) => () => {
    const m = histogram(make().meter);
    return (i: number) => operation(m, i);
  };
  return {
    'counter.inc()': counting((m) => m.add(1)),
    'counter.inc(v)': counting((m, i) => m.add(value(i))),
    'counter.inc({3 labels})': counting((m, i) => m.add(1, fresh(i))),
    'cached child.inc()': counting((m, i) => m.add(1, sets[i & 127])),
    'gauge.set(v)': () => {
      const m = make().meter.createGauge('g');
      return (i) => m.record(value(i));
    },
    'histogram.observe(v)': observing((m, i) => m.record(value(i))),
    'histogram.observe({3 labels}, v)': observing((m, i) => m.record(value(i), fresh(i))),
    'cached histogram child.observe(v)': observing((m, i) => m.record(value(i), sets[i & 127])),
    'scrape of 10,000 counters': () => {
      const { reader, meter } = make();
      const m = meter.createCounter('a');
      for (let i = 0; i < 10000; i++) m.add(i + 0.5, wide(i));
      return scrape(reader);
    },
    'scrape of 715 histograms (10,010 samples)': () => {
      const { reader, meter } = make();
      const m = histogram(meter);
      for (let i = 0; i < 715 * 5; i++) m.record(value(i), wide(i % 715));
      return scrape(reader);
    },
  };
}

/** Loads a library by the name the bench knows it by; `folder` is where the peers are installed. */
export async function load(name: string, folder: string): Promise<{ cases: Cases; library: Library | undefined }> {
  const require = createRequire(pathToFileURL(`${folder}/`));
  const otel = '@opentelemetry';
  switch (name) {
    case 'otel':
      return { cases: otelCases(require(`${otel}/sdk-metrics`), require(`${otel}/exporter-prometheus`)), library: undefined };
    case 'ours': {
      const library = (await import('@pronoia/client')) as unknown as Library;
      return { cases: promCases(library), library };
    }
    default: {
      const library = require(name) as Library;
      return { cases: promCases(library), library };
    }
  }
}
