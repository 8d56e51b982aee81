import { Registry } from '@pronoia/client';
import { silentLogger, systemClock } from '@pronoia/server';
import { assertSurvivesRandomRequests } from '@pronoia/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobFloor, type JobServer, openJobServer } from './job-server.ts';

const TOKEN = 'the-token';
let server: JobServer;
let calls: string[];
let mapEvents: { next: number; events: { map: number; attemptId: string; segment: undefined }[] };

const floor: JobFloor = {
  work: (id) =>
    id === 'a'
      ? {
          kind: 'reduce',
          jobId: 'j',
          taskId: 't',
          index: 0,
          program: { kind: 'wordcount' },
          reduces: 1,
          maps: 1,
          shuffleBufferBytes: 1,
          output: { folder: 'f', name: 'n' },
        }
      : undefined,
  heard: (id, progress) => {
    calls.push(`heard ${id} ${progress}`);
    return id === 'a';
  },
  mapEvents: (id) => (id === 'a' ? mapEvents : undefined),
  fetchFailed: (id, failure) => calls.push(`fetch-failed ${id} ${failure.map}`),
  done: (id, report) => {
    calls.push(`done ${id} ${JSON.stringify(report.counters)}`);
    return id === 'a';
  },
  failed: (id, report) => calls.push(`failed ${id} ${report.message} ${report.isFatal}`),
};

beforeAll(async () => {
  calls = [];
  mapEvents = { next: 0, events: [] };
  server = await openJobServer({
    host: '127.0.0.1',
    token: TOKEN,
    registry: new Registry(),
    log: silentLogger,
    clock: systemClock,
    floor,
    onScrape: () => calls.push('scrape'),
  });
});
afterAll(() => server.stop());

const call = (method: string, path: string, body?: unknown, token = TOKEN): Promise<Response> =>
  fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe('the job server', () => {
  it.each([
    ['GET', '/attempts/a', undefined, 200],
    ['GET', '/attempts/b', undefined, 410],
    ['POST', '/attempts/a/progress', { progress: 0.5 }, 204],
    ['POST', '/attempts/b/progress', { progress: 0.5 }, 410],
    ['POST', '/attempts/a/progress', { progress: 'x' }, 400],
    ['POST', '/attempts/a/progress', [], 400],
    ['GET', '/attempts/b/maps?since=0', undefined, 410],
    ['GET', '/attempts/a/maps?since=x', undefined, 400],
    ['POST', '/attempts/a/fetch-failed', { map: 0, attemptId: 'm', reason: 'r' }, 204],
    ['POST', '/attempts/a/fetch-failed', { map: '0' }, 400],
    ['POST', '/attempts/a/done', { counters: { x: 1 } }, 200],
    ['POST', '/attempts/a/done', { counters: { x: '1' } }, 400],
    ['POST', '/attempts/a/done', { counters: {}, mapOutput: { path: '/x', segments: [{ offset: -1, length: 5 }] } }, 400],
    ['POST', '/attempts/a/done', {}, 400],
    ['POST', '/attempts/a/failed', { message: 'm', isFatal: true }, 204],
    ['GET', '/metrics', undefined, 200],
    ['GET', '/nothing', undefined, 404],
  ])('%s %s %j is answered %d', async (method, path, body, status) => {
    expect((await call(method, path, body)).status).toBe(status);
  });

  it('listens to nobody without the token', async () => {
    calls = [];
    for (const [method, path, body] of [
      ['GET', '/attempts/a'],
      ['GET', '/attempts/a/maps'],
      ['POST', '/attempts/a/progress', { progress: 1 }],
      ['POST', '/attempts/a/fetch-failed', { map: 0, attemptId: 'm' }],
      ['POST', '/attempts/a/done', { counters: {} }],
      ['POST', '/attempts/a/failed', { message: 'm' }],
    ] as const) {
      for (const token of ['', 'x', `${TOKEN}x`, 'THE-TOKEN']) expect((await call(method, path, body, token)).status).toBe(401);
    }
    expect(calls).toEqual([]);
  });

  it('keeps a reducer waiting until there is news', async () => {
    const waiting = call('GET', '/attempts/a/maps?since=0');
    await new Promise((resolve) => setTimeout(resolve, 100));
    mapEvents = { next: 1, events: [{ map: 0, attemptId: 'm', segment: undefined }] };
    server.wake();
    expect(await (await waiting).json()).toMatchObject({ next: 1 });
  });

  it('says when it was scraped', async () => {
    calls = [];
    await (await fetch(`${server.url}/metrics`)).text();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toEqual(['scrape']);
  });

  it('no request stops it', async () => {
    const routes = [
      'GET /attempts/:id',
      'GET /attempts/:id/maps',
      'POST /attempts/:id/progress',
      'POST /attempts/:id/done',
      'POST /attempts/:id/failed',
      'POST /attempts/:id/fetch-failed',
    ];
    await assertSurvivesRandomRequests(server.url, [...routes, 'GET /metrics']);
    await assertSurvivesRandomRequests(server.url, routes, { headers: { authorization: `Bearer ${TOKEN}` } });
  });
});
