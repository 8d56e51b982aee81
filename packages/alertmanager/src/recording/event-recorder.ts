/**
 * The original's event recorder: what happens to alerts as JSON, one object an event, to files, webhooks and the standard output. Nobody
 * waits for an output; one that cannot follow loses events, and they are counted.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Counter, type Registry } from '@pronoia/client';
import { type Clock, type Logger, sleep } from '@pronoia/server';
import { type Alert, nanoTime } from '../alert.ts';
import { defaultHttpConfig } from '../config/http-config.ts';
import type { EventRecorderConfig } from '../config/recording.ts';
import type { Group } from '../dispatcher.ts';
import type { Delivery, Observer, Suppression } from '../history/observer.ts';
import { HttpClient } from '../notify/http-client.ts';
import { type Silence, silenceState } from '../silence.ts';
import { version } from '../version.ts';

interface Output {
  readonly name: string;
  /** A line of JSON without its end. */
  write(line: string): void;
  close(): Promise<void>;
}

interface RecorderOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly instance: string;
  readonly position: () => number;
}

const maxQueued = 10_000;

export class EventRecorder implements Observer {
  readonly #options: RecorderOptions;
  readonly #metrics: ReturnType<typeof createMetrics>;
  readonly #knownSilences = new Set<string>();
  #outputs: readonly Output[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#metrics = createMetrics(options.registry);
  }

  /** The outputs of a configuration in place of those before. */
  async apply(config: EventRecorderConfig | undefined, configFile: string): Promise<void> {
    const { clock, log } = this.#options;
    const old = this.#outputs;
    const isFirst = old.length === 0;
    const drop = (): void => this.#metrics.dropped.inc();
    this.#outputs = [
      ...(config?.file_outputs ?? []).map(({ path }) => new FileOutput(resolve(dirname(configFile), path), log, drop)),
      ...(config?.webhook_outputs ?? []).map((webhook) => new WebhookOutput(webhook, configFile, clock, log, drop)),
      ...(config?.stdout_outputs ?? []).map(
        (): Output => ({ name: 'stdout', write: (line) => process.stdout.write(`${line}\n`), close: () => Promise.resolve() }),
      ),
    ];
    if (isFirst && this.#outputs.length > 0) this.#emit({ alertmanagerStartupEvent: { version, buildContext: '' } }, clock.now());
    await Promise.all(old.map((output) => output.close()));
  }

  #emit(data: object, atMs: number): void {
    if (this.#outputs.length === 0) return;
    const { instance, position } = this.#options;
    const line = JSON.stringify({ '@timestamp': new Date(atMs).toISOString(), instance, clusterPosition: position(), data });
    const type = Object.keys(data)[0] ?? '';
    for (const output of this.#outputs) {
      this.#metrics.recorded.inc({ event_type: type, output: output.name, result: 'success' });
      this.#metrics.bytes.inc(Buffer.byteLength(line));
      output.write(line);
    }
  }

  fired(alert: Alert, atMs: number): void {
    if (this.#outputs.length > 0) this.#emit({ alertCreated: { alert: alertJson(alert) } }, atMs);
  }

  resolved(alert: Alert, atMs: number): void {
    if (this.#outputs.length > 0) this.#emit({ alertResolved: { alert: alertJson(alert) } }, atMs);
  }

  flushed(group: Group, suppressed: readonly Suppression[], atMs: number): void {
    if (this.#outputs.length === 0) return;
    for (const { alert, reason, by } of suppressed) {
      const about = { alert: alertJson(alert), groupInfo: groupInfo(group) };
      if (reason === 'silence') this.#emit({ silenceMutedAlert: { ...about, silenceIds: by } }, atMs);
      if (reason === 'inhibition') this.#emit({ inhibitionMutedAlert: { ...about, inhibitingFingerprints: by } }, atMs);
    }
  }

  delivered({ group, receiver, integration, index, reason, alerts, nowMs, attempts, isDelivered }: Delivery): void {
    if (this.#outputs.length === 0) return;
    const last = attempts.at(-1);
    this.#emit(
      {
        notification: {
          groupInfo: { ...groupInfo(group), receiverName: receiver },
          reason,
          integration: { name: integration, index },
          firingAlerts: alerts.filter((alert) => !alert.isResolvedAt(nowMs)).map(alertJson),
          resolvedAlerts: alerts.filter((alert) => alert.isResolvedAt(nowMs)).map(alertJson),
          success: isDelivered,
          ...(isDelivered || last?.error === undefined ? {} : { error: last.error }),
        },
      },
      last === undefined ? nowMs : last.atMs + last.durationMs,
    );
  }

  silenced(silence: Silence, atMs: number): void {
    const isKnown = this.#knownSilences.has(silence.id);
    if (silenceState(silence, atMs) === 'expired') this.#knownSilences.delete(silence.id);
    else this.#knownSilences.add(silence.id);
    const json = {
      id: silence.id,
      matchers: silence.matchers.map(String),
      startsAt: new Date(silence.startsAtMs).toISOString(),
      endsAt: new Date(silence.endsAtMs).toISOString(),
      createdBy: silence.createdBy,
      comment: silence.comment,
      annotations: silence.annotations,
    };
    this.#emit(isKnown ? { silenceUpdated: { silence: json } } : { silenceCreated: { silence: json } }, atMs);
  }

  acknowledged(): void {}

  async close(): Promise<void> {
    this.#emit({ alertmanagerShutdownEvent: {} }, this.#options.clock.now());
    await Promise.all(this.#outputs.map((output) => output.close()));
    this.#outputs = [];
  }
}

function alertJson(alert: Alert): object {
  return {
    fingerprint: alert.fingerprint,
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    startsAt: nanoTime(alert.startsAt),
    endsAt: nanoTime(alert.endsAt),
    generatorUrl: alert.generatorUrl,
  };
}

function groupInfo(group: Group): object {
  return {
    groupKey: group.key,
    groupLabels: group.labels.toObject(),
    groupId: createHash('sha256').update(group.key).digest('hex'),
    receiverName: group.route.options.receiver,
    matchers: group.route.matchers.map(String),
  };
}

/** JSON lines; a file that was moved away is made anew. */
class FileOutput implements Output {
  readonly name: string;
  readonly #path: string;
  readonly #log: Logger;
  readonly #onDrop: () => void;
  #lines: string[] = [];
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;

  constructor(path: string, log: Logger, onDrop: () => void) {
    this.name = `file:${path}`;
    this.#path = path;
    this.#log = log;
    this.#onDrop = onDrop;
  }

  write(line: string): void {
    if (this.#lines.length >= maxQueued) return this.#onDrop();
    this.#lines.push(line);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      try {
        const file = await this.#current();
        await file.appendFile(`${lines.join('\n')}\n`);
      } catch (error) {
        lines.forEach(this.#onDrop);
        this.#log.error({ err: error, path: this.#path }, 'Events cannot be written');
      }
    }
  }

  async #current(): Promise<FileHandle> {
    if (this.#file !== undefined) {
      const [mine, there] = await Promise.all([this.#file.stat(), stat(this.#path).catch(() => undefined)]);
      if (there?.ino === mine.ino) return this.#file;
      await this.#file.close();
    }
    this.#file = await open(this.#path, 'a');
    return this.#file;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }
}

type WebhookConfig = EventRecorderConfig['webhook_outputs'][number];

const maxBackoffMs = 30_000;

/** An event a request; with `batch` a JSON list of several. */
class WebhookOutput implements Output {
  readonly name: string;
  readonly #config: WebhookConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onDrop: () => void;
  readonly #client: HttpClient;
  readonly #stopping = new AbortController();
  readonly #lines: string[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(config: WebhookConfig, configFile: string, clock: Clock, log: Logger, onDrop: () => void) {
    this.name = `webhook:${new URL(config.url).host}`;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#onDrop = onDrop;
    this.#client = new HttpClient(config.http_config ?? defaultHttpConfig, configFile);
  }

  write(line: string): void {
    if (this.#lines.length >= maxQueued) return this.#onDrop();
    this.#lines.push(line);
    if (this.#running.size >= this.#config.workers) return;
    const run = this.#work().finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #work(): Promise<void> {
    const { batch, batch_flush_interval: waitMs } = this.#config;
    if (batch) await sleep(this.#clock, waitMs, this.#stopping.signal).catch(() => {});
    else await Promise.resolve();
    for (let lines = this.#take(); lines.length > 0; lines = this.#take()) await this.#send(lines);
  }

  #take(): string[] {
    const { batch, batch_max_events: maxEvents, batch_max_bytes: maxBytes } = this.#config;
    if (!batch) return this.#lines.splice(0, 1);
    let bytes = 0;
    let count = 0;
    while (count < this.#lines.length && count < maxEvents) {
      bytes += Buffer.byteLength(this.#lines[count] as string) + 1;
      if (bytes > maxBytes && count > 0) break;
      count++;
    }
    return this.#lines.splice(0, count);
  }

  async #send(lines: readonly string[]): Promise<void> {
    const { url, timeout, max_retries: maxRetries, retry_backoff: backoff, batch } = this.#config;
    const body = batch ? `[${lines.join(',')}]` : (lines[0] as string);
    for (let attempt = 0; ; attempt++) {
      let reason: string;
      try {
        const signal = AbortSignal.timeout(timeout === 0 ? 60_000 : timeout);
        const { status } = await this.#client.send(url, { headers: { 'content-type': 'application/json' }, body, signal });
        if (status >= 200 && status < 300) return;
        reason = `status ${status}`;
      } catch (error) {
        reason = (error as Error).message;
      }
      if (attempt >= maxRetries || this.#stopping.signal.aborted) {
        lines.forEach(this.#onDrop);
        this.#log.warn({ output: this.name, events: lines.length, reason }, 'Events were not taken');
        return;
      }
      await sleep(this.#clock, Math.min(maxBackoffMs, backoff * 2 ** attempt), this.#stopping.signal).catch(() => {});
    }
  }

  /** What is queued is sent, without further tries. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
    await this.#client.close();
  }
}

function createMetrics(registry: Registry) {
  const registers = [registry];
  const dropped = new Counter({ name: 'alertmanager_event_output_drops_total', help: 'Events that an output did not take.', registers });
  const bytes = new Counter({
    name: 'alertmanager_event_recorder_bytes_written_total',
    help: 'Bytes of events that were handed to outputs.',
    registers,
  });
  dropped.inc(0);
  bytes.inc(0);
  return {
    dropped,
    bytes,
    recorded: new Counter({
      name: 'alertmanager_events_recorded_total',
      help: 'Events that were recorded.',
      labelNames: ['event_type', 'output', 'result'],
      registers,
    }),
  };
}
