/** Deletion and snapshots, for those who may (prometheus-server.md §6.7). */
import type { Tsdb } from '@pronoia/tsdb';
import { errors } from '../errors.ts';
import { type ApiHandler, type ApiRoute, badParameter } from './answer.ts';
import { matchParameters, rangeParameters } from './parameters.ts';

export interface AdminDeps {
  /** --web.enable-admin-api */
  readonly isEnabled: boolean;
  readonly storage: () => Tsdb;
}

export function adminRoutes({ isEnabled, storage }: AdminDeps): ApiRoute[] {
  const methods = ['POST', 'PUT'] as const;
  const guarded = (path: string, handle: ApiHandler): ApiRoute => ({
    methods,
    path: `/admin/tsdb/${path}`,
    handle: (request) => {
      if (!isEnabled) throw errors.fail('unavailable', { reason: 'admin APIs disabled' });
      return handle(request);
    },
  });
  return [
    guarded('delete_series', async ({ params }) => {
      if (params.getAll('match[]').length === 0) throw errors.fail('bad_data', { reason: 'no match[] parameter provided' });
      const { startMs, endMs } = rangeParameters(params);
      // All are read before anything is deleted.
      for (const matchers of matchParameters(params)) await storage().deleteSeries(matchers, startMs, endMs);
      return { data: undefined };
    }),
    guarded('clean_tombstones', async () => {
      await storage().cleanTombstones();
      return { data: undefined };
    }),
    guarded('snapshot', async ({ params }) => ({ data: { name: await storage().snapshot(!skipHead(params)) } })),
  ];
}

const trueWords = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falseWords = new Set(['', '0', 'f', 'F', 'FALSE', 'false', 'False']);

function skipHead(params: URLSearchParams): boolean {
  const text = params.get('skip_head') ?? '';
  if (!trueWords.has(text) && !falseWords.has(text)) {
    const reason = `unable to parse boolean: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw badParameter('skip_head', reason);
  }
  return trueWords.has(text);
}
