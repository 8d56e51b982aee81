/** The original (Debian's prometheus-alertmanager) and ours as processes, side by side. Used by tests only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Recorder } from './recorder.ts';

const originalPath = '/usr/bin/prometheus-alertmanager';
export const amtoolPath = '/usr/bin/amtool';
export const hasOriginal = existsSync(originalPath) && existsSync(amtoolPath);
const built = new URL('../dist/index.js', import.meta.url);
if (!hasOriginal)
  process.stderr.write(
    `SKIPPED: no comparison with the original: ${originalPath} and ${amtoolPath} are not installed (apt-get install prometheus-alertmanager)\n`,
  );

export interface Side {
  readonly name: 'original' | 'ours';
  readonly url: string;
  readonly hook: Recorder;
  readonly child: ChildProcess;
  /** Of its configuration (am.yml) and data. */
  readonly folder: string;
}

export interface SideOptions {
  /** Default: a new one in `within`. */
  readonly folder?: string;
  /** Default: a new one. */
  readonly hook?: Recorder;
  readonly flags?: readonly string[];
  /** Where its paths begin. */
  readonly prefix?: string;
}

/** All that was started: nothing may outlive a test that fails. */
const started: { readonly child: ChildProcess; readonly hook: Recorder }[] = [];

export async function stopSides(): Promise<void> {
  for (const { child, hook } of started.splice(0)) {
    child.kill('SIGKILL');
    await hook.stop();
  }
}

export async function startSide(
  name: 'original' | 'ours',
  within: string,
  config: (hook: string) => string,
  options: SideOptions = {},
): Promise<Side> {
  const { folder = mkdtempSync(join(within, name)), hook = await Recorder.start(), flags = [], prefix = '' } = options;
  writeFileSync(join(folder, 'am.yml'), config(hook.url));
  const port = await freePort();
  const argv = [
    `--config.file=${join(folder, 'am.yml')}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.external-url=http://am.example.org/x',
    `--web.route-prefix=${prefix}/`,
    '--cluster.listen-address=',
    ...flags,
  ];
  const program = `import { main } from ${JSON.stringify(built.href)}; await main(process.argv.slice(1));`;
  const child =
    name === 'original'
      ? spawn(originalPath, argv, { stdio: 'ignore' })
      : spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...argv], { stdio: 'ignore' });
  started.push({ child, hook });
  const url = `http://127.0.0.1:${port}${prefix}`;
  for (let i = 0; i < 400; i++) {
    if ((await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 200) return { name, url, hook, child, folder };
    await pause(50);
  }
  throw new Error(`${name} does not become ready`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const iso = (ms: number): string => new Date(ms).toISOString();

export type Answer = readonly [status: number, body: unknown];

export async function call({ url }: Side, method: string, path: string, body?: unknown): Promise<Answer> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    init.headers = { 'content-type': 'application/json' };
  }
  const answer = await fetch(`${url}${path}`, init);
  const text = await answer.text();
  try {
    return [answer.status, JSON.parse(text)];
  } catch {
    return [answer.status, text];
  }
}
