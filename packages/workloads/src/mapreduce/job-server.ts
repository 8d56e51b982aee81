/** The job master's HTTP face: its attempts' protocol behind the token, and its own metrics for everybody. */
import { timingSafeEqual } from 'node:crypto';
import type { Registry } from '@pronoia/client';
import { type Clock, createHttp, type Logger, listen, type Running, sleep } from '@pronoia/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AttemptWork, DoneReport, FailureReport, FetchFailure, MapEvents, ProgressReport } from './attempt-protocol.ts';
import { errors } from './errors.ts';

/** What the server asks of the job. */
export interface JobFloor {
  /** Undefined: there is no such attempt, or it is over. */
  work(attemptId: string): AttemptWork | undefined;
  /** False: not wanted any more. */
  heard(attemptId: string, progress: number): boolean;
  mapEvents(attemptId: string, since: number): MapEvents | undefined;
  fetchFailed(attemptId: string, failure: FetchFailure): void;
  done(attemptId: string, report: DoneReport): boolean;
  failed(attemptId: string, report: FailureReport): void;
}

export interface JobServerOptions {
  readonly host: string;
  readonly token: string;
  readonly registry: Registry;
  readonly log: Logger;
  readonly clock: Clock;
  readonly floor: JobFloor;
  readonly onScrape: () => void;
}

export interface JobServer extends Running {
  /** Reducers that wait for news look again. */
  wake(): void;
}

/** How long a reducer's question for news stays open. */
const WAIT_MS = 10_000;

export async function openJobServer(options: JobServerOptions): Promise<JobServer> {
  const { floor, token, clock } = options;
  const app = createHttp({ log: options.log, registry: options.registry, serverName: 'Job', bodyLimitBytes: 64 * 1024 * 1024 });
  let news = new AbortController();
  const stopping = new AbortController();

  app.addHook('onResponse', (request, _reply, done) => {
    if (request.url.split('?')[0] === '/metrics') options.onScrape();
    done();
  });
  const expected = Buffer.from(`Bearer ${token}`);
  const check = (request: FastifyRequest, reply: FastifyReply): string | undefined => {
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return (request.params as { id: string }).id;
    void reply.code(401).send({ status: 'error', code: 'unauthorized', error: 'this needs the token of the job' });
    return undefined;
  };
  const gone = (reply: FastifyReply): FastifyReply =>
    reply.code(410).send({ status: 'error', code: 'obsolete', error: 'this attempt is not wanted any more' });

  app.get('/attempts/:id', async (request, reply) => {
    const id = check(request, reply);
    if (id === undefined) return reply;
    return floor.work(id) ?? gone(reply);
  });
  app.post('/attempts/:id/progress', async (request, reply) => {
    const id = check(request, reply);
    if (id === undefined) return reply;
    const { progress } = object<ProgressReport>(request.body);
    if (typeof progress !== 'number' || !(progress >= 0))
      throw errors.fail('bad_option', { reason: 'progress: expected a number from 0 to 1' });
    return floor.heard(id, progress) ? reply.code(204).send() : gone(reply);
  });
  app.get('/attempts/:id/maps', async (request, reply) => {
    const id = check(request, reply);
    if (id === undefined) return reply;
    const since = Number((request.query as { since?: unknown }).since ?? 0);
    if (!Number.isSafeInteger(since) || since < 0) throw errors.fail('bad_option', { reason: 'since: expected a whole number' });
    const found = floor.mapEvents(id, since);
    if (found === undefined) return gone(reply);
    if (found.events.length > 0) return found;
    await sleep(clock, WAIT_MS, AbortSignal.any([news.signal, stopping.signal])).catch(() => undefined);
    return floor.mapEvents(id, since) ?? gone(reply);
  });
  app.post('/attempts/:id/fetch-failed', async (request, reply) => {
    const id = check(request, reply);
    if (id === undefined) return reply;
    const { map, attemptId, reason } = object<FetchFailure>(request.body);
    if (!Number.isSafeInteger(map) || typeof attemptId !== 'string')
      throw errors.fail('bad_option', { reason: 'map, attemptId: expected a number and a text' });
    floor.fetchFailed(id, { map: map as number, attemptId, reason: String(reason) });
    return reply.code(204).send();
  });
  app.post('/attempts/:id/done', async (request, reply) => {
    const id = check(request, reply);
    if (id === undefined) return reply;
    const report = object<DoneReport>(request.body);
    const counters = object<Record<string, unknown>>(report.counters);
    if (Object.values(counters).some((value) => typeof value !== 'number'))
      throw errors.fail('bad_option', { reason: 'counters: expected numbers' });
    if (report.mapOutput !== undefined && !isMapOutput(report.mapOutput))
      throw errors.fail('bad_option', { reason: 'mapOutput: expected a path and segments' });
    return { accepted: floor.done(id, report as DoneReport) };
  });
  app.post('/attempts/:id/failed', async (request, reply) => {
    const id = check(request, reply);
    if (id === undefined) return reply;
    const { message, isFatal } = object<FailureReport>(request.body);
    floor.failed(id, { message: String(message), isFatal: isFatal === true });
    return reply.code(204).send();
  });

  const running = await listen(app, { host: options.host, port: 0, flag: '--ip' });
  return {
    url: running.url,
    port: running.port,
    wake() {
      const before = news;
      news = new AbortController();
      before.abort();
    },
    async stop() {
      stopping.abort();
      await running.stop();
    },
  };
}

function object<T>(value: unknown): { readonly [K in keyof T]?: unknown } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw errors.fail('bad_option', { reason: 'expected a JSON object' });
}

function isMapOutput(value: unknown): boolean {
  const { path, segments } = object<{ path: string; segments: unknown[] }>(value);
  return (
    typeof path === 'string' &&
    Array.isArray(segments) &&
    segments.every((segment: unknown) => {
      const { offset, length } = object<{ offset: number; length: number }>(segment);
      return Number.isSafeInteger(offset) && Number.isSafeInteger(length) && (offset as number) >= 0 && (length as number) > 0;
    })
  );
}
