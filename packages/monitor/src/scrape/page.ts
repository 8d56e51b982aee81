/**
 * Puts one scraped page into storage: the path of every sample (prometheus-server.md §4.3). The page is a sink of the parser;
 * for a series of last time it does one comparison, one append and nothing else. Hot: see bench `scrape`.
 */
import {
  type Appender,
  type AppendOptions,
  type ExpositionSink,
  isLegacyName,
  type Labels,
  type MetricType,
  type Rejection,
  type RelabelRule,
  type SampleLine,
  type SeriesRef,
} from '@pronoia/model';
import type { CachedSeries, ScrapeCache } from './cache.ts';
import { labelsOfSample } from './sample-labels.ts';

export interface PageSettings {
  readonly honorLabels: boolean;
  readonly honorTimestamps: boolean;
  readonly trackTimestampsStaleness: boolean;
  readonly metricRules: readonly RelabelRule[];
  readonly sampleLimit: number;
  readonly labelLimit: number;
  readonly labelNameLengthLimit: number;
  readonly labelValueLengthLimit: number;
  readonly legacyNames: boolean;
  readonly storesExemplars: boolean;
}

/** Fails the whole scrape. */
export class PageError extends Error {
  override readonly name = 'PageError';
  readonly kind: 'sample_limit' | 'label_limit' | 'invalid_series' | 'storage';

