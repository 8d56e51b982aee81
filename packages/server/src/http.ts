/**
 * An HTTP server as all of ours are: health, readiness, metrics, one error envelope, bodies with limits, and a stop that ends
 * every connection. Rooms add their routes to the fastify instance; a handler that throws a CodedError has answered.
 */
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { parse } from 'node:querystring';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { Counter, Histogram, type Registry } from '@pronoia/client';
import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify';
import { CodedError, defineErrors } from './errors.ts';
import type { Logger } from './log.ts';
import { portTakenMessage } from './port-owner.ts';
import { WebGuard } from './web-guard.ts';

/** What a refused or failed request tells its client. */
export interface HttpError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export interface HttpOptions {
  readonly log: Logger;
  readonly registry: Registry;
  /** Asked by `/-/ready`: true, or false, or the reason why not. Default: always ready. */
  readonly isReady?: () => boolean | string;
  /** Larger bodies are answered 413. Default 8 MiB. */
  readonly bodyLimitBytes?: number;
  /** All paths begin with this (`/prometheus`); default none. */
  readonly routePrefix?: string;
  /** The error envelope of an API; default `{"status":"error","code":…,"error":message}`. */
  readonly formatError?: (error: HttpError, request: FastifyRequest) => { contentType: string; body: string };
  /** `prometheus_` makes `prometheus_http_requests_total`; default `pronoia_`. */
  readonly metricPrefix?: string;
  /** Who `/-/healthy` says is healthy; default `Pronoia`. */
  readonly serverName?: string;
  /** Answers of 1 KiB and more are gzipped for clients that accept it; default false. Streams are never touched. */
  readonly compress?: boolean;
  /** TLS, users, headers: a file in the format of Prometheus' exporter toolkit. Throws when it cannot be used. None or '': none of these. */
  readonly webConfigFile?: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The flag that moves the port, for the message when it is taken. */
  readonly flag: string;
  /** Further addresses for the same application. */
  readonly more?: readonly { readonly host: string; readonly port: number }[];
  /** Sockets that are open already, as systemd hands them over; then no address is opened. */
  readonly descriptors?: readonly number[];
}

/** A server that runs. */
export interface Running {
  /** Without a trailing slash; a wildcard host appears as 127.0.0.1. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const errors = defineErrors({
  port_taken: { status: 500, message: portTakenMessage },
  cannot_listen: {
    status: 500,
    message: (f: { host: string; port: number; flag: string; reason: string }) =>
      `cannot listen on ${f.host}:${f.port} (${f.flag}): ${f.reason}`,
  },
});

const require = createRequire(import.meta.url);
const made = new WeakMap<FastifyInstance, { log: Logger; guard: WebGuard | undefined }>();
const text = 'text/plain; charset=utf-8';
/** Long queries travel in URLs; Node's 16 KiB is too small for them. */
const maxHeaderBytes = 128 * 1024;

export function createHttp(options: HttpOptions): FastifyInstance {
  // fastify is loaded with the first server: programs that import this package for its flags pay nothing.
  const { fastify } = require('fastify') as typeof import('fastify');
  const prefix = (options.routePrefix ?? '').replace(/\/+$/, '');
  const guard =
    options.webConfigFile === undefined || options.webConfigFile === '' ? undefined : new WebGuard(options.webConfigFile, options.log);
  const settings: FastifyHttpOptions<RawServerDefault> = {
    bodyLimit: options.bodyLimitBytes ?? 8 * 1024 * 1024,
    forceCloseConnections: true,
    // By default fastify drops unknown properties in silence; a refused field must be said.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
    http: { maxHeaderSize: maxHeaderBytes },
    ...(guard?.isTls === true ? { serverFactory: (handler) => guard.createServer(handler, { maxHeaderBytes }) } : {}),
    routerOptions: {
      ignoreTrailingSlash: false,
      maxParamLength: 4096,
      // Repeated keys become arrays (`match[]=a&match[]=b`).
      querystringParser: (query) => parse(query, '&', '=', { maxKeys: 0 }),
      onBadUrl: (path, _request, response) => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ status: 'error', code: 'bad_url', error: `the path ${path} is not a valid URL path` }));
      },
    },
    ...(prefix === '' ? {} : { rewriteUrl: (request) => stripPrefix(request.url ?? '/', prefix) }),
  };
  const app = fastify(settings) as unknown as FastifyInstance;
  made.set(app, { log: options.log, guard });
  guard?.addTo(app);

  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, parse(body as string, '&', '=', { maxKeys: 0 }));
  });
  if (options.compress === true) compressAnswers(app);
  measureRequests(app, options);
  answerErrors(app, options);
  addHealth(app, options);
  return app;
}

