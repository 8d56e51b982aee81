/** The legacy JSON endpoints (mesos.md §6): what web pages, exporters and command-line tools of the original read. */
import type { QuotaConfig } from '@pronoia/mesos';
import type { Verbosity } from '@pronoia/server';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { buildInfo } from './build-info.ts';
import type { Conductor } from './conductor.ts';
import { leaderLocation, type Standing } from './leadership.ts';
import { maintenanceStatus } from './maintenance.ts';
import { parseDurationText } from './options.ts';
import { quotaInfo } from './quota-calls.ts';
import { refuse, respondEmpty, respondLegacy, respondLegacyBuffers, respondText } from './respond.ts';
import { addRoute } from './routes.ts';
import { type Action, type Authorize, allowAll } from './security/acls.ts';
import { principalOf } from './security/authentication.ts';
import { visibleState } from './security/visible.ts';
import { inSlices, SharedAnswer } from './slices.ts';
import { metricsSnapshot, type RegistrarFacts } from './snapshot.ts';
import type { MasterState } from './state.ts';
import { explainFramework, explainTask } from './views/explain.ts';
import { agentsView, frameworksView, rolesView, summaryView, tasksView } from './views/legacy-views.ts';
import { stateText } from './views/state-text.ts';

type Query = Readonly<Record<string, unknown>>;

