import { type Clock, sleep } from '@pronoia/server';
import { followingSlot } from '../slot.ts';

/**
 * Calls `refresh` at once and then every `intervalMs` on a fixed grid; a slow refresh skips ticks and never runs twice at a time.
 * Resolves when the signal fires. `refresh` handles its own failures.
 */
export async function poll(clock: Clock, intervalMs: number, signal: AbortSignal, refresh: () => Promise<void>): Promise<void> {
  let tickMs = clock.now();
  const offsetMs = tickMs % intervalMs;
  while (!signal.aborted) {
    await refresh();
    tickMs = followingSlot(tickMs, clock.now(), intervalMs, offsetMs);
    try {
      await sleep(clock, tickMs - clock.now(), signal);
    } catch {
      return;
    }
  }
}