  constructor(kind: PageError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A clock that is further ahead than this is wrong (scrape.go, maxAheadTime). */
const maxAheadMs = 600_000;

const staleOptions: AppendOptions = { stale: true };

const batchLength = 1024;
/** Shared by all pages: one is read at a time, and what was gathered is handed on before another is. */
const batch = {
  refs: new Float64Array(batchLength),
  times: new Float64Array(batchLength),
  values: new Float64Array(batchLength),
};

export class ScrapedPage implements ExpositionSink {
  /** Samples on the page. */
  total = 0;
  /** Samples that relabeling left. */
  kept = 0;
  /** Series that were not in the cache. */
  seriesAdded = 0;
  outOfOrder = 0;
  outOfBounds = 0;
  duplicates = 0;
  readonly #appender: Appender;
  readonly #cache: ScrapeCache;
  readonly #targetLabels: Labels;
  readonly #settings: PageSettings;
  readonly #timeMs: number;
  readonly #seen: CachedSeries[] = [];
  readonly #hasFastLane: boolean;
  /** Samples of known series on their way, in `batch`, and whose they are. */
  #gathered = 0;
  readonly #series: CachedSeries[] = [];

  constructor(appender: Appender, cache: ScrapeCache, targetLabels: Labels, settings: PageSettings, timeMs: number) {
    this.#appender = appender;
    this.#cache = cache;
    this.#targetLabels = targetLabels;
    this.#settings = settings;
    this.#timeMs = timeMs;
    this.#hasFastLane = appender.appendMany !== undefined;
    cache.begin();
  }

  recognize(bytes: Uint8Array, start: number): number {
    return this.#cache.recognize(bytes, start);
  }

  sample(line: SampleLine): void {
    this.total++;
    const cache = this.#cache;
    let series = cache.find(line.bytes, line.start, line.end);
    if (series === undefined) series = this.#meet(line);
    const { labels } = series;
    if (labels === undefined) {
      series.lastSeen = cache.scrape;
      return;
    }
    this.kept++;
    const limit = this.#settings.sampleLimit;
    // The counts go on, so that the report tells how far over the limit the page was.
    if (limit > 0 && this.kept > limit) return;

    const ownTime = line.hasTimestamp && this.#settings.honorTimestamps;
    if (series.lastSeen === cache.scrape && !ownTime) {
      this.duplicates++;
      return;
    }
    if (ownTime && line.timestampMs > this.#timeMs + maxAheadMs) {
      this.outOfBounds++;
      return;
    }
    const tMs = ownTime ? line.timestampMs : this.#timeMs;
    const { value } = line;
    // A NaN has its own form in storage, which an array does not keep.
    if (series.ref !== 0 && this.#hasFastLane && value === value) this.#gather(series, tMs, value);
    else this.#append(series, labels, tMs, value);
    if (line.hasExemplar && this.#settings.storesExemplars && series.ref !== 0) this.#appendExemplar(line, series.ref, labels);
    if (series.lastSeen !== cache.scrape && (!ownTime || this.#settings.trackTimestampsStaleness)) this.#seen.push(series);
    series.lastSeen = cache.scrape;
  }

  #gather(series: CachedSeries, tMs: number, value: number): void {
    if (this.#gathered === batchLength) this.#flush();
    const i = this.#gathered++;
    batch.refs[i] = series.ref;
    batch.times[i] = tMs;
    batch.values[i] = value;
    this.#series[i] = series;
  }

  /** Samples of one series stay in order: what was gathered goes first. */
  #append(series: CachedSeries, labels: Labels, tMs: number, value: number): void {
    this.#flush();
    this.#appendOne(series, labels, tMs, value);
  }

  #appendOne(series: CachedSeries, labels: Labels, tMs: number, value: number): void {
    const answer = this.#appender.append(series.ref, labels, tMs, value);
    if (typeof answer === 'number') series.ref = answer;
    else this.#count(answer, labels);
  }

  #flush(): void {
    const { refs, times, values } = batch;
    const count = this.#gathered;
    this.#gathered = 0;
    for (let at = 0; at < count; at++) {
      at += this.#appender.appendMany?.(refs, times, values, at, count) ?? 0;
      if (at >= count) return;
      const series = this.#series[at] as CachedSeries;
      this.#appendOne(series, series.labels as Labels, times[at] as number, values[at] as number);
    }
  }

  type(family: string, type: MetricType): void {
    this.#cache.describe(family).type = type;
  }

  help(family: string, help: string): void {
    this.#cache.describe(family).help = help;
  }

  unit(family: string, unit: string): void {
    this.#cache.describe(family).unit = unit;
  }

  /** What is wrong with an exemplar never costs the sample. */
  #appendExemplar(line: SampleLine, ref: SeriesRef, labels: Labels): void {
    const exemplar = line.exemplar(this.#timeMs);
    if (exemplar !== undefined) this.#appender.appendExemplar(ref, labels, exemplar);
  }

  /** Others may read their pages before this one goes on. */
  pause(): void {
    this.#flush();
  }

  /** After the whole page was taken: marks what is gone. Throws when a limit was passed; then nothing may be committed. */
  finish(): void {
    const { sampleLimit } = this.#settings;
    if (sampleLimit > 0 && this.kept > sampleLimit) throw new PageError('sample_limit', 'sample limit exceeded');
    this.#flush();
    const { scrape, previous } = this.#cache;
    for (const series of previous) if (series.lastSeen !== scrape) appendStale(this.#appender, series, this.#timeMs);
    this.#cache.end(this.#seen);
  }

  /** The slow path: a series that was not on earlier pages. */
  #meet(line: SampleLine): CachedSeries {
    const settings = this.#settings;
    const labels = labelsOfSample(line.labels(), this.#targetLabels, settings.honorLabels, settings.metricRules);
    if (labels !== undefined) {
      checkLabels(labels, settings);
      this.seriesAdded++;
    }
    return this.#cache.add(line.bytes, line.start, line.end, labels);
  }

  #count(rejection: Rejection, labels: Labels): void {
    switch (rejection) {
      case 'out_of_order':
        this.outOfOrder++;
        return;
      case 'out_of_bounds':
      case 'too_old':
        this.outOfBounds++;
        return;
      case 'duplicate_timestamp':
        this.duplicates++;
        return;
      case 'exemplar_invalid':
        return;
      case 'invalid_labels':
        throw new PageError('invalid_series', `${labels.toString()}: invalid labels`);
      case 'histogram_invalid':
        throw new PageError('invalid_series', `${labels.toString()}: invalid histogram`);
      case 'series_limit':
      case 'memory_limit':
        throw new PageError('storage', `storage refused ${labels.toString()}: ${rejection.replace('_', ' ')} reached`);
    }
  }
}

/** Everything that the target showed last time ends here: the scrape failed, or the target is gone. */
export function appendAllStale(appender: Appender, cache: ScrapeCache, timeMs: number): void {
  for (const series of cache.previous) appendStale(appender, series, timeMs);
  cache.previous = [];
}

/** A refusal means that somebody else has written a newer sample, which is as good as a marker. */
function appendStale(appender: Appender, series: CachedSeries, timeMs: number): void {
  if (series.labels !== undefined) appender.append(series.ref, series.labels, timeMs, Number.NaN, staleOptions);
}

function checkLabels(labels: Labels, settings: PageSettings): void {
  const name = labels.get('__name__');
  if (name === '') throw new PageError('invalid_series', `metric name is missing or empty after relabeling: ${labels.toString()}`);
  if (settings.legacyNames && !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
    throw new PageError('invalid_series', `"${name}" is not a valid metric name in the legacy scheme`);
  }
  if (settings.labelLimit > 0 && labels.size > settings.labelLimit) {
    throw new PageError(
      'label_limit',
      `label_limit exceeded (metric: ${name}, number of labels: ${labels.size}, limit: ${settings.labelLimit})`,
    );
  }
  const { labelNameLengthLimit, labelValueLengthLimit, legacyNames } = settings;
  if (labelNameLengthLimit === 0 && labelValueLengthLimit === 0 && !legacyNames) return;
  for (const [label, value] of labels) {
    if (legacyNames && !isLegacyName(label))
      throw new PageError('invalid_series', `"${label}" is not a valid label name in the legacy scheme`);
    if (labelNameLengthLimit > 0 && Buffer.byteLength(label) > labelNameLengthLimit) {
      throw new PageError(
        'label_limit',
        `label_name_length_limit exceeded (metric: ${name}, label name: ${label}, limit: ${labelNameLengthLimit})`,
      );
    }
    if (labelValueLengthLimit > 0 && Buffer.byteLength(value) > labelValueLengthLimit) {
      throw new PageError(
        'label_limit',
        `label_value_length_limit exceeded (metric: ${name}, label name: ${label}, limit: ${labelValueLengthLimit})`,
      );
    }
  }
}
