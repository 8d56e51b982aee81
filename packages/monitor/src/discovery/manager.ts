/**
 * Runs every discoverer that the jobs ask for and tells the consumer, per job, which groups there are (prometheus-server.md §3.1).
 * Jobs that ask for the same thing share one discoverer. Changes reach the consumer at once, but at most every `throttleMs`.
 */
import { Counter, Gauge, type Registry } from '@pronoia/client';
import type { Clock, Logger, Timer } from '@pronoia/server';
import type { DiscoveryConfig } from '../config/discovery.ts';
import type { HttpClientConfig } from '../config/http-client.ts';
import { createHttpClient, type HttpClient } from '../http-client.ts';
import type { Discoverer, DiscovererTools, TargetGroup } from './discoverer.ts';
import { createFileDiscoverer } from './file.ts';
import { createHttpDiscoverer } from './http.ts';
import { createMesosDiscoverer } from './mesos.ts';

export type GroupsByJob = ReadonlyMap<string, readonly TargetGroup[]>;

export interface DiscoveryOptions {
  /** Tells the managers of scraping and of notifying apart in metrics: `scrape`, `notify`. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: DiscoveryMetrics;
  /** At most one call of `apply` in this time. */
  readonly throttleMs: number;
  /** Must not throw. */
  readonly apply: (groups: GroupsByJob) => void;
  /** For tests: what makes the HTTP client of an entry. */
  readonly createClient?: (config: HttpClientConfig, clock: Clock) => HttpClient;
}

export interface DiscoveryMetrics {
  readonly discoveredTargets: Gauge<'name' | 'config'>;
  readonly updates: Counter<'name'>;
  readonly refreshFailures: Counter<'mechanism'>;
}

export function createDiscoveryMetrics(registry: Registry): DiscoveryMetrics {
  const registers = [registry];
  return {
    discoveredTargets: new Gauge({
      name: 'prometheus_sd_discovered_targets',
      help: 'Targets found now, per job.',
      labelNames: ['name', 'config'],
      registers,
    }),
    updates: new Counter({
      name: 'prometheus_sd_updates_total',
      help: 'Sets of targets handed to the consumer.',
      labelNames: ['name'],
      registers,
    }),
    refreshFailures: new Counter({
      name: 'prometheus_sd_refresh_failures_total',
      help: 'Polls of a discovery mechanism that failed; the last targets were kept.',
      labelNames: ['mechanism'],
      registers,
    }),
  };
}

interface Provider {
  /** The JSON of what was asked for. */
  readonly key: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  groups: readonly TargetGroup[];
}

export class DiscoveryManager {
  readonly #options: DiscoveryOptions;
  #providerByKey = new Map<string, Provider>();
  /** Job → keys of its providers, in the order of its configuration. */
  #keysByJob = new Map<string, readonly string[]>();
  #staticByJob = new Map<string, readonly TargetGroup[]>();
  #timer: Timer | undefined;
  #lastAppliedMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Takes a new set of jobs: providers that are still wanted keep running and keep what they know. */
  configure(jobs: ReadonlyMap<string, DiscoveryConfig>): void {
    const old = this.#providerByKey;
    this.#providerByKey = new Map();
    this.#keysByJob = new Map();
    this.#staticByJob = new Map();
    for (const [job, config] of jobs) {
      const wanted = wantedProviders(config);
      for (const { key, mechanism, client, create } of wanted) {
        if (this.#providerByKey.has(key)) continue;
        this.#providerByKey.set(key, old.get(key) ?? this.#startProvider(key, mechanism, client, create));
      }
      this.#keysByJob.set(
        job,
        wanted.map(({ key }) => key),
      );
      this.#staticByJob.set(job, staticGroups(config));
    }
    for (const [key, provider] of old) if (!this.#providerByKey.has(key)) provider.stop.abort();
    this.#applyNow();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const providers = [...this.#providerByKey.values()];
    for (const { stop } of providers) stop.abort();
    await Promise.all(providers.map(({ done }) => done));
  }

  #startProvider(key: string, mechanism: string, clientConfig: HttpClientConfig | undefined, create: Wanted['create']): Provider {
    const { clock, log, metrics } = this.#options;
    const client = (this.#options.createClient ?? createHttpClient)(clientConfig ?? noClient, clock);
    const failures = { inc: () => metrics.refreshFailures.inc({ mechanism }) };
    const discoverer = create({ clock, log: log.child({ discovery: mechanism }), fetch: client.fetch, failures });
    const stop = new AbortController();
    const emit = (groups: readonly TargetGroup[]): void => {
      provider.groups = groups;
      this.#schedule();
    };
    const run = async (): Promise<void> => {
      try {
        await discoverer.run(emit, stop.signal);
      } catch (error) {
        log.error({ discovery: mechanism, error: (error as Error).message }, 'A discoverer stopped');
      } finally {
        await client.close();
      }
    };
    const provider: Provider = { key, stop, groups: [], done: Promise.resolve().then(run) };
    return provider;
  }

  #schedule(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    const { clock, throttleMs } = this.#options;
    this.#timer = clock.setTimer(this.#lastAppliedMs + throttleMs - clock.monotonic(), () => this.#applyNow());
  }

  #applyNow(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#isStopped) return;
    const { name, metrics, clock } = this.#options;
    this.#lastAppliedMs = clock.monotonic();
    const groupsByJob = new Map<string, readonly TargetGroup[]>();
    for (const [job, keys] of this.#keysByJob) {
      const found = keys.flatMap((key) => this.#providerByKey.get(key)?.groups ?? []);
      const groups = [...(this.#staticByJob.get(job) ?? []), ...found];
      groupsByJob.set(job, groups);
      metrics.discoveredTargets.set(
        { name, config: job },
        groups.reduce((sum, { targets }) => sum + targets.length, 0),
      );
    }
    metrics.updates.inc({ name });
    this.#options.apply(groupsByJob);
  }
}

const noClient: HttpClientConfig = { follow_redirects: true, enable_http2: true };

interface Wanted {
  readonly key: string;
  readonly mechanism: string;
  readonly client: HttpClientConfig | undefined;
  readonly create: (tools: DiscovererTools) => Discoverer;
}

function wantedProviders(config: DiscoveryConfig): Wanted[] {
  return [
    ...config.file_sd_configs.map(
      (entry): Wanted => ({
        key: `file ${JSON.stringify(entry)}`,
        mechanism: 'file',
        client: undefined,
        create: (tools) => createFileDiscoverer(entry, tools),
      }),
    ),
    ...config.http_sd_configs.map(
      (entry): Wanted => ({
        key: `http ${JSON.stringify(entry)}`,
        mechanism: 'http',
        client: entry,
        create: (tools) => createHttpDiscoverer(entry, tools),
      }),
    ),
    ...config.mesos_sd_configs.map(
      (entry): Wanted => ({
        key: `mesos ${JSON.stringify(entry)}`,
        mechanism: 'mesos',
        client: entry,
        create: (tools) => createMesosDiscoverer(entry, tools),
      }),
    ),
  ];
}

function staticGroups(config: DiscoveryConfig): readonly TargetGroup[] {
  return config.static_configs.map(({ targets, labels }, index) => ({
    source: `static:${index}`,
    labels,
    targets: targets.map((address) => ({ __address__: address })),
  }));
}
