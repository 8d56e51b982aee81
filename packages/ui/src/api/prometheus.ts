/** The Prometheus HTTP API as the page uses it (prometheus.io/docs, HTTP API; shapes only, no caching here). */
import { fetchJson } from './fetch-json.ts';

interface Envelope<T> {
  readonly status: 'success' | 'error';
  readonly data: T;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

export type LabelSet = Readonly<Record<string, string>>;
/** Unix seconds and the number's text. */
export type Point = readonly [number, string];

export type QueryValue =
  | { readonly resultType: 'vector'; readonly result: readonly { readonly metric: LabelSet; readonly value?: Point }[] }
  | { readonly resultType: 'matrix'; readonly result: readonly MatrixSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Point };

export interface MatrixSeries {
  readonly metric: LabelSet;
  readonly values?: readonly Point[];
}

export interface Answer<T> {
  readonly data: T;
  readonly notes: readonly string[];
}

async function ask<T>(path: string, parameters: Record<string, string>, signal?: AbortSignal): Promise<Answer<T>> {
  const query = new URLSearchParams(parameters).toString();
  const envelope = await fetchJson<Envelope<T>>(`/api/v1/${path}${query === '' ? '' : `?${query}`}`, signal);
  return { data: envelope.data, notes: [...(envelope.warnings ?? []), ...(envelope.infos ?? [])] };
}

export function queryInstant(query: string, signal?: AbortSignal): Promise<Answer<QueryValue>> {
  return ask('query', { query }, signal);
}

/** Times and step in seconds. */
export async function queryRange(
  query: string,
  range: { readonly start: number; readonly end: number; readonly step: number },
  signal?: AbortSignal,
): Promise<Answer<readonly MatrixSeries[]>> {
  const answer = await ask<QueryValue>(
    'query_range',
    { query, start: String(range.start), end: String(range.end), step: String(range.step) },
    signal,
  );
  return { data: answer.data.resultType === 'matrix' ? answer.data.result : [], notes: answer.notes };
}

export interface Alert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly state: 'pending' | 'firing' | 'inactive';
  readonly activeAt?: string;
  readonly value: string;
}

export interface Rule {
  readonly type: 'alerting' | 'recording';
  readonly name: string;
  readonly query: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state?: 'pending' | 'firing' | 'inactive';
  /** Seconds. */
  readonly duration?: number;
  readonly annotations?: LabelSet;
  readonly alerts?: readonly Alert[];
}

export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  /** Seconds. */
  readonly interval: number;
  readonly rules: readonly Rule[];
}

export async function alerts(signal?: AbortSignal): Promise<readonly Alert[]> {
  return (await ask<{ alerts: readonly Alert[] }>('alerts', {}, signal)).data.alerts;
}

export async function rules(signal?: AbortSignal): Promise<readonly RuleGroup[]> {
  return (await ask<{ groups: readonly RuleGroup[] }>('rules', {}, signal)).data.groups;
}

export interface ScrapeTarget {
  readonly labels: LabelSet;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
  readonly lastScrape: string;
  /** Seconds. */
  readonly lastScrapeDuration: number;
}

export async function targets(signal?: AbortSignal): Promise<readonly ScrapeTarget[]> {
  return (await ask<{ activeTargets: readonly ScrapeTarget[] }>('targets', { state: 'active' }, signal)).data.activeTargets;
}
