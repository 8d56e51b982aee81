/** GET and POST /api/v2/alerts, GET /api/v2/alerts/groups. */
import { compareBytes, createMatcher, Labels, type Matcher, type Moment, utcZone } from '@pronoia/model';
import { type Alert, apiTime } from '../alert.ts';
import type { AlertStore } from '../alert-store.ts';
import type { Group } from '../dispatcher.ts';
import type { AlertStatus } from '../engine.ts';
import { pairsJson, quote } from '../identity.ts';
import { type AlertMatcher, matchesAll } from '../matcher.ts';
import { Slice } from '../turns.ts';
import { AlertBody } from './alert-body.ts';
import { type ApiContext, booleanParameter, filterParameter, InvalidRequest, listParameter, type Query, Refusal } from './context.ts';

/** Text of the answer, in pieces of moderate size: the whole may be tens of megabytes. An empty piece only lets others have a turn. */
export type Pieces = Generator<string, void, undefined>;

export function getAlerts(query: Query, context: ApiContext): Pieces {
  const { engine, store, clock } = context;
  const filter = alertFilter(query, context);
  const nowMs = clock.now();
  const times = new TimeTexts();
  // All is worked out while the answer is written, a piece at a time.
  const isWanted = (alert: Alert): boolean => !alert.isResolvedAt(nowMs) && matchesAll(filter.matchers, alert.labels);
  // A filter leaves few: those are sorted by themselves, and the others passed in the order in which they lie in memory.
  const hasFilter = filter.matchers.length > 0;
  return arrayOf(hasFilter ? chosen(store, isWanted) : store.sorted(), (alert) => {
    if (alert === undefined || (!hasFilter && !isWanted(alert))) return undefined;
    const receivers = engine.receiversOf(alert);
    if (!filter.acceptsReceivers(receivers.names)) return undefined;
    const status = engine.statusOf(alert, nowMs);
    return filter.acceptsStatus(status) ? alertJson(alert, status, nobody, receivers.json, times) : undefined;
  });
}

/** Undefined while it looks. */
function* chosen(store: AlertStore, isWanted: (alert: Alert) => boolean): Generator<Alert | undefined, void, undefined> {
  const found: Alert[] = [];
  for (const alert of store.all()) {
    if (isWanted(alert)) found.push(alert);
    yield undefined;
  }
  yield* found.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
}

export function getGroups(query: Query, context: ApiContext, routeLabelsOf: (group: Group) => Readonly<Record<string, string>>): Pieces {
  const { engine, clock } = context;
  const filter = alertFilter(query, context);
  const showsMuted = booleanParameter(query, 'muted');
  const nowMs = clock.now();
  const times = new TimeTexts();
  const found: Group[] = [];
  for (const group of engine.groups()) {
    if (!filter.acceptsReceivers([group.route.options.receiver])) continue;
    if (showsMuted || group.mutedBy.length === 0) found.push(group);
  }
  found.sort((a, b) => Labels.compare(a.labels, b.labels) || compareBytes(a.route.options.receiver, b.route.options.receiver));
  return arrayOf(found, (group) => {
    const list: { fingerprint: string; json: string }[] = [];
    for (const alert of group.alertsByFingerprint.values()) {
      if (alert.isResolvedAt(nowMs) || !matchesAll(filter.matchers, alert.labels)) continue;
      const status = engine.statusOf(alert, nowMs);
      if (!filter.acceptsStatus(status)) continue;
      const json = alertJson(alert, status, group.mutedBy, engine.receiversOf(alert).json, times);
      list.push({ fingerprint: alert.fingerprint, json });
    }
    if (list.length === 0) return undefined;
    list.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
    const receiver = JSON.stringify({ name: group.route.options.receiver });
    return `{"alerts":[${list.map(({ json }) => json).join(',')}],"labels":${pairsJson(group.labels)},"receiver":${receiver},"routeLabels":${JSON.stringify(routeLabelsOf(group))}}`;
  });
}

const pieceLength = 128 * 1024;
/** So many items that were left out are as much work as a piece. */
const pieceItems = 10_000;

/** A JSON list; undefined leaves an item out. */
function* arrayOf<T>(items: Iterable<T>, toJson: (item: T) => string | undefined): Pieces {
  let piece = '[';
  let separator = '';
  let looked = 0;
  for (const item of items) {
    const json = toJson(item);
    looked++;
    if (json !== undefined) {
      piece += separator + json;
      separator = ',';
    }
    if (piece.length >= pieceLength || looked >= pieceItems) {
      yield piece;
      piece = '';
      looked = 0;
    }
  }
  yield `${piece}]\n`;
}

/** Times of one answer: many alerts end, and were reported, at the same moment. */
class TimeTexts {
  readonly #texts = new Map<number, string>();

