import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, silentLogger } from '@pronoia/server';
import { expect, it } from 'vitest';
import { hostsOf, Whitelist } from './whitelist.ts';

const rows: readonly [text: string, hosts: readonly string[] | undefined][] = [
  ['a\nb\n', ['a', 'b']],
  ['  a \r\n\n', ['a']],
  ['', []],
  ['*', undefined],
  ['a\n*\n', undefined],
];
it.each(rows)('%j names %j', (text, hosts) => {
  expect(hostsOf(text)).toEqual(hosts === undefined ? undefined : new Set(hosts));
});

it('a whitelist is read again every 5 s, told when it says something else, and kept when it is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pronoia-whitelist-'));
  const path = join(folder, 'hosts');
  const clock = new ManualClock();
  const told: unknown[] = [];
  writeFileSync(path, 'a');
  const whitelist = new Whitelist({
    path: `file://${path}`,
    clock,
    log: silentLogger,
    onHosts: (hosts) => void told.push(hosts && [...hosts]),
  });
  whitelist.start();
  await clock.advance(5000);
  writeFileSync(path, '*');
  await clock.advance(5000);
  rmSync(folder, { recursive: true });
  await clock.advance(5000);
  whitelist.tellAgain();
  expect(told).toEqual([['a'], undefined, undefined]);
  whitelist.stop();
  expect(clock.pendingTimers).toBe(0);
});
