/** Whether a flush has something new to tell, and why (alertmanager notify, DedupStage). Pure. */
import type { Alert } from './alert.ts';
import type { LogEntry } from './nflog.ts';
import type { NotificationReason } from './notify/integration.ts';

export interface Told {
  readonly firing: readonly bigint[];
  readonly resolved: readonly bigint[];
}

export function toTell(alerts: readonly Alert[], nowMs: number): Told {
  const firing: bigint[] = [];
  const resolved: bigint[] = [];
  for (const alert of alerts) (alert.isResolvedAt(nowMs) ? resolved : firing).push(alert.hash);
  return { firing, resolved };
}

/** Undefined: nothing to say. */
export function reasonToNotify(
  entry: LogEntry | undefined,
  { firing, resolved }: Told,
  options: { readonly sendResolved: boolean; readonly repeatIntervalMs: number; readonly nowMs: number },
): NotificationReason | undefined {
  if (entry === undefined) return firing.length > 0 ? 'first notification' : undefined;
  if (!isSubset(firing, entry.firing)) return entry.firing.length === 0 ? 'first notification' : 'new alerts added';
  // Told even when resolved alerts are not sent: the log must know, so that a new firing is new again.
  if (firing.length === 0) {
    if (entry.firing.length > 0) return 'all alerts resolved';
    return undefined;
  }
  if (options.sendResolved && !isSubset(resolved, entry.resolved)) return 'some alerts resolved';
  // The original asks for strictly more, of nanoseconds: between two ticks there always are some.
  return entry.timestampMs <= options.nowMs - options.repeatIntervalMs ? 'repeat interval elapsed' : undefined;
}

function isSubset(part: readonly bigint[], whole: readonly bigint[]): boolean {
  if (part.length === 0) return true;
  const set = new Set(whole);
  return part.every((hash) => set.has(hash));
}
