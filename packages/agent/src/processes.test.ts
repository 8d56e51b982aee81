import { describe, expect, it } from 'vitest';
import { type ProcessEntry, parseStat, processTrees, readProcess } from './processes.ts';

const entry = (pid: number, parentPid: number, session: number): ProcessEntry => ({
  pid,
  parentPid,
  session,
  isZombie: false,
  cpuUserTicks: 0,
  cpuSystemTicks: 0,
  threads: 1,
  rssPages: 1,
});

describe('parseStat', () => {
  const tail = '1 100 200 0 -1 4194304 1 2 3 4 50 60 7 8 20 0 3 0 999 1000000 321 18446744073709551615';

  it.each([
    ['plain', 'sleep', { pid: 42, parentPid: 1, session: 200 }],
    ['spaces', 'my prog', { pid: 42, parentPid: 1, session: 200 }],
    ['parentheses', 'a) R 9 (b', { pid: 42, parentPid: 1, session: 200 }],
  ])('counts fields from the last parenthesis: %s', (_name, comm, expected) => {
    const found = parseStat(`42 (${comm}) S ${tail}`);
    expect(found).toMatchObject(expected);
    expect(found).toMatchObject({ cpuUserTicks: 57, cpuSystemTicks: 68, threads: 3, rssPages: 321, isZombie: false });
  });

  it.each(['', '42', '42 (x', '42 (x) S 1 2', 'x (y) S'])('refuses %j', (text) => expect(parseStat(text)).toBeUndefined());

  it('reads this very process', () => {
    const self = readProcess(process.pid);
    expect(self).toMatchObject({ pid: process.pid, parentPid: process.ppid });
    expect(self?.rssPages).toBeGreaterThan(100);
  });
});

describe('processTrees', () => {
  it('follows the session and the chain of parents', () => {
    const table = new Map(
      [
        entry(10, 1, 10), // supervisor
        entry(11, 10, 10), // its command
        entry(12, 1, 10), // orphaned, still in the session
        entry(13, 11, 13), // left the session, but its parent is here
        entry(14, 13, 13),
        entry(20, 1, 20), // another supervisor
        entry(21, 20, 20),
        entry(30, 1, 30), // a stranger
      ].map((one) => [one.pid, one]),
    );
    const trees = processTrees(table, new Set([10, 20]));
    expect([...trees].map(([root, tree]) => [root, tree.map((one) => one.pid)])).toEqual([
      [10, [10, 11, 12, 13, 14]],
      [20, [20, 21]],
    ]);
  });

  it('keeps the session together after the supervisor is gone', () => {
    const trees = processTrees(new Map([[12, entry(12, 1, 10)]]), new Set([10]));
    expect(trees.get(10)?.map((one) => one.pid)).toEqual([12]);
  });

  it('follows a chain of any length', () => {
    const table = new Map(Array.from({ length: 50_000 }, (_, i) => [i + 10, entry(i + 10, i + 9, i + 10)]));
    expect(processTrees(table, new Set([10])).get(10)).toHaveLength(50_000);
  });

  it('ends on a table with a loop in it', () => {
    const trees = processTrees(
      new Map([
        [1, entry(1, 2, 9)],
        [2, entry(2, 1, 9)],
      ]),
      new Set([10]),
    );
    expect(trees.size).toBe(0);
  });
});
