/**
 * Plays: a text of commands and expected happenings, run against the engine with a clock that is moved by the text. Used by tests only.
 *
 *     config
 *       route: …
 *     0s    fire alertname=down job=a
 *     30s   > hook firing: down/a
 *     +1s   silence 1h alertname=down
 *
 * A line begins with a time since the start. `>` lines are notifications that must happen at that moment, all of them and no others.
 */

import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import { ManualClock, silentLogger } from '@pronoia/server';
import { Acknowledgements } from './acknowledgement.ts';
import { Alert, momentAt } from './alert.ts';
import { AlertStore } from './alert-store.ts';
import { parseConfig } from './config/config.ts';
import { Engine } from './engine.ts';
import { parseMatchers } from './matcher.ts';
import { createNotificationMetrics } from './metrics.ts';
import { NotificationLog } from './nflog.ts';
import { type Integration, NotifyError, type ReceiverRuntime } from './notify/integration.ts';
import { Silences } from './silence.ts';

interface Line {
  readonly atMs: number;
  readonly text: string;
  readonly isExpected: boolean;
}

/** Returns the play as it went: the same text, when all went as expected. */
export async function perform(play: string): Promise<{ expected: string[]; happened: string[] }> {
  const { config: configText, lines } = read(play);
  const clock = new ManualClock(Date.UTC(2026, 10, 23, 8, 0, 0));
  const stage = new Stage(clock);
  await stage.configure(configText);
  const startMs = clock.now();
  for (const line of lines) {
    await clock.advance(startMs + line.atMs - clock.now());
    if (!line.isExpected) await stage.act(line.text);
    await clock.settle();
  }
  await stage.stop();
  const expected = lines.filter(({ isExpected }) => isExpected).map(({ atMs, text }) => `${seconds(atMs)} ${text}`);
  const happened = stage.happenings.map(({ atMs, text }) => `${seconds(atMs - startMs)} ${text}`);
  const order = (list: string[]): string[] => list.sort((a, b) => Number.parseFloat(a) - Number.parseFloat(b) || (a < b ? -1 : 1));
  return { expected: order(expected), happened: order(happened) };
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}

function duration(text: string): number {
  let total = 0;
  for (const [, count, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g))
    total += Number(count) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as string] as number);
  return total;
}

function read(play: string): { config: string; lines: Line[] } {
  const config: string[] = [];
  const lines: Line[] = [];
  let isConfig = false;
  let atMs = 0;
  for (const raw of play.split('\n')) {
    if (raw.trim() === '' || raw.trimStart().startsWith('#')) continue;
    if (raw.trim() === 'config') {
      isConfig = true;
      continue;
    }
    const match = /^\s*(\+?)([\d.]+(?:ms|s|m|h|d)(?:[\d.]+(?:ms|s|m|h|d))*)\s+(>?)\s*(.*)$/.exec(raw);
    if (match === null) {
      if (!isConfig) throw new Error(`play: cannot read ${JSON.stringify(raw)}`);
      config.push(raw);
      continue;
    }
    isConfig = false;
    atMs = match[1] === '+' ? atMs + duration(match[2] as string) : duration(match[2] as string);
    lines.push({ atMs, text: match[4] as string, isExpected: match[3] === '>' });
  }
  const indent = Math.min(...config.map((line) => line.search(/\S/)));
  return { config: config.map((line) => line.slice(indent)).join('\n'), lines };
}

