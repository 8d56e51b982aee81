import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryOperation } from './message.ts';
import { applyOperation, emptyRegistry, operationsOf } from './registry-content.ts';
import { RegistryLog } from './registry-log.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-'));
});
afterEach(() => rm(folder, { recursive: true }));

const path = (): string => join(folder, 'registry.log');
const write = (log: RegistryLog, operation: RegistryOperation): Promise<void> =>
  new Promise((done, failed) => log.apply(operation, done, failed));
const admit = (id: string): RegistryOperation => ({ kind: 'admit', agent: { hostname: 'h', id: { value: id } } });

const everything: readonly RegistryOperation[] = [
  admit('a'),
  admit('b'),
  admit('c'),
  admit('d'),
  { kind: 'unreachable', agentId: 'b', atMs: 5 },
  { kind: 'remove', agentId: 'c' },
  { kind: 'gone', agentId: 'd', atMs: 6 },
  { kind: 'deactivate', agentId: 'a', drain: { state: 'DRAINING', config: { mark_gone: true } } },
  { kind: 'weights', weights: [['eng', 2]] },
  { kind: 'quota', configs: [{ role: 'eng', limits: { cpus: { value: 0 } } }] },
  {
    kind: 'maintenance',
    schedule: { windows: [{ machine_ids: [{ hostname: 'x' }], unavailability: { start: { nanoseconds: 1 } } }] },
    down: [{ hostname: 'x' }],
  },
  { kind: 'framework', info: { user: 'u', name: 'f', id: { value: 'f-1' } } },
  { kind: 'framework', info: { user: 'u', name: 'g', id: { value: 'f-2' } } },
  { kind: 'framework_removed', frameworkId: 'f-2' },
];

describe('the registry log', () => {
  it('knows after a restart what it was told', async () => {
    const first = await RegistryLog.open(folder);
    for (const operation of everything) await write(first, operation);
    await first.close();
    const second = await RegistryLog.open(folder);
    expect(second.content).toEqual(first.content);
    expect([...second.content.agents.keys()]).toEqual(['a']);
    expect([...second.content.gone]).toEqual([['d', 6]]);
    await second.close();
  });

  it('says nothing of a write before it is on disk', async () => {
    const log = await RegistryLog.open(folder);
    const written = write(log, admit('a'));
    expect(log.content.agents.size).toBe(0);
    await written;
    expect(await readFile(path(), 'utf8')).toMatch(/^[0-9a-f]{8} \{"kind":"admit"/);
    await log.close();
  });

  it('takes many operations in one go', async () => {
    const log = await RegistryLog.open(folder);
    await Promise.all(Array.from({ length: 500 }, (_, i) => write(log, admit(`a${i}`))));
    await log.close();
    const again = await RegistryLog.open(folder);
    expect(again.content.agents.size).toBe(500);
    await again.close();
  });

  it('drops a last line that was cut off anywhere, and goes on after it', async () => {
    const log = await RegistryLog.open(folder);
    await write(log, admit('a'));
    await write(log, admit('b'));
    await log.close();
    const whole = await readFile(path());
    const secondAt = whole.indexOf(0x0a) + 1;
    for (const cut of [secondAt, secondAt + 1, secondAt + 9, whole.length - 1]) {
      await writeFile(path(), whole);
      await truncate(path(), cut);
      const torn = await RegistryLog.open(folder);
      expect([...torn.content.agents.keys()]).toEqual(['a']);
      await write(torn, admit('c'));
      await torn.close();
      const again = await RegistryLog.open(folder);
      expect([...again.content.agents.keys()]).toEqual(['a', 'c']);
      await again.close();
    }
  });

  it('refuses a damaged line with its place', async () => {
    const log = await RegistryLog.open(folder);
    await write(log, admit('a'));
    await log.close();
    const offset = (await readFile(path())).length;
    await appendFile(path(), '00000000 {"kind":"remove","agentId":"a"}\n');
    await expect(RegistryLog.open(folder)).rejects.toMatchObject({ code: 'registry_damaged', fields: { path: path(), offset } });
  });

  it('is written anew when it has grown far beyond what it says', async () => {
    const log = await RegistryLog.open(folder);
    const wide = 'x'.repeat(2000);
    for (let i = 0; i < 10; i++) {
      const names = Array.from({ length: 100 }, (_, n) => `${wide.slice(0, 1000)}${n}`);
      await Promise.all(names.flatMap((id) => [write(log, admit(id)), write(log, { kind: 'remove', agentId: id })]));
    }
    await write(log, admit('kept'));
    await log.close();
    expect((await readFile(path())).length).toBeLessThan(1_300_000);
    const again = await RegistryLog.open(folder);
    expect([...again.content.agents.keys()]).toEqual(['kept']);
    await again.close();
  });
});

it('the shortest log says the same', () => {
  const content = emptyRegistry();
  for (const operation of everything) applyOperation(content, operation);
  const again = emptyRegistry();
  for (const operation of operationsOf(content)) applyOperation(again, operation);
  expect(again).toEqual(content);
});
