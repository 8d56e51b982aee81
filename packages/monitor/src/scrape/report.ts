/** The series about a scrape itself, written at every attempt (prometheus-server.md §4.5). */
import type { Appender, AppendOptions, Labels, SeriesRef } from '@pronoia/model';

export interface ScrapeReport {
  readonly isUp: boolean;
  readonly durationSeconds: number;
  readonly samplesScraped: number;
  readonly samplesKept: number;
  readonly seriesAdded: number;
  /** Inflated; −1 when the limit was passed. */
  readonly bodyBytes: number;
}

export interface ReportSettings {
  /** `extra_scrape_metrics` */
  readonly isExtra: boolean;
  readonly timeoutMs: number;
  readonly sampleLimit: number;
}

const staleOptions: AppendOptions = { stale: true };

export class ReportSeries {
  readonly #labels: readonly Labels[];
  readonly #refs: SeriesRef[];
  readonly #settings: ReportSettings;

  constructor(target: Labels, settings: ReportSettings) {
    const names = [
      'up',
      'scrape_duration_seconds',
      'scrape_samples_scraped',
      'scrape_samples_post_metric_relabeling',
      'scrape_series_added',
    ];
    if (settings.isExtra) names.push('scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes');
    this.#labels = names.map((name) => target.with('__name__', name));
    this.#refs = names.map(() => 0);
    this.#settings = settings;
  }

  append(appender: Appender, timeMs: number, report: ScrapeReport): void {
    const { isExtra, timeoutMs, sampleLimit } = this.#settings;
    const values = [Number(report.isUp), report.durationSeconds, report.samplesScraped, report.samplesKept, report.seriesAdded];
    if (isExtra) values.push(timeoutMs / 1000, sampleLimit, report.bodyBytes);
    values.forEach((value, i) => this.#appendOne(appender, i, timeMs, value));
  }

  appendStale(appender: Appender, timeMs: number): void {
    for (let i = 0; i < this.#labels.length; i++) this.#appendOne(appender, i, timeMs, Number.NaN, staleOptions);
  }

  #appendOne(appender: Appender, i: number, timeMs: number, value: number, options?: AppendOptions): void {
    const answer = appender.append(this.#refs[i] as SeriesRef, this.#labels[i] as Labels, timeMs, value, options);
    // A refusal (somebody else writes the same series) costs the report, never the scrape.
    if (typeof answer === 'number') this.#refs[i] = answer;
  }
}
