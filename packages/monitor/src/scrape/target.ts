/** From what discovery found to something that can be scraped (prometheus-server.md §4.1). */
import { DurationError, formatDuration, Labels, parseDuration, type RelabelRule, relabel } from '@pronoia/model';
import type { ScrapeConfig } from '../config/scrape.ts';
import type { TargetGroup } from '../discovery/discoverer.ts';

export interface Target {
  /** Equal for two targets exactly when scraping both would be scraping twice. */
  readonly key: string;
  /** What its series get: no name begins with `__`. */
  readonly labels: Labels;
  /** Before relabeling, for the page of discovered targets. */
  readonly discoveredLabels: Labels;
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export type TargetOutcome =
  | { readonly kind: 'target'; readonly target: Target }
  /** Relabeling said so. */
  | { readonly kind: 'dropped'; readonly discoveredLabels: Labels }
  /** It cannot be scraped as it is. */
  | { readonly kind: 'invalid'; readonly discoveredLabels: Labels; readonly message: string };

export function* targetsOfGroup(group: TargetGroup, config: ScrapeConfig, rules: readonly RelabelRule[]): Generator<TargetOutcome> {
  for (const own of group.targets) yield createTarget({ ...group.labels, ...own }, config, rules);
}

export function createTarget(found: Readonly<Record<string, string>>, config: ScrapeConfig, rules: readonly RelabelRule[]): TargetOutcome {
  const discoveredLabels = Labels.from({ ...defaultsOf(config), ...withoutEmpty(found) });
  const invalid = (message: string): TargetOutcome => ({ kind: 'invalid', discoveredLabels, message });

  const labels = relabel(discoveredLabels, rules);
  if (labels === undefined) return { kind: 'dropped', discoveredLabels };
  const address = labels.get('__address__');
  if (address === '') return invalid('no address');
  if (address.includes('/')) return invalid(`"${address}" is not a valid hostname`);
  if (labels.has('__unix_socket__')) return invalid('not implemented yet: scraping through a unix socket (__unix_socket__)');

  const times = readTimes(labels);
  if (typeof times === 'string') return invalid(times);
  const url = urlOf(labels, config);
  if (!URL.canParse(url)) return invalid(`"${url}" is not a valid URL`);

  const withInstance = labels.has('instance') ? labels : labels.with('instance', address);
  const identity = withInstance.filter((name) => !name.startsWith('__meta_'));
  const target: Target = {
    key: `${identity.key()}\xfe${url}`,
    labels: withInstance.filter((name) => !name.startsWith('__')),
    discoveredLabels,
    url,
    ...times,
  };
  return { kind: 'target', target };
}

function defaultsOf(config: ScrapeConfig): Record<string, string> {
  const defaults: Record<string, string> = {
    job: config.job_name,
    __scrape_interval__: formatDuration(config.scrape_interval),
    __scrape_timeout__: formatDuration(config.scrape_timeout),
    __metrics_path__: config.metrics_path,
    __scheme__: config.scheme,
    __convert_classic_histograms_to_nhcb__: 'false',
    __always_scrape_classic_histograms__: 'false',
    __scrape_native_histograms__: 'false',
  };
  for (const [name, values] of Object.entries(config.params)) if (values[0] !== undefined) defaults[`__param_${name}`] = values[0];
  return defaults;
}

function withoutEmpty(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

/** A text is what is wrong with them. */
function readTimes(labels: Labels): { intervalMs: number; timeoutMs: number } | string {
  try {
    const intervalMs = parseDuration(labels.get('__scrape_interval__'));
    const timeoutMs = parseDuration(labels.get('__scrape_timeout__'));
    if (intervalMs === 0) return 'scrape interval cannot be 0';
    if (timeoutMs === 0) return 'scrape timeout cannot be 0';
    if (timeoutMs > intervalMs) {
      return `scrape timeout cannot be greater than scrape interval (${labels.get('__scrape_timeout__')} > ${labels.get('__scrape_interval__')})`;
    }
    return { intervalMs, timeoutMs };
  } catch (error) {
    if (error instanceof DurationError) return `error parsing scrape interval or timeout: ${error.message}`;
    throw error;
  }
}

/** Parameters are those of the job, where a label `__param_x` replaces the first value of `x`. */
function urlOf(labels: Labels, config: ScrapeConfig): string {
  const params = new Map<string, string[]>(Object.entries(config.params).map(([name, values]) => [name, [...values]]));
  for (const [label, value] of labels) {
    if (!label.startsWith('__param_')) continue;
    const name = label.slice('__param_'.length);
    params.set(name, [value, ...(params.get(name)?.slice(1) ?? [])]);
  }
  const query = new URLSearchParams();
  for (const name of [...params.keys()].sort()) for (const value of params.get(name) ?? []) query.append(name, value);
  const path = labels.get('__metrics_path__');
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  return `${labels.get('__scheme__')}://${labels.get('__address__')}${path.startsWith('/') || path === '' ? path : `/${path}`}${search}`;
}
