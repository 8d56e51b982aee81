/** What every Node process should tell about itself. Names, help texts and aggregators are prom-client's, so that dashboards go on working. */
import { readdirSync, readFileSync } from 'node:fs';
import { constants, type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { Counter } from '../counter.ts';
import type { Aggregator, LabelValues } from '../family.ts';
import { Gauge } from '../gauge.ts';
import { Histogram } from '../histogram.ts';
import type { MetricConfiguration } from '../metric.ts';
import type { Registry, RegistryContentType } from '../registry.ts';
import { Summary } from '../summary.ts';

export interface DefaultMetricsCollectorConfiguration<T extends RegistryContentType = RegistryContentType> {
  /** The global registry by default. */
  register?: Registry<T> | undefined;
  prefix?: string | undefined;
  /** Labels for all of them. */
  labels?: LabelValues | undefined;
  gcDurationBuckets?: readonly number[] | undefined;
  /** Milliseconds between two looks at the event loop. */
  eventLoopMonitoringPrecision?: number | undefined;
  /** Milliseconds over which each utilization of the event loop is taken. With this or one of the next four, there are metrics of it. */
  eventLoopUtilizationTimeout?: number | undefined;
  eventLoopUtilizationBuckets?: readonly number[] | undefined;
  eventLoopUtilizationPercentiles?: readonly number[] | undefined;
  eventLoopUtilizationMaxAgeSeconds?: number | undefined;
  eventLoopUtilizationAgeBuckets?: number | undefined;
}

/** Ends what the default metrics do in the background. The metrics stay registered. */
export interface DefaultMetrics {
  stop(): void;
}

class Collector {
  readonly labels: LabelValues;
  readonly #config: DefaultMetricsCollectorConfiguration;
  readonly stops: (() => void)[] = [];

  constructor(config: DefaultMetricsCollectorConfiguration) {
    this.#config = config;
    this.labels = config.labels ?? {};
  }

  get config(): DefaultMetricsCollectorConfiguration {
    return this.#config;
  }

  settings<Self>(name: string, help: string, more: Partial<MetricConfiguration<string, Self>> = {}): MetricConfiguration<string, Self> {
    return {
      ...more,
      name: (this.#config.prefix ?? '') + name,
      help,
      labelNames: [...(more.labelNames ?? []), ...Object.keys(this.labels)],
      registers: this.#config.register === undefined ? undefined : [this.#config.register],
    };
  }

  gauge(name: string, help: string, collect?: (gauge: Gauge) => void, aggregator: Aggregator = 'sum', labelNames: string[] = []): Gauge {
    const gauge: Gauge = new Gauge(this.settings(name, help, { aggregator, labelNames }));
    if (collect !== undefined) gauge.collect = () => collect(gauge);
    return gauge;
  }

  counts(gauge: Gauge, names: readonly string[]): void {
    gauge.reset();
    for (const type of names) gauge.inc({ type, ...this.labels });
  }
}

function processCpuTotal(c: Collector): void {
  let last = process.cpuUsage();
  const counter = (name: string, help: string) => new Counter(c.settings<Counter>(name, help));
  const user = counter('process_cpu_user_seconds_total', 'Total user CPU time spent in seconds.');
  const system = counter('process_cpu_system_seconds_total', 'Total system CPU time spent in seconds.');
  const total = counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.');
  user.collect = () => {
    const now = process.cpuUsage();
    const userSeconds = (now.user - last.user) / 1e6;
    const systemSeconds = (now.system - last.system) / 1e6;
    last = now;
    user.inc(c.labels, userSeconds);
    system.inc(c.labels, systemSeconds);
    total.inc(c.labels, userSeconds + systemSeconds);
  };
}

function processStartTime(c: Collector): void {
  const startSeconds = Math.round(Date.now() / 1000 - process.uptime());
  const help = 'Start time of the process since unix epoch in seconds.';
  c.gauge('process_start_time_seconds', help, (gauge) => gauge.set(c.labels, startSeconds), 'omit');
}

function osMemoryHeap(c: Collector): void {
  const help = 'Resident memory size in bytes.';
  if (process.platform !== 'linux') {
    c.gauge('process_resident_memory_bytes', help, (gauge) => gauge.set(c.labels, process.memoryUsage.rss()));
    return;
  }
  const resident = c.gauge('process_resident_memory_bytes', help);
  const size = c.gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.');
  const heap = c.gauge('process_heap_bytes', 'Process heap size in bytes.');
  // These two the guidelines ask for and prom-client has not.
  const threads = c.gauge('process_threads', 'Number of operating system threads in the process.');
  const limit = processLimit('Max address space');
  if (limit !== undefined) {
    const text = 'Maximum amount of virtual memory available in bytes.';
    c.gauge('process_virtual_memory_max_bytes', text, (gauge) => gauge.set(c.labels, limit));
  }
  resident.collect = () => {
    // /proc never blocks: the kernel writes the text while we read it.
    const status = readProc('status');
    for (const [gauge, field] of [
      [resident, 'VmRSS'],
      [size, 'VmSize'],
      [heap, 'VmData'],
      [threads, 'Threads'],
    ] as const) {
      const [, number, unit] = new RegExp(`^${field}:\\s+(\\d+)( kB)?$`, 'm').exec(status) ?? [];
      if (number !== undefined) gauge.set(c.labels, Number(number) * (unit === undefined ? 1 : 1024));
    }
  };
}

/** Text of a file of /proc/self; empty where there is none. */
function readProc(file: string): string {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function processOpenFileDescriptors(c: Collector): void {
  if (process.platform !== 'linux') return;
  c.gauge('process_open_fds', 'Number of open file descriptors.', (gauge) => {
    try {
      // One of them is the listing's own.
      gauge.set(c.labels, readdirSync('/proc/self/fd').length - 1);
    } catch {
      // No descriptor left to look with, or no permission: the last value stands.
    }
  });
}

function processMaxFileDescriptors(c: Collector): void {
  const limit = processLimit('Max open files');
  if (limit === undefined) return;
  c.gauge('process_max_fds', 'Maximum number of open file descriptors.', (gauge) => gauge.set(c.labels, limit));
}

/** A soft limit; no limit is 2^64, as Prometheus' own client says it. */
function processLimit(name: string): number | undefined {
  const limit = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(readProc('limits'))?.[1];
  return limit === 'unlimited' ? 2 ** 64 : limit === undefined ? undefined : Number(limit);
}

function eventLoopLag(c: Collector): void {
  const delays = monitorEventLoopDelay({ resolution: c.config.eventLoopMonitoringPrecision ?? 10 });
  delays.enable();
  c.stops.push(() => delays.disable());
  const lag = c.gauge('nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', undefined, 'average');
  const statistics: [name: string, help: string, aggregator: Aggregator, read: (delays: IntervalHistogram) => number][] = [
    ['min', 'The minimum recorded event loop delay.', 'min', (d) => d.min],
    ['max', 'The maximum recorded event loop delay.', 'max', (d) => d.max],
    ['mean', 'The mean of the recorded event loop delays.', 'average', (d) => d.mean],
    ['stddev', 'The standard deviation of the recorded event loop delays.', 'average', (d) => d.stddev],
    ...[50, 90, 99].map((p): (typeof statistics)[number] => [
      `p${p}`,
      `The ${p}th percentile of the recorded event loop delays.`,
      'average',
      (d) => d.percentile(p),
    ]),
  ];
  const gauges = statistics.map(([name, help, aggregator, read]) => {
    return { gauge: c.gauge(`nodejs_eventloop_lag_${name}_seconds`, help, undefined, aggregator), read };
  });
  lag.collect = () => {
    const startedMs = performance.now();
    setImmediate(() => lag.set(c.labels, (performance.now() - startedMs) / 1000));
    for (const { gauge, read } of gauges) gauge.set(c.labels, read(delays) / 1e9);
    delays.reset();
  };
}

function eventLoopUtilization(c: Collector): void {
  const { config } = c;
  if (!Object.entries(config).some(([name, value]) => name.startsWith('eventLoopUtilization') && value !== undefined)) return;
  const help = 'Ratio of time the event loop is not idling in the event provider to the total time the event loop is running.';
  const summary = new Summary({
    ...c.settings<Summary>('nodejs_eventloop_utilization_summary', help),
    percentiles: config.eventLoopUtilizationPercentiles,
    maxAgeSeconds: config.eventLoopUtilizationMaxAgeSeconds ?? 60,
    ageBuckets: config.eventLoopUtilizationAgeBuckets ?? 5,
  });
  const histogram = new Histogram({
    ...c.settings<Histogram>('nodejs_eventloop_utilization_histogram', help),
    buckets: config.eventLoopUtilizationBuckets ?? [0.01, 0.05, 0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1],
  });
  const stepMs = config.eventLoopUtilizationTimeout ?? 100;
  let last = performance.eventLoopUtilization();
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const nowMs = performance.now();
    const { utilization } = performance.eventLoopUtilization(now, last);
    // A loop that was blocked over several steps was as busy in each of them.
    for (let steps = Math.round((nowMs - lastMs) / stepMs); steps > 0; steps--) {
      summary.observe(c.labels, utilization);
      histogram.observe(c.labels, utilization);
    }
    last = now;
    lastMs = nowMs;
  }, stepMs).unref();
  c.stops.push(() => clearInterval(timer));
}

function processResources(c: Collector): void {
  const help = 'Number of active resources that are currently keeping the event loop alive, grouped by async resource type.';
  const byType = (gauge: Gauge) => c.counts(gauge, process.getActiveResourcesInfo());
  c.gauge('nodejs_active_resources', help, byType, 'sum', ['type']);
  c.gauge('nodejs_active_resources_total', 'Total number of active resources.', (gauge) => {
    gauge.set(c.labels, process.getActiveResourcesInfo().length);
  });
}

/** Undocumented, but there since Node 0.x; absent in other runtimes. */
type Internals = { _getActiveHandles?: () => object[]; _getActiveRequests?: () => object[] };

function processHandles(c: Collector): void {
  const internals = process as Internals;
  if (typeof internals._getActiveHandles !== 'function') return;
  const handles = () => internals._getActiveHandles?.() ?? [];
  const help = 'Number of active libuv handles grouped by handle type. Every handle type is C++ class name.';
  c.gauge('nodejs_active_handles', help, (gauge) => c.counts(gauge, classNames(handles())), 'sum', ['type']);
  c.gauge('nodejs_active_handles_total', 'Total number of active handles.', (gauge) => gauge.set(c.labels, handles().length));
}

function processRequests(c: Collector): void {
  const internals = process as Internals;
  if (typeof internals._getActiveRequests !== 'function') return;
  const requests = () => internals._getActiveRequests?.() ?? [];
  const help = 'Number of active libuv requests grouped by request type. Every request type is C++ class name.';
  c.gauge('nodejs_active_requests', help, (gauge) => c.counts(gauge, classNames(requests())), 'sum', ['type']);
  c.gauge('nodejs_active_requests_total', 'Total number of active requests.', (gauge) => gauge.set(c.labels, requests().length));
}

function classNames(objects: readonly (object | null | undefined)[]): string[] {
  return objects.flatMap((object) => (typeof object?.constructor === 'function' ? [object.constructor.name] : []));
}

function heapSizeAndUsed(c: Collector): void {
  const total = c.gauge('nodejs_heap_size_total_bytes', 'Process heap size from Node.js in bytes.');
  const used = c.gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.');
  const external = c.gauge('nodejs_external_memory_bytes', 'Node.js external memory size in bytes.');
  total.collect = () => {
    const usage = process.memoryUsage();
    total.set(c.labels, usage.heapTotal);
    used.set(c.labels, usage.heapUsed);
    external.set(c.labels, usage.external);
  };
}

function heapSpacesSizeAndUsed(c: Collector): void {
  const gauge = (kind: string) =>
    c.gauge(`nodejs_heap_space_size_${kind}_bytes`, `Process heap space size ${kind} from Node.js in bytes.`, undefined, 'sum', ['space']);
  const total = gauge('total');
  const used = gauge('used');
  const available = gauge('available');
  total.collect = () => {
    for (const statistics of getHeapSpaceStatistics()) {
      const labels = { space: statistics.space_name.replace(/_space$/, ''), ...c.labels };
      total.set(labels, statistics.space_size);
      used.set(labels, statistics.space_used_size);
      available.set(labels, statistics.space_available_size);
    }
  };
}

function version(c: Collector): void {
  const [major = 0, minor = 0, patch = 0] = process.version.slice(1).split('.').map(Number);
  const set = (gauge: Gauge) => gauge.set({ version: process.version, major, minor, patch, ...c.labels }, 1);
  c.gauge('nodejs_version_info', 'Node.js version info.', set, 'first', ['version', 'major', 'minor', 'patch']);
}

function gc(c: Collector): void {
  const kinds = new Map<unknown, string>([
    [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
    [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
    [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
  ]);
  const help = 'Garbage collection duration by kind, one of major, minor, incremental or weakcb.';
  const durations = new Histogram({
    ...c.settings<Histogram>('nodejs_gc_duration_seconds', help, { labelNames: ['kind'] }),
    buckets: c.config.gcDurationBuckets ?? [0.001, 0.01, 0.1, 1, 2, 5],
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {};
      durations.observe({ kind: kinds.get(kind), ...c.labels }, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  c.stops.push(() => observer.disconnect());
}

const collectors = {
  processCpuTotal,
  processStartTime,
  osMemoryHeap,
  processOpenFileDescriptors,
  processMaxFileDescriptors,
  eventLoopLag,
  eventLoopUtilization,
  processResources,
  processHandles,
  processRequests,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  version,
  gc,
};

/** Registers the metrics of this process and of Node's runtime. */
export function collectDefaultMetrics<T extends RegistryContentType>(
  config?: DefaultMetricsCollectorConfiguration<T> | null,
): DefaultMetrics {
  if (config !== null && config !== undefined && typeof config !== 'object') {
    throw new TypeError('config must be null, undefined, or an object');
  }
  const collector = new Collector(config ?? {});
  for (const collect of Object.values(collectors)) collect(collector);
  return {
    stop: () => {
      for (const stop of collector.stops.splice(0)) stop();
    },
  };
}

/** What `collectDefaultMetrics` consists of. */
collectDefaultMetrics.metricsList = Object.keys(collectors);
