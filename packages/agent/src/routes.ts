/** The agent's HTTP endpoints, each also under `/slave(1)` (mesos.md §1.1). Parse, call one function, answer; nothing else. */
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Agent } from './agent.ts';
import { stringify } from './checkpoint.ts';
import { parseDuration } from './duration-text.ts';
import { errors } from './errors.ts';
import type { SandboxFiles } from './files.ts';
import { addOperatorApi, type OperatorApiDeps } from './operator-api.ts';
import { containersJson, stateJson, statisticsJson, VERSION } from './state.ts';
import type { ContainerStatistics } from './statistics.ts';

export interface RouteDeps extends OperatorApiDeps {
  readonly agent: Agent;
  readonly files: SandboxFiles;
  readonly statistics: ContainerStatistics;
  readonly masterHostname: () => string | undefined;
}

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export function addRoutes(app: FastifyInstance, deps: RouteDeps): void {
  // `deps.agent` is asked for at each request: while the agent recovers there is none, and the answer is 503.
  const { files, statistics } = deps;

  const get = (path: string, answer: (query: Query, request: FastifyRequest, reply: FastifyReply) => unknown): void => {
    for (const prefix of ['', '/slave(1)', '/slave']) {
      app.get(prefix + path, { compress: !path.startsWith('/files/download') } as object, (request, reply) =>
        answer(request.query as Query, request, reply),
      );
    }
  };
  /** JSON, or JSONP when a page asks for it. */
  const json = (path: string, value: (query: Query) => unknown): void =>
    get(path, async (query, _request, reply) => {
      const text = stringify(await value(query));
      const callback = single(query, 'jsonp');
      if (callback === undefined) return jsonReply(reply, text);
      if (!/^[\w$.[\]]{1,200}$/.test(callback))
        throw errors.fail('bad_parameter', { name: 'jsonp', reason: 'expected the name of a function' });
      return reply.type('text/javascript').send(`${callback}(${text})`);
    });

  json('/state', () => stateJson(deps.agent, deps.flags, deps.masterHostname()));
  json('/version', () => VERSION);
  json('/flags', () => ({ flags: deps.flags }));
  json('/metrics/snapshot', () => deps.snapshot());
  json('/monitor/statistics', () => statisticsJson(deps.agent, statistics));
  json('/containerizer/debug', () => ({ pending: [] }));
  json('/containers', (query) => {
    const [containerId, frameworkId, executorId] = ['container_id', 'framework_id', 'executor_id'].map((name) => single(query, name));
    if (containerId !== undefined && frameworkId !== undefined) {
      throw errors.fail('bad_parameter', { name: 'container_id', reason: 'give either container_id or framework_id' });
    }
    if (executorId !== undefined && frameworkId === undefined) {
      throw errors.fail('bad_parameter', { name: 'executor_id', reason: 'it needs framework_id beside it' });
    }
    return containersJson(deps.agent, statistics, {
      ...(containerId === undefined ? {} : { containerId }),
      ...(frameworkId === undefined ? {} : { frameworkId }),
      ...(executorId === undefined ? {} : { executorId }),
    });
  });
  json('/system/stats.json', () => {
    const [one, five, fifteen] = loadavg();
    return {
      avg_load_1min: one,
      avg_load_5min: five,
      avg_load_15min: fifteen,
      cpus_total: availableParallelism(),
      mem_total_bytes: totalmem(),
      mem_free_bytes: freemem(),
    };
  });
  get('/logging/toggle', (query, _request, reply) => {
    const level = integer(query, 'level');
    const text = single(query, 'duration');
    if (level === undefined && text === undefined) return reply.type('text/plain').send(`${deps.verbosity.level}\n`);
    if (level === undefined) throw errors.fail('bad_parameter', { name: 'level', reason: "expecting 'level=value' in the query" });
    if (text === undefined) throw errors.fail('bad_parameter', { name: 'duration', reason: "expecting 'duration=value' in the query" });
    const durationMs = parseDuration(text);
    if (level < 0) throw errors.fail('bad_parameter', { name: 'level', reason: 'expected 0 or more' });
    if (durationMs === undefined)
      throw errors.fail('bad_parameter', { name: 'duration', reason: `expected one such as 15mins, found "${text}"` });
    deps.verbosity.set(level, durationMs);
    return reply.code(200).send();
  });
  json('/files/debug', () => files.attached());
  get('/health', (_query, _request, reply) => reply.code(200).send());

  json('/files/browse', (query) => files.browse(pathOf(query)));
  json('/files/read', async (query) => {
    const offset = integer(query, 'offset');
    const length = integer(query, 'length');
    if ((offset ?? 0) < -1) throw errors.fail('bad_parameter', { name: 'offset', reason: 'expected −1 or more' });
    if ((length ?? 0) < -1) throw errors.fail('bad_parameter', { name: 'length', reason: 'expected −1 or more' });
    const read = await files.read(pathOf(query), offset, length);
    return { offset: read.offset, data: read.data.toString('utf8') };
  });
  get('/files/download', async (query, request, reply) => {
    const found = await files.download(pathOf(query), request.headers.range);
    reply.header('accept-ranges', 'bytes');
    if ('kind' in found) {
      return reply
        .code(416)
        .header('content-range', `bytes */${found.sizeBytes}`)
        .send({ status: 'error', code: 'bad_range', error: `the file has ${found.sizeBytes} bytes` });
    }
    const { range, sizeBytes } = found;
    reply
      .header('content-type', found.contentType)
      .header('content-disposition', `attachment; filename="${found.name.replace(/[^\x20-\x7e]|["\\]/g, '_')}"`)
      .header('content-length', range === undefined ? sizeBytes : range.end - range.start + 1);
    if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
    return reply.send(sizeBytes === 0 ? '' : found.open());
  });

  addOperatorApi(app, deps);
}

/** Exactly `application/json`, which clients of the original compare with: fastify adds a charset to text, not to bytes. */
const jsonReply = (reply: FastifyReply, text: string): FastifyReply =>
  reply.header('content-type', 'application/json').send(Buffer.from(text));

function single(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw errors.fail('bad_parameter', { name, reason: 'given more than once' });
}

function pathOf(query: Query): string {
  const path = single(query, 'path');
  if (path === undefined || path === '')
    throw errors.fail('bad_parameter', { name: 'path', reason: "expecting 'path=value' in the query" });
  return path;
}

function integer(query: Query, name: string): number | undefined {
  const text = single(query, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
    throw errors.fail('bad_parameter', { name, reason: `expected a whole number, found "${text}"` });
  return value;
}
