import { ManualClock } from '@pronoia/server';
import { describe, expect, it } from 'vitest';
import { HealthJudge, startCheck } from './checks.ts';

describe('a health judge', () => {
  // Time in seconds, then + success or - failure; what is told: h healthy, u unhealthy, K kill, . nothing.
  it.each([
    ['0+ 10+ 20+', 'h..', 'a success is told once'],
    ['0- 5- 10- 20-', '...u', 'failures within the grace period do not count'],
    ['0+ 5-', 'hu', 'after the first success they do'],
    ['20- 30- 40-', 'uuK', 'three in a row are too many'],
    ['20- 30- 40+ 50- 60-', 'uuhuu', 'a success ends the row'],
  ])('%s tells %s: %s', (looks, expected) => {
    const judge = new HealthJudge({}, 0);
    const told = looks.split(' ').map((look) => {
      const health = judge.judge(look.endsWith('+'), Number(look.slice(0, -1)) * 1_000);
      return health === undefined ? '.' : health.isHopeless ? 'K' : health.isHealthy ? 'h' : 'u';
    });
    expect(told.join('')).toBe(expected);
  });
});

it('a check waits for its delay, then for its interval after each look', async () => {
  const clock = new ManualClock();
  const looks: number[] = [];
  const seen: (number | undefined)[] = [];
  const check = {
    type: 'COMMAND',
    command: { command: { value: 'x' } },
    delay_seconds: 3,
    interval_seconds: 2,
    timeout_seconds: 1,
  } as const;
  const results: (number | undefined)[] = [1, 1, 0, undefined];
  const startMs = clock.monotonic();
  const run = (_command: unknown, signal: AbortSignal): Promise<number | undefined> => {
    looks.push((clock.monotonic() - startMs) / 1_000);
    const result = results[looks.length - 1];
    if (result !== undefined) return Promise.resolve(result);
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('too late'))));
  };
  const checking = startCheck(check, clock, run, ({ command }) => seen.push(command?.exit_code));
  for (let i = 0; i < 24; i++) {
    await clock.advance(500);
    await clock.settle();
  }
  checking.stop();
  expect(looks).toEqual([3, 5, 7, 9, 12]);
  expect(seen).toEqual([1, 0, undefined]);
});
