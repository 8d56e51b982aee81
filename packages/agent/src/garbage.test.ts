import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { ManualClock, silentLogger } from '@pronoia/server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GarbageCollector } from './garbage.ts';
import { Layout, type RunPath } from './layout.ts';
import { AgentMetrics } from './metrics.ts';

const DAY_MS = 86_400_000;
let layout: Layout;
let clock: ManualClock;

beforeEach(() => {
  layout = new Layout(mkdtempSync(join(tmpdir(), 'agent-gc-')));
  clock = new ManualClock();
});
afterEach(() => rmSync(layout.workDir, { recursive: true }));

const run = (executorId: string, containerId: string): RunPath => {
  const path = { agentId: 'S', frameworkId: 'F', executorId, containerId };
  for (const folder of [layout.sandbox(path), layout.runMeta(path)]) {
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, '..', 'latest'), { force: true });
    symlinkSync(containerId, join(folder, '..', 'latest'));
  }
  writeFileSync(join(layout.sandbox(path), 'stdout'), 'x');
  return path;
};

const collector = (usage: number): GarbageCollector =>
  new GarbageCollector({
    layout,
    clock,
    log: silentLogger,
    metrics: new AgentMetrics(new Registry()),
    delayMs: 10 * DAY_MS,
    headroom: 0.1,
    intervalMs: 60_000,
    diskUsage: () => usage,
  });

it('removes a finished sandbox when it is old enough, and not before', async () => {
  const garbage = collector(0.4); // 10 days × (1 − 0.1 − 0.4)
  const [old, young] = [run('e1', 'c1'), run('e2', 'c2')];
  garbage.start();
  garbage.schedule(old);
  await clock.advance(DAY_MS);
  garbage.schedule(young);
  await clock.advance(4 * DAY_MS + 60_000);
  expect([existsSync(layout.sandbox(old)), existsSync(layout.executorFolder(old)), existsSync(layout.runMeta(old))]).toEqual([
    false,
    false,
    false,
  ]);
  expect(existsSync(layout.sandbox(young))).toBe(true);
  garbage.stop();
});

it('removes at once on a full disk', () => {
  const garbage = collector(0.95);
  const path = run('e1', 'c1');
  garbage.schedule(path);
  garbage.collect();
  expect(existsSync(layout.sandbox(path))).toBe(false);
});

it('leaves the executor alone while another run of it is there', () => {
  const garbage = collector(1);
  const [first, second] = [run('e1', 'c1'), run('e1', 'c2')];
  garbage.schedule(first);
  garbage.collect();
  expect([existsSync(layout.sandbox(first)), existsSync(layout.sandbox(second))]).toEqual([false, true]);
});

it('knows after a restart what had finished, by the sentinel', () => {
  const [finished, live] = [run('e1', 'c1'), run('e2', 'c2')];
  writeFileSync(join(layout.runMeta(finished), 'executor.sentinel'), '');
  const garbage = collector(1);
  garbage.recover();
  expect(garbage.pending).toBe(1);
  clock = new ManualClock(Date.now() + 1_000);
  const later = collector(1);
  later.recover();
  later.collect();
  expect([existsSync(layout.sandbox(finished)), existsSync(layout.sandbox(live))]).toEqual([false, true]);
});
