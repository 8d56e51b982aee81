/** Every path of the server, and who answers it. */
import type { Registry } from '@pronoia/client';
import { createMatcher } from '@pronoia/model';
import type { Engine } from '@pronoia/promql';
import type { Clock } from '@pronoia/server';
import type { Tsdb } from '@pronoia/tsdb';
import type { FastifyInstance } from 'fastify';
import { adminRoutes } from '../api/admin.ts';
import { federate } from '../api/federate.ts';
import { queryRoutes } from '../api/query.ts';
import { notReady, paramsOf, registerApi } from '../api/register.ts';
import { ruleRoutes } from '../api/rules.ts';
import { seriesRoutes } from '../api/series.ts';
import { statusRoutes } from '../api/status.ts';
import { targetRoutes } from '../api/targets.ts';
import { printConfig } from '../config/print.ts';
import { errors } from '../errors.ts';
import type { Features } from '../features.ts';
import { type MonitorOptions, printOptions } from '../flags.ts';
import type { Notifier } from '../notifier/manager.ts';
import type { Reloader } from '../reload.ts';
import { createReceiver } from '../remote/receiver.ts';
import { describeRetention } from '../retention.ts';
import type { RuleManager } from '../rules/manager.ts';
import type { ScrapeManager } from '../scrape/manager.ts';
import { version } from '../version.ts';
import { registerLifecycle } from './lifecycle.ts';
import { registerPage } from './page.ts';
import { type Proxy, registerProxy } from './proxy.ts';

export interface RouteDeps {
  readonly options: MonitorOptions;
  readonly features: Features;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly startedAtMs: number;
  /** Segments of the log at start: the first, the last, the one that was read last. */
  readonly walReplay: () => { readonly min: number; readonly max: number; readonly current: number };
  readonly state: () => 'starting' | 'ready' | 'stopping';
  /** Throws while it is not open. */
  readonly storage: () => Tsdb;
  readonly engine: () => Engine;
  readonly scrape: ScrapeManager;
  readonly rules: RuleManager;
  readonly notifier: Notifier;
  readonly reloader: Reloader;
  readonly externalUrl: () => string;
  readonly quit: (() => void) | undefined;
}

/** Close what is returned when the server stops. */
export function registerRoutes(app: FastifyInstance, deps: RouteDeps): Proxy {
  const { options, reloader } = deps;
  registerPrometheusApi(app, deps);
  registerFederation(app, deps);
  registerReceiver(app, deps);
  registerLifecycle(app, { isEnabled: options['web.enable-lifecycle'], reload: () => reloader.reload(), quit: deps.quit });
  app.get('/version', () => ({ version, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: `node ${process.version}` }));
  const proxy = registerProxy(app, {
    masterUrl: options['cluster.master-url'] === '' ? undefined : options['cluster.master-url'],
    alertmanagerUrl: () => deps.notifier.activeUrls[0],
  });
  registerPage(app, options['web.page-dir'] === '' ? undefined : options['web.page-dir']);
  return proxy;
}

function registerPrometheusApi(app: FastifyInstance, deps: RouteDeps): void {
  const { options, features, clock, reloader, scrape, rules, notifier, storage } = deps;
  const pattern = options['web.cors.origin'];
  const matcher = createMatcher('=~', 'origin', pattern);
  registerApi(app, {
    routes: [
      ...queryRoutes({
        clock,
        engine: deps.engine,
        queryable: storage,
        exemplars: (selectors, startMs, endMs) => storage().exemplars(selectors, startMs, endMs),
        parseOptions: features.parse,
        perStepStats: features.query.includes('promql-per-step-stats'),
      }),
      ...seriesRoutes({ queryable: storage }),
      ...targetRoutes({ scrape, notifier, externalUrl: deps.externalUrl }),
      ...ruleRoutes({ rules }),
      ...adminRoutes({ isEnabled: options['web.enable-admin-api'], storage }),
      ...statusRoutes({
        clock,
        startedAtMs: deps.startedAtMs,
        configYaml: () => (reloader.config === undefined ? '' : printConfig(reloader.config)),
        flags: printOptions(options),
        lastReload: () => reloader.last,
        retention: describeRetention(options),
        head: (limit) => storage().stats(limit),
        // The log's reader gives no progress yet; clients poll this until the server is ready.
        walReplay: deps.walReplay,
      }),
    ],
    isReady: () => deps.state() === 'ready',
    alwaysReady: new Set(['/status/walreplay']),
    isStopping: () => deps.state() === 'stopping',
    corsOrigin: { pattern, allows: (origin) => matcher.matches(origin) },
  });
}

function registerFederation(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/federate', async (request, reply) => {
    if (deps.state() !== 'ready') return notReady(reply, deps.state() === 'stopping');
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    const page = await federate(paramsOf(request), {
      queryable: deps.storage(),
      nowMs: deps.clock.now(),
      lookbackMs: deps.options['query.lookback-delta'],
      externalLabels: deps.reloader.externalLabels,
      signal: gone.signal,
    });
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(page);
  });
}

function registerReceiver(app: FastifyInstance, deps: RouteDeps): void {
  const isEnabled = deps.options['web.enable-remote-write-receiver'];
  const receive = createReceiver({
    clock: deps.clock,
    registry: deps.registry,
    appendable: { appender: () => deps.storage().appender() },
  });
  app.addContentTypeParser('application/x-protobuf', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/api/v1/write', async (request, reply) => {
    if (!isEnabled) throw errors.fail('receiver_disabled');
    if (deps.state() !== 'ready') return notReady(reply, deps.state() === 'stopping');
    const headers = { contentType: request.headers['content-type'] ?? '', encoding: request.headers['content-encoding'] ?? '' };
    await receive(headers, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    return reply.code(204).send();
  });
}
