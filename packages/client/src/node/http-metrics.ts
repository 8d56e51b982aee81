/**
 * Measures HTTP servers: node:http, Express (and whatever calls middleware like it), Fastify. Every label is bounded: methods to the standard
 * ones, routes to the patterns that the router knows and at most `maxRoutes` of them, so that no client can fill the memory.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Gauge } from '../gauge.ts';
import { Histogram, type NativeConfiguration } from '../histogram.ts';
import { globalRegistry, type Registry } from '../registry.ts';

export interface HttpMetricsOptions {
  /** The global registry by default. */
  registry?: Registry | undefined;
  /** Goes before the metric names. */
  prefix?: string | undefined;
  buckets?: readonly number[] | undefined;
  native?: NativeConfiguration | undefined;
  /** Routes beyond this number are counted as `other`. Default 200. */
  maxRoutes?: number | undefined;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']);

/** What Express leaves in a request: where the router at hand is mounted, the route that it has found, and what the names in patterns stand for. */
interface RoutedRequest extends IncomingMessage {
  readonly baseUrl?: string;
  readonly route?: ExpressRoute | undefined;
  readonly params?: Readonly<Record<string, unknown>>;
}

interface ExpressRoute {
  readonly path?: string | RegExp | readonly (string | RegExp)[];
}

/** The part of Fastify that the plugin needs. */
export interface FastifyLike {
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void): unknown;
}

interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly routeOptions?: { readonly url?: string | undefined };
}

interface FastifyReplyLike {
  readonly raw: ServerResponse;
}

export class HttpMetrics {
  readonly #registry: Registry;
  readonly #seconds: Histogram<'method' | 'route' | 'code'>;
  readonly #inFlight: Gauge;
  readonly #routes = new Set<string>();
  readonly #maxRoutes: number;

  constructor(options: HttpMetricsOptions = {}) {
    const { prefix = '', registry = globalRegistry, buckets, native } = options;
    this.#registry = registry;
    this.#maxRoutes = options.maxRoutes ?? 200;
    this.#seconds = new Histogram({
      name: `${prefix}http_request_duration_seconds`,
      help: 'Time from the arrival of a request to the last byte of its response.',
      labelNames: ['method', 'route', 'code'],
      registers: [registry],
      buckets,
      native,
    });
    this.#inFlight = new Gauge({ name: `${prefix}http_requests_in_flight`, help: 'Requests being answered.', registers: [registry] });
  }

  /** Measures one request. `route` is asked when the response has ended, since routers decide late. */
  measure(request: IncomingMessage, response: ServerResponse, route: () => string | undefined): void {
    const startedMs = performance.now();
    this.#inFlight.inc();
    response.once('close', () => {
      this.#inFlight.dec();
      const method = METHODS.has(request.method ?? '') ? (request.method as string) : 'other';
      const code = response.writableFinished ? response.statusCode : 'aborted';
      this.#seconds.observe({ method, route: this.#bounded(route()), code }, (performance.now() - startedMs) / 1000);
    });
  }

  #bounded(route: string | undefined): string {
    if (route === undefined) return 'unmatched';
    if (!this.#routes.has(route)) {
      if (this.#routes.size >= this.#maxRoutes) return 'other';
      this.#routes.add(route);
    }
    return route;
  }

  /** A listener for `http.createServer` around another. `route` names the pattern that a request falls under; without it all are `unmatched`. */
  listener(inner: RequestListener, route: (request: IncomingMessage) => string | undefined = () => undefined): RequestListener {
    return (request, response) => {
      this.measure(request, response, () => route(request));
      inner(request, response);
    };
  }

  /** Express middleware; to be used before all routes. */
  express(): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
    return (request, response, next) => {
      this.measure(request, response, watchRoute(request));
      next();
    };
  }

  /** A Fastify plugin: `app.register(metrics.fastify())`. */
  fastify(): (app: FastifyLike, options: unknown, done: () => void) => void {
    const plugin = (app: FastifyLike, _options: unknown, done: () => void) => {
      app.addHook('onRequest', (request, reply, next) => {
        this.measure(request.raw, reply.raw, () => request.routeOptions?.url);
        next();
      });
      done();
    };
    // Fastify's own marks: the hook is for the whole application, not for a scope of its own.
    return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: '@pronoia/client' });
  }

  /** Answers scrapes: negotiates the format, compresses if asked, streams. */
  handler(): (request: IncomingMessage, response: ServerResponse) => void {
    return (request, response) => {
      answer(this.#registry, request, response).catch((error: unknown) => {
        // The scraper has gone, or a collect function failed. With the head not yet sent there is someone to tell.
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(`collecting metrics failed: ${String(error)}\n`);
      });
    };
  }
}

/**
 * The pattern of the last route that Express found. Where its router is mounted must be noted on the way: `baseUrl` is taken back as soon as a
 * handler passes on, to the application's error handler say, and the names in it (`/users/:user`) are known only while the router is entered.
 */
function watchRoute(request: RoutedRequest): () => string | undefined {
  let { route, baseUrl } = request;
  let pattern: string | undefined;
  /** Patterns by base, of the routers that the request has come through. Outside of all of them there is no base. */
  const bases = new Map<string | undefined, string>([
    [undefined, ''],
    [baseUrl, baseUrl ?? ''],
  ]);
  Object.defineProperties(request, {
    baseUrl: {
      configurable: true,
      enumerable: true,
      get: () => baseUrl,
      set: (base: string | undefined) => {
        if (!bases.has(base)) {
          const added = (base as string).slice(baseUrl?.length ?? 0);
          bases.set(base, `${bases.get(baseUrl)}${named(added, request.params ?? {})}`);
        }
        baseUrl = base;
      },
    },
    route: {
      configurable: true,
      enumerable: true,
      get: () => route,
      set: (found: ExpressRoute | undefined) => {
        route = found;
        if (found?.path !== undefined) pattern = `${bases.get(baseUrl)}${String(found.path)}`;
      },
    },
  });
  return () => pattern;
}

/** A path with the names of parameters instead of their values. */
function named(path: string, params: Readonly<Record<string, unknown>>): string {
  const nameByValue = new Map(Object.entries(params).map(([name, value]) => [value, `:${name}`]));
  const segments = path.split('/').map((segment) => nameByValue.get(decoded(segment)) ?? segment);
  return segments.join('/');
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

async function answer(registry: Registry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { contentType, body } = await registry.stream(request.headers.accept);
  const pieces = body[Symbol.asyncIterator]();
  // The first piece comes after all collect functions: what fails there can still be answered with a status.
  const first = await pieces.next();
  const isZipped = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\b)/.test(String(request.headers['accept-encoding'] ?? ''));
  response.setHeader('content-type', contentType);
  response.setHeader('vary', 'accept, accept-encoding');
  if (isZipped) response.setHeader('content-encoding', 'gzip');
  async function* all(): AsyncGenerator<Uint8Array> {
    for (let next = first; !next.done; next = await pieces.next()) yield next.value;
  }
  const source = Readable.from(all(), { objectMode: false });
  if (isZipped) await pipeline(source, createGzip({ level: 1 }), response);
  else await pipeline(source, response);
}
