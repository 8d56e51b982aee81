import { createServer, type IncomingMessage, type RequestListener, request, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { Gauge, HttpMetrics, Registry } from '../node.ts';

/** Express brings no types; this is what the tests use of it. */
interface Express {
  (): ExpressApp;
  Router(): ExpressApp;
}
type ExpressHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => unknown;
interface ExpressApp extends RequestListener {
  use(path: string | ExpressHandler | ExpressErrorHandler, inner?: ExpressApp | ExpressHandler): void;
  get(path: string | RegExp | (string | RegExp)[], ...handlers: ExpressHandler[]): void;
  post(path: string, handler: ExpressHandler): void;
}
type ExpressErrorHandler = (error: unknown, req: IncomingMessage, res: ServerResponse, next: () => void) => void;
const require = createRequire(import.meta.url);
const express = require('express') as Express;

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Counted requests by labels: `GET /a 200` → how many. The response reaches the client before the server's close event, so we wait for `total`. */
async function counted(registry: Registry, total: number): Promise<Record<string, number>> {
  for (;;) {
    const json = await registry.getMetricsAsJSON();
    const values = json.find(({ name }) => name === 'http_request_duration_seconds')?.values ?? [];
    const counts = values.filter(({ metricName }) => metricName?.endsWith('_count'));
    if (counts.reduce((sum, { value }) => sum + value, 0) >= total) {
      return Object.fromEntries(counts.map(({ labels, value }) => [`${labels.method} ${labels.route} ${labels.code}`, value]));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('node:http', () => {
  it('is measured by method, route and code, all of them bounded', async () => {
    const registry = new Registry();
    const metrics = new HttpMetrics({ registry, maxRoutes: 3 });
    const url = await serve(
      metrics.listener(
        (req, res) => {
          res.statusCode = req.url === '/r/0' ? 404 : 200;
          res.end();
        },
        (req) => (req.url === '/none' ? undefined : req.url),
      ),
    );
    for (let i = 0; i < 6; i++) await fetch(`${url}/r/${i}`);
    await fetch(`${url}/none`, { method: 'PUT' });
    await new Promise((resolve) => request(`${url}/r/1`, { method: 'PROPFIND' }, (res) => res.resume().once('end', resolve)).end());
    expect(await counted(registry, 6)).toEqual({
      'GET /r/0 404': 1,
      'GET /r/1 200': 1,
      'GET /r/2 200': 1,
      'GET other 200': 3,
      'PUT unmatched 200': 1,
      'other /r/1 200': 1,
    });
    expect(await registry.metrics()).toContain('http_requests_in_flight 0');
  });

  it('counts a client that leaves as aborted', async () => {
    const registry = new Registry();
    const metrics = new HttpMetrics({ registry });
    const abort = new AbortController();
    // The request has arrived when the listener runs, and is never answered.
    const url = await serve(metrics.listener(() => abort.abort()));
    const answer = fetch(url, { signal: abort.signal }).catch(() => 'gone');
    expect(await answer).toBe('gone');
    expect(await counted(registry, 1)).toEqual({ 'GET unmatched aborted': 1 });
  });
});

describe('Express', () => {
  const ok: ExpressHandler = (_req, res) => void res.end('ok');

  it('routes are known by their patterns, mounted ones with where they are mounted', async () => {
    const registry = new Registry();
    const app = express();
    const users = express.Router();
    const posts = express.Router();
    app.use(new HttpMetrics({ registry }).express());
    app.get('/', ok);
    app.get(['/a', /^\/b+$/], ok);
    posts.get('/:post', ok);
    users.use('/:user/posts', posts);
    users.get('/:user', ok);
    users.post('/', ok);
    app.use('/users', users);
    app.use('/static', ok);
    const url = await serve(app);
    for (const path of ['/', '/bbb', '/users/1', '/users/2', '/users/1/posts/7', '/users/a%20b/posts/7', '/static/logo.svg', '/nowhere'])
      await fetch(url + path);
    await fetch(`${url}/users`, { method: 'POST' });
    expect(await counted(registry, 9)).toEqual({
      'GET / 200': 1,
      'GET /a,/^\\/b+$/ 200': 1,
      'GET /users/:user 200': 2,
      'GET /users/:user/posts/:post 200': 2,
      'GET unmatched 200': 1,
      'GET unmatched 404': 1,
      'POST /users/ 200': 1,
    });
  });

  it('a route that fails is known by its whole pattern, whoever answers for it', async () => {
    const registry = new Registry();
    const app = express();
    const inner = express.Router();
    app.use(new HttpMetrics({ registry }).express());
    inner.get('/thrown', () => {
      throw new Error('broken');
    });
    inner.get('/passed/:id', (_req, _res, next) => next(new Error('broken')));
    inner.get('/late', async () => Promise.reject(new Error('broken')));
    app.use('/api', inner);
    app.use((_error: unknown, _req: IncomingMessage, res: ServerResponse, _next: () => void) => {
      res.statusCode = 503;
      res.end();
    });
    const url = await serve(app);
    for (const path of ['/api/thrown', '/api/passed/3', '/api/late']) await fetch(url + path);
    expect(await counted(registry, 3)).toEqual({ 'GET /api/thrown 503': 1, 'GET /api/passed/:id 503': 1, 'GET /api/late 503': 1 });
  });
});

describe('Fastify', () => {
  it('routes are known by their patterns, in every scope', async () => {
    const registry = new Registry();
    const app = fastify();
    await app.register(new HttpMetrics({ registry }).fastify());
    app.get('/users/:id', async () => 'a user');
    await app.register(async (scope) => void scope.get('/deep', async () => Promise.reject(new Error('broken'))), { prefix: '/in' });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    for (const path of ['/users/1', '/users/2', '/in/deep', '/nowhere']) await fetch(url + path);
    expect(await counted(registry, 4)).toEqual({ 'GET /users/:id 200': 2, 'GET /in/deep 500': 1, 'GET unmatched 404': 1 });
    await app.close();
  });
});

describe('the scrape handler', () => {
  it('negotiates and compresses', async () => {
    const registry = new Registry();
    new Gauge({ name: 'g', help: 'G.', registers: [registry] }).set(5);
    const url = await serve(new HttpMetrics({ registry }).handler());
    const plain = await fetch(url, { headers: { 'accept-encoding': 'identity', accept: 'application/openmetrics-text' } });
    expect(plain.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores');
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(await plain.text()).toContain('g 5\n');
    const zipped = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(await zipped.text()).toContain('g 5\n');
  });

  it('answers 500 with the reason when a collect function fails', async () => {
    const registry = new Registry();
    new Gauge({ name: 'g', help: 'G.', registers: [registry], collect: () => Promise.reject(new Error('sensor unplugged')) });
    const response = await fetch(await serve(new HttpMetrics({ registry }).handler()));
    expect([response.status, await response.text()]).toEqual([500, 'collecting metrics failed: Error: sensor unplugged\n']);
  });
});
