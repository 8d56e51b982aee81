/**
 * What one Alertmanager has still to hear. The queue is bounded: when the Alertmanager is away for long, the oldest alerts are
 * dropped, because the rules send those that are still true again (prometheus-server.md §9).
 *
 * Unlike the original, a delivery that did not arrive is tried again a few times: an Alertmanager that restarts is back within
 * seconds, and the next sending by the rules may be a minute away.
 */
import { type Clock, type Logger, sleep } from '@pronoia/server';
import type { HttpFetch } from '../http-client.ts';
import { userAgent } from '../version.ts';
import { type AlertMessage, encodeAlerts } from './alert-message.ts';
import type { NotifierMetrics } from './metrics.ts';

export interface QueueSettings {
  readonly capacity: number;
  readonly batchSize: number;
}

export interface QueueDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetch: HttpFetch;
  readonly metrics: NotifierMetrics;
}

const retryDelaysMs = [500, 2000, 5000];

export class AlertQueue {
  readonly url: string;
  readonly #timeoutMs: number;
  readonly #settings: QueueSettings;
  readonly #deps: QueueDeps;
  #waiting: AlertMessage[] = [];
  #sending: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(url: string, timeoutMs: number, settings: QueueSettings, deps: QueueDeps) {
    this.url = url;
    this.#timeoutMs = timeoutMs;
    this.#settings = settings;
    this.#deps = deps;
  }

  add(alerts: readonly AlertMessage[]): void {
    if (this.#stopping.signal.aborted) return;
    const { capacity } = this.#settings;
    const { metrics, log } = this.#deps;
    this.#waiting.push(...alerts);
    const excess = this.#waiting.length - capacity;
    if (excess > 0) {
      this.#waiting.splice(0, excess);
      metrics.dropped.inc({ alertmanager: this.url }, excess);
      log.warn({ alertmanager: this.url, dropped: excess }, 'The notification queue is full; the oldest alerts were dropped');
    }
    this.#showLength();
    this.#sending ??= this.#send();
  }

  /** No more is taken. With `drain` what waits is still sent, once; otherwise it is dropped. */
  async stop(drain: boolean): Promise<void> {
    this.#stopping.abort();
    if (!drain) this.#waiting = [];
    await this.#sending;
    this.#showLength();
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#settings.batchSize);
      this.#showLength();
      await this.#deliver(batch);
    }
    this.#sending = undefined;
  }

  async #deliver(batch: readonly AlertMessage[]): Promise<void> {
    const { clock, metrics, log } = this.#deps;
    const labels = { alertmanager: this.url };
    const body = encodeAlerts(batch);
    for (let attempt = 0; ; attempt++) {
      const started = clock.monotonic();
      const failure = await this.#post(body);
      metrics.latency.observe(labels, (clock.monotonic() - started) / 1000);
      if (failure === undefined) {
        metrics.sent.inc(labels, batch.length);
        return;
      }
      const delayMs = retryDelaysMs[attempt];
      if (!failure.isTemporary || delayMs === undefined || this.#stopping.signal.aborted) {
        metrics.errors.inc(labels, batch.length);
        metrics.dropped.inc(labels, batch.length);
        log.error({ alertmanager: this.url, count: batch.length, error: failure.message }, 'Sending alerts failed');
        return;
      }
      await sleep(clock, delayMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  async #post(body: string): Promise<{ message: string; isTemporary: boolean } | undefined> {
    try {
      const headers = { 'content-type': 'application/json', 'user-agent': userAgent };
      const response = await this.#deps.fetch({ url: this.url, method: 'POST', headers, body, timeoutMs: this.#timeoutMs });
      if (response.status >= 200 && response.status < 300) return undefined;
      const reason = response.body.toString('utf8').slice(0, 200).trim();
      return {
        message: `bad response status ${response.status}${reason === '' ? '' : `: ${reason}`}`,
        isTemporary: response.status >= 500,
      };
    } catch (error) {
      return { message: (error as Error).message, isTemporary: true };
    }
  }

  #showLength(): void {
    this.#deps.metrics.queueLength.set({ alertmanager: this.url }, this.#waiting.length);
  }
}
