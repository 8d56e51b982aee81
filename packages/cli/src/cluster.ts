/**
 * Master, agent, monitor and alertmanager on this machine, wired to each other, each a process of its own, with data under one
 * folder. This is all of `pronoia up` except its command line.
 */
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { portTakenMessage } from '@pronoia/server';
import { type ConfigFiles, writeDefaultConfig } from './default-config.ts';
import { Supervised } from './supervised.ts';
import { UserError } from './user-error.ts';

export const serverNames = ['master', 'agent', 'monitor', 'alertmanager'] as const;
export type ServerName = (typeof serverNames)[number];

export interface ClusterOptions {
  /** Made when missing. */
  readonly dataFolder: string;
  readonly host: string;
  /** 0 takes a free port. */
  readonly ports: Readonly<Record<ServerName, number>>;
  /** In place of `config/alertmanager.yml` and `alertmanager/` in the data folder. */
  readonly alertmanager?: { readonly config: string; readonly storage: string };
  /** Where the built page lies; undefined: no page. */
  readonly pageFolder?: string | undefined;
  /** Lines for the user: warnings and errors of servers, restarts. */
  readonly say: (line: string) => void;
  /** Ends a start that is under way; what was started is stopped. */
  readonly signal?: AbortSignal;
}

export interface Cluster {
  readonly urls: Readonly<Record<ServerName, string>>;
  readonly dataFolder: string;
  readonly config: ConfigFiles;
  /** Process ids of servers that run now. */
  pids(): Partial<Record<ServerName, number>>;
  /** Everything is gone, within 5 s, when this resolves. */
  stop(): Promise<void>;
}

/** Of the five seconds that Ctrl-C may take. */
const stopLimitMs = 1900;

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const dataFolder = resolve(options.dataFolder);
  const unlock = lockFolder(dataFolder);
  try {
    const ports = await choosePorts(options.host, options.ports);
    return await startServers(options, dataFolder, ports, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function startServers(
  options: ClusterOptions,
  dataFolder: string,
  ports: Readonly<Record<ServerName, number>>,
  unlock: () => void,
): Promise<Cluster> {
  const { host } = options;
  const at = (name: ServerName): string => `${host}:${ports[name]}`;
  const folder = (name: string): string => {
    const path = join(dataFolder, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const addresses = { master: at('master'), monitor: at('monitor'), alertmanager: at('alertmanager') };
  const config = writeDefaultConfig(folder('config'), addresses);
  for (const file of config.stale)
    options.say(`${file} was edited and does not name all servers at their present ports; edit it if they moved`);

  let isStopping = false;
  const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const server = (name: ServerName, args: readonly string[], stopSignal: NodeJS.Signals = 'SIGTERM'): Supervised =>
    new Supervised({
      name,
      command: [process.execPath, program, name, ...args],
      url: `http://${at(name)}`,
      logFile: join(folder('logs'), `${name}.log`),
      stopSignal,
      // What servers say of each other's end, when all are ended, is no news.
      say: (line) => {
        if (!isStopping) options.say(line);
      },
    });
  const servers: Readonly<Record<ServerName, Supervised>> = {
    master: server('master', [`--ip=${host}`, `--port=${ports.master}`, `--work_dir=${folder('master')}`]),
    // SIGUSR1 ends the agent's tasks with it; on SIGTERM they would stay for the next agent (mesos.md §9.1). One agent on the same
    // machine need not wait up to a second before it registers, as a thousand should.
    agent: server(
      'agent',
      [
        `--master=${at('master')}`,
        `--ip=${host}`,
        `--port=${ports.agent}`,
        `--work_dir=${folder('agent')}`,
        '--registration_backoff_factor=50ms',
      ],
      'SIGUSR1',
    ),
    monitor: server('monitor', [
      `--config.file=${config.prometheus}`,
      `--storage.tsdb.path=${folder('monitor')}`,
      `--web.listen-address=${at('monitor')}`,
      `--cluster.master-url=http://${at('master')}`,
      ...(options.pageFolder === undefined ? [] : [`--web.page-dir=${options.pageFolder}`]),
    ]),
    alertmanager: server('alertmanager', [
      `--config.file=${options.alertmanager?.config ?? config.alertmanager}`,
      `--storage.path=${options.alertmanager?.storage ?? folder('alertmanager')}`,
      `--web.listen-address=${at('alertmanager')}`,
      // One of its kind: no port for others of it.
      '--cluster.listen-address=',
    ]),
  };

  const stop = async (): Promise<void> => {
    isStopping = true;
    // Who sends stops before who receives: the agent tells the master of its tasks, the monitor hands over its last alerts.
    await Promise.all([servers.agent.stop(stopLimitMs), servers.monitor.stop(stopLimitMs)]);
    await killLeftTasks(join(dataFolder, 'agent'));
    await Promise.all([servers.master.stop(stopLimitMs), servers.alertmanager.stop(stopLimitMs)]);
    unlock();
  };
  const onAbort = (): void => void stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await servers.master.start();
    options.signal?.throwIfAborted();
    await Promise.all([servers.agent.start(), servers.monitor.start(), servers.alertmanager.start()]);
    options.signal?.throwIfAborted();
  } catch (error) {
    await stop();
    options.signal?.throwIfAborted();
    throw new UserError((error as Error).message, { cause: error });
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
  return {
    urls: Object.fromEntries(serverNames.map((name) => [name, servers[name].options.url])) as Record<ServerName, string>,
    dataFolder,
    config,
    pids: () => Object.fromEntries(serverNames.flatMap((name) => (servers[name].pid === undefined ? [] : [[name, servers[name].pid]]))),
    stop,
  };
}

/** A free port for each 0; all taken ones in one message. */
async function choosePorts(host: string, wanted: ClusterOptions['ports']): Promise<Record<ServerName, number>> {
  const chosen = { ...wanted };
  const taken: string[] = [];
  // Held open until all are chosen, so that no port is given twice.
  const probes = await Promise.all(
    serverNames.map(async (name) => {
      const probe = createServer();
      try {
        await new Promise<void>((done, failed) => probe.once('error', failed).listen(wanted[name], host, done));
        chosen[name] = (probe.address() as { port: number }).port;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        const flag = `--${name}-port`;
        taken.push(
          code === 'EADDRINUSE'
            ? portTakenMessage({ host, port: wanted[name], flag })
            : `cannot listen on ${host}:${wanted[name]}: ${message} (${flag})`,
        );
      }
      return probe;
    }),
  );
  await Promise.all(probes.map((probe) => new Promise((done) => probe.close(done))));
  if (taken.length > 0) throw new UserError(taken.join('\n'));
  return chosen;
}

/** Two clusters on one folder would destroy each other's files. */
function lockFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'up.pid');
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number(readFileSync(file, 'utf8'));
      if (tries > 0 || isRunning(pid)) {
        throw new UserError(`${folder} is in use by process ${pid}; stop it, or choose another folder with --data`);
      }
      rmSync(file, { force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Should the agent have been killed before it ended its tasks: whatever still works in one of its sandboxes. */
async function killLeftTasks(agentFolder: string): Promise<void> {
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(`${agentFolder}/`)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // Gone already, or another user's.
    }
  }
}
