/**
 * Scrapes one target for as long as it exists: on its own slot of a grid that starts at the epoch, so that a restart does not move
 * it, and never late twice (prometheus-server.md §4.2–4.4). A failed scrape and an empty one take the same path: everything of
 * last time goes stale, and the report says why.
 */
import { STATUS_CODES } from 'node:http';
import type { Appendable } from '@pronoia/model';
import type { Clock, Logger } from '@pronoia/server';
import { BodyLimitError, type HttpFetch } from '../http-client.ts';
import { followingSlot, nextSlot, waitUntil } from '../slot.ts';
import type { PageParser } from './accept.ts';
import { ScrapeCache } from './cache.ts';
import type { ScrapeMetrics } from './metrics.ts';
import { appendAllStale, PageError, type PageSettings, ScrapedPage } from './page.ts';
import { ReportSeries } from './report.ts';
import type { Target } from './target.ts';

export interface LoopSettings extends PageSettings {
  readonly accept: string;
  readonly acceptGzip: boolean;
  readonly bodyLimitBytes: number;
  readonly extraMetrics: boolean;
  readonly parserFor: (contentType: string) => PageParser | undefined;
  /** The first scrape does not wait for the slot: the target may not live that long. */
  readonly startAtOnce: boolean;
  /** A start within this time after its slot (and 1 % of the interval) is recorded at the slot; negative = never. */
  readonly timestampToleranceMs: number;
}

export interface LoopDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly appendable: Appendable;
  readonly fetch: HttpFetch;
  readonly metrics: ScrapeMetrics;
  readonly userAgent: string;
}

export interface TargetHealth {
  readonly health: 'unknown' | 'up' | 'down';
  readonly lastError: string;
  /** Unix ms; undefined before the first scrape. */
  readonly lastScrapeMs: number | undefined;
  readonly lastDurationSeconds: number;
}

/** So long the reading of one page may hold up others. */
const sliceMs = 4;

/** How a loop ends: with markers (the target is gone), or without (we stop, or another loop goes on with the same series). */
export type StopReason = 'target_gone' | 'handed_over';

interface Fetched {
  readonly body: Buffer;
  readonly parse: PageParser;
}

interface Stored {
  readonly failure: Error | undefined;
  readonly page: ScrapedPage;
}

export class ScrapeLoop {
  readonly target: Target;
  readonly cache: ScrapeCache;
  readonly #deps: LoopDeps;
  readonly #settings: LoopSettings;
  readonly #offsetMs: number;
  readonly #report: ReportSeries;
  readonly #stopping = new AbortController();
  /** Fires when even the wait before the markers must end. */
  readonly #killing = new AbortController();
  #stopReason: StopReason = 'handed_over';
  #running: Promise<void> = Promise.resolve();
  #health: TargetHealth = { health: 'unknown', lastError: '', lastScrapeMs: undefined, lastDurationSeconds: 0 };
  #forcedError: string | undefined;
  #lastStart: number | undefined;

