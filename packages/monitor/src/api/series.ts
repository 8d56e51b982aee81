/** Which series, label names and label values there are (prometheus-server.md §6.3). */
import { compareBytes, Labels, type Querier, type Queryable } from '@pronoia/model';
import { type ApiAnswer, type ApiRequest, type ApiRoute, badRequest, JsonSlices } from './answer.ts';
import { limitParameter, matchParameters, rangeParameters, truncate } from './parameters.ts';
import { encodeLabels } from './query-json.ts';

export interface SeriesDeps {
  readonly queryable: () => Queryable;
}

export function seriesRoutes(deps: SeriesDeps): ApiRoute[] {
  const both = ['GET', 'POST'] as const;
  return [
    { methods: both, path: '/series', handle: (request) => withQuerier(deps, request, findSeries) },
    { methods: both, path: '/labels', handle: (request) => withQuerier(deps, request, findLabelNames) },
    { methods: ['GET'], path: '/label/:name/values', handle: (request) => withQuerier(deps, request, findLabelValues) },
  ];
}

type Find = (querier: Querier, request: ApiRequest, range: { startMs: number; endMs: number }) => Promise<ApiAnswer>;

async function withQuerier(deps: SeriesDeps, request: ApiRequest, find: Find): Promise<ApiAnswer> {
  const range = rangeParameters(request.params);
  if (range.endMs < range.startMs) return await find(nothing, request, range);
  const querier = deps.queryable().querier(range.startMs, range.endMs);
  try {
    return await find(querier, request, range);
  } finally {
    querier.close();
  }
}

/** Between times that are the wrong way round. */
const nothing: Querier = {
  select: () => Promise.resolve({ series: [], warnings: [] }),
  labelNames: () => Promise.resolve([]),
  labelValues: () => Promise.resolve([]),
  close: () => undefined,
};

const findSeries: Find = async (querier, { params, signal }, { startMs, endMs }) => {
  if (params.getAll('match[]').length === 0) throw badRequest('no match[] parameter provided');
  const limit = limitParameter(params);
  const labelsByKey = new Map<string, Labels>();
  const warnings: string[] = [];
  for (const matchers of matchParameters(params)) {
    // One more than asked, to know whether there are more.
    const hints = { startMs, endMs, func: 'series', labelsOnly: true, ...(limit === 0 ? {} : { limit: limit + 1 }) };
    const found = await querier.select(matchers, hints, signal);
    warnings.push(...found.warnings);
    for (const { labels } of found.series) labelsByKey.set(labels.key(), labels);
  }
  const sorted = [...labelsByKey.values()].sort((a, b) => Labels.compare(a, b));
  const cut = truncate(sorted, limit);
  return { data: new JsonSlices(() => listInSlices(cut.items, encodeLabels)), warnings: [...warnings, ...cut.warnings] };
};

const findLabelNames: Find = (querier, request) =>
  unionOf(request, (matchers, limit) => querier.labelNames(matchers, limit, request.signal));

const findLabelValues: Find = (querier, request) => {
  const name = unescapeLabelName(request.path.name ?? '');
  if (name === '' || /\p{Surrogate}/u.test(name)) throw badRequest(`invalid label name: "${name}"`);
  return unionOf(request, (matchers, limit) => querier.labelValues(name, matchers, limit, request.signal));
};

async function unionOf(
  { params }: ApiRequest,
  find: (matchers: Parameters<Querier['labelNames']>[0], limit: number) => Promise<string[]>,
): Promise<ApiAnswer> {
  const limit = limitParameter(params);
  const selectors = matchParameters(params, badRequest);
  const asked = limit === 0 ? 0 : limit + 1;
  const lists = await Promise.all((selectors.length === 0 ? [[]] : selectors).map((matchers) => find(matchers, asked)));
  const all = lists.length === 1 ? (lists[0] as string[]) : [...new Set(lists.flat())].sort(compareBytes);
  const cut = truncate(all, limit);
  return { data: new JsonSlices(() => listInSlices(cut.items, JSON.stringify)), warnings: cut.warnings };
}

function* listInSlices<T>(items: readonly T[], encode: (item: T) => string): Generator<string> {
  let slice = '[';
  for (let i = 0; i < items.length; i++) {
    slice += i === 0 ? encode(items[i] as T) : `,${encode(items[i] as T)}`;
    if (slice.length < 128 * 1024) continue;
    yield slice;
    slice = '';
  }
  yield `${slice}]`;
}

/** `U__a_2e_b` is `a.b`: any UTF-8 name in characters that paths and old clients take (prometheus-server.md §5.7). */
export function unescapeLabelName(text: string): string {
  if (!text.startsWith('U__')) return text;
  const body = text.slice(3);
  const valid = /^(?:[^_]|__|_[0-9A-Fa-f]{1,6}_)*$/.test(body);
  if (!valid) return text;
  return body.replace(/__|_([0-9A-Fa-f]{1,6})_/g, (token, code) => {
    if (token === '__') return '_';
    const point = Number.parseInt(code as string, 16);
    return point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
  });
}
