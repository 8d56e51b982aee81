/** `pronoia up`: a whole cluster on this machine, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import { print, say, stopSignal, table, untilAborted, warn } from './terminal.ts';
import type { UpFlags } from './up-flags.ts';

export function clusterOptions(flags: UpFlags): ClusterOptions {
  const page = fileURLToPath(new URL('../../ui/dist', import.meta.url));
  return {
    dataFolder: flags.data,
    host: flags.host,
    ports: { master: flags.masterPort, agent: flags.agentPort, monitor: flags.monitorPort, alertmanager: flags.alertmanagerPort },
    pageFolder: existsSync(`${page}/index.html`) ? page : undefined,
    say: warn,
  };
}

export function printUrls({ urls, dataFolder, config }: Cluster): void {
  const shown = (path: string): string => {
    const near = relative('', path);
    return near.startsWith('..') ? path : `./${near}`;
  };
  print(
    table([
      ['page', urls.monitor],
      ['query API', `${urls.monitor}/api/v1/query?query=up`],
      ['master', urls.master],
      ['agent', urls.agent],
      ['alertmanager', urls.alertmanager],
      ['configuration', shown(config.folder)],
      ['logs', shown(resolve(dataFolder, 'logs'))],
    ]),
  );
}

/** Resolves when all is stopped. */
export async function up(flags: UpFlags): Promise<void> {
  const signal = stopSignal();
  let cluster: Cluster;
  try {
    cluster = await startCluster({ ...clusterOptions(flags), signal });
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  printUrls(cluster);
  print('\nCtrl-C stops everything.');
  await untilAborted(signal);
  say('stopping …');
  await cluster.stop();
}
