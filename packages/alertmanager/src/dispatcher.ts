/**
 * Groups alerts per route and decides when each group is flushed: first after group_wait, then every group_interval for as long as it
 * has alerts. Time comes from the clock alone, and a flush is a function that was handed in, so this runs in plays.
 */
import { setMaxListeners } from 'node:events';
import type { Labels } from '@pronoia/model';
import type { Clock, Timer } from '@pronoia/server';
import { type Alert, compareIdentities } from './alert.ts';
import { FlapMemory } from './flap.ts';
import type { AlertIdentity } from './identity.ts';
import { groupKey, type Route } from './route.ts';
import type { Turns } from './turns.ts';

export interface Flush {
  readonly group: Group;
  /** Sorted; a firing one has no end. */
  readonly alerts: readonly Alert[];
  readonly nowMs: number;
  /** Aborted when the flush has taken too long, or the dispatcher stops. */
  readonly signal: AbortSignal;
}

export interface DispatcherOptions {
  readonly root: Route;
  readonly clock: Clock;
  /** True when everything was told: resolved alerts are then forgotten. */
  readonly flush: (flush: Flush) => Promise<boolean>;
  /** Groups collect but do not flush before. */
  readonly startAtMs?: number;
  /** Added to the time that a flush may take: how long peers are waited for. */
  readonly peerWaitMs?: () => number;
  readonly maintenanceIntervalMs?: number;
  /** Where flushes wait for their turn when many are due at once; none without it. */
  readonly turns?: Turns;
  /** Its groups' timers go on where the route is the same: a reload delays nobody. */
  readonly previous?: Dispatcher;
}

/** The reason of an abort for time: told apart from a stop. */
export class FlushTimeout extends Error {
  override readonly name = 'FlushTimeout';
}

export class Group {
  readonly route: Route;
  readonly labels: Labels;
  readonly key: string;
  readonly alertsByFingerprint = new Map<string, Alert>();
  /** Names of the time intervals that muted the last flush. */
  mutedBy: readonly string[] = [];
  timer: Timer | undefined;
  dueAtMs = 0;
  hasFlushed = false;
  isFlushing = false;
  /** The interval ended during a flush: the next one follows at once. */
  isDue = false;
  /** It was empty, and is no more. */
  isDropped = false;
  #order: readonly AlertIdentity[] | undefined;
  /** Of the alerts that are in this group alone. */
  placement: Placement | undefined;

  constructor(route: Route, labels: Labels) {
    this.route = route;
    this.labels = labels;
    this.key = groupKey(route, labels);
  }

  put(alert: Alert): void {
    const { size } = this.alertsByFingerprint;
    this.alertsByFingerprint.set(alert.fingerprint, alert);
    if (this.alertsByFingerprint.size > size) this.#order = undefined;
  }

  remove(alert: Alert): void {
    this.alertsByFingerprint.delete(alert.fingerprint);
    this.#order = undefined;
  }

  /** A list of its own, in a notification's order: worked out again only after alerts have come or gone. */
  sorted(): Alert[] {
    this.#order ??= [...this.alertsByFingerprint.values()].map(({ identity }) => identity).sort(compareIdentities);
    return this.#order.map(({ fingerprint }) => this.alertsByFingerprint.get(fingerprint) as Alert);
  }
}

export interface ReceiverNames {
  readonly names: readonly string[];
  /** As the API writes them. */
  readonly json: string;
}

/** Where the alerts of one label set are put. */
class Placement {
  readonly dispatcher: Dispatcher;
  readonly groups: readonly Group[];
  readonly receivers: ReceiverNames;

  constructor(dispatcher: Dispatcher, groups: readonly Group[]) {
    this.dispatcher = dispatcher;
    this.groups = groups;
    const names = groups.map(({ route }) => route.options.receiver);
    this.receivers = { names, json: `[${names.map((name) => `{"name":${JSON.stringify(name)}}`).join(',')}]` };
  }
}

/** A flush may take at least this long, however short the interval (alertmanager dispatch, MinTimeout). */
const minFlushMs = 10_000;

