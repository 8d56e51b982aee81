/** GET and POST /api/v2/alerts, GET /api/v2/alerts/groups. */
import { compareBytes, createMatcher, Labels, type Matcher } from '@pronoia/model';
import { Alert, apiTime, momentAt, readTime, zeroMoment } from '../alert.ts';
import type { Group } from '../dispatcher.ts';
import type { AlertStatus } from '../engine.ts';
import { type AlertMatcher, isValidName, type MatcherMode, matchesAll } from '../matcher.ts';
import { type ApiContext, booleanParameter, filterParameter, InvalidRequest, listParameter, type Query, Refusal } from './context.ts';

/** Text of the answer, in pieces of moderate size: the whole may be tens of megabytes. */
export type Pieces = Generator<string, void, undefined>;

export function getAlerts(query: Query, context: ApiContext): Pieces {
  const { engine, store, clock } = context;
  const filter = alertFilter(query, context);
  const nowMs = clock.now();
  const { root } = engine;
  const isWanted = (alert: Alert): boolean => !alert.isResolvedAt(nowMs) && matchesAll(filter.matchers, alert.labels);
  // A filter leaves few: those are sorted by themselves.
  const candidates = filter.matchers.length === 0 ? store.sorted().filter(isWanted) : [];
  if (filter.matchers.length > 0) {
    for (const alert of store.all()) if (isWanted(alert)) candidates.push(alert);
    candidates.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  }
  // The rest is worked out while the answer is written, a piece at a time: other requests come in between.
  return arrayOf(candidates, (alert) => {
    const receivers = root.match(alert.labels).map((route) => route.options.receiver);
    if (!filter.acceptsReceivers(receivers)) return undefined;
    const status = engine.statusOf(alert, nowMs);
    return filter.acceptsStatus(status) ? alertJson(alert, status, [], receivers) : undefined;
  });
}

export function getGroups(query: Query, context: ApiContext, routeLabelsOf: (group: Group) => Readonly<Record<string, string>>): Pieces {
  const { engine, clock } = context;
  const filter = alertFilter(query, context);
  const showsMuted = booleanParameter(query, 'muted');
  const nowMs = clock.now();
  const found: { group: Group; alerts: { alert: Alert; status: AlertStatus }[] }[] = [];
  for (const group of engine.groups()) {
    if (!filter.acceptsReceivers([group.route.options.receiver])) continue;
    if (!showsMuted && group.mutedBy.length > 0) continue;
    const alerts: { alert: Alert; status: AlertStatus }[] = [];
    for (const alert of group.alertsByFingerprint.values()) {
      if (alert.isResolvedAt(nowMs) || !matchesAll(filter.matchers, alert.labels)) continue;
      const status = engine.statusOf(alert, nowMs);
      if (filter.acceptsStatus(status)) alerts.push({ alert, status });
    }
    if (alerts.length === 0) continue;
    alerts.sort((a, b) => (a.alert.fingerprint < b.alert.fingerprint ? -1 : 1));
    found.push({ group, alerts });
  }
  found.sort(
    (a, b) =>
      Labels.compare(a.group.labels, b.group.labels) || compareBytes(a.group.route.options.receiver, b.group.route.options.receiver),
  );
  return arrayOf(found, ({ group, alerts }) => {
    const list = alerts.map(({ alert, status }) =>
      alertJson(
        alert,
        status,
        group.mutedBy,
        engine.root.match(alert.labels).map((route) => route.options.receiver),
      ),
    );
    const receiver = JSON.stringify({ name: group.route.options.receiver });
    return `{"alerts":[${list.join(',')}],"labels":${JSON.stringify(group.labels.toObject())},"receiver":${receiver},"routeLabels":${JSON.stringify(routeLabelsOf(group))}}`;
  });
}

const pieceLength = 64 * 1024;

/** A JSON list; undefined leaves an item out. */
function* arrayOf<T>(items: readonly T[], toJson: (item: T) => string | undefined): Pieces {
  let piece = '[';
  let separator = '';
  for (const item of items) {
    const json = toJson(item);
    if (json === undefined) continue;
    piece += separator + json;
    separator = ',';
    if (piece.length >= pieceLength) {
      yield piece;
      piece = '';
    }
  }
  yield `${piece}]\n`;
}

/** Members in the original's order. */
function alertJson(
  alert: Alert,
  { inhibitedBy, silencedBy }: AlertStatus,
  mutedBy: readonly string[],
  receivers: readonly string[],
): string {
  const state = inhibitedBy.length + silencedBy.length + mutedBy.length > 0 ? 'suppressed' : 'active';
  const status = `{"inhibitedBy":${JSON.stringify(inhibitedBy)},"mutedBy":${JSON.stringify(mutedBy)},"silencedBy":${JSON.stringify(silencedBy)},"state":"${state}"}`;
  const generator = alert.generatorUrl === '' ? '' : `,"generatorURL":${JSON.stringify(alert.generatorUrl)}`;
  const names = receivers.map((name) => `{"name":${JSON.stringify(name)}}`).join(',');
  return `{"annotations":${pairsJson(alert.annotations)},"endsAt":"${apiTime(alert.endsAt)}","fingerprint":"${alert.fingerprint}","receivers":[${names}],"startsAt":"${apiTime(alert.startsAt)}","status":${status},"updatedAt":"${apiTime(alert.updatedAt)}"${generator},"labels":${pairsJson(alert.labels)}}`;
}

