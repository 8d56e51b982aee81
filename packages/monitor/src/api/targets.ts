/** Targets, what they say about their metrics, and Alertmanagers (prometheus-server.md §6.3, §6.4). */
import { formatDuration, type Labels, type Matcher } from '@pronoia/model';
import { parseSelector } from '@pronoia/promql';
import type { Notifier } from '../notifier/manager.ts';
import type { FamilyMetadata } from '../scrape/cache.ts';
import type { ScrapeLoop } from '../scrape/loop.ts';
import type { ScrapeManager } from '../scrape/manager.ts';
import type { ScrapePool } from '../scrape/pool.ts';
import { type ApiAnswer, type ApiRequest, type ApiRoute, badParameter } from './answer.ts';
import { goTime } from './go-time.ts';
import { metadataLimit } from './parameters.ts';

export interface TargetsDeps {
  readonly scrape: ScrapeManager;
  readonly notifier: Notifier;
  readonly externalUrl: () => string;
}

export function targetRoutes(deps: TargetsDeps): ApiRoute[] {
  const methods = ['GET'] as const;
  return [
    { methods, path: '/targets', handle: (request) => listTargets(deps, request) },
    { methods, path: '/scrape_pools', handle: () => ({ data: { scrapePools: deps.scrape.pools.map(({ config }) => config.job_name) } }) },
    { methods, path: '/targets/metadata', handle: (request) => listTargetMetadata(deps, request) },
    { methods, path: '/metadata', handle: (request) => listMetadata(deps, request) },
    {
      methods,
      path: '/alertmanagers',
      handle: () => ({
        data: {
          activeAlertmanagers: deps.notifier.activeUrls.map((url) => ({ url })),
          droppedAlertmanagers: deps.notifier.droppedUrls.map((url) => ({ url })),
        },
      }),
    },
  ];
}

function listTargets(deps: TargetsDeps, { params }: ApiRequest): ApiAnswer {
  const state = (params.get('state') ?? 'any').toLowerCase();
  const wanted = params.get('scrapePool') ?? '';
  const pools = deps.scrape.pools.filter(({ config }) => wanted === '' || config.job_name === wanted);
  const showsActive = state === 'any' || state === '' || state === 'active';
  const showsDropped = state === 'any' || state === '' || state === 'dropped';
  return {
    data: {
      activeTargets: showsActive ? pools.flatMap((pool) => pool.loops.map((loop) => describeTarget(pool, loop, deps.externalUrl()))) : [],
      droppedTargets: showsDropped
        ? pools.flatMap(({ config, dropped }) =>
            dropped.kept.map((labels) => ({ discoveredLabels: labels.toObject(), scrapePool: config.job_name })),
          )
        : [],
      droppedTargetCounts: Object.fromEntries(pools.map(({ config, dropped }) => [config.job_name, dropped.count])),
    },
  };
}

function describeTarget(pool: ScrapePool, { target, health }: ScrapeLoop, externalUrl: string): object {
  return {
    discoveredLabels: target.discoveredLabels.toObject(),
    labels: target.labels.toObject(),
    scrapePool: pool.config.job_name,
    scrapeUrl: target.url,
    globalUrl: globalUrl(target.url, externalUrl),
    lastError: health.lastError,
    lastScrape: goTime(health.lastScrapeMs),
    lastScrapeDuration: health.lastDurationSeconds,
    health: health.health,
    scrapeInterval: formatDuration(target.intervalMs),
    scrapeTimeout: formatDuration(target.timeoutMs),
  };
}

/** As others reach it: what is local to us is under our own outside name. */
function globalUrl(scrapeUrl: string, externalUrl: string): string {
  const url = new URL(scrapeUrl);
  if (!['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) return scrapeUrl;
  const outside = new URL(externalUrl);
  if (url.port === outside.port) url.protocol = outside.protocol;
  url.hostname = outside.hostname;
  return url.href;
}

function* metadataOf(deps: TargetsDeps): Generator<{ labels: Labels; family: string; metadata: FamilyMetadata }> {
  for (const pool of deps.scrape.pools) {
    for (const { target, cache } of pool.loops) {
      for (const [family, metadata] of cache.metadata) yield { labels: target.labels, family, metadata };
    }
  }
}

function listTargetMetadata(deps: TargetsDeps, { params }: ApiRequest): ApiAnswer {
  const limit = metadataLimit(params, 'limit');
  const metric = params.get('metric') ?? '';
  const matchers = targetMatchers(params);
  const data: object[] = [];
  for (const { labels, family, metadata } of metadataOf(deps)) {
    if (limit > 0 && data.length >= limit) break;
    if (metric !== '' && family !== metric) continue;
    if (!matchers.every((matcher) => matcher.matches(labels.get(matcher.name)))) continue;
    const { type, help, unit } = metadata;
    data.push({ target: labels.toObject(), ...(metric === '' ? { metric: family } : {}), type, help, unit });
  }
  return { data };
}

function targetMatchers(params: URLSearchParams): readonly Matcher[] {
  const text = params.get('match_target') ?? '';
  if (text === '') return [];
  const parsed = parseSelector(text);
  if (parsed.kind === 'error') throw badParameter('match_target', parsed.errors[0]?.text ?? 'not a selector');
  return parsed.matchers;
}

function listMetadata(deps: TargetsDeps, { params }: ApiRequest): ApiAnswer {
  const limit = metadataLimit(params, 'limit');
  const perMetric = metadataLimit(params, 'limit_per_metric');
  const metric = params.get('metric') ?? '';
  const byFamily = new Map<string, Map<string, object>>();
  for (const { family, metadata } of metadataOf(deps)) {
    if (metric !== '' && family !== metric) continue;
    let known = byFamily.get(family);
    if (known === undefined) {
      if (limit > 0 && byFamily.size >= limit) continue;
      known = new Map();
      byFamily.set(family, known);
    }
    if (perMetric > 0 && known.size >= perMetric) continue;
    const { type, help, unit } = metadata;
    known.set(JSON.stringify([type, help, unit]), { type, unit, help });
  }
  return { data: Object.fromEntries([...byFamily].map(([family, known]) => [family, [...known.values()]])) };
}