export class Dispatcher {
  readonly #options: Omit<DispatcherOptions, 'previous'>;
  readonly #groupsByRoute = new Map<Route, Map<string, Group>>();
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #previous: Dispatcher | undefined;
  #maintenance: Timer | undefined;
  /** Of the routes that damp them. */
  readonly #flapsByRoute = new Map<Route, FlapMemory>();
  #groupCount = 0;

  constructor(options: DispatcherOptions) {
    const { previous, ...rest } = options;
    this.#options = rest;
    this.#previous = previous;
    this.#armMaintenance();
  }

  get groupCount(): number {
    return this.#groupCount;
  }

  get root(): Route {
    return this.#options.root;
  }

  *groups(): IterableIterator<Group> {
    for (const groups of this.#groupsByRoute.values()) yield* groups.values();
  }

  /** Puts the alert, new or changed, into its groups. */
  see(alert: Alert): void {
    if (this.#stopping.signal.aborted) return;
    const nowMs = this.#options.clock.now();
    for (const group of this.#placementOf(alert).groups) this.#insert(alert, group, nowMs);
  }

  receiversOf(alert: Alert): ReceiverNames {
    return this.#placementOf(alert).receivers;
  }

  /** The groups of a label set stay the same until the configuration changes, or one was dropped for having been empty. */
  #placementOf(alert: Alert): Placement {
    const { identity } = alert;
    const known = identity.placement;
    if (known instanceof Placement && known.dispatcher === this && !known.groups.some(({ isDropped }) => isDropped)) return known;
    const groups = this.#options.root.match(identity.labels).map((route) => this.#groupOf(identity.labels, route));
    const [first] = groups;
    // Nearly always it is one group: then all its alerts share one placement.
    const placement =
      groups.length === 1 && first !== undefined ? (first.placement ??= new Placement(this, groups)) : new Placement(this, groups);
    identity.placement = placement;
    return placement;
  }

  #groupOf(alertLabels: Labels, route: Route): Group {
    const { clock, startAtMs = 0 } = this.#options;
    const labels = route.groupLabels(alertLabels);
    const key = labels.key();
    let groups = this.#groupsByRoute.get(route);
    if (groups === undefined) this.#groupsByRoute.set(route, (groups = new Map()));
    let group = groups.get(key);
    const nowMs = clock.now();
    if (group === undefined) {
      group = new Group(route, labels);
      groups.set(key, group);
      this.#groupCount++;
      const before = this.#previous?.groupLike(route, labels);
      if (before !== undefined) {
        group.hasFlushed = before.hasFlushed;
        group.mutedBy = before.mutedBy;
      }
      this.#arm(group, before === undefined ? Math.max(route.options.groupWaitMs, startAtMs - nowMs) : Math.max(0, before.dueAtMs - nowMs));
    }
    return group;
  }

  #insert(alert: Alert, group: Group, nowMs: number): void {
    const { route } = group;
    const { startAtMs = 0 } = this.#options;
    if (route.options.flapDamping !== undefined) this.#seeFlap(alert, group, nowMs);
    group.put(alert);
    // After a restart the alert is old: it has waited already.
    const isOverdue = alert.startsAt.unixMs + route.options.groupWaitMs < nowMs;
    if (!group.hasFlushed && isOverdue && group.dueAtMs > Math.max(nowMs, startAtMs)) this.#arm(group, Math.max(0, startAtMs - nowMs));
  }

