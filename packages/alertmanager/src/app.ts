/**
 * The server: state files, configuration, engine and HTTP introduced to each other, and their order at start, reload and stop.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { availableParallelism, hostname, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { Registry } from '@pronoia/client';
import {
  type Clock,
  createHttp,
  createLogger,
  EtcdClient,
  type FlagValues,
  type Logger,
  listen,
  parseEtcdUrl,
  type Running,
  systemClock,
  systemdSockets,
  type Timer,
} from '@pronoia/server';
import type { FastifyInstance } from 'fastify';
import { Acknowledgements } from './acknowledgement.ts';
import { AlertStore } from './alert-store.ts';
import type { ClusterView } from './api/context.ts';
import { limitTime } from './api/request-timeout.ts';
import { addApiRoutes, formatApiError } from './api/routes.ts';
import { EtcdArbiter } from './cluster/arbiter.ts';
import { Cluster, type ClusterOptions } from './cluster/cluster.ts';
import { ClusterTls } from './cluster/tls.ts';
import { type Config, loadConfig } from './config/config.ts';
import { Engine } from './engine.ts';
import { fail } from './errors.ts';
import { flags, readFeatures } from './flags.ts';
import { glob } from './glob.ts';
import { History } from './history/history.ts';
import { Lives } from './history/lives.ts';
import { HistoryLog } from './history/log.ts';
import { measureHistory } from './history/metrics.ts';
import { type Observer, observeWith } from './history/observer.ts';
import { type MatcherMode, printMatchers } from './matcher.ts';
import { createClusterMetrics, createNotificationMetrics, createServerMetrics } from './metrics.ts';
import { NotificationLog } from './nflog.ts';
import { buildReceivers } from './notify/build.ts';
import { Templates } from './notify/template.ts';
import { PolicyKeeper } from './policy/keeper.ts';
import { EventRecorder } from './recording/event-recorder.ts';
import { Tracer } from './recording/tracer.ts';
import { type Silence, type SilenceState, Silences, silenceState } from './silence.ts';
import { Turns } from './turns.ts';
import { version } from './version.ts';

export type Options = Partial<FlagValues<typeof flags>>;

export interface Dependencies {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly registry?: Registry;
  readonly random?: () => number;
}

export interface RunningAlertmanager extends Running {
  /** Reads the configuration again. When it is bad the old one stays, and this rejects. */
  reload(): Promise<void>;
}

const alone: ClusterView = { status: 'disabled', peers: [] };

/** A notification waits so long for a ruling, then goes without. */
const etcdTimeoutMs = 700;

/** Alerts come in batches; larger ones than this are refused with 413. */
const bodyLimitBytes = 64 * 1024 * 1024;

