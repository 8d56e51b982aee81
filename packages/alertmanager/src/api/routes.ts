/** API v2 on the HTTP server: paths, bodies, status codes, the two shapes of an error. */
import { Readable } from 'node:stream';
import { type HttpError, principalOf } from '@pronoia/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Acknowledgements } from '../acknowledgement.ts';
import type { Group } from '../dispatcher.ts';
import { fail } from '../errors.ts';
import type { HistoryLog } from '../history/log.ts';
import type { NotificationLog } from '../nflog.ts';
import type { Templates } from '../notify/template.ts';
import { version } from '../version.ts';
import { acknowledge, getAcknowledgements, withdraw } from './acknowledge.ts';
import { getAlerts, getGroups, type Pieces, postAlerts, receiverFilter } from './alerts.ts';
import { type ApiContext, InvalidRequest, type Query, Refusal } from './context.ts';
import { dryRun } from './dry-run.ts';
import { explainAlert } from './explain.ts';
import { readHistoryQuery, streamHistory } from './history.ts';
import { testReceiver } from './receiver-test.ts';
import { renderTemplate } from './render.ts';
import { deleteSilence, getSilence, getSilences, postSilence } from './silences.ts';

export interface ApiOptions {
  readonly context: ApiContext;
  readonly notificationLog: NotificationLog;
  readonly acknowledgements: Acknowledgements;
  /** Of the running configuration. */
  readonly templates: () => Templates;
  /** Undefined: none is kept. */
  readonly history: HistoryLog | undefined;
  readonly routeLabelsOf: (group: Group) => Readonly<Record<string, string>>;
  /** GETs answered at the same time; more are sent away. */
  readonly getConcurrency: number;
}

const api = '/api/v2';
const alertsPath = `${api}/alerts`;

/** The framework's shape, for createHttp. */
export function formatApiError(error: HttpError, request: FastifyRequest): { contentType: string; body: string } {
  const message = error.code === 'not_found' ? `path ${request.url.split('?', 1)[0]} was not found` : error.message;
  return { contentType: 'application/json', body: `${JSON.stringify({ code: error.status, message })}\n` };
}

export function addApiRoutes(
  app: FastifyInstance,
  { context, notificationLog, acknowledgements, history, templates, routeLabelsOf, getConcurrency }: ApiOptions,
): void {
  // An empty body is an absent one: the handlers say what is missing.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    // Alerts come in tens of thousands: their reader takes the bytes as they are.
    if (request.routeOptions.url === alertsPath) return done(null, body);
    const text = body.toString();
    if (text.trim() === '') return done(null, undefined);
    try {
      return done(null, JSON.parse(text) as unknown);
    } catch (error) {
      return done(fail('bad_json', { reason: (error as Error).message }), undefined);
    }
  });
  limitReads(app, context, getConcurrency);
  const handle = (work: (request: FastifyRequest, reply: FastifyReply) => unknown) => (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('cache-control', 'no-store').header('access-control-allow-origin', '*');
    try {
      const answer = work(request, reply);
      if (answer === undefined) return reply.code(200).send();
      if (isPieces(answer)) return reply.type('application/json').send(streamOf(answer));
      return reply.type('application/json').send(`${JSON.stringify(answer)}\n`);
    } catch (error) {
      return refuse(error, reply);
    }
  };
  const handleLater = (work: (request: FastifyRequest) => Promise<unknown>) => async (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('cache-control', 'no-store').header('access-control-allow-origin', '*');
    try {
      const answer = await work(request);
      if (answer === undefined) return await reply.code(200).send();
      return await reply.type('application/json').send(`${JSON.stringify(answer)}\n`);
    } catch (error) {
      return refuse(error, reply);
    }
  };
  const query = (request: FastifyRequest): Query => request.query as Query;
  const id = (request: FastifyRequest): string => (request.params as { id: string }).id;

  app.get(
    `${api}/status`,
    handle(() => status(context)),
  );
  app.get(
    `${api}/receivers`,
    handle((request) => receivers(query(request), context)),
  );
  app.get(
    alertsPath,
    handle((request) => getAlerts(query(request), context)),
  );
  app.post(
    alertsPath,
    handleLater((request) => postAlerts(request.body, context, context.engine.config.global.resolve_timeout)),
  );
  app.get(
    `${api}/alerts/groups`,
    handle((request) => getGroups(query(request), context, routeLabelsOf)),
  );
  app.get(
    `${api}/silences`,
    handle((request) => getSilences(query(request), context)),
  );
  app.post(
    `${api}/silences`,
    handleLater((request) => postSilence(request.body, principalOf(request), context)),
  );
  app.get(
    `${api}/silence/:id`,
    handle((request) => getSilence(id(request), context)),
  );
  app.delete(
    `${api}/silence/:id`,
    handleLater((request) => deleteSilence(id(request), principalOf(request), context)),
  );
  app.get(
    `${api}/alerts/:id/explain`,
    handleLater((request) => explainAlert(id(request), context, { notificationLog, acknowledgements, history })),
  );
  app.post(
    `${api}/alerts/:id/acknowledge`,
    handle((request) => acknowledge(id(request), request.body, principalOf(request), acknowledgements, context)),
  );
  app.delete(
    `${api}/alerts/:id/acknowledge`,
    handle((request) => withdraw(id(request), acknowledgements, context)),
  );
  app.get(`${api}/history`, (request, reply) => {
    reply.header('cache-control', 'no-store').header('access-control-allow-origin', '*');
    try {
      if (history === undefined) throw new Refusal(404, 'no history is kept: --history.retention=0');
      const stream = streamHistory(history, readHistoryQuery(query(request), context.mode));
      return reply.type('application/json').send(stream);
    } catch (error) {
      return refuse(error, reply);
    }
  });
  app.get(
    `${api}/acknowledgements`,
    handle(() => getAcknowledgements(acknowledgements, context)),
  );
  app.post(
    `${api}/templates/render`,
    handle((request) => renderTemplate(request.body, templates(), context)),
  );
  app.post(
    `${api}/config/dry-run`,
    handleLater((request) => dryRun(request.body, context)),
  );
  app.post(`${api}/receivers/test`, async (request, reply) => {
    reply.header('cache-control', 'no-store');
    try {
      return await reply.type('application/json').send(`${JSON.stringify(await testReceiver(request.body, context))}\n`);
    } catch (error) {
      return refuse(error, reply);
    }
  });
  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    app.route({
      method,
      url: '/api/v1/*',
      handler: (_request, reply) =>
        reply
          .code(410)
          .type('application/json')
          .send(`${JSON.stringify({ status: 'deprecated', error: 'The Alertmanager v1 API was removed; use /api/v2' })}\n`),
    });
  }
}

