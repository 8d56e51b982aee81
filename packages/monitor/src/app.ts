/**
 * The monitor: here, and only here, database, query engine, scraping, rules, notifier and HTTP are introduced to each other. They
 * start from the bottom up and stop from the top down, so that nobody writes into what is closed.
 */
import { hostname } from 'node:os';
import { Gauge, Registry } from '@pronoia/client';
import { collectDefaultMetrics } from '@pronoia/client/node';
import { createMatcher, formatDuration, type Queryable } from '@pronoia/model';
import { Engine, type Feature, type ParseOptions } from '@pronoia/promql';
import { type Clock, createHttp, type Logger, listen, type Running, silentLogger, sleep, systemClock } from '@pronoia/server';
import { open, type Tsdb } from '@pronoia/tsdb';
import type { FastifyInstance } from 'fastify';
import { encodeError } from './api/answer.ts';
import { federate } from './api/federate.ts';
import { queryRoutes } from './api/query.ts';
import { notReady, paramsOf, registerApi } from './api/register.ts';
import { ruleRoutes } from './api/rules.ts';
import { seriesRoutes } from './api/series.ts';
import { statusRoutes } from './api/status.ts';
import { targetRoutes } from './api/targets.ts';
import { watchConfig } from './auto-reload.ts';
import { printConfig } from './config/print.ts';
import { createDiscoveryMetrics, DiscoveryManager } from './discovery/manager.ts';
import { errors } from './errors.ts';
import { completeOptions, type MonitorOptions, printOptions } from './flags.ts';
import { Notifier } from './notifier/manager.ts';
import { createNotifierMetrics } from './notifier/metrics.ts';
import { Reloader } from './reload.ts';
import { createReceiver } from './remote/receiver.ts';
import type { Alert } from './rules/alerting.ts';
import { RuleManager } from './rules/manager.ts';
import { createRuleMetrics } from './rules/metrics.ts';
import { ScrapeManager } from './scrape/manager.ts';
import { createScrapeMetrics } from './scrape/metrics.ts';
import { hashText } from './slot.ts';
import { expressionLink } from './template/functions.ts';
import { userAgent, version } from './version.ts';
import { registerPage } from './web/page.ts';
import { registerProxy } from './web/proxy.ts';

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
  readonly #deps: MonitorDeps;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #registry: Registry;
  readonly #startedAtMs: number;
  readonly #externalUrlFlag: string;
  #engine: Engine | undefined;
  #subqueryStepMs = 0;
  readonly #notifier: Notifier;
  #storage: Tsdb | undefined;
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
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#log = deps.log ?? silentLogger;
    this.#registry = deps.registry ?? new Registry();
    this.#startedAtMs = this.#clock.now();
    this.#externalUrlFlag = options['web.external-url'].replace(/\/+$/, '');
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
    const known = new Set<string>([...knownFeatures, exemplarFeature]);
    const unknown = [...featureNames(options)].filter((name) => !known.has(name));
    if (unknown.length > 0)
      this.#log.warn({ features: unknown }, 'Unknown or not implemented features were asked for (--enable-feature); they have no effect');
    this.#createManagers();
    this.#registerRoutes(app);
    registerPage(app, options['web.page-dir'] === '' ? undefined : options['web.page-dir']);
    this.#running = await listen(app, { ...listenAddress(options['web.listen-address']), flag: '--web.listen-address' });
    app.server.maxConnections = options['web.max-connections'];

    this.#storage = await open(options['storage.tsdb.path'], {
      registry: this.#registry,
      log: this.#log,
      clock: this.#clock,
      retentionMs: options['storage.tsdb.retention.time'],
      maxExemplars: this.#storesExemplars ? maxExemplars : 0,
    });
    await this.reload();
    if (options['config.auto-reload']) {
      const intervalMs = Math.max(1000, options['config.auto-reload-interval']);
      this.#watching = watchConfig(
        { clock: this.#clock, log: this.#log, intervalMs, reloader: this.#reloader as Reloader },
        this.#stopping.signal,
      );
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
      routePrefix: this.#routePrefix(),
      metricPrefix: 'prometheus_',
      serverName: 'Prometheus Server',
      compress: true,
      formatError: (error, request) =>
        request.url.startsWith('/api/')
          ? { contentType: 'application/json', body: encodeError(error.status, error.code, error.message) }
          : { contentType: 'text/plain; charset=utf-8', body: `${error.message}\n` },
    });
  }

  #createManagers(): void {
    const options = this.#options;
    const common = { clock: this.#clock, log: this.#log };
    const appendable = { appender: () => this.#opened().appender() };
    const queryable: Queryable = { querier: (minMs, maxMs) => this.#opened().querier(minMs, maxMs) };

    const scrape = new ScrapeManager({
      ...common,
      appendable,
      metrics: createScrapeMetrics(this.#registry),
      userAgent,
      storesExemplars: this.#storesExemplars,
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
    this.#reloader = new Reloader({
      ...common,
      registry: this.#registry,
      file: options['config.file'],
      externalUrl: () => this.#externalUrl(),
      parseOptions: parseOptions(options),
      scrape,
      scrapeDiscovery,
      notifier: this.#notifier,
      notifierDiscovery,
      rules,
    });
  }

  #registerRoutes(app: FastifyInstance): void {
    const options = this.#options;
    const scrape = this.#scrape as ScrapeManager;
    const rules = this.#rules as RuleManager;
    const reloader = this.#reloader as Reloader;
    const queryable = () => this.#opened();
    const externalUrl = () => this.#externalUrl();
    const originMatcher = createMatcher('=~', 'origin', options['web.cors.origin']);
    registerApi(app, {
      routes: [
        ...queryRoutes({
          clock: this.#clock,
          engine: () => this.#currentEngine(),
          queryable,
          exemplars: (selectors, startMs, endMs) => this.#opened().exemplars(selectors, startMs, endMs),
          parseOptions: parseOptions(options),
          perStepStats: features(options).includes('promql-per-step-stats'),
        }),
        ...seriesRoutes({ queryable }),
        ...targetRoutes({ scrape, notifier: this.#notifier, externalUrl }),
        ...ruleRoutes({ rules }),
        ...statusRoutes({
          clock: this.#clock,
          startedAtMs: this.#startedAtMs,
          configYaml: () => (reloader.config === undefined ? '' : printConfig(reloader.config)),
          flags: printOptions(this.#options),
          lastReload: () => reloader.last,
          retention: formatDuration(options['storage.tsdb.retention.time']),
          head: (limit) => this.#opened().stats(limit),
          // The log's reader gives no progress yet; clients poll this until the server is ready.
          walReplay: () => ({ min: 0, max: 0, current: 0 }),
        }),
      ],
      isReady: () => this.#state === 'ready',
      alwaysReady: new Set(['/status/walreplay']),
      isStopping: () => this.#state === 'stopping',
      corsOrigin: { pattern: options['web.cors.origin'], allows: (origin) => originMatcher.matches(origin) },
    });
    app.get('/federate', async (request, reply) => {
      if (this.#state !== 'ready') return notReady(reply, this.#state === 'stopping');
      const gone = new AbortController();
      reply.raw.on('close', () => gone.abort());
      const page = await federate(paramsOf(request), {
        queryable: this.#opened(),
        nowMs: this.#clock.now(),
        lookbackMs: options['query.lookback-delta'],
        externalLabels: reloader.externalLabels,
        signal: gone.signal,
      });
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(page);
    });
    this.#registerReceiver(app);
    app.route({
      method: ['POST', 'PUT'],
      url: '/-/reload',
      handler: async (_request, reply) => {
        if (!options['web.enable-lifecycle']) throw errors.fail('lifecycle_disabled');
        try {
          await reloader.reload();
        } catch (error) {
          throw errors.fail('reload_failed', { reason: (error as Error).message }, error);
        }
        return reply.send('');
      },
    });
    const { quit } = this.#deps;
    if (quit !== undefined) {
      app.route({
        method: ['POST', 'PUT'],
        url: '/-/quit',
        handler: (_request, reply) => {
          if (!options['web.enable-lifecycle']) throw errors.fail('lifecycle_disabled');
          reply.raw.on('finish', quit);
          return reply.send('Requesting termination... Goodbye!');
        },
      });
    }
    app.get('/-/reload', (_request, reply) => {
      reply.header('allow', 'POST, PUT');
      throw errors.fail('method_not_allowed');
    });
    app.get('/version', () => ({ version, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: `node ${process.version}` }));
    const masterUrl = options['cluster.master-url'];
    const proxy = registerProxy(app, {
      masterUrl: masterUrl === '' ? undefined : masterUrl,
      alertmanagerUrl: () => this.#notifier.activeUrls[0],
    });
    this.#closeProxy = () => proxy.close();
  }

  #registerReceiver(app: FastifyInstance): void {
    const isEnabled = this.#options['web.enable-remote-write-receiver'];
    const receive = createReceiver({
      clock: this.#clock,
      registry: this.#registry,
      appendable: { appender: () => this.#opened().appender() },
    });
    app.addContentTypeParser('application/x-protobuf', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.post('/api/v1/write', async (request, reply) => {
      if (!isEnabled) throw errors.fail('receiver_disabled');
      if (this.#state !== 'ready') return notReady(reply, this.#state === 'stopping');
      const headers = { contentType: request.headers['content-type'] ?? '', encoding: request.headers['content-encoding'] ?? '' };
      await receive(headers, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
      return reply.code(204).send();
    });
  }

  get #storesExemplars(): boolean {
    return featureNames(this.#options).has(exemplarFeature);
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
        enabledFeatures: features(options),
      });
    }
    return this.#engine;
  }

  /** Without a trailing slash. */
  #externalUrl(): string {
    return this.#externalUrlFlag === '' ? `http://${hostname()}:${this.port}` : this.#externalUrlFlag;
  }

  #routePrefix(): string {
    const given = this.#options['web.route-prefix'];
    if (given !== '') return `/${given}`.replace(/\/+/g, '/').replace(/\/$/, '');
    return this.#externalUrlFlag === '' ? '' : new URL(this.#externalUrlFlag).pathname.replace(/\/$/, '');
  }
}

/** Those of the query language; others are not there yet, and unknown ones are told at the start. */
function features(options: MonitorOptions): Feature[] {
  const names = featureNames(options);
  return knownFeatures.filter((name) => names.has(name));
}

/** The language of rules and of the API's parsers, by the same features. */
function parseOptions(options: MonitorOptions): ParseOptions {
  const names = featureNames(options);
  return {
    experimentalFunctions: names.has('promql-experimental-functions'),
    extendedRangeSelectors: names.has('promql-extended-range-selectors'),
    binopFillModifiers: names.has('promql-binop-fill-modifiers'),
  };
}

function featureNames(options: MonitorOptions): ReadonlySet<string> {
  return new Set(options['enable-feature'].flatMap((list) => list.split(',')));
}

const knownFeatures: readonly Feature[] = [
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
  'promql-delayed-name-removal',
  'promql-per-step-stats',
];

const exemplarFeature = 'exemplar-storage';
/** As many as the original keeps (storage.exemplars.max_exemplars). */
const maxExemplars = 100_000;

function listenAddress(addresses: readonly string[]): { host: string; port: number } {
  const [address, second] = addresses;
  if (second !== undefined) throw errors.fail('bad_listen_address', { address: addresses.join(', ') });
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address ?? '');
  if (match === null || Number(match[3]) > 65_535) throw errors.fail('bad_listen_address', { address: address ?? '' });
  return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : (match[2] as string)), port: Number(match[3]) };
}
