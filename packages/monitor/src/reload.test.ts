import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, silentLogger } from '@pronoia/server';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { watchConfig } from './auto-reload.ts';
import { type Config, loadConfig } from './config/config.ts';

let folder: string;
const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reload-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('reads the jobs of other files, with paths from their own folder', async () => {
  await put('main.yml', 'global: { scrape_interval: 7s }\nscrape_config_files: ["jobs-*.yml"]\nscrape_configs: [{ job_name: own }]');
  await put('jobs-a.yml', 'scrape_configs: [{ job_name: a, file_sd_configs: [{ files: [x.json] }] }]');
  await put('jobs-b.yml', '');
  const config = await loadConfig(join(folder, 'main.yml'));
  expect(config.scrape_configs.map(({ job_name, scrape_interval }) => [job_name, scrape_interval])).toEqual([
    ['own', 7000],
    ['a', 7000],
  ]);
  expect(config.scrape_configs[1]?.file_sd_configs[0]?.files).toEqual([join(folder, 'x.json')]);
  await put('jobs-b.yml', 'scrape_configs:\n- job_name: a');
  await expect(loadConfig(join(folder, 'main.yml'))).rejects.toThrow(
    `jobs-b.yml:2:13: scrape_configs[0].job_name: found multiple scrape configs with job name "a", first found in ${join(folder, 'jobs-a.yml')}`,
  );
  await expect(loadConfig(join(folder, 'absent.yml'))).rejects.toThrow(
    `couldn't load configuration (--config.file="${join(folder, 'absent.yml')}")`,
  );
});

it('reloads by itself when a file has changed, and tries a bad one only once', async () => {
  const clock = new ManualClock();
  const file = join(folder, 'watched.yml');
  await put('watched.yml', 'rule_files: [rules.yml]');
  await put('rules.yml', 'groups: []');
  const reloader = {
    file,
    config: (await loadConfig(file)) as Config | undefined,
    reloads: 0,
    async reload() {
      this.reloads++;
      this.config = await loadConfig(file);
    },
  };
  const stop = new AbortController();
  const done = watchConfig({ clock, log: silentLogger, intervalMs: 1000, reloader }, stop.signal);
  // Files are read in real time: the clock stands until the watcher waits for it again.
  const tick = async (): Promise<number> => {
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    await clock.advance(1000);
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    return reloader.reloads;
  };
  expect(await tick()).toBe(0);
  await put('rules.yml', 'groups: [ ]');
  expect(await tick()).toBe(1);
  expect(await tick()).toBe(1);
  await put('watched.yml', 'nope: 1');
  expect(await tick()).toBe(2);
  expect(await tick()).toBe(2);
  await put('watched.yml', '{}');
  expect(await tick()).toBe(3);
  expect(reloader.config?.rule_files).toEqual([]);
  stop.abort();
  await done;
  expect(clock.pendingTimers).toBe(0);
});
