/** What scraping tells about itself (prometheus-server.md §12). */
import { Counter, Gauge, Histogram, type Registry, Summary } from '@pronoia/client';

export interface ScrapeMetrics {
  readonly intervalLength: Summary<'interval'>;
  readonly duration: Histogram;
  readonly pools: Counter;
  readonly poolReloads: Counter;
  readonly poolTargets: Gauge<'scrape_job'>;
  readonly poolSyncs: Counter<'scrape_job'>;
  readonly syncFailures: Counter<'scrape_job'>;
  readonly exceededTargetLimit: Counter;
  readonly exceededLabelLimits: Counter;
  readonly exceededBodySizeLimit: Counter;
  readonly exceededSampleLimit: Counter;
  readonly duplicateTimestamps: Counter;
  readonly outOfOrder: Counter;
  readonly outOfBounds: Counter;
}

export function createScrapeMetrics(registry: Registry): ScrapeMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({ name: `prometheus_target_${name}`, help, registers });
  return {
    intervalLength: new Summary({
      name: 'prometheus_target_interval_length_seconds',
      help: 'Actual time between two scrapes of a target.',
      labelNames: ['interval'],
      percentiles: [0.01, 0.05, 0.5, 0.9, 0.99],
      registers,
    }),
    duration: new Histogram({
      name: 'prometheus_target_scrape_duration_seconds',
      help: 'Time that scrapes took, failed ones too.',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    }),
    pools: counter('scrape_pools_total', 'Scrape jobs that were started.'),
    poolReloads: counter('scrape_pool_reloads_total', 'Scrape jobs whose configuration was changed while they ran.'),
    poolTargets: new Gauge({
      name: 'prometheus_target_scrape_pool_targets',
      help: 'Targets that are scraped now, per job.',
      labelNames: ['scrape_job'],
      registers,
    }),
    poolSyncs: new Counter({
      name: 'prometheus_target_scrape_pool_sync_total',
      help: 'Sets of targets that a job has taken.',
      labelNames: ['scrape_job'],
      registers,
    }),
    syncFailures: new Counter({
      name: 'prometheus_target_sync_failed_total',
      help: 'Discovered targets that cannot be scraped as they are.',
      labelNames: ['scrape_job'],
      registers,
    }),
    exceededTargetLimit: counter('scrape_pool_exceeded_target_limit_total', 'Times that a job had more targets than its target_limit.'),
    exceededLabelLimits: counter('scrape_pool_exceeded_label_limits_total', 'Scrapes that failed for a label limit.'),
    exceededBodySizeLimit: counter('scrapes_exceeded_body_size_limit_total', 'Scrapes that failed for body_size_limit.'),
    exceededSampleLimit: counter('scrapes_exceeded_sample_limit_total', 'Scrapes that failed for sample_limit.'),
    duplicateTimestamps: counter('scrapes_sample_duplicate_timestamp_total', 'Samples refused: another value has the same time.'),
    outOfOrder: counter('scrapes_sample_out_of_order_total', 'Samples refused: older than what the series has.'),
    outOfBounds: counter('scrapes_sample_out_of_bounds_total', 'Samples refused: too old, or too far in the future.'),
  };
}
