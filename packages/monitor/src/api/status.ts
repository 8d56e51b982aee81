/** What the server says about itself (prometheus-server.md §6.6). */
import { hostname } from 'node:os';
import type { Clock } from '@pronoia/server';
import type { HeadStatistics } from '@pronoia/tsdb';
import { version } from '../version.ts';
import type { ApiRoute } from './answer.ts';
import { badParameter } from './answer.ts';
import { goTime } from './go-time.ts';

export interface StatusDeps {
  readonly clock: Clock;
  readonly startedAtMs: number;
  readonly configYaml: () => string;
  /** All flags as they are in effect. */
  readonly flags: Readonly<Record<string, string>>;
  readonly lastReload: () => { readonly succeeded: boolean; readonly atMs: number };
  readonly retention: string;
  readonly head: (limit: number) => HeadStatistics;
  readonly walReplay: () => { readonly min: number; readonly max: number; readonly current: number };
}

export function statusRoutes(deps: StatusDeps): ApiRoute[] {
  const methods = ['GET'] as const;
  return [
    { methods, path: '/status/config', handle: () => ({ data: { yaml: deps.configYaml() } }) },
    { methods, path: '/status/flags', handle: () => ({ data: deps.flags }) },
    { methods, path: '/status/runtimeinfo', handle: () => ({ data: runtimeInfo(deps) }) },
    { methods, path: '/status/buildinfo', handle: () => ({ data: buildInfo }) },
    { methods, path: '/status/tsdb', handle: ({ params }) => ({ data: describeHead(deps.head(headLimit(params))) }) },
    { methods, path: '/status/walreplay', handle: () => ({ data: deps.walReplay() }) },
  ];
}

const buildInfo = { version, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: `node ${process.version}` };

function runtimeInfo(deps: StatusDeps): object {
  const { succeeded, atMs } = deps.lastReload();
  return {
    startTime: goTime(deps.startedAtMs),
    CWD: process.cwd(),
    hostname: hostname(),
    serverTime: goTime(deps.clock.now()),
    reloadConfigSuccess: succeeded,
    lastConfigTime: goTime(atMs),
    corruptionCount: 0,
    // Go's words for what has no counterpart here; dashboards expect the keys.
    goroutineCount: 0,
    GOMAXPROCS: 1,
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: deps.retention,
  };
}

function headLimit(params: URLSearchParams): number {
  const text = params.get('limit') ?? '';
  if (text === '') return 10;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw badParameter('limit', 'limit must be a positive number');
  if (limit > 10_000) throw badParameter('limit', 'limit must not exceed 10000');
  return limit;
}

function describeHead(head: HeadStatistics): object {
  return {
    headStats: {
      numSeries: head.numSeries,
      numLabelPairs: head.numLabelPairs,
      chunkCount: head.chunkCount,
      // What an empty head says in the original: the bounds of its integers.
      minTime: head.minMs ?? Number.MAX_SAFE_INTEGER,
      maxTime: head.maxMs ?? Number.MIN_SAFE_INTEGER,
    },
    seriesCountByMetricName: head.seriesCountByMetricName,
    labelValueCountByLabelName: head.labelValueCountByLabelName,
    memoryInBytesByLabelName: head.memoryInBytesByLabelName,
    seriesCountByLabelValuePair: head.seriesCountByLabelValuePair,
    // The original has no counterpart: who makes new series all the time.
    seriesCreatedByMetricName: head.seriesCreatedByMetricName,
    seriesCreatedByJob: head.seriesCreatedByJob,
  };
}
