import { connect } from 'node:net';
import { Registry } from '@pronoia/client';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { defineErrors } from './errors.ts';
import { createHttp, type HttpOptions, listen, type Running } from './http.ts';
import { silentLogger } from './log.ts';
import { assertSurvivesRandomRequests } from './testing.ts';

const open: Running[] = [];
const errors = defineErrors({ no_offer: { status: 404, message: (f: { id: string }) => `there is no offer ${f.id}` } });

function app(options: Partial<HttpOptions> = {}): FastifyInstance {
  const made = createHttp({ log: silentLogger, registry: new Registry(), ...options });
  made.route({ method: ['GET', 'POST'], url: '/echo', handler: async (request) => ({ query: request.query, body: request.body ?? null }) });
  made.get('/offers/:id', async (request) => {
    throw errors.fail('no_offer', { id: (request.params as { id: string }).id });
  });
  made.get('/bug', async () => {
    throw new TypeError('x is not a function');
  });
  made.get('/stream', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200);
    reply.raw.write('begin');
  });
  return made;
}

async function start(options: Partial<HttpOptions> = {}): Promise<Running> {
  const running = await listen(app(options), { host: '127.0.0.1', port: 0, flag: '--port' });
  open.push(running);
  return running;
}

afterEach(async () => {
  for (const running of open.splice(0)) await running.stop();
});

describe('every server', () => {
  it('tells health and readiness', async () => {
    let ready: boolean | string = 'the log is being replayed';
    const http = app({ isReady: () => ready, serverName: 'Prometheus Server' });
    expect((await http.inject('/-/healthy')).body).toBe('Prometheus Server is Healthy.\n');
    expect(await http.inject('/-/ready')).toMatchObject({ statusCode: 503, body: 'the log is being replayed\n' });
    ready = false;
    expect(await http.inject('/-/ready')).toMatchObject({ statusCode: 503, body: 'Service Unavailable\n' });
    ready = true;
    expect(await http.inject('/-/ready')).toMatchObject({ statusCode: 200, body: 'Prometheus Server is Ready.\n' });
    expect((await http.inject({ method: 'HEAD', url: '/-/healthy' })).statusCode).toBe(200);
  });

  it('measures its requests by route pattern and status', async () => {
    const http = app({ metricPrefix: 'prometheus_' });
    await http.inject('/offers/1');
    await http.inject('/offers/2');
    await http.inject('/nowhere/1');
    const answer = await http.inject('/metrics');
    expect(answer.headers['content-type']).toContain('text/plain');
    expect(answer.body).toContain('prometheus_http_requests_total{handler="/offers/:id",code="404"} 2');
    expect(answer.body).toContain('prometheus_http_requests_total{handler="unknown",code="404"} 1');
    expect(answer.body).toContain('prometheus_http_request_duration_seconds_count{handler="/offers/:id"} 2');
  });
});

describe('requests', () => {
  it.each([
    ['GET', '/echo?match[]=a&match[]=b&c=1', undefined, undefined, { query: { 'match[]': ['a', 'b'], c: '1' }, body: null }],
    [
      'POST',
      '/echo',
      'application/x-www-form-urlencoded',
      'match[]=a&match[]=b&q=x%2By+z',
      { query: {}, body: { 'match[]': ['a', 'b'], q: 'x+y z' } },
    ],
    ['POST', '/echo', 'application/json', '{"a":[1]}', { query: {}, body: { a: [1] } }],
  ] as const)('%s %s %s', async (method, url, type, payload, expected) => {
    const answer = await app().inject({ method, url, ...(payload === undefined ? {} : { payload, headers: { 'content-type': type } }) });
    expect(answer.json()).toEqual(expected);
  });

  it('a URL of 60 kB is read', async () => {
    const running = await start();
    const answer = await fetch(`${running.url}/echo?q=${'x'.repeat(60_000)}`);
    expect(((await answer.json()) as { query: { q: string } }).query.q).toHaveLength(60_000);
  });
});

