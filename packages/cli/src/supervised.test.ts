import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Supervised } from './supervised.ts';

const folder = mkdtempSync(join(tmpdir(), 'supervised-'));
const open: Supervised[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop(1000);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A small server on `port`; `life` is code that runs in it. */
async function server(life = ''): Promise<{ server: Supervised; said: string[]; log: () => string }> {
  const { createServer } = await import('node:http');
  const probe = createServer();
  const port = await new Promise<number>((done) => probe.listen(0, '127.0.0.1', () => done((probe.address() as { port: number }).port)));
  await new Promise((done) => probe.close(done));
  const said: string[] = [];
  const logFile = join(folder, `${port}.log`);
  const program = `
    process.on('disconnect', () => process.exit(0));
    require('node:http').createServer((request, response) => response.end('ok')).listen(${port}, '127.0.0.1', () => {
      console.error('time=now level=INFO msg="Listening on"');
      ${life}
    });`;
  const made = new Supervised({
    name: 'test',
    command: [process.execPath, '-e', program],
    url: `http://127.0.0.1:${port}`,
    logFile,
    say: (line) => said.push(line),
  });
  open.push(made);
  return { server: made, said, log: () => readFileSync(logFile, 'utf8') };
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !what(); i++) await wait(25);
  expect(what()).toBe(true);
}

it('starts, is ready, logs to its file and stops', async () => {
  const { server: one, said, log } = await server();
  await one.start();
  const pid = one.pid as number;
  await until(() => log().includes('[test] time=now level=INFO msg="Listening on"'));
  await one.stop(1000);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(said).toEqual([]);
});

it('only warnings, errors and last words reach the user', async () => {
  const { server: one, said } = await server(
    `console.error('time=now level=WARN msg=w'); console.error('time=now level=ERROR msg=e'); console.log('Error: crash'); console.error('time=now level=DEBUG msg=d')`,
  );
  await one.start();
  await until(() => said.length >= 3);
  expect([...said].sort()).toEqual(['test: Error: crash', 'test: time=now level=ERROR msg=e', 'test: time=now level=WARN msg=w']);
});

it('a server that is killed is started again, and that is said', async () => {
  const { server: one, said } = await server();
  await one.start();
  const first = one.pid as number;
  process.kill(first, 'SIGKILL');
  await until(() => one.restarts === 1);
  expect(one.pid).not.toBe(first);
  expect(said[0]).toMatch(/^test ended \(SIGKILL\); starting it again in 0\.2 s \(log: .*\.log\)$/);
});

it('a start that fails tells the last words and leaves nothing', async () => {
  const { server: one, said } = await server(`console.error('time=now level=ERROR msg="no disk"'); process.exit(3)`);
  await expect(one.start()).rejects.toThrow(/test ended with 3 before it was ready; its last words \(.*\.log\):\n.*no disk/s);
  expect(one.restarts).toBe(0);
  expect(said).toEqual([]);
});

it('a server that ignores its signal is killed', async () => {
  const { server: one } = await server(`process.on('SIGTERM', () => {});`);
  await one.start();
  const startedMs = performance.now();
  await one.stop(300);
  expect(performance.now() - startedMs).toBeLessThan(2000);
});
