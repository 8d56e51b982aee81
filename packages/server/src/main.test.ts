import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';

/** A server as a process of its own, from the built package. */
const program = `
import { Registry } from '@pronoia/client';
import { createHttp, flag, listen, runMain } from '@pronoia/server';
await runMain({
  name: 'pronoia test',
  argv: process.argv.slice(1),
  version: '1.2.3',
  flags: { 'log.level': flag.string({ default: 'info', help: 'Level.' }), mode: flag.string({ default: '', help: 'What to do.' }) },
  start: async ({ log, flags, signal }) => {
    if (flags.mode === 'fail') throw new Error('no disk');
    if (flags.mode === 'slow') log.info({}, 'starting slowly');
    if (flags.mode === 'slow') await new Promise((resolve, reject) => { const timer = setTimeout(resolve, 60_000); signal.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }); });
    const app = createHttp({ log, registry: new Registry() });
    app.get('/bug', (request, reply) => { reply.send('ok'); setImmediate(() => { throw new Error('a bug'); }); });
    const running = await listen(app, { host: '127.0.0.1', port: 0, flag: '--port' });
    return { ...running, retire: async () => { log.info({}, 'taking tasks along'); await running.stop(); }, reload: async () => { if (flags.mode === 'bad-reload') throw new Error('bad file'); }, stop: () => flags.mode === 'hang' ? new Promise(() => {}) : running.stop() };
  },
});
`;

const children: ChildProcess[] = [];

class Program {
  readonly child: ChildProcess;
  output = '';
  readonly exit: Promise<number | null>;

  constructor(...argv: string[]) {
    this.child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...argv], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    children.push(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    // A child whose channel we closed ourselves never emits `close`; its output is complete a moment after `exit`.
    this.exit = once(this.child, 'exit').then(async ([code]) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return code as number | null;
    });
  }

  async listening(): Promise<string> {
    const [message] = (await once(this.child, 'message')) as [{ kind: string; url: string }];
    if (message.kind !== 'listening') throw new Error(`expected the URL, got ${JSON.stringify(message)}`);
    return message.url;
  }

  async logged(text: string): Promise<void> {
    while (!this.output.includes(text)) await once(this.child.stderr as NodeJS.ReadableStream, 'data');
  }
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

it.each(['SIGTERM', 'SIGINT'] as const)('%s stops the server with exit code 0', async (signal) => {
  const server = new Program();
  const url = await server.listening();
  expect((await fetch(`${url}/-/ready`)).status).toBe(200);
  server.child.kill(signal);
  expect(await server.exit).toBe(0);
  expect(server.output).toMatch(
    new RegExp(`msg="Listening on" address=127\\.0\\.0\\.1:${new URL(url).port}\n[^]*msg=Stopping reason=${signal}\n[^]*msg=Stopped`),
  );
});

it('SIGHUP reloads, and a failed reload changes nothing', async () => {
  const good = new Program();
  const bad = new Program('--mode=bad-reload');
  await Promise.all([good.listening(), bad.listening()]);
  good.child.kill('SIGHUP');
  bad.child.kill('SIGHUP');
  await Promise.all([good.logged('Configuration reloaded'), bad.logged('Reload failed; the former configuration stays')]);
  expect(bad.child.exitCode).toBeNull();
});

it('SIGUSR1 retires the server', async () => {
  const server = new Program();
  await server.listening();
  server.child.kill('SIGUSR1');
  expect(await server.exit).toBe(0);
  expect(server.output).toMatch(/reason=SIGUSR1\n[^]*taking tasks along/);
});

it('a start that fails says why and exits with 1', async () => {
  const server = new Program('--mode=fail');
  expect(await server.exit).toBe(1);
  expect(server.output).toMatch(/level=ERROR msg="Could not start" err=".*no disk/);
});

it('a start can be cut short', async () => {
  const server = new Program('--mode=slow');
  await server.logged('starting slowly');
  server.child.kill('SIGTERM');
  expect(await server.exit).toBe(0);
});

it('a stop that hangs ends after five seconds, a second signal at once', async () => {
  const patient = new Program('--mode=hang');
  const hasty = new Program('--mode=hang');
  await Promise.all([patient.listening(), hasty.listening()]);
  const startedMs = performance.now();
  patient.child.kill('SIGTERM');
  hasty.child.kill('SIGTERM');
  await hasty.logged('Stopping');
  hasty.child.kill('SIGINT');
  expect(await hasty.exit).toBe(130);
  expect(await patient.exit).toBe(1);
  expect(performance.now() - startedMs).toBeLessThan(7000);
});

it('an error that nobody handled is logged and ends the process with 1', async () => {
  const server = new Program();
  const url = await server.listening();
  await fetch(`${url}/bug`).catch(() => {});
  expect(await server.exit).toBe(1);
  expect(server.output).toContain('BUG: an error that nobody handled');
});

it('a child stops when its parent is gone', async () => {
  const server = new Program();
  await server.listening();
  server.child.disconnect();
  expect(await server.exit).toBe(0);
  expect(server.output).toContain('the parent process is gone');
});

it.each([
  [['--help'], 0, 'usage: pronoia test [flags]'],
  [['--version'], 0, 'pronoia test, version 1.2.3'],
  [['--mod=x'], 2, `pronoia test: error: unknown long flag '--mod' (did you mean "--mode"?); try --help`],
])('%j exits with %d', async (argv, code, text) => {
  const server = new Program(...argv);
  expect(await server.exit).toBe(code);
  expect(server.output).toContain(text);
});
