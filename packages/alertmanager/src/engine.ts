/**
 * The decision core: alerts in, notifications out. Knows no HTTP and no files but the journals that it was given; time and chance are
 * handed in, so it runs in plays.
 */
import type { Clock, Logger } from '@pronoia/server';
import type { Acknowledgements } from './acknowledgement.ts';
import type { Alert } from './alert.ts';
import type { AlertStore } from './alert-store.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { Config } from './config/config.ts';
import { Dispatcher, type Group, type ReceiverNames } from './dispatcher.ts';
import type { Observer } from './history/observer.ts';
import { Inhibitor } from './inhibit.ts';
import type { NotificationMetrics } from './metrics.ts';
import type { NotificationLog } from './nflog.ts';
import type { ReceiverRuntime } from './notify/integration.ts';
import { Pipeline } from './pipeline.ts';
import { Route } from './route.ts';
import type { Silences } from './silence.ts';
import { Slice, type Turns } from './turns.ts';

export interface EngineOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Whom somebody has taken on. */
  readonly acknowledgements?: Acknowledgements;
  /** Is told what happens to alerts. */
  readonly observer?: Observer;
  readonly metrics: NotificationMetrics;
  readonly store: AlertStore;
  readonly silences: Silences;
  readonly notificationLog: NotificationLog;
  readonly retentionMs: number;
  /** Groups do not flush before. */
  readonly startAtMs?: number;
  readonly maintenanceIntervalMs?: number;
  readonly random?: () => number;
  /** Those who share the work; alone without it. */
  readonly cluster?: Cluster;
  /** So that many flushes at once do not hold the event loop; none without it. */
  readonly turns?: Turns;
}

export interface AlertStatus {
  readonly inhibitedBy: readonly string[];
  readonly silencedBy: readonly string[];
}

/** What a loaded configuration stands for. */
interface Setup {
  readonly config: Config;
  readonly receivers: ReadonlyMap<string, ReceiverRuntime>;
  readonly inhibitor: Inhibitor;
  readonly dispatcher: Dispatcher;
}

export class Engine {
  readonly #options: EngineOptions;
  #setup: Setup | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    options.store.subscribe((alert) => {
      this.#setup?.inhibitor.see(alert, options.clock.now());
      this.#setup?.dispatcher.see(alert);
    });
  }

  get config(): Config {
    return this.#current().config;
  }

  get receivers(): ReadonlyMap<string, ReceiverRuntime> {
    return this.#current().receivers;
  }

  get root(): Route {
    return this.#current().dispatcher.root;
  }

  get ruleCount(): number {
    return this.#current().inhibitor.ruleCount;
  }

  get groupCount(): number {
    return this.#current().dispatcher.groupCount;
  }

  groups(): IterableIterator<Group> {
    return this.#current().dispatcher.groups();
  }

  #current(): Setup {
    if (this.#setup === undefined) throw new Error('BUG: the engine has no configuration yet');
    return this.#setup;
  }

  /** Takes a configuration into use. The old one's flushes are cancelled; what they had not told, the new ones tell. */
  async apply(config: Config, receivers: ReadonlyMap<string, ReceiverRuntime>): Promise<void> {
    const { clock, log, metrics, store, silences, notificationLog, retentionMs, random = Math.random, cluster } = this.#options;
    const inhibitor = new Inhibitor(config.inhibit_rules);
    const pipeline = new Pipeline({
      clock,
      log,
      ...(this.#options.acknowledgements === undefined ? {} : { acknowledgements: this.#options.acknowledgements }),
      ...(this.#options.observer === undefined ? {} : { observer: this.#options.observer }),
      metrics,
      receivers,
      inhibitor,
      silences,
      notificationLog,
      timeIntervals: config.timeIntervals,
      retentionMs,
      random,
      ...(cluster === undefined ? {} : { cluster }),
    });
    const { startAtMs, maintenanceIntervalMs, turns } = this.#options;
    const dispatcher = new Dispatcher({
      root: new Route(config.route, undefined, 0),
      clock,
      flush: (flush) =>
        pipeline.run(flush).catch((error: unknown) => {
          // A bug must not stop the server; the group is flushed again at its next interval.
          log.error({ err: error, aggrGroup: flush.group.key }, 'BUG: a flush failed');
          return false;
        }),
      ...(this.#setup === undefined ? {} : { previous: this.#setup.dispatcher }),
      ...(cluster === undefined ? {} : { peerWaitMs: () => cluster.peerWaitMs() }),
      ...(turns === undefined ? {} : { turns }),
      ...(startAtMs === undefined ? {} : { startAtMs }),
      ...(maintenanceIntervalMs === undefined ? {} : { maintenanceIntervalMs }),
    });
    const old = this.#setup;
    // Old flushes end first, so that the log holds what they told; alerts that come meanwhile are in the store.
    await old?.dispatcher.stop();
    // Inhibition before dispatching: an alert must not slip through because its inhibitor was not known yet.
    for (const alert of store.all()) inhibitor.see(alert, clock.now());
    this.#setup = { config, receivers, inhibitor, dispatcher };
    for (const alert of store.all()) dispatcher.see(alert);
    dispatcher.forgetPrevious();
    if (old !== undefined) await closeReceivers(old.receivers);
  }

  /** Of all routes that it takes, in order. */
  receiversOf(alert: Alert): ReceiverNames {
    return this.#current().dispatcher.receiversOf(alert);
  }

  statusOf(alert: Alert, nowMs: number): AlertStatus {
    return {
      inhibitedBy: this.#current().inhibitor.inhibitedBy(alert.labels, nowMs),
      silencedBy: this.#options.silences.silencedBy(alert.identity, nowMs),
    };
  }

  /** Of the alerts that fire. Takes turns, and few of them when little has changed since the last time. */
  async countByState(nowMs: number): Promise<Record<'active' | 'suppressed' | 'unprocessed', number>> {
    const { store, silences } = this.#options;
    const { inhibitor } = this.#current();
    const slice = new Slice();
    let active = 0;
    let suppressed = 0;
    for (const alert of store.all()) {
      if (alert.isResolvedAt(nowMs)) continue;
      const isSuppressed = silences.silencedBy(alert.identity, nowMs).length > 0 || inhibitor.inhibitedBy(alert.labels, nowMs).length > 0;
      if (isSuppressed) suppressed++;
      else active++;
      if (((active + suppressed) & 255) === 0 && slice.isOver()) await slice.next();
    }
    return { active, suppressed, unprocessed: 0 };
  }

  forgetResolved(): void {
    this.#options.store.collectGarbage(this.#options.clock.now());
    this.#setup?.inhibitor.forgetResolved(this.#options.clock.now());
  }

  async stop(): Promise<void> {
    await this.#setup?.dispatcher.stop();
    if (this.#setup !== undefined) await closeReceivers(this.#setup.receivers);
  }
}

async function closeReceivers(receivers: ReadonlyMap<string, ReceiverRuntime>): Promise<void> {
  await Promise.allSettled([...receivers.values()].flatMap(({ integrations }) => integrations.map(async (one) => one.close?.())));
}
