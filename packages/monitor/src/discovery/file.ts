/**
 * Targets from files that something else writes (prometheus-server.md §3.3). The folders are watched, and everything is read again
 * at each `refresh_interval` in case a change went unseen. A file that cannot be read or parsed keeps its previous groups.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileSdConfig } from '../config/discovery.ts';
import { globLastPart } from '../glob.ts';
import type { Discoverer, DiscovererTools, EmitGroups, TargetGroup } from './discoverer.ts';
import { parseGroups } from './http.ts';
import { poll } from './poll.ts';

/** Editors and `mv` cause bursts of events; one read after the burst is enough. */
const quietMs = 50;

export function createFileDiscoverer(config: FileSdConfig, tools: Omit<DiscovererTools, 'fetch'>): Discoverer {
  const { clock, log, failures } = tools;
  const groupsByFile = new Map<string, readonly TargetGroup[]>();

  async function refresh(emit: EmitGroups): Promise<void> {
    const files = new Set((await Promise.all(config.files.map((pattern) => globLastPart(pattern)))).flat());
    for (const file of groupsByFile.keys()) if (!files.has(file)) groupsByFile.delete(file);
    for (const file of files) {
      try {
        groupsByFile.set(file, parseGroups(await readFile(file, 'utf8'), file, '__meta_filepath'));
      } catch (error) {
        failures.inc();
        log.error({ file, error: (error as Error).message }, 'Error reading target file; keeping its last groups');
      }
    }
    emit([...groupsByFile.values()].flat());
  }

  return {
    async run(emit, signal) {
      let running: Promise<void> = Promise.resolve();
      const refreshInTurn = (): Promise<void> => {
        running = running.then(() => refresh(emit));
        return running;
      };
      const watchers = watchFolders(new Set(config.files.map((file) => dirname(file))), log, () => {
        pending ??= clock.setTimer(quietMs, () => {
          pending = undefined;
          void refreshInTurn();
        });
      });
      let pending: { cancel(): void } | undefined;
      await poll(clock, config.refresh_interval, signal, refreshInTurn);
      for (const watcher of watchers) watcher.close();
      pending?.cancel();
      await running;
    },
  };
}

function watchFolders(folders: Iterable<string>, log: DiscovererTools['log'], onChange: () => void): FSWatcher[] {
  const watchers: FSWatcher[] = [];
  for (const folder of folders) {
    try {
      const watcher = watch(folder, { persistent: false }, onChange);
      watcher.on('error', (error) =>
        log.warn({ folder, error: error.message }, 'Watching a folder of target files failed; it is read at each refresh_interval'),
      );
      watchers.push(watcher);
    } catch (error) {
      log.warn(
        { folder, error: (error as Error).message },
        'A folder of target files cannot be watched; it is read at each refresh_interval',
      );
    }
  }
  return watchers;
}