function stripPrefix(url: string, prefix: string): string {
  if (url === prefix) return '/';
  return url.startsWith(`${prefix}/`) || url.startsWith(`${prefix}?`)
    ? url.slice(prefix.length).replace(/^\?/, '/?')
    : '/-/outside-route-prefix';
}

const compressFrom = 1024;
const gzipAsync = promisify(gzip);

/** Level 1: on a local network the higher ones cost more time than they save. Streams are left alone. */
function compressAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    if (payload.length < compressFrom || reply.hasHeader('content-encoding')) return payload;
    reply.header('vary', [reply.getHeader('vary'), 'Accept-Encoding'].filter(Boolean).join(', '));
    if (!/(?:^|,)\s*(?:gzip|\*)\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))/i.test(request.headers['accept-encoding'] ?? '')) return payload;
    reply.header('content-encoding', 'gzip').removeHeader('content-length');
    return gzipAsync(payload, { level: constants.Z_BEST_SPEED });
  });
}

/** Labels have few values: `handler` is the route's pattern, never the path that was asked for. */
function measureRequests(app: FastifyInstance, options: HttpOptions): void {
  const name = options.metricPrefix ?? 'pronoia_';
  const requests = new Counter({
    name: `${name}http_requests_total`,
    help: 'HTTP requests answered, by route and status.',
    labelNames: ['handler', 'code'],
    registers: [options.registry],
  });
  const durations = new Histogram({
    name: `${name}http_request_duration_seconds`,
    help: 'Time from the request to the end of its answer.',
    labelNames: ['handler'],
    buckets: [0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120],
    registers: [options.registry],
  });
  app.addHook('onResponse', (request, reply, done) => {
    const handler = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    requests.inc({ handler, code: String(reply.statusCode) }, 1);
    durations.observe({ handler }, reply.elapsedTime / 1000);
    done();
  });
}

function answerErrors(app: FastifyInstance, options: HttpOptions): void {
  const format =
    options.formatError ??
    ((error: HttpError) => ({
      contentType: 'application/json',
      body: JSON.stringify({ status: 'error', code: error.code, error: error.message }),
    }));
  const answer = (error: HttpError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { contentType, body } = format(error, request);
    return reply.code(error.status).header('content-type', contentType).send(body);
  };

  app.setErrorHandler((error: Error & { code?: unknown; statusCode?: number; validation?: unknown }, request, reply) => {
    if (error instanceof CodedError) {
      if (error.status >= 500) options.log.error({ err: error, method: request.method, path: pathOf(request) }, 'Request failed');
      return answer({ status: error.status, code: error.code, message: error.message }, request, reply);
    }
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) {
      const code = typeof error.code === 'string' ? (clientCodes[error.code] ?? 'bad_request') : 'bad_request';
      return answer({ status, code, message: error.message }, request, reply);
    }
    options.log.error({ err: error, method: request.method, path: pathOf(request) }, 'Request failed');
    return answer({ status: 500, code: 'internal', message: error.message || 'internal error' }, request, reply);
  });

  // fastify answers 404 for a known path with another method; 405 with Allow says more.
  const methodsByPattern = new Map<string, { matches: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', (route) => {
    const known = methodsByPattern.get(route.url) ?? { matches: patternOf(route.url), methods: new Set<string>() };
    for (const method of [route.method].flat()) known.methods.add(method);
    methodsByPattern.set(route.url, known);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const allowed = new Set<string>();
    for (const { matches, methods } of methodsByPattern.values()) if (matches.test(path)) for (const method of methods) allowed.add(method);
    if (allowed.size > 0) {
      const allow = [...allowed].sort().join(', ');
      reply.header('allow', allow);
      return answer(
        { status: 405, code: 'method_not_allowed', message: `${request.method} is not allowed here; use ${allow}` },
        request,
        reply,
      );
    }
    return answer({ status: 404, code: 'not_found', message: `there is nothing at ${request.method} ${path}` }, request, reply);
  });
}

