/** Queries that are huge, slow or malicious, to a whole server: each ends with a clear error, soon, and the server is as it was. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './pronoia.ts';
import { encodeRequest, encodeSample, encodeSeries, encodeSeriesHead } from './remote-write.ts';
import { pronoiaMonitor, ServerProcess } from './server-process.ts';

const seriesCount = 2000;
const sampleCount = 600;
const startMs = 1_700_006_400_000;
const endS = (startMs + sampleCount * 15_000) / 1000;

const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
const limits = ['--query.max-samples=1000000', '--query.timeout=10s', '--query.max-concurrency=2'];
const server = new ServerProcess(pronoiaMonitor(...limits), join(folder, 'server'));

interface Refusal {
  readonly errorType: string;
  readonly error: string;
}

async function ask(parameters: Readonly<Record<string, string>>, path = '/api/v1/query'): Promise<Refusal & { status: number }> {
  const { status, body } = await server.post(path, new URLSearchParams(parameters));
  const { errorType, error } = JSON.parse(body.toString()) as Refusal;
  return { status, errorType, error };
}

const overAll = { start: String(startMs / 1000), end: String(endS), step: '15' };
const slow = { ...overAll, query: 'sum(quantile_over_time(0.9, {pod=~"p1.*"}[2h]))', step: '1' };

beforeAll(async () => {
  await server.start();
  for (let from = 0; from < sampleCount; from += 20) {
    const parts = Array.from({ length: seriesCount }, (_, s) => {
      const head = encodeSeriesHead([
        ['__name__', `m${s % 10}`],
        ['pod', `p${s}`],
      ]);
      return encodeSeries([
        head,
        ...Array.from({ length: 20 }, (_unused, i) => encodeSample(((from + i) * s) % 997, startMs + (from + i) * 15_000)),
      ]);
    });
    await server.write(encodeRequest(parts));
  }
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a server of which too much is asked', () => {
  const repeat = (text: string, count: number): string => text.repeat(count);
  const tooMany = /^query processing would load too many samples into memory in query execution$/;

  it.each<[string, Readonly<Record<string, string>>, number, string, RegExp]>([
    ['everything there is', { ...overAll, query: '{__name__=~".+"}' }, 422, 'execution', tooMany],
    ['everything, raw', { query: '{__name__=~".+"}[1y]', time: String(endS) }, 422, 'execution', tooMany],
    ['everything, per second', { ...overAll, query: 'sum(rate({__name__=~".+"}[1h]))' }, 422, 'execution', tooMany],
    ['parentheses', { query: `${repeat('(', 300_000)}1${repeat(')', 300_000)}` }, 400, 'bad_data', /nested more than 500 levels deep/],
    ['signs', { query: `${repeat('-', 300_000)}1` }, 400, 'bad_data', /nested more than 500 levels deep/],
    ['calls', { query: `${repeat('abs(', 100_000)}a${repeat(')', 100_000)}` }, 400, 'bad_data', /nested more than 500 levels deep/],
    ['a long sum', { query: `a${repeat('+a', 300_000)}` }, 400, 'bad_data', /nested more than 500 levels deep/],
    ['groups in a pattern', { query: `a{b=~"${repeat('(', 100_000)}x${repeat(')', 100_000)}"}` }, 400, 'bad_data', /nests too deeply/],
    ['stars in a pattern', { query: `a{b=~"${repeat('(a*', 100_000)}${repeat(')*', 100_000)}"}` }, 400, 'bad_data', /nests too deeply/],
    ['repeated repetition', { query: 'a{b=~"((x{1000}){1000}){1000}"}' }, 400, 'bad_data', /error parsing regexp: invalid repeat count/],
    ['steps', { query: '1', start: '0', end: '11001', step: '1' }, 400, 'bad_data', /exceeded maximum resolution of 11,000 points/],
    ['steps of nothing', { query: '1', start: '0', end: '1', step: '0' }, 400, 'bad_data', /zero or negative query resolution/],
    ['a second of work in a millisecond', { ...slow, timeout: '1ms' }, 503, 'timeout', /^query timed out in /],
    [
      'a timeout that is none',
      { query: '1', timeout: 'soon' },
      400,
      'bad_data',
      /^invalid parameter "timeout": cannot parse "soon" to a valid duration$/,
    ],
  ])('refuses %s', async (_, parameters, status, errorType, error) => {
    const answer = await ask(parameters, 'step' in parameters ? '/api/v1/query_range' : '/api/v1/query');
    expect(answer).toEqual({ status, errorType, error: expect.stringMatching(error) as string });
  });

  it('answers a query of a megabyte', async () => {
    const words = Array.from({ length: 120_000 }, (_, i) => `word${i}`).join('|');
    const { status, body } = await server.post(
      '/api/v1/query',
      new URLSearchParams({ query: `m1{pod=~"${words}|p11"}`, time: String(endS) }),
    );
    expect(status).toBe(200);
    expect((JSON.parse(body.toString()) as { data: { result: unknown[] } }).data.result).toHaveLength(1);
  });

  it('lets go of a query whose client has left, and of its place in the line', async () => {
    const leave: (() => void)[] = [];
    // Two are evaluated, two wait in line.
    for (let i = 0; i < 4; i++) {
      const query = new URLSearchParams(slow).toString();
      const sent = request(`${server.url}/api/v1/query_range?${query}`);
      sent.on('error', () => undefined);
      sent.end();
      leave.push(() => sent.destroy());
    }
    await until('both are evaluated', async () => (await inEngine()) === 2);
    for (const one of leave) one();
    // They would have worked for seconds.
    await until('none is evaluated', async () => (await inEngine()) === 0, 1000);
    expect((await ask({ query: '1' })).status).toBe(200);
  });

  it('has its memory back', async () => {
    const before = server.residentMiB();
    for (let i = 0; i < 20; i++) {
      expect((await ask({ ...overAll, query: '{__name__=~".+"}' }, '/api/v1/query_range')).status).toBe(422);
    }
    expect(server.residentMiB() - before).toBeLessThan(150);
  });
});

async function inEngine(): Promise<number> {
  const page = (await server.get('/metrics')).body.toString();
  return Number(/^prometheus_engine_queries (\d+)/m.exec(page)?.[1]);
}
