import { describe, expect, it } from 'vitest';
import { ManualClock, sleep, systemClock } from './clock.ts';

describe('a manual clock', () => {
  it('fires timers in order of due time, then of arming, each at its own moment', async () => {
    const clock = new ManualClock(1000);
    const fired: string[] = [];
    const arm = (name: string, delayMs: number): void => void clock.setTimer(delayMs, () => fired.push(`${name}@${clock.now()}`));
    arm('late', 30);
    arm('first', 10);
    arm('second', 10);
    arm('now', 0);
    arm('past', -5);
    await clock.advance(20);
    expect(fired).toEqual(['now@1000', 'past@1000', 'first@1010', 'second@1010']);
    expect(clock.now()).toBe(1020);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(10);
    expect(fired.at(-1)).toBe('late@1030');
    expect(clock.monotonic()).toBe(30);
  });

  it('fires timers that timers arm, if they are due too', async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    const tick = (): void => {
      fired.push(clock.now());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  it('never fires a cancelled timer', async () => {
    const clock = new ManualClock();
    const timer = clock.setTimer(10, () => expect.unreachable());
    timer.cancel();
    await clock.advance(100);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('sleep', () => {
  it('ends when its time has come', async () => {
    const clock = new ManualClock();
    let isOver = false;
    const sleeping = sleep(clock, 1000).then(() => {
      isOver = true;
    });
    await clock.advance(999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(isOver).toBe(true);
    await sleeping;
  });

  it('rejects with the reason of its signal, and leaves no timer', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const sleeping = sleep(clock, 1000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(0);
    await expect(sleep(clock, 1000, controller.signal)).rejects.toThrow('enough');
  });
});

it('the system clock waits, and a cancelled timer does not fire', async () => {
  const startedMs = systemClock.monotonic();
  systemClock.setTimer(1, () => expect.unreachable()).cancel();
  const keepAlive = setTimeout(() => {}, 1000);
  await sleep(systemClock, 20);
  clearTimeout(keepAlive);
  expect(systemClock.monotonic() - startedMs).toBeGreaterThanOrEqual(19);
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
});
