import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../dist/main.js');
let folder: string;
const open: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const server of open.splice(0)) server.close();
});

function pronoia(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: folder, timeout: 20_000 });
}

async function takenPort(): Promise<number> {
  const server = createServer();
  open.push(server);
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port)));
}

it('help names every verb', () => {
  const { stdout, status } = pronoia('--help');
  expect(status).toBe(0);
  for (const verb of [
    'master',
    'agent',
    'monitor',
    'alertmanager',
    'up',
    'demo',
    'mapreduce',
    'query',
    'alert',
    'silence',
    'routes',
    'test',
    'tsdb',
  ])
    expect(stdout).toContain(`  ${verb}`);
});

it('an unknown verb is refused', () => {
  const { stderr, status } = pronoia('mastr');
  expect(status).not.toBe(0);
  expect(stderr).toContain("unknown command 'mastr'");
  expect(stderr).toContain('master');
});

it('taken ports are said with owner and flag, all at once, before anything is started', async () => {
  const [one, two] = [await takenPort(), await takenPort()];
  const { stderr, status } = pronoia('up', '--master-port=0', `--monitor-port=${one}`, '--agent-port=0', `--alertmanager-port=${two}`);
  expect(status).toBe(1);
  const lines = stderr.trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(
    new RegExp(
      `^port ${one} of 127\\.0\\.0\\.1 is taken by process ${process.pid} \\(.+\\); stop it or choose another port with --monitor-port$`,
    ),
  );
  expect(lines[1]).toContain(`choose another port with --alertmanager-port`);
});

it('a data folder in use is refused, one that a dead process left is taken', async () => {
  const taken = await takenPort();
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data/up.pid'), `${process.pid}\n`);
  expect(pronoia('up', '--data=data').stderr).toContain(
    `is in use by process ${process.pid}; stop it, or choose another folder with --data`,
  );
  writeFileSync(join(folder, 'data/up.pid'), '999999999\n');
  expect(pronoia('up', '--data=data', `--master-port=${taken}`).stderr).toContain(`port ${taken}`);
});

it.each([
  [['up', '--master-port=x'], 'a port is a whole number'],
  [['up', '--master-port=70000'], 'a port is a whole number'],
  [['query', 'up', '--url=http://127.0.0.1:1'], 'http://127.0.0.1:1 does not answer'],
  [['query'], "missing required argument 'expression'"],
])('%j is refused in one line', (args, message) => {
  const { stderr, status } = pronoia(...args);
  expect(status).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
});
