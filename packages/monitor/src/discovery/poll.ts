import { type Clock, sleep } from '@pronoia/server';

/**
 * Calls `refresh` at once and then every `intervalMs` on a fixed grid; a slow refresh skips ticks and never runs twice at a time.
 * Resolves when the signal fires. `refresh` handles its own failures.
 */
export async function poll(clock: Clock, intervalMs: number, signal: AbortSignal, refresh: () => Promise<void>): Promise<void> {
  let nextMs = clock.now();
  while (!signal.aborted) {
    await refresh();
    const nowMs = clock.now();
    nextMs += intervalMs * Math.max(1, Math.ceil((nowMs - nextMs) / intervalMs));
    try {
      await sleep(clock, nextMs - nowMs, signal);
    } catch {
      return;
    }
  }
}
