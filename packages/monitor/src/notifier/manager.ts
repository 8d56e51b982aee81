/** Sends alerts to every Alertmanager that the configuration and discovery name (prometheus-server.md §2.6, §9). */
import { createRelabelRule, Labels, type RelabelOptions, type RelabelRule, relabel } from '@pronoia/model';
import type { Clock, Logger } from '@pronoia/server';
import type { AlertingConfig, AlertmanagerConfig } from '../config/alerting.ts';
import type { HttpClientConfig } from '../config/http-client.ts';
import type { TargetGroup } from '../discovery/discoverer.ts';
import type { GroupsByJob } from '../discovery/manager.ts';
import { createHttpClient, type HttpClient } from '../http-client.ts';
import { type AlertMessage, prepareAlert } from './alert-message.ts';
import type { NotifierMetrics } from './metrics.ts';
import { AlertQueue, type QueueSettings } from './queue.ts';

export interface NotifierDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: NotifierMetrics;
  readonly settings: QueueSettings;
  readonly drainOnStop: boolean;
  readonly createClient?: (config: HttpClientConfig, clock: Clock) => HttpClient;
}

/** One entry of `alertmanagers`. */
interface AlertmanagerSet {
  readonly json: string;
  readonly config: AlertmanagerConfig;
  readonly alertRules: readonly RelabelRule[];
  readonly targetRules: readonly RelabelRule[];
  readonly client: HttpClient;
  readonly queueByUrl: Map<string, AlertQueue>;
  droppedUrls: readonly string[];
}

export class Notifier {
  readonly #deps: NotifierDeps;
  #sets: readonly AlertmanagerSet[] = [];
  #externalLabels = Labels.empty;
  #alertRules: readonly RelabelRule[] = [];

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
    deps.metrics.queueCapacity.set(deps.settings.capacity);
  }

  get activeUrls(): readonly string[] {
    return this.#sets.flatMap(({ queueByUrl }) => [...queueByUrl.keys()]);
  }

  get droppedUrls(): readonly string[] {
    return this.#sets.flatMap(({ droppedUrls }) => droppedUrls);
  }

  /** Entries that did not change keep their queues. */
  async configure(config: AlertingConfig, externalLabels: Labels): Promise<void> {
    this.#externalLabels = externalLabels;
    this.#alertRules = config.alert_relabel_configs.map((rule) => createRelabelRule(rule));
    const old = [...this.#sets];
    this.#sets = config.alertmanagers.map((entry) => {
      const json = JSON.stringify(entry);
      const at = old.findIndex((set) => set.json === json);
      return at < 0 ? this.#createSet(entry, json) : (old.splice(at, 1)[0] as AlertmanagerSet);
    });
    await Promise.all(old.map((set) => this.#closeSet(set)));
  }

  /** @param groupsByJob the groups of entry `i` under `config-i`, see `jobOfEntry`. */
  apply(groupsByJob: GroupsByJob): void {
    this.#sets.forEach((set, index) => this.#syncSet(set, groupsByJob.get(jobOfEntry(index)) ?? []));
    this.#deps.metrics.discovered.set(this.activeUrls.length);
  }

  send(alerts: readonly AlertMessage[]): void {
    const prepared = alerts
      .map((alert) => prepareAlert(alert, this.#externalLabels, this.#alertRules))
      .filter((alert) => alert !== undefined);
    for (const { alertRules, queueByUrl } of this.#sets) {
      const own = prepared.map((alert) => prepareAlert(alert, Labels.empty, alertRules)).filter((alert) => alert !== undefined);
      if (own.length > 0) for (const queue of queueByUrl.values()) queue.add(own);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sets.map((set) => this.#closeSet(set)));
  }

  #createSet(config: AlertmanagerConfig, json: string): AlertmanagerSet {
    const rules = (options: readonly RelabelOptions[]) => options.map((rule) => createRelabelRule(rule));
    return {
      json,
      config,
      alertRules: rules(config.alert_relabel_configs),
      targetRules: rules(config.relabel_configs),
      client: (this.#deps.createClient ?? createHttpClient)(config, this.#deps.clock),
      queueByUrl: new Map(),
      droppedUrls: [],
    };
  }

  async #closeSet(set: AlertmanagerSet): Promise<void> {
    await Promise.all([...set.queueByUrl.values()].map((queue) => queue.stop(this.#deps.drainOnStop)));
    await set.client.close();
  }

  #syncSet(set: AlertmanagerSet, groups: readonly TargetGroup[]): void {
    const { clock, log, metrics, settings } = this.#deps;
    const wanted = new Set<string>();
    const dropped = new Set<string>();
    for (const { labels, targets } of groups) {
      for (const target of targets) {
        const found = alertmanagerUrl({ ...labels, ...target }, set);
        (found.isDropped ? dropped : wanted).add(found.url);
      }
    }
    set.droppedUrls = [...dropped];
    for (const [url, queue] of set.queueByUrl) {
      if (wanted.has(url)) continue;
      set.queueByUrl.delete(url);
      void queue.stop(false);
    }
    for (const url of wanted) {
      if (set.queueByUrl.has(url)) continue;
      set.queueByUrl.set(url, new AlertQueue(url, set.config.timeout, settings, { clock, log, metrics, fetch: set.client.fetch }));
    }
  }
}

/** Under which name discovery knows the entry `index` of `alertmanagers`. */
export function jobOfEntry(index: number): string {
  return `config-${index}`;
}

function alertmanagerUrl(found: Readonly<Record<string, string>>, set: AlertmanagerSet): { url: string; isDropped: boolean } {
  const prefix = `/${set.config.path_prefix ?? ''}`.replace(/\/+/g, '/').replace(/\/$/, '');
  const before = Labels.from({ __scheme__: set.config.scheme, __alerts_path__: `${prefix}/api/v2/alerts`, ...found });
  const after = relabel(before, set.targetRules);
  const labels = after ?? before;
  const url = `${labels.get('__scheme__')}://${labels.get('__address__')}${labels.get('__alerts_path__')}`;
  return { url, isDropped: after === undefined || !URL.canParse(url) };
}
