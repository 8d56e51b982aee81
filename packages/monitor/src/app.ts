/**
 * The monitor: here, and only here, database, query engine, scraping, rules, notifier and HTTP are introduced to each other. They
 * start from the bottom up and stop from the top down, so that nobody writes into what is closed.
 */
import { hostname } from 'node:os';
import { Gauge, Registry } from '@pronoia/client';
import { collectDefaultMetrics } from '@pronoia/client/node';
import type { Queryable } from '@pronoia/model';
import { Engine, QueryMetrics } from '@pronoia/promql';
import { type Clock, createHttp, type Logger, listen, type Running, silentLogger, sleep, systemClock } from '@pronoia/server';
import { open, type Tsdb } from '@pronoia/tsdb';
import type { FastifyInstance } from 'fastify';
import { encodeError } from './api/answer.ts';
import { watchConfig } from './auto-reload.ts';
import { loadConfig } from './config/config.ts';
import { createDiscoveryMetrics, DiscoveryManager } from './discovery/manager.ts';
import { errors } from './errors.ts';
import { type Features, readFeatures } from './features.ts';
import { completeOptions, type MonitorOptions } from './flags.ts';
import { Notifier } from './notifier/manager.ts';
import { createNotifierMetrics } from './notifier/metrics.ts';
import { Reloader } from './reload.ts';
import type { Alert } from './rules/alerting.ts';
import { RuleManager } from './rules/manager.ts';
import { createRuleMetrics } from './rules/metrics.ts';
import { ScrapeManager } from './scrape/manager.ts';
import { createScrapeMetrics } from './scrape/metrics.ts';
import { hashText } from './slot.ts';
import { keepRules, outOfOrderWindowMs, storageOptions } from './storage-options.ts';
import { expressionLink } from './template/functions.ts';
import { userAgent, version } from './version.ts';
import { parseExternalUrl, parseListenAddress, routePrefix } from './web/address.ts';
import { registerRoutes } from './web/routes.ts';

export interface MonitorDeps {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly registry?: Registry;
  /** Ends the process, for `/-/quit`; without it that path is not there. */
  readonly quit?: () => void;
}

export interface RunningMonitor extends Running {
  /** As SIGHUP: rejects with what is wrong, and then everything goes on as before. */
  reload(): Promise<void>;
}

/** As many as the original keeps (storage.exemplars.max_exemplars). */
const maxExemplars = 100_000;
/** How long a stop waits for alerts to reach Alertmanagers. */
const drainLimitMs = 2000;

/** Resolves when the server is ready: log replayed, configuration in effect. */
export async function start(given: Partial<MonitorOptions>, deps: MonitorDeps = {}): Promise<RunningMonitor> {
  const monitor = new Monitor(completeOptions(given), deps);
  try {
    await monitor.start();
  } catch (error) {
    await monitor.stop();
    throw error;
  }
  return monitor;
}

class Monitor implements RunningMonitor {
  readonly #options: MonitorOptions;
  readonly #features: Features;
  readonly #quit: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #registry: Registry;
  readonly #startedAtMs: number;
  readonly #externalUrlFlag: string | undefined;
  #engine: Engine | undefined;
  readonly #queryMetrics: QueryMetrics;
  #subqueryStepMs = 0;
  readonly #notifier: Notifier;
  #storage: Tsdb | undefined;
  #walReplay = { min: 0, max: 0, current: 0 };
  #outOfOrderWindowMs = 0;
  #running: Running | undefined;
  #state: 'starting' | 'ready' | 'stopping' = 'starting';
  #reloader: Reloader | undefined;
  #scrape: ScrapeManager | undefined;
  #rules: RuleManager | undefined;
  readonly #discoveries: DiscoveryManager[] = [];
  #closeProxy: () => void = () => {};
  #stopped: Promise<void> | undefined;
  #watching: Promise<void> = Promise.resolve();
  /** Ends queries of rules that would outlast a stop. */
  readonly #stopping = new AbortController();

