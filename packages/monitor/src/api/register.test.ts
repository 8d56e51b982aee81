import { Registry } from '@pronoia/client';
import { createHttp, silentLogger } from '@pronoia/server';
import { expect, it } from 'vitest';
import { type ApiRoute, encodeError, JsonSlices } from './answer.ts';
import { type RegisterOptions, registerApi } from './register.ts';

function serve(routes: readonly ApiRoute[], over: Partial<RegisterOptions> = {}) {
  const app = createHttp({
    log: silentLogger,
    registry: new Registry(),
    formatError: ({ status, code, message }) => ({ contentType: 'application/json', body: encodeError(status, code, message) }),
  });
  registerApi(app, {
    routes,
    isReady: () => true,
    alwaysReady: new Set(),
    isStopping: () => false,
    corsOrigin: { pattern: '.*', allows: () => true },
    ...over,
  });
  return app;
}

const echo: ApiRoute = { methods: ['GET', 'POST'], path: '/echo/:name', handle: ({ params, path }) => ({ data: [[...params], path] }) };

it('gives handlers the query, the form and the path in one shape', async () => {
  const app = serve([echo]);
  const got = await app.inject({ url: '/api/v1/echo/a%2Fb?x=1&match[]=a&match[]=b%26' });
  expect(got.json()).toEqual({
    status: 'success',
    data: [
      [
        ['x', '1'],
        ['match[]', 'a'],
        ['match[]', 'b&'],
      ],
      { name: 'a/b' },
    ],
  });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const posted = await app.inject({ method: 'POST', url: '/api/v1/echo/n?x=1', headers: form, payload: 'match[]=a&match[]=b+c' });
  expect((posted.json() as { data: [unknown] }).data[0]).toEqual([
    ['match[]', 'a'],
    ['match[]', 'b c'],
    ['x', '1'],
  ]);
});

it('is not there while the log is replayed, except where it says how far that is', async () => {
  const walreplay: ApiRoute = { methods: ['GET'], path: '/status/walreplay', handle: () => ({ data: 1 }) };
  for (const isStopping of [false, true]) {
    const app = serve([echo, walreplay], {
      isReady: () => false,
      isStopping: () => isStopping,
      alwaysReady: new Set(['/status/walreplay']),
    });
    const answer = await app.inject({ url: '/api/v1/echo/a' });
    expect([answer.statusCode, answer.body, answer.headers['x-prometheus-stopping']]).toEqual([
      503,
      'Service Unavailable',
      String(isStopping),
    ]);
    expect((await app.inject({ url: '/api/v1/status/walreplay' })).json()).toEqual({ status: 'success', data: 1 });
  }
});

it('answers origins that are allowed by their name, and others not at all', async () => {
  const app = serve([echo], { corsOrigin: { pattern: 'https://good', allows: (origin) => origin === 'https://good' } });
  const allowed = async (origin: string) =>
    (await app.inject({ url: '/api/v1/echo/a', headers: { origin } })).headers['access-control-allow-origin'];
  expect(await allowed('https://good')).toBe('https://good');
  expect(await allowed('https://bad')).toBeUndefined();
});

it('cuts a long list of warnings, and says how many more there are', async () => {
  const warnings = Array.from({ length: 13 }, (_, i) => `w${i}`);
  const app = serve([{ methods: ['GET'], path: '/w', handle: () => ({ data: null, warnings, infos: ['i'] }) }]);
  const body = (await app.inject({ url: '/api/v1/w' })).json() as { warnings: string[]; infos: string[] };
  expect(body.warnings).toHaveLength(11);
  expect(body.warnings.at(-1)).toBe('3 more warning annotations omitted');
  expect(body.infos).toEqual(['i']);
});

it('stops writing a large answer when nobody reads it any more', async () => {
  let written = 0;
  const endless = new JsonSlices(function* () {
    for (;;) {
      written++;
      yield `"${'x'.repeat(100_000)}",`;
    }
  });
  const app = serve([{ methods: ['GET'], path: '/endless', handle: () => ({ data: endless }) }]);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const gone = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/endless`, { signal: gone.signal });
  await response.body?.getReader().read();
  gone.abort();
  let before = -1;
  for (let i = 0; i < 100 && before !== written; i++) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(written).toBe(before);
  await app.close();
});