/** The first value of a query parameter that may be repeated. */
function parameter(query: unknown, name: string): string | undefined {
  const value = (query as Query)[name];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

export function addLegacyApi(
  app: FastifyInstance,
  conductor: Conductor,
  options: {
    flags: Readonly<Record<string, string>>;
    now: () => number;
    standing: () => Standing;
    registrar: () => RegistrarFacts;
    monotonic: () => number;
    authorize: Authorize;
    verbosity: Verbosity;
  },
): void {
  const { flags, authorize } = options;
  const seen = (request: FastifyRequest): MasterState => visibleState(conductor.state, { authorize, principal: principalOf(request) });
  const mayView = (request: FastifyRequest, action: Action, object?: string): boolean => authorize(action, principalOf(request), object);
  const quotas = (request: FastifyRequest): QuotaConfig[] =>
    [...conductor.state.quotas.values()].filter(({ role }) => mayView(request, 'get_quotas', role));

  // Pages and monitors ask again and again; while nothing changes the same text is the answer.
  let shown: { readonly version: number; readonly buffers: Promise<Buffer[]> } | undefined;
  const shared = new SharedAnswer(() => stateText(conductor.state, buildInfo, flags), options.monotonic);
  addRoute(app, 'GET', '/state', async (request, reply) => {
    if (authorize !== allowAll) {
      const pieces = stateText(seen(request), buildInfo, mayView(request, 'view_flags') ? flags : {});
      return respondLegacyBuffers(request, reply, await inSlices(pieces, options.monotonic));
    }
    if (shown?.version === conductor.version) conductor.state.counters.add('master/http_cache_hits');
    else shown = { version: conductor.version, buffers: shared.get() };
    const made = shown.buffers;
    const buffers = await made.catch((error: unknown) => {
      if (shown?.buffers === made) shown = undefined;
      throw error;
    });
    // A large text is not worth its memory until the next question.
    if (buffers.length > 200) shown = undefined;
    return respondLegacyBuffers(request, reply, buffers);
  });
  addRoute(app, 'GET', '/state-summary', (request, reply) => respondLegacy(request, reply, summaryView(seen(request), flags['cluster'])));
  addRoute(app, 'GET', '/slaves', (request, reply) =>
    respondLegacy(request, reply, agentsView(seen(request), parameter(request.query, 'slave_id'))),
  );
  addRoute(app, 'GET', '/frameworks', (request, reply) =>
    respondLegacy(request, reply, frameworksView(seen(request), parameter(request.query, 'framework_id'))),
  );
  addRoute(app, 'GET', '/tasks', (request, reply) => {
    const limit = integer(parameter(request.query, 'limit'), 100);
    const offset = integer(parameter(request.query, 'offset'), 0);
    const order = parameter(request.query, 'order') ?? 'desc';
    if (limit === undefined || limit < -1)
      return refuse(reply, 400, "Failed to parse query parameter 'limit': expected an integer of at least -1");
    if (offset === undefined || offset < 0)
      return refuse(reply, 400, "Failed to parse query parameter 'offset': expected a non-negative integer");
    const view = tasksView(seen(request), {
      limit,
      offset,
      order: order === 'asc' ? 'asc' : 'desc',
      frameworkId: parameter(request.query, 'framework_id'),
      taskId: parameter(request.query, 'task_id'),
    });
    return respondLegacy(request, reply, view);
  });
  addRoute(app, 'GET', '/roles', (request, reply) => respondLegacy(request, reply, rolesView(seen(request))));
  addRoute(app, 'GET', '/weights', (request, reply) =>
    respondLegacy(
      request,
      reply,
      [...conductor.state.weights].filter(([role]) => mayView(request, 'view_roles', role)).map(([role, weight]) => ({ role, weight })),
    ),
  );
  addRoute(app, 'GET', '/quota', (request, reply) =>
    respondLegacy(request, reply, {
      infos: quotas(request).map(quotaInfo),
      configs: quotas(request),
    }),
  );
  addRoute(app, 'GET', '/maintenance/schedule', (request, reply) =>
    respondLegacy(request, reply, { windows: conductor.state.schedule.windows ?? [] }),
  );
  addRoute(app, 'GET', '/maintenance/status', (request, reply) => respondLegacy(request, reply, maintenanceStatus(conductor.state)));
  addRoute(app, 'GET', '/flags', (request, reply) =>
    mayView(request, 'view_flags') ? respondLegacy(request, reply, { flags }) : refuse(reply, 403, 'Not authorized to view flags'),
  );
  addRoute(app, 'GET', '/health', (_request, reply) => respondEmpty(reply, 200));
  addRoute(app, 'GET', '/version', (request, reply) => respondLegacy(request, reply, buildInfo));
  addRoute(app, 'GET', '/redirect', (_request, reply) => {
    const standing = options.standing();
    if (standing.kind === 'leaderless') return refuse(reply, 503, 'No leading master is known');
    const leader = standing.kind === 'following' ? standing.leader : conductor.state.info;
    return reply.code(307).header('location', leaderLocation(leader)).send();
  });
  addRoute(app, 'GET', '/logging/toggle', (request, reply) => {
    const level = parameter(request.query, 'level');
    const duration = parameter(request.query, 'duration');
    if (!mayView(request, 'get_endpoints', '/logging/toggle')) return refuse(reply, 403, 'Not authorized to see /logging/toggle');
    if (level === undefined && duration === undefined) return respondText(reply, `${options.verbosity.level}\n`);
    if (level === undefined) return refuse(reply, 400, "Expecting 'level=value' in query");
    if (duration === undefined) return refuse(reply, 400, "Expecting 'duration=value' in query");
    const durationMs = parseDurationText(duration);
    if (!/^\d{1,3}$/.test(level)) return refuse(reply, 400, `Invalid level '${level}': expecting a number that is not negative`);
    if (durationMs === undefined) return refuse(reply, 400, `Invalid duration '${duration}': expecting one such as 15mins`);
    options.verbosity.set(Number(level), durationMs);
    return respondEmpty(reply, 200);
  });
  addRoute(app, 'GET', '/metrics/snapshot', (request, reply) => {
    if (!mayView(request, 'get_endpoints', '/metrics/snapshot')) return refuse(reply, 403, 'Not authorized to see /metrics/snapshot');
    return respondLegacy(
      request,
      reply,
      metricsSnapshot(conductor.state, options.now(), {
        timings: conductor.timings,
        isLeading: options.standing().kind === 'leading',
        registrar: options.registrar(),
      }),
    );
  });
  addRoute(app, 'GET', '/system/stats.json', (request, reply) => {
    const values = metricsSnapshot(conductor.state, options.now());
    return respondLegacy(request, reply, {
      avg_load_1min: values['system/load_1min'],
      avg_load_5min: values['system/load_5min'],
      avg_load_15min: values['system/load_15min'],
      cpus_total: values['system/cpus_total'],
      mem_total_bytes: values['system/mem_total_bytes'],
      mem_free_bytes: values['system/mem_free_bytes'],
    });
  });
  // The file space is empty: the master logs to its standard error.
  for (const path of ['/files/browse', '/files/read', '/files/download']) {
    app.get(path, (request, reply) => {
      const wanted = parameter(request.query, 'path');
      return wanted === undefined ? refuse(reply, 400, "Expecting 'path=value' in query") : refuse(reply, 404, `'${wanted}' is not found`);
    });
  }
  app.get('/files/debug', (request, reply) => respondLegacy(request, reply, {}));
  addRoute(app, 'GET', '/explain', (request, reply) => {
    const framework = parameter(request.query, 'framework');
    const task = parameter(request.query, 'task');
    if ((framework === undefined) === (task === undefined))
      return refuse(reply, 400, "Expecting one of the query parameters 'framework' and 'task'");
    if (task !== undefined) {
      const explanations = explainTask(seen(request), task);
      return explanations.length === 0
        ? refuse(reply, 404, `No task with ID ${task} is known`)
        : respondLegacy(request, reply, { explanations });
    }
    const explanation = explainFramework(seen(request), framework ?? '', options.now());
    if (explanation === undefined) return refuse(reply, 404, `No framework with ID or name ${framework} is known`);
    return respondLegacy(request, reply, { explanations: [explanation] });
  });
}

function integer(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}
