/**
 * Puts a configuration into effect: parse everything first, then apply to each part; a file that cannot be read leaves everything
 * as it was (prometheus-server.md §2.1). One reload at a time.
 */
import { Gauge, type Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import type { ParseOptions } from '@pronoia/promql';
import type { Clock, Logger } from '@pronoia/server';
import { type Config, loadConfig } from './config/config.ts';
import type { DiscoveryManager } from './discovery/manager.ts';
import { errors } from './errors.ts';
import { jobOfEntry, type Notifier } from './notifier/manager.ts';
import { loadRuleFiles } from './rules/file.ts';
import type { RuleManager } from './rules/manager.ts';
import type { ScrapeManager } from './scrape/manager.ts';

export interface ReloaderDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly file: string;
  readonly externalUrl: () => string;
  /** Which parts of the query language rules may use. */
  readonly parseOptions: ParseOptions;
  readonly scrape: ScrapeManager;
  readonly scrapeDiscovery: DiscoveryManager;
  readonly notifier: Notifier;
  readonly notifierDiscovery: DiscoveryManager;
  readonly rules: RuleManager;
  readonly configureStorage: (config: Config) => void;
}

export class Reloader {
  readonly #deps: ReloaderDeps;
  readonly #successful: Gauge;
  readonly #succeededAt: Gauge;
  #config: Config | undefined;
  #last = { succeeded: false, atMs: 0 };
  #running: Promise<void> = Promise.resolve();

  constructor(deps: ReloaderDeps) {
    this.#deps = deps;
    const registers = [deps.registry];
    this.#successful = new Gauge({
      name: 'prometheus_config_last_reload_successful',
      help: 'Whether the last attempt to load the configuration succeeded.',
      registers,
    });
    this.#succeededAt = new Gauge({
      name: 'prometheus_config_last_reload_success_timestamp_seconds',
      help: 'When the configuration was last loaded successfully.',
      registers,
    });
  }

  /** The one in effect; undefined before the first load. */
  get config(): Config | undefined {
    return this.#config;
  }

  get last(): { readonly succeeded: boolean; readonly atMs: number } {
    return this.#last;
  }

  get externalLabels(): Labels {
    return Labels.from(this.#config?.global.external_labels ?? {});
  }

  get file(): string {
    return this.#deps.file;
  }

  /** Rejects with everything that is wrong. */
  reload(): Promise<void> {
    const run = this.#running.then(() => this.#reload());
    this.#running = run.catch(() => undefined);
    return run;
  }

  async #reload(): Promise<void> {
    const { clock, file } = this.#deps;
    try {
      const config = await loadConfig(file, { env: process.env });
      await this.#apply(config);
      this.#last = { succeeded: true, atMs: clock.now() };
      this.#successful.set(1);
      this.#succeededAt.set(clock.now() / 1000);
    } catch (error) {
      this.#last = { ...this.#last, succeeded: false };
      this.#successful.set(0);
      throw error;
    }
  }

  /** A part that fails keeps what it had; the others go on (prometheus-server.md §2.1). */
  async #apply(config: Config): Promise<void> {
    const { log, scrape, scrapeDiscovery, notifier, notifierDiscovery, rules, externalUrl } = this.#deps;
    const failures: string[] = [];
    const step = async (name: string, run: () => Promise<void> | void): Promise<void> => {
      try {
        await run();
      } catch (error) {
        failures.push((error as Error).message);
        log.error({ part: name, error: (error as Error).message }, 'Failed to apply the configuration');
      }
    };
    this.#config = config;
    await step('storage', () => this.#deps.configureStorage(config));
    await step('scrape', () => scrape.configure(config.scrape_configs));
    await step('scrape discovery', () => scrapeDiscovery.configure(new Map(config.scrape_configs.map((job) => [job.job_name, job]))));
    await step('notifier', () => notifier.configure(config.alerting, this.externalLabels));
    await step('notifier discovery', () =>
      notifierDiscovery.configure(new Map(config.alerting.alertmanagers.map((entry, index) => [jobOfEntry(index), entry]))),
    );
    await step('rules', async () => {
      const groups = await loadRuleFiles(config.rule_files, this.#deps.parseOptions);
      await rules.configure(groups, {
        defaultIntervalMs: config.global.evaluation_interval,
        defaultQueryOffsetMs: config.global.rule_query_offset,
        externalLabels: this.externalLabels,
        externalUrl: externalUrl(),
      });
    });
    if (failures.length > 0) {
      const reason = `one or more errors occurred while applying the new configuration (--config.file="${this.#deps.file}"): ${failures.join('; ')}`;
      throw errors.fail('config_not_applied', { reason });
    }
  }
}
