/** `--config.auto-reload`: looks at the contents of all configuration files, and reloads when they differ from what was last tried. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Clock, type Logger, sleep } from '@pronoia/server';
import { globLastPart } from './glob.ts';
import type { Reloader } from './reload.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs: number;
  readonly reloader: Pick<Reloader, 'config' | 'file' | 'reload'>;
}

/** Resolves when the signal fires. */
export async function watchConfig({ clock, log, intervalMs, reloader }: WatchOptions, signal: AbortSignal): Promise<void> {
  let tried = await fingerprint(reloader);
  for (;;) {
    try {
      await sleep(clock, intervalMs, signal);
    } catch {
      return;
    }
    const now = await fingerprint(reloader);
    if (now === tried) continue;
    try {
      await reloader.reload();
      log.info({ file: reloader.file }, 'A configuration file has changed; reloaded');
    } catch (error) {
      log.error(
        { file: reloader.file, error: (error as Error).message },
        'A configuration file has changed; the former configuration stays',
      );
    }
    // Which files belong to it may have changed with it. A bad file is tried once, not every time.
    tried = await fingerprint(reloader);
  }
}

async function fingerprint({ file, config }: WatchOptions['reloader']): Promise<string> {
  const hash = createHash('sha256');
  const patterns = [...(config?.rule_files ?? []), ...(config?.scrape_config_files ?? [])];
  const others = (await Promise.all(patterns.map(globLastPart))).flat();
  for (const path of [file, ...others]) hash.update(path).update(await readFile(path).catch(() => Buffer.alloc(0)));
  return hash.digest('hex');
}