  /** @param offsetMs the target's place in its interval. @param cache what an earlier loop knew about the same target. */
  constructor(target: Target, offsetMs: number, deps: LoopDeps, settings: LoopSettings, cache = new ScrapeCache()) {
    this.target = target;
    this.cache = cache;
    this.#deps = deps;
    this.#settings = settings;
    this.#offsetMs = offsetMs;
    this.#report = new ReportSeries(target.labels, {
      isExtra: settings.extraMetrics,
      timeoutMs: target.timeoutMs,
      sampleLimit: settings.sampleLimit,
    });
  }

  get health(): TargetHealth {
    return this.#health;
  }

  /** While set, nothing is fetched and every scrape fails with this text (too many targets). */
  set forcedError(message: string | undefined) {
    this.#forcedError = message;
  }

  start(): void {
    this.#running = this.#run().catch((error: unknown) => {
      this.#deps.log.error({ target: this.target.url, error: (error as Error).message }, 'BUG: a scrape loop died');
    });
  }

  /** Resolves when the last write is in. With `target_gone` that is two intervals away; `kill` cuts it short. */
  stop(reason: StopReason): Promise<void> {
    this.#stopReason = reason;
    this.#stopping.abort();
    return this.#running;
  }

  /** As `stop`, without any marker and without waiting for them. */
  kill(): Promise<void> {
    this.#killing.abort();
    return this.stop('handed_over');
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    const { intervalMs } = this.target;
    const stop = this.#stopping.signal;
    if (this.#settings.startAtOnce) await this.scrape(clock.now());
    let slotMs = nextSlot(clock.now(), intervalMs, this.#offsetMs);
    while (await waitUntil(clock, slotMs, stop)) {
      await this.scrape(slotMs);
      slotMs = followingSlot(slotMs, clock.now(), intervalMs, this.#offsetMs);
    }
    if (this.#stopReason === 'target_gone') await this.#leaveMarkers(slotMs);
  }

  /** One attempt, from request to commit. Never throws. @param slotMs when it was planned. */
  async scrape(slotMs: number): Promise<void> {
    const { clock, metrics, log } = this.#deps;
    const { intervalMs } = this.target;
    const startMs = clock.now();
    const started = clock.monotonic();
    if (this.#lastStart !== undefined) {
      metrics.intervalLength.observe({ interval: `${intervalMs / 1000}s` }, (started - this.#lastStart) / 1000);
    }
    this.#lastStart = started;
    const tolerance = Math.min(this.#settings.timestampToleranceMs, intervalMs / 100);
    const timeMs = Math.abs(startMs - slotMs) <= tolerance ? slotMs : startMs;

    let fetched: Fetched | Error;
    try {
      if (this.#forcedError !== undefined) throw new Error(this.#forcedError);
      fetched = await this.#fetch();
    } catch (error) {
      if (error instanceof BodyLimitError) metrics.exceededBodySizeLimit.inc();
      fetched = error as Error;
    }
    // A loop that was stopped in the middle leaves no half-wanted sample behind.
    if (this.#stopping.signal.aborted && fetched instanceof Error) return;

    const durationSeconds = (): number => (clock.monotonic() - started) / 1000;
    const stored = fetched instanceof Error ? { failure: fetched, page: undefined } : await this.#store(fetched, timeMs, durationSeconds);
    const { failure } = stored;
    if (failure !== undefined) {
      log.debug({ target: this.target.url, error: failure.message }, 'Scrape failed');
      await this.#storeFailure(failure, stored.page, timeMs, durationSeconds());
    }
    metrics.duration.observe(durationSeconds());
    this.#health = {
      health: failure === undefined ? 'up' : 'down',
      lastError: failure?.message ?? '',
      lastScrapeMs: startMs,
      lastDurationSeconds: durationSeconds(),
    };
  }

  async #fetch(): Promise<Fetched> {
    const { accept, acceptGzip, bodyLimitBytes, parserFor } = this.#settings;
    const { url, timeoutMs } = this.target;
    const response = await this.#deps.fetch({
      url,
      timeoutMs,
      bodyLimitBytes,
      signal: this.#stopping.signal,
      headers: {
        accept,
        'accept-encoding': acceptGzip ? 'gzip' : 'identity',
        'user-agent': this.#deps.userAgent,
        'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
      },
    });
    if (response.status !== 200)
      throw new Error(`server returned HTTP status ${response.status} ${STATUS_CODES[response.status] ?? ''}`.trim());
    const contentType = response.header('content-type');
    const parse = parserFor(contentType);
    if (parse === undefined) {
      throw new Error(
        contentType === ''
          ? 'non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target'
          : `received unsupported Content-Type "${contentType}" and no fallback_scrape_protocol specified for target`,
      );
    }
    return { body: response.body, parse };
  }

  /** Everything of one scrape, or nothing of it. */
  async #store(fetched: Fetched, timeMs: number, durationSeconds: () => number): Promise<Stored> {
    const { appendable, metrics, log } = this.#deps;
    const appender = appendable.appender();
    const page = new ScrapedPage(appender, this.cache, this.target.labels, this.#settings, timeMs);
    try {
      let until = performance.now() + sliceMs;
      for (const _ of fetched.parse(fetched.body, page)) {
        if (performance.now() < until) continue;
        page.pause();
        await new Promise((resolve) => setImmediate(resolve));
        until = performance.now() + sliceMs;
      }
      page.finish();
      this.#report.append(appender, timeMs, {
        isUp: true,
        durationSeconds: durationSeconds(),
        samplesScraped: page.total,
        samplesKept: page.kept,
        seriesAdded: page.seriesAdded,
        bodyBytes: fetched.body.length,
      });
    } catch (error) {
      appender.rollback();
      if (error instanceof PageError && error.kind === 'sample_limit') metrics.exceededSampleLimit.inc();
      if (error instanceof PageError && error.kind === 'label_limit') metrics.exceededLabelLimits.inc();
      return { failure: error as Error, page };
    }
    try {
      await appender.commit();
    } catch (error) {
      log.error({ target: this.target.url, error: (error as Error).message }, 'A scrape could not be stored');
      return { failure: error as Error, page };
    }
    if (page.outOfOrder + page.outOfBounds + page.duplicates > 0) this.#tellRejections(page);
    return { failure: undefined, page };
  }

  /** @param page how far the attempt got. */
  async #storeFailure(failure: Error, page: ScrapedPage | undefined, timeMs: number, durationSeconds: number): Promise<void> {
    const appender = this.#deps.appendable.appender();
    try {
      appendAllStale(appender, this.cache, timeMs);
      this.#report.append(appender, timeMs, {
        isUp: false,
        durationSeconds,
        samplesScraped: page?.total ?? 0,
        samplesKept: page?.kept ?? 0,
        seriesAdded: page?.seriesAdded ?? 0,
        bodyBytes: failure instanceof BodyLimitError ? -1 : 0,
      });
      await appender.commit();
    } catch (error) {
      this.#deps.log.error({ target: this.target.url, error: (error as Error).message }, 'The report of a scrape could not be stored');
    }
  }

  #tellRejections(page: ScrapedPage): void {
    const { metrics, log } = this.#deps;
    const { outOfOrder, outOfBounds, duplicates } = page;
    metrics.outOfOrder.inc(outOfOrder);
    metrics.outOfBounds.inc(outOfBounds);
    metrics.duplicateTimestamps.inc(duplicates);
    log.warn({ target: this.target.url, outOfOrder, outOfBounds, duplicates }, 'Samples of a scrape were refused');
  }

  /**
   * The target may come back under another loop before its next scrape: only when a whole further interval has passed are its
   * series marked, at the time of the scrape that did not happen. What was written since is newer and wins.
   */
  async #leaveMarkers(slotMs: number): Promise<void> {
    const { clock, appendable, log } = this.#deps;
    const { intervalMs } = this.target;
    if (!(await waitUntil(clock, slotMs + intervalMs * 1.1, this.#killing.signal))) return;
    const appender = appendable.appender();
    try {
      appendAllStale(appender, this.cache, slotMs);
      this.#report.appendStale(appender, slotMs);
      await appender.commit();
    } catch (error) {
      log.error({ target: this.target.url, error: (error as Error).message }, 'The end of a target could not be stored');
    }
  }
}