  of(moment: Moment): string {
    if (moment.zone !== utcZone) return apiTime(moment);
    let text = this.#texts.get(moment.unixMs);
    if (text === undefined) {
      if (this.#texts.size >= 4096) this.#texts.clear();
      this.#texts.set(moment.unixMs, (text = apiTime(moment)));
    }
    return text;
  }
}

const nobody: readonly string[] = [];

/** Members in the original's order. Hot: labels, annotations and receivers are texts already (bench `alertmanager`). */
function alertJson(
  alert: Alert,
  { inhibitedBy, silencedBy }: AlertStatus,
  mutedBy: readonly string[],
  receiversJson: string,
  times: TimeTexts,
): string {
  const status =
    inhibitedBy.length + silencedBy.length + mutedBy.length === 0
      ? '{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"}'
      : `{"inhibitedBy":${JSON.stringify(inhibitedBy)},"mutedBy":${JSON.stringify(mutedBy)},"silencedBy":${JSON.stringify(silencedBy)},"state":"suppressed"}`;
  const generator = alert.generatorUrl === '' ? '' : `,"generatorURL":${quote(alert.generatorUrl)}`;
  const { identity } = alert;
  return `{"annotations":${alert.annotationsJson},"endsAt":"${times.of(alert.endsAt)}","fingerprint":"${identity.fingerprint}","receivers":${receiversJson},"startsAt":"${times.of(alert.startsAt)}","status":${status},"updatedAt":"${times.of(alert.updatedAt)}"${generator},"labels":${identity.labelsJson}}`;
}

interface AlertFilter {
  readonly matchers: readonly AlertMatcher[];
  readonly acceptsReceivers: (names: readonly string[]) => boolean;
  readonly acceptsStatus: (status: AlertStatus) => boolean;
}

function alertFilter(query: Query, context: ApiContext): AlertFilter {
  const matchers = filterParameter(query, context.mode);
  const receiver = receiverPattern(query);
  const receiverMatchers = receiverFilter(query, context);
  const shows = {
    active: booleanParameter(query, 'active'),
    silenced: booleanParameter(query, 'silenced'),
    inhibited: booleanParameter(query, 'inhibited'),
  };
  return {
    matchers,
    acceptsReceivers: (names) =>
      (receiver === undefined || names.some((name) => receiver.matches(name))) &&
      (receiverMatchers === undefined || names.some((name) => receiverMatchers.has(name))),
    acceptsStatus({ inhibitedBy, silencedBy }) {
      if (!shows.active && inhibitedBy.length === 0 && silencedBy.length === 0) return false;
      if (!shows.silenced && silencedBy.length > 0) return false;
      return shows.inhibited || inhibitedBy.length === 0;
    },
  };
}

function receiverPattern(query: Query): Matcher | undefined {
  const text = listParameter(query, 'receiver').at(-1);
  if (text === undefined || text === '') return undefined;
  try {
    return createMatcher('=~', 'receiver', text);
  } catch (error) {
    throw new Refusal(
      400,
      `failed to parse receiver param: ${(error as Error).message.replace(`: \`${text}\``, () => `: \`^(?:${text})$\``)}`,
    );
  }
}

/** Names of the receivers whose labels match; undefined when not asked for. */
export function receiverFilter(query: Query, { engine, mode }: ApiContext): ReadonlySet<string> | undefined {
  const texts = listParameter(query, 'receiver_matchers');
  if (texts.length === 0) return undefined;
  const matchers = filterParameter({ filter: texts }, mode);
  const names = [...engine.receivers.values()].filter(({ labels }) => matchesAll(matchers, Labels.from(labels))).map(({ name }) => name);
  return new Set(names);
}

/** Stores the valid ones. Throws a Refusal that lists what was wrong with the others, or an InvalidRequest when nothing was stored. */
export async function postAlerts(body: unknown, context: ApiContext, resolveTimeoutMs: number): Promise<void> {
  const { store, clock, metrics, mode } = context;
  if (!Buffer.isBuffer(body)) throw new InvalidRequest(422, 602, 'alerts in body is required');
  const nowMs = clock.now();
  const reader = new AlertBody(body, { store, mode, nowMs, resolveTimeoutMs });
  const slice = new Slice();
  const alerts: Alert[] = [];
  const problems: string[] = [];
  let resolvedCount = 0;
  // All is read before anything is stored: a body that breaks off half-way changes nothing.
  while (!reader.isDone) {
    const read = reader.next();
    if (read === undefined) break;
    if (read.alert.isResolvedAt(nowMs)) resolvedCount++;
    if (read.problem === undefined) alerts.push(read.alert);
    else problems.push(read.problem);
    if ((alerts.length & 31) === 0 && slice.isOver()) await slice.next();
  }
  metrics.received.inc({ status: 'firing', version: 'v2' }, alerts.length + problems.length - resolvedCount);
  metrics.received.inc({ status: 'resolved', version: 'v2' }, resolvedCount);
  if (problems.length > 0) metrics.invalid.inc({ version: 'v2' }, problems.length);
  const startedAt = clock.monotonic();
  let dropped = 0;
  for (let from = 0; from < alerts.length; from += 32) {
    dropped += store.put(alerts.slice(from, from + 32), nowMs);
    if (slice.isOver()) await slice.next();
  }
  if (dropped > 0) metrics.limited.inc(dropped);
  metrics.processing.observe((clock.monotonic() - startedAt) / 1000);
  if (problems.length > 0) throw new Refusal(400, problems.join('\n'));
}