describe('refusals', () => {
  const json = { 'content-type': 'application/json' };
  it.each([
    ['an unknown path', 'GET', '/nowhere', {}, '', 404, { status: 'error', code: 'not_found', error: 'there is nothing at GET /nowhere' }],
    [
      'a known path with another method',
      'DELETE',
      '/echo',
      {},
      '',
      405,
      { status: 'error', code: 'method_not_allowed', error: 'DELETE is not allowed here; use GET, HEAD, POST' },
    ],
    [
      'a known path with a parameter',
      'POST',
      '/offers/1?x',
      {},
      '',
      405,
      { status: 'error', code: 'method_not_allowed', error: 'POST is not allowed here; use GET, HEAD' },
    ],
    [
      'an unknown type',
      'POST',
      '/echo',
      { 'content-type': 'application/x-what' },
      'x',
      415,
      { status: 'error', code: 'unsupported_media_type', error: 'Unsupported Media Type' },
    ],
    [
      'a large body',
      'POST',
      '/echo',
      json,
      '"'.padEnd(1001, 'x'),
      413,
      { status: 'error', code: 'body_too_large', error: 'Request body is too large' },
    ],
    ['half a JSON', 'POST', '/echo', json, '{"a":', 400, { status: 'error', code: 'bad_json' }],
    ['a poisoned JSON', 'POST', '/echo', json, '{"__proto__":{"a":1}}', 400, { status: 'error', code: 'bad_json' }],
    ['an error of the package', 'GET', '/offers/7', {}, '', 404, { status: 'error', code: 'no_offer', error: 'there is no offer 7' }],
    ['a bug', 'GET', '/bug', {}, '', 500, { status: 'error', code: 'internal', error: 'x is not a function' }],
    ['a bad escape in the path', 'GET', '/offers/%zz', {}, '', 400, { status: 'error', code: 'bad_url' }],
  ] as const)('%s', async (_name, method, url, headers, payload, status, expected) => {
    const answer = await app({ bodyLimitBytes: 1000 }).inject({ method, url, headers, ...(payload === '' ? {} : { payload }) });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject(expected);
  });

  it('name the methods that are allowed', async () => {
    expect((await app().inject({ method: 'DELETE', url: '/echo' })).headers['allow']).toBe('GET, HEAD, POST');
  });

  it('take the form that the API wants', async () => {
    const http = app({ formatError: (error) => ({ contentType: 'text/plain', body: `${error.status} ${error.message}` }) });
    expect((await http.inject('/offers/7')).body).toBe('404 there is no offer 7');
    expect((await http.inject('/nowhere')).body).toBe('404 there is nothing at GET /nowhere');
  });
});

it('a route prefix stands before every path', async () => {
  const http = app({ routePrefix: '/prometheus/' });
  expect((await http.inject('/prometheus/-/healthy')).statusCode).toBe(200);
  expect((await http.inject('/prometheus/echo?a=1')).json()).toMatchObject({ query: { a: '1' } });
  expect((await http.inject('/-/healthy')).statusCode).toBe(404);
  expect((await http.inject('/prometheusx/echo')).statusCode).toBe(404);
});

it('a large answer is compressed for those who accept it', async () => {
  const http = app({ compress: true });
  http.get('/large', async () => ({ text: 'x'.repeat(5000) }));
  expect((await http.inject({ url: '/large', headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding']).toBe('gzip');
  expect((await http.inject('/large')).headers['content-encoding']).toBeUndefined();
});

describe('listening', () => {
  it('takes a free port and tells its URL', async () => {
    const running = await start();
    expect(running.url).toBe(`http://127.0.0.1:${running.port}`);
    expect((await fetch(`${running.url}/-/healthy`)).status).toBe(200);
  });

  it('a taken port is said with its owner and the flag that moves it', async () => {
    const running = await start();
    await expect(listen(app(), { host: '127.0.0.1', port: running.port, flag: '--web.listen-address' })).rejects.toThrow(
      new RegExp(
        `port ${running.port} of 127\\.0\\.0\\.1 is taken by process ${process.pid} \\(.+\\); stop it or choose another port with --web\\.listen-address`,
      ),
    );
  });

  it('stopping ends open streams and idle connections at once', async () => {
    const running = await start();
    const stream = await fetch(`${running.url}/stream`);
    const idle = connect(running.port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    const reading = stream.text().then(
      () => 'ended',
      () => 'ended',
    );
    idle.on('error', () => {});
    await running.stop();
    expect(await reading).toBe('ended');
  });
});

it('random requests never stop a server', async () => {
  const running = await start();
  await assertSurvivesRandomRequests(running.url, ['GET /echo', 'POST /echo', 'GET /offers/:id', 'POST /nowhere', 'GET /metrics'], {
    runs: 60,
  });
  await assertSurvivesRandomRequests(running.url, ['GET /stream'], { runs: 5 });
});

it('the random requests find a server that fails', async () => {
  const running = await start();
  await expect(assertSurvivesRandomRequests(running.url, ['GET /bug'], { seed: 1 })).rejects.toThrow(/seed 1:\nGET \/bug.*: 500/);
});
