/** The monitor is killed in the middle of ingestion over HTTP, more than fifty times; what it acknowledged must be there afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../../packages/tsdb/dist/check.js';
import { encodeRequest, encodeSample, encodeSeries, encodeSeriesHead } from './remote-write.ts';
import { pronoiaMonitor, ServerProcess } from './server-process.ts';

const kills = Number(process.env['KILLS'] ?? 52);
const seriesCount = 20;
const stepMs = 1000;
const heads = Array.from({ length: seriesCount }, (_, i) =>
  encodeSeriesHead([
    ['__name__', 'written'],
    ['i', String(i)],
  ]),
);

/** One sample of each series, whose value says which batch it was. */
function batchOf(n: number, startMs: number): Buffer {
  const sample = encodeSample(n, startMs + n * stepMs);
  return encodeRequest(heads.map((head) => encodeSeries([head, sample])));
}

/** Values of each series, over all time. */
async function stored(server: ServerProcess, startMs: number, batches: number): Promise<number[][]> {
  const rangeSeconds = (batches * stepMs) / 1000 + 10;
  const query = `written[${rangeSeconds}s]`;
  const { body } = await server.get(`/api/v1/query?query=${encodeURIComponent(query)}&time=${(startMs + batches * stepMs) / 1000}`);
  const { data } = JSON.parse(body.toString()) as { data: { result: { values: [number, string][] }[] } };
  return data.result.map(({ values }) => values.map(([, value]) => Number(value)));
}

describe.each([
  { fsync: 'interval', times: Math.ceil(kills / 2) },
  { fsync: 'always', times: Math.floor(kills / 2) },
])('with --storage.wal-fsync=$fsync, a monitor killed $times times', ({ fsync, times }) => {
  let folder: string;
  let server: ServerProcess;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pronoia-kill-'));
    server = new ServerProcess(
      // Blocks of a minute, up to three: a batch is a second, so that every life compacts some.
      pronoiaMonitor(`--storage.wal-fsync=${fsync}`, '--storage.tsdb.min-block-duration=1m', '--storage.tsdb.max-block-duration=9m'),
      folder,
    );
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loses no sample that it acknowledged, and invents none', { timeout: 300_000 }, async () => {
    const startMs = Math.floor(Date.now() / 60_000) * 60_000 - 6 * 3_600_000;
    let next = 0;
    let blocks = 0;
    const restarts: number[] = [];
    for (let life = 0; life < times; life++) {
      const before = performance.now();
      await server.start();
      restarts.push(performance.now() - before);
      // What was under way when it was killed is there whole or not at all.
      const found = await stored(server, startMs, next + 1);
      const count = found[0]?.length ?? 0;
      const expected = Array.from({ length: count }, (_, n) => n);
      expect([next, next + 1]).toContain(count);
      expect(found).toEqual(life === 0 ? [] : heads.map(() => expected));
      next = count;
      // Killed after some batches, not after some time, and while one is under way.
      const until = next + 60 + ((life * 37) % 83);
      for (; next < until; next++) await server.write(batchOf(next, startMs));
      const unanswered = server.write(batchOf(next, startMs)).catch(() => undefined);
      if (life % 3 === 1) await unanswered.then(() => next++);
      await server.kill();
      await unanswered;
      const checked = await check(join(folder, 'data'));
      expect(checked.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      blocks = Math.max(blocks, checked.blocks);
    }
    // Compactions happened between and under the kills; a life lasts about a minute and a half of samples.
    expect(blocks).toBeGreaterThan(Math.min(2, Math.floor(times / 4)));
    restarts.sort((a, b) => a - b);
    process.stderr.write(
      `${times} kills (fsync ${fsync}): ${next * seriesCount} samples acknowledged, all there; ready after ${restarts[Math.floor(times / 2)]?.toFixed(0)} ms (median)\n`,
    );
  });
});
