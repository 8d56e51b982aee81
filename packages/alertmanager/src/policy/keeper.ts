/**
 * What a policy does by itself, once a minute: silences that return when their time intervals begin, and notices of silences that end soon
 * while they still keep alerts still. Both are ordinary silences and alerts, so that everything else sees them.
 */
import { Labels } from '@pronoia/model';
import type { Clock, Logger, Timer } from '@pronoia/server';
import { Alert, momentAt } from '../alert.ts';
import type { AlertStore } from '../alert-store.ts';
import type { RecurringSilence, SilencePolicy } from '../config/silence-policy.ts';
import { printMatchers } from '../matcher.ts';
import { type Silence, type Silences, silenceState } from '../silence.ts';
import { containsTime, type TimeInterval } from '../time-interval.ts';
import { Slice } from '../turns.ts';

export interface KeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly silences: Silences;
  readonly store: AlertStore;
  /** Of the configuration of the moment. */
  readonly policy: () => SilencePolicy | undefined;
  readonly timeIntervals: () => ReadonlyMap<string, readonly TimeInterval[]>;
}

const minuteMs = 60_000;
/** A recurring silence is made for at most so long, and made again where its interval goes on. */
const longestMs = 31 * 24 * 3_600_000;
const by = 'silence policy';

export class PolicyKeeper {
  readonly #options: KeeperOptions;
  #timer: Timer | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#arm();
  }

  #arm(): void {
    const { clock, log } = this.#options;
    // Intervals begin with minutes.
    this.#timer = clock.setTimer(minuteMs - (clock.now() % minuteMs), () => {
      this.keep()
        .catch((error: unknown) => log.error({ err: error }, 'The silence policy could not be kept'))
        .finally(() => {
          if (this.#timer !== undefined) this.#arm();
        });
    });
  }

  /** Looks at everything now: each minute, and after a new configuration. */
  async keep(): Promise<void> {
    const policy = this.#options.policy();
    this.#recur(policy?.recurring ?? []);
    if (policy?.expiry_notice !== undefined) await this.#giveNotice(policy.expiry_notice);
  }

  #recur(wanted: readonly RecurringSilence[]): void {
    const { clock, silences, log } = this.#options;
    const nowMs = clock.now();
    const made = [...silences.all()].filter(({ annotations, createdBy }) => createdBy === by && annotations['recurring'] !== undefined);
    for (const one of made) {
      const config = wanted.find(({ name }) => name === one.annotations['recurring']);
      const isSame = config !== undefined && printMatchers(config.matchers) === printMatchers(one.matchers);
      if (!isSame && silenceState(one, nowMs) === 'active') silences.expire(one.id, nowMs);
    }
    for (const config of wanted) {
      if (!this.#isIn(config, nowMs)) continue;
      const endsAtMs = this.#endOf(config, nowMs);
      const until = new Date(endsAtMs).toISOString();
      // One that somebody has ended by hand stays ended until the next time.
      const isMade = made.some(
        ({ annotations, matchers }) =>
          annotations['recurring'] === config.name &&
          annotations['until'] === until &&
          printMatchers(matchers) === printMatchers(config.matchers),
      );
      if (isMade) continue;
      silences.set(
        {
          matchers: config.matchers,
          startsAtMs: nowMs,
          endsAtMs,
          createdBy: by,
          comment: config.comment === '' ? `recurring: ${config.name}` : config.comment,
          annotations: { recurring: config.name, until },
        },
        nowMs,
      );
      log.info({ name: config.name, until }, 'A recurring silence begins');
    }
  }

  #isIn({ time_intervals: names }: RecurringSilence, tMs: number): boolean {
    const intervals = this.#options.timeIntervals();
    return names.some((name) => (intervals.get(name) ?? []).some((interval) => containsTime(interval, tMs)));
  }

  #endOf(config: RecurringSilence, nowMs: number): number {
    let endMs = nowMs - (nowMs % minuteMs) + minuteMs;
    while (endMs < nowMs + longestMs && this.#isIn(config, endMs)) endMs += minuteMs;
    return endMs;
  }

  async #giveNotice(beforeMs: number): Promise<void> {
    const { clock, silences, store } = this.#options;
    const nowMs = clock.now();
    const ending = [...silences.all()].filter(
      (one) =>
        one.createdBy !== by &&
        silenceState(one, nowMs) === 'active' &&
        one.endsAtMs - nowMs <= beforeMs &&
        one.endsAtMs - one.startsAtMs > beforeMs,
    );
    const countById = new Map(ending.map(({ id }) => [id, 0]));
    if (ending.length > 0) {
      const slice = new Slice();
      for (const alert of store.all()) {
        if (alert.isResolvedAt(nowMs)) continue;
        for (const id of silences.silencedBy(alert.identity, nowMs)) {
          const count = countById.get(id);
          if (count !== undefined) countById.set(id, count + 1);
        }
        if (slice.isOver()) await slice.next();
      }
    }
    const notices = ending.flatMap((one) => {
      const count = countById.get(one.id) ?? 0;
      return count === 0 ? [] : [noticeOf(one, count, nowMs)];
    });
    const told = new Set(notices.map(({ fingerprint }) => fingerprint));
    // A silence that was made longer, or silences nothing any more, takes its notice back.
    const over = [...store.all()].filter(
      (alert) => alert.name === noticeName && !told.has(alert.fingerprint) && !alert.isResolvedAt(nowMs),
    );
    store.put([...notices, ...over.map((alert) => alert.with({ endsAt: momentAt(nowMs) }))], nowMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

const noticeName = 'SilenceEndsSoon';

function noticeOf(silence: Silence, count: number, nowMs: number): Alert {
  const endsAt = new Date(silence.endsAtMs).toISOString();
  return new Alert({
    labels: Labels.fromPairs([
      ['alertname', noticeName],
      ['created_by', silence.createdBy],
      ['silence_id', silence.id],
    ]),
    annotations: Labels.fromPairs([
      ['description', `${printMatchers(silence.matchers)}: ${silence.comment}`],
      ['summary', `a silence of ${silence.createdBy} ends at ${endsAt} and keeps ${count} firing alert${count === 1 ? '' : 's'} still`],
    ]),
    startsAt: momentAt(nowMs),
    endsAt: momentAt(silence.endsAtMs),
    generatorUrl: '',
    updatedAt: momentAt(nowMs),
    isTimeout: true,
  });
}
