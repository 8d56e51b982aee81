/**
 * Traces of notifications by OTLP over HTTP, in JSON (opentelemetry-proto, trace/v1): a span for each notification, and one below it for
 * each attempt. Made when all is over, so that nothing is in the way of a notification.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { gzipSync } from 'node:zlib';
import type { Clock, Logger, Timer } from '@pronoia/server';
import { defaultHttpConfig } from '../config/http-config.ts';
import type { TracingConfig } from '../config/recording.ts';
import type { Delivery, Observer } from '../history/observer.ts';
import { HttpClient } from '../notify/http-client.ts';
import { version } from '../version.ts';

const flushIntervalMs = 5000;
const maxSpans = 2048;
const defaultTimeoutMs = 10_000;

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly object[];
  readonly status: object;
}

export class Tracer implements Observer {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #random: () => number;
  #config: TracingConfig | undefined;
  #client: HttpClient | undefined;
  #spans: Span[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Logger, random: () => number = Math.random) {
    this.#clock = clock;
    this.#log = log;
    this.#random = random;
  }

  async apply(config: TracingConfig | undefined, configFile: string): Promise<void> {
    await this.close();
    if (config?.client_type !== 'http') {
      if (config !== undefined) this.#log.warn({}, 'Traces are sent by client_type http only; none are sent by grpc');
      return;
    }
    this.#config = config;
    this.#client = new HttpClient(
      { ...defaultHttpConfig, ...(config.tls_config === undefined ? {} : { tls_config: config.tls_config }) },
      configFile,
    );
  }

  delivered({ group, receiver, integration, index, reason, alerts, attempts, attemptCount, isDelivered }: Delivery): void {
    const { sampling_fraction: fraction = 0 } = this.#config ?? {};
    const [first] = attempts;
    const last = attempts.at(-1);
    if (first === undefined || last === undefined || this.#random() >= fraction || this.#spans.length >= maxSpans) return;
    const traceId = randomBytes(16).toString('hex');
    const parent = randomBytes(8).toString('hex');
    const place = { 'alerting.receiver': receiver, 'alerting.integration': `${integration}[${index}]` };
    this.#spans.push({
      traceId,
      spanId: parent,
      name: 'notify',
      kind: 1,
      startTimeUnixNano: nano(first.atMs),
      endTimeUnixNano: nano(last.atMs + last.durationMs),
      attributes: attributes({
        ...place,
        'alerting.group.key': group.key,
        'alerting.reason': reason,
        'alerting.alerts.count': alerts.length,
        'alerting.attempts': attemptCount,
      }),
      status: isDelivered ? { code: 1 } : { code: 2, message: last.error ?? '' },
    });
    for (const { atMs, durationMs, error } of attempts)
      this.#spans.push({
        traceId,
        spanId: randomBytes(8).toString('hex'),
        parentSpanId: parent,
        name: 'notify.attempt',
        kind: 3,
        startTimeUnixNano: nano(atMs),
        endTimeUnixNano: nano(atMs + durationMs),
        attributes: attributes(place),
        status: error === undefined ? { code: 1 } : { code: 2, message: error },
      });
    this.#timer ??= this.#clock.setTimer(flushIntervalMs, () => void this.#flush());
  }

  async #flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const spans = this.#spans;
    const config = this.#config;
    if (config === undefined || spans.length === 0) return;
    this.#spans = [];
    const resource = { attributes: attributes({ 'service.name': 'alertmanager', 'service.version': version, 'host.name': hostname() }) };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'alertmanager' }, spans }] }] });
    const isZipped = config.compression === 'gzip';
    try {
      const answer = await this.#client?.send(endpointOf(config), {
        headers: {
          'content-type': 'application/json',
          ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
          ...config.http_headers,
        },
        body: isZipped ? gzipSync(body) : body,
        signal: AbortSignal.timeout(config.timeout === 0 ? defaultTimeoutMs : config.timeout),
      });
      if (answer !== undefined && answer.status >= 300) throw new Error(`status ${answer.status}: ${answer.text.slice(0, 200)}`);
    } catch (error) {
      this.#log.warn({ err: error, spans: spans.length }, 'Traces were not taken');
    }
  }

  fired(): void {}
  resolved(): void {}
  flushed(): void {}
  silenced(): void {}
  acknowledged(): void {}

  async close(): Promise<void> {
    await this.#flush();
    await this.#client?.close();
    this.#client = this.#config = undefined;
  }
}

function nano(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function attributes(values: Readonly<Record<string, string | number>>): object[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}

/** `host:port`, or a URL with a path of its own. */
function endpointOf({ endpoint, insecure }: TracingConfig): string {
  if (!/^https?:\/\//.test(endpoint)) return `${insecure ? 'http' : 'https'}://${endpoint}/v1/traces`;
  const url = new URL(endpoint);
  return url.pathname === '/' ? `${url.origin}/v1/traces` : endpoint;
}
