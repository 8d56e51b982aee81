/** The query endpoints (prometheus-server.md §6.2). */
import type { Queryable } from '@pronoia/model';
import { astToJson, type Engine, type ParseOptions, prettyExpr, QueryError, type QueryOptions, type QueryResult } from '@pronoia/promql';
import { type Clock, CodedError } from '@pronoia/server';
import { errors } from '../errors.ts';
import { type ApiAnswer, type ApiRequest, type ApiRoute, badParameter, badRequest, JsonSlices } from './answer.ts';
import { queryExemplars, type SelectExemplars } from './exemplars.ts';
import { durationParameter, exprParameter, limitParameter, timeParameter } from './parameters.ts';
import { encodeQueryData } from './query-json.ts';

export interface QueryDeps {
  readonly clock: Clock;
  readonly engine: () => Engine;
  readonly queryable: () => Queryable;
  readonly exemplars: SelectExemplars;
  readonly parseOptions: ParseOptions;
  /** Whether `stats=all` may ask for figures per step. */
  readonly perStepStats: boolean;
}

/** So many points a series may have; dashboards ask for as many as there are pixels. */
const maxPoints = 11_000;

export function queryRoutes(deps: QueryDeps): ApiRoute[] {
  const methods = ['GET', 'POST'] as const;
  return [
    { methods, path: '/query', handle: (request) => instantQuery(deps, request) },
    { methods, path: '/query_range', handle: (request) => rangeQuery(deps, request) },
    { methods, path: '/query_exemplars', handle: (request) => queryExemplars(deps.exemplars, deps.parseOptions, request) },
    { methods, path: '/format_query', handle: ({ params }) => ({ data: prettyExpr(exprParameter(params, deps.parseOptions)) }) },
    { methods, path: '/parse_query', handle: ({ params }) => ({ data: astToJson(exprParameter(params, deps.parseOptions)) }) },
  ];
}

async function instantQuery(deps: QueryDeps, { params, signal }: ApiRequest): Promise<ApiAnswer> {
  const limit = limitParameter(params);
  const tMs = timeParameter(params, 'time', deps.clock.now());
  const options = queryOptions(deps, params, limit);
  return answerOf(params, await run(() => deps.engine().instant(deps.queryable(), params.get('query') ?? '', tMs, options, signal)));
}

async function rangeQuery(deps: QueryDeps, { params, signal }: ApiRequest): Promise<ApiAnswer> {
  const limit = limitParameter(params);
  const startMs = timeParameter(params, 'start');
  const endMs = timeParameter(params, 'end');
  if (endMs < startMs) throw badParameter('end', 'end timestamp must not be before start time');
  const stepMs = durationParameter(params, 'step');
  if (stepMs === undefined) throw badParameter('step', 'cannot parse "" to a valid duration');
  if (!(stepMs > 0)) throw badParameter('step', 'zero or negative query resolution step widths are not accepted. Try a positive integer');
  if (Math.floor((endMs - startMs) / stepMs) > maxPoints) {
    throw badRequest('exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)');
  }
  const options = queryOptions(deps, params, limit);
  return answerOf(
    params,
    await run(() =>
      deps.engine().range(deps.queryable(), params.get('query') ?? '', startMs, endMs, Math.max(1, Math.trunc(stepMs)), options, signal),
    ),
  );
}

function queryOptions(deps: QueryDeps, params: URLSearchParams, limit: number): QueryOptions {
  const timeoutMs = durationParameter(params, 'timeout');
  const lookbackMs = durationParameter(params, 'lookback_delta');
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(lookbackMs === undefined ? {} : { lookbackMs: Math.trunc(lookbackMs) }),
    ...(limit === 0 ? {} : { limit }),
    ...(deps.perStepStats && params.get('stats') === 'all' ? { perStepStats: true } : {}),
  };
}

function answerOf(params: URLSearchParams, result: QueryResult): ApiAnswer {
  const stats = params.get('stats') ? result.stats : undefined;
  return { data: new JsonSlices(() => encodeQueryData(result.value, stats)), warnings: result.warnings, infos: result.infos };
}

async function run(evaluate: () => Promise<QueryResult>): Promise<QueryResult> {
  try {
    return await evaluate();
  } catch (error) {
    throw toApiError(error);
  }
}

/** What the engine refuses, in the API's words. */
function toApiError(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  if (!(error instanceof QueryError)) return error;
  const reason = error.errorType === 'bad_data' ? `invalid parameter "query": ${error.message}` : error.message;
  return errors.fail(error.errorType, { reason }, error);
}