const clientCodes: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'bad_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'bad_json',
  FST_ERR_VALIDATION: 'bad_request',
};

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] as string;
}

/** `/a/:id/*` as a regular expression over paths. */
function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')))
    .join('/');
  return new RegExp(`^${source}$`);
}

function addHealth(app: FastifyInstance, options: HttpOptions): void {
  const name = options.serverName ?? 'Pronoia';
  app.get('/-/healthy', (_request, reply) => reply.type(text).send(`${name} is Healthy.\n`));
  app.get('/-/ready', (_request, reply) => {
    const ready = options.isReady?.() ?? true;
    if (ready === true) return reply.type(text).send(`${name} is Ready.\n`);
    return reply
      .code(503)
      .type(text)
      .send(`${typeof ready === 'string' ? ready : 'Service Unavailable'}\n`);
  });
  app.get('/metrics', async (_request, reply) => {
    const body = await options.registry.metrics();
    return reply.header('content-type', options.registry.contentType).send(body);
  });
}

/**
 * Opens the port. Throws CodedError `port_taken` (which port, by whom if /proc tells, which flag moves it) or `cannot_listen`.
 * `stop` ends all connections, streams too, and resolves when the port is free.
 */
export async function listen(app: FastifyInstance, options: ListenOptions): Promise<Running> {
  const { host, port, flag, more = [], descriptors = [] } = options;
  const { log, guard } = made.get(app) ?? {};
  const [first, ...rest] = descriptors.length > 0 ? descriptors.map((fd) => ({ fd, host, port })) : [{ host, port }, ...more];
  const others: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([app.close(), ...others.map(closeServer)]);
  };
  let at = { host, port };
  try {
    await app.listen(first ?? at);
    log?.info({ address: addressOf(app.server).text }, 'Listening on');
    for (const address of rest) {
      at = address;
      const handler: Parameters<typeof createServer>[1] = (request, response) => app.routing(request, response);
      const server = guard?.createServer(handler, { maxHeaderBytes }) ?? createServer({ maxHeaderSize: maxHeaderBytes }, handler);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(address, resolve);
      });
      others.push(server);
      log?.info({ address: addressOf(server).text }, 'Listening on');
    }
  } catch (error) {
    await stop();
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw errors.fail('port_taken', { ...at, flag }, error);
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw errors.fail('cannot_listen', { ...at, flag, reason: (error as Error).message }, error);
    }
    throw error;
  }
  const bound = addressOf(app.server);
  const reachable = bound.host === '0.0.0.0' || bound.host === '[::]' ? '127.0.0.1' : bound.host;
  const scheme = guard?.isTls === true ? 'https' : 'http';
  return { url: `${scheme}://${reachable}:${bound.port}`, port: bound.port, stop };
}

function addressOf(server: Server): { host: string; port: number; text: string } {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`BUG: a TCP server listens on ${String(address)}`);
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { host, port: address.port, text: `${host}:${address.port}` };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Sockets that systemd opened for this process (sd_listen_fds(3)): descriptors from 3 on. Empty when there are none. */
export function systemdSockets(env: NodeJS.ProcessEnv = process.env): readonly number[] {
  const count = Number(env['LISTEN_FDS']);
  if (env['LISTEN_PID'] !== String(process.pid) || !Number.isInteger(count) || count < 1) return [];
  return Array.from({ length: count }, (_, i) => 3 + i);
}
