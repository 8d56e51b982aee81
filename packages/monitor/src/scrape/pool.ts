/** One scrape job: keeps a loop for each of its targets while discovery and configuration change around it. */
import type { Labels, RelabelRule } from '@pronoia/model';
import { createRelabelRule } from '@pronoia/model';
import type { Clock } from '@pronoia/server';
import type { HttpClientConfig } from '../config/http-client.ts';
import type { ScrapeConfig } from '../config/scrape.ts';
import type { TargetGroup } from '../discovery/discoverer.ts';
import { createHttpClient, type HttpClient } from '../http-client.ts';
import { hashText } from '../slot.ts';
import { acceptHeader, parserFor } from './accept.ts';
import { type LoopDeps, type LoopSettings, ScrapeLoop } from './loop.ts';
import { type Target, targetsOfGroup } from './target.ts';

export interface PoolDeps extends Omit<LoopDeps, 'fetch'> {
  readonly timestampToleranceMs: number;
  readonly storesExemplars: boolean;
  /** Spreads a pair of identical servers over the interval. */
  readonly offsetSeed: () => number;
  readonly createClient?: (config: HttpClientConfig, clock: Clock) => HttpClient;
}

export interface DroppedTargets {
  /** At most `keep_dropped_targets`. */
  readonly kept: readonly Labels[];
  readonly count: number;
}

export class ScrapePool {
  readonly #deps: PoolDeps;
  #config: ScrapeConfig;
  #targetRules: readonly RelabelRule[];
  #settings: LoopSettings;
  #client: HttpClient;
  #loopByKey = new Map<string, ScrapeLoop>();
  /** Loops whose targets are gone and which wait to leave their markers. */
  readonly #leaving = new Set<ScrapeLoop>();
  #groups: readonly TargetGroup[] = [];
  #dropped: DroppedTargets = { kept: [], count: 0 };

  constructor(config: ScrapeConfig, deps: PoolDeps) {
    this.#deps = deps;
    this.#config = config;
    this.#targetRules = rulesOf(config.relabel_configs, config);
    this.#settings = settingsOf(config, deps);
    this.#client = (deps.createClient ?? createHttpClient)(config, deps.clock);
  }

  get config(): ScrapeConfig {
    return this.#config;
  }

