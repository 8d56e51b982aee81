/**
 * GET /api/v2/history: what happened, newest first. Not in the original.
 *
 * `filter` (matchers of an alert's labels, as for /alerts), `fingerprint`, `receiver`, `event` (all may be repeated, and any of them counts;
 * filters must all match), `start` and `end` (RFC 3339), `limit` (1000).
 */
import { Readable } from 'node:stream';
import { Labels } from '@pronoia/model';
import { readTime } from '../alert.ts';
import type { HistoryLog, HistoryRecord, ReadRecord } from '../history/log.ts';
import { type AlertMatcher, type MatcherMode, matchesAll } from '../matcher.ts';
import { filterParameter, listParameter, type Query, Refusal } from './context.ts';

export interface HistoryQuery {
  readonly matchers: readonly AlertMatcher[];
  readonly fingerprints: readonly string[];
  readonly receivers: readonly string[];
  readonly events: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  readonly limit: number;
}

const defaultLimit = 1000;
const maxLimit = 1_000_000;

/** Throws Refusal. */
export function readHistoryQuery(query: Query, mode: MatcherMode): HistoryQuery {
  const time = (name: string, otherwise: number): number => {
    const text = listParameter(query, name).at(-1);
    if (text === undefined || text === '') return otherwise;
    const read = readTime(text);
    if (read === undefined) throw new Refusal(400, `bad ${name}: ${JSON.stringify(text)} is no time; write 2006-01-02T15:04:05Z`);
    return read.unixMs;
  };
  const limit = Number(listParameter(query, 'limit').at(-1) ?? defaultLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) throw new Refusal(400, `bad limit: a whole number from 1 to ${maxLimit}`);
  return {
    matchers: filterParameter(query, mode),
    fingerprints: listParameter(query, 'fingerprint'),
    receivers: listParameter(query, 'receiver'),
    events: listParameter(query, 'event'),
    startMs: time('start', -Infinity),
    endMs: time('end', Infinity),
    limit,
  };
}

/** An event as the API writes it; of the alerts that it names only those that were asked for. */
interface HistoryEvent {
  readonly at: string;
  readonly event: string;
  readonly alerts?: readonly { readonly fingerprint: string; readonly labels: object }[];
  readonly [field: string]: unknown;
}

export async function* findEvents(log: HistoryLog, query: HistoryQuery): AsyncIterableIterator<HistoryEvent> {
  let count = 0;
  for await (const read of log.newestFirst()) {
    const { record } = read;
    // Written as it happened, but for retries: a little out of order at most.
    if (record.atMs < query.startMs - outOfOrderMs) return;
    if (record.atMs < query.startMs || record.atMs > query.endMs || !isAskedFor(record, query)) continue;
    const event = show(read, query);
    if (event === undefined) continue;
    yield event;
    if (++count >= query.limit) return;
  }
}

const outOfOrderMs = 60_000;

function isAskedFor(record: HistoryRecord, { receivers, events }: HistoryQuery): boolean {
  if (events.length > 0 && !events.includes(record.event)) return false;
  return receivers.length === 0 || receivers.includes(String(record['receiver']));
}

function show({ record, labelsOf }: ReadRecord, { matchers, fingerprints }: HistoryQuery): HistoryEvent | undefined {
  const { atMs, event, alerts, ...rest } = record;
  const at = new Date(atMs).toISOString();
  const asksForAlerts = matchers.length > 0 || fingerprints.length > 0;
  if (alerts === undefined) return asksForAlerts ? undefined : { at, event, ...rest };
  const found = alerts
    .filter((fingerprint) => fingerprints.length === 0 || fingerprints.includes(fingerprint))
    .map((fingerprint) => ({ fingerprint, labels: labelsOf(fingerprint) }))
    .filter(({ labels }) => matchers.length === 0 || matchesAll(matchers, Labels.fromPairs(Object.entries(labels))));
  if (found.length === 0) return undefined;
  return { at, event, ...rest, alertCount: alerts.length, alerts: found };
}

export function streamHistory(log: HistoryLog, query: HistoryQuery): Readable {
  async function* text(): AsyncIterableIterator<string> {
    let separator = '[';
    for await (const event of findEvents(log, query)) {
      yield `${separator}${JSON.stringify(event)}`;
      separator = ',\n';
    }
    yield separator === '[' ? '[]\n' : ']\n';
  }
  return Readable.from(text());
}