  #seeFlap(alert: Alert, group: Group, nowMs: number): void {
    const { flapDamping } = group.route.options;
    if (flapDamping === undefined) return;
    let flaps = this.#flapsByRoute.get(group.route);
    if (flaps === undefined) this.#flapsByRoute.set(group.route, (flaps = new FlapMemory(flapDamping)));
    // An end that came by itself is seen late: at the next firing.
    if (group.alertsByFingerprint.get(alert.fingerprint)?.isResolvedAt(nowMs) === true) flaps.see(alert.fingerprint, false, nowMs);
    flaps.see(alert.fingerprint, !alert.isResolvedAt(nowMs), nowMs);
  }

  /** Whether its end is to be told: the route may want to wait whether it lasts. */
  #isOver(alert: Alert, { route }: Group, nowMs: number): boolean {
    const { resolveDelayMs } = route.options;
    if (!alert.isResolvedAt(nowMs - resolveDelayMs)) return false;
    const flaps = this.#flapsByRoute.get(route);
    if (flaps === undefined) return true;
    flaps.see(alert.fingerprint, false, nowMs);
    return !flaps.isFlapping(alert.fingerprint, nowMs);
  }

  /** All alerts of the former dispatcher are in: its groups are no longer asked for. */
  forgetPrevious(): void {
    this.#previous = undefined;
  }

  /** The group of the same labels under the same route, if that route keeps the same times. */
  groupLike(route: Route, labels: Labels): Group | undefined {
    for (const [known, groups] of this.#groupsByRoute) {
      if (known.id !== route.id) continue;
      const { groupWaitMs, groupIntervalMs } = known.options;
      if (groupWaitMs !== route.options.groupWaitMs || groupIntervalMs !== route.options.groupIntervalMs) return undefined;
      return groups.get(labels.key());
    }
    return undefined;
  }

  #arm(group: Group, delayMs: number): void {
    group.timer?.cancel();
    group.dueAtMs = this.#options.clock.now() + delayMs;
    group.timer = this.#options.clock.setTimer(delayMs, () => this.#tick(group));
  }

  #tick(group: Group): void {
    if (this.#stopping.signal.aborted) return;
    // A timer may fire in the last fraction of the millisecond before its time; an interval is never shorter than itself.
    const nowMs = Math.max(this.#options.clock.now(), group.dueAtMs);
    this.#arm(group, group.route.options.groupIntervalMs);
    if (group.isFlushing) {
      group.isDue = true;
      return;
    }
    const run = this.#flush(group, nowMs).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #flush(group: Group, tickMs: number): Promise<void> {
    group.isFlushing = true;
    group.hasFlushed = true;
    let nowMs = tickMs;
    do {
      group.isDue = false;
      await this.#flushOnce(group, nowMs);
      nowMs = this.#options.clock.now();
    } while (group.isDue && !this.#stopping.signal.aborted);
    group.isFlushing = false;
  }

  async #flushOnce(group: Group, nowMs: number): Promise<void> {
    const { clock, flush, peerWaitMs, turns } = this.#options;
    const turn = turns?.wait();
    if (turn !== undefined) await turn;
    const snapshot = group.sorted();
    if (snapshot.length === 0) return;
    const timeout = new AbortController();
    const limitMs = Math.max(group.route.options.groupIntervalMs, minFlushMs) + (peerWaitMs?.() ?? 0);
    const timer = clock.setTimer(limitMs, () => timeout.abort(new FlushTimeout('the flush took longer than its interval')));
    const alerts = snapshot.map((alert) => (this.#isOver(alert, group, nowMs) ? alert : alert.withoutEnd()));
    const signal = AbortSignal.any([timeout.signal, this.#stopping.signal]);
    // Each integration of the receiver listens, and a receiver may have many.
    setMaxListeners(0, signal);
    const isTold = await flush({ group, alerts, nowMs, signal });
    timer.cancel();
    if (!isTold) return;
    for (const alert of snapshot) {
      // One that changed meanwhile (fired again) stays: it has something new to tell.
      if (this.#isOver(alert, group, nowMs) && group.alertsByFingerprint.get(alert.fingerprint) === alert) group.remove(alert);
    }
  }

  #armMaintenance(): void {
    const { clock, maintenanceIntervalMs = 30_000 } = this.#options;
    this.#maintenance = clock.setTimer(maintenanceIntervalMs, () => {
      this.#dropEmptyGroups();
      for (const flaps of this.#flapsByRoute.values()) flaps.forget(clock.now());
      this.#armMaintenance();
    });
  }

  #dropEmptyGroups(): void {
    for (const groups of this.#groupsByRoute.values()) {
      for (const [key, group] of groups) {
        if (group.alertsByFingerprint.size > 0 || group.isFlushing) continue;
        group.timer?.cancel();
        group.isDropped = true;
        groups.delete(key);
        this.#groupCount--;
      }
    }
  }

  /** Cancels flushes that run, and resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#maintenance?.cancel();
    for (const group of this.groups()) group.timer?.cancel();
    await Promise.allSettled(this.#running);
  }
}
