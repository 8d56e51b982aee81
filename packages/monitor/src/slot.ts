/**
 * Work that repeats has its place on a grid that starts at the epoch: the same after every restart, spread over the interval by a
 * hash of what is done, and free of drift (prometheus-server.md §4.2, §7.2).
 */
import { type Clock, sleep } from '@pronoia/server';

/** FNV-1a over UTF-16 units. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The first moment from `nowMs` on that is `offsetMs` into an interval. */
export function nextSlot(nowMs: number, intervalMs: number, offsetMs: number): number {
  const slotMs = nowMs - (nowMs % intervalMs) + offsetMs;
  if (slotMs >= nowMs + intervalMs) return slotMs - intervalMs;
  return slotMs >= nowMs ? slotMs : slotMs + intervalMs;
}

/**
 * The slot after `slotMs`, whose work is done. Slots that passed meanwhile are skipped. A timer that fired early does not meet its slot
 * twice; a clock that was set back an hour does not stop the work for an hour.
 */
export function followingSlot(slotMs: number, nowMs: number, intervalMs: number, offsetMs: number): number {
  const next = nextSlot(nowMs, intervalMs, offsetMs);
  return next === slotMs ? slotMs + intervalMs : next;
}

/** False: the signal came first. */
export async function waitUntil(clock: Clock, timeMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(clock, timeMs - clock.now(), signal);
    return true;
  } catch {
    return false;
  }
}