  constructor(options: MonitorOptions, deps: MonitorDeps) {
    this.#options = options;
    this.#features = readFeatures(options['enable-feature']);
    this.#quit = deps.quit;
    this.#clock = deps.clock ?? systemClock;
    this.#log = deps.log ?? silentLogger;
    this.#registry = deps.registry ?? new Registry();
    this.#queryMetrics = new QueryMetrics(this.#registry);
    this.#startedAtMs = this.#clock.now();
    this.#externalUrlFlag = parseExternalUrl(options['web.external-url']);
    this.#notifier = new Notifier({
      clock: this.#clock,
      log: this.#log,
      metrics: createNotifierMetrics(this.#registry),
      settings: {
        capacity: options['alertmanager.notification-queue-capacity'],
        batchSize: options['alertmanager.notification-batch-size'],
      },
      drainOnStop: options['alertmanager.drain-notification-queue-on-shutdown'],
    });
  }

  get url(): string {
    return this.#running?.url ?? '';
  }

  get port(): number {
    return this.#running?.port ?? 0;
  }

  async start(): Promise<void> {
    const options = this.#options;
    const app = this.#createApp();
    if (this.#features.unknown.length > 0) {
      this.#log.warn(
        { features: this.#features.unknown },
        'Unknown or not implemented features were asked for (--enable-feature); they have no effect',
      );
    }
    const managers = this.#createManagers();
    const proxy = registerRoutes(app, {
      ...managers,
      options,
      features: this.#features,
      clock: this.#clock,
      registry: this.#registry,
      startedAtMs: this.#startedAtMs,
      state: () => this.#state,
      walReplay: () => this.#walReplay,
      storage: () => this.#opened(),
      engine: () => this.#currentEngine(),
      notifier: this.#notifier,
      externalUrl: () => this.#externalUrl(),
      quit: this.#quit,
    });
    this.#closeProxy = () => proxy.close();
    this.#running = await listen(app, { ...parseListenAddress(options['web.listen-address']), flag: '--web.listen-address' });
    app.server.maxConnections = options['web.max-connections'];

    const config = await loadConfig(options['config.file'], { env: process.env });
    this.#outOfOrderWindowMs = outOfOrderWindowMs(config);
    this.#storage = await open(options['storage.tsdb.path'], {
      ...storageOptions(options, config),
      registry: this.#registry,
      log: this.#log,
      clock: this.#clock,
      maxExemplars: this.#features.storesExemplars ? maxExemplars : 0,
      onReplay: (min, max, current) => {
        this.#walReplay = { min, max, current };
      },
    });
    await this.reload();
    if (options['config.auto-reload']) {
      const intervalMs = Math.max(1000, options['config.auto-reload-interval']);
      this.#watching = watchConfig({ clock: this.#clock, log: this.#log, intervalMs, reloader: managers.reloader }, this.#stopping.signal);
    }
    this.#state = 'ready';
    this.#log.info({ url: this.url }, 'Server is ready to receive web requests.');
  }

  reload(): Promise<void> {
    if (this.#reloader === undefined) throw new Error('BUG: reload before start');
    return this.#reloader.reload();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    this.#stopping.abort();
    await this.#watching;
    await Promise.all(this.#discoveries.map((discovery) => discovery.stop()));
    await this.#rules?.stop();
    await this.#scrape?.stop();
    const waiting = new AbortController();
    await Promise.race([this.#notifier.stop(), sleep(systemClock, drainLimitMs, waiting.signal).catch(() => undefined)]);
    waiting.abort();
    this.#closeProxy();
    await this.#running?.stop();
    await this.#storage?.close();
  }

  #createApp(): FastifyInstance {
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: 'prometheus_build_info',
      help: 'Version of the monitor.',
      labelNames: ['version', 'goversion'],
      registers: [this.#registry],
    }).set({ version, goversion: `node ${process.version}` }, 1);
    const isReady = (): boolean => this.#state === 'ready';
    new Gauge({
      name: 'prometheus_ready',
      help: 'Whether the server is ready to answer.',
      registers: [this.#registry],
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
    return createHttp({
      log: this.#log,
      registry: this.#registry,
      isReady: () => isReady() || 'Service Unavailable',
      bodyLimitBytes: 32 * 1024 * 1024,
      routePrefix: routePrefix(this.#options['web.route-prefix'], this.#externalUrlFlag),
      metricPrefix: 'prometheus_',
      serverName: 'Prometheus Server',
      compress: true,
      webConfigFile: this.#options['web.config.file'],
      formatError: (error, request) =>
        request.url.startsWith('/api/')
          ? { contentType: 'application/json', body: encodeError(error.status, error.code, error.message) }
          : { contentType: 'text/plain; charset=utf-8', body: `${error.message}\n` },
    });
  }

  #createManagers(): { scrape: ScrapeManager; rules: RuleManager; reloader: Reloader } {
    const options = this.#options;
    const common = { clock: this.#clock, log: this.#log };
    const appendable = { appender: () => this.#opened().appender() };
    const queryable: Queryable = { querier: (minMs, maxMs) => this.#opened().querier(minMs, maxMs) };

    const scrape = new ScrapeManager({
      ...common,
      appendable,
      metrics: createScrapeMetrics(this.#registry),
      userAgent,
      storesExemplars: this.#features.storesExemplars,
      timestampToleranceMs: options['scrape.adjust-timestamps'] ? options['scrape.timestamp-tolerance'] : -1,
      offsetSeed: () => hashText(`${hostname()}${this.#reloader?.externalLabels.key() ?? ''}`),
    });
    const rules = new RuleManager({
      ...common,
      appendable,
      queryable,
      metrics: createRuleMetrics(this.#registry),
      query: (expr, tMs) => this.#currentEngine().instant(queryable, expr, tMs, {}, this.#stopping.signal),
      notify: (alerts, expr) => this.#notify(alerts, expr),
      restore: {
        outageToleranceMs: options['rules.alert.for-outage-tolerance'],
        gracePeriodMs: options['rules.alert.for-grace-period'],
      },
      resendDelayMs: options['rules.alert.resend-delay'],
    });
    const metrics = createDiscoveryMetrics(this.#registry);
    const throttleMs = options['scrape.discovery-reload-interval'];
    const scrapeDiscovery = new DiscoveryManager({
      ...common,
      name: 'scrape',
      metrics,
      throttleMs,
      apply: (groups) => scrape.apply(groups),
    });
    const notifierDiscovery = new DiscoveryManager({
      ...common,
      name: 'notify',
      metrics,
      throttleMs,
      apply: (groups) => this.#notifier.apply(groups),
    });
    this.#discoveries.push(scrapeDiscovery, notifierDiscovery);
    this.#scrape = scrape;
    this.#rules = rules;
    const reloader = new Reloader({
      ...common,
      registry: this.#registry,
      file: options['config.file'],
      externalUrl: () => this.#externalUrl(),
      parseOptions: this.#features.parse,
      scrape,
      scrapeDiscovery,
      notifier: this.#notifier,
      notifierDiscovery,
      rules,
      configureStorage: (config) => {
        this.#storage?.setKeepRules(keepRules(config));
        if (outOfOrderWindowMs(config) !== this.#outOfOrderWindowMs)
          this.#log.warn({}, 'storage.tsdb.out_of_order_time_window has changed; the new value takes effect at the next start');
      },
    });
    this.#reloader = reloader;
    return { scrape, rules, reloader };
  }

  #notify(alerts: readonly Alert[], expr: string): void {
    const generatorUrl = `${this.#externalUrl()}${expressionLink(expr, 1)}`;
    this.#notifier.send(
      alerts.map(({ labels, annotations, firedAtMs, activeAtMs, resolvedAtMs, validUntilMs }) => ({
        labels,
        annotations,
        startsAtMs: firedAtMs ?? activeAtMs,
        endsAtMs: resolvedAtMs ?? validUntilMs ?? activeAtMs,
        generatorUrl,
      })),
    );
  }

  #opened(): Tsdb {
    if (this.#storage === undefined) throw errors.fail('unavailable', { reason: 'TSDB not ready' });
    return this.#storage;
  }

  /** One for each evaluation_interval: the step of subqueries that name none. */
  #currentEngine(): Engine {
    const options = this.#options;
    const stepMs = this.#reloader?.config?.global.evaluation_interval ?? 60_000;
    if (this.#engine === undefined || stepMs !== this.#subqueryStepMs) {
      this.#subqueryStepMs = stepMs;
      this.#engine = new Engine({
        lookbackMs: options['query.lookback-delta'],
        timeoutMs: options['query.timeout'],
        maxConcurrency: options['query.max-concurrency'],
        maxSamples: options['query.max-samples'],
        defaultSubqueryStepMs: stepMs,
        enabledFeatures: this.#features.query,
        metrics: this.#queryMetrics,
      });
    }
    return this.#engine;
  }

  /** Without a trailing slash. */
  #externalUrl(): string {
    return this.#externalUrlFlag ?? `http://${hostname()}:${this.port}`;
  }
}