class Stage {
  readonly #clock: ManualClock;
  readonly #store = new AlertStore();
  readonly #silences: Silences;
  readonly #acknowledgements = new Acknowledgements();
  readonly #engine: Engine;
  readonly happenings: { atMs: number; text: string }[] = [];
  /** What a receiver does with a notification, until told otherwise. */
  readonly #moods = new Map<string, string>();
  #silenceIds: string[] = [];
  #configText = '';

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#silences = new Silences({ retentionMs: 120 * 3_600_000, maxSilences: 0, maxBytes: 0 });
    this.#engine = new Engine({
      clock,
      log: silentLogger,
      metrics: createNotificationMetrics(new Registry()),
      store: this.#store,
      silences: this.#silences,
      notificationLog: new NotificationLog(),
      retentionMs: 120 * 3_600_000,
      random: () => 0.5,
      acknowledgements: this.#acknowledgements,
    });
  }

  async configure(text: string): Promise<void> {
    this.#configText = text;
    const config = parseConfig(text, 'play.yml');
    const receivers = new Map(
      config.receivers.map((receiver) => [
        receiver.name,
        this.#receiver(
          receiver.name,
          receiver.webhook_configs.map(({ send_resolved }) => send_resolved),
        ),
      ]),
    );
    await this.#engine.apply(config, receivers);
  }

  #receiver(name: string, configs: readonly boolean[]): ReceiverRuntime {
    const integrations = configs.map(
      (sendResolved, index): Integration => ({
        kind: 'webhook',
        index,
        sendResolved,
        notify: (notification) => {
          const mood = this.#moods.get(name) ?? 'well';
          if (mood === 'silent')
            return new Promise((_, reject) =>
              notification.signal.addEventListener('abort', () => reject(new NotifyError('aborted', { isRetryable: true }))),
            );
          const { nowMs } = notification;
          const names = notification.alerts.map((alert) => `${describeAlert(alert)}${alert.isResolvedAt(nowMs) ? '✓' : ''}`).join(' ');
          const status = notification.alerts.some((alert) => !alert.isResolvedAt(nowMs)) ? 'firing' : 'resolved';
          const outcome = mood === 'well' ? '' : `, ${mood}`;
          this.happenings.push({
            atMs: this.#clock.now(),
            text: `${name}${index === 0 ? '' : `[${index}]`} ${status}: ${names} (${notification.reason}${outcome})`,
          });
          if (mood === 'down') return Promise.reject(new NotifyError('503', { isRetryable: true, reason: 'serverError' }));
          if (mood === 'refusing') return Promise.reject(new NotifyError('400', { isRetryable: false, reason: 'clientError' }));
          return Promise.resolve(undefined);
        },
      }),
    );
    return { name, labels: { name }, integrations };
  }

  async act(text: string): Promise<void> {
    const [verb, ...words] = text.split(/\s+/) as [string, ...string[]];
    const nowMs = this.#clock.now();
    switch (verb) {
      case 'fire':
      case 'resolve':
      case 'fire-until': {
        const endsAtMs = verb === 'fire' ? undefined : verb === 'resolve' ? nowMs : nowMs + duration(words.shift() as string);
        this.#store.put([makeAlert(words, nowMs, endsAtMs)], nowMs);
        return;
      }
      case 'fire-since': {
        const startsAtMs = nowMs - duration(words.shift() as string);
        this.#store.put([makeAlert(words, nowMs, undefined).with({ startsAt: momentAt(startsAtMs) })], nowMs);
        return;
      }
      case 'silence': {
        const lengthMs = duration(words.shift() as string);
        const matchers = parseMatchers(words.join(''));
        this.#silenceIds.push(
          this.#silences.set(
            { matchers, startsAtMs: nowMs, endsAtMs: nowMs + lengthMs, createdBy: 'play', comment: '', annotations: {} },
            nowMs,
          ),
        );
        return;
      }
      case 'acknowledge': {
        const { fingerprint } = makeAlert(words, nowMs, undefined);
        this.#acknowledgements.set({ fingerprint, by: 'play', comment: '', atMs: nowMs, startsAtMs: nowMs });
        return;
      }
      case 'unsilence':
        for (const id of this.#silenceIds) this.#silences.expire(id, nowMs);
        this.#silenceIds = [];
        return;
      case 'receiver':
        this.#moods.set(words[0] as string, words[1] as string);
        return;
      case 'reload':
        await this.configure(this.#configText);
        return;
      case 'gc':
        this.#engine.forgetResolved();
        return;
      case 'end':
        return;
      default:
        throw new Error(`play: no verb ${verb}`);
    }
  }

  async stop(): Promise<void> {
    const stopping = this.#engine.stop();
    await this.#clock.settle();
    await stopping;
  }
}

function makeAlert(words: readonly string[], nowMs: number, endsAtMs: number | undefined): Alert {
  const labels = Labels.fromPairs(words.map((word) => word.split('=') as [string, string]));
  return new Alert({
    labels,
    annotations: Labels.empty,
    startsAt: momentAt(endsAtMs !== undefined && endsAtMs <= nowMs ? endsAtMs : nowMs),
    endsAt: momentAt(endsAtMs ?? nowMs + 24 * 3_600_000),
    generatorUrl: '',
    updatedAt: momentAt(nowMs),
    isTimeout: endsAtMs === undefined,
  });
}

/** `down/a`: the name, then the other labels' values. */
function describeAlert(alert: Alert): string {
  return [alert.name, ...[...alert.labels].filter(([name]) => name !== 'alertname').map(([, value]) => value)].join('/');
}