export async function start(options: Options, dependencies: Dependencies = {}): Promise<RunningAlertmanager> {
  const settings = withDefaults(options);
  const { clock = systemClock, log = createLogger(), registry = new Registry() } = dependencies;
  const { mode, features } = checkFlags(settings);
  const startedAtMs = clock.now();
  const storage = settings['storage.path'];
  mkdirSync(storage, { recursive: true });

  const retentionMs = settings['data.retention'];
  const silences = new Silences(
    { retentionMs, maxSilences: settings['silences.max-silences'], maxBytes: settings['silences.max-silence-size-bytes'] },
    join(storage, 'silences'),
  );
  const notificationLog = new NotificationLog(join(storage, 'nflog'));
  const history =
    settings['history.retention'] === 0
      ? undefined
      : new HistoryLog({
          folder: join(storage, 'history'),
          clock,
          log,
          retentionMs: settings['history.retention'],
          maxBytes: settings['history.max-bytes'],
        });
  if (history !== undefined) measureHistory(registry, history);
  const tracer = new Tracer(clock, log);
  const recorder = features.has('event-recorder')
    ? new EventRecorder({ clock, log, registry, instance: hostname(), position: () => cluster?.position ?? 0 })
    : undefined;
  const observers: Observer[] = [
    tracer,
    ...(recorder === undefined ? [] : [recorder]),
    ...(history === undefined ? [] : [new History(history)]),
  ];
  const observer = observeWith(observers);
  const acknowledgements = new Acknowledgements(join(storage, 'acknowledgements'));
  acknowledgements.subscribe((one) => observer.acknowledged(one, clock.now()));
  const store = new AlertStore({ perNameLimit: settings['alerts.per-alertname-limit'] });
  const clusterMetrics = createClusterMetrics(registry);
  const cluster = createCluster(settings, { clock, log, metrics: clusterMetrics, silences, acknowledgements, notificationLog, store });
  // Before the engine, so that a beginning is written before what follows from it.
  const lives = new Lives(clock, store, observer);
  silences.subscribe((silence) => {
    observer.silenced(silence, clock.now());
    if (settings['log.silences']) logSilence(log, silence, clock.now());
  });
  const engine = new Engine({
    clock,
    log,
    acknowledgements,
    observer,
    metrics: createNotificationMetrics(registry, { namesReceivers: features.has('receiver-name-in-metrics') }),
    store,
    silences,
    notificationLog,
    retentionMs,
    startAtMs: startedAtMs + settings['dispatch.start-delay'],
    maintenanceIntervalMs: settings['dispatch.maintenance-interval'],
    turns: new Turns(),
    ...(cluster === undefined ? {} : { cluster }),
    ...(dependencies.random === undefined ? {} : { random: dependencies.random }),
  });
  const metrics = createServerMetrics(
    registry,
    {
      alerts: () => engine.countByState(clock.now()),
      silences: () => countSilences(silences, clock),
      groups: () => engine.groupCount,
      receivers: () => engine.receivers.size,
      integrations: () => [...engine.receivers.values()].reduce((sum, { integrations }) => sum + integrations.length, 0),
      inhibitionRules: () => engine.ruleCount,
    },
    { version, revision: '' },
  );
  metrics.limit.set(settings['alerts.per-alertname-limit']);

  const [address = ':9093', ...moreAddresses] = settings['web.listen-address'];
  const { host, port } = parseAddress(address);
  const external = new URL(settings['web.external-url'] || `http://${hostname()}:${port}/`);
  const externalUrl = external.href.replace(/\/+$/, '');
  const prefix = (settings['web.route-prefix'] || external.pathname).replace(/^\/*/, '/').replace(/\/+$/, '');

  let templates: Templates | undefined;
  const load = async (): Promise<void> => {
    try {
      const config = loadConfig(settings['config.file'], {
        mode,
        onDisagreement: (input, problem, suggestion) => warnOfMatcher(log, input, problem, suggestion),
      });
      const loaded = loadTemplates(config, externalUrl, clock);
      await engine.apply(config, buildReceivers(config, loaded));
      templates = loaded;
      metrics.reloadSuccessful.set(1);
      metrics.reloadTimestamp.set(clock.now() / 1000);
      metrics.configHash.set(hashOf(config.text));
      await tracer.apply(config.tracing, config.file);
      await recorder?.apply(config.event_recorder, config.file);
      if (recorder === undefined && config.event_recorder !== undefined)
        log.warn({}, 'event_recorder has no effect without --enable-feature=event-recorder');
      log.info({ file: settings['config.file'] }, 'Completed loading of configuration file');
    } catch (error) {
      metrics.reloadSuccessful.set(0);
      throw error;
    }
  };
  // One reload at a time: a second one waits and then reads the newest file.
  let loading = Promise.resolve();
  const reload = (): Promise<void> => {
    const next = loading.then(load).then(() => keeper.keep());
    loading = next.catch(() => {});
    return next;
  };
  await load();
  await cluster?.start();

  const app = createHttp({
    log,
    registry,
    bodyLimitBytes,
    routePrefix: prefix,
    formatError: formatApiError,
    serverName: 'Alertmanager',
    webConfigFile: settings['web.config.file'],
  });
  limitTime(app, clock, settings['web.timeout']);
  addApiRoutes(app, {
    context: { engine, store, silences, clock, mode, metrics, cluster: cluster ?? alone, startedAtMs },
    notificationLog,
    acknowledgements,
    history,
    templates: () => templates as Templates,
    routeLabelsOf: (group) => {
      if (templates === undefined || Object.keys(group.route.options.labels).length === 0) return {};
      try {
        const data = templates.data({
          alerts: [...group.alertsByFingerprint.values()],
          receiver: group.route.options.receiver,
          groupKey: group.key,
          groupLabels: group.labels,
          routeLabels: group.route.options.labels,
          reason: 'unknown',
          receiverData: {},
          nowMs: clock.now(),
          signal: new AbortController().signal,
        });
        return Object.fromEntries(data.RouteLabels.base as Map<string, string>);
      } catch (error) {
        // A template that fails fails its notifications, and is told there.
        log.debug({ err: error, aggrGroup: group.key }, 'A route label cannot be rendered');
        return {};
      }
    },
    getConcurrency: settings['web.get-concurrency'] || Math.max(availableParallelism(), 8),
  });
  addOtherRoutes(app, { prefix, reload });

  const descriptors = settings['web.systemd-socket'] ? systemdSockets() : [];
  if (settings['web.systemd-socket'] && descriptors.length === 0)
    throw fail('bad_flags', { reason: '--web.systemd-socket: systemd has handed no socket over (LISTEN_FDS)' });
  const running = await listen(app, {
    host,
    port,
    more: moreAddresses.map((one) => parseAddress(one)),
    descriptors,
    flag: '--web.listen-address',
  });

  const keeper = new PolicyKeeper({
    clock,
    log,
    silences,
    store,
    policy: () => engine.config.silence_policy,
    timeIntervals: () => engine.config.timeIntervals,
  });
  await keeper.keep();

  const timers = new Set<Timer>();
  every(clock, timers, settings['data.maintenance-interval'], () => void maintain());
  every(clock, timers, settings['alerts.gc-interval'], () => engine.forgetResolved());

  // One at a time: a slow disk must not be written from two sides.
  let maintaining = Promise.resolve();
  function maintain(): Promise<void> {
    maintaining = maintaining.then(maintainOnce);
    return maintaining;
  }

  async function maintainOnce(): Promise<void> {
    const nowMs = clock.now();
    history?.dropOld();
    const parts = [
      {
        name: 'silences',
        gauges: metrics.silences,
        collect: () => silences.collectGarbage(nowMs),
        snapshot: () => silences.snapshot(),
      },
      {
        name: 'nflog',
        gauges: metrics.nflog,
        collect: () => notificationLog.collectGarbage(nowMs),
        snapshot: () => notificationLog.snapshot(),
      },
    ];
    try {
      acknowledgements.collectGarbage((fingerprint) => store.get(fingerprint), nowMs);
      acknowledgements.snapshot();
    } catch (error) {
      log.error({ err: error, part: 'acknowledgements' }, 'Maintenance failed; the log of changes keeps what the snapshot would have');
    }
    for (const { name, gauges, collect, snapshot } of parts) {
      gauges.maintenance.inc();
      try {
        const startedAt = clock.monotonic();
        collect();
        const collectedAt = clock.monotonic();
        gauges.gcDuration.observe((collectedAt - startedAt) / 1000);
        gauges.snapshotSize.set(await snapshot());
        gauges.snapshotDuration.observe((clock.monotonic() - collectedAt) / 1000);
      } catch (error) {
        gauges.maintenanceErrors.inc();
        log.error({ err: error, part: name }, 'Maintenance failed; the log of changes keeps what the snapshot would have');
      }
    }
  }

  return {
    url: `${running.url}${prefix}`,
    port: running.port,
    reload,
    async stop() {
      for (const timer of timers) timer.cancel();
      await running.stop();
      await loading;
      await engine.stop();
      keeper.stop();
      lives.stop();
      await Promise.all([history?.close(), recorder?.close(), tracer.close()]);
      await cluster?.stop();
      await maintain();
      silences.close();
      notificationLog.close();
      acknowledgements.close();
    },
  };
}

function withDefaults(options: Options): FlagValues<typeof flags> {
  const defaults = Object.fromEntries(Object.entries(flags).map(([name, { default: value }]) => [name, value]));
  return { ...defaults, ...options } as FlagValues<typeof flags>;
}

function checkFlags(settings: FlagValues<typeof flags>): { mode: MatcherMode; features: ReadonlySet<string> } {
  let features: ReadonlySet<string>;
  try {
    features = readFeatures(settings['enable-feature']);
  } catch (error) {
    throw fail('bad_flags', { reason: (error as Error).message });
  }
  return { mode: features.has('classic-mode') ? 'classic' : features.has('utf8-strict-mode') ? 'utf8-strict' : 'fallback', features };
}

function parseAddress(address: string, name: keyof typeof flags = 'web.listen-address'): { host: string; port: number } {
  const match = /^(?:\[(.*)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (match === null || Number(match[3]) > 65_535) throw fail('bad_flags', { reason: `--${name}=${address}: write host:port or :port` });
  return { host: (match[1] ?? match[2]) || '0.0.0.0', port: Number(match[3]) };
}

function loadTemplates(config: Config, externalUrl: string, clock: Clock): Templates {
  const folder = dirname(config.file);
  const files = config.templates.flatMap((pattern) => glob(pattern, folder));
  try {
    return new Templates(files, externalUrl, () => clock.now());
  } catch (error) {
    throw fail('bad_template', { file: config.file, reason: (error as Error).message }, error);
  }
}

function logSilence(log: Logger, silence: Silence, nowMs: number): void {
  const { id, matchers, startsAtMs, endsAtMs, createdBy, comment } = silence;
  const times = { startsAt: new Date(startsAtMs).toISOString(), endsAt: new Date(endsAtMs).toISOString() };
  log.info({ id, state: silenceState(silence, nowMs), matchers: printMatchers(matchers), ...times, createdBy, comment }, 'Silence changed');
}

function warnOfMatcher(log: Logger, input: string, problem: 'deprecated' | 'disagreement', suggestion: string): void {
  if (problem === 'deprecated')
    log.warn(
      { input, suggestion },
      'Alertmanager is moving to a new parser for labels and matchers, and this input is incompatible; write the suggestion',
    );
  else
    log.warn(
      { input, suggestion },
      'Matchers input has disagreement between the two parsers; the old meaning is used, the suggestion makes it plain',
    );
}

/** The first six bytes of the MD5, as the original shows it. */
function hashOf(text: string): number {
  return createHash('md5').update(text).digest().readUIntLE(0, 6);
}

function countSilences(silences: Silences, clock: Clock): Record<SilenceState, number> {
  const counts = { active: 0, pending: 0, expired: 0 };
  for (const silence of silences.all()) counts[silenceState(silence, clock.now())]++;
  return counts;
}

function every(clock: Clock, timers: Set<Timer>, intervalMs: number, run: () => void): void {
  const arm = (): void => {
    const timer = clock.setTimer(intervalMs, () => {
      timers.delete(timer);
      run();
      arm();
    });
    timers.add(timer);
  };
  arm();
}

/** Undefined when it is switched off. */
function createCluster(
  settings: FlagValues<typeof flags>,
  parts: Pick<ClusterOptions, 'clock' | 'log' | 'metrics' | 'silences' | 'acknowledgements' | 'notificationLog' | 'store'>,
): Cluster | undefined {
  const address = settings['cluster.listen-address'];
  if (address === '') return undefined;
  const { host, port } = parseAddress(address, 'cluster.listen-address');
  const advertised = settings['cluster.advertise-address'];
  const isWildcard = host === '0.0.0.0' || host === '::';
  const shown = advertised === '' ? undefined : parseAddress(advertised, 'cluster.advertise-address');
  const peers = settings['cluster.peer'].map((peer) => parseAddress(peer, 'cluster.peer'));
  const name = settings['cluster.peer-name'] || ulid();
  const tlsFile = settings['cluster.tls-config'];
  const etcd = settings['cluster.etcd'] === '' ? undefined : parseEtcdUrl(settings['cluster.etcd']);
  const arbiter =
    etcd &&
    new EtcdArbiter({
      client: new EtcdClient({ ...etcd, timeoutMs: etcdTimeoutMs, clock: parts.clock }),
      prefix: etcd.prefix,
      self: name,
      clock: parts.clock,
      log: parts.log,
      unanswered: parts.metrics.etcdUnanswered,
    });
  return new Cluster({
    ...parts,
    ...(arbiter === undefined ? {} : { arbiter }),
    name,
    tls: tlsFile === '' ? undefined : readClusterTls(tlsFile, parts.log),
    label: settings['cluster.label'],
    host,
    port,
    advertise: shown === undefined ? (isWildcard ? `${privateAddress()}:0` : undefined) : `${shown.host}:${shown.port}`,
    peers,
    peerTimeoutMs: settings['cluster.peer-timeout'],
    settleTimeoutMs: settings['cluster.settle-timeout'],
    probeIntervalMs: settings['cluster.probe-interval'],
    probeTimeoutMs: settings['cluster.probe-timeout'],
    pushPullIntervalMs: settings['cluster.pushpull-interval'],
    tcpTimeoutMs: settings['cluster.tcp-timeout'],
    reconnectIntervalMs: settings['cluster.reconnect-interval'],
    reconnectTimeoutMs: settings['cluster.reconnect-timeout'],
    // The default is for those who did not ask: two alertmanagers on one machine are no mistake.
    mayGoWithoutPort: peers.length === 0 && address === flags['cluster.listen-address'].default,
  });
}

function readClusterTls(file: string, log: Logger): ClusterTls {
  try {
    return new ClusterTls(file, log);
  } catch (error) {
    throw fail('bad_flags', { reason: `--cluster.tls-config: ${(error as Error).message}` }, error);
  }
}

function privateAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

/** 48 bits of time and 80 of chance in Crockford's base 32. */
function ulid(): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  let time = Date.now();
  let text = '';
  for (let i = 0; i < 10; i++) {
    text = (alphabet[time % 32] as string) + text;
    time = Math.floor(time / 32);
  }
  for (const byte of randomBytes(16)) text += alphabet[byte % 32] as string;
  return text;
}

function addOtherRoutes(app: FastifyInstance, { prefix, reload }: { prefix: string; reload: () => Promise<void> }): void {
  void app.register((scope, _options, done) => {
    // Whatever body comes along (`curl -d ''`) says nothing.
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, parsed) => parsed(null));
    scope.post('/-/reload', async (_request, reply) => {
      try {
        await reload();
        return await reply.code(200).send('');
      } catch (error) {
        return reply
          .code(500)
          .type('text/plain; charset=utf-8')
          .send(`failed to reload config: ${(error as Error).message}\n`);
      }
    });
    done();
  });
  app.get('/', (request, reply) => {
    // The page's links are relative.
    if (prefix !== '' && request.originalUrl === prefix) return reply.redirect(`${prefix}/`, 301);
    return reply.type('text/html; charset=utf-8').send(indexPage);
  });
  // The server's rewriting sends here whatever lies outside the prefix.
  app.get('/-/outside-route-prefix', (request, reply) => {
    if (request.originalUrl === '/') return reply.redirect(prefix, 302);
    const message = `path ${request.originalUrl.split('?', 1)[0]} was not found; all paths begin with ${prefix}`;
    return reply
      .code(404)
      .type('application/json')
      .send(`${JSON.stringify({ code: 404, message })}\n`);
  });
}

const indexPage = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Alertmanager</title></head>
<body><h1>Alertmanager</h1>
<p>Alerts, silences and groups are on the monitor's page. Here is the API:</p>
<ul><li><a href="api/v2/alerts">alerts</a></li><li><a href="api/v2/alerts/groups">groups</a></li><li><a href="api/v2/silences">silences</a></li>
<li><a href="api/v2/receivers">receivers</a></li><li><a href="api/v2/status">status</a></li><li><a href="metrics">metrics</a></li></ul>
</body></html>
`;
