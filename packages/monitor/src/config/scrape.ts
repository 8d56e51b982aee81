/** One scrape job (prometheus-server.md §2.3): as it is written, and with everything decided. */
import { optional, type Report, required, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { type DiscoveryConfig, discoveryFields } from './discovery.ts';
import type { GlobalConfig } from './global.ts';
import { checkHttpClient, type HttpClientConfig, httpClientFields } from './http-client.ts';
import { onlyDefault } from './not-implemented.ts';
import { relabelList } from './relabel.ts';
import {
  defaultProtocols,
  type EscapingScheme,
  formatFields,
  limitFields,
  protocol,
  protocolList,
  type ScrapeProtocol,
} from './shared-fields.ts';

export function scrapeSchema(directory: string) {
  return schema.refine(
    schema.object({
      job_name: required(schema.string()),
      scrape_interval: optional(schema.duration()),
      scrape_timeout: optional(schema.duration()),
      scrape_protocols: optional(protocolList),
      fallback_scrape_protocol: optional(protocol),
      metrics_path: withDefault(schema.string(), '/metrics'),
      scheme: withDefault(schema.oneOf(['http', 'https']), 'http'),
      params: withDefault(schema.map(schema.list(schema.string())), {}),
      honor_labels: withDefault(schema.boolean(), false),
      honor_timestamps: withDefault(schema.boolean(), true),
      track_timestamps_staleness: withDefault(schema.boolean(), false),
      enable_compression: withDefault(schema.boolean(), true),
      ...limitFields,
      ...formatFields,
      native_histogram_bucket_limit: withDefault(onlyDefault('native histograms in scrapes', 0), 0),
      native_histogram_min_bucket_factor: withDefault(onlyDefault('native histograms in scrapes', 0), 0),
      relabel_configs: withDefault(relabelList('target'), []),
      metric_relabel_configs: withDefault(relabelList('metric'), []),
      ...discoveryFields(directory),
      ...httpClientFields(directory),
    }),
    (config, report) => {
      if (config.job_name === '') report(['job_name'], 'job_name is empty');
      if (config.relabel_configs.length === 0) refuseUrls(config, report);
      return checkHttpClient(config, report);
    },
  );
}

/** The most common mistake of a first configuration: a URL where a host and port belong. Relabeling may want one, so it is taken then. */
function refuseUrls(config: DiscoveryConfig, report: Report): void {
  config.static_configs.forEach(({ targets }, group) => {
    targets.forEach((target, index) => {
      if (target.includes('/'))
        report(
          ['static_configs', group, 'targets', index],
          `"${target}" is not a valid hostname; write host:port, and use scheme and metrics_path for the rest`,
        );
    });
  });
}

export type WrittenScrapeConfig = SchemaValue<ReturnType<typeof scrapeSchema>>;

/** A job with everything decided. Plain data: two jobs are the same when their JSON is. Durations in ms, 0 = no limit. */
export interface ScrapeConfig extends HttpClientConfig, DiscoveryConfig {
  readonly job_name: string;
  readonly scrape_interval: number;
  readonly scrape_timeout: number;
  readonly scrape_protocols: readonly ScrapeProtocol[];
  readonly fallback_scrape_protocol?: ScrapeProtocol;
  readonly metrics_path: string;
  readonly scheme: 'http' | 'https';
  readonly params: Readonly<Record<string, readonly string[]>>;
  readonly honor_labels: boolean;
  readonly honor_timestamps: boolean;
  readonly track_timestamps_staleness: boolean;
  readonly enable_compression: boolean;
  readonly body_size_limit: number;
  readonly sample_limit: number;
  readonly target_limit: number;
  readonly label_limit: number;
  readonly label_name_length_limit: number;
  readonly label_value_length_limit: number;
  readonly keep_dropped_targets: number;
  readonly metric_name_validation_scheme: 'utf8' | 'legacy';
  readonly metric_name_escaping_scheme: EscapingScheme;
  readonly extra_scrape_metrics: boolean;
  readonly relabel_configs: WrittenScrapeConfig['relabel_configs'];
  readonly metric_relabel_configs: WrittenScrapeConfig['metric_relabel_configs'];
}

/** Fills from `global` what the job leaves open; reports contradictions below `path`. */
export function completeScrapeConfig(
  written: WrittenScrapeConfig,
  global: GlobalConfig,
  report: Report,
  path: readonly (string | number)[],
): ScrapeConfig {
  const interval = written.scrape_interval || global.scrape_interval;
  const timeout = written.scrape_timeout || Math.min(global.scrape_timeout, interval);
  if (timeout > interval) {
    report(
      [...path, 'scrape_timeout'],
      `scrape timeout greater than scrape interval for scrape config with job name "${written.job_name}"; shorten the timeout or lengthen the interval`,
    );
  }
  const validation = written.metric_name_validation_scheme || global.metric_name_validation_scheme;
  const ownEscaping = written.metric_name_validation_scheme
    ? validation === 'legacy'
      ? 'underscores'
      : 'allow-utf-8'
    : global.metric_name_escaping_scheme;
  const escaping = written.metric_name_escaping_scheme ?? ownEscaping;
  if (validation === 'legacy' && escaping === 'allow-utf-8') {
    report(
      [...path, 'metric_name_escaping_scheme'],
      `utf8 metric names requested but validation scheme is not set to UTF8 for job "${written.job_name}"`,
    );
  }
  const { always_scrape_classic_histograms: _a, scrape_native_histograms: _b, convert_classic_histograms_to_nhcb: _c, ...rest } = written;
  return {
    ...rest,
    scrape_interval: interval,
    scrape_timeout: timeout,
    scrape_protocols: written.scrape_protocols ?? global.scrape_protocols ?? defaultProtocols,
    body_size_limit: written.body_size_limit || global.body_size_limit,
    sample_limit: written.sample_limit || global.sample_limit,
    target_limit: written.target_limit || global.target_limit,
    label_limit: written.label_limit || global.label_limit,
    label_name_length_limit: written.label_name_length_limit || global.label_name_length_limit,
    label_value_length_limit: written.label_value_length_limit || global.label_value_length_limit,
    keep_dropped_targets: written.keep_dropped_targets || global.keep_dropped_targets,
    metric_name_validation_scheme: validation,
    metric_name_escaping_scheme: escaping,
    extra_scrape_metrics: written.extra_scrape_metrics ?? global.extra_scrape_metrics,
  };
}
