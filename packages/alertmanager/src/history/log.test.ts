import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, silentLogger } from '@pronoia/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryLog, type HistoryOptions } from './log.ts';

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'history-')), 'history');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const clock = new ManualClock(Date.now());
const open = (options: Partial<HistoryOptions> = {}): HistoryLog =>
  new HistoryLog({ folder, clock, log: silentLogger, retentionMs: 86_400_000, maxBytes: 1 << 30, ...options });

async function all(log: HistoryLog): Promise<{ n: unknown; labels: object[] }[]> {
  const found = [];
  for await (const { record, labelsOf } of log.newestFirst()) found.push({ n: record['n'], labels: (record.alerts ?? []).map(labelsOf) });
  return found;
}

const subject = (n: number): { fingerprint: string; labelsJson: string } => ({
  fingerprint: n.toString(16).padStart(16, '0'),
  labelsJson: JSON.stringify({ alertname: `alert ${n}`, pad: 'x'.repeat(200) }),
});

function append(log: HistoryLog, n: number): void {
  const about = subject(n % 50);
  log.append({ atMs: n, event: 'firing', n, alerts: [about.fingerprint] }, [about]);
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => to - 1 - i);
const segments = (): string[] => readdirSync(folder).sort();

describe('the event log', () => {
  it('gives back newest first what was appended, with labels, over segments and restarts', async () => {
    let log = open({ maxBytes: 8 * 100_000 });
    for (let n = 0; n < 2000; n++) append(log, n);
    await log.close();
    log = open({ maxBytes: 8 * 100_000 });
    for (let n = 2000; n < 3000; n++) append(log, n);
    const found = await all(log);
    expect(found.map(({ n }) => n)).toEqual(numbers(0, 3000));
    expect(found.every(({ n, labels }) => JSON.stringify(labels) === `[${subject(Number(n) % 50).labelsJson}]`)).toBe(true);
    expect(segments().length).toBeGreaterThan(2);
    await log.close();
  });

  it('a torn or damaged end of a segment costs what follows in it, and nothing else', async () => {
    let log = open();
    for (let n = 0; n < 10; n++) append(log, n);
    await log.close();
    const [first] = segments() as [string];
    appendFileSync(join(folder, first), Buffer.from([200, 0, 0, 0, 1, 2, 3]));
    log = open();
    for (let n = 10; n < 20; n++) append(log, n);
    expect((await all(log)).map(({ n }) => n)).toEqual(numbers(0, 20));
    await log.close();
    const bytes = readFileSync(join(folder, first));
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1;
    writeFileSync(join(folder, first), bytes);
    log = open();
    const left = (await all(log)).map(({ n }) => n);
    expect(left.slice(0, 10)).toEqual(numbers(10, 20));
    expect(left.length).toBeLessThan(20);
    await log.close();
  });

  it('keeps within its size: the oldest go', async () => {
    const maxBytes = 1_000_000;
    const log = open({ maxBytes });
    for (let n = 0; n < 30_000; n++) append(log, n);
    await log.written();
    log.dropOld();
    const size = segments().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(size).toBeLessThanOrEqual(maxBytes);
    expect(size).toBeGreaterThan(maxBytes / 2);
    const found = (await all(log)).map(({ n }) => n);
    expect(found).toEqual(numbers(30_000 - found.length, 30_000));
    await log.close();
  });

  it('drops segments that are too old', async () => {
    let log = open();
    append(log, 1);
    await log.close();
    const later = new ManualClock(Date.now() + 86_400_000 + 60_000);
    log = open({ clock: later });
    append(log, 2);
    await log.written();
    log.dropOld();
    expect((await all(log)).map(({ n }) => n)).toEqual([2]);
    await log.close();
  });

  it('counts what the disk does not take, and goes on when it does again', async () => {
    writeFileSync(folder, 'in the way');
    const log = open();
    append(log, 1);
    append(log, 2);
    await log.written();
    expect(log.droppedCount).toBe(2);
    rmSync(folder);
    append(log, 3);
    expect(await all(log)).toMatchObject([{ n: 3, labels: [{ alertname: 'alert 3' }] }]);
    await log.close();
  });
});
