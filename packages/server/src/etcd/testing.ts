/** A real etcd for tests: one member or several on free loopback ports, in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = '/usr/bin/etcd';

/** False, with a loud line on stderr, where Debian's package etcd-server is missing. */
export function etcdIsHere(suite: string): boolean {
  if (existsSync(program)) return true;
  process.stderr.write(`SKIPPING ${suite}: ${program} is missing (apt-get install etcd-server)\n`);
  return false;
}

export interface EtcdMember {
  readonly url: string;
  /** SIGKILL, SIGSTOP, SIGCONT … */
  signal(signal: NodeJS.Signals): void;
  /** After SIGKILL: the same member with the same data again. */
  restart(): Promise<void>;
}

export interface EtcdCluster {
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  stop(): Promise<void>;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer();
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}`);
    const healthy = await fetch(`${url}/health`)
      .then((response) => response.text())
      .catch(() => '');
    if (healthy.includes('"true"')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Started with short timeouts between peers (50/500 ms), so that a lost member costs a test half a second. */
export async function startEtcd(size = 1): Promise<EtcdCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'pronoia-etcd-'));
  const ports = await freePorts(size * 2);
  const clients = ports.slice(0, size).map((port) => `http://127.0.0.1:${port}`);
  const peers = ports.slice(size).map((port) => `http://127.0.0.1:${port}`);
  const cluster = peers.map((url, i) => `m${i}=${url}`).join(',');
  const children: ChildProcess[] = [];
  const start = (i: number): ChildProcess => {
    const args: Record<string, string> = {
      name: `m${i}`,
      'data-dir': join(folder, `m${i}`),
      'listen-client-urls': clients[i] ?? '',
      'advertise-client-urls': clients[i] ?? '',
      'listen-peer-urls': peers[i] ?? '',
      'initial-advertise-peer-urls': peers[i] ?? '',
      'initial-cluster': cluster,
      'heartbeat-interval': '50',
      'election-timeout': '500',
      'log-level': 'error',
    };
    const child = spawn(
      program,
      Object.entries(args).map(([name, value]) => `--${name}=${value}`),
      { stdio: 'ignore' },
    );
    children[i] = child;
    return child;
  };
  for (let i = 0; i < size; i++) start(i);
  await Promise.all(clients.map((url, i) => untilHealthy(url, children[i] as ChildProcess)));
  return {
    endpoints: clients,
    members: clients.map((url, i) => ({
      url,
      signal: (signal) => void children[i]?.kill(signal),
      restart: async () => untilHealthy(url, start(i)),
    })),
    stop: async () => {
      await Promise.all(
        children.map(
          (child) =>
            new Promise<void>((resolve) => {
              if (child.exitCode !== null || child.signalCode !== null) resolve();
              else child.once('exit', () => resolve());
              child.kill('SIGKILL');
            }),
        ),
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