  /** In a stable order. */
  get loops(): readonly ScrapeLoop[] {
    return [...this.#loopByKey.values()];
  }

  get dropped(): DroppedTargets {
    return this.#dropped;
  }

  /** Takes what discovery knows now: new targets get a loop, those that are gone lose theirs. */
  sync(groups: readonly TargetGroup[]): void {
    this.#groups = groups;
    this.#replaceLoops(this.#readTargets(), new Map());
  }

  /** Another configuration of the same job. Targets that stay keep their series, unless what decides about labels has changed. */
  async reload(config: ScrapeConfig): Promise<void> {
    const keepsCaches = labelDecisions(this.#config) === labelDecisions(config);
    this.#config = config;
    this.#targetRules = rulesOf(config.relabel_configs, config);
    this.#settings = settingsOf(config, this.#deps);
    const oldClient = this.#client;
    this.#client = (this.#deps.createClient ?? createHttpClient)(config, this.#deps.clock);

    const targetByKey = this.#readTargets();
    const staying = new Set([...targetByKey.values()].map(seriesIdentity));
    const caches = new Map<string, ScrapeLoop['cache']>();
    const handedOver: Promise<void>[] = [];
    for (const [key, loop] of this.#loopByKey) {
      const identity = seriesIdentity(loop.target);
      if (!staying.has(identity)) continue;
      this.#loopByKey.delete(key);
      handedOver.push(loop.stop('handed_over'));
      if (keepsCaches) caches.set(identity, loop.cache);
    }
    await Promise.all(handedOver);
    this.#replaceLoops(targetByKey, caches);
    await oldClient.close();
    this.#deps.metrics.poolReloads.inc();
  }

  /** The job is gone: its targets leave their markers in the background, as if each was gone. */
  retire(): Promise<void> {
    this.sync([]);
    this.#deps.metrics.poolTargets.remove({ scrape_job: this.#config.job_name });
    return Promise.all([...this.#leaving].map((loop) => loop.stop('target_gone'))).then(() => this.#client.close());
  }

  /** The server stops: no markers. Resolves when the last write is in. */
  async stop(): Promise<void> {
    await Promise.all([...this.#loopByKey.values(), ...this.#leaving].map((loop) => loop.kill()));
    await this.#client.close();
  }

  /** Makes targets of the groups; what is dropped or invalid is counted and told. */
  #readTargets(): Map<string, Target> {
    const { log, metrics } = this.#deps;
    const { job_name: job, keep_dropped_targets: keep } = this.#config;
    const targetByKey = new Map<string, Target>();
    const droppedLabels: Labels[] = [];
    let droppedCount = 0;
    let failures = 0;
    for (const group of this.#groups) {
      for (const outcome of targetsOfGroup(group, this.#config, this.#targetRules)) {
        if (outcome.kind === 'target') {
          targetByKey.set(outcome.target.key, outcome.target);
        } else if (outcome.kind === 'dropped') {
          droppedCount++;
          if (keep === 0 || droppedLabels.length < keep) droppedLabels.push(outcome.discoveredLabels);
        } else {
          failures++;
          log.error({ job, target: outcome.discoveredLabels.get('__address__'), error: outcome.message }, 'A target cannot be scraped');
        }
      }
    }
    this.#dropped = { kept: droppedLabels, count: droppedCount };
    if (failures > 0) metrics.syncFailures.inc({ scrape_job: job }, failures);
    return targetByKey;
  }

  /** @param caches what earlier loops knew, by the identity of the target's series. */
  #replaceLoops(targetByKey: ReadonlyMap<string, Target>, caches: ReadonlyMap<string, ScrapeLoop['cache']>): void {
    const { job_name: job, target_limit: limit } = this.#config;
    const { metrics } = this.#deps;
    for (const [key, loop] of this.#loopByKey) {
      if (targetByKey.has(key)) continue;
      this.#loopByKey.delete(key);
      this.#leaving.add(loop);
      void loop.stop('target_gone').then(() => this.#leaving.delete(loop));
    }
    for (const [key, target] of targetByKey) {
      if (!this.#loopByKey.has(key)) this.#startLoop(key, target, caches.get(seriesIdentity(target)));
    }
    const count = this.#loopByKey.size;
    const isOver = limit > 0 && count > limit;
    if (isOver) metrics.exceededTargetLimit.inc();
    const message = isOver ? `target_limit exceeded (number of targets: ${count}, limit: ${limit})` : undefined;
    for (const loop of this.#loopByKey.values()) loop.forcedError = message;
    metrics.poolSyncs.inc({ scrape_job: job });
    metrics.poolTargets.set({ scrape_job: job }, count);
  }

  /** @param cache of a loop that has just handed over; without one the target is new. */
  #startLoop(key: string, target: Target, cache: ScrapeLoop['cache'] | undefined): void {
    const { offsetSeed } = this.#deps;
    const offsetMs = ((hashText(key) ^ offsetSeed()) >>> 0) % target.intervalMs;
    const startAtOnce = this.#settings.startAtOnce && cache === undefined;
    const loop = new ScrapeLoop(target, offsetMs, { ...this.#deps, fetch: this.#client.fetch }, { ...this.#settings, startAtOnce }, cache);
    this.#loopByKey.set(key, loop);
    loop.start();
  }
}

function rulesOf(options: ScrapeConfig['relabel_configs'], config: ScrapeConfig): readonly RelabelRule[] {
  return options.map((rule) => createRelabelRule(rule, config.metric_name_validation_scheme));
}

function settingsOf(config: ScrapeConfig, deps: PoolDeps): LoopSettings {
  return {
    honorLabels: config.honor_labels,
    honorTimestamps: config.honor_timestamps,
    trackTimestampsStaleness: config.track_timestamps_staleness,
    metricRules: rulesOf(config.metric_relabel_configs, config),
    sampleLimit: config.sample_limit,
    labelLimit: config.label_limit,
    labelNameLengthLimit: config.label_name_length_limit,
    labelValueLengthLimit: config.label_value_length_limit,
    legacyNames: config.metric_name_validation_scheme === 'legacy',
    accept: acceptHeader(config.scrape_protocols, config.metric_name_escaping_scheme),
    acceptGzip: config.enable_compression,
    bodyLimitBytes: config.body_size_limit,
    extraMetrics: config.extra_scrape_metrics,
    parserFor: (contentType) => parserFor(contentType, config.fallback_scrape_protocol),
    // A task of a cluster may live for two seconds; what else discovery finds can wait for its slot.
    startAtOnce: config.mesos_sd_configs.length > 0,
    timestampToleranceMs: deps.timestampToleranceMs,
    storesExemplars: deps.storesExemplars,
  };
}

/** Two targets with the same identity write the same series: only how often and how patiently they are asked may differ. */
function seriesIdentity(target: Target): string {
  return `${target.labels.key()}\xfe${target.url}`;
}

/** Equal for two configurations under which the same page gives the same series. */
function labelDecisions(config: ScrapeConfig): string {
  return JSON.stringify([
    config.honor_labels,
    config.honor_timestamps,
    config.metric_relabel_configs,
    config.label_limit,
    config.label_name_length_limit,
    config.label_value_length_limit,
    config.metric_name_validation_scheme,
  ]);
}