/** One piece in a turn of the loop: the reader of a large answer delays nobody. */
function streamOf(pieces: Pieces): Readable {
  const next = (stream: Readable): void => {
    if (stream.destroyed) return;
    try {
      const { done, value } = pieces.next();
      if (done === true) stream.push(null);
      else if (value === '') setImmediate(next, stream);
      else stream.push(value);
    } catch (error) {
      stream.destroy(error as Error);
    }
  };
  return new Readable({
    highWaterMark: 1,
    read() {
      setImmediate(next, this);
    },
  });
}

function isPieces(answer: unknown): answer is Pieces {
  return typeof answer === 'object' && answer !== null && Symbol.iterator in answer && !Array.isArray(answer);
}

function refuse(error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof Refusal)
    return reply
      .code(error.status)
      .type('application/json')
      .send(`${JSON.stringify(error.message)}\n`);
  if (error instanceof InvalidRequest)
    return reply
      .code(error.status)
      .type('application/json')
      .send(`${JSON.stringify({ code: error.code, message: error.message })}\n`);
  throw error;
}

/** Reads can be large: so many at once, the others are told to come back. */
function limitReads(app: FastifyInstance, { metrics }: ApiContext, limit: number): void {
  let running = 0;
  const counted = new WeakSet<FastifyRequest>();
  metrics.requestsInFlight.set({ method: 'get' }, 0);
  metrics.concurrencyExceeded.inc({ method: 'get' }, 0);
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method !== 'GET' || !request.url.includes('/api/')) return done();
    if (running >= limit) {
      metrics.concurrencyExceeded.inc({ method: 'get' }, 1);
      void reply
        .code(503)
        .type('text/plain; charset=utf-8')
        .send(`Limit of concurrent GET requests reached (${limit}), try again later.\n`);
      return undefined;
    }
    running++;
    counted.add(request);
    metrics.requestsInFlight.set({ method: 'get' }, running);
    return done();
  });
  const release = (request: FastifyRequest): void => {
    if (!counted.delete(request)) return;
    running--;
    metrics.requestsInFlight.set({ method: 'get' }, running);
  };
  app.addHook('onRequestAbort', (request, done) => {
    release(request);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    release(request);
    const handler = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    metrics.requestDuration.observe(
      { handler, method: request.method.toLowerCase(), code: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
    done();
  });
}

function status({ cluster, engine, startedAtMs }: ApiContext): object {
  return {
    cluster: { ...(cluster.name === undefined ? {} : { name: cluster.name }), peers: cluster.peers, status: cluster.status },
    config: { original: engine.config.original },
    uptime: new Date(startedAtMs).toISOString(),
    versionInfo: { branch: '', buildDate: '', buildUser: '', goVersion: '', revision: '', version },
  };
}

function receivers(query: Query, context: ApiContext): object[] {
  const wanted = receiverFilter(query, context);
  return [...context.engine.receivers.values()]
    .filter(({ name }) => wanted === undefined || wanted.has(name))
    .map(({ name, labels }) => ({ labels, name }));
}
