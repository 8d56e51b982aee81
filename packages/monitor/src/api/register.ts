/** Hangs the API's routes into the HTTP server: parameters in, envelope out, nothing else. */

import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';
import { type ApiRoute, encodeAnswer } from './answer.ts';

export interface RegisterOptions {
  readonly routes: readonly ApiRoute[];
  /** While false, answers are 503. Routes named here answer all the same. */
  readonly isReady: () => boolean;
  readonly alwaysReady: ReadonlySet<string>;
  readonly isStopping: () => boolean;
  /** Anchored; `.*` allows every origin by name of `*`. */
  readonly corsOrigin: { readonly pattern: string; readonly allows: (origin: string) => boolean };
}

/** Larger answers are sent while they are written. */
const streamFrom = 256 * 1024;

export function registerApi(app: FastifyInstance, options: RegisterOptions): void {
  for (const { methods, path, handle } of options.routes) {
    if (!methods.includes('GET')) refuseGet(app, path, methods);
    app.route({
      method: [...methods],
      url: `/api/v1${path}`,
      handler: async (request, reply) => {
        allowOrigin(request, reply, options);
        if (!options.isReady() && !options.alwaysReady.has(path)) return notReady(reply, options.isStopping());
        const gone = new AbortController();
        reply.raw.on('close', () => {
          if (!reply.raw.writableFinished) gone.abort();
        });
        const answer = await handle({
          params: paramsOf(request),
          path: request.params as Record<string, string>,
          signal: gone.signal,
        });
        if (answer.data === undefined) return reply.code(204).send();
        return sendSlices(request, reply, encodeAnswer(answer));
      },
    });
  }
  app.options('/api/v1/*', async (request, reply) => {
    allowOrigin(request, reply, options);
    return reply.code(204).send();
  });
}

/** Else the page would answer that there is no such file. */
function refuseGet(app: FastifyInstance, path: string, methods: readonly string[]): void {
  app.get(`/api/v1${path}`, (_request, reply) => {
    reply.header('allow', methods.join(', '));
    throw errors.fail('method_not_allowed');
  });
}

/** As long as the write-ahead log is replayed, and while we stop. */
export function notReady(reply: FastifyReply, isStopping: boolean): FastifyReply {
  return reply.code(503).header('x-prometheus-stopping', String(isStopping)).type('text/plain; charset=utf-8').send('Service Unavailable');
}

/** Query string and form body in one, repeated names kept. */
export function paramsOf(request: FastifyRequest): URLSearchParams {
  const params = new URLSearchParams();
  for (const source of [request.body, request.query]) {
    if (typeof source !== 'object' || source === null || Buffer.isBuffer(source)) continue;
    for (const [name, value] of Object.entries(source as Record<string, unknown>)) {
      for (const one of Array.isArray(value) ? value : [value]) if (typeof one === 'string') params.append(name, one);
    }
  }
  return params;
}

function allowOrigin(request: FastifyRequest, reply: FastifyReply, { corsOrigin }: RegisterOptions): void {
  reply.header('vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (corsOrigin.pattern !== '.*' && !corsOrigin.allows(origin)) return;
  reply.header('access-control-allow-origin', corsOrigin.pattern === '.*' ? '*' : origin);
  reply.header('access-control-allow-headers', 'Accept, Authorization, Content-Type, Origin');
  reply.header('access-control-allow-methods', 'GET, POST, OPTIONS');
  reply.header('access-control-expose-headers', 'Date');
}

/** Small answers whole (and compressed by the HTTP floor), large ones as a stream that breathes between slices. */
function sendSlices(request: FastifyRequest, reply: FastifyReply, slices: Generator<string | Uint8Array>): FastifyReply {
  reply.type('application/json');
  const head: Uint8Array[] = [];
  let text = '';
  let length = 0;
  while (length < streamFrom) {
    const next = slices.next();
    if (next.done) return reply.send(length === text.length ? text : Buffer.concat([...head, Buffer.from(text)]));
    length += next.value.length;
    if (typeof next.value === 'string') text += next.value;
    else {
      head.push(Buffer.from(text), next.value);
      text = '';
    }
  }
  head.push(Buffer.from(text));
  const body = Readable.from(breathing(Buffer.concat(head), slices), { objectMode: false, highWaterMark: streamFrom });
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(body);
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 });
  body.on('error', (error) => gzip.destroy(error));
  gzip.on('close', () => body.destroy());
  return reply.header('content-encoding', 'gzip').header('vary', 'Origin, Accept-Encoding').send(body.pipe(gzip));
}

async function* breathing(head: Buffer, slices: Generator<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  for (const slice of slices) {
    await setImmediate();
    yield typeof slice === 'string' ? Buffer.from(slice) : slice;
  }
}
