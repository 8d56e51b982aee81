/**
 * The routing tree: which routes an alert takes. A node that matches hands the alert to its children in order; the first child that
 * takes it ends the search unless it says `continue`; without a taker the node itself is the route.
 */
import { type Labels, quoteGo } from '@pronoia/model';
import type { RouteConfig } from './config/config.ts';
import type { FlapDamping } from './flap.ts';
import { type AlertMatcher, matchesAll, printMatchers } from './matcher.ts';

export interface RouteOptions {
  readonly receiver: string;
  readonly groupBy: ReadonlySet<string>;
  readonly groupByAll: boolean;
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  readonly muteTimeIntervals: readonly string[];
  readonly activeTimeIntervals: readonly string[];
  /** Label → template. */
  readonly labels: Readonly<Record<string, string>>;
  /** An end is told only when it has lasted so long. */
  readonly resolveDelayMs: number;
  readonly flapDamping: FlapDamping | undefined;
  /** Receivers that are told too of what nobody has acknowledged, and after which time. */
  readonly escalate: readonly { readonly afterMs: number; readonly receiver: string }[];
}

const rootDefaults: RouteOptions = {
  receiver: '',
  groupBy: new Set(),
  groupByAll: false,
  groupWaitMs: 30_000,
  groupIntervalMs: 300_000,
  repeatIntervalMs: 4 * 3_600_000,
  muteTimeIntervals: [],
  activeTimeIntervals: [],
  labels: {},
  resolveDelayMs: 0,
  flapDamping: undefined,
  escalate: [],
};

export class Route {
  readonly options: RouteOptions;
  readonly matchers: readonly AlertMatcher[];
  readonly continues: boolean;
  readonly children: readonly Route[];
  /** The chain of matchers from the root: with the group's labels it is the group key, which outlives restarts. */
  readonly key: string;
  /** As key, but different for siblings with equal matchers. */
  readonly id: string;

  constructor(config: RouteConfig, parent: Route | undefined, index: number) {
    this.options = inherit(config, parent?.options ?? rootDefaults);
    this.matchers = config.matchers;
    this.continues = config.continue;
    const own = printMatchers(config.matchers);
    this.key = parent === undefined ? own : `${parent.key}/${own}`;
    this.id = parent === undefined ? own : `${parent.id}/${own}/${index}`;
    this.children = config.routes.map((child, i) => new Route(child, this, i));
  }

  /** The routes that an alert takes, in order; empty when this node does not match. */
  match(labels: Labels): Route[] {
    if (!matchesAll(this.matchers, labels)) return [];
    const found: Route[] = [];
    for (const child of this.children) {
      const matches = child.match(labels);
      for (const match of matches) found.push(match);
      if (matches.length > 0 && !child.continues) break;
    }
    return found.length === 0 ? [this] : found;
  }

  groupLabels(labels: Labels): Labels {
    return this.options.groupByAll ? labels : labels.only(this.options.groupBy);
  }

  /** This node and all below it. */
  *walk(): IterableIterator<Route> {
    yield this;
    for (const child of this.children) yield* child.walk();
  }
}

function inherit(config: RouteConfig, parent: RouteOptions): RouteOptions {
  const groupBy = config.group_by;
  const all = groupBy?.includes('...') ?? false;
  return {
    receiver: config.receiver === undefined || config.receiver === '' ? parent.receiver : config.receiver,
    groupBy: groupBy === undefined ? parent.groupBy : new Set(all ? [] : groupBy),
    groupByAll: groupBy === undefined ? parent.groupByAll : all,
    groupWaitMs: config.group_wait ?? parent.groupWaitMs,
    groupIntervalMs: config.group_interval ?? parent.groupIntervalMs,
    repeatIntervalMs: config.repeat_interval ?? parent.repeatIntervalMs,
    // Not inherited: a muted parent would silence what its children were written for.
    muteTimeIntervals: config.mute_time_intervals,
    activeTimeIntervals: config.active_time_intervals,
    labels: { ...parent.labels, ...config.labels },
    resolveDelayMs: config.resolve_delay ?? parent.resolveDelayMs,
    flapDamping:
      config.flap_damping === undefined ? parent.flapDamping : { flaps: config.flap_damping.flaps, withinMs: config.flap_damping.within },
    escalate: config.escalate?.map(({ after, receiver }) => ({ afterMs: after, receiver })) ?? parent.escalate,
  };
}

export function groupKey(route: Route, groupLabels: Labels): string {
  return `${route.key}:${printLabelSet(groupLabels)}`;
}

/** `{a="b", c="d"}`, names bare even when odd, values as Go quotes them. */
export function printLabelSet(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${name}=${quoteGo(value)}`).join(', ')}}`;
}