function pairsJson({ pairs }: Labels): string {
  let text = '{';
  for (let i = 0; i < pairs.length; i += 2) text += `${i === 0 ? '' : ','}${JSON.stringify(pairs[i])}:${JSON.stringify(pairs[i + 1])}`;
  return `${text}}`;
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

/** Stores the valid ones. Throws a Refusal that lists what was wrong with the others. */
export function postAlerts(body: unknown, context: ApiContext, resolveTimeoutMs: number): void {
  const { store, clock, metrics, mode } = context;
  const nowMs = clock.now();
  const alerts: Alert[] = [];
  const problems: string[] = [];
  const counts = { firing: 0, resolved: 0 };
  for (const posted of readBody(body)) {
    const alert = makeAlert(posted, nowMs, resolveTimeoutMs);
    counts[alert.isResolvedAt(nowMs) ? 'resolved' : 'firing']++;
    const problem = problemOf(alert, posted, mode);
    if (problem === undefined) alerts.push(alert);
    else problems.push(problem);
  }
  metrics.received.inc({ status: 'firing', version: 'v2' }, counts.firing);
  metrics.received.inc({ status: 'resolved', version: 'v2' }, counts.resolved);
  metrics.invalid.inc({ version: 'v2' }, problems.length);
  const startedAt = clock.monotonic();
  const dropped = store.put(alerts, nowMs);
  if (dropped > 0) metrics.limited.inc(dropped);
  metrics.processing.observe((clock.monotonic() - startedAt) / 1000);
  if (problems.length > 0) throw new Refusal(400, problems.join('\n'));
}

interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string | undefined;
  readonly endsAt: string | undefined;
  readonly generatorUrl: string;
}

function readBody(body: unknown): PostedAlert[] {
  if (body === undefined || body === null) throw new InvalidRequest(422, 602, 'alerts in body is required');
  if (!Array.isArray(body)) throw badJson(`expected a list of alerts, found ${kindOf(body)}`);
  return body.map((one: unknown, i) => {
    if (one === null || typeof one !== 'object' || Array.isArray(one))
      throw badJson(`alert ${i}: expected an object, found ${kindOf(one)}`);
    const { labels, annotations, startsAt, endsAt, generatorURL } = one as Record<string, unknown>;
    if (labels === undefined || labels === null) throw new InvalidRequest(422, 602, `${i}.labels in body is required`);
    const url = textMember(generatorURL, i, 'generatorURL');
    if (url !== undefined && url !== '' && !isUri(url))
      throw new InvalidRequest(422, 601, `${i}.generatorURL in body must be of type uri: ${JSON.stringify(url)}`);
    return {
      labels: textMap(labels, i, 'labels'),
      annotations: annotations === undefined || annotations === null ? {} : textMap(annotations, i, 'annotations'),
      startsAt: textMember(startsAt, i, 'startsAt'),
      endsAt: textMember(endsAt, i, 'endsAt'),
      generatorUrl: url ?? '',
    };
  });
}

function badJson(reason: string): InvalidRequest {
  return new InvalidRequest(400, 400, `parsing alerts body from "" failed, because ${reason}`);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function textMember(value: unknown, i: number, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw badJson(`alert ${i}: ${name} must be a string, found ${kindOf(value)}`);
  return value;
}

function textMap(value: unknown, i: number, name: string): Readonly<Record<string, string>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw badJson(`alert ${i}: ${name} must be an object of strings, found ${kindOf(value)}`);
  for (const [key, inner] of Object.entries(value))
    if (typeof inner !== 'string') throw badJson(`alert ${i}: ${name}.${key} must be a string, found ${kindOf(inner)}`);
  return value as Readonly<Record<string, string>>;
}

/** Go's url.ParseRequestURI: absolute, or a path. */
function isUri(text: string): boolean {
  return text.startsWith('/') || /^[a-zA-Z][a-zA-Z0-9+.-]*:[^\s]/.test(text);
}

function makeAlert(posted: PostedAlert, nowMs: number, resolveTimeoutMs: number): Alert {
  const given = (text: string | undefined, name: string) => {
    if (text === undefined || text === '') return undefined;
    const time = readTime(text);
    if (time === undefined) throw badJson(`parsing time ${JSON.stringify(text)}: ${name} must look like 2006-01-02T15:04:05Z`);
    return time.unixMs === zeroMoment.unixMs ? undefined : time;
  };
  const now = momentAt(nowMs);
  const endsAt = given(posted.endsAt, 'endsAt');
  return new Alert({
    labels: Labels.from(posted.labels),
    annotations: sortedPairs(posted.annotations),
    startsAt: given(posted.startsAt, 'startsAt') ?? endsAt ?? now,
    endsAt: endsAt ?? momentAt(nowMs + resolveTimeoutMs),
    generatorUrl: posted.generatorUrl,
    updatedAt: now,
    isTimeout: endsAt === undefined,
  });
}

/** Keeps empty values, unlike labels. */
function sortedPairs(record: Readonly<Record<string, string>>): Labels {
  const names = Object.keys(record).sort(compareBytes);
  return Labels.fromSorted(names.flatMap((name) => [name, record[name] as string]));
}

function problemOf(alert: Alert, posted: PostedAlert, mode: MatcherMode): string | undefined {
  if (alert.labels.size === 0) return 'at least one label pair required';
  for (const [name, value] of alert.labels) {
    if (!isValidName(name, mode)) return `invalid label set: invalid name ${JSON.stringify(name)}`;
    if (!value.isWellFormed()) return `invalid label set: invalid value ${JSON.stringify(value)}`;
  }
  for (const name of Object.keys(posted.annotations))
    if (!isValidName(name, mode)) return `invalid annotations: invalid name ${JSON.stringify(name)}`;
  return alert.endsAt.unixMs < alert.startsAt.unixMs ? 'start time must be before end time' : undefined;
}
